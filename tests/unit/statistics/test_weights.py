"""Weights, held against R 4.2.2 (survival 3.5-3, ``survfit`` with ``robust = TRUE``) and against small changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvlab import statistics
from gvlab.errors import InvalidValueError
from gvlab.statistics.weights import weighted_risk

CAUSES = {1: "relapse", 2: "non-relapse mortality"}
# Time, status (1 relapse, 2 death without), weight.
ARM_A = np.array(
    [
        (10, 1, 1), (20, 2, 2), (20, 1, 0.5), (35, 0, 1), (50, 1, 3),
        (60, 0, 1), (60, 2, 1), (90, 1, 0.2), (120, 0, 1), (120, 0, 2),
    ]
)  # fmt: skip
ARM_B = np.array(
    [
        (15, 2, 2), (20, 2, 1), (40, 1, 1), (40, 2, 1), (70, 0, 0.5),
        (80, 1, 1), (95, 0, 2), (110, 2, 1), (130, 0, 1), (150, 0, 1),
    ]
)  # fmt: skip


def robust(arm: np.ndarray, scale: float = 1.0, causes: int = 2):
    time, status, weight = arm.T
    status = status.astype(np.int64) if causes == 2 else np.minimum(status, 1).astype(np.int64)
    return weighted_risk(time, status, np.full(len(time), -np.inf), scale * weight, np.arange(len(time)), causes=causes)


@pytest.mark.parametrize(
    ("arm", "free", "free_error"), [(ARM_A, 0.3710389860, 0.1844044126), (ARM_B, 0.5652173913, 0.1694166843)]
)
@pytest.mark.parametrize("scale", [1.0, 100.0, 1e-3])
def test_event_free_share_equals_r_whatever_the_scale_of_the_weights(arm, free, free_error, scale):
    risk = robust(arm, scale)
    day_60 = np.searchsorted(risk.times, 60, side="right") - 1
    assert risk.event_free[day_60] == pytest.approx(free, abs=1e-9)
    assert risk.event_free_error[day_60] == pytest.approx(free_error, abs=1e-9)
    time, status, weight = arm.T
    curve = statistics.kaplan_meier(time, status > 0, weights=scale * weight)
    assert curve.at(60).value == pytest.approx(free, abs=1e-9)
    assert curve.effective_size == pytest.approx(weight.sum() ** 2 / np.sum(weight**2))


@pytest.mark.parametrize(
    ("arm", "shares", "errors"),
    [
        (ARM_A, (0.40632802, 0.24582293), (0.20285870, 0.16001739)),
        (ARM_B, (0.18115942, 0.34782609), (0.12057901, 0.16660918)),
    ],
)
def test_incidence_equals_r(arm, shares, errors):
    risk = robust(arm)
    day_100 = np.searchsorted(risk.times, 100, side="right") - 1
    assert risk.incidence[day_100] == pytest.approx(shares, abs=1e-8)
    assert risk.incidence_error[day_100] == pytest.approx(errors, abs=1e-8)
    time, status, weight = arm.T
    curve = statistics.cumulative_incidence(time, status, CAUSES, weights=weight)
    assert [curve.at(100, name).value for name in curve.causes] == pytest.approx(shares, abs=1e-8)


rows = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 2), st.integers(1, 4)), min_size=3, max_size=25)


@settings(max_examples=40, deadline=None)
@given(rows)
def test_whole_weights_are_copies_of_a_subject(drawn):
    time, status, weight = np.array(drawn).T
    several = np.repeat(time, weight), np.repeat(status, weight)
    copied = statistics.cumulative_incidence(*several, CAUSES).table
    weighted = statistics.cumulative_incidence(time, status, CAUSES, weights=weight).table
    for column in ("at_risk", "events", "censored", "incidence"):
        assert weighted[column].to_numpy(float) == pytest.approx(copied[column].to_numpy(float), abs=1e-12)
    alive = statistics.kaplan_meier(several[0], several[1] > 0).table
    ours = statistics.kaplan_meier(time, status > 0, weights=weight).table
    assert ours["survival"].to_numpy() == pytest.approx(alive["survival"].to_numpy(), abs=1e-12)


def test_errors_are_the_change_of_the_estimate_with_each_weight():
    time, status, weight = ARM_A.T
    step, found = 1e-6, robust(ARM_A)
    change = np.zeros((len(time), len(found.times)))
    for i in range(len(time)):
        moved = ARM_A.copy()
        moved[i, 2] += step
        change[i] = weight[i] * (robust(moved).event_free - found.event_free) / step
    assert found.event_free_error == pytest.approx(np.sqrt(np.sum(change**2, axis=0)), abs=1e-5)
    area = statistics.restricted_mean(time, status > 0, 100, weights=weight)
    moved = [
        weight[i]
        * (
            statistics.restricted_mean(time, status > 0, 100, weights=weight + step * (np.arange(10) == i)).value
            - area.value
        )
        / step
        for i in range(len(time))
    ]
    assert (area.upper - area.lower) / 2 / 1.959964 == pytest.approx(np.sqrt(np.sum(np.square(moved))), rel=1e-4)


def test_a_subject_in_two_rows_is_the_subject_in_one():
    time, status, weight = ARM_A.T
    cut = 15.0
    long = time > cut
    stop = np.concatenate([np.minimum(time, cut), time[long]])
    event = np.concatenate([np.where(long, 0, status), status[long]])
    start = np.concatenate([np.zeros(len(time)), np.full(long.sum(), cut)])
    who = np.concatenate([np.arange(len(time)), np.flatnonzero(long)])
    weights = np.concatenate([weight, weight[long]])
    split = statistics.kaplan_meier(stop, event > 0, start, weights=weights, subject=who)
    whole = statistics.kaplan_meier(time, status > 0, weights=weight)
    assert split.n == whole.n == len(time)
    assert split.effective_size == pytest.approx(whole.effective_size)
    for day in (10, 50, 90):
        assert split.at(day) == pytest.approx(whole.at(day))
    assert split.table["censored"].sum() == pytest.approx(whole.table["censored"].sum())


def test_weighted_hazard_ratio_counts_whole_weights_and_not_their_scale():
    time, status, weight = np.concatenate([ARM_A, ARM_B]).T
    group = np.repeat(["A", "B"], 10)
    whole = np.ceil(weight).astype(int)
    one = statistics.hazard_ratio(time, status > 0, group, of="A", versus="B", weights=whole)
    ten = statistics.hazard_ratio(time, status > 0, group, of="A", versus="B", weights=10 * whole)
    assert one.interval == "Wald, robust"
    assert (one.estimate.value, one.estimate.lower) == pytest.approx((ten.estimate.value, ten.estimate.lower), rel=1e-6)
    plain = statistics.hazard_ratio(time, status > 0, group, of="A", versus="B", weights=np.ones(20))
    assert plain.estimate.value == pytest.approx(
        statistics.hazard_ratio(time, status > 0, group, of="A", versus="B").estimate.value, rel=1e-6
    )


def test_effective_size_and_weighted_share_by_hand():
    weights = [4, 1, 1, 1, 1, 1, 1]
    share, error = statistics.weighted_share([1, 0, 1, 0, 0, 1, 0], weights)
    assert statistics.effective_size(weights) == pytest.approx(100 / 22)
    assert (share.value, error) == pytest.approx((0.6, np.sqrt(4.32) / 10))
    assert share.lower < 0.6 < share.upper


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1, -1, 1], r"-1 in row 1; a weight is 0 or more"),
        ([1, np.nan, 1], "missing"),
        ([0, 0, 0], "nobody is left"),
        ([1, 1], "one value a subject"),
    ],
)
def test_bad_weights_are_refused(weights, said):
    with pytest.raises(InvalidValueError, match=said):
        statistics.kaplan_meier([1, 2, 3], [1, 0, 1], weights=weights)


@pytest.mark.parametrize(
    ("entry", "event", "said"),
    [([0, 3], [0, 1], "overlap"), ([0, 5], [1, 1], "event at 5 and a row that begins later")],
)
def test_impossible_rows_of_a_subject_are_refused(entry, event, said):
    with pytest.raises(InvalidValueError, match=said):
        statistics.kaplan_meier([5, 9], event, entry, subject=["P1", "P1"])


def test_rows_of_a_subject_with_two_weights_are_refused():
    with pytest.raises(InvalidValueError, match="different weights"):
        statistics.kaplan_meier([5, 9], [0, 1], [0, 5], weights=[1, 2], subject=["P1", "P1"])


def score_of_cox(weights, times, event, treated):
    """Return the weighted score of Cox's model at no difference, by its definition."""
    total = 0.0
    for i in np.flatnonzero(event):
        at_risk = times >= times[i]
        total += weights[i] * (treated[i] - np.average(treated[at_risk], weights=weights[at_risk]))
    return total


def test_the_weighted_logrank_is_the_score_over_its_change_with_each_weight():
    """Its variance is the sum of squared contributions: each the weight times the derivative of the score."""
    rng = np.random.default_rng(4)
    n = 30
    times, event, treated = np.ceil(rng.exponential(8, n)), rng.random(n) < 0.7, np.arange(n) % 2
    weights = rng.gamma(1.0, 1.0, n)
    score = score_of_cox(weights, times, event, treated)
    change = []
    for i in range(n):
        up, down = weights.copy(), weights.copy()
        up[i], down[i] = weights[i] * (1 + 1e-5), weights[i] * (1 - 1e-5)
        change.append((score_of_cox(up, times, event, treated) - score_of_cox(down, times, event, treated)) / 2e-5)
    found = statistics.logrank(times, event, treated, weights=weights)
    assert found.statistic == pytest.approx(score**2 / np.sum(np.square(change)), rel=1e-6)
    assert statistics.logrank(times, event, treated, weights=90 * weights).statistic == pytest.approx(found.statistic)


def test_the_weighted_logrank_of_rows_of_one_subject_counts_the_subject_once():
    """A history that is cut into rows is the same history."""
    times, event, group = [5.0, 9, 12, 3, 8, 11], [1, 0, 1, 1, 1, 0], ["a", "a", "a", "b", "b", "b"]
    weights = [1.0, 2, 0.5, 1, 3, 1]
    whole = statistics.logrank(times, event, group, weights=weights)
    cut = statistics.logrank(
        [4.0, *times], [0, *event], ["a", *group], [0, 4, 0, 0, 0, 0, 0], weights=[1.0, *weights],
        subject=[0, *range(6)],
    )  # fmt: skip
    assert cut.statistic == pytest.approx(whole.statistic)
    assert cut.degrees_of_freedom == 1


def test_the_weighted_logrank_keeps_its_level():
    rng = np.random.default_rng(11)
    rejected = []
    for _ in range(600):
        times, weights = rng.exponential(10, 80), rng.gamma(0.7, 1.0, 80)
        rejected.append(statistics.logrank(times, np.ones(80), np.arange(80) % 2, weights=weights).p_value < 0.05)
    assert 0.02 < np.mean(rejected) < 0.085


def test_weighted_mantel_byar_is_the_weighted_logrank_of_its_rows():
    times, event = np.array([10.0, 20, 30, 40, 50, 60, 70, 80]), [1, 1, 1, 0, 1, 1, 0, 1]
    changes = [np.nan, 15, np.nan, 25, 20, np.nan, 45, np.nan]
    weights = np.array([1.0, 2, 1, 0.5, 1, 3, 1, 1])
    rows = statistics.start_stop(times, event, changes)
    by_rows = statistics.logrank(
        rows["stop"], rows["event_observed"], rows["changed"], rows["start"], weights=weights[rows["subject"]],
        subject=rows["subject"],
    )  # fmt: skip
    assert statistics.mantel_byar(times, event, changes, weights=weights).statistic == pytest.approx(by_rows.statistic)
    with pytest.raises(InvalidValueError, match="-1 in row 3"):
        statistics.mantel_byar(times, event, changes, weights=[1, 1, 1, -1, 1, 1, 1, 1])


def test_restricted_means_of_weighted_arms_are_those_of_each_arm():
    arms = [(ARM_A[:, 0], ARM_A[:, 1] > 0, ARM_A[:, 2]), (ARM_B[:, 0], ARM_B[:, 1] > 0, ARM_B[:, 2])]
    (ta, ea, wa), (tb, eb, wb) = arms
    difference = statistics.restricted_mean_difference(ta, ea, tb, eb, 100.0, weights=(wa, wb))
    each = [statistics.restricted_mean(t, e, 100.0, weights=w) for t, e, w in arms]
    assert difference.value == pytest.approx(each[0].value - each[1].value)
    halves = [(one.upper - one.lower) / 2 for one in each]
    assert (difference.upper - difference.lower) / 2 == pytest.approx(np.hypot(*halves))


def test_a_subject_of_no_weight_changes_no_hazard_ratio():
    rng = np.random.default_rng(21)
    time, arm = rng.exponential(10, 40), np.repeat(["a", "b"], 20)
    event, weight = (rng.random(40) < 0.8).astype(int), rng.uniform(0.5, 2, 40)
    alone = statistics.hazard_ratio(time, event, arm, of="a", versus="b", weights=weight)
    beside = statistics.hazard_ratio(
        [*time, 0.1, 0.2], [*event, 1, 1], [*arm, "a", "b"], of="a", versus="b", weights=[*weight, 0.0, 0.0]
    )
    for limit in ("value", "lower", "upper"):
        assert getattr(beside.estimate, limit) == pytest.approx(getattr(alone.estimate, limit), rel=1e-6)
    after = {"weights": [*weight, 0.0], "entry": [*np.ones(40), 2.0]}
    late = statistics.hazard_ratio([*time + 1, 9.0], [*event, 1], [*arm, "a"], of="a", versus="b", **after)
    assert late.estimate.value == pytest.approx(alone.estimate.value, rel=1e-6)


def test_a_last_subject_of_no_weight_changes_no_logrank_test():
    """It dies when nobody else is at risk, so that nobody with a weight is."""
    time, event, group = [1, 2, 3, 4, 9], [1, 1, 1, 0, 1], ["a", "b", "a", "b", "a"]
    with_it = statistics.logrank(time, event, group, weights=[1, 2, 1, 1, 0])
    without = statistics.logrank(time[:4], event[:4], group[:4], weights=[1, 2, 1, 1])
    assert with_it.statistic == pytest.approx(without.statistic)
    assert with_it.p_value == pytest.approx(without.p_value)
