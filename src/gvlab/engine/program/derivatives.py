"""Derivatives of formulas, as formulas of the same graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from gvlab.errors import ModelError
from gvlab.sbml.graph import Graph, Node

Gradient = dict[str, Node]
"""Derivative by name; a name that is absent has derivative 0."""


def gradients(graph: Graph, nodes: Sequence[Node], names: Sequence[str]) -> list[Gradient]:
    """Return the derivatives of formulas with respect to names.

    Truth values are held fixed: a formula in pieces has the derivative of the piece that is in force.

    Raises
    ------
    ModelError
        If a formula has a function whose derivative is not known here.
    """
    wanted = set(names)
    known: dict[Node, Gradient] = {}
    for node in graph.order(nodes):
        operation = graph.operation[node]
        if operation == "symbol":
            name = str(graph.payload[node])
            known[node] = {name: graph.const(1.0)} if name in wanted else {}
        elif graph.is_truth(node) or operation == "const":
            known[node] = {}
        else:
            known[node] = _chain(graph, node, [known[argument] for argument in graph.arguments[node]])
    return [known[node] for node in nodes]


def _chain(graph: Graph, node: Node, inner: list[Gradient]) -> Gradient:
    names: dict[str, None] = {}
    for gradient in inner:
        names.update(dict.fromkeys(gradient))
    if not names:
        return {}
    operation, arguments = graph.operation[node], graph.arguments[node]
    zero = graph.const(0.0)
    result: Gradient = {}
    if operation in _LINEAR:
        for name in names:
            result[name] = _LINEAR[operation](graph, arguments, [gradient.get(name, zero) for gradient in inner])
    elif operation in _OUTER:
        partials = [_OUTER[operation][k](graph, node, *arguments) if inner[k] else zero for k in range(len(arguments))]
        for name in names:
            total = zero
            for outer, gradient in zip(partials, inner, strict=True):
                if name in gradient:
                    total = graph.add(total, graph.mul(outer, gradient[name]))
            result[name] = total
    else:
        raise ModelError(f'The function "{operation}" has no derivative here; write it with other functions.')
    return {name: value for name, value in result.items() if graph.value(value) != 0.0}


def _select(graph: Graph, arguments: tuple[Node, ...], d: list[Node]) -> Node:
    return graph.select(arguments[0], d[1], d[2])


def _quotient(graph: Graph, arguments: tuple[Node, ...], d: list[Node]) -> Node:
    # d(a/b) = (da - (a/b) db) / b, which shares a/b with the function itself.
    ratio = graph.div(arguments[0], arguments[1])
    return graph.div(graph.sub(d[0], graph.mul(ratio, d[1])), arguments[1])


_LINEAR: Mapping[str, Callable[[Graph, tuple[Node, ...], list[Node]], Node]] = {
    "add": lambda graph, _, d: graph.add(d[0], d[1]),
    "sub": lambda graph, _, d: graph.sub(d[0], d[1]),
    "neg": lambda graph, _, d: graph.neg(d[0]),
    "mul": lambda graph, a, d: graph.add(graph.mul(d[0], a[1]), graph.mul(a[0], d[1])),
    "div": _quotient,
    "select": _select,
    "floor": lambda graph, _a, _d: graph.const(0.0),
    "ceil": lambda graph, _a, _d: graph.const(0.0),
}


def _power_base(graph: Graph, node: Node, x: Node, y: Node) -> Node:
    # y x^y / x shares the power with the function. At x = 0 that is 0/0; the limit is 1 for y = 1. For y > 1 it is 0,
    # and for y < 1, where there is none, 0 is taken: the error estimate judges the step.
    zero, one = graph.const(0.0), graph.const(1.0)
    at_zero = graph.select(graph.relation("eq", y, one), one, zero)
    return graph.select(graph.relation("eq", x, zero), at_zero, graph.div(graph.mul(y, node), x))


def _power_exponent(graph: Graph, node: Node, x: Node, _y: Node) -> Node:
    zero = graph.const(0.0)
    return graph.select(graph.relation("gt", x, zero), graph.mul(node, graph.unary("log", x)), zero)


def _square_root(graph: Graph, node: Node, x: Node) -> Node:
    zero = graph.const(0.0)
    return graph.select(graph.relation("eq", x, zero), zero, graph.div(graph.const(0.5), node))


def _absolute(graph: Graph, _node: Node, x: Node) -> Node:
    one = graph.const(1.0)
    return graph.select(graph.relation("lt", x, graph.const(0.0)), graph.neg(one), one)


def _one_over(graph: Graph, node: Node) -> Node:
    return graph.div(graph.const(1.0), node)


def _by_square(graph: Graph, _node: Node, x: Node, *, sign: int, outer: float, root: bool) -> Node:
    """Return 1 / (outer + sign x^2), or the square root of that."""
    below = graph.add(graph.const(outer), graph.mul(graph.const(float(sign)), graph.mul(x, x)))
    return _one_over(graph, graph.unary("sqrt", below) if root else below)


Partial = Callable[..., Node]

_OUTER: Mapping[str, tuple[Partial, ...]] = {
    "pow": (_power_base, _power_exponent),
    "exp": (lambda _graph, node, _x: node,),
    "expm1": (lambda graph, _node, x: graph.unary("exp", x),),
    "log": (lambda graph, _node, x: _one_over(graph, x),),
    "sqrt": (_square_root,),
    "abs": (_absolute,),
    "sin": (lambda graph, _node, x: graph.unary("cos", x),),
    "cos": (lambda graph, _node, x: graph.neg(graph.unary("sin", x)),),
    "tan": (lambda graph, node, _x: graph.add(graph.const(1.0), graph.mul(node, node)),),
    "sinh": (lambda graph, _node, x: graph.unary("cosh", x),),
    "cosh": (lambda graph, _node, x: graph.unary("sinh", x),),
    "tanh": (lambda graph, node, _x: graph.sub(graph.const(1.0), graph.mul(node, node)),),
    "asin": (partial(_by_square, sign=-1, outer=1.0, root=True),),
    "acos": (lambda graph, node, x: graph.neg(_by_square(graph, node, x, sign=-1, outer=1.0, root=True)),),
    "atan": (partial(_by_square, sign=1, outer=1.0, root=False),),
    "asinh": (partial(_by_square, sign=1, outer=1.0, root=True),),
    "acosh": (partial(_by_square, sign=1, outer=-1.0, root=True),),
    "atanh": (partial(_by_square, sign=-1, outer=1.0, root=False),),
}
