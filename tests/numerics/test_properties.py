"""Random small reaction networks: against SciPy, and against themselves in another order."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from gvlab.engine import Options, Status
from gvlab.engine.ensemble import engine as ensemble
from gvlab.engine.program.derivatives import gradients
from gvlab.engine.program.program import build
from gvlab.model.model import Model
from gvlab.sbml.evaluate import evaluate
from gvlab.sbml.formula import TIME

from .conftest import equations

LAWS = ("{k}*{a}", "{k}*{a}*{b}", "{k}*{a}/(1 + {b})", "{k}*{a}^n/(0.5 + {a}^n)", "{k}*{a}*exp(-{b})", "{k}")
NAMES = ("A", "B", "C", "D")


@st.composite
def networks(draw):
    """Reactions between up to four species, with rates over four decades."""
    count = draw(st.integers(2, 4))
    lines = [f"{name} = {draw(st.floats(0.1, 3)):.6f};" for name in NAMES[:count]]
    lines.append(f"n = {draw(st.sampled_from([1.0, 1.4, 2.0]))};")
    for i in range(draw(st.integers(1, 5))):
        a, b = draw(st.sampled_from(NAMES[:count])), draw(st.sampled_from(NAMES[:count]))
        law = draw(st.sampled_from(LAWS))
        # A species made from nothing needs no reactant; otherwise what is used up limits its own use.
        left = "" if law == "{k}" else a
        lines.append(f"k{i} = {10 ** draw(st.floats(-2, 2)):.6g}; {left} -> {b}; {law.format(k=f'k{i}', a=a, b=b)};")
    return "model random\n" + "\n".join(lines) + "\nend"


slow = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@slow
@given(networks())
def test_random_networks_agree_with_scipy(text):
    model = equations(text)
    times = np.linspace(0, 4, 9)
    options = Options(relative_tolerance=1e-9, absolute_tolerance=1e-11)
    ours = ensemble.solve(model, times, subjects=1, outputs=model.states, options=options)
    graph = model.system.graph
    names = [f"amount of {name}" for name in model.states]
    rates = [model.during(model.system.rates.get(name, graph.const(0.0))) for name in model.states]
    known = {name: model.nominal[name] for name in model.parameters}

    def right_hand_side(t, y):
        return np.array(evaluate(graph, rates, {**known, TIME: t, **dict(zip(names, y, strict=True))}), dtype=float)

    start = [model.nominal[name] for name in model.states]
    theirs = solve_ivp(right_hand_side, (0, 4), start, "Radau", t_eval=times, rtol=1e-10, atol=1e-12)
    assert ours.statuses() == [Status.FINISHED]
    np.testing.assert_allclose(ours.values[0], theirs.y.T, rtol=1e-6, atol=1e-8)


@slow
@given(networks(), st.integers(0, 2**32 - 1))
def test_permuting_subjects_permutes_results(text, seed):
    model = equations(text)
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 30))
    values = {name: model.nominal[name] * rng.lognormal(size=count) for name in model.parameters if name != "n"}
    order = rng.permutation(count)
    times = np.linspace(0, 3, 4)
    straight = ensemble.solve(model, times, subjects=count, outputs=model.states, parameters=values)
    permuted = {name: value[order] for name, value in values.items()}
    other = ensemble.solve(model, times, subjects=count, outputs=model.states, parameters=permuted)
    np.testing.assert_array_equal(straight.values[order], other.values)
    for solution in (straight, other):
        undefined = ~np.isfinite(solution.values).all(axis=(1, 2))
        assert not np.any(undefined & (solution.status == Status.FINISHED))


def assert_jacobian(model, seed: int = 0) -> None:
    """Compare the derivatives of the rates with finite differences, at a random point."""
    program = build(model)
    graph, rng = program.graph, np.random.default_rng(seed)
    rates = [model.during(model.system.rates[name]) for name in model.states if name in model.system.rates]
    symbols = sorted(graph.symbols(rates))
    point = {name: rng.uniform(0.5, 1.5) for name in symbols}
    moving = [name for name in program.states if name in symbols] + [TIME]
    exact = gradients(graph, rates, moving)
    for name in moving:
        if name not in point:
            continue
        step = 1e-6 * max(1.0, abs(point[name]))
        above, below = (np.array(evaluate(graph, rates, {**point, name: point[name] + s * step})) for s in (1, -1))
        numeric = (above - below) / (2 * step)
        analytic = np.array([evaluate(graph, [g[name]], point)[0] if name in g else 0.0 for g in exact])
        np.testing.assert_allclose(analytic, numeric, rtol=1e-5, atol=1e-6)


@slow
@given(networks())
def test_derivatives_agree_with_differences(text):
    assert_jacobian(equations(text))


def test_derivatives_of_every_function_agree_with_differences():
    formulas = (
        "exp(x) + ln(x) + sqrt(x) + sin(x)*cos(x) + tan(x/2) + x^y + y^x + abs(x - 3)",
        "sinh(x) + cosh(x) + tanh(x) + arctan(x) + arcsin(x/2) + arccos(x/2) + arcsinh(x) + arccosh(x + 1) + x/y + x^3",
        "piecewise(x*x, x < 1, y*y, y < 0.2, x*y) + min(x, y) + max(x, 2*y) + arctanh(x/2) + log10(x)",
    )
    for formula in formulas:
        for seed in range(3):
            assert_jacobian(equations(f"model m\n x = 1; y = 1; x' = {formula}; y' = x; end"), seed)


def test_the_same_text_gives_the_same_program(house):
    first, second = (build(type(house)(house.sbml)) for _ in range(2))
    assert first.states == second.states
    assert first.slots == second.slots
    assert list(first.jacobian) == list(second.jacobian)


def test_the_flagship_model_has_the_derivatives_of_its_rates():
    assert_jacobian(Model.default().equations)
