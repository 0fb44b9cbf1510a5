"""Checks, while tests run, that arrays have the axes that their types say.

jaxtyping hands every function of the packages named in pyproject.toml to `check`, with its annotations evaluated. What
has no array in it is left to mypy: beartype would want every name at run time, and many are imported for types only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_args

from beartype import beartype
from jaxtyping import AbstractArray

Function = TypeVar("Function", bound=Callable[..., Any])


def check(function: Function) -> Function:
    """Return the function, which now looks at the axes of what it takes and gives."""
    function.__annotations__ = {name: hint for name, hint in function.__annotations__.items() if has_axes(hint)}
    return beartype(function) if function.__annotations__ else function


def has_axes(hint: Any) -> bool:
    """Return whether an annotation names the axes of an array, wherever in it."""
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return True
    return any(has_axes(part) for part in get_args(hint))


def unchecked(function: Function) -> Function:
    """Return a function that does not look at axes: for a test of what it says itself of arrays that do not fit."""
    found: Function = getattr(function, "__wrapped__", function)
    return found
