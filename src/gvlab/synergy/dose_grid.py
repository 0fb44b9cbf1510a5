"""Two doses varied at once, or a dose and the day on which it starts: a grid of arms, followed in one engine call."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gvlab import engine as engines
from gvlab.assay.endpoint import endpoint_times
from gvlab.engine import Operation
from gvlab.errors import InvalidValueError, ProtocolError, UnknownNameError
from gvlab.experiment.experiment import Experiment
from gvlab.model.model import Model
from gvlab.protocol import Arm, Dose, Protocol
from gvlab.provenance import Manifest
from gvlab.simulation import Trajectories
from gvlab.simulation.schedule import Values, schedule
from gvlab.statistics import Synergy, synergy
from gvlab.statistics.synergy import Reference
from gvlab.subject import Cohort

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[int], None]

DOUBLINGS = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Multiples of the dose of the arm that are given where none are named."""

START_DAYS = (0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0)


@dataclass(frozen=True)
class Axis:
    """What is varied.

    Attributes
    ----------
    label
        For an axis of a figure, with the unit.
    unit
        Of the values; "day" for a start.
    values
        Increasing; doses begin with 0.
    """

    label: str
    unit: str
    values: tuple[float, ...]


def find_dose(experiment: Experiment, arm: Arm, name: str) -> int:
    """Give the place of a dose in the protocol of an arm, by its agent or by its name in the system.

    Raises
    ------
    UnknownNameError
        If the arm has none of that name.
    """
    named = experiment.system.doses
    agent = named[name].agent if name in named else name
    agents = [dose.agent for dose in arm.protocol]
    if agent not in agents:
        known = [*agents, *(each for each, spec in named.items() if spec.agent in agents)]
        raise UnknownNameError(f'dose of arm "{arm.name}"', name, known)
    return agents.index(agent)


def dose_axis(dose: Dose, amounts: Sequence[float] | None = None) -> Axis:
    """Make an axis of amounts of a dose, in its own unit; multiples of it where none are given.

    Raises
    ------
    InvalidValueError
        If there are fewer than three, the first is not 0, or they do not increase.
    """
    values = tuple(dose.quantity.value * factor for factor in DOUBLINGS) if amounts is None else tuple(amounts)
    if len(values) < 3 or values[0] != 0 or any(low >= high for low, high in itertools.pairwise(values)):
        raise InvalidValueError(
            f'The doses of "{dose.agent}" are {", ".join(f"{value:g}" for value in values)}. Give three or more that '
            "increase, 0 first: what the other agent does alone is seen there."
        )
    unit = dose.quantity.unit
    return Axis(f"{dose.agent_definition.title} ({unit})", unit, values)


def start_axis(dose: Dose, days: Sequence[float] | None = None) -> Axis:
    """Make an axis of first days of a dose; the number of doses stays, so a later start ends later."""
    values = START_DAYS if days is None else tuple(days)
    if len(values) < 2 or any(low >= high for low, high in itertools.pairwise(values)):
        raise InvalidValueError(
            f"The first days are {', '.join(f'{value:g}' for value in values)}; give two or more that increase."
        )
    return Axis(f"First day of {dose.agent_definition.title.lower()}", "day", values)


def with_amount(dose: Dose, amount: float) -> Dose | None:
    """Give a dose of another amount; None for 0, which is not given at all."""
    return dose.replace(amount=f"{amount!r} {dose.quantity.unit}") if amount > 0 else None


def started_on(dose: Dose, day: float) -> Dose:
    """Give a dose that starts on another day and is repeated as often."""
    if not dose.repeats:
        return dose.replace(at=f"day {day!r}")
    return dose.replace(at=f"day {day!r}", until=f"day {day + dose.repeats * dose.interval!r}")


Cell = tuple[Dose | None, ...]
"""The doses of one cell of a grid, in the order of the protocol; None where one is not given."""


def follow_cells(
    cells: Sequence[Cell],
    cohort: Cohort,
    arm: Arm,
    until: float,
    *,
    engine: str = "ensemble",
    progress: Progress | None = None,
) -> Trajectories:
    """Send the same subjects through every cell, in one call of the engine.

    Cells have the same doses in the same order and differ in amounts and days, so that each operation is one of the
    whole grid, at a time of its own for each subject, and never for those who do not get it.

    Parameters
    ----------
    cells
        Doses of each.
    cohort
        Subjects; all of them go through each cell.
    arm
        For its condition.
    until
        The last day.
    engine, progress
        As in `gvlab.simulation.simulate`.

    Returns
    -------
    Cell by cell, the subjects of a cell next to one another.
    """
    model = Model.default()
    numbers = arm.condition.apply(cohort.parameters(), model.equations.nominal)
    values = Values(numbers, cohort, model)
    nominal = model.equations.nominal
    parameters = {
        name: np.tile(np.broadcast_to(value, len(cohort)), len(cells)) if np.ndim(value) else value
        for name, value in numbers.items()
        if name in nominal and (np.ndim(value) > 0 or value != nominal[name])
    }
    plan = _stacked(cells, values, until)
    start = min(0.0, *(dose.start for cell in cells for dose in cell if dose is not None))
    solution = engines.solve(
        model.equations,
        np.array([start, until]),
        subjects=len(cells) * len(cohort),
        outputs=(),
        parameters=parameters,
        schedule=plan,
        stop=model.deaths,
        progress=progress,
        engine=engine,
    )
    manifest = Manifest(model.sha256, {"cohort": cohort.sha256}, cohort.seed, engine)
    return Trajectories.of(solution, model, np.tile(cohort.numbers, len(cells)), manifest=manifest)


def _stacked(cells: Sequence[Cell], values: Values, until: float) -> list[Operation]:
    n = len(values.cohort)
    stacked: list[Operation] = []
    for place in range(len(cells[0])):
        column = [cell[place] for cell in cells]
        for dose in column:
            if dose is not None and dose.harvest is not None:
                raise ProtocolError(f'"{dose.agent}" comes out of primary recipients; a grid cannot follow those.')
        # Equal doses of many cells are worked out once.
        made = {dose: schedule(Protocol((dose,)), values, until) for dose in dict.fromkeys(column) if dose is not None}
        longest = max(made.values(), key=len, default=())
        for slot in range(len(longest)):
            like = longest[slot]
            time = np.full((len(cells), n), np.inf)
            value, added = np.zeros((len(cells), n)), np.zeros((len(cells), n))
            for row, dose in enumerate(column):
                if dose is None or slot >= len(made[dose]):
                    continue
                operation = made[dose][slot]
                time[row], value[row], added[row] = operation.time, operation.value, operation.added
            stacked.append(
                Operation(time.ravel(), like.kind, like.target, value.ravel(), added.ravel(), like.pool, like.guard)
            )
    return stacked


@dataclass(frozen=True)
class GridEffect:
    """The effect over a grid, mouse by mouse.

    Attributes
    ----------
    first, second
        What is varied.
    effect
        Shape (first, second, mouse): 1 where a mouse is alive (or cured) on the day, else 0.
    alone
        The effect of the first alone, of the same shape, where the second is a day; None where both are doses, since
        the margins of the grid tell then.
    base
        Shape (mouse,): the effect of the other agent alone, where the second is a day.
    title
        What the effect is.
    seed
        Of the mice.
    """

    first: Axis
    second: Axis
    effect: FloatArray
    alone: FloatArray | None
    base: FloatArray | None
    title: str
    seed: int

    @property
    def mice(self) -> int:
        """In each cell."""
        return int(self.effect.shape[2])

    @property
    def observed(self) -> FloatArray:
        """Share of mice, shape (first, second)."""
        return np.asarray(self.effect.mean(axis=2))

    def synergy(self, reference: Reference, resamples: int = 300) -> Synergy:
        """Compare with what a reference expects of two agents that have nothing to do with each other.

        Intervals are by bootstrap over mice, each cell resampled on its own, as in an experiment in which every cell
        has mice of its own.

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
            found = synergy(self.first.values, (0.0, 1.0), here, rng, reference=reference, resamples=resamples)
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
    axes: tuple[Axis, Axis],
    *,
    mice: int,
    seed: int,
    endpoint: str = "overall_survival",
    engine: str = "ensemble",
    progress: Progress | None = None,
) -> GridEffect:
    """Vary the amounts of two doses of an arm.

    Parameters
    ----------
    experiment, arm
        What is done otherwise.
    places, axes
        Which doses of the protocol, and the amounts of each.
    mice, seed
        Virtual mice; the same ones go through every cell.
    endpoint
        One of the library, read on the last day.
    engine, progress
        As in `follow_cells`.
    """
    doses = list(arm.protocol)
    cells = [
        _cell(doses, {places[0]: with_amount(doses[places[0]], a), places[1]: with_amount(doses[places[1]], b)})
        for a in axes[0].values
        for b in axes[1].values
    ]
    cohort = experiment.system.cohort(mice, seed)
    held, title = _holds(
        follow_cells(cells, cohort, arm, experiment.last_day, engine=engine, progress=progress),
        endpoint,
        len(cells),
        experiment.last_day,
    )
    effect = held.reshape(len(axes[0].values), len(axes[1].values), -1)
    return GridEffect(axes[0], axes[1], effect, None, None, title, seed)


def dose_by_start(
    experiment: Experiment,
    arm: Arm,
    places: tuple[int, int],
    axes: tuple[Axis, Axis],
    *,
    mice: int,
    seed: int,
    endpoint: str = "overall_survival",
    engine: str = "ensemble",
    progress: Progress | None = None,
) -> GridEffect:
    """Vary the amount of a dose and the day on which it starts, with a second agent and without it.

    Parameters
    ----------
    places
        The dose that is varied, and the one that is left out to see the first alone.
    experiment, arm, axes, mice, seed, endpoint, engine, progress
        As in `dose_by_dose`; the second axis is one of days.
    """
    doses = list(arm.protocol)
    varied, other = places
    cells: list[Cell] = []
    for given in (doses[other], None):
        for amount in axes[0].values:
            for day in axes[1].values:
                dose = with_amount(started_on(doses[varied], day), amount)
                cells.append(_cell(doses, {varied: dose, other: given}))
    distinct = list(dict.fromkeys(cells))  # a dose of 0 has no first day
    cohort = experiment.system.cohort(mice, seed)
    run = follow_cells(distinct, cohort, arm, experiment.last_day, engine=engine, progress=progress)
    held, title = _holds(run, endpoint, len(distinct), experiment.last_day)
    place = {cell: row for row, cell in enumerate(distinct)}
    whole = held[[place[cell] for cell in cells]].reshape(2, len(axes[0].values), len(axes[1].values), -1)
    return GridEffect(axes[0], axes[1], whole[0], whole[1], whole[0, 0, 0], title, seed)


def cells_of(axes: tuple[Axis, Axis]) -> int:
    """Give the number of distinct cells of a grid: what a progress bar counts, times the mice."""
    first, second = (len(axis.values) for axis in axes)
    return 2 * ((first - 1) * second + 1) if axes[1].unit == "day" else first * second


def _cell(doses: Sequence[Dose], changes: Mapping[int, Dose | None]) -> Cell:
    return tuple(changes.get(place, dose) for place, dose in enumerate(doses))


def _holds(run: Trajectories, endpoint: str, cells: int, day: float) -> tuple[FloatArray, str]:
    """Say for each mouse of each cell whether it counts on a day, shape (cell, mouse); unsolved mice are left out."""
    from gvlab import library

    record = library.read("endpoints", endpoint)
    rows = endpoint_times(record, run, "grid")
    reached = np.zeros(len(run), dtype=bool)
    reached[rows["subject"]] = (rows["event_observed"] == 1) & (rows["duration"] <= day)
    counted = ~reached if record.counts == "free" else reached
    solved = run.ok.reshape(cells, -1).all(axis=0)
    if not solved.any():
        raise InvalidValueError("No mouse could be followed through every cell; take doses nearer to those of the arm.")
    return counted.reshape(cells, -1)[:, solved].astype(np.float64), f"{record.title} on day {day:g}"
