"""Rewrites formulas into cheaper ones with the same value up to rounding.

A division takes as long as ten multiplications, and what does not move within a step costs nothing there. So a division
by something still becomes a product with its reciprocal; still factors of a product are multiplied first; and a power
with a still exponent is taken apart, so that the test whether the exponent is whole is made once per subject.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from gvlab.sbml.graph import Graph, Node

Moves = Callable[[Node], bool]


def cheaper(graph: Graph, nodes: Sequence[Node], moving: set[str], memo: dict[Node, Node] | None = None) -> list[Node]:
    """Return formulas rewritten.

    Parameters
    ----------
    graph, nodes
        The formulas.
    moving
        Symbols that change within a step.
    memo
        What is known to have been rewritten, and as what. It is added to: derivatives that are rewritten after their
        function share its terms.
    """
    return _Rewriter(graph, moving).rewrite(nodes, {} if memo is None else memo)


class _Rewriter:
    def __init__(self, graph: Graph, moving: set[str]) -> None:
        self._graph = graph
        self._moving = moving
        self._moves: dict[Node, bool] = {}
        self._uses: Counter[Node] = Counter()

    def moves(self, node: Node) -> bool:
        """Return whether a formula changes within a step."""
        if node in self._moves:
            return self._moves[node]
        graph = self._graph
        for current in graph.order([node], self._moves):
            operation = graph.operation[current]
            if operation == "symbol":
                self._moves[current] = str(graph.payload[current]) in self._moving
            else:
                self._moves[current] = operation == "mode" or any(self._moves[a] for a in graph.arguments[current])
        return self._moves[node]

    def rewrite(self, nodes: Sequence[Node], memo: dict[Node, Node]) -> list[Node]:
        graph = self._graph
        for node in graph.order(nodes):
            self._uses.update(graph.arguments[node])
        self._uses.update(nodes)
        for node in graph.order(nodes, memo):
            arguments = tuple(memo[argument] for argument in graph.arguments[node])
            memo[node] = self._one(node, arguments)
        return [memo[node] for node in nodes]

    def _one(self, node: Node, arguments: tuple[Node, ...]) -> Node:
        graph, operation = self._graph, self._graph.operation[node]
        if not self.moves(node) or not arguments:
            return node
        if operation == "div" and not self.moves(arguments[1]):
            return self._product(arguments[0], graph.div(graph.const(1.0), arguments[1]), node)
        if operation == "mul":
            return self._product(arguments[0], arguments[1], node)
        if operation == "pow" and not self.moves(arguments[1]):
            return self._power(*arguments)
        return node if arguments == graph.arguments[node] else graph.apply(operation, arguments)

    def _product(self, a: Node, b: Node, node: Node) -> Node:
        """Return a product, still factors first: k (m x) becomes (k m) x, where m x is used nowhere else."""
        graph = self._graph
        still, moving = graph.const(1.0), graph.const(1.0)
        originals = graph.arguments[node]
        for factor, original in zip((a, b), originals, strict=True):
            if not self.moves(factor):
                still = graph.mul(still, factor)
                continue
            part = self._still_part(factor) if self._uses[original] == 1 else None
            if part is None:
                moving = graph.mul(moving, factor)
            else:
                still, moving = graph.mul(still, part[0]), graph.mul(moving, part[1])
        return graph.mul(still, moving)

    def _still_part(self, factor: Node) -> tuple[Node, Node] | None:
        graph = self._graph
        if graph.operation[factor] != "mul":
            return None
        x, y = graph.arguments[factor]
        if not self.moves(x):
            return x, y
        return (y, x) if not self.moves(y) else None

    def _power(self, x: Node, y: Node) -> Node:
        """Return x^y as the sign for a negative x, times exp(y log |x|)."""
        graph = self._graph
        size = graph.unary("exp", graph.mul(y, graph.unary("log_size", x)))
        sign = graph.unary("sign_of_power", y)
        return graph.select(graph.relation("lt", x, graph.const(0.0)), graph.mul(sign, size), size)


TINY = 1e-290
"""Denominators smaller than this count as infinite in derivatives: their reciprocal would overflow."""


def by_reciprocals(graph: Graph, nodes: Sequence[Node], moving: set[str], functions: Sequence[Node] = ()) -> list[Node]:
    """Return formulas in which what moves divides as a shared reciprocal, which is 0 where it would overflow.

    For derivatives only. A ratio of two cell numbers that have both decayed to 1e-300 is an honest number, but its
    derivatives are not: one infinite entry of the Jacobian would end the subject. With 0 there the step is less
    accurate in what is too small to matter, and the error estimate judges it.

    Parameters
    ----------
    functions
        What is evaluated at the same place anyway: its terms stay as they are, so that they are worked out once.
    """
    rewriter = _Rewriter(graph, moving)
    one, zero = graph.const(1.0), graph.const(0.0)
    memo: dict[Node, Node] = {node: node for node in graph.order(functions)}
    for node in graph.order(nodes, memo):
        arguments = tuple(memo[argument] for argument in graph.arguments[node])
        if graph.operation[node] == "div" and rewriter.moves(arguments[1]):
            below = arguments[1]
            small = graph.relation("lt", graph.unary("abs", below), graph.const(TINY))
            memo[node] = graph.mul(arguments[0], graph.select(small, zero, graph.div(one, below)))
        elif arguments == graph.arguments[node]:
            memo[node] = node
        else:
            memo[node] = graph.apply(graph.operation[node], arguments)
    return [memo[node] for node in nodes]
