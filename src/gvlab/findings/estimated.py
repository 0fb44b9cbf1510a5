"""Effects as they are estimated from drawn subjects, each with its interval, and what the rule says of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.findings import rule
from gvlab.findings.rule import Effects, Kind, Verdict
from gvlab.library.finding_record import Expectation, Significance
from gvlab.statistics import (
    Estimate,
    Power,
    compare_proportions,
    logrank_power,
    mannwhitney_power,
    median_with_interval,
    paired_difference,
    paired_effect,
    welch_power,
    wilson_interval,
)


@dataclass(frozen=True)
class Judgment:
    """What came of one comparison.

    Attributes
    ----------
    verdict, reason
        The verdict, and why in one sentence.
    effect
        A difference of shares, a ratio of medians, or the share or reading of the arm alone; None if it could not be
        read.
    kind
        Which of these.
    subjects
        Subjects that could be read on both sides.
    arm, versus
        Share or median reading of each side; NaN where there is none.
    power
        Probability of significance at the stated number of animals, where a test is stated.
    """

    verdict: Verdict
    reason: str
    effect: Estimate | None
    kind: Kind
    subjects: int
    arm: float = math.nan
    versus: float = math.nan
    power: Power | None = None


@dataclass(frozen=True, eq=False)
class Fates:
    """What became of the subjects of an arm, for one endpoint.

    Attributes
    ----------
    subject
        Which virtual subject each is; the same number in another arm is the same subject.
    holds
        Whether the endpoint holds on the day (alive, cured, dead of the cause).
    duration, died
        Times and deaths of the log-rank test, which is always of survival.
    """

    subject: Int[Array, "subject"]
    holds: Bool[Array, "subject"]
    duration: Float[Array, "subject"]
    died: Bool[Array, "subject"]

    def where(self, keep: Bool[Array, "subject"]) -> Fates:
        """Return some of the subjects."""
        return Fates(self.subject[keep], self.holds[keep], self.duration[keep], self.died[keep])


def compare_groups(arm: Fates, versus: Fates, expect: Expectation) -> Judgment:
    """Judge the difference between the shares of two groups of different subjects (Newcombe's interval)."""
    few = min(len(arm.holds), len(versus.holds))
    if few < rule.FEWEST:
        return _too_few(few, Kind.DIFFERENCE)
    found = compare_proportions(int(arm.holds.sum()), len(arm.holds), int(versus.holds.sum()), len(versus.holds))
    shares = float(arm.holds.mean()), float(versus.holds.mean())
    return _judged(Kind.DIFFERENCE, found.difference, expect, None, few, shares)


def compare_shares(
    arm: Fates, versus: Fates, expect: Expectation, significance: Significance | None, rng: np.random.Generator
) -> Judgment:
    """Judge the difference between the shares of two arms.

    The same virtual subjects live in both, so the interval is that of paired proportions: it says how sure the
    difference is for these subjects' population. The probability of significance is of an experiment with different
    animals in the arms.
    """
    _, mine, theirs = np.intersect1d(arm.subject, versus.subject, return_indices=True)
    if len(mine) < rule.FEWEST:
        return _too_few(len(mine), Kind.DIFFERENCE)
    effect = paired_difference(arm.holds[mine], versus.holds[theirs])
    power = None
    if significance is not None:
        n = significance.n
        power = logrank_power(
            arm.duration, arm.died, versus.duration, versus.died, n, n, rng, alpha=significance.alpha
        )  # fmt: skip
    shares = float(arm.holds.mean()), float(versus.holds.mean())
    return _judged(Kind.DIFFERENCE, effect, expect, significance, len(mine), shares, power)


def compare_readings(
    arm: Float[Array, "subject"],
    versus: Float[Array, "subject"],
    expect: Expectation,
    significance: Significance | None,
    rng: np.random.Generator,
) -> Judgment:
    """Judge the ratio of the medians of two arms; the same subjects in both, NaN where one could not be read.

    The interval is a bootstrap over subjects, drawn with both of their readings.
    """
    seen = rule.both_readable(arm[None], versus[None])[0]
    x, y = arm[seen], versus[seen]
    if len(x) < rule.FEWEST:
        return _too_few(len(x), Kind.RATIO)
    middle = float(np.median(x)), float(np.median(y))
    if math.isnan(rule.ratios(arm[None], versus[None])[0]):
        reason = "a reading is zero, so there is no ratio"
        return Judgment(Verdict.CANNOT_SAY, reason, None, Kind.RATIO, len(x), *middle)
    effect = paired_effect(x, y, rng, effect="ratio of medians")
    power = None
    if significance is not None:
        test = {"mann-whitney": mannwhitney_power, "welch": welch_power}[significance.test]
        power = test(x, y, significance.n, significance.n, rng, alpha=significance.alpha)
    return _judged(Kind.RATIO, effect, expect, significance, len(x), middle, power)


def judge_share(arm: Fates, expect: Expectation) -> Judgment:
    """Judge the share of one arm against a bound."""
    few = len(arm.holds)
    if few < rule.FEWEST:
        return _too_few(few, Kind.SHARE)
    share = float(arm.holds.mean())
    effect = Estimate(share, *wilson_interval(int(arm.holds.sum()), few))
    return _judged(Kind.SHARE, effect, expect, None, few, (share, math.nan))


def judge_reading(arm: Float[Array, "subject"], expect: Expectation, rng: np.random.Generator) -> Judgment:
    """Judge the median reading of one arm against a bound in the readout's own unit."""
    x = arm[np.isfinite(arm)]
    if len(x) < rule.FEWEST:
        return _too_few(len(x), Kind.READING)
    effect = median_with_interval(x, rng)
    return _judged(Kind.READING, effect, expect, None, len(x), (effect.value, math.nan))


def _judged(
    kind: Kind,
    effect: Estimate,
    expect: Expectation,
    significance: Significance | None,
    subjects: int,
    sides: tuple[float, float],
    power: Power | None = None,
) -> Judgment:
    """Hand one effect to the rule, as an array of one set."""
    value, lower, upper = (np.array([number]) for number in (effect.value, effect.lower, effect.upper))
    chance = None if power is None else np.array([power.probability])
    found = rule.judge(Effects(kind, value, lower, upper, chance), expect, significance)
    return Judgment(found.verdict(), found.reason(), effect, kind, subjects, *sides, power)


def too_few_members(group: str, members: int, of: int, arm: str, *, compared: bool) -> Judgment:
    """Return that a group of an arm has too few members to say anything of it."""
    reason = (
        f'{members} of {of} subjects in the arm "{arm}" are {group}; {rule.FEWEST} are needed. Simulate more subjects'
    )
    kind = Kind.RATIO if compared else Kind.READING
    return Judgment(Verdict.CANNOT_SAY, reason, None, kind, members)


def _too_few(subjects: int, kind: Kind) -> Judgment:
    where = "in the arm" if kind in (Kind.SHARE, Kind.READING) else "in both arms"
    reason = f"only {subjects} subjects could be read {where}; {rule.FEWEST} are needed"
    return Judgment(Verdict.CANNOT_SAY, reason, None, kind, subjects)
