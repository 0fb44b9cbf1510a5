"""Sensitivity, held against functions whose indices are known."""

import numpy as np
import pytest

from axes import unchecked
from gvlab.errors import InvalidValueError
from gvlab.statistics.sensitivity import morris, morris_design, pawn

NAMES = ("slope 4", "slope 1", "nothing")


def test_elementary_effects_of_a_plane_are_its_slopes():
    points = morris_design(3, 10, seed=1)
    found = morris(NAMES, points, 4 * points[:, 0] - points[:, 1])
    np.testing.assert_allclose(found.effect, [4, 1, 0], atol=1e-12)
    np.testing.assert_allclose(found.spread, 0, atol=1e-12)
    assert found.top(3) == (("slope 4", pytest.approx(4)), ("slope 1", pytest.approx(1)))


def test_a_product_has_effects_that_differ_from_place_to_place():
    points = morris_design(3, 40, seed=2)
    found = morris(NAMES, points, points[:, 0] * points[:, 1])
    assert found.spread[0] > 0.1
    assert found.spread[2] == pytest.approx(0)


def test_pawn_tells_influence_from_none():
    points = np.random.default_rng(3).random((800, 3))
    found = pawn(NAMES, points, 4 * points[:, 0] - points[:, 1])
    assert found.effect[0] > found.effect[1]
    assert found.effect[0] > 3 * found.noise
    assert [name for name, _ in found.top(1)] == ["slope 4"]
    assert found.effect[2] < 2 * found.noise


def test_what_does_not_fit_is_refused_with_the_numbers():
    points = morris_design(3, 4, seed=4)
    with pytest.raises(InvalidValueError, match="3 names and 15 outputs do not fit points of shape"):
        unchecked(morris)(NAMES, points, np.zeros(15))
    with pytest.raises(InvalidValueError, match="15 rows are not whole trajectories of 3 inputs"):
        morris(NAMES, points[:15], np.zeros(15))
    with pytest.raises(InvalidValueError, match="The output of row 2 is nan"):
        pawn(NAMES, points, np.array([0.0, 1.0, np.nan, *np.zeros(13)]))
    with pytest.raises(InvalidValueError, match="PAWN was given 16 rows; it needs at least 50"):
        pawn(NAMES, points, np.zeros(16))
    with pytest.raises(InvalidValueError, match="1 inputs and 4 trajectories is too small"):
        morris_design(1, 4, seed=1)
