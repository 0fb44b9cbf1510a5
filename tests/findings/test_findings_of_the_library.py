"""Every published statement of the library asks for something that exists, and keeps the role it was given."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from gvlab import units
from gvlab.errors import LibraryError
from gvlab.experiment import Experiment
from gvlab.findings.check import check_findings
from gvlab.findings.one_set import judge_all, judge_finding, needed_days
from gvlab.findings.rule import Verdict
from gvlab.library import Library
from gvlab.library.finding_record import FindingRecord, Role
from gvlab.model.model import Model

NAMES = Library.default().names("findings")
CLAIMS = Path(__file__).parents[3] / "shared" / "science" / "claims_2.csv"
ROLES = set(Role.__args__)
ADDED = {"C91": "seen"}
"""Claims that are not in the table of claims, with their roles: C91 is a row of parameters, GVHD_after_DLI_by_dose."""

HELD_OUT = frozenset(
    name for name, record in Library.default().read_all("findings").items() if record.role == "hold-out"
)


def test_there_are_findings_of_both_kinds():
    records = Library.default().read_all("findings").values()
    assert any(record.comparisons for record in records)
    assert any(record.cannot_say for record in records)
    assert HELD_OUT


@pytest.mark.parametrize("name", NAMES)
def test_a_finding_asks_for_what_there_is(name):
    record: FindingRecord = Library.default().read("findings", name)
    assert record.role in ROLES
    Library.default().sources(record.source_keys)
    if record.cannot_say:
        assert len(record.cannot_say) > 20
        return
    study = Library.default().read("experiments", record.experiment)
    arms = {arm.name for arm in study.arms}
    last = units.day(study.until)
    experiments = {system: Experiment.read(record.experiment, system) for system in study.systems}
    for comparison in record.comparisons:
        assert {comparison.arm, *comparison.versus} <= arms
        assert comparison.arm not in comparison.versus
        assert set(comparison.systems) <= set(study.systems)
        for day in (comparison.measure.at, comparison.versus_at):
            assert day is None or 0 <= units.day(day) <= last
        if comparison.measure.endpoint is not None:
            endpoint = Library.default().read("endpoints", comparison.measure.endpoint)
            assert set(endpoint.events) <= set(Model.default().equations.events)
        else:
            for system in comparison.systems or study.systems:
                assert comparison.measure.readout in experiments[system].outputs()


@pytest.mark.parametrize("name", NAMES)
def test_the_size_that_is_asked_for_can_be_seen_and_is_not_nothing(name):
    for comparison in Library.default().read("findings", name).comparisons:
        expect, share = comparison.expect, comparison.measure.endpoint is not None
        assert len(expect.why) > 20
        if expect.direction == "within":
            assert comparison.expect.bounds[1] - comparison.expect.bounds[0] < 0.5
        elif expect.bounds is not None:
            none = 0.0 if share else 1.0
            assert expect.bounds[0] < none < expect.bounds[1]
        elif expect.direction in ("up", "down"):
            assert expect.at_least > (0.0 if share else 1.0)
            assert not share or expect.at_least <= 1
        if comparison.significance is not None:
            assert (comparison.significance.test == "log-rank") == share


@pytest.fixture(scope="module")
def claims():
    """The table of claims that the findings were written from."""
    if not CLAIMS.is_file():
        pytest.skip("the table of claims lies beside the repository, and is not here")
    with CLAIMS.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_no_claim_was_dropped_and_none_was_added(claims):
    assert set(NAMES) == {*claims, *ADDED}


def test_every_claim_keeps_its_role(claims):
    roles = {name: Library.default().read("findings", name).role for name in NAMES}
    assert roles == {name: row["role"] for name, row in claims.items()} | ADDED


def test_hold_outs_are_those_of_the_table(claims):
    roles = {name: row["role"] for name, row in claims.items()} | ADDED
    assert {name for name, role in roles.items() if role == "hold-out"} == HELD_OUT


def test_every_claim_keeps_its_direction_and_confidence(claims):
    for name, row in claims.items():
        record = Library.default().read("findings", name)
        assert american(record.published.direction) == american(row["direction"])
        assert record.confidence == row["confidence"]


def test_what_a_copy_of_low_trust_or_memory_says_of_a_stated_claim_is_report_only():
    """Half of a claim may be stated and half not; what is not does not enter its verdict."""
    records = Library.default().read_all("findings")
    for claim, versus in (("C13", "BM + sorafenib"), ("C33", "T cells of primaries without sorafenib")):
        halves = {other: each.counts for each in records[claim].comparisons for other in each.versus}
        assert not halves.pop(versus)
        assert halves
        assert all(halves.values())


def test_each_cut_of_the_axis_costs_survival_in_two_models():
    record = Library.default().read("findings", "C72")
    assert record.role == "structure"
    assert [each.expect.at_least for each in record.comparisons] == [0.3, 0.3, 0.3]
    assert {each.expect.direction for each in record.comparisons} == {"down"}
    systems = Library.default().read("experiments", record.experiment).systems
    assert set(systems) == {"b6_into_balbc_wehi3b", "balbc_into_b6_mll_ptd"}


def american(text: str) -> str:
    return text.replace("leukaemia", "leukemia").replace("antagonised", "antagonized")


# ------------------------------------------------------------------------------------------------ verdicts as JSON


@pytest.fixture(scope="module")
def judged():
    """Give the findings of one experiment as JSON has them, from a handful of subjects."""
    experiment = Experiment.read("mathew2018_syngeneic")
    days = needed_days(Library.default().read_all("findings").values())[experiment.name]
    results = experiment.run(seed=1, subjects=12, days=list(days))
    return [finding.to_dict() for finding in judge_all({(experiment.name, experiment.system.name): results}, seed=1)]


FINDING = {
    "id": str,
    "statement": str,
    "role": str,
    "verdict": str,
    "reason": str,
    "published": dict,
    "source": list,
    "confidence": str,
    "simulated": str,
    "comparisons": list,
}
NUMBER = (float, int, type(None))
COMPARISON = {
    "system": str,
    "counts": bool,
    "measured": dict,
    "arm": str,
    "versus": str,
    "expected": dict,
    "kind": str,
    "effect": NUMBER,
    "lower": NUMBER,
    "upper": NUMBER,
    "arm_value": NUMBER,
    "versus_value": NUMBER,
    "subjects": int,
    "probability_of_significance": NUMBER,
    "verdict": str,
    "reason": str,
}


def assert_schema(found, schema):
    assert set(schema) <= set(found)
    for key, kind in schema.items():
        assert isinstance(found[key], kind), f"{key}: {found[key]!r}"


def test_a_verdict_keeps_its_schema(judged):
    assert {finding["id"] for finding in judged} >= {"C23"}
    verdicts = {str(verdict) for verdict in Verdict}
    for finding in judged:
        assert_schema(finding, FINDING)
        assert finding["verdict"] in verdicts
        for comparison in finding["comparisons"]:
            assert_schema(comparison, COMPARISON)
            assert comparison["verdict"] in verdicts
            assert all(value is None or np.isfinite(value) for value in comparison.values() if isinstance(value, float))


def test_what_the_model_cannot_say_has_its_reason_and_no_number():
    records = [record for record in Library.default().read_all("findings").values() if record.cannot_say]
    assert records
    for finding in (judge_finding(record, {}, seed=1).to_dict() for record in records):
        assert finding["verdict"] == "cannot say"
        assert finding["reason"] == Library.default().read("findings", finding["id"]).cannot_say
        assert finding["simulated"] == ""


# ------------------------------------------------------------------------------------------------ broken findings


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("role: seen", "role: seeen", "input should be"),
        ("direction: up\n    at_least", "direction: up\n    at_lest", 'Did you mean "at_least"'),
        (
            "direction: up\n    at_least: 0.3",
            "direction: up\n    bounds: [-0.1, 0.1]",
            '"unchanged" and "within" need "bounds"',
        ),
        ("at_least: 0.3", "at_least: 30", "did you mean 0.3?"),
        ("versus: BM + syngeneic T cells + sorafenib", "versus: BM + T cells + sorafenib", "is held against itself"),
        ("test: log-rank", "test: welch", 'a share is not tested by "welch"; write log-rank'),
        (
            "direction: up\n    at_least: 0.3",
            "direction: unchanged\n    bounds: [0.1, -0.1]",
            '"bounds" go from the lower to the upper one',
        ),
        (
            "direction: up\n    at_least: 0.3",
            "direction: unchanged\n    bounds: [-0.1, 0.1]",
            '"unchanged" has no test of a difference',
        ),
        ("endpoint: overall_survival", "readout: burden", "is a fold change above 1 in either direction, not 0.3"),
        ("experiment: mathew2018_syngeneic\n", "", 'comparisons need an "experiment"'),
    ],
)
def test_a_broken_finding_is_told_what_is_wrong_with_it(tmp_path, monkeypatch, old, new, words):
    text = Library.default().path("findings", "C23").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings" / "C23.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setenv("GVLAB_LIBRARY", str(tmp_path))
    with pytest.raises(LibraryError) as caught:
        Library.default().read("findings", "C23")
    assert words in str(caught.value)
    assert "C23.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("BM + syngeneic T cells + sorafenib", "BM + syngeneic T cell", 'Did you mean "BM + syngeneic T cells'),
        ("endpoint: overall_survival", "endpoint: overall_survivl", 'Did you mean "overall_survival"'),
        ("at: day 100", "at: day 101", '"day 101" is not in the experiment, which goes from day 0 to day 100'),
        ("experiment: mathew2018_syngeneic", "experiment: mathew2018_syngenic", 'Did you mean "mathew2018_syngeneic"'),
    ],
)
def test_a_finding_that_asks_for_what_is_not_there_is_named_by_the_check(tmp_path, old, new, words):
    text = Library.default().path("findings", "C23").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings" / "C23.yaml").write_text(text.replace(old, new), encoding="utf-8")
    found = check_findings(Library(tmp_path))
    assert any(words in each for each in found), found
    assert all(each.startswith("findings/C23.yaml") for each in found)
    assert check_findings(Library.default()) == []
