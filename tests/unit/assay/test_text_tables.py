"""Cells and their numbers: what a text says is read, and what it could say twice is asked about."""

import math

import numpy as np
import pytest

from gvlab.assay.readers.tables import (
    column_letters,
    has_decimal_commas,
    make_table,
    parse_number,
    plain_name,
    safe_cell,
    same_but_for_spelling,
    unit_in,
)
from gvlab.errors import InvalidValueError, UnknownNameError


def table(*rows, at=None):
    return make_table("a.csv", [tuple(row) for row in rows], at or range(1, len(rows) + 1))


@pytest.mark.parametrize(
    ("column", "letters"),
    [(0, "A"), (1, "B"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")],
)
def test_columns_have_the_letters_of_a_spreadsheet(column, letters):
    assert column_letters(column) == letters


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), (" 12.5 ", 12.5), ("-.5", -0.5), ("+3.", 3), ("1e3", 1000), ("2.5E-2", 0.025), ("\u22125", -5),
        ("45%", 45), ("45 %", 45), ("1,234,567", 1234567), ("1,234.5", 1234.5), ("-1,234.5", -1234.5),
        ("1 234", 1234), ("1\u00a0234", 1234), ("1\u2009234.5", 1234.5), ("1'234'567", 1234567), ("0.1234", 0.1234),
        ("1.000", 1),
    ],
)  # fmt: skip
def test_numbers_with_decimal_points(text, value):
    assert parse_number(text, "B2") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12,5", 12.5), ("-0,125", -0.125), ("1,5e3", 1500), ("1.234,5", 1234.5), ("1.234.567,25", 1234567.25),
        ("1.234.567", 1234567), ("1 234,5", 1234.5), ("12.5", 12.5), ("0.125", 0.125), ("12.3456", 12.3456), ("7", 7),
        ("1,234", 1.234),
    ],
)  # fmt: skip
def test_numbers_with_decimal_commas(text, value):
    assert parse_number(text, "B2", decimal_comma=True) == value


@pytest.mark.parametrize(
    "text", ["", " ", "NA", "n/a", "NaN", "none", "N.A.", "-", "--", ".", "#N/A", "missing", "Not done"]
)
def test_what_stands_for_nothing_is_nothing(text):
    assert math.isnan(parse_number(text, "B2"))


@pytest.mark.parametrize(
    ("text", "comma", "words"),
    [
        ("12,5", False, r'"12,5" in B2 has a comma.*decimals \(12\.5\) or thousands \(125\)'),
        ("1,234", False, r"decimals \(1\.234\) or thousands \(1234\)"),
        ("1.234", True, r"thousands \(1234\) or be a decimal point \(1\.234\)"),
        ("1e999", False, "too large for a number"),
        ("=A1", False, '"=A1" in B2 is a formula without its value'),
        ("<5", False, '"<5" in B2 is a limit, not a number'),
        ("≥5", False, "is a limit"),
        ("5 mg", False, '"5 mg" in B2 is not a number. Correct the cell'),
        ("12,34,5", False, "is not a number"),
        ("1,5,5", True, "is not a number"),
    ],
)
def test_what_is_no_number_or_could_be_two_is_refused(text, comma, words):
    with pytest.raises(InvalidValueError, match=words):
        parse_number(text, "B2", decimal_comma=comma)


@pytest.mark.parametrize(
    ("cells", "separator", "commas"),
    [
        (["1,5"], ";", True),
        (["1,5"], "\t", True),
        (["1,5"], ",", False),
        (["1,500"], ";", False),  # thousands as well as decimals
        (["1,500", "2,25"], ";", True),
        (["0,125"], ";", True),  # no number of thousands begins with 0
        (["1.234,5"], "\t", True),
        (["1 234,5"], "\t", True),
        (["1 234.5"], ";", False),
        (["1.234"], ";", True),  # asked about: points can only be those of thousands here
        (["1.234"], "\t", False),
        (["1.234", "1.25"], ";", False),
        (["12", "m1", ""], ";", False),
        (["m.1", "1.234"], ";", True),
    ],
)
def test_decimal_commas_are_known_from_the_cells(cells, separator, commas):
    assert has_decimal_commas([cells], separator) is commas


@pytest.mark.parametrize(
    ("name", "plain", "unit"),
    [
        ("Total Flux [p/s]", "totalflux", "p/s"), ("IL-15 (pg/mL)", "il15", "pg/mL"), ("Time", "time", ""),
        ("Cell_Count ( 10^3 )", "cellcount", "10^3"), ("a (b) c", "ac", "b"), ("Ct.", "ct", ""),
        ("half (", "half(", ""),
    ],
)  # fmt: skip
def test_a_name_of_a_column_is_that_without_its_unit(name, plain, unit):
    assert (plain_name(name), unit_in(name)) == (plain, unit)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Vehicle", " vehicle ", True), ("drug-A", "Drug A", True), ("drug_a", "drugA", True), ("CD8-", "CD8", False),
        ("CD8-", "CD8\u2013", True), ("day -1", "day 1", False), ("day-1", "day -1", True), ("1-2", "12", False),
        ("1-2", "1 2", True), ("CD8\u207a", "CD8+", True), ("µg", "μg", True), ("a + b", "a+b", True),
        ("m1", "m2", False), ("wk-2", "wk2", False), ("m-2", "m2", True),
    ],
)  # fmt: skip
def test_spellings_that_are_one_name(one, other, alike):
    found = same_but_for_spelling([one, other])
    assert found[one] == one.strip()
    assert (found[other] == one.strip()) is alike


def test_a_table_says_where_its_cells_stood():
    whole = table(["title"], ["mouse", "day"], ["m1", "3"], ["m2", "5"], at=[1, 4, 5, 9])
    assert whole.cells[0] == ("title", "")  # short rows are filled
    assert whole.where(3, 1) == "cell B9 of a.csv"
    part = whole.below(1)
    assert (part.cells[0], part.where(0, 0), part.where(2, 1)) == (
        ("mouse", "day"),
        "cell A4 of a.csv",
        "cell B9 of a.csv",
    )
    assert whole.below(0) is whole
    short = part.until(2)
    assert (short.cells, short.rows_at) == (part.cells[:2], (4, 5))
    bare = make_table("a.csv", [("x",), ("1",), ("2",)], ())
    assert (bare.where(1, 0), bare.below(1).where(0, 0), bare.below(1).where(1, 0)) == (
        "cell A2 of a.csv", "cell A2 of a.csv", "cell A3 of a.csv",
    )  # fmt: skip


def test_a_column_is_found_by_the_first_of_its_names():
    found = table(["Group", "Day (d)", "Cell-ID", ""], ["V", "3", "x", ""])
    assert [found.find((name,), name) for name in ("group", "DAY", "cell id")] == [0, 1, 2]
    assert found.maybe(("arm", "treatment")) is None
    assert found.maybe(("cell id", "group")) == 2
    assert found.maybe(("v",), row=1) == 0
    assert found.headings() == "Group, Day (d), Cell-ID"
    with pytest.raises(
        UnknownNameError, match=r'no column for the arm named "arm" in a\.csv.*Known: Cell-ID, Day \(d\)'
    ):
        found.find(("arm", "treatment"), "the arm")


def test_two_columns_of_one_name_must_hold_the_same():
    same = table(["title", "title"], ["day", "Day"], ["3", "3"])
    assert same.maybe(("day",), row=1) == 0  # what stands above the header does not count
    differ = table(["day", "x", "Day"], ["3", "1", "3"], ["4", "1", "5"])
    with pytest.raises(InvalidValueError, match=r'"day" \(column A\) and "Day" \(column C\) of a\.csv hold different'):
        differ.maybe(("day",))


def test_what_was_not_read_is_said():
    found = table(["mouse", "cage", "sex", ""], ["m1", "7", "", ""], ["m2", "", "", ""])
    assert found.unread([0, None]) == ('Not used: the column "cage".',)  # an empty column is no loss
    assert found.unread([0, 1]) == ()
    assert table(["mouse", "cage", "sex"], ["m1", "7", "f"]).unread([0]) == ('Not used: the columns "cage", "sex".',)
    with pytest.raises(InvalidValueError, match=r'"9" in cell C3 of a\.csv stands in a column without a name'):
        table(["mouse", "cage"], ["m1", "7"], ["m2", "7", "9"]).unread([0, 1])


def test_a_percentage_beside_a_plain_number_is_asked_about():
    mixed = table(["CD8"], ["45%"], ["0.5"], ["x"])
    with pytest.raises(InvalidValueError, match=r'"45%" in cell A2 of a\.csv is a percentage, and "0\.5" in cell A3'):
        mixed.number(1, 0)
    assert mixed.number(2, 0) == 0.5
    alike = table(["50"], ["45%"], ["50%"], [""], ["lost"])  # the header, empty cells and words are no numbers
    assert [alike.number(row, 0) for row in (1, 2)] == [45, 50]


def test_cells_that_programs_escape_are_what_they_show():
    found = table(["name"], ['="0012"'], ["'-x"], ["'=x"], ["'"], ["=="], ["'a"])
    assert [row[0] for row in found.cells] == ["name", "0012", "-x", "'=x", "'", "==", "'a"]
    with pytest.raises(InvalidValueError, match=r'"=A1\+1" in cell A2 of a\.csv is a formula'):
        table(["name"], ["=A1+1"])
    with pytest.raises(InvalidValueError, match=r"a\.csv is empty"):
        make_table("a.csv", [], [])


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (np.float64(2.5), 2.5), (np.int64(3), 3), (True, True), (None, None), (math.nan, None),
        (math.inf, "not reached"),
        ("-2.5", "-2.5"), ("+4e2", "+4e2"), ("-x", "'-x"), ("@a", "'@a"), (" =1 ", "'=1"), ("a\tb\r\nc", "a b c"),
    ],
)  # fmt: skip
def test_cells_on_their_way_out(value, cell):
    found = safe_cell(value)
    assert found == cell
    assert type(found) is type(cell)
