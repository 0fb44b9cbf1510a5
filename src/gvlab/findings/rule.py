"""The rule by which every comparison is judged, and what its verdicts mean.

One rule, over arrays with one entry a parameter set: the single run is an array of one. An effect that is estimated
from drawn subjects has an interval; one that is an expectation, as over an ensemble of sets, has none, and the limits
are then the effect itself. Nothing here knows what is compared, or how it was simulated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gvlab.arrays import Array, Bool, Float, FloatArray, Int
from gvlab.library.finding_record import Expectation, Significance

FEWEST = 5
"""Subjects that must be readable on both sides; below that a comparison says nothing, and has no interval."""

FEWEST_SHARE = 0.25
"""Share of the subjects that is enough where fewer than 20 are followed, as in each set of an ensemble."""

NEGLIGIBLE = 0.01
"""A difference of shares, or of a ratio from one, that is called no effect in words."""

ROUNDING = 1e-9
"""An effect this near to its bound has reached it: 0.9 - 0.6 is at least 0.3, whatever its last digit."""


class Verdict(StrEnum):
    """What the model says of a published statement."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    NOT = "not"
    CANNOT_SAY = "cannot say"

    @property
    def meaning(self) -> str:
        """What it stands for, in a sentence; the text of documentation, help and report."""
        return MEANINGS[self]

    @property
    def code(self) -> int:
        """Its place in arrays of verdicts, the best first."""
        return VERDICTS.index(self)


VERDICTS = tuple(Verdict)

MEANINGS: Mapping[Verdict, str] = {
    Verdict.REPRODUCED: (
        "The effect goes the published way, its 95 % interval excludes no effect, it is as large as the claim's record "
        "asks, and at the stated number of animals the test would be significant with at least the stated probability."
    ),
    Verdict.PARTLY: (
        "The effect goes the published way and its interval excludes no effect, but it is smaller than asked, or "
        "an experiment of that size would miss it too often."
    ),
    Verdict.NOT: "Anything else that could be read: the other way, or an interval that includes no effect.",
    Verdict.CANNOT_SAY: (
        "The model lacks a part (the record says which), or too few subjects could be read in an arm."
    ),
}
"""What each verdict means."""

MEANING_OF_SEVERAL = (
    "A claim of several comparisons (arms, systems) is reproduced when every one is, partly when at least half of them "
    "are reproduced or partly so, and otherwise not. Comparisons that could not be read count against it, unless none "
    "could."
)
"""How verdicts on comparisons become one on the claim."""


class Kind(StrEnum):
    """What an effect is."""

    DIFFERENCE = "difference"
    RATIO = "ratio"
    SHARE = "share"
    READING = "reading"

    @property
    def nothing(self) -> float:
        """The effect of no effect."""
        return {Kind.DIFFERENCE: 0.0, Kind.RATIO: 1.0}.get(self, math.nan)

    @property
    def in_doublings(self) -> bool:
        """Whether two effects are compared by their ratio."""
        return self in (Kind.RATIO, Kind.READING)


@dataclass(frozen=True, eq=False)
class Effects:
    """What was measured of one comparison, in each parameter set.

    Attributes
    ----------
    kind
        A difference of shares, a ratio of medians, or the share or the median reading of one arm.
    value
        NaN where it could not be read.
    lower, upper
        Of its 95 % interval; the value itself where it is an expectation; NaN where too few could be read.
    power
        Probability of significance at the stated number of animals; None where no test is stated.
    """

    kind: Kind
    value: Float[Array, "set"]
    lower: Float[Array, "set"]
    upper: Float[Array, "set"]
    power: Float[Array, "set"] | None = None

    @classmethod
    def expected(cls, kind: Kind, value: Float[Array, "set"], power: Float[Array, "set"] | None = None) -> Effects:
        """Return effects that are expectations and have no interval."""
        return cls(kind, value, value, value, power)


@dataclass(frozen=True, eq=False)
class Judgments:
    """What the rule says of one comparison, in each parameter set.

    Attributes
    ----------
    effects, expect, significance
        What was measured, and what is asked.
    margin
        By how much the effect is beyond the bound that is asked; below zero it is not. In units of shares, or of a
        doubling for ratios and readings. NaN where nothing could be read.
    codes
        Places of the verdicts in `VERDICTS`.
    """

    effects: Effects
    expect: Expectation
    significance: Significance | None
    margin: Float[Array, "set"]
    codes: Int[Array, "set"]

    def verdict(self, place: int = 0) -> Verdict:
        """Return the verdict of a set."""
        return VERDICTS[int(self.codes[place])]

    def reason(self, place: int = 0) -> str:
        """Return why a set has this verdict, in a sentence."""
        verdict = self.verdict(place)
        if verdict is Verdict.CANNOT_SAY:
            return "it could not be read"
        if self.expect.bounds is not None:
            return _reason_of_bounds(verdict, *self.expect.bounds)
        if self.expect.direction in ("above", "below"):
            side = f"{'at least' if self.expect.direction == 'above' else 'at most'} {_least(self.expect):g}"
            what = self.effects.kind
            return {
                Verdict.REPRODUCED: f"the whole interval is {side}",
                Verdict.PARTLY: f"the {what} is {side}, its interval is not",
            }.get(verdict, f"the {what} is not {side}")
        return self._reason_of_direction(place)

    def _reason_of_direction(self, place: int) -> str:
        effects, verdict, nothing = self.effects, self.verdict(place), self.effects.kind.nothing
        if verdict is Verdict.NOT:
            up = self.expect.direction == "up"
            wrong = effects.upper[place] < nothing if up else effects.lower[place] > nothing
            if wrong and abs(effects.value[place] - nothing) < NEGLIGIBLE:
                return "there is no effect"
            return "the effect goes the other way" if wrong else "the interval includes no effect"
        if not reached(self.margin)[place]:
            return f"the direction is right, the effect is smaller than {_threshold(effects.kind, self.expect):.3g}"
        if self.significance is None or effects.power is None:
            return "direction and size are as asked"
        if verdict is Verdict.REPRODUCED:
            return "direction, size and probability of significance are as asked"
        asked = self.significance
        return (
            f"direction and size are right, but {asked.n} per arm would be significant in "
            f"{100 * effects.power[place]:.0f} % of experiments; {100 * asked.probability:.0f} % are asked for"
        )


def judge(effects: Effects, expect: Expectation, significance: Significance | None = None) -> Judgments:
    """Judge one comparison in every parameter set.

    `up` and `down`: the interval must exclude no effect; then size and probability of significance decide between
    reproduced and partly. `unchanged`, `above` and `below`: reproduced when the whole interval is within the bounds,
    partly when only the effect is.
    """
    margin = margins(effects.kind, effects.value, expect)
    if expect.direction in ("up", "down"):
        nothing = effects.kind.nothing
        right = effects.lower > nothing if expect.direction == "up" else effects.upper < nothing
        whole = right & reached(margin) & powerful(effects.power, significance)
    else:
        whole = reached(margins(effects.kind, effects.lower, expect))
        whole &= reached(margins(effects.kind, effects.upper, expect))
        right = reached(margin)
    codes = np.where(whole, Verdict.REPRODUCED.code, np.where(right, Verdict.PARTLY.code, Verdict.NOT.code))
    unread = np.isnan(effects.value) | np.isnan(effects.lower) | np.isnan(effects.upper)
    return Judgments(effects, expect, significance, margin, np.where(unread, Verdict.CANNOT_SAY.code, codes))


def combine(codes: Int[Array, "set comparison"]) -> Int[Array, "set"]:
    """Return the verdict of several comparisons: all reproduced, at least half of them partly, or not."""
    unread = (codes == Verdict.CANNOT_SAY.code).all(axis=1)
    whole = (codes == Verdict.REPRODUCED.code).all(axis=1)
    favorable = ((codes == Verdict.REPRODUCED.code) | (codes == Verdict.PARTLY.code)).sum(axis=1)
    some = 2 * favorable >= codes.shape[1]
    found = np.where(whole, Verdict.REPRODUCED.code, np.where(some, Verdict.PARTLY.code, Verdict.NOT.code))
    return np.where(unread, Verdict.CANNOT_SAY.code, found)


def combined(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict of several comparisons in one set."""
    codes = np.array([[verdict.code for verdict in verdicts]], dtype=np.int64)
    return VERDICTS[int(combine(codes)[0])]


def margins(kind: Kind, effect: Float[Array, "*axes"], expect: Expectation) -> Float[Array, "*axes"]:
    """Return by how much effects are beyond the bound that is asked, in shares or in doublings; NaN stays NaN."""
    scale: Callable[[FloatArray], FloatArray] = _doublings if kind.in_doublings else np.asarray
    at = scale(effect)
    if expect.bounds is not None:
        low, high = scale(np.array(expect.bounds))
        return np.asarray(np.minimum(at - low, high - at))
    least = float(scale(np.array(_least(expect))))
    if expect.direction == "down":
        return -at - least
    return least - at if expect.direction == "below" else at - least


def reached(margin: Float[Array, "*axes"]) -> Bool[Array, "*axes"]:
    """Return whether effects have reached their bound."""
    return np.asarray(margin >= -ROUNDING)


def powerful(power: Float[Array, "set"] | None, significance: Significance | None) -> Bool[Array, "set"] | bool:
    """Return whether the test is significant often enough; always where no test is stated."""
    if significance is None or power is None:
        return True
    return np.asarray(power >= significance.probability)


def fewest_readable(subjects: int) -> int:
    """Return how many of so many subjects must be readable for a comparison to say anything."""
    return min(FEWEST, math.ceil(FEWEST_SHARE * subjects))


def both_readable(arm: Float[Array, "set subject"], versus: Float[Array, "set subject"]) -> Bool[Array, "set subject"]:
    """Return which subjects could be read on both sides."""
    return np.isfinite(arm) & np.isfinite(versus)


def medians(readings: Float[Array, "set subject"], seen: Bool[Array, "set subject"]) -> Float[Array, "set"]:
    """Return the median reading of those who could be read; NaN where they are too few."""
    enough = seen.sum(axis=1) >= fewest_readable(readings.shape[1])
    # A set in which too few can be read is filled, so that the median of nothing is never asked for.
    filled = np.where(enough[:, None], np.where(seen, readings, np.nan), 0.0)
    return np.where(enough, np.nanmedian(filled, axis=1), np.nan)


def ratios(arm: Float[Array, "set subject"], versus: Float[Array, "set subject"]) -> Float[Array, "set"]:
    """Return the ratio of medians over the subjects who could be read on both sides.

    NaN where they are too few, or where a reading is zero or less: folds are of positive numbers.
    """
    seen = both_readable(arm, versus)
    positive = ~(seen & ~((arm > 0) & (versus > 0))).any(axis=1)
    return np.where(positive, medians(arm, seen) / np.where(positive, medians(versus, seen), 1.0), np.nan)


def _doublings(values: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log2(np.maximum(values, 0.0)))


def _least(expect: Expectation) -> float:
    if expect.at_least is None:
        raise AssertionError("the schema asks for at_least wherever there are no bounds")
    return expect.at_least


def _threshold(kind: Kind, expect: Expectation) -> float:
    """Return the least effect that counts, in its own unit."""
    least = _least(expect)
    if expect.direction == "up":
        return least
    return 1 / least if kind is Kind.RATIO else -least


def _reason_of_bounds(verdict: Verdict, low: float, high: float) -> str:
    within = f"{low:g} to {high:g}"
    return {
        Verdict.REPRODUCED: f"the interval lies within {within}",
        Verdict.PARTLY: f"the effect lies within {within}, its interval does not",
    }.get(verdict, f"the effect lies outside {within}")
