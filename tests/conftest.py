"""Fixtures for every test: the house library stands in for ours where a test asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

import gvlab.library.library
from gvlab.model.model import Model
from helpers import house_sbml, write_house_library


@pytest.fixture
def house_library(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replace our library by the house library, and give its folder."""
    folder = write_house_library(tmp_path_factory.mktemp("house"))
    monkeypatch.delenv("GVLAB_LIBRARY", raising=False)
    monkeypatch.setattr(gvlab.library.library, "BUILT_IN", folder)
    return folder


@pytest.fixture(scope="session")
def house_model() -> Model:
    """The house model."""
    return Model(house_sbml())
