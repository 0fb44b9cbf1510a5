"""The reference engine as a machine: its processes, and what happens when one dies."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from gvlab.engine import Status
from gvlab.engine.roadrunner import engine as roadrunner
from gvlab.engine.roadrunner.pool import Worker, WorkerDiedError, receive, send
from gvlab.errors import SolveError
from gvlab.sbml.equations import Equations

DECAY = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2">
  <model id="decay"><listOfParameters>
    <parameter id="k" value="1" constant="true"/><parameter id="x" value="1" constant="false"/>
  </listOfParameters><listOfRules><rateRule variable="x">
    <math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><apply><minus/><ci>k</ci></apply><ci>x</ci></apply></math>
  </rateRule></listOfRules></model></sbml>"""


@pytest.fixture
def decay():
    return Equations.from_sbml(DECAY)


def test_the_number_of_workers_changes_nothing(decay):
    rates = np.linspace(0.1, 2, 30)
    one, two = (
        roadrunner.solve(
            decay, np.linspace(0, 5, 6), subjects=30, outputs=["x"], parameters={"k": rates}, threads=workers
        )
        for workers in (1, 2)
    )
    np.testing.assert_array_equal(one.values, two.values)


def test_a_dead_process_costs_one_subject(decay, monkeypatch):
    """A process that ends while subject 5 is being solved marks subject 5; the others are solved."""
    original = Worker.receive
    answers = iter(range(10_000))

    def receive_or_die(self):
        answer = original(self)
        if isinstance(answer, dict) and next(answers) == 5:
            self.close()
            raise WorkerDiedError
        return answer

    monkeypatch.setattr(Worker, "receive", receive_or_die)
    solution = roadrunner.solve(decay, np.array([0.0, 1.0]), subjects=12, outputs=["x"], threads=1)
    failed = [i for i, status in enumerate(solution.statuses()) if status is Status.ENGINE_FAILED]
    assert failed == [5]
    assert np.all(np.isfinite(np.delete(solution.values, 5, axis=0)))
    assert "run it alone" in Status.ENGINE_FAILED.remedy


def test_a_model_that_libroadrunner_cannot_take_is_an_error_with_its_words(monkeypatch, decay):
    def refuse(self):
        return {"refused": "it has no species"}

    assert roadrunner.solve(decay, np.array([0.0, 1.0]), subjects=1, outputs=["x"]).status[0] == 0  # started
    monkeypatch.setattr(Worker, "receive", refuse)
    with pytest.raises(SolveError, match="cannot take this model: it has no species"):
        roadrunner.solve(decay, np.array([0.0, 1.0]), subjects=1, outputs=["x"])


def test_messages_come_through_a_pipe_whole(tmp_path):
    path = tmp_path / "pipe"
    message = {"values": np.arange(100_000.0), "text": "µ"}
    with path.open("wb") as pipe:
        send(pipe, message)
        send(pipe, "end")
    with path.open("rb") as pipe:
        np.testing.assert_array_equal(receive(pipe)["values"], message["values"])
        assert receive(pipe) == "end"
        with pytest.raises(EOFError):
            receive(pipe)


def test_a_script_without_a_main_guard_runs_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import numpy as np\nfrom gvlab.engine import solve\nfrom gvlab.sbml.equations import Equations\n"
        f"print('started')\nmodel = Equations.from_sbml('''{DECAY}''')\n"
        "s = solve(model, np.array([0.0, 1.0]), subjects=2, outputs=['x'], engine='roadrunner')\n"
        "print(s.statuses())\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.count("started") == 1
    assert "FINISHED" in done.stdout
