"""Whether what a plan predicted held: the animals of a laboratory, read and tested as it was registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from gvlab.errors import InvalidValueError
from gvlab.planning.draws import Draw
from gvlab.planning.planned_tests import holm_adjusted, p_values
from gvlab.planning.power import ROUNDING
from gvlab.planning.predictions import PredictedValue, measure, value_in_words
from gvlab.planning.registration import RegisteredEndpoint, Registration, test_in_words
from gvlab.statistics.estimate import p_value_in_words

Verdict = Literal["held", "did not hold", "cannot be judged"]

_DRAWS = 99_999
"""Permutations of one experiment, where not all are counted."""


@dataclass(frozen=True)
class JudgedPrediction:
    """A prediction beside what was seen.

    Attributes
    ----------
    predicted
        In words.
    observed
        The value; the p-value of a test, adjusted where several share a level; NaN where nothing can be said.
    verdict, why
        Whether it held, and what that rests on.
    """

    predicted: str
    observed: float
    verdict: Verdict
    why: str

    def in_words(self) -> str:
        """Return the verdict first."""
        return f"{self.verdict.capitalize()}: {self.predicted} {self.why}"


@dataclass(frozen=True)
class JudgedPlan:
    """What a registered plan predicted, and what of it held.

    Attributes
    ----------
    plan
        As it was registered.
    judged
        Every prediction.
    deviations
        Where the study was not the one that was registered.
    """

    plan: Registration
    judged: tuple[JudgedPrediction, ...]
    deviations: tuple[str, ...]

    def count(self, verdict: Verdict) -> int:
        """Return how many predictions have a verdict."""
        return sum(each.verdict == verdict for each in self.judged)

    @property
    def summary(self) -> str:
        """How many held, did not, and cannot be judged."""
        text = f"{self.count('held')} of {len(self.judged)} registered predictions held"
        missed, open_ = self.count("did not hold"), self.count("cannot be judged")
        return text + (f", {missed} did not" if missed else "") + (f", {open_} cannot be judged" if open_ else "") + "."

    def table(self) -> pd.DataFrame:
        """Return one row a prediction: predicted, observed, verdict, why."""
        return pd.DataFrame(
            [(each.predicted, each.observed, each.verdict, each.why) for each in self.judged],
            columns=["predicted", "observed", "verdict", "why"],
        )


def judge(plan: Registration, outcome: Mapping[str, Draw]) -> JudgedPlan:
    """Return which predictions of a registered plan held.

    Parameters
    ----------
    plan
        As it was registered.
    outcome
        By arm of the plan: the animals of the study, as one experiment.
    """
    open_ended = _followed_too_short(plan.endpoint, outcome)
    judged = [_judged(plan, each, outcome, open_ended) for each in plan.predictions]
    judged += _judged_tests(plan, outcome, open_ended)
    deviations = []
    for arm in plan.compared_arms():
        n, planned = outcome[arm].value.shape[1], plan.animals[arm]
        if n != planned:
            deviations.append(
                f"{arm}: {n} animals in the data, {planned} were registered. Its intervals are those of {planned} "
                "animals that start the study; leave nobody out of the file who was lost."
            )
    return JudgedPlan(plan, tuple(judged), tuple(deviations))


def survival_outcome(rows: pd.DataFrame, arms: Mapping[str, str], until: float) -> dict[str, Draw]:
    """Return survival data as one experiment, by arm of the plan, followed to its last day.

    Parameters
    ----------
    rows
        ``arm, duration, event_observed, entry``.
    arms
        By arm of the data: the arm of the plan.
    until
        Last day of the plan.

    Raises
    ------
    InvalidValueError
        If animals entered late: a plan draws animals that are followed from day 0.
    """
    if (rows["entry"] > 0).any():
        raise InvalidValueError(
            f"{int((rows['entry'] > 0).sum())} animals entered after day 0; a registered plan is of animals that are "
            "followed from day 0. Compare them with gvlab compare EXPERIMENT."
        )
    found = {}
    for mine, theirs in arms.items():
        own = rows[rows["arm"].astype(str) == mine]
        duration = own["duration"].to_numpy(dtype=np.float64)
        event = (own["event_observed"].to_numpy() == 1) & (duration <= until)
        none = np.full((1, len(own)), np.nan)
        found[theirs] = Draw(np.minimum(duration, until)[None, :], event[None, :], none)
    return found


def reading_outcome(rows: pd.DataFrame, arms: Mapping[str, str], endpoint: RegisteredEndpoint) -> dict[str, Draw]:
    """Return the readings of the planned day as one experiment, by arm of the plan.

    Parameters
    ----------
    rows
        ``subject, arm, time, value`` of the planned analyte, in the unit of the plan.
    arms
        By arm of the data: the arm of the plan.
    endpoint
        What is read, and when.

    Raises
    ------
    InvalidValueError
        If an arm is not read on that day, an animal is read twice, or a counted share is not 0 or 1.
    """
    day = endpoint.day or 0.0
    on_day = rows[np.isclose(rows["time"].to_numpy(dtype=np.float64), day)]
    found = {}
    for mine, theirs in arms.items():
        own = on_day[on_day["arm"].astype(str) == mine]
        if own.empty:
            days = sorted({float(each) for each in rows.loc[rows["arm"].astype(str) == mine, "time"]})
            raise InvalidValueError(
                f'The plan reads {endpoint.title} on day {day:g}, and "{mine}" is read on day '
                f"{', '.join(f'{each:g}' for each in days) or 'none'}. Add the readings of that day."
            )
        twice = own["subject"][own["subject"].duplicated()]
        if len(twice):
            raise InvalidValueError(
                f'Animal "{twice.iloc[0]}" of "{mine}" is read twice on day {day:g}. Give one reading of an animal.'
            )
        values = own["value"].to_numpy(dtype=np.float64)
        if np.isnan(values).any():
            raise InvalidValueError(
                f'{int(np.isnan(values).sum())} readings of "{mine}" lie beyond a limit that the file does not name. '
                'Write the limit, such as "<7.8": a reading that is left out would change the test.'
            )
        if endpoint.counted and not np.isin(values, (0.0, 1.0)).all():
            wrong = values[~np.isin(values, (0.0, 1.0))][0]
            raise InvalidValueError(
                f'"{mine}" holds {wrong:g}; {endpoint.title} is counted: write 1 for an animal with it, else 0.'
            )
        found[theirs] = Draw(np.full((1, len(own)), day), np.zeros((1, len(own)), dtype=bool), values[None, :])
    return found


def _followed_too_short(endpoint: RegisteredEndpoint, outcome: Mapping[str, Draw]) -> dict[str, str]:
    """Return, by arm, why its end is not known: whoever is left was not followed to the last day."""
    if endpoint.day is not None:
        return {}
    found = {}
    for arm, draw in outcome.items():
        last = float(draw.duration.max())
        left = draw.duration[0] == last
        if last < endpoint.follow_up and not draw.event[0][left].any():
            found[arm] = f"{arm} is followed to day {last:g}, and the plan to day {endpoint.follow_up:g}."
    return found


def _judged(
    plan: Registration, prediction: PredictedValue, outcome: Mapping[str, Draw], open_ended: Mapping[str, str]
) -> JudgedPrediction:
    words = f"{plan.in_brief(prediction)}."
    for arm in (prediction.arm, prediction.versus):
        if arm in open_ended:
            return JudgedPrediction(words, float("nan"), "cannot be judged", open_ended[arm])
    value = float(measure(prediction.quantity, outcome, prediction.arm, prediction.versus, plan.endpoint.follow_up)[0])
    low, high = prediction.interval
    # A value is computed once for the plan and once for the data, so its last digits may differ.
    slack = 1e-9 * max(1.0, abs(low), abs(high))
    inside = low - slack <= value <= high + slack
    seen = value_in_words(prediction.quantity, value, plan.endpoint.unit)
    return JudgedPrediction(words, value, "held" if inside else "did not hold", f"Observed: {seen}.")


def _judged_tests(
    plan: Registration, outcome: Mapping[str, Draw], open_ended: Mapping[str, str]
) -> list[JudgedPrediction]:
    if plan.cages != "ignored":
        how = "the arms permuted within each cage" if plan.cages == "stratum" else "the means of whole cages compared"
        why = (
            "The plan tests by cage, and a file of readings or survival names no cages that are read; its other "
            f"numbers are judged. Make the test yourself, {how}: who shared a cage stands in randomization.csv of the "
            "plan."
        )
        return [
            JudgedPrediction(test_in_words(each) + ".", float("nan"), "cannot be judged", why) for each in plan.tests
        ]
    comparisons = plan.compared()
    rng = np.random.default_rng([plan.seed, 2])
    level, look, early, ended = plan.alpha, plan.interim, "", False
    if look is not None:
        level = look.last
        if look.day is not None:
            seen = {arm: draw.until(look.day) for arm, draw in outcome.items()}
            first = float(p_values(seen, comparisons, rng, draws=_DRAWS)[0, 0])
            ended = first <= look.first + ROUNDING
            early = f" At the look on day {look.day:g}: {p_value_in_words(first)}, level {look.first:.3g}."
        else:
            early = " Which animals the interim look was of, a file does not tell; the last look is judged."
    adjusted = holm_adjusted(p_values(outcome, comparisons, rng, draws=_DRAWS))[0]
    found = []
    for test, p_value in zip(plan.tests, adjusted, strict=True):
        words, significant = test_in_words(test) + ".", ended or p_value <= level + ROUNDING
        seen_p = p_value_in_words(float(p_value))
        short = [open_ended[arm] for arm in (test.arm, test.versus) if arm in open_ended]
        # A look that was not planned would be one more chance to find something.
        if short and not ended:
            found.append(JudgedPrediction(words, float(p_value), "cannot be judged", f"{seen_p} so far. {short[0]}"))
            continue
        verdict: Verdict = "held" if significant == test.significant else "did not hold"
        found.append(JudgedPrediction(words, float(p_value), verdict, f"Observed: {seen_p}, level {level:.3g}.{early}"))
    return found
