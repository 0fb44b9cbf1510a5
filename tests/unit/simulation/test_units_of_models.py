"""A model in hours, micrograms and millilitres goes through the same days as one in days, milligrams and litres."""

from __future__ import annotations

import antimony
import numpy as np
import pytest
import roadrunner

from gvlab.errors import UnitError
from gvlab.model.model import Model
from gvlab.protocol import Condition, Dose, Protocol
from gvlab.sbml.symbol_reader import read_contents
from gvlab.simulation import simulate
from gvlab.simulation.export import typical_subject
from gvlab.subject import Cohort, System
from helpers import HOUSE_ANTIMONY

pytestmark = pytest.mark.usefixtures("house_library")

RATES = (
    "k_absorption_house = 24",
    "CL_house = 2",
    "k_growth_house = 0.1",
    "k_marker_house = 0.0",
    "k_hazard_house = 0.0",
)


def in_hours(*changes: tuple[str, str]) -> Model:
    """The house model in hours and micrograms: nothing else is another, but for changes of the text."""
    text = HOUSE_ANTIMONY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    text = text.replace("unit day = 86400 second;", "unit day = 3600 second; unit time_unit = 3600 second;")
    text = text.replace("unit per_day = 1 / (86400 second)", "unit per_day = 1 / (3600 second)")
    text = text.replace(
        "unit mg = 1e-3 gram; unit mg_per_L = 1e-3 gram", "unit mg = 1e-6 gram; unit mg_per_L = 1e-6 gram"
    )
    text = text.replace("litre / (1e-3 gram * 86400 second)", "litre / (1e-6 gram * 3600 second)")
    for rate in RATES:
        name, _, number = rate.partition(" = ")
        text = text.replace(f"{rate};", f"{name} = {float(number) / 24!r};")
    text = text.replace("k_kill_house = 0.05", f"k_kill_house = {0.05 / 24 / 1000!r}")
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(text) >= 0, antimony.getLastError()
    return Model(antimony.getSBMLString("house"))


@pytest.fixture(scope="module")
def hours() -> Model:
    return in_hours()


@pytest.fixture
def plan():
    return Dose("house_cells", "1e4 cell", at="day 0") + Dose(
        "house_drug", "10 mg/kg", at="day 1", every="1 day", until="day 3"
    )


@pytest.fixture
def mortal():
    table = System.read("house_system").typical().table.replace({"k_hazard_house": 0.1})
    return Cohort({"theta_death_house": np.array([0.35, 9.0]), "CL_house": np.array([2.0, 5.0])}, table, np.arange(2))


@pytest.mark.parametrize("engine", ["ensemble", "roadrunner"])
def test_the_unit_of_time_of_a_model_counts(house_model, hours, plan, mortal, engine):
    asked = {"until": "day 6", "outputs": ["cell_a", "drug_central", "C_house", "hazard"], "engine": engine}
    one, other = (simulate(model, mortal, plan, **asked) for model in (house_model, hours))
    np.testing.assert_array_equal(other.times, one.times)
    np.testing.assert_array_equal(other.status, one.status)
    np.testing.assert_allclose(other.end_times, one.end_times, rtol=1e-5)
    np.testing.assert_allclose(other.first("death_house"), one.first("death_house"), rtol=1e-5)
    for name in ("cell_a", "hazard"):
        np.testing.assert_allclose(other.values(name), one.values(name), rtol=1e-4, atol=1e-9)
    assert (one.unit("drug_central"), other.unit("drug_central")) == ("mg", "ug")
    np.testing.assert_allclose(other.values("drug_central"), 1000 * one.values("drug_central"), rtol=1e-4, atol=1e-6)
    assert (one.unit("C_house"), other.unit("C_house")) == ("mg/L", "ug/L")


def test_ten_days_of_a_model_in_hours_are_240_hours_of_libroadrunner():
    """As the document stands: no dose, what is there at the start."""
    model = in_hours(("cell_a = 0;", "cell_a = 1000;"), ("drug_depot = 0;", "drug_depot = 50;"))
    alone = Cohort({}, System.read("house_system").typical().table, np.array([0]))
    ours = simulate(model, alone, until="day 10", outputs=["cell_a", "drug_central"])
    runner = roadrunner.RoadRunner(model.sbml)
    runner.integrator.relative_tolerance, runner.integrator.absolute_tolerance = 1e-10, 1e-12
    theirs = np.asarray(runner.simulate(0, 240, 11, ["time", "cell_a", "drug_central"]))
    np.testing.assert_allclose(ours.values("cell_a")[0], theirs[:, 1], rtol=1e-5)
    np.testing.assert_allclose(ours.values("drug_central")[0], theirs[:, 2], rtol=1e-5, atol=1e-6)


def test_a_dose_before_day_0_and_one_within_a_day_are_at_their_hour(house_model, hours, plan):
    typical = System.read("house_system").typical()
    early = Dose("house_cells", "1e4 cell", at="day -2") + Dose("house_drug", "10 mg/kg", at="day 0.25")
    times = [0.0, 0.3, 1.0]
    one, other = (simulate(model, typical, early, until="day 1", times=times) for model in (house_model, hours))
    assert other.times.tolist() == times
    np.testing.assert_allclose(other.values("cell_a"), one.values("cell_a"), rtol=1e-5)


def test_an_exported_document_has_its_doses_at_the_hour(hours, plan):
    typical = System.read("house_system").typical()
    sbml = typical_subject(hours, typical, Protocol.of(plan), Condition.of(None))
    runner = roadrunner.RoadRunner(sbml)
    runner.integrator.relative_tolerance, runner.integrator.absolute_tolerance = 1e-10, 1e-12
    theirs = np.asarray(runner.simulate(0, 96, 5, ["time", "cell_a", "drug_central"]))
    ours = simulate(hours, typical, plan, until="day 4", outputs=["cell_a", "drug_central"])
    # On the days of doses one reads before, the other after.
    np.testing.assert_allclose(ours.values("cell_a")[0], theirs[:, 1], rtol=1e-4)
    np.testing.assert_allclose(ours.values("drug_central")[0, 4], theirs[4, 2], rtol=1e-4)


def test_a_unit_that_cannot_become_that_of_the_model_is_said():
    wrong = in_hours(("k_growth_house has per_day", "k_growth_house has mg"))
    with pytest.raises(UnitError, match='takes "k_growth_house" in ug, and it is given in 1/day'):
        simulate(wrong, System.read("house_system").typical(), until="day 1")


LEVEL_2 = """<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m">{units}
<listOfCompartments><compartment id="c" size="1"/></listOfCompartments>
<listOfSpecies><species id="S" compartment="c" initialAmount="1"/>
<species id="A" compartment="c" initialAmount="1" hasOnlySubstanceUnits="true"/></listOfSpecies></model></sbml>"""
MINUTES = """<listOfUnitDefinitions><unitDefinition id="time"><listOfUnits><unit kind="second" multiplier="60"/>
</listOfUnits></unitDefinition><unitDefinition id="substance"><listOfUnits><unit kind="mole" scale="-9"/></listOfUnits>
</unitDefinition></listOfUnitDefinitions>"""


def test_level_2_has_units_of_its_own_and_documents_define_them_anew():
    plain, minutes = (read_contents(LEVEL_2.format(units=units)) for units in ("", MINUTES))
    assert (plain.day, minutes.day) == (86400.0, 1440.0)
    assert [symbol.unit for symbol in plain.symbols] == ["L", "mol/L", "mol"]
    assert [symbol.unit for symbol in minutes.symbols] == ["L", "nmol/L", "nmol"]


def test_a_document_without_a_unit_of_time_is_in_days(house_model):
    assert house_model.equations.contents.day == 1.0
