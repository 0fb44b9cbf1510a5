"""Kendall's extinction in the model, against an exact stochastic simulation of births and deaths.

Gillespie's algorithm, all replicates at once; the clone of the model is given the same constant rates.
"""

import numpy as np
import pytest

from gvlab.engine import Operation, Options, solve
from gvlab.model.model import Model

REPLICATES = 4000
BIRTH, DEATH = 0.7, 0.9


def extinct_exactly(founders: int, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Share of replicates that have died out by each time."""
    cells = np.full(REPLICATES, founders)
    clock = np.zeros(REPLICATES)
    ended = np.full(REPLICATES, np.inf)
    running = np.arange(REPLICATES)
    while len(running):
        n = cells[running]
        clock[running] += rng.exponential(1.0, len(running)) / ((BIRTH + DEATH) * n)
        cells[running] = n + np.where(rng.random(len(running)) < BIRTH / (BIRTH + DEATH), 1, -1)
        gone = running[cells[running] == 0]
        ended[gone] = clock[gone]
        running = running[(cells[running] > 0) & (clock[running] < times[-1])]
    return (ended[:, None] <= times).mean(axis=0)


def model_clone(founders: float, times: np.ndarray, **changes: float):
    parameters = {
        "k_birth_blast": BIRTH, "k_death_blast": DEATH, "burden_max": 1e30, "on_cd8_blast": 0.0, "on_nk_blast": 0.0,
        "mu_tkd_mutation": 0.0, "k_hazard_leukemia": 0.0, "U_cure_sensitive": 2.0, "f_clonogenic_blast": 1.0,
    } | changes  # fmt: skip
    given = ("blast_sensitive", "lineages_sensitive", "founders_sensitive")
    return solve(
        Model.default().equations, times, subjects=1,
        outputs=["p_extinct_sensitive", "blast_sensitive", "lineages_sensitive", "founders_sensitive"],
        parameters=parameters, schedule=[Operation(0.0, "add", state, founders) for state in given],
        options=Options(relative_tolerance=1e-10, absolute_tolerance=1e-12), engine="roadrunner",
    )  # fmt: skip


@pytest.mark.parametrize(("founders", "horizon"), [(10, 12.0), (100, 20.0), (1000, 30.0)])
def test_extinction_probability_is_that_of_exact_simulation(founders, horizon):
    times = np.linspace(0, horizon, 7)
    exact = extinct_exactly(founders, times, np.random.default_rng(founders))
    model = model_clone(founders, times).values[0, :, 0]
    error = 4 * np.sqrt(np.maximum(model * (1 - model), 1 / REPLICATES) / REPLICATES)
    assert np.all(np.abs(model - exact) < error)
    assert np.ptp(model) > 0.5


def test_extinction_probability_is_kendalls_closed_form():
    times = np.linspace(0, 15, 31)
    r = DEATH - BIRTH
    single = DEATH * (1 - np.exp(-r * times)) / (DEATH - BIRTH * np.exp(-r * times))
    assert model_clone(20.0, times).values[0, :, 0] == pytest.approx(single**20, abs=1e-7)


def test_lineages_never_increase_and_equal_the_cells_when_nothing_is_born():
    times = np.linspace(0, 10, 41)
    growing = model_clone(50.0, times, k_birth_blast=1.2).values[0]
    assert np.all(np.diff(growing[:, 2]) <= 1e-9)
    dying = model_clone(50.0, times, k_birth_blast=0.0).values[0]
    assert dying[:, 2] == pytest.approx(dying[:, 1], rel=1e-6)


def test_the_cure_event_fires_at_the_subjects_threshold_and_once():
    times = np.linspace(0, 30, 61)
    never = model_clone(100.0, times)
    for threshold in (0.1, 0.5, 0.9):
        solution = model_clone(100.0, times, U_cure_sensitive=threshold)
        fired = solution.events[solution.events["event"] == solution.event_ids.index("cure_sensitive")]
        assert len(fired) == 1
        expected = np.interp(threshold, never.values[0, :, 0], times)
        assert fired["time"][0] == pytest.approx(expected, abs=0.05)
        assert solution.values[0, -1, 1] == 0.0


def test_a_second_dose_of_leukemia_after_cure_starts_anew():
    times = np.linspace(0, 40, 81)
    given = ("blast_sensitive", "lineages_sensitive", "founders_sensitive")
    schedule = [Operation(day, "add", state, 30.0) for day in (0.0, 30.0) for state in given]
    solution = solve(
        Model.default().equations, times, subjects=1, outputs=["founders_sensitive", "p_extinct_sensitive"],
        parameters={
            "k_birth_blast": 0.2, "k_death_blast": 2.0, "U_cure_sensitive": 0.5, "f_clonogenic_blast": 1.0,
            "on_cd8_blast": 0.0, "on_nk_blast": 0.0,
        },
        schedule=schedule, engine="roadrunner",
    )  # fmt: skip
    fired = solution.events["time"][solution.events["event"] == solution.event_ids.index("cure_sensitive")]
    assert len(fired) == 2
    assert fired[1] - 30.0 == pytest.approx(fired[0], rel=1e-3)
