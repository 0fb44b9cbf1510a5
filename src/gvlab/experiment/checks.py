"""What an experiment may not ask for, although each part of it is sound."""

from __future__ import annotations

from gvlab import units
from gvlab.errors import ProtocolError
from gvlab.library.agent_record import DoseLimit
from gvlab.protocol import Dose, Protocol
from gvlab.subject import System


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
    """Raise if more is given than an agent's record allows in the system's contexts, or earlier."""
    for dose in protocol:
        for context, limit in dose.agent_definition.record.limits.items():
            if context in system.contexts:
                _refuse(arm, dose, limit)


def _refuse(arm: str, dose: Dose, limit: DoseLimit) -> None:
    said = f'Arm "{arm}" gives {dose.amount} of "{dose.agent}"'
    if limit.not_before is not None and dose.start < limit.not_before:
        raise ProtocolError(
            f"{said} on day {dose.start:g}, before day {limit.not_before:g}: {limit.why}. Give it on day "
            f"{limit.not_before:g} or later."
        )
    most = limit.most_per_day
    if most is None:
        return
    amount = dose.quantity
    if units.can_convert(amount.unit, f"{most.unit}/day"):
        daily = float(amount.to(f"{most.unit}/day"))
    elif units.can_convert(amount.unit, most.unit):
        daily = float(amount.to(most.unit)) * (1 / dose.interval if 0 < dose.interval < 1 else 1.0)
    else:
        return
    if daily > most.value * (1 + 1e-9):
        raise ProtocolError(
            f"{said}, {daily:g} {most.unit} a day, and the most is {most.value:g}: {limit.why}. Give less, or "
            "more rarely."
        )
