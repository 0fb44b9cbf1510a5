"""Subjects under a condition, and in every arm the same ones."""

import numpy as np
import pytest

from gvlab.errors import InvalidValueError
from gvlab.experiment import Experiment
from gvlab.model.model import Model
from gvlab.protocol import Change, Condition
from gvlab.simulation import SimulationTask, run_tasks
from gvlab.subject import System


def test_a_condition_made_by_hand_holds_to_the_bounds_as_any_value_does():
    model, cohort = Model.default(), System.read("b6_into_balbc_wehi3b").cohort(3, 1)
    name = "k_killing_cd8"
    low, high = cohort.table.bounds(name)
    for change in (Change(name, 2 * high), Change(name, -low), Change(name, 1e6, factor=True)):
        task = SimulationTask(model, cohort, condition=Condition(("mine",), (change,)), until=1)
        with pytest.raises(InvalidValueError, match=f'A condition makes "{name}" .* bounds are .*Stay within'):
            run_tasks([task])
    with pytest.raises(InvalidValueError, match="its bounds are"):
        cohort.replace({name: np.full(3, 2 * high)})
    # What a row of a library says with its reason may lie beyond them: depleted grafts have few T cells.
    beyond = Condition.read("t_cell_depleted_graft")
    lowest = cohort.table.bounds("f_engraftment_t_cell")[0]
    assert SimulationTask(model, cohort, condition=beyond, until=1).values["f_engraftment_t_cell"].max() < lowest


def test_a_subject_number_is_the_same_mouse_in_every_arm_and_whatever_their_number():
    experiment = Experiment.read("mathew2018_survival")
    many = experiment.tasks(5, subjects=40)
    first = next(iter(many.values())).cohort
    assert all(task.cohort is first for task in many.values())
    few = next(iter(experiment.tasks(5, subjects=3).values())).cohort
    own = experiment.tasks(5)
    numbers = np.concatenate([task.cohort.numbers for task in own.values()])
    assert sorted(numbers) == list(range(len(numbers)))
    for cohort in (few, *(task.cohort for task in own.values())):
        for name, column in cohort.columns.items():
            seen = cohort.numbers < 40
            np.testing.assert_array_equal(column[seen], first.columns[name][cohort.numbers[seen]], err_msg=name)
