"""Tables of people: what is clear is read, what is unclear is asked about, and a fault names its cell."""

import csv
import math

import numpy as np
import openpyxl
import pytest

from gvlab.assay import analyze
from gvlab.assay.readers import tables
from gvlab.errors import InvalidValueError, UnknownNameError


@pytest.fixture
def save(tmp_path):
    def written(text, name="data.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return written


@pytest.fixture
def workbook(tmp_path):
    def written(rows, name="data.xlsx", sheet="Sheet1"):
        book = openpyxl.Workbook()
        book.active.title = sheet
        for row in rows:
            book.active.append(row)
        book.save(tmp_path / name)
        return tmp_path / name

    return written


def refusal(path, **options):
    with pytest.raises((InvalidValueError, UnknownNameError)) as caught:
        analyze(path, **options)
    return str(caught.value)


def subjects(path, **options):
    found = analyze(path, kind="survival", **options)
    return list(found.table[["arm", "duration", "event_observed"]].itertuples(index=False, name=None)), found.notes


PRISM = "Days,Vehicle,Sorafenib\n12,1,\n15,1,\n40,,1\n100,,0\n100,,0\n"
EXPECTED = [("v", 12.0, True), ("v", 100.0, False)]


def test_the_layout_of_prism_is_read_and_said(save):
    rows, notes = subjects(save(PRISM))
    assert rows == [
        ("Vehicle", 12.0, True),
        ("Vehicle", 15.0, True),
        ("Sorafenib", 40.0, True),
        ("Sorafenib", 100.0, False),
        ("Sorafenib", 100.0, False),
    ]
    assert any("1 was taken for an event" in note for note in notes)


def test_a_layout_of_prism_that_looks_reversed_is_asked_about(save):
    path = save(PRISM.replace(",1", ",x").replace(",0", ",1").replace(",x", ",0"))
    assert "Say event=1 if 1 is a death, event=0 if 0 is." in refusal(path)
    assert subjects(path, event=0)[0][0] == ("Vehicle", 12.0, True)


@pytest.mark.parametrize(
    ("header", "codes"),
    [
        ("arm,time,event", "10"),
        ("arm,time,death", "10"),
        ("arm,time,censored", "01"),
        ("arm,time,CNSR", "01"),
        ("arm,time,status", "21"),
        ("arm,time,Event (1=yes)", "10"),
    ],
)
def test_a_coding_that_its_column_tells_is_read(save, header, codes):
    path = save(f"{header}\nv,12,{codes[0]}\nv,100,{codes[1]}\n")
    assert subjects(path)[0] == EXPECTED


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("event", ("yes", "no")),
        ("status", ("dead", "alive")),
        ("censored", ("no", "yes")),
        ("outcome", ("Died", "Censored")),
    ],
)
def test_words_are_read(save, header, words):
    path = save(f"arm,time,{header}\nv,12,{words[0]}\nv,100,{words[1]}\n")
    assert subjects(path)[0] == EXPECTED


def test_a_coding_that_its_column_does_not_tell_is_asked_about_and_can_be_answered(save):
    path = save("arm,time,status\nv,12,1\nv,100,0\n")
    assert 'the column "status" has 0 and 1, and its name does not tell' in refusal(path)
    assert subjects(path, event=1)[0] == EXPECTED
    assert subjects(save("arm,time,status\nv,12,0\nv,100,1\n", "b.csv"), event=0)[0] == EXPECTED
    with pytest.raises(InvalidValueError, match="event is 7"):
        analyze(path, kind="survival", event=7)


@pytest.mark.parametrize(
    ("title", "days"),
    [("time (weeks)", 14.0), ("months", 60.875), ("time [days]", 2.0), ("Time", 2.0)],
)
def test_times_become_days(save, title, days):
    rows, notes = subjects(save(f"arm,{title},event\nv,2,1\n"))
    assert rows[0][1] == days
    assert notes[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("arm,time,event\nv,-3,1\n", "The time in cell B2 of data.csv is negative (-3)"),
        ("arm,time,event\nv,,1\n", "The time in cell B2 of data.csv is missing"),
        ("arm,time,event\nv,12 days,1\nv,3 weeks,0\n", '"12 days" in cell B2 of data.csv has a unit of its own'),
        ("arm,time,event\nv,12,3\n", '"3" in cell C2 of data.csv is no code of an event'),
        ("arm,time,event\nv,12,\n", "The event in cell C2 of data.csv is missing"),
        ("arm,time (parsec),event\nv,12,1\n", '"parsec" is not a unit of time'),
        ("subject,time,event\nm1,12,1\nm1,13,1\n", 'the subject "m1" stands twice'),
        ("arm,time,event,entry\nv,12,1,20\n", "enters at 20 and leaves at 12"),
        ("arm,time,event\nv,abc,1\n", '"abc" in cell B2 of data.csv is not a time'),
        ('arm,time,event\nv,"12,5",1\n', "has a comma, and it is not clear"),
        ("arm,time,event\nv,=A1+1,1\n", "is a formula without its value. Formulas are not computed here"),
        ("arm,time,event\n", "what it holds is not clear. It begins with data.csv: arm, time, event"),
        ("", "is empty"),
        ("a,b\n1,2\n", "what it holds is not clear"),
    ],
)
def test_a_fault_in_a_survival_table_names_its_cell(save, text, words):
    assert words in refusal(save(text))


def test_decimal_commas_are_read_where_semicolons_separate(save):
    assert subjects(save("arm;time;event\nv;12,5;1\nv;100;0\n"))[0] == [("v", 12.5, True), ("v", 100.0, False)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_spreadsheets_are_read(save, encoding):
    assert subjects(save("arm,time,event\nGruppe ä,12,1\n", encoding=encoding))[0][0][0] == "Gruppe ä"


LONG = "subject,arm,day,analyte,value,unit\nm1,vehicle,5,IL-15,12.5,pg/mL\nm2,drug,5,IL-15,<7.8,pg/mL\n"


def test_readings_are_read_with_limits(save):
    analysis = analyze(save(LONG))
    assert analysis.kind == "readings"
    table = analysis.table
    assert list(table["value"]) == [12.5, 7.8]
    assert list(table["below_lloq"]) == [False, True]
    assert list(table["unit"]) == ["pg/mL", "pg/mL"]
    assert list(analysis.tables["groups"]["n"]) == [1, 1]


def test_readings_side_by_side_are_read(workbook):
    rows = [
        ["mouse", "group", "day", "IL-15 (pg/mL)", "weight (%)"],
        ["m1", "a", 5, 12.5, 98],
        ["m2", "b", 5, None, 91],
    ]
    table = analyze(workbook(rows)).table
    assert list(table["analyte"]) == ["IL-15", "weight", "weight"]
    assert list(table["value"]) == [12.5, 98.0, 91.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LONG.replace(",pg/mL\nm2", ",\nm2"), "The unit in cell F2 of data.csv is missing"),
        (LONG.replace("pg/mL\nm2", "pgg/mL\nm2"), '"pgg" is not a unit'),
        (LONG.replace(",unit", "").replace(",pg/mL", ""), "has values without a unit"),
        (LONG.replace("12.5", '"1,234"'), "has a comma"),
        (LONG.replace("12.5", "=1+1"), '"=1+1" in cell E2 of data.csv is a formula'),
        (LONG.replace("12.5", "high"), '"high" in cell E2 of data.csv is not a reading'),
    ],
)
def test_a_fault_in_readings_names_its_cell(save, text, words):
    assert words in refusal(save(text))


def test_a_formula_in_a_workbook_is_refused_and_not_computed(workbook):
    path = workbook([["arm", "time", "event"], ["v", "=1+1", 1], ["w", 3, 0]])
    assert '"=1+1" in cell B2 of sheet "Sheet1" of data.xlsx is a formula' in refusal(path)


@pytest.mark.parametrize("live", ["=cmd|' /C calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "a\r=1"])
def test_no_cell_is_exported_live(live, tmp_path):
    path = tmp_path / "out.csv"
    tables.write_csv(path, ("arm", "value"), [(live, -2.5), ("-3", "+4e2")])
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1] == ["a =1" if live[0] == "a" else "'" + live.strip(), "-2.5"]
    assert rows[2] == ["-3", "+4e2"]


def test_what_is_missing_is_empty_and_a_median_that_is_not_reached_says_so(tmp_path):
    path = tmp_path / "out.csv"
    tables.write_csv(path, ("median", "lower"), [(np.inf, np.float64(3.5)), (np.float32("nan"), -math.inf)])
    assert path.read_text(encoding="utf-8").splitlines()[1:] == ["not reached,3.5", ",unbounded"]


def test_a_group_that_begins_with_a_sign_survives_the_round_trip(tmp_path):
    path = tmp_path / "out.csv"
    tables.write_csv(path, ("arm", "time", "event"), [("+ sorafenib", 12, 1), ("- sorafenib", 5, 1)])
    assert "'+ sorafenib" in path.read_text(encoding="utf-8")
    assert [row[0] for row in subjects(path)[0]] == ["+ sorafenib", "- sorafenib"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xlsx", b"PK\x03\x04 cut off", "is not an .xlsx workbook, or is cut off"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "Save it as .xlsx"),
        ("a.csv", b"\x00\x01\x02", "is not a text file"),
        ("a.docx", b"x", "is neither CSV nor .xlsx"),
        ("a.wsp", b"<Workspace/>", "a FlowJo workspace holds no events"),
        ("a.pzfx", b"<x/>", "a Prism file"),
        ("a.asyr", b"x", "Open it in Wave"),
    ],
)
def test_files_that_cannot_be_read_say_what_to_export(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    assert words in refusal(tmp_path / name)


def test_a_file_or_sheet_that_is_not_there_is_said(tmp_path, workbook):
    assert "There is no file" in refusal(tmp_path / "none.csv")
    path = workbook([["arm", "time", "event"], ["v", 3, 1]])
    assert 'no sheet named "Shet1"' in refusal(path, sheet="Shet1")
    assert 'no kind of file named "survivl"' in refusal(path, kind="survivl")


BLI = "Animal,Group,Day,ROI,Total Flux [p/s]\nm1,a,5,whole body,1.2e6\nm2,b,day 5,whole body,3.4E+07\n"


def test_bioluminescence_is_read(save):
    table = analyze(save(BLI)).table
    assert list(table["value"]) == [1.2e6, 3.4e7]
    assert set(table["unit"]) == {"photon/s"}
    assert list(table["time"]) == [5.0, 5.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BLI.replace("Total Flux [p/s]", "Total Counts"), "is in counts, which depend on exposure"),
        (BLI.replace("[p/s]", "[p/s/cm2/sr]"), "Export it in photons per second"),
        (BLI.replace("1.2e6", "-1.2e6"), "background was subtracted"),
        (BLI.replace("Day", "Hue"), "There is no column for days"),
    ],
)
def test_a_fault_in_bioluminescence_is_said(save, text, words):
    assert words in refusal(save(text))


def grid(cells):
    header = "," + ",".join(str(number) for number in range(1, 13))
    return "\n".join([header, *(f"{letter}," + ",".join(row) for letter, row in zip("ABCDEFGH", cells, strict=True))])


def plate_text():
    """Two columns of standards (500 down to 15.6 and blanks), one column of a sample at the midpoint of the curve."""
    levels = [500 / 2**step for step in range(7)]
    densities = [0.05 + 3 / (1 + 200 / level) for level in levels]
    density = [[f"{value:.5f}"] * 2 + ["1.55"] + [""] * 9 for value in [*densities, 0.05]]
    names = [f"standard {level}" for level in levels] + ["blank"]
    layout = [[name, name, "mouse 1"] + [""] * 9 for name in names]
    return f"Absorbance 450\n{grid(density)}\n\nLayout\n{grid(layout)}\n"


def test_a_plate_as_a_grid_with_its_layout_is_read_and_fitted(save):
    analysis = analyze(save(plate_text()))
    assert analysis.kind == "plate"
    row = analysis.table.iloc[0]
    assert row["sample"] == "mouse 1"
    assert row["value"] == pytest.approx(200.0, rel=1e-3)
    assert row["replicates"] == 8
    assert analysis.tables["standards"]["recovery_percent"].dropna().to_numpy() == pytest.approx(100.0, rel=1e-3)


def test_a_plate_without_standards_is_told_how_to_mark_them(save):
    analysis = analyze(save(plate_text().split("Layout")[0]))
    assert list(analysis.tables) == ["wells"]
    assert any("No well of the plate is a standard" in note for note in analysis.notes)
    # What the note advises works: the second grid is the rest of the same text.
    assert "samples" in analyze(save(plate_text())).tables


def test_a_list_of_wells_is_checked(save):
    text = "Well,Type,Sample,Concentration (pg/mL),OD\nA1,standard,s,,0.5\n"
    assert "has no concentration" in refusal(save(text))
    assert '"foo" in cell B2 of data.csv is no type of well' in refusal(save(text.replace("standard", "foo")))
    twice = "Well,OD\nA1,0.5\nA1,0.6\n"
    assert "the well A1 stands twice" in refusal(save(twice))


CYCLES = """* Experiment = x
Well,Sample Name,Target Name,Task,CT
A1,untreated,Il15,UNKNOWN,30.0
A2,untreated,Gapdh,UNKNOWN,18.0
A3,drug,Il15,UNKNOWN,28.0
A4,drug,Gapdh,UNKNOWN,18.5
"""


def test_cycles_give_two_to_the_minus_ddct(save):
    analysis = analyze(save(CYCLES), calibrator="untreated")
    ratios = analysis.table.set_index("sample")["ratio"]
    assert ratios["untreated"] == 1.0
    assert ratios["drug"] == pytest.approx(2**2.5)
    assert any("2^-ddCt" in note for note in analysis.notes)


def test_efficiencies_in_the_file_are_used(save):
    lines = CYCLES.replace("Task,CT", "Task,Efficiency,CT").replace("UNKNOWN,", "UNKNOWN,90%,")
    ratios = analyze(save(lines), calibrator="untreated").table.set_index("sample")["ratio"]
    assert ratios["drug"] == pytest.approx(1.9**2.5)


def test_cycles_without_calibrator_or_reference_are_asked_about(save):
    asked = analyze(save(CYCLES))
    assert any('No sample is called "calibrator"' in note for note in asked.notes)
    assert asked.table["ratio"].isna().all()
    assert list(asked.table["delta_ct"]) == [12.0, 9.5]
    assert 'no calibrator sample named "drg"' in refusal(save(CYCLES), calibrator="drg")
    unclear = analyze(save(CYCLES.replace("Gapdh", "Foo")))
    assert list(unclear.tables) == ["cycles", "wells"]
    assert any("not clear which target is the reference" in note for note in unclear.notes)
    assert "ratios" in analyze(save(CYCLES.replace("Gapdh", "Foo")), reference="Foo").tables
    assert 'no reference gene named "Actb"' in refusal(save(CYCLES), reference="Actb")
    late = analyze(save(CYCLES.replace("28.0", "Undetermined")), calibrator="untreated").table.set_index("sample")
    assert late.loc["drug", "undetermined"]
    none = analyze(save(CYCLES.replace("28.0", "-1")), calibrator="untreated")
    assert any("A Ct of -1 stands for a well that did not cross the threshold" in note for note in none.notes)
