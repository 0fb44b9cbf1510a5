"""What is expected of the subjects of many parameter sets: shares and readings without the luck of a few subjects.

A subject does not die once, by the draw of its threshold; its probability of being alive is carried along, which gives
the expected share of an arm. Thresholds are set so high that a subject is followed until it is almost surely dead. Cure
is a draw, spread evenly over the subjects of a set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Float, Int
from gvlab.assay.endpoint import endpoint_times
from gvlab.errors import SolveError
from gvlab.findings.comparisons import ArmInSystem
from gvlab.library import Library
from gvlab.library.ensemble_recipe import Cause
from gvlab.library.records import EndpointRecord
from gvlab.model.model import Model
from gvlab.simulation import Executor, Options, SimulationTask, TaskResult, Trajectories, run_tasks
from gvlab.subject import System
from gvlab.subject.replicated import replicated_cohort

Progress = Callable[[int], None]
Cancel = Callable[[], bool]

THRESHOLD = 5.0
"""Cumulative hazard at which a subject is no longer followed: fewer than 7 in 1,000 live on."""

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
    """

    model: Model
    causes: tuple[Cause, ...]
    relative_tolerance: float
    outputs: tuple[str, ...] = ()
    executor: Executor | str | None = None

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
        cohort = replicated_cohort(system, sets, subjects, seed, {cause.threshold: THRESHOLD for cause in self.causes})
        readouts = sorted({name for plan in plans.values() for name, _ in plan.readouts})
        hazards = (cause.hazard for cause in self.causes)
        outputs = tuple(dict.fromkeys((*hazards, *self.outputs, *readouts)))
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
            found[arm] = self._read(result, plan, n, subjects, system.library)
        return found

    def _read(
        self, result: TaskResult, plan: ReadoutPlan, sets: int, subjects: int, library: Library
    ) -> ExpectedReadouts:
        run = result.trajectories
        if run is None or not result.ok:
            # Where nobody lived to give cells there is nothing to read, and nothing that could not be solved.
            unsolved = subjects if isinstance(result.error, SolveError) else 0
            return _nothing(plan, sets, subjects, unsolved)
        unsolved = (~result.solved).reshape(sets, subjects).sum(axis=1)
        whole = np.repeat(unsolved == 0, subjects)
        hazards = {cause.event: _carried(run.values(cause.hazard)) for cause in self.causes}
        alive = np.exp(-np.sum(list(hazards.values()), axis=0))
        alive[~whole] = np.nan
        readings = {}
        for readout, day in plan.readouts:
            at = _column(run, day)
            values = np.where(whole & (alive[:, at] >= ALIVE), run.values(readout)[:, at], np.nan)
            readings[readout, day] = values.reshape(sets, subjects)
        probabilities = {}
        for endpoint, day in plan.endpoints:
            each = _probability(library.read("endpoints", endpoint), day, run, hazards, alive)
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
    values = np.where(np.isnan(values), -np.inf, values)
    return np.maximum(np.maximum.accumulate(values, axis=1), 0.0)


def _probability(
    endpoint: EndpointRecord,
    day: float,
    run: Trajectories,
    hazards: Mapping[str, Float[Array, "subject time"]],
    alive: Float[Array, "subject time"],
) -> Float[Array, "subject"]:
    """Return the probability that an endpoint holds on a day."""
    at = _column(run, day)
    if all(event in hazards for event in endpoint.events):
        dead = np.zeros(len(alive))
        total = np.sum(list(hazards.values()), axis=0)
        steps = np.diff(total[:, : at + 1], axis=1)
        died = alive[:, :at] - alive[:, 1 : at + 1]
        for event in endpoint.events:
            own = np.diff(hazards[event][:, : at + 1], axis=1)
            dead += np.sum(np.divide(own, steps, out=np.zeros_like(own), where=steps > 0) * died, axis=1)
        return dead if endpoint.counts == "reached" else 1 - dead
    table = endpoint_times(endpoint, run, "")
    reached = np.zeros(len(alive))
    rows = table["subject"].to_numpy()
    held = (table["event_observed"].to_numpy() == 1) & (table["duration"].to_numpy() <= day)
    when = np.searchsorted(run.times, np.minimum(table["duration"].to_numpy(), run.times[-1]) - _SAME_DAY)
    reached[rows] = np.where(held, alive[rows, when], 0.0)
    return reached if endpoint.counts == "reached" else 1 - reached
