"""Shares of two groups: Fisher's exact test, its odds ratio, and the difference with its interval."""

import numpy as np
import pytest
from scipy import stats

from axes import unchecked
from gvlab.errors import InvalidValueError
from gvlab.statistics import compare_proportions, paired_difference


@pytest.mark.parametrize("counts", [(3, 4, 1, 4), (2, 17, 10, 13), (9, 12, 3, 11), (1, 30, 7, 31)])
def test_fisher_is_that_of_enumeration_and_its_odds_ratio_that_of_scipy(counts):
    """Tables of the same margins that are no likelier; the odds ratio maximizes the likelihood given the margins.

    3 of 4 against 1 of 4 is Fisher's lady who tastes tea: 34/70.
    """
    a, n, b, m = counts
    margin = stats.hypergeom(n + m, a + b, n)
    likelihoods = [margin.pmf(k) for k in range(n + m + 1)]
    expected = sum(each for each in likelihoods if each <= margin.pmf(a) * (1 + 1e-7))
    found = compare_proportions(*counts)
    assert found.test.p_value == pytest.approx(expected, rel=1e-9)
    if counts == (3, 4, 1, 4):
        assert found.test.p_value == pytest.approx(34 / 70)
    ratio = stats.contingency.odds_ratio(np.array([[a, n - a], [b, m - b]]), kind="conditional")
    limits = ratio.confidence_interval(0.95)
    assert found.odds_ratio.value == pytest.approx(ratio.statistic, rel=1e-5)
    assert (found.odds_ratio.lower, found.odds_ratio.upper) == pytest.approx((limits.low, limits.high), rel=1e-4)


def test_the_difference_is_that_of_newcombe():
    """Newcombe (1998) Statistics in Medicine 17:873, table II, method 10: 56/70 - 48/80 is 0.2000, 0.0524 to 0.3339."""
    found = compare_proportions(56, 70, 48, 80)
    assert found.difference.value == pytest.approx(0.2)
    assert (found.difference.lower, found.difference.upper) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    turned = compare_proportions(48, 80, 56, 70)
    assert (turned.difference.lower, turned.difference.upper) == pytest.approx((-0.3339, -0.0524), abs=5e-5)
    assert turned.odds_ratio.value == pytest.approx(1 / found.odds_ratio.value, rel=1e-6)


def test_ten_of_ten_against_none_has_an_open_odds_ratio():
    found = compare_proportions(10, 10, 0, 10)
    assert found.test.p_value == pytest.approx(2 / 184756)
    assert found.odds_ratio.value == np.inf
    assert 1 < found.odds_ratio.lower < np.inf


@pytest.mark.parametrize("successes", [0, 5])
def test_where_all_are_alike_there_is_no_odds_ratio_and_no_difference(successes):
    found = compare_proportions(successes, 5, successes, 5)
    assert found.odds_ratio is None
    assert found.difference.value == 0
    assert found.test.p_value == 1
    assert "odds" not in str(found)


def test_equal_shares_have_an_odds_ratio_of_one():
    assert compare_proportions(3, 4, 3, 4).odds_ratio.value == pytest.approx(1)


def test_more_successes_than_subjects_are_refused():
    with pytest.raises(InvalidValueError, match="0 <= successes <= trials"):
        compare_proportions(11, 10, 0, 10)


def test_the_same_subjects_need_the_same_number():
    with pytest.raises(InvalidValueError, match="the same subjects twice, not 2 and 3"):
        unchecked(paired_difference)(np.ones(2, dtype=bool), np.ones(3, dtype=bool))


@pytest.mark.parametrize(
    ("both", "only_a", "only_b", "neither", "correlation"),
    [
        (20, 12, 2, 16, (20 * 16 - 12 * 2 - 25) / np.sqrt(32 * 18 * 22 * 28)),  # half of the subjects are taken off
        (13, 12, 12, 12, 0.0),  # a correlation of less than that is none
        (10, 15, 15, 10, (10 * 10 - 15 * 15) / np.sqrt(25.0**4)),  # nothing is taken off a negative one
        (0, 10, 0, 10, 0.0),  # one that never varies
    ],
)
def test_what_pairs_have_in_common_is_newcombes_correlation(both, only_a, only_b, neither, correlation):
    a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    b = np.repeat([True, False, True, False], [both, only_a, only_b, neither])
    (p, p_low, p_high), (q, q_low, q_high) = (
        (x.mean(), *stats.binomtest(int(x.sum()), len(x)).proportion_ci(method="wilson")) for x in (a, b)
    )
    found = paired_difference(a, b)
    below, above = (
        np.sqrt(one**2 - 2 * correlation * one * other + other**2)
        for one, other in ((p - p_low, q_high - q), (p_high - p, q - q_low))
    )
    assert (found.lower, found.upper) == pytest.approx((p - q - below, p - q + above), abs=1e-9)
