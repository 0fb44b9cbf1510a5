"""The axis as a diagram: who acts on whom, how strongly now, and how that differs from control."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.errors import InvalidValueError
from gvlab.views.layout import Place, layered
from gvlab.views.palette import SHADES, Style
from gvlab.views.text_width import text_width
from gvlab.views.view import Arrow, Axis, Cell, Mark, Patch, Text, View, ViewColumn, ViewRecipe, ViewTable

UNCHANGED = 1.1
"""Changes of less than a tenth are drawn as none."""

STRONGEST = 4.0
"""A fourfold change has the full color."""

WIDTH = 680.0
_SIZE, _ROW, _HIGH, _LEAST_GAP = 10.5, 62.0, 26.0, 16.0


@dataclass(frozen=True, slots=True)
class DiagramEdge:
    """An edge of the axis.

    Attributes
    ----------
    edge
        Its id.
    source, target
        Nodes.
    activates
        Whether it raises what it acts on.
    on
        Whether it is switched on.
    weight
        How strongly it acts now, relative to the strongest or in one unit; None where that is not known.
    change
        Ratio to control; 1 is none, infinite where it acts here alone, None not known.
    """

    edge: str
    source: str
    target: str
    activates: bool
    on: bool = True
    weight: float | None = None
    change: float | None = None

    def __post_init__(self) -> None:
        if self.weight is not None and not (math.isfinite(self.weight) and self.weight >= 0):
            raise InvalidValueError(f'The weight of edge "{self.edge}" is {self.weight}, not 0 or more.')
        if self.change is not None and not self.change >= 0:
            raise InvalidValueError(f'The change of edge "{self.edge}" is {self.change}, not a ratio of 0 or more.')


def axis_diagram_view(
    edges: Sequence[DiagramEdge],
    *,
    labels: Mapping[str, str] | None = None,
    places: Mapping[str, tuple[float, float]] | None = None,
    control: str = "control",
    title: str = "The axis",
    width: float = WIDTH,
    decades: float | None = None,
    recipe: ViewRecipe | None = None,
) -> View:
    """Return a regulatory network, left to right in the order in which one thing acts on the next.

    Arrows activate, bars inhibit. The wider an edge, the stronger it acts; its color and the factor beside it say how
    that differs from control (orange more, blue less, gray within a tenth). An edge that is off is dashed and crossed.
    Feedback bends below.

    Parameters
    ----------
    edges
        Of the network.
    labels
        What to write for a node; line breaks allowed.
    places
        Column and row of nodes that are placed by hand.
    control
        What changes are measured against.
    title, recipe
        Of the view; a model without numbers where `recipe` is None.
    width
        Points across; print it at this width, since boxes are as wide as their words.
    decades
        Over how many decades below the strongest edge widths fall to nothing, by the logarithm; None: in proportion.

    Raises
    ------
    InvalidValueError
        If there is no edge, or a row of nodes does not fit.
    """
    if not edges:
        raise InvalidValueError("The diagram has no edges, so there is nothing to draw.")
    where = layered(((each.source, each.target) for each in edges), dict(places or {}))
    names = {node: (labels or {}).get(node, node.replace("_", " ")) for node in where}
    boxes = _boxes(where, names, width - 16.0)
    strongest = max((each.weight or 0.0 for each in edges), default=0.0)
    paths = {each.edge: route(boxes[each.source], boxes[each.target], boxes) for each in edges}
    marks: list[Mark] = []
    beside: Counter[tuple[str, str]] = Counter()
    for each in edges:
        # Edges between the same nodes run alike, so their words stand at different places of them.
        place = 20 + 7 * beside[each.source, each.target]
        beside[each.source, each.target] += 1
        marks += _edge(each, paths[each.edge], _share(each.weight or 0.0, strongest, decades), min(place, 36))
    for node, box in boxes.items():
        marks += _node(box, names[node])
    points = np.concatenate([*(bezier(path) for path in paths.values()), *(box.corners() for box in boxes.values())])
    top, bottom = float(points[:, 1].min()) - 16.0, float(points[:, 1].max()) + 8.0
    weighted = strongest > 0
    changed = any(each.change is not None for each in edges)
    parts = ["→ activates", "⊣ inhibits"]
    parts += ["width: strength"] * weighted + [f"color, ×: against {control}"] * changed
    key = "; ".join(parts)
    marks.append(Text(0.0, -bottom, key, dy=9.0, size=9.5, tone="muted"))
    bottom += 12.0
    rows: list[tuple[Cell, ...]] = [
        (each.source, "raises" if each.activates else "lowers", each.target, "on" if each.on else "off",
         each.weight, None if each.change is not None and math.isinf(each.change) else each.change)
        for each in edges
    ]  # fmt: skip
    columns = tuple(map(ViewColumn, ("from", "acts", "on", "switch", "strength", f"change against {control}")))
    return View(
        "axis",
        title,
        _summary(edges, control),
        Axis("", 0.0, width - 16.0, ticks=()),
        Axis("", -bottom, -top, ticks=()),
        tuple(marks),
        ViewTable(columns, tuple(rows)),
        recipe or ViewRecipe(simulated=False),
        framed=False,
        equal=True,
        width=width,
        notes=(
            "Arrows activate, bars inhibit; "
            + ("the wider, the stronger; " if weighted else "")
            + f"color and factor: change against {control} (orange more, blue less, gray within a tenth).",
        ),
    )


def shade(change: float | None) -> str:
    """Return the tone of a change: gray within a tenth, and full color from fourfold on."""
    if change is None:
        return "line"
    if change == 0 or math.isinf(change):
        return f"{'down' if change == 0 else 'up'}-{SHADES}"
    far = abs(math.log(change)) / math.log(STRONGEST)
    if abs(math.log(change)) < math.log(UNCHANGED):
        return "line"
    return f"{'up' if change > 1 else 'down'}-{min(SHADES, 1 + int(far * SHADES))}"


def change_in_words(change: float | None) -> str:
    """Return a change as a factor, "" within a tenth."""
    if change is None or (change > 0 and abs(math.log(change)) < math.log(UNCHANGED)):
        return ""
    if change == 0 or math.isinf(change):
        return "×0" if change == 0 else "new"
    return f"×{change:.2g}" if change < 100 else f"×{change:,.0f}"


def _share(weight: float, strongest: float, decades: float | None) -> float:
    """Return how wide an edge is, 0 to 1."""
    if strongest <= 0:
        return 0.15
    if decades is None or weight <= 0:
        return weight / strongest
    return max(0.0, 1.0 + math.log10(weight / strongest) / decades)


def _edge(each: DiagramEdge, path: Float[Array, "4 2"], share: float, place: int) -> list[Mark]:
    tone = shade(each.change) if each.on else "line"
    style = Style(tone, () if each.on else (3.0, 2.0), width=1.1 + 5.0 * share)
    curve = tuple((float(x), -float(y)) for x, y in path)
    marks: list[Mark] = [
        Arrow(curve, style, "arrow" if each.activates else "bar", crossed=not each.on)  # type: ignore[arg-type]
    ]
    words = change_in_words(each.change) if each.on else "off"
    if words:
        x, y = bezier(path)[place]
        marks.append(Text(float(x), -float(y), words, "middle", dy=-5.0 - style.width / 2, boxed=True))
    return marks


def _node(box: Box, text: str) -> list[Mark]:
    left, right = box.x - box.half_width, box.x + box.half_width
    top, bottom = -(box.y - box.half_height), -(box.y + box.half_height)
    lines = text.count("\n")
    return [
        Patch((left, right, right, left), (top, top, bottom, bottom), Style("fill"), outline="line"),
        Text(box.x, -box.y, text, "middle", dy=3.8 - 6.0 * lines, size=_SIZE, bold=True),
    ]


def _summary(edges: Sequence[DiagramEdge], control: str) -> str:
    changed = sorted(
        (each for each in edges if each.on and each.change is not None and change_in_words(each.change)),
        key=lambda each: -abs(math.log(min(max(each.change or 0.0, 1e-9), 1e9))),
    )[:4]
    off = [f"{each.source} on {each.target}" for each in edges if not each.on]
    said = "; ".join(f"{each.source} on {each.target} {change_in_words(each.change)}" for each in changed)
    parts = [f"Against {control}: {said or 'no edge changes by a tenth'}."]
    if off:
        parts.append(f"Off: {', '.join(off)}.")
    return " ".join(parts)


@dataclass(frozen=True)
class Box:
    """A node on the page, in points; y grows downward."""

    x: float
    y: float
    half_width: float
    half_height: float
    column: int

    def corners(self) -> Float[Array, "2 2"]:
        """Return the upper and the lower middle."""
        return np.array([(self.x, self.y - self.half_height), (self.x, self.y + self.half_height)])


def _boxes(where: Mapping[str, Place], names: Mapping[str, str], across: float) -> dict[str, Box]:
    columns = 1 + max(place.column for place in where.values())
    widths = np.zeros(columns)
    own = {}
    for node, place in where.items():
        own[node] = 12.0 + max(text_width(line, _SIZE, bold=True) for line in names[node].split("\n"))
        widths[place.column] = max(widths[place.column], own[node])
    gap = (across - widths.sum() - 4.0) / max(1, columns - 1)
    if gap < _LEAST_GAP and columns > 1:
        raise InvalidValueError(
            f"{columns} nodes in a row do not fit into {across:.0f} points. Shorten their labels with line breaks, "
            "take a wider picture, or give `places`."
        )
    starts = np.concatenate([[0.0], np.cumsum(widths[:-1] + gap)]) + 2.0
    return {
        node: Box(
            float(starts[place.column] + widths[place.column] / 2), place.row * _ROW, own[node] / 2,
            (_HIGH + 12.0 * names[node].count("\n")) / 2, place.column,
        )
        for node, place in where.items()
    }  # fmt: skip


def bezier(path: Float[Array, "4 2"]) -> Float[Array, "point 2"]:
    """Return 41 points of a cubic curve with four control points."""
    t = np.linspace(0, 1, 41)[:, None]
    points: Float[Array, "point 2"] = (
        (1 - t) ** 3 * path[0] + 3 * (1 - t) ** 2 * t * path[1] + 3 * (1 - t) * t**2 * path[2] + t**3 * path[3]
    )
    return points


def route(source: Box, target: Box, boxes: Mapping[str, Box]) -> Float[Array, "4 2"]:
    """Return the curve of an edge as four control points.

    Neighbors are joined straight. An edge that leaps over a column arcs above whatever stands between, and an edge that
    runs back arcs below.
    """
    steps = target.column - source.column
    between = [
        b for b in boxes.values() if min(source.column, target.column) < b.column < max(source.column, target.column)
    ]
    if steps == 1 or (steps > 1 and not _in_the_way(source, target, between)):
        start = np.array([source.x + source.half_width, source.y])
        end = np.array([target.x - target.half_width, target.y])
        return np.array([start, start + (end - start) / 3, start + 2 * (end - start) / 3, end])
    if steps == 0:
        down = 1.0 if target.y > source.y else -1.0
        start = np.array([source.x, source.y + down * source.half_height])
        end = np.array([target.x, target.y - down * target.half_height])
        return np.array([start, start + (end - start) / 3, start + 2 * (end - start) / 3, end])
    side = -1.0 if steps > 1 else 1.0
    # Leave and arrive a little off the middle, so that arcs of one node do not fall on one another.
    lean = np.sign(steps) * 0.35
    start = np.array([source.x + lean * source.half_width, source.y + side * source.half_height])
    end = np.array([target.x - lean * target.half_width, target.y + side * target.half_height])
    edge = [b.y + side * b.half_height for b in [*between, source, target] if abs(b.y - source.y) < 1.5 * _ROW]
    level = (max(edge) if side > 0 else min(edge)) + side * (12.0 + 3.0 * abs(steps))
    # A cubic with both handles at one level reaches three quarters of the way to it.
    handle = (start[1] + end[1]) / 2 + (level - (start[1] + end[1]) / 2) / 0.75
    pull = (end[0] - start[0]) * 0.18
    return np.array([start, [start[0] + pull, handle], [end[0] - pull, handle], end])


def _in_the_way(source: Box, target: Box, between: Sequence[Box]) -> bool:
    for box in between:
        y = source.y + (target.y - source.y) * (box.x - source.x) / (target.x - source.x)
        if abs(box.y - y) < box.half_height + 5.0:
            return True
    return False
