"""What findings compare: each comparison of a record, resolved against the arms of its experiment in one system."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gvlab import units
from gvlab.experiment import Experiment
from gvlab.findings.rule import Kind
from gvlab.library.finding_record import Comparison, FindingRecord
from gvlab.protocol import Arm
from gvlab.subject import System


@dataclass(frozen=True, eq=False)
class ArmInSystem:
    """An arm in a system: what is done to whom. Arms of several experiments that do the same are one.

    Attributes
    ----------
    system
        In which system.
    arm
        Protocol and condition.
    """

    system: System
    arm: Arm

    @functools.cached_property
    def key(self) -> str:
        """What is done to whom; two arms of which it is the same are the same."""
        return f"{self.system.name}|{self.arm.protocol.fingerprint}|{self.arm.condition.changes!r}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArmInSystem) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def last_dose(self) -> float:
        """The day of the last dose."""
        return max((time for dose in self.arm.protocol for time in dose.times), default=0.0)


@dataclass(frozen=True)
class ComparisonInSystem:
    """One comparison of a finding, in one system, against one arm, one day or a bound.

    Attributes
    ----------
    finding
        The record it belongs to.
    number
        Its place in the record, from 0.
    record
        As the record has it.
    experiment
        The experiment in that system, with its library and model.
    arm
        The arm that is judged.
    versus
        The arm it is held against: None for a bound, the same arm for another day.
    versus_name
        Name of that arm, or the day, or "".
    """

    finding: FindingRecord
    number: int
    record: Comparison
    experiment: Experiment
    arm: ArmInSystem
    versus: ArmInSystem | None
    versus_name: str

    @property
    def system(self) -> str:
        """Name of the system."""
        return self.experiment.system.name

    @property
    def day(self) -> float:
        """The day of the measure."""
        return units.day(self.record.measure.at)

    @property
    def versus_day(self) -> float:
        """The day of the other side."""
        other = self.record.versus_at
        return units.day(other) if other else self.day

    @property
    def kind(self) -> Kind:
        """What its effect is."""
        reading = self.record.measure.readout is not None
        if self.versus is None:
            return Kind.READING if reading else Kind.SHARE
        return Kind.RATIO if reading else Kind.DIFFERENCE

    @property
    def measured(self) -> str:
        """What is measured and when, as a reader calls it."""
        measure = self.record.measure
        if measure.readout is not None:
            who = f" of {measure.group.name}" if measure.group else ""
            return f"{self.experiment.model.title(measure.readout)}{who} on {measure.at}"
        how = ", as a registry counts," if measure.analysis == "as_registry" else ""
        return f"{self.experiment.library.read('endpoints', str(measure.endpoint)).title}{how} on {measure.at}"

    @property
    def title(self) -> str:
        """The comparison in short."""
        against = f" against {self.versus_name}" if self.versus_name else ""
        return f"{self.measured}: {self.record.arm}{against} ({self.system})"


def comparisons_of(finding: FindingRecord, experiments: Mapping[str, Experiment]) -> Iterator[ComparisonInSystem]:
    """Resolve the comparisons of a finding; one of which the model cannot speak has none.

    Parameters
    ----------
    finding
        The record.
    experiments
        Its experiment, by name of the system; systems that are not there are not compared.

    Yields
    ------
    Comparisons in the order of the record, of the systems, and of the arms each is held against.
    """
    for number, record in enumerate(finding.comparisons):
        for system in record.systems or tuple(experiments):
            if system not in experiments:
                continue
            experiment = experiments[system]
            arm = ArmInSystem(experiment.system, experiment.arm(record.arm))
            sides: list[tuple[ArmInSystem | None, str]] = [(None, "")]
            if record.versus_at:
                sides = [(arm, record.versus_at)]
            elif record.expect.rank is not None:
                others = " and ".join(record.versus) if len(record.versus) == 2 else ", ".join(record.versus)
                sides = [(ArmInSystem(experiment.system, experiment.arm(record.versus[0])), f"the best of {others}")]
            elif record.versus:
                sides = [(ArmInSystem(experiment.system, experiment.arm(other)), other) for other in record.versus]
            for versus, name in sides:
                yield ComparisonInSystem(finding, number, record, experiment, arm, versus, name)
