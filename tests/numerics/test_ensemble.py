"""The ensemble engine: the same bits in any company, the right order, and an end in words for every subject."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.optimize import brentq

from gvlab.engine import Operation, Options, Status
from gvlab.engine.ensemble import engine as ensemble
from gvlab.engine.ensemble.engine import Engine
from gvlab.engine.ensemble.ready import ReadyModel
from gvlab.engine.program import program
from gvlab.engine.targets.cpu import code as cpu
from gvlab.errors import CancelledError, InvalidValueError, ModelError, OutputError, UnknownNameError
from gvlab.model.model import Model
from gvlab.sbml.equations import Equations

from .conftest import equations

TIMES = np.linspace(0.0, 10.0, 21)


@pytest.fixture(scope="module")
def stiff() -> Equations:
    """Robertson's reaction with a dose target and two events; rates from 1e-2 to 1e7."""
    return equations(
        """
        model robertson
            A = 1; B = 0; C = 0; dosed = 0; seen = 0
            k1 = 0.04; k2 = 3e7; k3 = 1e4; limit = 0.2
            A -> B; k1*A
            2 B -> B + C; k2*B*B
            B + C -> A + C; k3*B*C
            dosed -> ; 3*dosed
            half: at (C > limit): seen = seen + 1, k1 = k1*0.5
            again: at (dosed > 2): seen = seen + 10
        end
        """
    )


def cohort(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"k1": 0.04 * rng.lognormal(size=count), "k3": 1e4 * rng.lognormal(size=count)}


def solve(model, values, rows=None, engine=ensemble, **changes):
    count = len(next(iter(values.values())))
    rows = np.arange(count) if rows is None else rows
    rng = np.random.default_rng(5)
    when, amount = rng.uniform(0, 9, count), rng.uniform(0, 4, count)
    schedule = [
        Operation(when[rows], "add", "dosed", amount[rows]),
        Operation(4.0, "add", "dosed", 1.5, guard="dosed < 0.5"),
        Operation(6.0, "set", "limit", 0.25),
    ]
    arguments = {
        "subjects": len(rows),
        "outputs": ["A", "B", "C", "dosed", "seen"],
        "parameters": {name: value[rows] for name, value in values.items()},
        "schedule": schedule,
    }
    return engine.solve(model, TIMES, **(arguments | changes))


def assert_same_bits(one, other, rows):
    np.testing.assert_array_equal(one.values[rows], other.values)
    np.testing.assert_array_equal(one.final[rows], other.final)
    np.testing.assert_array_equal(one.steps[rows], other.steps)
    for place, row in enumerate(rows):
        ours, theirs = one.events[one.events["subject"] == row], other.events[other.events["subject"] == place]
        np.testing.assert_array_equal(ours["event"], theirs["event"])
        np.testing.assert_array_equal(ours["time"], theirs["time"])


@pytest.mark.parametrize("method", ["rodas5p"])
def test_a_subject_has_the_same_bits_alone_and_in_any_company(stiff, method):
    values = cohort(41)
    everyone = solve(stiff, values, method=method)
    for rows in ([0], [17], [40, 3, 8], list(range(40, -1, -1)), list(range(5, 30))):
        assert_same_bits(everyone, solve(stiff, values, np.array(rows), method=method), rows)


def test_threads_that_need_the_same_code_at_once_get_one(stiff, monkeypatch):
    # Code that was made twice was gone from under the thread that had the first, and the process ended.
    made, load = [], cpu._load_or_compile

    def slowly(key, text):
        made.append(key)
        time.sleep(0.05)
        return load(key, text)

    monkeypatch.setattr(cpu, "_load_or_compile", slowly)
    model = ReadyModel(stiff, "rodas5p")
    _, outputs = model.outputs(("A", "C"))
    with ThreadPoolExecutor(4) as pool:
        addresses = set(pool.map(lambda _: outputs.address(4), range(4)))
        compiled = set(pool.map(lambda _: model.codes[0].at(4), range(4)))
    assert len(addresses) == len(compiled) == 1
    assert len(made) == 2


def test_the_number_of_threads_changes_no_bit(stiff):
    values = cohort(100)
    one, two, five = (solve(stiff, values, threads=threads) for threads in (1, 2, 5))
    assert_same_bits(one, two, list(range(100)))
    assert_same_bits(one, five, list(range(100)))


METHODS = ["dop853", "tsit5", "rodas5p"]
TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)


def test_readings_in_between_move_the_path_within_the_tolerance(stiff):
    values = {"k1": np.array([0.04])}
    few = ensemble.solve(stiff, np.array([0.0, 10.0]), subjects=1, outputs=["A"], parameters=values)
    many = ensemble.solve(stiff, np.linspace(0, 10, 333), subjects=1, outputs=["A"], parameters=values)
    np.testing.assert_allclose(few.values[0, -1, 0], many.values[0, -1, 0], rtol=1e-6)
    assert few.steps[0] < 332 <= many.steps[0]  # a reading is the end of a step


@pytest.mark.parametrize("method", ["auto", "rodas5p"])
def test_what_follows_a_formula_of_time_fast_is_read_as_exactly_as_all_else(method):
    """Inside the long steps that such a model allows, what is interpolated would be several percent off."""
    model = equations("model m\n x = 1; k = 1e6; x' = k*(cos(time) - x); end")
    times = np.linspace(0, 5, 26)
    solution = ensemble.solve(model, times, subjects=1, outputs=["x"], method=method)
    np.testing.assert_allclose(solution.values[0, :, 0], np.cos(times - 1e-6), atol=1e-6)


@pytest.mark.parametrize(("method", "order"), [("rodas5p", 5), ("tsit5", 5), ("dop853", 8)])
def test_the_error_falls_with_the_power_of_the_step_that_is_the_order(method, order):
    """An oscillator driven in time, read at a few times only."""
    model = equations("model m\n x = 0; v = 1; x' = v; v' = -x + sin(time)*0.1; end")
    times = np.linspace(0, 60, 7)
    exact = [1.05 * np.sin(times) - 0.05 * times * np.cos(times), np.cos(times) + 0.05 * times * np.sin(times)]
    errors, steps = [], []
    for tolerance in TOLERANCES:
        options = Options(relative_tolerance=tolerance, absolute_tolerance=tolerance)
        solution = ensemble.solve(model, times, subjects=1, outputs=["x", "v"], options=options, method=method)
        errors.append(np.linalg.norm(solution.values[0].T - exact, axis=0).max())
        steps.append(solution.steps[0])
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    # An error near the tolerance of each step falls a little faster than the steps alone tell.
    assert order < slope < order + 0.8
    assert errors[-1] < 1e-11


@pytest.mark.parametrize("method", METHODS)
def test_an_event_is_found_inside_a_step_to_the_tolerance(method):
    model = equations("model m\n x = 0; v = 1; x' = v; v' = -x + sin(time)*0.1; up: at (x > 0.7): v = v; end")
    crossing = brentq(lambda t: 1.05 * np.sin(t) - 0.05 * t * np.cos(t) - 0.7, 0.0, 1.5, xtol=1e-15)
    for tolerance in TOLERANCES:
        options = Options(relative_tolerance=tolerance, absolute_tolerance=tolerance)
        solution = ensemble.solve(
            model, np.array([0.0, 1.5]), subjects=1, outputs=["x"], options=options, method=method
        )
        assert solution.events["time"] == pytest.approx(crossing, abs=10 * tolerance)


def test_all_methods_agree():
    model = equations("model m\n x = 1; y = 2; k = 0.7; x' = y - k*x; y' = -x*y; E: at (x > 1.2): k = 3; end")
    options = Options(relative_tolerance=1e-10, absolute_tolerance=1e-12)
    one, *others = (
        ensemble.solve(model, TIMES, subjects=1, outputs=["x", "y"], options=options, method=method)
        for method in ("rodas5p", "tsit5", "dop853", "auto")
    )
    for other in others:
        np.testing.assert_allclose(one.values, other.values, atol=1e-9)
        np.testing.assert_allclose(one.events["time"], other.events["time"], atol=1e-9)


def test_a_condition_on_time_inside_a_rate_is_met_exactly():
    """An infusion from day 1/3 to day 2: a step across its ends would average two inputs."""
    model = equations(
        "model m\n x = 0; first = 1/3; x' = piecewise(1, time >= first && time < 2, 0) - 0; end".replace(" - 0", "")
    )
    solution = ensemble.solve(model, TIMES, subjects=1, outputs=["x"])
    np.testing.assert_allclose(solution.values[0, :, 0], np.clip(TIMES - 1 / 3, 0, 5 / 3), atol=1e-12)


def test_a_condition_on_a_state_inside_a_rate_is_met_exactly():
    model = equations("model m\n x = 0; y = 0; x' = 1; y' = piecewise(0, x < 2.5, 4); end")
    solution = ensemble.solve(model, TIMES, subjects=1, outputs=["y"])
    np.testing.assert_allclose(solution.values[0, :, 0], 4 * np.clip(TIMES - 2.5, 0, None), atol=1e-10)


def test_a_pulse_between_two_readings_is_not_stepped_over():
    model = equations(
        "model m\n n = 0; A: at (time > 3.01 && time < 3.02): n = n + 1; B: at (sin(40*time) > 0.999): n = n + 100; end"
    )
    solution = ensemble.solve(model, np.array([0.0, 1.0, 5.0]), subjects=1, outputs=["n"])
    peaks = int(np.floor((40 * 5 - np.pi / 2) / (2 * np.pi))) + 1
    assert solution.values[0, -1, 0] == 1 + 100 * peaks


def test_an_event_is_found_to_the_last_bit_of_time():
    model = equations("model m\n x = 0; x' = 1; t_at = 0; t_above = 0; A: at (time >= 3): t_at = time; end")
    solution = ensemble.solve(model, np.array([0.0, 10.0]), subjects=1, outputs=["t_at"])
    assert solution.values[0, -1, 0] == 3.0


def test_a_step_limit_is_a_status_and_the_neighbors_go_on(stiff):
    values = cohort(9)
    free = solve(stiff, values, method="rodas5p")
    limited = solve(stiff, values, method="rodas5p", options=Options(max_steps=8))
    assert Status.STEP_LIMIT in limited.statuses()
    assert "raise max_steps" in Status.STEP_LIMIT.remedy
    for row, status in enumerate(limited.statuses()):
        if status is Status.FINISHED:
            np.testing.assert_array_equal(limited.values[row], free.values[row])
        else:
            assert np.all(np.isfinite(limited.values[row, limited.end_times[row] >= TIMES]))
            assert np.all(np.isnan(limited.values[row, limited.end_times[row] < TIMES]))


RELAXATION = "model m\n x = 0; c = 1; s = 0; k = 1; c' = -s; s' = c; x' = k*(c - x); end"
"""What follows an oscillator: stiff where k is large."""


def relaxation(rates, method="auto", **more):
    rates = np.array(rates)
    given = {"subjects": rates.size, "outputs": ["x"], "parameters": {"k": rates}} | more
    return ensemble.solve(equations(RELAXATION), TIMES, method=method, **given)


def test_a_stiff_subject_is_handed_over_and_the_others_are_not():
    rates = np.array([0.5, 1e6, 3.0, 2e4])
    explicit, both, implicit = (relaxation(rates, method) for method in ("dop853", "auto", "rodas5p"))
    k = rates[:, None]
    exact = (k**2 * np.cos(TIMES) + k * np.sin(TIMES) - k**2 * np.exp(-k * TIMES)) / (1 + k**2)
    np.testing.assert_allclose(both.values[:, :, 0], exact, atol=1e-5)
    mild, hard = [0, 2], [1, 3]
    np.testing.assert_array_equal(both.values[mild], explicit.values[mild])
    np.testing.assert_array_equal(both.steps[mild], explicit.steps[mild])
    assert np.all(both.steps[hard] < 0.02 * explicit.steps[hard])
    assert np.all(both.steps[hard] < implicit.steps[hard] + 300)


def test_when_a_subject_is_handed_over_does_not_depend_on_its_company():
    rates = np.geomspace(0.1, 1e5, 19)
    together = relaxation(rates)
    for row, rate in enumerate(rates):
        alone = relaxation([rate])
        np.testing.assert_array_equal(alone.values[0], together.values[row])
        assert alone.steps[0] == together.steps[row]


def test_an_attempt_that_goes_astray_does_not_shorten_later_steps():
    """A large dose after a small one: the first attempt is far too long, and what its stages show is not the model."""
    model = equations("model m\n z = 0; x = 0; z' = 1 - z; x' = -x*x; end")
    doses = [Operation(1.0, "add", "x", 1.0), Operation(5.0, "add", "x", 1e5)]
    explicit, both, implicit = (
        ensemble.solve(model, TIMES, subjects=1, outputs=["x"], schedule=doses, method=method)
        for method in ("dop853", "auto", "rodas5p")
    )
    assert explicit.statuses() == [Status.FINISHED]
    np.testing.assert_array_equal(both.values, explicit.values)  # nothing was stiff
    np.testing.assert_allclose(both.values[0, -1, 0], 1.0 / (5.0 + 1e-5), rtol=1e-5)
    assert both.steps[0] < 1.5 * implicit.steps[0]


def followed(model, outputs, relative, **more):
    """Give the largest relative error of what is read."""
    loose, tight = (
        ensemble.solve(model, outputs=outputs, subjects=1, options=Options(tolerance, tolerance * 1e-3), **more).values
        for tolerance in (relative, 1e-11)
    )
    return np.max(np.abs(loose / tight - 1.0))


@pytest.mark.parametrize(("growth", "start"), [(2.0, 10.0), (4.0, 14.0)])
def test_a_step_that_grows_beyond_the_reach_of_the_explicit_method_is_not_believed(growth, start):
    """What is consumed by cells that multiply has a rate that outgrows the step; the higher estimate misses it."""
    model = equations(
        f"model m\n x = 1; n = 0.05; n' = {growth}*n*(1 - n/30); x' = {start}*(1 - 0.9*x) - n*x; end",
    )
    grids = (np.unique([0.0, *(np.arange(4.0) + shift)]) for shift in np.linspace(0.0, 0.9, 10))
    assert max(followed(model, ["x"], 1e-6, times=times, method="dop853") for times in grids) < 5e-6


@pytest.mark.parametrize(("rate", "tolerance"), [(30.0, 1e-6), (20.0, 1e-5), (14.0, 1e-4)])
def test_what_swings_out_again_and_again_is_handed_over(rate, tolerance):
    """Every other attempt would fail for it, and the short step after each would hide that the model is stiff."""
    model = equations(
        f"model m\n x = 1; y = 0; v = 1; g = 1; g' = 0.0005; x' = -{rate}*g*(x - y); y' = v; v' = -y; end"
    )
    both, implicit = (
        ensemble.solve(
            model, np.array([0.0, 100.0, 200.0]), subjects=1, outputs=["x"], method=method,
            options=Options(tolerance, tolerance * 1e-3),
        )
        for method in ("auto", "rodas5p")
    )  # fmt: skip
    assert both.steps[0] < 1.4 * implicit.steps[0]


def test_an_event_of_a_model_at_rest_finds_it_at_rest():
    """At rest steps are far longer than is stable; inside them what is interpolated may be anywhere."""
    model = equations(
        """model m
        x = 0.3; u = 2; z = 0; level = 5; seen = 0
        x' = 60*(1 - x*u/2); u' = 8*(2 - u*x); z' = 0.5 + 0.1*z
        at (z > level): seen = x
        end"""
    )
    levels = {"level": np.linspace(2.0, 25.0, 200)}
    loose, tight = (
        ensemble.solve(
            model, np.array([0.0, 60.0]), subjects=200, outputs=["seen"], parameters=levels, options=options,
            method=method,
        )
        for options, method in ((Options(1e-3, 1e-6), "dop853"), (Options(1e-11, 1e-13), "rodas5p"))
    )  # fmt: skip
    np.testing.assert_allclose(loose.values[:, -1], tight.values[:, -1], atol=2e-3)


def test_what_sets_in_at_once_with_a_dose_is_as_exact_as_the_rest():
    """A drug that reaches its half-maximal effect within a minute."""
    model = equations(
        """model m
        d = 0; c = 0; f = 1; x = 1
        d' = -30*d; c' = 30*d - 6*c; f' = 48*(1/(1 + c/0.01) - f); x' = 4*(1 - f)*x - x
        end"""
    )
    doses = [Operation(float(day), "add", "d", 1.0) for day in range(10)]
    times = np.array([0.0, *(np.arange(10.0) + 0.25)])
    assert followed(model, ["x"], 1e-3, times=times, schedule=doses, method="dop853") < 6e-6


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("amount", [25.0, 35.0])
def test_a_step_that_ends_very_far_away_is_not_taken(method, amount):
    """An attempt that is far too long ends at -1e31, where any error would look small. With u = exp(-x), u' = 1 - u."""
    model = equations("model m\n x = 0; y = 1; x' = 1 - y*exp(x); y' = 1 - y; end")
    doses = [Operation(1.0, "add", "x", 1.0), Operation(5.0, "add", "x", amount)]
    solution = ensemble.solve(model, TIMES, subjects=1, outputs=["x"], schedule=doses, method=method)
    if amount == 35.0 and method in ("tsit5", "rodas5p") and solution.statuses() == [Status.STEP_TOO_SMALL]:
        return  # at day 5 the smallest difference of times is too long a step for a rate of exp(35)
    assert solution.statuses() == [Status.FINISHED]
    np.testing.assert_allclose(solution.values[0, -1, 0], -np.log1p(-np.exp(-5.0)), atol=1e-5)


def test_a_stiff_subject_with_doses_and_events_is_the_same_in_any_company():
    model = equations("""model m
        x = 0; c = 1; s = 0; k = 1; d = 0; n = 0; w = 3; seen = 0
        c' = -w*s; s' = w*c; x' = k*(c - x) + piecewise(0.2, d > 0.5, 0); d' = -2*d
        up: at (c > 0.5): n = n + 1
        late: at 0.13 after (s > 0.3): seen = seen + d
        many: at (n > 14.5): k = k*1.0
    end""")
    count = 24
    rng = np.random.default_rng(0)
    rates, fast = 10 ** rng.uniform(-1, 6, count), rng.uniform(0.5, 12, count)
    when, amount = rng.uniform(0, 9, count), rng.uniform(0, 4, count)

    def run(rows, method="auto", **more):
        doses = [
            Operation(when[rows], "add", "d", amount[rows]),
            Operation(4.0, "add", "d", 1.5, guard="d < 0.5"),
            Operation(6.0, "set", "w", 0.7 * fast[rows]),
        ]
        given = {"k": rates[rows], "w": fast[rows]}
        return ensemble.solve(
            model, TIMES, subjects=len(rows), outputs=["x", "n", "seen"], parameters=given, schedule=doses,
            stop=["many"], method=method, **more,
        )  # fmt: skip

    rows = np.arange(count)
    together, tight = run(rows), run(rows, "rodas5p", options=Options(1e-10, 1e-12))
    for some in (rows[::-1], rows[5:14], *rows[::5, None]):
        part = run(some, threads=2)
        np.testing.assert_array_equal(part.values, together.values[some])
        np.testing.assert_array_equal(part.steps, together.steps[some])
    np.testing.assert_array_equal(together.status, tight.status)
    np.testing.assert_array_equal(together.events[["subject", "event"]], tight.events[["subject", "event"]])
    np.testing.assert_allclose(together.values, tight.values, atol=2e-5)


def test_a_reading_at_the_time_of_a_delayed_event_comes_after_it():
    model = equations("model m\n y = 0; x = 0; y' = 1; E: at 1 after (time >= 1): x = 5; end")
    for times, expected in (([0.0, 1.0, 2.0, 3.0], [0.0, 0.0, 5.0, 5.0]), ([0.0, 1.0, 2.0], [0.0, 0.0, 5.0])):
        told = []
        solution = ensemble.solve(model, np.array(times), subjects=2, outputs=["x"], progress=told.append)
        np.testing.assert_array_equal(solution.values[:, :, 0], [expected] * 2)
        assert solution.statuses() == [Status.FINISHED] * 2
        assert solution.events["time"].tolist() == [2.0, 2.0]
        assert sum(told) == 2


def test_what_an_explicit_method_cannot_finish_is_handed_over():
    """Between readings two hundred steps are enough for the implicit method, and not for the explicit one."""
    options = Options(max_steps=200)
    assert relaxation([1e4], "dop853", options=options).statuses() == [Status.STEP_LIMIT]
    assert relaxation([1e4], options=options).statuses() == [Status.FINISHED]


def test_what_grows_beyond_all_bounds_ends_there_with_a_status():
    model = equations("model m\n x = 1; x0 = 1; x' = x*x; end")
    solution = ensemble.solve(model, TIMES, subjects=2, outputs=["x"], parameters={"x": np.array([1.0, 0.01])})
    assert solution.statuses()[0] in (Status.STEP_TOO_SMALL, Status.NOT_FINITE)
    assert solution.end_times[0] == pytest.approx(1.0, abs=1e-6)
    assert solution.statuses()[1] is Status.FINISHED
    assert solution.values[1, -1, 0] == pytest.approx(0.01 / 0.9, rel=1e-5)


def test_events_without_end_are_a_status():
    model = equations("model m\n x = 0; A: at (x > 0.5): x = 0; B: at (x < 0.5), t0=false: x = 1; end")
    solution = ensemble.solve(model, TIMES, subjects=1, outputs=["x"])
    assert solution.statuses() == [Status.EVENT_LOOP]
    assert "triggers" in Status.EVENT_LOOP.remedy


def test_an_undefined_output_is_a_status():
    model = equations("model m\n x = 1; x' = -1; y := log(x); end")
    solution = ensemble.solve(model, TIMES, subjects=1, outputs=["y"])
    assert solution.statuses() == [Status.NOT_FINITE]


def test_an_unknown_method_is_answered_with_the_known_ones(house):
    with pytest.raises(UnknownNameError, match='Did you mean "tsit5"'):
        ensemble.solve(house, TIMES, subjects=1, outputs=["cells"], method="tsit")


def test_who_waits_for_a_compiler_need_not(monkeypatch, tmp_path):
    """The compiler ends when it likes, and what it made is used."""
    monkeypatch.setenv("GVLAB_CACHE", str(tmp_path))
    model = equations("model slow_to_compile\n x = 1; x' = -0.37*x; end")
    go_on, compilations, own = threading.Event(), [], cpu._compile

    def slow(text):
        compilations.append(go_on.wait(60))
        return own(text)

    monkeypatch.setattr(cpu, "_compile", slow)
    engine = Engine()
    asked = {"subjects": 1, "outputs": ["x"]}
    with pytest.raises(CancelledError, match="0 of 1 subjects were done"):
        engine.solve(model, np.array([0.0, 1.0]), **asked, cancel=lambda: True)
    assert compilations == []
    go_on.set()
    found = engine.solve(model, np.array([0.0, 1.0]), **asked, cancel=lambda: False)
    assert found.values[0, -1, 0] == pytest.approx(np.exp(-0.37), rel=1e-5)
    assert compilations == [True, True]  # the loop and the outputs, once each


def test_an_interrupted_solve_ends(stiff, monkeypatch):
    def interrupt(_finished: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(
            stiff, cohort(64), options=Options(relative_tolerance=1e-12, absolute_tolerance=1e-14), progress=interrupt
        )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "rate", ["-x*piecewise(1, time < 0.5, 2)", "-abs(x)*x", "-max(x, 1)", "1 - x*piecewise(2, x < 0.5, 3)", "-(x/2)^p"]
)
def test_a_choice_between_constants_is_compiled_for_a_single_subject(method, rate):
    """Which of two numbers is taken must not need an address of 32 bits."""
    model = equations(f"model m\n x = 1; p = 3; x' = {rate}; end")
    alone = Engine(widths=(1,)).solve(model, TIMES[:3], subjects=1, outputs=["x"], method=method)
    beside = Engine(widths=(8,)).solve(model, TIMES[:3], subjects=9, outputs=["x"], method=method)
    np.testing.assert_array_equal(beside.values, np.repeat(alone.values, 9, axis=0))


@pytest.mark.parametrize("method", METHODS)
def test_readings_between_rounded_times_and_doses_of_others_change_no_bit(method):
    """t + (end - t) need not be end: the slopes of a neighbor must not be taken at another time."""
    model = equations("model m\n x = 0; a = 1; x' = a*cos(3*time) - 0.05*x; end")
    random = np.random.default_rng(0)
    gain, options = np.linspace(0.5, 2, 16), Options(relative_tolerance=1e-2, absolute_tolerance=1e-2)
    pairs = random.uniform((0.5, 1.85), (0.8, 1.99), (400, 2))
    pairs = pairs[pairs[:, 0] + (pairs[:, 1] - pairs[:, 0]) != pairs[:, 1]]
    assert len(pairs) > 20
    for first, second in pairs[:20]:
        when = np.where(np.arange(16) % 2, second, np.inf)

        def run(rows, when=when, times=(0.0, first, second, 5.0)):
            dose = Operation(when[rows], "add", "x", np.full(len(when[rows]), 1e-12))
            return ensemble.solve(
                model, np.array(times), subjects=len(when[rows]), outputs=["x"], parameters={"a": gain[rows]},
                schedule=[dose], options=options, method=method, threads=1,
            )  # fmt: skip

        np.testing.assert_array_equal(run(slice(None)).values[::2], run(slice(0, 16, 2)).values)


@pytest.mark.parametrize("method", METHODS)
def test_a_reading_just_after_a_dose_does_not_shorten_the_steps_after_the_next(method):
    model = equations("model m\n x = 0; y = 0; x' = -x; y' = x - 0.3*y; end")
    doses = [Operation(0.1 * k, "add", "x", 1.0) for k in range(1, 200)]
    plain, close = (
        ensemble.solve(model, np.array(times), subjects=1, outputs=["y"], schedule=doses, method=method)
        for times in ([0.0, 21.0], [0.0, np.nextafter(0.1 * 3, 1), 21.0])
    )
    assert close.steps[0] < 1.05 * plain.steps[0]


def test_readings_can_go_to_a_file_as_they_come(stiff, tmp_path):
    values = cohort(40)
    kept, mapped = solve(stiff, values), solve(stiff, values, into=tmp_path / "readings.npy")
    np.testing.assert_array_equal(kept.values, mapped.values)
    np.testing.assert_array_equal(kept.values, np.load(tmp_path / "readings.npy", mmap_mode="r"))


def test_a_file_of_readings_is_there_whole_or_not_at_all(stiff, tmp_path):
    def interrupt(_finished: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(stiff, cohort(64), into=tmp_path / "readings.npy", progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InvalidValueError, match=r'ends in ".npy"'):
        solve(stiff, cohort(1), into=tmp_path / "readings.csv")
    with pytest.raises(OutputError, match="nowhere"):
        solve(stiff, cohort(1), into=tmp_path / "nowhere" / "readings.npy")


@pytest.fixture(scope="module")
def crowded() -> Equations:
    """Thirty states, each of which depends on all others."""
    count = 30
    states = "; ".join(f"x{i} = {1 + 0.1 * i}" for i in range(count))
    rates = "\n".join(
        f"x{i}' = -k*x{i}" + "".join(f" + {0.1 + 0.01 * ((i * j) % 7)}*x{j}/(1 + x{i})" for j in range(count) if j != i)
        for i in range(count)
    )
    return equations(f"model crowded\n k = 5; {states}\n{rates}\nend")


def test_a_model_in_which_all_depends_on_all_is_solved(crowded):
    options = Options(relative_tolerance=1e-9, absolute_tolerance=1e-11)
    arguments = {"subjects": 2, "outputs": crowded.states, "parameters": {"k": np.array([5.0, 8.0])}}
    one, *others = (ensemble.solve(crowded, TIMES, **arguments, options=options, method=method) for method in METHODS)
    assert one.statuses() == [Status.FINISHED] * 2
    for other in others:
        np.testing.assert_allclose(one.values, other.values, rtol=1e-7, atol=1e-9)


def test_a_model_too_large_to_compile_is_refused(crowded, monkeypatch):
    monkeypatch.setattr(program, "MOST_TERMS", 1000)
    with pytest.raises(ModelError, match="not supported by this engine"):
        program.build(crowded)


def test_a_ratio_of_two_numbers_that_have_all_but_vanished_does_not_end_a_subject():
    model = equations("model m\n a = 1; b = 2; c = 1; a' = -9*a; b' = -9*b; c' = 1 - c*a/(a + b); end")
    solution = ensemble.solve(model, np.array([0.0, 70.0, 84.0]), subjects=1, outputs=["c"])
    assert solution.statuses() == [Status.FINISHED]
    np.testing.assert_allclose(solution.values[0, 1:, 0], 3.0, rtol=1e-6)


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_the_width_of_vectors_changes_no_bit(stiff, method):
    values = cohort(9)
    options = Options(relative_tolerance=1e-4, max_steps=20_000)
    engines = [Engine(widths=(width,)) for width in (8, 4, 2, 1)]
    solutions = [solve(stiff, values, engine=engine, method=method, options=options) for engine in engines]
    for solution in solutions[1:]:
        assert_same_bits(solutions[0], solution, list(range(9)))


def test_the_flagship_model_has_the_same_bits_in_vectors_of_every_width():
    model = Model.default().equations
    times = np.linspace(0.0, 3.0, 7)
    outputs = (*model.states, *model.assigned)
    engines = [Engine(widths=(width,)) for width in cpu.WIDTHS]
    solutions = [engine.solve(model, times, subjects=3, outputs=outputs) for engine in engines]
    for solution in solutions[1:]:
        assert_same_bits(solutions[0], solution, [0, 1, 2])


def test_few_subjects_have_narrow_vectors_and_the_last_of_many_what_is_there(stiff, monkeypatch, tmp_path):
    monkeypatch.setenv("GVLAB_CACHE", str(tmp_path))
    engine, widths = Engine(), []
    at = cpu.Code.at
    monkeypatch.setattr(cpu.Code, "at", lambda code, width: widths.append(width) or at(code, width))

    def used(count):
        widths.clear()
        solve(stiff, cohort(20), rows=np.arange(count), engine=engine)
        return set(widths)

    assert used(20) == {8}
    assert used(1) == {1}
    assert used(3) == {1, 4}
    assert used(20) == {1, 4, 8}


@pytest.fixture(scope="module")
def eventful() -> Equations:
    """Events that set each other off: at the start, at one another's time, and by a dose held to a guard.

    When `born` happens, the trigger of `extinct` is evaluated where x^n, for a small n, is at its steepest.
    """
    return equations(
        """
        model eventful
            grown = 0; lineages = 0; founders = 0; seeded = 0; fed = 0; eaten = 0; ended = 0; began = 0; threshold = 1
            rate = 1; share = 0.0216; chance = 0.3; epsilon = 1e-15; var born_at = -1
            grown' = rate
            lineages' = -0.5*lineages
            fed' = -fed
            p_extinct := (1 - min(1, lineages/(founders + epsilon)))^founders
            extinct: at (founders > 0 && p_extinct >= chance): ended = ended + 1, founders = 0, lineages = 0
            born: at (grown >= threshold): lineages = lineages + share, founders = founders + share, born_at = time
            start: at (rate > 0), t0=false: began = began + 1
            eat: at (fed > 1): eaten = eaten + 1
            digest: at (eaten > 0.5): rate = rate*0.5
        end
        """
    )


def eventful_solve(model, rows, engine=ensemble):
    rng = np.random.default_rng(11)
    share = 0.0216 * rng.lognormal(sigma=0.3, size=41)
    # Half of the subjects are born on the same day; the others each on their own.
    threshold = np.where(np.arange(41) % 2, 1.0, rng.uniform(0.5, 5.0, 41))
    return engine.solve(
        model,
        TIMES,
        subjects=len(rows),
        outputs=["grown", "lineages", "founders", "ended", "eaten", "began", "p_extinct"],
        parameters={"share": share[rows], "threshold": threshold[rows], "chance": rng.uniform(0.1, 0.6, 41)[rows]},
        schedule=[Operation(2.0, "add", "fed", 1.5, guard="eaten < 0.5")],
    )


@pytest.mark.parametrize("widths", [cpu.WIDTHS, (1,), (4,), (8,)])
def test_what_sets_off_an_event_does_not_depend_on_the_company(eventful, widths):
    engine = Engine(widths=widths)
    alone = [eventful_solve(eventful, np.array([row]), engine) for row in range(41)]
    everyone = np.arange(41)
    for rows in (everyone, np.random.default_rng(0).permutation(41), everyone[:17], everyone[40:20:-1]):
        together = eventful_solve(eventful, rows, engine)
        for place, row in enumerate(rows.tolist()):
            assert_same_bits(together, alone[row], [place])


def test_every_subject_hears_of_the_events_that_an_event_sets_off(eventful):
    """One event at the start, one with the guarded dose, and one that follows from that, for each of many."""
    solution = eventful_solve(eventful, np.arange(41))
    for name in ("start", "eat", "digest", "born"):
        happened = solution.events["subject"][solution.events["event"] == eventful.events.index(name)]
        np.testing.assert_array_equal(np.sort(happened), np.arange(41))
    digested = solution.events["time"][solution.events["event"] == eventful.events.index("digest")]
    assert set(digested.tolist()) == {2.0}


def test_what_was_asked_for_before_changes_no_bit():
    """Products are summed with one rounding less than they could be; which of two it is must not depend on the past."""
    text = """model m
        compartment c = 3; species A in c = 1; species B in c = 2; k = 0.3; l = 0.7
        -> A; k
        -> B; l
        total := A*k + B*l; other := B*l
    end"""
    values = {"k": np.random.default_rng(3).uniform(0.1, 1.0, 50)}

    def total(*asked_before: str) -> np.ndarray:
        engine, model = Engine(), equations(text)
        for name in (*asked_before, "total"):
            solution = engine.solve(model, TIMES, subjects=50, outputs=[name], parameters=values)
        return solution.values

    np.testing.assert_array_equal(total("other"), total())
