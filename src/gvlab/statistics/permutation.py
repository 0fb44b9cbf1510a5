"""Tests that hold their level in small groups: by permutation of group labels, and by the hypergeometric distribution.

The asymptotic log-rank test rejects a true null hypothesis in 7 to 10 % of experiments with three to ten subjects a
group. Under the null hypothesis every way of dealing the labels was equally likely, whatever the times are, so the
share of ways that differ at least as much is a p-value for any number of subjects.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.errors import InvalidValueError
from gvlab.lazy import LazyModule

special: Any = LazyModule("scipy.special")
stats: Any = LazyModule("scipy.stats")

FEW_EVENTS = 10
"""Fewer events in both groups together are too few for the normal approximation."""

SMALL_GROUP = 40
"""Up to so many subjects in the smaller group the log-rank test is by permutation: where everybody has the event, the
asymptotic one rejects 6.1 % of true null hypotheses at 20, and 5.5 % at 40."""

DRAWS = 999
"""Random permutations, where all of them are too many to count: with the one observed, a thousand."""

_ALL_UP_TO = 3432
"""So many ways to deal the labels are all counted: seven against seven."""

_CELLS_AT_ONCE = 1_000_000
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
    scores: Float[Array, "replicate subject"], n_a: int, rng: np.random.Generator, draws: int = DRAWS
) -> Float[Array, "replicate"]:
    """Return two-sided p-values of a sum of scores over the first `n_a` subjects of each replicate.

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

    Returns
    -------
    Share of permutations whose sum is as far from its mean as the one observed; never 0.
    """
    replicates, n = scores.shape
    if not 0 < n_a < n:
        raise InvalidValueError(f"{n_a} of {n} subjects are in group a; both groups need one or more.")
    # Centered, so that a sum's distance from its mean is its size; single precision is enough to count.
    centered = (scores - scores.mean(axis=1, keepdims=True)).astype(np.float32)
    distance = np.abs(centered[:, :n_a].sum(axis=1, keepdims=True))
    ways = math.comb(n, n_a)
    if ways <= _ALL_UP_TO:
        chosen = np.array(list(itertools.combinations(range(n), n_a)))
    else:
        chosen = rng.permuted(np.tile(np.arange(n), (draws, 1)), axis=1)[:, :n_a]
    labels = np.zeros((n, len(chosen)), dtype=np.float32)
    labels[chosen.T, np.arange(len(chosen))] = 1.0
    found = np.empty(replicates)
    step = max(1, _CELLS_AT_ONCE // len(chosen))
    for start in range(0, replicates, step):
        rows = slice(start, start + step)
        sums = centered[rows] @ labels
        np.abs(sums, out=sums)
        found[rows] = np.count_nonzero(sums >= distance[rows] * (1 - _SAME) - _SAME, axis=1)
    # What was observed is one of the ways; among random ones it is counted once more.
    return found / ways if ways <= _ALL_UP_TO else (found + 1) / (draws + 1)


def logrank_p_values(
    times: Float[Array, "replicate subject"],
    events: Bool[Array, "replicate subject"],
    n_a: int,
    rng: np.random.Generator,
) -> Float[Array, "replicate"]:
    """Return two-sided log-rank p-values of many experiments, by permutation where they are small.

    Parameters
    ----------
    times, events
        Of every subject; those of group a first.
    n_a
        Subjects of group a.
    rng
        Source of permutations.

    Returns
    -------
    Asymptotic where both groups have more than `SMALL_GROUP` subjects and there are `FEW_EVENTS` events or more.
    """
    from gvlab.statistics.power import logrank_statistics

    small = min(n_a, times.shape[1] - n_a) <= SMALL_GROUP
    few = small | (events.sum(axis=1) < FEW_EVENTS)
    found = np.ones(len(times))
    if few.any():
        found[few] = permutation_p_values(logrank_scores(times[few], events[few]), n_a, rng)
    if not few.all():
        found[~few] = stats.chi2.sf(logrank_statistics(times[~few], events[~few], n_a), 1)
    return found


def mannwhitney_p_values(
    a: Float[Array, "replicate reading_a"], b: Float[Array, "replicate reading_b"], rng: np.random.Generator
) -> Float[Array, "replicate"]:
    """Return two-sided Mann-Whitney p-values of many experiments: exact without ties, by permutation with them."""
    from gvlab.statistics.power import mannwhitney_p_values as approximate

    found = np.asarray(approximate(a, b), dtype=np.float64)
    both = np.concatenate([a, b], axis=1)
    if min(a.shape[1], b.shape[1]) <= SMALL_GROUP:
        pooled = np.sort(both, axis=1)
        tied = (pooled[:, 1:] == pooled[:, :-1]).any(axis=1)
        if tied.any():
            ranks = stats.rankdata(both[tied], axis=1)
            found[tied] = permutation_p_values(ranks, a.shape[1], rng)
    return found


def fisher_p_values(
    a: Int[Array, "replicate"], n_a: Int[Array, "replicate"], b: Int[Array, "replicate"], n_b: Int[Array, "replicate"]
) -> Float[Array, "replicate"]:
    """Return two-sided p-values of Fisher's exact test: `a` of `n_a` against `b` of `n_b`.

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
    found = np.minimum(np.sum(chance, axis=1, where=chance <= seen * (1 + _TIED)), 1.0)
    return np.where((tables[:, 1] > 0) & (tables[:, 3] > 0), found, 1.0)[which.reshape(-1)]


def _log_choose(n: Int[Array, "..."], k: Int[Array, "..."]) -> Float[Array, "..."]:
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1), dtype=np.float64)
