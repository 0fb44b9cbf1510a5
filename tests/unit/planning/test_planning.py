"""How many mice: power by replication, losses, ranges."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment import Experiment
from gvlab.planning.make_plan import make_plan
from gvlab.planning.plan import Plan
from gvlab.planning.planned_comparison import Attrition, PlannedComparison
from gvlab.planning.power import PowerCurve, power_curve, sizes_for
from gvlab.planning.simulated_comparison import SimulatedComparison, VirtualArm, simulate_comparison
from gvlab.statistics import logrank_power
from gvlab.statistics.power import logrank_statistics
from gvlab.subject.parameter_set import ParameterSet

NONE = Attrition(0.0, 0.0)
SURVIVAL = PlannedComparison("treated", "control", "overall_survival")
SHARE = PlannedComparison("treated", "control", "cure", day=100.0, share=True)
READING = PlannedComparison("treated", "control", "marker", day=12.0)


def virtual_arm(duration, event=None, value=None) -> VirtualArm:
    duration = np.asarray(duration, dtype=float)
    event = np.isfinite(duration) & (duration < 100) if event is None else event
    value = np.full(len(duration), np.nan) if value is None else value
    return VirtualArm(np.minimum(duration, 100.0), event, value, np.ones(len(duration), bool))


def exponential(rate: float, rng: np.random.Generator, n: int = 4000) -> VirtualArm:
    return virtual_arm(rng.exponential(1 / rate, n))


def simulated(arm: VirtualArm, versus: VirtualArm, without: VirtualArm | None = None) -> SimulatedComparison:
    arms = {"treated": arm, "control": versus}
    return SimulatedComparison(arms, dict.fromkeys(arms, without) if without else arms)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_without_losses_the_power_is_that_of_the_log_rank_test(rng):
    a, b = exponential(0.01, rng), exponential(0.03, rng)
    curve = power_curve(simulated(a, b), [SURVIVAL], NONE, rng, follow_up=100, sizes=(8, 16), replicates=4000)
    for n, power, error in zip(curve.n, curve.power, curve.standard_error, strict=True):
        expected = logrank_power(a.duration, a.event, b.duration, b.event, n, n, rng, replicates=4000)
        assert abs(power - expected.probability) < 4 * np.hypot(error, expected.standard_error)


def test_power_grows_with_mice_and_shrinks_with_losses(rng):
    a, b = exponential(0.008, rng), exponential(0.03, rng)
    sizes = (5, 10, 20)
    whole = power_curve(simulated(a, b), [SURVIVAL], NONE, rng, follow_up=100, sizes=sizes)
    attrition = power_curve(simulated(a, b), [SURVIVAL], Attrition(0.5, 0.0), rng, follow_up=100, sizes=sizes)
    healthy = virtual_arm(np.full(4000, np.inf))
    failing = power_curve(simulated(a, b, healthy), [SURVIVAL], Attrition(0.0, 0.4), rng, follow_up=100, sizes=sizes)
    assert np.all(np.diff(whole.power) > 0)
    assert np.all(attrition.power < whole.power - 0.02)
    assert np.all(failing.power < whole.power - 0.02)


def test_readings_are_tested_by_ranks_and_the_dead_are_not_read(rng):
    def arm(shift: float, dead: float) -> VirtualArm:
        values = rng.normal(shift, 1, 4000)
        values[rng.random(4000) < dead] = np.nan
        return VirtualArm(np.full(4000, 12.0), np.zeros(4000, bool), values, np.ones(4000, bool))

    alive = power_curve(simulated(arm(1, 0), arm(0, 0)), [READING], NONE, rng, follow_up=100, sizes=(10, 20))
    some = power_curve(simulated(arm(1, 0.4), arm(0, 0.4)), [READING], NONE, rng, follow_up=100, sizes=(10, 20))
    # Mann-Whitney keeps 3 / pi of the t test's efficiency for normal readings.
    noncentral = np.sqrt(20 * 3 / np.pi / 2)
    assert abs(alive.power[1] - stats.norm.sf(1.96 - noncentral)) < 0.05
    assert np.all(some.power < alive.power - 0.05)


def test_the_standard_error_is_what_repetition_shows():
    found = []
    for repeat in range(30):
        rng = np.random.default_rng([1, repeat])
        arms = exponential(0.01, rng, 400), exponential(0.03, rng, 400)
        found.append(power_curve(simulated(*arms), [SURVIVAL], NONE, rng, follow_up=100, sizes=(10,), replicates=800))
    spread = np.std([curve.power[0] for curve in found], ddof=1)
    stated = np.sqrt(np.mean([curve.standard_error[0] ** 2 for curve in found]))
    assert 0.6 < stated / spread < 1.6


def test_the_number_needed_is_the_first_from_which_power_lasts():
    curve = PowerCurve("x", (4, 6, 8, 10), np.array([0.81, 0.7, 0.82, 0.9]), np.full(4, 0.02))
    assert curve.needed(0.8) == 8
    assert curve.needed_range(0.8) == (8, 10)
    assert curve.needed(0.95) is None


def test_power_is_computed_for_the_number_asked_and_never_read_between_or_beyond(rng):
    assert sizes_for()[-1] == 80
    assert sizes_for(21)[-1] == 80
    assert {21, 300} <= {*sizes_for(21), *sizes_for(300)}
    assert max(np.diff(sizes_for(300))) <= 30
    assert sizes_for(12, step=5)[:3] == (10, 15, 20)  # whole cages
    a, b = exponential(0.012, rng, 200_000), exponential(0.015, rng, 200_000)
    curve = power_curve(simulated(a, b), [SURVIVAL], NONE, rng, follow_up=100, sizes=(80, 300), replicates=2000)
    # The same from fresh animals: never the same one twice, no pool.
    fresh = []
    for n in curve.n:
        times = np.concatenate([rng.exponential(1 / rate, (2000, n)) for rate in (0.012, 0.015)], axis=1)
        statistic = logrank_statistics(np.minimum(times, 100), times < 100, n)
        fresh.append(np.mean(stats.chi2.sf(statistic, 1) < 0.05))
    assert fresh[1] > fresh[0] + 0.2
    np.testing.assert_allclose(curve.power, fresh, atol=0.04)
    with pytest.raises(InvalidValueError, match="Power with 200 per arm was not computed"):
        curve.at(200)


@pytest.mark.parametrize("animals", [1000, 4000])
def test_arms_that_are_alike_keep_the_level_at_every_size(rng, animals):
    same = exponential(0.02, rng, animals)
    sizes = (3, 5, 10, 20, 80, 300)
    curve = power_curve(
        simulated(same, same), [SURVIVAL], Attrition(), rng, follow_up=100, sizes=sizes, replicates=3000
    )
    error = 3 * np.sqrt(0.05 * 0.95 / 3000)
    assert curve.power[0] == 0  # of three against three no exact test can be significant: there are twenty ways
    assert np.all(curve.power <= 0.05 + error)
    assert np.all(curve.power[2:] >= 0.05 - error)


def test_experiments_that_need_more_animals_than_there_are_are_refused(rng):
    same = exponential(0.02, rng, 100)
    with pytest.raises(InvalidValueError, match="takes 120 different virtual animals, and there are 100"):
        power_curve(simulated(same, same), [SURVIVAL], NONE, rng, follow_up=100, sizes=(60,))


def test_a_share_is_tested_by_fisher_and_its_power_is_that_of_counting(rng):
    shares = (0.53, 0.01)
    arms = [
        VirtualArm(
            np.full(8000, 100.0), np.zeros(8000, bool), (rng.random(8000) < p).astype(float), np.ones(8000, bool)
        )
        for p in shares
    ]
    curve = power_curve(simulated(*arms), [SHARE], NONE, rng, follow_up=100, sizes=(5, 10), replicates=4000)
    for n, found in zip(curve.n, curve.power, strict=True):
        counts = [stats.binom.pmf(np.arange(n + 1), n, arm.value.mean()) for arm in arms]
        expected = sum(
            counts[0][i] * counts[1][j]
            for i in range(n + 1)
            for j in range(n + 1)
            if stats.fisher_exact([[i, n - i], [j, n - j]]).pvalue < 0.05
        )
        assert found == pytest.approx(expected, abs=0.03)


def test_attrition_is_what_is_lost_before_the_reading(rng, survival):
    def arm(shift: float, lost: float) -> VirtualArm:
        values = rng.normal(shift, 1, 6000)
        values[rng.random(6000) < lost] = np.nan
        return VirtualArm(np.full(6000, 12.0), np.zeros(6000, bool), values, np.ones(6000, bool))

    comparison = PlannedComparison.of(survival, endpoint="IL15_serum", day="day 9")
    assert comparison.follow_up(survival) == 9
    assert PlannedComparison.of(survival).follow_up(survival) == 100
    options = {"follow_up": 12.0, "sizes": (12,), "replicates": 4000}
    lost = power_curve(simulated(arm(1, 0), arm(0, 0)), [READING], Attrition(0.4, 0.0), rng, **options)
    missing = power_curve(simulated(arm(1, 0.4), arm(0, 0.4)), [READING], NONE, rng, **options)
    whole = power_curve(simulated(arm(1, 0), arm(0, 0)), [READING], NONE, rng, **options)
    assert lost.power[0] == pytest.approx(missing.power[0], abs=0.04)
    assert lost.power[0] < whole.power[0] - 0.1


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


def test_an_endpoint_whose_time_nobody_can_observe_is_counted_on_a_day(survival):
    comparison = PlannedComparison.of(survival, endpoint="cure")
    assert (comparison.test, comparison.day, comparison.share) == ("Fisher", 100.0, True)
    assert "share with cure by day 100" in comparison.in_words()
    seen = simulate_comparison(survival, [comparison], subjects=96, seed=2, attrition=NONE)
    run = survival.replace(arms=[survival.arm(comparison.arm)]).run(2, subjects=96)
    expected = run.events("cure").holds_on(comparison.arm, 100.0)
    counted = seen.arms[comparison.arm].value
    assert np.array_equal(counted, expected.astype(float))
    failing = simulate_comparison(survival, [comparison], subjects=96, seed=2, attrition=Attrition(0.0, 0.05))
    assert failing.without[comparison.arm].value.all()  # where the leukemia did not take, an animal is free of it
    assert np.array_equal(failing.arms[comparison.arm].value, counted)
    early = PlannedComparison.of(survival, endpoint="cure", day="day 20")
    soon = simulate_comparison(survival, [early], subjects=96, seed=2, attrition=NONE)
    assert soon.arms[early.arm].value.sum() < expected.sum()


def test_a_null_contrast_keeps_its_level_with_the_nominal_and_with_plausible_parameters(survival):
    arm = survival.arm("BM")
    twins = survival.replace(arms=(arm.replace(name="one"), arm.replace(name="other")))
    table = survival.system.parameters()
    other = ParameterSet("other", {"k_killing_cd8": table.bounds("k_killing_cd8")[0]})
    found = make_plan(twins, PlannedComparison.of(twins), sets=[other], replicates=3200, seed=4)
    for curve, replicates in ((found.nominal, 3200), (found.plausible[0], 200)):
        # 32 sizes are looked at, so one of them may be further off than three errors.
        assert curve.power.max() <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / replicates)
        large = np.array(curve.n) >= 10
        assert curve.power[large].mean() == pytest.approx(0.05, abs=0.012)
    assert found.per_arm is None


def test_a_plan_takes_the_number_that_is_enough_in_nine_of_ten_sets(survival):
    rising = np.array([0.5, 0.7, 0.9])
    curves = [PowerCurve(str(n), (4, 8, 12), rising + (n < 9) * 0.15, np.full(3, 0.01)) for n in range(10)]
    base = dataclasses.replace(
        Plan(survival, (SURVIVAL,), NONE, 0.8, 0.05, curves[0], (), 1, 1, 1), plausible=tuple(curves)
    )
    assert (base.per_arm, base.recommended) == (8, 8)
    hard = dataclasses.replace(base, plausible=tuple(curves[8:]))
    assert (hard.per_arm, hard.recommended) == (8, 12)
    assert dataclasses.replace(base, plausible=()).recommended == 8


def test_the_error_of_an_assay_costs_power_or_mice_and_is_said(survival):
    comparison = PlannedComparison.of(survival, versus="BM + sorafenib", endpoint="serum_il15", day="day 9")
    seen = simulate_comparison(survival, [comparison], subjects=64, seed=2, attrition=NONE)
    without = dataclasses.replace(comparison, endpoint="IL15_serum", assay="")
    truth = simulate_comparison(survival, [without], subjects=64, seed=2, attrition=NONE)
    assert "by serum_il15, with its error" in comparison.in_words()
    assert "without error of an instrument" in without.in_words()
    ratio = np.log(seen.arms[comparison.arm].value / truth.arms[comparison.arm].value)
    assert 0.01 < np.nanstd(ratio) < 1.0


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"arm": "BM + T cell"}, UnknownNameError, 'Did you mean "BM \\+ T cells"'),
        ({"arm": "BM", "versus": "BM"}, InvalidValueError, "compared with itself"),
        ({"endpoint": "IL15_serum"}, InvalidValueError, 'on which day, such as "day 12"'),
        ({"endpoint": "IL15_serum", "day": "day 400"}, InvalidValueError, "lasts from day 0 to day 100"),
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
