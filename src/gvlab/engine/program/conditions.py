"""Conditions of triggers and rates: which of them move, and how no step goes over an instant at which one changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gvlab.engine.program.derivatives import gradients
from gvlab.engine.program.floors import FLOORS, HELD, line_in_time
from gvlab.errors import ModelError
from gvlab.sbml.graph import Graph, Node
from gvlab.sbml.names import TIME
from gvlab.sbml.operations import RELATIONS

CLOCK = "clock "
"""Prefix of the states that are added so that conditions on time are not stepped over."""

DUMMY = "nothing "
"""Name of the one state of a model that has none."""


def refuse_equality(graph: Graph, states: list[str], triggers: Mapping[str, Node]) -> None:
    """Refuse triggers that ask whether something that changes continuously equals something: they hold for no time.

    Raises
    ------
    ModelError
        With the name of the event.
    """
    moves = moves_of(graph, list(triggers.values()), set(states))
    for name, trigger in triggers.items():
        if any(graph.operation[node] == "eq" and moves[node] for node in graph.order([trigger])):
            raise ModelError(
                f'The trigger of the event "{name}" asks whether something that changes continuously equals a value, '
                "which is true for no more than an instant and cannot be seen. Write it with >= or <=."
            )


def follow_clocks(graph: Graph, states: list[str], rates: list[Node], triggers: list[Node]) -> list[Node]:
    """Add a state for each compared quantity that depends on time in a crooked way, and one where there is none.

    Steps are chosen for the accuracy of the states. A trigger such as sin(time) > 0 in a model where nothing else moves
    would be stepped over; as a state of its own, whose rate is its derivative by time, it keeps the steps short. No
    step may go over a crest, where it may be true for an instant: the sign of that derivative is to be watched as well.
    These relations are returned.
    """
    turns: list[Node] = []
    moving = {*states, TIME}
    nodes = [*rates, *triggers]
    moves = moves_of(graph, nodes, moving)
    for relation in graph.order(nodes):
        if graph.operation[relation] not in (*RELATIONS, *FLOORS) or not moves[relation]:
            continue
        sides = graph.arguments[relation]
        difference = graph.sub(*sides) if len(sides) > 1 else sides[0]
        try:
            slope = gradients(graph, [difference], [TIME])[0].get(TIME)
        except ModelError:  # a function without derivative
            continue
        if slope is not None and moves_of(graph, [slope], moving)[slope]:
            states.append(f"{CLOCK}{len(states)}")
            rates.append(slope)
            turns.append(graph.relation("gt", slope, graph.const(0.0)))
    if not states:
        states.append(DUMMY)
        rates.append(graph.const(0.0))
    return turns


def changes_in_time(
    graph: Graph, watch: list[Node], states: list[str], moving: set[str]
) -> tuple[list[Node], list[Node]]:
    """Return the times at which comparisons that are linear in time change.

    The first are in terms of slots. The second hold until a floor of time jumps, and follow from what it is now.
    """
    in_states = moves_of(graph, watch, set(states))
    moves = moves_of(graph, watch, moving)
    fixed: dict[Node, None] = {}
    changing: dict[Node, None] = {}
    time = graph.symbol(TIME)
    for node in graph.order(watch):
        if graph.operation[node] not in RELATIONS or in_states[node] or not moves[node]:
            continue
        arguments = graph.arguments[node]
        if any(name.startswith(HELD) for name in graph.symbols(arguments)):
            continue  # whether a floor has jumped; when it does is known from itself
        if time in arguments:
            other = arguments[0] if arguments[1] == time else arguments[1]
            if not moves[other]:
                fixed[other] = None
                continue
        # a t + b = 0 at t = -b / a
        line = line_in_time(graph, graph.sub(*arguments), moving)
        if line is not None:
            at = graph.neg(graph.div(*line))
            (changing if graph.symbols([at]) & moving else fixed)[at] = None
    return list(fixed), list(changing)


def moves_of(graph: Graph, nodes: Sequence[Node], moving: set[str]) -> dict[Node, bool]:
    """Return whether each term of formulas changes where these symbols do."""
    result: dict[Node, bool] = {}
    for node in graph.order(nodes):
        if graph.operation[node] == "symbol":
            result[node] = str(graph.payload[node]) in moving
        elif graph.operation[node] == "mode":
            result[node] = True
        else:
            result[node] = any(result[argument] for argument in graph.arguments[node])
    return result
