"""What is kept on disk of a model's program: the same bits from it, and made anew where it is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import antimony
import numpy as np
import pytest

from gvlab import disk_cache
from gvlab.engine import Operation
from gvlab.engine.ensemble import front
from gvlab.engine.ensemble.engine import Engine
from gvlab.model.model import Model
from gvlab.sbml.equations import Equations

MODEL = """
model m
    compartment plasma = 2
    substanceOnly species depot in plasma = 0
    species drug in plasma = 0
    species cells in plasma = 1
    ka = 1.5; CL = 0.8; k = 0.3; n = 1.6; seen = 0; undefined_until_set = -0.0
    k2 = 2*k
    share := drug^n / (0.7^n + drug^n)
    absorption: depot -> drug; ka*depot
    clearance: drug -> ; CL*drug
    growth: -> cells; piecewise(k2*cells*plasma*(1 - share), time < 3, k*cells)
    large: at 0.1 after (cells > 1.5), priority = 2, persistent = false: seen = seen + 1, n = 2
end
"""
TIMES = np.linspace(0.0, 6.0, 13)
SCHEDULE = [
    Operation(1.0, "add", "depot", 4.0),
    Operation(2.0, "add", "depot", 4.0, guard="drug < 1 && share > 0"),
    Operation(2.5, "set", "k", 0.2),
]


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("GVLAB_CACHE", str(tmp_path))
    return tmp_path / "engine"


@pytest.fixture
def model() -> Equations:
    return read(MODEL)


def read(text: str) -> Equations:
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(text) >= 0, antimony.getLastError()
    return Equations.from_sbml(antimony.getSBMLString(antimony.getMainModuleName()))


def solve(model: Equations) -> list[np.ndarray]:
    """Solve as in a new process, which has nothing in memory."""
    outputs = (*model.states, *model.assigned, *model.reactions)
    solution = Engine().solve(model, TIMES, subjects=2, outputs=outputs, schedule=SCHEDULE)
    return [solution.values, solution.final, solution.steps, solution.events["time"], solution.events["event"]]


def assert_same(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_was_kept_gives_the_same_bits_and_nothing_is_built(model, monkeypatch, folder):
    first = solve(model)
    assert first[3].size == 2
    assert len(list(folder.glob("*.json"))) == 1
    monkeypatch.setattr(front, "build", None)
    assert_same(first, solve(read(MODEL)))


def test_a_kept_program_is_the_program(model):
    fresh = front.program_of(model.sbml)
    kept = front.program_of(model.sbml)
    assert kept[1] is not fresh[1]
    for name, value in vars(fresh[1]).items():
        if name not in ("graph", "plain"):
            assert getattr(kept[1], name) == value, name
    assert kept[1].plain is None  # only programs with sensitivities read it, and those are never kept
    graphs = [program.graph for _, program in (kept, fresh)]
    for name in ("operation", "arguments", "payload"):
        assert getattr(graphs[0], name) == getattr(graphs[1], name), name
    # What is made over a graph that was kept is what was there.
    assert [graph.mul(graph.symbol("k"), graph.symbol("CL")) for graph in graphs] == [
        graphs[1].mul(graphs[1].symbol("CL"), graphs[1].symbol("k"))
    ] * 2
    for name, value in vars(fresh[0].system).items():
        if name != "graph":
            np.testing.assert_equal(getattr(kept[0].system, name), value)
    assert kept[1].fingerprint == front.fingerprint(fresh[1])


@pytest.mark.parametrize("damage", ["cut", "changed", "emptied", "other content", "other shape"])
def test_what_is_damaged_is_made_anew(model, folder, damage):
    first = solve(model)
    (path,) = folder.glob("*.json")
    whole = path.read_bytes()
    if damage == "other content":
        disk_cache.write(path.name, b"[1, 2")
    elif damage == "other shape":
        disk_cache.write(path.name, json.dumps({"graph": [[], [], []]}).encode())
    else:
        path.write_bytes({"cut": whole[:-9], "changed": whole[:400] + b"7" + whole[401:], "emptied": b""}[damage])
    assert path.read_bytes() != whole
    assert_same(first, solve(model))
    assert path.read_bytes() == whole


def test_another_text_has_another_program(model, folder):
    solve(model)
    solve(read(MODEL.replace("ka = 1.5", "ka = 1.6")))
    assert len(list(folder.glob("*.json"))) == 2


def test_functions_are_there_for_guards_in_a_later_process():
    model = read("function twice(x)\n 2*x\nend\nmodel f\n x = 1; k = 0.5; x' = -twice(k)*x; end")
    values = []
    for _ in range(2):
        dose = Operation(1.0, "add", "x", 3.0, guard="twice(x) < 1")
        solution = Engine().solve(model, np.array([0.0, 1.0]), subjects=1, outputs=["x"], schedule=[dose])
        values.append(solution.values)
    assert values[0][0, 1, 0] == pytest.approx(np.exp(-1.0) + 3.0, rel=1e-5)
    np.testing.assert_array_equal(*values)


def test_a_folder_that_cannot_be_written_is_no_hindrance(model, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GVLAB_CACHE", str(tmp_path / "file"))
    assert np.all(np.isfinite(solve(model)[0]))


def test_the_flagship_model_is_kept(folder):
    front.program_of(Model.default().sbml)
    assert len(list(folder.glob("*.program.json"))) == 1
