"""Bounds of looks before the end are those of the published tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

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


def test_spending_bounds_are_those_of_rpact():
    """``getDesignGroupSequential(alpha=0.025, sided=1, informationRates=..., typeOfDesign="asOF")`` of rpact."""
    found = sequential_bounds((0.5, 0.75, 1.0), 0.025, "lan_demets", one_sided=True)
    assert found == pytest.approx([2.9625880, 2.3590177, 2.0140837], abs=5e-5)
    assert norm.sf(found[0]) == pytest.approx(0.0015253228, rel=1e-6)


@pytest.mark.parametrize("one_sided", [False, True])
def test_a_spending_bound_depends_on_the_looks_before_it_alone(one_sided):
    whole = sequential_bounds((0.4, 0.7, 1.0), 0.05, "lan_demets", one_sided=one_sided)
    other = sequential_bounds((0.4, 0.7, 0.8, 1.0), 0.05, "lan_demets", one_sided=one_sided)
    assert other[:2] == pytest.approx(whole[:2], abs=1e-4)
    assert other[-1] > whole[-1]


def test_a_look_with_hardly_any_information_takes_nothing_from_the_last():
    first, last = sequential_bounds((0.05, 1.0), 0.05, "lan_demets")
    assert first > 9
    assert last == pytest.approx(1.959964, abs=1e-4)


@pytest.mark.parametrize("shape", ["pocock", "obrien_fleming", "lan_demets"])
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
