"""SBML events by the letter of the specification (Level 3 Version 2, 4.11.6), each rule on its edge."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from gvlab.engine import Operation, Options, Status
from gvlab.engine.ensemble import engine as ensemble
from gvlab.engine.ensemble.events import _scramble, trigger_masks

from .conftest import equations


def solved(text: str, outputs: list[str], times, subjects: int = 1, **changes):
    model = equations(f"model m\n {text}\n end")
    return ensemble.solve(model, np.asarray(times, dtype=float), subjects=subjects, outputs=outputs, **changes)


def read(text: str, outputs: list[str], times, **changes) -> np.ndarray:
    solution = solved(text, outputs, times, **changes)
    assert solution.statuses() == [Status.FINISHED]
    return solution.values[0].T


# ------------------------------------------------------------------------------------------------ many events


MANY = 140


@pytest.fixture(scope="module")
def many():
    """140 events on a clock: the trigger of number k becomes true at k + 0.5; some wait, some are called off."""
    return equations(
        "model m\n x = 0; x' = 1; n = 0; total = 0; off = 0; on = 0;"
        + "".join(f"e{k}: at (x > {k + 0.5}): n = n + 1, total = total + {k};" for k in range(MANY - 4))
        + "a: at 2 after (x > 10 && x < 11), persistent=false: off = off + 1;"
        + "b: at 2 after (x > 70 && x < 71), persistent=false: off = off + 1;"
        + "c: at 0.5 after (x > 20 && x < 21), persistent=false: on = on + 1;"
        + "d: at 2 after (x > 130 && x < 131), persistent=true: on = on + 10; end"
    )


def test_events_beyond_the_first_64_happen_at_their_time(many):
    times = np.array([0.0, 30.0, 64.0, 100.0, 128.0, 135.9])
    solution = ensemble.solve(many, times, subjects=3, outputs=["n", "total", "off", "on"])
    count = np.floor(times + 0.5)
    for row in solution.values:
        assert row[:, 0].tolist() == count.tolist()
        assert row[:, 1].tolist() == (count * (count - 1) / 2).tolist()
        assert row[:, 2].tolist() == [0] * 6  # called off, also those beyond the 64th
        assert row[:, 3].tolist() == [0, 1, 1, 1, 1, 11]
    plain = solution.events[solution.events["event"] < MANY - 4]
    np.testing.assert_allclose(plain["time"], plain["event"] + 0.5, atol=1e-9)


def test_an_event_of_the_63rd_bit_is_heard():
    """The sign bit of a word."""
    text = "x = 0; x' = 1; n = 0;" + "".join(f"e{k}: at (x > {1 + k}): n = {k};" for k in range(66))
    found = read(text, ["n"], [0, 63.5, 64.5, 65.5, 66.5])
    assert found[0].tolist() == [0, 62, 63, 64, 65]
    # A model of one event more or less has another one there.
    assert [read(text.replace("x > 1)", f"x > {top})"), ["n"], [0, 0.5])[0, 1] for top in (1, 2)] == [0, 0]


# -------------------------------------------------------------------------------------------------- priorities


def order_of(priorities: list[str], more: str = "") -> list[int]:
    """The order in which events of one time are carried out, by priority; "" for none."""
    text = "k = 0; p = 0;" + "".join(f"s{i} = 0;" for i in range(len(priorities))) + more
    for i, priority in enumerate(priorities):
        given = f", priority = {priority}" if priority else ""
        text += f"e{i}: at (time >= 2){given}, fromTrigger=false: k = k + 1, s{i} = k + 1;"
    found = read(text, [f"s{i}" for i in range(len(priorities))], [0, 3])[:, -1]
    return np.argsort(found).tolist()


def test_the_highest_priority_comes_first_and_none_comes_last():
    assert order_of(["1", "5", "3"]) == [1, 2, 0]
    assert order_of(["", "-5", "3"]) == [2, 1, 0]
    assert order_of(["5", "", "7", ""]) == [2, 0, 1, 3]  # those without in the order of the document
    assert order_of(["", "", ""]) == [0, 1, 2]


def test_a_priority_is_a_formula_of_the_time_when_it_is_looked_at():
    more = "q: at (time >= 2), priority = 9, fromTrigger=false: p = 8;"
    assert order_of(["p", "2", "time + 0.5"], more) == [0, 2, 1]


def test_a_priority_that_is_no_number_is_none():
    assert order_of(["p/p", "1"]) == [1, 0]


def test_equal_priorities_are_drawn_by_lot_and_the_lots_are_the_same_each_time():
    first = order_of(["1"] * 5)
    assert sorted(first) == [0, 1, 2, 3, 4]
    assert first != [0, 1, 2, 3, 4]
    assert order_of(["1"] * 5) == first
    orders = set()
    times = np.arange(0.0, 21.0)
    text = "k = 0; a = 0; b = 0; c = 0; c' = 1;"
    text += "e: at (c > 1), priority = 1, fromTrigger=false: k = k + 1, a = k + 1;"
    text += "f: at (c > 1), priority = 1, fromTrigger=false: k = k + 1, b = k + 1, c = 0;"
    for a, b in np.diff(read(text, ["a", "b"], times), axis=0)[0][:, None] * [1, 0]:
        orders.add((a > 0, b > 0))
    assert len(orders) == 2  # either may come first


def test_lots_are_those_of_splitmix64():
    """Published outputs of the generator for seed 0 (Steele, Lea and Flood 2014; Vigna's splitmix64.c)."""
    published = (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F)
    assert [_scramble(k) for k in (1, 2, 3)] == [value >> 8 for value in published]


def test_what_has_waited_meets_what_has_just_risen_by_priority():
    """Both are due at day 2: one has waited since day 1. Another subject waits for nothing then."""
    text = "seen = 0; x = 0; x' = 1; wait = 1;"
    text += "a: at wait after (time >= 1), priority = {a}, fromTrigger=false: seen = seen*10 + 1;"
    text += "b: at (time >= 2), priority = {b}, fromTrigger=false: seen = seen*10 + 2;"
    for a, b, both in ((2, 1, 12), (1, 2, 21)):
        solution = solved(
            text.format(a=a, b=b), ["seen"], [0, 3.5], subjects=3, parameters={"wait": np.array([1.0, 2.0, 0.5])}
        )
        assert solution.values[:, -1, 0].tolist() == [both, 21, 12]


def test_the_loop_is_stopped_by_what_rises_and_by_what_calls_off_a_delay():
    text = "x = 0; x' = 1; n = 0; a: at (x > 1): n = 1; b: at 1 after (x > 2), persistent=false: n = 2;"
    text += "c: at 1 after (x > 3): n = 3; d: at (x > 4), persistent=false: n = 4;"
    model = equations(f"model m\n {text}\n end")
    masks = trigger_masks(model, SimpleNamespace(words=2, modes=62))
    assert [mask % 2**64 for mask in masks.rising] == [0b11 << 62, 0b11]
    assert [mask % 2**64 for mask in masks.falling] == [1 << 63, 0]


# ------------------------------------------------------------------------------------- delays and what is assigned


def test_delays_are_carried_out_one_after_the_other_at_their_times():
    text = (
        "x = 0; x' = 1; seen = 0; a: at 3 after (x > 1): seen = seen*10 + 1; b: at 1 after (x > 2): seen = seen*10 + 2;"
    )
    text += "c: at (x > 3.5): seen = seen*10 + 3; d: at 0 after (x > 5): seen = seen*10 + 4;"
    found = read(text.replace("):", "), fromTrigger=false:"), ["seen"], [0, 2.5, 3.25, 3.75, 4.5, 5.5])
    assert found[0].tolist() == [0, 0, 2, 23, 231, 2314]


def test_values_are_of_the_trigger_or_of_then():
    text = "x = 0; x' = 1; now = 0; then = 0; a: at 2 after (x > 3), fromTrigger=true: now = x;"
    text += "b: at 2 after (x > 3), fromTrigger=false: then = x;"
    np.testing.assert_allclose(read(text, ["now", "then"], [0, 4.9, 6])[:, 1:], [[0, 3], [0, 5]], atol=1e-9)


def test_what_waits_with_a_subject_that_stops_is_forgotten():
    text = "x = 0; x' = 1; n = 0; late: at 3 after (x > 1): n = 1; death: at (x > 2): n = n + 5;"
    solution = solved(text, ["n"], [0, 1.5, 5.0], stop=["death"])
    assert solution.statuses() == [Status.STOPPED_BY_EVENT]
    assert [str(name) for name in np.array(equations(f"model m\n {text}\n end").events)[solution.events["event"]]] == [
        "death"
    ]
    assert solution.end_times[0] == pytest.approx(2.0)


def test_triggers_that_were_true_before_the_start_do_not_happen_at_it():
    text = "x = 3; x' = 0.1; a = 0; b = 0; c = 0; up: at (x > 2), t0=true: a = 1; set: at (x > 2), t0=false: b = 1;"
    text += "never: at (x > 9), t0=false: c = 1;"
    assert read(text, ["a", "b", "c"], [0, 1])[:, 0].tolist() == [0, 1, 0]


def test_subjects_wait_each_for_themselves():
    text = "x = 0; x' = 1; d = 1; n = 0; late: at d after (x > 1), fromTrigger=false: n = time;"
    delays = np.array([0.5, 3.0, 1.25, 0.0])
    solution = solved(text, ["n"], [0, 1.1, 2.0, 4.5], subjects=4, parameters={"d": delays})
    np.testing.assert_allclose(solution.values[:, -1, 0], 1 + delays, atol=1e-9)
    np.testing.assert_allclose(solution.events["time"], 1 + delays, atol=1e-9)
    assert solution.events["subject"].tolist() == [0, 1, 2, 3]


# ---------------------------------------------------------------------------------------------- events without end


PING = "p = 1; n = 0; most = 999; x = 0; x' = 1;"
PING += "go: at (x > 1 && p > 0.5 && n < most): p = 0, n = n + 1;"
PING += "come: at (x > 1 && p < 0.5 && n < most): p = 1, n = n + 1;"


def test_a_thousand_events_at_one_time_are_without_end_and_one_fewer_is_not():
    solution = solved(PING, ["n"], [0, 2.0], subjects=3, parameters={"most": np.array([999.0, 1000.0, 5.0])})
    assert solution.statuses() == [Status.FINISHED, Status.EVENT_LOOP, Status.FINISHED]
    assert solution.values[[0, 2], -1, 0].tolist() == [999, 5]


def test_a_thousand_events_by_priority_at_one_time_are_without_end_too():
    text = PING.replace("most):", "most), priority = 1:") + "both: at (x > 1), priority = 2: n = n + 0;"
    solution = solved(text, ["n"], [0, 2.0], subjects=2, parameters={"most": np.array([1e9, 40.0])})
    assert solution.statuses() == [Status.EVENT_LOOP, Status.FINISHED]


def test_how_close_events_may_follow_depends_on_the_time():
    """1,001 events within 5e-4 days: beside day 0 that is much, beside day 1e6 less than a billionth."""
    text = "x = 0; x' = 2e6; n = 0; tick: at (x > 1 && n < 1001): x = 0, n = n + 1;"
    tight = Options(relative_tolerance=1e-6, max_steps=100_000)
    early = solved(text, ["n"], [0.0, 1e-2], options=tight)
    assert early.statuses() == [Status.FINISHED]
    assert early.values[0, -1, 0] == 1001
    late = solved(text, ["n"], [1e6, 1e6 + 1e-2], options=tight)
    assert late.statuses() == [Status.EVENT_LOOP]


def test_a_dose_that_sets_off_two_events_and_one_that_waits():
    text = "x = 0; x' = -x; n = 0; q = 0; w = 0; a: at (x > 1): n = n + 1; b: at (x > 2): q = q + x;"
    text += "c: at 1 after (x > 1.5), fromTrigger=false: w = time;"
    found = read(text, ["n", "q", "w"], [0, 2.0, 4.0], schedule=[Operation(2.0, "add", "x", 3.0)])
    np.testing.assert_allclose(found[:, 1:], [[1, 1], [3, 3], [0, 3]])
