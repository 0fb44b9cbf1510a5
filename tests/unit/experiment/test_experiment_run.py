"""An experiment is run by tasks, and an arm that did not change is not simulated again."""

import warnings

import numpy as np
import pytest

from gvlab.engine import Options
from gvlab.errors import InvalidValueError, SolveError, SolveWarning
from gvlab.experiment import Experiment
from gvlab.protocol import Arm, Dose, Harvest
from gvlab.simulation import executors, tasks

pytestmark = pytest.mark.usefixtures("house_library")


def cells():
    return Dose("house_cells", "1e4 cell", at="day 0")


def drug(amount="10 mg/kg"):
    return Dose("house_drug", amount, at="day 1", every="1 day", until="day 3")


@pytest.fixture
def experiment():
    return Experiment(
        "Does the drug kill cells?",
        system="house_system",
        arms=[
            Arm("vehicle", cells(), n=4),
            Arm("drug", cells() + drug(), n=5),
            Arm("graft", Dose("house_graft", "100 cell", at="day 0", harvest=Harvest(cells(), at="day 4")), n=4),
        ],
        assays=["cell_a", "C_house"],
        until="day 6",
    )


@pytest.fixture
def solved(monkeypatch):
    """The labels of the tasks that are given to an engine."""
    found = []
    original = tasks.SimulationTask.call
    monkeypatch.setattr(
        tasks.SimulationTask, "call", lambda task, given: found.append(task.label) or original(task, given)
    )
    return found


def same(one, other):
    assert one.data.identical(other.data)
    assert one.ends.identical(other.ends)
    np.testing.assert_array_equal(one.events, other.events)
    assert one.manifest == other.manifest


@pytest.mark.parametrize("subjects", [None, 7])
def test_only_an_arm_that_changed_is_simulated_again(experiment, solved, subjects):
    first = experiment.run(3, subjects=subjects)
    assert solved == ["graft, primary recipients", "vehicle", "drug", "graft"]
    solved.clear()
    changed = experiment.replace(
        arms=[arm if arm.name != "drug" else Arm("drug", cells() + drug("20 mg/kg"), n=5) for arm in experiment.arms]
    )
    told = []
    again = changed.run(3, subjects=subjects, reuse=first, progress=told.append)
    assert solved == ["drug"]
    assert sum(told) == sum(len(run) for run in again.runs.values())
    assert again.run("vehicle") is first.run("vehicle")
    assert again.run("graft") is first.run("graft")
    fresh = changed.run(3, subjects=subjects)
    for arm in again.arms:
        same(again.run(arm), fresh.run(arm))
    assert not again.run("drug").data.identical(first.run("drug").data)


def test_an_arm_with_another_name_or_place_is_kept(experiment, solved):
    first = experiment.run(3, subjects=7)
    solved.clear()
    moved = experiment.replace(arms=[experiment.arms[1], experiment.arms[0].replace(name="control")])
    again = moved.run(3, subjects=7, reuse=first)
    assert solved == []
    assert again.arms == ("drug", "control")
    assert again.run("control") is first.run("vehicle")


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 4},
        {"subjects": 8},
        {"days": [2.5]},
        {"engine": "roadrunner"},
        {"options": Options(relative_tolerance=1e-7)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_changes_the_result_is_simulated_again(experiment, solved, change):
    first = experiment.run(3, subjects=7)
    solved.clear()
    experiment.run(**{"seed": 3, "subjects": 7, **change}, reuse=first)
    assert len(solved) == 4


def test_a_condition_another_day_or_another_agent_is_simulated_again(experiment, solved):
    first = experiment.run(3, subjects=7)
    for other in (
        experiment.under("house_slow"),
        experiment.replace(until="day 7"),
        experiment.replace(assays=["cell_b"]),
    ):
        solved.clear()
        other.run(3, subjects=7, reuse=first)
        assert len(solved) == 4


def test_a_cohort_of_ones_own_goes_through_every_arm(experiment):
    cohort = experiment.system.cohort(9, 1).replace({"k_growth_house": 0.2})
    results = experiment.run(3, cohort=cohort)
    assert results.paired
    for run in results.runs.values():
        assert run.manifest.tables["cohort"] == cohort.sha256
        assert len(run) == 9
    with pytest.raises(InvalidValueError, match="5 subjects are asked for, and a cohort of 9 is given"):
        experiment.run(3, cohort=cohort, subjects=5)


def test_options_reach_the_engine(experiment):
    manifest = experiment.run(3, subjects=2, options=Options(relative_tolerance=1e-9)).run("drug").manifest
    assert manifest.tolerances["relative_tolerance"] == 1e-9


def test_executors_give_the_same_results(experiment, monkeypatch):
    monkeypatch.setattr(executors, "SHARD", 3)
    serial, threads = (experiment.run(3, subjects=8, executor=name) for name in ("serial", "threads"))
    for arm in serial.arms:
        same(serial.run(arm), threads.run(arm))


@pytest.mark.filterwarnings("error")
def test_a_failed_subject_is_warned_of_with_the_name_of_its_arm(experiment, monkeypatch):
    original = executors.solved

    def failing(call, **how):
        solution = original(call, **how)
        solution.status[1] = 2
        return solution

    monkeypatch.setattr(executors, "solved", failing)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = experiment.run(3, subjects=7)
    words = [str(each.message) for each in caught if issubclass(each.category, SolveWarning)]
    assert [text.partition(":")[0] for text in words] == ["vehicle", "drug", "graft"]
    assert all("1 of 7 subjects stopped at the step limit" in text for text in words)
    assert not results.run("drug").ok[1]


def test_an_arm_in_which_nobody_could_be_followed_is_an_error(experiment):
    with pytest.raises(SolveError, match="None of 7 subjects could be solved"):
        experiment.replace(arms=experiment.arms[:2]).run(3, subjects=7, options=Options(max_steps=0))


def test_an_experiment_and_its_results_say_what_they_are_in_three_lines(experiment):
    assert repr(experiment) == (
        "Experiment('Does the drug kill cells?'\n  in house_system until day 6\n"
        "  arms: vehicle (n = 4), drug (n = 5), graft (n = 4))"
    )
    assert "10 mg/kg" in experiment._repr_html_()
