"""The study schedule: what each arm is given and when, on one calendar."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gvlab.errors import InvalidValueError
from gvlab.views.palette import ARM_TONES, Style
from gvlab.views.recipe import recipe_of
from gvlab.views.view import Axis, Cell, Mark, Patch, Points, Segments, View, ViewColumn, ViewRecipe, ViewTable

if TYPE_CHECKING:
    from gvlab.experiment.experiment import Experiment
    from gvlab.experiment.results import Results


@dataclass(frozen=True, slots=True)
class Given:
    """An agent in an arm: its amount in words, and the days on which it is given."""

    arm: str
    agent: str
    amount: str
    days: tuple[float, ...]


def given_in(experiment: Experiment) -> tuple[Given, ...]:
    """Return what every arm of an experiment is given, a row an agent and amount, with every day of it."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for arm in experiment.arms:
        for dose in arm.protocol.doses:
            found.setdefault((arm.name, dose.agent_definition.title, dose.amount), []).extend(dose.times)
    return tuple(Given(*key, tuple(sorted(days))) for key, days in found.items())


def schedule_view(
    given: Sequence[Given],
    *,
    until: float,
    readouts: Sequence[tuple[str, Sequence[float]]] = (),
    sizes: Sequence[tuple[str, int]] = (),
    title: str = "What is given, and when",
    time_zero: str = "transplantation",
    recipe: ViewRecipe | None = None,
) -> View:
    """Return the calendar of a study: an arm a block, an agent a row, a mark a day.

    Parameters
    ----------
    given
        What each arm is given.
    until
        Last day of the study.
    readouts
        What is read, and on which days.
    sizes
        Subjects of each arm.
    title, time_zero, recipe
        Of the view; a plan has no numbers, so it is not marked as simulated where `recipe` is None.

    Raises
    ------
    InvalidValueError
        If nothing is given, or only after the last day.
    """
    if not given:
        raise InvalidValueError("The schedule has no doses, so there is nothing to draw.")
    late = [each for each in given if each.days and each.days[0] > until]
    if late:
        raise InvalidValueError(
            f'"{late[0].agent}" starts on day {late[0].days[0]:g}, after the end of the study on day {until:g}.'
        )
    counts = dict(sizes)
    agents = list(dict.fromkeys(each.agent for each in given))
    # Agents of every arm are the background; what differs between arms is colored.
    arms = list(dict.fromkeys(each.arm for each in given))
    tone = {agent: ARM_TONES[1 + place % (len(ARM_TONES) - 1)] for place, agent in enumerate(agents)}
    first = min(0.0, *(each.days[0] for each in given if each.days))
    marks: list[Mark] = []
    ticks: list[tuple[float, str]] = []
    rows: list[tuple[Cell, ...]] = []
    y = 0.0
    for arm in arms:
        y -= 1.0
        ticks.append((y, f"{arm} (n = {counts[arm]})" if arm in counts else arm))
        marks.append(Segments((first,), (y - 0.45,), (until,), (y - 0.45,), Style("faint", width=1.0)))
        for each in (row for row in given if row.arm == arm):
            y -= 1.0
            ticks.append((y, f"{each.agent}, {each.amount}"))
            marks += _days(each.days, y, tone[each.agent], until)
            rows.append((arm, each.agent, each.amount, _in_words(each.days)))
        y -= 0.4
    for name, days in readouts:
        y -= 1.0
        ticks.append((y, name))
        marks.append(Points(tuple(map(float, days)), (y,) * len(days), Style("ink", width=1.0), 6.0))
        rows.append(("every arm", name, "read", _in_words(tuple(days))))
    marks.insert(0, Segments((0.0,), (y - 0.6,), (0.0,), (0.0,), Style("line", width=1.0)))
    return View(
        "schedule",
        title,
        f"{len(arms)} arms until day {until:g}: " + "; ".join(_arm_in_words(arm, given) for arm in arms) + ".",
        Axis(f"Days after {time_zero}", first - 0.012 * (until - first), until * 1.01),
        Axis("", y - 0.6, 0.0, ticks=tuple(ticks)),
        tuple(marks),
        ViewTable(tuple(map(ViewColumn, ("arm", "agent", "amount", "days"))), tuple(rows)),
        recipe or ViewRecipe(simulated=False),
        height=15.0 * (-y + 0.6),
    )


def schedule_of(results: Results) -> View:
    """Return the schedule of the experiment of results."""
    experiment = results.experiment
    return schedule_view(
        given_in(experiment),
        until=experiment.last_day,
        sizes=[(arm.name, len(results.run(arm.name))) for arm in experiment.arms],
        time_zero=experiment.system.time_zero.removeprefix("day of "),
        recipe=recipe_of(results),
    )


def _days(days: tuple[float, ...], y: float, tone: str, until: float) -> list[Mark]:
    shown = tuple(day for day in days if day <= until)
    if len(shown) == 1:
        return [Points(shown, (y,), Style(tone, marker="v"), 8.0, hollow=False)]
    first, last = shown[0], shown[-1]
    bar = Patch((first, last, last, first), (y - 0.3, y - 0.3, y + 0.3, y + 0.3), Style(tone, opacity=0.25))
    return [bar, Points(shown, (y,) * len(shown), Style(tone, marker="|", width=1.3), 8.0)]


def _in_words(days: Sequence[float]) -> str:
    if len(days) < 3:
        return ", ".join(f"{day:g}" for day in days)
    steps = {round(b - a, 6) for a, b in itertools.pairwise(days)}
    if len(steps) > 1:
        return ", ".join(f"{day:g}" for day in days)
    step = steps.pop()
    return f"{days[0]:g} to {days[-1]:g}, {'daily' if step == 1 else f'every {step:g} days'}"


def _arm_in_words(arm: str, given: Sequence[Given]) -> str:
    parts = [f"{each.agent} on day {_in_words(each.days)}" for each in given if each.arm == arm]
    return f"{arm}: {', '.join(parts)}"
