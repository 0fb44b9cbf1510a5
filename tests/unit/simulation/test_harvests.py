"""Cells come from primary recipients of one's own parameter set, or from nobody."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.simulation.harvests import _donors
from gvlab.simulation.schedule import whole_number


class Sets:
    """Subjects of sets, numbered anew in each."""

    def __init__(self, sets: int, subjects: int) -> None:
        self.numbers = np.tile(np.arange(subjects), sets)

    def __len__(self) -> int:
        return len(self.numbers)


def test_the_next_living_of_the_same_set_gives_also_from_its_end_to_its_beginning():
    living = np.array([0, 1, 3, 4, 7, 8, 9, 10, 11])
    donors, known = _donors(living, Sets(3, 4))
    assert donors.tolist() == [0, 1, 3, 3, 4, 7, 7, 7, 8, 9, 10, 11]
    assert known.all()
    wrapped, known = _donors(np.array([0, 5]), Sets(2, 4))
    assert wrapped.tolist() == [0, 0, 0, 0, 5, 5, 5, 5]
    assert known.all()


def test_a_set_of_which_nobody_lives_takes_nothing_from_another():
    _, known = _donors(np.array([0, 1, 2, 3, 9]), Sets(3, 4))
    assert known.tolist() == [True] * 4 + [False] * 4 + [True] * 4


@pytest.mark.parametrize("mean", [0.05, 0.7, 6.0, 800.0])
def test_whole_numbers_of_cells_are_those_of_a_poisson_distribution(mean):
    quantiles = (np.arange(100_000) + 0.5) / 100_000
    cells = whole_number(mean, quantiles)
    assert np.array_equal(cells, np.round(cells))
    assert cells.mean() == pytest.approx(mean, rel=2e-3)
    assert cells.var() == pytest.approx(mean, rel=5e-3)
    assert np.mean(cells == 0) == pytest.approx(np.exp(-mean), abs=1e-4)


def test_the_ends_of_the_range_are_numbers():
    assert np.all(np.isfinite(whole_number(3.0, np.array([0.0, 1.0]))))
