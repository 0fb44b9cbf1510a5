"""Comparisons of the arms of a file: survival (log-rank, hazard, restricted mean, causes), and readings by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gvlab.assay.readers.survival_columns import ROW, WEIGHT
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.statistics import (
    compare_many,
    cumulative_incidence,
    gray,
    hazard_ratio,
    holm,
    kaplan_meier,
    logrank,
    restricted_mean_difference,
)
from gvlab.statistics.estimate import p_value_in_words
from gvlab.statistics.permutation import FEW_EVENTS, SMALL_GROUP, logrank_p_values

if TYPE_CHECKING:
    from collections.abc import Hashable

MOST_ARMS = 40
"""With more arms none is compared: what has so many is no experiment with arms, or its column of arms is another."""
PERMUTATION, ASYMPTOTIC = "log-rank by permutation", "log-rank, asymptotic"
ROBUST, MANTEL_BYAR = "log-rank, weighted, robust", "Mantel-Byar"
_SEED = 2018
"""Of permutations, where there are too many to count all: the same file gives the same p-value."""
_GROUPS = ("analyte", "time", "arm", "n", "median", "lower_quartile", "upper_quartile", "unit", "below", "above")


def survival_comparisons(subjects: pd.DataFrame, versus: str = "") -> dict[str, pd.DataFrame]:
    """Describe every arm, and compare each with one.

    With weights estimates are of weighted subjects, and every variance is robust; numbers of subjects and of events
    stay counts.

    Parameters
    ----------
    subjects
        Columns ``arm, duration, event_observed, entry``; `WEIGHT` where subjects have weights; `ROW` where each has
        several rows, in the arm it is in at the time.
    versus
        The arm of reference; the first where empty.

    Returns
    -------
    ``comparisons`` (where there are two to `MOST_ARMS` arms): n and events of both, hazard ratio, log-rank p with
    Holm's correction and how it was computed (`PERMUTATION`, `ASYMPTOTIC`, `ROBUST` or `MANTEL_BYAR`),
    difference of restricted means in days;
    ``medians``; ``curves``: at risk, events, censored, survival; where causes are named ``causes``: of each the
    incidence in each arm at the end of follow-up, and Gray's test.

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
        curve = kaplan_meier(rows["duration"], rows["event_observed"], rows["entry"], **weights_of(rows))
        middle = curve.median()
        medians.append(
            {
                "arm": arm,
                "n": counted(rows),
                **({} if curve.effective_size is None else {"effective_n": curve.effective_size}),
                "events": int(rows["event_observed"].sum()),
                "median_days": middle.value,
                "lower": middle.lower,
                "upper": middle.upper,
            }
        )
        curves.append(curve.table.assign(arm=arm))
    tables = {"medians": pd.DataFrame(medians), "curves": pd.concat(curves, ignore_index=True)}
    if "cause" in subjects and subjects.loc[subjects["event_observed"].astype(bool), "cause"].astype(bool).any():
        tables["causes"] = causes_of(subjects)
    others = [arm for arm in arms if arm != reference]
    if others and len(arms) <= MOST_ARMS:
        found = pd.DataFrame([_pair(subjects, arm, reference) for arm in others])
        found["p_holm"] = holm(found["p_value"].to_numpy())
        tables = {"comparisons": found, **tables}
    return tables


def weights_of(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the weights of rows, and whose each row is, as arguments of an estimate; nothing without weights.

    Without weights several rows of a subject need no names: at any time one of them is at risk.
    """
    if WEIGHT not in rows:
        return {}
    return {"weights": rows[WEIGHT], "subject": rows["subject"] if ROW in rows else None}


def counted(rows: pd.DataFrame) -> int:
    """Return how many subjects rows are of."""
    return int(rows["subject"].nunique()) if ROW in rows else len(rows)


def _pair(subjects: pd.DataFrame, arm: str, reference: str) -> dict[str, object]:
    both = subjects[subjects["arm"].isin([arm, reference])]
    a, b = (both[both["arm"] == name] for name in (arm, reference))
    p_value, test = _logrank(a, b)
    try:
        ratio = hazard_ratio(
            both["duration"], both["event_observed"], both["arm"], of=arm, versus=reference, entry=both["entry"],
            **weights_of(both),
        ).estimate  # fmt: skip
        hazards = (ratio.value, ratio.lower, ratio.upper)
    except InvalidValueError:
        hazards = (np.nan, np.nan, np.nan)  # no event while both were at risk
    means = _restricted_means(a, b)
    return {
        "arm": arm,
        "versus": reference,
        "n": counted(a),
        "n_versus": counted(b),
        "events": int(a["event_observed"].sum()),
        "events_versus": int(b["event_observed"].sum()),
        "hazard_ratio": hazards[0],
        "hr_lower": hazards[1],
        "hr_upper": hazards[2],
        "rmst_difference_days": means[0],
        "rmst_lower": means[1],
        "rmst_upper": means[2],
        "p_value": p_value,
        "test": test,
    }


def _restricted_means(a: pd.DataFrame, b: pd.DataFrame) -> tuple[float, float, float]:
    """Return the difference of restricted means with its limits; NaN where a subject is in both arms, or none is."""
    if _change_arms(a, b):
        return np.nan, np.nan, np.nan
    pairs: dict[str, Any] = {"entry": (a["entry"], b["entry"])}
    if WEIGHT in a:
        of_a, of_b = weights_of(a), weights_of(b)
        pairs["weights"] = (of_a["weights"], of_b["weights"])
        if ROW in a:
            pairs["subject"] = (of_a["subject"], of_b["subject"])
    try:
        mean = restricted_mean_difference(
            a["duration"], a["event_observed"], b["duration"], b["event_observed"], **pairs
        )
    except InvalidValueError:
        return np.nan, np.nan, np.nan
    return mean.value, mean.lower, mean.upper


def _change_arms(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    return ROW in a and bool(set(a["subject"]) & set(b["subject"]))


def _logrank(a: pd.DataFrame, b: pd.DataFrame) -> tuple[float, str]:
    """Return the log-rank p of two arms: by permutation of the labels where arms are small or events are few.

    Under delayed entry labels cannot be exchanged, since who was at risk when depends on the arm; nor can they where
    subjects change arms, or have weights.
    """
    both = pd.concat([a, b], ignore_index=True)
    if WEIGHT in both or ROW in both:
        p_value = logrank(
            both["duration"], both["event_observed"], both["arm"], both["entry"], **weights_of(both)
        ).p_value
        return p_value, ROBUST if WEIGHT in both else MANTEL_BYAR if _change_arms(a, b) else ASYMPTOTIC
    small = min(len(a), len(b)) <= SMALL_GROUP or int(both["event_observed"].sum()) < FEW_EVENTS
    if not small or (both["entry"] > 0).any():
        return logrank(both["duration"], both["event_observed"], both["arm"], both["entry"]).p_value, ASYMPTOTIC
    # Days such as 0.1 + 0.2 and 0.3 are one day.
    times = np.round(both["duration"].to_numpy(dtype=np.float64), 9)[None, :]
    events = both["event_observed"].to_numpy(dtype=bool)[None, :]
    return float(logrank_p_values(times, events, len(a), np.random.default_rng(_SEED))[0]), PERMUTATION


def test_in_words(row: Mapping[Hashable, object], several: bool) -> str:
    """Return a comparison's p-value, how it was computed where by permutation, and Holm's where there are several."""
    p_value, p_holm = float(str(row["p_value"])), float(str(row["p_holm"]))
    how = {PERMUTATION: " (permutation)", ROBUST: " (weighted, robust)", MANTEL_BYAR: " (Mantel-Byar)"}.get(
        str(row["test"]), ""
    )
    corrected = f", Holm {p_value_in_words(p_holm)}" if several else ""
    return f"{p_value_in_words(p_value)}{how}{corrected}"


@dataclass(frozen=True)
class NumberedCauses:
    """Causes of events by number, as statistics want them.

    Attributes
    ----------
    number
        Of each subject: 0 where it is censored.
    names
        Of each number from 1; "unknown" where an event has no cause.
    """

    number: pd.Series[int]
    names: Mapping[int, str]


def numbered_causes(subjects: pd.DataFrame) -> NumberedCauses:
    """Return the causes of subjects (columns ``event_observed, cause``) by number."""
    happened = subjects["event_observed"].astype(bool)
    cause = subjects["cause"].where(happened, "").where(~(happened & (subjects["cause"] == "")), "unknown")
    names = [name for name in dict.fromkeys(cause) if name]
    number = cause.map({name: code for code, name in enumerate(names, 1)}).fillna(0).astype(int)
    return NumberedCauses(number, dict(enumerate(names, 1)))


def causes_of(subjects: pd.DataFrame) -> pd.DataFrame:
    """Return the cumulative incidence of each cause in each arm, the others competing, and Gray's test between arms."""
    found = numbered_causes(subjects)
    number, by_number = found.number, dict(found.names)
    arms = list(dict.fromkeys(subjects["arm"]))
    entered = (subjects["entry"] > 0).any()
    rows = []
    for code, name in by_number.items():
        p_value = np.nan
        # Gray's test has no robust variance and no late entry here.
        if 1 < len(arms) <= MOST_ARMS and not entered and WEIGHT not in subjects:
            p_value = gray(subjects["duration"], number, subjects["arm"], of_interest=code).p_value
        for arm in arms:
            here = (subjects["arm"] == arm).to_numpy()
            curves = cumulative_incidence(
                subjects["duration"][here], number[here], by_number, subjects["entry"][here] if entered else None,
                **weights_of(subjects[here]),
            ).of(name)  # fmt: skip
            last = curves.iloc[-1]
            rows.append(
                (name, arm, counted(subjects[here]), int((number[here] == code).sum()), float(last["time"]),
                 float(last["incidence"]), float(last["lower"]), float(last["upper"]), p_value)
            )  # fmt: skip
    columns = ["cause", "arm", "n", "events", "day", "incidence", "lower", "upper", "p_gray"]
    return pd.DataFrame(rows, columns=columns)


def summarize(readings: pd.DataFrame) -> pd.DataFrame:
    """Summarize readings by analyte, time and arm: n, median, quartiles, how many are beyond the limits.

    Where a quartile falls on readings beyond a limit that is not named, it is missing.
    """
    rows = []
    for (analyte, time, arm), group in readings.groupby(["analyte", "time", "arm"], sort=False, dropna=False):
        with np.errstate(invalid="ignore"):
            low, median, high = np.quantile(ranked_values(group), [0.25, 0.5, 0.75], method="linear")
        quartiles = [value if np.isfinite(value) else np.nan for value in (median, low, high)]
        beyond = int(group["below_lloq"].sum()), int(group["above_uloq"].sum())
        rows.append((analyte, time, arm, len(group), *quartiles, group["unit"].iloc[0], *beyond))
    return pd.DataFrame(rows, columns=list(_GROUPS))


def ranked_values(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return readings with those beyond a limit that is not named below or above every other."""
    values = rows["value"].to_numpy(dtype=np.float64).copy()
    unnamed = np.isnan(values)
    values[unnamed & rows["below_lloq"].to_numpy(dtype=bool)] = -np.inf
    values[unnamed & rows["above_uloq"].to_numpy(dtype=bool)] = np.inf
    return values


def reading_comparisons(readings: pd.DataFrame, versus: str = "") -> pd.DataFrame | None:
    """Compare the arms of readings on each day: Mann-Whitney with Holm's correction, one value a subject.

    Parameters
    ----------
    readings
        Columns ``subject, arm, time, analyte, value, below_lloq, above_uloq``.
    versus
        The arm of reference; the first where empty.

    Returns
    -------
    Columns of `gvlab.statistics.compare_many`, analyte and day; None where no two arms have two readings.
    """
    frames = []
    for (analyte, _), rows in readings.groupby(["analyte", "time"], sort=False, dropna=False):
        finite = rows.assign(value=_finite(ranked_values(rows)))
        arms = {str(arm): part["value"].to_numpy() for arm, part in finite.groupby("arm", sort=False) if len(part) > 1}
        if not 1 < len(arms) <= MOST_ARMS:
            continue
        reference = versus if versus in arms else next(iter(arms))
        table = compare_many(arms, versus=reference).table
        frames.append(table.assign(analyte=str(analyte), day=rows["time"].iloc[0]))
    return pd.concat(frames, ignore_index=True) if frames else None


def _finite(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return values with what is beyond every other put just beyond, for tests that only see ranks."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    step = max(high - low, abs(high), 1.0) * 1e-6
    return np.clip(np.nan_to_num(values, nan=np.nan, neginf=low - step, posinf=high + step), low - step, high + step)
