"""Tasks: data in, data out, the same bits whoever carries them out; nothing is dropped in silence."""

import pickle
import threading
import time
import warnings

import numpy as np
import pytest

from gvlab.engine import Options, Status
from gvlab.errors import CancelledError, ProtocolError, SolveError, SolveWarning, UnknownNameError
from gvlab.protocol import Condition, Dose, Harvest, Protocol
from gvlab.simulation import CancelToken, SimulationTask, Threads, run_tasks, show_warnings, simulate
from gvlab.simulation import executors as executors_of_tasks
from gvlab.simulation.engine_call import joined
from gvlab.subject import Cohort, System

pytestmark = pytest.mark.usefixtures("house_library")


@pytest.fixture
def cohort():
    return System.read("house_system").cohort(23, seed=5).replace({"k_hazard_house": 0.1, "k_marker_house": 0.2})


@pytest.fixture
def tasks(house_model, cohort):
    """Three arms: cells and drug; cells out of a primary recipient; the same under a condition."""
    cells = Dose("house_cells", "1e4 cell", at="day 0")
    drug = Dose("house_drug", "10 mg/kg", at="day 1", every="1 day", until="day 3")
    graft = Protocol.of(Dose("house_graft", "100 cell", at="day 1", harvest=Harvest(cells + drug, at="day 4")))
    return [
        SimulationTask(house_model, cohort, cells + drug, until="day 6", label="drug"),
        SimulationTask(house_model, cohort, graft, until="day 6", label="graft"),
        SimulationTask(house_model, cohort, graft, Condition.read("house_slow"), until="day 6", label="slow"),
    ]


def same(one, other):
    assert one.data.identical(other.data)
    assert one.ends.identical(other.ends)
    np.testing.assert_array_equal(one.events, other.events)
    assert one.manifest == other.manifest


@pytest.mark.parametrize("engine", ["ensemble", "roadrunner"])
def test_executors_give_the_same_bits(tasks, monkeypatch, engine):
    monkeypatch.setattr(executors_of_tasks, "SHARD", 10)
    tasks = [SimulationTask(**{**vars_of(task), "engine": engine}) for task in tasks]
    alone = run_tasks(tasks)
    together = run_tasks(tasks, executor=Threads(3))
    for one, other in zip(alone, together, strict=True):
        assert one.ok
        assert other.ok
        same(one.get(), other.get())


def vars_of(task):
    names = ("model", "cohort", "protocol", "condition", "until", "times", "outputs", "engine", "options", "label")
    return {name: getattr(task, name) for name in names}


def test_a_task_is_what_simulate_does(tasks, house_model, cohort):
    for task, result in zip(tasks, run_tasks(tasks), strict=True):
        same(result.get(), simulate(house_model, cohort, task.protocol, until="day 6", condition=task.condition))


def test_shards_put_together_are_the_whole(tasks):
    call = tasks[0].call({})
    whole = call.solve()
    shards = list(call.shards(5))
    assert [shard.subjects for shard in shards] == [4, 5, 4, 5, 5]
    parts = joined([shard.solve() for shard in shards])
    for name in ("values", "end_times", "final", "events", "status", "steps"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    assert parts.tolerances == whole.tolerances


def test_primary_recipients_that_arms_share_are_followed_once(tasks, monkeypatch):
    solved = []
    original = executors_of_tasks.solved
    monkeypatch.setattr(executors_of_tasks, "solved", lambda call, **how: solved.append(call) or original(call, **how))
    run_tasks(tasks)
    assert len(solved) == 4


def test_tasks_and_results_travel(tasks):
    result = run_tasks(pickle.loads(pickle.dumps(tasks)))[1]
    again = pickle.loads(pickle.dumps(result))
    same(again.get(), run_tasks(tasks)[1].get())
    assert again.task.label == "graft"


@pytest.mark.usefixtures("failing")
def test_a_subject_that_failed_is_there_with_its_status_and_a_warning(house_model, cohort):
    clearance = np.where(np.arange(23) % 8 == 3, 4.0, 2.0)
    mixed = Cohort({"CL_house": clearance}, cohort.table, cohort.numbers)
    task = SimulationTask(house_model, mixed, until="day 5", outputs=["cell_a"], engine="failing", label="vehicle")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run_tasks([task])[0]
    assert result.ok
    assert len(result.get()) == 23
    assert np.flatnonzero(~result.solved).tolist() == [3, 11, 19]
    assert set(result.statuses[[3, 11, 19]].tolist()) == {int(Status.STEP_LIMIT)}
    assert result.warnings[0].startswith("3 of 23 subjects stopped at the step limit")
    assert "(rows 3, 11, 19), all with CL_house >= 4 1/day" in result.warnings[0]
    with pytest.warns(SolveWarning, match="^vehicle: 3 of 23 subjects") as caught:
        show_warnings([result, result])
    assert len(caught) == 1


def test_where_nobody_was_solved_that_task_has_an_error_and_the_others_go_on(tasks, house_model, cohort):
    nobody = SimulationTask(house_model, cohort, until="day 6", options=Options(max_steps=0), label="nobody")
    results = run_tasks([nobody, tasks[0]])
    assert not results[0].ok
    assert set(results[0].statuses.tolist()) == {int(Status.STEP_LIMIT)}
    with pytest.raises(SolveError, match="None of 23 subjects could be solved: each stopped at the step limit"):
        results[0].get()
    assert results[1].ok


def test_primary_recipients_that_all_died_are_the_error_of_their_task(tasks, house_model, cohort):
    graft = Protocol.of(Dose("house_graft", "100 cell", at="day 1", harvest=Harvest(None, at="day 5")))
    doomed = SimulationTask(house_model, cohort.replace({"k_hazard_house": 9.0}), graft, until="day 6")
    result = run_tasks([doomed, tasks[0]])[0]
    assert result.trajectories is None
    assert set(result.statuses.tolist()) == {int(Status.ENGINE_FAILED)}
    with pytest.raises(ProtocolError, match='None of the 23 primary recipients of "house_graft" lives on day 5'):
        result.get()


def test_an_executor_that_does_not_exist_is_refused(tasks):
    with pytest.raises(UnknownNameError, match='Did you mean "threads"'):
        run_tasks(tasks, executor="thread")


@pytest.mark.parametrize("executor", ["serial", "threads"])
@pytest.mark.parametrize("engine", ["ensemble", "roadrunner"])
def test_a_cancelled_run_stops_at_once_leaves_no_thread_and_can_be_run_again(
    house_model, cohort, executor, engine, monkeypatch
):
    monkeypatch.setattr(executors_of_tasks, "SHARD", 10)
    drug = Protocol.of(Dose("house_drug", "10 mg/kg", at="day 0", every="0.1 day", until="day 2"))
    times = {"ensemble": np.linspace(0, 2000, 60_000), "roadrunner": np.linspace(0, 2000, 20_000)}[engine]

    def task(days):
        return SimulationTask(
            house_model, cohort.replace({"k_hazard_house": 0.0}), drug, until=2000.0, times=days, engine=engine,
            options=Options(relative_tolerance=1e-11),
        )  # fmt: skip

    short = task(times[:40])
    before = run_tasks([short], executor=executor)[0].get()
    token = CancelToken()
    threads = set(threading.enumerate())
    cancelled_at = []

    def cancel():
        cancelled_at.append(time.monotonic())
        token.cancel()

    timer = threading.Timer(0.3, cancel)
    timer.start()
    with pytest.raises(CancelledError, match="cancelled"):
        run_tasks([task(times)] * 50, executor=executor, cancel=token)
    assert time.monotonic() - cancelled_at[0] < 3.0  # 0.2 s where nobody else is at work on the machine
    timer.join()
    assert set(threading.enumerate()) <= threads
    same(run_tasks([short], executor=executor)[0].get(), before)


@pytest.mark.parametrize("executor", ["serial", "threads"])
def test_progress_is_told_within_an_arm_and_adds_up(house_model, cohort, executor):
    told = []
    task = SimulationTask(
        house_model,
        cohort.replace({"k_hazard_house": 0.0}),
        until=2000.0,
        times=np.linspace(0, 2000, 100_000),
        outputs=["marker"],
    )
    run_tasks([task], executor=executor)  # compiled
    began = time.monotonic()
    run_tasks([task], executor=executor, progress=lambda finished: told.append((time.monotonic(), finished)))
    assert sum(finished for _, finished in told) == 23
    gaps = np.diff([began, *(when for when, _ in told)])
    assert len(told) >= 2
    assert gaps.max() < 3.0  # 0.1 s where nobody else is at work on the machine
