"""An export of Wave is read as the instrument means it: wells, groups, units, times, and what it says of itself."""

from __future__ import annotations

import numpy as np
import openpyxl
import pytest

from gvlab.assay import analyze
from gvlab.assay.readers.wave import is_simulated, is_wave, read_wave, write_wave
from gvlab.assay.seahorse import Traces
from gvlab.errors import InvalidValueError, UnknownNameError

HEADER = ("Measurement", "Well", "Group", "Time", "OCR", "ECAR", "PER")
GROUPS = {"A01": "V", "A02": "V", "A03": "V", "B01": "S", "B02": "S", "B03": "S", "H12": "Background"}
OCR = (100.0, 40.0, 180.0, 15.0)
"""Of a well before the injections and after each; those of S are twice it."""


def rows(change=lambda row: row):
    """Three measurements a phase, each 6.5 min after the other."""
    found = []
    for measurement in range(12):
        for well, group in GROUPS.items():
            rate = OCR[measurement // 3] * {"V": 1, "S": 2, "Background": 0}[group]
            found.append(change([measurement + 1, well, group, 1.5 + 6.5 * measurement, rate, rate / 5, 0.0]))
    return found


@pytest.fixture
def wave(tmp_path):
    def written(rates, *, header=HEADER, configuration=(), sheet="Rate", injections=("Oligomycin", "FCCP", "Rot/AA")):
        book = openpyxl.Workbook()
        book.active.title = "Assay Configuration"
        for row in (("Assay Name", "x"), *configuration):
            book.active.append(row)
        for name in dict.fromkeys(("Rate", sheet)):
            page = book.create_sheet(name)
            page.append(header)
            for row in rates if name == sheet else rows():
                page.append(row)
        log = book.create_sheet("Operation Log")
        log.append(("Instruction Name", "Command Name"))
        for number, phase in enumerate(("Baseline", *injections)):
            for command in (*(["Inject"] if number else []), *["Mix", "Measure"] * 3):
                log.append((phase, command))
        book.save(tmp_path / "run.xlsx")
        return tmp_path / "run.xlsx"

    return written


def group(found, name):
    return found.tables["groups"].set_index("group").loc[name]


def of_well(name, **new):
    """Return a change of the rows of one well."""
    return lambda row: (
        [new.get(column, cell) for column, cell in zip(HEADER, row, strict=True)] if row[1] == name else row
    )


def test_parameters_are_those_by_hand(wave):
    found = analyze(wave(rows()))
    ours = group(found, "V")
    # 15 is not of mitochondria; 100, 40 and 180 less that are the basal rate, the leak and the most there is.
    assert (ours["wells"], ours["non_mitochondrial_mean"], ours["basal_mean"]) == (3, 15, 85)
    assert (ours["proton_leak_mean"], ours["maximal_mean"], ours["spare_mean"]) == (25, 165, 80)
    assert ours["spare_percent_mean"] == pytest.approx(100 * 80 / 85)
    assert group(found, "S")["spare_mean"] == 160
    assert set(found.tables["groups"]["group"]) == {"V", "S"}


@pytest.mark.parametrize("empty", [None, 0.0])
def test_a_well_that_was_taken_out_does_not_count(wave, empty):
    found = analyze(wave(rows(of_well("A02", OCR=empty, ECAR=empty))))
    assert (group(found, "V")["wells"], group(found, "V")["basal_mean"]) == (2, 85)
    assert any("left out: A02." in note for note in found.notes)


def test_a_well_that_was_taken_out_in_one_measurement_does_not_count(wave):
    found = analyze(wave(rows(lambda row: of_well("A02", OCR=None)(row) if row[0] == 5 else row)))
    assert group(found, "V")["wells"] == 2


def test_a_measurement_that_stands_twice_is_refused(wave):
    with pytest.raises(InvalidValueError, match="well A01 has 13 measurements; the others have 12"):
        analyze(wave([*rows(), rows()[0]]))


def test_a_well_of_two_groups_is_in_neither(wave):
    torn = rows(lambda row: of_well("A01", Group="X")(row) if row[0] > 3 else row)
    with pytest.raises(InvalidValueError, match='well A01 is in the groups "V" and "X"'):
        analyze(wave(torn))


def test_what_the_instrument_did_not_correct_is_said(wave):
    found = analyze(wave(rows(), configuration=[("Background Correction", "No")]))
    assert any("not corrected for background" in note for note in found.notes)
    found = analyze(wave(rows(), configuration=[("Background Correction", "Yes")]))
    assert not any("background" in note for note in found.notes)


def test_times_in_another_unit_are_minutes(wave):
    header = [name if name != "Time" else "Time (s)" for name in HEADER]
    found = analyze(wave(rows(lambda row: [*row[:3], row[3] * 60, *row[4:]]), header=header))
    assert found.tables["rates"]["minute"].iloc[:2].tolist() == pytest.approx([1.5, 8.0])


def test_a_sheet_of_rates_that_is_named_is_read_and_its_unit_said(wave):
    halves = rows(lambda row: [*row[:4], row[4] / 2, *row[5:]])
    path = wave(halves, sheet="Normalized Rate", configuration=[("Normalization Units", "1e5 cells")])
    found = analyze(path, sheet="Normalized Rate")
    assert group(found, "V")["basal_mean"] == 42.5
    assert any("normalized per 1e5 cells" in note for note in found.notes)
    assert group(analyze(path), "V")["basal_mean"] == 85


def test_other_injections_have_curves_and_no_parameters(wave):
    found = analyze(wave(rows(), injections=("Vehicle", "Drug", "FCCP")))
    assert "wells" not in found.tables
    curve = found.tables["groups"].set_index(["group", "phase"])["ocr_mean"]
    assert (curve["V", "Drug"], curve["S", "Vehicle"]) == (180, 80)
    assert any("no parameters were computed" in note for note in found.notes)


@pytest.mark.parametrize(
    ("sheets", "is_one"),
    [
        (("Operation Log",), True),
        (("Rate", "Assay Configuration"), True),
        (("Rate",), False),
        (("Assay Configuration",), False),
        (("Sheet1",), False),
    ],
)
def test_a_workbook_of_wave_is_known_by_its_sheets(tmp_path, sheets, is_one):
    book = openpyxl.Workbook()
    book.active.title = sheets[0]
    for name in sheets[1:]:
        book.create_sheet(name)
    book.save(tmp_path / "a.xlsx")
    assert is_wave(tmp_path / "a.xlsx") is is_one


def test_wells_are_in_the_order_of_the_sheet_and_those_without_a_group_are_none(wave):
    change = {"A02": "", "A03": "Unassigned", "B01": "unassigned"}
    traces, _ = read_wave(wave(rows(lambda row: [*row[:2], change.get(row[1], row[2]), *row[3:]])))
    assert traces.well == ("A01", "B02", "B03")
    assert traces.group == ("V", "S", "S")
    assert traces.oxygen[:, 0].tolist() == [100, 200, 200]
    assert traces.acid[:, 3].tolist() == [8, 16, 16]
    assert traces.minute.tolist() == pytest.approx([1.5 + 6.5 * cycle for cycle in range(12)])
    assert traces.phase.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert traces.phases == ("Baseline", "Oligomycin", "FCCP", "Rot/AA")


def test_a_rate_of_zero_is_a_rate_and_a_missing_one_is_none(wave):
    """One measurement without acid puts a well out, one of zero oxygen does not."""
    change = {(5, "A02"): {"ECAR": None}, (11, "B01"): {"OCR": 0.0}}
    found = analyze(wave(rows(lambda row: of_well(row[1], **change.get((row[0], row[1]), {}))(row))))
    assert found.tables["wells"]["well"].tolist() == ["A01", "A03", "B01", "B02", "B03"]
    assert found.tables["wells"].set_index("well")["non_mitochondrial"].tolist() == [15, 15, 0, 30, 30]
    (note,) = (note for note in found.notes if "left out" in note)
    assert note.endswith("left out: A02.")  # the background, which is all zero, is no loss
    with pytest.raises(InvalidValueError, match="has no well with rates in every measurement"):
        analyze(wave(rows(lambda row: [*row[:4], None, *row[5:]])))


def test_wells_are_measured_at_their_mean_time(wave):
    """A second group is measured a minute after the first."""
    late = rows(lambda row: [*row[:3], row[3] + (row[2] == "S"), *row[4:]])
    traces, _ = read_wave(wave([row for row in late if row[2] != "Background"]))
    assert traces.minute[:2].tolist() == pytest.approx([2.0, 8.5])


@pytest.mark.parametrize(
    ("place", "column", "value", "words"),
    [
        (9, "Time", -1.0, r"time in cell D11 of .* is negative \(-1 min\)"),
        (9, "Time", None, r"cell D11 of .* is empty"),
        (9, "Measurement", None, r"cell A11 of .* is empty"),
        (9, "OCR", "x", r'"x" in cell E11 of .* is not a number'),
    ],
)
def test_a_fault_in_one_row_is_named(wave, place, column, value, words):
    rates = rows()
    rates[place][HEADER.index(column)] = value
    with pytest.raises(InvalidValueError, match=words):
        analyze(wave(rates))


def test_a_time_of_zero_is_one(wave):
    assert read_wave(wave(rows(lambda row: [*row[:3], row[3] - 1.5, *row[4:]])))[0].minute[0] == 0


def test_of_rows_that_stand_twice_the_first_well_is_named(wave):
    rates = rows()
    with pytest.raises(InvalidValueError, match="well A03 has 14 measurements; the others have 12"):
        analyze(wave([*rates, rates[3], rates[2], rates[2]]))


def test_sheets_that_are_empty_or_none_of_rates_are_refused(wave):
    with pytest.raises(InvalidValueError, match=r"is empty: the run has not ended\. Sheets of rates: Rate\."):
        analyze(wave([]))
    with pytest.raises(InvalidValueError, match=r"is empty: nothing was normalized.*: Rate, Normalized Rate\."):
        analyze(wave([], sheet="Normalized Rate"), sheet="Normalized Rate")
    with pytest.raises(UnknownNameError, match=r'no sheet of rates named "Rates" in run.*Known: Rate'):
        analyze(wave(rows()), sheet="Rates")
    with pytest.raises(InvalidValueError, match='lacks the sheet "Normalized Rate"; it has Assay Configuration, Rate'):
        analyze(wave(rows()), sheet="Normalized Rate")
    # One measurement of one well is a run, with a log that tells of one.
    with pytest.raises(InvalidValueError, match="tells of 12 measurements, and the rates of 1"):
        analyze(wave(rows()[:1]))


USUAL = ("pmol/min", "mpH/min")


@pytest.mark.parametrize(
    ("sheet", "configuration", "oxygen", "units", "said"),
    [
        ("Rate", (), "OCR", USUAL, '"Rate", as measured, not normalized.'),
        ("Rate", ("Normalization Units", "1e5 cells"), "OCR", USUAL, "as measured, not normalized."),
        ("Rate", (), "OCR (nmol/min)", ("nmol/min", "mpH/min"), "not normalized."),
        (
            "Normalized Rate", ("Normalisation unit:", "ug"), "OCR", ("pmol/min per ug", "mpH/min per ug"),
            '"Normalized Rate", normalized per ug.',
        ),
        (
            "Normalized Rate", ("Normalization Units", None), "OCR",
            ("pmol/min per unit of normalization", "mpH/min per unit of normalization"),
            "(the file does not say by what).",
        ),
        (
            "Normalized Rate", (), "OCR (pmol/min/ug)", ("pmol/min/ug", "mpH/min per unit of normalization"),
            "(the file does not say by what).",
        ),
        ("Baselined Rate", (), "OCR", ("% of baseline",) * 2, "in percent of the baseline chosen in Wave."),
    ],
)  # fmt: skip
def test_rates_have_the_unit_of_their_sheet(wave, sheet, configuration, oxygen, units, said):
    header = [oxygen if name == "OCR" else name for name in HEADER]
    path = wave(rows(), sheet=sheet, header=header, configuration=[configuration] if configuration else [])
    traces, notes = read_wave(path, sheet)
    assert traces.units == units
    assert notes[0].startswith("Rates are those of the sheet ")
    assert notes[0].endswith(said)
    other = "Rates stand in other sheets too; say sheet=... for one: Rate."
    assert (other in notes) is (sheet != "Rate")


def test_another_sheet_of_rates_is_told_if_it_holds_any(wave):
    path = wave(rows(), sheet="Normalized Rate")
    assert any("for one: Normalized Rate." in note for note in read_wave(path)[1])
    assert not any("other sheets" in note for note in read_wave(wave([], sheet="Baselined Rate"))[1])


@pytest.mark.parametrize("words", [("Background  Correction:", "FALSE"), ("background correction", " off ")])
def test_a_switch_of_the_instrument_is_read_however_it_is_written(wave, words):
    found = analyze(wave(rows(), configuration=[("x", *words)]))
    assert any("not corrected for background" in note for note in found.notes)


def test_a_simulated_run_is_written_as_wave_writes_one(tmp_path):
    """The columns of its sheets, rows by measurement, and numbers of instructions, are those of a published export."""
    traces = Traces(
        ("A02", "A03"), ("V", "+S"), np.array([3.25, 9.75, 16.25]), np.array([0, 0, 1]), ("Baseline", "FCCP"),
        np.array([[10.0, 11.0, 30.0], [20.0, 21.0, 60.0]]), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    )  # fmt: skip
    write_wave(tmp_path / "a.xlsx", traces, "Test")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    shown = {page.title: [list(row) for row in page.iter_rows(values_only=True)] for page in book}
    assert list(shown)[1:] == ["Assay Configuration", "Rate", "Operation Log"]
    assert shown["Rate"] == [
        list(HEADER),
        [1, "A02", "V", 3.25, 10, 1, 0], [1, "A03", "'+S", 3.25, 20, 4, 0],
        [2, "A02", "V", 9.75, 11, 2, 0], [2, "A03", "'+S", 9.75, 21, 5, 0],
        [3, "A02", "V", 16.25, 30, 3, 0], [3, "A03", "'+S", 16.25, 60, 6, 0],
    ]  # fmt: skip
    assert [row[:3] for row in shown["Operation Log"]] == [
        ["Instruction Name", "Command Name", "Command Index"],
        ["Baseline", "Mix", 1], ["Baseline", "Measure", 1], ["Baseline", "Mix", 1], ["Baseline", "Measure", 1],
        ["FCCP", "Inject", 2], ["FCCP", "Mix", 2], ["FCCP", "Measure", 2],
    ]  # fmt: skip
    assert {row[5] for row in shown["Operation Log"][1:]} == {"Success"}
    assert is_simulated(tmp_path / "a.xlsx")
    back, _ = read_wave(tmp_path / "a.xlsx")
    assert (back.well, back.group, back.phases) == (traces.well, ("V", "+S"), traces.phases)
    for name in ("minute", "phase", "oxygen", "acid"):
        np.testing.assert_array_equal(getattr(back, name), getattr(traces, name))


def test_a_real_run_is_not_marked(wave):
    assert not is_simulated(wave(rows()))


@pytest.mark.parametrize("before", [[("Load", "LoadProbes"), ("Calibrate", "Calibrate")], []])
def test_a_log_begins_wherever_the_run_did_and_ends_with_it(wave, before):
    """What stands before the first measurement is no phase; an injection without measurements is one."""
    path = wave(rows())
    book = openpyxl.load_workbook(path)
    del book["Operation Log"]
    log = book.create_sheet("Operation Log")
    commands = list(before)
    for name, first, count in (("Basal", (), 6), ("A", ("Inject",), 0), ("B", ("inject",), 6)):
        commands += [(name, command) for command in (*first, *("Measure", "Mix") * count)]
    for row in (("Instruction Name", "Command Name"), *commands):
        log.append(row)
    book.save(path)
    traces, _ = read_wave(path)
    assert traces.phases == ("Basal", "A", "B")
    assert traces.phase.tolist() == [0] * 6 + [2] * 6
