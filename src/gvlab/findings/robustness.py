"""Verdicts over an ensemble: which share of the plausible sets reproduces a finding, and which parameters tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from gvlab.arrays import Array, Bool, Float
from gvlab.errors import InvalidValueError
from gvlab.findings import rule
from gvlab.findings.comparisons import ComparisonInSystem
from gvlab.findings.expected import Cancel, Progress
from gvlab.findings.many_sets import Answers, Evaluator
from gvlab.findings.rule import Verdict
from gvlab.library.finding_record import FindingRecord
from gvlab.statistics import Estimate, cliffs_deltas, wilson_interval
from gvlab.subject.plausible import Ensemble, between_searches, parts, quarters

ROBUST, MOSTLY, RARELY = 0.95, 0.80, 0.20
"""Shares of plausible sets from which a conclusion is called robust, mostly robust, and below which not supported."""

_MOST = 3
"""Parameters named beside a verdict."""
_LEAST_AREA = 0.15
"""How far the area under the ROC curve must lie from one half for a parameter to be named."""
_FEWEST_SETS = 10
"""Sets on each side that are needed to tell them apart."""
_QUANTILES = (0.05, 0.5, 0.95)
"""Of an effect over the sets."""


class Robustness(StrEnum):
    """What the share of plausible sets says of a conclusion."""

    ROBUST = "robust"
    MOSTLY = "mostly robust"
    OPEN = "rests on assumptions"
    NOT = "not supported"
    CANNOT_SAY = "cannot say"


@dataclass(frozen=True)
class Separation:
    """How well one parameter tells sets that reproduce a finding from those that do not.

    Attributes
    ----------
    axis
        Its name.
    area
        Probability that a set which reproduces has the larger value; 0.5 tells nothing.
    with_it, without
        Medians of the two groups, in the unit of the table.
    """

    axis: str
    area: float
    with_it: float
    without: float

    def in_words(self) -> str:
        """Return which way it works."""
        return (
            f"{'high' if self.area > 0.5 else 'low'} {self.axis} (median {self.with_it:.3g} against {self.without:.3g})"
        )


@dataclass(frozen=True)
class ComparedOverEnsemble:
    """What an ensemble says of one comparison.

    Attributes
    ----------
    asked
        What is compared.
    share
        Of the sets that meet it.
    quantiles
        5, 50 and 95 % quantiles of the effect over the sets; NaN where none could be read.
    used_for_calibration
        Whether it decided which sets were kept.
    """

    asked: ComparisonInSystem
    share: float
    quantiles: tuple[float, float, float]
    used_for_calibration: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "comparison": self.asked.title,
            "used_for_calibration": self.used_for_calibration,
            "share": round(self.share, 4),
            "effect_5_50_95": [None if not np.isfinite(each) else round(each, 4) for each in self.quantiles],
        }


@dataclass(frozen=True)
class EnsembleVerdict:
    """What an ensemble says of one finding.

    Attributes
    ----------
    record
        The finding.
    reproduced
        Share of the sets that reproduce it whole, with a 95 % interval for the effective number of sets.
    partly
        Share of the sets of which at least half of the comparisons are met or go the right way, and not all are met.
    comparisons
        Of each, the share of sets that meet it and the 5, 50 and 95 % quantiles of the effect.
    associated_parameters
        Parameters that tell sets that reproduce from those that do not, best first.
    used_for_calibration
        Which of its comparisons decided which sets were kept: "all", "some" or "none".
    by_search
        Share of the sets that reproduce it whole, for each independent search (for quarters of the searches where few
        sets of each were asked, `gvlab.subject.plausible.parts`): where they differ, the conclusion rests
        on where in the plausible region one looks.
    between_searches
        The scale reduction of Gelman and Rubin of whether a set reproduces it; near 1 where searches agree.
    between_quarters
        The same of quarters of the searches: near 1 where another run of as many searches would say the same.
    """

    record: FindingRecord
    reproduced: Estimate | None
    partly: float
    comparisons: tuple[ComparedOverEnsemble, ...]
    associated_parameters: tuple[Separation, ...]
    used_for_calibration: str
    by_search: tuple[float, ...] = ()
    between_searches: float = 1.0
    between_quarters: float = 1.0

    @property
    def robustness(self) -> Robustness:
        """What the share says."""
        if self.reproduced is None:
            return Robustness.CANNOT_SAY
        share = self.reproduced.value
        if share >= ROBUST:
            return Robustness.ROBUST
        if share >= MOSTLY:
            return Robustness.MOSTLY
        return Robustness.OPEN if share >= RARELY else Robustness.NOT

    @property
    def reason(self) -> str:
        """Why, in words."""
        if self.reproduced is None:
            return self.record.cannot_say or "nothing that counts could be read in any set"
        worst = min(self.comparisons, key=lambda compared: compared.share)
        low, middle, high = worst.quantiles
        if worst.share >= ROBUST:
            return "every comparison is met by nearly all sets"
        text = (
            f"least often met ({100 * worst.share:.0f} %): {worst.asked.title}, effect {middle:.2f} "
            f"(5 to 95 % of sets: {low:.2f} to {high:.2f})"
        )
        if self.associated_parameters:
            text += "; goes with " + ", ".join(each.in_words() for each in self.associated_parameters)
        return text

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        estimate = self.reproduced
        return {
            "id": self.record.id,
            "role": self.record.role,
            "by_construction": self.record.by_construction,
            "used_for_calibration": self.used_for_calibration,
            "share": None if estimate is None else round(estimate.value, 4),
            "lower": None if estimate is None else round(estimate.lower, 4),
            "upper": None if estimate is None else round(estimate.upper, 4),
            "share_by_search": [round(share, 4) for share in self.by_search],
            "between_searches": round(self.between_searches, 3) if math.isfinite(self.between_searches) else None,
            "between_quarters": round(self.between_quarters, 3) if math.isfinite(self.between_quarters) else None,
            "share_partly": round(self.partly, 4),
            "robustness": str(self.robustness),
            "reason": self.reason,
            "comparisons": [compared.to_dict() for compared in self.comparisons],
            "associated_parameters": [each.in_words() for each in self.associated_parameters],
        }


def judge_ensemble(
    ensemble: Ensemble,
    evaluator: Evaluator,
    findings: Iterable[FindingRecord],
    *,
    subjects: int | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> tuple[list[EnsembleVerdict], Answers]:
    """Return how many sets reproduce each finding, and what each set says to each comparison.

    A set reproduces a finding when the expected effect of every comparison has the direction and size that the record
    asks for, and the stated number of animals would show it with the stated probability. The interval of an effect
    over virtual subjects, which the verdict on a single set also asks for, measures their number and not our
    knowledge; here expected shares stand in its place.

    Raises
    ------
    InvalidValueError
        If the ensemble was made for other axes than the evaluator has.
    """
    if ensemble.names != evaluator.space.names:
        raise InvalidValueError(
            "The ensemble varies other parameters than its recipe and tables do now. Make it anew: gvlab calibrate."
        )
    subjects = subjects or evaluator.recipe.subjects_judged
    answers = evaluator.evaluate(ensemble.values, subjects=subjects, seed=seed, progress=progress, cancel=cancel)
    return verdicts(findings, answers, ensemble), answers


def verdicts(findings: Iterable[FindingRecord], answers: Answers, ensemble: Ensemble) -> list[EnsembleVerdict]:
    """Return what the answers say of each finding; those that were not asked are left out."""
    places: dict[str, list[int]] = {}
    for i, asked in enumerate(answers.comparisons):
        places.setdefault(asked.finding.id, []).append(i)
    return [
        _verdict(record, places.get(record.id, []), answers, ensemble)
        for record in findings
        if record.cannot_say or record.id in places
    ]


def _verdict(record: FindingRecord, places: Sequence[int], answers: Answers, ensemble: Ensemble) -> EnsembleVerdict:
    if not places:
        return EnsembleVerdict(record, None, 0.0, (), (), "none")
    counting = [i for i in places if answers.comparisons[i].record.counts]
    found = rule.combine(answers.codes[:, counting])
    whole: Bool[Array, "set"] = np.asarray(found == Verdict.REPRODUCED.code)
    deciding = int(answers.decides[counting].sum())
    comparisons = tuple(
        ComparedOverEnsemble(
            answers.comparisons[i],
            float(answers.met[:, i].mean()),
            _quantiles(answers.effect[:, i]),
            bool(answers.decides[i]),
        )
        for i in places
    )
    part = parts(ensemble.search)
    return EnsembleVerdict(
        record,
        _share(whole, ensemble) if np.any(found != Verdict.CANNOT_SAY.code) else None,
        float(np.mean(found == Verdict.PARTLY.code)),
        comparisons,
        separations(ensemble, whole),
        "none" if not deciding else "all" if deciding == len(counting) else "some",
        tuple(float(whole[part == number].mean()) for number in np.unique(part)),
        *(
            float(between_searches(whole[:, None].astype(np.float64), replicate)[0])
            for replicate in (part, quarters(ensemble.search))
        ),
    )


def _share(whole: Bool[Array, "set"], ensemble: Ensemble) -> Estimate:
    """Return the share of sets, with the interval of as many independent ones as the ensemble is worth."""
    n = max(2, round(ensemble.effective))
    share = float(whole.mean())
    return Estimate(share, *wilson_interval(round(share * n), n))


def _quantiles(values: Float[Array, "set"]) -> tuple[float, float, float]:
    seen = values[np.isfinite(values)]
    if not len(seen):
        return (float("nan"),) * 3
    low, middle, high = np.quantile(seen, _QUANTILES)
    return float(low), float(middle), float(high)


def unsolved_in_words(answers: Answers) -> str:
    """Return how many sets held subjects that could not be solved; "" where all were."""
    counts = answers.unsolved_counts()
    if not counts["sets"]:
        return ""
    return (
        f"{counts['subjects']:,} subjects in {counts['sets']} of {len(answers.unsolved)} sets could not be solved; a "
        "comparison that they belong to is not read in that set, and the set does not count as reproducing it."
    )


def separations(ensemble: Ensemble, holds: Bool[Array, "set"], most: int = _MOST) -> tuple[Separation, ...]:
    """Return the parameters that tell the sets for which something holds from the others (area under the ROC curve)."""
    n, m = int(holds.sum()), int((~holds).sum())
    if min(n, m) < _FEWEST_SETS:
        return ()
    # Sets resemble their relatives, so a parameter may seem to tell them apart that only came with the family: the area
    # must leave chance behind (two standard errors) for as many sets as the ensemble is worth.
    worth = min(ensemble.effective, n + m) / (n + m)
    chance = 2 * np.sqrt((worth * (n + m) + 1) / (12 * worth**2 * n * m))
    # Relatives share values to the last bit; such a pair counts one half.
    areas = (1 + cliffs_deltas(ensemble.values[holds].T, ensemble.values[~holds].T)) / 2
    found = []
    for i in np.argsort(-np.abs(areas - 0.5), kind="stable")[:most]:
        if abs(areas[i] - 0.5) >= max(_LEAST_AREA, chance):
            values = ensemble.values[:, i]
            found.append(
                Separation(
                    ensemble.names[i],
                    float(areas[i]),
                    float(np.median(values[holds])),
                    float(np.median(values[~holds])),
                )
            )
    return tuple(found)


def robust_and_open(found: Iterable[EnsembleVerdict]) -> Mapping[Robustness, tuple[str, ...]]:
    """Return the ids of findings by what the ensemble says of them."""
    grouped: dict[Robustness, list[str]] = {each: [] for each in Robustness}
    for verdict in found:
        grouped[verdict.robustness].append(verdict.record.id)
    return {each: tuple(ids) for each, ids in grouped.items()}
