"""Follows the subjects of many parameter sets through arms, and keeps what is read of them.

A subject does not die once, by the draw of its threshold; its probability of being alive is carried along, which gives
the expected share of an arm without the luck of a few subjects. Thresholds are set so high that a subject is followed
until it is almost surely dead. Cure is a draw, spread evenly over the subjects of a set.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gvlab import library
from gvlab.assay.endpoint import endpoint_times
from gvlab.engine import Options
from gvlab.errors import ProtocolError, SolveError, SolveWarning
from gvlab.findings.questions import Job
from gvlab.library.ensemble_recipe import Cause
from gvlab.library.records import EndpointRecord
from gvlab.model.model import Model
from gvlab.simulation import Trajectories, simulate
from gvlab.subject import System
from gvlab.subject.replicated import replicated_cohort

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[int], None]

THRESHOLD = 5.0
"""Cumulative hazard at which a subject is no longer followed: fewer than 7 in 1,000 live on."""


@dataclass
class Needs:
    """What is to be read in a job: readouts and endpoints with their days, and whether the survival curve is."""

    readouts: set[tuple[str, float]] = field(default_factory=set)
    endpoints: set[tuple[str, float]] = field(default_factory=set)
    curve: bool = False

    def last(self) -> float:
        """Give the last day on which something is read."""
        return max((day for _, day in (*self.readouts, *self.endpoints)), default=0.0)


@dataclass(frozen=True)
class Digest:
    """What was read in a job.

    Attributes
    ----------
    readings
        By readout and day, shape (set, subject); NaN for a subject that is more likely dead than alive.
    shares
        By endpoint and day, shape (set,): expected share.
    curve
        Shape (set, time): expected share alive on each day.
    """

    readings: Mapping[tuple[str, float], FloatArray]
    shares: Mapping[tuple[str, float], FloatArray]
    curve: FloatArray | None


@dataclass(frozen=True)
class Follower:
    """Sends the subjects of many sets through jobs.

    Attributes
    ----------
    model
        What happens.
    causes
        Of death.
    relative_tolerance
        Of the solver.
    outputs
        Read in every job whether needed or not, so that all jobs share one compiled program.
    """

    model: Model
    causes: tuple[Cause, ...]
    relative_tolerance: float
    outputs: tuple[str, ...] = ()

    def follow(
        self,
        system: System,
        sets: Mapping[str, FloatArray],
        jobs: Iterable[tuple[Job, Needs]],
        subjects: int,
        seed: int,
        progress: Progress | None = None,
    ) -> dict[Job, Digest]:
        """Follow them through jobs of one system.

        Parameters
        ----------
        system
            In which system.
        sets
            By parameter, shape (set,).
        jobs
            Arms, and what is read in them.
        subjects, seed
            In each set.
        progress
            Told how many subjects have been followed.
        """
        n = len(next(iter(sets.values())))
        thresholds = {cause.threshold: THRESHOLD for cause in self.causes}
        cohort = replicated_cohort(system, sets, subjects, seed, thresholds)
        wanted = [(job, needs) for job, needs in jobs]
        outputs = tuple(
            dict.fromkeys(
                (
                    *(cause.hazard for cause in self.causes),
                    *self.outputs,
                    *sorted({name for _, needs in wanted for name, _ in needs.readouts}),
                )
            )
        )
        found = {}
        for job, needs in wanted:
            until = max(needs.last(), job.last_dose)
            days = {day for _, day in (*needs.readouts, *needs.endpoints)}
            grid = np.arange(0.0, np.floor(until) + 1) if needs.curve or needs.endpoints else np.array([0.0])
            run: Trajectories | None = None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SolveWarning)  # sets far out may not be solvable; they are not kept
                try:
                    run = simulate(
                        self.model,
                        cohort,
                        job.arm.protocol,
                        until=until,
                        times=np.unique(np.array([0.0, *grid.tolist(), *sorted(days)])),
                        outputs=outputs,
                        condition=job.arm.condition,
                        options=Options(relative_tolerance=self.relative_tolerance),
                        engine="ensemble",
                    )
                except (SolveError, ProtocolError):
                    run = None  # nobody could be solved, or nobody lived to give cells
            found[job] = self._digest(run, needs, n, subjects)
            if progress is not None:
                progress(len(cohort))
        return found

    def _digest(self, run: Trajectories | None, needs: Needs, sets: int, subjects: int) -> Digest:
        shape = (sets, subjects)
        if run is None:
            nothing = np.full(shape, np.nan)
            return Digest(
                dict.fromkeys(needs.readouts, nothing),
                dict.fromkeys(needs.endpoints, nothing[:, 0]),
                np.full((sets, 2), np.nan) if needs.curve else None,
            )
        ok = run.ok.reshape(shape)
        hazards = {cause.event: _carried(run.values(cause.hazard)) for cause in self.causes}
        alive = np.exp(-np.sum(list(hazards.values()), axis=0))
        alive[~run.ok] = np.nan
        readings = {}
        for readout, day in needs.readouts:
            at = int(np.searchsorted(run.times, day - 1e-9))
            values = np.where(run.ok & (alive[:, at] >= 0.5), run.values(readout)[:, at], np.nan)
            readings[readout, day] = values.reshape(shape)
        shares = {
            (endpoint, day): _share(library.read("endpoints", endpoint), day, run, hazards, alive).reshape(shape)
            for endpoint, day in needs.endpoints
        }
        whole = ok.all(axis=1)
        averaged = {key: np.where(whole, each.mean(axis=1), np.nan) for key, each in shares.items()}
        curve = alive.reshape(*shape, -1).mean(axis=1) if needs.curve else None
        return Digest(readings, averaged, curve)


def _carried(values: FloatArray) -> FloatArray:
    """Carry the last number of those who are no longer followed."""
    values = np.where(np.isnan(values), -np.inf, values)
    return np.maximum(np.maximum.accumulate(values, axis=1), 0.0)


def _share(
    endpoint: EndpointRecord, day: float, run: Trajectories, hazards: Mapping[str, FloatArray], alive: FloatArray
) -> FloatArray:
    """Give the probability that an endpoint holds on a day, for each subject."""
    at = int(np.searchsorted(run.times, day - 1e-9))
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
    when = np.searchsorted(run.times, np.minimum(table["duration"].to_numpy(), run.times[-1]) - 1e-9)
    reached[rows] = np.where(held, alive[rows, when], 0.0)
    return reached if endpoint.counts == "reached" else 1 - reached
