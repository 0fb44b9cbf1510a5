"""What a finding may ask of patients, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gvlab.experiment import Experiment
from gvlab.findings.one_set import judge_finding
from gvlab.findings.rule import Verdict
from gvlab.library import Library
from gvlab.library.finding_record import Comparison
from gvlab.library.records import ExperimentRecord


def comparison(**changes):
    share = {"endpoint": "overall_survival", "at": "day 365"}
    first = {"direction": "up", "rank": "first", "at_least": 0.05, "why": "as asked"}
    return Comparison.model_validate({"arm": "a", "versus": ["b", "c"], "measure": share, "expect": first, **changes})


def test_a_rank_over_two_others_is_read():
    assert comparison().expect.rank == "first"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"versus": ["b"]}, "against two other arms at least"),
        (
            {"significance": {"test": "log-rank", "n": 10, "n_status": "assumed"}},
            "a rank over several arms",
        ),
        ({"expect": {"direction": "down", "rank": "first", "at_least": 0.1, "why": "x"}}, 'goes with "direction: up"'),
        (
            {"expect": {"direction": "within", "bounds": [0, 0.2], "why": "x"}},
            '"below" and "within" judge',
        ),
        ({"versus": [], "expect": {"direction": "within", "at_least": 0.2, "why": "x"}}, '"within" need "bounds"'),
        ({"measure": {"readout": "burden", "at": "day 1", "analysis": "as_registry"}}, '"analysis" is of an endpoint'),
    ],
)
def test_what_cannot_be_asked_is_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        comparison(**changes)


@pytest.mark.parametrize(
    ("not_given", "words"),
    [
        ({"dose": "late", "counts_in": "c"}, r'"b" counts in "c"; other arms are'),
        ({"dose": "latte", "counts_in": "a"}, '"b" is not given "latte"; its doses are'),
    ],
)
def test_a_registry_needs_arm_and_dose_that_are_there(not_given, words):
    arms = [{"name": "a", "doses": ["early"]}, {"name": "b", "doses": ["early", "late"], "not_given": not_given}]
    with pytest.raises(ValidationError, match=words):
        ExperimentRecord.model_validate(
            {"name": "x", "title": "x", "question": "x", "systems": ["s"], "until": "day 9", "arms": arms}
        )


def test_an_arm_without_responders_says_so():
    """Nobody is in remission on day 1, so of responders nothing is said, and no number is missing in silence."""
    experiment = Experiment.read("patients_four_arms")
    experiment = experiment.replace(arms=experiment.arms[-1:])
    record = Library.default().read("findings", "C39")
    (comparison,) = record.comparisons
    nobody = comparison.measure.group.model_copy(update={"by": "day 1"})
    measure = comparison.measure.model_copy(update={"group": nobody})
    record = record.model_copy(update={"comparisons": (comparison.model_copy(update={"measure": measure}),)})
    results = experiment.run(1, cohort=experiment.system.cohort(8, 1), days=[56.0])
    judged = judge_finding(record, {(experiment.name, experiment.system.name): results}, 1)
    assert judged.verdict is Verdict.CANNOT_SAY
    assert 'in the arm "Sorafenib + DLI" are responders; 5 are needed' in judged.reason
    assert judged.comparisons[0].outcome.effect is None
