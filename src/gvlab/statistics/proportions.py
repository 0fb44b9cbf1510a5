"""Differences of proportions, when the same subjects are counted twice."""

from __future__ import annotations

import math

import numpy as np

from gvlab.arrays import Array, Bool
from gvlab.errors import InvalidValueError
from gvlab.statistics.estimate import Estimate, wilson_interval


def paired_difference(
    a: Bool[Array, "subject"], b: Bool[Array, "subject"], *, confidence: float = 0.95
) -> Estimate:  # fmt: skip
    """Return by how much the share of a exceeds that of b, with Newcombe's [1]_ interval for paired proportions.

    The same subjects are counted in both, so what they have in common cancels.

    Parameters
    ----------
    a, b
        Whether it holds for subject 0, 1, ... in the one and in the other.
    confidence
        Coverage of the interval.

    Raises
    ------
    InvalidValueError
        If there is nobody, or the two differ in length.

    References
    ----------
    .. [1] Newcombe (1998) Statistics in Medicine 17:2635-2650, method 10.
    """
    if len(a) != len(b) or not len(a):
        raise InvalidValueError(
            f"A paired difference needs the same subjects twice, not {len(a)} and {len(b)} of them."
        )
    p, q, n = float(a.mean()), float(b.mean()), len(a)
    p_low, p_high = wilson_interval(int(a.sum()), n, confidence)
    q_low, q_high = wilson_interval(int(b.sum()), n, confidence)
    together = _correlation(int(np.sum(a & b)), int(np.sum(a & ~b)), int(np.sum(~a & b)), n)
    below = _distance(p - p_low, q_high - q, together)
    above = _distance(p_high - p, q - q_low, together)
    return Estimate(p - q, p - q - below, p - q + above, confidence)


def _distance(one: float, other: float, together: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * together * one * other + other * other))


def _correlation(both: int, only_a: int, only_b: int, n: int) -> float:
    """Return the correlation of the two, with Newcombe's continuity correction; 0 where one never varies."""
    neither = n - both - only_a - only_b
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if margins == 0:
        return 0.0
    product = both * neither - only_a * only_b
    corrected = max(product - n / 2, 0.0) if product > 0 else float(product)
    return corrected / math.sqrt(margins)
