"""Tests that hold their level in small groups: by permutation of group labels, and by the hypergeometric distribution.

The asymptotic log-rank test rejects a true null hypothesis in 7 to 10 % of experiments with three to ten subjects a
group, in 6.1 % at 20 and in 5.5 % at 40, where everybody has the event. Under the null hypothesis every way of dealing
the labels was equally likely, whatever the times are, so the share of ways that differ at least as much is a p-value
for any number of subjects. With few subjects there are few ways: of three against three there are twenty, the smallest
two-sided p-value is 0.1, and no exact test rejects anything at 0.05. It is said, and not mended by halving p.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, Literal

import numpy as np

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.errors import InvalidValueError
from gvlab.lazy import LazyModule

special: Any = LazyModule("scipy.special")
stats: Any = LazyModule("scipy.stats")

Alternative = Literal["two-sided", "higher", "lower"]
"""What group a is expected to be; "higher" is a longer life, a larger share, a higher reading."""

FEW_EVENTS = 10
"""Fewer events in both groups together are too few for the normal approximation."""

SMALL_GROUP = 40
"""Up to so many subjects in the smaller group the normal approximation rejects too often."""

DRAWS = 999
"""Random permutations, where all of them are too many to count: with the one observed, a thousand."""

_ALL_UP_TO = 3432
"""So many ways to deal the labels are all counted: seven against seven."""

_CELLS_AT_ONCE = 1_000_000
_EXACT_UP_TO = 50
_SCIPY = {"two-sided": "two-sided", "higher": "greater", "lower": "less"}
_SAME = 1e-5
_TIED = 1e-7


def logrank_scores(
    times: Float[Array, "replicate subject"], events: Bool[Array, "replicate subject"]
) -> Float[Array, "replicate subject"]:
    """Return the log-rank score of each subject: whether it had the event, minus its cumulative hazard until then [1]_.

    The sum over a group is its observed minus its expected events. Scores do not depend on who is in which group.

    Parameters
    ----------
    times, events
        Of every subject of both groups; False is censored.

    References
    ----------
    .. [1] Peto, Peto (1972) J R Stat Soc A 135:185-207.
    """
    replicates, n = times.shape
    order = np.argsort(times, axis=1, kind="stable")
    t = np.take_along_axis(times, order, axis=1)
    event = np.take_along_axis(events, order, axis=1)
    # Subjects with the same time share a risk set: `first` and `last` are the borders of their run.
    column = np.broadcast_to(np.arange(n), (replicates, n))
    starts = np.ones((replicates, n), dtype=bool)
    starts[:, 1:] = t[:, 1:] != t[:, :-1]
    first = np.maximum.accumulate(np.where(starts, column, 0), axis=1)
    ends = np.ones((replicates, n), dtype=bool)
    ends[:, :-1] = starts[:, 1:]
    last = np.minimum.accumulate(np.where(ends, column, n)[:, ::-1], axis=1)[:, ::-1]
    # Each event adds one over its risk set, so a run of d events adds d over it, all at once at its end.
    hazard = np.cumsum(event / (n - first), axis=1)
    scores: Float[Array, "replicate subject"] = event - np.take_along_axis(hazard, last, axis=1)
    back = np.empty(scores.shape)
    np.put_along_axis(back, order, scores, axis=1)
    return back


def permutation_p_values(
    scores: Float[Array, "replicate subject"],
    n_a: int,
    rng: np.random.Generator,
    draws: int = DRAWS,
    *,
    alternative: Alternative = "two-sided",
    strata: Int[Array, "subject"] | None = None,
) -> Float[Array, "replicate"]:
    """Return p-values of a sum of scores over the first `n_a` subjects of each replicate.

    Parameters
    ----------
    scores
        Of every subject, those of group a first.
    n_a
        Subjects of group a.
    rng
        Source of permutations, where there are too many to count all.
    draws
        How many are drawn then.
    alternative
        Whether large and small sums count (by their distance from the mean), or only those "higher", or "lower".
    strata
        Labels are dealt within a stratum only, such as a cage, and scores are taken from the mean of their stratum.

    Returns
    -------
    Share of permutations whose sum is as far out as the one observed; never 0.
    """
    replicates, n = scores.shape
    if not 0 < n_a < n:
        raise InvalidValueError(f"{n_a} of {n} subjects are in group a; both groups need one or more.")
    # Centered, so that a sum's distance from its mean is its size; single precision is enough to count.
    centered = (scores - _means(scores, strata)).astype(np.float32)
    if alternative == "lower":
        centered = -centered
    observed = centered[:, :n_a].sum(axis=1, keepdims=True)
    if alternative == "two-sided":
        observed = np.abs(observed)
    every = strata is None and math.comb(n, n_a) <= _ALL_UP_TO
    if every:
        chosen = np.array(list(itertools.combinations(range(n), n_a)))
        labels = np.zeros((n, len(chosen)), dtype=np.float32)
        labels[chosen.T, np.arange(len(chosen))] = 1.0
    else:
        labels = _dealt(n, n_a, strata, draws, rng)
    found = np.empty(replicates)
    step = max(1, _CELLS_AT_ONCE // labels.shape[1])
    for start in range(0, replicates, step):
        rows = slice(start, start + step)
        sums = centered[rows] @ labels
        if alternative == "two-sided":
            np.abs(sums, out=sums)
        found[rows] = np.count_nonzero(sums >= observed[rows] - np.abs(observed[rows]) * _SAME - _SAME, axis=1)
    # What was observed is one of the ways; among random ones it is counted once more.
    return found / labels.shape[1] if every else (found + 1) / (draws + 1)


def _means(
    scores: Float[Array, "replicate subject"], strata: Int[Array, "subject"] | None
) -> Float[Array, "replicate part"]:
    """Return what each score is taken from: the mean of all, or of its stratum."""
    if strata is None:
        return np.asarray(scores.mean(axis=1, keepdims=True))
    _, place, counts = np.unique(strata, return_inverse=True, return_counts=True)
    member = np.zeros((len(counts), len(strata)))
    member[place, np.arange(len(strata))] = 1 / counts[place]
    return np.asarray((scores @ member.T)[:, place])


def _dealt(
    n: int, n_a: int, strata: Int[Array, "subject"] | None, draws: int, rng: np.random.Generator
) -> Float[np.ndarray, "subject draw"]:
    """Return random labels: 1 for group a, dealt among all, or within each stratum."""
    group = np.zeros(n, dtype=np.float32)
    group[:n_a] = 1.0
    labels = np.empty((n, draws), dtype=np.float32)
    for members in [np.arange(n)] if strata is None else [np.flatnonzero(strata == one) for one in np.unique(strata)]:
        labels[members] = rng.permuted(np.tile(group[members], (draws, 1)), axis=1).T
    return labels


def logrank_p_values(
    times: Float[Array, "replicate subject"],
    events: Bool[Array, "replicate subject"],
    n_a: int,
    rng: np.random.Generator,
    *,
    alternative: Alternative = "two-sided",
    strata: Int[Array, "subject"] | None = None,
    draws: int = DRAWS,
) -> Float[Array, "replicate"]:
    """Return log-rank p-values of many experiments, by permutation.

    Parameters
    ----------
    times, events
        Of every subject; those of group a first.
    n_a
        Subjects of group a.
    rng
        Source of permutations.
    alternative
        "higher" asks whether group a lives longer, "lower" whether it lives shorter.
    strata, draws
        As in `permutation_p_values`.
    """
    # A score is positive for more events than expected, so it is turned round: higher is longer.
    scores = -logrank_scores(times, events)
    return permutation_p_values(scores, n_a, rng, draws, alternative=alternative, strata=strata)


def mannwhitney_p_values(
    a: Float[Array, "replicate reading_a"],
    b: Float[Array, "replicate reading_b"],
    rng: np.random.Generator,
    *,
    alternative: Alternative = "two-sided",
) -> Float[Array, "replicate"]:
    """Return Mann-Whitney p-values of many experiments: exact without ties, by permutation with them.

    Parameters
    ----------
    a, b
        Readings.
    rng
        Source of permutations.
    alternative
        "higher" asks whether group a reads higher.
    """
    both = np.concatenate([a, b], axis=1)
    pooled = np.sort(both, axis=1)
    tied = (pooled[:, 1:] == pooled[:, :-1]).any(axis=1)
    exact = ~tied & (min(a.shape[1], b.shape[1]) <= _EXACT_UP_TO)
    found = np.ones(len(both))
    if exact.any():
        found[exact] = stats.mannwhitneyu(
            a[exact], b[exact], alternative=_SCIPY[alternative], method="exact", axis=1
        ).pvalue
    if not exact.all():
        ranks = stats.rankdata(both[~exact], axis=1)
        found[~exact] = permutation_p_values(ranks, a.shape[1], rng, alternative=alternative)
    return found


def fisher_p_values(
    a: Int[Array, "replicate"],
    n_a: Int[Array, "replicate"],
    b: Int[Array, "replicate"],
    n_b: Int[Array, "replicate"],
    *,
    alternative: Alternative = "two-sided",
) -> Float[Array, "replicate"]:
    """Return p-values of Fisher's exact test: `a` of `n_a` against `b` of `n_b`.

    Parameters
    ----------
    a, n_a, b, n_b
        How many of how many, in each group.
    alternative
        "higher" asks whether the share of group a is larger.

    Returns
    -------
    1 where a group is empty.
    """
    tables, which = np.unique(np.stack([a, n_a, b, n_b], axis=1), axis=0, return_inverse=True)
    x, n, y, m = (column[:, None] for column in tables.T)
    total = x + y
    # Every table with the same margins, by how many of group a are counted.
    other = np.arange(int(tables[:, 1].max(initial=0)) + 1)[None, :]
    possible = (other <= np.minimum(n, total)) & (other >= total - m)
    counted = np.where(possible, other, x)
    chance = np.exp(_log_choose(n, counted) + _log_choose(m, total - counted) - _log_choose(n + m, total))
    chance[~possible] = 0.0
    seen = np.take_along_axis(chance, x, axis=1)
    as_far = {"two-sided": chance <= seen * (1 + _TIED), "higher": other >= x, "lower": other <= x}[alternative]
    found = np.minimum(np.sum(chance, axis=1, where=as_far), 1.0)
    return np.where((tables[:, 1] > 0) & (tables[:, 3] > 0), found, 1.0)[which.reshape(-1)]


def _log_choose(n: Int[Array, "..."], k: Int[Array, "..."]) -> Float[Array, "..."]:
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1), dtype=np.float64)
