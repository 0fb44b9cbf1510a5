"""An experiment of the user's own, as a file: written, changed, run, and said on the screen what came of its arms."""

import json

import pytest
import yaml

SMALL = "mathew2018_syngeneic"


def test_an_experiment_is_written_as_a_file_and_the_file_run_is_the_same_run(gvlab, tmp_path):
    file = tmp_path / "mine.yaml"
    said = gvlab("run", SMALL, "--subjects", "8", "--seed", "3", "--as-file", str(file))
    assert said.code == 0, said.complained
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert (content["seed"], content["subjects"]) == (3, 8)
    assert gvlab("run", str(file), "--no-ensemble", "--out", str(tmp_path / "file")).code == 0
    direct = gvlab("run", SMALL, "--subjects", "8", "--seed", "3", "--no-ensemble", "--out", str(tmp_path / "name"))
    assert direct.code == 0
    one, other = (json.loads((tmp_path / name / "findings.json").read_text()) for name in ("file", "name"))
    assert one["findings"] == other["findings"]


def test_a_run_of_ones_own_experiment_ends_with_its_arms(gvlab, tmp_path):
    file = tmp_path / "mine.json"
    gvlab("run", SMALL, "--as-file", str(file))
    content = json.loads(file.read_text(encoding="utf-8"))
    content["arms"][0]["doses"][4]["amount"] = "20 mg/kg"
    file.write_text(json.dumps(content), encoding="utf-8")
    said = gvlab("run", str(file), "--subjects", "9", "--out", str(tmp_path / "out"))
    assert said.code == 0, said.complained
    assert "What came of the arms in balbc_into_b6_mll_ptd" in said.printed
    assert "Arms against the first" in said.printed
    assert "log-rank" in said.printed
    assert "9 virtual subjects through every arm; seed 2018" in said.printed
    assert (tmp_path / "out" / "results" / "mine" / "balbc_into_b6_mll_ptd" / "run.json").is_file()
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mathew2018_survival", "--as-file", "x.yaml"], "A file holds one experiment in one system. Say which"),
        ([SMALL, "--system", "b6_into_balbc_wehi3b"], 'There is no system of mathew2018_syngeneic named "b6_into'),
        (["nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(gvlab, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    said = gvlab("run", *arguments)
    assert said.code == 1
    assert words in said.complained
    assert "Traceback" not in said.complained


def test_a_misspelled_key_is_said_with_file_line_and_the_right_one(gvlab, tmp_path):
    file = tmp_path / "mine.yaml"
    gvlab("run", SMALL, "--as-file", str(file))
    file.write_text(file.read_text(encoding="utf-8").replace("amount:", "amuont:", 1), encoding="utf-8")
    said = gvlab("run", str(file))
    assert said.code == 1
    assert 'There is no key named "amuont"' in said.complained
    assert 'Did you mean "amount"?' in said.complained
    assert "mine.yaml, line 10" in said.complained


def test_one_system_of_several_is_run(gvlab, tmp_path):
    system = "b6_into_balbc_baf3"
    said = gvlab(
        "run",
        "mathew2018_survival",
        "--system",
        system,
        "--subjects",
        "4",
        "--no-ensemble",
        "--out",
        str(tmp_path / "o"),
    )
    assert said.code == 0, said.complained
    assert [path.name for path in (tmp_path / "o" / "results" / "mathew2018_survival").iterdir()] == [system]


def test_the_schema_is_printed_as_json(gvlab):
    said = gvlab("schema", "experiment")
    assert said.code == 0
    assert json.loads(said.printed)["properties"]["arms"]["description"]
