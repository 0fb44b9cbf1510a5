"""The power a plan states is how often fresh experiments are significant; where nothing differs it is the level."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.experiment import Experiment
from gvlab.planning.planned_comparison import Attrition, PlannedComparison
from gvlab.planning.power import power_curve
from gvlab.planning.simulated_comparison import SimulatedComparison, VirtualArm, simulate_comparison
from gvlab.statistics.permutation import logrank_p_values
from gvlab.subject.parameter_set import ParameterSet
from gvlab.workflows.plausible_sets import plausible_sets

SYSTEM = "b6_into_balbc_wehi3b"
LEVEL = 0.05
USUAL = Attrition()


@pytest.fixture(scope="module")
def survival() -> Experiment:
    return Experiment.read("mathew2018_survival", SYSTEM)


@pytest.mark.nightly
@pytest.mark.parametrize("number", [0, 1, 2, 3], ids=["nominal", "first set", "second set", "third set"])
def test_arms_that_are_alike_are_significant_in_five_of_a_hundred_experiments(survival, number):
    sets, _ = plausible_sets("mathew2018", 3, 3, survival.system)
    parameters = (ParameterSet(), *sets)[number]
    arm = survival.arm("BM + T cells")
    twins = survival.replace(arms=(arm.replace(name="one"), arm.replace(name="other")))
    asked = [PlannedComparison.of(twins)]
    seen = simulate_comparison(twins, asked, subjects=1000, seed=11, attrition=USUAL, parameters=parameters)
    rng = np.random.default_rng([11, number])
    curve = power_curve(
        seen, asked, USUAL, rng, follow_up=twins.last_day, sizes=(3, 5, 10, 20, 80, 300), replicates=4000
    )
    error = np.sqrt(LEVEL * (1 - LEVEL) / 4000)
    # Of three against three there are twenty ways: no exact test is significant at 0.05, and none is claimed to be.
    assert curve.power[0] == 0
    np.testing.assert_allclose(curve.power[1:], LEVEL, atol=3 * error)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("arm", "versus", "n"),
    [
        ("BM + sorafenib", "BM", 20),
        ("BM + sorafenib", "BM", 55),
        ("BM + T cells + sorafenib", "BM + T cells", 6),
        ("BM + T cells + sorafenib", "BM", 5),
    ],
    ids=["weak, few", "weak, many", "middle", "strong"],
)
def test_power_is_that_of_twenty_thousand_experiments_within_two_points(survival, arm, versus, n):
    asked = PlannedComparison.of(survival, arm, versus)
    # As a plan does it: so many virtual animals and experiments are the defaults.
    seen = simulate_comparison(survival, [asked], subjects=4000, seed=2018, attrition=USUAL)
    stated = power_curve(
        seen, [asked], USUAL, np.random.default_rng([2018, 0]), follow_up=survival.last_day, sizes=(n,)
    ).power[0]
    many = simulate_comparison(survival, [asked], subjects=16_000, seed=77, attrition=USUAL)
    assert stated == pytest.approx(significant(many, arm, versus, n, survival.last_day), abs=0.02)


def significant(many: SimulatedComparison, arm: str, versus: str, n: int, last_day: float) -> float:
    """Return the share of 20,000 experiments that are significant; each is drawn by itself from many animals."""
    rng = np.random.default_rng(5)

    def drawn(taken: VirtualArm, failed: VirtualArm) -> tuple[np.ndarray, np.ndarray]:
        rows = rng.integers(0, len(taken), (20_000, n))
        fails = rng.random(rows.shape) < USUAL.engraftment_failure
        days = np.where(fails, failed.duration[rows], taken.duration[rows])
        events = np.where(fails, failed.event[rows], taken.event[rows])
        leaves = np.where(rng.random(rows.shape) < USUAL.dropout, rng.uniform(0, last_day, rows.shape), np.inf)
        return np.minimum(days, leaves), events & (days <= leaves)

    groups = [drawn(many.arms[name], many.without[name]) for name in (arm, versus)]
    times, events = (np.concatenate(each, axis=1) for each in zip(*groups, strict=True))
    return float(np.mean(logrank_p_values(times, events, n, rng) <= LEVEL + 1e-9))
