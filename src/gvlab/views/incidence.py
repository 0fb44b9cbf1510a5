"""Causes of death as competing risks: one arm a picture, the causes stacked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gvlab.statistics import cumulative_incidence
from gvlab.views.palette import Style
from gvlab.views.recipe import recipe_of
from gvlab.views.survival import percent_axis
from gvlab.views.view import Axis, Band, Cell, Key, Mark, Text, View, ViewColumn, ViewRecipe, ViewTable, numbers

if TYPE_CHECKING:
    from gvlab.experiment.results import Results

CAUSE_TONES = ("arm-2", "arm-3", "arm-5", "arm-4", "arm-7", "arm-6")


def incidence_views(results: Results, endpoint: str = "") -> tuple[View, ...]:
    """Return a picture an arm of what its subjects died of (Aalen-Johansen, stacked).

    Parameters
    ----------
    results
        What was run.
    endpoint
        Of the library, one that names causes; the one on which survival is judged where "".

    Raises
    ------
    UnknownNameError
        If there is no such endpoint.
    """
    experiment = results.experiment
    name = endpoint or experiment.library.survival_endpoint()
    causes = experiment.library.read("endpoints", name).causes
    number = {event: place for place, event in enumerate(causes, 1)}
    events = results.events(name)
    whole = recipe_of(results)
    made = []
    for arm in results.arms:
        table = events.of(arm)
        cause = np.array([number.get(each, 0) for each in table["cause"]], dtype=np.int64)
        mine = ViewRecipe(whole.experiment, whole.model, whole.seed, tuple(each for each in whole.n if each[0] == arm))
        made.append(
            incidence_view(
                table["duration"].to_numpy(dtype=np.float64),
                cause,
                {number[event]: words for event, words in causes.items()},
                title=arm,
                last=experiment.last_day,
                time_zero=experiment.system.time_zero.removeprefix("day of "),
                recipe=mine,
            )
        )
    return tuple(made)


def incidence_view(
    duration: npt.ArrayLike,
    cause: npt.ArrayLike,
    causes: Mapping[int, str],
    *,
    title: str,
    last: float,
    unit: str = "day",
    time_zero: str = "transplantation",
    event_free: str = "alive",
    recipe: ViewRecipe | None = None,
) -> View:
    """Return the cumulative incidence of each cause in one arm, stacked; what is above the stack is event-free.

    Parameters
    ----------
    duration, cause
        Of each subject; 0 where it is censored.
    causes
        Name of each cause by number; the first lies at the bottom.
    title
        Of the arm.
    last
        End of the axis.
    unit, time_zero, event_free, recipe
        Words of the axes, and what made it; measured data where None.
    """
    estimate = cumulative_incidence(duration, cause, causes)
    marks: list[Mark] = []
    rows: list[tuple[Cell, ...]] = []
    keys = []
    below: npt.NDArray[np.float64] | None = None
    for place, name in enumerate(estimate.causes):
        curve = estimate.of(name)
        time = np.append(curve["time"].to_numpy(dtype=np.float64), last)
        height = 100 * np.append(curve["incidence"].to_numpy(dtype=np.float64), curve["incidence"].iloc[-1])
        base = np.zeros(len(time)) if below is None else below
        style = Style(CAUSE_TONES[place % len(CAUSE_TONES)], opacity=0.8)
        marks.append(Band(numbers(time), numbers(base), numbers(base + height), style, steps=True))
        below = base + height
        keys.append(Key(name, style, "fill"))
        rows.append((name, float(height[-1])))
        if height[-1] >= 8:
            at = float(below[-1] - height[-1] / 2)
            marks.append(Text(last, at, f"{name} {height[-1]:.0f} %", "end", dx=-4.0, dy=3.5, boxed=True))
    free = max(0.0, 100.0 - (0.0 if below is None else float(below[-1])))  # a sum of shares misses 100 by rounding
    if free >= 8:
        marks.append(Text(last, 100 - free / 2, f"{event_free} {free:.0f} %", "end", dx=-4.0, dy=3.5, boxed=True))
    rows.append((event_free, free))
    share = "; ".join(f"{name} {value:.0f} %" for name, value in rows)
    return View(
        "incidence",
        title,
        f"{title}, by {unit} {last:g}: {share}.",
        Axis(f"{unit.capitalize()}s after {time_zero}", 0.0, last),
        percent_axis("Cumulative incidence"),
        tuple(marks),
        ViewTable((ViewColumn("outcome"), ViewColumn(f"share by {unit} {last:g}", "%")), tuple(rows)),
        recipe or ViewRecipe(n=((title, estimate.n),), simulated=False),
        keys=tuple(keys),
        height=150.0,
    )
