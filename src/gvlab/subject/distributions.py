"""Distributions of a parameter between subjects, by their quantile functions, so that any point set samples them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gvlab.arrays import Array, Bool, Float
from gvlab.errors import InvalidValueError
from gvlab.lazy import LazyModule
from gvlab.library.variability import Spread, Variability

special: Any = LazyModule("scipy.special")


KINDS = ("bernoulli", "categorical", "mixture", "point")
"""Distributions in which one value may have a share, so a value does not say which draw it stands for."""


class Distribution(Protocol):
    """A distribution of one number."""

    def cdf(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the probability of a smaller value."""
        ...

    def log_density(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the logarithm of the density at a value, or of its probability where one value has a share."""
        ...

    def quantile(self, probability: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the value below which a share `probability` lies."""
        ...


@dataclass(frozen=True)
class Normal:
    """A normal distribution."""

    mean: float
    sd: float

    def cdf(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the probability of a smaller value."""
        return np.asarray(special.ndtr(self._score(value)), dtype=np.float64)

    def log_density(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the logarithm of the density at a value."""
        return np.asarray(-0.5 * self._score(value) ** 2 - _LOG_ROOT_2_PI - math.log(self.sd), dtype=np.float64)

    def _score(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        return np.asarray((np.asarray(value, dtype=np.float64) - self.mean) / self.sd, dtype=np.float64)

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

    def cdf(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the probability of a smaller value."""
        return np.asarray(special.ndtr(self._score(value)), dtype=np.float64)

    def log_density(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the logarithm of the density at a value; minus infinity where it is not above zero."""
        values = np.asarray(value, dtype=np.float64)
        above = np.where(values > 0, values, 1.0)
        inside = -0.5 * self._score(above) ** 2 - _LOG_ROOT_2_PI - math.log(self.sigma) - np.log(above)
        return np.asarray(np.where(values > 0, inside, -np.inf), dtype=np.float64)

    def _score(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        values = np.asarray(value, dtype=np.float64)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.maximum(values, 0.0) / self.median) / self.sigma, dtype=np.float64)

    def quantile(self, probability: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the value below which a share `probability` lies."""
        return np.asarray(self.median * np.exp(self.sigma * special.ndtri(probability)), dtype=np.float64)


@dataclass(frozen=True)
class Uniform:
    """Every value between two is equally likely."""

    low: float
    high: float

    def cdf(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the probability of a smaller value."""
        return np.asarray(
            np.clip((np.asarray(value, dtype=np.float64) - self.low) / (self.high - self.low), 0.0, 1.0),
            dtype=np.float64,
        )

    def log_density(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the logarithm of the density at a value; minus infinity outside."""
        return np.asarray(
            np.where(_within(value, self.low, self.high), -math.log(self.high - self.low), -np.inf), dtype=np.float64
        )

    def quantile(self, probability: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the value below which a share `probability` lies."""
        return self.low + (self.high - self.low) * probability


@dataclass(frozen=True)
class Truncated:
    """A distribution given that the value lies within bounds: nothing piles up at them."""

    inner: Distribution
    low: float
    high: float

    def cdf(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the probability of a smaller value."""
        below, above = self._share()
        return np.asarray(np.clip((self.inner.cdf(value) - below) / (above - below), 0.0, 1.0), dtype=np.float64)

    def log_density(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the logarithm of the density at a value; minus infinity outside."""
        below, above = self._share()
        inside = self.inner.log_density(value) - math.log(above - below)
        return np.asarray(np.where(_within(value, self.low, self.high), inside, -np.inf), dtype=np.float64)

    def quantile(self, probability: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the value below which a share `probability` lies."""
        below, above = self._share()
        values = self.inner.quantile(below + (above - below) * probability)
        # Rounding may step over a bound by the last bit.
        return np.clip(values, self.low, self.high)

    def _share(self) -> tuple[float, float]:
        below = float(self.inner.cdf(self.low)) if math.isfinite(self.low) else 0.0
        above = float(self.inner.cdf(self.high)) if math.isfinite(self.high) else 1.0
        return below, above


@dataclass(frozen=True)
class LogUniform:
    """A distribution whose logarithm is uniform."""

    low: float
    high: float

    def cdf(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the probability of a smaller value."""
        inside = np.clip(np.asarray(value, dtype=np.float64), self.low, self.high)
        return np.asarray(np.log(inside / self.low) / math.log(self.high / self.low), dtype=np.float64)

    def log_density(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the logarithm of the density at a value; minus infinity outside."""
        inside = np.clip(np.asarray(value, dtype=np.float64), self.low, self.high)
        density = -np.log(inside) - math.log(math.log(self.high / self.low))
        return np.asarray(np.where(_within(value, self.low, self.high), density, -np.inf), dtype=np.float64)

    def quantile(self, probability: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the value below which a share `probability` lies."""
        values = self.low * (self.high / self.low) ** np.asarray(probability)
        return np.clip(values, self.low, self.high)


@dataclass(frozen=True)
class Point:
    """One value for all."""

    value: float

    def cdf(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the probability of a smaller value."""
        return np.asarray(np.asarray(value) > self.value, dtype=np.float64)

    def log_density(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return 0, the logarithm of 1, at its value and minus infinity elsewhere."""
        return np.asarray(np.where(np.asarray(value) == self.value, 0.0, -np.inf), dtype=np.float64)

    def quantile(self, probability: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the value below which a share `probability` lies."""
        return np.full(np.shape(probability), self.value)


@dataclass(frozen=True)
class Mixture:
    """Kinds of subjects, each a share of all with a distribution of its own.

    The lowest draws belong to the first kind, the next to the second. Within a kind values follow the draw; from one
    kind to the next they need not rise, so `quantile` is one only where the kinds lie in order.
    """

    shares: tuple[float, ...]
    kinds: tuple[Distribution, ...]

    def cdf(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the probability of a smaller value."""
        parts = [share * kind.cdf(value) for share, kind in zip(self.shares, self.kinds, strict=True)]
        return np.asarray(np.sum(parts, axis=0), dtype=np.float64)

    def log_density(self, value: npt.ArrayLike) -> Float[Array, "..."]:
        """Return the logarithm of the density at a value, or of its share where a point has one."""
        points, others = np.full((2, *np.shape(value)), -np.inf)
        for share, kind in zip(self.shares, self.kinds, strict=True):
            with np.errstate(divide="ignore"):
                here = np.log(share) + kind.log_density(value)
            if isinstance(kind, Point):
                points = np.logaddexp(points, here)
            else:
                others = np.logaddexp(others, here)
        return np.asarray(np.where(np.isfinite(points), points, others), dtype=np.float64)

    def quantile(self, probability: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the value that the draw `probability` stands for."""
        p = np.asarray(probability, dtype=np.float64)
        ends = np.cumsum(self.shares)
        which = np.minimum(np.searchsorted(ends, p, side="right"), len(self.shares) - 1)
        values = np.empty(p.shape)
        tiny = np.finfo(np.float64).eps
        for k, (share, kind) in enumerate(zip(self.shares, self.kinds, strict=True)):
            here = which == k
            inside = (p[here] - (ends[k] - share)) / share
            values[here] = kind.quantile(np.clip(inside, tiny, 1 - tiny))
        return values


def _within(value: npt.ArrayLike, low: float, high: float) -> Bool[Array, "..."]:
    values = np.asarray(value, dtype=np.float64)
    return np.asarray((values >= low) & (values <= high))


_LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)


def distribution(spec: Variability, nominal: float, low: float, high: float) -> Distribution:
    """Make the distribution of a parameter between subjects.

    The bounds of the table are where the *typical* value may lie, so they do not cut off single subjects; `spec.low`
    and `spec.high` do (a share never exceeds 1). Only a uniform or log-uniform without limits takes those of the table.

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
    name = spec.parameter
    if spec.distribution == "bernoulli":
        share = spec.share or 0.0
        return Mixture((1 - share, share), (Point(0.0), Point(1.0)))
    if spec.distribution == "categorical":
        return Mixture(spec.shares, tuple(Point(value) for value in spec.values))
    if spec.distribution == "mixture":
        kinds = tuple(_one_kind(part, name, part.value or 0.0, -math.inf, math.inf) for part in spec.components)
        return Mixture(tuple(part.share for part in spec.components), kinds)
    return _one_kind(spec, name, nominal, low, high)


def _one_kind(spec: Spread, name: str, nominal: float, low: float, high: float) -> Distribution:
    flat = spec.distribution in ("uniform", "log-uniform")
    if not flat:
        low, high = -math.inf, math.inf
    low = low if spec.low is None else max(low, spec.low)
    high = high if spec.high is None else min(high, spec.high)
    inner: Distribution
    if spec.distribution == "point":
        return Point(nominal)
    if flat:
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InvalidValueError(
                f'"{name}" is {spec.distribution} from {low:g} to {high:g}; give it a low and a high, low first.'
            )
        if spec.distribution == "uniform":
            return Uniform(low, high)
        if not low > 0:
            raise InvalidValueError(f'"{name}" is log-uniform from {low:g}; give it a low above zero.')
        return LogUniform(low, high)
    if spec.distribution == "normal":
        # The record has either of them; its schema sees to that.
        sd = spec.sd if spec.sd is not None else (spec.cv or 0.0) * abs(nominal)
        if not sd > 0:
            raise InvalidValueError(f'"{name}" is 0 and has a cv; give its standard deviation as sd.')
        inner = Normal(nominal, sd)
    else:
        try:
            inner = LogNormal.by_cv(nominal, spec.cv or 0.0, spec.center)
        except InvalidValueError as error:
            raise InvalidValueError(f'"{name}": {error}') from None
    if math.isinf(low) and math.isinf(high):
        return inner
    truncated = Truncated(inner, low, high)
    if not inner.cdf(high if math.isfinite(high) else math.inf) - inner.cdf(low if math.isfinite(low) else 0.0) > 1e-12:
        raise InvalidValueError(
            f'"{name}" is {nominal:g}, and its bounds {low:g} to {high:g} leave nothing of its distribution.'
        )
    return truncated
