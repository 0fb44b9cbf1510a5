"""What an ensemble says in numbers and words, at the edges of its shares, and which parameters it names."""

from types import SimpleNamespace

import numpy as np
import pytest

from gvlab.errors import InvalidValueError
from gvlab.findings.robustness import (
    ComparedOverEnsemble,
    EnsembleVerdict,
    Separation,
    judge_ensemble,
    separations,
    verdicts,
)
from gvlab.findings.rule import Verdict
from gvlab.statistics import Estimate
from gvlab.subject.plausible import Ensemble

NAN = float("nan")
YES, PARTLY, NO, UNREAD = (each.code for each in Verdict)


def ensemble(values, effective=None, names=None):
    values = np.asarray(values, dtype=float)
    about = {"sets": len(values), "effective_sample_size": effective or len(values)}
    names = names or tuple(f"k_{i}" for i in range(values.shape[1]))
    return Ensemble(names, values, np.arange(len(values)) % 2, about)


def two_sided(n, m, share):
    """Sets of which a share of those that hold has the value 1, and all others 0 or -1: the area is that share."""
    return np.concatenate([np.where(np.arange(n) < round(share * n), 1.0, -1.0), np.zeros(m)])


def named(n, share, effective=None):
    holds = np.arange(2 * n) < n
    found = separations(ensemble(two_sided(n, n, share)[:, None], effective), holds)
    return found[0].area if found else None


@pytest.mark.parametrize(
    ("n", "share", "effective", "is_named"),
    [
        # Of 200 sets chance reaches 2 sqrt(201 / (12 100^2)) = 0.08, so 0.15 decides.
        (100, 0.66, 200, True), (100, 0.64, 200, False), (100, 0.34, 200, True), (100, 0.36, 200, False),
        # Worth 20, they are as 10 and 10: chance reaches 2 sqrt(21 / 1200) = 0.265.
        (100, 0.75, 20, False), (100, 0.78, 20, True), (100, 0.24, 20, False), (100, 0.22, 20, True),
        # Of 20 sets it is the same, and they are never worth more than they are.
        (10, 0.7, 20, False), (10, 0.8, 20, True), (10, 0.7, 2000, False), (10, 0.8, 2000, True),
        (9, 1.0, 18, False),
    ],
)  # fmt: skip
def test_a_parameter_is_named_where_its_area_leaves_chance_behind(n, share, effective, is_named):
    assert named(n, share, effective) == (pytest.approx(share) if is_named else None)


def test_the_three_best_are_named_with_the_medians_of_both_sides():
    holds = np.arange(40) < 20
    rank = np.arange(40.0)
    even = np.tile([0.0, 1.0], 20)
    columns = [even, two_sided(20, 20, 0.8), -rank, rank, two_sided(20, 20, 0.9)]
    found = separations(ensemble(np.column_stack(columns)), holds)
    # Two tell perfectly, in the order of the table; of the others the better one.
    assert [each.axis for each in found] == ["k_2", "k_3", "k_4"]
    assert [each.area for each in found] == pytest.approx([1.0, 0.0, 0.9])
    assert [(each.with_it, each.without) for each in found] == [(-9.5, -29.5), (9.5, 29.5), (1.0, 0.0)]
    assert len(separations(ensemble(np.column_stack(columns)), holds, most=1)) == 1


def test_a_separation_in_words():
    assert Separation("k", 0.7, 12.345, 0.5).in_words() == "high k (median 12.3 against 0.5)"
    assert Separation("k", 0.3, 1.0, 2.0).in_words() == "low k (median 1 against 2)"


def compared(share, quantiles=(0.1, 0.2, 0.3), title="t"):
    return ComparedOverEnsemble(SimpleNamespace(title=title), share, quantiles, True)


def told(share, *comparisons, associated=()):
    record = SimpleNamespace(id="C90", role="calibrate", by_construction=False, cannot_say="")
    estimate = Estimate(share, share / 2, (1 + share) / 2)
    return EnsembleVerdict(record, estimate, 0.12345, comparisons, associated, "all", (1 / 3, 2 / 3), 1.23456)


def test_a_reason_is_the_comparison_that_is_met_least_often():
    assert told(0.9, compared(0.95), compared(0.99)).reason == "every comparison is met by nearly all sets"
    verdict = told(0.9, compared(0.99), compared(0.949, title="x"), associated=(Separation("k", 0.9, 2.0, 1.0),))
    words = "least often met (95 %): x, effect 0.20 (5 to 95 % of sets: 0.10 to 0.30)"
    assert verdict.reason == f"{words}; goes with high k (median 2 against 1)"


def test_numbers_for_json_have_four_digits_and_none_where_there_are_none():
    found = told(0.123456, compared(0.987654, (-0.123456, NAN, 1.0))).to_dict()
    assert (found["share"], found["lower"], found["upper"]) == (0.1235, 0.0617, 0.5617)
    assert found["share_by_search"] == [0.3333, 0.6667]
    assert (found["share_partly"], found["between_searches"]) == (0.1235, 1.235)
    (comparison,) = found["comparisons"]
    assert comparison["share"] == 0.9877
    assert comparison["effect_5_50_95"] == [-0.1235, None, 1.0]


def answers(codes, effect=None):
    codes = np.array(codes)
    asked = tuple(
        SimpleNamespace(finding=SimpleNamespace(id="C90"), record=SimpleNamespace(counts=True), title="t")
        for _ in range(codes.shape[1])
    )
    effect = np.ones(codes.shape) if effect is None else np.array(effect, dtype=float)
    decides = np.ones(codes.shape[1], dtype=bool)
    return SimpleNamespace(comparisons=asked, codes=codes, met=codes == YES, effect=effect, decides=decides)


def verdict_of(codes, effect=None, effective=None):
    record = SimpleNamespace(id="C90", role="calibrate", by_construction=False, cannot_say="")
    values = np.zeros((len(codes), 1))
    return verdicts([record], answers(codes, effect), ensemble(values, effective))[0]


@pytest.mark.parametrize(
    ("holding", "effective", "lower", "upper"),
    [
        # Wilson's interval of 5 of 10, 1 of 2, 0 of 10 and 10 of 10; of 0 of n the upper limit is z^2 / (n + z^2).
        (10, 10, 0.2366, 0.7634),
        (10, 1.0, 0.0945, 0.9055),
        (0, 10.4, 0.0, 0.2775),
        (20, 9.6, 0.7225, 1.0),
    ],
)
def test_a_share_has_the_interval_of_as_many_sets_as_the_ensemble_is_worth(holding, effective, lower, upper):
    found = verdict_of([[YES]] * holding + [[NO]] * (20 - holding), effective=effective).reproduced
    assert found.value == holding / 20
    assert (found.lower, found.upper) == (pytest.approx(lower, abs=5e-5), pytest.approx(upper, abs=5e-5))


def test_shares_of_a_finding_and_of_its_searches():
    found = verdict_of([[YES, YES], [YES, NO], [NO, NO], [YES, YES], [UNREAD, YES], [UNREAD, UNREAD]])
    assert found.reproduced.value == pytest.approx(2 / 6)
    assert found.partly == pytest.approx(2 / 6)
    assert [each.share for each in found.comparisons] == pytest.approx([3 / 6, 3 / 6])
    assert found.by_search == pytest.approx((1 / 3, 1 / 3))  # sets 0, 2, 4 and sets 1, 3, 5
    assert verdict_of([[UNREAD]] * 4).reproduced is None
    assert verdict_of([[UNREAD]] * 3 + [[NO]]).reproduced.value == 0


def test_searches_that_disagree_to_the_last_set_have_no_number():
    found = verdict_of([[YES], [NO]] * 10)
    assert found.by_search == (1.0, 0.0)
    assert found.to_dict()["between_searches"] is None
    # Two searches of ten sets that agree: the root of 9/10, by the formula of Gelman and Rubin.
    alike = verdict_of([[YES], [YES], [NO], [NO]] * 5)
    assert alike.between_searches == pytest.approx(0.9**0.5)


def test_quantiles_are_of_the_sets_that_could_be_read():
    found = verdict_of([[YES]] * 22, effect=[[value] for value in [*np.linspace(0, 1, 21), NAN]])
    assert found.comparisons[0].quantiles == pytest.approx((0.05, 0.5, 0.95))
    assert np.isnan(verdict_of([[NO]] * 2, effect=[[NAN]] * 2).comparisons[0].quantiles).all()


def test_an_ensemble_of_other_axes_is_refused_and_subjects_are_those_of_the_recipe():
    asked = []

    def evaluate(values, **about):
        asked.append((len(values), about))
        return answers([[YES]] * len(values))

    evaluator = SimpleNamespace(
        space=SimpleNamespace(names=("k_0",)), recipe=SimpleNamespace(subjects_judged=20), evaluate=evaluate
    )
    record = SimpleNamespace(id="C90", role="calibrate", by_construction=False, cannot_say="")
    found, _ = judge_ensemble(ensemble(np.zeros((4, 1))), evaluator, [record], seed=3)
    assert found[0].reproduced.value == 1
    judge_ensemble(ensemble(np.zeros((4, 1))), evaluator, [record], subjects=7)
    assert [(n, about["subjects"], about["seed"]) for n, about in asked] == [(4, 20, 3), (4, 7, None)]
    with pytest.raises(InvalidValueError, match=r"Make it anew: gvlab calibrate\."):
        judge_ensemble(ensemble(np.zeros((4, 1)), names=("k_1",)), evaluator, [record])
