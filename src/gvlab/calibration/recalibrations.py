"""What calibrations to other luck would say: benchmarks and patients are drawn again, and the population is moved.

Patients are not followed again where those who were followed already stand for enough of the moved population.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gvlab.arrays import Array, Float, Int
from gvlab.calibration.checkpoint import damaged, read_checkpoint, same_rows
from gvlab.calibration.kept_outcomes import asked, kept_outcomes
from gvlab.calibration.patients import Calibrated, moved, prior_of, weigh
from gvlab.calibration.reused_patients import FollowedPatients, ReusedPatients
from gvlab.files import atomic_file
from gvlab.findings.expected import Cancel, Progress
from gvlab.library import Library
from gvlab.library.benchmark_record import Benchmark, BenchmarkSet
from gvlab.statistics import effective_size
from gvlab.subject.population import Population
from gvlab.subject.system import System

COVERAGE = 0.9
"""Share of calibrations that an interval over them holds."""


@dataclass(frozen=True)
class Recalibrated:
    """What calibrations to other luck say.

    Attributes
    ----------
    settings
        What was asked, by id.
    shares
        What each calibration says of each setting, shape (calibration, setting).
    effective_patients
        How many patients each is worth, shape (calibration,).
    followed
        Patients that were followed for each, shape (calibration,); 0 where all are reused.
    """

    settings: tuple[str, ...]
    shares: Float[Array, "calibration setting"]
    effective_patients: Float[Array, "calibration"]
    followed: Int[Array, "calibration"]

    def __len__(self) -> int:
        return len(self.shares)

    def interval(self, setting: str) -> tuple[float, float]:
        """Return the limits between which `COVERAGE` of the calibrations lie."""
        ends = ((1 - COVERAGE) / 2, (1 + COVERAGE) / 2)
        low, high = np.quantile(self.shares[:, self.settings.index(setting)], ends)
        return float(low), float(high)

    def and_one(self, shares: Sequence[float], effective_patients: float, followed: int) -> Recalibrated:
        """Return the same with one more."""
        return Recalibrated(
            self.settings,
            np.vstack([self.shares, shares]),
            np.append(self.effective_patients, effective_patients),
            np.append(self.followed, followed),
        )

    def write(self, file: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(file) as temporary, temporary.open("wb") as raw:
            np.savez(raw, shares=self.shares, effective_patients=self.effective_patients, followed=self.followed)

    @classmethod
    def read(cls, file: Path, settings: tuple[str, ...]) -> Recalibrated:
        """Return what a checkpoint holds of these settings.

        Raises
        ------
        LibraryError
            If it cannot be read, or does not hold that.
        """
        arrays = read_checkpoint(file, {"shares": 2, "effective_patients": 1, "followed": 1})
        same_rows(file, list(arrays.values()))
        if arrays["shares"].shape[1] != len(settings):
            raise damaged(file, f"it tells of {arrays['shares'].shape[1]} settings in place of {len(settings)}")
        return cls(settings, **arrays)

    def first(self, times: int) -> Recalibrated:
        """Return no more than so many of them."""
        return Recalibrated(self.settings, self.shares[:times], self.effective_patients[:times], self.followed[:times])


def recalibrated(
    found: Calibrated,
    benchmarks: BenchmarkSet,
    library: Library,
    times: int,
    seed: int,
    *,
    patients: int = 1024,
    checkpoints: Path | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Recalibrated:
    """Calibrate again, to benchmarks with other luck and with other patients (bootstrap).

    Each time every benchmark that decides is drawn from what its patients and the spread between studies leave open,
    and all patients that the calibration followed are drawn with replacement. Counted by how often each stands for a
    patient of the population (`ReusedPatients`), they move its medians, spreads and correlations once more, and then,
    counted for the moved population, they are weighed as strongly as before. Only where they are worth fewer than so
    many new patients are those drawn from the moved population, followed through every arm, and added.

    Parameters
    ----------
    found
        The calibration that is repeated.
    benchmarks, library
        As it was made with.
    times
        How often.
    seed
        Of the luck. The first calibrations are the same whatever `times`.
    patients
        What reused patients must at least be worth, and how many are followed where they are not.
    checkpoints
        A folder in which each calibration is kept as soon as it is finished.
    progress
        Told of each calibration.
    """
    system = System.read(benchmarks.system, library)
    prior, rows = prior_of(benchmarks, system), [row for row in benchmarks.benchmarks if row.use == "calibrate"]
    names = tuple(row.id for row in benchmarks.settings)
    done = Recalibrated(names, np.empty((0, len(names))), np.empty(0), np.empty(0, dtype=np.int64))
    file = None
    if checkpoints is not None:
        # The file is called after all that makes the answer, so it can belong to no other calibration.
        published = [row.model_dump_json() for row in rows]
        followed = [draw.cohort.sha256 for draw in found.draws]
        made_with = asked(benchmarks, system, json.dumps([published, followed, found.fit.strength, seed, patients]))
        file = checkpoints / f"recalibrations-{made_with[:16]}.npz"
    if file is not None and file.is_file():
        done = Recalibrated.read(file, names).first(times)
        if progress is not None:
            progress(len(done))
    everybody = ReusedPatients.of(found.draws)
    for rng in np.random.default_rng([seed, 1]).spawn(times)[len(done) :]:
        drawn = [with_other_luck(row, rng) for row in rows]
        n = len(everybody.cohort)
        copies = np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float64)
        pulled = weigh(
            everybody.expected, drawn, found.fit.strength, counts=copies * everybody.counts(found.population)
        )
        record = moved(found.population, prior, everybody.cohort, pulled.weights)
        these = everybody
        if effective_size(copies * everybody.counts(record)) < patients:
            cohort = Population(record, system.parameters()).sample(patients, int(rng.integers(2**31)))
            expected = kept_outcomes(benchmarks, cohort, system, checkpoints, cancel=cancel)
            these = everybody.joined_by(FollowedPatients(record, cohort, expected))
            copies = np.append(copies, np.ones(patients))
        fit = weigh(these.expected, drawn, found.fit.strength, counts=copies * these.counts(record))
        done = done.and_one(
            [these.expected.share(name, fit.weights) for name in names],
            effective_size(fit.weights),
            len(these.cohort) - n,
        )
        if file is not None:
            done.write(file)
        if progress is not None:
            progress(1)
    return done


def with_other_luck(row: Benchmark, rng: np.random.Generator) -> Benchmark:
    """Return a benchmark as another study of as many patients might have found it."""
    share = (row.value * row.n + 0.5) / (row.n + 1)
    share = min(max(share + row.spread * float(rng.standard_normal()), 0.0), 1.0)
    return row.model_copy(update={"value": float(rng.binomial(row.n, share)) / row.n})
