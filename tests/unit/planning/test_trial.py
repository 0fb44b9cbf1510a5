"""Accrual, dropout and cuts at an event, held against closed forms and R 4.2 (rpact)."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.errors import InvalidValueError
from gvlab.planning.trial import cut_at_event, event_driven_power, event_probability, events_needed

MONTH = np.log(2)
# Eight patients, one a month; four of them in stratum "+". One of each kind left before the event.
ENTRY = np.arange(8.0)
EVENT = np.array([4, 9, 3, 20, 2, 6, 30, 1.0])
LEAVES = np.array([99, 5, 99, 99, 99, 3, 99, 99.0])
PLUS = np.array(list("++-+-+-+")) == "+"
TIME, SEEN = np.minimum(EVENT, LEAVES), EVENT <= LEAVES


def test_the_probability_of_an_event_equals_rpact():
    """``getEventProbabilities(time=24, lambda2=log(2)/10, dropout 0.01 a month, accrualTime=c(0, 12))``."""
    found = event_probability(MONTH / 10, 24, accrual=12, dropout=0.01)
    assert found == pytest.approx(0.65629183, abs=1e-8)
    # All at once and nobody lost: the exponential itself. Half a year into the accrual: those of half a year.
    assert event_probability(MONTH / 10, 10) == pytest.approx(0.5, rel=1e-12)
    assert event_probability(0.1, 6, accrual=12) == pytest.approx(event_probability(0.1, 6, accrual=6), rel=1e-12)


def test_the_probability_of_an_event_is_the_share_of_drawn_patients():
    rng = np.random.default_rng(3)
    entry, event, leaves = 12 * rng.random(200_000), rng.exponential(10, 200_000), rng.exponential(40, 200_000)
    share = np.mean((event <= leaves) & (entry + event <= 20))
    assert event_probability(0.1, 20, accrual=12, dropout=0.025) == pytest.approx(share, abs=0.004)


def test_events_equal_schoenfelds_and_those_of_rpact():
    """``getSampleSizeSurvival(alpha=.025, beta=.2, hazardRatio=.55, allocationRatioPlanned=2)``, and a look at 0.7."""
    assert events_needed(0.55, allocation=2) == pytest.approx(98.82222, abs=1e-5)
    assert events_needed(0.55, allocation=2, information=(0.7, 1.0)) == pytest.approx(100.29521, abs=0.005)
    assert events_needed(1 / 0.55, allocation=0.5) == pytest.approx(98.82222, abs=1e-5)


def test_a_trial_is_cut_on_the_day_of_an_event_of_its_stratum():
    cut = cut_at_event(ENTRY, TIME, SEEN, 2, counted=PLUS)
    assert cut.at == 8.0
    assert cut.enrolled.all()
    assert cut.duration.tolist() == [4, 5, 3, 5, 2, 3, 2, 1]
    assert cut.event_observed.tolist() == [1, 0, 1, 0, 1, 0, 0, 1]
    assert cut.event_observed[PLUS].sum() == 2
    first = cut_at_event(ENTRY, TIME, SEEN, 1)
    assert (first.at, int(first.enrolled.sum())) == (4.0, 4)
    assert first.duration.tolist() == [4, 3, 2, 1]


def test_events_that_never_come_are_refused_with_the_most_there_are():
    with pytest.raises(InvalidValueError, match="5 events are asked for, and 3 are seen at most"):
        cut_at_event(ENTRY, TIME, SEEN, 5, counted=PLUS)
    rng = np.random.default_rng(1)
    with pytest.raises(InvalidValueError, match=r"30 events .* the trial with the fewest sees 1\d"):
        event_driven_power([9.0], [1], [9.0], [1], 20, 20, rng, events=30, dropout=0.06, replicates=50)


def delayed(n):
    """Return quantiles of survival with median 6 months, and of one whose hazard is halved after 3 months."""
    hazard = -np.log((np.arange(n) + 0.5) / n)
    control = hazard * 6 / MONTH
    return np.where(control < 3, control, 3 + 2 * (control - 3)), control


def test_the_power_under_a_delayed_effect_equals_rpact():
    """``getSimulationSurvival``, 10,000 runs: 0.6478 (error 0.0048), 19.90 months; proportional hazards say 0.984."""
    arm, control = delayed(20_000)
    ones, rng = np.ones(20_000), np.random.default_rng(11)
    found = event_driven_power(arm, ones, control, ones, 100, 100, rng, events=140, accrual=12, replicates=4000)
    assert found.power.probability == pytest.approx(0.6478, abs=3 * np.hypot(0.0048, 0.0076))
    assert found.mean_duration == pytest.approx(19.90, abs=0.1)


def test_without_an_effect_the_level_is_that_of_the_asymptotic_test():
    """rpact, 20,000 runs of 200 patients: 0.0264 with error 0.0011."""
    _, control = delayed(20_000)
    ones, rng = np.ones(20_000), np.random.default_rng(12)
    found = event_driven_power(control, ones, control, ones, 100, 100, rng, events=140, accrual=12, replicates=8000)
    assert 0.021 < found.power.probability < 0.031


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: event_probability(0, 12), "hazard is 0; it is a number above 0"),
        (lambda: event_probability(0.1, 12, dropout=-1), "hazard of dropout is -1"),
        (lambda: event_probability(0.1, 12, accrual=np.inf), "time of accrual is inf"),
        (lambda: events_needed(1), "hazard ratio is 1; it is a number above 0, and not 1"),
        (lambda: events_needed(0.5, power=0.01), "power is 0.01; it lies above alpha"),
        (lambda: events_needed(0.5, allocation=0), "allocation is 0; write 2"),
        (lambda: cut_at_event(ENTRY, TIME, SEEN, 0), "cut at 0 events"),
        (lambda: event_driven_power([1], [1], [1], [1], 2, 2, np.random.default_rng(0), events=5), "of 4 patients"),
    ],
)
def test_what_cannot_be_is_refused(call, said):
    with pytest.raises(InvalidValueError, match=said):
        call()
