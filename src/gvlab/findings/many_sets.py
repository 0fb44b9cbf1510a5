"""What parameter sets say to the questions of the findings: many sets at once, each arm in one call of the engine."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gvlab import library
from gvlab.findings.follow import Digest, Follower, Needs, Progress
from gvlab.findings.questions import Job, Question, questions
from gvlab.library.ensemble_recipe import Recipe
from gvlab.library.finding_record import Expectation, FindingRecord
from gvlab.model.model import Model
from gvlab.statistics import approximate_power as power
from gvlab.subject.parameter_space import ParameterSpace

FloatArray = npt.NDArray[np.float64]

FEWEST_SHARE = 0.25
"""Share of the subjects of a set that must be readable in both arms; below that the set says nothing."""
_AT_ONCE = 16_384
_SHORT = 3.0
_WORST = 2.0


@dataclass(frozen=True)
class Answers:
    """What each set says to each question.

    Attributes
    ----------
    questions
        In the order of the second axis.
    effect
        Shape (set, question): a difference of shares, a ratio of medians, or a share; NaN where nothing can be read.
    power
        Shape (set, question): probability of significance at the stated number of animals; NaN where none is stated.
    margin
        Shape (set, question): by how much the effect is beyond the bound that is asked; below zero it is not. In
        units of shares, or of a doubling for ratios.
    """

    questions: tuple[Question, ...]
    effect: FloatArray
    power: FloatArray
    margin: FloatArray

    @property
    def shortfall(self) -> FloatArray:
        """Shape (set, question): how much is missing of size and of power, 0 where the question is met."""
        size = np.where(np.isnan(self.margin), _WORST, np.clip(-self.margin, 0, _WORST))
        asked = np.array([_probability(question) for question in self.questions])
        missing = np.where(np.isnan(asked)[None, :], 0.0, np.clip(asked - np.nan_to_num(self.power), 0, 1))
        return np.asarray(size + missing, dtype=np.float64)

    @property
    def met(self) -> npt.NDArray[np.bool_]:
        """Shape (set, question): whether direction, size and probability of significance are as asked."""
        return np.asarray(self.shortfall <= 0)

    def distance(self) -> FloatArray:
        """Shape (set,): total shortfall over the questions that decide."""
        decides = [question.decides for question in self.questions]
        return np.asarray(self.shortfall[:, decides].sum(axis=1), dtype=np.float64)


class Evaluator:
    """Asks parameter sets the questions of findings.

    Parameters
    ----------
    recipe
        What varies, what decides, tolerances.
    findings
        Of the library where None.
    deciding_only
        Leave out questions that do not decide: what a sampler needs.
    space
        Of the parameter sets, where it is not that of the systems which the findings ask about.
    """

    def __init__(
        self,
        recipe: Recipe,
        findings: Iterable[FindingRecord] | None = None,
        *,
        deciding_only: bool = False,
        space: ParameterSpace | None = None,
    ) -> None:
        records = library.read_all("findings").values() if findings is None else findings
        asked = questions(records, recipe)
        self.recipe = recipe
        self.questions = tuple(question for question in asked if question.decides or not deciding_only)
        systems = tuple(dict.fromkeys(question.system for question in self.questions))
        self.space = ParameterSpace.of(recipe.varied, systems) if space is None else space
        # What is short is asked first: a set that fails in a day of culture needs no mice.
        self.systems = tuple(sorted(systems, key=self._horizon_of))
        self.model = Model.default()

    def _horizon_of(self, system: str) -> float:
        return max(max(question.day, question.versus_day) for question in self.questions if question.system == system)

    def is_short(self, system: str) -> bool:
        """Say whether a system is followed for a few days only, as a culture is."""
        return self._horizon_of(system) <= _SHORT

    @functools.cached_property
    def jobs(self) -> Mapping[Job, Needs]:
        """What must be run, and what is read in it."""
        found: dict[Job, Needs] = {}
        for question in self.questions:
            sides = [(question.arm, question.day)]
            if question.versus is not None:
                sides.append((question.versus, question.versus_day))
            measure, significance = question.comparison.measure, question.comparison.significance
            for job, day in sides:
                needs = found.setdefault(job, Needs())
                if measure.readout is not None:
                    needs.readouts.add((measure.readout, day))
                else:
                    needs.endpoints.add((str(measure.endpoint), day))
                needs.curve |= significance is not None and significance.test == "log-rank"
        return found

    @functools.cached_property
    def _follower(self) -> Follower:
        readouts = sorted({readout for needs in self.jobs.values() for readout, _ in needs.readouts})
        return Follower(self.model, self.recipe.causes, self.recipe.relative_tolerance, tuple(readouts))

    def evaluate(
        self,
        values: FloatArray,
        *,
        subjects: int | None = None,
        seed: int | None = None,
        limit: float = np.inf,
        progress: Progress | None = None,
    ) -> Answers:
        """Ask sets all questions.

        Parameters
        ----------
        values
            Shape (set, axis): values of the axes of `space`.
        subjects, seed
            In each set; those of the recipe where None.
        limit
            A set whose distance has passed this is not followed further; what it was not asked is NaN. What is left
            out is decided by what was seen, so a sampler that rejects beyond the limit loses nothing.
        progress
            Told how many subjects have been followed.
        """
        subjects = subjects or self.recipe.subjects
        seed = self.recipe.seed if seed is None else seed
        shape = (len(values), len(self.questions))
        effect, margin, chance = (np.full(shape, np.nan) for _ in range(3))
        spent = np.zeros(len(values))
        for system in self.systems:
            rows = np.flatnonzero(spent <= limit)
            if not len(rows):
                break
            here = [i for i, question in enumerate(self.questions) if question.system == system]
            for start in range(0, len(rows), max(1, _AT_ONCE // subjects)):
                some = rows[start : start + max(1, _AT_ONCE // subjects)]
                digests = self._follow(system, values[some], subjects, seed, progress)
                for i in here:
                    cells = np.ix_(some, np.array([i]))
                    effect[cells], margin[cells], chance[cells] = (
                        column[:, None] for column in _answer(self.questions[i], digests, len(some))
                    )
            part = Answers(tuple(self.questions[i] for i in here), effect[:, here], chance[:, here], margin[:, here])
            spent[rows] += part.distance()[rows]
        return Answers(self.questions, effect, chance, margin)

    def distances(
        self,
        values: FloatArray,
        *,
        known: FloatArray | None = None,
        needed: npt.NDArray[np.bool_] | None = None,
        subjects: int | None = None,
        limit: float = np.inf,
    ) -> FloatArray:
        """Give what is missing of the questions that decide, by system, shape (set, system) in the order of `systems`.

        Parameters
        ----------
        values
            Shape (set, axis).
        known, needed
            Shape (set, system): distances that are known already, and which must be computed anew; a move that changes
            one line of leukemia leaves the other systems as they were. All are computed where None.
        subjects
            In each set.
        limit
            A set whose total has passed this is given up; what was not computed is infinite.
        """
        subjects = subjects or self.recipe.subjects
        shape = (len(values), len(self.systems))
        needed = np.ones(shape, dtype=bool) if needed is None else needed
        found = np.where(needed, np.inf, 0.0 if known is None else known)
        spent = np.where(needed, 0.0, found).sum(axis=1)
        for place, system in enumerate(self.systems):
            rows = np.flatnonzero(needed[:, place] & (spent <= limit))
            here = [question for question in self.questions if question.system == system and question.decides]
            for start in range(0, len(rows), max(1, _AT_ONCE // subjects)):
                some = rows[start : start + max(1, _AT_ONCE // subjects)]
                digests = self._follow(system, values[some], subjects, self.recipe.seed, None)
                columns = [_answer(question, digests, len(some)) for question in here]
                effect, margin, chance = (np.stack(parts, axis=1) for parts in zip(*columns, strict=True))
                found[some, place] = Answers(tuple(here), effect, chance, margin).distance()
            spent[rows] += found[rows, place]
        return found

    def _follow(
        self, system: str, values: FloatArray, subjects: int, seed: int, progress: Progress | None
    ) -> dict[Job, Digest]:
        jobs = [(job, needs) for job, needs in self.jobs.items() if job.system.name == system]
        sets = self.space.parameters(values, system)
        return self._follower.follow(jobs[0][0].system, sets, jobs, subjects, seed, progress)


def _answer(question: Question, digests: Mapping[Job, Digest], sets: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give effect, margin and power of a question for every set."""
    measure, expect = question.comparison.measure, question.comparison.expect
    significance = question.comparison.significance
    arm = digests[question.arm]
    chance = np.full(sets, np.nan)
    if measure.readout is not None:
        assert question.versus is not None  # the schema of findings has seen to it
        x = arm.readings[measure.readout, question.day]
        y = digests[question.versus].readings[measure.readout, question.versus_day]
        readable = np.isfinite(x) & np.isfinite(y)
        x, y = np.where(readable, x, np.nan), np.where(readable, y, np.nan)
        enough = readable.mean(axis=1) >= FEWEST_SHARE
        with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # a set in which nobody can be read
            ratio = np.nanmedian(x, axis=1) / np.nanmedian(y, axis=1)
        ratio = np.where(enough & np.isfinite(ratio) & (ratio > 0), ratio, np.nan)
        if significance is not None:
            test = power.welch_power if significance.test == "welch" else power.mannwhitney_power
            chance = np.where(np.isnan(ratio), np.nan, test(x, y, significance.n, significance.alpha))
        return ratio, _margin_of_ratio(ratio, expect), chance
    endpoint = str(measure.endpoint)
    share = arm.shares[endpoint, question.day]
    bound = expect.at_least
    if question.versus is None:
        assert bound is not None
        return share, (share - bound if expect.direction == "above" else bound - share), chance
    other = digests[question.versus]
    difference = share - other.shares[endpoint, question.versus_day]
    if significance is not None:
        assert arm.curve is not None
        assert other.curve is not None
        days = min(arm.curve.shape[1], other.curve.shape[1])
        chance = power.logrank_power(arm.curve[:, :days], other.curve[:, :days], significance.n, significance.alpha)
    if expect.bounds is not None:
        return difference, np.minimum(difference - expect.bounds[0], expect.bounds[1] - difference), chance
    assert bound is not None
    return difference, (difference - bound if expect.direction == "up" else -difference - bound), chance


def _margin_of_ratio(ratio: FloatArray, expect: Expectation) -> FloatArray:
    log: FloatArray = np.log2(ratio)
    if expect.bounds is not None:
        inside: FloatArray = np.minimum(log - np.log2(expect.bounds[0]), np.log2(expect.bounds[1]) - log)
        return inside
    assert expect.at_least is not None
    return np.asarray((log if expect.direction == "up" else -log) - np.log2(expect.at_least), dtype=np.float64)


def _probability(question: Question) -> float:
    significance = question.comparison.significance
    return float("nan") if significance is None else significance.probability
