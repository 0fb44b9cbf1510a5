"""What a picture is made of: marks on axes, the table of what they show, a sentence, and what made it.

A view knows no page, no pixel and no library of figures; `svg` and the printer for publications draw it. All
numbers are finite: whoever builds a view breaks a line where readings end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from gvlab.errors import InvalidValueError
from gvlab.views.palette import Style

Numbers: TypeAlias = tuple[float, ...]
Anchor = Literal["start", "middle", "end"]

INK, THIN, VEIL, SURFACE = Style(), Style(width=1.0), Style(opacity=0.15), Style("fill")

CONTEXT_OF_USE = (
    "For generating and ranking hypotheses about sorafenib and graft-versus-leukemia, and planning experiments; not "
    "for individual treatment decisions."
)


def _check(kind: str, **columns: Numbers) -> None:
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        listing = ", ".join(f"{len(values)} of {name}" for name, values in columns.items())
        raise InvalidValueError(f"{kind} needs as many of each, and there are {listing}.")
    for name, values in columns.items():
        # A sum is finite where every part is, or where parts cancel an overflow; then the slow look decides.
        if not math.isfinite(sum(values)) and not all(map(math.isfinite, values)):
            odd = next(value for value in values if not math.isfinite(value))
            raise InvalidValueError(f"{kind} has {name} = {odd}; a view holds finite numbers. Break the line there.")


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points; `steps` stays level until the next point, as survival curves do."""

    x: Numbers
    y: Numbers
    style: Style = INK
    steps: bool = False

    def __post_init__(self) -> None:
        _check("A line", x=self.x, y=self.y)


@dataclass(frozen=True, slots=True)
class Band:
    """What lies between two lines."""

    x: Numbers
    lower: Numbers
    upper: Numbers
    style: Style = VEIL
    steps: bool = False

    def __post_init__(self) -> None:
        _check("A band", x=self.x, lower=self.lower, upper=self.upper)


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one style, hollow where what they show is simulated; `size` is their width in points of the page."""

    x: Numbers
    y: Numbers
    style: Style = INK
    size: float = 6.0
    hollow: bool = True

    def __post_init__(self) -> None:
        _check("Points", x=self.x, y=self.y)


@dataclass(frozen=True, slots=True)
class Bars:
    """Rectangles that stand (or, `across`, lie) between two values at places of the other axis."""

    at: Numbers
    start: Numbers
    end: Numbers
    thickness: float = 0.7
    style: Style = INK
    across: bool = False

    def __post_init__(self) -> None:
        _check("Bars", at=self.at, start=self.start, end=self.end)


@dataclass(frozen=True, slots=True)
class Segments:
    """Straight pieces: whiskers, gates, brackets, limits."""

    x1: Numbers
    y1: Numbers
    x2: Numbers
    y2: Numbers
    style: Style = THIN

    def __post_init__(self) -> None:
        _check("Segments", x1=self.x1, y1=self.y1, x2=self.x2, y2=self.y2)


@dataclass(frozen=True, slots=True)
class Text:
    """Words at a place of the axes, moved by (`dx`, `dy`) points of the page; `dy` grows downward."""

    x: float
    y: float
    text: str
    anchor: Anchor = "start"
    dx: float = 0.0
    dy: float = 0.0
    size: float = 10.0
    tone: str = "ink"
    bold: bool = False
    boxed: bool = False

    def __post_init__(self) -> None:
        Style(self.tone)
        _check("A text", x=(self.x,), y=(self.y,))


@dataclass(frozen=True, slots=True)
class Arrow:
    """A cubic curve with a head: `path` has its four control points; an inhibition ends in a bar."""

    path: tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
    style: Style = INK
    head: Literal["arrow", "bar", "none"] = "arrow"
    crossed: bool = False

    def __post_init__(self) -> None:
        _check("An arrow", x=tuple(p[0] for p in self.path), y=tuple(p[1] for p in self.path))


@dataclass(frozen=True, slots=True)
class Patch:
    """A closed shape: filled with the tone of `style`, and outlined where `outline` names a tone."""

    x: Numbers
    y: Numbers
    style: Style = SURFACE
    outline: str = ""

    def __post_init__(self) -> None:
        _check("A patch", x=self.x, y=self.y)
        if self.outline:
            Style(self.outline)


Mark: TypeAlias = Line | Band | Points | Bars | Segments | Text | Arrow | Patch


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis.

    Attributes
    ----------
    label, unit
        What is read along it; "" where it has no unit or is not named.
    low, high
        Its ends.
    log
        Logarithmic; then the lower end is above 0.
    ticks
        Places with their words; None has the printer choose round numbers, () has none.
    """

    label: str
    low: float
    high: float
    unit: str = ""
    log: bool = False
    ticks: tuple[tuple[float, str], ...] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InvalidValueError(f'The axis "{self.label}" goes from {self.low:g} to {self.high:g}; it must rise.')
        if self.log and self.low <= 0:
            raise InvalidValueError(f'The logarithmic axis "{self.label}" begins at {self.low:g}; it begins above 0.')

    @property
    def words(self) -> str:
        """The label with the unit."""
        return f"{self.label} ({self.unit})" if self.unit and self.unit != "dimensionless" else self.label

    def place(self, value: float) -> float:
        """Return where a value stands between the ends, 0 to 1; what lies outside is beyond."""
        if self.log:
            low = math.log(self.low)
            return (math.log(max(value, 1e-300)) - low) / (math.log(self.high) - low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class UnderRow:
    """A row of words under the axes, such as numbers at risk, or plus and minus; `style` shows whose it is."""

    name: str
    at: Numbers
    words: tuple[str, ...]
    style: Style | None = None

    def __post_init__(self) -> None:
        if len(self.at) != len(self.words):
            raise InvalidValueError(f'The row "{self.name}" has {len(self.at)} places and {len(self.words)} words.')


@dataclass(frozen=True, slots=True)
class OverRow:
    """A row above the axes: when something was given. A dose of a moment starts and ends at once."""

    name: str
    spans: tuple[tuple[float, float], ...]
    tone: str = "muted"

    def within(self, axis: Axis) -> tuple[tuple[float, float], ...]:
        """Return the spans, cut at the ends of an axis; those beyond it are left out."""
        cut = ((max(start, axis.low), min(end, axis.high)) for start, end in self.spans)
        return tuple((start, end) for start, end in cut if start <= end)


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the legend; a point is hollow, as what is simulated, and a dot is filled, as what was measured."""

    name: str
    style: Style
    kind: Literal["line", "point", "dot", "fill"] = "line"


Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a table; `unit` is "" where it has none."""

    name: str
    unit: str = ""

    @property
    def words(self) -> str:
        """The name with the unit."""
        return f"{self.name} ({self.unit})" if self.unit and self.unit != "dimensionless" else self.name


@dataclass(frozen=True, slots=True)
class ViewTable:
    """What a picture shows, as numbers; a number that does not exist is None."""

    columns: tuple[ViewColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise InvalidValueError(f"A row of a table has {len(row)} cells under {len(self.columns)} columns.")
            for cell in row:
                if isinstance(cell, float) and not math.isfinite(cell):
                    raise InvalidValueError(f"A table holds {cell}; write None, or words such as `not reached`.")


@dataclass(frozen=True, slots=True)
class ViewRecipe:
    """What made the numbers: digits of the hashes of experiment and model, seed, subjects by arm."""

    experiment: str = ""
    model: str = ""
    seed: int | None = None
    n: tuple[tuple[str, int], ...] = ()
    simulated: bool = True

    def in_words(self) -> str:
        """Return it as a sentence for a caption."""
        counts = {count for _, count in self.n}
        if not counts:
            who = ""
        elif len(counts) == 1:
            who = f"n = {next(iter(counts))} per arm"
        else:
            who = "n = " + ", ".join(f"{count} ({arm})" for arm, count in self.n)
        parts = [
            f"model {self.model[:12]}" if self.model else "",
            f"experiment {self.experiment[:12]}" if self.experiment else "",
            "" if self.seed is None else f"seed {self.seed}",
            who,
        ]
        made = "Simulated by GVLab" if self.simulated else "Measured"
        return ", ".join([made, *(part for part in parts if part)]) + "."


@dataclass(frozen=True)
class View:
    """A picture as text.

    Attributes
    ----------
    kind
        What is drawn: "survival", "ribbon", "spider", "dots", ...
    title
        A headline.
    summary
        What it shows in one sentence, for those who hear the page.
    x, y
        The axes.
    marks
        What is drawn, the first below the others.
    table
        What is drawn, as numbers.
    recipe
        What made it.
    keys
        The legend.
    under, under_title
        Rows below the axis, and what they are called together.
    over
        Rows above the axes.
    height
        Of the axes on a page, in points; the width is the page's to choose.
    framed
        Whether axes are drawn; a diagram has none.
    equal
        Whether a step is as long along both axes; the height then follows from the width.
    width
        Points across at which it is printed best, because its words need the room; None where any width will do.
    notes
        Sentences of the caption: what lines and bands are.
    """

    kind: str
    title: str
    summary: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    table: ViewTable
    recipe: ViewRecipe
    keys: tuple[Key, ...] = ()
    under: tuple[UnderRow, ...] = ()
    under_title: str = ""
    over: tuple[OverRow, ...] = ()
    height: float = 190.0
    framed: bool = True
    equal: bool = False
    width: float | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.title.strip() or not self.summary.strip():
            raise InvalidValueError(f"A view of {self.kind} needs a title and a sentence that says what it shows.")

    @property
    def caption(self) -> str:
        """The sentence, the notes, and what made it."""
        return " ".join([self.summary, *self.notes, self.recipe.in_words()])


def numbers(values: Iterable[float]) -> Numbers:
    """Return values as plain numbers, fit for a mark."""
    listed = values.tolist() if hasattr(values, "tolist") else values
    return tuple(map(float, listed))


def by_name(items: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Return a mapping as pairs, fit for a recipe."""
    return tuple(items.items())
