"""Probability that an experiment of a given size ends significant, by resampling large simulated arms.

With simulated subjects any p-value can be had by simulating more of them. What means something is how often an
experiment with the number of subjects that a laboratory can afford would come out significant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gvlab.arrays import Array, Bool, Float, FloatArray
from gvlab.errors import InvalidValueError
from gvlab.lazy import LazyModule
from gvlab.statistics.estimate import Power, power_of
from gvlab.statistics.inputs import event_times, numbers

stats: Any = LazyModule("scipy.stats")

REPLICATES = 2000
"""Monte-Carlo error of a power of one half: 1.1 percentage points."""

_CELLS_AT_ONCE = 2_000_000
_EXACT_UP_TO = 50


def logrank_power(
    duration_a: npt.ArrayLike,
    event_a: npt.ArrayLike,
    duration_b: npt.ArrayLike,
    event_b: npt.ArrayLike,
    n_a: int,
    n_b: int,
    rng: np.random.Generator,
    *,
    replicates: int = REPLICATES,
    alpha: float = 0.05,
) -> Power:
    """Return the probability that a two-sided log-rank test of `n_a` against `n_b` subjects is significant.

    Each replicate draws its subjects with replacement from the two large arms and is tested as `logrank` would; all
    replicates are computed at once. Real experiments put different animals in the arms, so the draws are independent
    even where the same virtual subjects lived in both.

    Parameters
    ----------
    duration_a, event_a, duration_b, event_b
        Event times of two large simulated arms, shape (subject,); 0 in `event` means censored.
    n_a, n_b
        Subjects per arm of one experiment.
    rng
        Source of the resampling.
    replicates, alpha
        Experiments to repeat; level of the test.
    """
    times_a, causes_a, _ = event_times(duration_a, event_a, name="duration_a")
    times_b, causes_b, _ = event_times(duration_b, event_b, name="duration_b")
    _check(n_a, n_b, replicates, alpha)
    significant = 0
    for size in batches(replicates, n_a + n_b):
        rows_a = rng.integers(0, len(times_a), size=(size, n_a))
        rows_b = rng.integers(0, len(times_b), size=(size, n_b))
        times = np.concatenate([times_a[rows_a], times_b[rows_b]], axis=1)
        events = np.concatenate([causes_a[rows_a], causes_b[rows_b]], axis=1) > 0
        statistic = logrank_statistics(times, events, n_a)
        significant += int(np.count_nonzero(stats.chi2.sf(statistic, 1) < alpha))
    return power_of(significant, replicates, n_a, n_b, alpha, "log-rank")


def logrank_statistics(
    times: Float[Array, "replicate subject"], events: Bool[Array, "replicate subject"], n_a: int
) -> Float[Array, "replicate"]:
    """Return the log-rank chi-square of many two-arm experiments at once; arguments as `logrank_z`."""
    return np.asarray(logrank_z(times, events, n_a) ** 2)


def logrank_z(
    times: Float[Array, "replicate subject"], events: Bool[Array, "replicate subject"], n_a: int
) -> Float[Array, "replicate"]:
    """Return the standardized log-rank statistic of many two-arm experiments at once.

    Parameters
    ----------
    times, events
        The first `n_a` columns are arm a.
    n_a
        Subjects of arm a.

    Returns
    -------
    Above 0 where arm a has more events than expected; 0 where none happened while both arms were at risk.
    """
    replicates, n = times.shape
    order = np.argsort(times, axis=1, kind="stable")
    t = np.take_along_axis(times, order, axis=1)
    event = np.take_along_axis(events, order, axis=1)
    in_a = order < n_a
    # Subjects with the same time share a risk set: `first` and `last` are the borders of their run.
    column = np.broadcast_to(np.arange(n), (replicates, n))
    starts = np.ones((replicates, n), dtype=bool)
    starts[:, 1:] = t[:, 1:] != t[:, :-1]
    first = np.maximum.accumulate(np.where(starts, column, 0), axis=1)
    ends = np.ones((replicates, n), dtype=bool)
    ends[:, :-1] = starts[:, 1:]
    last = np.minimum.accumulate(np.where(ends, column, n)[:, ::-1], axis=1)[:, ::-1]
    a_before = np.concatenate([np.zeros((replicates, 1), np.int64), np.cumsum(in_a, axis=1)], axis=1)
    events_before = np.concatenate([np.zeros((replicates, 1), np.int64), np.cumsum(event, axis=1)], axis=1)
    at_risk = n - first
    share = (n_a - np.take_along_axis(a_before, first, axis=1)) / at_risk
    deaths = np.take_along_axis(events_before, last + 1, axis=1) - np.take_along_axis(events_before, first, axis=1)
    tie = np.divide(at_risk - deaths, at_risk - 1, out=np.zeros((replicates, n)), where=at_risk > 1)
    excess = np.where(event, in_a - share, 0.0).sum(axis=1)
    variance = np.where(event, share * (1 - share) * tie, 0.0).sum(axis=1)
    standardized: FloatArray = np.divide(excess, np.sqrt(variance), out=np.zeros(replicates), where=variance > 0)
    return standardized


def mannwhitney_power(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    n_a: int,
    n_b: int,
    rng: np.random.Generator,
    *,
    replicates: int = REPLICATES,
    alpha: float = 0.05,
) -> Power:
    """Return the probability that a two-sided Mann-Whitney test of `n_a` against `n_b` readings is significant.

    Replicates without ties are tested exactly, the others (a subject drawn twice) with the tie-corrected normal
    approximation. Three against three can never reach 0.05, and the answer is then 0.

    Parameters
    ----------
    a, b
        Readings of two large simulated arms.
    n_a, n_b, rng, replicates, alpha
        As in `logrank_power`.
    """
    x, y = numbers(a, "a"), numbers(b, "b")
    _check(n_a, n_b, replicates, alpha)
    significant = 0
    for size in batches(replicates, n_a + n_b):
        draws_a = x[rng.integers(0, len(x), size=(size, n_a))]
        draws_b = y[rng.integers(0, len(y), size=(size, n_b))]
        significant += int(np.count_nonzero(mannwhitney_p_values(draws_a, draws_b) < alpha))
    return power_of(significant, replicates, n_a, n_b, alpha, "Mann-Whitney")


def welch_power(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    n_a: int,
    n_b: int,
    rng: np.random.Generator,
    *,
    replicates: int = REPLICATES,
    alpha: float = 0.05,
) -> Power:
    """Return the probability that Welch's test on the logarithms of `n_a` against `n_b` readings is significant.

    Folds are what blots and qPCR measure, so the logarithm is tested; unlike ranks, it can decide three against three.

    Parameters
    ----------
    a, b
        Positive readings of two large simulated arms.
    n_a, n_b, rng, replicates, alpha
        As in `logrank_power`.

    Raises
    ------
    InvalidValueError
        If a reading is not positive.
    """
    x, y = numbers(a, "a"), numbers(b, "b")
    _check(n_a, n_b, replicates, alpha)
    if min(n_a, n_b) < 2:
        raise InvalidValueError(f"Welch's test needs two readings a group to see their spread, not {min(n_a, n_b)}.")
    lowest = min(x.min(), y.min())
    if lowest <= 0:
        raise InvalidValueError(f"Welch on logarithms needs positive readings; the smallest is {lowest:g}.")
    x, y = np.log(x), np.log(y)
    significant = 0
    for size in batches(replicates, n_a + n_b):
        draws_a = x[rng.integers(0, len(x), size=(size, n_a))]
        draws_b = y[rng.integers(0, len(y), size=(size, n_b))]
        significant += int(np.count_nonzero(_welch_p_values(draws_a, draws_b) < alpha))
    return power_of(significant, replicates, n_a, n_b, alpha, "Welch")


def _welch_p_values(a: Float[Array, "replicate a"], b: Float[Array, "replicate b"]) -> Float[Array, "replicate"]:
    """Return the two-sided p-values of Welch's test, 1 or 0 where neither group has any spread."""
    difference = a.mean(axis=1) - b.mean(axis=1)
    parts = a.var(axis=1, ddof=1) / a.shape[1], b.var(axis=1, ddof=1) / b.shape[1]
    variance = parts[0] + parts[1]
    spread = variance > 0
    safe = np.where(spread, variance, 1.0)
    freedom = safe**2 / np.where(spread, parts[0] ** 2 / (a.shape[1] - 1) + parts[1] ** 2 / (b.shape[1] - 1), 1.0)
    p_values: FloatArray = 2 * stats.t.sf(np.abs(difference) / np.sqrt(safe), np.where(spread, freedom, 1.0))
    return np.where(spread, p_values, np.where(difference == 0, 1.0, 0.0))


def mannwhitney_p_values(a: Float[Array, "replicate a"], b: Float[Array, "replicate b"]) -> Float[Array, "replicate"]:
    """Return the two-sided Mann-Whitney p-value of many experiments."""
    pooled = np.sort(np.concatenate([a, b], axis=1), axis=1)
    tied = (pooled[:, 1:] == pooled[:, :-1]).any(axis=1)
    constant = pooled[:, 0] == pooled[:, -1]
    p_values = np.ones(len(a))
    exact = ~tied & (min(a.shape[1], b.shape[1]) <= _EXACT_UP_TO)
    for rows, method in ((exact, "exact"), (~exact & ~constant, "asymptotic")):
        if rows.any():
            outcome = stats.mannwhitneyu(a[rows], b[rows], alternative="two-sided", method=method, axis=1)
            p_values[rows] = outcome.pvalue
    return p_values


def batches(replicates: int, subjects: int) -> list[int]:
    """Return into what portions many replicates are cut, so that arrays of all their subjects stay small."""
    # A few arrays of this size at a time keep memory near 100 MB.
    size = max(1, min(replicates, _CELLS_AT_ONCE // subjects))
    whole, rest = divmod(replicates, size)
    return [size] * whole + ([rest] if rest else [])


def _check(n_a: int, n_b: int, replicates: int, alpha: float) -> None:
    for name, number in (("n_a", n_a), ("n_b", n_b), ("replicates", replicates)):
        if number < 1:
            raise InvalidValueError(f"{name} is {number}; at least 1 is needed.")
    check_level(alpha)


def check_level(alpha: float) -> None:
    """Raise if alpha is no level of a test."""
    if not 0 < alpha < 1:
        raise InvalidValueError(f"alpha is {alpha:g}; a level lies between 0 and 1. Did you mean 0.05?")
