"""Synergy of two agents over a grid of doses: against Bliss, highest single agent and Loewe.

Effects are fractions of the greatest possible one, 0 to 1 (inhibition, fraction killed, fraction cured). The excess
over a reference is in the same unit: 0.2 means 20 percentage points more than expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.lazy import LazyModule
from gvlab.statistics.estimate import tail_of
from gvlab.statistics.inputs import FloatArray, numbers

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")
optimize: Any = LazyModule("scipy.optimize")
special: Any = LazyModule("scipy.special")

Reference = Literal["bliss", "hsa", "loewe"]


@dataclass(frozen=True)
class Synergy:
    """Excess of an effect over what a reference expects of two agents.

    Attributes
    ----------
    reference
        ``bliss``, ``hsa`` or ``loewe``.
    table
        One row a combination of doses, both above 0: ``dose_a, dose_b, observed, expected, excess, lower, upper``;
        ``lower_all, upper_all``, which hold for all rows together; and, for Loewe, ``combination_index`` (below 1
        synergy; 0 where no dose of either alone reaches the effect; infinite where there is no effect at all).
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
    together: float | None = None,
    resamples: int = 500,
) -> Synergy:
    """Measure synergy with an interval by bootstrap over replicates.

    - ``bliss``: the agents act independently, expected E_a + E_b - E_a E_b [1]_.
    - ``hsa``: the better of the two alone (highest single agent).
    - ``loewe``: the agents are doses of the same thing, d_a / D_a(E) + d_b / D_b(E) = 1 [2]_, where D(E) is the dose of
      one agent alone that has effect E, from a Hill curve fitted to it. Above the greatest effect of an agent no dose
      of it is enough, and it contributes nothing.

    What is counted without either agent, E(0, 0), is no effect of theirs: Bliss and Loewe are of the share of the rest
    that is gained.

    Parameters
    ----------
    doses_a, doses_b
        Increasing, the first 0. Any "dose" will do, also a day of start counted backwards.
    effect
        Shape (dose_a, dose_b) or (dose_a, dose_b, replicate), 0 to 1; NaN for a replicate that a cell lacks.
    rng
        Source of the bootstrap.
    reference, confidence, resamples
        What is expected; coverage; bootstrap samples. With a single replicate there is no interval: limits equal the
        excess.
    together
        Coverage of ``lower_all, upper_all`` for all rows at once, by the largest deviation of a bootstrap sample [3]_;
        that of `confidence` where None.

    Raises
    ------
    InvalidValueError
        If the grid lacks the zero doses, the shapes do not fit, or an effect lies outside 0 to 1.

    References
    ----------
    .. [1] Bliss (1939) Ann Appl Biol 26:585-615.
    .. [2] Loewe (1953) Arzneimittelforschung 3:285-290.
    .. [3] Westfall, Young (1993) Resampling-Based Multiple Testing, Wiley.
    """
    a, b = _doses(doses_a, "doses_a"), _doses(doses_b, "doses_b")
    grid = _effects(effect, len(a), len(b))
    if reference not in ("bliss", "hsa", "loewe"):
        raise UnknownNameError("synergy reference", reference, ("bliss", "hsa", "loewe"))
    observed = np.nanmean(grid, axis=2)
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
    counted = np.isfinite(grid).sum(axis=2)[1:, 1:]
    table["lower_all"], table["upper_all"] = (
        each.ravel() for each in _together(excess, draws, counted, confidence if together is None else together)
    )
    if reference == "loewe":
        _, gained = _over_baseline(observed)
        curves = _curves(a, b, gained)
        table["combination_index"] = [
            _combination_index(x, y, e, *curves)
            for x, y, e in zip(table["dose_a"], table["dose_b"], gained[1:, 1:].ravel(), strict=True)
        ]
    return Synergy(reference, table, float(excess.mean()), float(mean_lower), float(mean_upper), confidence)


def _together(
    excess: FloatArray, draws: FloatArray, counted: FloatArray, coverage: float
) -> tuple[FloatArray, FloatArray]:
    """Return limits of every excess that hold for all at once; the excess itself where there is no bootstrap.

    Deviations are measured in standard errors. A share of 0 or 1 among n varies in no bootstrap sample and is not
    known exactly for that: half a subject of n is added to its error. The better of two noisy agents looks better than
    it is, which a bootstrap repeats, so its mean tells by how much.
    """
    if len(draws) == 1:
        return excess, excess
    middle = draws.mean(axis=0)
    error = np.sqrt(draws.var(axis=0, ddof=1) + (0.5 / counted) ** 2)
    largest = (np.abs(draws - middle) / error).max(axis=(1, 2))
    half = float(np.quantile(largest, coverage)) * error
    center = excess - (middle - excess)
    return center - half, center + half


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
    if np.isnan(grid).all(axis=2).any():
        raise InvalidValueError("A cell of the grid has no replicate that was read; leave its doses out.")
    if np.isinf(grid).any() or np.nanmin(grid) < 0 or np.nanmax(grid) > 1:
        raise InvalidValueError(
            f"Effects are fractions from 0 (as untreated) to 1 (the most there can be); these reach from "
            f"{np.nanmin(grid):g} to {np.nanmax(grid):g}. Scale them by the untreated control first."
        )
    return grid


def _resample(grid: FloatArray, rng: np.random.Generator) -> FloatArray:
    counted = np.isfinite(grid).sum(axis=2, keepdims=True)
    if (counted == grid.shape[2]).all():
        rows = rng.integers(0, grid.shape[2], size=grid.shape)
        return np.asarray(np.take_along_axis(grid, rows, axis=2).mean(axis=2), dtype=np.float64)
    # Each cell draws as many as it has, of those that it has: NaN sorts last.
    rows = rng.integers(0, counted, size=grid.shape)
    drawn = np.take_along_axis(np.sort(grid, axis=2), rows, axis=2)
    drawn[np.arange(grid.shape[2]) >= counted] = np.nan
    return np.asarray(np.nanmean(drawn, axis=2), dtype=np.float64)


def _excess(reference: Reference, a: FloatArray, b: FloatArray, observed: FloatArray) -> FloatArray:
    return (observed - _expected(reference, a, b, observed))[1:, 1:]


def _expected(reference: Reference, a: FloatArray, b: FloatArray, observed: FloatArray) -> FloatArray:
    if reference == "hsa":
        return np.maximum(observed[:, :1], observed[:1, :])
    base, gained = _over_baseline(observed)
    if reference == "bliss":
        alone_a, alone_b = gained[:, :1], gained[:1, :]
        return base + (1 - base) * (alone_a + alone_b - alone_a * alone_b)
    at_a, at_b = np.meshgrid(a, b, indexing="ij")
    return base + (1 - base) * loewe_effect(at_a, at_b, *_curves(a, b, gained))


def _over_baseline(observed: FloatArray) -> tuple[float, FloatArray]:
    """Return what is counted without either agent, and what each field gains of the rest, 0 to 1.

    Those that are counted anyway are no effect of an agent; taken for one, each agent alone would be given it, and two
    agents that act independently would seem to be antagonists.
    """
    base = float(observed[0, 0])
    return base, np.clip((observed - base) / (1 - base), 0.0, 1.0) if base < 1 else np.zeros_like(observed)


def _curves(a: FloatArray, b: FloatArray, gained: FloatArray) -> tuple[HillCurve, HillCurve]:
    return _hill_curve(a, gained[:, 0]), _hill_curve(b, gained[0, :])


@dataclass(frozen=True)
class HillCurve:
    """Effect of one agent alone: top * dose^slope / (half^slope + dose^slope)."""

    top: float
    half: float
    slope: float

    def __call__(self, dose: npt.ArrayLike) -> FloatArray:
        """Return the effect of doses."""
        doses = np.asarray(dose, dtype=np.float64)
        power = np.divide(self.half, doses, out=np.full(doses.shape, np.inf), where=doses > 0) ** self.slope
        return np.asarray(self.top / (1 + power), dtype=np.float64)

    def dose_for(self, effect: npt.ArrayLike) -> FloatArray:
        """Return the dose that has an effect; infinite where no dose has."""
        wanted = np.asarray(effect, dtype=np.float64)
        reached = (wanted > 0) & (wanted < self.top)
        odds = np.divide(wanted, self.top - wanted, out=np.full(wanted.shape, np.inf), where=reached)
        return np.where(wanted <= 0, 0.0, self.half * odds ** (1 / self.slope))


_INERT = 1e-9


def _hill_curve(doses: FloatArray, effect: FloatArray) -> HillCurve:
    if effect.max() < 1e-6:
        return HillCurve(0.0, float(doses[1]), 1.0)
    positive, seen = doses[1:], effect[1:]
    span = np.log(positive[-1] / positive[0]) + 5.0

    log_dose = np.log(positive)

    def residual(theta: FloatArray) -> FloatArray:
        return np.asarray(theta[0] * special.expit(np.exp(theta[2]) * (log_dose - theta[1])) - seen)

    def slope(theta: FloatArray) -> FloatArray:
        k, from_half = np.exp(theta[2]), log_dose - theta[1]
        share = special.expit(k * from_half)
        steep = theta[0] * share * (1 - share) * k
        return np.stack([share, -steep, steep * from_half], axis=1)

    middle = float(np.log(positive[int(np.argmin(np.abs(seen - effect.max() / 2)))]))
    start = np.array([min(1.0, float(effect.max())), middle, 0.0])
    bounds = ([_INERT, np.log(positive[0]) - span, np.log(0.2)], [1.0, np.log(positive[-1]) + span, np.log(10.0)])
    fit = optimize.least_squares(residual, start, slope, bounds, xtol=1e-10, ftol=1e-10, gtol=1e-10, max_nfev=60)
    return HillCurve(float(fit.x[0]), float(np.exp(fit.x[1])), float(np.exp(fit.x[2])))


def _combination_index(dose_a: float, dose_b: float, effect: float, curve_a: HillCurve, curve_b: HillCurve) -> float:
    if effect <= 0:
        return float(np.inf)
    return float(dose_a / curve_a.dose_for(effect) + dose_b / curve_b.dose_for(effect))


_HALVINGS = 50
"""Bisections from a bracket of at most 1: to 1e-15."""


def loewe_effect(dose_a: npt.ArrayLike, dose_b: npt.ArrayLike, curve_a: HillCurve, curve_b: HillCurve) -> FloatArray:
    """Return the effect E with d_a / D_a(E) + d_b / D_b(E) = 1: what two agents do if they are doses of one thing.

    Parameters
    ----------
    dose_a, dose_b
        Doses of the two, same shape.
    curve_a, curve_b
        Effect of each alone.

    Returns
    -------
    Effects, same shape.
    """
    a, b = np.asarray(dose_a, dtype=np.float64), np.asarray(dose_b, dtype=np.float64)
    # The sum falls as E grows. At the effect of the better agent alone it is 1 or more; at the greater top, less.
    low = np.maximum(curve_a(a), curve_b(b))
    high = np.full(low.shape, max(curve_a.top, curve_b.top))
    both = (a > 0) & (b > 0) & (low > 0)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        safe = np.where(middle > 0, middle, 1.0)
        needed_a, needed_b = curve_a.dose_for(safe), curve_b.dose_for(safe)
        more = a / needed_a + b / needed_b > 1
        low, high = np.where(both & more, middle, low), np.where(both & ~more, middle, high)
    return np.where(both, 0.5 * (low + high), low)
