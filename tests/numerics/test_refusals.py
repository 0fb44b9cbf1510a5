"""What has no right answer ends with a status or is refused by name, and never hangs."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.engine import Operation, Status, solve
from gvlab.engine.ensemble import engine as ensemble
from gvlab.engine.methods.tableaus import METHODS
from gvlab.errors import ModelError

from .conftest import equations

BALL = """model ball
    h = 1; v = 0; g = 9.81; bounces = 0; kept = 0.5
    h' = v; v' = -g
    bounce: at (h < 0): v = -kept*v, h = 0, bounces = bounces + 1
end"""


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_events_that_follow_each_other_faster_and_faster_end_with_a_status(method):
    """A ball that keeps half of its speed comes to rest after sqrt(2 h/g) (1 + e)/(1 - e)."""
    solution = ensemble.solve(
        equations(BALL), np.array([0.0, 1.0, 3.0]), subjects=2, outputs=["h", "bounces"], method=method,
        parameters={"kept": np.array([0.5, 0.9])},
    )  # fmt: skip
    rest = np.sqrt(2 / 9.81) * 1.5 / 0.5
    assert solution.statuses() == [Status.EVENT_LOOP, Status.FINISHED]
    assert "faster and faster" in Status.EVENT_LOOP.remedy
    assert solution.end_times[0] == pytest.approx(rest, abs=1e-6)
    assert solution.values[1, -1, 1] == 4  # at 0.45, 1.26, 2.00 and 2.65


def test_a_thousand_events_that_take_their_time_are_no_loop():
    model = equations("model m\n x = 0; n = 0; x' = 1; tick: at (x > 1e-3): x = 0, n = n + 1; end")
    solution = ensemble.solve(model, np.array([0.0, 1.5]), subjects=1, outputs=["n"])
    assert solution.statuses() == [Status.FINISHED]
    assert solution.values[0, -1, 0] in (1499, 1500)


def test_a_delay_that_is_no_number_is_no_delay_of_zero():
    model = equations("model case1\n x = 0; d = 1; y = 0; x' = 1; late: at ((d - 1)/(d - 1)) after (x > 2): y = 1; end")
    times = np.array([0.0, 2.5, 2.9, 3.1, 5.0])
    solution = ensemble.solve(model, times, subjects=2, outputs=["y"], parameters={"d": np.array([1.0, 2.0])})
    assert solution.statuses() == [Status.NOT_FINITE, Status.FINISHED]
    assert solution.end_times[0] == pytest.approx(2.0)
    assert solution.values[1, :, 0].tolist() == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("engine", ["ensemble", "roadrunner"])
def test_what_has_no_value_is_named(engine):
    model = equations("model case2\n drug = 1; var CL, unused; drug' = -CL*drug; end")
    times = np.array([0.0, 1.0])
    with pytest.raises(ModelError, match=r'no value to "CL", which it needs.*parameters=\{"CL": ...\}'):
        solve(model, times, subjects=1, outputs=["drug"], engine=engine)
    given = solve(model, times, subjects=1, outputs=["drug"], engine=engine, parameters={"CL": 0.5})
    assert given.values[0, 1, 0] == pytest.approx(np.exp(-0.5), rel=1e-5)


def test_what_is_set_before_it_is_needed_needs_no_value():
    model = equations("model case3\n x = 1; var k; x' = -k*x; end")
    set_at_start = Operation(0.0, "set", "k", 2.0)
    solution = ensemble.solve(model, np.array([0.0, 1.0]), subjects=1, outputs=["x"], schedule=[set_at_start])
    assert solution.values[0, 1, 0] == pytest.approx(np.exp(-2.0), rel=1e-5)


def test_equality_with_what_changes_continuously_is_refused_in_a_trigger():
    with pytest.raises(ModelError, match=r'trigger of the event "full" .* equals a value.* >= or <='):
        ensemble.solve(
            equations("model m\n q = 0; n = 0; q' = 1; full: at (q == 10): n = 1; end"),
            np.array([0.0, 20.0]), subjects=1, outputs=["n"],
        )  # fmt: skip


def test_equality_with_what_only_events_change_is_seen():
    model = equations(
        "model case4\n x = 0; n = 0; seen = 0; x' = 1; A: at (x > 2): n = 3; B: at (n == 3): seen = 1; end"
    )
    solution = ensemble.solve(model, np.array([0.0, 1.0, 3.0]), subjects=1, outputs=["seen"])
    assert solution.values[0, :, 0].tolist() == [0, 0, 1]
