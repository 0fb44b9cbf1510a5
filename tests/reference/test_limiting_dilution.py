"""Few leukemia cells take as a birth-death process says, on whatever day they are given: limiting dilution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

import gvlab
from gvlab.protocol.condition import Change, Condition

BIRTH, DEATH = 0.32, 0.2
LAST = 120.0
"""Long after every fate is sealed: lineages that live by then never die out."""
MODEL = gvlab.Model.default()
NOTHING_ELSE = Condition(
    ("a birth-death process alone",),
    (
        Change("k_birth_blast", BIRTH),
        Change("k_death_blast", DEATH),
        Change("f_engraftment_blast", 1.0),
        Change("f_clonogenic_blast", 1.0),
        Change("on_nk_blast", 0.0),
        Change("burden_max", 1e10),
        Change("burden_lethal", 5e9),
        Change("mu_tkd_mutation", 1e-9),
    ),
)


def taken(cells: float, day: int, mice: int, engine: str) -> int:
    """Return in how many mice the leukemia has not died out."""
    cohort = gvlab.System.read("balbc_into_b6_mll_ptd").cohort(mice, seed=11)
    dose = gvlab.Protocol.of(gvlab.Dose("mll_ptd_flt3itd", f"{cells} cell", at=f"day {day}"))
    run = gvlab.simulate(
        MODEL, cohort, dose, until=day + LAST, times=[day + LAST], outputs=("founders_sensitive",),
        condition=NOTHING_ELSE, engine=engine,
    )  # fmt: skip
    return int(np.sum(run.values("founders_sensitive")[:, -1] > 0))


def expected(cells: float) -> float:
    """Return the probability of Kendall's process: each founder's line dies out with probability death over birth."""
    lives = 1 - DEATH / BIRTH
    return cells * lives if cells < 1 else 1 - (1 - lives) ** cells


@pytest.mark.parametrize("day", [0, 1])
@pytest.mark.parametrize("cells", [0.1, 1, 5, 10, 20, 50])
def test_few_cells_take_as_often_as_a_birth_death_process(cells, day):
    interval = binomtest(taken(cells, day, 2000, "ensemble"), 2000).proportion_ci(0.95, method="exact")
    assert interval.low <= expected(cells) <= interval.high


@pytest.mark.parametrize("day", [0, 1])
@pytest.mark.parametrize("cells", [0.1, 1, 5])
def test_the_reference_engine_lets_few_cells_die_out_on_the_first_day_too(cells, day):
    assert taken(cells, day, 60, "roadrunner") == taken(cells, day, 60, "ensemble")


@pytest.mark.nightly
@pytest.mark.parametrize("cells", [0.1, 1, 5, 10, 20, 50])
def test_few_cells_take_as_often_in_the_reference_engine(cells):
    interval = binomtest(taken(cells, 0, 2000, "roadrunner"), 2000).proportion_ci(0.95, method="exact")
    assert interval.low <= expected(cells) <= interval.high
