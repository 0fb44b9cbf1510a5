"""An experiment takes every number from its own library, whatever else the process has read."""

import numpy as np
import pytest

from gvlab import Arm, Condition, Dose, Experiment, Harvest, Library, Model, System
from gvlab.errors import InvalidValueError, UnknownNameError

COLUMNS = "parameterId\tnominalValue\tunit\tevidence\tnote"
LEUKEMIA = Dose("wehi3b_flt3itd", "5e3 cell", at="day 0")


def library_with(folder, **values):
    (folder / "parameters").mkdir(parents=True, exist_ok=True)
    rows = [f"{name}\t{value}\t1/day\tassumed\ttried" for name, value in values.items()]
    (folder / "parameters" / "own.tsv").write_text("\n".join([COLUMNS, *rows, ""]))
    return Library(folder)


def experiment(library=None, dose=LEUKEMIA, **more):
    return Experiment(
        "Growth",
        system="b6_into_balbc_wehi3b",
        arms=[Arm("alone", dose, n=1)],
        assays=["burden"],
        until="day 5",
        library=library,
        **more,
    )


def burden(study):
    return study.run(1).reading("burden", 5, "alone")


def test_two_libraries_in_one_process_give_each_its_own_numbers(tmp_path):
    slow, fast = (library_with(tmp_path / name, k_death_blast=rate) for name, rate in (("slow", 0.5), ("fast", 0.05)))
    studies = [experiment(slow), experiment(fast), experiment(slow), experiment(fast), experiment()]
    one, other, again, other_again, ours = map(burden, studies)
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(other, other_again)
    assert np.all(one < other)
    assert not np.array_equal(ours, one)
    assert not np.array_equal(ours, other)
    assert [study.system.parameters().value("k_death_blast") for study in studies[:2]] == [0.5, 0.05]


def test_a_changed_file_is_seen_by_what_is_made_after_it_and_by_nothing_else(tmp_path):
    before = experiment(library_with(tmp_path, k_death_blast=0.5))
    first = burden(before)
    library_with(tmp_path, k_death_blast=0.05)
    after = experiment(Library(tmp_path))
    assert np.all(burden(after) > first)
    np.testing.assert_array_equal(burden(before), first)


def test_a_record_of_the_library_and_a_study_read_by_name_take_its_numbers(tmp_path):
    read = Experiment.read("mathew2018_survival", library=library_with(tmp_path, k_death_blast=0.5))
    assert read.system.parameters().value("k_death_blast") == 0.5
    assert {dose.library for arm in read.arms for dose in arm.protocol} == {read.library}
    assert read.sources() == Experiment.read("mathew2018_survival").sources()


def own_agent(folder, name, **changes):
    (folder / "agents").mkdir(parents=True, exist_ok=True)
    text = Library().path("agents", "sorafenib").read_text().replace("name: sorafenib", f"name: {name}")
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    (folder / "agents" / f"{name}.yaml").write_text(text)
    return Library(folder)


def test_a_dose_by_name_is_what_the_library_of_the_experiment_says(tmp_path):
    library = own_agent(tmp_path, "sorafenib", Sorafenib="Another sorafenib")
    dose = Dose("sorafenib", "10 mg/kg", at="day 1")
    (arm,) = experiment(library, LEUKEMIA + dose).arms
    assert "Another sorafenib" in arm.protocol.in_words()
    assert "Another" not in dose.in_words()
    assert dose.with_library(library) != dose
    (back,) = experiment(library, LEUKEMIA + dose).replace(library=Library()).arms
    assert back.protocol == LEUKEMIA + dose


def test_an_agent_of_one_library_can_be_given_and_is_missed_in_another(tmp_path):
    library = own_agent(tmp_path, "new_inhibitor")
    with pytest.raises(UnknownNameError) as caught:
        Dose("new_inhibitor", "10 mg/kg", at="day 1")
    assert "library=" in caught.value.__notes__[0]
    dose = Dose("new_inhibitor", "10 mg/kg", at="day 1", library=library)
    assert len(experiment(library, LEUKEMIA + dose).arms[0].protocol) == 2
    with pytest.raises(UnknownNameError, match='no agent named "new_inhibitor"'):
        experiment(Library(), LEUKEMIA + dose)


def test_conditions_by_name_are_read_again_and_those_by_hand_stay(tmp_path):
    (tmp_path / "conditions").mkdir()
    rows = "conditionId\ttargetId\ttargetValue\tnote\nirf7_knockdown\tk_death_blast\t0.7\ttried\n"
    (tmp_path / "conditions" / "own.tsv").write_text(rows + "only_here\tk_death_blast\t0.7\ttried\n")
    library = Library(tmp_path)
    named, by_hand = Condition.read("irf7_knockdown"), Condition(("by hand",), ())
    own = Condition.read("irf7_knockdown", library)
    assert named != own
    assert named.with_library(library) == own
    assert by_hand.with_library(library) is by_hand
    assert (named + by_hand).with_library(library) == own + by_hand
    arm = Arm("a", LEUKEMIA, n=1, condition=("only_here",), library=library)
    study = Experiment("x", system="b6_into_balbc_wehi3b", arms=[arm], until="day 5", library=library)
    assert study.arms[0].condition == Condition.read("only_here", library)
    assert study.under("irf7_knockdown").arms[0].condition.changes == own.changes
    primary = Harvest(LEUKEMIA, at="day 3", condition=named)
    assert primary.with_library(library).condition == own


def test_a_model_may_be_given(tmp_path):
    text = Model.default().sbml
    assert experiment(model=Model(text)).model == Model.default()
    assert experiment().model is Model.default()


def test_a_system_of_another_library_is_refused(tmp_path):
    system = System.read("b6_into_balbc_wehi3b")
    with pytest.raises(InvalidValueError, match="was read from"):
        Experiment("x", system=system, arms=[Arm("a", LEUKEMIA)], until="day 5", library=library_with(tmp_path))
    own = Experiment("x", system=system, arms=[Arm("a", LEUKEMIA)], until="day 5").replace(library=Library(tmp_path))
    assert own.system.library == own.library == Library(tmp_path)
