"""gvlab run, as a user runs it."""

from __future__ import annotations

import html
import json
import os
import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest import finish, start, whole_tables
from gvlab.engine import Status
from gvlab.engine.ensemble import engine as ensemble
from gvlab.engine.targets.gpu import device
from gvlab.findings.rule import MEANING_OF_SEVERAL, Verdict
from gvlab.library import Library

SMALL = "mathew2018_syngeneic"
"""The experiment with the fewest arms."""

VERDICTS = {"reproduced", "partly", "not", "cannot say"}


def strict(text: str):
    """Read JSON as other programs do: without NaN and Infinity."""

    def refuse(word: str):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """One quick run with everything asked for."""
    folder = tmp_path_factory.mktemp("quick")
    process = start("run", SMALL, "--quick", "--out", "mine", "--json", "mine.json", cwd=folder)
    return folder, finish(process)


def test_a_quick_run_ends_well_and_says_where_the_report_is(quick):
    folder, said = quick
    assert said.code == 0, said.complained
    assert "C23" in said.printed
    assert "24 virtual subjects through every arm; seed 2018" in said.printed
    assert "report.html" in said.printed
    assert "Traceback" not in said.complained
    assert (folder / "mine" / "report.html").stat().st_size > 10_000
    assert [path.name for path in whole_tables(folder / "mine" / "results" / SMALL / "balbc_into_b6_mll_ptd")] == [
        "events.parquet",
        "finals.parquet",
        "firings.parquet",
        "subjects.parquet",
        "trajectories.parquet",
    ]
    assert not list(folder.rglob(".*"))


def test_json_has_findings_and_the_manifest(quick):
    folder, _ = quick
    document = strict((folder / "mine.json").read_text(encoding="utf-8"))
    assert (folder / "mine" / "findings.json").read_text(encoding="utf-8") == (folder / "mine.json").read_text(
        encoding="utf-8"
    )
    assert list(document)[:2] == ["findings", "manifest"]
    records = Library.default().read_all("findings")
    for finding in document["findings"]:
        record = records[finding["id"]]
        assert finding["role"] == record.role
        assert finding["verdict"] in VERDICTS
        assert isinstance(finding["simulated"], str)
        assert finding["reason"]
        assert bool(finding["simulated"]) == bool(finding["comparisons"])
        for comparison in finding["comparisons"]:
            assert comparison["verdict"] in VERDICTS
            effect = [comparison[side] for side in ("lower", "effect", "upper")]
            assert None in effect or effect == sorted(effect)
    ran = {finding["id"] for finding in document["findings"] if finding["comparisons"]}
    assert ran == {name for name, record in records.items() if record.experiment == SMALL}
    manifest = document["manifest"]
    assert manifest["seed"] == 2018
    assert manifest["engine"] == "ensemble"
    assert re.fullmatch("[0-9a-f]{64}", manifest["model"])
    assert {"findings", "parameters of balbc_into_b6_mll_ptd"} <= set(manifest["tables"])
    assert {"gvlab", "python", "numpy"} <= set(manifest["versions"])
    assert manifest["notes"]["experiments"] == SMALL


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be taken away here")
def test_the_same_seed_gives_the_same_findings_on_one_processor_and_on_all(quick, command, tmp_path):
    folder, _ = quick
    one = {min(os.sched_getaffinity(0))}
    said = command(
        "run", SMALL, "--quick", "--json", "again.json", preexec_fn=lambda: os.sched_setaffinity(0, one)
    )  # fmt: skip
    assert said.code == 0, said.complained
    again = tmp_path / "again.json"
    assert again.read_bytes() == (folder / "mine.json").read_bytes()


def test_a_terminal_that_knows_no_glyphs_costs_no_run(command):
    said = command("run", SMALL, "--subjects", "5", env={"PYTHONIOENCODING": "ascii"})
    assert said.code == 0, said.complained
    assert said.printed.isascii()
    assert "report.html" in said.printed


def test_another_seed_gives_other_mice(quick, gvlab, tmp_path):
    folder, _ = quick
    said = gvlab("run", SMALL, "--quick", "--seed", "7", "--out", str(tmp_path / "other"))
    assert said.code == 0
    name = f"results/{SMALL}/balbc_into_b6_mll_ptd/trajectories.parquet"
    assert (tmp_path / "other" / name).read_bytes() != (folder / "mine" / name).read_bytes()


def test_without_a_folder_each_run_makes_its_own(gvlab, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    now = SimpleNamespace(strftime=lambda _: "2018-02-12-120000", monotonic=time.monotonic)
    monkeypatch.setattr("gvlab.cli.common.time", now)
    for _ in range(2):
        assert gvlab("run", SMALL, "--subjects", "5").code == 0
    made = sorted(path.name for path in (tmp_path / "results").iterdir())
    assert made == [f"{SMALL}-2018-02-12-120000", f"{SMALL}-2018-02-12-120000-2"]
    assert all((tmp_path / "results" / name / "report.html").is_file() for name in made)


def test_a_subject_that_fails_is_said_and_the_others_are_judged(gvlab, monkeypatch, tmp_path):
    solve = ensemble.solve

    def failing(model, times, **arguments):
        solution = solve(model, times, **arguments)
        solution.status[4] = Status.STEP_LIMIT
        solution.end_times[4] = times[0]
        return solution

    monkeypatch.setattr(ensemble, "solve", failing)
    said = gvlab("run", SMALL, "--subjects", "12", "--out", str(tmp_path / "mine"))
    assert said.code == 0, said.complained
    assert (
        "Warning: BM + T cells + sorafenib: 1 of 12 subjects stopped at the step limit; raise max_steps"
        in said.complained
    )
    assert "(row 4)" in said.complained
    assert ".py" not in said.complained
    document = strict((tmp_path / "mine" / "findings.json").read_text(encoding="utf-8"))
    counted = [comparison["subjects"] for finding in document["findings"] for comparison in finding["comparisons"]]
    assert counted
    assert set(counted) == {11}


OWN = """
name: my_axis
title: Half the dose
question: Does half the dose do?
systems: [b6_into_balbc_wehi3b]
arms:
  - name: T cells
    doses: [conditioning, marrow, leukemia, t_cells]
  - name: half the dose
    doses:
      - conditioning
      - marrow
      - leukemia
      - t_cells
      - {agent: sorafenib, amount: 5 mg/kg, at: day 4, every: 1 day, until: day 14, evidence: assumed, note: a choice}
endpoints: [overall_survival]
readouts: [burden, serum_il15]
until: day 30
"""


def test_a_study_of_ones_own_is_run_and_reported(gvlab, monkeypatch, tmp_path):
    (tmp_path / "library" / "experiments").mkdir(parents=True)
    (tmp_path / "library" / "experiments" / "my_axis.yaml").write_text(OWN)
    monkeypatch.setenv("GVLAB_LIBRARY", str(tmp_path / "library"))
    said = gvlab("run", "my_axis", "--subjects", "6", "--out", str(tmp_path / "mine"))
    assert said.code == 0, said.complained
    page = (tmp_path / "mine" / "report.html").read_text(encoding="utf-8")
    assert "Half the dose" in page
    assert "survival-my-axis-b6-into-balbc-wehi3b" in page
    assert "What came of the arms" in page
    assert "Verdict on every claim" not in page
    assert len(whole_tables(tmp_path / "mine" / "results" / "my_axis")) == 5


def test_a_report_has_its_prose_without_docstrings(command, tmp_path):
    """Python without docstrings and asserts (-OO) is how some laboratories install programs."""
    said = command("run", SMALL, "--subjects", "5", "--no-ensemble", "--out", "mine", env={"PYTHONOPTIMIZE": "2"})
    assert said.code == 0, said.complained
    page = html.unescape((tmp_path / "mine" / "report.html").read_text(encoding="utf-8"))
    for verdict in Verdict:
        assert verdict.meaning in page
    assert MEANING_OF_SEVERAL in page
    assert "Kaplan-Meier estimates" in page


# ------------------------------------------------------------------------------------------------ where it may write


def snapshot(folder):
    return {path: (path.read_bytes() if path.is_file() else None) for path in folder.rglob("*")}


def test_a_folder_with_something_in_it_is_refused_and_left_as_it_is(gvlab, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("three years")
    before = snapshot(tmp_path)
    said = gvlab("run", SMALL, "--quick", "--out", str(tmp_path / "mine"))
    assert said.code == 1
    assert "is not empty, and nothing in it is overwritten" in said.complained
    assert snapshot(tmp_path) == before


def test_the_engine_of_the_gpu_says_what_is_missing_where_there_is_none(gvlab, monkeypatch, tmp_path):
    device.cards.cache_clear()
    monkeypatch.setattr(device, "available", lambda: "the NVIDIA driver finds no GPU")
    said = gvlab("run", SMALL, "--quick", "--engine", "gpu", "--out", str(tmp_path / "mine"))
    assert said.code == 1
    assert 'the NVIDIA driver finds no GPU. The engine "ensemble" without a target solves on the' in said.complained
    assert "Traceback" not in said.complained
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--out", "{}/file/mine"], "a part of that path is a file"),
        (["--out", "{}/file"], "is a file; results need a folder"),
        pytest.param(
            ["--out", "/proc/mine"],
            'in "/proc"',
            marks=pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc"),
        ),
        (["--json", "{}/nowhere/mine.json"], "does not exist. Make it first"),
        (["--json", "{}"], "is a folder, and a file is to be written"),
        (["--out", "{}/mine", "--json", "{}/mine/nowhere/mine.json"], "does not exist. Make it first"),
    ],
)
def test_where_nothing_can_be_written_that_is_said_before_anything_is_run(gvlab, monkeypatch, tmp_path, options, words):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gvlab.findings.study.Study.run", lambda *_: pytest.fail("it ran"))
    said = gvlab("run", SMALL, "--quick", *(option.format(tmp_path) for option in options))
    assert said.code == 1
    assert "cannot be written" in said.complained or "is a f" in said.complained
    assert words in said.complained
    assert (tmp_path / "file").read_text() == "not a folder"
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(gvlab, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    said = gvlab("run", SMALL, "--quick", "--out", str(tmp_path / "locked" / "mine"))
    assert said.code == 1
    assert "there is no permission to write in" in said.complained
