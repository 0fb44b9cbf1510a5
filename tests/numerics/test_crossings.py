"""What happens twice inside one step, and what jumps: found by every method, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.engine import Operation, Options, Status
from gvlab.engine.ensemble import engine as ensemble
from gvlab.engine.methods.tableaus import METHODS

from .conftest import equations

CIRCLE = "x = 1; y = 0; n = 0; x' = -y; y' = x;"
PULSE = """
    depot = 100; cent = 0; tox = 0; n = 0; ka = 2; ke = 0.1
    depot' = -ka*depot; cent' = ka*depot - ke*cent; tox' = piecewise(1, cent > 85.2, 0)
    high: at (cent > 85.2): n = n + 1;
"""


def last(text: str, outputs: list[str], until: float, **changes) -> np.ndarray:
    """What is read at the end, where nothing is read before it."""
    times = np.array([0.0, until])
    solution = ensemble.solve(equations(f"model m\n {text}\n end"), times, subjects=1, outputs=outputs, **changes)
    assert solution.statuses() == [Status.FINISHED]
    return solution.values[0, -1]


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_an_event_that_is_over_before_the_step_is_happens(method):
    """The cosine exceeds 0.999 on 31 more turns before day 200, each time for 0.09 of the 6.28 of a turn."""
    assert last(f"{CIRCLE} top: at (x > 0.999): n = n + 1;", ["n"], 200.0, method=method) == [31]


@pytest.mark.parametrize(
    "relation", ["x > 0.999", "0.999 <= x", "-x < -0.999", "x > 0.999 && y < 2", "x*exp(y*0) > 0.999"]
)
def test_it_happens_however_it_is_written(relation):
    assert last(f"{CIRCLE} top: at ({relation}): n = n + 1;", ["n"], 200.0) == [31]


def test_it_happens_at_loose_tolerances_and_below_the_bound_too():
    loose = Options(relative_tolerance=1e-3)
    assert last(f"{CIRCLE} low: at (x < -0.99): n = n + 1;", ["n"], 100.0, options=loose) == [16]
    assert last(f"{CIRCLE} low: at (x >= 1.5): n = n + 1;", ["n"], 100.0, options=loose) == [0]


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_time_above_a_threshold_counts_where_it_is_shorter_than_a_step(method):
    """Cent is a difference of two exponentials; it is above 85.2 for 0.31698 days."""
    found = last(PULSE, ["tox", "n"], 50.0, method=method)
    np.testing.assert_allclose(found, [0.31698, 1], atol=1e-5)


def test_the_first_of_several_changes_in_a_step_is_found():
    """x is above its bound from 0.9 on for 0.2; z passes its own bound, at 1.05, once and for all."""
    text = "x = 0; z = 0; first = 0; second = 0; x' = 2*(1 - time); z' = 1;"
    text += "a: at (x > 0.99): first = time; b: at (z > 1.05): second = time;"
    np.testing.assert_allclose(last(text, ["first", "second"], 3.0), [0.9, 1.05], atol=1e-6)


def test_subjects_that_are_searched_change_no_bit_of_others():
    levels = np.array([0.999, 0.5, 0.9999, 2.0, 0.0, -0.9, 0.99, 0.95, 1.0])
    model = equations(f"model m\n {CIRCLE} top = 1; up: at (x > top): n = n + x; end")
    asked = {"outputs": ["x", "n"]}
    times = np.array([0.0, 40.0])
    many = ensemble.solve(model, times, subjects=9, parameters={"top": levels}, **asked)
    for k, level in enumerate(levels):
        alone = ensemble.solve(model, times, subjects=1, parameters={"top": level}, **asked)
        assert np.array_equal(alone.values[0], many.values[k])


def area(f) -> float:
    """The integral from 0 to 10, by the midpoint rule."""
    times = (np.arange(1_000_000) + 0.5) * 1e-5
    return float(np.mean(f(times)) * 10)


JUMPS = {
    "floor(time)": lambda t: np.floor(t),
    "ceil(time)": lambda t: np.ceil(t),
    "floor(time*w)": lambda t: np.floor(t * 1.6),
    "floor(time/0.3)": lambda t: np.floor(t / 0.3),
    "floor(3 - 2*time)": lambda t: np.floor(3 - 2 * t),
    "rem(time, 3)": lambda t: np.fmod(t, 3),
    "quotient(time, 3)": lambda t: np.trunc(t / 3),
    "floor((time - 3*floor(time/3))/2)": lambda t: np.floor(np.fmod(t, 3) / 2),
    "piecewise(1, time - 2*floor(time/2) < 0.01, 0)": lambda t: np.fmod(t, 2) < 0.01,
    "abs(rem(time, 2) - 1)": lambda t: np.abs(np.fmod(t, 2) - 1),
    "floor(y)": lambda t: np.floor(np.exp(0.3 * t)),
    "piecewise(1, y - floor(y) > 0.5, 0)": lambda t: np.exp(0.3 * t) % 1 > 0.5,
    "floor(3*sin(time))": lambda t: np.floor(3 * np.sin(t)),
}


@pytest.mark.parametrize("method", ["auto", "rodas5p"])
def test_what_jumps_is_met_exactly(method):
    """Each formula as a rate: what comes of it is its integral."""
    rates = " ".join(f"x{k} = 0; x{k}' = {formula};" for k, formula in enumerate(JUMPS))
    found = last(f"y = 1; w = 1.6; y' = 0.3*y; {rates}", [f"x{k}" for k in range(len(JUMPS))], 10.0, method=method)
    for value, (formula, right) in zip(found, JUMPS.items(), strict=True):
        np.testing.assert_allclose(value, area(right), rtol=2e-6, atol=2e-5, err_msg=formula)


@pytest.mark.parametrize("formula", ["floor(time*w)", "floor(y)", "rem(time, 3)"])
def test_what_jumps_alone_is_met_too(formula):
    found = last(f"x = 0; y = 1; w = 1.6; y' = 0.3*y; x' = {formula};", ["x"], 10.0)
    np.testing.assert_allclose(found, area(JUMPS[formula]), rtol=2e-6, atol=2e-5)


def test_jumps_at_known_times_cost_a_step_each():
    """Every day from 7 to 8 o'clock, for ten days: two changes and a midnight a day."""
    model = equations("model m\n x = 0; x' = piecewise(10, rem(time, 24) >= 7 && rem(time, 24) <= 8, 0); end")
    solution = ensemble.solve(model, np.array([0.0, 240.0]), subjects=1, outputs=["x"])
    assert solution.values[0, -1, 0] == pytest.approx(100, abs=1e-9)
    assert solution.steps[0] < 60


def test_events_of_what_jumps_happen_at_their_time():
    text = "n = 0; at_four = 0; at_four' = 0; half: at (time - floor(time) > 0.5): n = n + 1;"
    text += "four: at (floor(time) >= 4): at_four = time;"
    np.testing.assert_allclose(last(text, ["n", "at_four"], 10.0), [10, 4])


def test_a_dose_goes_over_several_steps_of_a_staircase():
    found = last("y = 0.5; x = 0; y' = 0; x' = floor(y);", ["x"], 2.0, schedule=[Operation(1.0, "add", "y", 3.0)])
    np.testing.assert_allclose(found, [3.0])
