"""Effects of drawn subjects have the right interval, and are judged by the rule."""

import numpy as np
import pytest

from gvlab.findings.estimated import (
    Fates,
    compare_groups,
    compare_readings,
    compare_shares,
    judge_reading,
    judge_share,
    too_few_members,
)
from gvlab.findings.rule import Kind, Verdict
from gvlab.library.finding_record import Expectation, Significance
from gvlab.statistics import compare_proportions

LOGRANK = Significance(test="log-rank", n=10, n_status="assumed")
WELCH = Significance(test="welch", n=3, n_status="stated")


def fates(alive: int, dead: int, day_of_death: float = 20.0) -> Fates:
    reached = np.array([True] * alive + [False] * dead)
    return Fates(np.arange(alive + dead), reached, np.where(reached, 100.0, day_of_death), ~reached)


def up(at_least: float) -> Expectation:
    return Expectation(direction="up", at_least=at_least, why="for the test")


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_a_large_difference_in_the_right_direction_is_reproduced(rng):
    outcome = compare_shares(fates(80, 20), fates(5, 95), up(0.3), LOGRANK, rng)
    assert outcome.verdict is Verdict.REPRODUCED
    assert outcome.effect.value == pytest.approx(0.75)
    assert outcome.power.probability > 0.8


def test_a_small_difference_in_the_right_direction_is_partly(rng):
    outcome = compare_shares(fates(40, 160), fates(5, 195), up(0.3), None, rng)
    assert outcome.verdict is Verdict.PARTLY
    assert "smaller" in outcome.reason


def test_a_difference_that_ten_animals_would_miss_is_partly(rng):
    outcome = compare_shares(fates(80, 120), fates(10, 190, day_of_death=90.0), up(0.3), LOGRANK, rng)
    assert outcome.verdict is Verdict.PARTLY
    assert "10 per arm" in outcome.reason


def test_no_difference_is_not_reproduced_however_many_subjects(rng):
    outcome = compare_shares(fates(500, 500), fates(500, 500), up(0.3), LOGRANK, rng)
    assert outcome.verdict is Verdict.NOT


def test_the_other_way_is_not_reproduced(rng):
    outcome = compare_shares(fates(5, 95), fates(80, 20), up(0.3), LOGRANK, rng)
    assert outcome.verdict is Verdict.NOT
    assert "other way" in outcome.reason


def test_unchanged_needs_the_whole_interval_within_its_bounds(rng):
    expect = Expectation(direction="unchanged", bounds=(-0.2, 0.2), why="for the test")
    assert compare_shares(fates(100, 100), fates(100, 100), expect, None, rng).verdict is Verdict.REPRODUCED
    other = fates(5, 5)
    other = Fates(other.subject, other.holds[::-1], other.duration, other.died)
    assert compare_shares(fates(5, 5), other, expect, None, rng).verdict is Verdict.PARTLY
    assert compare_shares(fates(150, 50), fates(50, 150), expect, None, rng).verdict is Verdict.NOT


def test_what_the_subjects_have_in_common_cancels(rng):
    expect = Expectation(direction="unchanged", bounds=(-0.05, 0.05), why="for the test")
    same = compare_shares(fates(60, 60), fates(60, 60), expect, None, rng)
    assert same.verdict is Verdict.REPRODUCED
    turned = fates(60, 60)
    turned = Fates(turned.subject, turned.holds[::-1], turned.duration, turned.died)
    other = compare_shares(fates(60, 60), turned, expect, None, rng)
    assert other.effect.value == 0
    assert other.effect.upper - other.effect.lower > 3 * (same.effect.upper - same.effect.lower)


def test_the_paired_interval_is_that_of_newcombe():
    """36 subjects alive in both arms, 12 in the first only, 2 in the second only: 0.0569 to 0.3404 by hand.

    Wilson: 48/50 gives 0.8654 to 0.9890, 38/50 gives 0.6259 to 0.8570; the correlation is -24 / sqrt(48 2 38 12).
    """
    arm = np.array([True] * 36 + [True] * 12 + [False] * 2)
    versus = np.array([True] * 36 + [False] * 12 + [True] * 2)
    one, other = (Fates(np.arange(50), alive, np.ones(50), ~alive) for alive in (arm, versus))
    outcome = compare_shares(one, other, up(0.1), None, np.random.default_rng(0))
    assert outcome.effect.value == pytest.approx(0.2)
    assert (outcome.effect.lower, outcome.effect.upper) == pytest.approx((0.0569, 0.3404), abs=1e-4)


def test_a_share_is_held_against_its_bound():
    expect = Expectation(direction="below", at_least=0.2, why="for the test")
    assert judge_share(fates(1, 99), expect).verdict is Verdict.REPRODUCED
    assert judge_share(fates(2, 8), expect).verdict is Verdict.PARTLY
    assert judge_share(fates(50, 50), expect).verdict is Verdict.NOT


def test_readings_are_compared_by_the_ratio_of_their_medians(rng):
    versus = rng.lognormal(0, 0.1, 60)
    outcome = compare_readings(3 * versus, versus, up(1.5), WELCH, rng)
    assert outcome.verdict is Verdict.REPRODUCED
    assert outcome.effect.value == pytest.approx(3)


def test_a_fold_change_down_is_held_against_the_inverse(rng):
    versus = rng.lognormal(0, 0.1, 60)
    down = Expectation(direction="down", at_least=1.5, why="for the test")
    assert compare_readings(versus / 2, versus, down, None, rng).verdict is Verdict.REPRODUCED
    assert compare_readings(versus / 1.2, versus, down, None, rng).verdict is Verdict.PARTLY


def test_readings_of_the_dead_do_not_count(rng):
    versus = rng.lognormal(0, 0.1, 20)
    arm = np.where(np.arange(20) < 17, np.nan, 2 * versus)
    outcome = compare_readings(arm, versus, up(1.5), None, rng)
    assert outcome.verdict is Verdict.CANNOT_SAY
    assert "only 3 subjects" in outcome.reason


def test_a_reading_is_held_against_its_bound_in_its_own_unit(rng):
    reading = rng.lognormal(np.log(30), 0.2, 60)
    at_least = Expectation(direction="above", at_least=20, why="for the test")
    outcome = judge_reading(reading, at_least, rng)
    assert outcome.verdict is Verdict.REPRODUCED
    assert outcome.effect.value == pytest.approx(np.median(reading))
    assert outcome.effect.lower < outcome.effect.value < outcome.effect.upper
    at_most = Expectation(direction="below", at_least=20, why="for the test")
    assert judge_reading(reading, at_most, rng).verdict is Verdict.NOT
    near = Expectation(direction="above", at_least=float(np.median(reading)), why="for the test")
    assert judge_reading(reading, near, rng).verdict is Verdict.PARTLY


def test_a_reading_of_zero_has_no_ratio_and_says_so(rng):
    outcome = compare_readings(np.array([0.0, 1, 2, 3, 4, 5]), np.ones(6), up(1.5), None, rng)
    assert outcome.verdict is Verdict.CANNOT_SAY
    assert "zero" in outcome.reason


@pytest.mark.parametrize("subjects", [4, 5])
def test_five_subjects_are_needed(subjects, rng):
    readable = subjects >= 5
    versus = np.linspace(1, 1.1, subjects)
    outcomes = [
        compare_shares(fates(subjects, 0), fates(0, subjects), up(0.3), None, rng),
        compare_readings(3 * versus, versus, up(1.5), None, rng),
        judge_share(fates(subjects, 0), Expectation(direction="above", at_least=0.3, why="for the test")),
        judge_reading(versus, Expectation(direction="above", at_least=0.3, why="for the test"), rng),
    ]
    for outcome in outcomes:
        assert (outcome.verdict is not Verdict.CANNOT_SAY) is readable
        assert (outcome.effect is not None) is readable
        assert readable or f"only {subjects} subjects" in outcome.reason


@pytest.mark.parametrize(("alive", "dead", "readable"), [(3, 1, False), (4, 1, True)])
def test_groups_of_different_subjects_are_compared_from_five_on(alive, dead, readable):
    for one, other in ((fates(alive, dead), fates(2, 8)), (fates(2, 8), fates(alive, dead))):
        found = compare_groups(one, other, up(0.1))
        assert found.subjects == alive + dead
        assert (found.effect is not None) is readable
        assert readable or found.reason == "only 4 subjects could be read in both arms; 5 are needed"
    if readable:
        found = compare_groups(fates(4, 1), fates(2, 8), up(0.1))
        assert found.effect == compare_proportions(4, 5, 2, 10).difference
        assert (found.arm, found.versus, found.kind) == (0.8, 0.2, Kind.DIFFERENCE)


def test_subjects_of_two_arms_are_paired_by_their_number(rng):
    """Of ten in one arm eight are in the other, in another order; six of these live in the first, two in the second."""
    arm = fates(8, 2)
    numbers = np.array([9, 8, 7, 6, 5, 4, 3, 2])
    versus = Fates(numbers, np.isin(numbers, [2, 9]), np.full(8, 50.0), ~np.isin(numbers, [2, 9]))
    found = compare_shares(arm, versus, up(0.1), None, rng)
    assert found.subjects == 8
    assert found.effect.value == pytest.approx(6 / 8 - 2 / 8)  # numbers 2 to 7 are alive in the first
    assert (found.arm, found.versus) == (0.8, 0.25)
    again = compare_shares(arm.where(arm.subject > 1), versus, up(0.1), None, rng)
    assert again.effect == found.effect
    assert again.arm == 0.75


@pytest.mark.parametrize(("test", "seen"), [("welch", True), ("mann-whitney", False)])
def test_the_power_of_readings_is_of_the_test_and_the_number_that_are_stated(test, seen, rng):
    """Three against three decide by Welch's test, and never by ranks."""
    versus = rng.lognormal(0, 0.1, 60)
    significance = Significance(test=test, n=3, n_status="stated")
    found = compare_readings(3 * versus, versus, up(1.5), significance, rng)
    assert (found.power.probability > 0.8) is seen
    assert (found.power.n_a, found.power.n_b) == (3, 3)
    assert found.verdict is (Verdict.REPRODUCED if seen else Verdict.PARTLY)
    assert (found.arm, found.versus) == pytest.approx((3 * np.median(versus), np.median(versus)))


def test_a_level_that_is_stated_is_that_of_the_test(rng):
    strict, loose = (
        compare_shares(
            fates(60, 40), fates(30, 70), up(0.1), Significance(test="log-rank", n=10, n_status="assumed", alpha=a), rng
        ).power.probability
        for a in (0.001, 0.3)
    )
    assert strict < 0.2 < 0.5 < loose


def test_one_arm_has_no_other_side(rng):
    share = judge_share(fates(6, 4), Expectation(direction="above", at_least=0.3, why="for the test"))
    assert (share.arm, share.kind, share.subjects) == (0.6, Kind.SHARE, 10)
    assert np.isnan(share.versus)
    few = judge_reading(np.array([1.0, 2, 3, 4, np.nan]), Expectation(direction="above", at_least=1, why="w"), rng)
    assert (few.subjects, few.kind) == (4, Kind.READING)
    assert few.reason == "only 4 subjects could be read in the arm; 5 are needed"


@pytest.mark.parametrize(("compared", "kind"), [(True, Kind.RATIO), (False, Kind.READING)])
def test_a_group_with_few_members_says_how_many_are_needed(compared, kind):
    found = too_few_members("in remission", 3, 40, "DLI", compared=compared)
    assert found.reason.startswith('3 of 40 subjects in the arm "DLI" are in remission; 5 are needed.')
    assert (found.verdict, found.kind, found.subjects, found.effect) == (Verdict.CANNOT_SAY, kind, 3, None)
