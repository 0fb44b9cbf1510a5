"""The chi-square of a score against its covariance, as the tests of survival share it."""

from __future__ import annotations

from typing import Any

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.lazy import LazyModule
from gvlab.statistics.estimate import HypothesisTest

special: Any = LazyModule("scipy.special")

_SINGULAR = 1e-10
"""Part of the largest eigenvalue below which a direction holds no information."""


def score_test(name: str, score: Float[Array, "group"], covariance: Float[Array, "group group"]) -> HypothesisTest:
    """Return the chi-square of a score, on as many degrees of freedom as its covariance has directions.

    Scores of all groups sum to zero, which costs one. A group that was never at risk at an event carries no information
    and no degree of freedom, and so do groups that were never at risk together. Where nothing is left to test, p = 1.
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = values > _SINGULAR * max(float(values.max(initial=0.0)), 0.0)
    degrees = int(np.count_nonzero(kept & (values > 0)))
    if degrees == 0:
        return HypothesisTest(name, 0.0, 1.0, 0)
    statistic = float(np.sum((vectors.T @ score)[kept] ** 2 / values[kept]))
    return HypothesisTest(name, statistic, float(special.chdtrc(degrees, statistic)), degrees)
