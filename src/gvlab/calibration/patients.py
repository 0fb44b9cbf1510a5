"""A population of patients held against clinical benchmarks: its medians and spreads are moved, then it is weighed.

What a patient contributes to a benchmark is an *expected* outcome (`expected_patients`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.calibration.expected_patients import Expected
from gvlab.calibration.kept_outcomes import kept_outcomes
from gvlab.calibration.reused_patients import FollowedPatients
from gvlab.errors import InvalidValueError
from gvlab.findings.expected import Cancel, Progress
from gvlab.lazy import LazyModule
from gvlab.library import Library
from gvlab.library.benchmark_record import SURVIVAL, Benchmark, BenchmarkSet
from gvlab.library.records import Correlation, PopulationRecord, Weighed
from gvlab.library.variability import MixtureComponent, Variability
from gvlab.statistics import effective_size, wilson_interval
from gvlab.subject import Cohort
from gvlab.subject.population import Population
from gvlab.subject.system import System

optimize: Any = LazyModule("scipy.optimize")

LARGEST = 0.01
"""Share of all that one patient may be worth."""


@dataclass(frozen=True)
class Fit:
    """A weighted population against its benchmarks.

    Attributes
    ----------
    weights
        Shape (patient,); they average 1.
    distance
        Sum of squared differences over standard errors.
    strength
        How much benchmarks pulled; with 1 as their standard errors say.
    """

    weights: Float[Array, "patient"]
    distance: float
    strength: float = 1.0

    @property
    def largest(self) -> float:
        """The share of all that the heaviest patient is worth."""
        return float(self.weights.max() / self.weights.sum())

    @property
    def effective_patients(self) -> float:
        """How many patients of equal weight would tell as much."""
        return effective_size(self.weights)


def standard_error(row: Benchmark) -> float:
    """Return the error of a benchmark: the luck of its patients and the spread between studies."""
    p = (row.value * row.n + 0.5) / (row.n + 1)
    return math.sqrt(p * (1 - p) / row.n + row.spread**2)


def interval(row: Benchmark) -> tuple[float, float]:
    """Return the 95 % interval of a benchmark: Wilson's, widened by the spread between studies."""
    low, high = wilson_interval(round(row.value * row.n), row.n)
    wider = 1.96 * row.spread
    return max(0.0, row.value - math.hypot(row.value - low, wider)), min(
        1.0, row.value + math.hypot(high - row.value, wider)
    )


def weigh(
    expected: Expected,
    rows: Sequence[Benchmark],
    strength: float = 1.0,
    *,
    counts: Float[Array, "patient"] | None = None,
) -> Fit:
    """Return the weights nearest to equal that bring the population to its benchmarks (entropy balancing [1]_).

    The dual problem is convex. With `strength` 1 a benchmark pulls as its standard error says; with less it pulls less.
    `counts` says how many patients of the population each one stands for; one where None.

    References
    ----------
    .. [1] Hainmueller (2012) Political Analysis 20:25-46.
    """
    there = expected.solved if counts is None else expected.solved * counts
    ok = there > 0
    pulls = np.stack([_pull(expected, row)[ok] for row in rows], axis=1)

    def dual(force: Float[Array, "benchmark"]) -> tuple[float, Float[Array, "benchmark"]]:
        exponent = -pulls @ force
        top = exponent.max()
        mass = there[ok] * np.exp(exponent - top)
        share = mass / mass.sum()
        value = top + math.log(mass.mean()) + force @ force / (2 * strength)
        return float(value), -(pulls * share[:, None]).sum(axis=0) + force / strength

    found = optimize.minimize(dual, np.zeros(len(rows)), jac=True, method="BFGS")
    exponent = -pulls @ found.x
    inside = there[ok] * np.exp(exponent - exponent.max())
    weights = np.zeros(len(ok))
    weights[ok] = inside / inside.mean() * len(ok) / ok.sum()
    return Fit(weights, distance(expected, rows, weights), strength)


def weigh_within(expected: Expected, rows: Sequence[Benchmark], largest: float = LARGEST) -> Fit:
    """Return weights that pull as strongly as leaves no patient more than a share of all; see `weigh`.

    Where patients are few one may be worth five of equal weight, since a share that all exceed would end every pull.
    """
    largest = max(largest, 5 / len(expected.solved))
    fit = weigh(expected, rows)
    for step in range(1, 120):
        if fit.largest <= largest:
            break
        fit = weigh(expected, rows, 0.85**step)
    return fit


def _pull(expected: Expected, row: Benchmark) -> Float[Array, "patient"]:
    there = expected.alive[row.id]
    scale = standard_error(row) * float(np.average(there, weights=expected.solved))
    return (expected.counted[row.id] - row.value * there) / scale


def distance(expected: Expected, rows: Sequence[Benchmark], weights: Float[Array, "patient"]) -> float:
    """Return the sum of squared differences between population and benchmarks, over their standard errors."""
    return float(sum(((expected.share(row.id, weights) - row.value) / standard_error(row)) ** 2 for row in rows))


def moved(
    record: PopulationRecord,
    prior: PopulationRecord,
    cohort: Cohort,
    weights: Float[Array, "patient"],
    *,
    step: float = 0.7,
) -> PopulationRecord:
    """Return a population that has gone towards the weighted patients of a cohort.

    Medians and spreads of log-normal axes, shares of kinds, and correlations are moved. Medians stay within the bounds
    of the parameter table, spreads within a factor of 3 of the prior's, and the odds of a kind within a factor of 4:
    a share that is assumed is still known to be small or large.
    """
    shapes = []
    for spec, first in zip(record.variability, prior.variability, strict=True):
        values = cohort.column(spec.parameter)
        if spec.distribution == "log-normal":
            shapes.append(_moved_log_normal(spec, first, cohort, weights, step))
        elif spec.distribution == "categorical":
            kinds = np.stack([(values == value).astype(float) for value in spec.values])
            shares = _told(kinds, spec.shares, weights)
            shapes.append(_derived(spec, first, shares=_shares(spec.shares, shares, step, first.shares)))
        elif spec.distribution == "mixture":
            kinds = np.stack([_of_kind(part, values) for part in spec.components])
            kinds[-1] |= ~kinds.any(axis=0)
            shares = _told(kinds / kinds.sum(axis=0), [part.share for part in spec.components], weights)
            assumed = [part.share for part in first.components]
            gone = _shares([part.share for part in spec.components], shares, step, assumed)
            parts = [
                part.model_copy(update={"share": share}) for part, share in zip(spec.components, gone, strict=True)
            ]
            shapes.append(_derived(spec, first, components=tuple(parts)))
        else:
            shapes.append(spec)
    correlations = _moved_correlations(record, cohort, weights, step)
    return record.model_copy(update={"variability": tuple(shapes), "correlations": correlations})


def _moved_log_normal(
    spec: Variability, first: Variability, cohort: Cohort, weights: Float[Array, "patient"], step: float
) -> Variability:
    x = np.log(cohort.column(spec.parameter))
    center, spread = _log_normal(spec, cohort)
    _, wide = _log_normal(first, cohort)
    mean = float(np.average(x, weights=weights))
    sd = math.sqrt(float(np.average((x - mean) ** 2, weights=weights)))
    low, high = cohort.table.bounds(spec.parameter)
    median = math.exp((1 - step) * math.log(center) + step * mean)
    sigma = min(max((1 - step) * spread + step * sd, wide / _SPREAD), wide * _SPREAD)
    return _derived(
        spec,
        first,
        value=float(f"{min(max(median, low), high):.4g}"),
        cv=float(f"{math.sqrt(math.expm1(sigma**2)):.4g}"),
        center="median",
    )


def _derived(spec: Variability, first: Variability, **changes: Any) -> Variability:
    """Return a distribution with other numbers, which are no longer those of the prior's source."""
    if all(getattr(spec, name) == value for name, value in changes.items()):
        return spec
    note = "; ".join(
        part for part in (first.note, "moved to benchmarks" + f" from {first.source}" * bool(first.source)) if part
    )
    words = {"source": "", "locator": "", "verification": "derived here", "note": note}
    return spec.model_copy(update={**changes, **words})


def _log_normal(spec: Variability, cohort: Cohort) -> tuple[float, float]:
    sigma = math.sqrt(math.log1p((spec.cv or 0.0) ** 2))
    center = cohort.table.value(spec.parameter) if spec.value is None else spec.value
    return (center * math.exp(-(sigma**2) / 2) if spec.center == "mean" else center), sigma


def _told(
    kinds: Float[Array, "kind patient"], old: Sequence[float], weights: Float[Array, "patient"]
) -> Sequence[float]:
    """Return the shares of kinds among weighted patients; the old ones where they differ by no more than chance."""
    found = np.average(kinds, axis=1, weights=weights)
    chance = 2 * np.sqrt(found * (1 - found) / effective_size(weights))
    return old if bool(np.all(np.abs(found - np.asarray(old)) <= chance)) else [float(share) for share in found]


def _shares(old: Sequence[float], new: Sequence[float], step: float, prior: Sequence[float]) -> tuple[float, ...]:
    gone = (1 - step) * np.asarray(old) + step * np.asarray(new)
    odds = np.asarray(prior) / (1 - np.asarray(prior))
    low, high = (odds * factor / (1 + odds * factor) for factor in (1 / _ODDS, _ODDS))
    for _ in range(20):
        gone = np.clip(gone / gone.sum(), low, high)
    rounded = np.round(gone / gone.sum(), 4)
    rounded[np.argmax(rounded)] += 1 - rounded.sum()
    return tuple(float(share) for share in np.round(rounded, 4))


def _of_kind(part: MixtureComponent, values: Float[Array, "patient"]) -> Bool[Array, "patient"]:
    """Return who may be of a kind of a mixture."""
    if part.distribution == "point":
        return np.asarray(values == part.value)
    if part.low is not None and part.high is not None:
        return np.asarray((values >= part.low) & (values <= part.high))
    # A log-normal reaches everywhere above zero; nearly all of it is within four spreads.
    sigma = math.sqrt(math.log1p((part.cv or 0.0) ** 2))
    inside = np.abs(np.log(np.maximum(values, 1e-300) / (part.value or 1.0))) < 4 * sigma
    return np.asarray(inside & (values > 0))


def _moved_correlations(
    record: PopulationRecord, cohort: Cohort, weights: Float[Array, "patient"], step: float
) -> tuple[Correlation, ...]:
    names = [spec.parameter for spec in record.variability if spec.distribution in ("log-normal", "log-uniform")]
    x = np.log(np.stack([cohort.column(name) for name in names]))
    found = np.cov(x, aweights=weights)
    scale = np.sqrt(np.diag(found))
    found = found / np.outer(scale, scale)
    old = {frozenset(item.parameters): item.value for item in record.correlations}
    place = {name: i for i, name in enumerate(names)}
    matrix = np.eye(len(names))
    for i, j in zip(*np.triu_indices(len(names), 1), strict=True):
        before = old.get(frozenset((names[i], names[j])), 0.0)
        value = (1 - step) * before + step * found[i, j]
        # What few patients say of a correlation is noise unless it is large.
        matrix[i, j] = matrix[j, i] = value if abs(value) > 2 / math.sqrt(effective_size(weights)) else 0.0
    least = float(np.linalg.eigvalsh(matrix)[0])
    shrink = 1.0 if least > 0.05 else 0.95 / (1 - least)
    kept = [item for item in record.correlations if not set(item.parameters) <= set(place)]
    for i, j in zip(*np.nonzero(np.triu(matrix, 1)), strict=True):
        value = float(f"{shrink * matrix[i, j]:.3g}")
        kept.append(Correlation(parameters=(names[i], names[j]), value=value, source="", verification="derived here"))
    return tuple(kept)


_ODDS, _SPREAD = 4.0, 3.0


@dataclass(frozen=True)
class Calibrated:
    """A population that was moved and weighed.

    Attributes
    ----------
    population
        Where its medians and spreads have gone.
    cohort, expected, fit
        Patients drawn from it, what is expected of them, and their weights.
    history
        Distance without weights, after each move.
    draws
        All patients that were followed, those of the result last.
    """

    population: PopulationRecord
    cohort: Cohort
    expected: Expected
    fit: Fit
    history: tuple[float, ...]
    draws: tuple[FollowedPatients, ...] = ()

    def by_prognosis(self, benchmarks: BenchmarkSet) -> Int[Array, "patient"]:
        """Return rows of the cohort, those first of whom survival is least expected, over the arms of all settings."""
        lived = [self.expected.counted[row.id] for row in benchmarks.settings if row.outcome == SURVIVAL]
        return np.argsort(np.sum(lived, axis=0), kind="stable") if lived else np.arange(len(self.cohort))


def prior_of(benchmarks: BenchmarkSet, system: System) -> PopulationRecord:
    """Return what is assumed of patients before any benchmark: the population of the system where none is named."""
    if benchmarks.prior is None:
        return system.population.record
    prior: PopulationRecord = system.library.read("populations", benchmarks.prior)
    return prior


def calibrate_population(
    benchmarks: BenchmarkSet,
    library: Library,
    seed: int,
    *,
    patients: int = 2048,
    moves: int = 8,
    leave_out: str | None = None,
    final_patients: int | None = None,
    checkpoints: Path | None = None,
    stage: Callable[[str, int], Progress | None] = lambda *_: None,
    cancel: Cancel | None = None,
) -> Calibrated:
    """Move the medians and spreads of a population to its benchmarks (cross-entropy [1]_), then weigh it.

    Parameters
    ----------
    benchmarks
        Rows of use "calibrate" decide; others never do.
    library
        Holds the system and its population.
    seed
        Of the patients.
    patients, final_patients
        Patients of each move, and of the result.
    moves
        How often medians and spreads are moved at most.
    leave_out
        A benchmark that is not used.
    checkpoints
        A folder in which what is expected of patients is kept; a calibration that was stopped goes on there.
    stage
        Told what begins and how many patients are to be followed; returns where progress is told.

    Raises
    ------
    InvalidValueError
        If nothing is left to calibrate with.

    References
    ----------
    .. [1] Rubinstein & Kroese (2004) The Cross-Entropy Method, Springer.
    """
    rows = [row for row in benchmarks.benchmarks if row.use == "calibrate" and row.id != leave_out]
    if not rows:
        raise InvalidValueError(f'The set "{benchmarks.name}" has no benchmark of use "calibrate".')
    system = System.read(benchmarks.system, library)
    prior = record = prior_of(benchmarks, system)
    draws: list[FollowedPatients] = []

    def follow(record: PopulationRecord, n: int, name: str) -> FollowedPatients:
        cohort = Population(record, system.parameters()).sample(n, seed + len(draws))
        progress = stage(name, n * len(benchmarks.arms))
        expected = kept_outcomes(benchmarks, cohort, system, checkpoints, progress=progress, cancel=cancel)
        draws.append(FollowedPatients(record, cohort, expected))
        return draws[-1]

    for move in range(moves):
        drawn = follow(record, patients, f"Move {move + 1} of {moves}")
        # Weights that leave too few patients tell nothing of medians: then benchmarks pull less.
        fits = (weigh(drawn.expected, rows, strength) for strength in (1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02))
        fit = next((fit for fit in fits if fit.effective_patients >= 0.08 * patients), None)
        if fit is None:
            fit = weigh(drawn.expected, rows, 0.01)
        record = moved(record, prior, drawn.cohort, fit.weights)
    result = follow(record, final_patients or patients, "Patients of the result")
    own = system.population.record
    weighed = Weighed(seed=seed + moves, distributions=record.distributions)
    changes = {"name": own.name, "title": own.title, "description": own.description, "weighed": weighed}
    return Calibrated(
        record.model_copy(update=changes),
        result.cohort,
        result.expected,
        weigh_within(result.expected, rows),
        tuple(distance(draw.expected, rows, draw.expected.solved) for draw in draws),
        tuple(draws),
    )
