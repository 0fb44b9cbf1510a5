from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gvlab import statistics
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.statistics.survival import restricted_mean_difference_of


def survivors(rng: np.random.Generator, n: int, rate: float = 0.05, follow_up: float = 60.0):
    time = rng.exponential(1 / rate, n)
    return np.minimum(time, follow_up), (time < follow_up).astype(int)


mice = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 1)), min_size=2, max_size=40)


@settings(max_examples=60, deadline=None)
@given(mice)
def test_kaplan_meier_equals_lifelines(subjects):
    from lifelines import KaplanMeierFitter

    time, event = np.array(subjects).T
    theirs = KaplanMeierFitter().fit(time, event)
    ours = statistics.kaplan_meier(time, event).table
    by_time = theirs.survival_function_["KM_estimate"]
    assert ours["survival"].to_numpy() == pytest.approx(by_time.loc[ours["time"]].to_numpy(), abs=1e-12)
    table = theirs.event_table.loc[ours["time"]]
    assert ours["events"].tolist() == table["observed"].tolist()
    assert ours["at_risk"].tolist() == table["at_risk"].tolist()


@settings(max_examples=60, deadline=None)
@given(mice)
def test_a_survival_curve_is_a_falling_probability_within_its_limits(subjects):
    time, event = np.array(subjects).T
    table = statistics.kaplan_meier(time, event).table
    assert np.isfinite(table.to_numpy(dtype=float)).all()
    assert (np.diff(table["survival"]) <= 0).all()
    assert (table["lower"] <= table["survival"]).all()
    assert (table["survival"] <= table["upper"]).all()
    assert table["lower"].min() >= 0
    assert table["upper"].max() <= 1
    assert table["events"].sum() + table["censored"].sum() == len(time)


def test_limits_equal_scipys():
    rng = np.random.default_rng(5)
    time, event = survivors(rng, 30)
    data = stats.CensoredData(uncensored=time[event == 1], right=time[event == 0])
    with pytest.warns(RuntimeWarning, match="undefined at some observations"):
        interval = stats.ecdf(data).sf.confidence_interval(0.9, method="log-log")
    table = statistics.kaplan_meier(time, event, confidence=0.9).table.iloc[1:]
    inside = (table["survival"].to_numpy() < 1) & (table["survival"].to_numpy() > 0)
    assert table["lower"].to_numpy()[inside] == pytest.approx(interval.low.probabilities[inside], rel=1e-10)
    assert table["upper"].to_numpy()[inside] == pytest.approx(interval.high.probabilities[inside], rel=1e-10)


def test_a_curve_that_ends_keeps_the_upper_limit_of_the_step_before_and_warns_of_nothing():
    """R: summary(survfit(Surv(c(10, 20), c(1, 1)) ~ 1, conf.type = "log-log")) gives 0.00598 to 0.910 at 10."""
    with np.errstate(all="raise"):
        two = statistics.kaplan_meier([10, 20], [1, 1]).table
        one_day = statistics.kaplan_meier([20, 20], [1, 1]).table
    spread = 1.959963984540054 * np.sqrt(0.5) / np.log(2)
    assert two["lower"].tolist() == pytest.approx([1.0, 0.5 ** np.exp(spread), 0.0])
    assert two["upper"].tolist() == pytest.approx([1.0, 0.5 ** np.exp(-spread), 0.5 ** np.exp(-spread)])
    assert two["upper"].iloc[1] == pytest.approx(0.910, abs=5e-4)
    assert (one_day["lower"].tolist(), one_day["upper"].tolist()) == ([1.0, 0.0], [1.0, 1.0])


def test_a_median_that_is_not_reached_says_so():
    curve = statistics.kaplan_meier([10, 20, 100, 100, 100], [1, 1, 0, 0, 0])
    assert curve.median().value == np.inf
    assert str(curve.median()).startswith("not reached")


def test_without_censoring_a_restricted_mean_is_a_mean_of_capped_times():
    rng = np.random.default_rng(3)
    time = rng.exponential(20, 40).round(1) + 0.1
    capped = np.minimum(time, 30)
    mean = statistics.restricted_mean(time, np.ones(40), until=30)
    assert mean.value == pytest.approx(capped.mean(), rel=1e-12)
    assert (mean.upper - mean.value) / 1.959963984540054 == pytest.approx(capped.std() / np.sqrt(40), rel=1e-10)


def test_restricted_mean_equals_lifelines():
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    time, event = survivors(np.random.default_rng(4), 50)
    theirs = restricted_mean_survival_time(KaplanMeierFitter().fit(time, event), t=40)
    assert statistics.restricted_mean(time, event, until=40).value == pytest.approx(theirs, rel=1e-12)


def test_the_difference_of_restricted_means_is_that_of_the_arms():
    rng = np.random.default_rng(6)
    a, b = survivors(rng, 40, 0.02), survivors(rng, 40, 0.06)
    difference = statistics.restricted_mean_difference(*a, *b, until=50)
    alone = [statistics.restricted_mean(*arm, until=50) for arm in (a, b)]
    assert difference.value == pytest.approx(alone[0].value - alone[1].value, rel=1e-12)
    halves = [alone[0].upper - alone[0].value, alone[1].upper - alone[1].value]
    assert difference.upper - difference.value == pytest.approx(np.hypot(*halves), rel=1e-9)


def test_limits_of_two_coverages_have_none_in_common():
    wide, narrow = (statistics.kaplan_meier([5, 9, 12], [1, 1, 0], confidence=each) for each in (0.95, 0.9))
    with pytest.raises(InvalidValueError, match=r"one curve cover 0\.95, those of the other 0\.9"):
        restricted_mean_difference_of(wide, narrow)


def test_a_horizon_beyond_follow_up_is_refused_with_the_latest_possible():
    with pytest.raises(InvalidValueError, match=r"horizon 90 lies beyond the last observation at 60.*Take 60"):
        statistics.restricted_mean([20, 60, 60], [1, 0, 0], until=90)
    with pytest.raises(InvalidValueError, match=r"time 90 is unknown.*beyond 60"):
        statistics.kaplan_meier([20, 60, 60], [1, 0, 0]).at(90)


def test_numbers_at_risk_count_those_still_followed():
    curve = statistics.kaplan_meier([5, 10, 10, 20], [1, 1, 0, 1])
    assert curve.at_risk([0, 5, 6, 10, 11, 20, 21]).tolist() == [4, 4, 3, 3, 1, 1, 0]


def test_deaths_on_day_zero_count():
    curve = statistics.kaplan_meier([0, 10], [1, 1])
    assert curve.at(0).value == 0.5
    assert curve.table["at_risk"].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("duration", "event", "words"),
    [
        ([], [], '"duration" is empty'),
        ([3, -1], [1, 1], "-1 in row 1.*never negative"),
        ([3, np.nan], [1, 1], "1 missing or infinite value, the first in row 1"),
        ([3, 4], [1], "duration has 2, event_observed has 1"),
        ([3, 4], [1, 0.5], "holds 0.5"),
        ([[3, 4]], [1, 0], "2 dimensions"),
        (["early", 4], [1, 0], "no number"),
    ],
)
def test_unusable_times_are_refused_in_words(duration, event, words):
    with pytest.raises(InvalidValueError, match=words):
        statistics.kaplan_meier(duration, event)


def test_an_entry_after_the_end_is_refused():
    with pytest.raises(InvalidValueError, match="row 1 has entry 7 and duration 5"):
        statistics.kaplan_meier([3, 5], [1, 1], entry=[0, 7])


@settings(max_examples=40, deadline=None)
@given(mice, mice, mice)
def test_logrank_equals_lifelines(a, b, c):
    from lifelines.statistics import multivariate_logrank_test

    time, event = np.array([*a, *b, *c]).T
    group = np.repeat(["a", "b", "c"], [len(a), len(b), len(c)])
    if not event.any():
        assert statistics.logrank(time, event, group).p_value == 1
        return
    ours = statistics.logrank(time, event, group)
    # A group that is gone before the first event says nothing, and makes the matrix that lifelines inverts singular but
    # for rounding.
    there = [name for name in "abc" if time[group == name].max() >= time[event > 0].min()]
    if len(there) < 2:
        assert ours.p_value == 1
        return
    some = np.isin(group, there)
    try:
        theirs = multivariate_logrank_test(time[some], group[some], event[some])
    except np.linalg.LinAlgError:
        return
    assert ours.statistic == pytest.approx(theirs.test_statistic, rel=1e-6, abs=1e-6)


def test_logrank_needs_two_groups():
    with pytest.raises(InvalidValueError, match='every subject is in "BM"'):
        statistics.logrank([1, 2], [1, 1], ["BM", "BM"])


def test_swapping_the_arms_inverts_the_hazard_ratio():
    rng = np.random.default_rng(8)
    (ta, ea), (tb, eb) = survivors(rng, 25, 0.02), survivors(rng, 25, 0.06)
    time, event, arm = np.r_[ta, tb], np.r_[ea, eb], ["a"] * 25 + ["b"] * 25
    forward = statistics.hazard_ratio(time, event, arm, of="a", versus="b").estimate
    back = statistics.hazard_ratio(time, event, arm, of="b", versus="a").estimate
    assert forward.value < 1
    assert forward.value == pytest.approx(1 / back.value, rel=1e-5)
    assert forward.lower == pytest.approx(1 / back.upper, rel=1e-5)


def test_when_all_controls_die_first_the_hazard_ratio_is_zero_with_an_upper_limit():
    time = np.r_[np.arange(20, 30), np.full(10, 100)]
    event, arm = np.r_[np.ones(10), np.zeros(10)], ["control"] * 10 + ["treated"] * 10
    ratio = statistics.hazard_ratio(time, event, arm, of="treated", versus="control")
    assert ratio.estimate.value == 0
    assert ratio.interval == "profile likelihood"
    # One-sided profile limit: the drop of sum log(controls at risk + 10 r) by 3.841 / 2, solved by bisection here.
    low, high = 0.0, 10.0
    for _ in range(200):
        r = (low + high) / 2
        drop = sum(np.log(k + 10 * r) - np.log(k) for k in range(1, 11))
        low, high = (r, high) if drop < 3.841458820694124 / 2 else (low, r)
    assert ratio.estimate.upper == pytest.approx(low, rel=1e-6)
    mirror = statistics.hazard_ratio(time, event, arm, of="control", versus="treated")
    assert mirror.estimate.value == np.inf
    assert mirror.estimate.lower == pytest.approx(1 / low, rel=1e-6)
    assert "HR infinite" in str(mirror)


def test_ties_of_one_arm_alone_count_as_one_death_after_another():
    """By Efron's rule two of one arm who die at once are at risk as if they had died one by one."""
    late, arm = np.full(10, 100), ["control"] * 10 + ["treated"] * 10
    event = np.r_[np.zeros(10), np.ones(10)]
    apart = statistics.hazard_ratio(np.r_[late, np.arange(20, 30)], event, arm, of="treated", versus="control")
    tied = statistics.hazard_ratio(
        np.r_[late, np.repeat(np.arange(20, 25), 2)], event, arm, of="treated", versus="control"
    )
    assert tied.estimate.value == apart.estimate.value == np.inf
    assert tied.estimate.lower == pytest.approx(apart.estimate.lower, rel=1e-9)
    assert tied.p_value == pytest.approx(apart.p_value, rel=1e-9)


def test_a_late_death_with_nobody_to_compare_does_not_make_the_ratio_finite():
    time = np.r_[np.arange(20, 30), np.full(9, 100), 99]
    event, arm = np.r_[np.ones(10), np.zeros(9), 1], ["control"] * 10 + ["treated"] * 10
    ratio = statistics.hazard_ratio(time, event, arm, of="treated", versus="control")
    # At day 99 no control is at risk any more.
    assert ratio.interval == "profile likelihood"


def test_groups_may_be_numbers_or_truth_values():
    time, event = [1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 1, 1]
    words = statistics.hazard_ratio(time, event, ["a", "b"] * 3, of="a", versus="b")
    for one, other in ((1, 0), (True, False)):
        assert statistics.hazard_ratio(time, event, [one, other] * 3, of=one, versus=other).estimate == words.estimate


def test_hazards_that_cannot_be_compared_are_an_error():
    with pytest.raises(InvalidValueError, match='No event happened while "a" and "b" were both at risk'):
        statistics.hazard_ratio([5, 5, 5, 5], [0, 0, 0, 0], ["a", "a", "b", "b"], of="a", versus="b")
    with pytest.raises(UnknownNameError, match=r'no group named "c".*Known: a, b'):
        statistics.hazard_ratio([5, 6], [1, 1], ["a", "b"], of="c", versus="b")


def test_a_group_that_was_never_at_risk_at_an_event_has_no_degree_of_freedom():
    """Group c is censored before the first death: it adds nothing, as R's survdiff, which counts expected above 0."""
    duration, event = [5, 8, 12, 16, 23, 27, 30, 33], [1, 1, 1, 0, 1, 1, 1, 1]
    group = ["a"] * 4 + ["b"] * 4
    two = statistics.logrank(duration, event, group)
    three = statistics.logrank([*duration, 1, 2, 2], [*event, 0, 0, 0], [*group, "c", "c", "c"])
    assert three.degrees_of_freedom == two.degrees_of_freedom == 1
    assert three.statistic == pytest.approx(two.statistic)
    assert three.p_value == pytest.approx(two.p_value)
    first = statistics.logrank([1, 2, 2, *duration], [0, 0, 0, *event], ["0", "0", "0", *group])
    assert first.p_value == pytest.approx(two.p_value)


def test_groups_that_were_never_at_risk_together_cost_one_more():
    """a and b die early, c and d enter late: two comparisons are possible, not three."""
    duration = [3, 4, 6, 7, 13, 14, 16, 17]
    entry = [0, 0, 0, 0, 10, 10, 10, 10]
    group = ["a", "b", "a", "b", "c", "d", "c", "d"]
    found = statistics.logrank(duration, [1] * 8, group, entry)
    assert found.degrees_of_freedom == 2
    apart = [
        statistics.logrank(duration[i : i + 4], [1] * 4, group[i : i + 4], entry[i : i + 4]).statistic for i in (0, 4)
    ]
    assert found.statistic == pytest.approx(sum(apart))


def test_without_an_event_there_is_nothing_to_test():
    found = statistics.logrank([1, 2, 3, 4], [0, 0, 0, 0], ["a", "a", "b", "b"])
    assert (found.statistic, found.p_value, found.degrees_of_freedom) == (0.0, 1.0, 0)


def observed_less_expected(duration, event, group):
    """Deaths less those expected in each group, and their covariance: urns drawn one death time after another."""
    names = np.unique(group)
    difference, covariance = np.zeros(len(names)), np.zeros((len(names), len(names)))
    for time in np.unique(duration[event == 1]):
        at_risk = np.array([np.sum((group == name) & (duration >= time)) for name in names], dtype=float)
        deaths = np.array([np.sum((group == name) & (duration == time) & (event == 1)) for name in names])
        n, d = at_risk.sum(), deaths.sum()
        share = at_risk / n
        difference += deaths - d * share
        if n > 1:
            covariance += d * (n - d) / (n - 1) * (np.diag(share) - np.outer(share, share))
    return difference, covariance


def test_stratified_logrank_adds_what_each_stratum_says():
    """Klein and Moeschberger (2003) Survival Analysis, 7.5: sums over strata, here worked out by themselves."""
    from lifelines.datasets import load_lung

    lung = load_lung().dropna(subset=["ph.ecog", "sex"])
    event = (lung["status"] == lung["status"].max()).astype(int).to_numpy()
    time, group, strata = (lung[name].to_numpy() for name in ("time", "ph.ecog", "sex"))
    parts = []
    for stratum in np.unique(strata):
        here = strata == stratum
        difference, covariance = np.zeros(4), np.zeros((4, 4))
        inside = np.unique(group[here]).astype(int)
        difference[inside], covariance[np.ix_(inside, inside)] = observed_less_expected(
            time[here], event[here], group[here]
        )
        parts.append((difference, covariance))
    difference, covariance = sum(part[0] for part in parts), sum(part[1] for part in parts)
    statistic = difference @ np.linalg.pinv(covariance) @ difference
    found = statistics.logrank(time, event, group, strata=strata)
    assert found.degrees_of_freedom == 3
    assert found.statistic == pytest.approx(statistic, rel=1e-9)
    assert found.p_value == pytest.approx(stats.chi2.sf(statistic, 3), rel=1e-9)


def test_strata_are_compared_within():
    random = np.random.default_rng(4)
    duration, event = random.exponential(10, 40).round(1), random.random(40) < 0.8
    group, one = np.repeat(["a", "b"], 20), np.zeros(40)
    alone = statistics.logrank(duration, event, group)
    assert statistics.logrank(duration, event, group, strata=one).statistic == pytest.approx(alone.statistic)
    twice = statistics.logrank(np.tile(duration, 2), np.tile(event, 2), np.tile(group, 2), strata=np.repeat([1, 2], 40))
    assert twice.statistic == pytest.approx(2 * alone.statistic)
    assert "stratified" in twice.name


def test_one_subject_has_no_interval():
    mean = statistics.restricted_mean([10], [1], 20)
    assert (mean.value, mean.lower, mean.upper) == (10, 0, 20)
    difference = statistics.restricted_mean_difference([10], [1], [5, 8], [1, 1], 20)
    assert (difference.lower, difference.upper) == (-20, 20)
    median = statistics.kaplan_meier([10], [1]).median()
    assert (median.value, median.lower, median.upper) == (10, 0, np.inf)
    # All on one day: the curve ends at its first step, and that says nothing about limits (R: NA and NA).
    together = statistics.kaplan_meier([20, 20, 20, 20], [1, 1, 1, 1]).median()
    assert (together.value, together.lower, together.upper) == (20, 0, np.inf)
    two = statistics.kaplan_meier([10, 20], [1, 1]).median()
    assert (two.value, two.lower, two.upper) == (15, 10, np.inf)
    assert statistics.restricted_mean([10, 12], [1, 1], 20).lower > 0


def test_days_that_differ_by_rounding_are_one_day():
    """R's survfit joins them too (timefix): 0.1 + 0.2 is 0.3."""
    odd, even = [0.1 + 0.2, 0.5, 0.3, 0.7], [0.3, 0.5, 0.3, 0.7]
    assert odd[0] != even[0]
    group = ["a", "a", "b", "b"]
    assert statistics.kaplan_meier(odd, [1] * 4).table["time"].tolist() == [0.0, 0.3, 0.5, 0.7]
    assert statistics.logrank(odd, [1] * 4, group) == statistics.logrank(even, [1] * 4, group)
    one, other = (
        statistics.hazard_ratio(each, [1] * 4, group, of="a", versus="b").estimate.value for each in (odd, even)
    )
    assert one == pytest.approx(other)
    late = statistics.kaplan_meier([0.5, 0.7, 0.9], [1, 1, 1], entry=[0.1 + 0.2, 0.3, 0.0])
    assert late.table["at_risk"].tolist()[1] == 3
    by_day = statistics.kaplan_meier([0.1 + 0.2, 0.9], [1, 1])
    assert by_day.at(0.3).value == 0.5
    assert by_day.at(0.2999).value == 1
    near = statistics.kaplan_meier([1.0, 1.0 + 1e-6], [1, 1])
    assert len(near.table) == 3, "a millionth of a day is a difference"


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, np.nan])
def test_a_quantile_lies_between_0_and_1(fraction):
    with pytest.raises(InvalidValueError, match="it lies between 0 and 1"):
        statistics.kaplan_meier([10, 20, 30], [1, 1, 1]).quantile(fraction)


def test_a_horizon_that_nobody_names_is_the_longest_that_both_arms_support():
    """Arm a is followed to 30 with somebody alive, arm b is dead by 12: areas up to 30 by hand."""
    a, b = ([10, 30], [1, 0]), ([4, 12], [1, 1])
    found = statistics.restricted_mean_difference(*a, *b)
    assert found.value == pytest.approx((10 + 0.5 * 20) - (4 + 0.5 * 8))
    # Where both have ended, the later end will do; means are then those of all.
    both = statistics.restricted_mean_difference([10, 30], [1, 1], *b)
    assert both.value == pytest.approx(20 - 8)
    half = 1.959964 * np.hypot(50**0.5, 8**0.5)
    assert (both.lower, both.upper) == (pytest.approx(12 - half, rel=1e-6), pytest.approx(12 + half, rel=1e-6))
    shorter = statistics.restricted_mean_difference([10, 30], [1, 0], [4, 20], [1, 0])
    assert shorter.value == pytest.approx((10 + 0.5 * 10) - (4 + 0.5 * 16))  # to 20
    curves = [statistics.kaplan_meier(*arm) for arm in (a, b)]
    assert restricted_mean_difference_of(*curves) == found
    assert restricted_mean_difference_of(*curves, 20).value == pytest.approx((10 + 0.5 * 10) - 8)


def test_each_arm_has_its_own_rows():
    """Late entries, weights and names of subjects are those of arm a and of arm b, in this order."""
    a, b = ([10, 20, 30], [1, 1, 0]), ([5, 15, 25], [1, 1, 1])
    for about in (
        {"entry": ([0, 5, 0], [0, 0, 10])},
        {"weights": ([1, 2, 3], [3, 1, 1])},
        {"subject": ([0, 1, 2], [0, 1, 1]), "entry": ([0, 0, 0], [0, 0, 15])},
    ):
        two = [{name: pair[arm] for name, pair in about.items()} for arm in (0, 1)]
        dies = [1, 0, 1] if "subject" in about else b[1]
        means = [statistics.restricted_mean(*a, 20, **two[0]), statistics.restricted_mean(b[0], dies, 20, **two[1])]
        found = statistics.restricted_mean_difference(*a, b[0], dies, 20, **about)
        assert found.value == pytest.approx(means[0].value - means[1].value)


def test_limits_of_a_mean_lie_within_what_can_be():
    """Of two who live 1 and 19 days the half width of 95 % is 1.96 x 9 / root 2 = 12.5, more than the mean of 10."""
    mean = statistics.restricted_mean([1, 19], [1, 1], 19)
    assert (mean.value, mean.lower, mean.upper) == (10, 0, 19)
    narrow = statistics.restricted_mean([1, 19], [1, 1], 19, confidence=0.5)
    assert narrow.upper - narrow.value == pytest.approx(0.67449 * 9 / 2**0.5, rel=1e-4)
    difference = statistics.restricted_mean_difference([1, 19], [1, 1], [1, 19], [1, 1], 19)
    assert (difference.lower, difference.upper) == (pytest.approx(-1.959964 * 9), pytest.approx(1.959964 * 9))
    assert statistics.restricted_mean_difference([1, 9], [1, 1], [1, 9], [1, 1], 7).upper == pytest.approx(
        1.959964 * 3, rel=1e-6
    )
    for until in (0, -3, np.inf, np.nan):
        with pytest.raises(InvalidValueError, match="needs a horizon later than 0"):
            statistics.restricted_mean([1, 19], [1, 1], until)


def test_survival_is_known_from_the_first_day_to_the_last():
    curve = statistics.kaplan_meier([10, 20, 30], [1, 1, 0])
    assert [curve.at(time).value for time in (0, 9.9, 10, 20, 30)] == pytest.approx([1, 1, 2 / 3, 1 / 3, 1 / 3])
    with pytest.raises(InvalidValueError, match=r"at time -1; times are 0 or later"):
        curve.at(-1)
    assert statistics.kaplan_meier([10, 20], [1, 1]).at(1e6).value == 0  # nobody is left to be unknown of
    assert curve.events == 2
    assert curve.n == 3
    assert [statistics.kaplan_meier([10, 20, 30, 40], [1] * 4).quantile(each).value for each in (0.25, 0.3, 0.75)] == [
        15, 20, 35,
    ]  # fmt: skip


def test_who_enters_late_is_not_at_risk_before():
    """Of three one enters on day 5: two are at risk at the start, and on day 4, three on day 8."""
    table = statistics.kaplan_meier([4, 8, 9], [1, 1, 0], entry=[0, 0, 5]).table
    assert table["time"].tolist() == [0, 4, 8, 9]
    assert table["at_risk"].tolist() == [2, 2, 2, 1]
    assert table["survival"].tolist() == pytest.approx([1, 0.5, 0.25, 0.25])
    weighted = statistics.kaplan_meier([4, 8, 9], [1, 1, 0], entry=[0, 0, 5], weights=[1, 3, 2]).table
    assert weighted["at_risk"].tolist() == [4, 4, 5, 2]
    assert weighted["survival"].tolist() == pytest.approx([1, 3 / 4, 3 / 4 * 2 / 5, 3 / 4 * 2 / 5])


def test_a_profile_has_the_coverage_asked_for_and_the_p_value_of_the_likelihood_ratio():
    """Ten controls die one by one while ten treated live: the likelihood is that of 1/(k + 10 r), k = 10 ... 1."""
    time = np.r_[np.arange(20, 30), np.full(10, 100)]
    event, arm = np.r_[np.ones(10), np.zeros(10)], ["control"] * 10 + ["treated"] * 10
    left = np.arange(1, 11)

    def drop(r):
        return np.sum(np.log(left + 10 * r) - np.log(left))

    for confidence, quantile in ((0.95, 3.841459), (0.8, 1.642374)):
        found = statistics.hazard_ratio(time, event, arm, of="treated", versus="control", confidence=confidence)
        assert drop(found.estimate.upper) == pytest.approx(quantile / 2, rel=1e-5)
        assert found.p_value == pytest.approx(stats.chi2.sf(2 * drop(1.0), 1), rel=1e-6)
        assert (found.estimate.lower, found.estimate.confidence) == (0, confidence)


def test_a_wald_interval_has_the_coverage_asked_for_and_other_groups_do_not_count():
    rng = np.random.default_rng(8)
    (ta, ea), (tb, eb), (tc, ec) = (survivors(rng, 25, rate) for rate in (0.02, 0.06, 0.1))
    time, event, arm = np.r_[ta, tc, tb], np.r_[ea, ec, eb], ["a"] * 25 + ["c"] * 25 + ["b"] * 25
    wide = statistics.hazard_ratio(time, event, arm, of="a", versus="b")
    narrow = statistics.hazard_ratio(time, event, arm, of="a", versus="b", confidence=0.8)
    halves = [np.log(each.estimate.upper / each.estimate.value) for each in (wide, narrow)]
    assert halves[1] / halves[0] == pytest.approx(1.281552 / 1.959964, rel=1e-5)
    alone = statistics.hazard_ratio(np.r_[ta, tb], np.r_[ea, eb], ["a"] * 25 + ["b"] * 25, of="a", versus="b")
    assert wide == alone
    assert wide.interval == "Wald"
    assert f"HR {wide.estimate.value:.2g}"[:5] in str(wide)
    assert "95 % CI" in str(wide)
    # Weights are those of the two groups: what stands beside the third moves nothing.
    weights = np.r_[np.full(25, 2.0), np.arange(25.0), np.full(25, 2.0)]
    robust = statistics.hazard_ratio(time, event, arm, of="a", versus="b", weights=weights)
    assert robust.estimate.value == pytest.approx(wide.estimate.value, rel=1e-6)
    assert robust.interval == "Wald, robust"
    with pytest.raises(InvalidValueError, match='compares two arms, and both are "a"'):
        statistics.hazard_ratio(time, event, arm, of="a", versus="a")
