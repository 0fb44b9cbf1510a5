"""Floors and ceilings of what moves: they jump, so each is held while a step is taken, and no step goes over a jump.

Where the argument is a line in time, the next jump is a time that can be worked out, and a step ends there. Whatever
the argument, it is watched whether it has left the interval in which its floor is what it was: a jump that depends on
states is found inside a step like an event.
"""

from __future__ import annotations

from collections.abc import Sequence

from gvlab.engine.program.derivatives import gradients
from gvlab.errors import ModelError
from gvlab.sbml.graph import Graph, Node
from gvlab.sbml.names import TIME

HELD = "held "
"""Prefix of the symbol for a floor or a ceiling as it was at the start of the step."""

FLOORS = ("floor", "ceil")


def held(graph: Graph, number: int) -> Node:
    """Return the symbol of a floor as it is held."""
    return graph.symbol(f"{HELD}{number}")


def moving_floors(graph: Graph, nodes: Sequence[Node], moves: dict[Node, bool]) -> list[Node]:
    """Return the floors and ceilings in formulas whose arguments move, those inside others first."""
    return [node for node in graph.order(nodes) if graph.operation[node] in FLOORS and moves[node]]


def left(graph: Graph, floors: Sequence[Node]) -> list[Node]:
    """Return, two for each, whether the argument of a floor has left the interval in which it is what is held."""
    one, found = graph.const(1.0), list[Node]()
    for number, node in enumerate(floors):
        value, argument = held(graph, number), graph.arguments[node][0]
        above, below = ("ge", "lt") if graph.operation[node] == "floor" else ("gt", "le")
        ends = (graph.add(value, one), value) if above == "ge" else (value, graph.sub(value, one))
        found += [graph.relation(above, argument, ends[0]), graph.relation(below, argument, ends[1])]
    return found


def jump_times(graph: Graph, floors: Sequence[Node], still_in: dict[Node, bool], moving: set[str]) -> list[Node]:
    """Return the next time, after now, at which each floor of a line in time jumps.

    Parameters
    ----------
    still_in
        Whether a term depends on states.
    moving
        Symbols that change within a step.
    """
    found: list[Node] = []
    one, zero = graph.const(1.0), graph.const(0.0)
    for node in floors:
        argument = graph.arguments[node][0]
        if still_in[argument]:
            continue
        line = line_in_time(graph, argument, moving)
        if line is None:
            continue
        offset, slope = line
        # At a line of slope 0 this is infinite or no number, and stops nothing.
        rising = graph.div(graph.sub(graph.add(graph.unary("floor", argument), one), offset), slope)
        falling = graph.div(graph.sub(graph.sub(graph.unary("ceil", argument), one), offset), slope)
        found.append(graph.select(graph.relation("gt", slope, zero), rising, falling))
    return found


def line_in_time(graph: Graph, node: Node, moving: set[str]) -> tuple[Node, Node] | None:
    """Return what a formula is at time 0 and its slope, where it is a line in time until the next jump; else None.

    Floors inside it keep the value that they have now.
    """
    try:
        slope = gradients(graph, [node], [TIME])[0].get(TIME)
    except ModelError:  # a function without derivative
        return None
    if slope is None or graph.symbols([slope]) & moving:
        return None
    time, zero = graph.symbol(TIME), graph.const(0.0)

    def replace(part: Node) -> Node | None:
        if part == time:
            return zero
        return part if graph.operation[part] in FLOORS else None

    return graph.rebuild(node, replace, {}), slope
