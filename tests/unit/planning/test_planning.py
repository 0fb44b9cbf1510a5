"""How many mice: power by replication, losses, ranges."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment import Experiment
from gvlab.planning.plan import make_plan
from gvlab.planning.planned_comparison import Attrition, ParameterSet, PlannedComparison
from gvlab.planning.power import PowerCurve, power_curve
from gvlab.planning.simulated_comparison import SimulatedComparison, VirtualArm, simulate_comparison
from gvlab.statistics import logrank_power

NONE = Attrition(0.0, 0.0)
SURVIVAL = PlannedComparison("treated", "control", "overall_survival")
READING = PlannedComparison("treated", "control", "marker", day=12.0)


def virtual_arm(duration, event=None, value=None) -> VirtualArm:
    duration = np.asarray(duration, dtype=float)
    event = np.isfinite(duration) & (duration < 100) if event is None else event
    value = np.full(len(duration), np.nan) if value is None else value
    return VirtualArm(np.minimum(duration, 100.0), event, value)


def exponential(rate: float, rng: np.random.Generator, n: int = 4000) -> VirtualArm:
    return virtual_arm(rng.exponential(1 / rate, n))


def simulated(arm: VirtualArm, versus: VirtualArm, without: VirtualArm | None = None) -> SimulatedComparison:
    return SimulatedComparison(arm, versus, without or arm, without or versus)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_without_losses_the_power_is_that_of_the_log_rank_test(rng):
    a, b = exponential(0.01, rng), exponential(0.03, rng)
    curve = power_curve(simulated(a, b), SURVIVAL, NONE, rng, follow_up=100, sizes=(8, 16), replicates=4000)
    for n, power, error in zip(curve.n, curve.power, curve.standard_error, strict=True):
        expected = logrank_power(a.duration, a.event, b.duration, b.event, n, n, rng, replicates=4000)
        assert abs(power - expected.probability) < 4 * np.hypot(error, expected.standard_error)


def test_power_grows_with_mice_and_shrinks_with_losses(rng):
    a, b = exponential(0.008, rng), exponential(0.03, rng)
    sizes = (5, 10, 20)
    whole = power_curve(simulated(a, b), SURVIVAL, NONE, rng, follow_up=100, sizes=sizes)
    attrition = power_curve(simulated(a, b), SURVIVAL, Attrition(0.5, 0.0), rng, follow_up=100, sizes=sizes)
    healthy = virtual_arm(np.full(4000, np.inf))
    failing = power_curve(simulated(a, b, healthy), SURVIVAL, Attrition(0.0, 0.4), rng, follow_up=100, sizes=sizes)
    assert np.all(np.diff(whole.power) > 0)
    assert np.all(attrition.power < whole.power - 0.05)
    assert np.all(failing.power < whole.power - 0.05)


def test_arms_that_are_alike_differ_at_the_level_of_the_test(rng):
    same = exponential(0.02, rng)
    curve = power_curve(simulated(same, same), SURVIVAL, NONE, rng, follow_up=100, sizes=(30,), replicates=8000)
    assert 0.035 < curve.power[0] < 0.065


def test_readings_are_tested_by_ranks_and_the_dead_are_not_read(rng):
    def arm(shift: float, dead: float) -> VirtualArm:
        values = rng.normal(shift, 1, 4000)
        values[rng.random(4000) < dead] = np.nan
        return VirtualArm(np.full(4000, 12.0), np.zeros(4000, bool), values)

    alive = power_curve(simulated(arm(1, 0), arm(0, 0)), READING, NONE, rng, follow_up=100, sizes=(10, 20))
    some = power_curve(simulated(arm(1, 0.4), arm(0, 0.4)), READING, NONE, rng, follow_up=100, sizes=(10, 20))
    # Mann-Whitney keeps 3 / pi of the t test's efficiency for normal readings.
    noncentral = np.sqrt(20 * 3 / np.pi / 2)
    assert abs(alive.power[1] - stats.norm.sf(1.96 - noncentral)) < 0.05
    assert np.all(some.power < alive.power - 0.05)


def test_the_standard_error_is_what_repetition_shows():
    found = []
    for repeat in range(30):
        rng = np.random.default_rng([1, repeat])
        arms = exponential(0.01, rng, 400), exponential(0.03, rng, 400)
        found.append(power_curve(simulated(*arms), SURVIVAL, NONE, rng, follow_up=100, sizes=(10,), replicates=800))
    spread = np.std([curve.power[0] for curve in found], ddof=1)
    stated = np.sqrt(np.mean([curve.standard_error[0] ** 2 for curve in found]))
    assert 0.6 < stated / spread < 1.6


def test_the_number_needed_is_the_first_from_which_power_lasts():
    curve = PowerCurve("x", (4, 6, 8, 10), np.array([0.81, 0.7, 0.82, 0.9]), np.full(4, 0.02))
    assert curve.needed(0.8) == 8
    assert curve.needed_range(0.8) == (8, 10)
    assert curve.needed(0.95) is None


def test_losses_are_shares():
    with pytest.raises(InvalidValueError, match=r"attrition is 10; it is a share .* Did you mean 0\.1\?"):
        Attrition(dropout=10)


@pytest.fixture(scope="module")
def survival() -> Experiment:
    return Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b")


def test_a_comparison_fills_in_what_was_not_said(survival):
    comparison = PlannedComparison.of(survival)
    assert (comparison.arm, comparison.versus) == ("BM + T cells + sorafenib", "BM + T cells")
    assert comparison.endpoint == "overall_survival"
    assert PlannedComparison.of(survival, endpoint="IL15_serum", day="day 12").test == "Mann-Whitney"
    assert PlannedComparison.of(survival, endpoint="serum_il15", day="day 12").endpoint == "IL15"
    assert PlannedComparison.of(survival, endpoint="cd8_flow.pd1_median", day="day 12").assay == "cd8_flow"


def test_the_error_of_an_assay_costs_power_or_mice_and_is_said(survival):
    comparison = PlannedComparison.of(survival, versus="BM + sorafenib", endpoint="serum_il15", day="day 9")
    seen = simulate_comparison(survival, comparison, subjects=64, seed=2, attrition=NONE)
    without = dataclasses.replace(comparison, endpoint="IL15_serum", assay="")
    truth = simulate_comparison(survival, without, subjects=64, seed=2, attrition=NONE)
    assert "by serum_il15, with its error" in comparison.in_words()
    assert "without error of an instrument" in without.in_words()
    ratio = np.log(seen.arm.value / truth.arm.value)
    assert 0.01 < np.nanstd(ratio) < 1.0


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"arm": "BM + T cell"}, UnknownNameError, 'Did you mean "BM \\+ T cells"'),
        ({"arm": "BM", "versus": "BM"}, InvalidValueError, "compared with itself"),
        ({"endpoint": "IL15_serum"}, InvalidValueError, 'on which day, such as "day 12"'),
        ({"endpoint": "IL15_serum", "day": "day 400"}, InvalidValueError, "ends on day 100"),
        ({"endpoint": "survivall"}, UnknownNameError, "endpoint, assay or output"),
        ({"endpoint": "cd8_flow", "day": "day 9"}, InvalidValueError, "name one of them: cd8_flow.cd107a"),
        ({"endpoint": "serum_il15.IL2", "day": "day 9"}, UnknownNameError, 'analyte of "serum_il15"'),
        ({"day": "day 12"}, InvalidValueError, "only a reading has a day"),
    ],
)
def test_a_comparison_that_cannot_be_asked_says_why(survival, asked, error, words):
    with pytest.raises(error, match=words):
        PlannedComparison.of(survival, **asked)


def test_parameter_sets_keep_what_holds_in_the_system(survival):
    system = survival.system
    row = next(row for row in system.parameters() if row.context)
    own = f"{row.parameterId}@{';'.join(row.context)}"
    found = ParameterSet.of("s", {own: 1.5, f"{row.parameterId}@leukemia:another": 2.5, "k_killing_cd8": 3.0}, system)
    assert found.values == {row.parameterId: 1.5, "k_killing_cd8": 3.0}


def test_a_plan_is_the_same_for_a_seed_and_tells_how_sure_it_is(survival):
    comparison = PlannedComparison.of(survival)
    table = survival.system.parameters()
    no_killing = ParameterSet("weak", {"k_killing_cd8": table.bounds("k_killing_cd8")[0]})
    plans = [
        make_plan(survival, comparison, sets=[no_killing], subjects=64, subjects_each=32, replicates=160, seed=4)
        for _ in range(2)
    ]
    assert np.array_equal(plans[0].nominal.power, plans[1].nominal.power)
    words = " ".join(plans[0].in_words())
    assert "within the Monte-Carlo error" in words
    assert "Over 1 plausible parameter sets" in words
    assert "10 %" in words
    assert "5 %" in words
    alone = dataclasses.replace(plans[0], plausible=())
    assert "Only the nominal parameter set" in " ".join(alone.in_words())
