"""What an SBML document says, as data: symbols, rates, rules and events, all as nodes of one graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gvlab.sbml.graph import Graph, Node


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
    """An SBML event.

    Attributes
    ----------
    id
        Its id, or a name of ours where it has none.
    trigger
        The truth value that sets it off when it becomes true.
    initial_value
        What the trigger was before the start.
    persistent
        Whether it is carried out even if the trigger is false again by then.
    at_trigger_time
        Whether the assigned values are those of the time of the trigger, not of the time of the assignment.
    delay, priority
        Formulas, or None.
    assignments
        What is assigned to which symbol.
    """

    id: str
    trigger: Node
    initial_value: bool
    persistent: bool
    at_trigger_time: bool
    delay: Node | None
    priority: Node | None
    assignments: tuple[tuple[str, Node], ...]


@dataclass
class EquationSystem:
    """Everything an SBML document says, with names resolved no further than to symbols.

    Attributes
    ----------
    graph
        The graph of all its formulas.
    values
        Initial values in the document of every symbol that is not under an assignment rule; NaN where there is none.
    species
        The species among them.
    compartments, parameters
        Their ids.
    references
        Ids of stoichiometries that have one; a name that several share stands there several times.
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
    constant
        What the document declares to be constant.
    has_functions
        Whether the document defines functions, which a formula may call.
    """

    graph: Graph
    values: dict[str, float] = field(default_factory=dict)
    species: dict[str, Species] = field(default_factory=dict)
    compartments: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    initial: dict[str, Node] = field(default_factory=dict)
    rules: dict[str, Node] = field(default_factory=dict)
    rates: dict[str, Node] = field(default_factory=dict)
    reactions: dict[str, Node] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    constant: set[str] = field(default_factory=set)
    has_functions: bool = False

    @property
    def states(self) -> tuple[str, ...]:
        """Names of what a dose can be given to: species not set by a rule, and whatever else has a rate."""
        named = [name for name in self.species if name not in self.rules]
        return tuple(named + [name for name in self.rates if name not in self.species])

    def kinds(self) -> Mapping[str, str]:
        """Return what each name is: species, parameter, compartment, stoichiometry or reaction."""
        kinds: dict[str, str] = {}
        for names, kind in (
            (self.species, "species"),
            (self.parameters, "parameter"),
            (self.compartments, "compartment"),
            (self.references, "stoichiometry"),
            (self.reactions, "reaction"),
        ):
            kinds.update(dict.fromkeys(names, kind))
        return kinds
