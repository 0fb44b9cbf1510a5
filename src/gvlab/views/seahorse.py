"""Stress tests of extracellular flux: rates over time, a line at each injection, a bracket at the spare capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError
from gvlab.views.palette import Look, Style, looks, style_of
from gvlab.views.view import (
    Axis,
    Cell,
    Key,
    Line,
    Mark,
    Points,
    Segments,
    Text,
    View,
    ViewColumn,
    ViewRecipe,
    ViewTable,
    numbers,
)


def seahorse_view(
    rates: Mapping[str, npt.ArrayLike],
    minutes: Sequence[float],
    injections: Mapping[str, float],
    *,
    label: str,
    unit: str,
    look: Mapping[str, Look] | None = None,
    bracket: tuple[str, str, float, float] | None = None,
    title: str = "",
    recipe: ViewRecipe | None = None,
) -> View:
    """Return the rates of each arm: the mean of the samples and their standard deviation.

    Parameters
    ----------
    rates
        By arm, shape (sample, measurement).
    minutes
        Time of each measurement.
    injections
        What was injected, and when (minutes).
    label, unit
        Of the rate.
    look, title, recipe
        Of the view; measured data where `recipe` is None.
    bracket
        An arm, a name, and two rates of it between which a bracket is drawn: the spare capacity lies between the last
        rate at rest and the highest without coupling.

    Raises
    ------
    InvalidValueError
        If an arm has not one rate a measurement.
    """
    time = np.asarray(minutes, dtype=np.float64)
    how = dict(look) if look is not None else looks(rates)
    end = float(time[-1]) + (16.0 if bracket else 4.0)
    marks: list[Mark] = []
    rows: list[tuple[Cell, ...]] = [(float(minute),) for minute in time]
    columns = [ViewColumn("minute")]
    top = 0.0
    peaks: dict[str, float] = {}
    for place, (arm, values) in enumerate(rates.items()):
        rate = np.atleast_2d(np.asarray(values, dtype=np.float64))
        if rate.shape[1] != len(time):
            raise InvalidValueError(f'Arm "{arm}" has {rate.shape[1]} rates, and {len(time)} times were given.')
        mean = rate.mean(axis=0)
        spread = rate.std(axis=0, ddof=1) if len(rate) > 1 else np.zeros(len(time))
        top = max(top, float((mean + spread).max()))
        peaks[arm] = float(mean.max())
        x = numbers(time + 0.5 * (place - (len(rates) - 1) / 2))
        style = style_of(how[arm], 1.3)
        if len(rate) > 1:
            marks.append(
                Segments(x, numbers(mean - spread), x, numbers(mean + spread), style.but(dashes=(), width=0.9))
            )
        marks += [Line(x, numbers(mean), style), Points(x, numbers(mean), style, 5.5)]
        columns += [ViewColumn(f"{arm}: mean", unit), ViewColumn("standard deviation", unit)]
        rows = [(*row, float(m), float(s)) for row, m, s in zip(rows, mean, spread, strict=True)]
    high = top * 1.22
    for number, (name, minute) in enumerate(injections.items()):
        marks.append(Segments((minute,), (0.0,), (minute,), (high,), Style("line", (3.0, 2.0), width=1.0)))
        # Neighbors stand at two heights, so that long names do not meet.
        marks.append(Text(minute, high, name, dx=2.0, dy=9.0 + 10.0 * (number % 2), size=9.0, boxed=True))
    if bracket is not None:
        arm, name, low, most = bracket
        x0 = float(time[-1]) + 4.0
        line = Style(how[arm].tone, width=1.3)
        marks.append(Segments((x0, x0 - 1.5, x0 - 1.5), (low, low, most), (x0, x0, x0), (most, low, most), line))
        marks.append(Segments((0.0,), (low,), (x0 - 1.5,), (low,), line.but(width=0.8, dashes=(1.0, 2.0))))
        marks.append(Text(x0, (low + most) / 2, name, dx=4.0, dy=3.5, bold=True))
    said = "; ".join(
        f"{arm} {np.atleast_2d(np.asarray(v, np.float64)).mean(axis=0).max():.3g}" for arm, v in rates.items()
    )
    return View(
        "seahorse",
        title or label,
        f"{label} over {time[-1]:g} minutes; highest mean: {said} {unit}.",
        Axis("Minutes", 0.0, end),
        Axis(label, 0.0, high, unit),
        tuple(marks),
        ViewTable(tuple(columns), tuple(rows)),
        recipe or ViewRecipe(simulated=False),
        keys=tuple(Key(arm, style_of(how[arm])) for arm in rates),
        height=180.0,
        notes=("Mean and standard deviation of samples; broken lines: injections.",),
    )
