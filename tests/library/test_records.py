"""Every file of the library keeps its schema, and a broken one is told what is wrong with it."""

import pytest

from gvlab.errors import LibraryError, UnknownNameError
from gvlab.library import Library
from gvlab.library.records import KINDS

DRUG = """
name: house_drug
title: House drug
kind: drug
molar_mass: {value: 500, unit: g/mol, verification: assumed}
routes:
  oral:
    operations: [{add: drug_depot, unit: mg, times: [f_oral_house]}]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GVLAB_LIBRARY", str(tmp_path))
    for kind in ("agents", "parameters", "conditions", "populations"):
        (tmp_path / kind).mkdir()
    return tmp_path


def written(folder, text, name="house_drug", kind="agents"):
    (folder / kind / f"{name}.yaml").write_text(text)
    return lambda: Library.default().read(kind, name)


def refusal(read, error=LibraryError):
    with pytest.raises(error) as caught:
        read()
    return str(caught.value)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_record_of_the_library_loads(kind):
    assert set(Library.default().read_all(kind)) == set(Library.default().names(kind))


@pytest.mark.parametrize("kind", ["parameters", "conditions"])
def test_every_table_of_the_library_loads(kind):
    assert len(Library.default().rows(kind)) >= len(Library.default().names(kind))


def test_every_source_of_the_library_is_in_the_bibliography():
    keys = {key for row in Library.default().parameter_rows() for key in row.source_keys}
    assert {source.key for source in Library.default().sources(keys)} == keys


def test_a_record_is_read_by_kind_and_name(folder):
    drug = written(folder, DRUG)()
    assert drug.first_route == "oral"
    assert drug.routes["oral"].units == ("mg",)
    assert drug.symbols == ("drug_depot", "f_oral_house")


def test_a_users_record_stands_in_front_of_ours(folder):
    for name in Library.default().names("agents"):
        (folder / "agents" / f"{name}.yaml").write_text(DRUG.replace("house_drug", name))
        assert Library.default().read("agents", name).title == "House drug"
    written(folder, DRUG)
    assert "house_drug" in Library.default().names("agents")


def test_an_unknown_record_is_answered_with_the_closest(folder):
    written(folder, DRUG)
    message = refusal(lambda: Library.default().read("agents", "house_drog"), UnknownNameError)
    assert 'There is no agent named "house_drog". Did you mean "house_drug"?' in message


def test_an_unknown_kind_is_an_error():
    assert 'Did you mean "agents"?' in refusal(lambda: Library.default().names("agent"), UnknownNameError)


@pytest.mark.parametrize("name", ["../agents/house_drug", "/etc/passwd", ""])
def test_a_name_is_not_a_path(folder, name):
    written(folder, DRUG)
    refusal(lambda: Library.default().read("agents", name), UnknownNameError)


def test_an_unknown_key_is_an_error_with_the_way_out(folder):
    message = refusal(written(folder, DRUG + "colour: red\ndefault_rout: oral\n"))
    assert "house_drug.yaml" in message
    assert 'There is no key named "colour"' in message
    assert 'Did you mean "default_route"?' in message


def test_an_unknown_key_deep_inside_lists_the_keys_of_its_owner(folder):
    message = refusal(written(folder, DRUG.replace("times:", "tims:")))
    assert 'There is no key named "tims" in routes.oral.operations.0. Did you mean "times"?' in message


def test_a_key_that_stands_twice_is_an_error(folder):
    message = refusal(written(folder, DRUG + "title: Another\n"))
    assert 'the key "title" stands twice' in message


def test_a_missing_key_is_named(folder):
    assert 'The key "title" is missing.' in refusal(written(folder, DRUG.replace("title: House drug\n", "")))


def test_a_wrong_value_is_shown_with_its_rule(folder):
    message = refusal(written(folder, DRUG.replace("kind: drug", "kind: poison")))
    assert "\"kind\" is 'poison': input should be 'drug', 'cells', 'irradiation', 'antibody' or 'cytokine'." in message


def test_a_unit_that_cannot_be_read_is_an_error(folder):
    assert '"mgg" is not a unit' in refusal(written(folder, DRUG.replace("unit: mg,", "unit: mgg,")))


def test_the_name_must_be_that_of_the_file(folder):
    assert 'it must be the name of the file, "other"' in refusal(written(folder, DRUG, name="other"))


def test_what_is_not_yaml_is_an_error(folder):
    assert "is not YAML" in refusal(written(folder, "name: [unclosed"))
    assert "a record is a list of keys" in refusal(written(folder, "just words"))


def test_yaml_words_and_numbers_are_read_as_a_biologist_writes_them(folder):
    text = DRUG.replace("value: 500", "value: 5e2").replace("title: House drug", "title: on")
    drug = written(folder, text)()
    assert drug.molar_mass.value == 500
    assert drug.title == "on"


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("{add: a, set: b, unit: mg}", "exactly one of add, set, mix and approach"),
        ("{unit: mg}", "exactly one of add, set, mix and approach"),
        ("{add: a}", "needs the unit in which the amount enters"),
        ("{set: a}", 'needs either "to" (a value) or "unit"'),
        ("{set: a, to: 1, unit: mg}", 'needs either "to" (a value) or "unit"'),
        ("{mix: a, value: 1}", 'needs "value", "pool" and the "unit"'),
        ("{add: a, unit: mg, to: 1}", "has only unit, times, whole, mutants and guard"),
        ("{add: c, unit: cell}, {mix: a, value: 1, pool: [c], unit: cell}", "enlarges its pool; put it before"),
    ],
)
def test_an_operation_that_means_nothing_is_an_error(folder, operation, words):
    text = DRUG.replace("{add: drug_depot, unit: mg, times: [f_oral_house]}", operation)
    assert words in refusal(written(folder, text))


def test_a_default_route_must_exist(folder):
    message = refusal(written(folder, DRUG + "default_route: vein"))
    assert 'default_route "vein" is not among the routes: oral' in message


POPULATION = "name: mice\ntitle: Mice\nvariability:\n  - {parameter: k_a, distribution: log-normal, cv: 0.3}\n"


def test_a_parameter_is_drawn_once(folder):
    text = POPULATION + "fates:\n  - {parameter: k_a, distribution: uniform}\n"
    assert '"k_a" is drawn twice' in refusal(written(folder, text, "mice", "populations"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (", cv: 0.3", "", 'is given by "cv" alone'),
        ("cv: 0.3", "cv: -1", "greater than 0"),
        ("log-normal, cv: 0.3", "normal", 'either "sd" or "cv"'),
        ("log-normal, cv: 0.3", "uniform, low: 2, high: 1", "must be below"),
    ],
)
def test_a_distribution_without_its_spread_is_an_error(folder, old, new, words):
    assert words in refusal(written(folder, POPULATION.replace(old, new), "mice", "populations"))


EXPERIMENT = """
name: study
title: A study
question: Why?
systems: mice
until: day 10
arms:
  - name: A
    doses: [drug, {agent: house_drug, amunt: 1 mg, at: day 1}]
"""


def test_the_same_mistake_in_every_dose_is_said_once_or_twice(folder):
    (folder / "experiments").mkdir()
    dose = "{agent: house_drug, amunt: 1 mg, at: day 1}"
    many = EXPERIMENT.replace(dose, ", ".join(20 * [dose]))
    message = refusal(written(folder, many, "study", "experiments"))
    assert 'Did you mean "amount"?' in message
    assert "more of this kind." in message
    assert len(message) < 1000


def test_an_unknown_key_of_a_dose_in_an_arm_is_answered(folder):
    (folder / "experiments").mkdir()
    message = refusal(written(folder, EXPERIMENT, "study", "experiments"))
    assert 'There is no key named "amunt" in arms.0.doses.1. Did you mean "amount"?' in message
    assert 'The key "arms.0.doses.1.amount" is missing.' in message


def test_an_arm_has_doses_by_name_and_of_its_own(folder):
    (folder / "experiments").mkdir()
    study = written(folder, EXPERIMENT.replace("amunt", "amount"), "study", "experiments")()
    assert study.arms[0].doses[0] == "drug"
    assert study.arms[0].doses[1].amount == "1 mg"
    assert study.systems == ("mice",)


HEADER = "parameterId\tnominalValue\tlowerBound\tupperBound\tunit\tcontext\tevidence\tsource\tnote\n"


def table(folder, *lines, name="house.tsv"):
    (folder / "parameters" / name).write_text(HEADER + "\n".join(lines) + "\n")
    return lambda: [row for row in Library.default().parameter_rows() if row.parameterId.endswith("_house")]


def test_a_parameter_row_is_read_with_its_context(folder):
    rows = table(folder, "# a comment", "k_house\t1.5\t0\t\t1/day\tspecies:mouse;host:a\tassumed\t\tbecause")()
    assert rows[0].nominalValue == 1.5
    assert rows[0].context == ("host:a", "species:mouse")
    assert rows[0].upperBound is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("k_house\tx\t\t\t1/day\t\tassumed\t\tb", "\"nominalValue\" is 'x'"),
        ("k_house\tnan\t\t\t1/day\t\tassumed\t\tb", "finite"),
        ("k_house\t5\t0\t1\t1/day\t\tassumed\t\tb", "lies outside its bounds 0 to 1"),
        ("k_house\t5\t\t\tfortnite\t\tassumed\t\tb", '"fortnite" is not a unit'),
        ("k_house\t5\t\t\t1/day\tmouse\tassumed\t\tb", "write space:name"),
        ("k_house\t5\t\t\t1/day\t\tguessed\t\tb", "\"evidence\" is 'guessed'"),
        ("k_house\t5\t\t\t1/day\t\tmeasured\t\tb", "a measured value needs a source"),
        ("k_house\t5\t\t\t1/day\t\tassumed\t\t", "says why in note or derivation"),
        ("2k\t5\t\t\t1/day\t\tassumed\t\tb", "parameterId"),
        ("k_house\t5\t\t\t1/day\t\tassumed\t\tb\textra", "10 cells, but there are 9 columns"),
    ],
)
def test_a_broken_parameter_row_says_where_and_why(folder, line, words):
    message = refusal(table(folder, line))
    assert "house.tsv, line 2" in message
    assert words in message


def test_an_unknown_column_is_an_error(folder):
    (folder / "parameters" / "house.tsv").write_text("parameterId\tnominal\n")
    assert 'There is no column named "nominal"' in refusal(Library.default().parameter_rows)


def test_the_same_parameter_in_the_same_context_stands_once(folder):
    line = "k_house\t1\t\t\t1/day\tspecies:mouse\tassumed\t\tb"
    assert "has a row already" in refusal(table(folder, line, line))


def test_a_users_row_replaces_ours_with_the_same_context(folder):
    ours = Library.default().parameter_rows()[0]
    context = ";".join(ours.context)
    table(folder, f"{ours.parameterId}\t{ours.nominalValue}\t\t\t{ours.unit}\t{context}\tassumed\t\tmine")
    same = [row for row in Library.default().parameter_rows() if row.parameterId == ours.parameterId]
    assert [row.note for row in same if row.context == ours.context] == ["mine"]


def conditions(folder, *lines):
    (folder / "conditions" / "house.tsv").write_text("conditionId\ttargetId\ttargetValue\n" + "\n".join(lines))


def test_a_condition_is_a_number_or_a_factor(folder):
    conditions(folder, "knockout_house\tk_a\t0", "knockout_house\tk_b\t0.5 * k_b")
    assert [row.change() for row in Library.default().condition_rows("knockout_house")] == [(0.0, False), (0.5, True)]
    message = refusal(lambda: Library.default().condition_rows("knockout_hose"), UnknownNameError)
    assert 'Did you mean "knockout_house"?' in message


@pytest.mark.parametrize("value", ["k_b", "0.5 * k_b", "nan", "2 * 3", "0.5 *"])
def test_a_condition_that_is_neither_is_an_error(folder, value):
    conditions(folder, f"knockout_house\tk_a\t{value}")
    assert "house.tsv, line 2" in refusal(lambda: Library.default().condition_rows("knockout_house"))


def test_a_condition_changes_a_target_once(folder):
    conditions(folder, "knockout_house\tk_a\t0", "knockout_house\tk_a\t1")
    assert 'changes "k_a" twice' in refusal(lambda: Library.default().condition_rows("knockout_house"))


def test_a_library_folder_that_does_not_exist_is_an_error(monkeypatch):
    monkeypatch.setenv("GVLAB_LIBRARY", "/nowhere/at/all")
    assert 'names "/nowhere/at/all", which is not a folder' in refusal(Library.default)
