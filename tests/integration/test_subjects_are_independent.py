"""What happens to a virtual mouse does not depend on the company it is solved in."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.engine import Status
from gvlab.errors import SolveWarning
from gvlab.experiment import Experiment
from gvlab.model.model import Model
from gvlab.simulation import simulate
from gvlab.subject import Cohort

EXPERIMENT = "mathew2018_survival"
ARM = "BM + T cells + sorafenib"


@pytest.fixture(scope="module")
def experiment():
    return Experiment.read(EXPERIMENT, "b6_into_balbc_wehi3b")


def run(experiment, cohort, engine="ensemble"):
    arm = experiment.arm(ARM)
    return simulate(
        Model.default(), cohort, arm.protocol, until=experiment.last_day, outputs=experiment.outputs(), engine=engine
    )


def assert_same_bits(one, row, other, other_row):
    for name in one.outputs:
        np.testing.assert_array_equal(one.values(name)[row], other.values(name)[other_row])
    for name in one.ends.data_vars:
        assert np.array_equal(one.final(name)[row], other.final(name)[other_row], equal_nan=True), name
    for event in one.event_ids:
        assert one.first(event)[row] == other.first(event)[other_row]
    assert one.status[row] == other.status[other_row]


@pytest.mark.parametrize("engine", ["ensemble", "roadrunner"])
def test_a_cohort_equals_its_subjects_one_at_a_time(experiment, engine):
    cohort = experiment.system.cohort(40 if engine == "ensemble" else 6, seed=3)
    together = run(experiment, cohort, engine)
    for row in (0, 3, len(cohort) - 1):
        assert_same_bits(together, row, run(experiment, cohort.select([row]), engine), 0)


def test_subjects_in_another_order_are_the_same_subjects(experiment):
    cohort = experiment.system.cohort(40, seed=3)
    order = np.random.default_rng(0).permutation(40)
    straight, shuffled = run(experiment, cohort), run(experiment, cohort.select(order))
    for place, row in enumerate(order):
        assert_same_bits(straight, row, shuffled, place)
    assert shuffled.numbers.tolist() == order.tolist()


def test_a_larger_cohort_begins_with_the_smaller(experiment):
    small, large = (experiment.run(3, subjects=n).run(ARM) for n in (5, 21))
    for row in range(5):
        assert_same_bits(small, row, large, row)


def test_arms_of_different_mice_have_different_mice_and_a_seed_gives_them_again(experiment):
    one, again, other = (experiment.run(seed) for seed in (3, 3, 4))
    numbers = [number for arm in one.arms for number in one.run(arm).numbers]
    assert len(numbers) == len(set(numbers)) == sum(arm.n for arm in experiment.arms)
    assert not one.paired
    for arm in one.arms:
        assert one.run(arm).data.identical(again.run(arm).data)
        assert not one.run(arm).data.identical(other.run(arm).data)


@pytest.mark.parametrize("engine", ["ensemble", "roadrunner"])
def test_a_subject_that_cannot_be_solved_is_named_and_spoils_no_other(experiment, engine):
    cohort = experiment.system.cohort(8, seed=3)
    volume = cohort.column("V_sorafenib").copy()
    volume[[2, 5]] = 0.0
    with pytest.warns(SolveWarning) as caught:
        # `replace` refuses a volume of 0; a cohort made of columns is believed.
        broken = run(
            experiment, Cohort({**cohort.columns, "V_sorafenib": volume}, cohort.table, cohort.numbers), engine
        )
    message = " ".join(str(warning.message) for warning in caught)
    assert "2 of 8 subjects" in message
    assert "(rows 2, 5)" in message
    assert "V_sorafenib <= 0 L" in message
    assert "The other subjects are complete." in message
    assert np.flatnonzero(~broken.ok).tolist() == [2, 5]
    assert {Status(int(code)) for code in broken.status[[2, 5]]} <= {Status.NOT_FINITE, Status.STEP_TOO_SMALL}
    whole = run(experiment, cohort, engine)
    for row in (0, 1, 3, 4, 6, 7):
        assert_same_bits(whole, row, broken, row)
