"""Makes an ensemble, from the draws of the prior to the file: resumable, and told about at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.calibration import sampler
from gvlab.calibration.checkpoint import other_recipe, read_checkpoint, same_rows
from gvlab.calibration.search import Search, Step
from gvlab.errors import InvalidValueError
from gvlab.files import atomic_file
from gvlab.findings.many_sets import Answers, Evaluator
from gvlab.library import Library
from gvlab.library.ensemble_recipe import Recipe
from gvlab.provenance import versions
from gvlab.subject.plausible import Ensemble, between_searches, effective_sample_size, lineages, rounded

_SPARE = 1.1
"""Particles gathered for each set that is kept: rounding may push one over a bound, and copies count once."""
_PRIOR = 0.05
"""Rough share of the time that draws of the prior take."""


class Calibration:
    """One calibration in a folder of its own; begun again in the same folder, it goes on where it stopped.

    Parameters
    ----------
    recipe
        What to do.
    folder
        For checkpoints.
    library
        Where findings, experiments and systems are; the default one where None.
    """

    def __init__(self, recipe: Recipe, folder: Path, library: Library | None = None) -> None:
        self.recipe = recipe
        self.evaluator = Evaluator(recipe, deciding_only=True, library=library)
        self.searches = tuple(Search(self.evaluator, folder, number) for number in range(recipe.searches))
        self._prior_file = folder / "prior.npz"
        self._print = sampler.fingerprint(self.evaluator)
        self.ensemble: Ensemble | None = None

    def run(self, progress: Callable[[int], None] | None = None, only: int | None = None) -> Iterator[Step]:
        """Go through all stages; afterwards `ensemble` is there.

        Parameters
        ----------
        progress
            Told how many subjects of draws of the prior have been followed.
        only
            Number of the one search to carry out, from 1; `ensemble` is then not made. Searches may run side by side in
            the same folder, once the draws of the prior are there.

        Yields
        ------
        Where it stands, after every step.

        Raises
        ------
        InvalidValueError
            If there is no search of that number.
        """
        if only is not None and not 1 <= only <= len(self.searches):
            raise InvalidValueError(f"The recipe has searches 1 to {len(self.searches)}; {only} was asked for.")
        points, prior = self.prior(progress)
        decisive = prior.discrepancy()
        yield Step("prior", _PRIOR, f"{np.mean(decisive <= 0):.2%} of {len(points)} draws of the prior meet everything")
        # What fails most often is asked first: most proposals are then given up early.
        systems = order_of_systems(self.evaluator, prior)
        chosen = self.searches if only is None else (self.searches[only - 1],)
        for place, search in enumerate(chosen):
            self.evaluator.systems = systems
            for step in search.run(points, decisive, search.wanted(_SPARE)):
                share = _PRIOR + (1 - _PRIOR) * (place + step.share) / len(chosen)
                yield Step(step.stage, share, step.detail)
        if only is None:
            self.ensemble = self._gather(prior)
            yield Step("done", 1.0, f"{len(self.ensemble)} sets")

    def prior(self, progress: Callable[[int], None] | None = None) -> tuple[Float[Array, "draw axis"], Answers]:
        """Return draws of the prior and what they say; read from the folder where they are there."""
        if self._prior_file.is_file():
            kept = read_checkpoint(
                self._prior_file, {"fingerprint": 0, "points": 2, "effect": 2, "power": 2, "unsolved": 1}
            )
            if str(kept["fingerprint"]) != self._print:
                raise other_recipe(self._prior_file)
            asked = self.evaluator.comparisons
            same_rows(self._prior_file, [kept["points"], kept["effect"], kept["power"], kept["unsolved"]])
            decides = np.array([self.evaluator.decides(each) for each in asked], dtype=bool)
            return kept["points"], Answers(asked, kept["effect"], kept["power"], kept["unsolved"], decides)
        points, answers = sampler.prior_draws(self.evaluator, self.recipe.prior_draws, self.recipe.seed, progress)
        with atomic_file(self._prior_file) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                points=points,
                effect=answers.effect,
                power=answers.power,
                unsolved=answers.unsolved,
                fingerprint=np.array(self._print),
            )
        return points, answers

    def _gather(self, prior: Answers) -> Ensemble:
        """Turn particles into an ensemble: distinct, within bounds after rounding, checked once more as rounded."""
        space, recipe = self.evaluator.space, self.recipe
        low = np.array([axis.low for axis in space.axes])
        high = np.array([axis.high for axis in space.axes])
        kept = [search.kept() for search in self.searches]
        shares = np.concatenate([each.unit_points for looks in kept for each in looks])
        origin = np.repeat(np.arange(len(kept)), [sum(len(each) for each in looks) for looks in kept])
        walker = origin * recipe.particles + np.concatenate([each.ancestor for looks in kept for each in looks])
        values = rounded(space.values(shares), low, high)
        _, distinct = np.unique(values, axis=0, return_index=True)
        rows = np.sort(distinct)
        rows = rows[self.evaluator.discrepancies(values[rows], subjects=recipe.subjects_checked).sum(axis=1) <= 0]
        rows = _evenly(rows, origin[rows], recipe.sets, np.random.default_rng(recipe.seed))
        values, shares, origin = values[rows], shares[rows], origin[rows]
        family = lineages(shares)
        # Sets may resemble each other as copies of one first particle, as one particle seen twice, or as finds of one
        # search; what resembles most sets what the ensemble is worth.
        kinship = (family, walker[rows], origin)[: 3 if recipe.searches > 1 else 2]
        effective = np.min([effective_sample_size(shares, each) for each in kinship], axis=0)
        apart = between_searches(shares, origin)
        ended = [search.particles() for search in self.searches]
        near, failing = self._near(np.concatenate([particles.unit_points for particles in ended]))
        looks = sum(len(each) for each in kept)
        about = {
            "recipe": recipe.model_dump(mode="json"),
            "fingerprint": self._print,
            "model": self.evaluator.model.structure,
            "versions": dict(versions()),
            "axes": [[axis.name, axis.low, axis.high] for axis in space.axes],
            "systems": list(ended[0].systems),
            "sets": len(values),
            "families": len(np.unique(family)),
            "effective_sample_size": float(np.median(effective)),
            "effective_sample_size_least": float(effective.min()),
            "effective_sample_size_by_axis": dict(zip(space.names, np.round(effective, 1).tolist(), strict=True)),
            "between_searches_by_axis": dict(zip(space.names, np.round(apart, 2).tolist(), strict=True)),
            "searches": [
                {
                    "seed": search.seed,
                    "sets": int(np.sum(origin == search.number)),
                    "families": len(np.unique(family[origin == search.number])),
                    "limits": particles.generation,
                    "moves_among_plausible_sets": particles.moves,
                    "changes_among_plausible_sets": particles.mean_accepted_moves,
                    "moves_accepted": particles.acceptance,
                    "sets_tried": particles.sets_tried,
                }
                for search, particles in zip(self.searches, ended, strict=True)
            ],
            "sets_tried": len(prior.effect) + sum(particles.sets_tried for particles in ended),
            "subjects": recipe.subjects,
            "subjects_checked": recipe.subjects_checked,
            "passed_the_check": sum(len(each) for looks in kept for each in looks) / (looks * recipe.particles),
            "prior_draws": len(prior.effect),
            "prior_draws_accepted": int(np.sum(prior.discrepancy() <= 0)),
            "met_by_prior_draws": met_by_claim(prior),
            "proposals_near": near,
            "failed_by_proposals_near": failing,
        }
        return Ensemble(space.names, values, family, origin, about)

    def _near(self, points: Float[Array, "particle axis"]) -> tuple[int, Mapping[str, Any]]:
        """Return which claims remove proposals next to plausible sets: how many each, and how many it alone."""
        random = np.random.RandomState(self.recipe.seed)
        own = [self.evaluator.space.of_system(system) for system in self.evaluator.systems]
        proposals = sampler.propose(points[::2], points[1::2], own, random)
        answers = self.evaluator.evaluate(self.evaluator.space.values(proposals), subjects=self.recipe.subjects_checked)
        by_claim = failed_by_claim(answers)
        total = np.sum(list(by_claim.values()), axis=0)
        return len(proposals), {
            claim: {"fail": float(failed.mean()), "alone": float((failed & (total == 1)).mean())}
            for claim, failed in by_claim.items()
        }


def _evenly(
    rows: Int[Array, "set"], origin: Int[Array, "set"], most: int, random: np.random.Generator
) -> Int[Array, "kept"]:
    """Return at most so many rows, as many of each search as can be, in their order."""
    turn = np.empty(len(rows))
    for number in np.unique(origin):
        here = np.flatnonzero(origin == number)
        turn[here] = random.permutation(len(here))
    return np.asarray(np.sort(rows[np.argsort(turn, kind="stable")[:most]]))


def order_of_systems(evaluator: Evaluator, answers: Answers) -> tuple[str, ...]:
    """Return systems ordered by what is missing in them, most first; those that are solved in a day stay in front."""
    where = np.array([each.system for each in answers.comparisons])
    missing = {
        system: float(answers.shortfall[:, (where == system) & answers.decides].sum()) for system in evaluator.systems
    }
    short = [system for system in evaluator.systems if evaluator.is_short(system)]
    rest = sorted((system for system in evaluator.systems if system not in short), key=lambda name: -missing[name])
    return (*short, *rest)


def failed_by_claim(answers: Answers) -> dict[str, Bool[Array, "set"]]:
    """Return for each claim that decides which sets fail it."""
    met, claims = answers.met, np.array([each.finding.id for each in answers.comparisons])
    return {
        claim: np.asarray(~met[:, (claims == claim) & answers.decides].all(axis=1))
        for claim in dict.fromkeys(claims[answers.decides].tolist())
    }


def met_by_claim(answers: Answers) -> dict[str, float]:
    """Return the share of sets that meets each claim that decides, every comparison in every system."""
    return {claim: float(1 - failed.mean()) for claim, failed in failed_by_claim(answers).items()}
