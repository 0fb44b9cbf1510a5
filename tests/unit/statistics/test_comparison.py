from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from gvlab import statistics
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.statistics.comparison import _u_distribution


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9))
def test_the_null_distribution_of_u_counts_every_arrangement(n_a, n_b):
    from itertools import combinations

    if special.binom(n_a + n_b, n_a) > 6000:
        return
    u = [sum(c) - n_a * (n_a - 1) // 2 for c in combinations(range(n_a + n_b), n_a)]
    counted = np.bincount(u, minlength=n_a * n_b + 1) / len(u)
    assert _u_distribution(n_a, n_b) == pytest.approx(counted, abs=1e-12)


def test_the_interval_of_hodges_lehmann_covers_as_promised():
    generator, covered = rng(), 0
    for _ in range(800):
        interval = statistics.hodges_lehmann(generator.normal(1.0, 1.0, 8), generator.normal(0.0, 1.0, 7))
        covered += not interval.excludes(1.0)
    # Exact and discrete, so at least 95 %, and for these sizes 96 %.
    assert 0.94 < covered / 800 < 0.985


def test_with_three_against_three_no_interval_of_95_percent_exists():
    interval = statistics.hodges_lehmann([1, 2, 3], [4, 5, 6])
    assert (interval.lower, interval.upper) == (-np.inf, np.inf)
    assert interval.value == -3


def test_cliffs_delta_counts_pairs():
    a, b = [1, 2, 3, 4], [2, 2, 5]
    pairs = np.sign(np.subtract.outer(a, b))
    assert statistics.cliffs_delta(a, b) == pytest.approx(pairs.mean(), abs=1e-12)
    assert statistics.cliffs_delta([10, 11], [1, 2, 3]) == 1


def test_mann_whitney_is_exact_without_ties_and_says_when_it_is_not():
    assert statistics.mann_whitney([1, 2, 3], [4, 5, 6]).p_value == pytest.approx(0.1, rel=1e-12)
    tied = statistics.mann_whitney([1, 2, 2], [2, 5, 6])
    assert "asymptotic" in tied.name
    assert statistics.mann_whitney([2, 2], [2, 2, 2]).p_value == 1


def test_a_comparison_gives_the_effect_with_its_interval():
    generator = rng()
    a, b = generator.lognormal(np.log(30), 0.3, 40), generator.lognormal(np.log(10), 0.3, 40)
    result = statistics.compare_two(a, b, generator)
    assert result.ratio is not None
    assert result.ratio.lower < 3 < result.ratio.upper
    assert result.ratio.value == pytest.approx(np.median(a) / np.median(b))
    assert result.cliffs_delta.value == pytest.approx(2 * stats.mannwhitneyu(a, b).statistic / 1600 - 1)
    assert "n = 40 and 40" in str(result)


def test_the_same_seed_gives_the_same_interval():
    a, b = np.arange(1.0, 12.0), np.arange(3.0, 10.0)
    first, second = (statistics.compare_two(a, b, np.random.default_rng(7)) for _ in range(2))
    assert first == second


def test_a_ratio_of_readings_that_are_not_positive_is_not_given():
    assert statistics.compare_two([0.0, 1.0, 2.0], [3.0, 4.0, 5.0], rng()).ratio is None


def test_welch_of_groups_without_spread_is_certain():
    result = statistics.compare_two([2.0, 2.0, 2.0], [3.0, 3.0], rng(), test="welch")
    assert result.test.p_value == 0
    assert result.shift.value == -1


def test_pairing_narrows_the_interval_where_subjects_differ_much():
    generator = rng()
    subject = generator.lognormal(0, 1.0, 60)
    a, b = 2 * subject * generator.lognormal(0, 0.05, 60), subject
    paired = statistics.paired_effect(a, b, generator, effect="ratio of medians")
    unpaired = statistics.compare_two(a, b, generator).ratio
    assert unpaired is not None
    assert (paired.upper - paired.lower) < 0.6 * (unpaired.upper - unpaired.lower)
    assert statistics.paired_effect(a, b, generator, effect="median ratio").value == pytest.approx(2, rel=0.05)


def test_paired_arms_have_the_same_subjects():
    with pytest.raises(InvalidValueError, match="a has 3, b has 2"):
        statistics.paired_effect([1, 2, 3], [1, 2], rng(), effect="ratio of means")
    with pytest.raises(InvalidValueError, match=r"smallest is 0.*difference"):
        statistics.paired_effect([0, 2], [1, 2], rng(), effect="ratio of means")
    with pytest.raises(UnknownNameError, match='Did you mean "ratio of means"'):
        statistics.paired_effect([1, 2], [1, 2], rng(), effect="ratio of mean")  # type: ignore[arg-type]


def test_many_groups_are_adjusted_for_their_number():
    generator = rng()
    groups = {name: generator.normal(shift, 1, 12) for name, shift in (("a", 0.0), ("b", 2.0), ("c", 0.1))}
    all_pairs = statistics.compare_many(groups)
    assert len(all_pairs.table) == 3
    # The adjusted p stands beside the plain one, in a terminal too.
    assert list(all_pairs.table)[4:] == ["shift", "p_value", "p_holm", "cliffs_delta"]
    assert (all_pairs.table["p_holm"] >= all_pairs.table["p_value"]).all()
    with_control = statistics.compare_many(groups, versus="a")
    assert with_control.table["b"].tolist() == ["a", "a"]
    assert with_control.table["p_holm"].min() == pytest.approx(2 * with_control.table["p_value"].min())
    assert all_pairs.overall.p_value == pytest.approx(stats.kruskal(*groups.values()).pvalue)
    assert (all_pairs.overall.name, all_pairs.overall.degrees_of_freedom) == ("Kruskal-Wallis", 2)
    same = statistics.compare_many({name: [1.0, 1.0] for name in "abcd"}).overall
    assert (same.statistic, same.p_value, same.degrees_of_freedom) == (0, 1, 3)


def test_unusable_groups_are_refused_in_words():
    with pytest.raises(InvalidValueError, match='"vehicle" has 1 value; at least 2 are needed'):
        statistics.compare_many({"vehicle": [1.0], "drug": [1.0, 2.0]})
    with pytest.raises(InvalidValueError, match="There is 1 group"):
        statistics.compare_many({"vehicle": [1.0, 2.0]})
    with pytest.raises(UnknownNameError, match='Did you mean "vehicle"'):
        statistics.compare_many({"vehicle": [1.0, 2.0], "drug": [1.0, 2.0]}, versus="vehicel")
    with pytest.raises(InvalidValueError, match="p-value lies between 0 and 1"):
        statistics.holm([0.2, 1.2])
    with pytest.raises(InvalidValueError, match=r"Did you mean 0\.95"):
        statistics.hodges_lehmann([1, 2, 3], [3, 4, 5], confidence=95)


@pytest.mark.parametrize(
    ("effect", "value"),
    [
        ("ratio of medians", 6 / 2),
        ("ratio of means", 8 / 4),
        ("difference of medians", 6 - 2),
        ("difference of means", 8 - 4),
        ("median ratio", 2.0),
    ],
)
def test_each_paired_effect_is_what_its_name_says(effect, value):
    a, b = np.array([1.0, 4, 6, 11, 18]), np.array([1.0, 2, 2, 10, 5])
    found = statistics.paired_effect(a, b, np.random.default_rng(1), effect=effect)
    assert found.value == pytest.approx(value)
    assert found.lower <= value <= found.upper
    turned = statistics.paired_effect(b, a, np.random.default_rng(1), effect=effect)
    assert turned.value == pytest.approx(-value if "difference" in effect else 1 / value)


def test_a_median_stands_within_its_interval_which_narrows_with_more_readings():
    random = np.random.default_rng(2)
    few, many = random.lognormal(0, 1, 20), random.lognormal(0, 1, 2000)
    widths = []
    for readings in (few, many):
        found = statistics.median_with_interval(readings, np.random.default_rng(3))
        assert found.value == np.median(readings)
        assert found.lower < found.value < found.upper
        widths.append(found.upper - found.lower)
    assert widths[0] > 4 * widths[1]
    narrow = statistics.median_with_interval(few, np.random.default_rng(3), confidence=0.5)
    assert narrow.upper - narrow.lower < widths[0]


def test_equal_readings_count_one_half_in_every_row():
    rows = statistics.cliffs_deltas(np.array([[1.0, 2], [2, 2], [3, 4]]), np.array([[1.0, 2], [2, 2], [1, 2]]))
    assert rows.tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(("n_a", "n_b"), [(5, 6), (9, 4), (12, 12), (55, 60)])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_interval_of_hodges_lehmann_holds_the_shifts_that_the_test_does_not_reject(n_a, n_b, confidence):
    """Just within a limit SciPy's test does not reject the shift, just beyond it does; by formula, one further."""
    generator = rng()
    a, b = generator.normal(1, 1, n_a), generator.normal(0, 1, n_b)
    found = statistics.hodges_lehmann(a, b, confidence)
    differences = np.sort(np.subtract.outer(a, b).ravel())
    assert found.value == pytest.approx(np.median(differences))
    method = "exact" if min(n_a, n_b) <= 50 else "asymptotic"
    slack = 0 if method == "exact" else 1

    def p_value(place, shift):
        return stats.mannwhitneyu(
            a - differences[place] - shift, b, method=method, use_continuity=False
        ).pvalue  # fmt: skip

    low, high = (int(np.flatnonzero(differences == limit)[0]) for limit in (found.lower, found.upper))
    assert low + high == len(differences) - 1
    for limit, inward in ((low, 1), (high, -1)):
        assert p_value(limit + slack * inward, 1e-9 * inward) > 1 - confidence
        assert p_value(limit - slack * inward, -1e-9 * inward) <= 1 - confidence


@pytest.mark.parametrize(("n_a", "n_b", "method"), [(50, 60, "exact"), (60, 50, "exact"), (51, 51, "asymptotic")])
def test_up_to_fifty_readings_the_test_is_exact(n_a, n_b, method):
    a, b = rng().normal(0.3, 1, n_a), rng().normal(0, 1, n_b + 1)[1:]
    found = statistics.mann_whitney(a, b)
    assert found.name == f"Mann-Whitney ({method})"
    assert found.p_value == pytest.approx(stats.mannwhitneyu(a, b, method=method).pvalue, rel=1e-12)


def test_equal_readings_have_half_of_all_pairs():
    found = statistics.mann_whitney([2, 2], [2, 2, 2])
    assert (found.statistic, found.p_value, found.name) == (3.0, 1.0, "Mann-Whitney (all readings equal)")


def test_a_bootstrap_interval_of_means_is_near_that_of_normal_theory():
    """The mean of 400 has an error of a twentieth of the spread; limits of 95 % are 1.96 of it away, of 80 % 1.28."""
    generator = rng()
    a, b = generator.normal(3, 1, 400), np.zeros(400)
    for confidence, half in ((0.95, 1.96), (0.8, 1.2816)):
        found = statistics.paired_effect(
            a, b, generator, effect="difference of means", confidence=confidence, resamples=8000
        )
        error = a.std(ddof=1) / 20
        assert found.lower == pytest.approx(a.mean() - half * error, abs=0.1 * error)
        assert found.upper == pytest.approx(a.mean() + half * error, abs=0.1 * error)


@pytest.mark.parametrize(("a", "b"), [([0.0, 1, 2], [3, 4, 5]), ([3, 4, 5], [0.0, 1, 2]), ([-1, 1, 2], [3, 4, 5])])
def test_a_ratio_needs_two_groups_of_positive_readings(a, b):
    assert statistics.compare_two(a, b, rng()).ratio is None
    shifted = statistics.compare_two(np.add(a, 9), np.add(b, 9), rng(), test="welch")
    assert shifted.ratio.value == pytest.approx((np.mean(a) + 9) / (np.mean(b) + 9))
    assert (shifted.center_a, shifted.center_b) == pytest.approx((np.mean(a) + 9, np.mean(b) + 9))


@pytest.mark.parametrize(("a", "b"), [([2.0, 2, 2], [3, 4, 6]), ([3.0, 4, 6], [2, 2, 2])])
def test_welch_with_one_group_without_spread_is_scipys(a, b):
    found = statistics.compare_two(a, b, rng(), test="welch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a group whose readings are all alike
        theirs = stats.ttest_ind(a, b, equal_var=False)
    assert found.test.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    limits = theirs.confidence_interval(0.95)
    assert (found.shift.lower, found.shift.upper) == pytest.approx((limits.low, limits.high))
    alike = statistics.compare_two([2.0, 2], [2.0, 2, 2], rng(), test="welch")
    assert (alike.test.p_value, alike.shift.lower, alike.shift.upper) == (1, 0, 0)


def test_holms_steps_by_hand():
    """The smallest of three counts threefold, the next twofold; no later one is smaller, and none is above 1."""
    assert statistics.holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([0.6, 0.5]).tolist() == [1.0, 1.0]
    assert statistics.holm([0.0, 1.0]).tolist() == [0.0, 1.0]
    for wrong in ([-0.1, 0.5], [0.5, 1.1]):
        with pytest.raises(InvalidValueError, match="A p-value lies between 0 and 1"):
            statistics.holm(wrong)


def test_groups_are_compared_with_one_or_each_with_each():
    groups = {"a": [1.0, 2, 3, 4], "b": [5.0, 6, 7, 8], "c": [1.5, 2.5, 3.5]}
    found = statistics.compare_many(groups)
    assert found.table[["a", "b"]].to_numpy().tolist() == [["b", "a"], ["c", "a"], ["c", "b"]]
    assert found.table[["n_a", "n_b"]].to_numpy().tolist() == [[4, 4], [3, 4], [3, 4]]
    theirs = stats.kruskal(*groups.values())
    assert (found.overall.statistic, found.overall.p_value) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert found.overall.degrees_of_freedom == 2
    one = statistics.compare_many(groups, versus="b").table
    assert one[["a", "b"]].to_numpy().tolist() == [["a", "b"], ["c", "b"]]
    assert one["shift"].tolist() == pytest.approx([-4, -4])
    same = statistics.compare_many({"a": [1.0, 1], "b": [1.0, 1, 1]})
    assert (same.overall.p_value, same.overall.degrees_of_freedom) == (1, 1)
    with pytest.raises(InvalidValueError, match="There is 1 group; a comparison needs two or more"):
        statistics.compare_many({"a": [1.0, 2]})
