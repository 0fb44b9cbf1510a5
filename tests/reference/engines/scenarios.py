"""Every experiment of the library, in every system, arm by arm; and what two solutions of one may differ by."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gvlab.engine import Options
from gvlab.experiment import Experiment
from gvlab.library import Library
from gvlab.model.model import Model
from gvlab.simulation import Trajectories, simulate
from gvlab.subject import Cohort

SEED = 2018
TIGHT = Options(relative_tolerance=1e-10, absolute_tolerance=1e-13)

RELATIVE = 1e-5
"""Allowed difference of an observable, relative to its value; `difference` tells what a small value counts as."""

SMALL = 1e-3
"""Share of the largest value of an observable, among all subjects and days, that small ones may count as."""

EVENT_TIME = 1e-4
"""Allowed difference of the time of an event, in days."""

EVENT_TIME_BY_DEFAULT = 1e-3
"""The same with the default tolerances of our engine, for 100 subjects."""

MANY_BY_DEFAULT = {99.0: 1e-4, 100.0: 5e-3}
"""The same for thousands: days within which so many percent of times are. Of those of 10,000 mice 99 % were within
3.8e-6, and the worst was 2.0e-4 off."""

FLAGS = 1e-3
"""Days around an event in which a reading is not compared: one engine has passed the jump, the other has not."""

FATES = frozenset(event for record in Library().read_all("endpoints").values() for event in record.events)
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

    def run(
        self,
        cohort: Cohort,
        engine: str,
        options: Options | None = TIGHT,
        times: Sequence[float] | None = None,
    ) -> Trajectories:
        experiment = self.read()
        arm = experiment.arm(self.arm)
        return simulate(
            Model.default(), cohort, arm.protocol, until=experiment.last_day, outputs=experiment.outputs(),
            condition=arm.condition, engine=engine, options=options, times=times,
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
    for name, record in Library().read_all("experiments").items():
        for system in record.systems:
            for arm in record.arms:
                yield Scenario(name, system, arm.name)


def typical_and_drawn(scenario: Scenario, drawn: int) -> Cohort:
    """Give the typical subject, then subjects of the population."""
    system = scenario.read().system
    others = system.cohort(drawn, SEED)
    columns = {name: np.concatenate([[others.table.value(name)], values]) for name, values in others.columns.items()}
    return Cohort(columns, others.table, np.arange(drawn + 1), SEED)


def largest_difference(one: Trajectories, other: Trajectories) -> tuple[float, str]:
    """Compare observables away from events, up to the end of each subject.

    Gives the worst, in units of what is allowed, and where it is.
    """
    np.testing.assert_array_equal(one.status, other.status)
    near = np.zeros((len(one), one.times.size), dtype=bool)
    for run in (one, other):
        for row in run.events:
            near[row["subject"]] |= np.abs(run.times - row["time"]) < FLAGS
    worst = 0.0, ""
    for name in one.outputs:
        x, y = (np.ma.masked_array(run.values(name), near).filled(0.0) for run in (one, other))
        assert np.array_equal(np.isnan(x), np.isnan(y)), f"{name}: one engine gives a reading, the other none"
        found, where = difference(x, y)
        if found > worst[0]:
            worst = found, f"{name}: {x[where]!r} against {y[where]!r} at {where}"
    return worst


def difference(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float, tuple[int, ...]]:
    """Give the largest difference of readings of one observable, in units of what is allowed, and where it is.

    Allowed is `RELATIVE` of the reading. A small reading counts as the smaller of two: the mean in that subject, and
    `SMALL` of the largest reading of all.
    """
    read = np.isfinite(y)
    if not read.any():
        return 0.0, (0,) * y.ndim
    # Of a subject that died before the first reading there is nothing to compare.
    mean = np.where(read, np.abs(y), 0.0).sum(axis=-1, keepdims=True) / np.maximum(read.sum(axis=-1, keepdims=True), 1)
    allowed = RELATIVE * np.maximum(np.abs(y), np.minimum(mean, SMALL * np.nanmax(np.abs(y))))
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.where(x == y, 0.0, np.abs(x - y) / allowed)
    where = tuple(int(k) for k in np.unravel_index(np.nanargmax(excess), excess.shape))
    return float(excess[where]), where


def event_differences(one: Trajectories, other: Trajectories) -> npt.NDArray[np.float64]:
    """Assert that the same events happen to the same subjects; give the differences of their times, in days."""
    assert one.event_ids == other.event_ids
    order = ["subject", "event", "time"]
    x, y = np.sort(one.events, order=order), np.sort(other.events, order=order)
    only = {(row["subject"], one.event_ids[row["event"]]) for row in x} ^ {
        (row["subject"], one.event_ids[row["event"]]) for row in y
    }
    assert not only, f"subjects to whom an event happens with one engine only: {sorted(only)}"
    np.testing.assert_array_equal(x[["subject", "event"]], y[["subject", "event"]])
    return np.asarray(np.abs(x["time"] - y["time"]))
