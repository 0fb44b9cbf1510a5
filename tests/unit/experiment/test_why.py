"""Why two arms differ: shares that are exact where they are known, edges without effect, words, refusals."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment import Experiment
from gvlab.experiment.why import EdgeShare, Why, _difference, cuttable, why, without
from gvlab.library import Library
from gvlab.library.table_rows import EdgeRow
from gvlab.views import svg
from gvlab.views.why import why_view


def edge(name: str) -> EdgeRow:
    return EdgeRow(edge=name, source_node=name, target_node="reading", sign="+", switch=f"on_{name}", statement=name)


def shares(values: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, tuple[float, float, float]]:
    """Shares of a made-up model by the same arithmetic as `why`."""
    n = len(values[""][0])
    draws = np.random.default_rng(1).integers(0, n, (400, n))
    whole, _, _, resampled = _difference(values[""], draws)
    found = {}
    for name, pair in values.items():
        if name:
            left, _, _, of_edge = _difference(pair, draws)
            low, high = np.quantile(1 - of_edge / resampled, [0.025, 0.975])
            found[name] = (1 - left / whole, float(low), float(high))
    return found


def test_shares_of_two_edges_that_add_are_exact():
    """Reading = 3 u (edge a) + u (edge b) in the treated arm, 0 in control: a carries 3/4 and b 1/4, in each mouse."""
    u = np.random.default_rng(5).lognormal(size=60)
    control = np.zeros(60)
    found = shares({"": (4 * u, control), "a": (u, control), "b": (3 * u, control), "idle": (4 * u, control)})
    assert found["a"] == pytest.approx((0.75, 0.75, 0.75))
    assert found["b"] == pytest.approx((0.25, 0.25, 0.25))
    assert found["idle"][0] == 0
    assert found["idle"][1] <= 0 <= found["idle"][2]


def test_the_interval_is_over_the_same_mice_in_both_runs():
    """Unpaired, mice that differ a hundredfold would make the interval of a constant share wide."""
    u = np.random.default_rng(5).lognormal(sigma=2.0, size=40)
    noise = np.random.default_rng(6).normal(1.0, 0.01, 40)
    found = shares({"": (2 * u, 0 * u), "a": (u * noise, 0 * u)})
    assert found["a"][0] == pytest.approx(0.5, abs=0.01)
    assert found["a"][2] - found["a"][1] < 0.02


@pytest.fixture(scope="module")
def axis():
    return Experiment.read("mathew2018_axis")


@pytest.fixture(scope="module")
def answer(axis):
    return why(axis, "sorafenib", "vehicle", reading="IL15_serum", seed=3, subjects=6)


def test_a_chain_of_edges_carries_the_rise_of_il15_and_edges_of_t_cells_do_not(answer):
    assert answer.differs
    found = {each.edge.edge: each for each in answer.shares}
    for name in ("sorafenib_flt3", "flt3_atf4", "atf4_irf7", "irf7_il15"):
        assert found[name].share > 0.9
        assert found[name].lower > 1 / 3
    # In a culture there is no T cell to act.
    for name in ("cd8_blast", "il15_gvhd", "il15_bcl2"):
        assert found[name].lower <= 0 <= found[name].upper
    assert list(answer.shares) == sorted(answer.shares, key=lambda each: (-each.share, each.edge.edge))
    assert "sorafenib ⊣ FLT3-ITD" in answer.sentences()[1]


def test_the_difference_is_that_of_the_experiment(axis, answer):
    results = axis.run(3, subjects=6)
    a, b = (results.reading("IL15_serum", axis.last_day, arm).mean() for arm in ("sorafenib", "vehicle"))
    assert answer.difference == pytest.approx(a - b, rel=1e-9)
    assert answer.lower < a - b < answer.upper


def test_results_ask_with_their_own_mice(axis, answer):
    results = axis.run(3, subjects=6)
    again = results.why("sorafenib", "vehicle", reading="IL15_serum")
    assert again.to_dict() == answer.to_dict()


def test_the_answer_is_json_and_a_picture(answer):
    text = json.dumps(answer.to_dict(), allow_nan=False)
    assert json.loads(text)["edges"][0]["lowest_of_sets"] is None
    view = why_view(answer)
    assert "Share of the difference" in svg(view)
    assert view.table.rows[0][1] == pytest.approx(100 * answer.shares[0].share)


def test_where_no_edge_takes_a_third_it_says_so():
    small = tuple(EdgeShare(edge(name), 0.8, 0.2, 0.1, 0.3) for name in ("a", "b"))
    made = Why("x", "A", "B", "Alive", "share", 100.0, 1.0, 0.5, 1.5, small, 10, 1)
    assert "No single edge takes a third" in made.sentences()[1]
    large = (EdgeShare(edge("a"), 0.1, 0.9, 0.8, 1.0, 0.7, 1.1), *small)
    said = Why("x", "A", "B", "Alive", "share", 100.0, 1.0, 0.5, 1.5, large, 10, 1, 30, 2).sentences()
    assert "a → reading 90 % (80 to 100; plausible sets 70 to 110)" in said[1]
    assert "2 of 30 plausible sets" in said[-1]
    none = Why("x", "A", "B", "Alive", "share", 100.0, 0.1, -0.5, 0.5, (), 10, 1)
    assert "no difference to explain" in none.sentences()[1]
    assert not none.differs


def test_a_switch_that_is_off_cannot_be_cut_and_a_condition_may_turn_it_on():
    experiment = Experiment.read("mathew2018_survival")
    library = Library()
    plain = experiment.arm("BM + T cells")
    names = {each.edge for each in cuttable(experiment, (plain, plain))}
    assert "sorafenib_cd8_activation" not in names
    assert "cd8_blast" in names
    on = plain.under("low_drug_activates_t_cells", library)
    found = {each.edge: each for each in cuttable(experiment, (on, plain))}
    assert "sorafenib_cd8_activation" in found
    cut = without(on, found["sorafenib_cd8_activation"], "cut")
    assert [(c.target, c.value) for c in cut.condition.changes] == [("on_sorafenib_cd8_activation", 0.0)]


def test_what_cannot_be_asked_is_refused_in_words(axis):
    with pytest.raises(InvalidValueError, match='"vehicle" is compared with itself'):
        why(axis, "vehicle", "vehicle")
    with pytest.raises(UnknownNameError, match='Did you mean "sorafenib"'):
        why(axis, "sorafinib", "vehicle")
    with pytest.raises(UnknownNameError, match="no endpoint or output of the model"):
        why(axis, "sorafenib", "vehicle", reading="il_15")
    with pytest.raises(InvalidValueError, match="lies outside the experiment"):
        why(axis, "sorafenib", "vehicle", day="day 900")
    with pytest.raises(InvalidValueError, match="Nobody of an arm"):
        _difference((np.array([math.nan]), np.array([1.0])), np.zeros((3, 1), int))


def test_the_command_prints_shares_and_evidence_and_writes_json(tmp_path):
    from typer.testing import CliRunner

    from gvlab.cli import app

    target = tmp_path / "why.json"
    command = ["why", "mathew2018_axis", "--arm", "sorafenib", "--versus", "vehicle", "--reading", "IL15_serum",
               "--subjects", "4", "--sets", "2", "--json", str(target)]  # fmt: skip
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "sorafenib ⊣ FLT3-ITD" in done.output
    read = json.loads(target.read_text())
    assert read["plausible_sets"] == 2
    assert read["edges"][0]["highest_of_sets"] >= read["edges"][0]["lowest_of_sets"]
    first = read["evidence"][0]
    assert first["equations"]
    assert {each["parameter"] for each in first["parameters"]}
    assert all(each["verification"] for each in first["parameters"])
