import numpy as np
import pytest

from gvlab.errors import InvalidValueError, LibraryError, OutputError, UnknownNameError
from gvlab.protocol import Dose
from gvlab.simulation import Trajectories, simulate
from gvlab.subject import Cohort, System

pytestmark = pytest.mark.usefixtures("house_library")


@pytest.fixture
def run(house_model):
    typical = System.read("house_system").typical()
    mortal = Cohort(
        {"theta_death_house": np.array([0.35, 9.0, 0.25])},
        typical.table.replace({"k_hazard_house": 0.1}),
        np.array([4, 7, 9]),
    )
    dose = Dose("house_cells", "1e4 cell", at="day 0")
    return simulate(house_model, mortal, dose, until="day 5", outputs=["cell_a", "marker"])


def same(one, other):
    return (
        one.data.identical(other.data)
        and one.ends.identical(other.ends)
        and one.event_ids == other.event_ids
        and np.array_equal(one.events, other.events)
        and one.manifest == other.manifest
    )


def test_a_run_comes_back_from_parquet_as_it_was(run, tmp_path):
    run.to_parquet(tmp_path)
    again = Trajectories.read(tmp_path)
    assert same(again, run)
    assert again.unit("cell_a") == "cell"
    assert again.data["cell_a"].attrs["title"] == "cells A"


def test_what_is_no_run_is_refused(tmp_path, run):
    with pytest.raises(LibraryError, match="is not a run written by gvlab"):
        Trajectories.read(tmp_path)
    run.to_parquet(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(LibraryError, match="is not a manifest"):
        Trajectories.read(tmp_path)


def test_a_run_that_cannot_be_written_says_so(run, tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        run.to_parquet(tmp_path / "nowhere")


def test_axes_are_named_and_variables_have_units(run):
    assert run.data["cell_a"].dims == ("subject", "time")
    assert run.data["time"].attrs == {"unit": "day"}
    assert run.data["marker"].attrs["unit"] == "dimensionless"
    assert run.numbers.tolist() == [4, 7, 9]
    assert len(run) == 3
    assert repr(run) == "Trajectories(3 subjects, day 0 to 5: cell_a, marker)"


def test_a_reading_on_a_day(run):
    assert run.at("cell_a", 2)[1] == pytest.approx(1000 * np.exp(0.2), rel=1e-6)
    with pytest.raises(InvalidValueError, match=r"Nothing was read on day 2\.5; the nearest reading is on day 2"):
        run.at("cell_a", 2.5)


def test_an_unknown_output_event_or_state_is_answered(run):
    with pytest.raises(UnknownNameError, match='Did you mean "cell_a"'):
        run.values("cell_")
    with pytest.raises(UnknownNameError, match='Did you mean "death_house"'):
        run.first("death_hause")
    with pytest.raises(UnknownNameError, match='Did you mean "alive"'):
        run.final("alife")


def test_the_long_table_leaves_out_the_dead(run):
    frame = run.frame()
    assert frame.columns.tolist() == ["subject", "time", "cell_a", "marker"]
    assert frame.groupby("subject").size().to_dict() == {4: 4, 7: 6, 9: 3}


def test_selected_subjects_keep_their_events(run):
    some = run.select([2, 1])
    assert some.numbers.tolist() == [9, 7]
    assert some.first("death_house") == pytest.approx([2.5, np.inf], abs=1e-3)
    assert run.select(run.end_times < 5).numbers.tolist() == [4, 9]
