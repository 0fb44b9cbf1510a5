"""The design sheet: amounts per animal, calendar, ARRIVE table, cells that are never live."""

from __future__ import annotations

import datetime as dt

import numpy as np
import openpyxl
import pandas as pd
import pytest

from gvlab.errors import InvalidValueError
from gvlab.experiment import Experiment
from gvlab.planning.animals import Extras, count_animals
from gvlab.planning.arrive import AFTERWARDS, IN_PART, PLANNED, arrive_table
from gvlab.planning.blood import blood_of, husbandry_of
from gvlab.planning.dates import parse_date
from gvlab.planning.design_sheet import PLAN_MARK, calendar, doses_table, save_workbook
from gvlab.planning.expected import ExpectedSurvival, expected_survival
from gvlab.planning.make_plan import make_plan
from gvlab.planning.plan import Plan
from gvlab.planning.planned_comparison import PlannedComparison
from gvlab.planning.protocol_details import TO_FILL, AgentDetails, ProtocolDetails, details_template, read_details
from gvlab.planning.sampling_calendar import plan_sampling
from gvlab.planning.sham import sham_doses


@pytest.fixture(scope="module")
def survival() -> Experiment:
    return Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b")


def test_a_dose_per_body_mass_is_given_per_animal_and_others_stay(survival):
    doses = doses_table(survival, seed=1)
    by_mouth = doses[doses["agent"] == "Sorafenib"]["per animal"].iloc[0]
    amount, grams = float(by_mouth.split()[0]), by_mouth.split("for ")[1]
    assert 0.15 < amount < 0.3
    assert grams.endswith(" g)")
    assert (doses[doses["agent"] == "Total body irradiation"]["per animal"] == "10 Gy").all()


def test_the_calendar_has_every_dose_of_every_arm_on_its_day_and_its_vehicle(survival):
    days = calendar(survival, dt.date(2026, 12, 1))
    drug = days[days["what"].str.startswith("Sorafenib")]
    assert list(drug["day"]) == list(range(4, 15))
    assert drug["date"].iloc[0] == "2026-12-05"
    assert set(drug["arms"]) == {"BM + sorafenib; BM + T cells + sorafenib"}
    vehicle = days[days["what"].str.startswith("Vehicle of Sorafenib")]
    assert list(vehicle["day"]) == list(range(4, 15))
    assert set(vehicle["arms"]) == {"BM; BM + T cells"}
    assert days["day"].is_monotonic_increasing
    assert days.iloc[-1]["what"] == "end of the study"


def test_every_arm_is_given_something_on_the_same_days(survival):
    doses = doses_table(survival, seed=1)
    for _, rows in doses.groupby("arm"):
        assert rows["times"].sum() == 1 + 1 + 1 + 1 + 11
    shams = {(each.arm, each.title) for each in sham_doses(survival)}
    assert ("BM", "Vehicle of Sorafenib") in shams
    assert ("BM + sorafenib", "Carrier without cells (as for C57BL/6 T cells)") in shams
    assert not any(arm == "BM + T cells + sorafenib" for arm, _ in shams)


def test_volume_and_dose_make_a_concentration_and_what_lacks_is_marked(survival):
    details = ProtocolDetails(agents={"sorafenib": AgentDetails(formulation="oil", volume="10 mL/kg")})
    doses = doses_table(survival, 1, details).set_index("agent")
    assert set(doses.loc["Sorafenib", "concentration"]) == {"1 mg/mL"}
    assert set(doses.loc["Vehicle of Sorafenib", "volume"]) == {"10 mL/kg"}
    assert set(doses.loc["C57BL/6 T cells", "volume"]) == {TO_FILL}
    missing = details.missing(survival)
    assert "agents.b6_t_cells.volume" in missing
    assert not any("sorafenib" in each or "irradiation" in each for each in missing)


def test_details_come_back_from_the_file_that_was_written(survival, tmp_path):
    details = ProtocolDetails(severity="severe", agents={"sorafenib": AgentDetails(volume="10 mL/kg")})
    file = tmp_path / "details.yaml"
    file.write_text(details_template(details, survival, details.missing(survival)))
    assert doses_table(survival, 1, read_details(file)).equals(doses_table(survival, 1, details))
    assert read_details(file).severity == "severe"
    with pytest.raises(InvalidValueError, match=r'gives no "aspirin"\. It gives: total_body_irradiation'):
        ProtocolDetails(agents={"aspirin": AgentDetails()}).check(survival)
    with pytest.raises(ValueError, match=r'"10 mg" is no volume of a dose\. Write "10 mL/kg"'):
        AgentDetails(volume="10 mg")


def sampled(experiment: Experiment, survival: ExpectedSurvival | None = None, **options: str):
    comparison = PlannedComparison.of(experiment, **options)
    return plan_sampling(experiment, comparison, survival or ExpectedSurvival({}), husbandry_of(experiment))


def test_readings_that_kill_say_so_and_those_that_are_compared_kill_nobody_else():
    phenotype = Experiment.read("mathew2018_cd8_phenotype", "b6_into_balbc_wehi3b")
    found = sampled(phenotype, endpoint="cd8_flow.pd1_median", day="day 12")
    flow = found.table[found.table["assay"].str.contains("flow")]
    assert flow["animal is killed"].tolist() == ["yes: the animals that are compared"]
    assert set(found.table["day"]) == {12.0}


def test_arms_that_are_dead_are_not_sampled(survival):
    alive = expected_survival(survival, 1, subjects=100)
    assert alive.alive("BM", 0) == 1
    assert alive.alive("BM", 99) < 0.5 < alive.alive("BM + T cells + sorafenib", 20)
    dead = ExpectedSurvival({arm.name: np.full(10, 5.0 if arm.name == "BM" else np.inf) for arm in survival.arms})
    table = sampled(survival, dead, endpoint="serum_il15", day="day 9").table
    assert not table["arms"].str.split("; ").explode().eq("BM").any()
    assert table["left out"].str.contains("BM (0 % alive)", regex=False).all()


def test_blood_is_summed_by_week_and_held_against_a_limit_with_its_source(survival):
    kept = husbandry_of(survival)
    assays = survival.library.read_all("assays")
    assert blood_of(assays["blood_count"], kept) == pytest.approx(0.05)
    assert blood_of(assays["serum_il15"], kept) == pytest.approx(2 * 0.1 / 0.4)  # two wells of serum
    assert blood_of(assays["cd8_flow"], kept) == 0
    blood = sampled(survival, endpoint="serum_il15", day="day 9").blood
    assert blood.volume == pytest.approx(0.5)
    assert blood.limit == pytest.approx(0.075 * 72 * 0.0221, rel=0.05)
    assert "MORE than the limit" in blood.in_words()
    assert "diehl2001, from memory, unverified" in blood.in_words()


def test_animals_are_counted_whole(survival):
    sizes = {arm.name: 10 for arm in survival.arms}
    found = count_animals(survival, sizes, {9.0: ["BM", "BM + T cells"]}, Extras(0.1, 4, 2), husbandry_of(survival), 1)
    rows = found.table.set_index("what for")["animals"]
    assert rows["in the arms"] == 40
    assert rows["spare"] == 4
    assert rows["killed for readings on day 9"] == 8
    assert rows["irradiated without marrow"] == 2
    assert rows["vehicle controls of Sorafenib"] == 0
    assert rows["C57BL/6 donor of marrow (femora and tibiae)"] == 6  # 48 animals, 5e6 each, 4e7 a donor
    assert found.total == sum(rows)


def test_primary_recipients_and_their_donors_are_counted():
    secondary = Experiment.read("mathew2018_secondary", "b6_into_balbc_wehi3b")
    sizes = {arm.name: 10 for arm in secondary.arms}
    found = count_animals(secondary, sizes, {}, Extras(0.0, 0, 0), husbandry_of(secondary), 1).table
    primaries = found[found["what for"].str.startswith("primary recipients")]
    assert len(primaries) == 2
    assert (primaries["animals"] >= 1).all()
    marrow = found.set_index("what for")["animals"]["C57BL/6 donor of marrow (femora and tibiae)"]
    assert marrow == -(-(30 + primaries["animals"].sum()) * 5 // 40)


def test_what_cannot_be_counted_is_named():
    other = Experiment.read("mathew2018_survival", "balbc_into_b6_mll_ptd")
    found = count_animals(other, {arm.name: 5 for arm in other.arms}, {}, Extras(), husbandry_of(other), 1)
    assert found.unknown == ["donors of MLL-PTD/FLT3-ITD leukemia cells"]
    assert "Not counted, since it is not known" in found.in_words()


def test_a_date_that_is_none_is_refused():
    with pytest.raises(InvalidValueError, match=r'"1\.12\.2026" is not a date'):
        parse_date("1.12.2026")


def test_cells_of_the_workbook_are_never_live(tmp_path):
    evil = pd.DataFrame({"=name": ["=1+1", "+SUM(A1)", "-2+3", "@cmd", "fine"], "n": [1, 2, 3, 4, -5]})
    save_workbook(tmp_path / "x.xlsx", {"S": evil}, [PLAN_MARK, "=HYPERLINK()"])
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx")["S"]
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert not any(cell.data_type == "f" for cell in cells)
    assert not any(isinstance(cell.value, str) and cell.value[0] in "=+-@" for cell in cells)
    assert -5 in [cell.value for cell in cells]
    assert sheet["A1"].value == PLAN_MARK


@pytest.fixture(scope="module")
def plan(survival) -> Plan:
    return make_plan(survival, PlannedComparison.of(survival), subjects=64, replicates=80, seed=1)


def test_arrive_leaves_blank_what_a_plan_cannot_know_and_marks_it(survival, plan):
    sizes = {arm.name: 12 for arm in survival.arms}
    table = arrive_table(plan, sizes, version="0")
    assert {item.split()[0].rstrip("abcd") for item in table["item"]} == {str(number) for number in range(1, 11)}
    blank = table[table["this plan"] == ""]
    assert set(blank["status"]) == {TO_FILL, AFTERWARDS}
    size = table[table["item"].str.startswith("2a")]["this plan"].iloc[0]
    assert "BM (12)" in size
    assert "48 in 4 arms" in size
    assert TO_FILL in table[table["item"].str.startswith("5")]["this plan"].iloc[0]
    assert not table.loc[table["status"] == PLANNED, "this plan"].str.contains(TO_FILL).any()


def test_an_item_is_planned_when_it_is(survival, plan):
    sizes = {arm.name: 12 for arm in survival.arms}

    def statuses(details: ProtocolDetails) -> pd.Series:
        return arrive_table(plan, sizes, details=details, version="0").set_index("item")["status"]

    agents = {
        name: AgentDetails(formulation="x", volume="0.1 mL")
        for name in ("sorafenib", "b6_t_cells", "b6_bone_marrow", "wehi3b_flt3itd")
    }
    said = ProtocolDetails(severity="severe", observation="daily", blinding="all", agents=agents)
    before, after = statuses(ProtocolDetails()), statuses(said)
    for item in ("5 Blinding", "6a Outcomes", "9a Procedures"):
        assert (before[item], after[item]) == (IN_PART, PLANNED)
    assert after["8a Animals"] == IN_PART
    assert after["10a Results"] == AFTERWARDS
    assert said.missing(survival) == []
