"""What people write into the layout of a plate is a role and a name, and a number only where it cannot be a label."""

import math

import pytest

from gvlab.assay.readers.plate_labels import Content, content, dilution_of, one_unit
from gvlab.assay.readers.tables import make_table
from gvlab.errors import InvalidValueError

NAN = math.nan


def table(*rows, decimal_comma=False):
    return make_table("a.csv", rows, range(1, len(rows) + 1), decimal_comma=decimal_comma)


EMPTY = table(("x",))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("standard 250", Content("standard", "standard 250", 250.0)),
        ("Std 31.25 pg/mL", Content("standard", "Std 31.25 pg/mL", 31.25, "pg/mL")),
        ("cal_1e3 ng/ml", Content("standard", "cal_1e3 ng/ml", 1000.0, "ng/ml")),
        ("blank", Content("blank", "blank", 0.0)),
        ("BLK 2", Content("blank", "BLK 2", 0.0)),
        ("bl-03", Content("blank", "bl-03", 0.0)),
        ("zero", Content("blank", "zero", 0.0)),
        (" Cal3 ", Content("standard", "Cal3", NAN)),
        ("calibrator#2", Content("standard", "calibrator#2", NAN)),
        ("Std3", Content("standard", "Std3", NAN)),
        ("Standard A", Content("standard", "Standard A", NAN)),
        ("ST", Content("standard", "ST", NAN)),
        ("S3", Content("sample", "S3", NAN)),  # a subject as well as a standard
        ("stray cat", Content("sample", "stray cat", NAN)),
        ("standardized", Content("sample", "standardized", NAN)),
        ("blanket", Content("sample", "blanket", NAN)),
        ("m1", Content("sample", "m1", NAN)),
        ("", Content("sample", "B7", NAN)),
    ],
)
def test_what_a_layout_says_of_a_well(text, found):
    read = content(text, "B7", EMPTY)
    assert (read.role, read.name, read.unit) == (found.role, found.name, found.unit)
    assert read.level == pytest.approx(found.level, nan_ok=True, rel=1e-15)


def test_a_concentration_that_could_be_two_is_asked_about():
    with pytest.raises(InvalidValueError, match=r'"1,000" in "standard 1,000" \(well B7\) of a\.csv has a comma'):
        content("standard 1,000", "B7", EMPTY)
    assert content("standard 31,25", "B7", table(("x",), decimal_comma=True)).level == 31.25


@pytest.mark.parametrize(
    ("found", "levels", "unit"),
    [
        ([], [], ""),
        ([(5.0, ""), (2.0, "")], [5, 2], ""),
        ([(5.0, "pg/mL"), (2.0, "pg/mL")], [5, 2], "pg/mL"),
        ([(2.0, "ng/mL"), (500.0, "pg/mL")], [2, 0.5], "ng/mL"),
        ([(500.0, "pg/mL"), (2.0, "ng/mL"), (0.0, "")], [500, 2000, 0], "pg/mL"),  # a blank has no unit
        ([(NAN, ""), (3.0, "pg/mL"), (0.001, "ng/mL")], [NAN, 3, 1], "pg/mL"),  # nor has a sample
    ],
)
def test_standards_in_several_units_are_in_the_first(found, levels, unit):
    converted, written = one_unit(found, "a.csv")
    assert converted == pytest.approx(levels, nan_ok=True, rel=1e-12)
    assert written == unit


@pytest.mark.parametrize(
    ("units", "words"),
    [
        (("pg/mL", ""), 'in "pg/mL" and in "", between which'),
        (("", "pg/mL"), 'in "" and in "'),
        (("pg/mL", "ng/mL", "IU/mL"), 'in "pg/mL" and in "IU/mL", between which there is no conversion'),
    ],
)
def test_standards_whose_units_cannot_be_compared_are_refused(units, words):
    with pytest.raises(InvalidValueError, match=rf"a\.csv: standards are {words}"):
        one_unit([(float(number), unit) for number, unit in enumerate(units, 1)], "a.csv")


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("", 1), (" ", 1), ("neat", 1), ("Undiluted", 1), ("none", 1), ("1", 1), ("10", 10), ("10x", 10), ("x 10", 10),
        ("10-fold", 10), ("10 fold", 10), ("2e2", 200), ("1:10", 10), ("1/4", 4), ("1 : 2,5", 2.5), ("1+9", 10),
        ("1 + 1", 2), ("1:1", 1), ("1000", 1000), ("1.0", 1), ("12.5", 12.5),
    ],
)  # fmt: skip
def test_dilutions(text, factor):
    assert dilution_of(table(("dilution",), (text,)), 1, 0) == factor


def test_without_a_column_nothing_is_diluted():
    assert dilution_of(EMPTY, 0, None) == 1


@pytest.mark.parametrize("text", ["0", "0.5", "1:0.1", "few", "2:10", "10:1", "-3", "1+", "n/a"])
def test_what_is_no_dilution_is_refused(text):
    with pytest.raises(InvalidValueError, match=r"in cell A2 of a\.csv is no dilution. Write by what"):
        dilution_of(table(("dilution",), (text,)), 1, 0)


@pytest.mark.parametrize("text", ["1.000", "1:2,500", "1+1.500", "100.000"])
def test_thousands_in_a_dilution_are_asked_about(text):
    with pytest.raises(InvalidValueError, match=r'not clear whether the "[.,]" separates thousands \(1|2500'):
        dilution_of(table(("dilution",), (text,)), 1, 0)
