"""Marks as SVG elements, one element a mark where that is possible: a page of many pictures stays small."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from gvlab.views.palette import LIGHT, Style
from gvlab.views.view import Arrow, Axis, Band, Bars, Line, Mark, Numbers, Patch, Points, Segments, Text

Scale = Callable[[Sequence[float]], list[float]]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the axes stand on the page, in points from its upper left corner."""

    left: float
    top: float
    width: float
    height: float
    x: Axis
    y: Axis

    def across(self, values: Sequence[float]) -> list[float]:
        """Return where values of the horizontal axis stand."""
        return _scaled(self.x, values, self.left, self.width)

    def down(self, values: Sequence[float]) -> list[float]:
        """Return where values of the vertical axis stand."""
        return _scaled(self.y, values, self.top + self.height, -self.height)


def _scaled(axis: Axis, values: Sequence[float], start: float, length: float) -> list[float]:
    if axis.log:
        low = math.log(axis.low)
        factor = length / (math.log(axis.high) - low)
        log = math.log
        return [start + (log(value if value > 1e-300 else 1e-300) - low) * factor for value in values]
    factor = length / (axis.high - axis.low)
    offset = start - axis.low * factor
    return [offset + value * factor for value in values]


def stroke(style: Style) -> str:
    """Return the attributes of a line."""
    dashes = ""
    if style.dashes:
        dashes = f' stroke-dasharray="{" ".join(f"{each * style.width:.1f}" for each in style.dashes)}"'
    faint = f' stroke-opacity="{style.opacity:g}"' if style.opacity < 1 else ""
    return f'class="s-{style.tone}" stroke="{LIGHT[style.tone]}" stroke-width="{style.width:g}"{dashes}{faint}'


def fill(tone: str, opacity: float = 1.0) -> str:
    """Return the attributes of a surface or of colored words."""
    faint = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
    return f'class="f-{tone}" fill="{LIGHT[tone]}"{faint}'


def mark_svg(mark: Mark, frame: Frame) -> str:
    """Return the element of a mark."""
    if isinstance(mark, Line):
        return f'<path d="{_line(mark.x, mark.y, frame, mark.steps)}" fill="none" {stroke(mark.style)}/>'
    if isinstance(mark, Points):
        return _points(mark, frame)
    if isinstance(mark, Band):
        return _band(mark, frame)
    if isinstance(mark, Segments):
        ends = zip(
            frame.across(mark.x1), frame.down(mark.y1), frame.across(mark.x2), frame.down(mark.y2), strict=True
        )  # fmt: skip
        pieces = "".join(["M%.1f %.1fL%.1f %.1f" % each for each in ends])  # noqa: UP031 - twice as quick
        return f'<path d="{pieces}" fill="none" {stroke(mark.style)}/>'
    if isinstance(mark, Bars):
        return _bars(mark, frame)
    if isinstance(mark, Text):
        return text_svg(mark, frame)
    if isinstance(mark, Arrow):
        return _arrow(mark, frame)
    return _patch(mark, frame)


def lies_within(mark: Mark, x: Axis, y: Axis) -> bool:
    """Return whether a mark lies between the ends of both axes; words are not cut, so they do."""
    if isinstance(mark, Text):
        return True
    if isinstance(mark, Line | Points | Patch):
        return _between(x, mark.x) and _between(y, mark.y)
    if isinstance(mark, Band):
        return _between(x, mark.x) and _between(y, mark.lower) and _between(y, mark.upper)
    if isinstance(mark, Segments):
        return all(_between(x, each) for each in (mark.x1, mark.x2)) and all(
            _between(y, each) for each in (mark.y1, mark.y2)
        )
    if isinstance(mark, Bars):
        along, beside = (x, y) if mark.across else (y, x)
        sides = [at + side * mark.thickness / 2 for at in mark.at for side in (-1.0, 1.0)]
        return all(_between(along, each) for each in (mark.start, mark.end)) and _between(beside, sides)
    return False


def _between(axis: Axis, values: Sequence[float]) -> bool:
    return not values or (axis.low <= min(values) and max(values) <= axis.high)


def _line(x: Numbers, y: Numbers, frame: Frame, steps: bool) -> str:
    pairs = list(zip(frame.across(x), frame.down(y), strict=True))
    if not pairs:
        return ""
    first = "M%.1f %.1f" % pairs[0]  # noqa: UP031
    if steps:
        return first + "".join(["H%.1fV%.1f" % pair for pair in pairs[1:]])  # noqa: UP031
    return first + "L" + " ".join(["%.1f %.1f" % pair for pair in pairs[1:] or pairs])  # noqa: UP031


def _band(mark: Band, frame: Frame) -> str:
    if not mark.x:
        return ""
    x, upper, lower = frame.across(mark.x), frame.down(mark.upper), frame.down(mark.lower)
    if mark.steps:
        there = "".join(["H%.1fV%.1f" % pair for pair in zip(x[1:], upper[1:], strict=True)])  # noqa: UP031
        back = "".join(
            ["V%.1fH%.1f" % pair for pair in zip(lower[:0:-1], x[:0:-1], strict=True)]  # noqa: UP031
        )
        outline = f"M{x[0]:.1f} {upper[0]:.1f}{there}{back}V{lower[0]:.1f}H{x[0]:.1f}Z"
    else:
        pairs = [*zip(x, upper, strict=True), *zip(x[::-1], lower[::-1], strict=True)]
        outline = "M" + " ".join(["%.1f %.1f" % pair for pair in pairs]) + "Z"  # noqa: UP031
    return f'<path d="{outline}" {fill(mark.style.tone, mark.style.opacity)}/>'


def _bars(mark: Bars, frame: Frame) -> str:
    half = mark.thickness / 2
    sides = [each - half for each in mark.at], [each + half for each in mark.at]
    if mark.across:
        x1, x2 = frame.across(mark.start), frame.across(mark.end)
        y1, y2 = (frame.down(side) for side in sides)
    else:
        x1, x2 = (frame.across(side) for side in sides)
        y1, y2 = frame.down(mark.start), frame.down(mark.end)
    d = "".join([f"M{a:.1f} {c:.1f}H{b:.1f}V{e:.1f}H{a:.1f}Z" for a, b, c, e in zip(x1, x2, y1, y2, strict=True)])
    return f'<path d="{d}" {fill(mark.style.tone, mark.style.opacity)}/>'


_OPEN = {"|", "x", "X", "P"}


def _shape(marker: str, size: float) -> str:
    """Return the path of a marker from its middle, in relative steps."""
    r = size / 2
    s, t = 0.89 * r, 1.12 * r
    return {
        "o": f"m{-r:g} 0a{r:g} {r:g} 0 1 0 {2 * r:g} 0a{r:g} {r:g} 0 1 0 {-2 * r:g} 0",
        ".": f"m{-r:g} 0a{r:g} {r:g} 0 1 0 {2 * r:g} 0a{r:g} {r:g} 0 1 0 {-2 * r:g} 0",
        "s": f"m{-s:.2f} {-s:.2f}h{2 * s:.2f}v{2 * s:.2f}h{-2 * s:.2f}z",
        "^": f"m0 {-t:.2f}l{t:.2f} {1.9 * r:.2f}h{-2 * t:.2f}z",
        "v": f"m0 {t:.2f}l{t:.2f} {-1.9 * r:.2f}h{-2 * t:.2f}z",
        "D": f"m0 {-t:.2f}l{t:.2f} {t:.2f}l{-t:.2f} {t:.2f}l{-t:.2f} {-t:.2f}z",
        "h": f"m{-r:g} 0l{r / 2:g} {-s:.2f}h{r:g}l{r / 2:g} {s:.2f}l{-r / 2:g} {s:.2f}h{-r:g}z",
        "P": f"m{-r:g} 0h{2 * r:g}m{-r:g} {-r:g}v{2 * r:g}",
        "X": f"m{-s:.2f} {-s:.2f}l{2 * s:.2f} {2 * s:.2f}m0 {-2 * s:.2f}l{-2 * s:.2f} {2 * s:.2f}",
        "x": f"m{-s:.2f} {-s:.2f}l{2 * s:.2f} {2 * s:.2f}m0 {-2 * s:.2f}l{-2 * s:.2f} {2 * s:.2f}",
        "|": f"m0 {-r:g}v{2 * r:g}",
    }[marker]


def _points(mark: Points, frame: Frame) -> str:
    places = list(zip(frame.across(mark.x), frame.down(mark.y), strict=True))
    return points_path(places, mark.style, mark.size, mark.hollow)


def points_path(places: Sequence[tuple[float, float]], style: Style, size: float, hollow: bool = True) -> str:
    """Return points at places of the page."""
    if not places:
        return ""
    shape = _shape(style.marker, size)
    d = "".join(["M%.1f %.1f" % place + shape for place in places])  # noqa: UP031
    line = style.but(dashes=(), width=min(style.width, 1.3))
    if style.marker == ".":
        return f'<path d="{d}" {fill(style.tone, style.opacity)}/>'
    if style.marker in _OPEN:
        return f'<path d="{d}" fill="none" {stroke(line)}/>'
    inside = "paper" if hollow else style.tone
    both = stroke(line).replace('class="', f'class="f-{inside} ', 1)
    return f'<path d="{d}" fill="{LIGHT[inside]}" {both}/>'


def text_svg(mark: Text, frame: Frame) -> str:
    """Return a text at its place."""
    x, y = frame.across((mark.x,))[0] + mark.dx, frame.down((mark.y,))[0] + mark.dy
    return words(x, y, mark.text, mark.size, mark.anchor, mark.tone, bold=mark.bold, boxed=mark.boxed)


def words(
    x: float,
    y: float,
    text: str,
    size: float,
    anchor: str = "start",
    tone: str = "ink",
    *,
    bold: bool = False,
    boxed: bool = False,
    full: str = "",
) -> str:
    """Return a text whose baseline starts (or is centered, or ends) at a place; `full` is told where it was cut."""
    shade = f" {fill(tone)}" if tone != "ink" else ""
    where = f' text-anchor="{anchor}"' if anchor != "start" else ""
    weight = ' font-weight="600"' if bold else ""
    # A seam of paper around the letters keeps them legible on lines.
    seam = ""
    if boxed:
        seam = f' stroke="{LIGHT["paper"]}" stroke-width="3" paint-order="stroke" stroke-linejoin="round"'
        shade = f' class="s-paper f-{tone}" fill="{LIGHT[tone]}"'
    lines = text.split("\n")
    told = f"<title>{escape(full)}</title>" if full and full != text else ""
    if len(lines) == 1:
        inner = escape(text)
    else:
        step = size * 1.15
        inner = "".join(
            f'<tspan x="{x:.1f}" dy="{0 if not number else step:.1f}">{escape(line)}</tspan>'
            for number, line in enumerate(lines)
        )
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}"{where}{weight}{shade}{seam}>{told}{inner}</text>'


def _arrow(mark: Arrow, frame: Frame) -> str:
    xs, ys = frame.across([p[0] for p in mark.path]), frame.down([p[1] for p in mark.path])
    width = mark.style.width
    # The direction of arrival is that of the last piece of the curve.
    near = _bezier(xs, 0.94), _bezier(ys, 0.94)
    dx, dy = xs[3] - near[0], ys[3] - near[1]
    far = math.hypot(dx, dy) or 1.0
    dx, dy = dx / far, dy / far
    length = 0.0 if mark.head == "none" else 4.0 + 1.3 * width if mark.head == "arrow" else 1.2
    end = xs[3] - dx * (length + 1.0), ys[3] - dy * (length + 1.0)
    stem = (
        f"M{xs[0]:.1f} {ys[0]:.1f}C{xs[1]:.1f} {ys[1]:.1f} {xs[2] - dx * length * 0.4:.1f} "
        f"{ys[2] - dy * length * 0.4:.1f} {end[0]:.1f} {end[1]:.1f}"
    )
    parts = [f'<path d="{stem}" fill="none" {stroke(mark.style)}/>']
    tip = xs[3] - dx, ys[3] - dy
    if mark.head == "arrow":
        wide = 2.6 + 0.9 * width
        parts.append(
            f'<path d="M{tip[0]:.1f} {tip[1]:.1f}L{end[0] - dy * wide:.1f} {end[1] + dx * wide:.1f}'
            f'L{end[0] + dy * wide:.1f} {end[1] - dx * wide:.1f}Z" {fill(mark.style.tone)}/>'
        )
    elif mark.head == "bar":
        wide = 4.0 + 0.5 * width
        bar = mark.style.but(width=2.0, dashes=())
        parts.append(
            f'<path d="M{end[0] - dy * wide:.1f} {end[1] + dx * wide:.1f}L{end[0] + dy * wide:.1f} '
            f'{end[1] - dx * wide:.1f}" {stroke(bar)}/>'
        )
    if mark.crossed:
        middle = _bezier(xs, 0.5), _bezier(ys, 0.5)
        parts.append(points_path([middle], Style("ink", marker="x", width=1.6), 9.0))
    return "".join(parts)


def _bezier(p: Sequence[float], t: float) -> float:
    return (1 - t) ** 3 * p[0] + 3 * (1 - t) ** 2 * t * p[1] + 3 * (1 - t) * t**2 * p[2] + t**3 * p[3]


def _patch(mark: Patch, frame: Frame) -> str:
    places = zip(frame.across(mark.x), frame.down(mark.y), strict=True)
    d = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places) + "Z"
    surface = fill(mark.style.tone, mark.style.opacity)
    if not mark.outline:
        return f'<path d="{d}" {surface}/>'
    return f'<path d="{d}" {surface.replace("class=", "class=", 1)} stroke="{LIGHT[mark.outline]}"/>'.replace(
        'class="', f'class="s-{mark.outline} ', 1
    )
