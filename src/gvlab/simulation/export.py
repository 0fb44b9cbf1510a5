"""Writes what one subject goes through into its SBML document, so that any simulator gives the same curve."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import libsbml
import numpy as np

from gvlab.engine import Operation
from gvlab.errors import ModelError, UnknownNameError
from gvlab.model.model import Model
from gvlab.protocol import Condition, Protocol
from gvlab.simulation.schedule import Values, schedule
from gvlab.subject import Cohort

START = 0.0


def typical_subject(model: Model, cohort: Cohort, protocol: Protocol, condition: Condition) -> str:
    """Write what the first subject of a cohort goes through as SBML.

    Raises
    ------
    ModelError
        If the protocol gives cells of another subject: a document holds one.
    """
    if any(dose.harvest is not None for dose in protocol):
        raise ModelError("Cells of a primary recipient come out of another run; export the primary's own arm instead.")
    numbers = condition.apply(cohort.select([0]).parameters(), model.equations.nominal)
    values = Values(numbers, cohort, model)
    operations = schedule(protocol, values, protocol.end + 1.0)
    nominal, day = model.equations.nominal, model.equations.contents.day
    if day != 1.0:
        operations = tuple(dataclasses.replace(operation, time=operation.time * day) for operation in operations)
    given = {name: _one(values.in_model(name)) for name in numbers if name in nominal}
    changed = {name: value for name, value in given.items() if value != nominal[name]}
    return with_doses(model.sbml, changed, operations)


def with_doses(sbml: str, parameters: Mapping[str, float], done: Sequence[Operation]) -> str:
    """Put a subject's parameters and its schedule into an SBML document.

    What is done at time zero becomes initial values. Everything later becomes one event for each time, triggered when
    that time is reached; what happens at one time is evaluated from the values before it, as the engine does.

    Parameters
    ----------
    sbml
        The document without doses.
    parameters
        Values of the subject, for parameters and for initial values of states.
    done
        Operations with one number each for time and value.

    Returns
    -------
    SBML Level 3 Version 2 text.

    Raises
    ------
    UnknownNameError
        If an operation or a value names a symbol that the document does not have.
    ModelError
        If an operation has values of more than one subject, or is done before time zero.
    """
    document = libsbml.readSBMLFromString(sbml)
    model = document.getModel()
    for name, value in parameters.items():
        _set_initial(model, name, float(value))
    operations = [(float(_one(operation.time)), operation) for operation in done]
    early = [pair for pair in operations if pair[0] < START]
    if early:
        raise ModelError(
            f'A document begins at day 0, and "{early[0][1].target}" is changed on day {early[0][0]:g}. '
            "Count the days from the first dose."
        )
    later = sorted((pair for pair in operations if pair[0] > START and np.isfinite(pair[0])), key=lambda pair: pair[0])
    for time, operation in operations:
        if time == START:
            _at_start(model, operation)
    for number, ((time, guard), group) in enumerate(itertools.groupby(later, key=lambda p: (p[0], p[1].guard)), 1):
        _event(model, f"dose_{number:04d}", time, guard, [operation for _, operation in group])
    return str(libsbml.writeSBMLToString(document))


def _one(value: Any) -> float:
    array = np.asarray(value, dtype=np.float64)
    if array.size != 1:
        raise ModelError(f"A document describes one subject; this operation has values of {array.size}.")
    return float(array.reshape(()))


def _element(model: libsbml.Model, name: str) -> libsbml.SBase:
    element = model.getElementBySId(name)
    if not isinstance(element, libsbml.Parameter | libsbml.Species | libsbml.Compartment):
        known = [x.getId() for kind in (model.getListOfSpecies(), model.getListOfParameters()) for x in kind]
        raise UnknownNameError("symbol of the model", name, known)
    return element


def _set_initial(model: libsbml.Model, name: str, value: float) -> None:
    element = _element(model, name)
    model.removeInitialAssignment(name)
    if isinstance(element, libsbml.Species):
        element.unsetInitialConcentration()
        element.setInitialAmount(value)
    elif isinstance(element, libsbml.Compartment):
        element.setSize(value)
    else:
        element.setValue(value)


def _initial(model: libsbml.Model, name: str) -> str:
    """Return the initial value of a symbol as a formula."""
    assignment = model.getInitialAssignmentBySymbol(name)
    if assignment is not None:
        return f"({libsbml.formulaToL3String(assignment.getMath())})"
    element = _element(model, name)
    value = element.getInitialAmount() if isinstance(element, libsbml.Species) else element.getValue()
    return repr(float(value))


def _at_start(model: libsbml.Model, operation: Operation) -> None:
    if operation.guard:
        raise ModelError("An operation at time zero cannot have a guard in a document; let it happen a moment later.")
    formula = _formula(operation, lambda name: _initial(model, name))
    value = libsbml.parseL3Formula(formula)
    if value is not None and value.isNumber():
        _set_initial(model, operation.target, value.getValue())
        return
    _element(model, operation.target)
    model.removeInitialAssignment(operation.target)
    assignment = model.createInitialAssignment()
    assignment.setSymbol(operation.target)
    assignment.setMath(_with_units(model, operation.target, formula))


def _event(model: libsbml.Model, name: str, time: float, guard: str, operations: Sequence[Operation]) -> None:
    event = model.createEvent()
    event.setIdAttribute(name)
    event.setUseValuesFromTriggerTime(True)
    trigger = event.createTrigger()
    trigger.setInitialValue(False)
    trigger.setPersistent(True)
    reached = f"time >= {time!r} {model.getTimeUnits()}" if model.isSetTimeUnits() else f"time >= {time!r}"
    trigger.setMath(libsbml.parseL3Formula(f"({reached}) && ({guard})" if guard else reached))
    targets = [operation.target for operation in operations]
    for operation in operations:
        if targets.count(operation.target) > 1:
            raise ModelError(f'Day {time:g} changes "{operation.target}" twice; move one of the doses a moment.')
        element = _element(model, operation.target)
        if element.getConstant():
            # A switch that a dose turns is a constant of the model as long as nobody gives that dose.
            element.setConstant(False)
        assignment = event.createEventAssignment()
        assignment.setVariable(operation.target)
        assignment.setMath(_with_units(model, operation.target, _formula(operation, lambda symbol: symbol)))


def _formula(operation: Operation, value_of: Any) -> str:
    value, own = _one(operation.value), value_of(operation.target)
    if operation.kind == "set":
        return repr(value)
    if operation.kind == "add":
        return f"{own} + {value!r}"
    pool = " + ".join(value_of(name) for name in operation.pool)
    added = _one(operation.added)
    return f"({own} * ({pool}) + {value!r} * {added!r}) / ({pool} + {added!r})" if added > 0 else own


def _with_units(model: libsbml.Model, target: str, formula: str) -> libsbml.ASTNode:
    """Read a formula; a bare number in it has the unit of its target, so that units can be checked."""
    node = libsbml.parseL3Formula(formula)
    if node is None:
        raise ModelError(f'"{formula}" cannot be read: {libsbml.getLastParseL3Error()}')
    element = _element(model, target)
    unit = element.getSubstanceUnits() if isinstance(element, libsbml.Species) else element.getUnits()
    if unit and node.getType() in (libsbml.AST_PLUS, libsbml.AST_REAL, libsbml.AST_INTEGER, libsbml.AST_REAL_E):
        for part in (node, *(node.getChild(i) for i in range(node.getNumChildren()))):
            if part.isNumber():
                part.setUnits(unit)
    return node
