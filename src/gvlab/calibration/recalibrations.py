"""What calibrations to other luck would say: benchmarks and patients are drawn again, and the population is moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.calibration.expected_patients import expected_outcomes
from gvlab.calibration.patients import Calibrated, moved, prior_of, weigh
from gvlab.findings.expected import Cancel, Progress
from gvlab.library import Library
from gvlab.library.benchmark_record import Benchmark, BenchmarkSet
from gvlab.statistics import effective_size
from gvlab.subject.population import Population
from gvlab.subject.system import System


@dataclass(frozen=True)
class Recalibrated:
    """What calibrations to other luck say.

    Attributes
    ----------
    shares
        By setting: what each calibration says, shape (calibration,).
    effective_patients
        How many patients each is worth, shape (calibration,).
    """

    shares: Mapping[str, Float[Array, "calibration"]]
    effective_patients: Float[Array, "calibration"]

    def interval(self, setting: str) -> tuple[float, float]:
        """Return the 2.5th and the 97.5th percentile."""
        low, high = np.quantile(self.shares[setting], (0.025, 0.975))
        return float(low), float(high)


def recalibrated(
    found: Calibrated,
    benchmarks: BenchmarkSet,
    library: Library,
    times: int,
    seed: int,
    *,
    patients: int = 1024,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Recalibrated:
    """Calibrate again, to benchmarks with other luck and with other patients (bootstrap).

    Each time every benchmark that decides is drawn from what its patients and the spread between studies leave open.
    Medians, spreads and correlations are moved once more, from where they are, by the patients that are there drawn
    with replacement; then new patients are drawn, followed through every arm, and weighed, as strongly as before.

    Parameters
    ----------
    found
        The calibration that is repeated.
    benchmarks, library
        As it was made with.
    times
        How often.
    seed
        Of the luck.
    patients
        New patients of each calibration.
    """
    system = System.read(benchmarks.system, library)
    prior, rows = prior_of(benchmarks, system), [row for row in benchmarks.benchmarks if row.use == "calibrate"]
    shares: dict[str, list[float]] = {row.id: [] for row in benchmarks.settings}
    worth = []
    n = len(found.cohort)
    for rng in np.random.default_rng([seed, 1]).spawn(times):
        drawn = [with_other_luck(row, rng) for row in rows]
        copies = np.bincount(rng.integers(0, n, n), minlength=n)
        pulled = weigh(found.expected, drawn, found.fit.strength, copies=copies)
        record = moved(found.population, prior, found.cohort, pulled.weights)
        cohort = Population(record, system.parameters()).sample(patients, int(rng.integers(2**31)))
        expected = expected_outcomes(benchmarks, cohort, system, progress=progress, cancel=cancel)
        fit = weigh(expected, drawn, found.fit.strength)
        for row in benchmarks.settings:
            shares[row.id].append(expected.share(row.id, fit.weights))
        worth.append(effective_size(fit.weights))
    return Recalibrated({name: np.array(each) for name, each in shares.items()}, np.array(worth))


def with_other_luck(row: Benchmark, rng: np.random.Generator) -> Benchmark:
    """Return a benchmark as another study of as many patients might have found it."""
    share = (row.value * row.n + 0.5) / (row.n + 1)
    share = min(max(share + row.spread * float(rng.standard_normal()), 0.0), 1.0)
    return row.model_copy(update={"value": float(rng.binomial(row.n, share)) / row.n})
