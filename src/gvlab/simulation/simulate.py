"""A model, a cohort and a protocol give trajectories."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from gvlab import engine as engines
from gvlab import units
from gvlab.engine import DEFAULT_ENGINE, ENGINES, Options, Solution, Status
from gvlab.errors import InvalidValueError, ProtocolError, SolveError, SolveWarning, UnknownNameError
from gvlab.model.model import Model
from gvlab.protocol import Condition, Dose, Harvest, Protocol
from gvlab.provenance import Manifest, sha256
from gvlab.simulation.schedule import Harvested, PerSubject, Values, schedule
from gvlab.simulation.trajectories import Trajectories
from gvlab.subject import Cohort

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[int], None]

_SHOWN = 10
_SLACK = 1e-9
_TYPICAL_SHARE = 0.95


def simulate(
    model: Model,
    cohort: Cohort,
    protocol: Protocol | Dose | None = None,
    *,
    until: str | float,
    times: Sequence[float] | FloatArray | None = None,
    outputs: Sequence[str] | None = None,
    condition: Condition | str | None = None,
    engine: str | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Trajectories:
    """Follow subjects through a protocol.

    Parameters
    ----------
    model
        What happens.
    cohort
        In whom.
    protocol
        What is done; nothing where None.
    until
        The last day, "day 100" or 100.0.
    times
        Days on which outputs are read; every whole day and the last one where None.
    outputs
        States, parameters, assigned variables and reactions (their rate) of the model; every state where None.
    condition
        What is different: a condition or its name.
    engine
        Name of an engine, one of `gvlab.engine.ENGINES`; the default one where None.
    options
        Accuracy; the engine's own where None.
    progress
        Told how many subjects have just been finished.

    Returns
    -------
    Trajectories with statuses, events and a manifest. A subject that could not be solved is there as far as it went.

    Raises
    ------
    ProtocolError
        If a dose is given after the last day, or nobody is left from whom cells could be taken.
    UnknownNameError
        If an output, an engine, or a symbol that a condition or an agent names does not exist.
    SolveError
        If no subject at all could be solved.

    Warns
    -----
    SolveWarning
        If some could not be solved: which, what they have in common, and the remedy.
    """
    protocol = Protocol.of(protocol)
    condition = Condition.of(condition)
    last = units.day(until, "the last day") if isinstance(until, str) else float(until)
    readings = _readings(times, last)
    names = tuple(model.equations.states if outputs is None else outputs)
    for name in names:
        model.symbol(name)
    name = _engine(engine)
    numbers = condition.apply(cohort.parameters(), model.equations.nominal)
    values = Values(numbers, cohort, model)
    harvests = {
        dose.harvest: _harvest(model, cohort, dose, dose.harvest, engine=name, options=options)
        for dose in protocol
        if dose.harvest is not None
    }
    operations = schedule(protocol, values, last, harvests)
    # A dose before day 0 starts the clock earlier; what is read stays what was asked for.
    start = min(0.0, protocol.start, readings[0])
    early = start < readings[0]
    solution = engines.solve(
        model.equations,
        np.concatenate([[start], readings]) if early else readings,
        subjects=len(cohort),
        outputs=names,
        parameters=_parameters(model, numbers),
        schedule=operations,
        stop=model.deaths,
        options=options,
        progress=progress,
        engine=name,
    )
    _report_failures(solution, cohort)
    return Trajectories.of(
        solution,
        model,
        cohort.numbers,
        skip=int(early),
        manifest=_manifest(model, cohort, protocol, condition, name, solution),
    )


def _readings(times: Sequence[float] | FloatArray | None, last: float) -> FloatArray:
    if not np.isfinite(last) or last <= 0:
        raise InvalidValueError(f"The last day is {last:g}; it must be after day 0.")
    if times is None:
        times = np.append(np.arange(0.0, last), last)
    readings = np.unique(np.asarray(times, dtype=np.float64))
    if not len(readings) or not np.all(np.isfinite(readings)):
        raise InvalidValueError("Days of reading must be finite numbers, at least one, such as times=[0, 12, 100].")
    if readings[-1] > last + _SLACK:
        raise InvalidValueError(f"Day {readings[-1]:g} is to be read, but the last day is {last:g}. End later.")
    return readings


def _engine(name: str | None) -> str:
    if name is None:
        return DEFAULT_ENGINE
    if name not in ENGINES:
        raise UnknownNameError("engine", name, ENGINES)
    return name


def _parameters(model: Model, numbers: Mapping[str, PerSubject]) -> dict[str, PerSubject]:
    """Give what replaces the document's values: parameters that only agents use are not the model's business."""
    nominal = model.equations.nominal
    return {
        name: value
        for name, value in numbers.items()
        if name in nominal and (np.ndim(value) > 0 or value != nominal[name])
    }


def _harvest(
    model: Model, cohort: Cohort, dose: Dose, harvest: Harvest, *, engine: str, options: Options | None
) -> Harvested:
    """Follow primary recipients, and take cells from them.

    The primary of subject i is subject i itself under the primary's protocol, so the cells keep the properties of
    theirs that are parameters. Where it is dead by then, the next living primary gives.
    """
    spec = dose.given_by.harvest
    if spec is None:
        raise ProtocolError(f'"{dose.agent}" does not come out of a primary recipient.')
    outputs = (*spec.pool, *spec.phenotype)
    primary = simulate(
        model,
        cohort,
        harvest.protocol,
        until=harvest.day,
        times=[harvest.day],
        outputs=outputs,
        condition=harvest.condition,
        engine=engine,
        options=options,
    )
    taken = {name: primary.values(name)[:, -1] for name in outputs}
    living = np.flatnonzero(primary.ok & np.all([np.isfinite(values) for values in taken.values()], axis=0))
    if not len(living):
        raise ProtocolError(
            f'None of the {len(cohort)} primary recipients of "{dose.agent}" lives on day {harvest.day:g}. '
            "Take the cells earlier, or treat more of them."
        )
    donors = living[np.searchsorted(living, np.arange(len(cohort))) % len(living)]
    cells = {name: np.maximum(taken[name][donors], 0.0) for name in spec.pool}
    total = np.sum(list(cells.values()), axis=0)
    if not np.any(total > 0):
        raise ProtocolError(f'The primary recipients hold none of the cells that "{dose.agent}" is made of.')
    safe = np.where(total > 0, total, 1.0)
    share = {name: values / safe for name, values in cells.items()}
    return Harvested(share, {name: taken[name][donors] for name in spec.phenotype})


def _manifest(
    model: Model, cohort: Cohort, protocol: Protocol, condition: Condition, engine: str, solution: Solution
) -> Manifest:
    tables = {
        "parameters": cohort.table.sha256,
        "cohort": cohort.sha256,
        "protocol": sha256(protocol.in_words()),
        "condition": sha256(repr(condition.changes)),
    }
    notes = {"population": cohort.population, "condition": str(condition), "protocol": protocol.in_words()}
    return Manifest(model.sha256, tables, cohort.seed, engine, solution.tolerances, notes=notes)


def _report_failures(solution: Solution, cohort: Cohort) -> None:
    statuses = solution.statuses()
    for status in sorted(set(statuses)):
        rows = [row for row, other in enumerate(statuses) if other == status]
        if status.ok:
            continue
        n = len(cohort)
        if len(rows) == n:
            raise SolveError(f"None of {n:,} subjects could be solved: each {status.remedy}.")
        shown = ", ".join(map(str, rows[:_SHOWN])) + (", ..." if len(rows) > _SHOWN else "")
        warnings.warn(
            f"{len(rows)} of {n:,} subjects {status.remedy} (row{'s' if len(rows) > 1 else ''} {shown})"
            f"{_in_common(cohort, rows)}. The other subjects are complete.",
            SolveWarning,
            stacklevel=3,
        )
    if not any(status.ok for status in statuses):
        kinds = sorted({status.name for status in statuses}, key=lambda name: Status[name])
        raise SolveError(f"None of {len(cohort):,} subjects could be solved: {', '.join(kinds)}.")


def _in_common(cohort: Cohort, rows: list[int]) -> str:
    """Say what sets the failed subjects apart: a parameter that is larger, or smaller, than in almost all others."""
    if len(rows) < 2:
        return ""
    failed = np.zeros(len(cohort), dtype=bool)
    failed[rows] = True
    found = []
    for name, values in cohort.columns.items():
        low, high = values[failed].min(), values[failed].max()
        if np.mean(values[~failed] < low) >= _TYPICAL_SHARE:
            found.append(f"{name} >= {low:.3g} {cohort.unit(name)}")
        elif np.mean(values[~failed] > high) >= _TYPICAL_SHARE:
            found.append(f"{name} <= {high:.3g} {cohort.unit(name)}")
    return f", all with {' and '.join(found)}" if found else ""
