"""What is expected of many sets: readings, shares and curves, and what is not read."""

import dataclasses

import numpy as np
import pytest

from gvlab.engine import Status
from gvlab.errors import SolveError
from gvlab.experiment import Experiment
from gvlab.findings.comparisons import ArmInSystem
from gvlab.findings.expected import ExpectedCohort, ReadoutPlan
from gvlab.library import Library
from gvlab.simulation import Serial

SETS, SUBJECTS = 3, 4
READ = ReadoutPlan(frozenset({("IL15_serum", 1.0)}))
LIVED = ReadoutPlan(endpoints=frozenset({("overall_survival", 14.0), ("leukemia_mortality", 14.0)}), curve=True)


class Failing(Serial):
    """Leaves some rows of every call unsolved, or all of it."""

    def __init__(self, rows):
        object.__setattr__(self, "rows", rows)

    def map(self, calls, **about):
        if self.rows is None:
            return [SolveError("nobody") for _ in calls]
        return [self._fail(each) for each in super().map(calls, **about)]

    def _fail(self, solution):
        status = solution.status.copy()
        status[self.rows] = Status.STEP_LIMIT
        return dataclasses.replace(solution, status=status)


def follow(experiment_name, system, arm, plan, executor=None):
    library = Library.default()
    recipe = library.read("ensembles", "mathew2018")
    experiment = Experiment.read(experiment_name, system, library)
    place = ArmInSystem(experiment.system, experiment.arm(arm))
    nominal = experiment.system.parameters().value("k_birth_blast")
    sets = {"k_birth_blast": nominal * np.array([0.8, 1.0, 1.2])}
    cohort = ExpectedCohort(experiment.model, recipe.causes, 1e-3, executor=executor)
    told = []
    found = cohort.follow(experiment.system, sets, {place: plan}, SUBJECTS, 1, told.append)
    return found[place], sum(told)


def culture(executor=None):
    return follow("mathew2018_axis", "culture_flt3itd", "sorafenib", READ, executor)


def test_every_subject_of_every_set_is_read():
    found, told = culture()
    readings = found.readings["IL15_serum", 1.0]
    assert readings.shape == (SETS, SUBJECTS)
    assert np.isfinite(readings).all()
    assert (found.unsolved == 0).all()
    assert found.curve is None
    assert told == SETS * SUBJECTS


def test_each_reading_is_that_of_its_own_minute():
    early, late = 0.050, 0.055
    both = ReadoutPlan(frozenset({("IL15_serum", early), ("IL15_serum", late)}))
    found, _ = follow("mathew2018_axis", "culture_flt3itd", "sorafenib", both)
    alone, _ = follow("mathew2018_axis", "culture_flt3itd", "sorafenib", ReadoutPlan(frozenset({("IL15_serum", late)})))
    np.testing.assert_allclose(found.readings["IL15_serum", late], alone.readings["IL15_serum", late], rtol=1e-3)
    # In fresh medium IL-15 rises from nothing.
    assert (found.readings["IL15_serum", late] > 1.05 * found.readings["IL15_serum", early]).all()


def test_a_set_with_a_subject_that_could_not_be_solved_is_not_read_and_is_counted():
    found, _ = culture(Failing([5, 6]))
    assert found.unsolved.tolist() == [0, 2, 0]
    readable = np.isfinite(found.readings["IL15_serum", 1.0])
    assert readable.all(axis=1).tolist() == [True, False, True]
    assert not readable[1].any()


def test_where_nobody_could_be_solved_nothing_is_read():
    found, _ = culture(Failing(None))
    assert found.unsolved.tolist() == [SUBJECTS] * SETS
    assert np.isnan(found.readings["IL15_serum", 1.0]).all()


def test_expected_deaths_add_up_to_the_curve():
    found, _ = follow("mathew2018_survival", "b6_into_balbc_wehi3b", "BM", LIVED)
    alive, leukemia = (found.probabilities[name, 14.0] for name in ("overall_survival", "leukemia_mortality"))
    np.testing.assert_allclose(found.curve[:, 14], alive, atol=1e-9)
    assert (found.curve[:, 0] == 1).all()
    assert (np.diff(found.curve, axis=1) <= 1e-12).all()
    assert ((leukemia >= 0) & (leukemia <= 1 - alive + 1e-9)).all()
    assert (np.diff(alive) <= 0).all(), "faster leukemia, fewer alive"
    failed, _ = follow("mathew2018_survival", "b6_into_balbc_wehi3b", "BM", LIVED, Failing([0]))
    assert np.isnan(failed.probabilities["overall_survival", 14.0]).tolist() == [True, False, False]
    assert np.isnan(failed.curve).all(axis=1).tolist() == [True, False, False]
    np.testing.assert_array_equal(failed.probabilities["overall_survival", 14.0][1:], alive[1:])


def test_plans_add_up():
    one, other = ReadoutPlan(frozenset({("a", 1.0)})), ReadoutPlan(endpoints=frozenset({("b", 9.0)}), curve=True)
    both = one | other
    assert both.days == {1.0, 9.0}
    assert both.last_day == 9.0
    assert both.curve
    assert not (one | one).curve
    assert ReadoutPlan().last_day == 0.0


@pytest.mark.parametrize("arms", [("vehicle", "vehicle"), ("vehicle", "sorafenib")])
def test_arms_that_do_the_same_are_one(arms):
    library = Library.default()
    experiment = Experiment.read("mathew2018_axis", "culture_flt3itd", library)
    one, other = (ArmInSystem(experiment.system, experiment.arm(name)) for name in arms)
    assert (one == other) is (arms[0] == arms[1])
    assert len({one, other}) == len(set(arms))


CURED = ("overall_survival", "cure", "leukemia_mortality", "gvhd_mortality")


def carried_and_drawn(day, k_killing, subjects, **leukemia):
    """Return what is expected of mice with T cells and sorafenib where cure is carried, and where it is drawn."""
    library = Library.default()
    recipe = library.read("ensembles", "mathew2018")
    experiment = Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b", library)
    place = ArmInSystem(experiment.system, experiment.arm("BM + T cells + sorafenib"))
    plan = ReadoutPlan(endpoints=frozenset((name, day) for name in CURED), curve=True)
    sets = {"k_killing_cd8": np.array(k_killing)}
    found = []
    for cures in (recipe.cures, ()):
        cohort = ExpectedCohort(experiment.model, recipe.causes, 1e-3, cures=cures)
        found.append(cohort.follow(experiment.system, sets, {place: plan}, subjects, 1)[place])
    return found


def test_cure_that_is_carried_is_what_many_drawn_cures_are_on_average():
    carried, drawn = carried_and_drawn(60.0, [1.0, 2.5, 5.0, 15.0], 192)
    cured = carried.probabilities["cure", 60.0]
    assert cured.min() < 0.3
    assert cured.max() > 0.7
    for name in CURED:
        np.testing.assert_allclose(carried.probabilities[name, 60.0], drawn.probabilities[name, 60.0], atol=0.025)
    np.testing.assert_allclose(carried.curve, drawn.curve, atol=0.03)


def test_what_is_cured_no_longer_dies_of_leukemia_and_everybody_lives_or_dies():
    carried, _ = carried_and_drawn(60.0, [2.5, 15.0], 8)
    share = {name: carried.probabilities[name, 60.0] for name in CURED}
    np.testing.assert_allclose(share["overall_survival"], carried.curve[:, -1])
    assert np.all(np.diff(carried.curve, axis=1) <= 1e-12)
    dead = share["leukemia_mortality"] + share["gvhd_mortality"]
    assert np.all(share["overall_survival"] + dead <= 1 + 1e-9)
    assert np.all(share["overall_survival"] + dead > 0.9)  # the rest dies of other causes
    assert np.all(share["cure"] + share["leukemia_mortality"] <= 1 + 1e-9)
