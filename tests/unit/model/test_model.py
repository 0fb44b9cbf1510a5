import pickle

import pytest

from gvlab.errors import ModelError, UnknownNameError
from gvlab.model.model import Model
from helpers import house_sbml


def test_every_symbol_has_its_unit_as_a_bench_spells_it(house_model):
    wanted = {
        "drug_depot": "mg",
        "C_house": "mg/L",
        "cell_a": "cell",
        "CL_house": "1/day",
        "k_kill_house": "L/mg/day",
        "body_mass": "kg",
        "growth_a": "cell/day",
        "marker": "dimensionless",
        "body": "L",
        "time_of_death": "day",
    }
    assert {name: house_model.unit(name) for name in wanted} == wanted


def test_titles_kinds_and_values(house_model):
    assert house_model.title("cell_a") == "cells A"
    assert house_model.title("CL_house") == "CL_house"
    assert house_model.symbol("CL_house").value == 2
    assert house_model.symbol("C_house").value is None
    assert house_model.named("species") == ("drug_depot", "drug_central", "cell_a", "cell_b")
    assert "CL_house" in house_model.constants
    assert "marker" not in house_model.constants


def test_death_events_end_a_subject(house_model):
    assert house_model.deaths == ("death_house",)


def test_an_unknown_symbol_is_answered(house_model):
    with pytest.raises(UnknownNameError, match=r'There is no symbol of the model named "cel_a". Did you mean "cell_a"'):
        house_model.unit("cel_a")


def test_what_is_no_model_is_refused(tmp_path):
    (tmp_path / "a.xml").write_text("<html/>")
    with pytest.raises(ModelError, match="is not SBML"):
        Model.read(tmp_path / "a.xml")
    with pytest.raises(ModelError, match="cannot be read"):
        Model.read(tmp_path / "nothing.xml")


def test_a_model_is_its_text(house_model):
    assert Model(house_sbml()) == house_model
    assert pickle.loads(pickle.dumps(house_model)).sha256 == house_model.sha256
    assert len(house_model.sha256) == 64


def test_the_default_model_is_that_of_the_library(house_library, house_model):
    assert Model.default().sha256 == house_model.sha256
    assert Model.default().equations.states
