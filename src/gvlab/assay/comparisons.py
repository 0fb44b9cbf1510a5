"""Comparisons of the arms of a survival table: log-rank, hazard ratio, restricted mean, medians, numbers at risk."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.statistics import hazard_ratio, holm, kaplan_meier, logrank, restricted_mean_difference


def survival_comparisons(subjects: pd.DataFrame, versus: str = "") -> dict[str, pd.DataFrame]:
    """Describe every arm, and compare each with one.

    Parameters
    ----------
    subjects
        Columns ``arm, duration, event_observed, entry``.
    versus
        The arm of reference; the first where empty.

    Returns
    -------
    ``comparisons`` (where there are two arms or more): n and events of both, hazard ratio, log-rank p with Holm's
    correction, difference of restricted means in days; ``medians``; ``curves``: at risk, events, censored, survival.

    Raises
    ------
    UnknownNameError
        If there is no arm of that name.
    """
    arms = list(dict.fromkeys(subjects["arm"]))
    reference = versus or arms[0]
    if reference not in arms:
        raise UnknownNameError("arm", reference, arms)
    curves, medians = [], []
    for arm in arms:
        rows = subjects[subjects["arm"] == arm]
        curve = kaplan_meier(rows["duration"], rows["event_observed"], rows["entry"])
        middle = curve.median()
        medians.append(
            {
                "arm": arm,
                "n": len(rows),
                "events": int(rows["event_observed"].sum()),
                "median_days": middle.value,
                "lower": middle.lower,
                "upper": middle.upper,
            }
        )
        curves.append(curve.table.assign(arm=arm))
    tables = {"medians": pd.DataFrame(medians), "curves": pd.concat(curves, ignore_index=True)}
    others = [arm for arm in arms if arm != reference]
    if others:
        found = pd.DataFrame([_pair(subjects, arm, reference) for arm in others])
        found["p_holm"] = holm(found["p_value"].to_numpy())
        tables = {"comparisons": found, **tables}
    return tables


def _pair(subjects: pd.DataFrame, arm: str, reference: str) -> dict[str, object]:
    both = subjects[subjects["arm"].isin([arm, reference])]
    a, b = (both[both["arm"] == name] for name in (arm, reference))
    test = logrank(both["duration"], both["event_observed"], both["arm"], both["entry"])
    try:
        ratio = hazard_ratio(
            both["duration"], both["event_observed"], both["arm"], of=arm, versus=reference, entry=both["entry"]
        ).estimate
        hazards = (ratio.value, ratio.lower, ratio.upper)
    except InvalidValueError:
        hazards = (np.nan, np.nan, np.nan)  # no event while both were at risk
    try:
        mean = restricted_mean_difference(a["duration"], a["event_observed"], b["duration"], b["event_observed"])
        means = (mean.value, mean.lower, mean.upper)
    except InvalidValueError:
        means = (np.nan, np.nan, np.nan)
    return {
        "arm": arm,
        "versus": reference,
        "n": len(a),
        "n_versus": len(b),
        "events": int(a["event_observed"].sum()),
        "events_versus": int(b["event_observed"].sum()),
        "hazard_ratio": hazards[0],
        "hr_lower": hazards[1],
        "hr_upper": hazards[2],
        "rmst_difference_days": means[0],
        "rmst_lower": means[1],
        "rmst_upper": means[2],
        "p_value": test.p_value,
    }
