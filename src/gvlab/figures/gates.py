"""Gates on their own axes, with percentages of the parent population, and the tree of populations."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from gvlab.arrays import Array, Bool, Float
from gvlab.assay.fcs import FlowFile
from gvlab.assay.flow_analysis import channel_labels
from gvlab.assay.gating import (
    FROM_FILE,
    UNCOMPENSATED,
    BooleanGate,
    Dimension,
    EllipsoidGate,
    Gate,
    PolygonGate,
    RectangleGate,
    Strategy,
)
from gvlab.errors import UnknownNameError
from gvlab.figures.flow import density
from gvlab.figures.style import GRAY, OKABE_ITO, mark_simulated, new_figure, panels, styled, text_width_mm
from gvlab.figures.tables import file_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_PLOTS = 24
_MOST_POPULATIONS = 80
_DECADES = tuple(sign * 10.0**power for sign in (-1, 1) for power in range(2, 8))
_ROW_MM = 5.0


@styled
def population_tree(
    strategy: Strategy, masks: Mapping[str, Bool[Array, "event"]], events: int, simulated: bool = True
) -> Figure:
    """Draw the tree of populations: each with its events, its percentage of the parent, and a bar of that length."""
    rows = [("All events", 0, events, np.nan)]
    for gate, depth in strategy.in_order()[:_MOST_POPULATIONS]:
        parent = int(masks[gate.parent].sum()) if gate.parent else events
        count = int(masks[gate.name].sum())
        rows.append((gate.name, depth + 1, count, 100.0 * count / parent if parent else np.nan))
    names = max(4.0 * depth + text_width_mm(name, 7.0) for name, depth, *_ in rows)
    columns = (names + 6.0, names + 24.0, names + 40.0, names + 66.0)
    figure = new_figure(min(300.0, columns[-1] + 4.0), _ROW_MM * len(rows) + 9.0, constrained=False)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(-2.0, columns[-1] + 2.0)
    axes.set_ylim(len(rows) + 0.3, -1.4)
    for place, text in ((columns[1], "events"), (columns[2], "% of parent")):
        axes.text(place, -0.8, text, fontsize=6.5, color=GRAY, ha="right", va="center")
    last: dict[int, int] = {}
    for row, (name, depth, count, percent) in enumerate(rows):
        left = 4.0 * depth
        if depth:
            # An elbow from the row of the parent.
            axes.plot([left - 2.6, left - 2.6, left - 0.8], [last[depth - 1] + 0.4, row, row], color=GRAY, lw=0.7)
        last[depth] = row
        axes.text(left, row, name.replace("$", r"\$"), fontsize=7, va="center")
        axes.text(columns[1], row, f"{count:,}", fontsize=7, ha="right", va="center")
        if np.isfinite(percent):
            axes.text(columns[2], row, _percent(percent), fontsize=7, ha="right", va="center")
            axes.barh(row, 24.0 * percent / 100.0, left=columns[2] + 2.0, height=0.55, color=OKABE_ITO[2], alpha=0.75)
        elif depth:
            axes.text(columns[2], row, "-", fontsize=7, ha="right", va="center")
    mark_simulated(axes, simulated)
    return figure


def gate_plots(
    file: FlowFile, strategy: Strategy, masks: Mapping[str, Bool[Array, "event"]], step: int, simulated: bool = True
) -> tuple[dict[str, Figure], list[str]]:
    """Draw each parent population on each pair of axes on which a gate of it was set, with all gates of that pair.

    Parameters
    ----------
    file, strategy
        Events and gates.
    masks
        Of `Strategy.apply`.
    step
        Every how many events one is drawn.
    simulated
        Whether to mark the data as simulated.

    Returns
    -------
    Figures by name, and sentences on gates that no plane shows.
    """
    figures: dict[str, Figure] = {}
    notes: list[str] = []
    drawable = [gate for gate, _ in strategy.in_order() if not isinstance(gate, BooleanGate)]
    boolean = [gate.name for gate in strategy.gates if isinstance(gate, BooleanGate)]
    if boolean:
        notes.append(f"Combinations of gates have no place on axes; they are in the tree: {', '.join(boolean[:10])}.")
    deep = [gate.name for gate in drawable if len(gate.axes) > 2]
    if deep:
        notes.append(f"Of gates on more than two axes the first two are drawn: {', '.join(deep[:10])}.")

    def plane(gate: Gate) -> tuple[str, tuple[Dimension, ...]]:
        return gate.parent, gate.axes[:2]

    order = {key: number for number, key in reversed(list(enumerate(map(plane, drawable))))}
    for (parent, axes), together in groupby(sorted(drawable, key=lambda gate: order[plane(gate)]), key=plane):
        if len(figures) == _MOST_PLOTS:
            notes.append(f"Only the first {_MOST_PLOTS} planes with gates were drawn; the tables hold every gate.")
            break
        inside = masks[parent] if parent else np.ones(len(file.events), dtype=bool)
        name = f"gates_{len(figures) + 1}_{file_name(parent or 'all events')}"
        figures[name] = _plane(file, strategy, masks, parent, inside, axes, list(together), step, simulated)
    return figures, notes


@styled
def _plane(
    file: FlowFile,
    strategy: Strategy,
    masks: Mapping[str, Bool[Array, "event"]],
    parent: str,
    inside: Bool[Array, "event"],
    axes: Sequence[Dimension],
    gates: Sequence[Gate],
    step: int,
    simulated: bool,
) -> Figure:
    figure, (panel,) = panels(1, 1, width=76.0, height_mm=72.0, letters=False)
    values = strategy.values(file, axes)
    kept = np.flatnonzero(inside)
    # A rare population is drawn whole.
    shown = values[kept[:: max(1, step * len(kept) // len(inside))]]
    shown = shown[np.isfinite(shown).all(axis=1)]
    limits = [_span(values[inside, place], gates, place) for place in range(len(axes))]
    if len(axes) == 1:
        low, high = limits[0]
        counts, edges = np.histogram(np.clip(shown[:, 0], low, high), bins=120, range=(low, high))
        panel.fill_between(0.5 * (edges[1:] + edges[:-1]), counts, color="#000000", alpha=0.25, linewidth=0)
        panel.set_ylim(0, 1.35 * max(1, counts.max()))
        panel.set_ylabel("Events")
    else:
        if len(shown):
            density(panel, np.clip(shown[:, 0], *limits[0]), np.clip(shown[:, 1], *limits[1]), (limits[0], limits[1]))
        panel.set_ylim(*limits[1])
        _name_axis(panel, "y", axes[1], file, strategy, limits[1])
    panel.set_xlim(*limits[0])
    _name_axis(panel, "x", axes[0], file, strategy, limits[0])
    total = int(inside.sum())
    for number, gate in enumerate(gates):
        percent = 100.0 * int(masks[gate.name].sum()) / total if total else np.nan
        text = f"{gate.name}\n{_percent(percent)} %" if np.isfinite(percent) else f"{gate.name}\nno events"
        _outline(panel, gate, text.replace("$", r"\$"), OKABE_ITO[(number + 1) % len(OKABE_ITO)], number)
    title = "\n".join(textwrap.wrap(f"{parent or 'All events'}: {total:,} events", 46))
    panel.set_title(title.replace("$", r"\$"), fontsize=7, fontweight="normal", pad=10)
    mark_simulated(panel, simulated)
    return figure


def _span(values: Float[Array, "event"], gates: Sequence[Gate], place: int) -> tuple[float, float]:
    """Return the ends of an axis: nearly all events of the parent, and every finite border of its gates."""
    known = values[np.isfinite(values)]
    ends = list(np.quantile(known, [0.002, 0.998])) if len(known) else []
    for gate in gates:
        ends += [edge for edge in _edges(gate, place) if np.isfinite(edge)]
    low, high = (float(min(ends)), float(max(ends))) if ends else (0.0, 1.0)
    room = 0.06 * (high - low) or max(1.0, abs(high)) * 0.1
    return low - room, high + room


def _edges(gate: Gate, place: int) -> list[float]:
    if isinstance(gate, RectangleGate):
        return [gate.low[place], gate.high[place]]
    if isinstance(gate, PolygonGate):
        return [corner[place] for corner in gate.corners]
    if isinstance(gate, EllipsoidGate):
        reach = float(np.sqrt(gate.distance_square * gate.covariance[place][place]))
        return [gate.mean[place] - reach, gate.mean[place] + reach]
    return []


def _outline(panel: Axes, gate: Gate, text: str, color: str, number: int) -> None:
    """Draw a gate and its name with the percentage, inside it at its upper edge."""
    (left, right), (bottom, top) = panel.get_xlim(), panel.get_ylim()
    if len(gate.axes) == 1 and isinstance(gate, RectangleGate):
        low, high = max(gate.low[0], left), min(gate.high[0], right)
        height = bottom + (0.80 - 0.13 * (number % 4)) * (top - bottom)
        panel.plot([low, high], [height, height], color=color, linewidth=1.0, marker="|", markersize=5)
        place = (0.5 * (low + high), height)
        panel.annotate(
            text, place, xytext=(0, 2), textcoords="offset points", ha="center", va="bottom", fontsize=6, color=color,
            linespacing=0.95,
        )  # fmt: skip
        return
    if isinstance(gate, RectangleGate):
        x, y = (
            [max(gate.low[i], low), min(gate.high[i], high)] for i, low, high in ((0, left, right), (1, bottom, top))
        )
        corners = [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])]
    elif isinstance(gate, PolygonGate):
        corners = list(gate.corners)
    elif isinstance(gate, EllipsoidGate):
        corners = _ellipse(gate)
    else:
        return
    closed = np.array([*corners, corners[0]])
    panel.plot(closed[:, 0], closed[:, 1], color=color, linewidth=1.1, zorder=5)
    x_text = float(np.clip(0.5 * (closed[:, 0].min() + closed[:, 0].max()), left, right))
    y_text = float(np.clip(closed[:, 1].max(), bottom, top))
    panel.annotate(
        text, (x_text, y_text), xytext=(0, -2), textcoords="offset points", ha="center", va="top", fontsize=6,
        color=color, fontweight="bold", linespacing=0.95, zorder=6,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.75},
    )  # fmt: skip


def _ellipse(gate: EllipsoidGate) -> list[tuple[float, float]]:
    """Return points of the ellipse of a gate on its first two axes."""
    spread, turn = np.linalg.eigh(np.asarray(gate.covariance)[:2, :2])
    angle = np.linspace(0.0, 2.0 * np.pi, 120, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    reach = np.sqrt(np.maximum(spread, 0.0) * gate.distance_square)
    points = turn @ (reach[:, None] * circle) + np.asarray(gate.mean)[:2, None]
    return [(float(x), float(y)) for x, y in points.T]


def _name_axis(
    panel: Axes, which: str, axis: Dimension, file: FlowFile, strategy: Strategy, limits: tuple[float, float]
) -> None:
    """Name an axis by its channel and marker, say how it was compensated and scaled, and write signals at its ticks."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    how = []
    if axis.compensation == UNCOMPENSATED or (axis.compensation == FROM_FILE and file.spillover is None):
        how.append("not compensated")
    elif axis.compensation:
        how.append("compensated")
    transform = strategy.transforms.get(axis.transform)
    if transform is not None:
        how.append(type(transform).__name__.lower())
    name = f"ratio {axis.ratio}" if axis.ratio else _channel(axis.channel, file)
    label = f"{name}\n{', '.join(how)}" if how else name
    (panel.set_xlabel if which == "x" else panel.set_ylabel)(label.replace("$", r"\$"), fontsize=6.8)
    target = panel.xaxis if which == "x" else panel.yaxis
    if transform is None:
        target.set_major_locator(MaxNLocator(nbins=5))
        target.set_major_formatter(FuncFormatter(_thousands))
        return
    signals = np.array([0.0, *_DECADES])
    places = np.asarray(transform.apply(signals), dtype=np.float64)
    seen = np.isfinite(places) & (places >= limits[0]) & (places <= limits[1])
    ticks: list[tuple[float, str]] = []
    for signal, place in sorted(zip(signals[seen], places[seen], strict=True), key=lambda each: abs(each[0] - 1e4)):
        # The ticks of small signals crowd around 0, where one is enough.
        if all(abs(place - other) > 0.09 * (limits[1] - limits[0]) for other, _ in ticks):
            ticks.append((float(place), _decade(float(signal))))
    target.set_ticks([place for place, _ in ticks], [text for _, text in ticks], fontsize=6.5)


def _channel(name: str, file: FlowFile) -> str:
    """Return a channel with its marker: "CD4 (PE-A)"."""
    try:
        column = file.column(name)
    except UnknownNameError:
        return name  # a dye of a matrix of the strategy
    marker, channel = file.markers[column], channel_labels(file)[column]
    return f"{marker} ({channel})" if marker and marker != channel else channel


def _percent(value: float) -> str:
    return f"{value:.1f}" if value >= 1 or value == 0 else f"{value:.2g}"


def _thousands(signal: float, _: object = None) -> str:
    """Return a tick of a linear axis as cytometry programs write it: 50K."""
    return f"{signal / 1e3:g}K" if abs(signal) >= 1e4 else f"{signal:g}"


def _decade(signal: float) -> str:
    if signal == 0:
        return "0"
    sign = "-" if signal < 0 else ""
    return f"${sign}10^{{{round(np.log10(abs(signal)))}}}$"
