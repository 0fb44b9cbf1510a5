"""How many animals of an arm are expected to be alive on a day, and how many cells a primary recipient yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.assay.endpoint import endpoint_times
from gvlab.experiment.experiment import Experiment
from gvlab.protocol import Dose
from gvlab.simulation import Executor, SimulationTask, run_tasks

_ANIMALS = 200


@dataclass(frozen=True)
class ExpectedSurvival:
    """Until when virtual animals of each arm live, with the nominal parameters.

    Attributes
    ----------
    days
        Of death, by arm; infinite for those that live to the end.
    """

    days: Mapping[str, Float[Array, " subject"]]

    def alive(self, arm: str, day: float) -> float:
        """Return the share that is alive on a day, 0 to 1; everybody is where no death is modeled."""
        return float(np.mean(self.days[arm] > day)) if arm in self.days else 1.0


def expected_survival(
    experiment: Experiment, seed: int, *, subjects: int = _ANIMALS, executor: Executor | str | None = None
) -> ExpectedSurvival:
    """Return how long virtual animals of every arm live.

    Parameters
    ----------
    experiment
        Whose arms.
    seed
        Of the animals.
    subjects
        Virtual animals in each arm.
    executor
        As in `run_tasks`.
    """
    overall = [name for name, record in experiment.library.read_all("endpoints").items() if record.overall]
    if not overall or not set(experiment.library.read("endpoints", overall[0]).events) <= set(experiment.model.deaths):
        return ExpectedSurvival({})
    cohort, last = experiment.system.cohort(subjects, seed), experiment.last_day
    tasks = [
        SimulationTask(
            experiment.model, cohort, arm.protocol, arm.condition, until=last, times=(last,), outputs=(), label=arm.name
        )
        for arm in experiment.arms
    ]
    record = experiment.library.read("endpoints", overall[0])
    found = {}
    for arm, result in zip(experiment.arms, run_tasks(tasks, executor=executor), strict=True):
        rows = endpoint_times(record, result.get(), arm.name)
        found[arm.name] = np.where(rows["event_observed"] == 1, rows["duration"], np.inf).astype(np.float64)
    return ExpectedSurvival(found)


@dataclass(frozen=True)
class PrimaryYield:
    """What one primary recipient gives.

    Attributes
    ----------
    cells
        Median number of cells of the pool that is transferred, of those alive on the day.
    alive
        Share that is alive on that day.
    """

    cells: float
    alive: float


def primary_yield(experiment: Experiment, dose: Dose, seed: int, *, subjects: int = _ANIMALS) -> PrimaryYield:
    """Return what a primary recipient is expected to give for a dose that is harvested from it.

    Parameters
    ----------
    experiment
        Whose model and system.
    dose
        With a harvest.
    seed
        Of the animals.
    subjects
        Virtual primaries.
    """
    assert dose.harvest is not None
    assert dose.route_definition.harvest is not None
    pool, day = dose.route_definition.harvest.pool, dose.harvest.day
    task = SimulationTask(
        experiment.model,
        experiment.system.cohort(subjects, seed),
        dose.harvest.protocol,
        dose.harvest.condition,
        until=day,
        times=(day,),
        outputs=pool,
        label="primary recipients",
    )
    run = run_tasks([task])[0].get()
    cells = np.sum([run.at(name, day) for name in pool], axis=0)
    living = np.isfinite(cells) & run.ok
    return PrimaryYield(float(np.median(cells[living])) if living.any() else 0.0, float(living.mean()))
