"""The design sheet: amounts per animal, calendar, ARRIVE table, cells that are never live."""

from __future__ import annotations

import datetime as dt

import openpyxl
import pandas as pd
import pytest

from gvlab.errors import InvalidValueError
from gvlab.experiment import Experiment
from gvlab.planning.arrive import TO_FILL, arrive_table
from gvlab.planning.design_sheet import (
    PLAN_MARK,
    calendar,
    doses_table,
    parse_date,
    sampling_table,
    save_workbook,
)
from gvlab.planning.plan import make_plan
from gvlab.planning.planned_comparison import PlannedComparison


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


def test_the_calendar_has_every_dose_of_every_arm_on_its_day(survival):
    days = calendar(survival, dt.date(2026, 12, 1))
    drug = days[days["what"].str.contains("Sorafenib")]
    assert list(drug["day"]) == list(range(4, 15))
    assert drug["date"].iloc[0] == "2026-12-05"
    assert set(drug["arms"]) == {"BM + sorafenib; BM + T cells + sorafenib"}
    assert days["day"].is_monotonic_increasing
    assert days.iloc[-1]["what"] == "end of the study"


def test_readings_that_kill_say_so():
    table = sampling_table(Experiment.read("mathew2018_cd8_phenotype"))
    stress = table[table["assay"].str.contains("stress test")]
    assert len(stress)
    assert stress["animal is killed"].str.startswith("yes").all()
    assert set(table["day"]) == {12.0}


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


def test_arrive_leaves_blank_what_a_plan_cannot_know_and_marks_it(survival):
    found = make_plan(survival, PlannedComparison.of(survival), subjects=64, replicates=80, seed=1)
    table = arrive_table(found, 12, 5, "0")
    assert {item.split()[0].rstrip("abcd") for item in table["item"]} == {str(number) for number in range(1, 11)}
    blank = table[table["this plan"] == ""]
    assert (blank["status"] == TO_FILL).all()
    assert len(blank) >= 5
    size = table[table["item"].str.startswith("2a")]["this plan"].iloc[0]
    assert "12 per arm, 48 in 4 arms" in size
    assert TO_FILL in table[table["item"].str.startswith("5")]["this plan"].iloc[0]
