"""A reading over time: median and band over subjects, single subjects as thin lines, doses, detection floor."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.figures.style import (
    GRAY,
    LIGHT_GRAY,
    OKABE_ITO,
    Look,
    Width,
    figure_of,
    finish,
    label_panel,
    looks,
    mark_simulated,
    name_vertical_axis,
    new_figure,
    styled,
    text_width_mm,
)
from gvlab.figures.tables import chosen, require, time_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST_ALIVE = 0.25
"""A median is drawn while at least this fraction of an arm is read; later it would describe the last survivors."""


_FIRST_DOSE_ROW = 13.0


@styled
def timecourse(
    courses: Mapping[str, xr.Dataset],
    variable: str,
    *,
    arms: Sequence[str] | None = None,
    axis: Axes | None = None,
    look: Mapping[str, Look] | None = None,
    label: str | None = None,
    unit: str = "day",
    time_zero: str = "transplantation",
    log: bool = False,
    floor: float | None = None,
    doses: pd.DataFrame | None = None,
    band: tuple[float, float] | None = (0.1, 0.9),
    singles: int = 8,
    until: float | None = None,
    title: str | None = None,
    simulated: bool = True,
    width: Width | float = "single",
    height_mm: float = 62.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw how one variable goes in each arm.

    Parameters
    ----------
    courses
        One data set an arm, with dimensions (subject, time) and ``attrs["unit"]`` on the variable; NaN after the end
        of a subject. Medians and bands are over the subjects still read, and end when fewer than a quarter are.
    variable
        Which variable.
    arms, look
        Arms in order, and their looks; None takes all, and the common looks.
    axis
        Where to draw; None makes a figure.
    label
        Name of the vertical axis; None takes ``attrs["title"]`` or the variable's name. The unit is added.
    unit, time_zero
        Unit of the time axis and what happened at 0.
    log, floor
        Logarithmic axis; the limit of detection, in the variable's unit. What lies below it is drawn at it. Without a
        limit, zeros are drawn at the foot of a logarithmic axis, which is then marked 0: a median of cleared subjects
        must not become a median of the others.
    doses
        ``agent, start, stop`` in days: a bar an agent above the curves, a triangle where start equals stop.
    band
        Quantiles of the band; None draws none.
    singles
        Subjects of each arm drawn as thin lines, the first ones.
    until
        Last day drawn.
    title, simulated, width, height_mm, save
        As in `survival`.
    """
    names = chosen(arms, courses)
    how = dict(look) if look else looks(names)
    scale = time_scale(unit)
    figure = new_figure(width, height_mm) if axis is None else figure_of(axis)
    axes = figure.add_subplot() if axis is None else axis
    bottom = floor
    if log and floor is None:
        bottom = _below_all([courses[arm] for arm in names], variable)
    units = set()
    latest = 0.0
    for arm in names:
        days, values, its_unit = _read(courses[arm], variable, arm)
        units.add(its_unit)
        keep = days <= (until if until is not None else np.inf)
        days, values = days[keep] / scale, values[:, keep]
        if bottom is not None:
            values = np.where(values < bottom, bottom, values)
        latest = max(latest, float(days[-1]))
        _draw_arm(axes, days, values, how[arm], arm, band, singles)
    if len(units) > 1:
        raise InvalidValueError(f'"{variable}" is in {" and in ".join(sorted(units))}; convert the arms to one unit.')
    _finish_axes(axes, log, floor, latest)
    if log and floor is None and bottom is not None:
        _mark_zero(axes, bottom)
    first = courses[names[0]][variable]
    name = label or str(first.attrs.get("title", variable))
    its_unit = units.pop()
    name_vertical_axis(axes, name if its_unit == "dimensionless" else f"{name} ({its_unit})")
    axes.set_xlabel(f"{unit.capitalize()}s ({unit} 0 = {time_zero})")
    above = _dose_bars(axes, doses, scale) if doses is not None and not doses.empty else 0
    label_panel(axes, title)
    if above:
        axes.set_title(title or "", pad=_FIRST_DOSE_ROW - 1 + 9 * above)
    mark_simulated(axes, simulated)
    if axis is None:
        widest = max(text_width_mm(f"{arm} (n = {len(courses[arm]['subject'])})", 7.0) for arm in names)
        columns = max(1, min(len(names), int((figure.get_figwidth() * 25.4 - 4) // (widest + 13))))
        rows = -(-len(names) // columns)
        figure.set_figheight((height_mm + 3.6 * rows + 3.2 * above) / 25.4)
        figure.legend(loc="outside lower left", ncols=columns, handlelength=2.4, labelspacing=0.3, columnspacing=1.2)
    else:
        axes.legend(loc="best", handlelength=2.4, labelspacing=0.3)
    return finish(figure, save)


def _read(course: xr.Dataset, variable: str, arm: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], str]:
    if variable not in course:
        raise UnknownNameError(f'variable of arm "{arm}"', variable, [str(name) for name in course.data_vars])
    array = course[variable].transpose("subject", "time")
    if "unit" not in array.attrs:
        raise InvalidValueError(f'"{variable}" has no unit; set attrs["unit"], "dimensionless" if it has none.')
    if array.sizes["subject"] == 0 or array.sizes["time"] == 0:
        raise InvalidValueError(f'Arm "{arm}" has no subjects or no times, so there is nothing to draw.')
    values = array.to_numpy().astype(np.float64)
    return array["time"].to_numpy().astype(np.float64), values, str(array.attrs["unit"])


def _draw_arm(
    axes: Axes,
    days: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    look: Look,
    arm: str,
    band: tuple[float, float] | None,
    singles: int,
) -> None:
    for one in values[:singles]:
        axes.plot(days, one, color=look.color, linewidth=0.35, alpha=0.45, zorder=2)
    enough = np.isfinite(values).sum(axis=0) >= max(1.0, LEAST_ALIVE * len(values))
    shown = np.where(enough[None, :], values, np.nan)
    with warnings.catch_warnings():
        # Columns in which nobody is read any more are NaN on purpose.
        warnings.simplefilter("ignore", RuntimeWarning)
        median = np.nanmedian(shown, axis=0)
        if band is not None and len(values) > 2:
            lower, upper = np.nanquantile(shown, band, axis=0)
            axes.fill_between(days, lower, upper, color=look.color, alpha=0.13, linewidth=0, zorder=1)
    axes.plot(
        days, median, color=look.color, linestyle=look.linestyle, linewidth=1.5, zorder=4,
        label=f"{arm} (n = {len(values)})",
    )  # fmt: skip


def _below_all(courses: Sequence[xr.Dataset], variable: str) -> float | None:
    """Return a place for zeros below every positive value, or None where there are no zeros."""
    values = np.concatenate([c[variable].to_numpy().ravel() for c in courses if variable in c] or [np.zeros(0)])
    positive = values[values > 0]
    if not np.any(values <= 0) or not positive.size:
        return None
    return float(10.0 ** np.floor(np.log10(positive.min()) - 0.3))


def _mark_zero(axes: Axes, bottom: float) -> None:
    axes.set_ylim(bottom=bottom * 0.8)
    axes.annotate(
        "0", (0, bottom), xycoords=("axes fraction", "data"), xytext=(-5, 0), textcoords="offset points", ha="right",
        va="center", fontsize=7, bbox={"boxstyle": "square,pad=0.2", "facecolor": "white", "edgecolor": "none"},
        annotation_clip=False, zorder=10,
    )  # fmt: skip


def _finish_axes(axes: Axes, log: bool, floor: float | None, latest: float) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(0, latest)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    if log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    if floor is not None:
        axes.axhline(floor, color=GRAY, linewidth=0.7, linestyle=(0, (2, 2)), zorder=0)
        axes.annotate(
            "limit of detection", (1, floor), xycoords=("axes fraction", "data"), xytext=(-1, 1.5),
            textcoords="offset points", ha="right", va="bottom", fontsize=5.5, color=GRAY,
        )  # fmt: skip


def _dose_bars(axes: Axes, doses: pd.DataFrame, scale: float) -> int:
    """Draw a row an agent above the axes and give the number of rows."""
    from matplotlib.transforms import offset_copy

    require(doses, ("agent", "start", "stop"), "table of doses")
    agents = list(dict.fromkeys(doses["agent"].astype(str)))
    for i, agent in enumerate(agents):
        row = offset_copy(axes.get_xaxis_transform(), fig=figure_of(axes), y=_FIRST_DOSE_ROW + 9 * i, units="points")
        color = OKABE_ITO[(i + 4) % len(OKABE_ITO)]
        given = doses.loc[doses["agent"].astype(str) == agent, ["start", "stop"]].to_numpy(dtype=np.float64) / scale
        for start, stop in given:
            if stop > start:
                axes.plot(
                    [start, stop], [1, 1], color=color, linewidth=3.2, solid_capstyle="butt", transform=row,
                    clip_on=False,
                )  # fmt: skip
            else:
                axes.plot([start], [1], marker="v", color=color, markersize=4, transform=row, clip_on=False)
        axes.annotate(
            agent, (float(given[:, 1].max()), 1), xycoords=row, xytext=(4, 0), textcoords="offset points", va="center",
            fontsize=6, color="#333333", annotation_clip=False,
        )  # fmt: skip
    axes.axvline(0, color=LIGHT_GRAY, linewidth=0.6, zorder=0)
    return len(agents)
