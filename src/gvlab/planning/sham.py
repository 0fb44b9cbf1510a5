"""Vehicle and sham doses: what an animal gets in place of a dose that others get, so that nobody can tell the arms."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from gvlab.experiment.experiment import Experiment
from gvlab.protocol import Dose


@dataclass(frozen=True)
class ShamDose:
    """What stands in place of a dose.

    Attributes
    ----------
    arm
        Who gets it.
    dose
        The dose of another arm that it stands for: same route, same volume.
    days
        On which it is given; those of the other arms on which this one gets nothing of it.
    """

    arm: str
    dose: Dose
    days: tuple[float, ...]

    @property
    def title(self) -> str:
        """What it is, by the kind of agent."""
        title = self.dose.agent_definition.title
        return {
            "irradiation": f"Sham irradiation (as for {title}, source off)",
            "cells": f"Carrier without cells (as for {title})",
        }.get(self.dose.agent_definition.record.kind, f"Vehicle of {title}")


def sham_doses(experiment: Experiment) -> tuple[ShamDose, ...]:
    """Return the vehicle and sham doses of every arm: of each agent and route, the days on which others get it."""
    given: dict[tuple[str, str], dict[float, Dose]] = {}
    for arm in experiment.arms:
        for dose in arm.protocol:
            days = given.setdefault(_what(dose), {})
            for time in dose.times:
                days.setdefault(time, dose)
    found = []
    for arm in experiment.arms:
        mine: dict[tuple[str, str], set[float]] = {}
        for dose in arm.protocol:
            mine.setdefault(_what(dose), set()).update(dose.times)
        for what, days in given.items():
            missing = sorted(set(days) - mine.get(what, set()))
            if missing:
                found.append(ShamDose(arm.name, days[missing[0]], tuple(missing)))
    return tuple(found)


def _what(dose: Dose) -> tuple[str, str]:
    return dose.agent, dose.agent_definition.route_name(dose.route)


def days_in_words(days: Sequence[float]) -> str:
    """Return days in words: "day 2", "days 4 to 14, every 1 day", "days 0, 3, 9"."""
    if len(days) == 1:
        return f"day {days[0]:g}"
    steps = {round(later - earlier, 9) for earlier, later in itertools.pairwise(days)}
    if len(steps) == 1 and len(days) > 2:
        return f"days {days[0]:g} to {days[-1]:g}, every {steps.pop():g} day"
    return f"days {', '.join(f'{day:g}' for day in days)}"
