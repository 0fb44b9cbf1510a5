import pytest

from gvlab.errors import InvalidValueError, LibraryError, UnknownNameError
from gvlab.library import Library, read_table
from gvlab.library.table_rows import ParameterRow
from gvlab.model.parameters import COLUMNS, ParameterTable
from gvlab.provenance import Evidence


@pytest.fixture
def table(house_library):
    return ParameterTable.default()


def test_the_most_specific_row_that_fits_is_taken(table):
    assert table.resolve().value("CL_house") == 2
    assert table.resolve(["species:bear"]).value("CL_house") == 1
    assert table.resolve(["species:bear", "host:polar"]).value("CL_house") == 3
    assert table.resolve(["host:polar"]).value("CL_house") == 2


def test_a_resolved_table_has_each_parameter_once(table):
    resolved = table.resolve(["species:bear"])
    assert len(resolved.ids) == len(resolved.rows) == len({row.parameterId for row in table})


def test_a_tie_is_an_error_with_the_way_out(house_library):
    rows = Library.default().parameter_rows()
    tie = next(row for row in rows if row.context == ("species:bear",)).model_copy(update={"context": ("host:polar",)})
    with pytest.raises(LibraryError, match=r'Two rows of "CL_house" fit equally well.*Give one of them a further tag'):
        ParameterTable.of([row for row in rows if len(row.context) < 2] + [tie]).resolve(["species:bear", "host:polar"])


def test_an_unresolved_parameter_has_no_single_value(table):
    with pytest.raises(InvalidValueError, match=r'"CL_house" has 3 rows, one a context\. Resolve the table first'):
        table.value("CL_house")


def test_an_unknown_parameter_is_answered(table):
    with pytest.raises(UnknownNameError, match='Did you mean "CL_house"'):
        table.value("cl_house")


def test_values_units_and_bounds(table):
    resolved = table.resolve()
    assert resolved.unit("CL_house") == "1/day"
    assert resolved.bounds("CL_house") == (0.1, 20)
    assert resolved.bounds("theta_death_house") == (0, float("inf"))
    assert resolved.values()["V_house"] == 0.02
    assert "CL_house" in resolved
    assert "nothing" not in resolved


def test_explain_prints_the_chain(table):
    text = table.resolve(["species:bear", "host:polar"]).explain("CL_house")
    parts = ("CL_house = 3 1/day, 0.1 to 20", "CL_house = 1", "CL_house = 2", "house2020")
    positions = [text.index(part) for part in parts]
    assert positions == sorted(positions)
    assert text.count("takes the place of") == 2
    assert "but polar bears are not" in text


def test_a_replaced_value_counts_as_assumed_and_keeps_its_history(table):
    changed = table.resolve().replace({"CL_house": 4.0})
    assert changed.value("CL_house") == 4
    assert changed.row("CL_house").evidence is Evidence.ASSUMED
    assert "was 2" in changed.explain("CL_house")
    assert [row.nominalValue for row in changed.chain("CL_house")] == [2, 4]


def test_a_value_outside_its_bounds_is_an_error(table):
    with pytest.raises(InvalidValueError, match=r'"CL_house" is 40 1/day; its bounds are 0\.1 to 20'):
        table.resolve().replace({"CL_house": 40})


def test_the_sources_are_exactly_those_of_the_rows(table):
    assert [source.key for source in table.resolve().sources()] == ["house2020"]
    assert table.resolve(["species:bear"]).sources() == ()
    assert table.resolve().select(["V_house"]).sources() == ()


def test_the_text_of_a_table_reads_back_as_the_same_table(table, tmp_path):
    resolved = table.resolve(["species:bear"])
    (tmp_path / "table.tsv").write_text(resolved.to_tsv())
    again = ParameterTable.of(read_table(tmp_path / "table.tsv", ParameterRow))
    assert again.rows == resolved.rows
    assert again.sha256 == resolved.sha256
    assert resolved.to_tsv().splitlines()[0].split("\t") == list(COLUMNS)
    assert table.resolve().sha256 != resolved.sha256
