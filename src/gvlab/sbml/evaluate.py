"""Evaluates formulas with NumPy, for many subjects at once. The plain reading of what every engine must compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gvlab.errors import ModelError
from gvlab.sbml.graph import Graph, Node

_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "neg": np.negative,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "factorial": lambda x: _factorial(x),
    "log_size": lambda x: np.where(np.equal(x, 0.0), -1e300, np.log(np.abs(x))),
    "sign_of_power": lambda y: np.where(np.equal(y, np.floor(y)), np.where(np.mod(y, 2) == 0, 1.0, -1.0), np.nan),
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
    "not": np.logical_not,
    "select": np.where,
}


def _factorial(x: Any) -> Any:
    from scipy.special import gamma  # a tenth of a second that most models do not need

    return gamma(np.asarray(x) + 1.0)


def evaluate(graph: Graph, nodes: Sequence[Node], known: Mapping[str, Any]) -> list[Any]:
    """Return the values of formulas.

    Parameters
    ----------
    graph, nodes
        The formulas.
    known
        The value of each symbol: a number, or an array of shape (subject,).

    Raises
    ------
    ModelError
        If a symbol has no value.
    """
    results: dict[Node, Any] = {}
    with np.errstate(all="ignore"):
        for node in graph.order_again(nodes):
            operation = graph.operation[node]
            if operation == "const":
                results[node] = np.float64(graph.payload[node])
            elif operation == "symbol":
                name = str(graph.payload[node])
                if name not in known:
                    raise ModelError(f'A formula of the model needs "{name}", which the model does not define.')
                results[node] = known[name]
            elif operation == "mode":
                results[node] = known[f"mode {int(graph.payload[node] or 0)}"]
            elif operation in ("true", "false"):
                results[node] = np.bool_(operation == "true")
            else:
                results[node] = _FUNCTIONS[operation](*[results[argument] for argument in graph.arguments[node]])
    return [results[node] for node in nodes]
