"""Replaces names by what they stand for, in an order in which everything needed is known."""

from __future__ import annotations

from collections.abc import Mapping

from gvlab.errors import ModelError
from gvlab.sbml.graph import Graph, Node
from gvlab.sbml.names import AMOUNT, GIVEN, RATE_OF
from gvlab.sbml.system import EquationSystem


class Resolver:
    """Writes formulas in terms of undefined names only.

    Parameters
    ----------
    graph
        The graph of the formulas.
    resolved
        What names stand for, in terms of undefined names.
    """

    def __init__(self, graph: Graph, resolved: Mapping[str, Node]) -> None:
        self._graph = graph
        self.resolved = dict(resolved)
        self._memo: dict[Node, Node] = {}

    @classmethod
    def of(cls, graph: Graph, definitions: Mapping[str, Node]) -> Resolver:
        """Return the resolver of definitions that may need one another.

        Raises
        ------
        ModelError
            If a name is defined by itself, directly or through others.
        """
        resolver = cls(graph, {})
        needs = {name: graph.symbols([node]) & definitions.keys() for name, node in definitions.items()}
        for name in _dependencies_first(needs):
            resolver.resolved[name] = resolver(definitions[name])
        return resolver

    def __call__(self, node: Node) -> Node:
        """Return the formula with every defined name replaced."""
        return self._graph.rebuild(node, self._replace, self._memo)

    def symbol(self, name: str) -> Node:
        """Return what a name stands for; the symbol itself where it is not defined."""
        if name not in self.resolved:
            self.resolved[name] = self._graph.symbol(name)
        return self.resolved[name]

    def _replace(self, node: Node) -> Node | None:
        if self._graph.operation[node] != "symbol":
            return None
        return self.resolved.get(str(self._graph.payload[node]), node)


def _dependencies_first(needs: Mapping[str, set[str]]) -> list[str]:
    result: list[str] = []
    state: dict[str, int] = {}
    for root in needs:
        stack = [(root, False)]
        while stack:
            name, ready = stack.pop()
            if ready:
                state[name] = 2
                result.append(name)
                continue
            if name in state:
                continue
            state[name] = 1
            stack.append((name, True))
            for other in sorted(needs[name]):
                if state.get(other) == 1:
                    raise ModelError(f'"{other}" is defined by itself, through "{name}". Break the loop of rules.')
                if other not in state:
                    stack.append((other, False))
    return result


def during(system: EquationSystem) -> Resolver:
    """Return the resolver for any time: in terms of what is carried on, parameters, and time."""
    definitions = {**system.rules, **system.reactions}
    for name, species in system.species.items():
        if species.dissolved and name not in system.rules:
            definitions[name] = _per_size(system, name, AMOUNT)
    definitions.update(_rates_of(system))
    return Resolver.of(system.graph, definitions)


def at_start(system: EquationSystem, replaced: frozenset[str]) -> Resolver:
    """Return the resolver for the start: in terms of the values in the document, or of those that replace them."""
    graph = system.graph
    definitions = {**system.rules, **system.reactions}
    for name, species in system.species.items():
        if name in system.rules or name in replaced or name in system.initial:
            continue
        if species.by_amount == species.amount or not species.compartment:
            definitions[name] = graph.symbol(GIVEN + name)
        elif species.amount:
            definitions[name] = graph.mul(graph.symbol(GIVEN + name), graph.symbol(species.compartment))
        else:
            definitions[name] = _per_size(system, name, GIVEN)
    for name in system.species:
        if name in replaced and name not in system.rules:
            definitions[name] = graph.symbol(GIVEN + name)
    definitions.update({name: node for name, node in system.initial.items() if name not in replaced})
    definitions.update(_rates_of(system))
    return Resolver.of(graph, definitions)


def _per_size(system: EquationSystem, name: str, prefix: str) -> Node:
    graph, species = system.graph, system.species[name]
    value = graph.symbol(prefix + name)
    return graph.div(value, graph.symbol(species.compartment)) if species.compartment else value


def _rates_of(system: EquationSystem) -> dict[str, Node]:
    """Return the rate of change of every name of which a formula asks for it."""
    graph = system.graph
    found: dict[str, Node] = {}
    for node in range(len(graph.operation)):
        payload = graph.payload[node]
        if graph.operation[node] == "symbol" and str(payload).startswith(RATE_OF):
            name = str(payload).removeprefix(RATE_OF)
            found[str(payload)] = rate_of(system, name)
    return found


def rate_of(system: EquationSystem, name: str) -> Node:
    """Return the rate of change of a symbol; 0 for what does not change continuously.

    Raises
    ------
    ModelError
        If the symbol is set by an assignment rule: SBML gives it no rate.
    """
    graph = system.graph
    if name in system.rules:
        raise ModelError(
            f'The model asks for the rate of "{name}", which is set by an assignment rule; SBML forbids it.'
        )
    rate = system.rates.get(name, graph.const(0.0))
    species = system.species.get(name)
    if species is None or not species.dissolved or not species.compartment:
        return rate
    size = graph.symbol(species.compartment)
    growth = system.rates.get(species.compartment, graph.const(0.0))
    return graph.div(graph.sub(rate, graph.mul(graph.symbol(name), growth)), size)
