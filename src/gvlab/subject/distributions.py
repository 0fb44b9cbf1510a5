"""Distributions of a parameter between subjects, by their quantile functions, so that any point set samples them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.errors import InvalidValueError
from gvlab.lazy import LazyModule
from gvlab.library.records import Variability

special: Any = LazyModule("scipy.special")


class Distribution(Protocol):
    """A distribution of one number."""

    def cdf(self, value: float) -> float:
        """Return the probability of a smaller value."""
        ...

    def quantile(self, probability: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the value below which a share `probability` lies."""
        ...


@dataclass(frozen=True)
class Normal:
    """A normal distribution."""

    mean: float
    sd: float

    def cdf(self, value: float) -> float:
        """Return the probability of a smaller value."""
        return float(special.ndtr((value - self.mean) / self.sd))

    def quantile(self, probability: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the value below which a share `probability` lies."""
        return np.asarray(self.mean + self.sd * special.ndtri(probability), dtype=np.float64)


@dataclass(frozen=True)
class LogNormal:
    """A distribution whose logarithm is normal.

    Attributes
    ----------
    median
        Of the value itself.
    sigma
        Standard deviation of the logarithm.
    """

    median: float
    sigma: float

    @classmethod
    def by_cv(cls, value: float, cv: float, center: str = "median") -> LogNormal:
        """Make one from its coefficient of variation.

        Parameters
        ----------
        value
            Its median or its mean, above zero.
        cv
            Standard deviation over mean.
        center
            Which of the two `value` is.
        """
        if not value > 0:
            raise InvalidValueError(f"A log-normal has a median above zero, not {value:g}. Use a normal or a uniform.")
        variance = math.log1p(cv * cv)
        return cls(value * math.exp(-variance / 2) if center == "mean" else value, math.sqrt(variance))

    def cdf(self, value: float) -> float:
        """Return the probability of a smaller value."""
        return float(special.ndtr(math.log(value / self.median) / self.sigma)) if value > 0 else 0.0

    def quantile(self, probability: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the value below which a share `probability` lies."""
        return np.asarray(self.median * np.exp(self.sigma * special.ndtri(probability)), dtype=np.float64)


@dataclass(frozen=True)
class Uniform:
    """Every value between two is equally likely."""

    low: float
    high: float

    def cdf(self, value: float) -> float:
        """Return the probability of a smaller value."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def quantile(self, probability: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the value below which a share `probability` lies."""
        return self.low + (self.high - self.low) * probability


@dataclass(frozen=True)
class Truncated:
    """A distribution given that the value lies within bounds: nothing piles up at them."""

    inner: Distribution
    low: float
    high: float

    def cdf(self, value: float) -> float:
        """Return the probability of a smaller value."""
        below, above = self._share()
        return min(1.0, max(0.0, (self.inner.cdf(value) - below) / (above - below)))

    def quantile(self, probability: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the value below which a share `probability` lies."""
        below, above = self._share()
        values = self.inner.quantile(below + (above - below) * probability)
        # Rounding may step over a bound by the last bit.
        return np.clip(values, self.low, self.high)

    def _share(self) -> tuple[float, float]:
        below = self.inner.cdf(self.low) if math.isfinite(self.low) else 0.0
        above = self.inner.cdf(self.high) if math.isfinite(self.high) else 1.0
        return below, above


def distribution(spec: Variability, nominal: float, low: float, high: float) -> Distribution:
    """Make the distribution of a parameter between subjects.

    The bounds of the table are where the *typical* value may lie, so they do not cut off single subjects; `spec.low`
    and `spec.high` do (a share never exceeds 1). Only a uniform without its own limits takes those of the table.

    Parameters
    ----------
    spec
        How it differs between subjects.
    nominal
        Its value in the parameter table; what `spec.center` says for a log-normal, the mean of a normal.
    low, high
        Its bounds in the table.

    Raises
    ------
    InvalidValueError
        If the limits leave nothing of the distribution, or a uniform has none.
    """
    if spec.distribution != "uniform":
        low, high = -math.inf, math.inf
    low = low if spec.low is None else max(low, spec.low)
    high = high if spec.high is None else min(high, spec.high)
    inner: Distribution
    if spec.distribution == "uniform":
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InvalidValueError(
                f'"{spec.parameter}" is uniform from {low:g} to {high:g}; give it a low and a high, low first.'
            )
        return Uniform(low, high)
    if spec.distribution == "normal":
        # The record has either of them; its schema sees to that.
        sd = spec.sd if spec.sd is not None else (spec.cv or 0.0) * abs(nominal)
        if not sd > 0:
            raise InvalidValueError(f'"{spec.parameter}" is 0 and has a cv; give its standard deviation as sd.')
        inner = Normal(nominal, sd)
    else:
        try:
            inner = LogNormal.by_cv(nominal, spec.cv or 0.0, spec.center)
        except InvalidValueError as error:
            raise InvalidValueError(f'"{spec.parameter}": {error}') from None
    if math.isinf(low) and math.isinf(high):
        return inner
    truncated = Truncated(inner, low, high)
    if not inner.cdf(high if math.isfinite(high) else math.inf) - inner.cdf(low if math.isfinite(low) else 0.0) > 1e-12:
        raise InvalidValueError(
            f'"{spec.parameter}" is {nominal:g}, and its bounds {low:g} to {high:g} leave nothing of its distribution.'
        )
    return truncated
