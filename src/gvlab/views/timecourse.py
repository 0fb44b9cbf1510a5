"""A reading over time: a ribbon (median and band of each arm) or a spider (a line a subject)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.errors import InvalidValueError
from gvlab.views.palette import Look, Style, looks, style_of
from gvlab.views.recipe import looks_of, recipe_of
from gvlab.views.view import (
    Axis,
    Band,
    Cell,
    Key,
    Line,
    Mark,
    OverRow,
    Patch,
    Points,
    Segments,
    Text,
    View,
    ViewColumn,
    ViewRecipe,
    ViewTable,
    numbers,
)

if TYPE_CHECKING:
    from gvlab.experiment.results import Results

LEAST_ALIVE = 0.25
"""A median is drawn while at least this share of an arm is read; later it would describe the last survivors."""

BAND = (0.1, 0.9)


@dataclass(frozen=True)
class Course:
    """Readings of one thing in several arms.

    Attributes
    ----------
    title, unit
        What is read.
    days
        Days of the readings.
    values
        By arm, shape (subject, day), NaN where a subject was not read.
    floor, floor_name
        Below it nothing can be read; None where there is no such limit.
    log
        Whether the axis is logarithmic.
    ended
        By arm: the day of death of each subject, infinite where it lived; for crosses. May be empty.
    """

    title: str
    unit: str
    days: Float[Array, "day"]
    values: Mapping[str, Float[Array, "_subject day"]]
    floor: float | None = None
    floor_name: str = "detection limit"
    log: bool = False
    ended: Mapping[str, Float[Array, "_subject"]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for arm, values in self.values.items():
            if values.ndim != 2 or values.shape[1] != len(self.days):
                raise InvalidValueError(f'Arm "{arm}" has readings of shape {values.shape} for {len(self.days)} days.')
        if not self.values or not len(self.days):
            raise InvalidValueError(f'"{self.title}" has no readings, so there is nothing to draw.')
        if self.floor is not None and self.log and self.floor <= 0:
            raise InvalidValueError(f"The floor of a logarithmic axis is {self.floor:g}; it lies above 0.")


def course_of(results: Results, output: str, *, log: bool = False, floor: float | None = None) -> Course:
    """Return an output of the model over the days of a run; errors as `Results.run`."""
    first = next(iter(results.runs.values()))
    values = {arm: results.course(output, arm) for arm in results.runs}
    ended = {arm: _deaths(run.end_times, results.experiment.last_day) for arm, run in results.runs.items()}
    return Course(
        first.about[output]["title"], first.unit(output), first.times, values, floor, log=log, ended=ended
    )  # fmt: skip


def _deaths(ends: Float[Array, "subject"], last: float) -> Float[Array, "subject"]:
    return np.where(ends < last - 1e-9, ends, np.inf)


def ribbon_view(
    course: Course | Results,
    output: str = "",
    *,
    log: bool = False,
    look: Mapping[str, Look] | None = None,
    band: tuple[float, float] = BAND,
    singles: int = 0,
    until: float | None = None,
    over: tuple[OverRow, ...] = (),
    title: str = "",
    recipe: ViewRecipe | None = None,
    time_zero: str = "transplantation",
) -> View:
    """Return median and band of each arm over time.

    Parameters
    ----------
    course, output
        Readings; or results and the output of the model that is drawn.
    log
        With results: a logarithmic axis.
    look
        By arm.
    band
        Quantiles.
    singles
        Subjects of each arm drawn as thin lines, the first ones.
    until
        Last day drawn.
    over
        Rows above the axes: what was given.
    title, recipe, time_zero
        Of the view; those of the results where there are any.
    """
    course, how, recipe, time_zero = _given(course, output, log, look, recipe, time_zero)
    course = course if until is None else _to(course, until)
    days, bottom, top = course.days, *_limits(course)
    first = float(min(0.0, days[0]))
    last = float(days[-1]) if days[-1] > first else first + 1.0
    marks: list[Mark] = _floor(course, first, last, bottom)
    middle: dict[str, Float[Array, "day"]] = {}
    rows: list[tuple[Cell, ...]] = [(float(day),) for day in days]
    for arm, every in course.values.items():
        values = _raised(every, course, bottom)
        style = style_of(how[arm])
        median, lower, upper = _quantiles(values, (0.5, *band))
        known = np.isfinite(median)
        if len(values) > 2:
            x, edge, other = (numbers(each[known]) for each in (days, lower, upper))
            marks.append(Band(x, edge, other, style.but(opacity=0.14)))
        for one in values[:singles]:
            seen = np.isfinite(one)
            marks.append(Line(numbers(days[seen]), numbers(one[seen]), style.but(width=0.6, opacity=0.5, dashes=())))
        middle[arm] = median
        rows = [
            (*row, *(float(each) if math.isfinite(each) else None for each in at))
            for row, at in zip(rows, zip(median, lower, upper, strict=True), strict=True)
        ]
    for arm, median in middle.items():
        known = np.isfinite(median)
        marks.append(Line(numbers(days[known]), numbers(median[known]), style_of(how[arm])))
    columns = [ViewColumn("day")]
    for arm in course.values:
        low, high = (f"{100 * each:g} %" for each in band)
        columns += [ViewColumn(f"{arm}: {what}", course.unit) for what in ("median", low, high)]
    return View(
        "ribbon",
        title or course.title,
        _summary(course, middle, days),
        Axis(f"Days after {time_zero}", first, last),
        Axis(course.title, bottom, top, _printed(course.unit), log=course.log),
        tuple(marks),
        ViewTable(tuple(columns), tuple(rows)),
        recipe,
        keys=tuple(Key(arm, style_of(how[arm])) for arm in course.values),
        over=over,
        notes=(f"Line: median; band: {100 * band[0]:g} to {100 * band[1]:g} % of the subjects alive.",),
    )


def spider_view(
    course: Course | Results,
    output: str = "",
    *,
    arms: Sequence[str] | None = None,
    most: int = 12,
    log: bool = True,
    look: Mapping[str, Look] | None = None,
    limits: tuple[float, float] | None = None,
    until: float | None = None,
    over: tuple[OverRow, ...] = (),
    title: str = "",
    recipe: ViewRecipe | None = None,
    time_zero: str = "transplantation",
) -> View:
    """Return a line a subject; a cross ends the line of one that died. Arguments as in `ribbon_view`.

    Parameters
    ----------
    course, output, log, look, until, over, title, recipe, time_zero
        As in `ribbon_view`.
    arms
        Those drawn; all where None.
    most
        Subjects of each arm that are drawn, the first ones: as many as a laboratory would have.
    limits
        Of the vertical axis, so that pictures beside one another have the same.
    """
    course, how, recipe, time_zero = _given(course, output, log, look, recipe, time_zero)
    names = list(course.values) if arms is None else list(arms)
    bottom, top = limits or _limits(course)
    last = float(course.days[-1]) if until is None else until
    marks = _floor(course, 0.0, last, bottom)
    rows: list[tuple[Cell, ...]] = []
    for arm in names:
        style = style_of(how[arm], 1.0)
        values = _raised(course.values[arm][:most], course, bottom)
        ended = course.ended.get(arm, np.full(len(values), np.inf))
        crosses: list[tuple[float, float]] = []
        dots: list[tuple[float, float]] = []
        for number, (one, end) in enumerate(zip(values, ended[:most], strict=True), 1):
            seen = np.isfinite(one)
            x, y = numbers(course.days[seen]), numbers(one[seen])
            if not x:
                continue
            marks.append(Line(x, y, style.but(dashes=(), opacity=0.75)))
            dots += zip(x, y, strict=True)
            if math.isfinite(end):
                crosses.append((x[-1], y[-1]))
            rows += [(arm, number, day, value) for day, value in zip(x, y, strict=True)]
        if len(course.days) <= 20 and dots:
            marks.append(_points(dots, style.but(dashes=()), 3.0))
        if crosses:
            marks.append(_points(crosses, style.but(marker="x", width=1.4), 7.0))
    counted = "; ".join(f"{arm}, {min(most, len(course.values[arm]))} of {len(course.values[arm])}" for arm in names)
    return View(
        "spider",
        title or course.title,
        f"{course.title} of each subject to day {last:g}: {counted} shown.",
        Axis(f"Days after {time_zero}", 0.0, last),
        Axis(course.title, bottom, top, _printed(course.unit), log=course.log),
        tuple(marks),
        ViewTable(
            (ViewColumn("arm"), ViewColumn("subject"), ViewColumn("day"), ViewColumn(course.title, course.unit)),
            tuple(rows),
        ),
        recipe,
        keys=tuple(Key(arm, style_of(how[arm])) for arm in names) if len(names) > 1 else (),
        over=over,
        notes=("A line a subject, a cross where it died.",),
    )


def _points(places: Sequence[tuple[float, float]], style: Style, size: float) -> Points:
    return Points(tuple(x for x, _ in places), tuple(y for _, y in places), style, size)


def _given(
    course: Course | Results,
    output: str,
    log: bool,
    look: Mapping[str, Look] | None,
    recipe: ViewRecipe | None,
    time_zero: str,
) -> tuple[Course, dict[str, Look], ViewRecipe, str]:
    if isinstance(course, Course):
        how = dict(look) if look is not None else looks(course.values)
        counts = tuple((arm, len(values)) for arm, values in course.values.items())
        return course, how, recipe or ViewRecipe(n=counts, simulated=False), time_zero
    results = course
    zero = results.experiment.system.time_zero.removeprefix("day of ")
    how = dict(look) if look is not None else looks_of(results)
    return course_of(results, output, log=log), how, recipe or recipe_of(results), zero


def _to(course: Course, last: float) -> Course:
    """Return the readings to a time, after which nothing is drawn, nor makes room."""
    keep = course.days <= last
    if not keep.any():
        raise InvalidValueError(
            f'"{course.title}" is drawn to {last:g} and is first read at {course.days[0]:g}; give a later `until`.'
        )
    values = {arm: every[:, keep] for arm, every in course.values.items()}
    return replace(course, days=course.days[keep], values=values)


def _printed(unit: str) -> str:
    return "" if unit == "dimensionless" else unit


def _limits(course: Course) -> tuple[float, float]:
    """Return the ends of the vertical axis: the readings with a little room; decades where it is logarithmic."""
    every = np.concatenate([values.ravel() for values in course.values.values()])
    every = every[np.isfinite(every)]
    if not every.size:
        raise InvalidValueError(f'"{course.title}" has no finite reading, so there is nothing to draw.')
    if not course.log:
        low, high = min(0.0, float(every.min())), float(every.max())
        return low, high + 0.06 * (high - low) if high > low else low + 1.0
    positive = every[every > 0]
    if not positive.size:
        return 0.1, 10.0
    least = float(positive.min()) if course.floor is None else course.floor
    # Zeros stand at the foot of a logarithmic axis: a median of cleared subjects must not become one of the others.
    low = 10.0 ** math.floor(math.log10(least) - (0.3 if course.floor is None and (every <= 0).any() else 0.0) - 1e-9)
    high = float(positive.max()) * 1.6
    return low, high if high > low * 1.5 else low * 10.0


def _raised(values: Float[Array, "subject day"], course: Course, bottom: float) -> Float[Array, "subject day"]:
    """Return readings with those below the floor at it, and on a logarithmic axis those below its foot at that."""
    least = course.floor if course.floor is not None else bottom if course.log else -math.inf
    return np.where(values < least, least, values)


def _quantiles(values: Float[Array, "subject day"], asked: Sequence[float]) -> list[Float[Array, "day"]]:
    enough = np.isfinite(values).sum(axis=0) >= max(1.0, LEAST_ALIVE * len(values))
    found = np.full((len(asked), values.shape[1]), np.nan)
    if enough.any():
        # Sorting once serves every quantile; NaN sorts to the end.
        ordered = np.sort(values[:, enough], axis=0)
        count = np.isfinite(ordered).sum(axis=0)
        for row, each in enumerate(asked):
            place = each * (count - 1)
            low = np.floor(place).astype(np.int64)
            high = np.minimum(low + 1, count - 1)
            columns = np.arange(ordered.shape[1])
            a, b = ordered[low, columns], ordered[high, columns]
            found[row, enough] = a + (b - a) * (place - low)
    return list(found)


def _floor(course: Course, first: float, last: float, bottom: float) -> list[Mark]:
    if course.floor is None:
        if not course.log or not any((values <= 0).any() for values in course.values.values()):
            return []
        return [Text(last, bottom, "0 or less", "end", dy=-3.0, size=9.0, tone="muted")]
    floor = course.floor
    return [
        Patch((first, last, last, first), (bottom, bottom, floor, floor), Style("fill")),
        Segments((first,), (floor,), (last,), (floor,), Style("line", dashes=(3.0, 2.0), width=1.0)),
        Text(last, floor, course.floor_name, "end", dy=10.0, size=9.0, tone="muted"),
    ]


def _summary(course: Course, middle: Mapping[str, Float[Array, "day"]], days: Float[Array, "day"]) -> str:
    parts = []
    for arm, median in middle.items():
        known = np.flatnonzero(np.isfinite(median))
        if len(known):
            parts.append(f"{arm} {median[known[-1]]:.3g} on day {days[known[-1]]:g}")
    unit = f" ({course.unit})" if _printed(course.unit) else ""
    return f"Median of {course.title[:1].lower()}{course.title[1:]}{unit}: {'; '.join(parts)}."
