"""Whole-body bioluminescence as a spider plot: a line a subject, logarithmic, with floor, doses and deaths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError
from gvlab.figures.style import GRAY, Look, Width, figure_of, finish, mark_simulated, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled
def spider(
    days: Sequence[float],
    flux: npt.ArrayLike,
    *,
    floor: float,
    floor_name: str = "floor",
    label: str = "Total flux (photon/s)",
    died: npt.ArrayLike | None = None,
    doses: tuple[str, float, float] | None = None,
    look: Look | None = None,
    limits: tuple[float, float] | None = None,
    until: float | None = None,
    axis: Axes | None = None,
    simulated: bool = True,
    width: Width | float = 60.0,
    height_mm: float = 45.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw the flux of every subject over time.

    Parameters
    ----------
    days, flux
        Days of imaging; shape (subject, day), NaN where a subject was not imaged.
    floor, floor_name
        Detection floor and what it is called; readings below it are drawn at it.
    died
        Day of death of each subject, infinite where it lives; a cross ends its line.
    doses
        A drug, its first and its last day: a bar above the axes.
    limits, until
        Of the vertical axis; the last day of the other.
    label, look, axis, simulated, width, height_mm, save
        As in `timecourse`.
    """
    values = np.atleast_2d(np.asarray(flux, dtype=np.float64))
    time = np.asarray(days, dtype=np.float64)
    if values.shape[1] != len(time):
        raise InvalidValueError(f"There are {len(time)} days and {values.shape[1]} readings of each subject.")
    how = look or Look("#000000", (), "o")
    ended = np.full(len(values), np.inf) if died is None else np.asarray(died, dtype=np.float64)
    figure = new_figure(width, height_mm) if axis is None else figure_of(axis)
    axes = figure.add_subplot() if axis is None else axis
    shown = np.maximum(values, floor)
    for line, end in zip(shown, ended, strict=True):
        axes.plot(
            time, line, color=how.color, linewidth=0.6, marker="o", markersize=1.9, markerfacecolor="white",
            markeredgewidth=0.5, alpha=0.85, zorder=3,
        )  # fmt: skip
        last = np.flatnonzero(np.isfinite(line))
        if len(last) and np.isfinite(end):
            axes.plot(time[last[-1]], line[last[-1]], "x", color=how.color, markersize=4, markeredgewidth=1.0, zorder=4)
    axes.set_yscale("log")
    axes.set_xlim(0, (float(time[-1]) if until is None else until) * 1.03)
    if limits is not None:
        axes.set_ylim(*limits)
    axes.axhspan(axes.get_ylim()[0], floor, color="#EEEEEE", zorder=0, linewidth=0)
    axes.axhline(floor, color=GRAY, linewidth=0.6, linestyle=(0, (2, 2)), zorder=1)
    axes.annotate(
        floor_name, (1, floor), xycoords=("axes fraction", "data"), xytext=(-1, -1), textcoords="offset points",
        ha="right", va="top", fontsize=5.5, color=GRAY,
    )  # fmt: skip
    if doses is not None:
        name, first, last_day = doses
        axes.plot([first, last_day], [0.97, 0.97], transform=axes.get_xaxis_transform(), color="#0072B2", linewidth=2.6,
                  solid_capstyle="butt", zorder=5)  # fmt: skip
        axes.annotate(
            name, (last_day, 0.97), xycoords=axes.get_xaxis_transform(), xytext=(2, 0), textcoords="offset points",
            fontsize=5.5, va="center", color="#0072B2",
        )  # fmt: skip
    axes.set_xlabel("Days")
    axes.set_ylabel(label)
    mark_simulated(axes, simulated)
    return finish(figure, save)
