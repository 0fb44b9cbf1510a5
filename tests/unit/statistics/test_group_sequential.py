"""Bounds of looks before the end are those of the published tables."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.statistics.group_sequential import sequential_bounds

# Two-sided level 0.05, equally spaced looks: Jennison and Turnbull (2000) Group Sequential Methods, tables 2.1 and 2.3
# (from memory, unverified; the first rows are those of Pocock 1977 and O'Brien and Fleming 1979).
POCOCK = {1: 1.960, 2: 2.178, 3: 2.289, 4: 2.361, 5: 2.413}
OBRIEN_FLEMING = {1: 1.960, 2: 1.977, 3: 2.004, 4: 2.024, 5: 2.040}


@pytest.mark.parametrize("looks", [1, 2, 3, 4, 5])
def test_bounds_are_those_of_the_published_tables(looks):
    shares = np.arange(1, looks + 1) / looks
    assert sequential_bounds(shares, 0.05, "pocock") == pytest.approx([POCOCK[looks]] * looks, abs=1.5e-3)
    found = sequential_bounds(shares, 0.05)
    assert found[-1] == pytest.approx(OBRIEN_FLEMING[looks], abs=1.5e-3)
    assert found * np.sqrt(shares) == pytest.approx([found[-1]] * looks)


@pytest.mark.parametrize("shape", ["pocock", "obrien_fleming"])
@pytest.mark.parametrize("one_sided", [False, True])
def test_a_walk_without_drift_crosses_at_the_level(shape, one_sided):
    rng = np.random.default_rng(4)
    bounds = sequential_bounds((0.3, 1.0), 0.05, shape, one_sided=one_sided)
    first = rng.normal(0, np.sqrt(0.3), 200_000)
    last = first + rng.normal(0, np.sqrt(0.7), 200_000)
    z = np.stack([first / np.sqrt(0.3), last])
    crossed = ((z if one_sided else np.abs(z)) > bounds[:, None]).any(axis=0)
    assert crossed.mean() == pytest.approx(0.05, abs=0.0025)


def test_looks_that_are_none_are_refused():
    with pytest.raises(InvalidValueError, match="increase, above 0, and the last is 1"):
        sequential_bounds((0.5, 0.9), 0.05)
    with pytest.raises(InvalidValueError, match=r"Did you mean 0\.05"):
        sequential_bounds((0.5, 1.0), 5)
    with pytest.raises(UnknownNameError, match="shape of bounds"):
        sequential_bounds((0.5, 1.0), 0.05, "flat")
