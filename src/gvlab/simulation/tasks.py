"""SimulationTask: these subjects through that protocol. The one way in which anything here is simulated.

A task is data, and so is its result: what became of every subject, the warnings, and the error where nobody could be
followed. Nothing is dropped in silence: who puts results together reads `TaskResult.ok` and shows the warnings.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gvlab import units
from gvlab.arrays import Array, Bool, Float, Int
from gvlab.capacity import refuse_beyond_memory
from gvlab.engine import DEFAULT_ENGINE, ENGINES, Cancel, Options, Progress, Solution, Status
from gvlab.errors import (
    CancelledError,
    GVLabError,
    InvalidValueError,
    ProtocolError,
    SolveError,
    UnknownNameError,
)
from gvlab.model.model import Model
from gvlab.protocol import Condition, Dose, Harvest, Protocol
from gvlab.provenance import Manifest, sha256
from gvlab.simulation.conditions import values_under
from gvlab.simulation.engine_call import EngineCall
from gvlab.simulation.executors import Executor, executor_of
from gvlab.simulation.failures import failures
from gvlab.simulation.harvests import taken, without_donors
from gvlab.simulation.schedule import Harvested, Values, schedule
from gvlab.simulation.trajectories import Trajectories
from gvlab.subject import Cohort

_SLACK = 1e-9
_WHILE_MADE = 1.5
"""Memory that readings take while they are made, against what they take afterwards; measured."""


@dataclass(frozen=True, eq=False)
class SimulationTask:
    """Subjects that are to be followed through a protocol.

    Attributes
    ----------
    model
        What happens.
    cohort
        In whom.
    protocol
        What is done.
    condition
        What is different.
    until
        The last day: "day 100" or 100.0.
    times
        Days on which outputs are read; every whole day and the last one where None.
    outputs
        States, parameters, assigned variables and reactions (their rate) of the model; every state where None.
    engine
        Name of an engine, one of `gvlab.engine.ENGINES`; the default one where None.
    options
        Accuracy; the engine's own where None.
    label
        What warnings call it: the name of an arm.
    """

    model: Model
    cohort: Cohort
    protocol: Protocol = field(default_factory=Protocol)
    condition: Condition = field(default_factory=Condition)
    until: str | float = field(kw_only=True)
    times: Sequence[float] | Float[Array, "time"] | None = field(default=None, kw_only=True)
    outputs: Sequence[str] | None = field(default=None, kw_only=True)
    engine: str | None = field(default=None, kw_only=True)
    options: Options | None = field(default=None, kw_only=True)
    label: str = field(default="", kw_only=True)

    @functools.cached_property
    def last(self) -> float:
        """The last day as a number."""
        return units.day(self.until, "the last day") if isinstance(self.until, str) else float(self.until)

    @functools.cached_property
    def readings(self) -> Float[Array, "time"]:
        """Days on which outputs are read, increasing.

        Raises
        ------
        InvalidValueError
            If one is not finite or comes after the last day, or there are none.
        """
        if not np.isfinite(self.last) or self.last <= 0:
            raise InvalidValueError(f"The last day is {self.last:g}; it must be after day 0.")
        times = np.append(np.arange(0.0, self.last), self.last) if self.times is None else self.times
        readings = np.unique(np.asarray(times, dtype=np.float64))
        if not len(readings) or not np.all(np.isfinite(readings)):
            raise InvalidValueError("Days of reading must be finite numbers, at least one, such as times=[0, 12, 100].")
        if readings[-1] > self.last + _SLACK:
            raise InvalidValueError(
                f"Day {readings[-1]:g} is to be read, but the last day is {self.last:g}. End later."
            )
        return readings

    @functools.cached_property
    def engine_name(self) -> str:
        """Name of the engine that is used."""
        name = DEFAULT_ENGINE if self.engine is None else self.engine
        if name not in ENGINES:
            raise UnknownNameError("engine", name, ENGINES)
        return name

    @functools.cached_property
    def values(self) -> Values:
        """Parameters of the subjects under the condition."""
        return values_under(self.condition, self.cohort, self.model)

    @functools.cached_property
    def key(self) -> str:
        """SHA-256 of all that its result depends on: tasks with the same key have the same trajectories."""
        names = tuple(self.model.equations.states if self.outputs is None else self.outputs)
        options = Options() if self.options is None else self.options
        parts = (
            self.model.sha256,
            self.cohort.sha256,
            self.protocol.fingerprint,
            repr(self.condition.changes),
            repr((self.last, names, self.engine_name)),
            repr((options.relative_tolerance, options.absolute_tolerance, options.max_steps)),
            repr(sorted(options.scale.items())),
            self.readings.tobytes(),
        )
        return sha256(b"\0".join(part if isinstance(part, bytes) else part.encode() for part in parts))

    @property
    def bytes_needed(self) -> float:
        """About how many bytes its result takes while it is being made."""
        states = len(self.model.equations.states)
        names = states if self.outputs is None else len(self.outputs)
        # Readings, and where each subject ended.
        return 8.0 * len(self.cohort) * (_WHILE_MADE * names * len(self.readings) + 2 * states)

    def check(self) -> None:
        """Raise if it asks for what the model or the engines do not have."""
        for name in self.outputs or ():
            self.model.symbol(name)
        self.readings  # noqa: B018 - days that cannot be read are refused before anything is simulated
        self.engine_name  # noqa: B018
        self.values  # noqa: B018

    def primary(self, dose: Dose, harvest: Harvest) -> SimulationTask:
        """Return the task that follows the primary recipients of a dose until their cells are taken.

        The primary of subject i is subject i itself under the primary's protocol, so the cells keep the properties of
        theirs that are parameters.
        """
        spec = dose.route_definition.harvest
        if spec is None:
            raise ProtocolError(f'"{dose.agent}" does not come out of a primary recipient.')
        return SimulationTask(
            self.model,
            self.cohort,
            harvest.protocol,
            harvest.condition,
            until=harvest.day,
            times=(harvest.day,),
            outputs=(*spec.pool, *spec.phenotype),
            engine=self.engine,
            options=self.options,
            label=f"{self.label}, primary recipients".removeprefix(", "),
        )

    def call(self, harvests: Mapping[Harvest, Harvested]) -> EngineCall:
        """Return the engine call that carries it out, once what primary recipients give is known."""
        nominal, day = self.model.equations.nominal, self.model.equations.contents.day
        operations = schedule(self.protocol, self.values, self.last, harvests)
        if day != 1.0:
            operations = tuple(dataclasses.replace(operation, time=operation.time * day) for operation in operations)
        return EngineCall(
            self.model.equations,
            self.days * day,
            len(self.cohort),
            tuple(self.model.equations.states if self.outputs is None else self.outputs),
            {
                name: value
                for name, value in self.values.of_model().items()
                if not isinstance(value, float) or value != nominal[name]
            },
            operations,
            self.model.deaths,
            self.options,
            self.engine_name,
        )

    @functools.cached_property
    def days(self) -> Float[Array, "time"]:
        """Days at which the engine starts and reads.

        A dose before day 0 starts the clock earlier; what is read stays what was asked for.
        """
        start = min(0.0, self.protocol.start, self.readings[0])
        return np.concatenate([[start], self.readings]) if start < self.readings[0] else self.readings

    def in_days(self, solution: Solution) -> Solution:
        """Return what an engine found in the model's unit of time, in days."""
        day = self.model.equations.contents.day
        if day == 1.0:
            return solution
        events = solution.events.copy()
        events["time"] /= day
        return dataclasses.replace(solution, times=self.days, end_times=solution.end_times / day, events=events)

    def manifest(self, tolerances: Mapping[str, float]) -> Manifest:
        """Return what makes its result."""
        words = self.protocol.in_words()
        tables = {
            "parameters": self.cohort.table.sha256,
            "cohort": self.cohort.sha256,
            "protocol": sha256(words),
            "condition": sha256(repr(self.condition.changes)),
        }
        notes = {"population": self.cohort.population, "condition": str(self.condition), "protocol": words}
        return Manifest(self.model.sha256, tables, self.cohort.seed, self.engine_name, dict(tolerances), notes=notes)


@dataclass(frozen=True, eq=False)
class TaskResult:
    """What came of a task.

    Attributes
    ----------
    task
        What was to be done.
    trajectories
        Of all subjects, each as far as it went; None where nobody was followed at all.
    warnings
        What a reader must know of subjects that could not be solved: which, what they share, and the remedy.
    error
        Why there is not one subject to go on with; None where there is.
    """

    task: SimulationTask
    trajectories: Trajectories | None
    warnings: tuple[str, ...] = ()
    error: GVLabError | None = None

    @property
    def ok(self) -> bool:
        """Whether somebody was followed to the end; `solved` says who."""
        return self.error is None

    @property
    def statuses(self) -> Int[Array, "subject"]:
        """Values of `gvlab.engine.Status`; ENGINE_FAILED for everybody where nobody was followed."""
        if self.trajectories is None:
            return np.full(len(self.task.cohort), Status.ENGINE_FAILED, dtype=np.int8)
        return self.trajectories.status

    @property
    def solved(self) -> Bool[Array, "subject"]:
        """Whether each subject was followed to the last day, or to its death."""
        return np.isin(self.statuses, [status for status in Status if status.ok])

    def get(self) -> Trajectories:
        """Return the trajectories.

        Raises
        ------
        SolveError, ProtocolError
            If there is not one subject to go on with.
        """
        if self.error is not None:
            raise self.error
        assert self.trajectories is not None
        return self.trajectories


def run_tasks(
    tasks: Iterable[SimulationTask],
    *,
    executor: Executor | str | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> list[TaskResult]:
    """Simulate.

    Primary recipients that several tasks share are followed once. The result does not depend on the executor.

    Parameters
    ----------
    tasks
        What to simulate.
    executor
        Who does it: "serial" (the default), "threads", or an executor of `gvlab.simulation.executors`.
    progress
        Told, at least ten times a second, how many subjects have been finished since it was last told; it may be none.
    cancel
        A `CancelToken`, or anything that can be asked whether to stop. It ends the run within a fifth of a second.

    Returns
    -------
    A result for each task, in their order. An engine that could not solve anybody, or primary recipients that gave no
    cells, are an error of that result; the other tasks go on.

    Raises
    ------
    UnknownNameError, InvalidValueError, ProtocolError, UnitError
        If a task asks for what cannot be: an output that does not exist, a dose after the last day, more subjects than
        fit into memory.
    CancelledError
        If it was cancelled.
    """
    tasks = list(tasks)
    who = executor_of(executor)
    for task in tasks:
        task.check()
        _heed(cancel)
    most = max((len(task.cohort) for task in tasks), default=1)
    refuse_beyond_memory(most, sum(task.bytes_needed for task in tasks) / most)
    given = _harvests(tasks, who, progress, cancel)
    calls: list[EngineCall] = []
    for task, harvests in zip(tasks, given, strict=True):
        if not isinstance(harvests, GVLabError):
            calls.append(task.call(harvests))
        _heed(cancel)
    outcomes = iter(who.map(calls, progress=progress, cancel=cancel))
    results = []
    for task, harvests in zip(tasks, given, strict=True):
        if isinstance(harvests, GVLabError):
            results.append(_result(task, harvests))
        else:
            results.append(_result(task, next(outcomes), without_donors(harvests)))
    return results


def _heed(cancel: Cancel | None) -> None:
    if cancel is not None and cancel():
        raise CancelledError("The run was cancelled.")


def _harvests(
    tasks: Sequence[SimulationTask], executor: Executor, progress: Progress | None, cancel: Cancel | None
) -> list[Mapping[Harvest, Harvested] | GVLabError]:
    """Return for each task what its primary recipients give, or why they give nothing."""
    primaries: dict[tuple[object, ...], SimulationTask] = {}
    wanted: list[list[tuple[Dose, Harvest, tuple[object, ...]]]] = []
    for task in tasks:
        mine: list[tuple[Dose, Harvest, tuple[object, ...]]] = []
        for dose in task.protocol:
            if dose.harvest is not None:
                primary = task.primary(dose, dose.harvest)
                key = (
                    id(task.model), id(task.cohort), dose.harvest, primary.outputs, task.engine_name, id(task.options)
                )  # fmt: skip
                primaries.setdefault(key, primary)
                mine.append((dose, dose.harvest, key))
        wanted.append(mine)
    if not primaries:
        return [{} for _ in tasks]
    # Primary recipients are no subjects of the tasks; the caller hears only that the work goes on.
    silent = None if progress is None else lambda _finished: progress(0)
    followed = dict(
        zip(primaries, run_tasks(primaries.values(), executor=executor, progress=silent, cancel=cancel), strict=True)
    )
    found: list[Mapping[Harvest, Harvested] | GVLabError] = []
    for task, mine in zip(tasks, wanted, strict=True):
        try:
            found.append(
                {harvest: taken(dose, harvest, followed[key].get(), task.cohort) for dose, harvest, key in mine}
            )
        except (SolveError, ProtocolError) as error:
            found.append(error)
    return found


def _result(task: SimulationTask, outcome: Solution | GVLabError, told: tuple[str, ...] = ()) -> TaskResult:
    if isinstance(outcome, GVLabError):
        return TaskResult(task, None, error=outcome)
    outcome = task.in_days(outcome)
    words, error = failures(outcome.status, task.cohort)
    trajectories = Trajectories.of(
        outcome,
        task.model,
        task.cohort.numbers,
        skip=outcome.times.size - task.readings.size,
        manifest=task.manifest(outcome.tolerances),
    )
    return TaskResult(task, trajectories, (*told, *words), error)
