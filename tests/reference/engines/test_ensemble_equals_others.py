"""Our engine against libRoadRunner and COPASI, through the same contract, on every experiment of the library."""

from __future__ import annotations

import os
import time

import numpy as np
import numpy.typing as npt
import pytest

from gvlab import library
from gvlab.engine import ENGINES
from gvlab.model.model import Model
from reference.engines import kept
from reference.engines.scenarios import (
    EVENT_TIME,
    EVENT_TIME_BY_DEFAULT,
    FATES,
    MANY_BY_DEFAULT,
    Scenario,
    event_differences,
    largest_difference,
    scenarios,
    typical_and_drawn,
)

ALL = scenarios()
ONE_ARM_EACH = list({each.experiment: each for each in ALL if not each.harvested}.values())
"""The last arm of each experiment: the one in which most is different."""

SUBJECTS = int(os.environ.get("GVLAB_REFERENCE_SUBJECTS", "10000"))
"""Subjects of the largest comparison."""

BLOCK = 100
"""Subjects after which it can be stopped without loss."""


@pytest.fixture
def copasi(monkeypatch):
    pytest.importorskip("reference.engines.copasi")
    monkeypatch.setitem(ENGINES, "copasi", "reference.engines.copasi")
    return "copasi"


def assert_same(scenario: Scenario, other: str, drawn: int, record) -> None:
    """Hold curves and events against those of another engine, both at tight tolerances."""
    cohort = typical_and_drawn(scenario, drawn)
    ours, reference = scenario.run(cohort, "ensemble"), scenario.run(cohort, other)
    assert ours.ok.all()
    assert reference.ok.all()
    curves, where = largest_difference(ours, reference)
    days = event_differences(ours, reference).max(initial=0.0)
    record("largest_difference", float(curves))
    record("largest_difference_at", where)
    record("event_days", float(days))
    record("events", len(ours.events))
    assert curves <= 1, where
    assert days <= EVENT_TIME


@pytest.mark.parametrize("scenario", ALL, ids=str)
def test_curves_and_event_times_are_those_of_roadrunner(scenario, record_property):
    assert_same(scenario, "roadrunner", 3, record_property)


@pytest.mark.parametrize("scenario", ONE_ARM_EACH, ids=str)
def test_curves_and_event_times_are_those_of_copasi(scenario, copasi, record_property):
    assert_same(scenario, copasi, 1, record_property)


@pytest.mark.nightly
@pytest.mark.parametrize("scenario", ALL, ids=str)
def test_curves_and_event_times_of_every_arm_are_those_of_copasi(scenario, copasi, record_property):
    assert_same(scenario, copasi, 5, record_property)


def times_of_the_same_fates(ours, reference) -> npt.NDArray[np.float64]:
    """Assert that the same happens to every subject: deaths, cures, any event; give the differences of times."""
    assert ours.ok.all()
    assert reference.ok.all()
    assert set(Model.default().deaths) <= FATES
    assert any(np.isfinite(reference.first(event)).any() for event in FATES)
    np.testing.assert_array_equal(ours.status, reference.status)
    return event_differences(ours, reference)


WITH_FATES = [each for each in ALL if library.read("experiments", each.experiment).endpoints]
COMBINATION = next(each for each in WITH_FATES if each.experiment == "mathew2018_survival" and each.arm.count("+") == 2)


def test_no_fate_is_another_in_100_subjects_on_the_main_arm():
    cohort = COMBINATION.read().system.cohort(100, seed=1)
    ours, reference = COMBINATION.run(cohort, "ensemble", None), COMBINATION.run(cohort, "roadrunner")
    assert times_of_the_same_fates(ours, reference).max() <= EVENT_TIME_BY_DEFAULT


@pytest.mark.nightly
@pytest.mark.parametrize("scenario", ALL, ids=str)
def test_100_subjects_are_those_of_roadrunner(scenario, record_property):
    cohort = scenario.read().system.cohort(100, seed=1)
    reference = scenario.run(cohort, "roadrunner")
    tight = scenario.run(cohort, "ensemble")
    curves, where = largest_difference(tight, reference)
    days = event_differences(tight, reference).max(initial=0.0)
    record_property("largest_difference", float(curves))
    record_property("event_days", float(days))
    assert curves <= 1, where
    assert days <= EVENT_TIME
    if scenario in WITH_FATES:
        by_default = times_of_the_same_fates(scenario.run(cohort, "ensemble", None), reference)
        assert by_default.max() <= EVENT_TIME_BY_DEFAULT


@pytest.mark.nightly
def test_no_fate_is_another_in_10_000_subjects(request, capsys, monkeypatch):
    """Goes block by block and keeps what libRoadRunner answers, so that it can be stopped and begun again.

    GVLAB_REFERENCE_SUBJECTS=200 takes fewer: the first of the 10,000. Our engine is asked anew each time, with its
    default tolerances as users have them, and with tight ones.
    """
    monkeypatch.setitem(ENGINES, "kept", "reference.engines.kept")
    monkeypatch.setattr(kept, "folder", request.config.cache.mkdir("libroadrunner"))
    cohort = COMBINATION.read().system.cohort(10_000, seed=1)
    count, ends = min(SUBJECTS, len(cohort)), [0.0, COMBINATION.read().last_day]
    failed, by_default, tight = [], [], []
    for first in range(0, count, BLOCK):
        rows = np.arange(first, min(first + BLOCK, count))
        begun = time.perf_counter()
        reference = COMBINATION.run(cohort.select(rows), "kept", times=ends)
        solved = time.perf_counter()
        try:
            by_default.append(
                times_of_the_same_fates(COMBINATION.run(cohort.select(rows), "ensemble", None), reference)
            )
            tight.append(times_of_the_same_fates(COMBINATION.run(cohort.select(rows), "ensemble"), reference))
            verdict = (
                f"the same {tight[-1].size:,} events, within {by_default[-1].max():.1e} d, {tight[-1].max():.1e} d"
            )
        except AssertionError as error:
            failed.append(f"subjects {rows[0]:,} to {rows[-1]:,}: {error}")
            verdict = "NOT THE SAME"
        ended = time.perf_counter()
        with capsys.disabled():
            print(f"\n{rows[-1] + 1:,} of {count:,}: {verdict}", end="")
            print(f"; libRoadRunner {solved - begun:.1f} s, ensemble {ended - solved:.1f} s", end="", flush=True)
    assert not failed, "\n".join(failed)
    assert np.concatenate(tight).max() <= EVENT_TIME
    found = {share: float(np.percentile(np.concatenate(by_default), share)) for share in MANY_BY_DEFAULT}
    assert all(found[share] <= most for share, most in MANY_BY_DEFAULT.items()), found
