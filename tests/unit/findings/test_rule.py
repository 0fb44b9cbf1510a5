"""One rule, whatever is compared: at every edge, for one set and for many, with an interval and without."""

import itertools
import math

import numpy as np
import pytest

from gvlab.findings import rule
from gvlab.findings.rule import (
    Effects,
    Kind,
    Verdict,
    combine,
    combined,
    fewest_readable,
    judge,
    margins,
    medians,
    ratios,
)
from gvlab.library.finding_record import Expectation, Significance

REPRODUCED, PARTLY, NOT, CANNOT_SAY = Verdict
N10 = Significance(test="log-rank", n=10, n_status="assumed")


def expect(direction, at_least=None, bounds=None):
    return Expectation(direction=direction, at_least=at_least, bounds=bounds, why="for the test")


def verdict(kind, asked, value, lower=None, upper=None, power=None):
    """Return the verdict on one effect; without limits it is an expectation."""
    lower, upper = value if lower is None else lower, value if upper is None else upper
    number = np.array
    effects = Effects(
        kind, number([value]), number([lower]), number([upper]), None if power is None else number([power])
    )
    return judge(effects, asked, None if power is None else N10).verdict()


TINY = 1e-6
"""A step beyond an edge; far above rounding, far below anything that matters."""

UP, DOWN = expect("up", 0.3), expect("down", 0.3)
MORE, LESS = expect("up", 1.5), expect("down", 1.5)
SAME, SAME_RATIO = expect("unchanged", bounds=(-0.2, 0.1)), expect("unchanged", bounds=(0.8, 1.2))
AT_LEAST, AT_MOST = expect("above", 0.3), expect("below", 0.3)

EDGES = [
    # kind, asked, value, lower, upper, what it is, then what it is with a limit a step further
    pytest.param(Kind.DIFFERENCE, UP, 0.3, 0.01, 0.6, REPRODUCED, id="up: the size asked for is enough"),
    pytest.param(Kind.DIFFERENCE, UP, 0.3 - TINY, 0.01, 0.6, PARTLY, id="up: less is partly"),
    pytest.param(Kind.DIFFERENCE, UP, 0.9 - 0.6, 0.01, 0.6, REPRODUCED, id="up: the last digit does not count"),
    pytest.param(Kind.DIFFERENCE, UP, 0.7 - 0.4, 0.01, 0.6, REPRODUCED, id="up: on either side"),
    pytest.param(Kind.DIFFERENCE, UP, 0.5, 0.0, 0.9, NOT, id="up: an interval that begins at none includes none"),
    pytest.param(Kind.DIFFERENCE, UP, 0.5, TINY, 0.9, REPRODUCED, id="up: one that begins above excludes it"),
    pytest.param(Kind.DIFFERENCE, UP, -0.5, -0.6, -0.4, NOT, id="up: the other way"),
    pytest.param(Kind.DIFFERENCE, DOWN, -0.3, -0.6, -0.01, REPRODUCED, id="down: the size asked for is enough"),
    pytest.param(Kind.DIFFERENCE, DOWN, -0.3 + TINY, -0.6, -0.01, PARTLY, id="down: less is partly"),
    pytest.param(Kind.DIFFERENCE, DOWN, -0.5, -0.9, 0.0, NOT, id="down: an interval that ends at none includes none"),
    pytest.param(Kind.DIFFERENCE, DOWN, -0.5, -0.9, -TINY, REPRODUCED, id="down: one that ends below excludes it"),
    pytest.param(Kind.DIFFERENCE, DOWN, 0.5, 0.4, 0.6, NOT, id="down: the other way"),
    pytest.param(Kind.RATIO, MORE, 1.5, 1.01, 2.0, REPRODUCED, id="ratio up: the fold asked for is enough"),
    pytest.param(Kind.RATIO, MORE, 1.5 - TINY, 1.01, 2.0, PARTLY, id="ratio up: less is partly"),
    pytest.param(Kind.RATIO, MORE, 2.0, 1.0, 3.0, NOT, id="ratio up: none is one"),
    pytest.param(Kind.RATIO, MORE, 2.0, 1.0 + TINY, 3.0, REPRODUCED, id="ratio up: above one excludes it"),
    pytest.param(Kind.RATIO, LESS, 1 / 1.5, 0.5, 0.99, REPRODUCED, id="ratio down: the inverse fold is enough"),
    pytest.param(Kind.RATIO, LESS, 1 / 1.5 + TINY, 0.5, 0.99, PARTLY, id="ratio down: less is partly"),
    pytest.param(Kind.RATIO, LESS, 0.5, 0.3, 1.0, NOT, id="ratio down: none is one"),
    pytest.param(Kind.RATIO, LESS, 0.5, 0.3, 1.0 - TINY, REPRODUCED, id="ratio down: below one excludes it"),
    pytest.param(Kind.DIFFERENCE, SAME, 0.0, -0.2, 0.1, REPRODUCED, id="unchanged: from bound to bound is within"),
    pytest.param(Kind.DIFFERENCE, SAME, 0.0, -0.2 - TINY, 0.1, PARTLY, id="unchanged: lower limit outside"),
    pytest.param(Kind.DIFFERENCE, SAME, 0.0, -0.2, 0.1 + TINY, PARTLY, id="unchanged: upper limit outside"),
    pytest.param(Kind.DIFFERENCE, SAME, 0.1, -0.3, 0.3, PARTLY, id="unchanged: effect at its upper bound"),
    pytest.param(Kind.DIFFERENCE, SAME, 0.1 + TINY, -0.3, 0.3, NOT, id="unchanged: effect beyond its upper bound"),
    pytest.param(Kind.DIFFERENCE, SAME, -0.2, -0.3, 0.3, PARTLY, id="unchanged: effect at its lower bound"),
    pytest.param(Kind.DIFFERENCE, SAME, -0.2 - TINY, -0.3, 0.3, NOT, id="unchanged: effect beyond its lower bound"),
    pytest.param(Kind.RATIO, SAME_RATIO, 1.0, 0.8, 1.2, REPRODUCED, id="unchanged ratio: from bound to bound"),
    pytest.param(Kind.RATIO, SAME_RATIO, 1.0, 0.8 - TINY, 1.2, PARTLY, id="unchanged ratio: lower limit outside"),
    pytest.param(Kind.RATIO, SAME_RATIO, 1.2 + TINY, 1.1, 1.3, NOT, id="unchanged ratio: outside"),
    pytest.param(Kind.SHARE, AT_LEAST, 0.5, 0.3, 0.7, REPRODUCED, id="above: the interval begins at the bound"),
    pytest.param(Kind.SHARE, AT_LEAST, 0.5, 0.3 - TINY, 0.7, PARTLY, id="above: it begins below"),
    pytest.param(Kind.SHARE, AT_LEAST, 0.3, 0.1, 0.7, PARTLY, id="above: the share is at the bound"),
    pytest.param(Kind.SHARE, AT_LEAST, 0.3 - TINY, 0.1, 0.7, NOT, id="above: the share is below"),
    pytest.param(Kind.SHARE, AT_MOST, 0.1, 0.0, 0.3, REPRODUCED, id="below: the interval ends at the bound"),
    pytest.param(Kind.SHARE, AT_MOST, 0.1, 0.0, 0.3 + TINY, PARTLY, id="below: it ends above"),
    pytest.param(Kind.SHARE, AT_MOST, 0.3, 0.0, 0.5, PARTLY, id="below: the share is at the bound"),
    pytest.param(Kind.SHARE, AT_MOST, 0.3 + TINY, 0.0, 0.5, NOT, id="below: the share is above"),
    pytest.param(Kind.READING, expect("above", 20), 30.0, 20.0, 40.0, REPRODUCED, id="a reading above"),
    pytest.param(Kind.READING, expect("above", 20), 30.0, 19.9, 40.0, PARTLY, id="a reading above, not its interval"),
    pytest.param(Kind.READING, expect("above", 20), 0.0, 0.0, 0.0, NOT, id="nothing is not above"),
    pytest.param(Kind.READING, expect("below", 20), 0.0, 0.0, 0.0, REPRODUCED, id="nothing is below"),
    pytest.param(Kind.READING, expect("below", 20), 20.0, 10.0, 40.0, PARTLY, id="a reading at its upper bound"),
]


@pytest.mark.parametrize(("kind", "asked", "value", "lower", "upper", "expected"), EDGES)
def test_the_edge_of_each_rule(kind, asked, value, lower, upper, expected):
    assert verdict(kind, asked, value, lower, upper) is expected


@pytest.mark.parametrize(
    ("power", "expected"),
    [(0.8, REPRODUCED), (1.0, REPRODUCED), (0.8 - TINY, PARTLY), (0.0, PARTLY), (math.nan, PARTLY)],
)
def test_significance_as_often_as_asked_is_often_enough(power, expected):
    assert verdict(Kind.DIFFERENCE, UP, 0.5, 0.4, 0.6, power) is expected


def test_power_without_a_test_that_is_stated_does_not_count():
    effects = Effects.expected(Kind.DIFFERENCE, np.array([0.5]), np.array([0.0]))
    assert judge(effects, UP).verdict() is REPRODUCED
    assert judge(effects, UP).reason() == "direction and size are as asked"
    unknown = Effects.expected(Kind.DIFFERENCE, np.array([0.5]))
    assert judge(unknown, UP, N10).verdict() is REPRODUCED
    assert judge(unknown, UP, N10).reason() == "direction and size are as asked"


@pytest.mark.parametrize("missing", ["value", "lower", "upper"])
def test_what_could_not_be_read_says_nothing(missing):
    numbers = {"value": 0.5, "lower": 0.4, "upper": 0.6} | {missing: math.nan}
    for kind, asked in ((Kind.DIFFERENCE, UP), (Kind.DIFFERENCE, SAME), (Kind.SHARE, AT_LEAST), (Kind.RATIO, LESS)):
        assert verdict(kind, asked, **numbers) is CANNOT_SAY


def test_an_expectation_is_judged_as_an_interval_of_no_width():
    values = np.linspace(-1, 1, 401)
    for asked in (UP, DOWN, SAME):
        many = judge(Effects.expected(Kind.DIFFERENCE, values), asked)
        assert [many.verdict(i) for i in range(len(values))] == [
            verdict(Kind.DIFFERENCE, asked, each) for each in values
        ]


def test_many_sets_are_judged_as_each_alone():
    random = np.random.default_rng(3)
    value = random.uniform(0.3, 3, 300)
    value[:5] = np.nan
    lower, upper = value * random.uniform(0.5, 1, 300), value * random.uniform(1, 2, 300)
    power = random.random(300)
    test = Significance(test="welch", n=5, n_status="assumed")
    for asked in (MORE, LESS, SAME_RATIO):
        many = judge(Effects(Kind.RATIO, value, lower, upper, power), asked, test)
        assert set(many.codes) >= {NOT.code, CANNOT_SAY.code}
        for i in range(300):
            rows = slice(i, i + 1)
            alone = judge(Effects(Kind.RATIO, value[rows], lower[rows], upper[rows], power[rows]), asked, test)
            assert alone.verdict() is many.verdict(i)
            assert alone.reason() == many.reason(i)


def test_margins_are_in_shares_or_in_doublings():
    def margin(kind, value, asked):
        return margins(kind, np.array([value]), asked)[0]

    assert margin(Kind.DIFFERENCE, 0.5, UP) == pytest.approx(0.2)
    assert margin(Kind.DIFFERENCE, 0.5, DOWN) == pytest.approx(-0.8)
    assert margin(Kind.DIFFERENCE, 0.05, SAME) == pytest.approx(0.05)
    assert margin(Kind.DIFFERENCE, -0.15, SAME) == pytest.approx(0.05)
    assert margin(Kind.SHARE, 0.5, AT_LEAST) == pytest.approx(0.2)
    assert margin(Kind.SHARE, 0.5, AT_MOST) == pytest.approx(-0.2)
    assert margin(Kind.RATIO, 6.0, MORE) == pytest.approx(2)
    assert margin(Kind.RATIO, 1 / 6, LESS) == pytest.approx(2)
    assert margin(Kind.RATIO, 0.8 / 2, SAME_RATIO) == pytest.approx(-1)
    assert margin(Kind.RATIO, 1.2 * 2, SAME_RATIO) == pytest.approx(-1)
    assert margin(Kind.READING, 80.0, expect("above", 20)) == pytest.approx(2)
    assert margin(Kind.READING, 80.0, expect("below", 20)) == pytest.approx(-2)
    assert margin(Kind.READING, 1e-3, expect("above", 2e-3)) == pytest.approx(-1)
    assert margin(Kind.READING, 0.0, expect("below", 20)) == math.inf
    assert math.isnan(margin(Kind.RATIO, math.nan, MORE))


def test_a_bound_is_reached_up_to_rounding():
    near = np.array([-rule.ROUNDING, -2 * rule.ROUNDING, 0.0, math.nan])
    assert rule.reached(near).tolist() == [True, False, True, False]
    assert 1e-15 < rule.ROUNDING < 1e-6


REASONS = [
    (Kind.RATIO, MORE, (0.995, 0.99, 0.999), None, "there is no effect"),
    (Kind.RATIO, MORE, (0.9, 0.8, 0.95), None, "the effect goes the other way"),
    (Kind.RATIO, LESS, (1.1, 1.05, 1.2), None, "the effect goes the other way"),
    (Kind.DIFFERENCE, UP, (-0.01, -0.02, -0.005), None, "the effect goes the other way"),
    (Kind.DIFFERENCE, UP, (-0.01, -0.02, 0.0), None, "the interval includes no effect"),
    (Kind.DIFFERENCE, DOWN, (0.01, 0.0, 0.02), None, "the interval includes no effect"),
    (Kind.DIFFERENCE, UP, (-0.005, -0.006, -0.004), None, "there is no effect"),
    (Kind.DIFFERENCE, UP, (-0.02, -0.03, -0.01), None, "the effect goes the other way"),
    (Kind.DIFFERENCE, DOWN, (0.02, 0.01, 0.03), None, "the effect goes the other way"),
    (Kind.DIFFERENCE, UP, (0.02, -0.01, 0.05), None, "the interval includes no effect"),
    (Kind.DIFFERENCE, UP, (0.02, 0.01, 0.05), None, "the direction is right, the effect is smaller than 0.3"),
    (Kind.DIFFERENCE, DOWN, (-0.02, -0.05, -0.01), None, "the direction is right, the effect is smaller than -0.3"),
    (Kind.RATIO, LESS, (0.9, 0.8, 0.95), None, "the direction is right, the effect is smaller than 0.667"),
    (Kind.RATIO, MORE, (1.1, 1.05, 1.2), None, "the direction is right, the effect is smaller than 1.5"),
    (Kind.DIFFERENCE, UP, (0.5, 0.4, 0.6), None, "direction and size are as asked"),
    (Kind.DIFFERENCE, UP, (0.5, 0.4, 0.6), 0.9, "direction, size and probability of significance are as asked"),
    (
        Kind.DIFFERENCE, UP, (0.5, 0.4, 0.6), 0.42,
        "direction and size are right, but 10 per arm would be significant in 42 % of experiments; 80 % are asked for",
    ),
    (Kind.DIFFERENCE, SAME, (0.0, -0.1, 0.05), None, "the interval lies within -0.2 to 0.1"),
    (Kind.DIFFERENCE, SAME, (0.0, -0.3, 0.05), None, "the effect lies within -0.2 to 0.1, its interval does not"),
    (Kind.DIFFERENCE, SAME, (0.5, 0.3, 0.6), None, "the effect lies outside -0.2 to 0.1"),
    (Kind.SHARE, AT_LEAST, (0.5, 0.4, 0.6), None, "the whole interval is at least 0.3"),
    (Kind.SHARE, AT_MOST, (0.2, 0.1, 0.6), None, "the share is at most 0.3, its interval is not"),
    (Kind.READING, AT_MOST, (0.5, 0.4, 0.6), None, "the reading is not at most 0.3"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "asked", "effect", "power", "words"), REASONS)
def test_the_reason_says_which_rule_decided(kind, asked, effect, power, words):
    value, lower, upper = (np.array([each]) for each in effect)
    power = None if power is None else np.array([power])
    assert judge(Effects(kind, value, lower, upper, power), asked, None if power is None else N10).reason() == words


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([REPRODUCED, REPRODUCED], REPRODUCED),
        ([REPRODUCED, NOT], PARTLY),
        ([REPRODUCED, NOT, NOT], NOT),
        ([REPRODUCED, REPRODUCED, NOT, NOT, NOT], NOT),
        ([REPRODUCED, CANNOT_SAY], PARTLY),
        ([PARTLY], PARTLY),
        ([PARTLY, NOT], PARTLY),
        ([NOT, NOT], NOT),
        ([NOT, CANNOT_SAY], NOT),
        ([CANNOT_SAY], CANNOT_SAY),
        ([CANNOT_SAY, CANNOT_SAY], CANNOT_SAY),
        ([], CANNOT_SAY),
    ],
)
def test_a_finding_needs_every_comparison_and_is_lost_when_most_fail(verdicts, expected):
    assert combined(verdicts) is expected


def test_sets_are_combined_as_each_alone():
    rows = np.array(list(itertools.product(range(4), repeat=3)))
    together = combine(rows)
    for row, code in zip(rows, together, strict=True):
        assert rule.VERDICTS[code] is combined([rule.VERDICTS[each] for each in row])


@pytest.mark.parametrize(
    ("subjects", "fewest"), [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3), (16, 4), (17, 5), (20, 5), (21, 5), (1000, 5)]
)
def test_five_are_enough_and_a_quarter_where_few_are_followed(subjects, fewest):
    assert fewest_readable(subjects) == fewest


def test_a_median_needs_enough_subjects():
    readings = np.tile(np.arange(1.0, 9), (3, 1))
    seen = np.zeros((3, 8), dtype=bool)
    seen[1, :1], seen[2, 4:6] = True, True
    found = medians(readings, seen)
    assert np.isnan(found[:2]).all()
    assert found[2] == 5.5


def test_a_ratio_is_of_those_who_are_read_on_both_sides():
    arm = np.array([[2.0, 4, np.nan, 100, 6], [2, 4, 6, 8, 10], [2, 4, 6, 8, 10]])
    versus = np.array([[1.0, 2, 3, np.nan, 3], [1, 2, 0, 4, 5], [1, 2, 3, 4, -5]])
    found = ratios(arm, versus)
    assert found[0] == pytest.approx(2.0)
    assert np.isnan(found[1:]).all(), "a reading of zero or less has no fold"
    assert np.isnan(ratios(versus, arm)[1:]).all()
    assert ratios(arm[:1] / 1e6, versus[:1] / 1e6)[0] == pytest.approx(2.0)
    tiny = np.array([[0.25, 0.5, 0.5, 0.5, 0.75]])
    assert ratios(tiny, tiny)[0] == 1.0


def test_every_verdict_says_what_it_means():
    for each in Verdict:
        assert len(each.meaning) > 40
        assert each.meaning.endswith(".")
    assert len({each.meaning for each in Verdict}) == len(Verdict)
    assert [each.code for each in Verdict] == [0, 1, 2, 3]
