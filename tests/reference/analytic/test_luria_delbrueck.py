"""The number of mutants of a grown clone, against clones that are simulated mutation by mutation."""

from __future__ import annotations

import numpy as np
import pytest

from gvlab.simulation.mutants import mutants_of_clone

CULTURES = 10_000
QUANTILES = (np.arange(CULTURES) + 0.5) / CULTURES


def cultures(mutations: float, death: float, rng: np.random.Generator) -> np.ndarray:
    """Simulate cultures: mutations at births while the clone grows, each followed by births and deaths of its own."""
    found = []
    for count in rng.poisson(mutations / (1 - death), CULTURES):
        shrunk = rng.random(count)  # exp(-growth x age of the mutation), uniform in a clone that grows exponentially
        gone = rng.random(count) < death * (1 - shrunk) / (1 - death * shrunk)
        stays = shrunk * (1 - death) / (1 - death * shrunk)
        found.append(rng.geometric(np.maximum(stays[~gone], 1e-15)).sum())
    return np.asarray(found, dtype=float)


@pytest.mark.parametrize(("mutations", "death"), [(0.3, 0.0), (2.0, 0.0), (2.0, 0.5), (20.0, 0.75), (300.0, 0.5)])
def test_mutants_are_those_of_ten_thousand_cultures(mutations, death):
    simulated = cultures(mutations, death, np.random.default_rng(1))
    computed = mutants_of_clone(np.full(CULTURES, mutations), np.full(CULTURES, death), QUANTILES)
    error = 4 * np.sqrt(0.25 / CULTURES)
    assert np.mean(computed > 0) == pytest.approx(np.mean(simulated > 0), abs=error)
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        # Where the computed quantile stands among the simulated cultures is what the luck of cultures allows.
        value = np.quantile(computed, share)
        assert np.mean(simulated < value) - error <= share <= np.mean(simulated <= value) + error + 0.01
    # The mean of the distribution has no end; below the 99th percentile of both it has.
    limit = np.quantile(simulated, 0.99)
    assert np.minimum(computed, limit).mean() == pytest.approx(np.minimum(simulated, limit).mean(), rel=0.05)


def test_no_mutants_without_mutations():
    assert mutants_of_clone(np.zeros(2), np.zeros(2), np.array([0.1, 0.9])).tolist() == [0.0, 0.0]


def test_the_share_without_mutants_has_a_closed_form():
    """Exp(-m) without death (Luria and Delbrück 1943); (1 - d)^(m/d) with it."""
    for mutations, death, share in ((0.7, 0.0, np.exp(-0.7)), (0.7, 0.5, 0.5 ** (0.7 / 0.5))):
        computed = mutants_of_clone(np.full(CULTURES, mutations), np.full(CULTURES, death), QUANTILES)
        assert np.mean(computed == 0) == pytest.approx(share, abs=1e-3)
