"""What many parameter sets say of the comparisons of findings: each arm of all sets in one call of the engine."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.experiment import Experiment
from gvlab.findings import rule
from gvlab.findings.comparisons import ArmInSystem, ComparisonInSystem, comparisons_of
from gvlab.findings.expected import Cancel, ExpectedCohort, ExpectedReadouts, Progress, ReadoutPlan
from gvlab.findings.rule import Effects, Kind, Verdict
from gvlab.library import Library
from gvlab.library.ensemble_recipe import Recipe
from gvlab.library.finding_record import FindingRecord
from gvlab.model.model import Model
from gvlab.statistics import approximate_power
from gvlab.subject.parameter_space import ParameterSpace

_AT_ONCE = 16_384
"""Subjects in one call of the engine."""
_SHORT = 3.0
"""Days: a system that is followed no longer is a culture."""
_WORST = 2.0
"""What is missing, at most, of one comparison: two doublings, or more than any share can lack."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What each set says to each comparison.

    Attributes
    ----------
    comparisons
        In the order of the second axis.
    effect
        A difference of shares, a ratio of medians, or the share or reading of one arm; NaN where nothing can be read.
    power
        Probability of significance at the stated number of animals; NaN where none is stated.
    unsolved
        Subjects of each set that could not be solved, over all arms. A share that they belong to is not read.
    decides
        Which comparisons decide whether a set is kept.
    """

    comparisons: tuple[ComparisonInSystem, ...]
    effect: Float[Array, "set comparison"]
    power: Float[Array, "set comparison"]
    unsolved: Int[Array, "set"]
    decides: Bool[Array, "comparison"]

    @functools.cached_property
    def judgments(self) -> tuple[rule.Judgments, ...]:
        """What the rule says to each comparison."""
        found = []
        for place, asked in enumerate(self.comparisons):
            power = None if asked.record.significance is None else self.power[:, place]
            effects = Effects.expected(asked.kind, self.effect[:, place], power)
            found.append(rule.judge(effects, asked.record.expect, asked.record.significance))
        return tuple(found)

    @property
    def codes(self) -> Int[Array, "set comparison"]:
        """Places of the verdicts in `VERDICTS`."""
        columns = [judged.codes for judged in self.judgments]
        return np.stack(columns, axis=1) if columns else np.zeros(self.effect.shape, dtype=np.int64)

    @property
    def margin(self) -> Float[Array, "set comparison"]:
        """By how much effects are beyond the bounds that are asked, in shares or doublings; below zero they are not."""
        columns = [judged.margin for judged in self.judgments]
        return np.stack(columns, axis=1) if columns else np.zeros(self.effect.shape)

    @property
    def met(self) -> Bool[Array, "set comparison"]:
        """Whether direction, size and probability of significance are as asked."""
        return np.asarray(self.codes == Verdict.REPRODUCED.code)

    @property
    def shortfall(self) -> Float[Array, "set comparison"]:
        """How much is missing of size and of power, 0 where the comparison is met."""
        size = np.clip(-self.margin, 0, _WORST)
        size = np.where(np.isnan(self.margin), _WORST, np.where(rule.reached(self.margin), 0.0, size))
        asked = [each.record.significance for each in self.comparisons]
        probability = np.array([0.0 if each is None else each.probability for each in asked])
        missing = np.clip(probability - np.nan_to_num(self.power), 0, 1)
        return np.asarray(size + missing, dtype=np.float64)

    def unsolved_counts(self) -> dict[str, int]:
        """Return in how many sets subjects could not be solved, and how many subjects, over all arms."""
        return {"sets": int(np.count_nonzero(self.unsolved)), "subjects": int(self.unsolved.sum())}

    def discrepancy(self) -> Float[Array, "set"]:
        """Return the total shortfall over the comparisons that decide."""
        return np.asarray(self.shortfall[:, self.decides].sum(axis=1), dtype=np.float64)


class Evaluator:
    """Asks parameter sets what they say to the comparisons of findings.

    Parameters
    ----------
    recipe
        What varies, what decides, tolerances.
    findings
        Of the library where None.
    deciding_only
        Leave out comparisons that do not decide: what a search needs.
    space
        Of the parameter sets, where it is not that of the systems which the findings ask about.
    library
        Where findings, experiments and systems are; the default one where None.
    model
        That of the library where None.
    """

    def __init__(
        self,
        recipe: Recipe,
        findings: Iterable[FindingRecord] | None = None,
        *,
        deciding_only: bool = False,
        space: ParameterSpace | None = None,
        library: Library | None = None,
        model: Model | None = None,
    ) -> None:
        self.library = library = Library.default() if library is None else library
        self.model = Model.default(library) if model is None else model
        records = library.read_all("findings").values() if findings is None else findings
        self.recipe = recipe
        self.comparisons = tuple(
            each
            for record in records
            for each in comparisons_of(record, self._experiments(record))
            if self.decides(each) or not deciding_only
        )
        systems = tuple(dict.fromkeys(each.system for each in self.comparisons))
        self.space = ParameterSpace.of(recipe.varied, systems, library) if space is None else space
        # What is short is asked first: a set that fails in a day of culture needs no mice.
        self.systems = tuple(sorted(systems, key=self._horizon_of))

    def _experiments(self, finding: FindingRecord) -> dict[str, Experiment]:
        """Return the experiment of a finding in every system that it asks about."""
        if not finding.comparisons:
            return {}
        record = self.library.read("experiments", finding.experiment)
        # What is asked of a population of patients is not asked of sets of parameters.
        if not record.over_sets:
            return {}
        everywhere = record.systems
        asked = {name for comparison in finding.comparisons for name in comparison.systems or everywhere}
        return {
            name: Experiment.read(finding.experiment, name, self.library, self.model)
            for name in everywhere
            if name in asked
        }

    def decides(self, asked: ComparisonInSystem) -> bool:
        """Return whether a set that fails a comparison is not kept."""
        return asked.record.counts and self.recipe.decides(asked.finding.id, asked.finding.role, asked.number)

    def _horizon_of(self, system: str) -> float:
        return max(max(each.day, each.versus_day) for each in self.comparisons if each.system == system)

    def is_short(self, system: str) -> bool:
        """Return whether a system is followed for a few days only, as a culture is."""
        return self._horizon_of(system) <= _SHORT

    @functools.cached_property
    def plans(self) -> Mapping[ArmInSystem, ReadoutPlan]:
        """The arms that must be simulated, and what is read in each."""
        found: dict[ArmInSystem, ReadoutPlan] = {}
        for asked in self.comparisons:
            measure, significance = asked.record.measure, asked.record.significance
            curve = significance is not None and significance.test == "log-rank"
            for arm, day in ((asked.arm, asked.day), (asked.versus, asked.versus_day)):
                if arm is None:
                    continue
                readouts = frozenset({(measure.readout, day)} if measure.readout is not None else ())
                endpoints = frozenset({(measure.endpoint, day)} if measure.endpoint is not None else ())
                found[arm] = found.get(arm, ReadoutPlan()) | ReadoutPlan(readouts, endpoints, curve)
        return found

    @functools.cached_property
    def _cohort(self) -> ExpectedCohort:
        readouts = sorted({readout for plan in self.plans.values() for readout, _ in plan.readouts})
        return ExpectedCohort(
            self.model, self.recipe.causes, self.recipe.relative_tolerance, tuple(readouts), cures=self.recipe.cures
        )

    def evaluate(
        self,
        values: Float[Array, "set axis"],
        *,
        subjects: int | None = None,
        seed: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Answers:
        """Return what sets say to all comparisons.

        Parameters
        ----------
        values
            Of the axes of `space`.
        subjects, seed
            In each set; those of the recipe where None.
        progress, cancel
            Told how many subjects have just been followed; asked whether to stop.
        """
        subjects = subjects or self.recipe.subjects
        seed = self.recipe.seed if seed is None else seed
        shape = (len(values), len(self.comparisons))
        effect, power = np.full(shape, np.nan), np.full(shape, np.nan)
        unsolved = np.zeros(len(values), dtype=np.int64)
        for system in self.systems:
            here = np.array([i for i, each in enumerate(self.comparisons) if each.system == system])
            for rows in _batches(np.arange(len(values)), subjects):
                part = self.ask(system, values[rows], self._of(here), subjects, seed, progress, cancel)
                effect[np.ix_(rows, here)], power[np.ix_(rows, here)] = part.effect, part.power
                unsolved[rows] += part.unsolved
        return Answers(self.comparisons, effect, power, unsolved, self._deciding(self.comparisons))

    def ask(
        self,
        system: str,
        values: Float[Array, "set axis"],
        asked: tuple[ComparisonInSystem, ...],
        subjects: int,
        seed: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Answers:
        """Return what sets say to comparisons in one system, every arm of which is simulated at once.

        Parameters
        ----------
        system
            Its name.
        values
            Of the axes of `space`.
        asked
            Comparisons in that system.
        subjects, seed, progress, cancel
            As in `evaluate`.
        """
        seed = self.recipe.seed if seed is None else seed
        plans = {arm: plan for arm, plan in self.plans.items() if arm.system.name == system}
        where = next(iter(plans)).system
        sets = self.space.parameters(values, system)
        seen = self._cohort.follow(where, sets, plans, subjects, seed, progress, cancel)
        effects = [expected_effects(each, seen) for each in asked]
        nothing = np.full(len(values), np.nan)
        return Answers(
            asked,
            np.stack([each.value for each in effects], axis=1),
            np.stack([nothing if each.power is None else each.power for each in effects], axis=1),
            np.sum([each.unsolved for each in seen.values()], axis=0),
            self._deciding(asked),
        )

    def _of(self, places: Int[Array, "place"]) -> tuple[ComparisonInSystem, ...]:
        return tuple(self.comparisons[i] for i in places)

    def _deciding(self, asked: Iterable[ComparisonInSystem]) -> Bool[Array, "comparison"]:
        return np.array([self.decides(each) for each in asked], dtype=bool)


def _batches(rows: Int[Array, "set"], subjects: int) -> list[Int[Array, "some"]]:
    most = max(1, _AT_ONCE // subjects)
    return [rows[start : start + most] for start in range(0, len(rows), most)]


def expected_effects(asked: ComparisonInSystem, seen: Mapping[ArmInSystem, ExpectedReadouts]) -> Effects:
    """Return the expected effect of a comparison, and its power by formula, in every set."""
    measure, significance = asked.record.measure, asked.record.significance
    arm = seen[asked.arm]
    other = None if asked.versus is None else seen[asked.versus]
    if measure.readout is not None:
        x = arm.readings[measure.readout, asked.day]
        if other is None:
            return Effects.expected(Kind.READING, rule.medians(x, np.isfinite(x)))
        y = other.readings[measure.readout, asked.versus_day]
        ratio = rule.ratios(x, y)
        if significance is None:
            return Effects.expected(Kind.RATIO, ratio)
        both = rule.both_readable(x, y)
        x, y = np.where(both, x, np.nan), np.where(both, y, np.nan)
        welch = significance.test == "welch"
        test = approximate_power.welch_power if welch else approximate_power.mannwhitney_power
        power = np.where(np.isnan(ratio), np.nan, test(x, y, significance.n, significance.alpha))
        return Effects.expected(Kind.RATIO, ratio, power)
    share = arm.probabilities[str(measure.endpoint), asked.day]
    if other is None:
        return Effects.expected(Kind.SHARE, share)
    difference = share - other.probabilities[str(measure.endpoint), asked.versus_day]
    if significance is None or arm.curve is None or other.curve is None:
        return Effects.expected(Kind.DIFFERENCE, difference)
    days = min(arm.curve.shape[1], other.curve.shape[1])
    power = approximate_power.logrank_power(
        arm.curve[:, :days], other.curve[:, :days], significance.n, significance.alpha
    )  # fmt: skip
    return Effects.expected(Kind.DIFFERENCE, difference, power)
