"""Survival files in which patients change while they are followed, held against R (as `test_start_stop.py`)."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.assay import analyze
from gvlab.errors import InvalidValueError, UnknownNameError

TIME = [10, 20, 30, 40, 50, 60, 70, 80]
EVENT = [1, 1, 1, 0, 1, 1, 0, 1]
GIVEN = ["", 15, "", 25, 20, "", 45, ""]


@pytest.fixture
def file(tmp_path):
    """Eight patients in two arms; four of them are given donor lymphocytes."""
    rows = zip(range(8), TIME, EVENT, GIVEN, strict=True)
    lines = [f"P{row},{'A' if row < 4 else 'B'},{time},{event},{given}" for row, time, event, given in rows]
    path = tmp_path / "patients.csv"
    path.write_text("\n".join(["patient,arm,days,event,dli_day", *lines]), encoding="utf-8")
    return path


def test_the_hazard_after_a_change_is_that_of_r(file):
    found = analyze(file, changes_at="dli_day")
    row = found.tables["mantel_byar"].iloc[0]
    assert row["statistic"] == pytest.approx(0.5836224844, abs=1e-9)
    assert np.log(row["hazard_ratio"]) == pytest.approx(0.784708395, abs=1e-6)
    assert (row["n"], row["changed"], row["events_after"], row["events_before"]) == (8, 4, 2, 4)
    assert not any("dli_day" in note for note in found.notes)


def test_weeks_of_the_times_are_weeks_of_the_change(file):
    file.write_text(file.read_text().replace("days", "weeks"), encoding="utf-8")
    row = analyze(file, changes_at="dli_day").tables["mantel_byar"].iloc[0]
    assert row["statistic"] == pytest.approx(0.5836224844, abs=1e-9)


def test_the_clock_begins_on_the_landmark_and_says_who_is_left_out(file):
    found = analyze(file, landmark=30)
    assert found.table["duration"].tolist() == [10, 20, 30, 40, 50]
    assert found.table["arm"].tolist() == ["A", "B", "B", "B", "B"]
    told = "for the 5 of 8 subjects then followed without an event; left out are 3 with an event until then and 0 not"
    assert any(told in note for note in found.notes)


def test_arms_are_divided_by_what_had_come_by_the_landmark(file):
    found = analyze(file, landmark=30, changes_at="dli_day")
    assert found.table["arm"].tolist() == [
        "A, dli_day by day 30",
        "B, dli_day by day 30",
        "B, no dli_day by day 30",
        "B, no dli_day by day 30",
        "B, no dli_day by day 30",
    ]
    assert "changes_at" not in found.table
    assert "mantel_byar" not in found.tables


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ({"changes_at": "dli"}, UnknownNameError, "dli_day"),
        ({"landmark": 200}, InvalidValueError, "Nobody was followed beyond the landmark 200"),
        ({"landmark": -1}, InvalidValueError, "it is 0 or later"),
    ],
)
def test_what_is_not_there_is_refused(file, said, error, words):
    with pytest.raises(error, match=words):
        analyze(file, **said)


def test_a_change_after_the_end_of_follow_up_is_refused(file):
    file.write_text(file.read_text().replace("P1,A,20,1,15", "P1,A,20,1,25"), encoding="utf-8")
    with pytest.raises(InvalidValueError, match="changes at 25 and was followed to 20"):
        analyze(file, changes_at="dli_day")


def test_prisms_layout_and_other_files_have_no_changes(tmp_path):
    prism = tmp_path / "prism.csv"
    prism.write_text("Days,A,B\n10,1,\n12,,1\n14,0,\n", encoding="utf-8")
    with pytest.raises(InvalidValueError, match="changes_at= has no effect"):
        analyze(prism, changes_at="dli_day")
    readings = tmp_path / "readings.csv"
    readings.write_text("subject,group,day,analyte,value,unit\nm1,A,1,IL-15,5,pg/mL\nm2,B,1,IL-15,7,pg/mL\n")
    with pytest.raises(InvalidValueError, match="landmark= has no effect"):
        analyze(readings, landmark=0)
