"""Stress tests of extracellular flux: rates over time, a line at each injection, a bracket at the spare capacity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError
from gvlab.figures.style import (
    GRAY,
    MM,
    Look,
    Width,
    figure_of,
    finish,
    looks,
    mark_simulated,
    name_vertical_axis,
    new_figure,
    styled,
    wrapped,
)
from gvlab.figures.tables import chosen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled
def stress_test(
    rates: Mapping[str, npt.ArrayLike],
    minutes: Sequence[float],
    injections: Mapping[str, float],
    *,
    label: str,
    arms: Sequence[str] | None = None,
    look: Mapping[str, Look] | None = None,
    bracket: tuple[str, str, float, float] | None = None,
    axis: Axes | None = None,
    simulated: bool = True,
    width: Width | float = "single",
    height_mm: float = 55.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw the rates of each arm: mean of the samples, and their standard deviation (SD, named on the axis) as bars.

    Every arm stands at the minutes given: what was measured together stands together.

    Parameters
    ----------
    rates
        By arm, shape (sample, measurement).
    minutes
        Time of each measurement.
    injections
        What was injected, and when (minutes).
    label
        Name of the rate with its unit.
    arms, look, axis, simulated, width, height_mm, save
        As in `groups`.
    bracket
        An arm, a name, and two rates of it between which a bracket is drawn: the spare capacity lies between the last
        rate at rest and the highest without coupling.
    """
    names = chosen(arms, rates, "arm")
    how = dict(look) if look else looks(names)
    figure = new_figure(width, height_mm) if axis is None else figure_of(axis)
    axes = figure.add_subplot() if axis is None else axis
    time = np.asarray(minutes, dtype=np.float64)
    for arm in names:
        rate = np.atleast_2d(np.asarray(rates[arm], dtype=np.float64))
        if rate.shape[1] != len(time):
            raise InvalidValueError(f'Arm "{arm}" has {rate.shape[1]} rates, and {len(time)} times were given.')
        spread = rate.std(axis=0, ddof=1) if len(rate) > 1 else None
        axes.errorbar(
            time, rate.mean(axis=0), yerr=spread, color=how[arm].color, linestyle=how[arm].linestyle,
            marker=how[arm].marker, markersize=3.2, markerfacecolor="white" if simulated else how[arm].color,
            linewidth=1.0, elinewidth=0.6, capsize=1.4, capthick=0.6, zorder=3, label=arm,
        )  # fmt: skip
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_ylim(top=axes.get_ylim()[1] * 1.12)
    axes.set_xlim(0, float(time[-1]) + (12.0 if bracket else 4.0))
    _name_injections(axes, injections)
    if bracket is not None:
        _bracket(axes, how[bracket[0]].color, bracket[1], bracket[2], bracket[3], float(time[-1]) + 4.0)
    axes.set_xlabel("Minutes")
    name_vertical_axis(axes, f"{label}, mean ± SD")
    mark_simulated(axes, simulated)
    return finish(figure, save)


def _name_injections(axes: Axes, injections: Mapping[str, float]) -> None:
    """Draw a line at each injection and its name to the right of it, in as many lines as fit before the next."""
    ends = [*list(injections.values())[1:], axes.get_xlim()[1]]
    across = axes.get_position().width * figure_of(axes).get_figwidth() / MM / axes.get_xlim()[1]
    for (name, minute), end in zip(injections.items(), ends, strict=True):
        axes.axvline(minute, color=GRAY, linewidth=0.6, linestyle=(0, (3, 2)), zorder=0)
        text = wrapped(name.replace("/", "/ "), max(4.0, across * (end - minute) - 1.0), 5.5).replace("/ ", "/")
        axes.annotate(
            text, (minute, 1), xycoords=("data", "axes fraction"), xytext=(1.5, -1), textcoords="offset points",
            fontsize=5.5, color="#444444", va="top", ha="left", linespacing=1.0,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.3},
        )  # fmt: skip


def _bracket(axes: Axes, color: str, name: str, low: float, high: float, x: float) -> None:
    axes.plot([x - 1.2, x, x, x - 1.2], [low, low, high, high], color=color, linewidth=0.9)
    axes.plot([0, x - 1.2], [low, low], color=color, linewidth=0.5, linestyle=(0, (1, 2)), zorder=0)
    axes.annotate(
        name, (x, 0.5 * (low + high)), xytext=(2, 0), textcoords="offset points", fontsize=6.5, fontweight="bold",
        color=color, va="center", ha="left",
    )  # fmt: skip
