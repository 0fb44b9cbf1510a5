import numpy as np
import pytest

from gvlab.errors import InvalidValueError, LibraryError, OutputError, UnknownNameError
from gvlab.subject import Cohort, System

pytestmark = pytest.mark.usefixtures("house_library")


@pytest.fixture
def cohort():
    return System.read("house_system").cohort(10, seed=3)


def test_a_cohort_comes_back_from_parquet_as_it_was(cohort, tmp_path):
    cohort.to_parquet(tmp_path / "cohort.parquet")
    again = Cohort.read(tmp_path / "cohort.parquet")
    assert again.sha256 == cohort.sha256
    assert (again.seed, again.population, again.table.contexts) == (3, "house_mice", ())
    assert again.unit("CL_house") == "1/day"


def test_parquet_carries_the_units(cohort, tmp_path):
    import pyarrow.parquet as pq

    cohort.to_parquet(tmp_path / "cohort.parquet")
    schema = pq.read_schema(tmp_path / "cohort.parquet")
    assert schema.field("body_mass").metadata == {b"unit": b"kg"}


def test_what_is_no_cohort_is_refused(tmp_path):
    (tmp_path / "a.parquet").write_text("no")
    with pytest.raises(LibraryError, match="is not a cohort"):
        Cohort.read(tmp_path / "a.parquet")


def test_a_cohort_that_cannot_be_written_says_so(cohort, tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        cohort.to_parquet(tmp_path / "nowhere" / "cohort.parquet")


def test_parameters_are_shared_numbers_or_one_a_subject(cohort):
    values = cohort.parameters()
    assert values["V_house"] == 0.02
    assert values["CL_house"].shape == (10,)
    assert cohort.column("V_house").tolist() == [0.02] * 10
    assert set(values) == set(cohort.table.ids)


def test_selected_subjects_keep_their_numbers(cohort):
    some = cohort.select([7, 2])
    assert some.numbers.tolist() == [7, 2]
    assert some.columns["CL_house"].tolist() == cohort.columns["CL_house"][[7, 2]].tolist()
    assert cohort.select(slice(0, 3)).numbers.tolist() == [0, 1, 2]
    assert cohort.select(cohort.column("CL_house") > 0).sha256 == cohort.sha256


def test_replaced_values_are_shared_or_one_a_subject(cohort):
    changed = cohort.replace({"CL_house": 3.0, "V_house": np.linspace(0.01, 0.02, 10)})
    assert changed.parameters()["CL_house"] == 3.0
    assert changed.column("V_house")[0] == 0.01
    assert cohort.parameters()["V_house"] == 0.02
    with pytest.raises(InvalidValueError, match="its bounds are"):
        cohort.replace({"CL_house": 300.0})
    with pytest.raises(UnknownNameError, match='Did you mean "CL_house"'):
        cohort.replace({"CL_hous": 3.0})
    with pytest.raises(InvalidValueError, match="has shape"):
        cohort.replace({"V_house": np.ones(3)})


def test_a_cohort_cannot_be_written_to(cohort):
    with pytest.raises(ValueError, match="read-only"):
        cohort.columns["CL_house"][0] = 1.0


def test_values_must_be_finite(cohort):
    with pytest.raises(InvalidValueError, match='Column "V_house" is nan in row 0'):
        cohort.replace({"V_house": np.full(10, np.nan)})


def test_the_table_of_a_cohort_has_a_row_a_subject(cohort):
    frame = cohort.frame()
    assert frame.columns.tolist() == ["subject", "CL_house", "body_mass", "theta_death_house"]
    assert len(frame) == len(cohort) == 10


def test_typical_subjects_have_the_values_of_the_table(cohort):
    typical = Cohort.typical(cohort.table, 3)
    assert typical.column("CL_house").tolist() == [2, 2, 2]


def test_bounds_hold_for_single_subjects_too(cohort):
    low, high = cohort.table.bounds("CL_house")
    inside = np.linspace(low, high, len(cohort))
    np.testing.assert_array_equal(cohort.replace({"CL_house": inside}).column("CL_house"), inside)
    inside[7] = high * 1.01
    with pytest.raises(InvalidValueError, match=r'"CL_house" is .* in row 7; its bounds are'):
        cohort.replace({"CL_house": inside})
