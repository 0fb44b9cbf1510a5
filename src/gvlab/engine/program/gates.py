"""How far each watched comparison is from changing, and how fast it comes nearer.

A comparison that changes twice inside a step is the same at both ends of it. Between them its two sides then came
closest, and from how far apart they are at the ends, and how fast that changes there, it is told whether they may have
met (`targets/cpu/crossings.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from gvlab.engine.program.derivatives import gradients
from gvlab.errors import ModelError
from gvlab.sbml.graph import Graph, Node
from gvlab.sbml.names import TIME

RATE = "rate "
"""Prefix of the symbol for the rate of a state."""

ORDERED = ("lt", "le", "gt", "ge")
"""Comparisons that change where their two sides meet."""


def gates(graph: Graph, watch: Sequence[Node], states: Sequence[str]) -> tuple[list[Node], list[Node]]:
    """Return by how much the sides of each comparison of states differ, and how that changes with time.

    Rates of states stand in it as symbols. A comparison with a function that has no derivative is left out.
    """
    heights: list[Node] = []
    slopes: list[Node] = []
    place, names = {name: i for i, name in enumerate(states)}, [*states, TIME]
    for node in dict.fromkeys(watch):
        if graph.operation[node] not in ORDERED or not graph.symbols([node]) & place.keys():
            continue
        height = graph.sub(*graph.arguments[node])
        try:
            gradient = gradients(graph, [height], names)[0]
        except ModelError:
            continue
        slope = gradient.get(TIME, graph.const(0.0))
        for name, outer in gradient.items():
            if name in place:
                slope = graph.add(slope, graph.mul(outer, graph.symbol(f"{RATE}{place[name]}")))
        heights.append(height)
        slopes.append(slope)
    return heights, slopes
