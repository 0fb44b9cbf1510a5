"""Experiment: system, arms, what is read, until when; run it, or run it under a condition."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gvlab import library, units
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment.results import Results
from gvlab.library.records import ArmSpec, DonorProtocol, ExperimentRecord, SystemDose
from gvlab.model.model import Model
from gvlab.protocol import Arm, Condition, Dose, Harvest, Protocol
from gvlab.provenance import Source
from gvlab.simulation import simulate
from gvlab.subject import Cohort, System

Progress = Callable[[int], None]


@dataclass(frozen=True, init=False)
class Experiment:
    """A study of arms in one system.

    Attributes
    ----------
    title
        What it is about.
    system
        The model system.
    arms
        Groups, each with a name, a protocol, a number of subjects and a condition.
    assays
        Outputs of the model that are read, by the name of an assay of the library or of the output itself.
    endpoints
        Names of endpoints of the library.
    until
        The last day.
    """

    title: str
    system: System
    arms: tuple[Arm, ...]
    assays: tuple[str, ...]
    endpoints: tuple[str, ...]
    until: str
    name: str = field(default="")

    def __init__(
        self,
        title: str,
        *,
        system: str | System,
        arms: Iterable[Arm],
        assays: Iterable[str] = (),
        endpoints: Iterable[str] = (),
        until: str,
        name: str = "",
    ) -> None:
        """Make an experiment; everything that has a name is looked up now.

        Raises
        ------
        UnknownNameError
            If there is no such system, assay or endpoint.
        InvalidValueError
            If there is no arm, or two have the same name.
        UnitError
            If `until` is not a day.
        """
        arms = tuple(arms)
        names = [arm.name for arm in arms]
        if not arms:
            raise InvalidValueError(f'The experiment "{title}" has no arms. Give at least one.')
        twice = [each for each in names if names.count(each) > 1]
        if twice:
            raise InvalidValueError(f'Two arms of "{title}" are named "{twice[0]}"; a name stands for one arm.')
        units.day(until, f'the end of "{title}"')
        for endpoint in endpoints:
            library.read("endpoints", endpoint)
        model = Model.default()
        for assay in assays:
            outputs_of(assay, model)
        values = {
            "title": title,
            "system": system if isinstance(system, System) else System.read(system),
            "arms": arms,
            "assays": tuple(assays),
            "endpoints": tuple(endpoints),
            "until": until,
            "name": name,
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @classmethod
    def read(cls, name: str, system: str | None = None) -> Experiment:
        """Read an experiment of the library, in one of its systems (the first where none is named).

        Raises
        ------
        UnknownNameError
            If there is none of that name, or it is not run in that system.
        """
        record: ExperimentRecord = library.read("experiments", name)
        chosen = record.systems[0] if system is None else system
        if chosen not in record.systems:
            raise UnknownNameError(f'system of experiment "{name}"', chosen, record.systems)
        where = System.read(chosen)
        return cls(
            record.title,
            system=where,
            arms=[_arm(spec, where, record) for spec in record.arms],
            assays=[readout if isinstance(readout, str) else readout.output for readout in record.readouts],
            endpoints=record.endpoints,
            until=record.until,
            name=name,
        )

    def arm(self, name: str) -> Arm:
        """Give an arm.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise UnknownNameError("arm", name, [arm.name for arm in self.arms])

    def replace(self, **changes: object) -> Experiment:
        """Give an experiment with some fields changed."""
        fields = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return Experiment(**{**fields, **changes})

    def under(self, condition: str | Condition) -> Experiment:
        """Give the same experiment with every arm under a condition: a knock-out, a depletion."""
        return self.replace(arms=tuple(arm.under(condition) for arm in self.arms))

    @property
    def last_day(self) -> float:
        """The last day."""
        return units.day(self.until)

    def outputs(self) -> tuple[str, ...]:
        """Names of the model's outputs that are read."""
        model = Model.default()
        return tuple(dict.fromkeys(name for assay in self.assays for name in outputs_of(assay, model)))

    def run(
        self,
        seed: int,
        *,
        subjects: int | None = None,
        days: Sequence[float] | None = None,
        engine: str | None = None,
        progress: Progress | None = None,
    ) -> Results:
        """Run it.

        Parameters
        ----------
        seed
            Of the subjects; the same seed gives the same subjects.
        subjects
            None runs the experiment as a laboratory would: `n` different subjects in each arm. A number sends the same
            that many virtual subjects through every arm, which shows the effect without the luck of the draw.
        days
            Days on which outputs are read, beside every whole day.
        engine
            Name of an engine; the default one where None.
        progress
            Told how many subjects have just been finished.

        Returns
        -------
        Trajectories of every arm, with the measurements and event times that can be read from them.
        """
        until = self.last_day
        grid = np.unique(np.concatenate([np.arange(0, np.floor(until) + 1), [until], np.asarray(days or [], float)]))
        cohorts = self.cohorts(seed, subjects)
        model = Model.default()
        runs = {
            arm.name: simulate(
                model,
                cohorts[arm.name],
                arm.protocol,
                until=until,
                times=grid,
                outputs=self.outputs(),
                condition=arm.condition,
                engine=engine,
                progress=progress,
            )
            for arm in self.arms
        }
        return Results(self, runs, seed, paired=subjects is not None)

    def cohorts(self, seed: int, subjects: int | None = None) -> dict[str, Cohort]:
        """Draw the subjects of each arm; see `run`."""
        if subjects is not None:
            shared = self.system.cohort(subjects, seed)
            return {arm.name: shared for arm in self.arms}
        everyone = self.system.cohort(sum(arm.n for arm in self.arms), seed)
        cohorts, start = {}, 0
        for arm in self.arms:
            cohorts[arm.name] = everyone.select(slice(start, start + arm.n))
            start += arm.n
        return cohorts

    def sources(self) -> tuple[Source, ...]:
        """Give the bibliography entries of exactly the numbers it uses."""
        return self.system.sources()

    def in_words(self) -> str:
        """Say what is done in each arm."""
        lines = [f"{self.title}. System: {self.system.title}; time zero is the {self.system.time_zero}."]
        for arm in self.arms:
            condition = f" Condition: {arm.condition}." if arm.condition else ""
            lines.append(f"{arm.name} (n = {arm.n}). {arm.protocol.in_words()}{condition}")
        return "\n".join(lines)


def outputs_of(assay: str, model: Model) -> tuple[str, ...]:
    """Give the outputs of the model that an assay of the library reads, or the output of that name.

    Raises
    ------
    UnknownNameError
        If there is neither.
    """
    if assay in model.symbols:
        return (assay,)
    if assay not in library.names("assays"):
        raise UnknownNameError("assay or output of the model", assay, (*library.names("assays"), *model.symbols))
    from gvlab.assay.assay import Assay

    return Assay.named(assay).outputs


def _arm(spec: ArmSpec, system: System, record: ExperimentRecord) -> Arm:
    protocol = _protocol(spec.doses, system, f'arm "{spec.name}" of experiment "{record.name}"')
    return Arm(spec.name, protocol, spec.n, spec.condition or None)


def _protocol(doses: Sequence[str | SystemDose], system: System, where: str) -> Protocol:
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
        spec.agent, spec.amount, at=spec.at, every=spec.every, until=spec.until, route=spec.route, harvest=harvest
    )


def _harvest(spec: DonorProtocol, system: System, where: str) -> Harvest:
    return Harvest(_protocol(spec.doses, system, where), at=spec.at, condition=Condition.of(spec.condition or None))
