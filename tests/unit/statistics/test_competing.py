from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gvlab import statistics
from gvlab.errors import InvalidValueError, UnknownNameError

CAUSES = {1: "leukemia", 2: "GVHD"}


def failures(rng, n, first=0.04, second=0.03, censoring=0.01):
    t1, t2, c = rng.exponential(1 / first, n), rng.exponential(1 / second, n), rng.exponential(1 / censoring, n)
    return np.minimum(np.minimum(t1, t2), c), np.where((t1 < t2) & (t1 < c), 1, np.where(t2 < c, 2, 0))


def test_incidence_without_ties_equals_lifelines():
    from lifelines import AalenJohansenFitter

    time, cause = failures(np.random.default_rng(1), 60)
    theirs = AalenJohansenFitter(calculate_variance=True).fit(time, cause, event_of_interest=1)
    ours = statistics.cumulative_incidence(time, cause, CAUSES).of("leukemia")
    assert ours["incidence"].to_numpy() == pytest.approx(theirs.cumulative_density_["CIF_1"].to_numpy(), abs=1e-12)
    # lifelines uses (n - d) where the delta method has n in one term; the limits agree within a few percent.
    limits = theirs.confidence_interval_.to_numpy()[1:]
    inside = limits[:, 0] > 0
    assert ours["lower"].to_numpy()[1:][inside] == pytest.approx(limits[inside, 0], rel=0.06)
    assert ours["upper"].to_numpy()[1:][inside] == pytest.approx(limits[inside, 1], rel=0.06)


def test_all_incidences_and_survival_add_up_to_one():
    time, cause = failures(np.random.default_rng(2), 80)
    time = np.ceil(time)
    estimate = statistics.cumulative_incidence(time, cause, CAUSES)
    total = estimate.table.groupby("time")["incidence"].sum()
    survival = statistics.kaplan_meier(time, cause).table.set_index("time")["survival"]
    assert (total + survival).to_numpy() == pytest.approx(np.ones(len(total)), abs=1e-12)


def test_without_censoring_the_variance_is_binomial():
    rng = np.random.default_rng(3)
    time, cause = failures(rng, 50, censoring=1e-12)
    estimate = statistics.cumulative_incidence(time, cause, CAUSES).at(np.median(time), "leukemia")
    f, z = estimate.value, stats.norm.ppf(0.975)
    spread = z * np.sqrt(f * (1 - f) / 50) / (f * np.log(f))
    assert estimate.value == pytest.approx(np.mean((time <= np.median(time)) & (cause == 1)), abs=1e-12)
    assert estimate.lower == pytest.approx(f ** np.exp(-spread), rel=1e-10)
    assert estimate.upper == pytest.approx(f ** np.exp(spread), rel=1e-10)


def test_with_one_cause_gray_is_nearly_the_logrank_test():
    rng = np.random.default_rng(4)
    time, cause = failures(rng, 400, second=1e-12)
    group = rng.choice(["a", "b"], 400)
    logrank, gray = statistics.logrank(time, cause, group), statistics.gray(time, cause, group)
    assert gray.statistic == pytest.approx(logrank.statistic, rel=0.02)


def test_gray_keeps_its_level_where_the_other_cause_differs():
    """Same incidence of cause 1 by construction, very different cause 2 and censoring: about 5 % are significant."""
    rng = np.random.default_rng(5)
    significant, replicates, n = 0, 600, 60
    for _ in range(replicates):
        group = np.repeat(["a", "b"], n)
        ill = rng.random(2 * n) < 0.5
        fast = np.where(group == "a", 5.0, 40.0)
        time = np.where(ill, rng.exponential(15.0, 2 * n), rng.exponential(fast))
        censoring = rng.uniform(5, 60, 2 * n)
        cause = np.where(time < censoring, np.where(ill, 1, 2), 0)
        test = statistics.gray(np.minimum(time, censoring), cause, group)
        significant += test.p_value < 0.05
    assert significant / replicates == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / replicates))


def test_gray_sees_a_difference_that_is_there():
    rng = np.random.default_rng(6)
    (ta, ca), (tb, cb) = failures(rng, 100, first=0.08), failures(rng, 100, first=0.02)
    assert statistics.gray(np.r_[ta, tb], np.r_[ca, cb], ["a"] * 100 + ["b"] * 100).p_value < 1e-3


def test_a_cause_that_never_happens_has_nothing_to_test():
    assert statistics.gray([3, 4, 5, 6], [2, 2, 0, 2], ["a", "a", "b", "b"], of_interest=1).p_value == 1


def test_when_all_fail_of_one_cause_its_incidence_ends_at_one():
    curve = statistics.cumulative_incidence(np.arange(1, 11), np.ones(10), CAUSES).of("leukemia")
    assert curve["incidence"].iloc[-1] == 1
    assert curve["upper"].iloc[-1] == 1


def test_unnamed_and_unknown_causes_are_refused():
    with pytest.raises(InvalidValueError, match="Cause 3 occurs in the data and has no name"):
        statistics.cumulative_incidence([3, 4], [1, 3], CAUSES)
    with pytest.raises(InvalidValueError, match="without gaps"):
        statistics.cumulative_incidence([3, 4], [1, 3], {1: "leukemia", 3: "other"})
    with pytest.raises(UnknownNameError, match='Did you mean "GVHD"'):
        statistics.cumulative_incidence([3, 4], [1, 2], CAUSES).of("gvhd")
    with pytest.raises(InvalidValueError, match="beyond 9"):
        statistics.cumulative_incidence([3, 9], [1, 0], CAUSES).at(12, "leukemia")


def test_a_group_that_left_before_the_first_event_has_no_degree_of_freedom_in_grays_test():
    duration, cause = [5, 8, 12, 16, 23, 27, 30, 33], [1, 2, 1, 0, 1, 1, 2, 1]
    group = ["a"] * 4 + ["b"] * 4
    two = statistics.gray(duration, cause, group)
    three = statistics.gray([*duration, 1, 2, 2], [*cause, 0, 0, 0], [*group, "c", "c", "c"])
    assert three.degrees_of_freedom == two.degrees_of_freedom == 1
    assert three.p_value == pytest.approx(two.p_value)
