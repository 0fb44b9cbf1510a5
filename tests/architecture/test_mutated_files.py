"""The nightly job that mutates the package finds its files and their tests."""

from __future__ import annotations

import importlib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_file_that_is_mutated_and_its_tests_are_there(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    mutate = importlib.import_module("mutate")
    for file, tests in mutate.TESTS.items():
        assert (mutate.PACKAGE / file).is_file(), file
        assert all((ROOT / each).exists() for each in tests), file


SOURCE = """
def area(r: float | None, scale: float = 2.0) -> float | None:
    found: float | int = scale * r
    if r < 0:
        raise ValueError(f"{r + 1} is no radius", r + 1)
    raise ValueError("none", 5 + 5)
"""


def test_what_is_mutated_can_matter(monkeypatch, tmp_path):
    """Neither annotations, which nobody evaluates, nor what an error says."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    mutate = importlib.import_module("mutate")
    monkeypatch.setattr(mutate, "PACKAGE", tmp_path)
    (tmp_path / "area.py").write_text(SOURCE)
    assert {each.words for each in mutate.mutants("area.py")} == {
        "2.0  ->  3.01", "scale * r  ->  scale / r", "r < 0  ->  r <= 0", "0  ->  1",
    }  # fmt: skip
