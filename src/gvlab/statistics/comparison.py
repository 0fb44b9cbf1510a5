"""Comparison of groups of readings: a test, and above all the size of the effect with its interval."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from gvlab.arrays import Array, Float
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.lazy import LazyModule
from gvlab.statistics.estimate import Estimate, HypothesisTest, normal_quantile, tail_of
from gvlab.statistics.inputs import FloatArray, numbers, same_length

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")
special: Any = LazyModule("scipy.special")
stats: Any = LazyModule("scipy.stats")

RESAMPLES = 2000
"""Bootstrap samples of an interval: enough that its limits move by a few percent of its width from seed to seed."""

_EXACT_UP_TO = 50


@dataclass(frozen=True)
class GroupComparison:
    """How group a differs from group b.

    Attributes
    ----------
    n_a, n_b
        Readings.
    center_a, center_b
        Medians (Mann-Whitney) or means (Welch).
    test
        Two-sided.
    ratio
        `center_a` over `center_b` with its bootstrap interval; None unless every reading is positive.
    shift
        a minus b: Hodges-Lehmann with its exact interval (Mann-Whitney), or the difference of means with Welch's.
    cliffs_delta
        Probability that a reading of a exceeds one of b, minus the reverse; -1 to 1, with its bootstrap interval.
    """

    n_a: int
    n_b: int
    center_a: float
    center_b: float
    test: HypothesisTest
    ratio: Estimate | None
    shift: Estimate
    cliffs_delta: Estimate

    def __str__(self) -> str:
        effect = f"ratio {self.ratio}" if self.ratio else f"difference {self.shift}"
        return f"{effect}, Cliff's delta {self.cliffs_delta.value:.2f}, {self.test} (n = {self.n_a} and {self.n_b})"


def compare_two(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    test: Literal["mann-whitney", "welch"] = "mann-whitney",
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> GroupComparison:
    """Compare the readings of two independent groups.

    Parameters
    ----------
    a, b
        Readings, one an animal, same unit.
    rng
        Source of the bootstrap.
    test
        ``mann-whitney`` compares medians and is exact for small groups without ties; ``welch`` compares means.
    confidence, resamples
        Coverage of all intervals; size of the bootstrap.

    Raises
    ------
    InvalidValueError
        If a group has fewer than two readings, or holds missing ones.
    """
    x, y = numbers(a, "a", minimum=2), numbers(b, "b", minimum=2)
    if test == "mann-whitney":
        outcome, shift, center = mann_whitney(x, y), hodges_lehmann(x, y, confidence), _median
    elif test == "welch":
        outcome, shift = _welch(x, y, confidence)
        center = _mean
    else:
        raise UnknownNameError("two-group test", test, ("mann-whitney", "welch"))
    xs, ys = _resampled(x, resamples, rng), _resampled(y, resamples, rng)
    ratio = None
    if x.min() > 0 and y.min() > 0:
        value = float(center(x[None, :])[0] / center(y[None, :])[0])
        ratio = _percentile_interval(value, center(xs) / center(ys), confidence)
    delta = _percentile_interval(cliffs_delta(x, y), cliffs_deltas(xs, ys), confidence)
    return GroupComparison(
        len(x), len(y), float(center(x[None, :])[0]), float(center(y[None, :])[0]), outcome, ratio, shift, delta
    )


def _median(rows: FloatArray) -> FloatArray:
    return np.asarray(np.median(rows, axis=1), dtype=np.float64)


def _mean(rows: FloatArray) -> FloatArray:
    return np.asarray(rows.mean(axis=1), dtype=np.float64)


def _resampled(values: FloatArray, resamples: int, rng: np.random.Generator) -> FloatArray:
    return values[rng.integers(0, len(values), size=(resamples, len(values)))]


def _percentile_interval(value: float, draws: FloatArray, confidence: float) -> Estimate:
    tail = tail_of(confidence)
    lower, upper = np.quantile(draws, [tail, 1 - tail])
    return Estimate(value, float(lower), float(upper), confidence)


def mann_whitney(a: npt.ArrayLike, b: npt.ArrayLike) -> HypothesisTest:
    """Test whether readings of one group tend to be larger (two-sided Mann-Whitney [1]_).

    Exact where there are no ties and one group has at most 50 readings; otherwise the normal approximation with tie and
    continuity correction. The name of the result says which.

    References
    ----------
    .. [1] Mann & Whitney (1947) Ann Math Stat 18:50-60.
    """
    x, y = numbers(a, "a"), numbers(b, "b")
    if np.ptp(np.concatenate([x, y])) == 0:
        return HypothesisTest("Mann-Whitney (all readings equal)", len(x) * len(y) / 2, 1.0)
    tied = len(np.unique(np.concatenate([x, y]))) < len(x) + len(y)
    method = "asymptotic" if tied or min(len(x), len(y)) > _EXACT_UP_TO else "exact"
    outcome = stats.mannwhitneyu(x, y, alternative="two-sided", method=method)
    return HypothesisTest(f"Mann-Whitney ({method})", float(outcome.statistic), float(outcome.pvalue))


def _welch(x: FloatArray, y: FloatArray, confidence: float) -> tuple[HypothesisTest, Estimate]:
    difference = float(x.mean() - y.mean())
    if np.ptp(x) == 0 and np.ptp(y) == 0:
        # Two groups without spread: either the same number or certainly not.
        p_value = 1.0 if difference == 0 else 0.0
        return HypothesisTest("Welch (no spread)", 0.0, p_value), Estimate(
            difference, difference, difference, confidence
        )
    with warnings.catch_warnings():
        # SciPy warns where all readings of one group are alike; that is no fault, and the other has its spread.
        warnings.simplefilter("ignore", RuntimeWarning)
        outcome = stats.ttest_ind(x, y, equal_var=False)
    limits = outcome.confidence_interval(confidence)
    test = HypothesisTest("Welch", float(outcome.statistic), float(outcome.pvalue), float(outcome.df))
    return test, Estimate(difference, float(limits.low), float(limits.high), confidence)


def hodges_lehmann(a: npt.ArrayLike, b: npt.ArrayLike, confidence: float = 0.95) -> Estimate:
    """Estimate by how much a exceeds b: the median of all pairwise differences [1]_.

    The interval inverts the Mann-Whitney test, exactly where one group has at most 50 readings. With very few readings
    no interval reaches the coverage asked for; then the limits are infinite.

    References
    ----------
    .. [1] Hodges & Lehmann (1963) Ann Math Stat 34:598-611.
    """
    x, y = numbers(a, "a"), numbers(b, "b")
    differences = np.sort(np.subtract.outer(x, y).ravel())
    value = float(np.median(differences))
    rank = _lower_rank(len(x), len(y), 2 * tail_of(confidence))
    if rank < 1:
        return Estimate(value, -np.inf, np.inf, confidence)
    return Estimate(value, float(differences[rank - 1]), float(differences[-rank]), confidence)


def _lower_rank(n_a: int, n_b: int, alpha: float) -> int:
    """Return the largest k with P(U <= k - 1) <= alpha / 2, the rank of the lower limit among the differences."""
    if min(n_a, n_b) > _EXACT_UP_TO:
        spread = np.sqrt(n_a * n_b * (n_a + n_b + 1) / 12)
        return max(0, int(np.floor(n_a * n_b / 2 - normal_quantile(1 - alpha) * spread)))
    tail = np.cumsum(_u_distribution(n_a, n_b))
    return int(np.searchsorted(tail, alpha / 2, side="right"))


def _u_distribution(n_a: int, n_b: int) -> FloatArray:
    """Return P(U = 0), P(U = 1), ... under the null; U's generating function is a Gaussian binomial coefficient."""
    counts = np.zeros(n_a * n_b + 1)
    counts[0] = 1.0
    for i in range(1, min(n_a, n_b) + 1):
        # Times (1 - q^(m+i)) over (1 - q^i), with m the larger group.
        step = max(n_a, n_b) + i
        if step < len(counts):
            counts[step:] -= counts[:-step].copy()
        for k in range(i, len(counts)):
            counts[k] += counts[k - i]
    probabilities: FloatArray = counts / special.binom(n_a + n_b, n_a)
    return probabilities


def cliffs_delta(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Return P(a > b) - P(a < b) over all pairs [1]_: 1 where every reading of a exceeds every one of b.

    References
    ----------
    .. [1] Cliff (1993) Psychol Bull 114:494-509.
    """
    x, y = numbers(a, "a"), numbers(b, "b")
    return float(cliffs_deltas(x[None, :], y[None, :])[0])


def cliffs_deltas(xs: Float[Array, "row a"], ys: Float[Array, "row b"]) -> Float[Array, "row"]:
    """Return Cliff's delta of each row of readings against the same row of others; ties count one half."""
    ranks = stats.rankdata(np.concatenate([xs, ys], axis=1), axis=1)
    n, m = xs.shape[1], ys.shape[1]
    u = ranks[:, :n].sum(axis=1) - n * (n + 1) / 2
    return np.asarray(2 * u / (n * m) - 1, dtype=np.float64)


def median_with_interval(
    a: npt.ArrayLike, rng: np.random.Generator, *, confidence: float = 0.95, resamples: int = RESAMPLES
) -> Estimate:
    """Return the median of a group with its bootstrap interval.

    Raises
    ------
    InvalidValueError
        If there are fewer than two readings, or missing ones.
    """
    x = numbers(a, "a", minimum=2)
    return _percentile_interval(float(np.median(x)), _median(_resampled(x, resamples, rng)), confidence)


def paired_effect(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    effect: Literal[
        "ratio of medians", "ratio of means", "difference of medians", "difference of means", "median ratio"
    ],
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Estimate an effect when the same subjects went through both arms, by bootstrap over subjects.

    The same virtual subject can live twice. A subject is drawn with both of its readings, so what the subjects have in
    common cancels, and the interval is much narrower than that of independent arms of the same size.

    Parameters
    ----------
    a, b
        Readings of subject 0, 1, ... in arm a and in arm b.
    rng
        Source of the bootstrap.
    effect
        What is estimated; ``median ratio`` is the median over subjects of a / b.

    Raises
    ------
    InvalidValueError
        If the arms differ in length, or a ratio is asked for and a reading is not positive.
    """
    x, y = numbers(a, "a", minimum=2), numbers(b, "b", minimum=2)
    same_length(a=x, b=y)
    functions = {
        "ratio of medians": lambda p, q: _median(p) / _median(q),
        "ratio of means": lambda p, q: _mean(p) / _mean(q),
        "difference of medians": lambda p, q: _median(p) - _median(q),
        "difference of means": lambda p, q: _mean(p) - _mean(q),
        "median ratio": lambda p, q: _median(p / q),
    }
    if effect not in functions:
        raise UnknownNameError("paired effect", effect, functions)
    if "ratio" in effect and min(x.min(), y.min()) <= 0:
        raise InvalidValueError(
            f"A {effect} needs positive readings, and the smallest is {min(x.min(), y.min()):g}. Ask for a difference."
        )
    rows = rng.integers(0, len(x), size=(resamples, len(x)))
    draws = functions[effect](x[rows], y[rows])
    return _percentile_interval(float(functions[effect](x[None, :], y[None, :])[0]), draws, confidence)


def holm(p_values: npt.ArrayLike) -> Float[Array, "test"]:
    """Adjust p-values for their number so that the chance of any false claim is bounded (Holm's step-down [1]_).

    References
    ----------
    .. [1] Holm (1979) Scand J Stat 6:65-70.
    """
    p = numbers(p_values, "p_values")
    if p.min() < 0 or p.max() > 1:
        raise InvalidValueError(f"A p-value lies between 0 and 1; these reach from {p.min():g} to {p.max():g}.")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


@dataclass(frozen=True)
class ManyGroups:
    """Several groups at once.

    Attributes
    ----------
    overall
        Kruskal-Wallis over all groups.
    table
        One row a pair: ``a, b, n_a, n_b, shift, p_value, p_holm, cliffs_delta``; `p_holm` is adjusted for all rows.
    """

    overall: HypothesisTest
    table: pd.DataFrame


def compare_many(groups: Mapping[str, npt.ArrayLike], *, versus: str | None = None) -> ManyGroups:
    """Compare several groups, each pair by Mann-Whitney with Holm's correction.

    Parameters
    ----------
    groups
        Readings of each group.
    versus
        Compare each group with this one only; None compares all pairs. Fewer comparisons cost less power.

    Raises
    ------
    InvalidValueError
        If there are fewer than two groups, or one has fewer than two readings.
    UnknownNameError
        If `versus` is not among the groups.
    """
    if len(groups) < 2:
        raise InvalidValueError(f"There is {len(groups)} group; a comparison needs two or more.")
    readings = {name: numbers(values, name, minimum=2) for name, values in groups.items()}
    if versus is not None and versus not in readings:
        raise UnknownNameError("group", versus, readings)
    names = list(readings)
    if versus is None:
        pairs = [(a, b) for i, b in enumerate(names) for a in names[i + 1 :]]
    else:
        pairs = [(a, versus) for a in names if a != versus]
    rows = []
    for a, b in pairs:
        x, y = readings[a], readings[b]
        test = mann_whitney(x, y)
        rows.append((a, b, len(x), len(y), hodges_lehmann(x, y).value, test.p_value, cliffs_delta(x, y)))
    table = pd.DataFrame(rows, columns=["a", "b", "n_a", "n_b", "shift", "p_value", "cliffs_delta"])
    table.insert(6, "p_holm", holm(table["p_value"].to_numpy()))
    return ManyGroups(_kruskal(list(readings.values())), table)


def _kruskal(readings: list[FloatArray]) -> HypothesisTest:
    degrees = len(readings) - 1
    if np.ptp(np.concatenate(readings)) == 0:
        return HypothesisTest("Kruskal-Wallis", 0.0, 1.0, degrees)
    outcome = stats.kruskal(*readings)
    return HypothesisTest("Kruskal-Wallis", float(outcome.statistic), float(outcome.pvalue), degrees)
