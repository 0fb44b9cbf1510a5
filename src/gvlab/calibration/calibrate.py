"""Makes an ensemble, from the draws of the prior to the file: resumable, and told about at every step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gvlab.arrays import Array, Bool, Float
from gvlab.calibration.checkpoint import other_recipe, read_checkpoint, same_rows
from gvlab.calibration.margins import Margins
from gvlab.calibration.members import Members, fingerprint
from gvlab.calibration.moves import jump
from gvlab.calibration.search import Search, Step
from gvlab.errors import InvalidValueError
from gvlab.files import atomic_file
from gvlab.findings.many_sets import Answers, Evaluator
from gvlab.library import Library
from gvlab.library.ensemble_recipe import Recipe
from gvlab.provenance import versions
from gvlab.subject.plausible import Ensemble, between_searches, effective_sets, quarters, rounded

GATHERING = 0.1
"""Rough share of the time that gathering takes, once searches are done; all of it where nothing else is done."""
PRIOR_SHARE = 0.2
"""Rough share of gathering that draws of the prior take."""
_PORTION = 64
"""Sets that are asked again at a time."""
_WAY = 0.75
"""Share of the time or effort of a search after which members that are not plausible are left where they are."""
_MOST = 0.8
"""Share of the members of a search that are plausible from which the others are left where they are."""
_FEWEST = 10
"""Plausible sets, in all, without which there is no ensemble."""
_OTHERS, _OTHER_SEED = 48, 1
"""Other subjects that every kept set is asked with, and what is added to the seed to draw them."""
_NEAR = 128
"""Proposals next to plausible sets."""


@dataclass(frozen=True)
class _AskedAgain:
    """Which of some sets are kept; and of these, how many meet everything with others, and which claims they miss."""

    kept: Bool[Array, "set"]
    passed: int
    missed: Mapping[str, int]


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
        self.margins = Margins(self.evaluator, recipe.spare)
        folder.mkdir(parents=True, exist_ok=True)
        self.searches = tuple(Search(self.margins, folder, number) for number in range(recipe.searches))
        self._prior_file = folder / "prior.npz"
        self._print = fingerprint(self.evaluator)
        self.ensemble: Ensemble | None = None

    def run(
        self,
        progress: Callable[[int], None] | None = None,
        *,
        only: int | None = None,
        minutes: float | None = None,
        gather: bool = False,
    ) -> Iterator[Step]:
        """Go through all stages; afterwards `ensemble` is there.

        Parameters
        ----------
        progress
            Told how many subjects of draws of the prior have been followed.
        only
            Number of the one search to carry out, from 1; `ensemble` is then not made. Searches may run side by side in
            the same folder.
        minutes
            Time for the searches, shared evenly; then what is there is kept. Without it each search goes on until its
            members have changed as often among plausible sets as the recipe asks.
        gather
            Only gather what the searches have found so far.

        Yields
        ------
        Where it stands, after every step.

        Raises
        ------
        InvalidValueError
            If there is no search of that number, the time is not above zero, or too few sets were found.
        """
        if only is not None and not 1 <= only <= len(self.searches):
            raise InvalidValueError(f"The recipe has searches 1 to {len(self.searches)}; {only} was asked for.")
        if minutes is not None and not (math.isfinite(minutes) and minutes > 0):
            raise InvalidValueError(f"The searches were given {minutes} minutes; give more than 0.")
        chosen = self.searches if only is None else (self.searches[only - 1],)
        chosen = () if gather else chosen
        for place, search in enumerate(chosen):
            for step in self._carry_out(search, None if minutes is None else 60 * minutes / len(chosen)):
                yield Step(step.stage, (1 - GATHERING) * (place + step.share) / len(chosen), step.detail)
        if only is None:
            _, prior = self.prior(progress)
            yield Step(
                "prior", self.gathered(PRIOR_SHARE, gather), f"{len(prior.effect)} draws of the prior were asked"
            )
            for step in self._gather(prior):
                share = self.gathered(PRIOR_SHARE + (1 - PRIOR_SHARE) * step.share, gather)
                yield Step(step.stage, share, step.detail)

    @staticmethod
    def gathered(share: float, alone: bool) -> float:
        """Return the share of all that is done when so much of the gathering is, with searches before it or alone."""
        return share if alone else 1 - GATHERING * (1 - share)

    def _carry_out(self, search: Search, seconds: float | None) -> Iterator[Step]:
        begun = time.monotonic()
        if seconds is None and search.begun and self._done(search.members()):
            return
        for members in search.run():
            spent = time.monotonic() - begun
            plausible = members.plausible
            if seconds is None:
                share = 0.4 * float(plausible.mean()) + 0.6 * min(1.0, _changes(members) / self.recipe.changes)
                used = members.effort / (self.recipe.effort or math.inf)
                done = self._done(members)
            else:
                share = used = spent / seconds
                done = used >= 1
            enough = plausible.sum() >= _FEWEST
            search.finishing = bool(enough and (used >= _WAY or (seconds is None and plausible.mean() >= _MOST)))
            share = min(1.0, share)
            stage = "among plausible sets" if search.finishing or plausible.mean() > 0.9 else "toward the claims"
            yield Step(f"search {search.number + 1}, {stage}", share, in_words(members))
            if done:
                return

    def _done(self, members: Members) -> bool:
        """Return whether enough members are plausible and have changed as often as is asked, or the effort is spent.

        Enough are half of them; ten where the rest is left where it is, because three quarters of the effort are spent.
        """
        used = members.effort / (self.recipe.effort or math.inf)
        least = 0.5 if used < _WAY else _FEWEST / len(members)
        return bool(used >= 1 or (members.plausible.mean() >= least and _changes(members) >= self.recipe.changes))

    def prior(self, progress: Callable[[int], None] | None = None) -> tuple[Float[Array, "draw axis"], Answers]:
        """Return draws of the prior (scrambled Sobol points) and what they say; read from the folder if they are there.

        They lead nothing: they say what each claim removes.
        """
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
        from scipy.stats import qmc

        draws, axes = self.recipe.prior_draws, len(self.evaluator.space)
        sequence = qmc.Sobol(axes, scramble=True, rng=np.random.default_rng(self.recipe.seed))
        points = sequence.random_base2(math.ceil(math.log2(draws)))[:draws]
        answers = self.evaluator.evaluate(self.evaluator.space.values(points), progress=progress)
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

    def _gather(self, prior: Answers) -> Iterator[Step]:
        """Turn plausible members into `ensemble`: rounded within bounds, and asked once more as rounded."""
        space, recipe = self.evaluator.space, self.recipe
        ended = [search.members() for search in self.searches if search.begun]
        _ask_for_enough(sum(int(each.plausible.sum()) for each in ended))
        shares = np.concatenate([each.points[each.plausible] for each in ended])
        origin = np.repeat(np.arange(len(ended)), [int(each.plausible.sum()) for each in ended])
        low, high = (np.array([getattr(axis, side) for axis in space.axes]) for side in ("low", "high"))
        values = rounded(space.values(shares), low, high)
        kept, passed = np.zeros(len(values), dtype=bool), 0
        missed: dict[str, int] = {}
        for rows in np.array_split(np.arange(len(values)), math.ceil(len(values) / _PORTION)):
            again = self._asked_again(values[rows])
            kept[rows] = again.kept
            passed += again.passed
            missed = {claim: missed.get(claim, 0) + count for claim, count in again.missed.items()}
            done = f"{rows[-1] + 1} of {len(values)} sets asked again"
            yield Step("gathering", 0.9 * float(rows[-1] + 1) / len(values), done)
        values, shares, origin = values[kept], shares[kept], origin[kept]
        _ask_for_enough(len(values))
        apart, quarters_apart = between_searches(shares, origin), between_searches(shares, quarters(origin))
        near, failing = self._near(ended)
        about = {
            "recipe": recipe.model_dump(mode="json"),
            "fingerprint": self._print,
            "model": self.evaluator.model.structure,
            "versions": dict(versions()),
            "axes": [[axis.name, axis.low, axis.high] for axis in space.axes],
            "systems": list(self.evaluator.systems),
            "sets": len(values),
            "effective_sample_size": effective_sets(shares, origin),
            "between_searches_by_axis": dict(zip(space.names, np.round(apart, 3).tolist(), strict=True)),
            "between_quarters_by_axis": dict(zip(space.names, np.round(quarters_apart, 3).tolist(), strict=True)),
            "searches": [_summary(number, each, origin, recipe) for number, each in enumerate(ended)],
            "sets_tried": sum(each.sets_tried for each in ended),
            "subjects": recipe.subjects,
            "subjects_checked": recipe.subjects_checked,
            "subjects_judged": recipe.subjects_judged,
            "passed_when_judged": float(np.mean(kept)),
            "other_subjects": _OTHERS,
            "passed_with_others": passed / len(values),
            "missed_with_others": {claim: count / len(values) for claim, count in missed.items() if count},
            "prior_draws": len(prior.effect),
            "prior_draws_accepted": int(np.sum(prior.discrepancy() <= 0)),
            "met_by_prior_draws": met_by_claim(prior),
            "proposals_near": near,
            "failed_by_proposals_near": failing,
        }
        self.ensemble = Ensemble(space.names, values, origin, about)
        yield Step("done", 1.0, f"{len(self.ensemble)} sets")

    def _asked_again(self, values: Float[Array, "set axis"]) -> _AskedAgain:
        recipe, evaluator = self.recipe, self.evaluator
        points = evaluator.space.unit_points(values)
        strict = self.margins.follow(points, recipe.subjects_checked)[1].sum(axis=1) <= 0
        kept = strict & (evaluator.evaluate(values, subjects=recipe.subjects_judged).discrepancy() <= 0)
        others = evaluator.evaluate(values[kept], subjects=_OTHERS, seed=recipe.seed + _OTHER_SEED)
        missed = {claim: int(failed.sum()) for claim, failed in failed_by_claim(others).items()}
        return _AskedAgain(kept, int(np.sum(others.discrepancy() <= 0)), missed)

    def _near(self, ended: list[Members]) -> tuple[int, Mapping[str, Any]]:
        """Return which claims remove jumps from plausible sets: how many each, and how many it alone."""
        random = np.random.default_rng(self.recipe.seed)
        each = [members for members in ended if members.plausible.sum() > 1]
        share = math.ceil(_NEAR / max(1, len(each)))
        proposals = []
        for members in each:
            plausible = np.flatnonzero(members.plausible)
            proposals.append(jump(members, plausible, random.choice(plausible, share), random).points)
        points = np.concatenate(proposals)
        answers = self.evaluator.evaluate(self.evaluator.space.values(points), subjects=self.recipe.subjects_judged)
        by_claim = failed_by_claim(answers)
        total = np.sum(list(by_claim.values()), axis=0)
        return len(points), {
            claim: {"fail": float(failed.mean()), "alone": float((failed & (total == 1)).mean())}
            for claim, failed in by_claim.items()
        }


def _changes(members: Members) -> float:
    """Return how often members have changed since they were plausible, in the median."""
    return float(np.median(members.changes[members.plausible])) if members.plausible.any() else 0.0


def in_words(members: Members) -> str:
    """Return where members stand."""
    plausible = members.plausible
    changes = f", changed {np.median(members.changes[plausible]):.0f} times since" if plausible.any() else ""
    return (
        f"{plausible.sum()} of {len(members)} members plausible{changes}; "
        f"median missing {np.median(members.lacks):.2g}, {members.sets_tried:,} sets tried"
    )


def _ask_for_enough(sets: int) -> None:
    if sets < _FEWEST:
        raise InvalidValueError(
            f"{sets} plausible sets were found, and an ensemble has at least {_FEWEST}. Give the searches more time; "
            "they go on in the same folder."
        )


def _summary(number: int, members: Members, origin: Any, recipe: Recipe) -> dict[str, Any]:
    return {
        "seed": recipe.seed + number,
        "members": len(members),
        "sets": int(np.sum(origin == number)),
        "changes_among_plausible_sets": _changes(members),
        "generations": members.generation,
        "sets_tried": members.sets_tried,
        "effort": round(members.effort),
    }


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
