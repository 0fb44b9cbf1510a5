"""Each command teaches, answers, and refuses in a sentence."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import libsbml
import pytest
import yaml

from gvlab import capacity
from gvlab.cli import app
from gvlab.cli.common import refuse_installed
from gvlab.errors import OutputError
from gvlab.model import checks
from gvlab.model.model import Model

COMMANDS = [command.name for command in app.registered_commands]


def test_there_are_the_commands_the_readme_promises():
    assert {"run", "list", "check", "export", "explain", "cite"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_has_an_example_of_it(gvlab, name):
    said = gvlab(name, "--help")
    assert said.code == 0
    examples = said.printed.partition("Examples:")[2]
    assert f"gvlab {name}" in examples
    assert all(line.count(f"gvlab {name}") <= 1 for line in examples.splitlines())


def test_the_first_help_shows_where_to_begin_and_what_this_is_not_for(gvlab):
    said = gvlab("-h")
    assert said.code == 0
    assert "gvlab run mathew2018 --quick" in said.printed
    assert "it decides no treatment" in said.printed
    assert all(name in said.printed for name in COMMANDS)


def test_it_runs_as_a_module(command):
    said = command("list", "experiments")
    assert said.code == 0, said.complained
    assert "mathew2018_survival" in said.printed


# ------------------------------------------------------------------------------------------------ what it answers


def test_list_counts_every_kind(gvlab):
    said = gvlab("list")
    assert said.code == 0
    for kind in ("experiments", "findings", "systems", "agents", "conditions", "parameters"):
        assert kind in said.printed


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("experiments", "mathew2018_survival"),
        ("systems", "b6_into_balbc_wehi3b"),
        ("findings", "C20"),
        ("parameters", "k_killing_cd8"),
        ("conditions", "il15_deficient_leukemia"),
    ],
)
def test_list_shows_the_records_of_a_kind(gvlab, kind, words):
    said = gvlab("list", kind)
    assert said.code == 0
    assert words in said.printed


def test_explain_gives_value_unit_evidence_and_every_overlay(gvlab):
    said = gvlab("explain", "CL_sorafenib")
    assert said.code == 0
    assert all(word in said.printed for word in ("takes the place of", "species:human", "L/day", "agarwal2011"))


def test_explain_resolves_the_overlays_of_a_system(gvlab):
    everywhere = gvlab("explain", "CL_sorafenib").printed
    here = gvlab("explain", "CL_sorafenib", "--system", "b6_into_balbc_wehi3b")
    assert here.code == 0
    assert len(here.printed) < len(everywhere)
    assert "CL_sorafenib" in here.printed


def test_explain_says_what_a_finding_asks(gvlab):
    said = gvlab("explain", "C23")
    assert said.code == 0
    assert "seen" in said.printed
    assert "BM + syngeneic T cells + sorafenib" in said.printed


def test_cite_prints_exactly_the_sources_of_an_experiment(gvlab):
    everything, one = gvlab("cite"), gvlab("cite", "mathew2018_axis")
    assert everything.code == one.code == 0
    assert "doi:10.1038/nm.4484" in one.printed
    assert set(one.printed.splitlines()) < set(everything.printed.splitlines())


def test_check_finds_nothing_to_complain_of(gvlab):
    said = gvlab("check")
    assert said.code == 0, said.printed
    assert "keep every rule" in said.printed


def test_check_fails_when_it_finds_something(gvlab, monkeypatch):
    monkeypatch.setattr(checks, "check_references", lambda _: ("a source that is in no bibliography",))
    said = gvlab("check")
    assert said.code == 1
    assert "a source that is in no bibliography" in said.printed


def test_check_reads_a_users_own_library(gvlab, monkeypatch, tmp_path):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "mine.yaml").write_text("name: mine\ntitle: Mine\nkind: drgu\n")
    monkeypatch.setenv("GVLAB_LIBRARY", str(tmp_path))
    said = gvlab("check")
    assert said.code == 1
    assert "mine.yaml" in said.printed
    assert "'drgu'" in said.printed


def test_export_writes_the_same_to_a_file_and_to_the_screen(gvlab, tmp_path):
    file = tmp_path / "gvl.xml"
    assert gvlab("export", "sbml", "--out", str(file)).code == 0
    assert file.read_text(encoding="utf-8") == Model.default().sbml
    assert gvlab("export", "sbml").printed.strip() == file.read_text(encoding="utf-8").strip()


def test_export_with_doses_has_an_event_for_each_dose(gvlab):
    arm = ("--with-doses", "mathew2018_survival", "--system", "b6_into_balbc_wehi3b", "--arm")
    none, drug = (gvlab("export", "sbml", *arm, name) for name in ("BM", "BM + sorafenib"))
    assert none.code == drug.code == 0
    assert none.printed.count("<event ") < drug.printed.count("<event ")
    assert 'id="dose_0001"' in drug.printed


def test_export_writes_antimony(gvlab):
    said = gvlab("export", "antimony", "--with-doses", "mathew2018_axis", "--arm", "vehicle")
    assert said.code == 0
    assert "model " in said.printed
    assert gvlab("export", "antimony").code == 0


def test_build_does_not_make_a_users_rows_ours(gvlab, monkeypatch, tmp_path):
    monkeypatch.setenv("GVLAB_LIBRARY", str(tmp_path))
    said = gvlab("build")
    assert said.code == 1
    assert "GVLAB_LIBRARY is set" in said.complained


# ------------------------------------------------------------------------------------------------ what it refuses


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["run", "mathew2018_survivl"],
            'no experiment named "mathew2018_survivl". Did you mean "mathew2018_survival"?',
        ),
        (["run", "mathew2018_axis", "--engine", "roadruner"], 'Did you mean "roadrunner"?'),
        (["design", "mathew2018_axs"], 'Did you mean "mathew2018_axis"?'),
        (["calibrate", "mathew2019"], 'Did you mean "mathew2018"?'),
        (["list", "experimnts"], 'Did you mean "experiments"?'),
        (["explain", "k_killing_cd9"], 'Did you mean "k_killing_cd8"?'),
        (["explain", "k_killing_cd9", "--system", "b6_into_balbc_wehi3b"], 'Did you mean "k_killing_cd8"?'),
        (["explain", "CL_sorafenib", "--system", "b6_into_balbc_wehi3"], 'Did you mean "b6_into_balbc_wehi3b"?'),
        (["cite", "mathew2018_surviva"], 'Did you mean "mathew2018_survival"?'),
        (["export", "sbml", "--with-doses", "mathew2018_axs"], 'Did you mean "mathew2018_axis"?'),
        (["export", "sbml", "--with-doses", "mathew2018_axis", "--arm", "sorafnib"], 'Did you mean "sorafenib"?'),
        (
            ["export", "sbml", "--with-doses", "mathew2018_axis", "--system", "culture_flt3itt"],
            'Did you mean "culture_flt3itd"?',
        ),
    ],
)
def test_an_unknown_name_is_answered_with_the_closest(gvlab, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    said = gvlab(*arguments)
    assert said.code == 1
    assert words in said.complained
    assert "Traceback" not in said.complained
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["rn"], ["run", "--sed", "1"], ["run", "--subjects", "0"], ["run", "--seed", "-1"], ["export", "xml"]]
)
def test_a_wrong_option_is_a_usage_error(gvlab, monkeypatch, tmp_path, arguments):
    monkeypatch.chdir(tmp_path)
    said = gvlab(*arguments)
    assert said.code == 2
    assert "Usage" in said.complained
    assert list(tmp_path.iterdir()) == []


def test_an_arm_without_its_experiment_is_not_ignored(gvlab):
    said = gvlab("export", "sbml", "--arm", "BM")
    assert said.code == 1
    assert "--with-doses EXPERIMENT" in said.complained


def test_a_library_that_is_not_there_is_refused(gvlab, monkeypatch, tmp_path):
    monkeypatch.setenv("GVLAB_LIBRARY", str(tmp_path / "nowhere"))
    said = gvlab("list")
    assert said.code == 1
    assert "is not a folder. Correct it, or unset it." in said.complained


def test_brackets_in_a_name_are_no_markup(gvlab):
    said = gvlab("run", "[/bold]")
    assert said.code == 1
    assert 'There is no experiment named "[/bold]"' in said.complained


# ---------------------------------------------------------------------------------------------- what stands for a file


def test_a_hyphen_is_the_terminal(gvlab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = gvlab("export", "sbml")
    assert gvlab("export", "sbml", "--out", "-").printed == plain.printed
    assert libsbml.readSBMLFromString(plain.printed).getNumErrors(libsbml.LIBSBML_SEV_ERROR) == 0
    said = gvlab("run", "mathew2018_syngeneic", "--subjects", "3", "--out", "mine", "--json", "-", "--no-ensemble")
    assert said.code == 0, said.complained
    assert json.loads(said.printed)["manifest"]
    assert "Report:" in said.complained
    assert "findings" in gvlab("list").printed  # what the next command says is on stdout again
    said = gvlab("run", "mathew2018_syngeneic", "--as-file", "-")
    assert yaml.safe_load(said.printed)["name"] == "mathew2018_syngeneic"
    said = gvlab("run", "mathew2018_syngeneic", "--out", "-")
    assert said.code == 1
    assert '"-" is the terminal, and results are files in a folder' in said.complained
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_device_named_as_file_stays_a_device(gvlab):
    said = gvlab("export", "sbml", "--out", "/dev/null")
    assert said.code == 0, said.complained
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    said = gvlab("run", "mathew2018_syngeneic", "--out", "/dev/null")
    assert said.code == 1
    assert '"/dev/null" is a device or a pipe; results need a folder' in said.complained


def test_what_is_installed_is_not_built_anew(gvlab, monkeypatch, tmp_path):
    """As installed: the folder of the package lies in no checkout."""
    package = tmp_path / "site-packages" / "gvlab"
    (package / "cli").mkdir(parents=True)
    monkeypatch.setattr("gvlab.cli.common.__file__", str(package / "cli" / "common.py"))
    with pytest.raises(OutputError, match=r"belongs to the installed package.*Do it in a checkout of the repository"):
        refuse_installed(package / "library" / "models" / "gvl.xml")
    refuse_installed(tmp_path / "mine.xml")
    root = tmp_path / "checkout"
    (root / "src" / "gvlab" / "cli").mkdir(parents=True)
    (root / "pyproject.toml").write_text("")
    monkeypatch.setattr("gvlab.cli.common.__file__", str(root / "src" / "gvlab" / "cli" / "common.py"))
    refuse_installed(root / "src" / "gvlab" / "library" / "models" / "gvl.xml")


def test_help_is_there_without_docstrings():
    """Python's option -OO takes them away."""
    said = subprocess.run(
        [sys.executable, "-OO", "-m", "gvlab", "export", "--help"], capture_output=True, encoding="utf-8", timeout=120
    )
    assert said.returncode == 0, said.stderr
    assert "Write the model for another program." in said.stdout


@pytest.mark.parametrize("command", ["run", "synergy", "design"])
def test_a_number_of_subjects_that_does_not_fit_is_refused_with_one_that_does(gvlab, tmp_path, monkeypatch, command):
    monkeypatch.setattr(capacity, "memory", lambda: 1e9)
    arguments = (command, *(() if command == "synergy" else ("mathew2018_syngeneic",)))
    said = gvlab(*arguments, "--subjects", "1000000000", "--out", str(tmp_path / "mine"))
    assert said.code == 1
    assert re.search(r"need about .* of memory, and 800 MB can be used here\. Take at most [\d,]+\.", said.complained)
    assert not (tmp_path / "mine").exists()


def test_a_count_is_written_as_people_do(gvlab, tmp_path):
    said = gvlab("run", "mathew2018_syngeneic", "--subjects", "1e12", "--out", str(tmp_path / "mine"))
    assert said.code == 1
    assert "1,000,000,000,000 subjects need" in said.complained
    for wrong, rule in (
        ("2.5", "is not a whole number"),
        ("0", "0 is less than 1"),
        ("many", "is not a whole number"),
    ):
        said = gvlab("run", "mathew2018_syngeneic", "--subjects", wrong)
        assert said.code == 2
        assert rule in said.complained


def test_a_calibration_into_a_pipe_says_where_it_stands_and_keeps_what_it_has(gvlab, monkeypatch, tmp_path):
    monkeypatch.setattr("gvlab.cli.common.SECONDS_BETWEEN_LINES", 0.0)
    asked = ("population", "calibrate", "--patients", "64", "--moves", "0", "--allow-collapse")
    folders = ("--folder", str(tmp_path / "kept"))
    first = gvlab(*asked, *folders, "--out", str(tmp_path / "one"))
    assert first.code == 0, first.complained
    lines = first.complained.splitlines()
    assert "Patients of the result, 0/384 patients" in lines
    assert any(line.startswith("Patients of the result, ") and "/384" in line for line in lines[1:])
    assert len(list((tmp_path / "kept").glob("patients-*.npz"))) == 1
    again = gvlab(*asked, *folders, "--out", str(tmp_path / "two"))
    assert (tmp_path / "two" / "population.json").read_text() == (tmp_path / "one" / "population.json").read_text()
    assert len(again.complained.splitlines()) <= 2
