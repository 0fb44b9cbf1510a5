"""Flow cytometry as it is shown: two markers with contours and a gate, and histograms of one marker half apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gvlab.arrays import Array, Float, Int
from gvlab.errors import InvalidValueError
from gvlab.figures.style import GRAY, Look, Width, figure_of, finish, looks, mark_simulated, new_figure, styled
from gvlab.figures.tables import chosen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LINEAR_BELOW = 150.0
"""Signals are shown on an inverse hyperbolic sine: linear below this, logarithmic above."""

_SHOWN = 2500
_BINS = 96


def display(signal: npt.ArrayLike) -> Float[Array, "..."]:
    """Carry a compensated signal to the axis: linear around zero, logarithmic far from it, as cytometry programs do."""
    return np.arcsinh(np.asarray(signal, dtype=np.float64) / LINEAR_BELOW)


@styled
def two_markers(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    names: tuple[str, str],
    gate: tuple[float, float] | None = None,
    percent: float | None = None,
    limits: tuple[float, float] = (-400.0, 2.0e5),
    axis: Axes | None = None,
    color: str = "#000000",
    simulated: bool = True,
    width: Width | float = 45.0,
    height_mm: float = 42.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw events by two markers: contours at equal steps of density, events outside them as dots, and a gate.

    Parameters
    ----------
    x, y
        Compensated signals of events, of one length.
    names
        Of the markers.
    gate
        Lower left corner of a gate that is open to the right and upward.
    percent
        Of the events in the gate, printed in it; None computes it of what is drawn.
    limits
        Lowest and highest signal of both axes.
    axis, simulated, width, height_mm, save
        As in `groups`.
    color
        Of contours and dots.
    """
    across, up = (np.asarray(values, dtype=np.float64) for values in (x, y))
    if across.shape != up.shape or not across.size:
        raise InvalidValueError(f"There are {across.size} signals of {names[0]} and {up.size} of {names[1]} to draw.")
    figure = new_figure(width, height_mm) if axis is None else figure_of(axis)
    axes = figure.add_subplot() if axis is None else axis
    low, high = (float(value) for value in display(limits))
    px, py = (np.clip(display(values), low, high) for values in (across, up))
    density(axes, px, py, ((low, high), (low, high)), color)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    _decades(axes, "x")
    _decades(axes, "y")
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    if gate is not None:
        left, bottom = (float(value) for value in display(gate))
        axes.plot([left, left, high, high, left], [bottom, high, high, bottom, bottom], color="#222222", linewidth=0.8)
        inside = (across >= gate[0]) & (up >= gate[1])
        shown = 100.0 * float(inside.mean()) if percent is None else percent
        axes.annotate(
            f"{shown:.1f} %", (high, high), xytext=(-2, -2), textcoords="offset points", ha="right", va="top",
            fontsize=7, fontweight="bold", bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8},
        )  # fmt: skip
    mark_simulated(axes, simulated)
    return finish(figure, save)


def density(
    axes: Axes,
    x: Float[Array, "event"],
    y: Float[Array, "event"],
    limits: tuple[tuple[float, float], tuple[float, float]],
    color: str = "#000000",
) -> None:
    """Draw events as contours that hold 10, 30, 50, 70 and 90 % of them, and as dots outside the last.

    Parameters
    ----------
    axes
        Where to draw.
    x, y
        Places of events on the axes.
    limits
        Ends of both axes, within which all events lie.
    color
        Of contours and dots.
    """
    from scipy.ndimage import gaussian_filter

    counts, columns, rows = np.histogram2d(x, y, bins=_BINS, range=limits)
    smooth = gaussian_filter(counts, 2.0)
    order = np.sort(smooth.ravel())[::-1]
    held = np.cumsum(order) / order.sum()
    places = np.minimum(np.searchsorted(held, np.array([0.9, 0.7, 0.5, 0.3, 0.1])), len(order) - 1)
    levels = np.unique(order[places])
    column, row = (np.clip(np.digitize(values, edges) - 1, 0, _BINS - 1) for values, edges in ((x, columns), (y, rows)))
    outside = np.flatnonzero(smooth[column, row] < levels[0])[:_SHOWN]
    axes.plot(
        x[outside], y[outside], ".", color=color, markersize=1.1, markeredgewidth=0, alpha=0.7, rasterized=True,
        zorder=1,
    )  # fmt: skip
    if len(levels) > 1:
        across, up = (0.5 * (edges[1:] + edges[:-1]) for edges in (columns, rows))
        axes.contour(across, up, smooth.T, levels=levels, colors=color, linewidths=0.55, zorder=2)


def _decades(axes: Axes, which: str) -> None:
    values = [0.0, 1e3, 1e4, 1e5]
    minor = [m * d for d in (1e2, 1e3, 1e4) for m in range(2, 10)]
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks(list(display(values)), ["0", "$10^3$", "$10^4$", "$10^5$"], fontsize=6.5)
    axis.set_ticks(list(display(minor)), minor=True)


@styled
def half_offset_histograms(
    signals: Mapping[str, npt.ArrayLike],
    *,
    name: str,
    arms: list[str] | None = None,
    look: Mapping[str, Look] | None = None,
    limits: tuple[float, float] = (-200.0, 1.0e5),
    axis: Axes | None = None,
    simulated: bool = True,
    width: Width | float = 45.0,
    height_mm: float = 42.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw the histogram of a marker for each arm, each to its own maximum, half a height above the one before.

    Parameters
    ----------
    signals
        Compensated signals of gated events, by arm; the first lies at the bottom, in front.
    name
        Of the marker.
    arms, look, axis, simulated, width, height_mm, save
        As in `groups`.
    limits
        Lowest and highest signal of the axis.
    """
    names = chosen(arms, signals, "arm")
    how = dict(look) if look else looks(names)
    figure = new_figure(width, height_mm) if axis is None else figure_of(axis)
    axes = figure.add_subplot() if axis is None else axis
    low, high = (float(value) for value in display(limits))
    edges = np.linspace(low, high, 140)
    centers = 0.5 * (edges[1:] + edges[:-1])
    for place, arm in enumerate(names):
        shown = np.clip(display(signals[arm]), low, high)
        if not shown.size:
            raise InvalidValueError(f'Arm "{arm}" has no events of {name} to draw.')
        curve = _smooth(np.histogram(shown, edges)[0])
        base, order = 0.55 * place, 10 - place
        axes.fill_between(centers, base, base + curve, color=how[arm].color, alpha=0.22, linewidth=0, zorder=order)
        axes.plot(centers, base + curve, color=how[arm].color, linewidth=0.9, zorder=order + 0.5)
        middle = float(np.median(shown))
        axes.plot([middle, middle], [base, base + np.interp(middle, centers, curve)], color=how[arm].color, lw=1.2,
                  linestyle=(0, (1.5, 1.0)), zorder=order + 0.6)  # fmt: skip
    axes.set_xlim(low, high)
    axes.set_ylim(0, 0.55 * (len(names) - 1) + 1.08)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylabel("Events (to maximum)", color=GRAY, fontsize=6.5)
    axes.set_xlabel(name)
    _decades(axes, "x")
    mark_simulated(axes, simulated)
    return finish(figure, save)


def _smooth(counts: Int[Array, "bin"]) -> Float[Array, "bin"]:
    from scipy.ndimage import gaussian_filter1d

    curve = gaussian_filter1d(counts.astype(np.float64), 2.0)
    return np.asarray(curve / max(float(curve.max()), 1e-12))
