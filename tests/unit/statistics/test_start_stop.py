"""Changes during follow-up, held against R 4.2.2 (survival 3.5-3: ``tmerge``, ``coxph``) and sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab import statistics
from gvlab.errors import InvalidValueError

NEVER = np.nan
# Eight patients; four of them are given donor lymphocytes.
TIME = [10, 20, 30, 40, 50, 60, 70, 80]
EVENT = [1, 1, 1, 0, 1, 1, 0, 1]
GIVEN = [NEVER, 15, NEVER, 25, 20, NEVER, 45, NEVER]


def test_mantel_byar_equals_the_score_test_of_a_time_dependent_cox_model():
    test = statistics.mantel_byar(TIME, EVENT, GIVEN)
    assert test.statistic == pytest.approx(0.5836224844, abs=1e-9)
    assert test.degrees_of_freedom == 1
    naive = statistics.logrank(TIME, EVENT, ~np.isnan(GIVEN))
    assert naive.statistic == pytest.approx(0.1346064276, abs=1e-9)


def test_time_dependent_hazard_ratio_equals_coxs():
    rows = statistics.start_stop(TIME, EVENT, GIVEN)
    ratio = statistics.hazard_ratio(
        rows["stop"], rows["event_observed"], rows["changed"], of="1", versus="0", entry=rows["start"]
    )
    assert np.log(ratio.estimate.value) == pytest.approx(0.784708395, abs=1e-6)


def test_no_time_is_lost_or_counted_twice():
    rows = statistics.start_stop(TIME, EVENT, GIVEN)
    assert (rows["stop"] - rows["start"]).sum() == sum(TIME)
    assert rows["event_observed"].sum() == sum(EVENT)
    assert rows.groupby("subject")["stop"].max().tolist() == TIME


def test_a_treatment_without_effect_has_none():
    """Immortal time: given to those who live to it, it looks good by its label alone."""
    rng = np.random.default_rng(1)
    time = rng.exponential(100 / np.log(2), 4_000)
    day = rng.uniform(20, 150, 4_000)
    given = np.where(day < time, day, NEVER)
    ones = np.ones(4_000)
    naive = statistics.hazard_ratio(time, ones, day < time, of="True", versus="False")
    rows = statistics.start_stop(time, ones, given)
    right = statistics.hazard_ratio(
        rows["stop"], rows["event_observed"], rows["changed"], of="1", versus="0", entry=rows["start"]
    )
    from_90 = statistics.landmark(time, ones, 90, given)
    later = statistics.hazard_ratio(
        from_90.duration, from_90.event_observed, from_90.changed, of="True", versus="False"
    )
    assert naive.estimate.value < 0.15
    assert right.estimate.lower < 1 < right.estimate.upper
    assert later.estimate.lower < 1 < later.estimate.upper
    assert statistics.mantel_byar(time, ones, given).p_value > 0.01


def test_who_dies_on_the_day_of_the_change_dies_unchanged():
    rows = statistics.start_stop([20, 30], [1, 1], [20, 10])
    assert rows[rows["subject"] == 0].values.tolist() == [[0, 0.0, 20.0, 1, 0]]
    rows = statistics.start_stop([20], [1], [0])
    assert rows.values.tolist() == [[0, 0.0, 20.0, 1, 1]]


def test_an_event_on_the_landmark_is_before_it():
    left = statistics.landmark([90, 100, 120, 150], [1, 1, 0, 1], 90)
    curve = statistics.kaplan_meier(left.duration, left.event_observed)
    assert curve.n == 3
    assert curve.at(10).value == pytest.approx(2 / 3)
    assert curve.at(60).value == 0
    assert left.changed is None


def test_grfs_is_the_first_of_its_components():
    frame = statistics.first_of(
        {
            "acute GVHD III-IV": [NEVER, 30, NEVER, NEVER, 100, NEVER],
            "chronic GVHD": [NEVER, NEVER, 150, NEVER, 60, NEVER],
            "relapse": [90, NEVER, NEVER, NEVER, NEVER, NEVER],
            "death": [120, 200, NEVER, 80, NEVER, NEVER],
        },
        [120, 200, 365, 80, 365, 365],
    )
    assert frame["duration"].tolist() == [90, 30, 150, 80, 60, 365]
    assert frame["event_observed"].tolist() == [1, 1, 1, 1, 1, 0]
    assert frame["component"].tolist() == ["relapse", "acute GVHD III-IV", "chronic GVHD", "death", "chronic GVHD", ""]
    curve = statistics.kaplan_meier(frame["duration"], frame["event_observed"])
    assert (curve.at(100).value, curve.at(365).value) == pytest.approx((1 / 3, 1 / 6))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: statistics.start_stop([20], [1], [-1]), "before time zero"),
        (lambda: statistics.start_stop([20], [1], [21]), "followed to 20"),
        (lambda: statistics.mantel_byar([20, 30], [1, 1], [NEVER, NEVER]), "No subject changes"),
        (lambda: statistics.landmark([20], [1], 30), "Nobody was followed beyond the landmark 30"),
        (lambda: statistics.landmark([20], [1], np.inf), "landmark on day inf"),
        (lambda: statistics.first_of({"relapse": [50]}, [40]), "followed from 0 to 40"),
        (lambda: statistics.first_of({}, [40]), "at least one component"),
    ],
)
def test_what_cannot_be_is_refused(call, said):
    with pytest.raises(InvalidValueError, match=said):
        call()
