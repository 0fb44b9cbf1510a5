"""How often an experiment of a given size ends significant: it is repeated on virtual animals, with attrition.

Nothing is assumed about hazard ratios or variances: what happens in an arm is what the model says of many virtual
animals, and an experiment of n animals an arm is 2 n different ones of them, n for each arm, tested as the laboratory
would test them. No virtual animal is in an experiment twice, so the experiments vary as much as those of fresh animals
would: where the arms do not differ, the level of the test is kept for every n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.errors import InvalidValueError
from gvlab.planning.planned_comparison import Attrition, PlannedComparison
from gvlab.planning.simulated_comparison import SimulatedComparison, VirtualArm
from gvlab.statistics import wilson_interval
from gvlab.statistics.permutation import fisher_p_values, logrank_p_values, mannwhitney_p_values

SIZES = (*range(2, 21), *range(22, 41, 2), *range(45, 81, 5))
"""Animals per arm that are tried."""

BATCHES = 8
"""Into so many batches the virtual animals are divided, or fewer where experiments are large; how far batches differ is
the error of the power."""

_FEWEST_BATCHES = 4
_TWO_SIDED_95 = float(stats.norm.ppf(0.975))


def sizes_for(per_arm: int | None = None) -> tuple[int, ...]:
    """Return the animals per arm that are tried: those of `SIZES`, and on to a number that was asked for."""
    found = list(SIZES)
    while per_arm is not None and found[-1] < per_arm:
        found.append(min(per_arm, 5 * round(found[-1] * 1.1 / 5)))
    return tuple(sorted({*found, *([per_arm] if per_arm else [])}))


def animals_for(sizes: Sequence[int], batches: int = _FEWEST_BATCHES) -> int:
    """Return how many virtual animals experiments of these sizes need, in so many batches."""
    return 2 * max(sizes) * batches


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
        """Return power and standard error at a number of animals that was tried.

        Raises
        ------
        InvalidValueError
            If that number was not tried: power is computed, never read between two numbers or beyond the last.
        """
        if n not in self.n:
            raise InvalidValueError(f"Power with {n} per arm was not computed; ask for it: sizes=(..., {n}).")
        place = self.n.index(n)
        return float(self.power[place]), float(self.standard_error[place])


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
        Days until the end of the study, or until the reading: attrition is spread over them.
    name
        Of the parameter set.
    sizes
        Animals per arm, increasing.
    replicates
        Experiments for each number of animals.
    alpha
        Level of the two-sided test.

    Raises
    ------
    InvalidValueError
        If alpha is no level, or there are not twice as many virtual animals as the largest size.
    """
    if not 0 < alpha < 1:
        raise InvalidValueError(f"alpha is {alpha:g}; a level lies between 0 and 1. Did you mean 0.05?")
    usable = np.flatnonzero(simulated.followed)
    if len(usable) < 2 * max(sizes):
        raise InvalidValueError(
            f"An experiment with {max(sizes)} per arm takes {2 * max(sizes)} different virtual animals, and there are "
            f"{len(usable)}. Simulate more."
        )
    found = [_power(simulated, usable, comparison, attrition, rng, follow_up, n, replicates, alpha) for n in sizes]
    power, error = (np.array(column) for column in zip(*found, strict=True))
    return PowerCurve(name, tuple(sizes), power, error)


def _power(
    simulated: SimulatedComparison,
    usable: Int[Array, " subject"],
    comparison: PlannedComparison,
    attrition: Attrition,
    rng: np.random.Generator,
    follow_up: float,
    n: int,
    replicates: int,
    alpha: float,
) -> tuple[float, float]:
    """Return power and standard error with n animals an arm."""
    batches = min(BATCHES, len(usable) // (2 * n))
    batches = batches if batches >= _FEWEST_BATCHES else 1
    each = max(1, replicates // batches)
    # Runs of neighbors: every eighth of them would lie in one corner of a Sobol sequence.
    rows = np.concatenate([_experiments(batch, 2 * n, each, rng) for batch in np.array_split(usable, batches)])
    a = _draw(simulated.arm, simulated.arm_without, rows[:, :n], attrition, follow_up, rng)
    b = _draw(simulated.versus, simulated.versus_without, rows[:, n:], attrition, follow_up, rng)
    hits = np.count_nonzero((_p_values(a, b, comparison, rng) < alpha).reshape(batches, each), axis=1)
    total = batches * each
    between = float((hits / each).std(ddof=1) / np.sqrt(batches)) if batches > 1 else 0.0
    # Where every batch says the same, the replicates alone leave this much open.
    wilson = float(np.ptp(wilson_interval(int(hits.sum()), total)) / (2 * _TWO_SIDED_95))
    return float(hits.sum() / total), max(between, wilson)


def _experiments(
    animals: Int[Array, " subject"], size: int, replicates: int, rng: np.random.Generator
) -> Int[Array, "replicate animal"]:
    """Return the animals of each experiment, none twice in it; one shuffle is cut into as many as it has room for."""
    room = len(animals) // size
    shuffled = rng.permuted(np.tile(animals, (-(-replicates // room), 1)), axis=1)
    return np.asarray(shuffled[:, : room * size].reshape(-1, size)[:replicates])


@dataclass(frozen=True)
class _Draw:
    duration: Float[Array, "replicate subject"]
    event: Bool[Array, "replicate subject"]
    value: Float[Array, "replicate subject"]


def _draw(
    taken: VirtualArm,
    failed: VirtualArm,
    rows: Int[Array, "replicate subject"],
    attrition: Attrition,
    follow_up: float,
    rng: np.random.Generator,
) -> _Draw:
    fails = rng.random(rows.shape) < attrition.engraftment_failure
    leaves = np.where(rng.random(rows.shape) < attrition.dropout, follow_up * rng.random(rows.shape), np.inf)
    duration = np.where(fails, failed.duration[rows], taken.duration[rows])
    event = np.where(fails, failed.event[rows], taken.event[rows])
    value = np.where(fails, failed.value[rows], taken.value[rows])
    lost = leaves < duration
    return _Draw(np.minimum(duration, leaves), event & ~lost, np.where(lost, np.nan, value))


def _p_values(
    a: _Draw, b: _Draw, comparison: PlannedComparison, rng: np.random.Generator
) -> Float[Array, " replicate"]:
    if comparison.day is None:
        times = np.concatenate([a.duration, b.duration], axis=1)
        events = np.concatenate([a.event, b.event], axis=1)
        return logrank_p_values(times, events, a.duration.shape[1], rng)
    # The dead and the lost are not read, so replicates differ in size.
    sizes = np.isfinite(a.value).sum(axis=1), np.isfinite(b.value).sum(axis=1)
    if comparison.share:
        counts = [np.nansum(each.value, axis=1).astype(np.int64) for each in (a, b)]
        return fisher_p_values(counts[0], sizes[0], counts[1], sizes[1])
    # Those of one size are tested together.
    p_values = np.ones(len(a.value))
    for n_a, n_b in {*zip(*sizes, strict=True)}:
        if min(n_a, n_b) < 1:
            continue
        rows = np.flatnonzero((sizes[0] == n_a) & (sizes[1] == n_b))
        read_a = np.sort(a.value[rows], axis=1)[:, :n_a]  # NaN sorts last
        read_b = np.sort(b.value[rows], axis=1)[:, :n_b]
        p_values[rows] = mannwhitney_p_values(read_a, read_b, rng)
    return p_values
