"""Evaluates an observable formula ("burden * flux_per_cell") over arrays. Arithmetic and nothing else is understood."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gvlab.arrays import FloatArray
from gvlab.errors import InvalidValueError, UnknownNameError

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "minimum": np.minimum,
    "maximum": np.maximum,
}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}


def names(formula: str) -> tuple[str, ...]:
    """Return the names in a formula, each once, sorted; functions are not counted.

    Raises
    ------
    InvalidValueError
        If it is not a formula.
    """
    found = {node.id for node in ast.walk(_parsed(formula)) if isinstance(node, ast.Name)}
    return tuple(sorted(found - set(_FUNCTIONS)))


def evaluate(formula: str, values: Mapping[str, FloatArray | float]) -> FloatArray:
    """Compute a formula.

    Parameters
    ----------
    formula
        Names, numbers, ``+ - * / **``, parentheses and exp, log, sqrt, minimum, maximum.
    values
        By name, arrays of one shape or numbers.

    Returns
    -------
    The value, of the shape of the arrays; a division by zero is NaN or infinite, as numpy has it.

    Raises
    ------
    InvalidValueError
        If it is not a formula.
    UnknownNameError
        If a name has no value.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(_value(_parsed(formula), values, formula), dtype=np.float64)


@functools.lru_cache(maxsize=1024)
def _parsed(formula: str) -> ast.expr:
    try:
        tree = ast.parse(formula, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidValueError(f'"{formula}" is not a formula. Write arithmetic, such as "2 * name + 1".') from error
    for node in ast.walk(tree):
        _check(node, formula)
    return tree


def _check(node: ast.AST, formula: str) -> None:
    plain = isinstance(node, ast.Name | ast.Load | ast.operator | ast.UAdd | ast.USub)
    number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
    operation = isinstance(node, ast.BinOp) and type(node.op) in _BINARY
    sign = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub)
    call = (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _FUNCTIONS
        and not node.keywords
        and len(node.args) == (2 if node.func.id.endswith("imum") else 1)
    )
    if not (plain or number or operation or sign or call):
        word = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
        raise InvalidValueError(
            f'"{formula}": "{word}" was not understood. A formula has names, numbers, + - * / ** and the functions '
            f"{', '.join(_FUNCTIONS)}."
        )


def _value(node: ast.expr, values: Mapping[str, FloatArray | float], formula: str) -> Any:
    if isinstance(node, ast.Constant):
        return np.float64(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        if node.id not in values:
            raise UnknownNameError("value", node.id, values, f'the formula "{formula}"')
        return values[node.id]
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_value(node.left, values, formula), _value(node.right, values, formula))
    if isinstance(node, ast.UnaryOp):
        inner = _value(node.operand, values, formula)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _FUNCTIONS[node.func.id](*(_value(part, values, formula) for part in node.args))
    raise InvalidValueError(f'"{formula}" is not a formula.')
