"""Scale transformations of Gating-ML 2.0: linear, logarithmic, inverse hyperbolic sine, logicle, hyperlog.

Formulas are those of the specification (Spidlen et al. 2015, doi 10.1002/cyto.a.22690); logicle is that of Parks et
al. (2006) with the parameters of Moore and Parks (2012), doi 10.1002/cyto.a.22030; hyperlog that of Bagwell (2005).
Both are computed by FlowUtils.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from gvlab.arrays import Array, Float, FloatArray
from gvlab.errors import InvalidValueError


@runtime_checkable
class Transform(Protocol):
    """Carries a linear signal to the scale of a gate."""

    def apply(self, signal: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the signal on this scale."""
        ...


@dataclass(frozen=True)
class Linear:
    """(x + A) / (T + A)."""

    T: float
    A: float = 0.0

    def apply(self, signal: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the signal on this scale."""
        return np.asarray((signal + self.A) / (self.T + self.A))


@dataclass(frozen=True)
class Log:
    """log10(x / T) / M + 1; a signal of zero or less is minus infinity."""

    T: float
    M: float

    def apply(self, signal: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the signal on this scale."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(signal > 0, np.log10(np.maximum(signal, 0.0) / self.T) / self.M + 1.0, -np.inf)


@dataclass(frozen=True)
class Asinh:
    """(asinh(x sinh(M ln 10) / T) + A ln 10) / ((M + A) ln 10)."""

    T: float
    M: float
    A: float = 0.0

    def apply(self, signal: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the signal on this scale."""
        decade = math.log(10.0)
        scaled = np.arcsinh(signal * math.sinh(self.M * decade) / self.T)
        return np.asarray((scaled + self.A * decade) / ((self.M + self.A) * decade))


@dataclass(frozen=True)
class Logicle:
    """The root y of a exp(b y) - c exp(-d y) - f = x: linear about zero, logarithmic above."""

    T: float
    W: float
    M: float
    A: float = 0.0

    def __post_init__(self) -> None:
        if not (self.T > 0 and self.M > 0 and 0 <= self.W <= self.M / 2 and -self.W <= self.A <= self.M - 2 * self.W):
            raise InvalidValueError(
                f"A logicle scale needs T > 0, M > 0, 0 <= W <= M/2 and -W <= A <= M - 2W; here are T = {self.T:g}, "
                f"W = {self.W:g}, M = {self.M:g}, A = {self.A:g}."
            )

    def apply(self, signal: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the signal on this scale."""
        return _of_flowutils("logicle", signal, self)


@dataclass(frozen=True)
class Hyperlog:
    """The root y of a exp(b y) + c y - f = x: linear about zero, logarithmic above."""

    T: float
    W: float
    M: float
    A: float = 0.0

    def __post_init__(self) -> None:
        if not (self.T > 0 and self.M > 0 and 0 < self.W <= self.M / 2 and -self.W <= self.A <= self.M - 2 * self.W):
            raise InvalidValueError(
                f"A hyperlog scale needs T > 0, M > 0, 0 < W <= M/2 and -W <= A <= M - 2W; here are T = {self.T:g}, "
                f"W = {self.W:g}, M = {self.M:g}, A = {self.A:g}."
            )

    def apply(self, signal: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the signal on this scale."""
        return _of_flowutils("hyperlog", signal, self)


def _of_flowutils(scale: str, signal: FloatArray, numbers: Logicle | Hyperlog) -> FloatArray:
    """Return a scale computed by FlowUtils, which gives -1 for what is no number; here that stays NaN."""
    from flowutils import transforms

    values = np.asarray(signal, dtype=np.float64)
    apply = getattr(transforms, scale)
    flat = np.ascontiguousarray(values.ravel())
    found = apply(flat, None, t=numbers.T, m=numbers.M, w=numbers.W, a=numbers.A).reshape(values.shape)
    return np.where(np.isfinite(values), found, np.nan)
