"""Types of arrays that say their axes: ``Float[Array, "set subject"]`` has one row a set and one column a subject.

Tests check them (jaxtyping with beartype); elsewhere they are words for the reader. An axis that may be missing or is
not named is written with ``...``, as jaxtyping does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gvlab.lazy import LazyModule

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

    Array: TypeAlias = npt.NDArray[Any]
else:
    Array = np.ndarray
    _types = LazyModule("jaxtyping")

    class _WithAxes:
        """Stands for a type of jaxtyping, whose import takes longer than that of NumPy, until axes are asked for."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getitem__(self, axes: tuple[Any, str]) -> Any:
            return getattr(_types, self._name)[axes]

    Bool, Float, Int = (_WithAxes(name) for name in ("Bool", "Float", "Int"))

FloatArray: TypeAlias = npt.NDArray[np.float64]
"""Of any shape; for what is generic in its axes."""

__all__ = ["Array", "Bool", "Float", "FloatArray", "Int"]
