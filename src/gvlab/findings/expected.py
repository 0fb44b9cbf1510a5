"""What is expected of the subjects of many parameter sets: shares and readings without the luck of a few subjects.

A subject does not die once, by the draw of its threshold; its probability of being alive is carried along, which gives
the expected share of an arm. Thresholds are set so high that a subject is followed until it is almost surely dead. Cure
is no draw either, where the recipe names its events: a subject is followed as one that is not cured, its probability of
having been cured is carried along, and from the day of its cure on it dies of other causes only. Its readings are those
of the path without cure, on which the leukemia is below one cell by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Float, FloatArray, Int
from gvlab.assay.endpoint import endpoint_times
from gvlab.errors import SolveError
from gvlab.findings.comparisons import ArmInSystem
from gvlab.library.ensemble_recipe import Cause, Cure
from gvlab.library.records import EndpointRecord
from gvlab.model.model import Model
from gvlab.simulation import Executor, Options, SimulationTask, TaskResult, Trajectories, run_tasks
from gvlab.subject import System
from gvlab.subject.replicated import replicated_cohort

Progress = Callable[[int], None]
Cancel = Callable[[], bool]

THRESHOLD = 5.0
"""Cumulative hazard at which a subject is no longer followed: fewer than 7 in 1,000 live on."""

CURED = 1 - 1e-4
"""Probability of cure from which a subject is taken for cured."""

ALIVE = 0.5
"""A subject is read on a day while its probability of being alive is at least this."""

_SAME_DAY = 1e-9


@dataclass(frozen=True)
class ReadoutPlan:
    """What is to be read in an arm.

    Attributes
    ----------
    readouts, endpoints
        Names, each with its day.
    curve
        Whether the survival curve is.
    """

    readouts: frozenset[tuple[str, float]] = frozenset()
    endpoints: frozenset[tuple[str, float]] = frozenset()
    curve: bool = False

    def __or__(self, other: ReadoutPlan) -> ReadoutPlan:
        return ReadoutPlan(
            self.readouts | other.readouts, self.endpoints | other.endpoints, self.curve or other.curve
        )  # fmt: skip

    @property
    def days(self) -> frozenset[float]:
        """Days on which something is read."""
        return frozenset(day for _, day in (*self.readouts, *self.endpoints))

    @property
    def last_day(self) -> float:
        """The last of them."""
        return max(self.days, default=0.0)


@dataclass(frozen=True, eq=False)
class ExpectedReadouts:
    """What was read in an arm.

    Attributes
    ----------
    readings
        By readout and day, shape (set, subject); NaN for a subject that is more likely dead than alive.
    probabilities
        By endpoint and day, shape (set,): expected share of subjects.
    curve
        Expected share alive on each day.
    unsolved
        Subjects of each set that could not be solved. Nothing is read in such a set: a median or a share of the others
        would pass for one of all.
    """

    readings: Mapping[tuple[str, float], Float[Array, "set subject"]]
    probabilities: Mapping[tuple[str, float], Float[Array, "set"]]
    curve: Float[Array, "set time"] | None
    unsolved: Int[Array, "set"]


@dataclass(frozen=True)
class ExpectedCohort:
    """How the subjects of many sets are followed, in whatever system and arm.

    Attributes
    ----------
    model
        What happens.
    causes
        Of death.
    relative_tolerance
        Of the solver.
    outputs
        Read in every arm whether needed or not, so that all arms share one compiled program.
    executor
        Who simulates, as in `run_tasks`.
    cures
        Events that end the leukemia, carried as probabilities; draws where there are none.
    """

    model: Model
    causes: tuple[Cause, ...]
    relative_tolerance: float
    outputs: tuple[str, ...] = ()
    executor: Executor | str | None = None
    cures: tuple[Cure, ...] = ()

    def follow(
        self,
        system: System,
        sets: Mapping[str, Float[Array, "set"]],
        plans: Mapping[ArmInSystem, ReadoutPlan],
        subjects: int,
        seed: int,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> dict[ArmInSystem, ExpectedReadouts]:
        """Return what is expected in arms of one system.

        Parameters
        ----------
        system
            In which system.
        sets
            By parameter.
        plans
            Arms, and what is read in them.
        subjects, seed
            In each set; the same subjects go through every set and every arm.
        progress
            Told how many subjects have just been followed.
        cancel
            Asked, several times a second, whether to stop.
        """
        n = len(next(iter(sets.values())))
        cures = self._cures_of(system)
        thresholds = {cause.threshold: THRESHOLD for cause in self.causes} | {each.fate: CURED for each in cures}
        cohort = replicated_cohort(system, sets, subjects, seed, thresholds)
        readouts = sorted({name for plan in plans.values() for name, _ in plan.readouts})
        carried = (*(cause.hazard for cause in self.causes), *(name for each in cures for name in each.followed))
        outputs = tuple(dict.fromkeys((*carried, *self.outputs, *readouts)))
        found = {}
        # One arm after the other: the trajectories of so many subjects in all arms at once would fill the memory.
        for arm, plan in plans.items():
            until = max(plan.last_day, arm.last_dose)
            task = SimulationTask(
                self.model,
                cohort,
                arm.arm.protocol,
                arm.arm.condition,
                until=until,
                times=_times(plan, until),
                outputs=outputs,
                options=Options(relative_tolerance=self.relative_tolerance),
                engine="ensemble",
            )
            (result,) = run_tasks([task], executor=self.executor, progress=progress, cancel=cancel)
            found[arm] = self._read(result, plan, n, subjects, system)
        return found

    def _cures_of(self, system: System) -> tuple[Cure, ...]:
        """Return the cures that subjects of a system can have: a culture has no fates."""
        fates = {fate.parameter for fate in system.population.record.fates}
        return tuple(each for each in self.cures if each.fate in fates)

    def _read(
        self, result: TaskResult, plan: ReadoutPlan, sets: int, subjects: int, system: System
    ) -> ExpectedReadouts:
        run = result.trajectories
        if run is None or not result.ok:
            # Where nobody lived to give cells there is nothing to read, and nothing that could not be solved.
            unsolved = subjects if isinstance(result.error, SolveError) else 0
            return _nothing(plan, sets, subjects, unsolved)
        unsolved = (~result.solved).reshape(sets, subjects).sum(axis=1)
        whole = np.repeat(unsolved == 0, subjects)
        fates = _Fates(run, self.causes, self._cures_of(system))
        alive = np.where(whole[:, None], fates.alive, np.nan)
        readings = {}
        for readout, day in plan.readouts:
            at = _column(run, day)
            values = np.where(whole & (alive[:, at] >= ALIVE), run.values(readout)[:, at], np.nan)
            readings[readout, day] = values.reshape(sets, subjects)
        probabilities = {}
        for endpoint, day in plan.endpoints:
            each = _probability(system.library.read("endpoints", endpoint), day, run, fates)
            probabilities[endpoint, day] = np.where(whole, each, np.nan).reshape(sets, subjects).mean(axis=1)
        curve = alive.reshape(sets, subjects, -1).mean(axis=1) if plan.curve else None
        return ExpectedReadouts(readings, probabilities, curve, unsolved)


def _times(plan: ReadoutPlan, until: float) -> Float[Array, "time"]:
    """Return the days of reading: whole days, too, where hazards are added up between them."""
    whole = np.arange(0.0, np.floor(until) + 1) if plan.curve or plan.endpoints else np.array([0.0])
    return np.unique(np.concatenate([whole, sorted(plan.days)]))


def _nothing(plan: ReadoutPlan, sets: int, subjects: int, unsolved: int) -> ExpectedReadouts:
    unread, unknown = np.full((sets, subjects), np.nan), np.full(sets, np.nan)
    curve = np.full((sets, 2), np.nan) if plan.curve else None
    readings, probabilities = dict.fromkeys(plan.readouts, unread), dict.fromkeys(plan.endpoints, unknown)
    return ExpectedReadouts(readings, probabilities, curve, np.full(sets, unsolved))


def _column(run: Trajectories, day: float) -> int:
    return int(np.searchsorted(run.times, day - _SAME_DAY))


def _carried(values: Float[Array, "subject time"]) -> Float[Array, "subject time"]:
    """Return the values with the last one of those who are no longer followed carried on."""
    # What is not a number is passed over: fmax takes the other one.
    return np.asarray(np.fmax(np.fmax.accumulate(values, axis=1), 0.0))


class _Fates:
    """What has become of each subject by each time, in probabilities; shape (subject, time) throughout."""

    def __init__(self, run: Trajectories, causes: tuple[Cause, ...], cures: tuple[Cure, ...]) -> None:
        self.events = frozenset(cause.event for cause in causes)
        self.cures = frozenset(each.event for each in cures)
        self._causes = causes
        self._hazards = {cause.event: _carried(run.values(cause.hazard)) for cause in causes}
        self._ended = np.exp(-self._total(ends_with_cure=True))
        self._other = np.exp(-self._total(ends_with_cure=False))
        extinct = _extinct(run, cures)
        self._anew: FloatArray | None = None
        self._uncured = self._ended * self._other
        self.alive = self._uncured
        if extinct is not None:
            # Cured in a step: with the hazard of the leukemia until then, and with none of it from then on.
            self._anew = np.diff(extinct, axis=1, prepend=0.0) * self._ended
            self._uncured = (1 - extinct) * self._uncured
            self.alive = np.cumsum(self._anew, axis=1) * self._other + self._uncured

    def cured(self, at: int) -> Float[Array, "subject"]:
        """Return the probability of having been cured, before anything else ended the follow-up, dead since or not."""
        assert self._anew is not None  # asked for only where cure is not drawn
        return np.asarray((self._anew * self._other)[:, : at + 1].sum(axis=1))

    def dead(self, events: Iterable[str], at: int) -> Float[Array, "subject"]:
        """Return the probability of being dead of any of these events."""
        if self.events.issubset(events):
            return np.asarray(1 - self.alive[:, at])
        steps = {}
        for cause in self._causes:
            exposed = self._uncured if cause.ends_with_cure else self.alive
            hazard = np.diff(self._hazards[cause.event][:, : at + 1], axis=1)
            steps[cause.event] = hazard * (exposed[:, :at] + exposed[:, 1 : at + 1])
        total = np.sum(list(steps.values()), axis=0)
        own = np.sum([steps[event] for event in events], axis=0)
        share = np.divide(own, total, out=np.zeros_like(own), where=total > 0)
        return np.asarray(np.sum(share * (self.alive[:, :at] - self.alive[:, 1 : at + 1]), axis=1))

    def _total(self, *, ends_with_cure: bool) -> FloatArray:
        own = [self._hazards[each.event] for each in self._causes if each.ends_with_cure == ends_with_cure]
        return np.asarray(np.sum(own, axis=0)) if own else np.zeros((1, 1))


def _extinct(run: Trajectories, cures: tuple[Cure, ...]) -> Float[Array, "subject time"] | None:
    """Return the probability that every clone has died out by each time; None where cure is a draw."""
    if not cures:
        return None
    # A clone that was never there is as good as extinct, but before the first cell there is nothing to be cured of.
    founded = np.any([np.nan_to_num(run.values(each.founders)) > 0 for each in cures], axis=0)
    gone = _last(run.values(cures[0].probability))
    for each in cures[1:]:
        gone = gone * _last(run.values(each.probability))
    gone = np.where(np.maximum.accumulate(founded, axis=1), np.clip(gone, 0, 1), 0.0)
    return np.asarray(np.maximum.accumulate(gone, axis=1))


def _last(values: Float[Array, "subject time"]) -> Float[Array, "subject time"]:
    """Return the values with the last one seen carried on to those who are no longer followed."""
    unseen = np.isnan(values)
    if not unseen.any():
        return values
    seen = np.where(unseen, -1, np.arange(values.shape[1]))
    return np.take_along_axis(values, np.maximum(np.maximum.accumulate(seen, axis=1), 0), axis=1)


def _probability(endpoint: EndpointRecord, day: float, run: Trajectories, fates: _Fates) -> Float[Array, "subject"]:
    """Return the probability that an endpoint holds on a day."""
    at = _column(run, day)
    if fates.events.issuperset(endpoint.events):
        reached = fates.dead(endpoint.events, at)
    elif fates.cures and fates.cures.issuperset(endpoint.events):
        reached = fates.cured(at)
    else:
        table = endpoint_times(endpoint, run, "")
        reached = np.zeros(len(fates.alive))
        rows = table["subject"].to_numpy()
        held = (table["event_observed"].to_numpy() == 1) & (table["duration"].to_numpy() <= day)
        when = np.searchsorted(run.times, np.minimum(table["duration"].to_numpy(), run.times[-1]) - _SAME_DAY)
        reached[rows] = np.where(held, fates.alive[rows, when], 0.0)
    return reached if endpoint.counts == "reached" else 1 - reached
