"""What is too small to matter depends on the unit: on the compartment, and on what a state begins with or is given."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.engine import Operation, Options, Status, solve
from gvlab.engine.ensemble import engine as ensemble
from gvlab.engine.methods.tableaus import METHODS
from gvlab.engine.roadrunner import engine as roadrunner
from gvlab.errors import InvalidValueError, UnknownNameError

from .conftest import equations

PREY = """
model prey
    compartment v = {volume}; species x in v = 1; species y in v = 0.5; a = 1.3; b = 0.9; c = 0.8
    -> x; a*x*v
    x -> ; b*x*y*v
    -> y; b*x*y*v
    y -> ; c*y*v
end
"""
PREY_AT = np.array([5.0, 10.0, 20.0])
PREY_RIGHT = np.array([[0.27319889347, 0.86477670490], [0.29953535345, 2.38654917290], [0.85647637307, 0.49693884537]])
"""By libRoadRunner 2.8 (CVODE, relative 1e-12, absolute 1e-14), which has the same numbers in 1 L and in 1e-9 L."""


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("volume", [1.0, 1e-9, 1e-15])
def test_concentrations_do_not_depend_on_the_size_of_the_compartment(method, volume):
    solution = ensemble.solve(
        equations(PREY.format(volume=volume)), np.array([0.0, *PREY_AT]), subjects=1, outputs=["x", "y"], method=method
    )
    assert solution.statuses() == [Status.FINISHED]
    np.testing.assert_allclose(solution.values[0, 1:], PREY_RIGHT, rtol=5e-5)


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("start", [1e-15, 1e-30])
def test_what_begins_with_very_little_and_grows_is_right(method, start):
    model = equations(f"model m\n x = {start}; k = 1; x' = k*x*(1 - x); end")
    times = np.array([0.0, 20.0, 34.5, 60.0, 90.0])
    solution = ensemble.solve(model, times, subjects=1, outputs=["x"], method=method)
    odds = start / (1 - start) * np.exp(times)
    np.testing.assert_allclose(solution.values[0, :, 0], odds / (1 + odds), rtol=1e-4)


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("left", [3.5e-303, 5e-324])
def test_what_a_decay_has_left_of_a_state_stops_nothing(method, left):
    """A course that is carried on begins with what is left of a drug that was given long ago."""
    model = equations("model m\n depot = 0; x = 1; depot' = -40*depot; x' = 40*depot - 0.5*x; end")
    times = np.array([0.0, 0.1, 10.0])
    solution = ensemble.solve(model, times, subjects=1, outputs=["x"], parameters={"depot": left}, method=method)
    assert solution.statuses() == [Status.FINISHED]
    np.testing.assert_allclose(solution.values[0, :, 0], np.exp(-0.5 * times), rtol=1e-5)


@pytest.mark.parametrize("left", [3.5e-303, 5e-324, 1e-60])
def test_what_is_next_to_nothing_does_not_stop_libroadrunner(left):
    model = equations("model m\n depot = 0; x = 1; depot' = -40*depot; x' = 40*depot - 0.5*x; end")
    times = np.array([0.0, 0.1, 10.0])
    solution = solve(model, times, subjects=1, outputs=["x"], parameters={"depot": left}, engine="roadrunner")
    assert solution.statuses() == [Status.FINISHED]
    np.testing.assert_allclose(solution.values[0, :, 0], np.exp(-0.5 * times), rtol=1e-5)


def test_a_dose_of_very_little_is_followed_as_exactly_as_a_large_one():
    """Moles of a drug: nothing begins with any, all of it is given."""
    model = equations("model m\n d = 0; c = 0; e = 0; d' = -3*d; c' = 3*d - c; e' = c - 0.1*e; end")
    times = np.linspace(0, 10, 6)
    small, large = (
        ensemble.solve(model, times, subjects=1, outputs=["c", "e"], schedule=[Operation(1.0, "add", "d", amount)])
        for amount in (1e-12, 1.0)
    )
    np.testing.assert_allclose(small.values * 1e12, large.values, rtol=1e-5, atol=1e-9)


def test_tolerances_of_a_subject_follow_from_its_own_values():
    model = equations("model m\n compartment v = 1; species x in v = 1; k = 1; J: -> x; k*x*v*(2 - x); end")
    starts, sizes = np.array([1e-15, 1.0, 0.3, 1e-9]), np.array([1.0, 1e-12, 1.0, 1e-3])
    times = np.linspace(0.0, 30.0, 7)
    given = {"x": starts, "v": sizes}
    together = ensemble.solve(model, times, subjects=4, outputs=["x"], parameters=given)
    odds = starts[:, None] / (2 - starts[:, None]) * np.exp(2 * times)
    np.testing.assert_allclose(together.values[:, :, 0], 2 * odds / (1 + odds), rtol=1e-4)
    for row in range(4):
        alone = ensemble.solve(
            model, times, subjects=1, outputs=["x"], parameters={name: value[row] for name, value in given.items()}
        )
        np.testing.assert_array_equal(alone.values[0], together.values[row])


def test_a_scale_that_is_given_counts():
    model = equations("model m\n x = 1; x' = -x; end")
    times = np.array([0.0, 20.0])
    few, many = (
        ensemble.solve(model, times, subjects=1, outputs=["x"], options=Options(1e-3, 1e-3, scale={"x": scale}))
        for scale in (1.0, 1e-9)
    )
    assert few.steps[0] < many.steps[0]
    assert many.values[0, -1, 0] == pytest.approx(np.exp(-20.0), rel=1e-2)


@pytest.mark.parametrize("engine", ["ensemble", "roadrunner"])
def test_a_scale_of_what_is_no_state_is_answered(engine):
    model = equations("model m\n drug = 1; k = 1; drug' = -k*drug; end")
    for name in ("drugs", "k"):
        with pytest.raises(UnknownNameError, match=r"no state of the model.*drug"):
            solve(model, PREY_AT, subjects=1, outputs=["drug"], engine=engine, options=Options(scale={name: 1.0}))


@pytest.mark.parametrize("value", [0.0, -1e-6, np.nan, np.inf])
def test_tolerances_are_finite_and_above_zero(value):
    with pytest.raises(InvalidValueError, match=r"relative_tolerance is .* finite number above 0"):
        Options(relative_tolerance=value)
    with pytest.raises(InvalidValueError, match=r"absolute_tolerance is .* finite number above 0"):
        Options(absolute_tolerance=value)
    with pytest.raises(InvalidValueError, match=r'The scale of "x" is .* finite number above 0'):
        Options(scale={"x": value})
    with pytest.raises(InvalidValueError, match="max_steps is -1"):
        Options(max_steps=-1)


@pytest.mark.parametrize("volume", [1.0, 1e-9, 1e-15])
def test_the_reference_engine_does_not_depend_on_the_size_of_the_compartment_either(volume):
    solution = roadrunner.solve(
        equations(PREY.format(volume=volume)), np.array([0.0, *PREY_AT]), subjects=1, outputs=["x", "y"]
    )
    assert solution.statuses() == [Status.FINISHED]
    np.testing.assert_allclose(solution.values[0, 1:], PREY_RIGHT, rtol=1e-4)


def test_the_reference_engine_takes_boundary_species_that_it_does_not_integrate():
    text = "compartment v = 1e-9; species $s in v = 2; species x in v = 0; J: $s -> x; v*0.5*s"
    model = equations(f"model m\n {text}\n end")
    solution = roadrunner.solve(model, np.array([0.0, 3.0]), subjects=1, outputs=["x"])
    assert solution.statuses() == [Status.FINISHED]
    np.testing.assert_allclose(solution.values[0, -1], 3.0, rtol=1e-6)
