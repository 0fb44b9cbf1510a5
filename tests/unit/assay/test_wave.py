"""An export of Wave is read as the instrument means it: wells, groups, units, times, and what it says of itself."""

from __future__ import annotations

import openpyxl
import pytest

from gvlab.assay import analyze
from gvlab.errors import InvalidValueError

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
    torn = rows(lambda row: of_well("A01", Group="S")(row) if row[0] > 3 else row)
    with pytest.raises(InvalidValueError, match='well A01 is in the groups "V" and "S"'):
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
