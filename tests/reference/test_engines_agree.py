"""The two engines on the experiments of the library: the same states, the same events, the same fates."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from gvlab import library
from gvlab.engine import ENGINES, Options, Solution, ensemble, roadrunner
from gvlab.experiment.experiment import Experiment

TIGHT = Options(relative_tolerance=1e-9, absolute_tolerance=1e-11)
TIGHTER = Options(relative_tolerance=1e-11, absolute_tolerance=1e-13)


def asked(experiment: Experiment, subjects: int | None, monkeypatch) -> list[tuple]:
    """Run an experiment, and keep what it asked of its engine."""
    calls = []
    module = ModuleType("gvlab_test_recorder")

    def record(model, times, **arguments):
        arguments = {**arguments, "progress": None}
        calls.append((model, times, arguments))
        return ensemble.solve(model, times, **arguments)

    module.solve = record
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(ENGINES, "recorder", module.__name__)
    experiment.run(seed=7, subjects=subjects, engine="recorder")
    return calls


def solved(call: tuple, *, default: bool = False) -> tuple[Solution, Solution]:
    """Solve with both engines: with tight tolerances, or each with its own."""
    model, times, arguments = call
    ours, theirs = (None, None) if default else (TIGHT, TIGHTER)
    return (
        ensemble.solve(model, times, **{**arguments, "options": ours}),
        roadrunner.solve(model, times, **{**arguments, "options": theirs}),
    )


def assert_same_fates(ours: Solution, theirs: Solution, days: float) -> None:
    np.testing.assert_array_equal(ours.status, theirs.status)
    order = ["subject", "event", "time"]
    mine, other = np.sort(ours.events, order=order), np.sort(theirs.events, order=order)
    np.testing.assert_array_equal(mine[["subject", "event"]], other[["subject", "event"]])
    np.testing.assert_allclose(mine["time"], other["time"], atol=days, rtol=0)


def assert_agree(ours: Solution, theirs: Solution) -> None:
    assert_same_fates(ours, theirs, 1e-4)
    scale = np.nanmax(np.abs(theirs.values), axis=(0, 1))
    # Within a thousandth of a day of an event the two may stand on different sides of it.
    near = np.zeros(ours.values.shape[:2], dtype=bool)
    for event in theirs.events:
        near[event["subject"]] |= np.abs(theirs.times - event["time"]) < 1e-3
    difference = np.where(near[..., None], 0.0, np.abs(ours.values - theirs.values))
    bound = 1e-5 * np.maximum(np.abs(theirs.values), 1e-3 * scale)
    assert np.all((difference <= bound) | np.isnan(theirs.values))
    np.testing.assert_array_equal(np.isnan(ours.values), np.isnan(theirs.values))


def test_the_engines_agree_on_the_survival_experiment(monkeypatch):
    for call in asked(Experiment.read("mathew2018_survival"), 6, monkeypatch):
        assert_agree(*solved(call))


@pytest.mark.nightly
@pytest.mark.parametrize("name", library.names("experiments"))
def test_the_engines_agree_on_every_experiment(name, monkeypatch):
    for call in asked(Experiment.read(name), 100, monkeypatch):
        assert_agree(*solved(call))
        assert_same_fates(*solved(call, default=True), 1e-3)


@pytest.mark.nightly
def test_no_fate_differs_in_ten_thousand_mice(monkeypatch):
    call = asked(Experiment.read("mathew2018_survival"), 10_000, monkeypatch)[-1]
    assert_same_fates(*solved(call, default=True), 1e-3)
