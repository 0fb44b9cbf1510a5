"""Our engine against libRoadRunner, through the same contract, on every experiment of the library."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab import library
from gvlab.model.model import Model
from reference.engines.scenarios import (
    FATES,
    Scenario,
    assert_same_curves,
    assert_same_events,
    scenarios,
    typical_and_drawn,
)

ALL = scenarios()


@pytest.mark.parametrize("scenario", ALL, ids=str)
def test_curves_and_event_times_are_those_of_roadrunner(scenario):
    cohort = typical_and_drawn(scenario, drawn=3)
    ours, reference = (scenario.run(cohort, engine) for engine in ("ensemble", "roadrunner"))
    assert ours.ok.all()
    assert reference.ok.all()
    assert_same_curves(ours, reference)
    assert_same_events(ours, reference)


def flipped(scenario: Scenario, subjects: int) -> dict[str, list[int]]:
    """Give, by event (deaths, cures), the subjects to whom it happens with one engine only; at our default accuracy."""
    cohort = scenario.read().system.cohort(subjects, seed=1)
    ours = scenario.run(cohort, "ensemble", options=None)
    reference = scenario.run(cohort, "roadrunner")
    assert ours.ok.all()
    assert reference.ok.all()
    assert set(Model.default().deaths) <= FATES
    assert any(np.isfinite(reference.first(event)).any() for event in FATES)
    found = {
        event: np.flatnonzero(np.isfinite(ours.first(event)) != np.isfinite(reference.first(event))).tolist()
        for event in sorted(FATES)
    }
    return {event: rows for event, rows in found.items() if rows}


WITH_FATES = [each for each in ALL if library.read("experiments", each.experiment).endpoints]
COMBINATION = next(each for each in WITH_FATES if each.experiment == "mathew2018_survival" and each.arm.count("+") == 2)


def test_no_fate_is_another_in_100_subjects_on_the_main_arm():
    assert flipped(COMBINATION, 100) == {}


@pytest.mark.nightly
@pytest.mark.parametrize("scenario", WITH_FATES, ids=str)
def test_no_fate_is_another_in_100_subjects(scenario):
    assert flipped(scenario, 100) == {}


@pytest.mark.nightly
def test_no_fate_is_another_in_10_000_subjects():
    assert flipped(COMBINATION, 10_000) == {}
