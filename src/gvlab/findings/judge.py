"""Judges a comparison: an effect with its interval, how often a small experiment would see it, and a verdict.

The rules are those of `gvlab.library.finding_record`; nothing here knows what is compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gvlab.findings.rule import Verdict
from gvlab.library.finding_record import Expectation, Significance
from gvlab.statistics import (
    Estimate,
    Power,
    logrank_power,
    mannwhitney_power,
    paired_effect,
    welch_power,
    wilson_interval,
)

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

FEWEST = 5
"""Subjects that must be readable in each arm; below that a comparison says nothing."""

NEGLIGIBLE = 0.01
"""A difference of shares, or of a ratio from one, that is called no effect in words."""


@dataclass(frozen=True)
class Outcome:
    """What came of one comparison.

    Attributes
    ----------
    verdict, reason
        The verdict, and why in one sentence.
    effect
        A difference of shares, a ratio of medians, or the share or reading of the arm alone; None if it could not be
        read.
    kind
        "difference", "ratio", "share" or "reading".
    arm, versus
        Share or median reading of each side; NaN where there is none.
    power
        Probability of significance at the stated number of animals, where a test is stated.
    subjects
        Subjects that could be read on both sides.
    """

    verdict: Verdict
    reason: str
    effect: Estimate | None
    kind: str
    arm: float = math.nan
    versus: float = math.nan
    power: Power | None = None
    subjects: int = 0


@dataclass(frozen=True)
class Fates:
    """What became of the subjects of an arm, for one endpoint.

    Attributes
    ----------
    subject
        Shape (subject,): which virtual subject each is; the same number in another arm is the same subject.
    reached
        Shape (subject,): whether the endpoint holds on the day (alive, cured, dead of the cause).
    duration, died
        Time and 0/1 of the log-rank test, which is always of survival.
    """

    subject: npt.NDArray[np.int64]
    reached: BoolArray
    duration: FloatArray
    died: BoolArray


def compare_shares(
    arm: Fates, versus: Fates, expect: Expectation, significance: Significance | None, rng: np.random.Generator
) -> Outcome:
    """Judge the difference between the shares of two arms.

    The same virtual subjects live in both, so the interval is Newcombe's [1]_ for paired proportions: it says how
    sure the difference is for these subjects' population, and what they have in common cancels. The probability of
    significance is of an experiment with different animals in the arms.

    References
    ----------
    .. [1] Newcombe (1998) Statistics in Medicine 17:2635-2650, method 10.
    """
    _, mine, theirs = np.intersect1d(arm.subject, versus.subject, assume_unique=True, return_indices=True)
    few = len(mine)
    if few < FEWEST:
        return _too_few(few, "difference")
    effect = _difference(arm.reached[mine], versus.reached[theirs])
    power = None
    if significance is not None:
        power = logrank_power(
            arm.duration, arm.died, versus.duration, versus.died, significance.n, significance.n, rng,
            alpha=significance.alpha,
        )  # fmt: skip
    verdict, reason = _weigh(effect, 0.0, _threshold_of_difference(expect), expect, significance, power)
    shares = float(arm.reached.mean()), float(versus.reached.mean())
    return Outcome(verdict, reason, effect, "difference", *shares, power, few)


def compare_readings(
    arm: FloatArray,
    versus: FloatArray,
    expect: Expectation,
    significance: Significance | None,
    rng: np.random.Generator,
) -> Outcome:
    """Judge the ratio of the medians of two arms; the same subjects in both, NaN where one could not be read.

    The interval is a bootstrap over subjects, drawn with both of their readings.
    """
    both = np.isfinite(arm) & np.isfinite(versus)
    few = int(both.sum())
    if few < FEWEST:
        return _too_few(few, "ratio")
    x, y = arm[both], versus[both]
    medians = float(np.median(x)), float(np.median(y))
    if min(x.min(), y.min()) <= 0:
        reason = "a reading is zero, so there is no ratio"
        return Outcome(Verdict.CANNOT_SAY, reason, None, "ratio", *medians, subjects=few)
    effect = paired_effect(x, y, rng, effect="ratio of medians")
    power = None
    if significance is not None:
        test = {"mann-whitney": mannwhitney_power, "welch": welch_power}[significance.test]
        power = test(x, y, significance.n, significance.n, rng, alpha=significance.alpha)
    verdict, reason = _weigh(effect, 1.0, _threshold_of_ratio(expect), expect, significance, power)
    return Outcome(verdict, reason, effect, "ratio", *medians, power, few)


def judge_share(arm: Fates, expect: Expectation) -> Outcome:
    """Judge the share of one arm against a bound."""
    few = len(arm.reached)
    if few < FEWEST:
        return _too_few(few, "share")
    share = float(arm.reached.mean())
    low, high = wilson_interval(int(arm.reached.sum()), few)
    effect = Estimate(share, low, high)
    bound = _bound(expect)
    above = expect.direction == "above"
    inside = share >= bound if above else share <= bound
    sure = low >= bound if above else high <= bound
    # A share is one number; when it is on the right side but its interval straddles the bound, more subjects decide.
    verdict = Verdict.REPRODUCED if sure else Verdict.PARTLY if inside else Verdict.NOT
    side = f"{'at least' if above else 'at most'} {bound:g}"
    reason = {
        Verdict.REPRODUCED: f"the whole interval is {side}",
        Verdict.PARTLY: f"the share is {side}, its interval is not",
        Verdict.NOT: f"the share is not {side}",
    }[verdict]
    return Outcome(verdict, reason, effect, "share", share, subjects=few)


def combine(outcomes: Sequence[Outcome]) -> Verdict:
    """Give the verdict of several comparisons: all reproduced, at least half of them partly, or not."""
    verdicts = [outcome.verdict for outcome in outcomes]
    if not verdicts or all(verdict is Verdict.CANNOT_SAY for verdict in verdicts):
        return Verdict.CANNOT_SAY
    if all(verdict is Verdict.REPRODUCED for verdict in verdicts):
        return Verdict.REPRODUCED
    favorable = sum(verdict in (Verdict.REPRODUCED, Verdict.PARTLY) for verdict in verdicts)
    return Verdict.PARTLY if 2 * favorable >= len(verdicts) else Verdict.NOT


def _too_few(subjects: int, kind: str) -> Outcome:
    reason = f"only {subjects} subjects could be read in both arms; {FEWEST} are needed"
    return Outcome(Verdict.CANNOT_SAY, reason, None, kind, subjects=subjects)


def _difference(arm: BoolArray, versus: BoolArray) -> Estimate:
    p, q, n = float(arm.mean()), float(versus.mean()), len(arm)
    p_low, p_high = wilson_interval(int(arm.sum()), n)
    q_low, q_high = wilson_interval(int(versus.sum()), n)
    together = _correlation(int(np.sum(arm & versus)), int(np.sum(arm & ~versus)), int(np.sum(~arm & versus)), n)
    below = _distance(p - p_low, q_high - q, together)
    above = _distance(p_high - p, q - q_low, together)
    return Estimate(p - q, p - q - below, p - q + above)


def _distance(one: float, other: float, together: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * together * one * other + other * other))


def _correlation(both: int, only_arm: int, only_versus: int, n: int) -> float:
    """Give the correlation of the two outcomes, with Newcombe's continuity correction; 0 where one never varies."""
    neither = n - both - only_arm - only_versus
    margins = (both + only_arm) * (only_versus + neither) * (both + only_versus) * (only_arm + neither)
    if margins == 0:
        return 0.0
    product = both * neither - only_arm * only_versus
    corrected = max(product - n / 2, 0.0) if product > 0 else float(product)
    return corrected / math.sqrt(margins)


def _bound(expect: Expectation) -> float:
    assert expect.at_least is not None  # the schema has seen to it
    return expect.at_least


def _threshold_of_difference(expect: Expectation) -> float:
    if expect.direction == "unchanged":
        return 0.0
    return _bound(expect) if expect.direction == "up" else -_bound(expect)


def _threshold_of_ratio(expect: Expectation) -> float:
    if expect.direction == "unchanged":
        return 1.0
    return _bound(expect) if expect.direction == "up" else 1 / _bound(expect)


def _weigh(
    effect: Estimate,
    none: float,
    threshold: float,
    expect: Expectation,
    significance: Significance | None,
    power: Power | None,
) -> tuple[Verdict, str]:
    """Apply the rules; `none` is the effect of nothing and `threshold` the least effect that counts."""
    if expect.bounds is not None:
        low, high = expect.bounds
        if effect.lower >= low and effect.upper <= high:
            return Verdict.REPRODUCED, f"the interval lies within {low:g} to {high:g}"
        if low <= effect.value <= high:
            return Verdict.PARTLY, f"the effect lies within {low:g} to {high:g}, its interval does not"
        return Verdict.NOT, f"the effect lies outside {low:g} to {high:g}"
    up = expect.direction == "up"
    right = effect.lower > none if up else effect.upper < none
    if not right:
        wrong = effect.upper < none if up else effect.lower > none
        if wrong and abs(effect.value - none) < NEGLIGIBLE:
            return Verdict.NOT, "there is no effect"
        return Verdict.NOT, "the effect goes the other way" if wrong else "the interval includes no effect"
    large = effect.value >= threshold if up else effect.value <= threshold
    if not large:
        return Verdict.PARTLY, f"the direction is right, the effect is smaller than {threshold:.3g}"
    if significance is not None and power is not None and power.probability < significance.probability:
        return Verdict.PARTLY, (
            f"direction and size are right, but {significance.n} per arm would be significant in "
            f"{100 * power.probability:.0f} % of experiments; {100 * significance.probability:.0f} % are asked for"
        )
    asked = "direction and size" if power is None else "direction, size and probability of significance"
    return Verdict.REPRODUCED, f"{asked} are as asked"
