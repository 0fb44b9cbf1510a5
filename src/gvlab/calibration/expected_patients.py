"""What is expected of each patient in the arms of clinical benchmarks.

An *expected* outcome is a function of the patient's parameters: survival is exp(-cumulative hazard), and extinction its
probability, by quadrature over the draw that decides it. So a weight can never reward the luck of a draw.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gvlab import units
from gvlab.arrays import Array, Float
from gvlab.errors import UnknownNameError
from gvlab.experiment.experiment import Experiment
from gvlab.experiment.records import protocol_of
from gvlab.findings.expected import Cancel, Progress
from gvlab.library.benchmark_record import FALLING, SURVIVAL, BenchmarkSet, Setting
from gvlab.protocol import Arm
from gvlab.simulation import Options
from gvlab.simulation.tasks import run_tasks
from gvlab.simulation.trajectories import Trajectories
from gvlab.subject import Cohort
from gvlab.subject.system import System

_SURELY_NOT = 0.02
OPTIONS = Options(relative_tolerance=1e-4, max_steps=2_000)
"""A patient who needs more steps between two days is one on whom an event flickers, and would take minutes."""


@dataclass(frozen=True)
class Expected:
    """Expected outcomes of patients.

    Attributes
    ----------
    counted
        By benchmark: the expected outcome of each patient, shape (patient,).
    alive
        By benchmark: the probability to be counted at all (alive on its first day), shape (patient,).
    solved
        Who was followed to the end in every arm, shape (patient,).
    """

    counted: Mapping[str, Float[Array, "patient"]]
    alive: Mapping[str, Float[Array, "patient"]]
    solved: Float[Array, "patient"]

    def share(self, benchmark: str, weights: Float[Array, "patient"]) -> float:
        """Return the share that weighted patients give for a benchmark."""
        w = weights * self.solved
        return float(np.sum(w * self.counted[benchmark]) / np.sum(w * self.alive[benchmark]))

    @classmethod
    def joined(cls, parts: Sequence[Expected]) -> Expected:
        """Return the outcomes of several groups of patients, one after another."""
        counted, alive = (
            {name: np.concatenate([group[name] for group in groups]) for name in groups[0]}
            for groups in ([part.counted for part in parts], [part.alive for part in parts])
        )
        return cls(counted, alive, np.concatenate([part.solved for part in parts]))


def experiment_of(benchmarks: BenchmarkSet, system: System) -> Experiment:
    """Return the experiment whose arms are those of a set of benchmarks."""
    where = f'the benchmarks "{benchmarks.name}"'
    arms = [Arm(name, protocol_of(spec.doses, system, where)) for name, spec in benchmarks.arms.items()]
    return Experiment(benchmarks.title, system=system, arms=arms, until=benchmarks.until)


def expected_outcomes(
    benchmarks: BenchmarkSet,
    cohort: Cohort,
    system: System,
    *,
    quadrature: int = 2,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Expected:
    """Follow patients through every arm of a set of benchmarks, and return what is expected of each.

    A patient whose leukemia may die out is followed again as often as `quadrature` says, with the draw of extinction at
    midpoints of its probability.
    """
    rows = benchmarks.settings
    until = units.day(benchmarks.until)
    days = sorted({0.0, until, *(row.day for row in rows), *(row.from_day for row in rows)})
    experiment = experiment_of(benchmarks, system)
    outputs = (*benchmarks.hazards, benchmarks.falls, *benchmarks.extinct)

    def follow(these: Cohort, arm: str, progress: Progress | None = None) -> Trajectories:
        task = experiment.tasks(0, cohort=these, options=OPTIONS)[arm]
        task = dataclasses.replace(task, times=days, outputs=outputs)
        return run_tasks([task], progress=progress, cancel=cancel)[0].get()

    n = len(cohort)
    counted = {row.id: np.zeros(n) for row in rows}
    alive = {row.id: np.zeros(n) for row in rows}
    solved = np.ones(n)
    for arm in benchmarks.arms:
        asked = [row for row in rows if arm in row.arms]
        without = cohort.replace({**benchmarks.fixed, **dict.fromkeys(benchmarks.extinction_draws, 1.0)})
        # Each patient of an arm is told of once: how many are followed again is not known beforehand.
        run = follow(without, arm, progress)
        solved *= run.ok
        ends = [run.values(name)[:, -1] for name in benchmarks.extinct]
        extinct = np.min(ends, axis=0) if ends else np.zeros(n)
        extinct = np.where(extinct > _SURELY_NOT, np.nan_to_num(extinct), 0.0)
        parts = [(run, np.arange(n), 1.0 - extinct)]
        who = np.flatnonzero(extinct > 0)
        for k in range(quadrature if len(who) else 0):
            draw = extinct[who] * (k + 0.5) / quadrature
            cured = follow(without.select(who).replace(dict.fromkeys(benchmarks.extinction_draws, draw)), arm)
            solved[who] *= cured.ok
            parts.append((cured, who, extinct[who] / quadrature))
        for part, whose, weight in parts:
            survival = _survival(part, benchmarks.hazards)
            for row in asked:
                hit, there = _outcome(row, part, survival, benchmarks.falls)
                counted[row.id][whose] += row.arms[arm] * weight * np.nan_to_num(hit)
                alive[row.id][whose] += row.arms[arm] * weight * np.nan_to_num(there)
    return Expected(counted, alive, solved)


def _survival(run: Trajectories, hazards: Sequence[str]) -> Callable[[float], Float[Array, "patient"]]:
    total = np.sum([run.values(name) for name in hazards], axis=0)
    start = total[:, int(np.flatnonzero(run.times == 0)[0])]
    times = run.times

    def alive_on(day: float) -> Float[Array, "patient"]:
        place = int(np.searchsorted(times, day))
        return np.asarray(np.exp(start - total[:, min(place, len(times) - 1)]))

    return alive_on


def _outcome(
    row: Setting, run: Trajectories, survival: Callable[[float], Float[Array, "patient"]], burden_of: str
) -> tuple[Float[Array, "patient"], Float[Array, "patient"]]:
    there = survival(row.from_day)
    if row.outcome == SURVIVAL:
        return survival(row.day), there
    if row.outcome == FALLING:
        cells = run.values(burden_of)
        before = cells[:, int(np.flatnonzero(run.times == 0)[0])]
        return (cells[:, int(np.searchsorted(run.times, row.day))] < before) * there, there
    first = np.full(len(run), np.inf)
    log = run.events[run.events["event"] == _event(row, run)]
    log = log[log["time"] >= row.from_day]
    np.minimum.at(first, log["subject"], log["time"])
    reached = first <= row.day
    # Who reaches it on a day must be alive on it: survival between readings falls exponentially.
    days = np.asarray([time for time in run.times if time >= 0])
    curve = np.stack([survival(day) for day in days], axis=1)
    hit = np.zeros(len(run))
    for i in np.flatnonzero(reached):
        hit[i] = np.exp(np.interp(first[i], days, np.log(np.maximum(curve[i], 1e-300))))
    return hit, there


def _event(row: Setting, run: Trajectories) -> int:
    if row.outcome not in run.event_ids:
        raise UnknownNameError(f'outcome of benchmark "{row.id}"', row.outcome, (SURVIVAL, FALLING, *run.event_ids))
    return run.event_ids.index(row.outcome)
