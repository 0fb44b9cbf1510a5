"""Survival tables in which subjects change while they are followed: the landmark, and the Mantel-Byar test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gvlab.assay.readers.survival_columns import CHANGES_AT, WEIGHT
from gvlab.errors import InvalidValueError
from gvlab.statistics import hazard_ratio, landmark, mantel_byar, start_stop


def from_landmark(subjects: pd.DataFrame, day: float, change: str = "") -> tuple[pd.DataFrame, str]:
    """Return those followed and event-free beyond a day, their clock beginning there, and a sentence on the others.

    Parameters
    ----------
    subjects
        Columns ``arm, duration, event_observed, entry``, and `CHANGES_AT` where there is a change.
    day
        The landmark.
    change
        What the change is called; arms are then divided by whether it had come by the landmark.

    Raises
    ------
    InvalidValueError
        If nobody is left, or a change is negative or later than the subject was followed.
    """
    times = subjects[CHANGES_AT] if change else None
    begun = landmark(subjects["duration"], subjects["event_observed"], day, times)
    kept = subjects[begun.kept].copy()
    kept["duration"] = begun.duration
    kept["entry"] = np.maximum(kept["entry"] - day, 0.0)
    if begun.changed is not None:
        by_then = np.where(begun.changed, f"{change} by day {day:g}", f"no {change} by day {day:g}")
        several = kept["arm"].nunique() > 1
        kept["arm"] = [f"{arm}, {text}" if several else text for arm, text in zip(kept["arm"], by_then, strict=True)]
    left = subjects[~begun.kept]
    events = int(left["event_observed"].sum())
    told = (
        f"The clock begins on day {day:g}, for the {len(kept)} of {len(subjects)} subjects then followed without an "
        f"event; left out are {events} with an event until then and {len(left) - events} not followed beyond it."
    )
    return kept.drop(columns=CHANGES_AT, errors="ignore").reset_index(drop=True), told


def change_test(subjects: pd.DataFrame, change: str) -> pd.DataFrame:
    """Return one row: the hazard after a change against before it or without it, all arms together.

    Until its change a subject counts as unchanged, so that nobody must live to the change to be counted there.

    Parameters
    ----------
    subjects
        Columns ``duration, event_observed, entry`` and `CHANGES_AT`, and `WEIGHT` where subjects have weights; then
        test and interval are robust.
    change
        What the change is called.

    Returns
    -------
    ``change, n, changed, events_after, events_before, hazard_ratio, hr_lower, hr_upper, statistic, p_value``; the
    hazard ratio is NaN where one state has no event.

    Raises
    ------
    InvalidValueError
        If nobody changes while followed, a change is negative or later than the subject was followed, or subjects enter
        late.
    """
    if (subjects["entry"] > 0).any():
        raise InvalidValueError("Subjects who enter late and change are not tested here; give the times from entry.")
    times, events, changes = (subjects[name] for name in ("duration", "event_observed", CHANGES_AT))
    weights = subjects[WEIGHT].to_numpy() if WEIGHT in subjects else None
    test = mantel_byar(times, events, changes, weights=weights)
    rows = start_stop(times, events, changes)
    after = rows["changed"] == 1
    robust: dict[str, Any] = (
        {} if weights is None else {"weights": weights[rows["subject"]], "subject": rows["subject"]}
    )
    try:
        ratio = hazard_ratio(
            rows["stop"], rows["event_observed"], rows["changed"], of="1", versus="0", entry=rows["start"], **robust
        ).estimate
        ratios = (ratio.value, ratio.lower, ratio.upper)
    except InvalidValueError:
        ratios = (np.nan, np.nan, np.nan)  # no event in one of the states
    found = {
        "change": change,
        "n": len(subjects),
        "changed": int(rows.loc[after, "subject"].nunique()),
        "events_after": int(rows.loc[after, "event_observed"].sum()),
        "events_before": int(rows.loc[~after, "event_observed"].sum()),
        **dict(zip(("hazard_ratio", "hr_lower", "hr_upper"), ratios, strict=True)),
        "statistic": test.statistic,
        "p_value": test.p_value,
    }
    return pd.DataFrame([found])
