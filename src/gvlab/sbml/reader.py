"""Reads an SBML document with libSBML into an `EquationSystem`."""

from __future__ import annotations

import math
from typing import Any

import libsbml

from gvlab.errors import ModelError
from gvlab.sbml.formula import FormulaReader, Functions
from gvlab.sbml.graph import Graph, Node
from gvlab.sbml.system import EquationSystem, Event, Species


def read(text: str) -> EquationSystem:
    """Return the equations of an SBML document.

    Raises
    ------
    ModelError
        If it cannot be read, or has a construct that is refused: algebraic rules, delay equations, fast reactions,
        or a required package.
    """
    document = libsbml.readSBMLFromString(text)
    _check_document(document)
    model = document.getModel()
    graph = Graph()
    formulas = FormulaReader(graph, _functions(model))
    system = EquationSystem(graph, has_functions=bool(formulas.functions))
    _read_symbols(model, system, formulas)
    _read_rules(model, system, formulas)
    _read_reactions(model, system, formulas)
    _read_events(model, system, formulas)
    return system


def read_functions(text: str) -> Functions:
    """Return the function definitions of an SBML document that has been read before."""
    return _functions(libsbml.readSBMLFromString(text).getModel())


def _functions(model: Any) -> Functions:
    functions: Functions = {}
    for function in _each(model.getListOfFunctionDefinitions()):
        names = tuple(function.getArgument(i).getName() for i in range(function.getNumArguments()))
        body = function.getBody()
        # A copy: a guard may call the function when the document is long gone.
        functions[function.getId()] = (names, None if body is None else body.deepCopy())
    return functions


def _check_document(document: Any) -> None:
    for i in range(document.getNumErrors()):
        error = document.getError(i)
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR:
            raise ModelError(f"The SBML document cannot be read: line {error.getLine()}: {error.getMessage().strip()}")
    model = document.getModel()
    if model is None:
        raise ModelError("The SBML document has no model.")
    for i in range(document.getNumPlugins()):
        package = document.getPlugin(i).getPackageName()
        if package in ("comp", "fbc", "qual", "multi", "spatial", "distrib", "arrays", "dyn"):
            raise ModelError(f'The model uses the SBML package "{package}", which is not supported.')
    for rule in _each(model.getListOfRules()):
        if rule.isAlgebraic():
            raise ModelError("The model has an algebraic rule, which is not supported. Solve it for one symbol.")
    for reaction in _each(model.getListOfReactions()):
        if reaction.isSetFast() and reaction.getFast():
            raise ModelError(f'The reaction "{reaction.getId()}" is fast (an equilibrium), which is not supported.')


def _each(items: Any) -> list[Any]:
    return [items.get(i) for i in range(items.size())]


def _read_symbols(model: Any, system: EquationSystem, formulas: FormulaReader) -> None:
    for compartment in _each(model.getListOfCompartments()):
        name = compartment.getId()
        system.compartments.append(name)
        unset = math.nan if compartment.getLevel() > 2 else 1.0
        size = compartment.getSize() if compartment.isSetSize() else unset
        if compartment.getLevel() < 3 and compartment.getSpatialDimensions() == 0:
            size = 1.0
        system.values[name] = size
        if compartment.getConstant():
            system.constant.add(name)
    points = {c.getId() for c in _each(model.getListOfCompartments()) if c.getSpatialDimensionsAsDouble() == 0}
    for species in _each(model.getListOfSpecies()):
        name = species.getId()
        by_amount = species.isSetInitialAmount()
        value = species.getInitialAmount() if by_amount else math.nan
        if species.isSetInitialConcentration():
            value = species.getInitialConcentration()
        # A point has no size: what is in it is an amount.
        whole = species.getHasOnlySubstanceUnits() or species.getCompartment() in points
        system.values[name] = value
        system.species[name] = Species(species.getCompartment(), whole, by_amount, not whole)
        if species.getConstant():
            system.constant.add(name)
    for parameter in _each(model.getListOfParameters()):
        name = parameter.getId()
        system.parameters.append(name)
        system.values[name] = parameter.getValue() if parameter.isSetValue() else math.nan
        if parameter.getConstant():
            system.constant.add(name)
    for assignment in _each(model.getListOfInitialAssignments()):
        if assignment.isSetMath():
            formula = formulas.read(assignment.getMath())
            system.initial[assignment.getSymbol()] = system.graph.number(formula)


def _read_rules(model: Any, system: EquationSystem, formulas: FormulaReader) -> None:
    for rule in _each(model.getListOfRules()):
        if not rule.isSetMath():
            continue
        formula = system.graph.number(formulas.read(rule.getMath()))
        name = rule.getVariable()
        if rule.isAssignment():
            system.rules[name] = formula
        else:
            system.rates[name] = formula
            if name in system.species:
                # The rule gives the change of the symbol itself, whatever its compartment does.
                old = system.species[name]
                system.species[name] = Species(old.compartment, old.amount, old.by_amount, dissolved=False)


def _read_reactions(model: Any, system: EquationSystem, formulas: FormulaReader) -> None:
    graph = system.graph
    changes: dict[str, Node] = {}
    for reaction in _each(model.getListOfReactions()):
        law = reaction.getKineticLaw()
        names: dict[str, Node] = {}
        if law is None or not law.isSetMath():
            rate = graph.const(math.nan) if law is None else graph.const(0.0)
            system.reactions[reaction.getId()] = rate
            _read_references(reaction, system, formulas)
            continue
        local = law.getListOfLocalParameters() if law.getLevel() > 2 else law.getListOfParameters()
        for parameter in _each(local):
            names[parameter.getId()] = graph.const(parameter.getValue() if parameter.isSetValue() else math.nan)
        system.reactions[reaction.getId()] = graph.number(formulas.read(law.getMath(), names))
        for sign, name, stoichiometry in _read_references(reaction, system, formulas):
            species = model.getSpecies(name)
            if species is None or species.getBoundaryCondition() or species.getConstant() or name in system.rules:
                continue
            amount = graph.mul(stoichiometry, graph.symbol(reaction.getId()))
            factor = species.getConversionFactor() or model.getConversionFactor()
            if factor:
                amount = graph.mul(graph.symbol(factor), amount)
            change = changes.get(name, graph.const(0.0))
            changes[name] = graph.add(change, amount) if sign > 0 else graph.sub(change, amount)
    for name in system.species:
        if name in changes:
            system.rates[name] = changes[name]


def _read_references(reaction: Any, system: EquationSystem, formulas: FormulaReader) -> list[tuple[int, str, Node]]:
    graph = system.graph
    found: list[tuple[int, str, Node]] = []
    for sign, references in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
        for reference in _each(references):
            name = reference.getId()
            mathematics = reference.getStoichiometryMath() if reference.getLevel() < 3 else None
            if mathematics is not None and mathematics.isSetMath():
                formula = graph.number(formulas.read(mathematics.getMath()))
                stoichiometry = formula
                if name:
                    system.rules.setdefault(name, formula)
            else:
                value = reference.getStoichiometry()
                if reference.getLevel() > 2 and not reference.isSetStoichiometry():
                    value = math.nan
                if name:
                    system.references.append(name)
                    system.values[name] = value
                    if reference.getLevel() > 2 and reference.getConstant():
                        system.constant.add(name)
                    stoichiometry = graph.symbol(name)
                else:
                    stoichiometry = graph.const(value)
            found.append((sign, reference.getSpecies(), stoichiometry))
    return found


def _read_events(model: Any, system: EquationSystem, formulas: FormulaReader) -> None:
    graph = system.graph
    for number, event in enumerate(_each(model.getListOfEvents())):
        trigger = event.getTrigger()
        if trigger is None or not trigger.isSetMath():
            continue
        modern = event.getLevel() > 2
        delay = event.getDelay()
        priority = event.getPriority() if modern else None
        assignments = [
            (assignment.getVariable(), graph.number(formulas.read(assignment.getMath())))
            for assignment in _each(event.getListOfEventAssignments())
            if assignment.isSetMath()
        ]
        system.events.append(
            Event(
                id=event.getIdAttribute() or f"event {number + 1}",
                trigger=graph.boolean(formulas.read(trigger.getMath())),
                initial_value=trigger.getInitialValue() if modern else True,
                persistent=trigger.getPersistent() if modern else True,
                at_trigger_time=event.getUseValuesFromTriggerTime(),
                delay=_optional(delay, formulas),
                priority=_optional(priority, formulas),
                assignments=tuple(assignments),
            )
        )


def _optional(part: Any, formulas: FormulaReader) -> Node | None:
    if part is None or not part.isSetMath():
        return None
    return formulas.graph.number(formulas.read(part.getMath()))
