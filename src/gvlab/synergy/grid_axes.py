"""What is varied over a grid: which doses of an arm, over which amounts or first days, and what counts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment.experiment import Experiment
from gvlab.protocol import Arm, Dose

DOUBLINGS = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Multiples of the dose of the arm that are given where none are named."""

START_DAYS = (0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0)


@dataclass(frozen=True)
class DoseAxis:
    """What is varied.

    Attributes
    ----------
    label
        For an axis of a figure, with the unit.
    unit
        Of the values; "day" for a start.
    values
        Increasing; doses begin with 0.
    """

    label: str
    unit: str
    values: tuple[float, ...]


def find_dose(experiment: Experiment, arm: Arm, name: str) -> int:
    """Return the place of a dose in the protocol of an arm, by its agent or by its name in the system.

    Raises
    ------
    UnknownNameError
        If the arm has none of that name.
    """
    named = experiment.system.doses
    agent = named[name].agent if name in named else name
    agents = [dose.agent for dose in arm.protocol]
    if agent not in agents:
        known = [*agents, *(each for each, spec in named.items() if spec.agent in agents)]
        raise UnknownNameError(f'dose of arm "{arm.name}"', name, known)
    return agents.index(agent)


def find_pair(experiment: Experiment, arm: Arm, one: str = "", other: str = "") -> tuple[int, int]:
    """Return the places of two doses in the protocol of an arm: those named, or the two that not every arm gets.

    Of the two that not every arm gets, the one that begins later is the first: its first day can be varied.

    Raises
    ------
    UnknownNameError
        If the arm has none of that name.
    InvalidValueError
        If both are the same dose, or it is not clear which two are meant.
    """
    if not one and not other:
        doses = list(arm.protocol)
        varied = [
            place
            for place, dose in enumerate(doses)
            if any(dose.agent not in each.protocol.agents for each in experiment.arms)
        ]
        if len(varied) != 2:
            agents = ", ".join(dict.fromkeys(dose.agent for dose in doses))
            raise InvalidValueError(
                f'Arm "{arm.name}" gets {len(varied)} agents that not every arm gets, so name the two: {agents}.'
            )
        late, early = sorted(varied, key=lambda place: -doses[place].start)
        return late, early
    if not one or not other:
        raise InvalidValueError(f'One agent is named, "{one or other}"; name the other one too.')
    places = find_dose(experiment, arm, one), find_dose(experiment, arm, other)
    if places[0] == places[1]:
        raise InvalidValueError(
            f'"{one}" and "{other}" are the same dose of arm "{arm.name}"; synergy is asked of two agents.'
        )
    return places


def endpoint_of(experiment: Experiment, name: str = "") -> str:
    """Return the endpoint whose share is the effect: the one named, or the experiment's first.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    InvalidValueError
        If it is a death: references of synergy compare what is gained, not what is lost.
    """
    chosen = name or next(iter(experiment.endpoints), "")
    known = experiment.library.names("endpoints")
    if not chosen:
        raise InvalidValueError(f'"{experiment.title}" has no endpoint of its own. Name one: {", ".join(known)}.')
    if not _is_gain(experiment, chosen):
        gained = [each for each in known if _is_gain(experiment, each)]
        raise InvalidValueError(
            f'"{chosen}" counts the dead, and synergy compares what is gained. Take one of: {", ".join(gained)}.'
        )
    return chosen


def _is_gain(experiment: Experiment, name: str) -> bool:
    """Return whether the share that an endpoint counts is a gain: of the living, or of the cured."""
    record = experiment.library.read("endpoints", name)
    return not record.harm and not (record.counts == "reached" and set(record.events) & set(experiment.model.deaths))


def dose_axis(dose: Dose, amounts: Sequence[float] | None = None) -> DoseAxis:
    """Return an axis of amounts of a dose, in its own unit; multiples of it where none are given.

    Raises
    ------
    InvalidValueError
        If there are fewer than three, the first is not 0, or they do not increase.
    """
    values = tuple(dose.quantity.value * factor for factor in DOUBLINGS) if amounts is None else tuple(amounts)
    if len(values) < 3 or values[0] != 0 or any(low >= high for low, high in itertools.pairwise(values)):
        raise InvalidValueError(
            f'The doses of "{dose.agent}" are {", ".join(f"{value:g}" for value in values)}. Give three or more that '
            "increase, 0 first: what the other agent does alone is seen there."
        )
    unit = dose.quantity.unit
    return DoseAxis(f"{dose.agent_definition.title} ({unit})", unit, values)


def start_axis(dose: Dose, days: Sequence[float] | None = None) -> DoseAxis:
    """Return an axis of first days of a dose; the number of doses stays, so a later start ends later."""
    values = START_DAYS if days is None else tuple(days)
    if len(values) < 2 or any(low >= high for low, high in itertools.pairwise(values)):
        raise InvalidValueError(
            f"The first days are {', '.join(f'{value:g}' for value in values)}; give two or more that increase."
        )
    return DoseAxis(f"First day of {dose.agent_definition.title.lower()}", "day", values)


def with_amount(dose: Dose, amount: float) -> Dose | None:
    """Return a dose of another amount; None for 0, which is not given at all."""
    return dose.replace(amount=f"{amount!r} {dose.quantity.unit}") if amount > 0 else None


def started_on(dose: Dose, day: float) -> Dose:
    """Return a dose that starts on another day and is repeated as often."""
    if not dose.repeats:
        return dose.replace(at=f"day {day!r}")
    return dose.replace(at=f"day {day!r}", until=f"day {day + dose.repeats * dose.interval!r}")
