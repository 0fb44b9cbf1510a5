"""The house model has closed forms; the engine behind is libRoadRunner."""

import warnings

import numpy as np
import pytest

from gvlab import engine as engines
from gvlab.engine import Status
from gvlab.errors import InvalidValueError, ProtocolError, SolveError, SolveWarning, UnknownNameError
from gvlab.protocol import Condition, Dose, Harvest
from gvlab.simulation import simulate
from gvlab.simulation.failures import in_common
from gvlab.subject import Cohort, System

pytestmark = pytest.mark.usefixtures("house_library")


@pytest.fixture
def typical():
    return System.read("house_system").typical()


@pytest.fixture
def cells():
    return Dose("house_cells", "1e4 cell", at="day 0")


def test_cells_grow_as_the_closed_form_says(house_model, typical, cells):
    run = simulate(house_model, typical, cells, until="day 10")
    assert run.times.tolist() == list(range(11))
    assert run.values("cell_a")[0] == pytest.approx(1000 * np.exp(0.1 * run.times), rel=1e-6)
    assert run.unit("cell_a") == "cell"


def test_every_subject_is_solved_with_its_own_parameters_and_body_mass(house_model):
    cohort = System.read("house_system").cohort(4, seed=5)
    drug = Dose("house_drug", "10 mg/kg", at="day 1")
    run = simulate(house_model, cohort, drug, until="day 2", times=[1.25], outputs=["C_house", "drug_central"])
    clearance, mass, ka = cohort.column("CL_house"), cohort.column("body_mass"), 24.0
    amount = 10 * mass * 0.5
    expected = amount * ka / (ka - clearance) * (np.exp(-clearance * 0.25) - np.exp(-ka * 0.25))
    assert run.values("drug_central")[:, 0] == pytest.approx(expected, rel=1e-6)
    assert run.values("C_house")[:, 0] == pytest.approx(expected / 0.02, rel=1e-6)
    assert run.numbers.tolist() == [0, 1, 2, 3]


def test_a_condition_changes_the_model_and_only_that(house_model, typical, cells):
    medium = Dose("house_drug", "2 mg/L", at="day 0", route="medium")
    killed = simulate(house_model, typical, cells + medium, until="day 5").at("cell_a", 5)
    spared = simulate(house_model, typical, cells + medium, until="day 5", condition="house_resistance").at("cell_a", 5)
    assert killed[0] == pytest.approx(1000 * np.exp((0.1 - 0.05 * 2) * 5), rel=1e-6)
    assert spared[0] == pytest.approx(1000 * np.exp(0.1 * 5), rel=1e-6)


def test_a_condition_with_an_unknown_target_is_refused(house_model, typical):
    from gvlab.protocol import Change

    with pytest.raises(UnknownNameError, match='Did you mean "k_kill_house"'):
        simulate(house_model, typical, until=1.0, condition=Condition(("x",), (Change("k_kil_house", 0.0),)))


def test_means_are_mixed_by_cells(house_model, typical, cells):
    run = simulate(house_model, typical, cells + cells.replace(at="day 2"), until="day 4", outputs=["marker", "cell_a"])
    assert run.values("marker")[0] == pytest.approx([3.0] * 5)
    changed = simulate(
        house_model, typical.replace({"k_marker_house": 1.0}), cells + cells.replace(at="day 2"), until="day 3"
    )
    old = 1000 * np.exp(0.2)
    expected = (old * 3.0 * np.exp(-2) + 1000 * 3.0) / (old + 1000)
    assert changed.at("marker", 3)[0] == pytest.approx(expected * np.exp(-1), rel=1e-5)


def test_after_death_everything_is_missing(house_model, typical, cells):
    table = typical.table.replace({"k_hazard_house": 0.1})
    mortal = Cohort({"theta_death_house": np.array([0.35, 9.0])}, table, np.array([0, 1]))
    run = simulate(house_model, mortal, cells, until="day 8")
    assert run.status.tolist() == [Status.STOPPED_BY_EVENT, Status.FINISHED]
    assert run.first("death_house") == pytest.approx([3.5, np.inf], abs=1e-3)
    assert np.isfinite(run.values("cell_a")[0]).tolist() == [True] * 4 + [False] * 5
    assert np.isfinite(run.values("cell_a")[1]).all()
    assert run.end_times == pytest.approx([3.5, 8], abs=1e-3)
    assert run.final("alive").tolist() == [0, 1]
    assert run.ok.all()


def test_a_dose_before_day_0_starts_the_clock_earlier(house_model, typical, cells):
    run = simulate(house_model, typical, cells.replace(at="day -2"), until="day 3")
    assert run.times.tolist() == [0, 1, 2, 3]
    assert run.at("cell_a", 0)[0] == pytest.approx(1000 * np.exp(0.2), rel=1e-6)


def test_the_same_seed_gives_the_same_run(house_model, cells):
    cohort = System.read("house_system").cohort(3, seed=5)
    one, other = (simulate(house_model, cohort, cells, until="day 5") for _ in range(2))
    assert one.data.identical(other.data)
    assert one.manifest == other.manifest


def test_the_manifest_says_what_made_it(house_model, cells):
    cohort = System.read("house_system").cohort(3, seed=5)
    manifest = simulate(house_model, cohort, cells, until="day 5", condition="house_slow").manifest
    assert manifest.model == house_model.sha256
    assert manifest.seed == 5
    assert manifest.engine in engines.ENGINES
    assert manifest.tables["cohort"] == cohort.sha256
    assert manifest.notes["condition"] == "house_slow"
    assert manifest.notes["protocol"] == "On day 0: House cells, 1e4 cell (intravenous)."
    other = simulate(house_model, cohort, cells.replace(amount="2e4 cell"), until="day 5").manifest
    assert other.tables["protocol"] != manifest.tables["protocol"]


def test_progress_counts_every_subject(house_model):
    done = []
    simulate(house_model, System.read("house_system").cohort(5, seed=1), until="day 1", progress=done.append)
    assert sum(done) == 5


def test_cells_of_a_primary_recipient_come_with_their_composition(house_model, typical, cells):
    primary = cells + Dose("house_rays", "1 Gy", at="day 0")
    graft = Dose("house_graft", "100 cell", at="day 1", harvest=Harvest(primary, at="day 5"))
    slow = typical.replace({"k_marker_house": 0.1})
    run = simulate(house_model, slow, graft, until="day 1", times=[1.0])
    assert run.values("cell_a")[0, 0] == pytest.approx(100, rel=1e-6)
    assert run.values("cell_b")[0, 0] == pytest.approx(0, abs=1e-9)
    assert run.values("marker")[0, 0] == pytest.approx(3 * np.exp(-0.5), rel=1e-5)


def test_the_next_living_primary_gives_where_one_has_died(house_model, typical, cells):
    mortal = Cohort(
        {"theta_death_house": np.array([9.0, 0.1, 9.0]), "k_marker_house": np.array([0.1, 0.2, 0.3])},
        typical.table.replace({"k_hazard_house": 0.1}),
        np.array([0, 1, 2]),
    )
    graft = Dose("house_graft", "100 cell", at="day 0", harvest=Harvest(cells, at="day 5"))
    run = simulate(house_model, mortal, graft, until="day 1", times=[0.0])
    assert run.values("marker")[:, 0] == pytest.approx(3 * np.exp(-5 * np.array([0.1, 0.3, 0.3])), rel=1e-5)


def test_where_no_primary_lives_nothing_can_be_harvested(house_model, typical, cells):
    doomed = typical.replace({"k_hazard_house": 1.0})
    graft = Dose("house_graft", "100 cell", at="day 0", harvest=Harvest(cells, at="day 5"))
    with pytest.raises(ProtocolError, match='None of the 1 primary recipients of "house_graft" lives on day 5'):
        simulate(house_model, doomed, graft, until="day 1")


def test_where_there_are_no_cells_nothing_can_be_harvested(house_model, typical):
    graft = Dose("house_graft", "100 cell", at="day 0", harvest=Harvest(None, at="day 5"))
    with pytest.raises(ProtocolError, match="hold none of the cells"):
        simulate(house_model, typical, graft, until="day 1")


@pytest.mark.parametrize(
    ("names", "error", "words"),
    [
        ({"until": "day 0"}, InvalidValueError, "must be after day 0"),
        ({"until": float("nan")}, InvalidValueError, "must be after day 0"),
        ({"until": "5 day"}, InvalidValueError, 'Did you mean "day 5"'),
        ({"until": "day 5", "times": [6.0]}, InvalidValueError, "Day 6 is to be read, but the last day is 5"),
        ({"until": "day 5", "times": []}, InvalidValueError, "at least one"),
        ({"until": "day 5", "outputs": ["cel_a"]}, UnknownNameError, 'Did you mean "cell_a"'),
        ({"until": "day 5", "engine": "roadruner"}, UnknownNameError, 'Did you mean "roadrunner"'),
        ({"until": "day 5", "condition": "house_slo"}, UnknownNameError, 'Did you mean "house_slow"'),
    ],
)
def test_what_cannot_be_simulated_is_refused(house_model, typical, names, error, words):
    with pytest.raises(error) as caught:
        simulate(house_model, typical, **names)
    assert words in str(caught.value)


@pytest.mark.usefixtures("failing")
def test_the_warning_names_the_subjects_what_they_share_and_the_remedy(house_model, typical):
    clearance = np.full(200, 2.0)
    clearance[[17, 90, 150]] = [3.5, 4.5, 5.0]
    cohort = Cohort({"CL_house": clearance}, typical.table, np.arange(200))
    with pytest.warns(SolveWarning) as caught:
        run = simulate(house_model, cohort, until="day 5", engine="failing", outputs=["cell_a"])
    assert str(caught[0].message) == (
        "3 of 200 subjects stopped at the step limit; raise max_steps, or look at the plausibility of its parameters "
        "(rows 17, 90, 150), all with CL_house >= 3.5 1/day. The other subjects are complete."
    )
    assert np.flatnonzero(~run.ok).tolist() == [17, 90, 150]
    assert np.isnan(run.values("cell_a")[17, 1:]).all()
    assert np.isfinite(run.values("cell_a")[18]).all()


@pytest.mark.usefixtures("failing")
def test_where_nobody_could_be_solved_that_is_an_error(house_model, typical):
    with pytest.raises(SolveError, match=r"None of 1 subjects could be solved: each stopped at the step limit"):
        simulate(house_model, typical.replace({"CL_house": 9.0}), until="day 5", engine="failing", outputs=["cell_a"])


@pytest.mark.usefixtures("failing")
def test_nothing_is_warned_of_when_all_is_well(house_model, typical):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulate(house_model, typical, until="day 5", engine="failing", outputs=["cell_a"])


def test_a_single_failure_has_nothingin_common(typical):
    cohort = Cohort({"CL_house": np.linspace(1, 3, 100)}, typical.table, np.arange(100))
    assert in_common(cohort, [99]) == ""
    assert in_common(cohort, [0, 1]) == ", all with CL_house <= 1.02 1/day"
    assert in_common(cohort, [0, 99]) == ""
