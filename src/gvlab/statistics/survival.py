"""Kaplan-Meier survival and restricted mean survival time.

The estimators are a few lines over one table of risk sets, which late entry, the log-rank test and competing risks
share. lifelines, against which they are tested, counts a subject as at risk at the very time of its entry; here, as in
R, it is at risk after it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gvlab.arrays import Array, Float, Int
from gvlab.errors import InvalidValueError
from gvlab.lazy import LazyModule
from gvlab.statistics.estimate import Estimate, normal_quantile
from gvlab.statistics.inputs import SAME_TIME, FloatArray, IntArray, count_at_risk, event_times, risk_table
from gvlab.statistics.weights import (
    checked_weights,
    effective_size,
    subject_numbers,
    weighted_risk,
    weights_of_subjects,
)

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")


@dataclass(frozen=True)
class SurvivalCurve:
    """A Kaplan-Meier estimate.

    Attributes
    ----------
    columns
        By name, of one length, one entry a distinct time, the first at 0: ``time, at_risk, events, censored, survival,
        lower, upper``. `at_risk` is counted just before the time, `survival` just after it.
    n
        Subjects.
    confidence
        Coverage of the pointwise limits.
    effective_size
        How many subjects of equal weight would tell as much; None where subjects have no weights. With weights the
        columns `at_risk`, `events` and `censored` are their sums.
    """

    columns: Mapping[str, FloatArray | IntArray] = field(repr=False)
    n: int
    confidence: float
    _duration: Float[Array, "subject"] = field(repr=False)
    _entry: Float[Array, "subject"] = field(repr=False)
    effective_size: float | None = None

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """The columns as a table, one row a distinct time."""
        return pd.DataFrame(dict(self.columns))

    @property
    def events(self) -> int:
        """Events observed; with weights, their sum rounded."""
        return round(float(self.columns["events"].sum()))

    def at(self, time: float) -> Estimate:
        """Return the probability of being event-free beyond `time`, with its pointwise log-log interval.

        Raises
        ------
        InvalidValueError
            If `time` is negative, or later than the last subject was followed and the curve has not ended at 0.
        """
        if time < 0:
            raise InvalidValueError(f"Survival is asked for at time {time:g}; times are 0 or later.")
        last = float(self.columns["time"][-1])
        if time > last and self.columns["survival"][-1] > 0:
            raise InvalidValueError(
                f"Survival at time {time:g} is unknown: nobody was followed beyond {last:g}. "
                f"Ask for {last:g} or earlier."
            )
        # What happened on day 0.1 + 0.2 has happened by day 0.3.
        row = int(np.searchsorted(self.columns["time"], time * (1 + SAME_TIME), side="right")) - 1
        value, lower, upper = (float(self.columns[name][row]) for name in _LIMITS)
        return Estimate(value, lower, upper, self.confidence)

    def median(self) -> Estimate:
        """Return the median time to the event; infinite where half of the subjects have not had it (*not reached*).

        Where the curve is flat at exactly one half - usual with an even number of them - the median is the middle of
        the flat piece, as in R and GraphPad Prism. Limits are those of Brookmeyer and Crowley [1]_, log-log scale.

        References
        ----------
        .. [1] Brookmeyer & Crowley (1982) Biometrics 38:29-41.
        """
        return self.quantile(0.5)

    def quantile(self, fraction: float) -> Estimate:
        """Return the time by which `fraction` of the subjects have had the event, with its interval.

        Where everybody had the event the curve ends without an interval, so a limit that is first met there says
        nothing about the time: the lower one is then 0, open as the upper one is.
        """
        if not 0 < fraction < 1:
            raise InvalidValueError(f"A quantile of {fraction:g} was asked for; it lies between 0 and 1.")
        time = np.asarray(self.columns["time"], dtype=np.float64)
        reach = [_first_below(time, np.asarray(self.columns[c], dtype=np.float64), 1 - fraction) for c in _LIMITS]
        ended = time[self.columns["survival"] <= 0]
        lower = 0.0 if ended.size and reach[1] >= ended[0] else reach[1]
        return Estimate(reach[0], lower, reach[2], self.confidence)

    def at_risk(self, times: npt.ArrayLike) -> Int[Array, "time"]:
        """Count the subjects at risk at the start of intervals that begin at `times`."""
        asked = np.atleast_1d(np.asarray(times, dtype=np.float64))
        return count_at_risk(self._duration, self._entry, asked)


_LIMITS = ("survival", "lower", "upper")


def _first_below(time: FloatArray, curve: FloatArray, level: float) -> float:
    # Products of fractions such as 9/10 * 8/9 miss one half by rounding, hence the tolerance.
    at_level = np.abs(curve - level) <= 1e-12
    below = np.flatnonzero((curve < level) | at_level)
    if not below.size:
        return float(np.inf)
    first = int(below[0])
    if not at_level[first]:
        return float(time[first])
    beyond = np.flatnonzero((curve < level) & ~at_level)
    return float(time[first] if not beyond.size else 0.5 * (time[first] + time[beyond[0]]))


def kaplan_meier(
    duration: npt.ArrayLike,
    event_observed: npt.ArrayLike,
    entry: npt.ArrayLike | None = None,
    *,
    weights: npt.ArrayLike | None = None,
    subject: Iterable[object] | None = None,
    confidence: float = 0.95,
) -> SurvivalCurve:
    """Estimate the probability of being event-free over time [1]_.

    Limits are pointwise, Greenwood's variance on the log(-log) scale, so they stay within 0 and 1; with weights or
    several rows a subject the variance is robust (`gvlab.statistics.weights`). Before the first event both are 1.
    Where the curve has reached 0 that scale gives no limits: the lower is 0 and the upper stays where it was at the
    step before.

    Parameters
    ----------
    duration
        Time from time zero to the event or the end of observation, shape (subject,).
    event_observed
        1 (or any cause 1, 2, ...) where the event was seen, 0 where the subject is censored.
    entry
        When the subject came under observation, for late entry; 0 or None means from the start.
    weights
        How many subjects of a population each stands for; None counts every subject once.
    subject
        Whose row each is, where a subject has several (start-stop rows); None means one row a subject.
    confidence
        Coverage of the limits.

    Raises
    ------
    InvalidValueError
        If there is nobody, a time is negative or missing, or the columns differ in length.

    References
    ----------
    .. [1] Kaplan & Meier (1958) J Am Stat Assoc 53:457-481.
    """
    times, causes, entries = event_times(duration, event_observed, entry)
    z = normal_quantile(confidence)
    if weights is not None or subject is not None:
        return _robust_curve(times, np.minimum(causes, 1), entries, weights, subject, confidence)
    risk = risk_table(times, np.minimum(causes, 1), entries)
    events = risk.events[:, 0]
    survival: FloatArray = np.cumprod(1 - events / risk.at_risk).astype(np.float64)
    lower, upper = _log_log_limits(survival, _greenwood(events, risk.at_risk), z)
    columns: dict[str, FloatArray | IntArray] = {
        "time": risk.times,
        "at_risk": risk.at_risk,
        "events": events,
        "censored": risk.censored,
        "survival": survival,
        "lower": lower,
        "upper": upper,
    }
    columns = _from_the_start(columns, int(np.sum(entries == -np.inf)))
    return SurvivalCurve(columns, len(times), confidence, times, entries)


def _robust_curve(
    times: FloatArray,
    event: IntArray,
    entries: FloatArray,
    weights: npt.ArrayLike | None,
    subject: Iterable[object] | None,
    confidence: float,
) -> SurvivalCurve:
    owner = subject_numbers(subject, times, event, entries)
    w = np.ones(len(times)) if weights is None else checked_weights(weights, len(times))
    risk = weighted_risk(times, event, entries, w, owner)
    relative = np.divide(
        risk.event_free_error, risk.event_free, out=np.zeros(len(risk.times)), where=risk.event_free > 0
    )
    lower, upper = _log_log_limits(risk.event_free, relative**2, normal_quantile(confidence))
    columns: dict[str, FloatArray | IntArray] = {
        "time": risk.times,
        "at_risk": risk.at_risk,
        "events": risk.events[:, 0],
        "censored": risk.censored,
        "survival": risk.event_free,
        "lower": lower,
        "upper": upper,
    }
    n = int(owner.max()) + 1
    worth = effective_size(weights_of_subjects(w, owner))
    columns = _from_the_start(columns, float(w[entries == -np.inf].sum()))
    return SurvivalCurve(columns, n, confidence, times, entries, worth)


def _from_the_start(columns: dict[str, FloatArray | IntArray], at_risk: float) -> dict[str, FloatArray | IntArray]:
    """Return columns that begin at time 0, before anything happened."""
    if columns["time"][0] <= 0:
        return columns
    start = (0.0, at_risk, 0, 0, 1.0, 1.0, 1.0)
    return {
        name: np.concatenate([np.array([first], values.dtype), values])
        for first, (name, values) in zip(start, columns.items(), strict=True)
    }


def _greenwood(events: IntArray, at_risk: IntArray) -> FloatArray:
    survivors = at_risk - events
    terms = np.divide(events, at_risk * survivors, out=np.zeros(len(events)), where=survivors > 0)
    return np.cumsum(terms)


def _log_log_limits(survival: FloatArray, relative_variance: FloatArray, z: float) -> tuple[FloatArray, FloatArray]:
    inside = (survival > 0) & (survival < 1)
    lower, upper = survival.copy(), survival.copy()
    spread = z * np.sqrt(relative_variance[inside]) / np.log(survival[inside])
    lower[inside], upper[inside] = survival[inside] ** np.exp(-spread), survival[inside] ** np.exp(spread)
    ended = np.flatnonzero(survival <= 0)
    if ended.size:
        upper[ended] = upper[ended[0] - 1] if ended[0] > 0 else 1.0
    return lower, upper


def restricted_mean(
    duration: npt.ArrayLike,
    event_observed: npt.ArrayLike,
    until: float,
    entry: npt.ArrayLike | None = None,
    *,
    weights: npt.ArrayLike | None = None,
    subject: Iterable[object] | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return the mean time lived up to a horizon: the area under the Kaplan-Meier curve to `until` [1]_.

    Parameters
    ----------
    duration, event_observed, entry, weights, subject
        As in `kaplan_meier`.
    until
        The horizon. It may not lie beyond the last observation while somebody is still event-free.

    Returns
    -------
    The mean and its limits. One subject has no spread: the limits are then 0 and the horizon, all that is known.

    References
    ----------
    .. [1] Royston & Parmar (2013) BMC Med Res Methodol 13:152.
    """
    mean, variance = _area_of(_Rows(duration, event_observed, entry, weights, subject), until)
    half = normal_quantile(confidence) * np.sqrt(variance) if len(np.atleast_1d(duration)) > 1 else np.inf
    return Estimate(mean, max(0.0, mean - half), min(until, mean + half), confidence)


@dataclass(frozen=True)
class _Rows:
    """Rows of one arm, as `kaplan_meier` takes them."""

    duration: npt.ArrayLike
    event: npt.ArrayLike
    entry: npt.ArrayLike | None = None
    weights: npt.ArrayLike | None = None
    subject: Iterable[object] | None = None


def _area_of(rows: _Rows, until: float) -> tuple[float, float]:
    """Return the area under the curve of an arm up to a horizon, and its variance; robust as in `kaplan_meier`."""
    plain = _area(kaplan_meier(rows.duration, rows.event, rows.entry), until)
    if rows.weights is None and rows.subject is None:
        return plain
    times, causes, entries = event_times(rows.duration, rows.event, rows.entry)
    w = np.ones(len(times)) if rows.weights is None else checked_weights(rows.weights, len(times))
    event = np.minimum(causes, 1)
    risk = weighted_risk(times, event, entries, w, subject_numbers(rows.subject, times, event, entries), until=until)
    return risk.area, risk.area_error**2


def restricted_mean_difference(
    duration_a: npt.ArrayLike,
    event_a: npt.ArrayLike,
    duration_b: npt.ArrayLike,
    event_b: npt.ArrayLike,
    until: float | None = None,
    *,
    entry: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    weights: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    subject: tuple[Iterable[object], Iterable[object]] | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return how much longer arm a lives than arm b up to a horizon, in units of time.

    Unlike a hazard ratio it means the same whether or not hazards are proportional, as they are not when an immune
    effect is delayed.

    Parameters
    ----------
    duration_a, event_a, duration_b, event_b
        Event times of the two arms.
    until
        The horizon; None takes the longest that both arms support.
    entry, weights, subject
        As in `kaplan_meier`, those of arm a and of arm b; no subject is in both.
    """
    arms = [
        _Rows(
            duration,
            event,
            None if entry is None else entry[arm],
            None if weights is None else weights[arm],
            None if subject is None else subject[arm],
        )
        for arm, (duration, event) in enumerate(((duration_a, event_a), (duration_b, event_b)))
    ]
    curves = [kaplan_meier(arm.duration, arm.event, arm.entry, confidence=confidence) for arm in arms]
    horizon = _common_horizon(curves, until)
    return _difference(curves, [_area_of(arm, horizon) for arm in arms], horizon)


def restricted_mean_difference_of(a: SurvivalCurve, b: SurvivalCurve, until: float | None = None) -> Estimate:
    """Return `restricted_mean_difference` of two curves without weights, with limits of the coverage of theirs.

    Raises
    ------
    InvalidValueError
        If the coverage of the two is not the same.
    """
    if a.confidence != b.confidence:
        raise InvalidValueError(
            f"Limits of one curve cover {a.confidence:g}, those of the other {b.confidence:g}; estimate both with the "
            "same confidence."
        )
    horizon = _common_horizon((a, b), until)
    return _difference((a, b), [_area(curve, horizon) for curve in (a, b)], horizon)


def _common_horizon(curves: Sequence[SurvivalCurve], until: float | None) -> float:
    horizon = min(_support(curve) for curve in curves) if until is None else until
    return horizon if np.isfinite(horizon) else max(float(curve.columns["time"][-1]) for curve in curves)


def _difference(curves: Sequence[SurvivalCurve], areas: Sequence[tuple[float, float]], horizon: float) -> Estimate:
    (mean_a, variance_a), (mean_b, variance_b) = areas
    confidence = curves[0].confidence
    alone = min(curve.n for curve in curves) < 2
    half = np.inf if alone else normal_quantile(confidence) * np.sqrt(variance_a + variance_b)
    difference = mean_a - mean_b
    return Estimate(difference, max(-horizon, difference - half), min(horizon, difference + half), confidence)


def _support(curve: SurvivalCurve) -> float:
    last = {name: float(curve.columns[name][-1]) for name in ("time", "survival")}
    return last["time"] if last["survival"] > 0 else float(np.inf)


def _area(curve: SurvivalCurve, until: float) -> tuple[float, float]:
    if not np.isfinite(until) or until <= 0:
        raise InvalidValueError(f"A restricted mean needs a horizon later than 0, not {until:g}.")
    if until > _support(curve):
        raise InvalidValueError(
            f"The horizon {until:g} lies beyond the last observation at {_support(curve):g}, where somebody is still "
            f"event-free. Take {_support(curve):g} or earlier."
        )
    before = curve.columns["time"] < until
    time = np.append(curve.columns["time"][before], until)
    pieces = np.diff(time) * curve.columns["survival"][before]
    # Area to the right of each event time: what a death then costs.
    remaining = np.cumsum(pieces[::-1])[::-1]
    events, at_risk = (np.asarray(curve.columns[name][before], dtype=np.int64) for name in ("events", "at_risk"))
    survivors = at_risk - events
    weight = np.divide(events, at_risk * survivors, out=np.zeros(len(events)), where=survivors > 0)
    return float(pieces.sum()), float(np.sum(remaining**2 * weight))
