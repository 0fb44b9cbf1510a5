"""What is run, what is kept, and what is stopped."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from gvlab.errors import CancelledError
from gvlab.simulation.cancel import CancelToken
from gvlab.web import laboratory as laboratory_module
from gvlab.web.code import command_of, python_of
from gvlab.web.edit import edited
from gvlab.web.laboratory import Laboratory


def same(one, other):
    return all(
        np.array_equal(one.runs[arm].values(output), run.values(output), equal_nan=True)
        for arm, run in other.runs.items()
        for output in run.outputs
    )


def test_the_changed_arm_comes_first_with_few_and_then_all_are_whole(state, library):
    laboratory, seen = Laboratory(library), []
    whole = laboratory.answer(state, first=seen.append)
    assert [len(run) for run in seen[0].results.runs.values()] == [24] * 4
    assert [len(run) for run in whole.results.runs.values()] == [100] * 4
    changed = edited(state, library, {"line.1.amount": "20 mg/kg"}).state
    seen.clear()
    again = laboratory.answer(changed, first=seen.append)
    assert [len(run) for run in seen[0].results.runs.values()] == [100, 100, 100, 24]
    assert seen[0].refining == ("BM + T cells + sorafenib",)
    assert again.refining == ()
    # Nothing is drawn that a fresh run would not give.
    assert same(again.results, changed.experiment.run(changed.seed, subjects=100))


def test_who_asks_the_same_again_waits_for_nothing(state, library):
    laboratory, seen = Laboratory(library), []
    assert laboratory.known(state) is None
    laboratory.answer(state)
    laboratory.answer(state, first=seen.append)
    assert seen == []
    assert laboratory.known(state) is not None


def test_what_is_cancelled_is_stopped_and_leaves_nothing(state, library):
    laboratory, cancel = Laboratory(library), CancelToken()
    cancel.cancel()
    with pytest.raises(CancelledError):
        laboratory.answer(state, cancel=cancel)
    assert laboratory.known(state) is None


def test_a_first_answer_can_be_the_last(state, library):
    laboratory, cancel = Laboratory(library), CancelToken()
    with pytest.raises(CancelledError):
        laboratory.answer(state, cancel=cancel, first=lambda _: cancel.cancel())


def test_memory_is_bounded(state, library):
    laboratory = Laboratory(library, kept_bytes=1_000_000)
    for seed in range(6):
        laboratory.answer(edited(state, library, {"seed": str(seed)}).state)
    assert laboratory._bytes <= 1_000_000


def test_copy_as_python_gives_the_same_numbers_to_the_bit(state, library, capsys):
    changed = edited(state, library, {"line.1.amount": "17 mg/kg", "switch.no_cd4_help": "on", "subjects": "30"}).state
    names = {}
    exec(python_of(changed), names)
    assert same(names["results"], Laboratory(library).answer(changed).results)
    assert "alive on day 100" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["mathew2018_secondary", "mathew2018_axis", "mathew2018_controls"])
def test_every_kind_of_experiment_is_python_that_makes_it(library, name):
    from gvlab.web.state import BenchState

    state = BenchState.start(library, name)
    code = python_of(state).replace("results = ", "results = None  # ").split("for table in")[0]
    names = {}
    exec(code, names)
    assert names["experiment"] == state.experiment


def test_names_of_arms_cannot_leave_the_code_they_stand_in(state, library):
    evil = "'); import os #\\"
    changed = edited(state, library, {"arm.name": evil}).state
    names = {}
    exec(python_of(changed).split("results = ")[0], names)
    assert names["experiment"].arms[-1].name == evil
    assert command_of(changed).startswith("gvlab run '#e=")


def test_who_comes_during_the_first_run_waits_and_finds_it_done(library, state, monkeypatch):
    calls, real = [], laboratory_module.run_tasks

    def slow(tasks, **options):
        tasks = list(tasks)
        calls.append(len(tasks))
        time.sleep(0.2)
        return real(tasks, **options)

    monkeypatch.setattr(laboratory_module, "run_tasks", slow)
    few = replace(state, file=replace(state.file, subjects=8))
    own = Laboratory(library)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(own.answer, [few] * 4))
    assert calls == [len(few.experiment.arms)]
    assert len({id(answer.results.runs["BM"]) for answer in answers}) == 1
