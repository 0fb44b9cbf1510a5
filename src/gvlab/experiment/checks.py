"""What an experiment may not ask for, although each part of it is sound."""

from __future__ import annotations

from gvlab.errors import ProtocolError
from gvlab.protocol import Protocol
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
