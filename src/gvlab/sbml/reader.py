"""Reads an SBML document into a system: symbols, rates, rules and events, all as nodes of one graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import libsbml

from gvlab.errors import ModelError
from gvlab.sbml.formula import AVOGADRO, RATE_OF, TIME, FormulaReader
from gvlab.sbml.graph import Graph, Node

__all__ = ["AVOGADRO", "RATE_OF", "TIME", "Event", "Species", "System", "read"]


@dataclass(frozen=True)
class Species:
    """What a species' symbol means.

    Attributes
    ----------
    compartment
        Where it is.
    amount
        Whether the symbol stands for an amount; otherwise it is a concentration.
    by_amount
        Whether the initial value in the document is an amount.
    dissolved
        Whether what is carried on is the amount while the symbol is a concentration: value = amount / size.
    """

    compartment: str
    amount: bool
    by_amount: bool
    dissolved: bool


@dataclass(frozen=True)
class Event:
    """An SBML event."""

    id: str
    trigger: Node
    initial_value: bool
    persistent: bool
    at_trigger_time: bool
    delay: Node | None
    priority: Node | None
    assignments: tuple[tuple[str, Node], ...]


@dataclass
class System:
    """Everything an SBML document says, with names resolved no further than to symbols.

    Attributes
    ----------
    values
        Initial values in the document of every symbol that is not under an assignment rule; NaN where there is none.
    species
        The species among them.
    compartments
        Ids of compartments.
    initial
        Initial assignments.
    rules
        Assignment rules.
    rates
        Rate of change of whatever has one: the amount for species of reactions, else the symbol itself.
    reactions
        Rate of each reaction.
    events
        In document order.
    """

    graph: Graph
    reader: FormulaReader
    values: dict[str, float] = field(default_factory=dict)
    species: dict[str, Species] = field(default_factory=dict)
    compartments: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    initial: dict[str, Node] = field(default_factory=dict)
    rules: dict[str, Node] = field(default_factory=dict)
    rates: dict[str, Node] = field(default_factory=dict)
    ruled: set[str] = field(default_factory=set)
    reactions: dict[str, Node] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    constant: set[str] = field(default_factory=set)

    @property
    def states(self) -> tuple[str, ...]:
        """Names of what a dose can be given to: species not set by a rule, and whatever else has a rate."""
        named = [name for name in self.species if name not in self.rules]
        return tuple(named + [name for name in self.rates if name not in self.species])


def read(text: str) -> System:
    """Read an SBML document.

    Raises
    ------
    ModelError
        If it cannot be read, or has a construct that is refused: algebraic rules, delay equations, fast reactions,
        or a required package.
    """
    document = libsbml.readSBMLFromString(text)
    _check_document(document)
    model = document.getModel()
    system = System(Graph(), FormulaReader(Graph()))
    system.reader.graph = system.graph
    for function in _each(model.getListOfFunctionDefinitions()):
        names = tuple(function.getArgument(i).getName() for i in range(function.getNumArguments()))
        body = function.getBody()
        # A copy: a guard may call the function when the document is long gone.
        system.reader.functions[function.getId()] = (names, None if body is None else body.deepCopy())
    _read_symbols(model, system)
    _read_rules(model, system)
    _read_reactions(model, system)
    _read_events(model, system)
    return system


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


def _read_symbols(model: Any, system: System) -> None:
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
            formula = system.reader.read(assignment.getMath())
            system.initial[assignment.getSymbol()] = system.graph.number(formula)


def _read_rules(model: Any, system: System) -> None:
    for rule in _each(model.getListOfRules()):
        if not rule.isSetMath():
            continue
        formula = system.graph.number(system.reader.read(rule.getMath()))
        name = rule.getVariable()
        if rule.isAssignment():
            system.rules[name] = formula
        else:
            system.rates[name] = formula
            system.ruled.add(name)
            if name in system.species:
                # The rule gives the change of the symbol itself, whatever its compartment does.
                old = system.species[name]
                system.species[name] = Species(old.compartment, old.amount, old.by_amount, dissolved=False)


def _read_reactions(model: Any, system: System) -> None:
    graph = system.graph
    changes: dict[str, Node] = {}
    for reaction in _each(model.getListOfReactions()):
        law = reaction.getKineticLaw()
        names: dict[str, Node] = {}
        if law is None or not law.isSetMath():
            rate = graph.const(math.nan) if law is None else graph.const(0.0)
            system.reactions[reaction.getId()] = rate
            _read_references(reaction, system)
            continue
        local = law.getListOfLocalParameters() if law.getLevel() > 2 else law.getListOfParameters()
        for parameter in _each(local):
            names[parameter.getId()] = graph.const(parameter.getValue() if parameter.isSetValue() else math.nan)
        system.reactions[reaction.getId()] = graph.number(system.reader.read(law.getMath(), names))
        for sign, name, stoichiometry in _read_references(reaction, system):
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


def _read_references(reaction: Any, system: System) -> list[tuple[int, str, Node]]:
    graph = system.graph
    found: list[tuple[int, str, Node]] = []
    for sign, references in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
        for reference in _each(references):
            name = reference.getId()
            mathematics = reference.getStoichiometryMath() if reference.getLevel() < 3 else None
            if mathematics is not None and mathematics.isSetMath():
                formula = graph.number(system.reader.read(mathematics.getMath()))
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


def _read_events(model: Any, system: System) -> None:
    reader, graph = system.reader, system.graph
    for number, event in enumerate(_each(model.getListOfEvents())):
        trigger = event.getTrigger()
        if trigger is None or not trigger.isSetMath():
            continue
        modern = event.getLevel() > 2
        delay = event.getDelay()
        priority = event.getPriority() if modern else None
        assignments = [
            (assignment.getVariable(), graph.number(reader.read(assignment.getMath())))
            for assignment in _each(event.getListOfEventAssignments())
            if assignment.isSetMath()
        ]
        system.events.append(
            Event(
                id=event.getIdAttribute() or f"event {number + 1}",
                trigger=graph.boolean(reader.read(trigger.getMath())),
                initial_value=trigger.getInitialValue() if modern else True,
                persistent=trigger.getPersistent() if modern else True,
                at_trigger_time=event.getUseValuesFromTriggerTime(),
                delay=_optional(delay, reader),
                priority=_optional(priority, reader),
                assignments=tuple(assignments),
            )
        )


def _optional(part: Any, reader: FormulaReader) -> Node | None:
    if part is None or not part.isSetMath():
        return None
    return reader.graph.number(reader.read(part.getMath()))


Resolve = Callable[[str], Node]


def symbol_kinds(system: System) -> Mapping[str, str]:
    """Tell what each name is: species, parameter, compartment, stoichiometry, reaction or event."""
    kinds: dict[str, str] = {}
    for names, kind in (
        (system.species, "species"),
        (system.parameters, "parameter"),
        (system.compartments, "compartment"),
        (system.references, "stoichiometry"),
        (system.reactions, "reaction"),
    ):
        kinds.update(dict.fromkeys(names, kind))
    return kinds
