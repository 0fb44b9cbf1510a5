"""Many experiments at once are what each of them is alone."""

from __future__ import annotations

import numpy as np

from gvlab.statistics import curves_at, kaplan_meier, restricted_mean, restricted_means


def test_many_curves_at_once_are_kaplan_meier_curves():
    rng = np.random.default_rng(1)
    duration = rng.integers(1, 15, (50, 12)).astype(float)
    event = rng.random((50, 12)) < 0.6
    days = np.arange(0.0, 16.0)
    curves = curves_at(duration, event, days)
    for row in range(50):
        one = kaplan_meier(duration[row], event[row].astype(int))
        known = days <= duration[row].max()
        expected = [one.at(day).value for day in days[known]]
        np.testing.assert_allclose(curves[row][known], expected, atol=1e-12)


def test_many_restricted_means_are_those_of_each_experiment():
    rng = np.random.default_rng(2)
    duration = rng.integers(1, 15, (50, 12)).astype(float)
    event = rng.random((50, 12)) < 0.6
    means = restricted_means(duration, event, 9.0)
    for row in range(50):
        assert np.isclose(means[row], restricted_mean(duration[row], event[row].astype(int), 9.0).value, rtol=1e-12)


def test_where_the_last_subject_leaves_before_the_horizon_its_level_goes_on():
    means = restricted_means(np.array([[2.0, 4.0]]), np.array([[True, False]]), 10.0)
    assert means[0] == 2.0 + 0.5 * 8.0
