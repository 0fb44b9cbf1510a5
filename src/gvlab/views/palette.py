"""Colors, dashes and marks of arms, and the tones of everything else: one table for page, report, notebook and print.

A mark names a *tone*, never a color. The page turns a tone into a color by the style sheet of `stylesheet`, light or
dark as the reader has it; the printer for publications by `LIGHT`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from gvlab.errors import UnknownNameError

# Okabe & Ito (2008) Color universal design, in an order in which neighbors differ most, also in brightness. Their
# yellow cannot be seen as a line on white; a gray stands in for it. Their orange, sky blue and purple are darkened
# until they have the 3:1 against white that WCAG 2.2 asks of graphics (1.4.11).
ARM_COLORS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#B98000", "#2F8FCB", "#BF5F93", "#7F7F7F")
ARM_COLORS_DARK = ("#F2F2F2", "#FF8A3D", "#4CB3F0", "#1FC99A", "#F5B93E", "#A9E0FF", "#E59CC3", "#A6A6A6")
DASHES: tuple[tuple[float, ...], ...] = ((), (5.0, 1.6), (1.4, 1.4), (6.0, 1.5, 1.4, 1.5), (3.0, 1.2), (8.0, 2.0))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")

ARM_TONES = tuple(f"arm-{number}" for number in range(1, len(ARM_COLORS) + 1))

SHADES = 4
"""Steps in which a change is colored, from slight to strong."""

_UP = ("#C9A58C", "#CF8A5C", "#D2742E", "#D55E00")
_UP_DARK = ("#A98F7D", "#C98B60", "#E58A4B", "#FF8A3D")
_DOWN = ("#8FA9BA", "#5F97B8", "#3084B5", "#0072B2")
_DOWN_DARK = ("#8399A6", "#6AA3C2", "#5BABDA", "#4CB3F0")

LIGHT: Mapping[str, str] = {
    **dict(zip(ARM_TONES, ARM_COLORS, strict=True)),
    **{f"up-{step}": color for step, color in enumerate(_UP, 1)},
    **{f"down-{step}": color for step, color in enumerate(_DOWN, 1)},
    "ink": "#1A1A1A",
    "muted": "#5F5F5F",
    "line": "#8A8A8A",
    "faint": "#DCDCDC",
    "fill": "#F1F1EE",
    "paper": "#FFFFFF",
}
"""By tone, its color on white paper."""

DARK: Mapping[str, str] = {
    **dict(zip(ARM_TONES, ARM_COLORS_DARK, strict=True)),
    **{f"up-{step}": color for step, color in enumerate(_UP_DARK, 1)},
    **{f"down-{step}": color for step, color in enumerate(_DOWN_DARK, 1)},
    "ink": "#EDEDED",
    "muted": "#B4B8BD",
    "line": "#8B9097",
    "faint": "#3A3F45",
    "fill": "#2A2F35",
    "paper": "#16191D",
}
"""By tone, its color on a dark page."""


@dataclass(frozen=True)
class Look:
    """How an arm is drawn: a color, and a dash and a marker for readers and printers without colors.

    Attributes
    ----------
    color
        On white paper.
    dashes
        Lengths of dash and gap in widths of the line; none where the line is whole.
    marker
        As matplotlib names it.
    """

    color: str
    dashes: tuple[float, ...]
    marker: str

    @property
    def linestyle(self) -> tuple[float, tuple[float, ...]] | Literal["solid"]:
        """What matplotlib calls a line style."""
        return (0.0, self.dashes) if self.dashes else "solid"

    @property
    def tone(self) -> str:
        """The tone that has this color; ink where none has."""
        return ARM_TONES[ARM_COLORS.index(self.color)] if self.color in ARM_COLORS else "ink"


def look(color: int, dash: int | None = None, marker: int | None = None) -> Look:
    """Return the look of these numbers, each from 1; dash and marker are those of the color where None."""
    number = color - 1
    dashes = DASHES[(number if dash is None else dash - 1) % len(DASHES)]
    mark = MARKERS[(number if marker is None else marker - 1) % len(MARKERS)]
    return Look(ARM_COLORS[number % len(ARM_COLORS)], dashes, mark)


def looks(arms: Iterable[str], known: Mapping[str, Look] | None = None) -> dict[str, Look]:
    """Return the look of each arm.

    Parameters
    ----------
    arms
        Names in order.
    known
        Arms that always look the same, such as those of a paper; see `gvlab.views.library_looks`. Every other arm
        takes, in order, the first color that nobody here has yet; when all are taken, a color with another dash.
    """
    names = list(dict.fromkeys(arms))
    found = {arm: known[arm] for arm in names if known is not None and arm in known}
    used = [each.color for each in found.values()]
    for arm in names:
        if arm in found:
            continue
        counts = [used.count(color) for color in ARM_COLORS]
        number = counts.index(min(counts))
        found[arm] = look(number + 1, number + 1 + counts[number])
        used.append(ARM_COLORS[number])
    return {arm: found[arm] for arm in names}


@dataclass(frozen=True, slots=True)
class Style:
    """How a mark is drawn.

    Attributes
    ----------
    tone
        A key of `LIGHT`.
    dashes
        Of a line; see `Look`.
    marker
        Of points, as matplotlib names it; "|" is a tick, "x" a cross, "." a filled dot.
    width
        Of a line, in points of the page.
    opacity
        1 hides what lies below.
    """

    tone: str = "ink"
    dashes: tuple[float, ...] = ()
    marker: str = "o"
    width: float = 1.6
    opacity: float = 1.0

    def __post_init__(self) -> None:
        if self.tone not in LIGHT:
            raise UnknownNameError("tone", self.tone, LIGHT)

    def but(self, **changes: object) -> Style:
        """Return the style with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


def style_of(arm: Look, width: float = 1.6) -> Style:
    """Return the style of an arm's marks."""
    return Style(arm.tone, arm.dashes, arm.marker, width)


def stylesheet(scope: str = ":root") -> str:
    """Return the CSS that gives tones their colors, light and dark; a page links or inlines it once.

    A page with a switch of its own sets ``data-theme="light"`` or ``"dark"`` on the element of `scope`; without it, the
    reader's setting decides. It holds no color but those of the tones, and no text but its classes ``gv``, ``s-TONE``
    (strokes) and ``f-TONE`` (fills).
    """

    def values(colors: Mapping[str, str]) -> str:
        return "".join(f"--gv-{tone}:{color};" for tone, color in colors.items())

    classes = "".join(
        f".gv .s-{tone}{{stroke:var(--gv-{tone})}}.gv .f-{tone}{{fill:var(--gv-{tone})}}" for tone in LIGHT
    )
    return (
        f"{scope}{{{values(LIGHT)}}}"
        f'@media (prefers-color-scheme:dark){{{scope}:not([data-theme="light"]){{{values(DARK)}}}}}'
        f'{scope}[data-theme="dark"]{{{values(DARK)}}}'
        f"@media print{{{scope}{{{values(LIGHT)}}}}}"
        f"{classes}.gv{{color:var(--gv-ink);max-width:100%;height:auto}}"
    )
