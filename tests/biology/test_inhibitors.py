"""Inhibitors by mouth and in medium: each is taken up, acts on FLT3-ITD, and on T cells in its own way."""

from __future__ import annotations

import numpy as np
import pytest

import gvlab
from gvlab.library import Library
from gvlab.protocol.condition import Change, Condition

MODEL = gvlab.Model.default()
OTHERS = ("gilteritinib", "quizartinib", "midostaurin", "crenolanib")


def given(agent, amount="30 mg/kg", outputs=("FLT3_activity", "dose_cd8"), condition=None, times=None):
    mice = gvlab.System.read("b6_into_balbc_wehi3b").cohort(4, seed=5)
    dose = gvlab.Protocol.of(gvlab.Dose(agent, amount, at="day 0"))
    times = np.linspace(0.0, 1.0, 49) if times is None else times
    return gvlab.simulate(MODEL, mice, dose, until=times[-1], times=times, outputs=outputs, condition=condition)


@pytest.mark.parametrize("agent", OTHERS)
def test_by_mouth_the_area_under_the_curve_is_dose_over_clearance(agent):
    times = np.linspace(0.0, 20.0, 20001)
    run = given(agent, "10 mg/kg", outputs=(f"C_{agent}",), times=times)
    area = np.trapezoid(run.values(f"C_{agent}"), times, axis=1)
    table = gvlab.System.read("b6_into_balbc_wehi3b").parameters()
    # Clearance goes with body mass in one strain, and so does the dose: each mouse has the same area.
    expected = 10.0 * table.value("body_mass_reference") / table.value(f"CL_{agent}")
    assert area == pytest.approx(np.full(4, expected), rel=1e-3)


@pytest.mark.parametrize("agent", OTHERS)
def test_every_inhibitor_inhibits_flt3_itd_and_not_wild_type(agent):
    assert np.nanmin(given(agent).values("FLT3_activity")) < 0.9
    wild = given(agent, condition="flt3_wildtype_leukemia").values("FLT3_activity")
    assert np.nanmax(np.abs(wild - 1)) < 1e-6


def test_a_tkd_mutation_takes_more_from_type_two_inhibitors_than_from_type_one():
    left = {
        agent: np.nanmin(given(agent, condition="flt3_tkd_d835_leukemia").values("FLT3_activity"), axis=1)
        for agent in ("quizartinib", "sorafenib", "gilteritinib", "crenolanib")
    }
    for second in ("quizartinib", "sorafenib"):
        assert np.all(left[second] > left["gilteritinib"])
        assert np.all(left[second] > left["crenolanib"])


ENDS = (("T cells sensitive to sorafenib", 0.043), ("T cells robust against sorafenib", 0.12))
"""The ends of the range of the concentration that halves division, in mg/L unbound."""


def test_the_effect_on_t_cells_belongs_to_the_drug():
    sensitive, robust = (Condition((word,), (Change("IC50_sorafenib_cd8", at),)) for word, at in ENDS)
    same = given("gilteritinib").values("dose_cd8")
    np.testing.assert_array_equal(given("gilteritinib", condition=sensitive).values("dose_cd8"), same)
    more, less = (given("sorafenib", condition=each).values("dose_cd8") for each in (sensitive, robust))
    assert np.nanmax(more) > 2 * np.nanmax(less) > 0


def test_every_inhibitor_of_the_library_is_asked():
    drugs = {name for name, agent in Library().read_all("agents").items() if agent.kind == "drug"}
    assert set(OTHERS) <= drugs
