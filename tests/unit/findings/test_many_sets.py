"""Answers of many sets are judged by the rule, and gathered by finding with the edges that its words promise."""

import dataclasses

import numpy as np
import pytest

from gvlab.experiment import Experiment
from gvlab.findings.comparisons import comparisons_of
from gvlab.findings.many_sets import Answers
from gvlab.findings.robustness import Robustness, robust_and_open, separations, unsolved_in_words, verdicts
from gvlab.findings.rule import Verdict
from gvlab.library import Library
from gvlab.library.finding_record import FindingRecord
from gvlab.subject.plausible import Ensemble

UP = {"direction": "up", "at_least": 0.3, "why": "for the test"}
TEST = {"test": "log-rank", "n": 10, "n_status": "assumed"}
ALIVE = {"endpoint": "overall_survival", "at": "day 50"}


def finding(*comparisons, name="C90", **changes):
    """Return a finding of the syngeneic experiment; each comparison is a difference of survival."""
    arms = {"arm": "BM + T cells + sorafenib", "versus": "BM + syngeneic T cells + sorafenib", "measure": ALIVE}
    about = {"statement": "s", "system": "s", "confidence": "high", "evidence_status": "stated", "role": "calibrate"}
    if comparisons:
        about |= {
            "experiment": "mathew2018_syngeneic",
            "comparisons": [{**arms, "expect": UP, **each} for each in comparisons],
        }
    return FindingRecord.model_validate({"id": name, "published": {"direction": "up"}, **about, **changes})


@pytest.fixture(scope="module")
def experiments():
    experiment = Experiment.read("mathew2018_syngeneic", library=Library.default())
    return {experiment.system.name: experiment}


def answers(record, experiments, effect, power=None, decides=None, unsolved=None):
    asked = tuple(comparisons_of(record, experiments))
    effect = np.array(effect, dtype=float).reshape(-1, len(asked))
    return Answers(
        asked,
        effect,
        np.full_like(effect, np.nan) if power is None else np.array(power, dtype=float).reshape(effect.shape),
        np.zeros(len(effect), dtype=int) if unsolved is None else np.array(unsolved),
        np.ones(len(asked), dtype=bool) if decides is None else np.array(decides),
    )


def ensemble_of(n, effective=None):
    about = {"sets": n, "effective_sample_size": effective or n}
    return Ensemble(("a",), np.arange(float(n))[:, None], np.arange(n), np.arange(n) % 2, about)


def test_sets_are_judged_by_the_rule(experiments):
    record = finding({"significance": TEST}, {"expect": {"direction": "unchanged", "bounds": (-0.1, 0.1), "why": "w"}})
    effect = [(0.3, 0.1), (0.3, 0.0), (0.29, 0.2), (np.nan, np.nan), (-0.4, -0.1)]
    power = [(0.8, np.nan), (0.79, np.nan), (0.9, np.nan), (np.nan, np.nan), (0.9, np.nan)]
    found = answers(record, experiments, effect, power)
    reproduced, partly, no, unread = (each.code for each in Verdict)
    assert found.codes.tolist() == [
        [reproduced, reproduced], [partly, reproduced], [partly, no], [unread, unread], [no, reproduced],
    ]  # fmt: skip
    np.testing.assert_array_equal(found.met, found.codes == reproduced)
    np.testing.assert_allclose(found.margin[0], [0.0, 0.0], atol=1e-12)


def test_the_shortfall_is_what_is_missing_of_size_and_of_power(experiments):
    found = answers(
        finding({"significance": TEST}), experiments, [0.3, 0.2, 0.5, np.nan, -5, 0.2], [0.8, 0.9, 0.5, np.nan, 1, 0.7]
    )
    np.testing.assert_allclose(found.shortfall[:, 0], [0, 0.1, 0.3, 2.8, 2.0, 0.2], atol=1e-12)
    np.testing.assert_array_equal(found.shortfall[:, 0] <= 0, found.met[:, 0])
    rounding = answers(finding({}), experiments, [0.7 - 0.4, 0.9 - 0.6, 0.3 - 1e-6])
    assert (rounding.shortfall[:2] == 0).all()
    assert rounding.shortfall[2, 0] == pytest.approx(1e-6)


def test_only_what_decides_is_in_the_discrepancy(experiments):
    found = answers(finding({}, {}), experiments, [(0.1, 0.0)], decides=[True, False])
    assert found.discrepancy() == pytest.approx([0.2])


@pytest.mark.parametrize(
    ("met", "expected"),
    [
        (100, Robustness.ROBUST), (95, Robustness.ROBUST), (94, Robustness.MOSTLY), (80, Robustness.MOSTLY),
        (79, Robustness.OPEN), (20, Robustness.OPEN), (19, Robustness.NOT), (0, Robustness.NOT),
    ],
)  # fmt: skip
def test_the_share_of_sets_says_how_robust_a_conclusion_is(experiments, met, expected):
    record = finding({})
    found = answers(record, experiments, [0.5] * met + [0.1] * (100 - met))
    (verdict,) = verdicts([record], found, ensemble_of(100))
    assert verdict.reproduced.value == met / 100
    assert verdict.partly == pytest.approx(0.0 if met == 100 else 1 - met / 100)
    assert verdict.robustness is expected
    assert robust_and_open([verdict])[expected] == ("C90",)
    assert verdict.reproduced.lower <= met / 100 <= verdict.reproduced.upper


def test_the_interval_is_for_the_independent_sets(experiments):
    found = answers(finding({}), experiments, [0.5] * 50 + [0.1] * 50)
    (few,), (many,) = (verdicts([finding({})], found, ensemble_of(100, n)) for n in (10, 100))
    assert few.reproduced.upper - few.reproduced.lower > 2 * (many.reproduced.upper - many.reproduced.lower)


def test_half_of_the_comparisons_make_a_set_partly(experiments):
    record = finding({}, {})
    found = answers(record, experiments, [(0.5, 0.5), (0.5, -0.5), (0.1, -0.5), (-0.5, -0.5)])
    (verdict,) = verdicts([record], found, ensemble_of(4))
    assert (verdict.reproduced.value, verdict.partly) == (0.25, 0.5)
    assert [each.share for each in verdict.comparisons] == [0.5, 0.25]
    assert verdict.by_search == (0.5, 0.0)


def test_what_does_not_count_is_shown_and_does_not_enter(experiments):
    record = finding({}, {"counts": False})
    found = answers(record, experiments, [(0.5, -0.5)] * 4, decides=[True, False])
    (verdict,) = verdicts([record], found, ensemble_of(4))
    assert verdict.reproduced.value == 1
    assert len(verdict.comparisons) == 2
    assert verdict.used_for_calibration == "all"


@pytest.mark.parametrize(("decides", "words"), [([1, 1], "all"), ([1, 0], "some"), ([0, 0], "none")])
def test_a_verdict_says_whether_its_comparisons_decided(experiments, decides, words):
    record = finding({}, {})
    found = answers(record, experiments, [(0.5, 0.5)] * 4, decides=np.array(decides, dtype=bool))
    assert verdicts([record], found, ensemble_of(4))[0].used_for_calibration == words


def test_what_no_set_can_read_has_no_share(experiments):
    record = finding({})
    (verdict,) = verdicts([record], answers(record, experiments, [np.nan] * 4), ensemble_of(4))
    assert verdict.reproduced is None
    assert verdict.robustness is Robustness.CANNOT_SAY
    assert "nothing that counts" in verdict.reason
    silent = finding(cannot_say="no skin", name="C91")
    (verdict,) = verdicts([silent], answers(record, experiments, [0.5]), ensemble_of(1))
    assert verdict.reason == "no skin"
    assert verdicts([finding({}, name="C92")], answers(record, experiments, [0.5]), ensemble_of(1)) == []


def test_the_reason_names_the_comparison_that_is_met_least_and_its_spread(experiments):
    record = finding({}, {"arm": "BM + T cells + sorafenib", "measure": {**ALIVE, "at": "day 40"}})
    effect = np.column_stack([np.full(101, 0.5), np.linspace(0, 1, 101)])
    (verdict,) = verdicts([record], answers(record, experiments, effect), ensemble_of(101))
    assert "least often met (70 %)" in verdict.reason
    assert "day 40" in verdict.reason
    assert "effect 0.50 (5 to 95 % of sets: 0.05 to 0.95)" in verdict.reason
    assert "goes with high a" in verdict.reason
    assert verdict.to_dict()["comparisons"][1]["effect_5_50_95"] == [0.05, 0.5, 0.95]


def test_parameters_are_named_when_ten_sets_are_on_each_side_and_chance_is_left_behind():
    values = np.arange(40.0)

    def area(holds, effective=40):
        ensemble = dataclasses.replace(ensemble_of(40, effective), values=values[:, None])
        found = separations(ensemble, np.asarray(holds))
        return found[0].area if found else None

    assert area(values >= 30) == 1.0
    assert area(values < 10) == 0.0
    assert area(values >= 31) is None, "nine sets are too few"
    assert area(values % 2 == 0) is None, "half of the sets, spread evenly"
    # 0.68 lies more than 0.15 from one half, and within two standard errors where sets are worth few.
    holds = np.isin(values, [5, 9, 15, 22, 25, 28, 30, 33, 36, 38])
    assert area(holds) is None or area(holds) > 0.65
    assert area(values >= 20, effective=3) is None


def test_equal_values_count_one_half_each():
    ensemble = dataclasses.replace(ensemble_of(40), values=np.repeat([1.0, 2.0, 1.0, 2.0], 10)[:, None])
    assert separations(ensemble, np.arange(40) < 20) == ()


def test_sets_that_could_not_be_solved_are_counted_and_said(experiments):
    found = answers(finding({}), experiments, [0.5, np.nan, np.nan], unsolved=[0, 3, 1200])
    assert found.unsolved_counts() == {"sets": 2, "subjects": 1203}
    assert unsolved_in_words(found).startswith("1,203 subjects in 2 of 3 sets could not be solved")
    assert unsolved_in_words(answers(finding({}), experiments, [0.5])) == ""
