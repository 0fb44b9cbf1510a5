import re

import pytest

from gvlab.errors import InvalidValueError, ProtocolError, UnitError, UnknownNameError
from gvlab.protocol import Dose, Harvest

pytestmark = pytest.mark.usefixtures("house_library")


def refused(error, *arguments, **names):
    with pytest.raises(error) as caught:
        Dose(*arguments, **{"at": "day 0", **names})
    return str(caught.value)


def test_a_dose_is_repeated_up_to_and_on_the_day_named():
    dose = Dose("house_drug", "10 mg/kg", at="day 4", every="1 day", until="day 14")
    assert dose.times == tuple(range(4, 15))
    assert dose.replace(until="day 13.5").times == tuple(range(4, 14))
    assert dose.replace(every="12 hour", until="day 5").times == (4, 4.5, 5)


def test_an_interval_that_binary_numbers_cannot_hold_loses_no_dose():
    dose = Dose("house_drug", "1 mg", at="day 0", every="0.1 day", until="day 0.3")
    assert len(dose.times) == 4


def test_a_dose_given_once():
    dose = Dose("house_cells", "1e4 cell", at="day -1")
    assert dose.times == (-1,)
    assert dose.repeats == 0


def test_a_change_gives_a_new_dose():
    dose = Dose("house_drug", "10 mg/kg", at="day 4")
    assert dose.replace(amount="5 mg/kg").quantity.value == 5
    assert dose.amount == "10 mg/kg"


def test_an_unknown_agent_is_answered():
    message = refused(UnknownNameError, "house_drugg", "1 mg")
    assert 'There is no agent named "house_drugg". Did you mean "house_drug"?' in message


def test_an_unknown_route_is_answered():
    message = refused(UnknownNameError, "house_drug", "1 mg", route="orall")
    assert 'There is no route of "house_drug" named "orall". Did you mean "oral"? Known: medium, oral.' in message


def test_a_concentration_is_no_oral_dose_and_the_way_out_is_shown():
    assert refused(UnitError, "house_drug", "10 nM") == (
        'The dose of "house_drug" is "10 nM", a concentration. A dose by route oral is an amount (mg, nmol) or an '
        'amount per body mass (mg/kg). Did you mean "10 mg/kg", or route="medium"?'
    )


def test_a_concentration_is_right_in_medium():
    assert Dose("house_drug", "10 nM", at="day 0", route="medium").quantity.value == 10
    assert "is a concentration (nM, mg/L)" in refused(UnitError, "house_drug", "10 mg/kg", route="medium")


def test_cells_are_counted():
    message = refused(UnitError, "house_cells", "10 mg")
    assert "A dose is a number of cells (cell) or a number of cells per body mass (cell/kg)" in message
    assert 'Did you mean "10 cell"?' in message
    assert Dose("house_cells", "1e7 cell/kg", at="day 0").quantity.value == 1e7


def test_radiation_is_measured_in_gray():
    assert Dose("house_rays", "8 Gy", at="day 0").quantity.value == 8
    assert "an absorbed dose of radiation (Gy)" in refused(UnitError, "house_rays", "8 mg")


def test_moles_need_a_molar_mass(house_library):
    assert Dose("house_drug", "2 umol", at="day 0").quantity.value == 2
    file = house_library / "agents" / "house_drug.yaml"
    file.write_text(re.sub(r"molar_mass:.*\n", "", file.read_text()))
    assert "Its molar mass is not known, so it cannot become mg." in refused(UnitError, "house_drug", "2 umol")


@pytest.mark.parametrize("amount", ["-1 mg", "nan mg", "inf mg"])
def test_an_amount_is_finite_and_not_negative(amount):
    assert 'The dose of "house_drug" is' in refused(InvalidValueError, "house_drug", amount)


def test_a_word_that_is_not_read_is_an_error():
    assert '"q" is not a unit' in refused(UnitError, "house_drug", "100 mg q 24")


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ({"every": "1 day"}, "is repeated without end"),
        ({"until": "day 3"}, "but no interval"),
        ({"at": "day 5", "every": "1 day", "until": "day 4"}, 'ends at "day 4", before it begins at "day 5"'),
        ({"every": "1 s", "until": "day 30"}, "more than 100,000 times"),
    ],
)
def test_times_must_be_in_order(times, words):
    assert words in refused(ProtocolError, "house_drug", "1 mg", **times)


def test_a_duration_is_no_time_point():
    assert 'Did you mean "day 4"?' in refused(UnitError, "house_drug", "1 mg", at="4 day")
    assert 'Did you mean "1 day"?' in refused(UnitError, "house_drug", "1 mg", every="day 1", until="day 4")


def test_a_dose_says_itself_in_words():
    daily = Dose("house_drug", "10 mg/kg", at="day 4", every="1 day", until="day 14")
    assert daily.in_words() == "From day 4 to day 14, every day: House drug, 10 mg/kg (oral, 11 doses)."
    assert "every 12 hours" in daily.replace(every="12 hour").in_words()
    assert "every 2 days" in daily.replace(every="2 day").in_words()
    once = Dose("house_cells", "1e4 cell", at="day 0")
    assert once.in_words() == "On day 0: House cells, 1e4 cell (intravenous)."


def test_cells_of_a_primary_recipient_need_an_origin():
    primary = Dose("house_cells", "1e4 cell", at="day 0")
    graft = Dose("house_graft", "1e3 cell", at="day 2", harvest=Harvest(primary, at="day 14"))
    assert "taken from primary recipients on day 14" in graft.in_words()
    assert "comes out of a primary recipient" in refused(ProtocolError, "house_graft", "1e3 cell")
    message = refused(ProtocolError, "house_cells", "1e3 cell", harvest=Harvest(primary, at="day 14"))
    assert "does not come out of a primary recipient" in message


def test_cells_are_not_harvested_before_the_last_dose():
    primary = Dose("house_cells", "1e4 cell", at="day 20")
    with pytest.raises(ProtocolError, match='before the dose of "house_cells" at "day 20"'):
        Harvest(primary, at="day 14")


def test_an_amount_per_body_surface_is_refused_without_another_number():
    message = refused(UnitError, "house_drug", "50 mg/m2")
    assert "an amount per body surface" in message
    assert "Give it per body mass (mg/kg)" in message
    assert "Did you mean" not in message


def test_a_suggestion_keeps_every_digit_of_the_amount():
    assert 'Did you mean "1234567.25 mg/kg"' in refused(UnitError, "house_drug", "1234567.25 nM")
