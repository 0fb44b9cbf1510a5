"""A protocol in a model's units: what is done to each subject, when, and how much of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gvlab import units
from gvlab.engine import Operation
from gvlab.errors import ProtocolError, UnitError, UnknownNameError
from gvlab.lazy import LazyModule
from gvlab.library.agent_record import CloneSpec, HarvestSpec, OperationSpec
from gvlab.model.model import Model
from gvlab.protocol import Dose, Harvest, Protocol
from gvlab.simulation.mutants import mutants_of_clone
from gvlab.subject.cohort import BODY_MASS, Cohort

FloatArray = npt.NDArray[np.float64]
PerSubject = float | FloatArray

stats: Any = LazyModule("scipy.stats")

_CELL = "cell"
_SLACK = 1e-9


@dataclass(frozen=True)
class Harvested:
    """What was taken out of primary recipients.

    Attributes
    ----------
    share
        By state, shape (subject,): which part of the cells it is. The parts of a subject add up to one, or to zero
        where there was nothing to take.
    mean
        By phenotype, shape (subject,): its mean in the cells taken.
    known
        Shape (subject,): whether there was anybody to take cells from; where not, shares are NaN.
    """

    share: Mapping[str, FloatArray]
    mean: Mapping[str, FloatArray]
    known: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Values:
    """What is known of the subjects when doses are worked out: parameters under a condition, with their units.

    Attributes
    ----------
    numbers
        By parameter: a number, or an array of shape (subject,).
    cohort
        For the units of parameters.
    model
        For what the table does not have, and for the units of its symbols.
    """

    numbers: Mapping[str, PerSubject]
    cohort: Cohort
    model: Model

    def __getitem__(self, name: str) -> PerSubject:
        """Return a parameter of the subjects, or the model's own value."""
        if name in self.numbers:
            return self.numbers[name]
        nominal = self.model.equations.nominal
        if name not in nominal:
            raise UnknownNameError("parameter", name, {*self.numbers, *nominal})
        return nominal[name]

    def unit(self, name: str) -> str:
        """Return the unit of a parameter."""
        return self.cohort.table.unit(name) if name in self.cohort.table else self.model.unit(name)

    def in_model(self, name: str) -> PerSubject:
        """Return a parameter in the unit that the model has for it.

        Raises
        ------
        UnitError
            If the unit of the subjects' table cannot become that of the model.
        """
        wanted = self.model.unit(name) if name in self.model.symbols else ""
        return self.become(name, wanted)

    def of_model(self) -> dict[str, PerSubject]:
        """Return the parameters that the model has too, in its units.

        Raises
        ------
        UnitError
            If a unit of the subjects' table cannot become that of the model.
        """
        nominal, symbols, units = self.model.equations.nominal, self.model.symbols, self.cohort.table.units
        return {
            name: value
            if name in symbols and name in units and symbols[name].unit == units[name]
            else self.in_model(name)
            for name, value in self.numbers.items()
            if name in nominal
        }

    def become(self, name: str, wanted: str) -> PerSubject:
        """Return a parameter in a unit; as it is where it, or what is wanted, has none.

        Raises
        ------
        UnitError
            If its unit cannot become the one that is wanted.
        """
        value, unit = self[name], self.unit(name)
        if unit == wanted or not unit or not wanted:
            return value
        try:
            return units.convert(value, unit, wanted)  # type: ignore[type-var, no-any-return]
        except UnitError as error:
            raise UnitError(f'The model takes "{name}" in {wanted}, and it is given in {unit}: {error}') from error


def schedule(
    protocol: Protocol,
    values: Values,
    until: float,
    harvests: Mapping[Harvest, Harvested] | None = None,
) -> tuple[Operation, ...]:
    """Work out the operations of a protocol.

    Doses at the same time are carried out in the order in which they stand in the protocol.

    Parameters
    ----------
    protocol
        What is given.
    values
        To whom, and in which model.
    until
        The last day.
    harvests
        What was taken out of the primary recipients that the protocol names.

    Returns
    -------
    Operations in the order of time, values in the model's units, one a subject where they differ.

    Raises
    ------
    ProtocolError
        If a dose is given after the last day.
    UnitError
        If an amount cannot become what the model takes.
    UnknownNameError
        If an agent acts on a symbol the model does not have, or needs a parameter nobody has.
    """
    timed: list[tuple[float, Operation]] = []
    for dose in protocol:
        _check_horizon(dose, until)
        for first, time in _times(dose, values):
            timed.extend((first, operation) for operation in _operations(dose, time, values, harvests or {}))
        for time in (stop for stop in dose.stops if stop <= until + _SLACK):
            ending = dose.agent_definition.route(dose.route_definition.ended_by)
            timed.extend((time, _operation(dose, time, spec, values)) for spec in ending.operations)
    # Python's sort is stable, so what is given at one time keeps the order of the protocol.
    return tuple(operation for _, operation in sorted(timed, key=lambda pair: pair[0]))


def _check_horizon(dose: Dose, until: float) -> None:
    late = [time for time in dose.times if time > until + _SLACK]
    if not late:
        return
    what = f"{len(late)} of the {len(dose.times)} doses" if dose.repeats else "The dose"
    raise ProtocolError(
        f'{what} of "{dose.agent}" would be given after the last day: on day {late[0]:g}, and the end is {until:g}. '
        f'Follow the subjects longer (until="day {dose.times[-1]:g}"), or give it earlier.'
    )


def _times(dose: Dose, values: Values) -> Iterator[tuple[float, PerSubject]]:
    """Return the days of a dose, each as a number to sort by and as it is for every subject; infinite: not given."""
    shift = np.rint(values[dose.varied.day]) if dose.varied is not None and dose.varied.day is not None else 0.0
    if not np.any(shift):
        yield from ((time, time) for time in dose.times)
        return
    start = np.maximum(dose.start + np.atleast_1d(shift), 0.0)
    last = dose.times[-1] if dose.repeats else np.inf
    repeats = int((last - start.min()) / dose.interval + _SLACK) if dose.repeats else 0
    for number in range(repeats + 1):
        times = start + number * dose.interval
        given = np.where((times <= last + _SLACK) & ~np.vectorize(dose.is_held, otypes=[bool])(times), times, np.inf)
        yield dose.start + number * dose.interval, given if np.ndim(shift) else float(given[0])


def _operations(
    dose: Dose, time: PerSubject, values: Values, harvests: Mapping[Harvest, Harvested]
) -> Iterator[Operation]:
    route = dose.route_definition
    if route.harvest is not None and dose.harvest is not None:
        yield from _transfer(dose, time, route.harvest, harvests[dose.harvest], values)
    for spec in route.operations:
        yield _operation(dose, time, spec, values)


def _operation(dose: Dose, time: PerSubject, spec: OperationSpec, values: Values) -> Operation:
    target = spec.target
    wanted = values.model.unit(target)
    guard = " && ".join(f"({each})" for each in (spec.guard, dose.when) if each) if dose.when else spec.guard
    if spec.set is not None and spec.to is not None:
        value = values.become(spec.to, wanted) if isinstance(spec.to, str) else spec.to
        return Operation(time, "set", target, value, guard=guard)
    if spec.approach is not None:
        limit = values[spec.to] if isinstance(spec.to, str) else float(spec.to or 0.0)
        left = np.exp(-_arriving(dose, spec, values, "dimensionless"))
        return Operation(time, "approach", target, limit, left, guard=guard)
    if spec.mix is not None:
        mean = values.become(spec.value, wanted) if isinstance(spec.value, str) else float(spec.value or 0.0)
        joining = _arriving(dose, spec, values, values.model.unit(spec.pool[0]))
        return Operation(time, "mix", target, mean, joining, spec.pool, guard)
    amount = _arriving(dose, spec, values, wanted)
    if spec.whole is not None:
        amount = whole_number(amount, values[spec.whole])
    if spec.mutants is not None:
        amount = _mutants(amount, spec.mutants, values)
    return Operation(time, "add" if spec.add is not None else "set", target, amount, guard=guard)


def _arriving(dose: Dose, spec: OperationSpec, values: Values, wanted: str) -> PerSubject:
    """Return what of the dose arrives, in the unit that is wanted: amount, times body mass, times fractions."""
    amount = _amount(dose, spec.unit or "", values)
    unit = spec.unit or "dimensionless"
    for factor in spec.times:
        if isinstance(factor, str):
            amount = amount * values[factor]
            unit = f"({unit})*({values.unit(factor)})"
        else:
            amount = amount * factor
    try:
        arrived: PerSubject = units.convert(amount, unit, wanted)  # type: ignore[type-var]
    except UnitError as error:
        raise UnitError(f'"{dose.agent}" arrives at "{spec.target}" in the wrong unit: {error}') from error
    return arrived


def _mutants(mutations: PerSubject, clone: CloneSpec, values: Values) -> PerSubject:
    ratio = np.divide(values[clone.death], values[clone.birth])
    found: PerSubject = mutants_of_clone(*np.broadcast_arrays(*np.atleast_1d(mutations, ratio, values[clone.draw])))
    for factor in clone.times:
        found = found * (values[factor] if isinstance(factor, str) else factor)
    return found


def whole_number(expected: PerSubject, quantile: PerSubject) -> PerSubject:
    """Return the quantile of a Poisson distribution: how many of the cells expected a subject really gets.

    Parameters
    ----------
    expected
        Mean number of cells.
    quantile
        Between 0 and 1, drawn once a subject.
    """
    inside = np.clip(quantile, 1e-12, 1 - 1e-12)
    return np.asarray(np.maximum(stats.poisson.ppf(inside, expected), 0.0), dtype=np.float64)


def _amount(dose: Dose, unit: str, values: Values) -> PerSubject:
    mass = values.numbers.get(BODY_MASS)
    amount: PerSubject = dose.quantity.to(unit, molar_mass=dose.agent_definition.molar_mass, body_mass=mass)
    if dose.varied is not None and dose.varied.amount is not None:
        amount = amount * values[dose.varied.amount]
    return amount


def _transfer(
    dose: Dose, time: PerSubject, spec: HarvestSpec, harvested: Harvested, values: Values
) -> Iterator[Operation]:
    """Return cells of a primary recipient: their means are mixed first, while the pool is what it was."""
    amount = _amount(dose, _CELL, values)
    for factor in spec.times:
        amount = amount * (values[factor] if isinstance(factor, str) else factor)
    carriers = spec.phenotype_of or spec.pool
    carried = amount * sum(harvested.share[state] for state in carriers)
    for name in spec.phenotype:
        yield Operation(time, "mix", name, harvested.mean[name], carried, carriers)
    for state in spec.pool:
        yield Operation(time, "add", state, amount * harvested.share[state])
