"""One search for plausible parameter sets: from its own draws of the prior, with its own random numbers, resumable."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.calibration import sampler
from gvlab.calibration.sampler import Particles
from gvlab.findings.many_sets import Evaluator

MOVES_BEFORE = 16.0
"""Accepted moves of a particle, on average, among plausible sets before it is looked at first."""
MOVES_BETWEEN = 6.0
"""Accepted moves since then before it is looked at again."""


@dataclass(frozen=True)
class Step:
    """Where a calibration stands.

    Attributes
    ----------
    stage
        In words.
    share
        Rough share of the way gone, 0 to 1.
    detail
        Tolerance, acceptance and so on, in words.
    """

    stage: str
    share: float
    detail: str


class Search:
    """One search in a folder of its own; begun again in the same folder, it goes on where it stopped.

    Searches are independent: each begins with other draws of the prior and other random numbers, so what they agree on
    does not depend on where one of them happened to begin.

    Parameters
    ----------
    evaluator
        Says what is missing; its recipe says how many particles and sets.
    folder
        For checkpoints.
    number
        From 0.
    """

    def __init__(self, evaluator: Evaluator, folder: Path, number: int) -> None:
        self.number = number
        self.recipe = evaluator.recipe
        self.seed = self.recipe.seed + number
        self._evaluator = evaluator
        self._folder = folder / f"search-{number + 1}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file = self._folder / "particles.npz"
        self._print = sampler.fingerprint(evaluator)

    def wanted(self, spare: float) -> int:
        """Return how many particles this search must keep."""
        return math.ceil(self.recipe.sets * spare / self.recipe.searches)

    def run(self, points: Float[Array, "draw axis"], discrepancy: Float[Array, "draw"], wanted: int) -> Iterator[Step]:
        """Lead particles to the claims, and keep what passes again with more subjects.

        Parameters
        ----------
        points, distance
            All draws of the prior; this search begins with the nearest of its own, as many as it has particles.
        wanted
            Particles to keep.

        Yields
        ------
        Where it stands, after every step.
        """
        if self._file.is_file():
            particles = self.particles()
        else:
            own = slice(self.number, None, self.recipe.searches)
            particles = sampler.begin(self._evaluator, points[own], discrepancy[own], self.recipe.particles)
        self._evaluator.systems = particles.systems
        first = float(np.max(discrepancy))
        for led in sampler.lead(self._evaluator, particles, self.seed, self._file):
            particles = led
            yield self._step("toward the claims", particles, first, wanted)
        kept = self.kept()
        while sum(len(each) for each in kept) < wanted:
            while particles.mean_accepted_moves < MOVES_BEFORE + MOVES_BETWEEN * len(kept):
                particles = sampler.move(self._evaluator, particles, self.seed)
                particles.write(self._file, self._print)
                yield self._step("among plausible sets", particles, first, wanted)
            self._checked(particles).write(self._folder / f"kept-{len(kept):02d}.npz", self._print)
            kept = self.kept()
            yield self._step("among plausible sets", particles, first, wanted)

    def particles(self) -> Particles:
        """Return where the particles are."""
        return Particles.read(self._file, self._print)

    def kept(self) -> list[Particles]:
        """Return what was kept so far, look by look."""
        return [Particles.read(file, self._print) for file in sorted(self._folder.glob("kept-*.npz"))]

    def _checked(self, particles: Particles) -> Particles:
        """Return the particles that pass again with more subjects; their places stand as `ancestor`."""
        subjects = self.recipe.subjects_checked
        by_system = self._evaluator.discrepancies(
            self._evaluator.space.values(particles.unit_points), subjects=subjects, tolerance=0.0
        )
        passed = by_system.sum(axis=1) <= 0
        return replace(
            particles,
            unit_points=particles.unit_points[passed],
            discrepancy_by_system=by_system[passed],
            ancestor=np.flatnonzero(passed),
            subjects=subjects,
        )

    def _step(self, stage: str, particles: Particles, first: float, wanted: int) -> Step:
        sets = sum(len(each) for each in self.kept())
        if particles.tolerance > 0:
            share = 0.3 * (1 - math.log1p(particles.tolerance) / math.log1p(first))
        else:
            looks = particles.mean_accepted_moves / (MOVES_BEFORE + MOVES_BETWEEN * wanted / len(particles.unit_points))
            share = 0.3 + 0.7 * min(1.0, max(looks, sets / wanted) if sets else min(looks, 0.5))
        detail = (
            f"tolerance {particles.tolerance:.3g}, median discrepancy {np.median(particles.discrepancy):.3g}, "
            f"{particles.acceptance:.0%} of moves accepted, {particles.sets_tried:,} sets tried, {sets} kept"
        )
        return Step(f"search {self.number + 1}, {stage}", share, detail)
