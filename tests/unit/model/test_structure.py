"""The structure of a model is its mathematics: neither its words nor the values of its constants."""

import re

from gvlab.model.model import Model


def test_another_value_of_a_constant_is_the_same_structure():
    model = Model.default()
    other = Model(re.sub(r'(id="k_death_founder"[^>]*value=")[^"]*', r"\g<1>0.07", model.sbml))
    assert other.sha256 != model.sha256
    assert other.structure == model.structure


def test_another_name_or_annotation_is_the_same_structure():
    model = Model.default()
    other = Model(model.sbml.replace('name="ATF4 protein"', 'name="ATF4"', 1))
    assert other.sha256 != model.sha256
    assert other.structure == model.structure


def test_another_formula_is_another_structure():
    model = Model.default()
    assert Model(model.sbml.replace("<plus/>", "<times/>", 1)).structure != model.structure
