"""Makes an ensemble, from the draws of the prior to the file: resumable, and told about at every step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gvlab.calibration import sampler
from gvlab.calibration.ensemble import Ensemble, effective_sample_size, lineages, rounded
from gvlab.calibration.evaluate import Answers, Evaluator
from gvlab.calibration.recipe import Recipe
from gvlab.calibration.sampler import Population
from gvlab.errors import LibraryError
from gvlab.provenance import atomic_file, versions

FloatArray = npt.NDArray[np.float64]

_SPARE = 1.1
"""Particles gathered for each set that is kept: rounding may push one over a bound, and copies count once."""

CHANGES_BETWEEN = 1.5
"""How often a particle must have changed, on average, among plausible sets before it is looked at again."""
CHANGES_BEFORE = 4.0
"""How often it must have changed before it is looked at first."""


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


class Calibration:
    """One calibration in a folder of its own; begun again in the same folder, it goes on where it stopped.

    Parameters
    ----------
    recipe
        What to do.
    folder
        For checkpoints.
    """

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe = recipe
        self.evaluator = Evaluator(recipe, deciding_only=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._prior_file = folder / "prior.npz"
        self._particles_file = folder / "particles.npz"
        self._print = sampler.fingerprint(self.evaluator)
        self.ensemble: Ensemble | None = None

    def run(self, progress: Callable[[int], None] | None = None) -> Iterator[Step]:
        """Go through all stages; afterwards `ensemble` is there.

        Yields
        ------
        Where it stands, after every step.
        """
        points, prior = self.prior(progress)
        decisive = prior.distance()
        yield Step("prior", 0.1, f"{np.mean(decisive <= 0):.2%} of {len(points)} draws of the prior meet everything")
        # What fails most often is asked first: most proposals are then given up early.
        self.evaluator.systems = order_of_systems(self.evaluator, prior)
        if self._particles_file.is_file():
            population = Population.read(self._particles_file, self._print)
        else:
            recipe = self.recipe
            population = sampler.begin(self.evaluator, points, decisive, recipe.particles)
        self.evaluator.systems = population.systems
        first = float(np.max(decisive))
        for step in self._lead(population):
            population = step
            yield self._step("toward the claims", population, first)
        kept = self._kept()
        while sum(len(each.shares) for each in kept) < self.recipe.sets * _SPARE:
            wanted = CHANGES_BEFORE + CHANGES_BETWEEN * len(kept)
            while population.changed < wanted:
                population = sampler.move(self.evaluator, population, self.recipe.seed)
                population.write(self._particles_file, self._print)
                yield self._step("among plausible sets", population, first)
            checked = self._checked(population)
            checked.write(self._folder / f"kept-{len(kept):02d}.npz", self._print)
            kept = self._kept()
            yield self._step("among plausible sets", population, first)
        self.ensemble = self._gather(population, kept, prior)
        yield Step("done", 1.0, f"{len(self.ensemble)} sets")

    def _kept(self) -> list[Population]:
        files = sorted(self._folder.glob("kept-*.npz"))
        return [Population.read(file, self._print) for file in files]

    def prior(self, progress: Callable[[int], None] | None = None) -> tuple[FloatArray, Answers]:
        """Give draws of the prior and what they say; read from the folder where they are there."""
        questions = self.evaluator.questions
        if self._prior_file.is_file():
            with np.load(self._prior_file) as file:
                if str(file["fingerprint"]) != self._print:
                    raise LibraryError(
                        f'"{self._prior_file}" was made with another recipe, other bounds or other findings. '
                        "Delete it to begin anew, or name another folder."
                    )
                return file["points"], Answers(questions, file["effect"], file["power"], file["margin"])
        points, answers = sampler.prior_draws(self.evaluator, self.recipe.prior_draws, self.recipe.seed, progress)
        with atomic_file(self._prior_file) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                points=points,
                effect=answers.effect,
                power=answers.power,
                margin=answers.margin,
                fingerprint=np.array(self._print),
            )
        return points, answers

    def _lead(self, population: Population) -> Iterator[Population]:
        return sampler.lead(self.evaluator, population, self.recipe.seed, self._particles_file)

    def _checked(self, population: Population) -> Population:
        """Ask every particle again, with more subjects, and give those that pass."""
        subjects = self.recipe.subjects_checked
        by_system = self.evaluator.distances(
            self.evaluator.space.values(population.shares), subjects=subjects, limit=0.0
        )
        passed = by_system.sum(axis=1) <= 0
        return replace(
            population,
            shares=population.shares[passed],
            by_system=by_system[passed],
            ancestor=population.ancestor[passed],
            subjects=subjects,
        )

    def _step(self, stage: str, population: Population, first: float) -> Step:
        sets = sum(len(each.shares) for each in self._kept())
        if population.limit > 0:
            share = 0.1 + 0.4 * (1 - math.log1p(population.limit) / math.log1p(first))
        else:
            share = 0.5 + 0.45 * min(1.0, sets / self.recipe.sets)
        detail = (
            f"limit {population.limit:.3g}, median distance {np.median(population.distance):.3g}, "
            f"{population.accepted:.0%} of moves accepted, {population.evaluations:,} sets tried, {sets} kept"
        )
        return Step(stage, share, detail)

    def _gather(self, population: Population, several: list[Population], prior: Answers) -> Ensemble:
        """Turn particles into an ensemble: distinct, within bounds after rounding, checked once more as rounded."""
        space, recipe = self.evaluator.space, self.recipe
        low = np.array([axis.low for axis in space.axes])
        high = np.array([axis.high for axis in space.axes])
        shares = np.concatenate([each.shares for each in several])
        values = rounded(space.values(shares), low, high)
        _, distinct = np.unique(values, axis=0, return_index=True)
        kept = np.sort(distinct)
        kept = kept[self.evaluator.distances(values[kept], subjects=recipe.subjects_checked).sum(axis=1) <= 0]
        chosen = np.random.default_rng(recipe.seed).permutation(len(kept))[: recipe.sets]
        kept = kept[np.sort(chosen)]
        shares = shares[kept]
        family = lineages(shares)
        effective = effective_sample_size(shares, family)
        near, failing = self._near(population)
        about = {
            "recipe": recipe.model_dump(mode="json"),
            "fingerprint": self._print,
            "model": self.evaluator.model.structure,
            "versions": dict(versions()),
            "axes": [[axis.name, axis.low, axis.high] for axis in space.axes],
            "systems": list(population.systems),
            "sets": len(kept),
            "families": len(np.unique(family)),
            "effective_sample_size": float(np.median(effective)),
            "effective_sample_size_least": float(effective.min()),
            "effective_sample_size_by_axis": dict(zip(space.names, np.round(effective, 1).tolist(), strict=True)),
            "moves_among_plausible_sets": population.moved,
            "changes_among_plausible_sets": population.changed,
            "moves_accepted": population.accepted,
            "limits": population.generation,
            "sets_tried": population.evaluations,
            "subjects": recipe.subjects,
            "subjects_checked": recipe.subjects_checked,
            "passed_the_check": sum(len(each.shares) for each in several) / (len(several) * len(population.shares)),
            "prior_draws": len(prior.effect),
            "prior_draws_accepted": int(np.sum(prior.distance() <= 0)),
            "met_by_prior_draws": met_by_claim(prior),
            "proposals_near": near,
            "failed_by_proposals_near": failing,
        }
        return Ensemble(space.names, values[kept], family, about)

    def _near(self, population: Population) -> tuple[int, Mapping[str, Any]]:
        """Say which claims remove proposals next to plausible sets: how many each, and how many it alone."""
        random = np.random.RandomState(self.recipe.seed)
        half = len(population.shares) // 2
        own = [self.evaluator.space.of_system(system) for system in population.systems]
        proposals, _ = sampler.BlockMove(own).get_proposal(population.shares[:half], [population.shares[half:]], random)
        answers = self.evaluator.evaluate(self.evaluator.space.values(proposals), subjects=self.recipe.subjects_checked)
        by_claim = failed_by_claim(answers)
        total = np.sum(list(by_claim.values()), axis=0)
        return half, {
            claim: {"fail": float(failed.mean()), "alone": float((failed & (total == 1)).mean())}
            for claim, failed in by_claim.items()
        }


def order_of_systems(evaluator: Evaluator, answers: Answers) -> tuple[str, ...]:
    """Order systems by what is missing in them, most first; those that are solved in a day stay in front."""
    missing = {
        system: float(answers.shortfall[:, [q.system == system and q.decides for q in answers.questions]].sum())
        for system in evaluator.systems
    }
    short = [system for system in evaluator.systems if evaluator.is_short(system)]
    rest = sorted((system for system in evaluator.systems if system not in short), key=lambda name: -missing[name])
    return (*short, *rest)


def failed_by_claim(answers: Answers) -> dict[str, npt.NDArray[np.bool_]]:
    """Say for each claim that decides which sets fail it, shape (set,)."""
    claims = list(dict.fromkeys(question.claim for question in answers.questions if question.decides))
    met = answers.met
    return {
        claim: np.asarray(~met[:, [q.claim == claim and q.decides for q in answers.questions]].all(axis=1))
        for claim in claims
    }


def met_by_claim(answers: Answers) -> dict[str, float]:
    """Give the share of sets that meets each claim that decides, every comparison in every system."""
    return {claim: float(1 - failed.mean()) for claim, failed in failed_by_claim(answers).items()}
