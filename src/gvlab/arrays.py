"""Types of arrays that say their axes: ``Float[Array, "set subject"]`` has one row a set and one column a subject.

Tests check them (jaxtyping with beartype); elsewhere they are words for the reader. An axis that may be missing or is
not named is written with ``...``, as jaxtyping does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float, Int

if TYPE_CHECKING:
    Array: TypeAlias = npt.NDArray[Any]
else:
    Array = np.ndarray

FloatArray: TypeAlias = npt.NDArray[np.float64]
"""Of any shape; for what is generic in its axes."""

__all__ = ["Array", "Bool", "Float", "FloatArray", "Int"]
