"""Sensitivities against differences and closed forms, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.engine import Operation, Options, Status
from gvlab.engine.ensemble import engine as ensemble
from gvlab.engine.ensemble import sensitivities
from gvlab.errors import InvalidValueError, UnknownNameError

from .conftest import equations

TIMES = np.linspace(0.0, 8.0, 9)
TIGHT = Options(relative_tolerance=1e-10, absolute_tolerance=1e-12)

MODEL = """
model m
    compartment plasma = 2
    substanceOnly species depot in plasma = 0
    species drug in plasma = 0
    effect = 1
    ka = 1.5; CL = 0.8; kin = 2; EC50 = 0.7; n = 1.6
    kout = kin / 2
    share := drug^n / (EC50^n + drug^n)
    absorption: depot -> drug; ka*depot
    clearance: drug -> ; CL*drug
    effect' = kin*(1 - share) - kout*effect
end
"""
WRT = ("ka", "CL", "EC50", "n", "kin", "effect", "plasma")
DOSES = [Operation(float(day), "add", "depot", 3.0) for day in (1, 3, 6)]


@pytest.fixture(scope="module")
def model():
    return equations(MODEL)


def test_sensitivities_agree_with_differences(model):
    outputs = ("drug", "effect", "share", "clearance")
    given = {"CL": np.array([0.8, 1.3]), "n": np.array([1.6, 2.0])}
    schedule = [*DOSES, Operation(4.5, "set", "effect", 0.5)]
    exact = sensitivities.solve(
        model, TIMES, subjects=2, outputs=outputs, wrt=WRT, parameters=given, schedule=schedule, options=TIGHT
    )
    assert exact.solution.statuses() == [Status.FINISHED] * 2
    assert exact.values.shape == (2, TIMES.size, len(outputs), len(WRT))
    for k, name in enumerate(WRT):
        value = np.asarray(given.get(name, model.nominal[name])) * np.ones(2)
        step = 1e-5
        above, below = (
            ensemble.solve(
                model, TIMES, subjects=2, outputs=outputs, options=TIGHT, schedule=schedule,
                # kout follows kin through its initial assignment, and the amount follows the size of the plasma
                parameters={**given, name: value + sign * step},
            ).values
            for sign in (1, -1)
        )  # fmt: skip
        np.testing.assert_allclose(exact.values[..., k], (above - below) / (2 * step), rtol=2e-5, atol=2e-7)


def test_exponential_decay_has_a_closed_form():
    model = equations("model d\n x = 2; k = 0.3; x' = -k*x; end")
    found = sensitivities.solve(model, TIMES, subjects=1, outputs=["x"], wrt=["k", "x"], options=TIGHT)
    decay = np.exp(-0.3 * TIMES)
    np.testing.assert_allclose(found.values[0, :, 0, 0], -2 * TIMES * decay, atol=1e-8)
    np.testing.assert_allclose(found.values[0, :, 0, 1], decay, atol=1e-8)


def test_the_derivative_of_a_saturation_keeps_its_digits():
    """That of 1 - exp(-k t) by k is t exp(-k t), however small."""
    model = equations("model m\n x = 0; k = 1; x' = 1; y := 1 - exp(-k*x); end")
    rates = np.array([0.1, 5.0, 20.0, 40.0])
    found = sensitivities.solve(
        model, np.array([0.0, 1.0]), subjects=4, outputs=["y"], wrt=["k"], parameters={"k": rates}
    )
    np.testing.assert_allclose(found.values[:, -1, 0, 0], np.exp(-rates), rtol=1e-6)


def test_the_solution_beside_sensitivities_is_the_solution(model):
    plain = ensemble.solve(model, TIMES, subjects=1, outputs=["effect"], schedule=DOSES, options=TIGHT)
    beside = sensitivities.solve(
        model, TIMES, subjects=1, outputs=["effect"], wrt=["ka"], schedule=DOSES, options=TIGHT
    )
    np.testing.assert_allclose(beside.solution.values, plain.values, rtol=1e-8)


@pytest.mark.parametrize("n", [2.0, 1.5, 1.0, 0.5])
def test_a_power_of_time_has_derivatives_where_time_is_0(n):
    """The integral of (t/tau)^n is t^(n+1)/(n+1) for tau = 1."""
    model = equations("model m\n y = 0; z = 0; tau = 1; n = 2; y' = (time/tau)^n; z' = exp(-(time/tau)^n); end")
    found = sensitivities.solve(
        model, TIMES, subjects=1, outputs=["y", "z"], wrt=["n", "tau"], parameters={"n": n}, options=TIGHT
    )
    assert found.solution.statuses() == [Status.FINISHED]
    t = TIMES[1:]
    area = t ** (n + 1) / (n + 1)
    np.testing.assert_allclose(found.values[0, 1:, 0, 0], area * (np.log(t) - 1 / (n + 1)), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(found.values[0, 1:, 0, 1], -n * area, rtol=1e-8)
    assert np.all(np.isfinite(found.values))


def test_operations_without_a_derivative_are_refused(model):
    for operation, words in (
        (Operation(1.0, "set", "ka", 2.0), "no one sensitivity"),
        (Operation(1.0, "mix", "effect", 2.0, added=1.0, pool=("depot",)), "mixed"),
    ):
        with pytest.raises(InvalidValueError, match=words):
            sensitivities.solve(model, TIMES, subjects=1, outputs=["drug"], wrt=["ka"], schedule=[operation])


def test_an_unknown_name_is_answered_with_the_closest(model):
    with pytest.raises(UnknownNameError, match='Did you mean "EC50"'):
        sensitivities.solve(model, TIMES, subjects=1, outputs=["drug"], wrt=["EC5"])
