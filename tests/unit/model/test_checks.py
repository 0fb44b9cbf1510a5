import dataclasses

import pytest

from gvlab.library import Library
from gvlab.model import checks
from gvlab.model.checks import ModelUnderCheck
from gvlab.model.model import Model
from gvlab.model.parameters import ParameterTable
from helpers import house_sbml

GROWTH = 'id="k_growth_house" value="0.1"'


@pytest.fixture
def subject(house_library):
    return ModelUnderCheck.of(Library.default())


def messages(check, subject):
    return list(check(subject))


def edited(subject, old, new):
    assert old in house_sbml()
    return dataclasses.replace(subject, model=Model(house_sbml().replace(old, new)))


def test_the_house_model_keeps_every_rule_but_sbo_terms(subject):
    rules = tuple(check for check in checks.ALL_CHECKS if not isinstance(check, checks.EverySymbolHasAnSboTerm))
    assert [str(problem) for problem in checks.check(subject, rules)] == []


def test_the_model_of_the_library_keeps_every_rule():
    assert [str(problem) for problem in checks.check(ModelUnderCheck.of(Library.default()))] == []


def test_the_records_of_the_library_name_what_exists():
    assert [str(problem) for problem in checks.check_references(Library.default())] == []


def test_every_rule_has_a_name_of_its_own():
    assert len({check.rule for check in checks.ALL_CHECKS}) == len(checks.ALL_CHECKS)


def test_units_that_do_not_balance_are_found(subject):
    wrong = edited(subject, f'{GROWTH} units="per_day"', f'{GROWTH} units="mg"')
    assert any("growth_a" in message for message in messages(checks.SbmlIsConsistent(), wrong))
    assert any('"k_growth_house" is in 1/day in the table' in m for m in messages(checks.TableAndModelAgree(), wrong))


def test_a_symbol_without_unit_is_found(subject):
    wrong = edited(subject, f'{GROWTH} units="per_day"', GROWTH)
    assert messages(checks.EverySymbolHasAUnit(), wrong) == [
        'parameter "k_growth_house" has none. Give it one, dimensionless where it is a pure number.'
    ]


def test_a_symbol_without_value_is_found(subject):
    wrong = edited(subject, GROWTH, 'id="k_growth_house"')
    assert 'parameter "k_growth_house" has no value' in messages(checks.NothingIsUndefined(), wrong)[0]


def test_an_unknown_name_in_a_formula_is_found(subject):
    wrong = edited(subject, "<ci> C_house </ci>", "<ci> C_hous </ci>")
    found = messages(checks.NothingIsUndefined(), wrong)
    assert 'reaction "killing_a" uses "C_hous". Did you mean "C_house"?' in found[0]


def test_an_unused_constant_is_found(subject):
    extra = '<parameter id="k_spare" value="1" units="per_day" constant="true"/></listOfParameters>'
    wrong = edited(subject, "</listOfParameters>", extra)
    assert messages(checks.NothingIsUnused(), wrong) == ['parameter "k_spare" is in no formula. Remove it, or use it.']
    assert 'parameter "k_spare" of the model has no row' in messages(checks.TableAndModelAgree(), wrong)[0]


def test_a_row_that_nobody_uses_is_found(subject):
    row = Library.default().parameter_rows()[0].model_copy(update={"parameterId": "k_grwth_house"})
    wrong = dataclasses.replace(subject, table=ParameterTable.of([*subject.table, row]))
    found = messages(checks.TableAndModelAgree(), wrong)
    assert found == [
        '"k_grwth_house" of the tables is neither in the model nor used by an agent or an assay. '
        'Did you mean "k_growth_house"?'
    ]


def test_a_stale_model_is_found(subject):
    wrong = edited(subject, GROWTH, 'id="k_growth_house" value="0.2"')
    assert messages(checks.TableAndModelAgree(), wrong) == [
        '"k_growth_house" is 0.1 in the table and 0.2 in the model. Run `gvlab build`.'
    ]
    # A row of a user's own is meant to say something else than the document.
    assert messages(checks.TableAndModelAgree(), dataclasses.replace(wrong, own=True)) == []


def test_a_symbol_without_sbo_term_is_found(subject):
    found = messages(checks.EverySymbolHasAnSboTerm(), subject)
    assert 'species "cell_a" has none. Add it to annotations.tsv.' in found


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("add: drug_depot", "add: drug_depott", 'there is no "drug_depott". Did you mean "drug_depot"'),
        ("times: [f_oral_house]", "times: [f_orall]", 'there is no parameter "f_orall"'),
        ("times: [f_oral_house]", "times: [CL_house]", '"drug_depot" is in (mg)*(1/day), but it is in mg'),
        ("unit: mg,", "unit: cell,", 'what arrives at "drug_depot" is in (cell), but it is in mg'),
        ("add: drug_depot", "add: body_mass", '"body_mass" is a constant; nothing can be added to it'),
    ],
)
def test_an_agent_that_does_not_fit_is_found(house_library, old, new, words):
    file = house_library / "agents" / "house_drug.yaml"
    file.write_text(file.read_text().replace(old, new))
    assert any(
        words in message for message in messages(checks.AgentsFitTheModel(), ModelUnderCheck.of(Library.default()))
    )


def test_a_condition_and_a_population_that_do_not_fit_are_found(house_library):
    file = house_library / "conditions" / "house.tsv"
    file.write_text(file.read_text().replace("k_kill_house\t0", "k_kil_house\t0"))
    file = house_library / "populations" / "house_mice.yaml"
    file.write_text(file.read_text().replace("parameter: CL_house", "parameter: CL_hause"))
    subject = ModelUnderCheck.of(Library.default())
    assert 'there is no "k_kil_house". Did you mean "k_ki' in messages(checks.ConditionsFitTheModel(), subject)[0]
    assert 'Did you mean "CL_house"' in messages(checks.PopulationsFitTheTable(), subject)[0]


def test_a_record_that_names_nothing_is_found(house_library):
    file = house_library / "systems" / "house_system.yaml"
    text = file.read_text().replace("house_donor", "house_doner").replace("population: house_mice", "population: x")
    file.write_text(text)
    found = [str(problem) for problem in checks.check_references(Library.default())]
    assert any('There is no donor named "house_doner". Did you mean "house_donor"?' in message for message in found)
    assert any('There is no population named "x"' in message for message in found)
