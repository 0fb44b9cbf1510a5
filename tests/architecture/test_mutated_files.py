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
