"""Synergy of two agents over a grid of doses: against Bliss, highest single agent and Loewe.

Effects are fractions of the greatest possible one, 0 to 1 (inhibition, fraction killed, fraction cured). The excess
over a reference is in the same unit: 0.2 means 20 percentage points more than expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.statistics.estimate import tail_of
from gvlab.statistics.inputs import FloatArray, numbers

Reference = Literal["bliss", "hsa", "loewe"]


@dataclass(frozen=True)
class Synergy:
    """Excess of an effect over what a reference expects of two agents.

    Attributes
    ----------
    reference
        ``bliss``, ``hsa`` or ``loewe``.
    table
        One row a combination of doses, both above 0: ``dose_a, dose_b, observed, expected, excess, lower, upper`` and,
        for Loewe, ``combination_index`` (below 1 synergy; 0 where no dose of either alone reaches the effect; infinite
        where there is no effect at all).
    mean_excess, lower, upper
        Mean over the table's rows with its bootstrap interval.
    confidence
        Coverage of the intervals.
    """

    reference: Reference
    table: pd.DataFrame
    mean_excess: float
    lower: float
    upper: float
    confidence: float


def synergy(
    doses_a: npt.ArrayLike,
    doses_b: npt.ArrayLike,
    effect: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    reference: Reference = "bliss",
    confidence: float = 0.95,
    resamples: int = 500,
) -> Synergy:
    """Measure synergy with an interval by bootstrap over replicates.

    - ``bliss``: the agents act independently, expected E_a + E_b - E_a E_b [1]_.
    - ``hsa``: the better of the two alone (highest single agent).
    - ``loewe``: the agents are doses of the same thing, d_a / D_a(E) + d_b / D_b(E) = 1 [2]_, where D(E) is the dose of
      one agent alone that has effect E, from a Hill curve fitted to it. Above the greatest effect of an agent no dose
      of it is enough, and it contributes nothing.

    Parameters
    ----------
    doses_a, doses_b
        Increasing, the first 0. Any "dose" will do, also a day of start counted backwards.
    effect
        Shape (dose_a, dose_b) or (dose_a, dose_b, replicate), 0 to 1.
    rng
        Source of the bootstrap.
    reference, confidence, resamples
        What is expected; coverage; bootstrap samples. With a single replicate there is no interval: limits equal the
        excess.

    Raises
    ------
    InvalidValueError
        If the grid lacks the zero doses, the shapes do not fit, or an effect lies outside 0 to 1.

    References
    ----------
    .. [1] Bliss (1939) Ann Appl Biol 26:585-615.
    .. [2] Loewe (1953) Arzneimittelforschung 3:285-290.
    """
    a, b = _doses(doses_a, "doses_a"), _doses(doses_b, "doses_b")
    grid = _effects(effect, len(a), len(b))
    if reference not in ("bliss", "hsa", "loewe"):
        raise UnknownNameError("synergy reference", reference, ("bliss", "hsa", "loewe"))
    observed = grid.mean(axis=2)
    expected = _expected(reference, a, b, observed)
    excess = (observed - expected)[1:, 1:]
    draws = np.broadcast_to(excess, (1, *excess.shape))
    if grid.shape[2] > 1:
        draws = np.stack([_excess(reference, a, b, _resample(grid, rng)) for _ in range(resamples)])
    tail = tail_of(confidence)
    lower, upper = np.quantile(draws, [tail, 1 - tail], axis=0)
    mean_lower, mean_upper = np.quantile(draws.mean(axis=(1, 2)), [tail, 1 - tail])
    at_a, at_b = np.meshgrid(a[1:], b[1:], indexing="ij")
    table = pd.DataFrame(
        {
            "dose_a": at_a.ravel(),
            "dose_b": at_b.ravel(),
            "observed": observed[1:, 1:].ravel(),
            "expected": expected[1:, 1:].ravel(),
            "excess": excess.ravel(),
            "lower": lower.ravel(),
            "upper": upper.ravel(),
        }
    )
    if reference == "loewe":
        curves = _hill_curve(a, observed[:, 0]), _hill_curve(b, observed[0, :])
        table["combination_index"] = [
            _combination_index(x, y, e, *curves)
            for x, y, e in zip(table["dose_a"], table["dose_b"], table["observed"], strict=True)
        ]
    return Synergy(reference, table, float(excess.mean()), float(mean_lower), float(mean_upper), confidence)


def _doses(values: npt.ArrayLike, name: str) -> FloatArray:
    doses = numbers(values, name, minimum=2)
    if doses[0] != 0 or np.any(np.diff(doses) <= 0):
        raise InvalidValueError(
            f'"{name}" is {", ".join(f"{d:g}" for d in doses)}; a synergy grid starts with dose 0 (each agent alone) '
            "and increases."
        )
    return doses


def _effects(effect: npt.ArrayLike, n_a: int, n_b: int) -> FloatArray:
    grid = np.asarray(effect, dtype=np.float64)
    if grid.ndim == 2:
        grid = grid[:, :, None]
    if grid.ndim != 3 or grid.shape[:2] != (n_a, n_b) or grid.shape[2] == 0:
        raise InvalidValueError(
            f"The effects have shape {np.asarray(effect).shape}; with {n_a} doses of a and {n_b} of b it is "
            f"({n_a}, {n_b}) or ({n_a}, {n_b}, replicates)."
        )
    if not np.isfinite(grid).all() or grid.min() < 0 or grid.max() > 1:
        raise InvalidValueError(
            f"Effects are fractions from 0 (as untreated) to 1 (the most there can be); these reach from "
            f"{grid.min():g} to {grid.max():g}. Scale them by the untreated control first."
        )
    return grid


def _resample(grid: FloatArray, rng: np.random.Generator) -> FloatArray:
    rows = rng.integers(0, grid.shape[2], size=grid.shape)
    return np.asarray(np.take_along_axis(grid, rows, axis=2).mean(axis=2), dtype=np.float64)


def _excess(reference: Reference, a: FloatArray, b: FloatArray, observed: FloatArray) -> FloatArray:
    return (observed - _expected(reference, a, b, observed))[1:, 1:]


def _expected(reference: Reference, a: FloatArray, b: FloatArray, observed: FloatArray) -> FloatArray:
    alone_a, alone_b = observed[:, :1], observed[:1, :]
    if reference == "bliss":
        return alone_a + alone_b - alone_a * alone_b
    if reference == "hsa":
        return np.maximum(alone_a, alone_b)
    curves = _hill_curve(a, observed[:, 0]), _hill_curve(b, observed[0, :])
    return np.array([[loewe_effect(x, y, *curves) for y in b] for x in a])


@dataclass(frozen=True)
class HillCurve:
    """Effect of one agent alone: top * dose^slope / (half^slope + dose^slope)."""

    top: float
    half: float
    slope: float

    def __call__(self, dose: float) -> float:
        """Give the effect of a dose."""
        if dose <= 0 or self.top <= 0:
            return 0.0
        return float(self.top / (1 + (self.half / dose) ** self.slope))


_INERT = 1e-9


def _hill_curve(doses: FloatArray, effect: FloatArray) -> HillCurve:
    if effect.max() < 1e-6:
        return HillCurve(0.0, float(doses[1]), 1.0)
    positive, seen = doses[1:], effect[1:]
    span = np.log(positive[-1] / positive[0]) + 5.0

    def residual(theta: FloatArray) -> FloatArray:
        top, log_half, log_slope = theta
        return np.asarray(top / (1 + np.exp(np.exp(log_slope) * (log_half - np.log(positive)))) - seen)

    middle = float(np.log(positive[int(np.argmin(np.abs(seen - effect.max() / 2)))]))
    start = np.array([min(1.0, float(effect.max())), middle, 0.0])
    bounds = ([_INERT, np.log(positive[0]) - span, np.log(0.2)], [1.0, np.log(positive[-1]) + span, np.log(10.0)])
    fit = optimize.least_squares(residual, start, bounds=bounds, xtol=1e-12, ftol=1e-12, gtol=1e-12)
    return HillCurve(float(fit.x[0]), float(np.exp(fit.x[1])), float(np.exp(fit.x[2])))


def _dose_for(curve: HillCurve, effect: float) -> float:
    if effect >= curve.top:
        return float(np.inf)
    return float(curve.half * (effect / (curve.top - effect)) ** (1 / curve.slope))


def _combination_index(dose_a: float, dose_b: float, effect: float, curve_a: HillCurve, curve_b: HillCurve) -> float:
    if effect <= 0:
        return float(np.inf)
    return dose_a / _dose_for(curve_a, effect) + dose_b / _dose_for(curve_b, effect)


def loewe_effect(dose_a: float, dose_b: float, curve_a: HillCurve, curve_b: HillCurve) -> float:
    """Give the effect E with d_a / D_a(E) + d_b / D_b(E) = 1: what two agents do if they are doses of one thing."""
    if dose_a <= 0 or dose_b <= 0:
        return max(curve_a(dose_a), curve_b(dose_b))
    top = max(curve_a.top, curve_b.top)
    if top <= 0:
        return 0.0

    def excess(effect: float) -> float:
        return dose_a / _dose_for(curve_a, effect) + dose_b / _dose_for(curve_b, effect) - 1

    # The sum falls from infinity at no effect to below 1 at the greater top, so the root is the one effect they share.
    low = max(curve_a(dose_a), curve_b(dose_b))
    if low <= 0:
        return 0.0
    high = top * (1 - 1e-12)
    if low >= high or excess(low) <= 0:
        return low
    return float(optimize.brentq(excess, low, high, xtol=1e-12)) if excess(high) < 0 else top
