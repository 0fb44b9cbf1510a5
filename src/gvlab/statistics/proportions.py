"""Proportions: of two groups (Fisher's exact test), and of the same subjects counted twice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gvlab.arrays import Array, Bool
from gvlab.errors import InvalidValueError
from gvlab.lazy import LazyModule
from gvlab.statistics.estimate import Estimate, HypothesisTest, wilson_interval

stats: Any = LazyModule("scipy.stats")


@dataclass(frozen=True)
class ProportionComparison:
    """How the share of group a differs from that of group b.

    Attributes
    ----------
    share_a, share_b
        Each with Wilson's interval.
    difference
        a minus b, with Newcombe's interval for independent groups.
    odds_ratio
        Of a over b: the conditional estimate with its exact interval, as R's ``fisher.test`` gives it. None where
        nobody or everybody succeeded in both groups: every ratio is then as likely as any other.
    test
        Fisher's, two-sided.
    """

    share_a: Estimate
    share_b: Estimate
    difference: Estimate
    odds_ratio: Estimate | None
    test: HypothesisTest

    def __str__(self) -> str:
        ratio = "" if self.odds_ratio is None else f", odds ratio {self.odds_ratio}"
        return f"difference {self.difference}{ratio}, {self.test}"


def compare_proportions(
    successes_a: int, n_a: int, successes_b: int, n_b: int, *, confidence: float = 0.95
) -> ProportionComparison:
    """Compare the shares of two independent groups by Fisher's exact test [1]_.

    It is exact for few animals, where a chi-square test is not; the difference says how large the effect is [2]_.

    Parameters
    ----------
    successes_a, n_a, successes_b, n_b
        How many of how many, in each group.
    confidence
        Coverage of the intervals.

    Raises
    ------
    InvalidValueError
        If a group is empty, or holds more successes than subjects.

    References
    ----------
    .. [1] Fisher (1922) J R Stat Soc 85:87-94.
    .. [2] Newcombe (1998) Statistics in Medicine 17:873-890, method 10.
    """
    limits = wilson_interval(successes_a, n_a, confidence), wilson_interval(successes_b, n_b, confidence)
    p, q = successes_a / n_a, successes_b / n_b
    (p_low, p_high), (q_low, q_high) = limits
    table = [[successes_a, n_a - successes_a], [successes_b, n_b - successes_b]]
    below, above = math.hypot(p - p_low, q_high - q), math.hypot(p_high - p, q - q_low)
    p_value = float(stats.fisher_exact(table).pvalue)
    return ProportionComparison(
        Estimate(p, p_low, p_high, confidence),
        Estimate(q, q_low, q_high, confidence),
        Estimate(p - q, p - q - below, p - q + above, confidence),
        _odds_ratio(table, confidence),
        HypothesisTest("Fisher's exact", p - q, p_value),
    )


def _odds_ratio(table: list[list[int]], confidence: float) -> Estimate | None:
    successes = table[0][0] + table[1][0]
    if successes in (0, sum(table[0]) + sum(table[1])):
        return None
    found = stats.contingency.odds_ratio(table, kind="conditional")
    limits = found.confidence_interval(confidence)
    return Estimate(float(found.statistic), float(limits.low), float(limits.high), confidence)


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
