"""Sensitivities across events and conditions, against closed forms and central differences."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

import numpy as np
import pytest

from gvlab.engine import Operation, Options, Status
from gvlab.engine.ensemble import engine as ensemble
from gvlab.engine.ensemble import sensitivities
from gvlab.errors import ModelError

from .conftest import equations

TIMES = np.array([0.0, 1.3, 2.7, 4.1, 5.9, 8.3])
TIGHT = Options(relative_tolerance=1e-9, absolute_tolerance=1e-12)
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

GROWTH = "x = 1; k = 0.7; c = 3; x' = k*x;"
LINE = "x = 1; k = 0.7; c = 3; d = 1.1; y = 0; x' = k; y' = x;"
JUMPS = {
    "a reset, again and again": (f"{GROWTH} E: at (x > c): x = 0.5*x + k", "x k c"),
    "a parameter that an event changes": (f"{GROWTH} E: at (x > c): k = 0.3*c", "x k c"),
    "a delay, values of the trigger": (f"{LINE} E: at d*x/c after (x > c): x = 0.5*x + y", "x k c d"),
    "a delay, values of then": (f"{LINE} E: at d*x/c after (x > c), fromTrigger=false: x = 0.5*x + y", "x k c d"),
    "a time that is a parameter": (f"{GROWTH} E: at (time >= c): x = x + c", "k c"),
    "two events by priority": (
        f"{GROWTH} y = 2; E: at (x > c), priority=1, fromTrigger=false: x = 0.5*x + y;"
        "F: at (x > c), priority=2, fromTrigger=false: y = y + x*k", "x k c y",
    ),
    "events that set each other off": (
        f"{GROWTH} y = 2; z = 0; E: at (x > c): y = 5*x; F: at (y > 4): z = k*y; G: at (z > 1): x = 0.2*x*z", "k c",
    ),
    "a trigger of two parts": (f"{GROWTH} z = 0; z' = x; E: at (x > c && z > 4): x = 0.3*x", "x k c"),
    "a trigger that comes and goes": (
        "x = 0.5; y = 0; n = 0; w = 1.3; c = 0.49; x' = -w*y; y' = w*x; E: at (x > c): n = n + x*c + time", "x w c",
    ),
    "a concentration": (
        "compartment V = 2.5; species A in V = 1; k = 0.4; c = 0.45; y = 0; A -> ; k*A*V; y' = A;"
        "E: at (A < c): A = A + k*y", "A k c V",
    ),
    "a concentration after a delay, values of the trigger": (
        "compartment V = 2.5; species A in V = 1; k = 0.4; c = 0.45; d = 0.9; y = 0; A -> ; k*A*V; y' = A;"
        "E: at d after (A < c): y = 0.1*y, A = A + k*y", "A k c V d",
    ),
    "a concentration after a delay, values of then": (
        "compartment V = 2.5; species A in V = 1; k = 0.4; c = 0.45; d = 0.9; y = 0; A -> ; k*A*V; y' = A;"
        "E: at d after (A < c), fromTrigger=false: y = 0.1*y, A = A + k*y", "A k c V d",
    ),
    "a compartment that shrinks": (
        "compartment V = 2.5; species A in V = 1; k = 0.4; c = 0.45; A -> ; k*A*V*V; E: at (A < c): V = 0.5*V + k*A",
        "A k c V",
    ),
    "a condition on a state": ("x = 1; k = 0.7; c = 3; x' = piecewise(k*x, x < c, c - 0.5)", "x k c"),
    "a condition on time": ("x = 1; k = 0.7; c = 3; x' = piecewise(k*x, time < c, -0.5*x)", "k c"),
    "a maximum": ("x = 1; k = 0.7; c = 2; x' = k*max(x, c) - 0.2*x", "x k c"),
    "a floor of time": ("x = 1; k = 0.7; c = 1.37; x' = k*floor(time/c) - 0.1*x", "k c"),
    "a pulse of a period": ("x = 1; k = 0.7; c = 1.37; x' = piecewise(k, rem(time, c) > 0.4*c, 0) - 0.1*x", "k c"),
    "a floor of a state": ("x = 1.2; k = 0.7; z = 1; z' = k*floor(x)*z; x' = k*x/(1 + x)", "x k z"),
    "a floor of a state that falls": ("x = 3.7; k = 0.7; z = 1; z' = 0.1*floor(x)*z; x' = -k*x/(1 + x)", "x k z"),
    "more conditions than bits of a word": (
        f"x = 0; k = 0.7; c = 0.05; z = 1; x' = k + {' + '.join(f'piecewise(0.02, x > {n}*c, 0)' for n in range(64))};"
        "z' = piecewise(x, x < 20*c, z); E: at (x > 30*c): z = z*k + x", "c",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", JUMPS)
def test_sensitivities_jump_as_differences_do(name):
    text, wrt = JUMPS[name][0], JUMPS[name][1].split()
    model = equations(f"model m\n {text}; end")
    schedule = [Operation(2.2, "add", "x", 0.4)] if "y = 0; x'" in text else []
    asked = {"outputs": model.states, "options": TIGHT, "schedule": schedule}
    found = sensitivities.solve(model, TIMES, subjects=1, wrt=wrt, **asked)
    assert found.solution.statuses() == [Status.FINISHED]
    assert "E:" not in text or len(found.solution.events)
    step = 1e-5
    for k, by in enumerate(wrt):
        values = model.nominal[by] + step * np.array([1.0, -1.0])
        above, below = ensemble.solve(
            model, TIMES, subjects=2, parameters={by: values}, method="rodas5p", **asked
        ).values
        np.testing.assert_allclose(found.values[0, ..., k], (above - below) / (2 * step), rtol=1e-5, atol=1e-6)


def test_a_sawtooth_has_a_closed_form():
    """x = k t - n c after n events, each at n c/k: dx/dk = t and dx/dc = -n, and time says when."""
    model = equations("model m\n x = 0; k = 1; c = 2; last = 0; x' = k; E: at (x >= c): x = 0, last = time; end")
    times, k, c = np.array([0.0, 1.0, 3.0, 7.0]), np.array([1.0, 1.7, 0.4]), 2.0
    found = sensitivities.solve(
        model, times, subjects=3, outputs=["x", "last"], wrt=["k", "c"], parameters={"k": k}, options=TIGHT
    )
    n = np.floor(k[:, None] * times / c)
    np.testing.assert_allclose(found.values[:, :, 0, 0], np.broadcast_to(times, n.shape), atol=1e-9)
    np.testing.assert_allclose(found.values[:, :, 0, 1], -n, atol=1e-9)
    np.testing.assert_allclose(found.values[:, :, 1, 0], -n * c / k[:, None] ** 2, atol=1e-9)
    np.testing.assert_allclose(found.values[:, :, 1, 1], n / k[:, None], atol=1e-9)


def test_what_a_dose_sets_off_happens_at_a_known_time():
    model = equations("model m\n x = 1; k = 0.5; c = 4; n = 0; x' = -k*x; E: at (x > c): n = x, x = c; end")
    dose = [Operation(2.0, "add", "x", 5.0)]
    found = sensitivities.solve(
        model, np.array([0.0, 3.0]), subjects=1, outputs=["x", "n"], wrt=["k", "c"], schedule=dose, options=TIGHT
    )
    decay = np.exp(-0.5)
    np.testing.assert_allclose(found.values[0, 1, 0], [-4 * decay, decay], rtol=1e-8)
    np.testing.assert_allclose(found.values[0, 1, 1], [-2 * np.exp(-1.0), 0], atol=1e-9)


@pytest.mark.parametrize("condition", ["(time - c)^2 <= 0", "(time - c)^2 > 0"])
@pytest.mark.parametrize(
    ("more", "event", "status"),
    [
        (0.0, "", Status.FINISHED),  # nothing changes there, so it does not matter when
        (1e-14, "", Status.FINISHED),
        (1e-3, "", Status.NOT_FINITE),
        (0.0, "E: at ((time - c)^2 <= 0): n = n + 1;", Status.NOT_FINITE),
    ],
)
def test_where_two_sides_only_touch_there_is_no_derivative_unless_nothing_changes(condition, more, event, status):
    """Subject 0 is looked at just when both sides are equal, since it gets a dose then; subject 1 never is."""
    rate = f"x' = piecewise(k*x, {condition}, k*x + z)"
    model = equations(f"model m\n x = 1; k = 0.7; c = 2; z = {more}; n = 0; {event} {rate}; end")
    found = sensitivities.solve(
        model, np.array([0.0, 2.0, 3.0]), subjects=2, outputs=["x"], wrt=["k", "c"], options=TIGHT,
        parameters={"c": np.array([2.0, 9.0])}, schedule=[Operation(2.0, "add", "x", 0.5)],
    )  # fmt: skip
    assert found.solution.statuses() == [status, Status.FINISHED]
    # x = exp(k t), and 0.5 exp(k (t - 2)) of the dose.
    right = 3 * np.exp(2.1) + 0.5 * np.exp(0.7)
    if more < 1e-3:
        assert found.values[1, 2, 0, 0] == pytest.approx(right, rel=1e-7)
        assert found.values[0, 2, 0, 0] == pytest.approx(right, rel=1e-7) or status is Status.NOT_FINITE


def test_a_compartment_that_an_event_resizes_around_a_rate_rule_is_refused():
    text = "model m\n compartment V = 1; species A in V = 1; V' = 0; A' = -A; E: at (A < 0.5): V = 2; end"
    with pytest.raises(ModelError, match=r'"E" changes the size of "V".*"A".*not supported'):
        sensitivities.solve(equations(text), TIMES, subjects=1, outputs=["A"], wrt=["A"])


def test_the_flagship_model_with_its_mutants_and_its_cures(monkeypatch):
    """Two mice: a mutant that lives for two days, later a cure; and a mutant that lives for a day."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    model, asked = importlib.import_module("engine_cases").request(1000, 1)
    mice = np.array([439, 481])

    def two(value):
        return value[mice] if np.ndim(value) else value

    parameters = {name: two(value) for name, value in asked["parameters"].items()}
    schedule = [
        dataclasses.replace(op, time=two(op.time), value=two(op.value), added=two(op.added)) for op in asked["schedule"]
    ]
    wrt = ("k_birth_blast", "IC50_sorafenib_flt3itd")
    common = {
        "subjects": 2, "outputs": ("blast_sensitive", "blast_mutant", "cd8_effector", "IL15_serum", "gvhd_damage"),
        "schedule": schedule, "options": TIGHT,
    }  # fmt: skip
    times = np.array([0.0, 8.0, 12.0, 20.0])
    found = sensitivities.solve(model, times, wrt=wrt, parameters=parameters, **common)
    happened = {(int(row["subject"]), model.events[row["event"]]) for row in found.solution.events}
    for mouse in (0, 1):
        assert happened >= {(mouse, "new_mutant"), (mouse, "cure_mutant")}
    assert (0, "cure_sensitive") in happened
    for k, by in enumerate(wrt):
        value = np.asarray(parameters.get(by, model.nominal[by])) * np.ones(2)
        above, below = (
            ensemble.solve(model, times, parameters={**parameters, by: value * (1 + sign)}, **common).values
            for sign in (3e-5, -3e-5)
        )
        differences = (above - below) / (6e-5 * value)[:, None, None]
        scale = np.abs(differences).max(axis=1, keepdims=True)
        scale[scale == 0] = 1.0  # a mutant that was cured at once
        np.testing.assert_allclose(found.values[..., k] / scale, differences / scale, atol=1e-5)
