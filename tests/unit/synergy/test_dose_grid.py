"""Grids of doses: one engine call gives what the cells give one at a time, and synergy is found where it was put."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.assay.endpoint import endpoint_times
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment import Experiment
from gvlab.model.model import Model
from gvlab.protocol import Protocol
from gvlab.simulation import simulate
from gvlab.synergy.dose_grid import (
    Axis,
    GridEffect,
    cells_of,
    dose_axis,
    dose_by_dose,
    dose_by_start,
    find_dose,
    follow_cells,
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
        cells.append(tuple(changed))
    run = follow_cells(cells, cohort, arm, 60.0)
    for number, cell in enumerate(cells):
        protocol = Protocol(tuple(dose for dose in cell if dose is not None))
        alone = simulate(Model.default(), cohort, protocol, until=60.0, times=[0.0, 60.0], outputs=[])
        rows = slice(number * MICE, (number + 1) * MICE)
        np.testing.assert_allclose(run.end_times[rows], alone.end_times, rtol=1e-6)
        np.testing.assert_allclose(run.final("blast_sensitive")[rows], alone.final("blast_sensitive"), rtol=1e-4)
        events = endpoint_times("overall_survival", run.select(rows), "x")["event_observed"].to_numpy()
        assert np.array_equal(events, endpoint_times("overall_survival", alone, "x")["event_observed"])


def test_neither_agent_alone_and_both_together_cure(survival, places):
    doses = list(survival.arms[-1].protocol)
    axes = (dose_axis(doses[places[0]], (0, 5, 10)), dose_axis(doses[places[1]], (0, 2.5e5, 5e5)))
    grid = dose_by_dose(survival, survival.arms[-1], places, axes, mice=24, seed=1)
    assert grid.observed.shape == (3, 3)
    assert grid.observed[0, 0] == 0
    assert grid.observed[2, 2] > grid.observed[2, 0] + 0.2
    found = grid.synergy("bliss")
    assert found.lower > 0
    assert grid.title == "Overall survival on day 100"


def test_a_start_that_is_too_late_helps_less(survival, places):
    doses = list(survival.arms[-1].protocol)
    axes = (dose_axis(doses[places[0]], (0, 5, 10)), start_axis(doses[places[0]], (4, 14)))
    grid = dose_by_start(survival, survival.arms[-1], places, axes, mice=24, seed=1)
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
    axis = Axis("x", "mg", (0.0, 1.0, 2.0))
    found = GridEffect(axis, axis, effect, None, None, "", 1).synergy("bliss")
    assert abs(found.mean_excess) < 0.02
    assert found.lower < 0 < found.upper


@pytest.mark.parametrize("amounts", [(1, 2, 3), (0, 5), (0, 5, 5)])
def test_doses_of_a_grid_begin_with_none_and_increase(survival, places, amounts):
    with pytest.raises(InvalidValueError, match="three or more that increase, 0 first"):
        dose_axis(list(survival.arms[-1].protocol)[places[0]], amounts)


def test_an_agent_that_the_arm_does_not_get_is_named(survival):
    with pytest.raises(UnknownNameError, match='Did you mean "sorafenib"'):
        find_dose(survival, survival.arms[-1], "sorafinib")
