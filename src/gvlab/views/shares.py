"""Shares with intervals, one a row: claims over plausible parameter sets, edges over mice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gvlab.errors import InvalidValueError
from gvlab.views.palette import Style
from gvlab.views.view import Axis, Bars, Cell, Key, Mark, Points, Segments, View, ViewColumn, ViewRecipe, ViewTable


@dataclass(frozen=True, slots=True)
class Share:
    """A share in percent with an interval, and what else is known of it.

    Attributes
    ----------
    name
        Whose share it is.
    value, lower, upper
        In percent.
    tone
        A key of `gvlab.views.palette.LIGHT`.
    ticks
        The same share found in other ways, each a tick: in independent searches, over plausible sets.
    """

    name: str
    value: float
    lower: float
    upper: float
    tone: str = "arm-3"
    ticks: tuple[float, ...] = ()


def shares_view(
    shares: Sequence[Share],
    *,
    title: str,
    label: str,
    summary: str,
    lines: Sequence[float] = (),
    bars: bool = False,
    keys: Sequence[Key] = (),
    low: float = 0.0,
    high: float = 100.0,
    width: float | None = None,
    notes: tuple[str, ...] = (),
    recipe: ViewRecipe | None = None,
) -> View:
    """Return shares as rows, each a dot (or a bar from 0) with its interval.

    Parameters
    ----------
    shares
        From top to bottom.
    title, label, summary
        Of the view and its axis.
    lines
        Shares at which a line is drawn.
    bars
        Whether bars are drawn from 0.
    keys
        The legend of the tones.
    low, high
        Ends of the axis, moved out where a share or an interval lies beyond.
    width
        Points across, where names need the room.
    notes
        Sentences of the caption.
    recipe
        What made it; measured data where None.

    Raises
    ------
    InvalidValueError
        If there are none.
    """
    if not shares:
        raise InvalidValueError("There are no shares to draw.")
    every = [value for each in shares for value in (each.value, each.lower, each.upper, *each.ticks)]
    low, high = min(low, *every), max(high, *every)
    places = [-float(number) for number in range(len(shares))]
    bottom, top = places[-1] - 0.7, 0.7
    marks: list[Mark] = [
        Segments((each,), (bottom,), (each,), (top,), Style("line", (3.0, 2.0), width=0.9)) for each in lines
    ]
    if low < 0:
        marks.append(Segments((0.0,), (bottom,), (0.0,), (top,), Style("line", width=1.0)))
    for y, each in zip(places, shares, strict=True):
        line = Style(each.tone, width=2.0)
        if bars:
            marks.append(Bars((y,), (0.0,), (each.value,), 0.62, Style(each.tone, opacity=0.35), across=True))
        marks.append(Segments((each.lower,), (y,), (each.upper,), (y,), line))
        if each.ticks:
            marks.append(Points(each.ticks, (y,) * len(each.ticks), Style(each.tone, marker="|", width=1.0), 9.0))
        marks.append(Points((each.value,), (y,), Style(each.tone), 7.0, hollow=False))
    rows: tuple[tuple[Cell, ...], ...] = tuple((each.name, each.value, each.lower, each.upper) for each in shares)
    return View(
        "shares",
        title,
        summary,
        Axis(label, low, high, "%"),
        Axis("", bottom, top, ticks=tuple(zip(places, (each.name for each in shares), strict=True))),
        tuple(marks),
        ViewTable((ViewColumn("name"), ViewColumn("share", "%"), ViewColumn("from", "%"), ViewColumn("to", "%")), rows),
        recipe or ViewRecipe(simulated=False),
        keys=tuple(keys),
        height=27.0 * len(shares) + 10.0,
        width=width,
        notes=notes,
    )
