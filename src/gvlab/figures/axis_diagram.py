"""The regulatory axis as a diagram: who acts on whom, how strongly now, and how that differs from control."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gvlab.arrays import Array, Float
from gvlab.errors import InvalidValueError
from gvlab.figures.layout import Place, layered
from gvlab.figures.style import (
    DOWN,
    GRAY,
    UP,
    Width,
    axes_at,
    figure_of,
    finish,
    mark_simulated,
    new_figure,
    styled,
    text_width_mm,
    width_mm,
)
from gvlab.figures.tables import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_UNCHANGED = 1.1
"""Changes of less than a tenth are drawn as none."""

_STRONGEST = 4.0
"""A fourfold change has the full color."""

_ROW_MM = 19.0
_LEAST_GAP_MM = 5.0
_CLEAR_MM = 0.6
_NODE_HEIGHT_MM = 7.0


@styled
def axis_diagram(
    edges: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    places: Mapping[str, tuple[float, float]] | None = None,
    axis: Axes | None = None,
    control: str = "control",
    weights: bool = True,
    title: str | None = None,
    simulated: bool = True,
    width: Width | float = "double",
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw a regulatory network left to right, in the order in which one thing acts on the next.

    Arrows activate, bars inhibit. The wider an edge, the stronger it acts now; its color and the factor beside it say
    how that differs from control (orange more, blue less, gray the same). An edge that is switched off is dashed and
    crossed out. Edges that run backwards (feedback) bend below.

    Parameters
    ----------
    edges
        One row an edge: ``edge`` (its id), ``source, target``, ``sign`` (1 or -1), ``switch`` (1 on, 0 off), ``weight``
        (strength or flux now, relative to the strongest edge; 0 or more), ``change`` (ratio to control; 1 is none, NaN
        not known).
    labels
        What to write for a node; line breaks allowed.
    places
        Column and row of nodes that should not be laid out automatically: (0, 0) is the upper left.
    axis
        Where to draw; None makes a figure.
    control
        What `change` compares with, for the legend.
    weights
        Whether widths mean anything, for the legend.
    title, simulated, width, save
        As in `survival`.
    """
    require(edges, ("edge", "source", "target", "sign", "switch", "weight", "change"), "table of edges")
    table = _checked(edges)
    where = layered(table[["source", "target"]].itertuples(index=False, name=None), dict(places or {}))
    names = {node: (labels or {}).get(node, node.replace("_", " ")) for node in where}
    columns = 1 + max(place.column for place in where.values())
    across = width_mm(width)
    figure = new_figure(across, 50, constrained=False) if axis is None else figure_of(axis)
    boxes, size = _boxes(where, names, across - 4, columns)
    paths = {row["edge"]: route(boxes[row["source"]], boxes[row["target"]], boxes) for row in table.to_dict("records")}
    points = np.concatenate([*(bezier(path) for path in paths.values()), *(box.corners() for box in boxes.values())])
    top, bottom = float(points[:, 1].min()) - 4.5, float(points[:, 1].max()) + 2.0
    if axis is None:
        head = 7.0 if title else 2.5
        up = bottom - top + head + 6.5
        figure.set_size_inches(across / 25.4, up / 25.4)
        axes = axes_at(figure, 2, 6.0, across - 4, bottom - top)
    else:
        axes = axis
        axes.set_aspect("equal")
    axes.set_xlim(0, across - 4)
    axes.set_ylim(bottom, top)
    axes.axis("off")
    for row in table.to_dict("records"):
        _edge(axes, row, paths[row["edge"]])
    for node, box in boxes.items():
        _node(axes, box, names[node], size)
    _legend(axes, control, weights)
    if title:
        axes.set_title(title, pad=5)
    mark_simulated(axes, simulated)
    return finish(figure, save)


def _checked(edges: pd.DataFrame) -> pd.DataFrame:
    table = edges.copy()
    for name in ("sign", "switch", "weight", "change"):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    bad = table[~table["sign"].isin([1, -1])]
    if len(bad):
        raise InvalidValueError(f'The sign of edge "{bad["edge"].iloc[0]}" is neither 1 (activates) nor -1 (inhibits).')
    bad = table[~(table["weight"] >= 0)]
    if len(bad):
        raise InvalidValueError(f'The weight of edge "{bad["edge"].iloc[0]}" is no number from 0 upwards.')
    strongest = table["weight"].max()
    table["weight"] = table["weight"] / strongest if strongest > 0 else table["weight"]
    return table


@dataclass(frozen=True)
class Box:
    """A node on the page, in millimeters; y grows downward."""

    x: float
    y: float
    half_width: float
    half_height: float
    column: int

    def corners(self) -> Float[Array, "2 2"]:
        """Return the upper and the lower middle, shape (2, 2)."""
        return np.array([(self.x, self.y - self.half_height), (self.x, self.y + self.half_height)])


def _boxes(
    where: Mapping[str, Place], names: Mapping[str, str], across: float, columns: int
) -> tuple[dict[str, Box], float]:
    for size in (6.5, 6.0, 5.5, 5.0):
        widths = np.zeros(columns)
        own = {}
        for node, place in where.items():
            own[node] = 2.8 + max(text_width_mm(line, size, "bold") for line in names[node].split("\n"))
            widths[place.column] = max(widths[place.column], own[node])
        gap = (across - widths.sum() - 2) / max(1, columns - 1)
        if gap >= _LEAST_GAP_MM:
            break
    if gap < _LEAST_GAP_MM and columns > 1:
        raise InvalidValueError(
            f"{columns} nodes in a row do not fit into {across:.0f} mm. Shorten their labels with line breaks, take a "
            "wider figure, or give `places`."
        )
    starts = np.concatenate([[0.0], np.cumsum(widths[:-1] + gap)]) + 1
    boxes = {}
    for node, place in where.items():
        height = _NODE_HEIGHT_MM + 2.6 * names[node].count("\n")
        boxes[node] = Box(
            float(starts[place.column] + widths[place.column] / 2), place.row * _ROW_MM, own[node] / 2, height / 2,
            place.column,
        )  # fmt: skip
    return boxes, size


def _node(axes: Axes, box: Box, text: str, size: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(
        FancyBboxPatch(
            (box.x - box.half_width, box.y - box.half_height), 2 * box.half_width, 2 * box.half_height,
            boxstyle="round,pad=0,rounding_size=1.8", facecolor="#F4F4F1", edgecolor="#444444", linewidth=0.8, zorder=5,
        )
    )  # fmt: skip
    axes.text(box.x, box.y, text, ha="center", va="center", fontsize=size, fontweight="bold", zorder=6, linespacing=1.1)


def _color(change: float) -> Any:
    from matplotlib.colors import to_rgb

    if not np.isfinite(change) or change <= 0:
        return to_rgb(GRAY) if change != 0 else to_rgb(DOWN)
    far = min(1.0, abs(np.log(change)) / np.log(_STRONGEST))
    if abs(np.log(change)) < np.log(_UNCHANGED):
        return to_rgb(GRAY)
    gray, full = np.array(to_rgb("#A0A0A0")), np.array(to_rgb(UP if change > 1 else DOWN))
    return tuple(gray + (full - gray) * (0.35 + 0.65 * far))


def _edge(axes: Axes, row: Mapping[Any, Any], path: Float[Array, "4 2"]) -> None:
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path as Curve

    on = bool(row["switch"])
    color = _color(float(row["change"])) if on else (0.6, 0.6, 0.6)
    thickness = 0.7 + 2.8 * float(row["weight"])
    half = thickness / 72 * 25.4 / 2
    before = bezier(path)[-3]
    ahead = (path[3] - before) / np.linalg.norm(path[3] - before)
    end = path[3] - ahead * _CLEAR_MM
    aside = np.array([-ahead[1], ahead[0]])
    length = 1.5 + 1.6 * half if row["sign"] > 0 else 0.6
    # The line stops where its head begins.
    stem = path.copy()
    stem[3] = end - ahead * length
    stem[2] = path[2] - ahead * length * (0.6 if _straight(path) else 0.2)
    axes.add_patch(
        PathPatch(
            Curve(stem, [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4]), facecolor="none", edgecolor=color,
            linewidth=thickness, linestyle="solid" if on else (0, (2.2, 1.4)), capstyle="butt", zorder=3,
        )
    )  # fmt: skip
    if row["sign"] > 0:
        wide = 0.8 + 1.9 * half
        head = [end, end - ahead * length * 1.04 + aside * wide, end - ahead * length * 1.04 - aside * wide]
    else:
        wide = 1.6 + half
        head = [
            end + aside * wide,
            end - aside * wide,
            end - aside * wide - ahead * 0.8,
            end + aside * wide - ahead * 0.8,
        ]
    axes.add_patch(Polygon(head, closed=True, facecolor=color, edgecolor="none", zorder=4))
    middle = bezier(path)[len(bezier(path)) // 2]
    if not on:
        axes.plot([middle[0]], [middle[1]], marker="x", color="black", markersize=5.0, markeredgewidth=1.3, zorder=4)
    text = _change_in_words(float(row["change"]), on)
    if text:
        axes.annotate(
            text, middle, xytext=(0, 2.2 + thickness / 2), textcoords="offset points", ha="center", va="bottom",
            fontsize=5.6, color=tuple(0.8 * np.array(color)) if on else GRAY, zorder=7,
            bbox={"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        )  # fmt: skip


def _straight(path: Float[Array, "4 2"]) -> bool:
    across = path[3] - path[0]
    off = (path[1:3] - path[0]) @ np.array([-across[1], across[0]])
    return bool(np.all(np.abs(off) < 1e-9))


def bezier(path: Float[Array, "4 2"]) -> Float[Array, "point 2"]:
    """Return 41 points of a cubic curve with four control points."""
    t = np.linspace(0, 1, 41)[:, None]
    points: Float[Array, "point 2"] = (
        (1 - t) ** 3 * path[0] + 3 * (1 - t) ** 2 * t * path[1] + 3 * (1 - t) * t**2 * path[2] + t**3 * path[3]
    )
    return points


def route(source: Box, target: Box, boxes: Mapping[str, Box]) -> Float[Array, "4 2"]:
    """Return the curve of an edge as four control points, shape (4, 2), in millimeters.

    Neighbors are joined straight. An edge that leaps over a column arcs above whatever stands between, and an edge that
    runs back arcs below.
    """
    steps = target.column - source.column
    between = [
        b for b in boxes.values() if min(source.column, target.column) < b.column < max(source.column, target.column)
    ]
    if steps == 1 or (steps > 1 and not _in_the_way(source, target, between)):
        start, end = (
            np.array([source.x + source.half_width, source.y]),
            np.array([target.x - target.half_width, target.y]),
        )
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
    edge = [b.y + side * b.half_height for b in [*between, source, target] if abs(b.y - source.y) < 1.5 * _ROW_MM]
    level = (max(edge) if side > 0 else min(edge)) + side * (3.5 + 0.9 * abs(steps))
    # A cubic with both handles at one level reaches three quarters of the way to it.
    handle = (start[1] + end[1]) / 2 + (level - (start[1] + end[1]) / 2) / 0.75
    pull = (end[0] - start[0]) * 0.18
    return np.array([start, [start[0] + pull, handle], [end[0] - pull, handle], end])


def _in_the_way(source: Box, target: Box, between: list[Box]) -> bool:
    for box in between:
        y = source.y + (target.y - source.y) * (box.x - source.x) / (target.x - source.x)
        if abs(box.y - y) < box.half_height + 1.5:
            return True
    return False


def _change_in_words(change: float, on: bool) -> str:
    if not on:
        return "off"
    if not np.isfinite(change):
        return ""
    if change == 0:
        return "×0"
    if abs(np.log(change)) < np.log(_UNCHANGED):
        return ""
    return f"×{change:.2g}" if change < 100 else f"×{change:,.0f}"


def _legend(axes: Axes, control: str, weights: bool) -> None:
    width = "width: strength now   " if weights else ""
    axes.annotate(
        f"→ activates   ⊣ inhibits   {width}color, ×: against {control} (orange more, blue less)",
        (0, 0), xycoords="axes fraction", xytext=(0, -2), textcoords="offset points", ha="left", va="top", fontsize=5.8,
        color=GRAY, annotation_clip=False,
    )  # fmt: skip
