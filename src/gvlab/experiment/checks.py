"""What an experiment may not ask for, although each part of it is sound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gvlab import units
from gvlab.errors import ProtocolError
from gvlab.library.agent_record import DoseLimit
from gvlab.protocol import Dose, Protocol
from gvlab.subject import System
from gvlab.subject.cohort import BODY_MASS

_SLACK = 1e-6
"""Days by which doses of one time of day may differ."""


def refuse_other_leukemia(arm: str, protocol: Protocol, system: System) -> None:
    """Raise if cells of a leukemia are given that is not the system's: they would grow as that one does."""
    own = system.record.leukemia
    for dose in protocol:
        if dose.harvest is not None:
            refuse_other_leukemia(arm, dose.harvest.protocol, system)
        if dose.agent == own or dose.agent not in system.library.names("leukemias"):
            continue
        named = [each for each, record in system.library.read_all("systems").items() if record.leukemia == dose.agent]
        raise ProtocolError(
            f'Arm "{arm}" gives "{dose.agent}" in the system "{system.name}", whose leukemia is "{own or "none"}": its '
            f"cells would grow and respond as that one does. Give the system's own, or take a system of that "
            f"leukemia: {', '.join(named) or 'there is none yet'}."
        )


def refuse_beyond_limits(arm: str, protocol: Protocol, system: System) -> None:
    """Raise if more is given than an agent's record allows in the system's contexts, or earlier.

    Doses of one agent within a day are added, in whichever unit they are written, and to the rate ("mg/day") at which
    it is given then. An amount per body mass is that of the typical subject of the system. What a primary recipient
    was given, out of which cells are taken, is bound by the same limits.
    """
    by_agent: dict[str, list[Dose]] = {}
    for dose in protocol:
        if dose.harvest is not None:
            refuse_beyond_limits(arm, dose.harvest.protocol, system)
        by_agent.setdefault(dose.agent, []).append(dose)
    for doses in by_agent.values():
        for context, limit in doses[0].agent_definition.record.limits.items():
            if context in system.contexts:
                _refuse_early(arm, doses, limit)
                _refuse_more(arm, doses, limit, system)


def _refuse_early(arm: str, doses: Sequence[Dose], limit: DoseLimit) -> None:
    for dose in doses:
        if limit.not_before is not None and dose.start < limit.not_before:
            raise ProtocolError(
                f"{_given(arm, dose)} on day {dose.start:g}, before day {limit.not_before:g}: {limit.why}. Give it on "
                f"day {limit.not_before:g} or later."
            )


def _refuse_more(arm: str, doses: Sequence[Dose], limit: DoseLimit, system: System) -> None:
    most = limit.most_per_day
    if most is None:
        return
    given: list[tuple[float, float, Dose]] = []
    rates: list[tuple[float, Dose]] = []
    for dose in doses:
        rate, amount = _in_unit(dose, f"{most.unit}/day", system), _in_unit(dose, most.unit, system)
        if rate is not None:
            rates.append((0.0 if _ends(dose) else rate, dose))
        if amount is not None:
            given += [(time, amount, dose) for time in dose.times]
    given.sort(key=lambda each: each[0])
    days = np.array([time for time, _, _ in given])
    before = np.concatenate([[0.0], np.cumsum([amount for _, amount, _ in given])])
    for time, dose in [*((dose.start, dose) for _, dose in rates), *((time, dose) for time, _, dose in given)]:
        # Eight hours times three are a day, but not to the last digit.
        first, last = np.searchsorted(days, [time - _SLACK, time + 1 - _SLACK])
        _refuse_daily(arm, dose, float(before[last] - before[first]) + _rate_at(time, rates), limit)


def _rate_at(time: float, rates: Sequence[tuple[float, Dose]]) -> float:
    """Return the rate at a time: that set last, until it is held or ends."""
    begun = [(rate, dose) for rate, dose in rates if dose.start <= time + _SLACK]
    if not begun:
        return 0.0
    rate, dose = max(begun, key=lambda each: each[1].start)
    ended = dose.until is not None and time >= units.day(dose.until) - _SLACK
    return 0.0 if ended or dose.is_held(time) else rate


def _ends(dose: Dose) -> bool:
    """Return whether a dose ends what another route began."""
    agent = dose.agent_definition
    return agent.route_name(dose.route) in {route.ended_by for route in agent.record.routes.values()}


def _in_unit(dose: Dose, unit: str, system: System) -> float | None:
    """Return a dose in a unit, for the typical subject; None where it is of another kind."""
    table = system.parameters()
    mass = table.row(BODY_MASS).nominalValue if BODY_MASS in table else None
    molar = dose.agent_definition.molar_mass
    amount = dose.quantity
    if not units.can_convert(amount.unit, unit, molar_mass=molar is not None, body_mass=mass is not None):
        return None
    return float(amount.to(unit, molar_mass=molar, body_mass=mass))


def _refuse_daily(arm: str, dose: Dose, daily: float, limit: DoseLimit) -> None:
    most = limit.most_per_day
    if most is not None and daily > most.value * (1 + 1e-9):
        raise ProtocolError(
            f"{_given(arm, dose)}, which makes {daily:g} {most.unit} within a day, and the most is {most.value:g}: "
            f"{limit.why}. Give less, or more rarely."
        )


def _given(arm: str, dose: Dose) -> str:
    return f'Arm "{arm}" gives {dose.amount} of "{dose.agent}"'
