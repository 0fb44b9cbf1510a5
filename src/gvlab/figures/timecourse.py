"""A reading over time: median and band over subjects, single subjects as thin lines, doses, detection floor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from gvlab.arrays import Array, Float
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.figures.style import Look, Width, figure_of, finish, looks, styled
from gvlab.figures.tables import chosen, require, time_scale
from gvlab.views import Course, OverRow, ViewRecipe, draw, ribbon_view
from gvlab.views.matplotlib_printer import figure as printed
from gvlab.views.matplotlib_printer import title_pad
from gvlab.views.palette import ARM_TONES
from gvlab.views.timecourse import BAND

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
    band: tuple[float, float] = BAND,
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
        limit, zeros are drawn at the foot of a logarithmic axis, which is then marked: a median of cleared subjects
        must not become a median of the others.
    doses
        ``agent, start, stop`` in days: a bar an agent above the curves, a triangle where start equals stop.
    band
        Quantiles of the band.
    singles
        Subjects of each arm drawn as thin lines, the first ones.
    until
        Last day drawn.
    title, simulated, width, height_mm, save
        As in `survival`.
    """
    names = chosen(arms, courses)
    scale = time_scale(unit)
    course = _course(courses, names, variable, label, scale, log, floor)
    view = ribbon_view(
        course,
        look=dict(look) if look else looks(names),
        band=band,
        singles=singles,
        until=None if until is None else until / scale,
        over=_given(doses, scale),
        title=title or "",
        recipe=ViewRecipe(n=tuple((arm, len(course.values[arm])) for arm in names), simulated=simulated),
    )
    keys = tuple(replace(key, name=f"{key.name} (n = {len(course.values[key.name])})") for key in view.keys)
    view = replace(view, x=replace(view.x, label=f"{unit.capitalize()}s after {time_zero}"), keys=keys)
    if axis is None:
        return printed(view, width=width, height_mm=height_mm, titled=title is not None, save=save)
    draw(view, axis)
    if title:
        axis.set_title(title, pad=title_pad(view))
    return finish(figure_of(axis), save)


def _course(
    courses: Mapping[str, xr.Dataset],
    names: Sequence[str],
    variable: str,
    label: str | None,
    scale: float,
    log: bool,
    floor: float | None,
) -> Course:
    """Return the readings of the arms on the days of all of them."""
    read = {arm: _read(courses[arm], variable, arm) for arm in names}
    units = {unit for _, _, unit in read.values()}
    if len(units) > 1:
        raise InvalidValueError(f'"{variable}" is in {" and in ".join(sorted(units))}; convert the arms to one unit.')
    every = np.unique(np.concatenate([days for days, _, _ in read.values()]))
    values = {}
    for arm, (days, those, _) in read.items():
        values[arm] = np.full((len(those), len(every)), math.nan)
        values[arm][:, np.searchsorted(every, days)] = those
    name = label or str(courses[names[0]][variable].attrs.get("title", variable))
    return Course(name, units.pop(), every / scale, values, floor, "limit of detection", log)


def _read(course: xr.Dataset, variable: str, arm: str) -> tuple[Float[Array, "day"], Float[Array, "subject day"], str]:
    if variable not in course:
        raise UnknownNameError(f'variable of arm "{arm}"', variable, [str(name) for name in course.data_vars])
    array = course[variable].transpose("subject", "time")
    if "unit" not in array.attrs:
        raise InvalidValueError(f'"{variable}" has no unit; set attrs["unit"], "dimensionless" if it has none.')
    if array.sizes["subject"] == 0 or array.sizes["time"] == 0:
        raise InvalidValueError(f'Arm "{arm}" has no subjects or no times, so there is nothing to draw.')
    values = array.to_numpy().astype(np.float64)
    return array["time"].to_numpy().astype(np.float64), values, str(array.attrs["unit"])


def _given(doses: pd.DataFrame | None, scale: float) -> tuple[OverRow, ...]:
    """Return a row above the axes for each agent."""
    if doses is None or doses.empty:
        return ()
    require(doses, ("agent", "start", "stop"), "table of doses")
    return tuple(
        OverRow(str(agent), tuple((start / scale, stop / scale) for start, stop in rows[["start", "stop"]].to_numpy()),
                ARM_TONES[(number + 4) % len(ARM_TONES)])
        for number, (agent, rows) in enumerate(doses.groupby("agent", sort=False))
    )  # fmt: skip
