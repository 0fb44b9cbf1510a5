import re

import numpy as np
import pytest

from gvlab.errors import ProtocolError, UnitError, UnknownNameError
from gvlab.model.model import Model
from gvlab.protocol import Dose, Harvest, Protocol
from gvlab.simulation.schedule import Harvested, Values, schedule
from gvlab.subject import Cohort, System

pytestmark = pytest.mark.usefixtures("house_library")


@pytest.fixture
def values(house_model):
    cohort = System.read("house_system").cohort(3, seed=1)
    return Values(cohort.parameters(), cohort, house_model)


def planned(values, *doses, until=20.0, harvests=None):
    return schedule(Protocol(doses), values, until, harvests)


def test_an_amount_per_body_mass_is_one_a_subject(values):
    (operation,) = planned(values, Dose("house_drug", "10 mg/kg", at="day 1"))
    mass = values.numbers["body_mass"]
    assert (operation.kind, operation.target, operation.time) == ("add", "drug_depot", 1)
    assert np.allclose(operation.value, 10 * mass * 0.5)
    assert 0.05 < operation.value.min() < operation.value.max() < 0.2


def test_ten_milligram_per_kilogram_in_a_mouse_of_20_gram_is_0_2_milligram(house_model):
    cohort = Cohort.typical(System.read("house_system").parameters().replace({"f_oral_house": 1.0}))
    values = Values(cohort.parameters(), cohort, house_model)
    (operation,) = planned(values, Dose("house_drug", "10 mg/kg", at="day 1"))
    assert operation.value == pytest.approx(0.2)


def test_moles_become_milligrams_by_molar_mass(values):
    (operation,) = planned(values, Dose("house_drug", "2 umol", at="day 1"))
    assert operation.value == pytest.approx(2e-3 * 500 * 0.5)


def test_a_concentration_is_set(values):
    (operation,) = planned(values, Dose("house_drug", "10 nM", at="day 1", route="medium"))
    assert (operation.kind, operation.target) == ("set", "medium")
    assert operation.value == pytest.approx(10e-9 * 500 * 1000)


def test_a_mean_is_mixed_before_the_cells_are_added(values):
    mix, add = planned(values, Dose("house_cells", "1e4 cell", at="day 1"))
    assert (mix.kind, mix.target, mix.value, mix.added, mix.pool) == ("mix", "marker", 3.0, 1000.0, ("cell_a",))
    assert (add.kind, add.target, add.value) == ("add", "cell_a", 1000.0)


def test_a_constant_is_set_whatever_the_amount(values):
    (operation,) = planned(values, Dose("house_rays", "8 Gy", at="day 1"))
    assert (operation.kind, operation.target, operation.value) == ("set", "cell_b", 0.0)


def test_repeats_are_expanded_and_sorted_by_time_and_order(values):
    drug = Dose("house_drug", "1 mg", at="day 2", every="1 day", until="day 4")
    rays = Dose("house_rays", "8 Gy", at="day 3")
    operations = planned(values, drug, rays)
    assert [(op.time, op.target) for op in operations] == [
        (2, "drug_depot"),
        (3, "drug_depot"),
        (3, "cell_b"),
        (4, "drug_depot"),
    ]
    assert [op.target for op in planned(values, rays, drug) if op.time == 3] == ["cell_b", "drug_depot"]


def test_a_dose_after_the_last_day_is_an_error_with_the_way_out(values):
    with pytest.raises(ProtocolError) as caught:
        planned(values, Dose("house_drug", "1 mg", at="day 12"), until=10.0)
    assert str(caught.value) == (
        'The dose of "house_drug" would be given after the last day: on day 12, and the end is 10. '
        'Follow the subjects longer (until="day 12"), or give it earlier.'
    )
    daily = Dose("house_drug", "1 mg", at="day 8", every="1 day", until="day 12")
    with pytest.raises(ProtocolError, match='2 of the 5 doses of "house_drug"'):
        planned(values, daily, until=10.0)


def test_a_dose_on_the_last_day_is_given(values):
    assert len(planned(values, Dose("house_drug", "1 mg", at="day 10"), until=10.0)) == 1


def test_what_arrives_in_another_unit_of_the_same_dimension_is_converted(values, house_library):
    file = house_library / "agents" / "house_drug.yaml"
    file.write_text(file.read_text().replace("unit: mg,", "unit: ug,"))
    (operation,) = planned(values, Dose("house_drug", "1 mg", at="day 1"))
    assert operation.value == pytest.approx(0.5)


def test_what_arrives_in_the_wrong_dimension_is_an_error(values, house_library):
    file = house_library / "agents" / "house_drug.yaml"
    file.write_text(file.read_text().replace("f_oral_house", "CL_house"))
    with pytest.raises(UnitError, match='"house_drug" arrives at "drug_depot" in the wrong unit'):
        planned(values, Dose("house_drug", "1 mg", at="day 1"))


def test_an_agent_that_acts_on_nothing_in_the_model_is_an_error(values, house_library):
    file = house_library / "agents" / "house_drug.yaml"
    file.write_text(file.read_text().replace("drug_depot", "drug_deppot"))
    with pytest.raises(UnknownNameError, match='Did you mean "drug_depot"'):
        planned(values, Dose("house_drug", "1 mg", at="day 1"))


def test_a_parameter_under_a_condition_counts(values):
    changed = Values({**values.numbers, "f_oral_house": 0.25}, values.cohort, values.model)
    (operation,) = planned(changed, Dose("house_drug", "1 mg", at="day 1"))
    assert operation.value == 0.25


def test_an_amount_per_body_mass_without_a_body_mass_is_an_error(values):
    bare = Values({}, values.cohort, values.model)
    with pytest.raises(UnitError, match="by a body mass, and none is known"):
        planned(bare, Dose("house_drug", "1 mg/kg", at="day 1"))


def test_harvested_cells_keep_their_composition_and_their_mean(values):
    harvest = Harvest(Dose("house_cells", "1e4 cell", at="day 0"), at="day 5")
    share = {"cell_a": np.array([0.5, 0.25, 0.0]), "cell_b": np.array([0.5, 0.75, 0.0])}
    harvested = Harvested(share, {"marker": np.array([2.0, 3.0, 1.0])}, np.ones(3, dtype=bool))
    dose = Dose("house_graft", "1e3 cell", at="day 2", harvest=harvest)
    mix, first, second = planned(values, dose, harvests={harvest: harvested})
    assert (mix.kind, mix.target, mix.pool) == ("mix", "marker", ("cell_a",))
    assert mix.value.tolist() == [2, 3, 1]
    assert mix.added.tolist() == first.value.tolist() == [500, 250, 0]
    assert (first.target, second.target) == ("cell_a", "cell_b")
    assert second.value.tolist() == [500, 750, 0]


def test_the_schedule_of_every_dose_of_the_library_can_be_worked_out(monkeypatch):
    monkeypatch.undo()
    from gvlab.library import Library

    model = Model.default()
    for name in Library().names("systems"):
        system = System.read(name)
        cohort = system.cohort(2, seed=1)
        values = Values(cohort.parameters(), cohort, model)
        for dose in system.doses.values():
            given = Dose(dose.agent, dose.amount, at=dose.at, every=dose.every, until=dose.until, route=dose.route)
            operations = schedule(Protocol((given,)), values, 1000.0)
            assert operations
            assert all(np.all(np.isfinite(operation.value)) for operation in operations)
            assert re.match(r"(On|From) day", given.in_words())
