"""Verdicts follow the rules of the record, and nothing else."""

import numpy as np
import pytest

from gvlab.experiment.judge import Fates, Outcome, Verdict, combine, compare_readings, compare_shares, judge_share
from gvlab.library.finding_record import Expectation, Significance

LOGRANK = Significance(test="log-rank", n=10, n_status="assumed")
WELCH = Significance(test="welch", n=3, n_status="stated")


def fates(alive: int, dead: int, day_of_death: float = 20.0) -> Fates:
    reached = np.array([True] * alive + [False] * dead)
    return Fates(reached, np.where(reached, 100.0, day_of_death), ~reached)


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
    assert compare_shares(fates(5, 5), fates(5, 5), expect, None, rng).verdict is Verdict.PARTLY
    assert compare_shares(fates(150, 50), fates(50, 150), expect, None, rng).verdict is Verdict.NOT


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


def outcome(verdict: Verdict) -> Outcome:
    return Outcome(verdict, "", None, "share")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([Verdict.REPRODUCED, Verdict.REPRODUCED], Verdict.REPRODUCED),
        ([Verdict.REPRODUCED, Verdict.NOT], Verdict.PARTLY),
        ([Verdict.REPRODUCED, Verdict.CANNOT_SAY], Verdict.PARTLY),
        ([Verdict.PARTLY], Verdict.PARTLY),
        ([Verdict.NOT, Verdict.NOT], Verdict.NOT),
        ([Verdict.NOT, Verdict.CANNOT_SAY], Verdict.NOT),
        ([Verdict.CANNOT_SAY], Verdict.CANNOT_SAY),
        ([], Verdict.CANNOT_SAY),
    ],
)
def test_a_finding_is_reproduced_only_when_every_comparison_is(verdicts, expected):
    assert combine([outcome(verdict) for verdict in verdicts]) is expected
