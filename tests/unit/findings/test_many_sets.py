"""Answers of many sets are judged by the rule, and gathered by finding with the edges that its words promise."""

import dataclasses

import numpy as np
import pytest

from gvlab.experiment import Experiment
from gvlab.findings import rule
from gvlab.findings.comparisons import comparisons_of
from gvlab.findings.expected import ExpectedReadouts
from gvlab.findings.many_sets import Answers, Evaluator, expected_effects
from gvlab.findings.one_set import judge_finding
from gvlab.findings.robustness import Robustness, robust_and_open, separations, unsolved_in_words, verdicts
from gvlab.findings.rule import Verdict
from gvlab.library import Library
from gvlab.library.ensemble_recipe import Block
from gvlab.library.finding_record import FindingRecord
from gvlab.statistics.approximate_power import logrank_power, mannwhitney_power, welch_power
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
    return Ensemble(("a",), np.arange(float(n))[:, None], np.arange(n) % 2, about)


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


def culture(expect, readout="IL15_serum", **changes):
    comparison = {"arm": "sorafenib", "measure": {"readout": readout, "at": "day 1"}, "expect": {**expect, "why": "w"}}
    about = {"statement": "s", "system": "s", "confidence": "high", "evidence_status": "stated", "role": "calibrate"}
    return FindingRecord.model_validate(
        {
            "id": "C90",
            "published": {"direction": "up"},
            **about,
            "experiment": "mathew2018_axis",
            "comparisons": [{**comparison, **changes}],
        }
    )


@pytest.fixture(scope="module")
def ran():
    experiment = Experiment.read("mathew2018_axis", "culture_flt3itd", Library.default())
    return {("mathew2018_axis", "culture_flt3itd"): experiment.run(seed=1, subjects=12, days=[1.0])}


@pytest.mark.parametrize(
    ("expect", "changes", "verdict"),
    [
        ({"direction": "above", "at_least": 20.0}, {}, Verdict.REPRODUCED),
        ({"direction": "above", "at_least": 1e6}, {}, Verdict.NOT),
        ({"direction": "below", "at_least": 1e6}, {}, Verdict.REPRODUCED),
        ({"direction": "up", "at_least": 1.5}, {"versus": "vehicle"}, Verdict.REPRODUCED),
        ({"direction": "down", "at_least": 1.5}, {"versus": "vehicle"}, Verdict.NOT),
        ({"direction": "unchanged", "bounds": (0.8, 1.25)}, {"versus": "vehicle"}, Verdict.NOT),
        # In fresh medium there is no IL-15 yet, and so no fold of it.
        ({"direction": "up", "at_least": 1.01}, {"versus_at": "day 0"}, Verdict.CANNOT_SAY),
        ({"direction": "unchanged", "bounds": (0.99, 1.01)}, {"versus_at": "day 1"}, Verdict.REPRODUCED),
    ],
)
def test_one_set_and_many_give_the_same_answer(ran, expect, changes, verdict):
    library = Library.default()
    record = culture(expect, **changes)
    assert judge_finding(record, ran, seed=1).verdict is verdict
    recipe = library.read("ensembles", "mathew2018").model_copy(
        update={"vary": (Block(title="t", parameters=("k_birth_blast",)),), "subjects": 8}
    )
    evaluator = Evaluator(recipe, [record], library=library)
    values = evaluator.space.values(evaluator.space.nominal()[None])
    told = evaluator.evaluate(values)
    assert rule.VERDICTS[told.codes[0, 0]] is verdict
    assert evaluator.is_short("culture_flt3itd")
    assert bool(told.discrepancy()[0] <= 0) is (verdict is Verdict.REPRODUCED)


def read(readings=(), shares=(), curve=None):
    readings = {("IL15_serum", day): np.array(each, dtype=float) for day, each in readings}
    shares = {("overall_survival", day): np.array(each, dtype=float) for day, each in shares}
    sets = len(next(iter((*readings.values(), *shares.values())))) if readings or shares else len(curve)
    return ExpectedReadouts(readings, shares, curve, np.zeros(sets, dtype=np.int64))


def test_an_expected_effect_is_of_the_arm_over_the_other(experiments):
    (asked,) = comparisons_of(finding({}), experiments)
    seen = {asked.arm: read(shares=[(50.0, [0.9, 0.4])]), asked.versus: read(shares=[(50.0, [0.2, 0.7])])}
    np.testing.assert_allclose(expected_effects(asked, seen).value, [0.7, -0.3])
    alone = finding({"versus": (), "expect": {"direction": "above", "at_least": 0.3, "why": "w"}})
    (asked,) = comparisons_of(alone, experiments)
    np.testing.assert_allclose(expected_effects(asked, seen).value, [0.9, 0.4])


def test_the_expected_power_is_that_of_the_curves_over_the_days_of_both(experiments):
    (asked,) = comparisons_of(finding({"significance": TEST}), experiments)
    early = np.clip(1 - np.arange(41) / 40, 0, 1)[None]
    late = np.ones((1, 61))
    seen = {
        asked.arm: read(shares=[(50.0, [1.0])], curve=late),
        asked.versus: read(shares=[(50.0, [0.0])], curve=early),
    }
    found = expected_effects(asked, seen)
    assert found.power == pytest.approx(logrank_power(late[:, :41], early, 10, 0.05))
    assert found.power[0] > 0.9
    seen[asked.arm] = read(shares=[(50.0, [0.0])], curve=early)
    assert expected_effects(asked, seen).power[0] < 0.05


def test_json_has_rounded_numbers_and_null_where_there_are_none(experiments):
    record = finding({})
    (verdict,) = verdicts([record], answers(record, experiments, [0.5, 0.123456, np.nan]), ensemble_of(3))
    told = verdict.to_dict()
    assert told["share"] == 0.3333
    assert told["share_partly"] == 0.3333
    assert told["share_by_search"] == [0.5, 0.0]
    assert 0 < told["lower"] < told["share"] < told["upper"] < 1
    assert told["used_for_calibration"] == "all"
    assert told["associated_parameters"] == []
    other = finding(cannot_say="no skin", name="C91")
    (silent,) = verdicts([other], answers(record, experiments, [0.5]), ensemble_of(1))
    assert (silent.to_dict()["share"], silent.to_dict()["lower"], silent.to_dict()["share_partly"]) == (None, None, 0)


FOLD = {"direction": "up", "at_least": 1.5}


def asked_of_culture(expect=None, **changes):
    experiment = Experiment.read("mathew2018_axis", "culture_flt3itd", Library.default())
    (asked,) = comparisons_of(culture(expect or FOLD, **changes), {"culture_flt3itd": experiment})
    return asked


def test_a_reading_of_one_arm_is_its_median_and_one_of_two_their_ratio():
    alone = asked_of_culture({"direction": "above", "at_least": 2.0})
    x = [[1.0, 2, 3, 4, 5, np.nan, np.nan, np.nan], [np.nan] * 7 + [3.0]]
    found = expected_effects(alone, {alone.arm: read([(1.0, x)])})
    assert found.value[0] == 3
    assert np.isnan(found.value[1])  # two of eight are the fewest
    asked = asked_of_culture(versus="vehicle")
    y = [[np.nan, 1.0, 1, 1, 1, 7, 7, 7], [1.0] * 8]
    both = expected_effects(asked, {asked.arm: read([(1.0, x)]), asked.versus: read([(1.0, y)])})
    assert both.value[0] == pytest.approx(3.5)  # of 2, 3, 4 and 5
    assert both.power is None


@pytest.mark.parametrize(("name", "power"), [("welch", welch_power), ("mann-whitney", mannwhitney_power)])
def test_the_power_of_readings_is_that_of_the_test_and_the_number_that_are_stated(name, power):
    test = {"test": name, "n": 6, "n_status": "assumed", "alpha": 0.1}
    asked = asked_of_culture(versus="vehicle", significance=test)
    rng = np.random.default_rng(1)
    x, y = rng.lognormal(1, 0.5, (3, 8)), rng.lognormal(0, 0.5, (3, 8))
    x[0, 0], y[0, 1], y[1, :] = np.nan, np.nan, 0.0
    found = expected_effects(asked, {asked.arm: read([(1.0, x)]), asked.versus: read([(1.0, y)])})
    assert found.power[0] == pytest.approx(power(x[:1, 2:], y[:1, 2:], 6, 0.1)[0], rel=1e-9)
    assert found.power[2] == pytest.approx(power(x[2:], y[2:], 6, 0.1)[0], rel=1e-9)
    assert np.isnan([found.value[1], found.power[1]]).all()  # a reading of 0 has no fold


def evaluator_of(*records, **changes):
    recipe = Library.default().read("ensembles", "mathew2018").model_copy(
        update={"vary": (Block(title="t", parameters=("k_birth_blast",)),), "subjects": 4, **changes}
    )  # fmt: skip
    return Evaluator(recipe, records, library=Library.default())


def test_sets_in_several_calls_say_what_they_say_in_one(monkeypatch):
    evaluator = evaluator_of(culture(FOLD, versus="vehicle"))
    points = np.array([[0.2], [0.5], [0.8]])
    values = evaluator.space.values(points)
    told = []
    whole = evaluator.evaluate(values, progress=told.append)
    assert sum(told) == 2 * 3 * 4  # two arms, three sets, four subjects
    monkeypatch.setattr("gvlab.findings.many_sets._AT_ONCE", 9)  # two sets at once
    parts = evaluator.evaluate(values)
    np.testing.assert_allclose(parts.effect, whole.effect, rtol=1e-6)
    assert parts.unsolved.tolist() == [0, 0, 0]
    monkeypatch.setattr("gvlab.findings.many_sets._AT_ONCE", 1)  # never less than one set
    np.testing.assert_allclose(evaluator.evaluate(values).effect, whole.effect, rtol=1e-6)


def test_subjects_and_seed_are_those_of_the_recipe_unless_they_are_named():
    asked, calls = culture(FOLD, versus="vehicle"), []
    evaluator = evaluator_of(asked, seed=5)

    def follow(system, sets, plans, subjects, seed, progress, cancel):
        calls.append((subjects, seed))
        nothing = {("IL15_serum", 1.0): np.ones((1, subjects))}
        return {arm: ExpectedReadouts(nothing, {}, None, np.array([2])) for arm in plans}

    vars(evaluator)["_cohort"] = type("Cohort", (), {"follow": staticmethod(follow)})
    values = evaluator.space.values(np.array([[0.5]]))
    found = [evaluator.evaluate(values), evaluator.evaluate(values, subjects=7, seed=0)]
    assert calls == [(4, 5), (7, 0)]
    assert [each.unsolved.tolist() for each in found] == [[4], [4]]  # of both arms
    evaluator.ask("culture_flt3itd", values, evaluator.comparisons, 3)
    assert calls[-1] == (3, 5)


def test_what_is_short_is_asked_first_and_only_what_decides_where_that_is_wanted():
    mice, cells = finding({}), culture(FOLD, versus="vehicle")
    cells = cells.model_copy(update={"role": "hold-out"})
    evaluator = evaluator_of(mice, cells)
    assert evaluator.systems[0] == "culture_flt3itd"
    assert [evaluator.is_short(system) for system in evaluator.systems] == [True, False]
    recipe = evaluator.recipe
    deciding = Evaluator(recipe, [mice, cells], library=Library.default(), deciding_only=True)
    assert [each.finding.role for each in deciding.comparisons] == ["calibrate"]


@pytest.mark.parametrize(("day", "short"), [("day 3", True), ("day 3.5", False)])
def test_three_days_are_short(day, short):
    record = culture(FOLD, versus="vehicle", measure={"readout": "IL15_serum", "at": day})
    assert evaluator_of(record).is_short("culture_flt3itd") is short
    back = culture(FOLD, versus_at=day)
    assert evaluator_of(back).is_short("culture_flt3itd") is short


@pytest.mark.parametrize(("test", "curve"), [("log-rank", True), (None, False)])
def test_a_curve_is_read_where_the_log_rank_test_needs_one(test, curve):
    evaluator = evaluator_of(finding({"significance": {**TEST, "test": test}} if test else {}))
    assert {plan.curve for plan in evaluator.plans.values()} == {curve}
    assert {day for plan in evaluator.plans.values() for day in plan.days} == {50.0}
    assert len(evaluator.plans) == 2


def test_all_findings_of_the_library_are_asked_but_those_of_patients():
    library = Library.default()
    recipe = library.read("ensembles", "mathew2018")
    evaluator = Evaluator(recipe, library=library, space=(space := evaluator_of(culture(FOLD, versus="vehicle")).space))
    assert evaluator.space is space
    asked = {each.finding.id for each in evaluator.comparisons}
    findings = library.read_all("findings")
    over_sets = {
        name
        for name, record in findings.items()
        if record.comparisons and library.read("experiments", record.experiment).over_sets
    }
    assert asked == over_sets
    assert len(asked) < len(findings)
    for name in over_sets:
        record = findings[name]
        systems = {each.system for each in evaluator.comparisons if each.finding.id == name}
        own = library.read("experiments", record.experiment).systems
        named = {system for comparison in record.comparisons for system in comparison.systems or own}
        assert systems == named
