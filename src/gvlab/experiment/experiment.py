"""Experiment: system, arms, what is read, until when; run it, or run it under a condition."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gvlab import notebook, units
from gvlab.bibliography import Source
from gvlab.engine import Cancel, Options, Progress
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment.carriers import carriers_of
from gvlab.experiment.checks import refuse_beyond_limits, refuse_other_leukemia
from gvlab.experiment.records import arm_of
from gvlab.experiment.results import Results
from gvlab.library import Library
from gvlab.library.records import ExperimentRecord
from gvlab.model.model import Model
from gvlab.notebook import shortened
from gvlab.protocol import Arm, Condition
from gvlab.simulation import Executor, SimulationTask, run_tasks, show_warnings
from gvlab.subject import Cohort, System


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
    library
        Where everything that has a name is read: the system, agents, conditions, assays, endpoints.
    model
        What happens.
    """

    title: str
    system: System
    arms: tuple[Arm, ...]
    assays: tuple[str, ...]
    endpoints: tuple[str, ...]
    until: str
    library: Library = field(repr=False)
    model: Model = field(repr=False)
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
        library: Library | None = None,
        model: Model | None = None,
        name: str = "",
    ) -> None:
        """Make an experiment; everything that has a name is looked up now.

        Agents and conditions of arms are taken from the library of the experiment, whatever library they were first
        read from, so that what runs is what this library says.

        Parameters
        ----------
        title, system, arms, assays, endpoints, until, name
            See the attributes.
        library
            That of the system where None; the default one for a system that is given by name.
        model
            That of the library where None.

        Raises
        ------
        UnknownNameError
            If there is no such system, agent, condition, assay or endpoint.
        InvalidValueError
            If there is no arm, two have the same name, or the system is from another library.
        ProtocolError
            If cells of a leukemia are given that is not that of the system.
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
        if isinstance(system, System) and library is not None and library != system.library:
            raise InvalidValueError(
                f'"{title}" has {library}, and its system "{system.name}" was read from {system.library}. '
                "Give the name of the system, or leave the library out."
            )
        if not isinstance(system, System):
            system = System.read(system, library)
        library = system.library
        model = Model.default(library) if model is None else model
        for endpoint in endpoints:
            library.read("endpoints", endpoint)
        values = {
            "title": title,
            "system": system,
            "arms": tuple(arm.with_library(library) for arm in arms),
            "assays": tuple(assays),
            "endpoints": tuple(endpoints),
            "until": until,
            "library": library,
            "model": model,
            "name": name,
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)
        for arm in self.arms:
            refuse_other_leukemia(arm.name, arm.protocol, system)
            refuse_beyond_limits(arm.name, arm.protocol, system)
        self.outputs()  # an assay that does not exist is refused where it is written

    def __repr__(self) -> str:
        arms = shortened(", ".join(f"{arm.name} (n = {arm.n})" for arm in self.arms))
        return f"Experiment({self.title!r}\n  in {self.system.name} until {self.until}\n  arms: {arms})"

    def _repr_html_(self) -> str:
        rows = [(arm.name, arm.n, arm.protocol.in_words(), str(arm.condition)) for arm in self.arms]
        return notebook.card(
            self.title,
            f"{self.system.title}; time zero is the {self.system.time_zero}; until {self.until}",
            notebook.table(("arm", "n", "what is given", "condition"), rows),
            notebook.line(f"Read: {', '.join((*self.assays, *self.endpoints)) or 'nothing'}."),
        )

    @classmethod
    def read(
        cls, name: str, system: str | None = None, library: Library | None = None, model: Model | None = None
    ) -> Experiment:
        """Return an experiment of a library, in one of its systems (the first where none is named).

        Raises
        ------
        UnknownNameError
            If there is none of that name, or it is not run in that system.
        """
        library = Library.default() if library is None else library
        record: ExperimentRecord = library.read("experiments", name)
        chosen = record.systems[0] if system is None else system
        if chosen not in record.systems:
            raise UnknownNameError(f'system of experiment "{name}"', chosen, record.systems)
        where = System.read(chosen, library)
        return cls(
            record.title,
            system=where,
            arms=[arm_of(spec, where, record) for spec in record.arms],
            assays=record.assays,
            endpoints=record.endpoints,
            until=record.until,
            model=model,
            name=name,
        )

    def arm(self, name: str) -> Arm:
        """Return an arm.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise UnknownNameError("arm", name, [arm.name for arm in self.arms])

    def replace(self, **changes: Any) -> Experiment:
        """Return an experiment with some fields changed; with another library, everything is read from that one."""
        fields: dict[str, Any] = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        if "library" in changes:
            fields |= {"system": self.system.name, "model": None}
        elif isinstance(changes.get("system"), System) and changes["system"].library != self.library:
            fields |= {"library": None, "model": None}
        return Experiment(**{**fields, **changes})

    def under(self, condition: str | Condition) -> Experiment:
        """Return the same experiment with every arm under a condition: a knock-out, a depletion."""
        return self.replace(arms=tuple(arm.under(condition, self.library) for arm in self.arms))

    @property
    def last_day(self) -> float:
        """The last day."""
        return units.day(self.until)

    @property
    def left_out(self) -> tuple[str, ...]:
        """What belongs to its endpoints in the clinic and the model does not have, a sentence each."""
        records = [self.library.read("endpoints", name) for name in self.endpoints]
        # Several endpoints may lack the same.
        found: dict[str, list[str]] = {}
        for record in records:
            if record.left_out:
                found.setdefault(record.left_out, []).append(record.title)
        return tuple(f"{', '.join(titles)}: {left_out}" for left_out, titles in found.items())

    def outputs(self) -> tuple[str, ...]:
        """Names of the model's outputs that are read, and of the cells that a mean among them is of."""
        return self._outputs

    @functools.cached_property
    def _outputs(self) -> tuple[str, ...]:
        names = [name for assay in self.assays for name in outputs_of(assay, self.model, self.library)]
        return tuple(dict.fromkeys((*names, *(state for name in names for state in self.carriers.get(name, ())))))

    @functools.cached_property
    def carriers(self) -> dict[str, tuple[str, ...]]:
        """By mean over cells (a phenotype): the states of the model whose cells have it."""
        symbols = self.model.symbols
        return {mean: states for mean, states in carriers_of(self.library).items() if {mean, *states} <= set(symbols)}

    def tasks(
        self,
        seed: int,
        *,
        subjects: int | None = None,
        cohort: Cohort | None = None,
        days: Sequence[float] | None = None,
        engine: str | None = None,
        options: Options | None = None,
    ) -> dict[str, SimulationTask]:
        """Return what `run` simulates, by arm; arguments and errors as there."""
        if cohort is not None and subjects is not None:
            raise InvalidValueError(
                f"{subjects} subjects are asked for, and a cohort of {len(cohort)} is given. Leave one of them out."
            )
        cohorts = self.cohorts(seed, subjects) if cohort is None else {arm.name: cohort for arm in self.arms}
        until = self.last_day
        grid = np.unique(np.concatenate([np.arange(0, np.floor(until) + 1), [until], np.asarray(days or [], float)]))
        return {
            arm.name: SimulationTask(
                self.model,
                cohorts[arm.name],
                arm.protocol,
                arm.condition,
                until=until,
                times=grid,
                outputs=self.outputs(),
                engine=engine,
                options=options,
                label=arm.name,
            )
            for arm in self.arms
        }

    def run(
        self,
        seed: int,
        *,
        subjects: int | None = None,
        cohort: Cohort | None = None,
        days: Sequence[float] | None = None,
        engine: str | None = None,
        options: Options | None = None,
        reuse: Results | None = None,
        executor: Executor | str | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Results:
        """Return what comes of it.

        Parameters
        ----------
        seed
            Of the subjects, and of the errors of virtual assays; the same seed gives the same.
        subjects
            None runs the experiment as a laboratory would: `n` different subjects in each arm. A number sends the same
            that many virtual subjects through every arm, which shows the effect without the luck of the draw.
        cohort
            Subjects of your own, all of whom go through every arm; not together with `subjects`.
        days
            Days on which outputs are read, beside every whole day.
        engine
            Name of an engine; the default one where None.
        options
            Accuracy; the engine's own where None.
        reuse
            Results of an earlier run. An arm that was followed in it with the same model, protocol, condition, cohort,
            days, outputs and accuracy is taken from there, whatever it is called; only the others are simulated.
        executor
            Who simulates: "serial" (the default), "threads", or a `gvlab.simulation.cluster.Cluster`.
        progress
            Told, at least ten times a second, how many subjects have been finished since it was last told.
        cancel
            A `CancelToken`; it stops the run within a fifth of a second.

        Returns
        -------
        Trajectories of every arm, with the measurements and event times that can be read from them.

        Raises
        ------
        SolveError, ProtocolError
            If nobody of an arm could be followed.
        CancelledError
            If it was cancelled.

        Warns
        -----
        SolveWarning
            If subjects of an arm could not be solved.
        """
        tasks = self.tasks(seed, subjects=subjects, cohort=cohort, days=days, engine=engine, options=options)
        keys = {arm: task.key for arm, task in tasks.items()}
        earlier = {} if reuse is None else {key: reuse.runs[arm] for arm, key in reuse.keys.items()}
        kept = {arm: earlier[key] for arm, key in keys.items() if key in earlier}
        if progress is not None and kept:
            progress(sum(len(run) for run in kept.values()))
        wanted = {arm: task for arm, task in tasks.items() if arm not in kept}
        done = run_tasks(wanted.values(), executor=executor, progress=progress, cancel=cancel)
        show_warnings(done)
        new = dict(zip(wanted, (result.get() for result in done), strict=True))
        runs = {arm: kept[arm] if arm in kept else new[arm] for arm in tasks}
        return Results(self, runs, seed, paired=subjects is not None or cohort is not None, keys=keys)

    def cohorts(self, seed: int, subjects: int | None = None) -> dict[str, Cohort]:
        """Return the subjects drawn for each arm; see `run`."""
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
        """Return the bibliography entries of exactly the numbers it uses."""
        return self.system.sources()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON or YAML; `gvlab.experiment.text` also keeps how it is run."""
        from gvlab.experiment.text import ExperimentFile

        return ExperimentFile(self).to_dict()

    @classmethod
    def from_dict(cls, content: Any, *, library: Library | None = None, model: Model | None = None) -> Experiment:
        """Return the experiment that plain values describe; errors and warnings as `ExperimentFile.parse`."""
        from gvlab.experiment.text import ExperimentFile

        return ExperimentFile.from_dict(content, library=library, model=model).experiment

    def in_words(self) -> str:
        """Return what is done in each arm, as text."""
        lines = [f"{self.title}. System: {self.system.title}; time zero is the {self.system.time_zero}."]
        for arm in self.arms:
            condition = f" Condition: {arm.condition}." if arm.condition else ""
            lines.append(f"{arm.name} (n = {arm.n}). {arm.protocol.in_words()}{condition}")
        return "\n".join(lines)


def outputs_of(assay: str, model: Model, library: Library) -> tuple[str, ...]:
    """Return the outputs of the model that an assay of the library reads, or the output of that name.

    Raises
    ------
    UnknownNameError
        If there is neither.
    """
    if assay in model.symbols:
        return (assay,)
    known = library.names("assays")
    if assay not in known:
        raise UnknownNameError("assay or output of the model", assay, (*known, *model.symbols))
    from gvlab.assay.assay import Assay

    return Assay.named(assay, library=library).outputs
