"""An experiment is text, and the text is the experiment."""

import json
import math
import re
from pathlib import Path

import pytest
import yaml

from gvlab.errors import GVLabWarning, InvalidValueError, LibraryError, UnknownNameError
from gvlab.experiment import Experiment
from gvlab.experiment.text import ExperimentFile
from gvlab.experiment.text_records import SCHEMA_VERSION, json_schema
from gvlab.library import Library
from gvlab.protocol import Arm, Change, Condition, Dose, Harvest

ROOT = Path(__file__).parents[3]

STUDIES = [
    pytest.param(name, system, id=f"{name}-{system}")
    for name in Library().names("experiments")
    for system in Library().read("experiments", name).systems
]


@pytest.mark.parametrize(("name", "system"), STUDIES)
def test_every_experiment_of_the_library_comes_back_from_text(name, system):
    file = ExperimentFile(Experiment.read(name, system), seed=2018, subjects=200, days=(2.5, 9.0))
    for text in (file.to_yaml(), file.to_json()):
        again = ExperimentFile.parse(text)
        assert again == file
        assert [arm.protocol.fingerprint for arm in again.experiment.arms] == [
            arm.protocol.fingerprint for arm in file.experiment.arms
        ]
        assert again.to_json() == file.to_json()
    assert Experiment.from_dict(file.experiment.to_dict()) == file.experiment


@pytest.fixture
def experiment(house_library):
    cells = Dose("house_cells", "1e4 cell", at="day 0")
    by_hand = Condition(("no growth",), (Change("k_growth_house", 0.0), Change("CL_house", 2.0, factor=True)))
    graft = Dose(
        "house_graft",
        "100 cell",
        at="day 0",
        harvest=Harvest(cells, at="day 4", condition=Condition.read("house_slow")),
    )
    return Experiment(
        "Zellen, „frisch“: a: b",
        system="house_system",
        arms=[
            Arm("vehicle", cells, n=4),
            Arm("graft", graft, n=3, condition=["house_slow", by_hand]),
            Arm("nothing", n=3, condition=by_hand),
        ],
        assays=["cell_a"],
        until="day 6",
    )


def test_what_was_made_by_hand_comes_back_and_runs_alike(experiment):
    again = Experiment.from_dict(experiment.to_dict())
    assert again == experiment
    one, other = experiment.run(3), again.run(3)
    assert one.keys == other.keys
    for arm in one.arms:
        assert one.run(arm).data.identical(other.run(arm).data)


def test_a_file_comes_back_as_yaml_and_as_json(experiment, tmp_path):
    file = ExperimentFile(experiment, seed=3)
    for name in ("e.yaml", "e.json"):
        file.write(tmp_path / name)
        assert ExperimentFile.read(tmp_path / name) == file
    assert json.loads((tmp_path / "e.json").read_text()) == yaml.safe_load((tmp_path / "e.yaml").read_text())


def test_the_text_has_its_version_the_hashes_and_the_seed(experiment):
    content = ExperimentFile(experiment, seed=3, subjects=9).to_dict()
    assert content["schema_version"] == SCHEMA_VERSION
    assert content["model"] == experiment.model.sha256
    assert content["parameters"] == experiment.system.parameters().sha256
    assert (content["seed"], content["subjects"]) == (3, 9)


def test_a_person_needs_to_write_little(house_library):
    file = ExperimentFile.parse(
        """
title: Drug against vehicle
system: house_system
until: day 6
assays: cell_a
arms:
  - {name: vehicle, doses: [cells]}
  - {name: drug, doses: [cells, drug], condition: house_slow, n: 6}
  - {name: more, doses: [cells, {agent: house_drug, amount: 20 mg/kg, at: day 1}]}
"""
    )
    assert file.seed is None
    drug = file.experiment.arm("drug")
    assert (drug.n, str(drug.condition), drug.protocol.agents) == (6, "house_slow", ("house_cells", "house_drug"))
    assert file.experiment.arm("vehicle").n == 10


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(titel="x"), 'There is no key named "titel". Did you mean "title"?'),
        (lambda c: c["arms"][0].update(dose=[]), 'no key named "dose" in arms.0. Did you mean "doses"?'),
        (lambda c: c["arms"][0]["doses"][0].update(amout="1 mg"), 'in arms.0.doses.0. Did you mean "amount"?'),
        (lambda c: c["arms"][0].update(n=0), "greater than or equal to 1"),
        (lambda c: c["arms"][0].pop("doses"), 'has no doses. Name what its subjects are given, or write "doses: []"'),
        (lambda c: c.pop("until"), 'The key "until" is missing.'),
        (lambda c: c.update(schema_version=7), "has schema_version 7, and this gvlab reads version 1. Install a newer"),
    ],
)
def test_what_breaks_the_schema_is_refused_with_the_way_out(experiment, change, words):
    content = experiment.to_dict()
    change(content)
    with pytest.raises(LibraryError) as caught:
        Experiment.from_dict(content)
    assert words in str(caught.value)


def nested(depth):
    return [] if depth == 0 else [nested(depth - 1)]


@pytest.mark.parametrize(
    ("title", "error", "words"),
    [
        (nested(40), LibraryError, "nested more than 32 deep"),
        ([0] * 20_001, LibraryError, "more than 20,000 values"),
        ("half a \ud83d character", InvalidValueError, "surrogates not allowed"),
        (math.inf, InvalidValueError, "holds what no text can"),
        ({1, 2}, InvalidValueError, "holds what no text can"),
    ],
)
def test_values_that_no_record_holds_are_refused_before_they_are_looked_at(experiment, title, error, words):
    with pytest.raises(error, match=words):
        Experiment.from_dict({**experiment.to_dict(), "title": title})


def test_a_name_the_library_does_not_have_is_refused(experiment):
    content = experiment.to_dict()
    content["arms"][0]["doses"][0]["agent"] = "house_cell"
    with pytest.raises(UnknownNameError, match='Did you mean "house_cells"'):
        Experiment.from_dict(content)


@pytest.mark.parametrize("what", ["model", "parameters"])
def test_another_model_is_said_with_both_hashes(experiment, what):
    content = experiment.to_dict()
    own, content[what] = content[what], "0123456789abcdef" * 4
    with pytest.warns(GVLabWarning, match=f"written with {what} 0123456789ab, .*has {what} {own[:12]}"):
        Experiment.from_dict(content)


def test_the_json_schema_describes_every_key():
    schema = json_schema()
    for part in (schema, *schema["$defs"].values()):
        assert part["additionalProperties"] is False
        assert all(field["description"] for field in part["properties"].values())


def test_the_example_of_the_how_to_can_be_run():
    page = (ROOT / "docs" / "how_to" / "write_an_experiment_as_a_file.md").read_text(encoding="utf-8")
    file = ExperimentFile.parse(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    assert [arm.n for arm in file.experiment.arms] == [10, 12, 10]
    assert file.experiment.arm("late").protocol.doses[-1].start == 10
    results = file.experiment.run(file.seed, subjects=2)
    assert len(results.summary().comparisons) == 2


def test_the_change_of_the_how_to_is_one_of_the_model():
    page = (ROOT / "docs" / "how_to" / "write_an_experiment_as_a_file.md").read_text(encoding="utf-8")
    change = yaml.safe_load(re.search(r"`(\{name: .*?\})`", page)[1])
    content = Experiment.read("mathew2018_syngeneic").to_dict()
    content["arms"][0]["condition"] = change
    assert Experiment.from_dict(content).arms[0].condition.changes[0].target == change["changes"][0]["target"]


def test_what_varies_is_named_by_an_identifier_and_refused_where_it_stands():
    text = ExperimentFile(Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b"), 1, 20).to_yaml()
    assert "amount: dose_sorafenib" in text
    with pytest.raises(LibraryError, match=r"varied\.amount"):
        ExperimentFile.parse(text.replace("amount: dose_sorafenib", "amount: dose-sorafenib"))
