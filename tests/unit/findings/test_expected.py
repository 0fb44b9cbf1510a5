"""What is expected of many sets: readings, shares and curves, and what is not read."""

import dataclasses

import numpy as np
import pytest

from gvlab.engine import Status
from gvlab.errors import GVLabError, SolveError
from gvlab.experiment import Experiment
from gvlab.findings import expected
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
    assert found.curve is None
    lived, _ = follow("mathew2018_survival", "b6_into_balbc_wehi3b", "BM", LIVED, Failing(None))
    assert np.isnan(lived.curve).all()
    assert lived.curve.shape[0] == SETS
    for name in ("overall_survival", "leukemia_mortality"):
        assert np.isnan(lived.probabilities[name, 14.0]).tolist() == [True] * SETS


def test_where_nobody_lived_to_give_cells_nothing_was_unsolvable():
    class Nobody(Failing):
        def map(self, calls, **about):
            return [GVLabError("nobody lives") for _ in calls]

    found, _ = culture(Nobody(None))
    assert found.unsolved.tolist() == [0] * SETS
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


# Fates by hand: two subjects whose hazards and chances of cure are made up, on days 0, 1 and 2

HAZARDS = ("cumulative_hazard_leukemia", "cumulative_hazard_gvhd", "cumulative_hazard_other")
NAN = np.nan


@pytest.fixture
def made_up(monkeypatch):
    """Return what reads subjects with given hazards, chances of cure and readings; it has the tasks that were asked."""
    library = Library.default()
    recipe = library.read("ensembles", "mathew2018")
    experiment = Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b", library)
    place = ArmInSystem(experiment.system, experiment.arm("BM"))
    solve, tasks = expected.run_tasks, []

    def read(plan, *, hazards, sets=1, extinct=None, founders=None, events=(), times=(0.0, 1.0, 2.0), **readings):
        subjects = len(hazards[0]) // sets
        shown = dict(zip(HAZARDS, (np.array(each, dtype=float) for each in hazards), strict=True))
        for clone, chance, alive in zip(("sensitive", "mutant"), extinct or (), founders or (), strict=False):
            shown |= {f"p_extinct_{clone}": np.array(chance), f"founders_{clone}": np.array(alive)}
        shown |= {name: np.array(values) for name, values in readings.items()}

        def run(asked, **about):
            tasks.extend(asked)
            (result,) = solve(asked, **about)
            old = result.trajectories
            ids = [old.event_ids.index(name) for _, name, _ in events]
            log = [(row, event, time) for event, (row, _, time) in zip(ids, events, strict=True)]
            new = dataclasses.replace(
                old, times=np.array(times, dtype=float), readings=shown, events=np.array(log, dtype=old.events.dtype)
            )
            return [dataclasses.replace(result, trajectories=new)]

        monkeypatch.setattr(expected, "run_tasks", run)
        cures = recipe.cures if extinct else ()
        cohort = ExpectedCohort(experiment.model, recipe.causes, 1e-3, cures=cures)
        nominal = experiment.system.parameters().value("k_birth_blast")
        values = {"k_birth_blast": np.full(sets, nominal)}
        return cohort.follow(experiment.system, values, {place: plan}, subjects, 1)[place]

    read.tasks = tasks
    return read


def endpoints(*names, day=2.0, curve=False):
    return ReadoutPlan(endpoints=frozenset((name, day) for name in names), curve=curve)


DEATHS = ("leukemia_mortality", "gvhd_mortality", "non_relapse_mortality")


def test_deaths_are_shared_among_causes_by_their_hazards(made_up):
    """Of all that die on the first day 5/7 die of leukemia, whose hazard is 0.5 of 0.7; on the second 5/8."""
    hazards = ([[0, 0.5, 1.0]], [[0, 0.2, 0.2]], [[0, 0.0, 0.3]])
    found = made_up(endpoints("overall_survival", *DEATHS, curve=True), hazards=hazards)
    one, two = np.exp(-0.7), np.exp(-1.5)
    assert found.curve[0].tolist() == pytest.approx([1, one, two])
    share = {name: value[0] for (name, _), value in found.probabilities.items()}
    assert share["overall_survival"] == pytest.approx(two)
    assert share["leukemia_mortality"] == pytest.approx((1 - one) * 5 / 7 + (one - two) * 5 / 8)
    assert share["gvhd_mortality"] == pytest.approx((1 - one) * 2 / 7)
    assert share["non_relapse_mortality"] == pytest.approx((1 - one) * 2 / 7 + (one - two) * 3 / 8)
    early = made_up(endpoints("leukemia_mortality", "overall_survival", day=1.0), hazards=hazards).probabilities
    assert early["leukemia_mortality", 1.0][0] == pytest.approx((1 - one) * 5 / 7)
    assert early["overall_survival", 1.0][0] == pytest.approx(one)


def test_who_is_no_longer_followed_keeps_its_hazard_and_shares_are_means_of_subjects(made_up):
    hazards = ([[0, 0.5, 1.0], [0, 6.0, NAN]], [[0, 0, 0], [0, 0, NAN]], [[0, 0, 0], [0, 0, NAN]])
    found = made_up(endpoints("overall_survival", "leukemia_mortality", curve=True), hazards=hazards)
    alive = (np.exp(-1.0) + np.exp(-6.0)) / 2
    assert found.curve[0].tolist() == pytest.approx([1, (np.exp(-0.5) + np.exp(-6.0)) / 2, alive])
    assert found.probabilities["overall_survival", 2.0][0] == pytest.approx(alive)
    assert found.probabilities["leukemia_mortality", 2.0][0] == pytest.approx(1 - alive)
    # Nobody is at risk from the start: nobody dies, and of nothing.
    none = made_up(endpoints(*DEATHS, "overall_survival"), hazards=([[0, 0, 0]],) * 3).probabilities
    assert {name: value[0] for (name, _), value in none.items()} == {**dict.fromkeys(DEATHS, 0), "overall_survival": 1}


def test_a_subject_that_is_more_likely_dead_than_alive_is_not_read(made_up):
    """Alive are 0.549 and 0.472 of them on day 1; on day 0 everybody is."""
    hazards = ([[0, 0.6, 1.0], [0, 0.75, 1.0]], [[0, 0, 0]] * 2, [[0, 0, 0]] * 2)
    plan = ReadoutPlan(frozenset({("IL15_serum", 1.0), ("IL15_serum", 0.0)}))
    readings = made_up(plan, hazards=hazards, IL15_serum=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).readings
    np.testing.assert_array_equal(readings["IL15_serum", 1.0], [[2.0, NAN]])
    np.testing.assert_array_equal(readings["IL15_serum", 0.0], [[1.0, 4.0]])


def test_rows_are_sets_of_subjects(made_up):
    hazards = ([[0, 0, 0.1 * row] for row in range(4)], [[0, 0, 0]] * 4, [[0, 0, 0]] * 4)
    plan = ReadoutPlan(frozenset({("IL15_serum", 2.0)}), frozenset({("overall_survival", 2.0)}))
    found = made_up(plan, hazards=hazards, sets=2, IL15_serum=np.arange(12.0).reshape(4, 3))
    np.testing.assert_array_equal(found.readings["IL15_serum", 2.0], [[2, 5], [8, 11]])
    alive = np.exp(-np.array([0.0, 0.1, 0.2, 0.3]))
    assert found.probabilities["overall_survival", 2.0].tolist() == pytest.approx(alive.reshape(2, 2).mean(axis=1))
    assert found.curve is None


def test_cure_ends_the_hazard_of_leukemia_alone(made_up):
    """Half are cured on the first day, of what leukemia left, and 0.3 on the second; the others bear both hazards."""
    hazards = ([[0, 0.4, 1.0]], [[0, 0.1, 0.3]], [[0, 0, 0]])
    names = ("overall_survival", "cure", "leukemia_mortality", "gvhd_mortality")
    found = made_up(
        endpoints(*names, curve=True), hazards=hazards, extinct=([[0.0, 0.5, 0.8]], [[1.0, 1.0, 1.0]]),
        founders=([[1.0, 1.0, 1.0]], [[0.0, 0.0, 0.0]]),
    )  # fmt: skip
    cured = 0.5 * np.exp(-0.4), 0.3 * np.exp(-1.0)  # by leukemia's hazard until then
    uncured = [1, 0.5 * np.exp(-0.5), 0.2 * np.exp(-1.3)]
    alive = [1, cured[0] * np.exp(-0.1) + uncured[1], (cured[0] + cured[1]) * np.exp(-0.3) + uncured[2]]
    assert found.curve[0].tolist() == pytest.approx(alive)
    share = {name: value[0] for (name, _), value in found.probabilities.items()}
    assert share["overall_survival"] == pytest.approx(alive[2])
    assert share["cure"] == pytest.approx(cured[0] * np.exp(-0.1) + cured[1] * np.exp(-0.3))
    # Leukemia kills who is not cured, graft-versus-host disease whoever lives; a day counts by its two ends.
    leukemia = 0.4 * (uncured[0] + uncured[1]), 0.6 * (uncured[1] + uncured[2])
    gvhd = 0.1 * (alive[0] + alive[1]), 0.2 * (alive[1] + alive[2])
    died = alive[0] - alive[1], alive[1] - alive[2]
    parts = [own / (own + other) * all_of for own, other, all_of in zip(leukemia, gvhd, died, strict=True)]
    assert share["leukemia_mortality"] == pytest.approx(sum(parts))
    assert share["gvhd_mortality"] == pytest.approx(sum(died) - sum(parts))


@pytest.mark.parametrize(
    ("extinct", "founders", "cured"),
    [
        (([0.0, 0.5, 0.8], [1.0, 1.0, 1.0]), ([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]), 0.8),
        (([0.0, 0.5, 0.8], [1.0, 0.5, 0.5]), ([1.0, 1.0, 1.0], [0.0, 1.0, 1.0]), 0.4),  # both clones must be gone
        (([1.0, 1.0, 0.8], [1.0, 1.0, 1.0]), ([0.0, 0.0, 1.0], [0.0, 0.0, 0.0]), 0.8),  # nothing was there before
        (([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]), ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]), 0.0),
        (([1.0, 1.0, 0.7], [1.0, 1.0, 1.0]), ([NAN, 0.0, 2.0], [0.0, NAN, 0.0]), 0.7),
        (([0.0, 0.6, 0.4], [1.0, 1.0, 1.0]), ([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]), 0.6),  # whoever is cured stays so
        (([0.0, 0.6, 0.9], [1.0, 1.0, 1.0]), ([1.0, 1.0, 0.0], [0.0, 0.0, 0.0]), 0.9),  # the last cell has gone
        (([0.0, 0.6, NAN], [1.0, 1.0, NAN]), ([1.0, 1.0, NAN], [0.0, 0.0, NAN]), 0.6),  # no longer followed
        (([NAN, NAN, 0.6], [1.0, 1.0, 1.0]), ([NAN, NAN, 1.0], [0.0, 0.0, 0.0]), 0.6),
        (([0.0, 0.6, 1.2], [1.0, 1.0, 1.0]), ([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]), 1.0),
        (([-0.1, -0.1, -0.1], [1.0, 1.0, 1.0]), ([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]), 0.0),
    ],
)
def test_a_cure_takes_every_clone_that_was_there(made_up, extinct, founders, cured):
    """No hazard at all, so the share of the cured is the chance that every clone has died out by then."""
    found = made_up(
        endpoints("cure"), hazards=([[0, 0, 0]],) * 3, extinct=[[each] for each in extinct],
        founders=[[each] for each in founders],
    )  # fmt: skip
    assert found.probabilities["cure", 2.0][0] == pytest.approx(cured)


@pytest.mark.parametrize(("day", "share"), [(0.2, 0.0), (0.4, 0.5), (1.0, 0.5), (2.0, 0.5)])
def test_other_events_count_for_those_who_lived_to_see_them(made_up, day, share):
    """One of two has GVHD of grade II on day 0.4, and is read at the next time of reading; 0.5 lived until then."""
    grid = (0.0, day, 2.0) if day < 1 else (0.0, 0.4, day, 2.0) if day < 2 else (0.0, 0.4, 2.0)
    half = [0.0, *[np.log(2)] * (len(grid) - 1)]
    hazards = ([half, half], [[0.0] * len(grid)] * 2, [[0.0] * len(grid)] * 2)
    events = ((0, "acute_gvhd_2", 0.4),)
    found = made_up(endpoints("acute_gvhd_2_4", day=day), hazards=hazards, events=events, times=grid)
    assert found.probabilities["acute_gvhd_2_4", day][0] == pytest.approx(share * 0.5)


def test_subjects_are_followed_until_they_are_almost_surely_dead_or_cured(made_up):
    """Fewer than 7 in 1,000 live beyond the hazard at which a subject is left, and 1 in 1,000 at most is not cured."""
    flat = [[0.0, 0.0, 0.0]]
    one = ([[0.0, 0.0, 0.0]], [[1.0, 1.0, 1.0]])
    made_up(endpoints("overall_survival"), hazards=(flat,) * 3, extinct=one, founders=one)
    fates = made_up.tasks[0].cohort.columns
    for cause in ("leukemia", "gvhd", "other"):
        assert 0.006 < np.exp(-fates[f"theta_death_{cause}"][0]) < 0.007
    for clone in ("sensitive", "mutant"):
        assert 0.999 < fates[f"U_cure_{clone}"][0] < 1


@pytest.mark.parametrize(
    ("plan", "days"),
    [
        (ReadoutPlan(frozenset({("IL15_serum", 2.5)})), [0, 2.5]),
        (ReadoutPlan(endpoints=frozenset({("overall_survival", 2.5)})), [0, 1, 2, 2.5]),
        (ReadoutPlan(frozenset({("IL15_serum", 2.5)}), curve=True), [0, 1, 2, 2.5]),
        (ReadoutPlan(endpoints=frozenset({("overall_survival", 3.0)})), [0, 1, 2, 3]),
    ],
)
def test_hazards_are_added_up_over_whole_days(made_up, plan, days):
    flat = [[0.0] * len(days)]
    made_up(plan, hazards=(flat,) * 3, times=days, IL15_serum=flat)
    (task,) = made_up.tasks
    assert task.times.tolist() == days
    assert task.until == days[-1]
    assert set(HAZARDS) <= set(task.outputs)
    assert ("IL15_serum" in task.outputs) is bool(plan.readouts)
