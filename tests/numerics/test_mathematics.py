"""The compiled functions of numbers, against NumPy and SciPy, over their whole range."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from gvlab.engine.ensemble import engine as ensemble

from .conftest import equations

RANGE = np.concatenate(
    [
        np.linspace(-6, 6, 241),
        np.logspace(-307, 307, 400),
        -np.logspace(-20, 20, 50),
        [0.0, 0.5, 1.0, 1.5, 2.0, 709.5, -745.0, 1e-310, np.inf, -np.inf],
    ]
)


def compiled(formula: str, **values: np.ndarray) -> np.ndarray:
    """Evaluate a formula for each value, through the compiled outputs."""
    given = "; ".join(f"{name} = 0" for name in values)
    model = equations(f"model m\n {given}; result := {formula}; end")
    count = len(next(iter(values.values())))
    solution = ensemble.solve(model, np.array([0.0]), subjects=count, outputs=["result"], parameters=values)
    return solution.values[:, 0, 0]


def assert_close(ours: np.ndarray, theirs: np.ndarray, ulps: int, least: float = 5e-324 * 4) -> None:
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    np.testing.assert_allclose(ours, theirs, rtol=ulps * 2.3e-16, atol=least)


FUNCTIONS = {
    "exp(x)": (np.exp, 3),
    "exp(x) - 1": (np.expm1, 3),
    "1 - exp(-x)": (lambda x: -np.expm1(-x), 3),
    "ln(x)": (np.log, 3),
    "sqrt(x)": (np.sqrt, 1),
    "abs(x)": (np.abs, 0),
    "floor(x)": (np.floor, 0),
    "ceil(x)": (np.ceil, 0),
    "tanh(x)": (np.tanh, 4),
    "arctan(x)": (np.arctan, 4),
    "arcsinh(x)": (np.arcsinh, 8),
    "factorial(x)": (lambda x: scipy.special.gamma(x + 1), 60),
}


@pytest.mark.parametrize("formula", sorted(FUNCTIONS))
def test_a_function_is_right_over_its_whole_range(formula):
    function, ulps = FUNCTIONS[formula]
    x = RANGE if formula != "factorial(x)" else np.linspace(0, 20, 41)
    least = {"least": 5e-308} if formula == "exp(x)" else {}  # below, an exponential is 0
    with np.errstate(all="ignore"):
        assert_close(compiled(formula, x=x), function(x), ulps, **least)


@pytest.mark.parametrize("formula", ["sin(x)", "cos(x)", "tan(x)", "arcsin(x/7)", "sinh(x)", "cosh(x)"])
def test_a_function_of_the_library_is_right(formula):
    x = np.linspace(-6.5, 6.5, 101)
    ours = compiled(formula, x=x)
    names = {"arcsin": np.arcsin, "sin": np.sin, "cos": np.cos, "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh}
    name = formula.split("(")[0]
    np.testing.assert_allclose(ours, names[name](x / 7 if name == "arcsin" else x), rtol=1e-14, atol=1e-15)


def test_powers_follow_ieee():
    base = np.array([-2.5, -1.0, -0.5, 0.0, 1e-300, 0.3, 1.0, 2.0, 1e10, np.inf])
    exponent = np.array([-3.0, -2.0, -0.5, 0.0, 0.3, 1.0, 1.7, 2.0, 3.0, 40.0])
    x, y = (grid.ravel() for grid in np.meshgrid(base, exponent))
    with np.errstate(all="ignore"):
        expected = np.power(x, y)
        ours = compiled("x^y", x=x, y=y)
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(expected))
    # exp(y log x) loses about |y log x| units in the last place.
    np.testing.assert_allclose(ours, expected, rtol=3e-13)


def test_a_power_inside_a_rate_is_the_same_function():
    """In rates a power with a still exponent is taken apart; from x = 0 its derivative is a limit."""
    model = equations("model m\n x = 0; n = 2; v := x^n; x' = 1 - 0.1*x^n; end")
    exponents = np.array([1.0, 1.5, 2.0, 3.0])
    solution = ensemble.solve(model, np.array([0.0, 200.0]), subjects=4, outputs=["x"], parameters={"n": exponents})
    np.testing.assert_allclose(solution.values[1:, 1, 0], 10 ** (1 / exponents[1:]), rtol=1e-6)
    assert solution.values[0, 1, 0] == pytest.approx(10 * (1 - np.exp(-20.0)), rel=1e-6)


def test_relations_and_logic_are_numbers_too():
    x = np.array([-1.0, 0.0, 1.0, 2.0])
    formula = "piecewise(10, x > 0 && !(x > 1), 20, x == 0 || x < -5, 30) + (x >= 1)"
    np.testing.assert_array_equal(compiled(formula, x=x), [30, 20, 11, 31])


def test_what_is_no_number_stays_so_whatever_its_bits():
    missing = np.array([0x7FF80000000007A2], dtype=np.uint64).view(np.float64)  # as R writes NA
    assert np.isnan(compiled("exp(x)", x=missing)).all()
    assert np.isnan(compiled("exp(x) + (-1)", x=missing)).all()
