"""Prints formulas as C: one statement a term, every term once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gvlab.sbml.graph import Graph, Node
from gvlab.sbml.operations import RELATIONS

_TWO = {"add": "+", "sub": "-", "mul": "*", "div": "/", "and": "&", "or": "|", "xor": "^"}
_RELATE = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_CALL = {"abs": "fabs", "factorial": "factorial_", "log_size": "log_size_", "sign_of_power": "sign_of_power_"}

HELPERS = """
DEVICE double factorial_(double x) { return tgamma(x + 1.0); }
DEVICE double log_size_(double x) { return x == 0.0 ? -1e300 : log(fabs(x)); }
DEVICE double sign_of_power_(double y) {
    return floor(y) != y ? UNDEFINED : floor(y * 0.5) != y * 0.5 ? -1.0 : 1.0;
}
"""
"""Operations that C has no function for."""


class Body:
    """The statements of one function.

    Parameters
    ----------
    graph
        Where the formulas are.
    names
        What stands for each symbol. More may be added.
    """

    def __init__(self, graph: Graph, names: Mapping[str, str]) -> None:
        self._graph = graph
        self.names = dict(names)
        self._known: dict[Node, str] = {}
        self.lines: list[str] = []

    def values(self, nodes: Sequence[Node]) -> list[str]:
        """Return the names of the values, after printing what is not yet printed."""
        for node in self._graph.order(nodes, self._known):
            kind = "const bool" if self._graph.is_truth(node) else "const double"
            self.lines.append(f"    {kind} v{node} = {self._text(node)};")
            self._known[node] = f"v{node}"
        return [self._known[node] for node in nodes]

    def _text(self, node: Node) -> str:
        graph = self._graph
        operation, payload = graph.operation[node], graph.payload[node]
        a = [self._known[argument] for argument in graph.arguments[node]]
        if operation == "const":
            return number(float(payload or 0.0))
        if operation == "symbol":
            return self.names[str(payload)]
        if operation == "mode":
            word, bit = divmod(int(float(payload or 0)), 64)
            return f"(s.w[{word}] >> {bit}) & 1"
        if operation in ("true", "false"):
            return operation
        if operation in _TWO:
            return f"{a[0]} {_TWO[operation]} {a[1]}"
        if operation in RELATIONS:
            return f"{a[0]} {_RELATE[operation]} {a[1]}"
        if operation == "select":
            return f"{a[0]} ? {a[1]} : {a[2]}"
        if operation in ("neg", "not"):
            return f"{'-' if operation == 'neg' else '!'}{a[0]}"
        return f"{_CALL.get(operation, operation)}({', '.join(a)})"


def number(value: float) -> str:
    """Return a number as C writes it, with all its digits."""
    if value != value:
        return "UNDEFINED"
    if value in (float("inf"), float("-inf")):
        return "INFINITE" if value > 0 else "(-INFINITE)"
    return repr(value) if value >= 0 else f"({value!r})"
