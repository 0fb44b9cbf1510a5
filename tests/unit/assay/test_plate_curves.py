"""Concentrations off a plate, by hand: what lies within the standards, beyond them, on which side, and how it varies.

The curve is OD = 0.05 + 3 / (1 + 200 / c), so c = 200 (OD - 0.05) / (3.05 - OD); the competitive one falls from 3.05.
"""

import numpy as np
import pandas as pd
import pytest

from gvlab.assay.plate_analysis import analyze_plate, analyze_plates
from gvlab.assay.readers.plate import COLUMNS, PlateReading
from gvlab.assay.readers.well_series import MINUTE, WellSeries
from gvlab.errors import InvalidValueError

LEVELS = [500 / 2**step for step in range(7)]


def density(level, falling=False):
    rise = 3 / (1 + 200 / level) if level else 0.0
    return 3.05 - rise if falling else 0.05 + rise


def well(role, name, level=np.nan, read=np.nan, state="", dilution=1.0):
    return (role, name, level, read, state, dilution)


def sample(name, level=None, *, state="", dilution=1.0, falling=False):
    return well("sample", name, read=density(level, falling) if level else np.nan, state=state, dilution=dilution)


def standards(levels=LEVELS, *, falling=False, blank=True):
    made = [well("standard", f"s{n}", level, density(level, falling)) for n, level in enumerate(levels)]
    return made + ([well("blank", "b", 0.0, density(0, falling))] if blank else [])


def plate(*wells, notes=(), name="p1"):
    rows = [(f"{'ABCDEFGH'[n % 8]}{n // 8 + 1}", *each) for n, each in enumerate(wells)]
    return PlateReading(pd.DataFrame(rows, columns=list(COLUMNS)), unit="pg/mL", notes=notes, name=name)


def samples(*wells, **about):
    tables, notes = analyze_plate(plate(*standards(**about), *wells))
    return tables["samples"].set_index("sample"), notes


def test_a_mean_is_of_the_replicates_and_their_cv_that_of_a_sample():
    table, notes = samples(sample("a", 80), sample("a", 120), sample("b", 100))
    assert table.loc["a", "value"] == pytest.approx(100, rel=1e-4)
    # The standard deviation of 80 and 120 is 28.28.
    assert table.loc["a", "cv_percent"] == pytest.approx(28.284, rel=1e-3)
    assert np.isnan(table.loc["b", "cv_percent"])
    assert table.loc["a", ["replicates", "in_range", "below", "above"]].tolist() == [2, 2, 0, 0]
    assert not table[["below_lloq", "above_uloq"]].any(axis=None)
    assert not any("beyond the standards" in note for note in notes)
    assert table["unit"].tolist() == ["pg/mL"] * 2


@pytest.mark.parametrize("falling", [False, True])
def test_a_signal_beyond_the_reader_lies_where_the_curve_goes(falling):
    """Of a competitive assay the highest signal is the lowest concentration."""
    table, _ = samples(
        sample("over", state="above"), sample("under", state="below"), sample("mid", 100, falling=falling),
        falling=falling,
    )  # fmt: skip
    high, low = ("under", "over") if falling else ("over", "under")
    assert table.loc[high, ["value", "below", "above", "below_lloq", "above_uloq"]].tolist() == [500, 0, 1, False, True]
    assert table.loc[low, ["value", "below", "above", "below_lloq", "above_uloq"]].tolist() == [
        7.8125, 1, 0, True, False,
    ]  # fmt: skip
    assert table.loc["mid", "value"] == pytest.approx(100, rel=1e-4)


def test_a_limit_is_that_of_the_undiluted_sample_and_of_a_tie_the_lower():
    table, _ = samples(
        sample("low", 2, dilution=10.0), sample("low", 3, dilution=10.0), sample("high", 900, dilution=2.0),
        sample("both", 2), sample("both", 900), sample("mostly", 2), sample("mostly", 900), sample("mostly", 950),
        sample("mid", 50, dilution=4.0), sample("mid", 100, dilution=2.0), sample("mixed", 100), sample("mixed", 900),
    )  # fmt: skip
    assert table["value"].tolist() == pytest.approx([78.125, 1000, 7.8125, 500, 200, 100], rel=1e-3)
    assert table["below_lloq"].tolist() == [True, False, True, False, False, False]
    assert table["above_uloq"].tolist() == [False, True, False, True, False, False]
    assert table["in_range"].tolist() == [0, 0, 0, 0, 2, 1]


def test_of_samples_with_replicates_beyond_the_standards_the_note_tells_and_cuts_its_list():
    wells = [sample(f"x{n}", level) for n in range(8) for level in (100, 900)]
    _, notes = samples(*wells, sample("far", 900), sample("fine", 90))
    (note,) = (note for note in notes if "beyond the standards" in note)
    assert note.startswith('"x0": 1 of 2 replicates, "x1": 1 of 2 replicates,')
    assert note.endswith(
        '"x5": 1 of 2 replicates and 2 more lie beyond the standards; the value is that of the others.'
    )


def test_controls_are_read_as_samples_and_excluded_wells_are_not_used():
    table, _ = samples(
        well("control", "qc", read=density(100)), sample("a", 60), sample("a", 300, state="excluded"),
        well("standard", "s0", 500.0, 0.2, "excluded"),
    )  # fmt: skip
    assert table["value"].tolist() == pytest.approx([100, 60], rel=1e-4)
    assert table["replicates"].tolist() == [1, 1]


def test_tables_of_a_plate():
    tables, notes = analyze_plate(plate(*standards(), sample("a", 100)))
    assert list(tables) == ["samples", "standards", "curve", "wells"]
    curve = tables["curve"].set_index("parameter")["value"]
    expected = {"bottom": 0.05, "top": 3.05, "c": 200, "hill": 1, "LLOQ": 7.8125, "ULOQ": 500}
    assert curve.to_dict() == pytest.approx(expected, rel=1e-4)
    assert tables["standards"]["recovery_percent"].iloc[:7].tolist() == pytest.approx([100] * 7, rel=1e-3)
    assert np.isnan(tables["standards"]["recovery_percent"].iloc[7])  # nothing is recovered of a blank
    assert notes == (
        "Limits are the lowest and the highest standard, for each replicate.",
        "A dilution of the samples is not included.",
    )


@pytest.mark.parametrize(("levels", "fits"), [(4, True), (3, False)])
def test_a_curve_takes_five_concentrations(levels, fits):
    """The blank is one of them; wells of one concentration are not two."""
    wells = [*standards(LEVELS[:levels]), *standards(LEVELS[:1], blank=False), sample("a", 100)]
    tables, notes = analyze_plate(plate(*wells))
    assert ("samples" in tables) is fits
    assert any(f"there are {levels + 1}, so there are no concentrations" in note for note in notes) is not fits


def test_without_standards_there_are_wells_alone():
    for wells in ([sample("a", 100)], [well("blank", "b", 0.0, 0.05), sample("a", 100)]):
        tables, (note,) = analyze_plate(plate(*wells))
        assert list(tables) == ["wells"]
        assert "concentration" not in tables["wells"]
        assert note.startswith("No well of the plate is a standard")


@pytest.mark.parametrize(("part", "believed"), [(0.40, False), (0.60, True), (1.7, True), (2.5, False)])
def test_standards_are_recovered_within_half_and_double(part, believed):
    """One well of a level of its own reads as if it held a part of it; ten of each other hold the fit."""
    wells = [*standards() * 10, well("standard", "odd", 40.0, density(40 * part)), sample("a", 100), sample("b", 60)]
    if not believed:
        with pytest.raises(InvalidValueError, match=r"does not give the standards back \(7\.8125: .*40: .*50 to 200 %"):
            analyze_plate(plate(*wells))
        return
    recovery = analyze_plate(plate(*wells))[0]["standards"].set_index("concentration")["recovery_percent"]
    assert recovery[40.0] == pytest.approx(100 * part, abs=9)


def test_what_all_samples_beyond_the_standards_mean():
    with pytest.raises(InvalidValueError, match=r"Not one of 2 samples lies between .* \(7\.8125 to 500\)"):
        samples(sample("a", 900), sample("b", 950))
    table, _ = samples(sample("a", 900))  # a single one may well do
    assert table.loc["a", "above_uloq"]
    assert len(samples(sample("a", 900), sample("b", 100))[0]) == 2


def test_a_dilution_that_the_file_tells_of_some_samples_is_included():
    said = "A dilution of the samples is not included."
    assert said not in samples(sample("a", 100, dilution=2.0), sample("b", 100))[1]
    assert said in samples(sample("a", 100), sample("b", 100))[1]


def test_plates_of_a_file_are_analyzed_each_by_itself():
    first = plate(*standards(), sample("a", 100), notes=("of one",), name="one")
    second = plate(*standards(), sample("a", 50), notes=("of both",), name="two")
    bad = plate(*standards(), sample("a", 900), sample("b", 950), notes=("of both",), name="three")
    tables, notes = analyze_plates([first, second, bad])
    assert list(tables) == ["samples", "standards", "curve", "wells"]
    assert tables["samples"][["plate", "sample"]].to_numpy().tolist() == [["one", "a"], ["two", "a"]]
    assert tables["samples"]["value"].tolist() == pytest.approx([100, 50], rel=1e-4)
    assert tables["wells"]["plate"].value_counts().to_dict() == {"one": 9, "two": 9, "three": 10}
    assert notes[0] == "The file holds 3 plates, assays or wavelengths, each analyzed by itself: one; two; three."
    assert "one: of one" in notes
    assert "two; three: of both" in notes
    assert any(note.startswith("three: Not one of 2 samples") for note in notes)
    alone, said = analyze_plates([first])
    assert "plate" not in alone["samples"]
    assert said[0] == "of one"
    assert "Limits are the lowest and the highest standard, for each replicate." in analyze_plates([first, second])[1]
    with pytest.raises(InvalidValueError, match="Not one of 2"):
        analyze_plates([bad])


def test_of_readings_over_time_the_slope_is_told():
    """One well read at 0, 10 and 20 min: 1, 2 and 3, so 0.1 a minute."""
    table = pd.DataFrame({"well": "A1", "sample": "m", MINUTE: [0.0, 10.0, 20.0], "value": [1.0, 2.0, 3.0]})
    tables, notes = analyze_plates([WellSeries(table, MINUTE)])
    assert list(tables) == ["wells", "series"]
    assert "Every well was read at 3 times; no concentrations are computed of that." in notes
    assert any("per minute" in note for note in notes)
