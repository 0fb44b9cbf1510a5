"""What cannot be meant is refused where it is written, with the value, the rule and the way out."""

from __future__ import annotations

import jaxtyping
import numpy as np
import pytest

import gvlab
from gvlab.errors import GVLabError, InvalidValueError, ProtocolError, UnitError, UnknownNameError

DRUG = {"at": "day 4", "every": "1 day", "until": "day 14"}


def dose(agent="sorafenib", amount="10 mg/kg", **when):
    return gvlab.Dose(agent, amount, **{**DRUG, **when})


def experiment(**changes):
    ours = {
        "system": "b6_into_balbc_wehi3b",
        "arms": [gvlab.Arm("drug", dose(), n=2)],
        "assays": ["serum_il15"],
        "endpoints": ["overall_survival"],
        "until": "day 20",
    }
    return gvlab.Experiment("A study", **{**ours, **changes})


def refusal(what, error):
    with pytest.raises(error) as caught:
        what()
    assert isinstance(caught.value, GVLabError)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"agent": "sorafinib"}, UnknownNameError, 'Did you mean "sorafenib"?'),
        ({"amount": "10 nM"}, UnitError, 'is "10 nM", a concentration'),
        ({"amount": "10"}, UnitError, 'is "10", a pure number'),
        ({"amount": "10 mg/kg q24h"}, UnitError, '"q" is not a unit'),
        ({"amount": 10}, InvalidValueError, "without a unit"),
        ({"amount": "-10 mg/kg"}, InvalidValueError, "cannot be negative"),
        ({"amount": "nan mg/kg"}, InvalidValueError, "must be a finite number"),
        ({"amount": "inf mg/kg"}, InvalidValueError, "must be a finite number"),
        ({"agent": "b6_t_cells", "amount": "10 mg/kg"}, UnitError, "a number of cells"),
        ({"agent": "total_body_irradiation", "amount": "8 mg"}, UnitError, 'Did you mean "8 Gy"?'),
        ({"at": "4 day"}, UnitError, 'Did you mean "day 4"?'),
        ({"at": 4}, InvalidValueError, 'such as "day 4"'),
        ({"at": "day nan"}, InvalidValueError, "finite number of days"),
        ({"every": "day 1"}, UnitError, 'Did you mean "1 day"?'),
        ({"every": "-1 day"}, InvalidValueError, "longer than nothing"),
        ({"until": "day 3"}, ProtocolError, "before it begins"),
        ({"until": None}, ProtocolError, "without end"),
        ({"route": "oraly"}, UnknownNameError, 'Did you mean "oral"?'),
    ],
    ids=str,
)
def test_a_dose_that_cannot_be_given_is_refused_when_it_is_written(changes, error, words):
    message = refusal(lambda: dose(**changes), error)
    assert words in message


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"system": "b6_into_balbc_wehi3"}, UnknownNameError, 'Did you mean "b6_into_balbc_wehi3b"?'),
        ({"assays": ["serum_il16"]}, UnknownNameError, 'Did you mean "serum_il15"?'),
        ({"endpoints": ["survival"]}, UnknownNameError, 'Did you mean "overall_survival"?'),
        ({"arms": []}, InvalidValueError, "has no arms"),
        ({"arms": [gvlab.Arm("one", None, n=1)] * 2}, InvalidValueError, 'Two arms of "A study" are named "one"'),
        ({"until": "100 day"}, UnitError, 'Did you mean "day 100"?'),
    ],
    ids=str,
)
def test_a_study_that_cannot_be_run_is_refused_when_it_is_written(changes, error, words):
    assert words in refusal(lambda: experiment(**changes), error)


def test_an_arm_and_a_condition_are_looked_up_when_they_are_written():
    message = refusal(lambda: gvlab.Arm("a", dose(), n=3, condition="il15_deficient_leukaemia"), UnknownNameError)
    assert 'Did you mean "il15_deficient_leukemia"?' in message
    assert 'Did you mean "anti_il15"?' in refusal(lambda: experiment().under("anti_il16"), UnknownNameError)
    assert "n = 0" in refusal(lambda: gvlab.Arm("a", dose(), n=0), InvalidValueError)


@pytest.mark.parametrize(
    ("changes", "arguments", "error", "words"),
    [
        ({"until": "day 10"}, {}, ProtocolError, '4 of the 11 doses of "sorafenib" would be given after the last day'),
        ({"until": "day -1"}, {}, InvalidValueError, "must be after day 0"),
        ({}, {"days": [30.0]}, InvalidValueError, "Day 30 is to be read, but the last day is 20"),
        ({}, {"days": [float("nan")]}, InvalidValueError, "finite numbers"),
        ({}, {"seed": -1}, InvalidValueError, "The seed is -1"),
        ({}, {"subjects": 0}, InvalidValueError, "0 subjects cannot be drawn"),
        ({}, {"engine": "ensembel"}, UnknownNameError, 'Did you mean "ensemble"?'),
    ],
    ids=str,
)
def test_what_only_shows_when_it_runs_is_refused_before_anything_is_solved(changes, arguments, error, words):
    assert words in refusal(lambda: experiment(**changes).run(**{"seed": 1, **arguments}), error)


def test_a_dose_after_the_last_day_says_how_to_go_on():
    message = refusal(lambda: experiment(until="day 10").run(seed=1), ProtocolError)
    assert 'until="day 14"' in message


@pytest.fixture(scope="module")
def results():
    return experiment().run(seed=1)


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda r: r.events("overall_survivl"), UnknownNameError, 'Did you mean "overall_survival"?'),
        (lambda r: r.events("overall_survival").logrank("drg", versus="drug"), UnknownNameError, 'mean "drug"?'),
        (lambda r: r.run("drugs"), UnknownNameError, 'Did you mean "drug"?'),
        (lambda r: r.measured("serum_il15", at="day 30"), InvalidValueError, "Nothing was read on day 30"),
        (lambda r: r.measured("serum_il15", at="30 day"), UnitError, 'Did you mean "day 30"?'),
        (lambda r: r.measured("serum_il16", at="day 3"), UnknownNameError, 'Did you mean "serum_il15"?'),
    ],
)
def test_what_was_not_measured_cannot_be_asked_for(results, ask, error, words):
    assert words in refusal(lambda: ask(results), error)


def test_a_name_the_package_does_not_have_is_answered_with_the_closest():
    with pytest.raises(AttributeError, match='Did you mean "Experiment"'):
        _ = gvlab.Experimnt


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({"k_kiling_cd8": 1.0}, UnknownNameError, 'Did you mean "k_killing_cd8"?'),
        ({"k_killing_cd8": float("nan")}, InvalidValueError, "its bounds are"),
        ({"k_killing_cd8": -1.0}, InvalidValueError, "its bounds are"),
        ({"k_killing_cd8": np.array([np.nan])}, InvalidValueError, "every value must be finite"),
        ({"k_killing_cd8": np.array([1.0, 2.0])}, InvalidValueError, "has shape (2,) for 1 subjects"),
    ],
)
def test_a_parameter_by_hand_keeps_its_bounds(values, error, words, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # it would speak before GVLab does
    typical = gvlab.System.read("b6_into_balbc_wehi3b").typical()
    assert words in refusal(lambda: typical.replace(values), error)
