"""Every experiment of the library, in every system, arm by arm; and what two solutions of one may differ by."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from gvlab import library
from gvlab.engine import Options
from gvlab.experiment import Experiment
from gvlab.model.model import Model
from gvlab.simulation import Trajectories, simulate
from gvlab.subject import Cohort

SEED = 2018
TIGHT = Options(relative_tolerance=1e-10, absolute_tolerance=1e-13)

RELATIVE = 1e-5
"""Allowed difference of an observable, relative to its value or to its mean in the subject, whichever is larger."""

EVENT_TIME = 1e-4
"""Allowed difference of the time of an event, in days."""

FLAGS = 1e-3
"""Days around an event in which a reading is not compared: one engine has passed the jump, the other has not."""

FATES = frozenset(event for record in library.read_all("endpoints").values() for event in record.events)
"""Events that decide what becomes of a subject: deaths and cures."""


@dataclass(frozen=True)
class Scenario:
    """An arm of an experiment in one of its systems."""

    experiment: str
    system: str
    arm: str

    def __str__(self) -> str:
        return f"{self.experiment}-{self.system}-{self.arm}"

    def read(self) -> Experiment:
        return _experiment(self.experiment, self.system)

    def run(self, cohort: Cohort, engine: str, options: Options | None = TIGHT) -> Trajectories:
        experiment = self.read()
        arm = experiment.arm(self.arm)
        return simulate(
            Model.default(), cohort, arm.protocol, until=experiment.last_day, outputs=experiment.outputs(),
            condition=arm.condition, engine=engine, options=options,
        )  # fmt: skip

    @property
    def harvested(self) -> bool:
        """Whether cells of another subject are given, which one document cannot hold."""
        return any(dose.harvest is not None for dose in self.read().arm(self.arm).protocol)


@functools.lru_cache(maxsize=64)
def _experiment(name: str, system: str) -> Experiment:
    return Experiment.read(name, system)


def scenarios() -> list[Scenario]:
    """Give all of them."""
    return list(_all())


def _all() -> Iterator[Scenario]:
    for name, record in library.read_all("experiments").items():
        for system in record.systems:
            for arm in record.arms:
                yield Scenario(name, system, arm.name)


def typical_and_drawn(scenario: Scenario, drawn: int) -> Cohort:
    """Give the typical subject, then subjects of the population."""
    system = scenario.read().system
    others = system.cohort(drawn, SEED)
    columns = {name: np.concatenate([[others.table.value(name)], values]) for name, values in others.columns.items()}
    return Cohort(columns, others.table, np.arange(drawn + 1), SEED)


def assert_same_curves(one: Trajectories, other: Trajectories) -> None:
    """Compare observables away from events, up to the end of each subject."""
    near = np.zeros((len(one), one.times.size), dtype=bool)
    for run in (one, other):
        for row in run.events:
            near[row["subject"]] |= np.abs(run.times - row["time"]) < FLAGS
    for name in one.outputs:
        x, y = (np.ma.masked_array(run.values(name), near).filled(0.0) for run in (one, other))
        assert np.array_equal(np.isnan(x), np.isnan(y)), f"{name}: one engine gives a reading, the other none"
        assert_close(x, y, name)


def assert_close(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], name: str) -> None:
    """Hold the difference against the larger of the value and of its typical size: its mean in that subject."""
    scale = np.nanmean(np.abs(y), axis=-1, keepdims=True)
    excess = np.abs(x - y) - RELATIVE * np.maximum(np.abs(y), scale)
    worst = np.unravel_index(np.nanargmax(excess), excess.shape)
    assert excess[worst] <= 0, f"{name}: {x[worst]!r} against {y[worst]!r} at {worst}"


def assert_same_events(one: Trajectories, other: Trajectories) -> None:
    """The same events happen to the same subjects, at the same times."""
    assert one.event_ids == other.event_ids
    for name in one.event_ids:
        x, y = one.first(name), other.first(name)
        flipped = np.flatnonzero(np.isfinite(x) != np.isfinite(y))
        assert flipped.size == 0, f"{name}: subjects {flipped.tolist()}, {x[flipped]} against {y[flipped]}"
        happened = np.isfinite(x)
        assert x[happened] == pytest.approx(y[happened], rel=0, abs=EVENT_TIME), name
