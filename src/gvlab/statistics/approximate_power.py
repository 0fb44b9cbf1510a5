"""How often a small experiment would see an effect, by formula: fast enough for thousands of parameter sets.

`gvlab.statistics` computes the same by drawing experiments, which is exact and takes a thousand times as long; a test
holds the two against one another.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.lazy import LazyModule

special: Any = LazyModule("scipy.special")
stats: Any = LazyModule("scipy.stats")


def logrank_power(
    arm: Float[Array, "set time"], versus: Float[Array, "set time"], n: int, alpha: float
) -> Float[Array, "set"]:
    """Return the power of a log-rank test with n subjects in each arm, from the expected survival curves.

    The expected statistic of one subject an arm, and its variance, are those of Schoenfeld (1981) without assuming
    proportional hazards: deaths and numbers at risk are read off the curves.

    Parameters
    ----------
    arm, versus
        Shares alive, at the same times.
    n
        Subjects in each arm.
    alpha
        Two-sided level.
    """
    deaths_a, deaths_b = -np.diff(arm, axis=1), -np.diff(versus, axis=1)
    # Deaths of an interval are held against those alive in its middle: half of what dies has died.
    risk_a, risk_b = (arm[:, :-1] + arm[:, 1:]) / 2, (versus[:, :-1] + versus[:, 1:]) / 2
    risk, deaths = risk_a + risk_b, deaths_a + deaths_b
    # The last one at risk tells nothing; with n an arm, intervals with less than one expected at risk are left out.
    seen = risk * n > 1
    safe = np.where(seen, risk, 1.0)
    excess = np.sum(np.where(seen, deaths_a - risk_a * deaths / safe, 0.0), axis=1)
    variance = np.sum(np.where(seen, risk_a * risk_b * deaths / safe**2, 0.0), axis=1)
    z = np.sqrt(n) * np.abs(excess) / np.sqrt(np.maximum(variance, 1e-12))
    return np.asarray(special.ndtr(z - special.ndtri(1 - alpha / 2)), dtype=np.float64)


def mannwhitney_power(
    arm: Float[Array, "set subject"], versus: Float[Array, "set subject"], n: int, alpha: float
) -> Float[Array, "set"]:
    """Return the power of a Mann-Whitney test; NaN where fewer than two subjects could be read on both sides.

    The probability that a reading of one arm exceeds one of the other is that of two normal distributions of the
    logarithms; the variance of its estimate is that of Hanley and McNeil (1982).
    """
    difference, spread = _logarithms(arm, versus)
    above = special.ndtr(np.abs(difference) / np.maximum(np.sqrt(np.sum(spread**2, axis=0)), 1e-9))
    first, second = above / (2 - above), 2 * above**2 / (1 + above)
    variance = (above * (1 - above) + (n - 1) * (first + second - 2 * above**2)) / n**2
    threshold = 0.5 + special.ndtri(1 - alpha / 2) * np.sqrt((2 * n + 1) / (12 * n**2))
    return np.asarray(special.ndtr((above - threshold) / np.sqrt(np.maximum(variance, 1e-12))), dtype=np.float64)


def welch_power(
    arm: Float[Array, "set subject"], versus: Float[Array, "set subject"], n: int, alpha: float
) -> Float[Array, "set"]:
    """Return the power of Welch's test of the logarithms; NaN as in `mannwhitney_power`."""
    difference, spread = _logarithms(arm, versus)
    error = spread**2 / n
    both = np.maximum(np.sum(error, axis=0), 1e-18)
    freedom = np.maximum(both**2 / np.maximum(np.sum(error**2 / (n - 1), axis=0), 1e-36), n - 1)
    return np.asarray(
        special.ndtr(np.abs(difference) / np.sqrt(both) - stats.t.ppf(1 - alpha / 2, freedom)), dtype=np.float64
    )


def _logarithms(
    arm: Float[Array, "set subject"], versus: Float[Array, "set subject"]
) -> tuple[Float[Array, "set"], Float[Array, "side set"]]:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.stack([np.log(arm), np.log(versus)])
    logs = np.where(np.isfinite(logs).all(axis=0, keepdims=True), logs, np.nan)
    # The mean of nobody, and the spread of one, are no numbers.
    with np.errstate(invalid="ignore"):
        count = np.isfinite(logs).sum(axis=2)
        mean = np.nansum(logs, axis=2) / count
        spread = np.sqrt(np.nansum((logs - mean[:, :, None]) ** 2, axis=2) / (count - 1))
    return mean[0] - mean[1], spread
