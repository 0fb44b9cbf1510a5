"""gvlab design, synergy and compare, as a user runs them."""

from __future__ import annotations

import functools
import json
import re

import openpyxl
import pandas as pd
import pytest

from gvlab.experiment import Experiment
from gvlab.planning.design_sheet import PLAN_MARK
from gvlab.planning.make_plan import make_plan
from gvlab.planning.plan import Plan
from gvlab.planning.randomization import randomize
from gvlab.workflows import plan_experiment

SYSTEM = ("--system", "b6_into_balbc_wehi3b")
SMALL = ("--subjects", "64", "--sets", "0", "--seed", "4")
PLANS: dict[str, Plan] = {}


@pytest.fixture(autouse=True)
def each_power_is_computed_once(monkeypatch):
    """Keep plans by all that decides them: what is tested here is what a command says, lists and writes of a plan."""

    def kept(experiment, comparisons, *, progress, cancel, **options):
        key = repr((experiment.name, experiment.system.name, comparisons, sorted(options.items())))
        if key not in PLANS:
            PLANS[key] = make_plan(experiment, comparisons, progress=progress, cancel=cancel, **options)
        return PLANS[key]

    monkeypatch.setattr(plan_experiment, "make_plan", kept)


def test_a_plan_holds_list_key_sheet_and_power(gvlab, tmp_path):
    folder = tmp_path / "plan"
    done = gvlab("design", "mathew2018_survival", *SYSTEM, *SMALL, "--per-arm", "6", "--out", str(folder))
    assert done.code == 0, done.complained
    assert "6 animals in each of 4 arms, 24 in the arms and " in done.printed
    assert "A board also asks for: severity; observation; formulation and volume of" in done.printed
    assert "within the Monte-Carlo error" in done.printed
    bench = pd.read_csv(folder / "randomization.csv", comment="#")
    key = pd.read_csv(folder / "key" / "randomization_key.csv", comment="#")
    assert list(bench.columns) == ["animal", "cage", "block", "code"]
    assert key["arm"].value_counts().to_dict() == dict.fromkeys(
        ("BM", "BM + sorafenib", "BM + T cells", "BM + T cells + sorafenib"), 6
    )
    assert set(bench["code"]) == set(key["code"])
    book = openpyxl.load_workbook(folder / "design_sheet.xlsx")
    assert book.sheetnames == [
        "Summary", "Arms", "Doses", "Calendar", "Sampling", "All animals", "List", "ARRIVE 2.0",
    ]  # fmt: skip
    assert all(sheet["A1"].value == PLAN_MARK for sheet in book)
    assert not any(cell.data_type == "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    assert {"power.svg", "power.png", "power.csv", "plan.json", "board.pdf", "details.yaml", "animals.csv"} <= {
        path.name for path in folder.iterdir()
    }
    # Nothing outside the key tells which mouse is in which arm, nor the seed that would.
    seed = (folder / "key" / "randomization_key.csv").read_text().split("Seed of the randomization: ")[1].split(";")[0]
    for file in ("randomization.csv", "plan.json", "arrive.csv"):
        assert seed not in (folder / file).read_text()


def test_the_seed_of_the_randomization_repeats_it_and_without_one_each_list_is_new(gvlab, tmp_path):
    lists = []
    for number, seed in enumerate((("--randomization-seed", "5"), ("--randomization-seed", "5"), (), ())):
        folder = tmp_path / str(number)
        done = gvlab(
            "design", "mathew2018_survival", *SYSTEM, *SMALL, *seed, "--per-arm", "6", "--out", str(folder)
        )  # fmt: skip
        assert done.code == 0, done.complained
        lists.append((folder / "key" / "randomization_key.csv").read_text())
    assert lists[0] == lists[1]
    assert lists[2] != lists[3]


def test_nothing_outside_the_key_gives_the_list_away(gvlab, tmp_path):
    folder = tmp_path / "plan"
    command = ("design", "mathew2018_survival", *SYSTEM, *SMALL, "--per-arm", "6", "--out", str(folder))
    assert gvlab(*command).code == 0
    key = pd.read_csv(folder / "key" / "randomization_key.csv", comment="#", keep_default_na=False)
    key = key.sort_values("animal", ignore_index=True)
    sizes = {arm.name: 6 for arm in Experiment.read("mathew2018_survival", SYSTEM[1]).arms}
    for seed in {4, *(int(each) for each in re.findall(r"\d+", (folder / "plan.json").read_text()))}:
        guess = randomize(sizes, seed).key.sort_values("animal", ignore_index=True)
        assert not guess["code"].equals(key["code"])
        assert (guess["arm"] == key["arm"]).mean() < 0.8


def test_a_plan_of_a_reading_needs_its_day(gvlab, tmp_path):
    command = ("design", "mathew2018_il15_source", "--endpoint", "IL15_serum", "--out", str(tmp_path / "x"))
    done = gvlab(*command)
    assert done.code == 1
    assert 'say on which day, such as "day 12"' in done.complained
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--start", "9999-12-31", "is beyond the calendar, which ends with the year 9999"),
        ("--start", "1.12.2026", "is not a date"),
        ("--attrition", "nan", '"attrition" is nan: input should be a finite number'),
        ("--attrition", "10", "it is a share of the animals between 0 and 0.9. Did you mean 0.1?"),
        ("--alpha", "5", "alpha is 5; a level lies between 0 and 1"),
        ("--per-arm", "100000", "400,000 animals are asked for; a list holds at most 20,000"),
        ("--allocate", "BM=nan", "is nan: input should be a finite number"),
        ("--allocate", "BMM=2", 'Did you mean "BM"?'),
        ("--interim", "50%", 'survival is looked at on "day 50"'),
        ("--interim", "day 500", "it lies between day 0 and 100"),
        ("--sets", "1e9", '1,000,000,000 plausible sets are asked for, and the ensemble "mathew2018" holds'),
        ("--cage-correlation", "1.5", "it lies between 0 and 1"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_before_the_work(gvlab, tmp_path, option, value, words):
    done = gvlab("design", "mathew2018_survival", *SYSTEM, option, value, "--out", str(tmp_path / "x"))
    assert done.code == 1
    assert words in " ".join(done.complained.split())
    assert not (tmp_path / "x").exists()


def test_where_there_are_several_systems_one_is_named(gvlab, tmp_path):
    done = gvlab("design", "mathew2018_survival", *SMALL, "--out", str(tmp_path / "x"))
    assert done.code == 1
    assert "is of 6 systems, and what is asked differs between them. Name one with --system:" in done.complained
    assert not (tmp_path / "x").exists()


def test_a_plan_of_several_arms_with_details_and_strata(gvlab, tmp_path):
    first = tmp_path / "first"
    small = ("design", "mathew2018_survival", *SYSTEM, *SMALL, "--per-arm", "6")
    assert gvlab(*small, "--out", str(first)).code == 0
    text = (first / "details.yaml").read_text().replace("severity: ''", "severity: severe")
    (tmp_path / "mine.yaml").write_text(text.replace("volume: ''", "volume: 0.2 mL"))
    arms = ("--arm", "BM + T cells + sorafenib", "--arm", "BM", "--versus", "BM + T cells", "--require", "any")
    more = ("--allocate", "BM=2", "--stratum", "female=1", "--stratum", "male=1", "--side", "higher")
    done = gvlab(*small, *arms, *more, "--details", str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "second"))
    assert done.code == 0, done.complained
    assert "the level shared by Holm's procedure. Required: at least one of them." in done.printed
    assert "12 in BM, 6 in BM + sorafenib" in done.printed
    assert "severity" not in done.printed.split("A board also asks for:")[1].split(".")[0]
    bench = pd.read_csv(tmp_path / "second" / "randomization.csv", comment="#")
    assert bench["stratum"].value_counts().to_dict() == {"female": 15, "male": 15}
    plan = json.loads((tmp_path / "second" / "plan.json").read_text())
    assert plan["animals_by_arm"]["BM"] == 12
    assert (tmp_path / "second" / "board.pdf").read_bytes().count(b"/Type /Page\n") == 1


def test_a_power_that_is_none_is_refused(gvlab, tmp_path):
    done = gvlab("design", "mathew2018_survival", *SYSTEM, *SMALL, "--power", "80", "--out", str(tmp_path / "x"))
    assert done.code == 1
    assert "A power of 80 is asked for" in done.complained


def test_more_sets_than_there_are_are_refused_by_a_map_too(gvlab, tmp_path):
    done = gvlab("synergy", "mathew2018_survival", *SYSTEM, "--sets", "1e4", "--out", str(tmp_path / "x"))
    assert done.code == 1
    assert "Take at most" in done.complained
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("over", ["doses", "start"])
def test_a_synergy_map_is_made_with_its_tables(gvlab, tmp_path, over):
    folder = tmp_path / over
    options = (
        "--doses",
        "0,5,10",
        "--with-doses",
        "0,2.5e5,5e5",
        "--days",
        "4,12",
        "--mice",
        "8",
        "--over",
        over,
        "--sets",
        "2",
    )
    done = gvlab("synergy", "mathew2018_survival", *SYSTEM, *options, "--out", str(folder))
    assert done.code == 0, done.complained
    assert "mean excess over bliss" in done.printed
    assert "; over 2 plausible sets" in done.printed
    sets = pd.read_csv(folder / "sets.csv", comment="#")
    assert set(sets["reference"]) == ({"bliss", "hsa", "loewe"} if over == "doses" else {"bliss", "hsa"})
    assert ("loewe" in done.printed) == (over == "doses")
    effect = pd.read_csv(folder / "effect.csv", comment="#")
    assert len(effect) == (9 if over == "doses" else 6)
    assert effect["share"].between(0, 1).all()
    assert "simulated by GVLab" in (folder / "bliss.csv").read_text()
    assert (folder / "bliss.png").stat().st_size > 5000


def test_doses_that_are_no_numbers_are_refused(gvlab, tmp_path):
    done = gvlab("synergy", "mathew2018_survival", "--doses", "0;5;10", "--out", str(tmp_path / "x"))
    assert done.code == 1
    assert '--doses "0;5;10" is not a list of numbers; write "0,5,10"' in done.complained


def test_survival_data_are_laid_over_the_prediction(gvlab, tmp_path):
    experiment = Experiment.read("mathew2018_survival", SYSTEM[1])
    small = experiment.replace(arms=tuple(arm.replace(n=8) for arm in experiment.arms[2:]))
    table = small.run(77).events("overall_survival").table
    table = table.replace({"arm": {"BM + T cells": "Donor T"}})
    table[["arm", "duration", "event_observed"]].to_csv(tmp_path / "ours.csv", index=False)
    command = ("compare", "mathew2018_survival", *SYSTEM, "--data", str(tmp_path / "ours.csv"), "--subjects", "60")
    done = gvlab(*command, "--out", str(tmp_path / "a"))
    assert done.code == 0, done.complained
    assert "Not compared, since no arm of the experiment has that name: Donor T" in done.printed
    done = gvlab(*command, "--map", "Donor T=BM + T cells", "--out", str(tmp_path / "b"))
    assert done.code == 0, done.complained
    assert "log-rank of 8 subjects against 60 virtual ones" in done.printed
    agreement = pd.read_csv(tmp_path / "b" / "agreement.csv", comment="#")
    assert set(agreement["predicted arm"]) == {"BM + T cells", "BM + T cells + sorafenib"}
    assert (tmp_path / "b" / "survival.png").stat().st_size > 5000
    assert json.loads((tmp_path / "b" / "comparison.json").read_text())["data"] == "ours.csv"


def test_a_file_that_cannot_be_laid_over_a_prediction_says_so(gvlab, tmp_path):
    (tmp_path / "mice.csv").write_text("Days,Vehicle\n10,1\n12,1\n20,0\n")
    done = gvlab(
        "compare", "mathew2018_survival", *SYSTEM, "--data", str(tmp_path / "mice.csv"), "--out", str(tmp_path / "x")
    )  # fmt: skip
    assert done.code == 1
    assert '--map "Vehicle=BM"' in done.complained
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("command", ["design", "synergy", "analyze", "compare"])
def test_help_teaches_with_examples(gvlab, command):
    done = gvlab(command, "--help")
    assert done.code == 0
    assert "Examples:" in done.printed
    assert f"gvlab {command}" in done.printed


OUTCOME = "mouse,group,time [days],event (1 = died)\n" + "".join(
    f"{arm[0]}{n},{arm},{day},{event}\n"
    for arm, day, event in (("control", 20, 1), ("BM + T cells + sorafenib", 100, 0))
    for n in range(6)
)


def test_a_registered_plan_is_held_to_the_outcome_and_refused_once_it_was_changed(gvlab, tmp_path):
    file, data = tmp_path / "registered.json", tmp_path / "outcome.csv"
    plan = ("design", "mathew2018_survival", *SYSTEM, *SMALL, "--per-arm", "6", "--register", str(file))
    done = gvlab(*plan, "--out", str(tmp_path / "plan"))
    assert done.code == 0, done.complained
    assert "Only the nominal parameter set was used" in done.printed
    written = json.loads(file.read_text())
    assert f"SHA-256 {written['sha256']}" in done.printed
    assert done.printed.count("Predicted: ") == 6

    again = gvlab(*plan, "--out", str(tmp_path / "again"))
    assert again.code == 1
    assert "never written over" in again.complained
    assert not (tmp_path / "again").exists()
    assert json.loads(file.read_text()) == written

    data.write_text(OUTCOME)
    compare = ("compare", "--registered", str(file), "--data", str(data))
    lacking = gvlab(*compare, "--out", str(tmp_path / "a"))
    assert lacking.code == 1
    assert "lacks BM + T cells, which the registered plan compares" in lacking.complained
    assert '--map "control=BM + T cells"' in lacking.complained
    done = gvlab(*compare, "--map", "control=BM + T cells", "--out", str(tmp_path / "b"))
    assert done.code == 0, done.complained
    assert "of 6 registered predictions held" in done.printed
    judged = pd.read_csv(tmp_path / "b" / "judgment.csv", comment="#")
    assert len(judged) == 6
    assert set(judged["verdict"]) <= {"held", "did not hold"}
    document = json.loads((tmp_path / "b" / "judgment.json").read_text())
    assert document["plan_sha256"] == written["sha256"]

    named = gvlab("compare", "mathew2018_survival", *compare[1:], "--out", str(tmp_path / "c"))
    assert "stands in the registered plan already" in named.complained
    elisa = tmp_path / "elisa.csv"
    elisa.write_text(
        "subject,group,day,analyte,value,unit\n" + "".join(f"{n},BM,9,IL-15,{n},pg/mL\n" for n in range(5))
    )
    kind = gvlab("compare", "--registered", str(file), "--data", str(elisa), "--out", str(tmp_path / "d"))
    assert "holds readings, and the primary endpoint of the plan is Overall survival" in kind.complained
    file.write_text(file.read_text().replace('"alpha": 0.05', '"alpha": 0.5'))
    changed = gvlab(*compare, "--out", str(tmp_path / "e"))
    assert changed.code == 1
    assert "was changed after it was registered" in changed.complained


def test_readings_in_another_unit_are_held_to_the_unit_of_the_plan(gvlab, tmp_path, monkeypatch):
    # What is asked here does not depend on how exact the power is.
    monkeypatch.setattr(plan_experiment, "make_plan", functools.partial(make_plan, replicates=160))
    reading = ("--endpoint", "serum_il15", "--day", "day 9")
    file = tmp_path / "registered.json"
    done = gvlab(
        "design", "mathew2018_survival", *SYSTEM, *SMALL, "--per-arm", "4", *reading,
        "--register", str(file), "--out", str(tmp_path / "plan"),
    )  # fmt: skip
    assert done.code == 0, done.complained
    predicted = json.loads(file.read_text())["predictions"][0]
    assert predicted["quantity"] == "median"
    for place, (unit, factor) in enumerate((("pg/mL", 1.0), ("ng/mL", 1e-3))):
        rows = [
            f"{arm[-3:]}{n},{arm},9,IL-15 (DuoSet),{predicted['value'] * factor},{unit}\n"
            for arm in ("BM + T cells", "BM + T cells + sorafenib")
            for n in range(4)
        ]
        (tmp_path / "elisa.csv").write_text("subject,group,day,analyte,value,unit\n" + "".join(rows))
        command = ("compare", "--registered", str(file), "--data", str(tmp_path / "elisa.csv"))
        unnamed = gvlab(*command, "--out", str(tmp_path / f"no{place}"))
        assert 'Call it so in the file (gvlab compare takes --reads "IL-15 (DuoSet)")' in unnamed.complained
        done = gvlab(*command, "--reads", "IL-15 (DuoSet)", "--out", str(tmp_path / f"yes{place}"))
        assert done.code == 0, done.complained
        judged = pd.read_csv(tmp_path / f"yes{place}" / "judgment.csv", comment="#")
        assert judged.loc[0, "observed"] == pytest.approx(predicted["value"])
        assert judged.loc[0, "verdict"] == "held"
