"""Scale transformations of Gating-ML 2.0: linear, logarithmic, inverse hyperbolic sine, logicle, hyperlog.

Formulas are those of the specification (Spidlen et al. 2015, doi 10.1002/cyto.a.22690); logicle is that of Parks et
al. (2006) with the parameters of Moore and Parks (2012), doi 10.1002/cyto.a.22030; hyperlog that of Bagwell (2005).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from gvlab.errors import InvalidValueError

Array = npt.NDArray[np.float64]


class Transform(Protocol):
    """Carries a linear signal to the scale of a gate."""

    def apply(self, signal: Array) -> Array:
        """Transform a signal."""
        ...


@dataclass(frozen=True)
class Linear:
    """(x + A) / (T + A)."""

    T: float
    A: float = 0.0

    def apply(self, signal: Array) -> Array:
        """Transform a signal."""
        return np.asarray((signal + self.A) / (self.T + self.A))


@dataclass(frozen=True)
class Log:
    """log10(x / T) / M + 1; a signal of zero or less is minus infinity."""

    T: float
    M: float

    def apply(self, signal: Array) -> Array:
        """Transform a signal."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(signal > 0, np.log10(np.maximum(signal, 0.0) / self.T) / self.M + 1.0, -np.inf)


@dataclass(frozen=True)
class Asinh:
    """(asinh(x sinh(M ln 10) / T) + A ln 10) / ((M + A) ln 10)."""

    T: float
    M: float
    A: float = 0.0

    def apply(self, signal: Array) -> Array:
        """Transform a signal."""
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

    def apply(self, signal: Array) -> Array:
        """Transform a signal."""
        a, b, c, d, f, center = self._coefficients()

        def curve(scale: Array) -> Array:
            return np.asarray(a * np.exp(b * scale) - c * np.exp(-d * scale) + f)

        def slope(scale: Array) -> Array:
            return np.asarray(a * b * np.exp(b * scale) + c * d * np.exp(-d * scale))

        return _root(signal, curve, slope, center)

    def _coefficients(self) -> tuple[float, float, float, float, float, float]:
        total = self.M + self.A
        w, x2 = self.W / total, self.A / total
        x1, x0 = x2 + w, x2 + 2 * w
        b = total * math.log(10.0)
        d = b if w == 0 else float(brentq(lambda d: 2 * math.log(d / b) + w * (b + d), b * 1e-12, b, xtol=1e-15))
        c_over_a = math.exp(x0 * (b + d))
        f_over_a = -(math.exp(b * x1) - c_over_a * math.exp(-d * x1))
        a = self.T / (math.exp(b) + f_over_a - c_over_a * math.exp(-d))
        return a, b, c_over_a * a, d, f_over_a * a, x1


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

    def apply(self, signal: Array) -> Array:
        """Transform a signal."""
        total = self.M + self.A
        w, x2 = self.W / total, self.A / total
        x1, x0 = x2 + w, x2 + 2 * w
        b = total * math.log(10.0)
        c_over_a = math.exp(b * x0) / w
        f_over_a = math.exp(b * x1) + c_over_a * x1
        a = self.T / (math.exp(b) + c_over_a - f_over_a)

        def curve(scale: Array) -> Array:
            return np.asarray(a * (np.exp(b * scale) + c_over_a * scale - f_over_a))

        def slope(scale: Array) -> Array:
            return np.asarray(a * (b * np.exp(b * scale) + c_over_a))

        return _root(signal, curve, slope, x1)


def _root(signal: Array, curve: Callable[[Array], Array], slope: Callable[[Array], Array], center: float) -> Array:
    """Invert a curve that is odd about its center: for |x| from a table, then by Newton's method, and mirrored back."""
    size = np.abs(np.asarray(signal, dtype=np.float64))
    grid = np.linspace(center, max(1.5, center + 1.0), 8192)
    root = np.interp(size, curve(grid), grid)
    for _ in range(4):
        root = root - (curve(root) - size) / slope(root)
    return np.asarray(np.where(np.asarray(signal) < 0, 2 * center - root, root))
