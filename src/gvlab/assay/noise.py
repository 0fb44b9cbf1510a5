"""Error models: multiplicative, additive, counting; limits; batches.

Multiplicative errors are log-normal with mean one, so a reading is unbiased and its coefficient of variation is the
stated one. A batch effect is the same factor, drawn once for all samples of a batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gvlab.arrays import Array, Bool, Float, FloatArray, Int


def sigma(cv: float) -> float:
    """Return the standard deviation of the logarithm of a log-normal with this coefficient of variation."""
    return math.sqrt(math.log1p(cv * cv))


def factor(rng: np.random.Generator, cv: float, shape: Any) -> FloatArray:
    """Draw log-normal factors with mean one.

    Parameters
    ----------
    rng
        Source of the draw.
    cv
        Coefficient of variation, not negative.
    shape
        How many.
    """
    spread = sigma(cv)
    return np.asarray(np.exp(spread * rng.standard_normal(shape) - 0.5 * spread * spread))


def batch_factor(rng: np.random.Generator, cv: float, batch: Int[Array, "sample"]) -> Float[Array, "sample"]:
    """Draw one factor a batch and give it to every sample of it.

    Parameters
    ----------
    rng
        Source of the draw.
    cv
        Coefficient of variation between batches.
    batch
        Number of the batch of each sample, from 0.
    """
    drawn = factor(rng, cv, int(batch.max(initial=-1)) + 1)
    return np.asarray(drawn[batch])


@dataclass(frozen=True)
class CensoredValues:
    """Readings with what lies beyond the limits: there the value is the limit itself, and the flag is set.

    Attributes
    ----------
    value
        One a sample.
    below, above
        Whether it was below the lower or above the upper limit.
    """

    value: Float[Array, "sample"]
    below: Bool[Array, "sample"]
    above: Bool[Array, "sample"]


def censor(value: Float[Array, "sample"], low: float = -math.inf, high: float = math.inf) -> CensoredValues:
    """Censor readings at the limits of quantification. NaN stays NaN, unflagged."""
    below = value < low
    above = value > high
    return CensoredValues(np.where(below, low, np.where(above, high, value)), below, above)


def product_cv(*cvs: float) -> float:
    """Return the coefficient of variation of a product of independent factors."""
    return math.sqrt(math.prod(1.0 + cv * cv for cv in cvs) - 1.0)


def ratio_moments(
    mean: Float[Array, "sample"],
    cv_numerator: Float[Array, "sample"] | float,
    cv_denominator: Float[Array, "sample"] | float,
) -> tuple[Float[Array, "sample"], Float[Array, "sample"]]:
    """Return mean and variance of a ratio of two independent log-normals whose means have the ratio `mean`.

    For log-normals these are exact: the reciprocal of a log-normal of mean one has mean 1 + cv^2.
    """
    top = 1.0 + np.asarray(cv_numerator) ** 2
    bottom = 1.0 + np.asarray(cv_denominator) ** 2
    expected = mean * bottom
    return expected, expected**2 * (top * bottom - 1.0)
