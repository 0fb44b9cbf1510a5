"""Two doses varied at once, or a dose and the day on which it starts: a grid of arms, each followed as any other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvlab.arrays import Array, Float
from gvlab.assay.endpoint import endpoint_times
from gvlab.errors import InvalidValueError, ProtocolError, SolveError
from gvlab.experiment.experiment import Experiment
from gvlab.protocol import Arm, Dose, Protocol
from gvlab.simulation import Executor, SimulationTask, TaskResult, run_tasks, tasks_for
from gvlab.statistics import Synergy, synergy
from gvlab.statistics.synergy import Reference
from gvlab.subject import Cohort
from gvlab.subject.parameter_set import ParameterSet
from gvlab.synergy.grid_axes import DoseAxis, started_on, with_amount


@dataclass(frozen=True)
class Cell:
    """One field of a grid.

    Attributes
    ----------
    doses
        In the order of the protocol; None where one is not given.
    label
        What is varied, for messages.
    """

    doses: tuple[Dose | None, ...]
    label: str = ""

    @property
    def protocol(self) -> Protocol:
        """What is given."""
        return Protocol(tuple(dose for dose in self.doses if dose is not None))


def cell_tasks(
    experiment: Experiment, cells: Sequence[Cell], cohort: Cohort, arm: Arm, until: float
) -> list[SimulationTask]:
    """Return a task for each cell: the same subjects go through all of them.

    Parameters
    ----------
    experiment
        Whose model it is.
    cells
        Doses of each.
    cohort
        Subjects.
    arm
        For its condition.
    until
        The last day.
    """
    return [
        SimulationTask(
            experiment.model,
            cohort,
            cell.protocol,
            arm.condition,
            until=until,
            times=(until,),
            outputs=(),
            label=cell.label,
        )
        for cell in cells
    ]


@dataclass(frozen=True)
class GridEffect:
    """The effect over a grid, subject by subject.

    Attributes
    ----------
    first, second
        What is varied.
    effect
        1 where a subject is alive (or cured) on the day, else 0; NaN where it could not be followed through that cell.
    alone
        The effect of the first alone, of the same shape, where the second is a day; None where both are doses, since
        the margins of the grid tell then.
    base
        The effect of the other agent alone, where the second is a day.
    title
        What the effect is.
    seed
        Of the subjects.
    warnings
        Which cell lost whom, and why.
    """

    first: DoseAxis
    second: DoseAxis
    effect: Float[Array, "first second subject"]
    alone: Float[Array, "first second subject"] | None
    base: Float[Array, "subject"] | None
    title: str
    seed: int
    warnings: tuple[str, ...] = ()

    @property
    def subjects(self) -> int:
        """Sent through each cell."""
        return int(self.effect.shape[2])

    @property
    def counted(self) -> Float[Array, "first second"]:
        """Subjects that were followed to the end, or to their death, in each cell."""
        return np.asarray(np.isfinite(self.effect).sum(axis=2), dtype=np.float64)

    @property
    def observed(self) -> Float[Array, "first second"]:
        """Share of the subjects of each cell."""
        return np.asarray(np.nanmean(self.effect, axis=2))

    def mean_excess(self, reference: Reference) -> float:
        """Return the mean excess over a reference, without its interval; errors as `synergy`."""
        shares = dataclasses.replace(
            self,
            effect=self.observed[:, :, None],
            alone=None if self.alone is None else np.nanmean(self.alone, axis=2, keepdims=True),
            base=None if self.base is None else np.nanmean(self.base, keepdims=True),
        )
        return shares.synergy(reference).mean_excess

    def synergy(self, reference: Reference, resamples: int = 1000) -> Synergy:
        """Compare with what a reference expects of two agents that have nothing to do with each other.

        Intervals are by bootstrap over subjects, each cell resampled on its own, as in an experiment in which every
        cell has subjects of its own.

        Raises
        ------
        InvalidValueError
            For ``loewe`` where one axis is a day: additivity of doses needs doses of both agents.
        """
        rng = np.random.default_rng([self.seed, 7])
        if self.alone is None or self.base is None:
            return synergy(
                self.first.values, self.second.values, self.effect, rng, reference=reference, resamples=resamples
            )
        if reference == "loewe":
            raise InvalidValueError(
                "Loewe additivity needs several doses of both agents; with a day on one axis take bliss or hsa, or "
                "vary both doses."
            )
        tables, means = [], []
        for column, day in enumerate(self.second.values):
            # At each day: the drug's doses against the other agent not given (0) and given (1).
            here = np.stack([self.alone[:, column], self.effect[:, column]], axis=1)
            here[0, 1], here[0, 0] = self.base, self.alone[0, 0]
            # The fields of all days are looked at together.
            together = 1 - 0.05 / len(self.second.values)
            found = synergy(
                self.first.values, (0.0, 1.0), here, rng, reference=reference, together=together, resamples=resamples
            )
            tables.append(found.table.assign(dose_b=day))
            means.append((found.mean_excess, found.lower, found.upper))
        table = pd.concat(tables, ignore_index=True).sort_values(["dose_a", "dose_b"], ignore_index=True)
        # Days share the arm of the other agent alone, so their errors are not independent: averaged, not in quadrature.
        middle, low, high = (float(each) for each in np.mean(means, axis=0))
        return Synergy(reference, table, middle, low, high, found.confidence)


def dose_by_dose(
    experiment: Experiment,
    arm: Arm,
    places: tuple[int, int],
    axes: tuple[DoseAxis, DoseAxis],
    *,
    subjects: int,
    seed: int,
    endpoint: str,
    parameters: ParameterSet | None = None,
    executor: Executor | str | None = None,
    progress: Callable[[int], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> GridEffect:
    """Vary the amounts of two doses of an arm.

    Parameters
    ----------
    experiment, arm
        What is done otherwise.
    places, axes
        Which doses of the protocol, and the amounts of each.
    subjects, seed
        Virtual subjects; the same ones go through every cell.
    endpoint
        One of the library, read on the last day.
    parameters
        A plausible set; the nominal one where None.
    executor, progress, cancel
        As in `run_tasks`.

    Raises
    ------
    InvalidValueError
        If nobody could be followed through one of the cells.
    """
    doses = list(arm.protocol)
    cells = [
        Cell(
            _changed(doses, {places[0]: with_amount(doses[places[0]], a), places[1]: with_amount(doses[places[1]], b)}),
            f"{a:g} {axes[0].unit} and {b:g} {axes[1].unit}",
        )
        for a in axes[0].values
        for b in axes[1].values
    ]
    tasks = tasks_for(
        subjects,
        lambda n: (parameters or ParameterSet()).cohort(experiment.system, n, seed),
        lambda cohort: cell_tasks(experiment, cells, cohort, arm, experiment.last_day),
    )
    results = run_tasks(tasks, executor=executor, progress=progress, cancel=cancel)
    held, title, warnings = _held(experiment, results, endpoint)
    effect = held.reshape(len(axes[0].values), len(axes[1].values), -1)
    return GridEffect(axes[0], axes[1], effect, None, None, title, seed, warnings)


def dose_by_start(
    experiment: Experiment,
    arm: Arm,
    places: tuple[int, int],
    axes: tuple[DoseAxis, DoseAxis],
    *,
    subjects: int,
    seed: int,
    endpoint: str,
    parameters: ParameterSet | None = None,
    executor: Executor | str | None = None,
    progress: Callable[[int], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> GridEffect:
    """Vary the amount of a dose and the day on which it starts, with a second agent and without it.

    Parameters
    ----------
    places
        The dose that is varied, and the one that is left out to see the first alone.
    experiment, arm, axes, subjects, seed, endpoint, parameters, executor, progress, cancel
        As in `dose_by_dose`; the second axis is one of days.
    """
    doses = list(arm.protocol)
    varied, other = places
    cells: list[Cell] = []
    for given in (doses[other], None):
        for amount in axes[0].values:
            for day in axes[1].values:
                dose = with_amount(started_on(doses[varied], day), amount)
                with_other = "" if given is None else f" with {given.agent}"
                start = f" from day {day:g}" if amount else ""
                cells.append(
                    Cell(_changed(doses, {varied: dose, other: given}), f"{amount:g} {axes[0].unit}{start}{with_other}")
                )
    distinct = list(dict.fromkeys(cells))  # a dose of 0 has no first day
    tasks = tasks_for(
        subjects,
        lambda n: (parameters or ParameterSet()).cohort(experiment.system, n, seed),
        lambda cohort: cell_tasks(experiment, distinct, cohort, arm, experiment.last_day),
    )
    results = run_tasks(tasks, executor=executor, progress=progress, cancel=cancel)
    held, title, warnings = _held(experiment, results, endpoint)
    place = {cell: row for row, cell in enumerate(distinct)}
    whole = held[[place[cell] for cell in cells]].reshape(2, len(axes[0].values), len(axes[1].values), -1)
    return GridEffect(axes[0], axes[1], whole[0], whole[1], whole[0, 0, 0], title, seed, warnings)


def cells_of(axes: tuple[DoseAxis, DoseAxis]) -> int:
    """Return the number of distinct cells of a grid: what a progress bar counts, times the subjects."""
    first, second = (len(axis.values) for axis in axes)
    return 2 * ((first - 1) * second + 1) if axes[1].unit == "day" else first * second


def _changed(doses: Sequence[Dose], changes: Mapping[int, Dose | None]) -> tuple[Dose | None, ...]:
    return tuple(changes.get(place, dose) for place, dose in enumerate(doses))


def _held(
    experiment: Experiment, results: Sequence[TaskResult], endpoint: str
) -> tuple[Float[Array, "cell subject"], str, tuple[str, ...]]:
    """Return whether each subject of each cell counts on the last day, NaN where it was lost; title; warnings."""
    record, day = experiment.library.read("endpoints", endpoint), experiment.last_day
    held, warnings = [], []
    for result in results:
        try:
            run = result.get()
        except (SolveError, ProtocolError) as error:
            raise InvalidValueError(
                f"Nobody could be followed through the cell of {result.task.label}: {error} Take doses nearer to those "
                "of the arm."
            ) from error
        rows = endpoint_times(record, run, "grid")
        reached = np.zeros(len(run), dtype=bool)
        reached[rows["subject"]] = (rows["event_observed"] == 1) & (rows["duration"] <= day)
        counted = ~reached if record.counts == "free" else reached
        held.append(np.where(run.ok, counted.astype(np.float64), np.nan))
        warnings += [f"{result.task.label}: {words}" for words in result.warnings]
    return np.stack(held), f"{record.title} on day {day:g}", tuple(warnings)
