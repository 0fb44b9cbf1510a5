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
from gvlab.simulation.conditions import values_under
from gvlab.simulation.schedule import schedule
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
    values = values_under(condition, cohort.select([0]), model)
    operations = schedule(protocol, values, protocol.end + 1.0)
    nominal, day = model.equations.nominal, model.equations.contents.day
    if day != 1.0:
        operations = tuple(dataclasses.replace(operation, time=operation.time * day) for operation in operations)
    given = {name: _one(value) for name, value in values.of_model().items()}
    changed = {name: value for name, value in given.items() if value != nominal[name]}
    return with_doses(model.sbml, changed, operations)


def with_doses(sbml: str, parameters: Mapping[str, float], done: Sequence[Operation]) -> str:
    """Put a subject's parameters and its schedule into an SBML document.

    What is done at the beginning becomes initial values. Everything later becomes one event for each time, triggered
    when that time is reached. What is done at one time is done in its order, as the engine does it, and written in
    terms of the values before. A document begins at time 0: where something is done before day 0, time 0 is the day on
    which that begins; what the model itself reads or writes down of the time stays in days of the protocol, and its
    notes say so.

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
        If an operation has values of more than one subject.
    """
    document = libsbml.readSBMLFromString(sbml)
    model = document.getModel()
    for name, value in parameters.items():
        _set_initial(model, name, float(value))
    operations = [(float(_one(operation.time)), operation) for operation in done]
    first = min((time for time, _ in operations), default=START)
    if first < START:
        _begin_earlier(document, first)
        operations = [(time - first, operation) for time, operation in operations]
        unit = model.getTimeUnits() or "time"
        said = f"Time 0 of this document is {unit} {first:g} of the protocol."
        model.appendNotes(f'<p xmlns="http://www.w3.org/1999/xhtml">{said}</p>')
    later = sorted((pair for pair in operations if pair[0] > START and np.isfinite(pair[0])), key=lambda pair: pair[0])
    for time, operation in operations:
        if time == START:
            _at_start(model, operation)
    number = 0
    for time, at_once in itertools.groupby(later, key=lambda pair: pair[0]):
        parts = [
            list(part) for _, part in itertools.groupby((each for _, each in at_once), key=lambda each: each.guard)
        ]
        for place, part in enumerate(parts):
            number += 1
            # Events of one time follow each other, each from what the one before it left; alone it needs no order.
            order = len(parts) - place if len(parts) > 1 else None
            _event(model, f"dose_{number:04d}", time, part, order)
    return str(libsbml.writeSBMLToString(document))


def _begin_earlier(document: libsbml.SBMLDocument, first: float) -> None:
    """Let time 0 of a document be an earlier day: where its mathematics reads the time, the day is meant."""
    model = document.getModel()
    unit = f" {model.getTimeUnits()}" if model.isSetTimeUnits() else ""
    day = f"time - {-first!r}{unit}"
    for element in model.getListOfAllElements():
        if hasattr(element, "isSetMath") and element.isSetMath():
            element.setMath(_with_day(element.getMath().deepCopy(), day))


def _with_day(node: libsbml.ASTNode, day: str) -> libsbml.ASTNode:
    """Return a formula in which the time is replaced by another formula."""
    if node.getType() == libsbml.AST_NAME_TIME:
        return libsbml.parseL3Formula(day)
    for place in range(node.getNumChildren()):
        child = node.getChild(place)
        found = _with_day(child, day)
        if found is not child:
            node.replaceChild(place, found, True)
    return node


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
        # A value is what the symbol stands for in the mathematics: an amount, or a concentration.
        if element.getHasOnlySubstanceUnits():
            element.setInitialAmount(value)  # which unsets a concentration
        else:
            element.setInitialConcentration(value)
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
    if isinstance(element, libsbml.Compartment):
        return repr(float(element.getSize()))
    if isinstance(element, libsbml.Parameter):
        return repr(float(element.getValue()))
    amount = element.isSetInitialAmount()
    value = repr(float(element.getInitialAmount() if amount else element.getInitialConcentration()))
    if amount == element.getHasOnlySubstanceUnits():
        return value
    return f"({value} / {element.getCompartment()})" if amount else f"({value} * {element.getCompartment()})"


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


def _event(
    model: libsbml.Model, name: str, time: float, operations: Sequence[Operation], order: int | None = None
) -> None:
    """Add the event of a time: operations under one guard, in their order; a higher `order` comes first."""
    guard = operations[0].guard
    event = model.createEvent()
    event.setIdAttribute(name)
    event.setUseValuesFromTriggerTime(order is None)
    if order is not None:
        event.createPriority().setMath(libsbml.parseL3Formula(str(order)))
    trigger = event.createTrigger()
    trigger.setInitialValue(False)
    trigger.setPersistent(True)
    reached = f"time >= {time!r} {model.getTimeUnits()}" if model.isSetTimeUnits() else f"time >= {time!r}"
    trigger.setMath(libsbml.parseL3Formula(reached))
    # The assignments of an event are simultaneous, so each is written out in terms of the values before all of them.
    become: dict[str, str] = {}
    for operation in operations:
        become[operation.target] = _formula(operation, lambda symbol: become.get(symbol, symbol))
    for target, formula in become.items():
        element = _element(model, target)
        if element.getConstant():
            # A switch that a dose turns is a constant of the model as long as nobody gives that dose.
            element.setConstant(False)
        assignment = event.createEventAssignment()
        assignment.setVariable(target)
        math = _with_units(model, target, formula)
        # In the trigger, a guard that becomes true later would let the dose be given then.
        assignment.setMath(_guarded(model, target, math, guard) if guard else math)


def _guarded(model: libsbml.Model, target: str, math: libsbml.ASTNode, guard: str) -> libsbml.ASTNode:
    """Return a formula that leaves the target as it is where a guard does not hold."""
    node = libsbml.parseL3Formula(f"piecewise(0, {guard}, {target})")
    _compare_with_units(model, node.getChild(1))
    node.replaceChild(0, math, True)
    return node


def _compare_with_units(model: libsbml.Model, node: libsbml.ASTNode) -> None:
    """Give the numbers that symbols are compared with the units of these."""
    if node.isRelational() and node.getNumChildren() == 2:
        for one, other in ((node.getChild(0), node.getChild(1)), (node.getChild(1), node.getChild(0))):
            if one.isNumber() and other.getType() == libsbml.AST_NAME:
                _give_units(one, _unit(_element(model, other.getName())))
    else:
        for place in range(node.getNumChildren()):
            _compare_with_units(model, node.getChild(place))


def _formula(operation: Operation, value_of: Any) -> str:
    value, own = _one(operation.value), value_of(operation.target)
    if operation.kind == "set":
        return repr(value)
    if operation.kind == "add":
        return f"({own} + {value!r})"
    if operation.kind == "approach":
        return f"({value!r} + ({own} - {value!r}) * {_one(operation.added)!r})"
    pool = " + ".join(value_of(name) for name in operation.pool)
    added = _one(operation.added)
    return f"(({own} * ({pool}) + {value!r} * {added!r}) / ({pool} + {added!r}))" if added > 0 else own


def _with_units(model: libsbml.Model, target: str, formula: str) -> libsbml.ASTNode:
    """Read a formula; a bare number in it has the unit of its target, so that units can be checked."""
    node = libsbml.parseL3Formula(formula)
    if node is None:
        raise ModelError(f'"{formula}" cannot be read: {libsbml.getLastParseL3Error()}')
    _give_units(node, _unit(_element(model, target)))
    return node


def _unit(element: libsbml.SBase) -> str:
    """Return the name of an element's unit; none for a concentration, for whose unit no name stands."""
    if not isinstance(element, libsbml.Species):
        return str(element.getUnits())
    return str(element.getSubstanceUnits()) if element.getHasOnlySubstanceUnits() else ""


def _give_units(node: libsbml.ASTNode, unit: str) -> None:
    """Give a number its unit, or the numbers of a sum; of a product the first factor has it, the others have none."""
    if not unit:
        return
    if node.isNumber():
        node.setUnits(unit)
    elif node.getType() in (libsbml.AST_PLUS, libsbml.AST_MINUS):
        for place in range(node.getNumChildren()):
            _give_units(node.getChild(place), unit)
    elif node.getType() == libsbml.AST_TIMES:
        _give_units(node.getChild(0), unit)
        for place in range(1, node.getNumChildren()):
            _give_units(node.getChild(place), "dimensionless")
