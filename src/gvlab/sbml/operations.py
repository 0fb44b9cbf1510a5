"""The operations of formulas: their names, and what they do to constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

UNARY: Mapping[str, Callable[[float], float]] = {
    "neg": lambda x: -x,
    "exp": math.exp,
    "expm1": math.expm1,
    "log": math.log,
    "sqrt": math.sqrt,
    "abs": abs,
    "floor": lambda x: float(math.floor(x)),
    "ceil": lambda x: float(math.ceil(x)),
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": math.acosh,
    "atanh": math.atanh,
    "factorial": lambda x: math.gamma(x + 1.0),
    # The two parts of a power: x^y = sign_of_power(y) exp(y log_size(x)) where x is negative, else without the sign.
    "log_size": lambda x: math.log(abs(x)) if x else -1e300,
    "sign_of_power": lambda y: math.nan if y != math.floor(y) else -1.0 if y % 2 else 1.0,
}
"""Operations on one number, with what they do to a constant."""

RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
}

TRUTHS = frozenset({*RELATIONS, "and", "or", "not", "xor", "true", "false", "mode"})
"""Operations whose result is a truth value."""

COMMUTATIVE = frozenset({"add", "mul", "and", "or", "xor", "eq", "ne", "min", "max"})
"""Operations whose two arguments may be exchanged."""


def power(x: float, y: float) -> float:
    """Raise x to the power y as IEEE arithmetic does: infinities and NaN instead of exceptions."""
    try:
        result = x**y
    except OverflowError:
        return math.inf
    except ZeroDivisionError:
        return math.inf
    return math.nan if isinstance(result, complex) else result
