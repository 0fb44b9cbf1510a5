"""One search for plausible parameter sets: from its own draws of the prior, with its own random numbers, resumable."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gvlab.calibration import sampler
from gvlab.calibration.sampler import Population
from gvlab.findings.many_sets import Evaluator

FloatArray = npt.NDArray[np.float64]

CHANGES_BEFORE = 16.0
"""How often a particle must have changed, on average, among plausible sets before it is looked at first."""
CHANGES_BETWEEN = 6.0
"""How often it must have changed since before it is looked at again."""


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
        Limit, acceptance and so on, in words.
    """

    stage: str
    share: float
    detail: str


class Search:
    """One search in a folder of its own; begun again in the same folder, it goes on where it stopped.

    Searches are independent: each begins with other draws of the prior and other random numbers, so what they agree on
    does not hang on where one of them happened to begin.

    Parameters
    ----------
    evaluator
        Asks the questions that decide; its recipe says how many particles and sets.
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
        """Give how many particles this search must keep."""
        return math.ceil(self.recipe.sets * spare / self.recipe.searches)

    def run(self, points: FloatArray, distance: FloatArray, wanted: int) -> Iterator[Step]:
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
            population = self.population()
        else:
            own = slice(self.number, None, self.recipe.searches)
            population = sampler.begin(self._evaluator, points[own], distance[own], self.recipe.particles)
        self._evaluator.systems = population.systems
        first = float(np.max(distance))
        for led in sampler.lead(self._evaluator, population, self.seed, self._file):
            population = led
            yield self._step("toward the claims", population, first, wanted)
        kept = self.kept()
        while sum(len(each.shares) for each in kept) < wanted:
            while population.changed < CHANGES_BEFORE + CHANGES_BETWEEN * len(kept):
                population = sampler.move(self._evaluator, population, self.seed)
                population.write(self._file, self._print)
                yield self._step("among plausible sets", population, first, wanted)
            self._checked(population).write(self._folder / f"kept-{len(kept):02d}.npz", self._print)
            kept = self.kept()
            yield self._step("among plausible sets", population, first, wanted)

    def population(self) -> Population:
        """Give where the particles are."""
        return Population.read(self._file, self._print)

    def kept(self) -> list[Population]:
        """Give what was kept so far, look by look."""
        return [Population.read(file, self._print) for file in sorted(self._folder.glob("kept-*.npz"))]

    def _checked(self, population: Population) -> Population:
        """Ask every particle again, with more subjects, and give those that pass; their places stand as `ancestor`."""
        subjects = self.recipe.subjects_checked
        by_system = self._evaluator.distances(
            self._evaluator.space.values(population.shares), subjects=subjects, limit=0.0
        )
        passed = by_system.sum(axis=1) <= 0
        return replace(
            population,
            shares=population.shares[passed],
            by_system=by_system[passed],
            ancestor=np.flatnonzero(passed),
            subjects=subjects,
        )

    def _step(self, stage: str, population: Population, first: float, wanted: int) -> Step:
        sets = sum(len(each.shares) for each in self.kept())
        if population.limit > 0:
            share = 0.3 * (1 - math.log1p(population.limit) / math.log1p(first))
        else:
            looks = population.changed / (CHANGES_BEFORE + CHANGES_BETWEEN * wanted / len(population.shares))
            share = 0.3 + 0.7 * min(1.0, max(looks, sets / wanted) if sets else min(looks, 0.5))
        detail = (
            f"limit {population.limit:.3g}, median distance {np.median(population.distance):.3g}, "
            f"{population.accepted:.0%} of moves accepted, {population.evaluations:,} sets tried, {sets} kept"
        )
        return Step(f"search {self.number + 1}, {stage}", share, detail)
