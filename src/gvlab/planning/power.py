"""How many mice an experiment needs: it is repeated on virtual mice, with losses, under every plausible parameter set.

Nothing is assumed about hazard ratios or variances: what happens in an arm is what the model says of many virtual mice,
and an experiment of n mice is n of them, drawn at random, tested as the laboratory would test them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from gvlab.errors import InvalidValueError
from gvlab.experiment.experiment import Experiment
from gvlab.planning.simulated_comparison import (
    BATCHES,
    Losses,
    ParameterSet,
    Progress,
    Question,
    Rehearsal,
    VirtualArm,
    rehearse,
)
from gvlab.statistics import wilson_interval
from gvlab.statistics.power import logrank_statistics, mannwhitney_p_values

FloatArray = npt.NDArray[np.float64]

SIZES = (*range(2, 21), *range(22, 41, 2), *range(45, 81, 5))
"""Mice per arm that are tried."""

_TWO_SIDED_95 = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class PowerCurve:
    """Probability of significance by number of mice, for one parameter set.

    Attributes
    ----------
    name
        Of the parameter set.
    n
        Mice per arm.
    power, standard_error
        Shape (n,). The error covers the replicates and the virtual mice being a finite crowd; not the model.
    """

    name: str
    n: tuple[int, ...]
    power: FloatArray
    standard_error: FloatArray

    def needed(self, power: float) -> int | None:
        """Give the fewest mice per arm from which on the power stays at `power` or above; None if none of `n` does."""
        return _first_lasting(self.n, self.power >= power)

    def needed_range(self, power: float) -> tuple[int | None, int | None]:
        """Give the fewest mice if the power is as high, and as low, as its Monte-Carlo error (95 %) allows."""
        half = _TWO_SIDED_95 * self.standard_error
        return (
            _first_lasting(self.n, self.power + half >= power),
            _first_lasting(self.n, self.power - half >= power),
        )

    def at(self, n: int) -> tuple[float, float]:
        """Give power and standard error at a number of mice, between those tried by interpolation."""
        return float(np.interp(n, self.n, self.power)), float(np.interp(n, self.n, self.standard_error))


def _first_lasting(n: Sequence[int], enough: npt.NDArray[np.bool_]) -> int | None:
    if not enough[-1]:
        return None
    short = np.flatnonzero(~enough)
    return n[int(short[-1]) + 1] if len(short) else n[0]


def power_curve(
    rehearsal: Rehearsal,
    question: Question,
    losses: Losses,
    rng: np.random.Generator,
    *,
    follow_up: float,
    name: str = "nominal",
    sizes: Sequence[int] = SIZES,
    replicates: int = 2000,
    alpha: float = 0.05,
) -> PowerCurve:
    """Repeat the experiment with each number of mice, and count how often it ends significant.

    Parameters
    ----------
    rehearsal, question, losses
        What happens in the arms, what is tested, what goes wrong.
    rng
        Source of the draws.
    follow_up
        Length of the study in days, over which attrition is spread.
    name
        Of the parameter set.
    sizes
        Mice per arm, increasing.
    replicates
        Experiments for each number of mice.
    alpha
        Level of the two-sided test.
    """
    if not 0 < alpha < 1:
        raise InvalidValueError(f"alpha is {alpha:g}; a level lies between 0 and 1. Did you mean 0.05?")
    smallest = min(len(rehearsal.arm), len(rehearsal.versus))
    if smallest < BATCHES:
        raise InvalidValueError(f"{smallest} virtual mice per arm are too few; take {BATCHES} or more.")
    each = max(1, replicates // BATCHES)
    hits = np.zeros((BATCHES, len(sizes)))
    for batch in range(BATCHES):
        arms = [
            (one.batch(batch), other.batch(batch))
            for one, other in (
                (rehearsal.arm, rehearsal.arm_without),
                (rehearsal.versus, rehearsal.versus_without),
            )
        ]
        for column, n in enumerate(sizes):
            draws = [_draw(taken, failed, (each, n), losses, follow_up, rng) for taken, failed in arms]
            hits[batch, column] = np.count_nonzero(_p_values(draws[0], draws[1], question) < alpha)
    total = BATCHES * each
    power = hits.sum(axis=0) / total
    between = (hits / each).std(axis=0, ddof=1) / np.sqrt(BATCHES)
    # Where every crowd says the same, the replicates alone leave this much open.
    wilson = [np.ptp(wilson_interval(int(count), total)) / (2 * _TWO_SIDED_95) for count in hits.sum(axis=0)]
    return PowerCurve(name, tuple(sizes), power, np.maximum(between, wilson))


@dataclass(frozen=True)
class _Draw:
    duration: FloatArray
    event: npt.NDArray[np.bool_]
    value: FloatArray


def _draw(
    taken: VirtualArm,
    failed: VirtualArm,
    shape: tuple[int, int],
    losses: Losses,
    follow_up: float,
    rng: np.random.Generator,
) -> _Draw:
    rows, without = rng.integers(0, len(taken), shape), rng.integers(0, len(failed), shape)
    fails = rng.random(shape) < losses.engraftment_failure
    leaves = np.where(rng.random(shape) < losses.attrition, follow_up * rng.random(shape), np.inf)
    duration = np.where(fails, failed.duration[without], taken.duration[rows])
    event = np.where(fails, failed.event[without], taken.event[rows])
    value = np.where(fails, failed.value[without], taken.value[rows])
    lost = leaves < duration
    return _Draw(np.minimum(duration, leaves), event & ~lost, np.where(lost, np.nan, value))


def _p_values(a: _Draw, b: _Draw, question: Question) -> FloatArray:
    if question.day is None:
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


@dataclass(frozen=True)
class Plan:
    """How many mice, and what that rests on.

    Attributes
    ----------
    experiment, question, losses
        What is planned.
    power, alpha
        What is asked for.
    nominal
        Power with the parameters of the tables.
    plausible
        Power with each plausible parameter set; empty where there are none.
    subjects, replicates, seed
        Virtual mice per arm of the nominal set; repeated experiments for each number of mice; seed of both.
    """

    experiment: Experiment
    question: Question
    losses: Losses
    power: float
    alpha: float
    nominal: PowerCurve
    plausible: tuple[PowerCurve, ...]
    subjects: int
    replicates: int
    seed: int

    @property
    def per_arm(self) -> int | None:
        """Mice per arm with the nominal parameters, None where no number tried is enough."""
        return self.nominal.needed(self.power)

    def plausible_range(self) -> tuple[int | None, int | None, int | None]:
        """Give the 10th, 50th and 90th percentile of mice per arm over plausible sets; None: more than any tried."""
        if not self.plausible:
            return (None, None, None)
        needed = sorted(np.inf if (n := curve.needed(self.power)) is None else float(n) for curve in self.plausible)
        picks = [needed[round(q * (len(needed) - 1))] for q in (0.1, 0.5, 0.9)]
        low, middle, high = (None if np.isinf(each) else int(each) for each in picks)
        return (low, middle, high)

    @property
    def never(self) -> int:
        """How many plausible sets do not reach the power with any number tried."""
        return sum(curve.needed(self.power) is None for curve in self.plausible)

    def in_words(self) -> tuple[str, ...]:
        """Say it in sentences."""
        largest = self.nominal.n[-1]
        low, high = self.nominal.needed_range(self.power)
        asked = f"{100 * self.power:g} % power at alpha {self.alpha:g}"
        if self.per_arm is None:
            best = self.nominal.power[-1]
            first = (
                f"With the nominal parameters even {largest} mice per arm do not reach {asked}: "
                f"they give {100 * best:.0f} %. The effect may be too small to be found this way."
            )
        else:
            first = (
                f"{self.per_arm} mice per arm give {asked} with the nominal parameters "
                f"({_mice(low, largest)} to {_mice(high, largest)} within the Monte-Carlo error)."
            )
        lines = [f"Compared: {self.question.in_words()}.", first]
        if self.plausible:
            p10, p50, p90 = (_mice(n, largest) for n in self.plausible_range())
            lines.append(
                f"Over {len(self.plausible)} plausible parameter sets: median {p50}, 10th to 90th percentile {p10} to "
                f"{p90}; {self.never} of them do not reach it with {largest}."
            )
            safe = self.plausible_range()[2]
            if safe is not None and self.per_arm is not None and safe > self.per_arm:
                lines.append(f"{safe} per arm are enough in nine of ten of these sets; plan with those to be safe.")
        else:
            lines.append(
                "Only the nominal parameter set was used, no ensemble of plausible ones, so the true uncertainty is "
                "wider than the range given."
            )
        lines.append(
            f"Included: attrition {100 * self.losses.attrition:g} %, leukemia that does not take "
            f"{100 * self.losses.engraftment_failure:g} %. Numbers are mice at the start of the study."
        )
        return tuple(lines)

    def table(self) -> pd.DataFrame:
        """Give every power curve: columns set, n_per_arm, power, standard_error."""
        frames = [
            pd.DataFrame(
                {
                    "set": curve.name,
                    "n_per_arm": curve.n,
                    "power": curve.power,
                    "standard_error": curve.standard_error,
                }
            )
            for curve in (self.nominal, *self.plausible)
        ]
        return pd.concat(frames, ignore_index=True)


def _mice(n: int | None, largest: int) -> str:
    return f"more than {largest}" if n is None else str(n)


def plan(
    experiment: Experiment,
    question: Question,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    losses: Losses | None = None,
    sets: Sequence[ParameterSet] = (),
    subjects: int = 1600,
    subjects_each: int = 96,
    replicates: int = 2000,
    seed: int,
    progress: Progress | None = None,
) -> Plan:
    """Find out how many mice per arm a question needs.

    Parameters
    ----------
    experiment, question
        What is done and asked.
    power, alpha
        Wanted probability of significance; level of the two-sided test.
    losses
        Attrition and engraftment failure; the usual ones where None.
    sets
        Plausible parameter sets beside the nominal one.
    subjects, subjects_each
        Virtual mice per arm: with the nominal parameters, and with each set.
    replicates
        Experiments for each number of mice; a quarter of it for each plausible set.
    seed
        Of the mice and of the draws.
    progress
        Told how many virtual mice have just been finished.

    Raises
    ------
    InvalidValueError
        If the power is not above alpha and below 1.
    """
    if not alpha < power < 1:
        raise InvalidValueError(
            f"A power of {power:g} is asked for; it lies above alpha ({alpha:g}) and below 1. Did you mean 0.8?"
        )
    losses = losses or Losses()
    follow_up = experiment.last_day

    def curve(parameters: ParameterSet, mice: int, repeats: int, stream: int) -> PowerCurve:
        seen = rehearse(
            experiment, question, subjects=mice, seed=seed, losses=losses, parameters=parameters, progress=progress
        )
        rng = np.random.default_rng([seed, stream])
        return power_curve(
            seen, question, losses, rng, follow_up=follow_up, name=parameters.name, replicates=repeats, alpha=alpha
        )

    nominal = curve(ParameterSet(), subjects, replicates, 0)
    few = max(BATCHES, replicates // 4)
    plausible = tuple(curve(each, subjects_each, few, 1 + i) for i, each in enumerate(sets))
    return Plan(experiment, question, losses, power, alpha, nominal, plausible, subjects, replicates, seed)
