"""What the benchmark of the engine rests on: its peers solve the same problem, and the page shows what was measured."""

from __future__ import annotations

import importlib
import json
import warnings
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks"
SMALL = ("repressilator", "robertson", "target_mediated")
CLOSE = 1e-6
"""Largest error of a peer at tight tolerances, as the benchmark measures it."""


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


def case_of(benchmark, name: str, subjects: int):
    cases = benchmark("engine_cases")
    if name in SMALL:
        return next(case for case in cases.others(subjects, 5) if case.name == name)
    species, _, stiff = name.partition(" ")
    return cases.flagship(species, subjects, 5, stiff=bool(stiff))


def assert_close(benchmark, name: str, subjects: int, peer: str) -> None:
    engine, case = benchmark("engine"), case_of(benchmark, name, subjects)
    run = engine.ENGINES[peer][0]
    assert engine.error(run(case, engine.tolerance(1e-10)), engine.run_ensemble(case, engine.TIGHT)) < CLOSE
    # A measure that tells nothing apart would let anything pass.
    assert engine.error(run(case, engine.tolerance(1e-2)), engine.run_ensemble(case, engine.TIGHT)) > CLOSE


@pytest.mark.parametrize("name", SMALL)
def test_scipy_solves_the_same_problem(benchmark, name):
    assert_close(benchmark, name, 1, "scipy")


@pytest.mark.parametrize("name", [*SMALL, "mouse", "mouse stiff", "human", "human stiff"])
def test_numbalsoda_solves_the_same_problem(benchmark, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pytest.importorskip("numbalsoda")
        assert_close(benchmark, name, 2, "numbalsoda")


def test_a_peer_that_is_not_installed_is_left_out_with_the_way_to_install_it(benchmark, monkeypatch, capsys):
    engine = benchmark("engine")
    monkeypatch.setattr(engine, "installed", lambda: False)
    assert engine.main(["--only", "no such case"]) == []
    told = capsys.readouterr().err
    assert "numbalsoda is left out" in told
    assert "apt install gfortran cmake" in told
    with pytest.raises(SystemExit):
        engine.main(["--docs"])


def test_the_page_shows_the_numbers_that_were_kept(benchmark, monkeypatch, tmp_path):
    page = benchmark("engine_page")
    rows = json.loads(page.NUMBERS.read_text(encoding="utf-8"))
    copy = tmp_path / "page.md"
    text = page.PAGE.read_text(encoding="utf-8")
    copy.write_text(text, encoding="utf-8")
    monkeypatch.setattr(page, "PAGE", copy)
    page.write_docs(rows)
    assert copy.read_text(encoding="utf-8") == text
    rows[0]["subjects_per_second"] *= 2
    page.write_docs(rows)
    assert copy.read_text(encoding="utf-8") != text
    page.draw(rows, tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").stat().st_size > 1000


def test_every_row_has_what_others_read(benchmark):
    rows = json.loads(benchmark("engine_page").NUMBERS.read_text(encoding="utf-8"))
    assert len(rows) > 20
    for row in rows:
        assert {"case", "engine", "max_error", "subjects_per_second", "ratio"} <= row.keys()
    timed = [row for row in rows if row["ratio"] is not None]
    assert {row["engine"] for row in timed} == {"ensemble", "roadrunner", "numbalsoda", "scipy"}
    assert all(row["max_error"] <= 1e-4 for row in timed)
