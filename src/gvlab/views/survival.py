"""Survival: steps, censor ticks, numbers at risk, medians, and the table of what a figure prints of each arm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.statistics import SurvivalCurve, kaplan_meier
from gvlab.views.palette import Look, Style, looks, style_of
from gvlab.views.recipe import looks_of, recipe_of
from gvlab.views.ticks import ticks
from gvlab.views.view import (
    Axis,
    Band,
    Key,
    Line,
    Mark,
    OverRow,
    Points,
    UnderRow,
    View,
    ViewColumn,
    ViewRecipe,
    ViewTable,
    numbers,
)

if TYPE_CHECKING:
    from gvlab.experiment.results import Results

Followed = tuple[npt.ArrayLike, npt.ArrayLike]
"""Duration and event (1, or 0 where censored) of each subject."""

PERCENT = tuple((value, f"{value:g}") for value in (0.0, 25.0, 50.0, 75.0, 100.0))
"""Ticks of an axis of shares."""


def survival_view(
    results: Results,
    endpoint: str = "",
    *,
    arms: Sequence[str] | None = None,
    look: Mapping[str, Look] | None = None,
    band: bool = False,
    title: str = "",
) -> View:
    """Return the survival of every arm of results.

    Parameters
    ----------
    results
        What was run.
    endpoint
        Of the library; the one on which survival is judged where "".
    arms
        Those that are drawn, in order; all where None.
    look
        By arm; the common looks where None.
    band
        Draw the pointwise 95 % intervals too.
    title
        The system where "".

    Raises
    ------
    UnknownNameError
        If there is no such endpoint or arm.
    InvalidValueError
        If deaths of other causes compete with the endpoint: one minus such a curve overestimates its incidence.
    """
    experiment = results.experiment
    name = endpoint or experiment.library.survival_endpoint()
    followed = results.event_arrays(name)
    if any(np.any(event == 2) for _, event in followed.values()):
        raise InvalidValueError(f'"{name}" has competing events; draw their incidences, not their survival.')
    how = dict(look) if look is not None else looks_of(results)
    return survival_of(
        {arm: followed[arm] for arm in _chosen(arms, followed)},
        last=experiment.last_day,
        look=how,
        band=band,
        title=title or experiment.system.title,
        time_zero=experiment.system.time_zero.removeprefix("day of "),
        recipe=recipe_of(results),
    )


def _chosen(arms: Sequence[str] | None, there: Mapping[str, object]) -> Sequence[str]:
    for arm in arms or ():
        if arm not in there:
            raise UnknownNameError("arm", arm, there)
    return tuple(there) if arms is None else arms


def survival_of(
    followed: Mapping[str, Followed | SurvivalCurve],
    *,
    last: float | None = None,
    look: Mapping[str, Look] | None = None,
    band: bool = False,
    title: str = "Survival",
    unit: str = "day",
    time_zero: str = "transplantation",
    outcome: str = "Alive",
    over: tuple[OverRow, ...] = (),
    recipe: ViewRecipe | None = None,
) -> View:
    """Return Kaplan-Meier curves.

    Parameters
    ----------
    followed
        By arm: duration and event of each subject, or a curve that was estimated from them, in the unit of `unit`.
    last
        The end of the axis; the longest follow-up where None.
    look, band, title
        As in `survival_view`.
    unit, time_zero
        Of the time axis, and what happened at 0.
    outcome
        What the curve is the share of.
    over
        What was given, above the axes.
    recipe
        What made it; measured data where None.
    """
    curves = {arm: each if isinstance(each, SurvivalCurve) else kaplan_meier(*each) for arm, each in followed.items()}
    names = list(curves)
    how = dict(look) if look is not None else looks(names)
    end = last if last is not None else max(float(curve.columns["time"][-1]) for curve in curves.values()) or 1.0
    x = Axis(f"{unit.capitalize()}s after {time_zero}", 0.0, end)
    marks: list[Mark] = []
    for arm, curve in curves.items():
        marks += curve_marks(curve, style_of(how[arm]), end, band)
    at = [value for value, _ in ticks(x, 6)]
    under = tuple(
        UnderRow(arm, tuple(at), tuple(f"{count}" for count in curve.at_risk(at).tolist()), style_of(how[arm]))
        for arm, curve in curves.items()
    )
    return View(
        "survival",
        title,
        _summary(curves, end, unit, outcome),
        x,
        percent_axis(outcome),
        tuple(marks),
        _table(curves, end, unit, outcome),
        recipe or ViewRecipe(n=tuple((arm, curve.n) for arm, curve in curves.items()), simulated=False),
        keys=tuple(Key(arm, style_of(how[arm])) for arm in names),
        under=under,
        under_title="Number at risk",
        over=over,
    )


def curve_marks(curve: SurvivalCurve, style: Style, end: float, band: bool = False) -> list[Mark]:
    """Return a curve in percent with a tick where a subject left before the end, and its pointwise interval below."""
    columns = curve.columns
    time, alive = numbers(columns["time"]), numbers(100 * columns["survival"])
    marks: list[Mark] = []
    if band:
        lower, upper = (numbers(100 * columns[side]) for side in ("lower", "upper"))
        marks.append(Band(time, lower, upper, style.but(opacity=0.14), steps=True))
    marks.append(Line(time, alive, style, steps=True))
    # Who is alive at the end of the experiment is censored there, and a tick would say nothing new.
    censored = (columns["censored"] > 0) & (columns["time"] < end - 1e-9)
    if censored.any():
        marks.append(Points(numbers(columns["time"][censored]), numbers(100 * columns["survival"][censored]),
                            style.but(marker="|"), 7.0))  # fmt: skip
    return marks


def percent_axis(label: str) -> Axis:
    """Return the axis of a share, 0 to 100 %."""
    return Axis(label, 0.0, 100.0, "%", ticks=PERCENT)


def _at_end(curve: SurvivalCurve) -> float:
    return 100.0 * float(curve.columns["survival"][-1])


def _summary(curves: Mapping[str, SurvivalCurve], end: float, unit: str, outcome: str) -> str:
    share = "; ".join(f"{arm} {_at_end(curve):.0f} %" for arm, curve in curves.items())
    return f"{outcome} on {unit} {end:g}: {share}."


def _table(curves: Mapping[str, SurvivalCurve], end: float, unit: str, outcome: str) -> ViewTable:
    rows = []
    for arm, curve in curves.items():
        median = curve.median()
        value, lower, upper = (
            "not reached" if math.isinf(each) else float(each) for each in (median.value, median.lower, median.upper)
        )
        rows.append((arm, curve.n, curve.events, value, lower, upper, _at_end(curve)))
    columns = (
        ViewColumn("arm"), ViewColumn("n"), ViewColumn("deaths" if outcome == "Alive" else "events"),
        ViewColumn("median", f"{unit}s"), ViewColumn("95 % from", f"{unit}s"), ViewColumn("to", f"{unit}s"),
        ViewColumn(f"{outcome.lower()} on {unit} {end:g}", "%"),
    )  # fmt: skip
    return ViewTable(columns, tuple(rows))
