"""How often an experiment of a given size ends significant: it is repeated on virtual animals, with attrition.

Nothing is assumed about hazard ratios or variances: what happens in an arm is what the model says of many virtual
animals, and an experiment of n animals is n of them, drawn at random, tested as the laboratory would test them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from gvlab.arrays import Array, Bool, Float
from gvlab.errors import InvalidValueError
from gvlab.planning.planned_comparison import Attrition, PlannedComparison
from gvlab.planning.simulated_comparison import BATCHES, SimulatedComparison, VirtualArm
from gvlab.statistics import wilson_interval
from gvlab.statistics.power import logrank_statistics, mannwhitney_p_values

SIZES = (*range(2, 21), *range(22, 41, 2), *range(45, 81, 5))
"""Animals per arm that are tried."""

_TWO_SIDED_95 = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class PowerCurve:
    """Probability of significance by number of animals, for one parameter set.

    Attributes
    ----------
    name
        Of the parameter set.
    n
        Animals per arm.
    power, standard_error
        Shape (n,). The error covers the replicates and the virtual animals being finitely many; not the model.
    """

    name: str
    n: tuple[int, ...]
    power: Float[Array, " size"]
    standard_error: Float[Array, " size"]

    def needed(self, power: float) -> int | None:
        """Return the fewest animals per arm from which on the power stays at `power` or above; None: none does."""
        return _first_lasting(self.n, self.power >= power)

    def needed_range(self, power: float) -> tuple[int | None, int | None]:
        """Return the fewest animals if the power is as high, and as low, as its Monte-Carlo error (95 %) allows."""
        half = _TWO_SIDED_95 * self.standard_error
        return (
            _first_lasting(self.n, self.power + half >= power),
            _first_lasting(self.n, self.power - half >= power),
        )

    def at(self, n: int) -> tuple[float, float]:
        """Return power and standard error at a number of animals, between those tried by interpolation."""
        return float(np.interp(n, self.n, self.power)), float(np.interp(n, self.n, self.standard_error))


def _first_lasting(n: Sequence[int], enough: Bool[Array, " size"]) -> int | None:
    if not enough[-1]:
        return None
    short = np.flatnonzero(~enough)
    return n[int(short[-1]) + 1] if len(short) else n[0]


def power_curve(
    simulated: SimulatedComparison,
    comparison: PlannedComparison,
    attrition: Attrition,
    rng: np.random.Generator,
    *,
    follow_up: float,
    name: str = "nominal",
    sizes: Sequence[int] = SIZES,
    replicates: int = 2000,
    alpha: float = 0.05,
) -> PowerCurve:
    """Repeat the experiment with each number of animals, and count how often it ends significant.

    Parameters
    ----------
    simulated, comparison, attrition
        What happens in the arms, what is tested, what goes wrong.
    rng
        Source of the draws.
    follow_up
        Length of the study in days, over which attrition is spread.
    name
        Of the parameter set.
    sizes
        Animals per arm, increasing.
    replicates
        Experiments for each number of animals.
    alpha
        Level of the two-sided test.
    """
    if not 0 < alpha < 1:
        raise InvalidValueError(f"alpha is {alpha:g}; a level lies between 0 and 1. Did you mean 0.05?")
    smallest = min(len(simulated.arm), len(simulated.versus))
    if smallest < BATCHES:
        raise InvalidValueError(f"{smallest} virtual animals per arm are too few; take {BATCHES} or more.")
    each = max(1, replicates // BATCHES)
    hits = np.zeros((BATCHES, len(sizes)))
    for batch in range(BATCHES):
        arms = [
            (one.batch(batch), other.batch(batch))
            for one, other in (
                (simulated.arm, simulated.arm_without),
                (simulated.versus, simulated.versus_without),
            )
        ]
        for column, n in enumerate(sizes):
            draws = [_draw(taken, failed, (each, n), attrition, follow_up, rng) for taken, failed in arms]
            hits[batch, column] = np.count_nonzero(_p_values(draws[0], draws[1], comparison) < alpha)
    total = BATCHES * each
    power = hits.sum(axis=0) / total
    between = (hits / each).std(axis=0, ddof=1) / np.sqrt(BATCHES)
    # Where every batch says the same, the replicates alone leave this much open.
    wilson = [np.ptp(wilson_interval(int(count), total)) / (2 * _TWO_SIDED_95) for count in hits.sum(axis=0)]
    return PowerCurve(name, tuple(sizes), power, np.maximum(between, wilson))


@dataclass(frozen=True)
class _Draw:
    duration: Float[Array, "replicate subject"]
    event: Bool[Array, "replicate subject"]
    value: Float[Array, "replicate subject"]


def _draw(
    taken: VirtualArm,
    failed: VirtualArm,
    shape: tuple[int, int],
    attrition: Attrition,
    follow_up: float,
    rng: np.random.Generator,
) -> _Draw:
    rows, without = rng.integers(0, len(taken), shape), rng.integers(0, len(failed), shape)
    fails = rng.random(shape) < attrition.engraftment_failure
    leaves = np.where(rng.random(shape) < attrition.dropout, follow_up * rng.random(shape), np.inf)
    duration = np.where(fails, failed.duration[without], taken.duration[rows])
    event = np.where(fails, failed.event[without], taken.event[rows])
    value = np.where(fails, failed.value[without], taken.value[rows])
    lost = leaves < duration
    return _Draw(np.minimum(duration, leaves), event & ~lost, np.where(lost, np.nan, value))


def _p_values(a: _Draw, b: _Draw, comparison: PlannedComparison) -> Float[Array, " replicate"]:
    if comparison.day is None:
        times = np.concatenate([a.duration, b.duration], axis=1)
        events = np.concatenate([a.event, b.event], axis=1)
        return np.asarray(stats.chi2.sf(logrank_statistics(times, events, a.duration.shape[1]), 1))
    # The dead and the lost are not read, so replicates differ in size; those of one size are tested together.
    p_values = np.ones(len(a.value))
    sizes = np.isfinite(a.value).sum(axis=1), np.isfinite(b.value).sum(axis=1)
    for n_a, n_b in {*zip(*sizes, strict=True)}:
        if min(n_a, n_b) < 1:
            continue
        rows = np.flatnonzero((sizes[0] == n_a) & (sizes[1] == n_b))
        read_a = np.sort(a.value[rows], axis=1)[:, :n_a]  # NaN sorts last
        read_b = np.sort(b.value[rows], axis=1)[:, :n_b]
        p_values[rows] = mannwhitney_p_values(read_a, read_b)
    return p_values
