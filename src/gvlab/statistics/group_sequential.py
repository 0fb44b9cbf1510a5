"""Bounds of a study that is looked at before its end, so that all looks together keep the level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.lazy import LazyModule

optimize: Any = LazyModule("scipy.optimize")
stats: Any = LazyModule("scipy.stats")

Shape = Literal["obrien_fleming", "pocock"]
SHAPES: tuple[Shape, ...] = ("obrien_fleming", "pocock")


def sequential_bounds(
    information: Sequence[float], alpha: float, shape: Shape = "obrien_fleming", *, one_sided: bool = False
) -> Float[Array, "look"]:
    """Return the bounds of the standardized statistic at each look.

    Between looks the statistic is a Brownian motion in information, so its values are multivariate normal with the
    correlation sqrt(t_i / t_j). The bounds have the probability `alpha` of being crossed at any look where there is no
    effect: the same at each look (``pocock`` [1]_), or falling with one over the root of information
    (``obrien_fleming`` [2]_), which asks for much at an early look and takes little from the last.

    Parameters
    ----------
    information
        Share of the information at each look, increasing; the last is 1. For a log-rank test: of the events.
    alpha
        Level of the whole study.
    shape
        Of the bounds.
    one_sided
        Whether only large positive values cross.

    Raises
    ------
    UnknownNameError, InvalidValueError
        If there is no such shape, the level is none, or the shares do not increase to 1.

    References
    ----------
    .. [1] Pocock (1977) Biometrika 64:191-199.
    .. [2] O'Brien, Fleming (1979) Biometrics 35:549-556.
    """
    if shape not in SHAPES:
        raise UnknownNameError("shape of bounds", shape, SHAPES)
    if not 0 < alpha < 0.5:
        raise InvalidValueError(f"The level is {alpha:g}; bounds take one between 0 and 0.5. Did you mean 0.05?")
    shares = np.asarray(information, dtype=np.float64)
    if not (len(shares) and shares[0] > 0 and np.all(np.diff(shares) > 0) and abs(shares[-1] - 1) < 1e-9):
        listed = ", ".join(f"{share:g}" for share in shares)
        raise InvalidValueError(f"The shares of information are {listed}; they increase, above 0, and the last is 1.")
    relative = np.ones(len(shares)) if shape == "pocock" else 1 / np.sqrt(shares)
    smaller = np.minimum.outer(shares, shares)
    normal = stats.multivariate_normal(
        np.zeros(len(shares)), smaller / np.sqrt(np.outer(shares, shares)), seed=np.random.default_rng(0)
    )

    def crossed(factor: float) -> float:
        upper = factor * relative
        inside = normal.cdf(upper, lower_limit=np.full(len(shares), -np.inf) if one_sided else -upper)
        return float(1 - inside - alpha)

    single = float(stats.norm.isf(alpha if one_sided else alpha / 2))
    factor = optimize.brentq(crossed, single * 0.99, single * np.sqrt(len(shares)) + 2, xtol=1e-5)
    return np.asarray(factor * relative, dtype=np.float64)
