"""What parameter sets say to the questions of the findings: many sets at once, each arm in one call of the engine.

A subject does not die once, by the draw of its threshold; its probability of being alive is carried along, which gives
the expected share of an arm without the luck of a few subjects. Thresholds are set so high that a subject is followed
until it is almost surely dead. Cure is a draw, spread evenly over the subjects of a set.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gvlab import library
from gvlab.assay.endpoint import endpoint_times
from gvlab.calibration import power
from gvlab.calibration.crowd import crowd
from gvlab.calibration.questions import Job, Question, questions
from gvlab.calibration.recipe import Recipe
from gvlab.calibration.space import ParameterSpace
from gvlab.engine import Options
from gvlab.errors import SolveError, SolveWarning
from gvlab.library.finding_record import Expectation, FindingRecord
from gvlab.library.records import EndpointRecord
from gvlab.model.model import Model
from gvlab.simulation import Trajectories, simulate

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[int], None]

THRESHOLD = 5.0
"""Cumulative hazard at which a subject is no longer followed: fewer than 7 in 1,000 live on."""
FEWEST_SHARE = 0.25
"""Share of the subjects of a set that must be readable in both arms; below that the set says nothing."""
_AT_ONCE = 16_384
_SHORT = 3.0
_WORST = 2.0


@dataclass
class Needs:
    """What is to be read in a job: readouts and endpoints with their days, and whether the survival curve is."""

    readouts: set[tuple[str, float]] = field(default_factory=set)
    endpoints: set[tuple[str, float]] = field(default_factory=set)
    curve: bool = False

    def last(self) -> float:
        """Give the last day on which something is read."""
        return max((day for _, day in (*self.readouts, *self.endpoints)), default=0.0)


@dataclass(frozen=True)
class Digest:
    """What was read in a job.

    Attributes
    ----------
    readings
        By readout and day, shape (set, subject); NaN for a subject that is more likely dead than alive.
    shares
        By endpoint and day, shape (set,): expected share.
    curve
        Shape (set, time): expected share alive on each day.
    """

    readings: Mapping[tuple[str, float], FloatArray]
    shares: Mapping[tuple[str, float], FloatArray]
    curve: FloatArray | None


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
    """

    def __init__(
        self, recipe: Recipe, findings: Iterable[FindingRecord] | None = None, *, deciding_only: bool = False
    ) -> None:
        records = library.read_all("findings").values() if findings is None else findings
        asked = questions(records, recipe)
        self.recipe = recipe
        self.questions = tuple(question for question in asked if question.decides or not deciding_only)
        systems = tuple(dict.fromkeys(question.system for question in self.questions))
        self.space = ParameterSpace.of(recipe.varied, systems)
        # What is short is asked first: a set that fails in a day of culture needs no mice.
        self.systems = tuple(sorted(systems, key=self._horizon_of))
        self.model = Model.default()
        self.simulated = 0

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
    def outputs(self) -> tuple[str, ...]:
        """Outputs of the model that are read anywhere, hazards first; one list, so that one program is compiled."""
        readouts = sorted({readout for needs in self.jobs.values() for readout, _ in needs.readouts})
        return (*(cause.hazard for cause in self.recipe.causes), *readouts)

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
        return self.follow(system, values, jobs, subjects, seed, progress)

    def follow(
        self,
        system: str,
        values: FloatArray,
        jobs: Sequence[tuple[Job, Needs]],
        subjects: int,
        seed: int,
        progress: Progress | None = None,
    ) -> dict[Job, Digest]:
        """Follow the subjects of sets through jobs of one system."""
        thresholds = {cause.threshold: THRESHOLD for cause in self.recipe.causes}
        sets = self.space.parameters(values, system)
        cohort = crowd(jobs[0][0].system, sets, subjects, seed, thresholds)
        options = Options(relative_tolerance=self.recipe.relative_tolerance)
        found = {}
        outputs = tuple(dict.fromkeys((*self.outputs, *(name for _, needs in jobs for name, _ in needs.readouts))))
        for job, needs in jobs:
            until = max(needs.last(), job.last_dose)
            days = {day for _, day in (*needs.readouts, *needs.endpoints)}
            grid = np.arange(0.0, np.floor(until) + 1) if needs.curve or needs.endpoints else np.array([0.0])
            times = np.unique(np.array([0.0, *grid.tolist(), *sorted(days)]))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SolveWarning)  # sets far out may not be solvable; they are not kept
                try:
                    run = simulate(
                        self.model,
                        cohort,
                        job.arm.protocol,
                        until=until,
                        times=times,
                        outputs=outputs,
                        condition=job.arm.condition,
                        options=options,
                        engine="ensemble",
                    )
                except SolveError:
                    run = None
            self.simulated += len(cohort)
            found[job] = self._digest(run, needs, len(values), subjects)
            if progress is not None:
                progress(len(cohort))
        return found

    def _digest(self, run: Trajectories | None, needs: Needs, sets: int, subjects: int) -> Digest:
        shape = (sets, subjects)
        if run is None:
            nothing = np.full(shape, np.nan)
            return Digest(
                dict.fromkeys(needs.readouts, nothing),
                dict.fromkeys(needs.endpoints, nothing[:, 0]),
                np.full((sets, 2), np.nan) if needs.curve else None,
            )
        ok = run.ok.reshape(shape)
        hazards = {cause.event: _carried(run.values(cause.hazard)) for cause in self.recipe.causes}
        alive = np.exp(-np.sum(list(hazards.values()), axis=0))
        alive[~run.ok] = np.nan
        readings = {}
        for readout, day in needs.readouts:
            at = int(np.searchsorted(run.times, day - 1e-9))
            values = np.where(run.ok & (alive[:, at] >= 0.5), run.values(readout)[:, at], np.nan)
            readings[readout, day] = values.reshape(shape)
        shares = {
            (endpoint, day): _share(library.read("endpoints", endpoint), day, run, hazards, alive).reshape(shape)
            for endpoint, day in needs.endpoints
        }
        whole = ok.all(axis=1)
        averaged = {key: np.where(whole, each.mean(axis=1), np.nan) for key, each in shares.items()}
        curve = alive.reshape(*shape, -1).mean(axis=1) if needs.curve else None
        return Digest(readings, averaged, curve)


def _carried(values: FloatArray) -> FloatArray:
    """Carry the last number of those who are no longer followed."""
    values = np.where(np.isnan(values), -np.inf, values)
    return np.maximum(np.maximum.accumulate(values, axis=1), 0.0)


def _share(
    endpoint: EndpointRecord, day: float, run: Trajectories, hazards: Mapping[str, FloatArray], alive: FloatArray
) -> FloatArray:
    """Give the probability that an endpoint holds on a day, for each subject."""
    at = int(np.searchsorted(run.times, day - 1e-9))
    if all(event in hazards for event in endpoint.events):
        dead = np.zeros(len(alive))
        total = np.sum(list(hazards.values()), axis=0)
        steps = np.diff(total[:, : at + 1], axis=1)
        died = alive[:, :at] - alive[:, 1 : at + 1]
        for event in endpoint.events:
            own = np.diff(hazards[event][:, : at + 1], axis=1)
            dead += np.sum(np.divide(own, steps, out=np.zeros_like(own), where=steps > 0) * died, axis=1)
        return dead if endpoint.counts == "reached" else 1 - dead
    table = endpoint_times(endpoint, run, "")
    reached = np.zeros(len(alive))
    rows = table["subject"].to_numpy()
    held = (table["event_observed"].to_numpy() == 1) & (table["duration"].to_numpy() <= day)
    when = np.searchsorted(run.times, np.minimum(table["duration"].to_numpy(), run.times[-1]) - 1e-9)
    reached[rows] = np.where(held, alive[rows, when], 0.0)
    return reached if endpoint.counts == "reached" else 1 - reached


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
