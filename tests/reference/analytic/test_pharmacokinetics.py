"""Sorafenib against closed forms, and against what was measured in mice and patients.

Anchors: 10 mg/kg by mouth in mice gives Cmax 6.9 +/- 1.3 ug/mL at 1 h and AUC0-6 24.0 +/- 4.8 ug h/mL (n = 5; Table 1
of mct 38644); 400 mg twice daily in patients averages 8.2 mg/L in the population model (Jain 2011) and 4.4 mg/L in
unselected patients (AUC0-12 52.8 mg h/L, PMC3448414).
"""

import numpy as np
import pytest

from gvlab.engine import Operation, Options, solve
from gvlab.model.model import Model
from gvlab.model.parameters import ParameterTable

TIGHT = Options(relative_tolerance=1e-10, absolute_tolerance=1e-14)


def parameters(*contexts: str) -> dict[str, float]:
    known = set(Model.default().constants)
    return {name: value for name, value in ParameterTable.default().resolve(contexts).values().items() if name in known}


def concentration(contexts, dose, every, times, doses, **changes):
    values = parameters(*contexts) | changes
    schedule = []
    for k in range(doses):
        schedule.append(Operation(k * every, "add", "sorafenib_depot", dose))
        schedule.append(Operation(k * every, "set", "time_after_dose", 0.0))
    solution = solve(
        Model.default().equations, times, subjects=1, outputs=["C_sorafenib"], parameters=values, schedule=schedule,
        options=TIGHT, engine="roadrunner",
    )  # fmt: skip
    return solution.values[0, :, 0]


def mouse_dose(values) -> float:
    return 10 * values["body_mass"] * ParameterTable.default().resolve(["species:mouse"]).value("f_oral_sorafenib")


def test_one_oral_dose_is_the_bateman_function():
    values = parameters("species:mouse")
    dose, ka, v = mouse_dose(values), values["k_absorption_sorafenib"], values["V_sorafenib"]
    k = values["CL_sorafenib"] / v
    times = np.linspace(0, 1, 49)
    exact = dose / v * ka / (ka - k) * (np.exp(-k * times) - np.exp(-ka * times))
    assert concentration(["species:mouse"], dose, 1.0, times, 1) == pytest.approx(exact, rel=1e-6, abs=1e-9)


def test_repeated_doses_superpose():
    values = parameters("species:mouse")
    dose, ka, v = mouse_dose(values), values["k_absorption_sorafenib"], values["V_sorafenib"]
    k = values["CL_sorafenib"] / v
    times = np.linspace(0, 5, 481) + 1e-3
    times[0] = 0.0
    exact = np.zeros_like(times)
    for day in range(5):
        t = np.clip(times - day, 0, None)
        exact += dose / v * ka / (ka - k) * (np.exp(-k * t) - np.exp(-ka * t))
    assert concentration(["species:mouse"], dose, 1.0, times, 5) == pytest.approx(exact, rel=1e-6, abs=1e-9)


def test_mouse_anchors():
    times = np.linspace(0, 0.25, 361)
    curve = concentration(["species:mouse"], mouse_dose(parameters("species:mouse")), 1.0, times, 1)
    auc = np.trapezoid(curve, 24 * times)
    assert abs(curve.max() - 6.9) < 1.3
    assert abs(auc - 24.0) < 4.8
    assert 0.5 < 24 * times[curve.argmax()] < 1.5


def test_human_steady_state_is_the_population_models():
    last = np.linspace(20.5, 21.0, 145)
    times = np.concatenate([[0.0], last])
    curve = concentration(["species:human"], 400.0, 0.5, times, 42, f_induction_CL_sorafenib=0.0)[1:]
    average = np.trapezoid(curve, last) / 0.5
    values = parameters("species:human")
    # What recirculates is absorbed again, so only the rest of the clearance leaves the body.
    lost = values["CL_sorafenib"] * (1 - values["f_enterohepatic_sorafenib"])
    assert average == pytest.approx(400 / (lost * 0.5), rel=0.02)
    assert average == pytest.approx(8.2, rel=0.03)
    assert curve.max() == pytest.approx(8.6, rel=0.05)
    assert curve.min() == pytest.approx(7.8, rel=0.05)


def test_induction_brings_patients_near_the_observed_average():
    """The observed median of unselected patients is 4.4 mg/L; the range of the AUC is 17-fold."""
    last = np.linspace(119.5, 120.0, 145)
    times = np.concatenate([[0.0], last])
    curve = concentration(["species:human"], 400.0, 0.5, times, 240)[1:]
    average = np.trapezoid(curve, last) / 0.5
    assert 4.4 < average < 8.2 * 63 / 102 * 1.1


def test_first_human_dose_is_within_what_was_measured():
    """AUC0-12 after the first 400 mg: geometric mean 9.76 mg h/L, 6.76 to 14.09 (n = 22); Cmax 0.88 to 1.87 mg/L.

    The population model gives more than was measured there, and the test says by how much.
    """
    times = np.linspace(0, 0.5, 145)
    curve = concentration(["species:human"], 400.0, 0.5, times, 1)
    auc = np.trapezoid(curve, 24 * times)
    assert 6.76 < auc < 1.5 * 14.09
