"""A comparison of a record is what a reader of it would compare: which arms, in which systems, on which day."""

from __future__ import annotations

import pytest

from gvlab.experiment import Experiment
from gvlab.findings.comparisons import ArmInSystem, comparisons_of
from gvlab.findings.rule import Kind
from gvlab.library import Library
from gvlab.library.finding_record import FindingRecord

SYSTEMS = ("b6_into_balbc_wehi3b", "balbc_into_b6_mll_ptd")
BOTH, CELLS, DRUG, MARROW = "BM + T cells + sorafenib", "BM + T cells", "BM + sorafenib", "BM"
UP = {"direction": "up", "at_least": 0.3, "why": "for the test"}
FOLD = {"direction": "up", "at_least": 1.5, "why": "for the test"}
ABOVE = {"direction": "above", "at_least": 0.3, "why": "for the test"}
ALIVE = {"endpoint": "overall_survival", "at": "day 50"}
SERUM = {"readout": "IL15_serum", "at": "day 9"}


@pytest.fixture(scope="module")
def experiments():
    return {name: Experiment.read("mathew2018_survival", name, Library.default()) for name in SYSTEMS}


def resolved(experiments, **comparison):
    record = FindingRecord.model_validate(
        {
            "id": "C90", "statement": "s", "system": "s", "confidence": "high", "evidence_status": "stated",
            "role": "calibrate", "published": {"direction": "up"}, "experiment": "mathew2018_survival",
            "comparisons": [{"arm": BOTH, "measure": ALIVE, "expect": UP, **comparison}],
        }
    )  # fmt: skip
    return list(comparisons_of(record, experiments))


@pytest.mark.parametrize(
    ("comparison", "kind"),
    [
        ({"versus": [MARROW]}, Kind.DIFFERENCE),
        ({"expect": ABOVE}, Kind.SHARE),
        ({"versus": [MARROW], "measure": SERUM, "expect": FOLD}, Kind.RATIO),
        ({"versus_at": "day 3", "measure": SERUM, "expect": FOLD}, Kind.RATIO),
        ({"measure": SERUM, "expect": ABOVE}, Kind.READING),
    ],
)
def test_shares_differ_and_readings_have_ratios(experiments, comparison, kind):
    for asked in resolved(experiments, **comparison):
        assert asked.kind is kind


def test_an_arm_is_held_against_each_other_arm_in_each_system(experiments):
    found = resolved(experiments, versus=[MARROW, CELLS])
    assert [(each.system, each.arm.arm.name, each.versus.arm.name, each.versus_name) for each in found] == [
        (system, BOTH, other, other) for system in SYSTEMS for other in (MARROW, CELLS)
    ]
    assert {(each.day, each.versus_day, each.number) for each in found} == {(50.0, 50.0, 0)}
    some = resolved(experiments, versus=[MARROW], systems=[SYSTEMS[1]])
    assert [each.system for each in some] == [SYSTEMS[1]]
    # A system in which the experiment was not read is left out, and not asked for.
    only = {SYSTEMS[0]: experiments[SYSTEMS[0]]}
    assert [each.system for each in resolved(only, versus=[MARROW], systems=list(SYSTEMS))] == [SYSTEMS[0]]


def test_an_arm_is_held_against_itself_on_another_day(experiments):
    for asked in resolved(experiments, versus_at="day 3", measure=SERUM, expect=FOLD):
        assert (asked.day, asked.versus_day) == (9.0, 3.0)
        assert asked.versus == asked.arm
        assert asked.title.endswith(f"on day 9: {BOTH} against day 3 ({asked.system})")


def test_the_first_of_several_is_held_once_against_the_best_of_the_others(experiments):
    first = {**UP, "rank": "first"}
    two = resolved(experiments, versus=[MARROW, CELLS], expect=first, systems=[SYSTEMS[0]])
    assert [each.versus_name for each in two] == ["the best of BM and BM + T cells"]
    three = resolved(experiments, versus=[MARROW, CELLS, DRUG], expect=first, systems=[SYSTEMS[0]])
    assert [each.versus_name for each in three] == ["the best of BM, BM + T cells, BM + sorafenib"]
    assert two[0].versus.arm.name == three[0].versus.arm.name == MARROW


def test_a_title_says_what_is_measured_in_whom_and_how(experiments):
    asked = resolved(experiments, versus=[MARROW], systems=[SYSTEMS[0]])[0]
    assert asked.title == f"Overall survival on day 50: {BOTH} against BM ({SYSTEMS[0]})"
    alone = resolved(experiments, expect=ABOVE, systems=[SYSTEMS[0]])[0]
    assert alone.title == f"Overall survival on day 50: {BOTH} ({SYSTEMS[0]})"
    registry = {**ALIVE, "analysis": "as_registry"}
    asked = resolved(experiments, versus=[MARROW], measure=registry, systems=[SYSTEMS[0]])[0]
    assert asked.measured == "Overall survival, as a registry counts, on day 50"
    title = experiments[SYSTEMS[0]].model.title("IL15_serum")
    group = {"name": "responders", "endpoint": "cure", "by": "day 50"}
    asked = resolved(experiments, versus_at="day 3", measure={**SERUM, "group": group}, expect=FOLD)[0]
    assert asked.measured == f"{title} of responders on day 9"
    plain = resolved(experiments, versus_at="day 3", measure=SERUM, expect=FOLD)[0]
    assert plain.measured == f"{title} on day 9"


def test_an_arm_ends_with_its_last_dose(experiments):
    experiment = experiments[SYSTEMS[0]]
    # Sorafenib is given until day 14.
    assert ArmInSystem(experiment.system, experiment.arm(BOTH)).last_dose == 14
    untreated = experiment.arm(BOTH).replace(protocol=experiment.arm(BOTH).protocol.until(-1.0))
    assert ArmInSystem(experiment.system, untreated).last_dose == 0
    assert ArmInSystem(experiment.system, untreated) != experiment.system.name
