"""What every engine must do, checked against closed forms on the house model."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.engine import DEFAULT_ENGINE, ENGINES, Operation, Options, Status, solve
from gvlab.engine.targets.gpu import device
from gvlab.errors import InvalidValueError, UnknownNameError

from .conftest import equations

TIMES = np.arange(0.0, 11.0)


@pytest.fixture(params=sorted(ENGINES))
def engine(request):
    if request.param == "gpu" and device.available():
        pytest.skip(device.available())
    return request.param


def run(house, engine, **changes):
    arguments = {"subjects": 1, "outputs": ["cells", "drug", "depot"], "engine": engine} | changes
    return solve(house, arguments.pop("times", TIMES), **arguments)


def test_growth_is_exponential(house, engine):
    rates = np.array([0.1, 0.2, 0.3])
    solution = run(house, engine, subjects=3, parameters={"k_growth": rates})
    np.testing.assert_allclose(solution.values[:, :, 0], np.exp(rates[:, None] * TIMES), rtol=1e-5)
    assert solution.statuses() == [Status.FINISHED] * 3


def test_a_dose_adds_to_its_target_and_a_reading_at_that_time_comes_after(house, engine):
    solution = run(house, engine, schedule=[Operation(2.0, "add", "depot", 10.0)])
    expected = np.where(TIMES < 2, 0.0, 10 * np.exp(-1.5 * (TIMES - 2)))
    np.testing.assert_allclose(solution.values[0, :, 2], expected, rtol=1e-4, atol=1e-6)


def test_a_concentration_is_dosed_in_its_own_unit(house, engine):
    solution = run(house, engine, schedule=[Operation(0.0, "add", "drug", 3.0)])
    np.testing.assert_allclose(solution.values[0, :, 1], 3 * np.exp(-0.4 * TIMES), rtol=1e-5)


def test_each_subject_has_its_own_dose_times(house, engine):
    when = np.array([1.0, 2.5, np.inf])
    solution = run(house, engine, subjects=3, schedule=[Operation(when, "add", "drug", np.array([1.0, 2.0, 9.0]))])
    for row, (start, amount) in enumerate([(1.0, 1.0), (2.5, 2.0), (np.inf, 9.0)]):
        with np.errstate(over="ignore"):
            expected = np.where(start <= TIMES, amount * np.exp(-0.4 * (TIMES - min(start, 99.0))), 0.0)
        np.testing.assert_allclose(solution.values[row, :, 1], expected, rtol=1e-5, atol=1e-8)


def test_a_switched_parameter_acts_from_then_on(house, engine):
    solution = run(house, engine, schedule=[Operation(3.0, "set", "k_growth", 0.0)])
    expected = np.exp(0.3 * np.minimum(TIMES, 3.0))
    np.testing.assert_allclose(solution.values[0, :, 0], expected, rtol=1e-5)


def test_operations_at_one_time_follow_their_order(house, engine):
    schedule = [Operation(1.0, "set", "depot", 4.0), Operation(1.0, "add", "depot", 1.0)]
    assert run(house, engine, schedule=schedule).values[0, 1, 2] == pytest.approx(5.0, rel=1e-7)


def test_a_mix_is_the_weighted_mean(house, engine):
    # At day 0 there is one cell per volume with rate 0.3; three more come with rate 0.1.
    schedule = [
        Operation(0.0, "mix", "k_growth", 0.1, added=3.0, pool=("cells",)),
        Operation(0.0, "add", "cells", 3.0),
    ]
    solution = run(house, engine, schedule=schedule, outputs=["k_growth", "cells"], times=np.array([0.0, 1.0]))
    assert solution.values[0, 0, 0] == pytest.approx((0.3 + 3 * 0.1) / 4)
    assert solution.values[0, 1, 1] == pytest.approx(4 * np.exp(0.15), rel=1e-6)


def test_a_guard_holds_a_dose_back(house, engine):
    schedule = [Operation(5.0, "set", "cells", 1.0, guard="cells > 4 && drug < 1")]
    solution = run(house, engine, subjects=2, parameters={"k_growth": np.array([0.2, 0.3])}, schedule=schedule)
    np.testing.assert_allclose(solution.values[:, 6, 0], [np.exp(1.2), np.exp(0.3)], rtol=1e-5)


def test_events_are_logged_at_their_time(house, engine):
    solution = run(house, engine, subjects=2, parameters={"k_growth": np.array([0.3, 0.2])})
    assert solution.event_ids == ("large", "death")
    expected = [(0, 0, np.log(4) / 0.3), (0, 1, np.log(8) / 0.3), (1, 0, np.log(4) / 0.2)]
    assert [(row["subject"], row["event"]) for row in solution.events] == [row[:2] for row in expected]
    np.testing.assert_allclose(solution.events["time"], [row[2] for row in expected], atol=1e-4)


def test_a_stop_event_ends_the_subject(house, engine):
    solution = run(house, engine, subjects=2, parameters={"k_growth": np.array([0.3, 0.1])}, stop=["death"])
    assert solution.statuses() == [Status.STOPPED_BY_EVENT, Status.FINISHED]
    end = np.log(8) / 0.3
    assert solution.end_times[0] == pytest.approx(end, abs=1e-4)
    assert np.all(np.isnan(solution.values[0, 7:]))
    assert np.all(np.isfinite(solution.values[0, :7]))
    final = dict(zip(solution.final_names, solution.final[0], strict=True))
    assert final["t_death"] == pytest.approx(end, abs=1e-4)
    assert final["cells"] == pytest.approx(8, rel=1e-4)


def test_an_event_may_be_set_off_by_a_dose(house, engine):
    solution = run(house, engine, schedule=[Operation(2.0, "add", "cells", 20.0)], stop=["death"])
    assert solution.end_times[0] == pytest.approx(2.0, abs=1e-6)
    assert solution.events["time"] == pytest.approx([2.0, 2.0], abs=1e-6)


@pytest.mark.parametrize("trigger", ["time >= 2", "time > 2"])
def test_a_dose_at_the_instant_of_an_event_comes_before_it(engine, trigger):
    """The event doubles what is there: also what has just been given."""
    model = equations(f"model case\n x = 1; x' = -0.5*x; E: at ({trigger}): x = 2*x; end")
    solution = run(model, engine, outputs=["x"], schedule=[Operation(2.0, "add", "x", 1.0)])
    left = 2 * (np.exp(-1.0) + 1)
    np.testing.assert_allclose(solution.values[0, 3:, 0], left * np.exp(-0.5 * (TIMES[3:] - 2)), rtol=1e-5)
    np.testing.assert_allclose(solution.events["time"], [2.0], atol=1e-6)


def test_a_reading_at_the_very_time_of_a_stop_comes_after_it(house, engine):
    schedule = [Operation(2.0, "add", "cells", 20.0)]
    solution = run(house, engine, schedule=schedule, stop=["death"], outputs=["t_death"])
    assert solution.statuses() == [Status.STOPPED_BY_EVENT]
    assert solution.values[0, 2, 0] == pytest.approx(2.0, abs=1e-6)
    assert np.all(np.isnan(solution.values[0, 3:, 0]))


def test_assigned_variables_and_reaction_rates_can_be_read(house, engine):
    solution = run(house, engine, schedule=[Operation(0.0, "add", "depot", 4.0)], outputs=["total", "absorption"])
    assert solution.values[0, 0] == pytest.approx([4.0, 6.0])


def test_initial_assignments_follow_replaced_parameters(house, engine):
    replaced = {"k_growth": np.array([0.1, 0.2])}
    solution = run(house, engine, subjects=2, parameters=replaced, outputs=["twice"])
    assert solution.values[:, 0, 0] == pytest.approx([0.2, 0.4])
    solution = run(house, engine, subjects=2, parameters={**replaced, "twice": 7.0}, outputs=["twice"])
    assert solution.values[:, 0, 0] == pytest.approx([7.0, 7.0])


def test_a_subject_without_a_value_does_not_spoil_its_neighbors(house, engine):
    rates = np.array([0.1, np.nan, 0.2])
    solution = run(house, engine, subjects=3, parameters={"k_growth": rates})
    assert solution.statuses()[1] is Status.NOT_FINITE
    alone = run(house, engine, subjects=1, parameters={"k_growth": 0.2})
    np.testing.assert_array_equal(solution.values[2], alone.values[0])


def test_a_cohort_is_its_subjects_one_at_a_time(house, engine):
    rng = np.random.default_rng(3)
    values = {"k_growth": rng.uniform(0.1, 0.4, 20), "CL": rng.lognormal(size=20)}
    schedule = [Operation(rng.uniform(0, 9, 20), "add", "drug", rng.uniform(0, 5, 20))]
    together = run(house, engine, subjects=20, parameters=values, schedule=schedule, stop=["death"])
    for i in (0, 7, 19):
        alone = run(
            house,
            engine,
            parameters={name: value[i : i + 1] for name, value in values.items()},
            schedule=[Operation(op.time[i : i + 1], op.kind, op.target, op.value[i : i + 1]) for op in schedule],
            stop=["death"],
        )
        np.testing.assert_array_equal(alone.values[0], together.values[i])
        np.testing.assert_array_equal(alone.final[0], together.final[i])


def test_progress_counts_every_subject(house, engine):
    told = []
    run(house, engine, subjects=40, progress=told.append)
    assert sum(told) == 40


def test_tighter_tolerances_come_closer(house, engine):
    errors = []
    for tolerance in (1e-4, 1e-9):
        options = Options(relative_tolerance=tolerance, absolute_tolerance=tolerance * 1e-2)
        solution = run(house, engine, times=np.array([0.0, 20.0]), options=options)
        errors.append(abs(solution.values[0, -1, 0] / np.exp(6.0) - 1))
    assert errors[1] < 2e-7
    assert errors[1] < errors[0] < 1e-2


def test_the_engine_says_which_tolerances_it_worked_with(house, engine):
    own = run(house, engine).tolerances
    assert own.keys() == {"relative_tolerance", "absolute_tolerance"}
    assert 0 < own["absolute_tolerance"] < own["relative_tolerance"] < 1e-5
    asked = run(house, engine, options=Options(relative_tolerance=1e-5)).tolerances
    assert asked == own | {"relative_tolerance": 1e-5}


def test_the_default_engine_works_where_none_is_asked_for(house):
    one, other = (
        solve(house, TIMES, subjects=1, outputs=["cells"], **named) for named in ({}, {"engine": DEFAULT_ENGINE})
    )
    np.testing.assert_array_equal(one.values, other.values)


def test_a_single_reading_is_the_start(house, engine):
    solution = run(house, engine, times=np.array([0.0]))
    assert solution.values[0, 0].tolist() == [1.0, 0.0, 0.0]


def test_unknown_names_are_answered_with_the_closest(house, engine):
    with pytest.raises(UnknownNameError, match='Did you mean "cells"'):
        run(house, engine, outputs=["cell"])
    with pytest.raises(UnknownNameError, match='Did you mean "death"'):
        run(house, engine, stop=["deaths"])
    with pytest.raises(UnknownNameError, match='Did you mean "k_growth"'):
        run(house, engine, parameters={"k_grwth": 1.0})
    with pytest.raises(UnknownNameError, match='Did you mean "depot"'):
        run(house, engine, schedule=[Operation(1.0, "add", "depo", 1.0)])


def test_impossible_requests_are_refused(house, engine):
    with pytest.raises(InvalidValueError, match="increase"):
        run(house, engine, times=np.array([0.0, 2.0, 1.0]))
    with pytest.raises(InvalidValueError, match="before the start"):
        run(house, engine, schedule=[Operation(-1.0, "add", "depot", 1.0)])
    with pytest.raises(InvalidValueError, match="each of the 1 subjects"):
        run(house, engine, parameters={"CL": np.ones(3)})
