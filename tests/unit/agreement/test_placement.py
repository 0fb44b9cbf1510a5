"""Readings among predicted ones: a right prediction is contradicted in five of a hundred experiments of any size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gvlab.agreement.placement import ReadGroup, placement_p_value, places, unevenness
from gvlab.agreement.time_unit import in_days, refuse_likely_weeks
from gvlab.errors import InvalidValueError

BATCH = 40


def read(rng: np.random.Generator, subjects: int, days: int, shift: float = 0.0, spread: float = 1.0) -> np.ndarray:
    """Return readings of subjects that differ, on days, in batches that differ: subject, day."""
    own = rng.normal(0, spread, subjects)[:, None]
    batch = np.repeat(rng.normal(0, 0.4, (-(-subjects // BATCH), days)), BATCH, axis=0)[:subjects]
    return shift + own + batch + rng.normal(0, 0.3, (subjects, days))


def p_values(n: int, days: int, experiments: int, **of_the_data: float) -> np.ndarray:
    rng = np.random.default_rng([n, days])
    found = []
    for _ in range(experiments):
        prediction = read(rng, 800, days)
        prediction[rng.random(800) < 0.2] = np.nan  # the dead
        virtual = {("a", float(day)): prediction[:, day] for day in range(days)}
        group = ReadGroup("a", tuple(float(day) for day in range(days)), read(rng, n, days, **of_the_data))
        found.append(placement_p_value([group], virtual, BATCH, 299, rng))
    return np.array(found)


@pytest.mark.parametrize(("n", "days"), [(3, 1), (5, 3), (20, 2)])
def test_a_true_prediction_of_readings_is_contradicted_in_five_of_a_hundred(n, days):
    rejected = np.mean(p_values(n, days, 300) <= 0.05)
    assert rejected == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 300))


def test_another_level_and_another_spread_are_seen():
    assert np.mean(p_values(10, 1, 40, shift=2.0) <= 0.05) > 0.8
    assert np.mean(p_values(40, 1, 40, spread=3.0) <= 0.05) > 0.6


def test_unevenness_is_the_statistic_of_scipy():
    place = np.random.default_rng(1).random((4, 9))
    known = {"loc": 0, "scale": 1}
    theirs = [
        stats.goodness_of_fit(
            stats.uniform, row, known_params=known, statistic="ad", n_mc_samples=1, rng=np.random.default_rng(1)
        ).statistic
        for row in place
    ]
    np.testing.assert_allclose(unevenness(place), theirs)


def test_the_place_of_equal_values_is_their_middle():
    among = np.array([1.0, 2.0, 2.0, 3.0, np.nan])
    np.testing.assert_allclose(places(np.array([0.0, 2.0, 3.0, 9.0]), among), [0.0625, 0.5, 0.875, 0.9375])


def survival(times: list[float], events: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"duration": times, "event_observed": events, "entry": 0.0})


def test_times_that_could_be_weeks_are_asked_about():
    with pytest.raises(InvalidValueError, match=r"2\.14286 is a whole day only in weeks.*--time-unit weeks"):
        refuse_likely_weeks(survival([2, 2.14286, 14.2857], [1, 1, 0]), "duration", 100.0)
    with pytest.raises(InvalidValueError, match="follow-up ends at 14"):
        refuse_likely_weeks(survival([2, 3, 14], [1, 1, 0]), "duration", 100.0)
    for plain in (survival([14, 15, 100], [1, 1, 0]), survival([14, 15], [1, 1]), survival([14.5, 15.25], [1, 1])):
        refuse_likely_weeks(plain, "duration", 100.0)
    assert in_days(survival([2], [1]), "weeks")["duration"].tolist() == [14]
