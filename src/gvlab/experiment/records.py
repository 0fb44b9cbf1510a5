"""Arms and protocols from records of the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gvlab.errors import UnknownNameError
from gvlab.library.records import ArmSpec, DonorProtocol, ExperimentRecord, SystemDose
from gvlab.protocol import Arm, Condition, Dose, Harvest, Protocol
from gvlab.subject import System


def arm_of(spec: ArmSpec, system: System, record: ExperimentRecord) -> Arm:
    """Return an arm of an experiment of the library."""
    protocol = protocol_of(spec.doses, system, f'arm "{spec.name}" of experiment "{record.name}"')
    return Arm(spec.name, protocol, spec.n, spec.condition or None, system.library)


def protocol_of(doses: Sequence[str | SystemDose], system: System, where: str) -> Protocol:
    """Return the protocol of doses of a system, by name, and of others; `where` is what errors call the place.

    Raises
    ------
    UnknownNameError
        If the system has no dose of a name. One that is `absent` from it is left out.
    """
    known: Mapping[str, SystemDose] = system.doses
    made: list[Dose] = []
    for dose in doses:
        if isinstance(dose, str):
            if dose in system.record.absent:
                continue
            if dose not in known:
                raise UnknownNameError(f'dose of system "{system.name}" in {where}', dose, known)
            dose = known[dose]
        made.append(_dose(dose, system, where))
    return Protocol(tuple(made))


def _dose(spec: SystemDose, system: System, where: str) -> Dose:
    harvest = None if spec.harvest is None else _harvest(spec.harvest, system, where)
    return Dose(
        spec.agent,
        spec.amount,
        at=spec.at,
        every=spec.every,
        until=spec.until,
        route=spec.route,
        holds=spec.holds,
        when=spec.when,
        harvest=harvest,
        varied=spec.varied,
        library=system.library,
    )


def _harvest(spec: DonorProtocol, system: System, where: str) -> Harvest:
    return Harvest(
        protocol_of(spec.doses, system, where),
        at=spec.at,
        condition=Condition.of(spec.condition or None, system.library),
    )
