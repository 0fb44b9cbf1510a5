"""Findings as questions to a parameter set: which arms, what is read, and what must come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gvlab import library, units
from gvlab.experiment import Experiment
from gvlab.library.ensemble_recipe import Recipe
from gvlab.library.finding_record import Comparison, FindingRecord
from gvlab.protocol import Arm
from gvlab.subject import System


@dataclass(frozen=True)
class Job:
    """An arm in a system: what is done to whom. Arms of several experiments that do the same are one job.

    Attributes
    ----------
    system
        In which system.
    key
        What is done, in words; two jobs with the same words are the same.
    arm
        Protocol and condition.
    """

    system: System
    key: str
    arm: Arm

    @classmethod
    def of(cls, system: System, arm: Arm) -> Job:
        """Make the job of an arm."""
        return cls(system, f"{system.name}|{arm.protocol!r}|{arm.condition!r}", arm)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def last_dose(self) -> float:
        """The day of the last dose."""
        return max((time for dose in self.arm.protocol for time in dose.times), default=0.0)


@dataclass(frozen=True)
class Question:
    """One comparison of a finding, in one system, against one arm.

    Attributes
    ----------
    claim, role
        Of the finding.
    number
        Of the comparison in the record, from 0.
    comparison
        As the record has it.
    system
        Name of the system.
    arm, versus
        Jobs; `versus` is None for a bound, and the same job for another day.
    versus_name
        Name of the arm it is held against, or the day, or "".
    decides
        Whether a set that fails it is not kept.
    """

    claim: str
    role: str
    number: int
    comparison: Comparison
    system: str
    arm: Job
    versus: Job | None
    versus_name: str
    decides: bool

    @property
    def day(self) -> float:
        """The day of the measure."""
        return units.day(self.comparison.measure.at)

    @property
    def versus_day(self) -> float:
        """The day of the other side."""
        other = self.comparison.versus_at
        return units.day(other) if other else self.day

    @property
    def title(self) -> str:
        """The question in short."""
        measure = self.comparison.measure
        against = f" against {self.versus_name}" if self.versus_name else ""
        return f"{measure.endpoint or measure.readout} on {measure.at}: {self.comparison.arm}{against} ({self.system})"


def questions(findings: Iterable[FindingRecord], recipe: Recipe) -> tuple[Question, ...]:
    """Turn findings into questions; those of which the model cannot speak have none."""
    return tuple(question for finding in findings for question in _of(finding, recipe))


def _of(finding: FindingRecord, recipe: Recipe) -> Iterator[Question]:
    if not finding.comparisons:
        return
    everywhere = library.read("experiments", finding.experiment).systems
    for number, comparison in enumerate(finding.comparisons):
        decides = comparison.counts and recipe.decides(finding.id, finding.role, number)
        for name in comparison.systems or everywhere:
            experiment = Experiment.read(finding.experiment, name)
            arm = Job.of(experiment.system, experiment.arm(comparison.arm))
            sides: list[tuple[Job | None, str]] = [(None, "")]
            if comparison.versus_at:
                sides = [(arm, comparison.versus_at)]
            elif comparison.versus:
                sides = [(Job.of(experiment.system, experiment.arm(other)), other) for other in comparison.versus]
            for versus, versus_name in sides:
                yield Question(
                    finding.id, finding.role, number, comparison, name, arm, versus, versus_name, decides
                )  # fmt: skip
