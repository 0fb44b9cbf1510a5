"""Survival tables with weights and with rows from start to stop, held against R 4.2.2 (survival 3.5-3)."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.assay import analyze
from gvlab.assay.comparisons import MANTEL_BYAR, ROBUST, survival_comparisons
from gvlab.errors import InvalidValueError, UnknownNameError

WEIGHTED = """id,arm,time,event,w
1,A,10,1,1\n2,A,20,1,2\n3,A,20,1,0.5\n4,A,35,0,1\n5,A,50,1,3\n6,A,60,0,1\n7,A,60,1,1\n8,A,90,1,0.2
9,A,120,0,1\n10,A,120,0,2\n11,B,15,1,2\n12,B,20,1,1\n13,B,40,1,1\n14,B,40,1,1\n15,B,70,0,0.5\n16,B,80,1,1
17,B,95,0,2\n18,B,110,1,1\n19,B,130,0,1\n20,B,150,0,1
"""
# Eight patients, of whom four are given lymphocytes on days 15, 25, 20 and 45.
ROWS = """id,tstart,tstop,death,arm
1,0,10,1,no\n2,0,15,0,no\n2,15,20,1,yes\n3,0,30,1,no\n4,0,25,0,no\n4,25,40,0,yes\n5,0,20,0,no\n5,20,50,1,yes
6,0,60,1,no\n7,0,45,0,no\n7,45,70,0,yes\n8,0,80,1,no
"""


@pytest.fixture
def read(tmp_path):
    def analyzed(text: str, **said):
        (tmp_path / "table.csv").write_text(text)
        return analyze(tmp_path / "table.csv", **said)

    return analyzed


def with_weights(scale: float) -> str:
    head, *lines = WEIGHTED.split()
    cells = [line.rsplit(",", 1) for line in lines]
    return "\n".join([head, *(f"{rest},{scale * float(weight):g}" for rest, weight in cells)]) + "\n"


def test_weighted_curves_equal_r_and_do_not_hang_on_the_scale_of_weights(read):
    for scale in (1.0, 100.0):
        found = read(with_weights(scale), weights="w")
        curves = survival_comparisons(found.tables["subjects"])["curves"]
        day_60 = curves[(curves["time"] <= 60)].groupby("arm").last()["survival"]
        assert day_60.to_numpy() == pytest.approx([0.3710389860, 0.5652173913], abs=1e-9)
    (row,) = survival_comparisons(found.tables["subjects"])["comparisons"].to_dict("records")
    assert row["test"] == ROBUST
    assert (row["n"], row["n_versus"]) == (10, 10)
    worth = survival_comparisons(found.tables["subjects"])["medians"]["effective_n"]
    assert worth.to_numpy() == pytest.approx([12.7**2 / 22.29, 11.5**2 / 15.25])
    assert "tell as much as" in " ".join(found.notes)


def test_equal_weights_give_the_curves_of_no_weights(read):
    plain = survival_comparisons(read(WEIGHTED).tables["subjects"])
    equal = survival_comparisons(
        read(WEIGHTED.replace(",w", ",x,w").replace("\n", ",7\n"), weights="w").tables["subjects"]
    )
    assert equal["curves"]["survival"].to_numpy() == pytest.approx(plain["curves"]["survival"].to_numpy())
    for name in ("hazard_ratio", "rmst_difference_days"):
        assert equal["comparisons"][name][0] == pytest.approx(plain["comparisons"][name][0])


def test_start_stop_rows_give_the_test_of_mantel_and_byar_by_hand(read):
    found = read(ROWS, start="tstart", stop="tstop")
    (row,) = survival_comparisons(found.tables["subjects"], "no")["comparisons"].to_dict("records")
    # O 2, E 1.30952381, V 0.816893424: chi-squared 0.5836224844; Cox log hazard ratio 0.784708395.
    assert row["test"] == MANTEL_BYAR
    assert row["p_value"] == pytest.approx(0.4448958, abs=1e-6)
    assert np.log(row["hazard_ratio"]) == pytest.approx(0.784708395, abs=1e-6)
    assert (row["n"], row["n_versus"], row["events"], row["events_versus"]) == (4, 8, 2, 4)
    # A patient in both arms lived no mean time in one of them.
    assert np.isnan(row["rmst_difference_days"])
    assert "12 rows are of 8 subjects" in " ".join(found.notes)


def test_the_same_patients_by_a_column_of_change_say_the_same(read):
    text = "id,time,death,dli\n1,10,1,\n2,20,1,15\n3,30,1,\n4,40,0,25\n5,50,1,20\n6,60,1,\n7,70,0,45\n8,80,1,\n"
    table = read(text, changes_at="dli").tables["mantel_byar"]
    assert table["statistic"][0] == pytest.approx(0.5836224844, abs=1e-9)
    ones = text.replace("\n", ",1\n").replace("dli,1", "dli,w")
    weighted = read(ones, changes_at="dli", weights="w").tables["mantel_byar"]
    assert weighted["hazard_ratio"][0] == pytest.approx(table["hazard_ratio"][0])


HEAD = "id,start,stop,event,arm,w\n"


@pytest.mark.parametrize(
    ("text", "said", "words"),
    [
        ("1,0,5,1,a,1\n2,0,6,1,a,-2\n", {"weights": "w"}, r"weight in cell F3 of table.csv is -2.*0 or more"),
        ("1,0,5,1,a,1\n2,0,6,1,a,NaN\n", {"weights": "w"}, r"weight in cell F3 of table.csv is missing"),
        ("1,0,5,1,a,0\n2,0,6,1,b,1\n", {"weights": "w"}, r'in the arm "a" every weight is 0'),
        ("1,0,5,0,a,1\n1,5,5,1,b,1\n", {}, r"cell B3 of table.csv starts at 5 and stops at 5.*before it stops"),
        ("1,7,5,0,a,1\n1,8,9,1,b,1\n", {}, r"cell B2 of table.csv starts at 7 and stops at 5"),
        ("1,0,5,0,a,1\n1,4,9,1,b,1\n", {}, r'subject "1" overlap: one stops at 5.*cell A3 of table.csv starts at 4'),
        ("1,0,5,1,a,1\n1,5,9,1,b,1\n", {}, r'Subject "1" has two ends: it has the event at 5.*cell A3'),
        ("1,0,5,1,a,1\n1,5,9,0,b,1\n", {}, r'Subject "1" goes on after its event'),
        ("1,0,5,0,a,1\n1,5,9,1,b,2\n", {"weights": "w"}, r'Subject "1" has the weight 1, and 2 in cell A3'),
        ("1,0,5,0,a,1\n1,5,9,1,b,2\n", {"landmark": 3.0}, r"landmark= is of subjects with one row each"),
        ("1,0,5,0,a,1\n1,5,9,1,b,2\n", {"changes_at": "w"}, r'changes_at= "w" has no place'),
    ],
)
def test_rows_that_cannot_be_are_refused_with_their_line(read, text, said, words):
    with pytest.raises(InvalidValueError, match=words):
        read(HEAD + text, start="start", stop="stop", **said)


def test_one_end_without_the_other_and_rows_without_an_owner_are_refused(read):
    with pytest.raises(InvalidValueError, match='start= is "start" and stop= is missing'):
        read(HEAD + "1,0,5,1,a,1\n2,0,6,1,b,1\n", start="start")
    with pytest.raises(InvalidValueError, match="no column that says whose they are"):
        read("from,until,event,arm\n0,5,1,a\n0,7,1,b\n", start="from", stop="until")
    with pytest.raises(UnknownNameError, match='Did you mean "w"'):
        read(WEIGHTED, weights="ww")
    with pytest.raises(InvalidValueError, match=r"Prism's layout.*weights= has no effect"):
        read("Days,Vehicle,Drug\n12,1,\n15,1,\n40,,1\n100,,0\n", weights="w")


def test_a_patient_has_one_end_whichever_the_arm(read):
    with pytest.raises(InvalidValueError, match='the subject "1" stands twice, so it has two ends'):
        read("patient,arm,time,event\n1,a,5,1\n1,b,7,1\n")
    # Mice of each cage are numbered from 1.
    assert len(read("mouse,arm,time,event\n1,a,5,1\n1,b,7,1\n").tables["subjects"]) == 2


@pytest.mark.parametrize("title", ["Name", "Date of birth", "DOB", "MRN", "Patient name", "last_name"])
def test_columns_that_may_tell_who_a_patient_is_are_refused(read, title):
    with pytest.raises(
        InvalidValueError, match=f'has the column "{title}", which may tell who a patient is'
    ) as refused:
        read(f"id,{title},arm,time,event\n1,Jane,a,5,1\n2,Joan,b,7,1\n")
    assert "Jane" not in str(refused.value)
    with pytest.raises(InvalidValueError, match="may tell who a patient is"):
        read(f"id,{title},arm,day,value (pg/mL)\n1,Jane,a,5,1\n2,Joan,b,7,1\n")
    assert len(read(f"mouse,{title},arm,time,event\n1,Jane,a,5,1\n2,Joan,b,7,1\n").tables["subjects"]) == 2


ADTTE = """STUDYID,USUBJID,ARM,PARAMCD,PARAM,AVAL,AVALU,CNSR,EVNTDESC
S,1,a,OS,Overall survival,5,DAYS,0,DEATH
S,2,a,OS,Overall survival,9,DAYS,1,END OF FOLLOW-UP
S,3,b,OS,Overall survival,7,DAYS,1,END OF FOLLOW-UP
S,4,b,OS,Overall survival,8,DAYS,0,DEATH
"""
RELAPSE = "S,1,a,REL,Relapse,4,DAYS,0,RELAPSE\nS,4,b,REL,Relapse,8,DAYS,2,DEATH\n"


def test_adtte_is_read_with_0_as_an_event(read):
    subjects = read(ADTTE).tables["subjects"]
    assert subjects["event_observed"].tolist() == [True, False, False, True]
    assert "causes" not in survival_comparisons(subjects)


def test_of_several_endpoints_of_adtte_one_is_named(read):
    with pytest.raises(InvalidValueError, match=r"several endpoints: OS, REL. Say parameter=OS"):
        read(ADTTE + RELAPSE)
    found = read(ADTTE + RELAPSE, parameter="REL")
    assert found.tables["subjects"]["cause"].tolist() == ["relapse", "death"]
    assert "1 have CNSR 2" in " ".join(found.notes)
    with pytest.raises(UnknownNameError, match='Did you mean "REL"'):
        read(ADTTE + RELAPSE, parameter="RELL")
    with pytest.raises(InvalidValueError, match="is no ADTTE, so parameter= has no effect"):
        read(WEIGHTED, parameter="OS")
    with pytest.raises(InvalidValueError, match="is ADTTE, on which weights= has no effect"):
        read(ADTTE, weights="AVAL")
    with pytest.raises(InvalidValueError, match="CNSR is 3 in row 2 below the header; 0 is an event"):
        read(ADTTE.replace("9,DAYS,1", "9,DAYS,3"))
