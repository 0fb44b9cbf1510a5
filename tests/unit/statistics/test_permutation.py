"""Small experiments: p-values by permutation are those of counting, and hold their level."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from gvlab.errors import InvalidValueError
from gvlab.statistics.permutation import (
    fisher_p_values,
    logrank_p_values,
    logrank_scores,
    mannwhitney_p_values,
    permutation_p_values,
)
from gvlab.statistics.power import logrank_statistics


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def experiments(rng, replicates, n, censored=0.3, ties=True):
    times = rng.integers(1, 12, (replicates, n)).astype(float) if ties else rng.random((replicates, n))
    return times, rng.random((replicates, n)) >= censored


def test_scores_of_a_group_sum_to_its_observed_minus_expected_events(rng):
    times, events = experiments(rng, 40, 14)
    scores = logrank_scores(times, events)
    np.testing.assert_allclose(scores.sum(axis=1), 0, atol=1e-12)
    for row in range(40):
        expected = 0.0
        for day in np.unique(times[row][events[row]]):
            at_risk = times[row] >= day
            deaths = np.sum((times[row] == day) & events[row])
            expected += deaths * at_risk[:6].sum() / at_risk.sum()
        assert scores[row, :6].sum() == pytest.approx(events[row, :6].sum() - expected)


def test_every_way_to_deal_the_labels_is_counted(rng):
    scores = rng.normal(size=(5, 7))
    found = permutation_p_values(scores, 3, rng)
    for row in range(5):
        sums = np.array([scores[row, list(some)].sum() for some in itertools.combinations(range(7), 3)])
        middle = 3 * scores[row].mean()
        assert found[row] == pytest.approx(np.mean(np.abs(sums - middle) >= abs(scores[row, :3].sum() - middle) - 1e-9))


def test_random_permutations_say_what_scipy_says(rng):
    a, b = rng.normal(0.8, 1, 11), rng.normal(0, 1, 12)
    ours = permutation_p_values(np.concatenate([a, b])[None, :], 11, rng)[0]
    theirs = stats.permutation_test(
        (a, b), lambda x, y: abs(x.mean() - y.mean()), alternative="greater", n_resamples=20_000, rng=rng
    ).pvalue
    assert ours == pytest.approx(theirs, abs=0.02)


@pytest.mark.parametrize("n", [3, 4, 5, 6, 8, 10, 20, 40])
@pytest.mark.parametrize("censored", [0.0, 0.5, 0.9])
def test_a_true_null_hypothesis_is_rejected_at_the_level_or_less(rng, n, censored):
    replicates = 2000
    times, events = experiments(rng, replicates, 2 * n, censored, ties=False)
    rejected = np.mean(logrank_p_values(times, events, n, rng) < 0.05)
    error = np.sqrt(0.05 * 0.95 / replicates)
    assert rejected <= 0.05 + 3 * error
    if n >= 8 and censored < 0.9:  # smaller tables do not reach the level
        assert rejected >= 0.05 - 4 * error


def test_the_asymptotic_test_does_not_hold_its_level_in_small_groups(rng):
    times, events = experiments(rng, 8000, 6, 0.0, ties=False)
    assert np.mean(stats.chi2.sf(logrank_statistics(times, events, 3), 1) < 0.05) > 0.08
    assert np.mean(logrank_p_values(times, events, 3, rng) < 0.05) == 0  # the smallest p-value is 2 of 20


def test_in_large_experiments_permutation_says_what_the_normal_approximation_says(rng):
    times, events = experiments(rng, 40, 120)
    asymptotic = stats.chi2.sf(logrank_statistics(times, events, 60), 1)
    np.testing.assert_allclose(logrank_p_values(times, events, 60, rng, draws=4999), asymptotic, atol=0.03)


def test_one_side_is_half_of_both_where_sums_are_symmetric_and_each_side_has_its_own(rng):
    scores = rng.normal(size=(6, 6))
    higher, lower, both = (
        permutation_p_values(scores, 3, rng, alternative=side) for side in ("higher", "lower", "two-sided")
    )
    np.testing.assert_allclose(np.minimum(higher, lower) * 2, both, atol=1e-9)  # three against three is symmetric
    a, n, b, m = (np.array([each]) for each in (7, 9, 2, 8))
    assert fisher_p_values(a, n, b, m, alternative="higher") == pytest.approx(
        stats.fisher_exact([[7, 2], [2, 6]], alternative="greater").pvalue
    )
    x, y = rng.normal(1, 1, (3, 6)), rng.normal(0, 1, (3, 7))
    theirs = stats.mannwhitneyu(x, y, alternative="greater", method="exact", axis=1).pvalue
    np.testing.assert_allclose(mannwhitney_p_values(x, y, rng, alternative="higher"), theirs)
    late = np.array([[20.0, 21, 22, 23, 24, 1, 2, 3, 4, 5]])
    dead = np.ones(late.shape, bool)
    assert logrank_p_values(late, dead, 5, rng, alternative="higher")[0] == pytest.approx(1 / 252)
    assert logrank_p_values(late, dead, 5, rng, alternative="lower")[0] == 1


def test_labels_are_dealt_within_strata_only(rng):
    # Cages differ by ten, arms by one: only within cages can that be seen.
    cages = np.tile(np.repeat(np.arange(4), 2), 2)
    scores = 10.0 * cages + np.repeat([1.0, 0.0], 8) + rng.normal(0, 0.3, 16)
    within = permutation_p_values(scores[None, :], 8, rng, strata=cages)[0]
    among = permutation_p_values(scores[None, :], 8, rng)[0]
    assert within < 0.01 < 0.5 < among


def test_tied_readings_of_small_groups_are_permuted_and_others_exact(rng):
    a, b = rng.integers(0, 3, (400, 4)).astype(float), rng.integers(0, 3, (400, 4)).astype(float)
    found = mannwhitney_p_values(a, b, rng)
    for row in (0, 1, 2):
        ranks = stats.rankdata(np.concatenate([a[row], b[row]]))
        sums = np.array([ranks[list(some)].sum() for some in itertools.combinations(range(8), 4)])
        assert found[row] == pytest.approx(np.mean(np.abs(sums - 18) >= abs(ranks[:4].sum() - 18) - 1e-9))
    assert np.mean(found < 0.05) <= 0.05
    x, y = rng.normal(size=(5, 5)), rng.normal(size=(5, 6))
    exact = stats.mannwhitneyu(x, y, method="exact", axis=1).pvalue
    np.testing.assert_allclose(mannwhitney_p_values(x, y, rng), exact)


def test_fisher_is_that_of_scipy_and_says_nothing_of_nobody():
    a, n, b, m = (np.array(each) for each in ([3, 0, 2, 9], [5, 4, 0, 10], [0, 4, 1, 1], [5, 4, 3, 10]))
    found = fisher_p_values(a, n, b, m)
    expected = [stats.fisher_exact([[3, 2], [0, 5]]).pvalue, stats.fisher_exact([[0, 4], [4, 0]]).pvalue, 1.0]
    expected.append(stats.fisher_exact([[9, 1], [1, 9]]).pvalue)
    np.testing.assert_allclose(found, expected)


def test_many_tables_at_once_are_those_of_scipy_one_by_one(rng):
    n, m = rng.integers(1, 40, 200), rng.integers(1, 40, 200)
    a, b = rng.integers(0, n + 1), rng.integers(0, m + 1)
    expected = [stats.fisher_exact([[x, i - x], [y, j - y]]).pvalue for x, i, y, j in zip(a, n, b, m, strict=True)]
    np.testing.assert_allclose(fisher_p_values(a, n, b, m), expected, rtol=1e-9)


def test_both_groups_need_somebody(rng):
    with pytest.raises(InvalidValueError, match="0 of 4 subjects are in group a"):
        permutation_p_values(rng.random((2, 4)), 0, rng)
