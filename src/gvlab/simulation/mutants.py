"""How many mutants a grown clone holds: the distribution of Luria and Delbrück, with death of cells."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.lazy import LazyModule

stats: Any = LazyModule("scipy.stats")

_LARGE = 50.0
"""Mutations from which on the limit law is taken; there its quantiles are right to a few percent."""
_ALIAS = 1e-8
_MOST_POINTS = 2**16


def mutants_of_clone(
    mutations: Float[Array, "subject"], death_over_birth: Float[Array, "subject"], quantile: Float[Array, "subject"]
) -> Float[Array, "subject"]:
    """Compute quantiles of the number of mutants in a clone that grew from one cell by births and deaths.

    With m mutations a cell lives to tell (cells times mutations per birth), cells that die at d times the rate of
    birth, and w = (1 - z) / (z - d), the generating function of the number of mutants is
    exp(-m w ln(1 + 1/w)) [1]_ [2]_; d = 0 is the law of Lea and Coulson. Its coefficients are read from a circle by a
    Fourier transform. Beyond them one early mutation makes nearly all mutants, so that P(R > n) falls as 1/n; and
    where m is large, R (1 - d) / m - ln m follows the law of Landau.

    Parameters
    ----------
    mutations
        Cells of the clone times mutations per birth.
    death_over_birth
        From 0 to below 1, for cells without treatment; mutants grow as the others do.
    quantile
        Between 0 and 1, drawn once a subject.

    References
    ----------
    .. [1] Lea & Coulson (1949) Journal of Genetics 49:264-285.
    .. [2] Antal & Krapivsky (2011) Journal of Statistical Mechanics P08018.
    """
    inside = np.clip(quantile, 1e-9, 1 - 1e-9)
    death = np.clip(death_over_birth, 0.0, 0.99)
    found = np.zeros(len(mutations))
    many = mutations >= _LARGE
    found[many] = _limit(mutations[many], death[many], inside[many])
    for i in np.flatnonzero(~many & (mutations > 0)):
        found[i] = _exact(float(mutations[i]), float(death[i]), float(inside[i]))
    return found


def _limit(m: Float[Array, "subject"], d: Float[Array, "subject"], q: Float[Array, "subject"]) -> Any:
    # SciPy's law of Landau has scale 1; the one with the Laplace transform s^s has pi / 2.
    landau = math.pi / 2 * stats.landau.ppf(q) + math.log(math.pi / 2)
    return np.maximum(np.round(m / (1 - d) * (np.log(m) + landau)), 0.0)


def _exact(m: float, d: float, q: float) -> float:
    reach = 40 * m / (1 - d) * (1 + math.log1p(m))
    points = min(max(1024, 2 ** math.ceil(math.log2(reach))), _MOST_POINTS)
    radius = _ALIAS ** (1 / points)
    z = radius * np.exp(2j * np.pi * np.arange(points) / points)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = -m * (1 - z) / (z - d) * np.log((1 - d) / (1 - z))
    # At z = d the fraction is 0 / 0 and the exponent is -m.
    chance = (
        np.fft.fft(np.exp(np.where(np.isfinite(exponent), exponent, -m))).real / points / radius ** np.arange(points)
    )
    below = np.cumsum(np.maximum(chance[: points // 2], 0.0))
    if q <= below[-1]:
        return float(np.searchsorted(below, q))
    return float(np.round((points // 2) * (1 - below[-1]) / (1 - q)))
