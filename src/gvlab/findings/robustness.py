"""Verdicts over an ensemble: which share of the plausible sets reproduces a finding, and what that hangs on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError
from gvlab.findings.follow import Progress
from gvlab.findings.many_sets import Answers, Evaluator
from gvlab.findings.questions import Question
from gvlab.library.finding_record import FindingRecord
from gvlab.statistics import Estimate, wilson_interval
from gvlab.subject.plausible import Ensemble

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

ROBUST, MOSTLY, RARELY = 0.95, 0.80, 0.20
"""Shares of plausible sets from which a conclusion is called robust, mostly robust, and below which not supported."""
_HANGS_ON = 3
_LEAST_SEPARATION = 0.15


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
        """Say which way it works."""
        return (
            f"{'high' if self.area > 0.5 else 'low'} {self.axis} (median {self.with_it:.3g} against {self.without:.3g})"
        )


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
        By question, the share of sets that meet it and the 5, 50 and 95 % quantiles of the effect.
    hangs_on
        Parameters that tell sets that reproduce from those that do not, best first.
    decided
        Whether its comparisons decided which sets were kept, all, some or none.
    by_search
        Share of the sets that reproduce it whole, for each independent search: where they differ, the conclusion rests
        on where in the plausible region one looks.
    """

    record: FindingRecord
    reproduced: Estimate | None
    partly: float
    comparisons: tuple[tuple[Question, float, tuple[float, float, float]], ...]
    hangs_on: tuple[Separation, ...]
    decided: str
    by_search: tuple[float, ...] = ()

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
            return self.record.cannot_say
        worst = min(self.comparisons, key=lambda item: item[1])
        question, share, (low, middle, high) = worst
        if share >= ROBUST:
            return "every comparison is met by nearly all sets"
        text = (
            f"least often met ({100 * share:.0f} %): {question.title}, effect {middle:.2f} "
            f"(5 to 95 % of sets: {low:.2f} to {high:.2f})"
        )
        if self.hangs_on:
            text += "; goes with " + ", ".join(each.in_words() for each in self.hangs_on)
        return text

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        estimate = self.reproduced
        return {
            "id": self.record.id,
            "role": self.record.role,
            "decided": self.decided,
            "share": None if estimate is None else round(estimate.value, 4),
            "lower": None if estimate is None else round(estimate.lower, 4),
            "upper": None if estimate is None else round(estimate.upper, 4),
            "share_by_search": [round(share, 4) for share in self.by_search],
            "share_partly": round(self.partly, 4),
            "robustness": str(self.robustness),
            "reason": self.reason,
            "comparisons": [
                {
                    "question": question.title,
                    "decides": question.decides,
                    "share": round(share, 4),
                    "effect_5_50_95": [None if not np.isfinite(each) else round(each, 4) for each in quantiles],
                }
                for question, share, quantiles in self.comparisons
            ],
            "hangs_on": [each.in_words() for each in self.hangs_on],
        }


def judge_ensemble(
    ensemble: Ensemble,
    evaluator: Evaluator,
    findings: Iterable[FindingRecord],
    *,
    subjects: int | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> tuple[list[EnsembleVerdict], Answers]:
    """Ask every set every question, and say how many sets reproduce each finding.

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
    answers = evaluator.evaluate(
        ensemble.values, subjects=subjects or evaluator.recipe.subjects_checked, seed=seed, progress=progress
    )
    return verdicts(findings, answers, ensemble), answers


def verdicts(findings: Iterable[FindingRecord], answers: Answers, ensemble: Ensemble) -> list[EnsembleVerdict]:
    """Gather the answers by finding."""
    met, direction, effects = answers.met, _direction(answers), answers.effect
    by_claim: dict[str, list[int]] = {}
    for i, question in enumerate(answers.questions):
        by_claim.setdefault(question.claim, []).append(i)
    return [
        _verdict(record, by_claim.get(record.id, []), answers.questions, met, direction, effects, ensemble)
        for record in findings
        if record.cannot_say or record.id in by_claim
    ]


def _verdict(
    record: FindingRecord,
    places: Sequence[int],
    questions: Sequence[Question],
    met: BoolArray,
    direction: BoolArray,
    effects: FloatArray,
    ensemble: Ensemble,
) -> EnsembleVerdict:
    if not places:
        return EnsembleVerdict(record, None, 0.0, (), (), "none")
    counting = [i for i in places if questions[i].comparison.counts]
    whole: BoolArray = np.asarray(met[:, counting].all(axis=1))
    some = ((met[:, counting] | direction[:, counting]).mean(axis=1) >= 0.5) & ~whole
    n = max(2, round(ensemble.effective))
    share = float(whole.mean())
    low, high = wilson_interval(round(share * n), n)
    deciding = sum(questions[i].decides for i in counting)
    decided = "all" if deciding == len(counting) else "some" if deciding else "none"
    comparisons = tuple((questions[i], float(met[:, i].mean()), _quantiles(effects[:, i])) for i in places)
    return EnsembleVerdict(
        record,
        Estimate(share, min(low, share), max(high, share)),
        float(some.mean()),
        comparisons,
        separations(ensemble, whole),
        decided,
        tuple(float(whole[ensemble.search == number].mean()) for number in np.unique(ensemble.search)),
    )


def _quantiles(values: FloatArray) -> tuple[float, float, float]:
    seen = values[np.isfinite(values)]
    if not len(seen):
        return (float("nan"),) * 3
    low, middle, high = np.quantile(seen, [0.05, 0.5, 0.95])
    return float(low), float(middle), float(high)


def _direction(answers: Answers) -> BoolArray:
    """Say whether the effect goes the way that is asked, whatever its size."""
    right = np.zeros(answers.effect.shape, dtype=bool)
    for i, question in enumerate(answers.questions):
        expect, effect = question.comparison.expect, answers.effect[:, i]
        none = 1.0 if question.comparison.measure.readout is not None else 0.0
        with np.errstate(invalid="ignore"):
            if expect.direction == "up":
                right[:, i] = effect > none
            elif expect.direction == "down":
                right[:, i] = effect < none
    return right


def separations(ensemble: Ensemble, holds: BoolArray, most: int = _HANGS_ON) -> tuple[Separation, ...]:
    """Find the parameters that tell the sets for which something holds from the others (area under the ROC curve)."""
    n, m = int(holds.sum()), int((~holds).sum())
    if min(n, m) < 10:
        return ()
    # Sets resemble their relatives, so a parameter may seem to tell them apart that only came with the family: the area
    # must leave chance behind (two standard errors) for as many sets as the ensemble is worth.
    worth = min(ensemble.effective, n + m) / (n + m)
    chance = 2 * np.sqrt((worth * (n + m) + 1) / (12 * worth**2 * n * m))
    ranks = ensemble.values.argsort(axis=0).argsort(axis=0) + 1
    areas = (ranks[holds].sum(axis=0) - n * (n + 1) / 2) / (n * m)
    found = []
    for i in np.argsort(-np.abs(areas - 0.5), kind="stable")[:most]:
        if abs(areas[i] - 0.5) >= max(_LEAST_SEPARATION, chance):
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
    """Give the ids of findings by what the ensemble says of them."""
    grouped: dict[Robustness, list[str]] = {each: [] for each in Robustness}
    for verdict in found:
        grouped[verdict.robustness].append(verdict.record.id)
    return {each: tuple(ids) for each, ids in grouped.items()}
