"""What a finding may ask of patients, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

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
