"""Grids of doses: each cell is what it is alone, keeps its own subjects, and synergy is found where it was put."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gvlab.assay.endpoint import endpoint_times
from gvlab.engine import Status
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment import Experiment
from gvlab.model.model import Model
from gvlab.simulation import Serial, run_tasks, simulate
from gvlab.statistics import synergy
from gvlab.subject.parameter_set import ParameterSet
from gvlab.synergy.dose_grid import Cell, GridEffect, cell_tasks, cells_of, dose_by_dose, dose_by_start
from gvlab.synergy.grid_axes import (
    DoseAxis,
    dose_axis,
    endpoint_of,
    find_dose,
    find_pair,
    start_axis,
    started_on,
    with_amount,
)

MICE = 6


@pytest.fixture(scope="module")
def survival() -> Experiment:
    return Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b")


@pytest.fixture(scope="module")
def places(survival) -> tuple[int, int]:
    arm = survival.arms[-1]
    return find_dose(survival, arm, "sorafenib"), find_dose(survival, arm, "t_cells")


def test_a_grid_equals_its_cells_one_at_a_time(survival, places):
    arm, (drug, cells_given) = survival.arms[-1], places
    doses = list(arm.protocol)
    cohort = survival.system.cohort(MICE, 3)
    cells = []
    for dose, cell in (
        (None, doses[cells_given]),
        (doses[drug], None),
        (with_amount(doses[drug], 2.5), with_amount(doses[cells_given], 2e6)),
        (started_on(doses[drug], 1.0), doses[cells_given]),
    ):
        changed = list(doses)
        changed[drug], changed[cells_given] = dose, cell
        cells.append(Cell(tuple(changed)))
    results = run_tasks(cell_tasks(survival, cells, cohort, arm, 60.0))
    for cell, result in zip(cells, results, strict=True):
        run, alone = (
            result.get(),
            simulate(Model.default(), cohort, cell.protocol, until=60.0, times=[0.0, 60.0], outputs=[]),
        )
        np.testing.assert_allclose(run.end_times, alone.end_times, rtol=1e-6)
        np.testing.assert_allclose(run.final("blast_sensitive"), alone.final("blast_sensitive"), rtol=1e-4)
        events = endpoint_times("overall_survival", run, "x")["event_observed"].to_numpy()
        assert np.array_equal(events, endpoint_times("overall_survival", alone, "x")["event_observed"])


@dataclasses.dataclass
class LosesSome:
    """Carries out calls, and lets the first subjects of one of them stop at the step limit."""

    call: int
    lost: int

    def map(self, calls, *, progress=None, cancel=None):
        outcomes = Serial().map(calls, progress=progress, cancel=cancel)
        status = outcomes[self.call].status.copy()
        status[: self.lost] = Status.STEP_LIMIT
        outcomes[self.call] = dataclasses.replace(outcomes[self.call], status=status)
        return outcomes


def small_axes(survival, places):
    doses = list(survival.arms[-1].protocol)
    return dose_axis(doses[places[0]], (0, 5, 10)), dose_axis(doses[places[1]], (0, 2.5e5, 5e5))


def test_a_cell_that_loses_subjects_keeps_the_others_and_is_named(survival, places):
    axes, arm = small_axes(survival, places), survival.arms[-1]
    options = {"subjects": 20, "seed": 1, "endpoint": "overall_survival"}
    whole = dose_by_dose(survival, arm, places, axes, **options)
    some = dose_by_dose(survival, arm, places, axes, **options, executor=LosesSome(call=5, lost=5))
    assert whole.warnings == ()
    expected = np.full((3, 3), 20)
    expected[1, 2] = 15
    assert np.array_equal(some.counted, expected)
    assert len(some.warnings) == 1
    assert some.warnings[0].startswith("5 mg/kg and 500000 cell: 5 of 20 subjects")
    assert "(rows 0, 1, 2, 3, 4)" in some.warnings[0]
    others = np.arange(9).reshape(3, 3) != 5
    assert np.array_equal(some.effect[others], whole.effect[others])
    assert some.observed[1, 2] == whole.effect[1, 2, 5:].mean()
    # The excess of the cell is that of the subjects it has; its interval is there, and so are all the others.
    table = some.synergy("hsa").table
    assert np.isfinite(table[["observed", "expected", "excess", "lower", "upper"]].to_numpy()).all()
    row = table[(table["dose_a"] == 5) & (table["dose_b"] == 5e5)].iloc[0]
    assert row["excess"] == pytest.approx(some.observed[1, 2] - max(some.observed[1, 0], some.observed[0, 2]))


def test_a_cell_without_anybody_is_named(survival, places):
    axes = small_axes(survival, places)
    with pytest.raises(InvalidValueError, match=r"Nobody could be followed through the cell of 5 mg/kg and 5000"):
        dose_by_dose(
            survival, survival.arms[-1], places, axes,
            subjects=4, seed=1, endpoint="overall_survival", executor=LosesSome(call=5, lost=4),
        )  # fmt: skip


def test_neither_agent_alone_and_both_together_cure(survival, places):
    doses = list(survival.arms[-1].protocol)
    axes = (dose_axis(doses[places[0]], (0, 5, 10)), dose_axis(doses[places[1]], (0, 2.5e5, 5e5)))
    grid = dose_by_dose(survival, survival.arms[-1], places, axes, subjects=24, endpoint="overall_survival", seed=1)
    assert grid.observed.shape == (3, 3)
    assert grid.observed[0, 0] == 0
    assert grid.observed[2, 2] > grid.observed[2, 0] + 0.2
    found = grid.synergy("bliss")
    assert found.lower > 0
    assert grid.title == "Overall survival on day 100"


def test_a_start_that_is_too_late_helps_less(survival, places):
    doses = list(survival.arms[-1].protocol)
    axes = (dose_axis(doses[places[0]], (0, 5, 10)), start_axis(doses[places[0]], (4, 14)))
    grid = dose_by_start(survival, survival.arms[-1], places, axes, subjects=24, endpoint="overall_survival", seed=1)
    assert grid.observed[2, 0] > grid.observed[2, 1]
    assert np.array_equal(grid.effect[0, 0], grid.effect[0, 1])  # no drug has no first day
    table = grid.synergy("bliss").table
    assert set(table["dose_b"]) == {4.0, 14.0}
    early = table[(table["dose_a"] == 10) & (table["dose_b"] == 4)].iloc[0]
    expected = grid.alone[2, 0].mean() + grid.base.mean() - grid.alone[2, 0].mean() * grid.base.mean()
    assert early["expected"] == pytest.approx(expected)
    with pytest.raises(InvalidValueError, match="Loewe additivity needs several doses"):
        grid.synergy("loewe")
    assert cells_of(axes) == 2 * (2 * 2 + 1)


def test_independent_agents_show_no_synergy():
    rng = np.random.default_rng(2)
    a, b = np.array([0, 0.2, 0.5]), np.array([0, 0.1, 0.6])
    share = a[:, None] + b[None, :] - a[:, None] * b[None, :]
    effect = (rng.random((3, 3, 4000)) < share[:, :, None]).astype(float)
    axis = DoseAxis("x", "mg", (0.0, 1.0, 2.0))
    found = GridEffect(axis, axis, effect, None, None, "", 1).synergy("bliss")
    assert abs(found.mean_excess) < 0.02
    assert found.lower < 0 < found.upper


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_fields_without_synergy_are_framed_in_one_map_of_twenty(share):
    doses, framed, each = np.arange(5.0), 0, 0
    alone = np.where(doses > 0, share, 0.0)
    expected = alone[:, None] + alone[None, :] - alone[:, None] * alone[None, :]
    for repeat in range(60):
        rng = np.random.default_rng([repeat, int(100 * share)])
        effect = (rng.random((5, 5, 40)) < expected[:, :, None]).astype(float)
        table = synergy(doses, doses, effect, rng, reference="bliss", resamples=200).table
        framed += bool(((table["lower_all"] > 0) | (table["upper_all"] < 0)).any())
        each += bool(((table["lower"] > 0) | (table["upper"] < 0)).any())
    assert framed <= 7  # 3 expected; more than 7 in one of fifty such tests
    assert framed < each or each == 0


def test_clear_synergy_stays_framed_after_correction():
    rng = np.random.default_rng(3)
    both = np.zeros((5, 5))
    both[1:, 1:] = 0.8
    effect = (rng.random((5, 5, 40)) < both[:, :, None]).astype(float)
    table = synergy(np.arange(5.0), np.arange(5.0), effect, rng, reference="hsa").table
    assert (table["lower_all"] > 0.3).all()


def test_a_grid_is_asked_of_a_plausible_set(survival, places):
    axes = small_axes(survival, places)
    weak = ParameterSet("weak", {"k_killing_cd8": survival.system.parameters().bounds("k_killing_cd8")[0]})
    options = {"subjects": 16, "seed": 1, "endpoint": "overall_survival"}
    nominal = dose_by_dose(survival, survival.arms[-1], places, axes, **options)
    other = dose_by_dose(survival, survival.arms[-1], places, axes, **options, parameters=weak)
    assert other.observed[2, 2] < nominal.observed[2, 2]
    assert nominal.mean_excess("bliss") == pytest.approx(nominal.synergy("bliss", resamples=2).mean_excess)


@pytest.mark.parametrize("amounts", [(1, 2, 3), (0, 5), (0, 5, 5)])
def test_doses_of_a_grid_begin_with_none_and_increase(survival, places, amounts):
    with pytest.raises(InvalidValueError, match="three or more that increase, 0 first"):
        dose_axis(list(survival.arms[-1].protocol)[places[0]], amounts)


def test_an_agent_that_the_arm_does_not_get_is_named(survival):
    with pytest.raises(UnknownNameError, match='Did you mean "sorafenib"'):
        find_dose(survival, survival.arms[-1], "sorafinib")


def test_the_two_agents_are_those_that_not_every_arm_gets(survival, places):
    assert find_pair(survival, survival.arms[-1]) == places
    assert find_pair(survival, survival.arms[-1], "t_cells", "sorafenib") == places[::-1]
    with pytest.raises(InvalidValueError, match="gets 1 agents that not every arm gets, so name the two"):
        find_pair(survival, survival.arms[1])


def test_one_agent_has_no_synergy_with_itself(survival):
    for one, other in (("sorafenib", "sorafenib"), ("t_cells", "b6_t_cells")):
        with pytest.raises(InvalidValueError, match="are the same dose of arm"):
            find_pair(survival, survival.arms[-1], one, other)


def test_an_endpoint_that_counts_the_dead_is_refused(survival):
    assert endpoint_of(survival) == "overall_survival"
    assert endpoint_of(survival, "cure") == "cure"
    gained = "complete_remission, cure, grfs, overall_survival, partial_remission, relapse_free_survival"
    with pytest.raises(InvalidValueError, match=rf"counts the dead.*Take one of: {gained}\."):
        endpoint_of(survival, "gvhd_mortality")
