"""The tests of a plan, on many drawn experiments at once: exact or by permutation, by animal, within cages, by cage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gvlab.arrays import Array, Float, Int
from gvlab.planning.draws import Draw
from gvlab.planning.layout import CageRole
from gvlab.planning.planned_comparison import PlannedComparison
from gvlab.statistics.permutation import (
    DRAWS,
    fisher_p_values,
    logrank_p_values,
    logrank_scores,
    mannwhitney_p_values,
    permutation_p_values,
)


def contrast_p_values(
    a: Draw,
    b: Draw,
    comparison: PlannedComparison,
    rng: np.random.Generator,
    *,
    cages: CageRole = "ignored",
    draws: int = DRAWS,
) -> Float[Array, " replicate"]:
    """Return the p-value of one comparison in each experiment.

    Parameters
    ----------
    a, b
        The arm and what it is compared with.
    comparison
        What is tested, and on which side.
    rng
        Source of permutations.
    cages
        Whether labels are dealt within cages, or cages are compared.
    draws
        Permutations, where not all are counted.
    """
    if cages != "ignored":
        return _by_cage(a, b, comparison, rng, cages, draws)
    side = comparison.alternative
    if comparison.day is None:
        times = np.concatenate([a.duration, b.duration], axis=1)
        events = np.concatenate([a.event, b.event], axis=1)
        return logrank_p_values(times, events, a.duration.shape[1], rng, alternative=side, draws=draws)
    # The dead and the lost are not read, so replicates differ in size.
    sizes = np.isfinite(a.value).sum(axis=1), np.isfinite(b.value).sum(axis=1)
    if comparison.share:
        counts = [np.nansum(each.value, axis=1).astype(np.int64) for each in (a, b)]
        return fisher_p_values(counts[0], sizes[0], counts[1], sizes[1], alternative=side)
    # Those of one size are tested together.
    p_values = np.ones(len(a.value))
    for n_a, n_b in {*zip(*sizes, strict=True)}:
        if min(n_a, n_b) < 1:
            continue
        rows = np.flatnonzero((sizes[0] == n_a) & (sizes[1] == n_b))
        read_a = np.sort(a.value[rows], axis=1)[:, :n_a]  # NaN sorts last
        read_b = np.sort(b.value[rows], axis=1)[:, :n_b]
        p_values[rows] = mannwhitney_p_values(read_a, read_b, rng, alternative=side)
    return p_values


def p_values(
    drawn: Mapping[str, Draw],
    comparisons: Sequence[PlannedComparison],
    rng: np.random.Generator,
    *,
    cages: CageRole = "ignored",
    draws: int = DRAWS,
) -> Float[Array, "replicate comparison"]:
    """Return the p-value of every comparison in each experiment, not adjusted; arguments as `contrast_p_values`."""
    each_of = [
        contrast_p_values(drawn[each.arm], drawn[each.versus], each, rng, cages=cages, draws=draws)
        for each in comparisons
    ]
    return np.stack(each_of, axis=1)


def _by_cage(
    a: Draw, b: Draw, comparison: PlannedComparison, rng: np.random.Generator, cages: CageRole, draws: int
) -> Float[Array, " replicate"]:
    """Return p-values by permutation of scores within cages, or of the mean scores of cages."""
    assert a.cage is not None
    assert b.cage is not None
    scores, place = _scores(a, b, comparison), np.concatenate([a.cage, b.cage])
    n_a, side = a.value.shape[1], comparison.alternative
    if cages == "stratum":
        # A cage that holds one of the two arms only tells nothing about their difference.
        kept = np.isin(place, np.intersect1d(a.cage, b.cage))
        if not kept.any():
            return np.ones(len(scores))
        return permutation_p_values(
            scores[:, kept],
            int(kept[:n_a].sum()),
            rng,
            draws,
            alternative=side,
            strata=place[kept],
        )
    of_cage = _cage_means(scores, place)
    return permutation_p_values(of_cage, len(np.unique(a.cage)), rng, draws, alternative=side)


def _scores(a: Draw, b: Draw, comparison: PlannedComparison) -> Float[Array, "replicate subject"]:
    """Return a score of each animal, higher is better: log-rank, 0 or 1, or the rank; the mean for those not read."""
    if comparison.day is None:
        times = np.concatenate([a.duration, b.duration], axis=1)
        events = np.concatenate([a.event, b.event], axis=1)
        return -logrank_scores(times, events)
    values = np.concatenate([a.value, b.value], axis=1)
    read = np.isfinite(values)
    if comparison.share:
        scores = np.where(read, values, 0.0)
    else:
        # The mean of the ranks from below and from above is the rank of ties.
        filled = np.where(read, values, np.inf)
        ascending = np.argsort(np.argsort(filled, axis=1, kind="stable"), axis=1)
        backwards = np.argsort(np.argsort(filled[:, ::-1], axis=1, kind="stable"), axis=1)[:, ::-1]
        scores = np.where(read, 0.5 * (ascending + backwards), 0.0)
    counted = np.maximum(read.sum(axis=1, keepdims=True), 1)
    return np.where(read, scores, scores.sum(axis=1, keepdims=True) / counted)


def _cage_means(
    scores: Float[Array, "replicate subject"], place: Int[Array, " subject"]
) -> Float[Array, "replicate cage"]:
    _, number, counts = np.unique(place, return_inverse=True, return_counts=True)
    member = np.zeros((len(place), len(counts)))
    member[np.arange(len(place)), number] = 1 / counts[number]
    return np.asarray(scores @ member)


def holm_adjusted(p_values: Float[Array, "replicate comparison"]) -> Float[Array, "replicate comparison"]:
    """Return p-values adjusted by Holm's step-down procedure [1]_, which keeps the level of the family.

    References
    ----------
    .. [1] Holm (1979) Scand J Stat 6:65-70.
    """
    m = p_values.shape[1]
    order = np.argsort(p_values, axis=1, kind="stable")
    ordered = np.take_along_axis(p_values, order, axis=1) * np.arange(m, 0, -1)
    stepped = np.minimum(np.maximum.accumulate(ordered, axis=1), 1.0)
    found = np.empty_like(stepped)
    np.put_along_axis(found, order, stepped, axis=1)
    return found
