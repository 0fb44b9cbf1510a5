"""How strongly an edge acts: exact where it is known, read off the equations, and nothing where an arm lacks it."""

from __future__ import annotations

import json
import math

import antimony
import numpy as np
import pytest

from gvlab.errors import InvalidValueError
from gvlab.experiment import Experiment
from gvlab.experiment.edge_flux import axis_flux, flux_of_edges
from gvlab.library.table_rows import EdgeRow
from gvlab.model.model import Model
from gvlab.views import axis_flux_view, svg

MADE_UP = """
model made_up
  species cells; cells = 10; signal = 2
  on_kill = 1; on_raise = 1; on_idle = 1; k_kill = 0.3; k_raise = 0.8; k_birth = 0.1; none = 0
  killing := on_kill * k_kill
  cells' = (k_birth - killing) * cells
  signal' = on_raise * k_raise - signal + on_idle * none
end
"""


def edge(name: str) -> EdgeRow:
    return EdgeRow(edge=name, source_node=name, target_node="x", sign="+", switch=f"on_{name}", statement=name)


@pytest.fixture(scope="module")
def made_up() -> Model:
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(MADE_UP) >= 0, antimony.getLastError()
    return Model(antimony.getSBMLString("made_up"))


def known(model: Model, **values: object) -> dict[str, object]:
    return {**model.equations.nominal, "time ": 0.0, **values}


def test_the_flux_of_an_edge_is_the_part_of_the_rate_that_goes_with_its_switch(made_up):
    cells, signal = np.array([10.0, 1e6, np.nan]), np.array([2.0, 2.0, np.nan])
    found = dict(zip(("kill", "raise", "idle"), flux_of_edges(
        made_up, [edge("kill"), edge("raise"), edge("idle")], known(made_up, cells=cells, signal=signal)
    ), strict=True))  # fmt: skip
    # Killing takes 0.3 of the cells per day, however many there are; it stands in a rule, not in the rate itself.
    assert found["kill"] == (("cells",), pytest.approx(0.3))
    # 0.8 per day into a signal of 2 is 0.4 of it.
    assert found["raise"] == (("signal",), pytest.approx(0.4))
    assert found["idle"][1] == 0.0


def test_an_edge_that_is_off_or_has_nothing_to_act_on(made_up):
    off = flux_of_edges(made_up, [edge("kill")], known(made_up, on_kill=0.0))
    assert off[0][1] == 0.0
    gone = flux_of_edges(made_up, [edge("kill")], known(made_up, cells=np.zeros(3)))
    assert math.isnan(gone[0][1])


@pytest.fixture(scope="module")
def survival() -> Experiment:
    return Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b")


@pytest.fixture(scope="module")
def found(survival):
    return axis_flux(survival, "BM + T cells + sorafenib", "BM + T cells", 9.0, subjects=12)


def test_the_axis_acts_where_the_drug_is_given_and_nowhere_else(found):
    by_name = {each.edge.edge: each for each in found.edges}
    for name in ("sorafenib_flt3", "flt3_atf4", "atf4_irf7", "irf7_il15"):
        assert by_name[name].flux > 0
        assert by_name[name].control == 0
        assert by_name[name].change == math.inf
    assert not by_name["ifng_il15"].on
    assert by_name["ifng_il15"].flux == 0
    assert by_name["ifng_il15"].change is None
    assert "blast_sensitive" in by_name["cd8_blast"].moves
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["unit"] == "1/day"


def test_before_the_drug_is_given_the_arms_are_one(survival):
    early = axis_flux(survival, "BM + T cells + sorafenib", "BM + T cells", 3.0, subjects=6)
    assert all(each.change in (None, pytest.approx(1.0)) for each in early.edges)


def test_a_reading_on_a_day_needs_no_dose_that_comes_later(survival):
    results = survival.replace(arms=survival.arms[2:]).run(5, subjects=4)
    arms = ("BM + T cells + sorafenib", "BM + T cells")
    assert results.why(*arms, reading="IL15_serum", day="day 9").day == 9.0
    assert results.axis_flux(*arms, "day 9").alive == (4, 4)


def test_the_picture_is_as_wide_as_edges_act_and_says_what_changed(found):
    view = axis_flux_view(found)
    text = svg(view)
    assert "new" in text
    rows = {(row[0], row[2]): row for row in view.table.rows}
    assert rows["CD8", "leukemia"][4] == pytest.approx(
        next(each.flux for each in found.edges if each.edge.edge == "cd8_blast")
    )
    assert "acting here alone: " in view.summary
    assert "sorafenib on FLT3-ITD" in view.summary


def test_what_cannot_be_asked_is_refused(survival):
    with pytest.raises(InvalidValueError, match="compared with itself"):
        axis_flux(survival, "BM", "BM", 5.0)
    with pytest.raises(InvalidValueError, match="Day 500 lies outside the experiment, which ends on day 100"):
        axis_flux(survival, "BM", "BM + T cells", 500.0)
    with pytest.raises(InvalidValueError, match="Nobody of BM is alive on day 99"):
        axis_flux(survival, "BM", "BM + T cells + sorafenib", 99.0, subjects=4)


def test_a_difference_is_asked_under_a_condition(survival):
    small = survival.replace(arms=survival.arms[2:]).run(5, subjects=6)
    arms = ("BM + T cells + sorafenib", "BM + T cells")
    free = small.why(*arms, reading="IL15_serum", day="day 9")
    knocked_out = small.why(*arms, reading="IL15_serum", day="day 9", under=["il15_deficient_leukemia"])
    assert free.differs
    assert not knocked_out.differs
    assert "both arms under il15_deficient_leukemia" in knocked_out.sentences()[0]
    assert knocked_out.to_dict()["under"] == ["il15_deficient_leukemia"]
