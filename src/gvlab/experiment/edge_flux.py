"""How strongly each edge of the axis acts on a day, and how that differs from a control arm.

The flux of an edge is read off the equations, by the name of its switch alone: of every state whose rate of change
holds the switch, the part of the rate that goes when the switch is set to 0, while everything else stays as it is on
that day. As a share of the states themselves - those of one unit together, and of several units the one that moves
most - it is a rate per day, so that edges on cells, on concentrations and on signals can be laid side by side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.engine import Cancel
from gvlab.errors import InvalidValueError
from gvlab.experiment.why import read_on
from gvlab.library.table_rows import EdgeRow
from gvlab.sbml.evaluate import evaluate
from gvlab.simulation import Executor, SimulationTask, Trajectories, run_tasks, show_warnings

if TYPE_CHECKING:
    from gvlab.experiment.experiment import Experiment
    from gvlab.model.model import Model

SUBJECTS = 100
UNIT = "1/day"


@dataclass(frozen=True)
class EdgeFlux:
    """How strongly an edge acts.

    Attributes
    ----------
    edge
        Of the library: who acts on whom, the switch, source and statement.
    on
        Whether its switch is on in the arm.
    flux, control
        Median over the subjects alive, in the arm and in the control arm, per day; NaN where what it acts on is not
        there.
    moves
        The states of the model whose rate it changes.
    """

    edge: EdgeRow
    on: bool
    flux: float
    control: float
    moves: tuple[str, ...]

    @property
    def change(self) -> float | None:
        """Ratio to the control arm: infinite where the edge does not act there; None where neither acts, or unknown."""
        if not (math.isfinite(self.flux) and math.isfinite(self.control)):
            return None
        if self.control == 0:
            return math.inf if self.flux > 0 else None
        return self.flux / self.control


@dataclass(frozen=True)
class AxisFlux:
    """Every edge on a day.

    Attributes
    ----------
    arm, versus
        The arm that is shown, and the control arm.
    day
        On which.
    edges
        In the order of the library.
    alive
        Subjects alive on that day in the arm and in the control arm; only those are read.
    subjects, seed
        The same in both arms.
    model
        Hash of the model.
    """

    arm: str
    versus: str
    day: float
    edges: tuple[EdgeFlux, ...]
    alive: tuple[int, int]
    subjects: int
    seed: int
    model: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what is not known is null."""
        return {
            "arm": self.arm, "versus": self.versus, "day": self.day, "unit": UNIT, "alive": list(self.alive),
            "subjects": self.subjects, "seed": self.seed, "model": self.model,
            "edges": [
                {
                    "edge": each.edge.edge, "switch": each.edge.switch, "on": each.on, "moves": list(each.moves),
                    "flux": each.flux if math.isfinite(each.flux) else None,
                    "control": each.control if math.isfinite(each.control) else None,
                }
                for each in self.edges
            ],
        }  # fmt: skip


def axis_flux(
    experiment: Experiment,
    arm: str,
    versus: str,
    day: float,
    *,
    seed: int = 2018,
    subjects: int = SUBJECTS,
    executor: Executor | str | None = None,
    cancel: Cancel | None = None,
) -> AxisFlux:
    """Return how strongly each edge acts in an arm on a day, and in the control arm.

    Parameters
    ----------
    experiment
        Of whose arms.
    arm, versus
        Their names.
    day
        On which; from 0 to the last day.
    seed, subjects
        Of the subjects, the same in both arms.
    executor, cancel
        As in `Experiment.run`.

    Raises
    ------
    UnknownNameError
        If there is no such arm.
    InvalidValueError
        If an arm is compared with itself, the day lies outside the experiment, or nobody of an arm is alive on it.
    """
    if arm == versus:
        raise InvalidValueError(f'"{arm}" is compared with itself. Name another arm.')
    if not 0 <= day <= experiment.last_day:
        raise InvalidValueError(f"Day {day:g} lies outside the experiment, which ends on day {experiment.last_day:g}.")
    model = experiment.model
    rows = [row for row in experiment.library.rows("edges") if row.switch in model.equations.parameters]
    both = tuple(read_on(experiment.arm(name), day) for name in (arm, versus))
    part = experiment.replace(arms=both, assays=_carried(model), until=f"day {max(day, 1e-9):g}")
    tasks = list(part.tasks(seed, subjects=subjects, days=[day]).values())
    done = run_tasks(tasks, executor=executor, cancel=cancel)
    show_warnings(done)
    runs = [result.get() for result in done]
    known = [_known(task, run, day) for task, run in zip(tasks, runs, strict=True)]
    alive = [int(np.isfinite(next(iter(each.values()))).sum()) for each in known]
    for name, n in zip((arm, versus), alive, strict=True):
        if not n:
            raise InvalidValueError(f"Nobody of {name} is alive on day {day:g}. Ask for an earlier day.")
    fluxes = [flux_of_edges(model, rows, values) for values in known]
    edges = []
    for place, row in enumerate(rows):
        moves, flux = fluxes[0][place]
        switch = np.asarray(known[0].get(row.switch, model.equations.nominal[row.switch]))
        edges.append(EdgeFlux(row, bool(np.any(switch != 0)), flux, fluxes[1][place][1], moves))
    return AxisFlux(
        arm, versus, day, tuple(edges), (alive[0], alive[1]), len(runs[0]), seed, model.sha256[:16]
    )  # fmt: skip


def flux_of_edges(model: Model, edges: list[EdgeRow], known: Mapping[str, Any]) -> list[tuple[tuple[str, ...], float]]:
    """Return what each edge moves, and how strongly: the median over subjects, per day.

    Parameters
    ----------
    model
        Whose equations.
    edges
        Whose switches are parameters of the model.
    known
        The value of every state and parameter: a number, or an array of shape (subject,) with NaN for the dead.
    """
    equations = model.equations
    system, day = equations.system, equations.contents.day
    rates = {name: equations.during(system.rates[name]) for name in equations.states if name in system.rates}
    holds = {name: system.graph.symbols([node]) for name, node in rates.items()}
    now = dict(zip(rates, evaluate(system.graph, list(rates.values()), known), strict=True))
    found = []
    for edge in edges:
        moves = tuple(name for name in rates if edge.switch in holds[name])
        without = {**known, edge.switch: np.float64(0.0)}
        cut = dict(zip(moves, evaluate(system.graph, [rates[name] for name in moves], without), strict=True))
        by_unit: dict[str, list[str]] = {}
        for name in moves:
            by_unit.setdefault(model.unit(name), []).append(name)
        medians = []
        for names in by_unit.values():
            moved = sum(np.abs(np.asarray(now[name]) - cut[name]) for name in names)
            there = sum(np.abs(np.asarray(known[name], dtype=np.float64)) for name in names)
            with np.errstate(divide="ignore", invalid="ignore"):
                share = np.atleast_1d(np.asarray(day * moved / there, dtype=np.float64))
            share = share[np.isfinite(share)]
            medians += [float(np.median(share))] if len(share) else []
        found.append((moves, max(medians, default=math.nan)))
    return found


def _carried(model: Model) -> tuple[str, ...]:
    """Return what must be read for the rates of change: every state, and every parameter that may change in a run."""
    equations = model.equations
    moving = [name for name in equations.states if name in equations.system.rates]
    return (*moving, *(name for name in equations.changeable if name not in moving and name in equations.needed))


def _known(task: SimulationTask, run: Trajectories, day: float) -> dict[str, Float[Array, " subject"] | float]:
    """Return every value that rates of change are made of, with NaN for the dead."""
    read = {name: np.where(run.ok, run.at(name, day), np.nan) for name in run.outputs}
    constants = {**task.model.equations.nominal, **task.values.numbers}
    return {**read, **{name: value for name, value in constants.items() if name not in read}, "time ": day}
