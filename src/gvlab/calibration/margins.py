"""What each parameter set has to spare, or lacks, of what decides: one column a number that is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.findings.comparisons import ComparisonInSystem
from gvlab.findings.many_sets import Answers, Evaluator
from gvlab.findings.rule import Kind
from gvlab.lazy import LazyModule
from gvlab.library.ensemble_recipe import Spare

special: Any = LazyModule("scipy.special")

_SIZE, _POWER = (-2.0, 1.5), (-5.0, 3.5)
"""Where margins of size (shares or doublings) and of power (standard normal scores) end."""
_SURE = 1e-6
"""Nearest to 0 and 1 that a probability is taken to be before it becomes a score."""
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Ask:
    """One number that is asked of a comparison.

    Attributes
    ----------
    asked
        The comparison.
    of_power
        Whether it is the probability of significance, as a standard normal score, and not the size of the effect.
    least
        What is asked, with what is to be spare.
    scale
        How finely it matters: what a Kalman step takes for the error of an observation.
    """

    asked: ComparisonInSystem
    of_power: bool
    least: float
    scale: float


class Margins:
    """Asks points of the unit cube what they have to spare.

    Comparisons that ask the same of the same arms, for two claims, count once.

    Parameters
    ----------
    evaluator
        Simulates.
    spare
        What a set must have beyond what is asked, so that it passes with other subjects too.
    """

    def __init__(self, evaluator: Evaluator, spare: Spare) -> None:
        self.evaluator, self.space = evaluator, evaluator.space
        self._seed = evaluator.recipe.subjects_seed
        self.systems = evaluator.systems
        self._asked = {system: _once(evaluator, system) for system in self.systems}
        self.columns = tuple(each for asked in self._asked.values() for each in _columns(asked, spare))
        self.of_power: Bool[Array, "column"] = np.array([each.of_power for each in self.columns], dtype=bool)
        self.least: Float[Array, "column"] = np.array([each.least for each in self.columns])
        self.scale: Float[Array, "column"] = np.array([each.scale for each in self.columns])
        place = {system: i for i, system in enumerate(self.systems)}
        self.system_of: Int[Array, "column"] = np.array([place[each.asked.system] for each in self.columns])
        self.holds: Bool[Array, "axis system"] = np.array(
            [[system in axis.systems for system in self.systems] for axis in self.space.axes], dtype=bool
        )
        arms = [
            sum(plan.last_day for arm, plan in evaluator.plans.items() if arm.system.name == s) for s in self.systems
        ]
        self.cost: Float[Array, "system"] = np.array(arms) / np.sum(arms)
        """Share of the time that each system takes."""

    def lacking(self, margins: Float[Array, "set column"]) -> Float[Array, "set system"]:
        """Return what is missing by system: shares, doublings, probabilities; NaN where a margin is."""
        short = np.where(self.of_power, special.ndtr(self.least) - special.ndtr(margins), self.least - margins)
        short = np.where(short < _ROUNDING, 0.0, short)
        return np.stack([short[:, self.system_of == i].sum(axis=1) for i in range(len(self.systems))], axis=1)

    def effort(self, margins: Float[Array, "set column"]) -> float:
        """Return what it cost to ask so many margins: 1 is a set in every system."""
        asked = [np.isfinite(margins[:, self.system_of == i]).any(axis=1).sum() for i in range(len(self.systems))]
        return float(np.array(asked) @ self.cost)

    def follow(
        self,
        points: Float[Array, "set axis"],
        subjects: int,
        *,
        needed: Bool[Array, "set system"] | None = None,
        known: Float[Array, "set system"] | None = None,
        limit: Float[Array, "set"] | None = None,
        order: Int[Array, "system"] | None = None,
    ) -> tuple[Float[Array, "set column"], Float[Array, "set system"]]:
        """Return margins, NaN where not asked, and what is missing by system, infinite where not asked.

        Parameters
        ----------
        points
            Of the unit cube.
        subjects
            In each set.
        needed, known
            Systems that must be asked; what is missing in the others.
        limit
            A set of which more than this is missing is given up.
        order
            In which systems are asked.
        """
        shape = (len(points), len(self.systems))
        needed = np.ones(shape, dtype=bool) if needed is None else needed
        limit = np.full(len(points), np.inf) if limit is None else limit
        found = np.where(needed, np.inf, 0.0 if known is None else known)
        spent = np.where(needed, 0.0, found).sum(axis=1)
        margins = np.full((len(points), len(self.columns)), np.nan)
        values = self.space.values(points)
        for place in range(len(self.systems)) if order is None else order:
            rows = np.flatnonzero(needed[:, place] & (spent <= limit))
            if not len(rows):
                continue
            system = self.systems[place]
            answers = self.evaluator.ask(system, values[rows], self._asked[system], subjects, self._seed)
            here = np.flatnonzero(self.system_of == place)
            margins[np.ix_(rows, here)] = _read(answers)
            missing = self.lacking(margins[rows])[:, place]
            found[rows, place] = missing
            spent[rows] += missing
        return margins, found


def _once(evaluator: Evaluator, system: str) -> tuple[ComparisonInSystem, ...]:
    """Return the comparisons of a system that decide, those that ask the same once."""
    found: dict[object, ComparisonInSystem] = {}
    for each in evaluator.comparisons:
        if each.system == system and evaluator.decides(each):
            record = each.record
            same = (
                each.arm,
                each.versus,
                each.day,
                each.versus_day,
                record.measure,
                record.expect,
                record.significance,
            )
            found.setdefault(repr(same), each)
    return tuple(found.values())


def _columns(asked: tuple[ComparisonInSystem, ...], spare: Spare) -> list[Ask]:
    sizes = [Ask(each, False, *_of_size(each, spare)) for each in asked]
    tested = [(each, each.record.significance) for each in asked]
    powers = [
        Ask(each, True, float(special.ndtri(max(test.probability, spare.probability))), spare.scale_score)
        for each, test in tested
        if test is not None
    ]
    return sizes + powers


def _of_size(asked: ComparisonInSystem, spare: Spare) -> tuple[float, float]:
    """Return what is to be spare of the size of an effect, and its scale."""
    least = asked.record.expect.at_least
    if asked.kind is Kind.SHARE and least is not None:
        # A share near 0 or 1 differs less between groups of subjects than one in the middle.
        return spare.share * 2 * math.sqrt(least * (1 - least)), spare.scale_share
    if not asked.kind.in_doublings:
        return spare.share, spare.scale_share
    size = spare.doublings / spare.of_size if least is None else abs(math.log2(least))
    return min(spare.doublings, spare.of_size * size), min(spare.scale_doublings, 0.4 * size) or spare.scale_doublings


def _read(answers: Answers) -> Float[Array, "set column"]:
    """Return margins of size, then of power where a test is stated; an effect the wrong way has negative power."""
    asked = answers.comparisons
    unread = np.isnan(answers.margin)
    sizes = np.clip(np.where(unread, _SIZE[0], answers.margin), *_SIZE)
    sign = np.array([{"up": 1, "down": -1}.get(each.record.expect.direction, 0) for each in asked])
    nothing = np.array([each.kind.nothing for each in asked])
    right = sign * np.sign(np.nan_to_num(answers.effect - nothing)) >= 0
    score = special.ndtri(np.clip(np.nan_to_num(answers.power), _SURE, 1 - _SURE))
    # At no effect a two-sided test is significant by chance; on the wrong side the score is mirrored there.
    chance = special.ndtri(0.025)
    score = np.clip(np.where(unread, _POWER[0], np.where(right, score, 2 * chance - score)), *_POWER)
    tested = np.array([each.record.significance is not None for each in asked], dtype=bool)
    return np.concatenate([sizes, score[:, tested]], axis=1)
