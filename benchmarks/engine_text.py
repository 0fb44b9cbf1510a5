"""Formulas of a model printed as Python, as somebody would write them by hand for a solver that takes a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gvlab.engine.program.program import CONSTANT, Program
from gvlab.sbml.formula import TIME
from gvlab.sbml.graph import Graph, Node

TWO = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "and": "and", "or": "or", "eq": "==", "ne": "!=",
}  # fmt: skip
OWN = frozenset({"exp", "log_size", "sign_of_power"})
"""Functions that whoever runs the text gives it; all others are of the module math."""


def symbol(program: Program) -> Callable[[str], str]:
    """Tell where a symbol is: in the states `y`, or in `p`: the slots, then what is worked out once per subject."""

    def place(name: str) -> str:
        if name == TIME:
            return "t"
        if name in program.state_place:
            return f"y[{program.state_place[name]}]"
        if name.startswith(CONSTANT):
            return f"p[{len(program.slots) + int(name.removeprefix(CONSTANT))}]"
        return f"p[{program.slot_place[name]}]"

    return place


def lines(
    graph: Graph, nodes: Sequence[Node], place: Callable[[str], str], modes: Sequence[Node] = ()
) -> tuple[list[str], list[str]]:
    """Print formulas; give the lines, and the name of each formula.

    Parameters
    ----------
    modes
        What the truth values held during a step of ours are; a solver of others looks at them all the time.
    """
    names: dict[Node, str] = {}
    result: list[str] = []
    held = {node: int(graph.payload[node] or 0) for node in graph.order(nodes) if graph.operation[node] == "mode"}
    for node in graph.order([*(modes[k] for k in held.values()), *nodes]):
        operation = graph.operation[node]
        a = [names[argument] for argument in graph.arguments[node]]
        if operation == "symbol":
            text = place(str(graph.payload[node]))
        elif operation == "const":
            text = repr(graph.payload[node])
        elif operation == "mode":
            text = names[modes[held[node]]]
        elif operation in TWO:
            text = f"{a[0]} {TWO[operation]} {a[1]}"
        elif operation == "select":
            text = f"{a[1]} if {a[0]} else {a[2]}"
        else:
            text = {"neg": f"-{a[0]}", "not": f"not {a[0]}", "true": "True", "false": "False"}.get(
                operation, f"{'' if operation in OWN else 'math.'}{operation}({', '.join(a)})"
            )
        names[node] = f"v{node}"
        result.append(f"v{node} = {text}")
    return result, [names[node] for node in nodes]


def function(head: str, body: Sequence[str], given: Mapping[str, Any]) -> Callable[..., Any]:
    """Make a function of printed lines: our own text, printed from our own program."""
    space = dict(given)
    exec("\n".join(["import math", f"def f({head}):", *(f"    {line}" for line in body)]), space)
    made: Callable[..., Any] = space["f"]
    return made
