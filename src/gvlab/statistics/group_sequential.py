"""Bounds of a study that is looked at before its end, so that all looks together keep the level."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.lazy import LazyModule

optimize: Any = LazyModule("scipy.optimize")
stats: Any = LazyModule("scipy.stats")

Shape = Literal["obrien_fleming", "pocock", "lan_demets"]
SHAPES: dict[Shape, str] = {
    "obrien_fleming": "O'Brien-Fleming",
    "pocock": "Pocock",
    "lan_demets": "Lan-DeMets O'Brien-Fleming type",
}
"""Shapes of bounds, and what they are called."""


def sequential_bounds(
    information: Sequence[float], alpha: float, shape: Shape = "obrien_fleming", *, one_sided: bool = False
) -> Float[Array, "look"]:
    """Return the bounds of the standardized statistic at each look.

    Between looks the statistic is a Brownian motion in information, so its values are multivariate normal with the
    correlation sqrt(t_i / t_j). The bounds have the probability `alpha` of being crossed at any look where there is no
    effect: the same at each look (``pocock`` [1]_), or falling with one over the root of information
    (``obrien_fleming`` [2]_), which asks for much at an early look and takes little from the last. Those of
    ``lan_demets`` [3]_ spend the level as information comes in, nearly as O'Brien and Fleming do: a bound depends on
    the looks before it alone, so the level is kept though a look comes with other information than was planned.

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
    .. [3] Lan, DeMets (1983) Biometrika 70:659-663.
    """
    if shape not in SHAPES:
        raise UnknownNameError("shape of bounds", shape, tuple(SHAPES))
    if not 0 < alpha < 0.5:
        raise InvalidValueError(f"The level is {alpha:g}; bounds take one between 0 and 0.5. Did you mean 0.05?")
    shares = np.asarray(information, dtype=np.float64)
    if not (len(shares) and shares[0] > 0 and np.all(np.diff(shares) > 0) and abs(shares[-1] - 1) < 1e-9):
        listed = ", ".join(f"{share:g}" for share in shares)
        raise InvalidValueError(f"The shares of information are {listed}; they increase, above 0, and the last is 1.")
    crossed = partial(crossing_probability, shares=shares, one_sided=one_sided)
    sides = 1 if one_sided else 2
    if shape == "lan_demets":
        spent = sides * 2 * stats.norm.sf(stats.norm.isf(alpha / sides / 2) / np.sqrt(shares))
        bounds = [float(stats.norm.isf(spent[0] / sides))]
        for look in range(1, len(shares)):
            bounds.append(
                optimize.brentq(
                    lambda bound, before, level: crossed(np.array([*before, bound])) - level,
                    0.0,
                    bounds[-1] + 2,
                    args=(tuple(bounds), spent[look]),
                    xtol=1e-5,
                )
            )
        return np.asarray(bounds, dtype=np.float64)
    relative = np.ones(len(shares)) if shape == "pocock" else 1 / np.sqrt(shares)
    single = float(stats.norm.isf(alpha / sides))
    factor = optimize.brentq(
        lambda factor: crossed(factor * relative) - alpha,
        single * 0.99,
        single * np.sqrt(len(shares)) + 2,
        xtol=1e-5,
    )
    return np.asarray(factor * relative, dtype=np.float64)


def crossing_probability(upper: Float[Array, "look"], shares: Float[Array, "all_looks"], *, one_sided: bool) -> float:
    """Return the probability that a statistic without drift crosses a bound at one of the first looks.

    Parameters
    ----------
    upper
        Bounds of the first looks. With drift: the bounds less the expected statistic.
    shares
        Of the information, at these looks and those after them.
    one_sided
        Whether only large positive values cross.
    """
    until = shares[: len(upper)]
    normal = stats.multivariate_normal(
        np.zeros(len(until)),
        np.minimum.outer(until, until) / np.sqrt(np.outer(until, until)),
        seed=np.random.default_rng(0),
        abseps=1e-7,
        releps=1e-7,
    )
    return float(1 - normal.cdf(upper, lower_limit=np.full(len(until), -np.inf) if one_sided else -upper))
