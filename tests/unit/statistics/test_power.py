from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gvlab import statistics
from gvlab.errors import InvalidValueError
from gvlab.statistics.power import logrank_statistics, mannwhitney_p_values


def arms(seed: int, ratio: float, n: int = 4000, follow_up: float = 60.0):
    rng = np.random.default_rng(seed)
    out = []
    for rate in (0.05 * ratio, 0.05):
        time = rng.exponential(1 / rate, n)
        out += [np.minimum(time, follow_up), time < follow_up]
    return out


def test_every_replicate_is_the_logrank_test_with_ties_and_censoring():
    rng = np.random.default_rng(1)
    times, events = rng.integers(1, 15, (200, 13)).astype(float), rng.random((200, 13)) < 0.6
    many = logrank_statistics(times, events, n_a=6)
    group = ["a"] * 6 + ["b"] * 7
    alone = [statistics.logrank(t, e, group).statistic for t, e in zip(times, events, strict=True)]
    assert many == pytest.approx(np.array(alone), rel=1e-9, abs=1e-12)


def test_power_agrees_with_testing_replicates_one_by_one():
    from lifelines.statistics import logrank_test

    da, ea, db, eb = arms(2, ratio=0.4)
    power = statistics.logrank_power(da, ea, db, eb, 10, 10, np.random.default_rng(3))
    rng, hits = np.random.default_rng(4), 0
    for _ in range(150):
        a, b = rng.integers(0, 4000, 10), rng.integers(0, 4000, 10)
        hits += logrank_test(da[a], db[b], ea[a], eb[b]).p_value < 0.05
    tolerance = 4 * np.hypot(power.standard_error, np.sqrt(0.25 / 150))
    assert power.probability == pytest.approx(hits / 150, abs=tolerance)


def test_power_follows_schoenfelds_formula_for_proportional_hazards():
    """Schoenfeld (1981) Biometrika 68:316: events d give power Phi(sqrt(d / 4) |log HR| - 1.96) for equal arms."""
    da, ea, db, eb = arms(5, ratio=0.5, n=20000)
    power = statistics.logrank_power(da, ea, db, eb, 80, 80, np.random.default_rng(6), replicates=4000)
    events = 80 * (ea.mean() + eb.mean())
    expected = stats.norm.cdf(np.sqrt(events / 4) * np.log(2) - stats.norm.ppf(0.975))
    assert power.probability == pytest.approx(expected, abs=0.03)


def test_under_no_difference_power_is_the_level():
    da, ea, db, eb = arms(7, ratio=1.0)
    power = statistics.logrank_power(da, ea, db, eb, 40, 40, np.random.default_rng(8), replicates=4000)
    assert power.probability == pytest.approx(0.05, abs=0.02)


def test_monte_carlo_error_is_that_of_a_proportion():
    da, ea, db, eb = arms(9, ratio=0.4)
    powers = [
        statistics.logrank_power(da, ea, db, eb, 8, 8, np.random.default_rng(s), replicates=400) for s in range(60)
    ]
    spread = np.std([p.probability for p in powers], ddof=1)
    assert spread == pytest.approx(np.mean([p.standard_error for p in powers]), rel=0.35)
    assert all(p.lower < p.probability < p.upper for p in powers)


def test_batches_do_not_change_what_is_tested(monkeypatch):
    da, ea, db, eb = arms(10, ratio=0.4)
    from gvlab.statistics import power

    monkeypatch.setattr(power, "_CELLS_AT_ONCE", 500)
    small = statistics.logrank_power(da, ea, db, eb, 10, 10, np.random.default_rng(1), replicates=1001)
    assert small.replicates == 1001
    monkeypatch.undo()
    whole = statistics.logrank_power(da, ea, db, eb, 10, 10, np.random.default_rng(1), replicates=1001)
    assert small.probability == pytest.approx(whole.probability, abs=0.07)


def test_without_events_nothing_is_significant():
    zeros = np.zeros(50)
    power = statistics.logrank_power(
        np.full(50, 9.0), zeros, np.full(50, 9.0), zeros, 10, 10, np.random.default_rng(0), replicates=100
    )
    assert power.probability == 0
    assert power.lower == 0
    assert 0 < power.upper < 0.05


def test_every_replicate_is_the_mann_whitney_test():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 1, (60, 6)), rng.normal(0.5, 1, (60, 7))
    a[:20, 0] = a[:20, 1]
    a[0], b[0] = 1.0, 1.0
    many = mannwhitney_p_values(a, b)
    alone = [statistics.mann_whitney(x, y).p_value for x, y in zip(a, b, strict=True)]
    assert many == pytest.approx(np.array(alone), rel=1e-10)


def test_welch_power_agrees_with_scipy_on_logarithms():
    rng = np.random.default_rng(3)
    a, b = rng.lognormal(0.0, 0.4, 3000), rng.lognormal(0.8, 0.7, 3000)
    power = statistics.welch_power(a, b, 4, 5, np.random.default_rng(4), replicates=4000)
    draws = np.log(a[rng.integers(0, 3000, (4000, 4))]), np.log(b[rng.integers(0, 3000, (4000, 5))])
    scipys = np.mean(stats.ttest_ind(*draws, axis=1, equal_var=False).pvalue < 0.05)
    assert power.probability == pytest.approx(scipys, abs=5 * power.standard_error)


def test_welch_power_is_refused_where_logarithms_or_spread_are_not_there():
    with pytest.raises(InvalidValueError, match="smallest is 0"):
        statistics.welch_power([0.0, 1.0], [1.0, 2.0], 3, 3, np.random.default_rng(1))
    with pytest.raises(InvalidValueError, match="two readings a group"):
        statistics.welch_power([1.0, 2.0], [1.0, 2.0], 1, 3, np.random.default_rng(1))
    same = statistics.welch_power([1.0, 1.0], [1.0, 1.0], 3, 3, np.random.default_rng(1), replicates=50)
    assert same.probability == 0


def test_three_against_three_can_never_be_significant():
    power = statistics.mannwhitney_power(np.arange(50) + 100.0, np.arange(50.0), 3, 3, np.random.default_rng(1))
    unequal = statistics.mannwhitney_power(np.arange(50) + 100.0, np.arange(50.0), 5, 5, np.random.default_rng(1))
    assert power.probability < 0.05
    assert unequal.probability == 1


def test_sizes_and_levels_are_checked():
    with pytest.raises(InvalidValueError, match="n_a is 0"):
        statistics.mannwhitney_power([1, 2], [1, 2], 0, 3, np.random.default_rng(1))
    with pytest.raises(InvalidValueError, match=r"alpha is 5.*Did you mean 0.05"):
        statistics.mannwhitney_power([1, 2], [1, 2], 3, 3, np.random.default_rng(1), alpha=5)
    with pytest.raises(InvalidValueError, match='"duration_b" is empty'):
        statistics.logrank_power([1], [1], [], [], 3, 3, np.random.default_rng(1))


def test_welch_draws_each_group_from_its_own_arm_at_its_own_size():
    """Two arms of one spread; with 3 and 12 animals the difference has the error of 1/3 + 1/12, by scipy's own test."""
    random = np.random.default_rng(8)
    a, b = np.exp(random.normal(1.0, 0.7, 3000)), np.exp(random.normal(0.0, 0.2, 3000))
    found = statistics.welch_power(a, b, 12, 3, np.random.default_rng(1)).probability
    turned = statistics.welch_power(b, a, 3, 12, np.random.default_rng(1)).probability
    again = [
        stats.ttest_ind(np.log(random.choice(a, 12)), np.log(random.choice(b, 3)), equal_var=False).pvalue < 0.05
        for _ in range(1500)
    ]
    assert found == pytest.approx(np.mean(again), abs=0.04)
    assert turned == pytest.approx(found, abs=0.04)
    swapped = statistics.welch_power(a, b, 3, 12, np.random.default_rng(1)).probability
    assert swapped < found - 0.2, "the arm with the larger spread needs the animals"


@pytest.mark.parametrize(
    ("replicates", "subjects", "sizes"),
    [(10, 3, [3, 3, 3, 1]), (6, 3, [3, 3]), (2, 3, [2]), (3, 100, [1, 1, 1]), (4, 9, [1] * 4), (1, 1, [1])],
)
def test_replicates_are_cut_into_portions_of_so_many_cells(monkeypatch, replicates, subjects, sizes):
    from gvlab.statistics import power

    monkeypatch.setattr(power, "_CELLS_AT_ONCE", 9)
    assert power.batches(replicates, subjects) == sizes


@pytest.mark.parametrize(
    ("sizes", "about", "words"),
    [
        ((3, 0), {}, "n_b is 0; at least 1 is needed"),
        ((-1, 3), {}, "n_a is -1"),
        ((3, 3), {"replicates": 0}, "replicates is 0"),
        ((3, 3), {"alpha": 0}, "alpha is 0; a level lies between 0 and 1"),
        ((3, 3), {"alpha": 1}, "alpha is 1"),
    ],
)
def test_experiments_that_cannot_be_are_refused(sizes, about, words):
    for power in (statistics.mannwhitney_power, statistics.welch_power):
        with pytest.raises(InvalidValueError, match=words):
            power([1, 2], [1, 2], *sizes, np.random.default_rng(1), **about)
    with pytest.raises(InvalidValueError, match=words):
        statistics.logrank_power([1], [1], [1], [1], *sizes, np.random.default_rng(1), **about)


def test_the_smallest_experiments_there_are():
    one = statistics.logrank_power([1], [1], [2], [1], 1, 1, np.random.default_rng(1), replicates=1)
    assert (one.replicates, one.probability) == (1, 0)
    two = statistics.welch_power([1.0, 1.1], [9.0, 9.1], 2, 2, np.random.default_rng(1), replicates=200)
    assert two.probability > 0.9
    for sizes in ((1, 2), (2, 1)):
        with pytest.raises(InvalidValueError, match="two readings a group to see their spread, not 1"):
            statistics.welch_power([1.0, 2], [1.0, 2], *sizes, np.random.default_rng(1))


def test_large_replicates_are_tested_by_the_normal_approximation_as_scipy_does():
    rng = np.random.default_rng(5)
    for n, m, method in ((51, 52, "asymptotic"), (50, 52, "exact"), (52, 50, "exact")):
        a, b = rng.normal(0.3, 1, (3, n)), rng.normal(0, 1, (3, m))
        theirs = [stats.mannwhitneyu(x, y, method=method).pvalue for x, y in zip(a, b, strict=True)]
        assert mannwhitney_p_values(a, b) == pytest.approx(np.array(theirs), rel=1e-12)


def test_the_arm_with_more_events_than_expected_has_a_statistic_above_zero():
    """Arm a dies on days 1 and 2, arm b on 3 and 4: observed 2, expected 2/4 + 1/3; the variance is 1/4 + 2/9."""
    from gvlab.statistics.power import logrank_z

    times, events = np.array([[1.0, 2, 3, 4]]), np.ones((1, 4), dtype=bool)
    expected = (2 - 1 / 2 - 1 / 3) / np.sqrt(1 / 4 + 2 / 9)
    assert logrank_z(times, events, 2)[0] == pytest.approx(expected)
    assert logrank_z(times[:, ::-1].copy(), events, 2)[0] == pytest.approx(-expected)


def test_levels_decide_what_is_significant():
    da, ea, db, eb = arms(2, ratio=0.4)
    strict, usual, loose = (
        statistics.logrank_power(da, ea, db, eb, 12, 12, np.random.default_rng(3), alpha=alpha).probability
        for alpha in (0.001, 0.05, 0.5)
    )
    assert strict < usual < loose
    same = statistics.logrank_power(da, ea, db, eb, 12, 12, np.random.default_rng(3))
    assert (same.probability, same.replicates) == (usual, 2000)


def test_every_subject_of_an_arm_can_be_drawn():
    """An arm of one is drawn again and again; of an arm of two each is drawn half of the times."""
    random = np.random.default_rng
    assert statistics.welch_power([1.0], [2.0], 2, 2, random(1), replicates=50).probability == 1
    assert statistics.mannwhitney_power([1.0], [2.0], 5, 5, random(1), replicates=50).probability == 1
    assert statistics.logrank_power([1], [1], [2], [1], 6, 6, random(1), replicates=50).probability == 1
    # Five readings of 2 differ from five of which at least four are 1 (SciPy: p = 0.020, and 0.067 with three of them).
    same = statistics.mannwhitney_power([1.0, 2.0], [2.0], 5, 5, random(1), replicates=4000).probability
    assert same == pytest.approx((1 + 5) / 32, abs=0.03)
