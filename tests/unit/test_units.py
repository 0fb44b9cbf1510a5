import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvlab import units
from gvlab.errors import InvalidValueError, UnitError


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("10 mg/kg", 10, "mg/kg"),
        ("5e3 cell", 5000, "cell"),
        ("1e7 cell/kg", 1e7, "cell/kg"),
        ("10^6 cells", 1e6, "cells"),
        ("2x10^5 cells", 2e5, "cells"),
        ("2 × 10^5 cell per kg", 2e5, "cell/kg"),
        ("10 nM", 10, "nM"),
        ("8 Gy", 8, "Gy"),
        ("30 pg/mL", 30, "pg/mL"),
        ("10mg", 10, "mg"),
        ("0.5 µM", 0.5, "uM"),
        ("-2 %/month", -2, "%/month"),
        ("3", 3, ""),
    ],
)
def test_what_a_bench_writes_is_read(text, value, unit):
    found = units.quantity(text)
    assert (found.value, found.unit) == (pytest.approx(value), unit)


def test_ten_milligram_per_kilogram_is_not_a_pure_number():
    dose = units.quantity("10 mg/kg")
    assert dose.kind == "an amount per body mass"
    assert dose.to("mg", body_mass=0.020) == pytest.approx(0.2)
    with pytest.raises(UnitError, match='"mg/kg" becomes "mg" by a body mass'):
        dose.to("mg")
    with pytest.raises(UnitError, match='"mg/kg" is an amount per body mass and cannot become "mg/L", a concentration'):
        dose.to("mg/L", body_mass=0.02)


def test_body_mass_may_be_one_a_subject():
    assert units.quantity("10 mg/kg").to("mg", body_mass=np.array([0.02, 0.025])).tolist() == pytest.approx([0.2, 0.25])


def test_molar_mass_turns_concentrations_into_mass_concentrations_and_back():
    assert units.convert(10.0, "nM", "mg/L", molar_mass=464.8) == pytest.approx(4.648e-3)
    assert units.convert(4.648e-3, "mg/L", "nM", molar_mass=464.8) == pytest.approx(10.0)
    assert units.convert(1.0, "umol/kg", "mg", molar_mass=500.0, body_mass=0.02) == pytest.approx(0.01)
    with pytest.raises(UnitError, match="by a molar mass, and none is known"):
        units.convert(10.0, "nM", "mg/L")


@given(st.floats(1e-6, 1e6), st.sampled_from([("mg", "ug"), ("day", "hour"), ("pg/mL", "mg/L"), ("1/day", "1/hour")]))
def test_there_and_back_is_the_same(value, pair):
    one, other = pair
    assert math.isclose(units.convert(units.convert(value, one, other), other, one), value, rel_tol=1e-12)


def test_picogram_per_milliliter_is_nanogram_per_liter():
    assert units.convert(1.0, "pg/mL", "mg/L") == pytest.approx(1e-6)


def test_cells_are_not_milligrams():
    with pytest.raises(UnitError, match="a number of cells and cannot become"):
        units.convert(1.0, "cell", "mg")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("100 mg q 24", '"q" is not a unit'),
        ("100 mg 24", '"24" was not understood'),
        ("10 mgg/kg", '"mgg" is not a unit. Did you mean "mg"?'),
        ("10 mg kg", 'write "*" or "/" before "kg"'),
        ("mg 10", "does not begin with a number"),
        ("", "does not begin with a number"),
        ("5,000 cell", "5000"),
        ("10 mg; 5 g", '";" was not understood'),
        ("10 mg/", "cannot be read"),
        ("10 body_kilogram", "is not a unit"),
    ],
)
def test_an_unread_word_is_an_error(text, words):
    with pytest.raises(UnitError) as caught:
        units.quantity(text, 'the dose of "drug_a"')
    assert words in str(caught.value)


def test_an_error_names_what_was_read():
    with pytest.raises(UnitError, match=r'^The dose of "drug_a" is "10 mgg": "mgg" is not a unit'):
        units.quantity("10 mgg", 'the dose of "drug_a"')


@pytest.mark.parametrize("text", ["nan mg", "inf mg", "-inf mg", "NaN mg"])
def test_a_dose_is_finite(text):
    with pytest.raises(InvalidValueError, match="finite number"):
        units.amount(text)


def test_a_dose_is_not_negative():
    with pytest.raises(InvalidValueError, match="What is given cannot be negative"):
        units.amount("-1 mg")
    assert units.amount("0 mg").value == 0


def test_a_bare_number_is_not_a_quantity():
    with pytest.raises(InvalidValueError, match="without a unit"):
        units.quantity(10)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "days"), [("day 4", 4), ("day 4.5", 4.5), ("day -1", -1), ("hour 36", 1.5), ("week 2", 14), ("Day 0", 0)]
)
def test_a_time_point_is_read_in_days(text, days):
    assert units.day(text) == pytest.approx(days)


@pytest.mark.parametrize(
    ("text", "days"), [("1 day", 1), ("12 hour", 0.5), ("12 hours", 0.5), ("1 week", 7), ("30 min", 1 / 48)]
)
def test_a_duration_is_read_in_days(text, days):
    assert units.duration(text) == pytest.approx(days)


def test_time_points_and_durations_cannot_be_mistaken_for_each_other():
    with pytest.raises(UnitError, match=r'"4 days", a duration.*Did you mean "day 4"'):
        units.day("4 days")
    with pytest.raises(UnitError, match=r'"day 1", a time point.*Did you mean "1 day"'):
        units.duration("day 1")


@pytest.mark.parametrize("text", ["today", "day", "day four", "day 4 5", "", "day nan", "dey 4"])
def test_what_is_no_time_point_is_an_error(text):
    with pytest.raises(InvalidValueError):
        units.day(text)


def test_a_misspelled_time_point_is_answered():
    with pytest.raises(UnitError, match='Did you mean "day 4"'):
        units.day("dai 4")


@pytest.mark.parametrize("text", ["0 day", "-1 day", "1 mg", "day"])
def test_what_is_no_duration_is_an_error(text):
    with pytest.raises(InvalidValueError):
        units.duration(text)


def test_body_mass_may_be_written_in_grams_or_kilograms():
    assert units.body_mass("20 g") == pytest.approx(0.02)
    assert units.body_mass("70 kg") == 70
    with pytest.raises(UnitError, match="a number of cells"):
        units.body_mass("70 cell")
    with pytest.raises(InvalidValueError, match="above zero"):
        units.body_mass("0 g")


@pytest.mark.parametrize(
    "unit", ["1/day", "pg/mL", "dimensionless", "mg/L", "cell", "L/day/kg", "1/(cell*day)", "g/mol"]
)
def test_units_of_parameter_tables_are_read(unit):
    assert units.check_unit(unit) == unit


def test_the_same_unit_may_be_spelled_in_two_ways():
    assert units.same_unit("1/day", "day^-1")
    assert units.same_unit("mg/L", "ug/mL")
    assert not units.same_unit("mg", "g")
    assert not units.same_unit("mg", "cell")


def test_importing_units_does_not_build_a_registry():
    code = "import gvlab.units, sys; assert 'pint' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("5000 mcg/kg", "mg/kg", 5.0), ("250 mcg", "mg", 0.25), ("1 year", "day", 365.25), ("50 mg/m2", "ug/m2", 5e4)],
)
def test_words_of_the_ward_are_read_with_their_size(text, unit, value):
    assert units.quantity(text).to(unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("text", ["50 mg/m2", "50 mg/m^2", "50 mg/m²", "50 mg / m**2"])
def test_an_amount_per_body_surface_is_read_and_becomes_no_other(text):
    amount = units.quantity(text)
    assert amount.kind == "an amount per body surface"
    assert not units.can_convert(amount.unit, "mg", molar_mass=True, body_mass=True)
    with pytest.raises(UnitError, match="an amount per body surface and cannot become"):
        amount.to("mg/kg")


def test_a_year_is_a_time_point_too():
    assert units.day("year 2") == 730.5


@pytest.mark.parametrize("word", ["mcgg", "mkg", "mkgg", "gm"])
def test_a_suggestion_never_changes_the_size_of_a_number(word):
    with pytest.raises(UnitError) as caught:
        units.quantity(f"5000 {word}/kg")
    assert 'Did you mean "mg"' not in str(caught.value)
    assert "mcg" in str(caught.value)


@pytest.mark.parametrize(
    "word", ["body_square_meter", "body_kilogram", "kbody_kilogram", "nan", "NaN", "m__", "d%", "mg%", "%%"]
)
def test_what_the_registry_reads_beside_units_is_no_unit(word):
    with pytest.raises(UnitError, match="is not a unit"):
        units.quantity(f"5 {word}")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: units.convert(1.0, "mgg", "g"),
        lambda: units.convert(1.0, "g", "mgg"),
        lambda: units.same_unit("mg", "mgg"),
        lambda: units.kind("mgg"),
    ],
)
def test_a_unit_that_is_none_is_our_own_error_wherever_it_is_met(ask):
    with pytest.raises(UnitError, match=r'"mgg" is not a unit\. Did you mean "mg"\?'):
        ask()
    assert not units.can_convert("mgg", "g")


def test_a_unit_is_read_in_the_spellings_of_a_bench():
    assert units.convert(1.0, "µg", "g") == units.convert(1.0, "ug", "g") == pytest.approx(1e-6)
    assert units.same_unit("μg/mL", "mg/L")


def test_a_word_that_begins_with_an_underscore_is_no_unit():
    with pytest.raises(UnitError, match="_ays"):
        units.check_unit("_ays")
