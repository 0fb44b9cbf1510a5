"""Competing risks: cumulative incidence of each cause, and Gray's test between groups.

One minus Kaplan-Meier, with other causes censored, overstates the risk of every cause; it is not offered. lifelines has
the Aalen-Johansen estimator but breaks ties by random jitter, and has no Gray's test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.lazy import LazyModule
from gvlab.statistics.estimate import Estimate, HypothesisTest, normal_quantile
from gvlab.statistics.inputs import FloatArray, IntArray, RiskTable, event_times, labels, risk_table
from gvlab.statistics.score_test import score_test
from gvlab.statistics.weights import checked_weights, subject_numbers, weighted_risk, weights_of_subjects

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")
stats: Any = LazyModule("scipy.stats")


@dataclass(frozen=True)
class CumulativeIncidence:
    """Aalen-Johansen estimates, one cause beside the other.

    Attributes
    ----------
    table
        Long: ``time, cause, at_risk, events, censored, incidence, lower, upper``, the first time 0. The incidences of
        all causes and the event-free probability add up to 1 at every time.
    causes
        Names of the causes, in order of their numbers.
    n
        Subjects.
    confidence
        Coverage of the pointwise limits.
    """

    table: pd.DataFrame
    causes: tuple[str, ...]
    n: int
    confidence: float

    def of(self, cause: str) -> pd.DataFrame:
        """Return the rows of one cause."""
        if cause not in self.causes:
            raise UnknownNameError("cause", cause, self.causes)
        return self.table[self.table["cause"] == cause].reset_index(drop=True)

    def at(self, time: float, cause: str) -> Estimate:
        """Return the probability of the event of `cause` by `time`, with its pointwise interval."""
        rows = self.of(cause)
        if time < 0:
            raise InvalidValueError(f"Incidence is asked for at time {time:g}; times are 0 or later.")
        last = rows.iloc[-1]
        if time > last["time"] and last["at_risk"] > last["events"]:
            event_free = 1 - self.table[self.table["time"] == last["time"]]["incidence"].sum()
            if event_free > 1e-12:
                raise InvalidValueError(
                    f"Incidence at time {time:g} is unknown: nobody was followed beyond {last['time']:g}."
                )
        row = rows.iloc[int(np.searchsorted(rows["time"], time, side="right")) - 1]
        return Estimate(float(row["incidence"]), float(row["lower"]), float(row["upper"]), self.confidence)


def cumulative_incidence(
    duration: npt.ArrayLike,
    cause: npt.ArrayLike,
    causes: Mapping[int, str],
    entry: npt.ArrayLike | None = None,
    *,
    weights: npt.ArrayLike | None = None,
    subject: Iterable[object] | None = None,
    confidence: float = 0.95,
) -> CumulativeIncidence:
    """Estimate the probability of each cause of failure over time, the others competing [1]_.

    The variance is that of the Aalen-Johansen estimator by the delta method [2]_; with weights or several rows a
    subject it is the robust one (`gvlab.statistics.weights`). Limits are on the log(-log) scale.
    Before the first event of a cause both its limits are 0.

    Parameters
    ----------
    duration
        Time to failure or end of observation, shape (subject,).
    cause
        0 where censored, else the number of the cause.
    causes
        Name of each cause, by number; numbers are 1, 2, ... without gaps.
    entry, weights, subject
        As in `kaplan_meier`.
    confidence
        Coverage of the limits.

    References
    ----------
    .. [1] Aalen & Johansen (1978) Scand J Stat 5:141-150.
    .. [2] Marubini & Valsecchi (1995) Analysing Survival Data from Clinical Trials and Observational Studies, Wiley.
    """
    times, codes, entries = event_times(duration, cause, entry)
    names = _cause_names(causes, codes)
    z = normal_quantile(confidence)
    if weights is None and subject is None:
        plain = risk_table(times, codes, entries, causes=len(names))
        grid, at_risk, all_events, censored = plain.times, plain.at_risk, plain.events, plain.censored
        columns = [_estimated(plain, k) for k in range(len(names))]
        start, n = int(np.sum(entries == -np.inf)), len(times)
    else:
        w = np.ones(len(times)) if weights is None else checked_weights(weights, len(times))
        owner = subject_numbers(subject, times, codes, entries)
        robust = weighted_risk(times, codes, entries, w, owner, causes=len(names))
        grid, at_risk, all_events, censored = robust.times, robust.at_risk, robust.events, robust.censored
        columns = [(robust.incidence[:, k], robust.incidence_error[:, k] ** 2) for k in range(len(names))]
        start, n = w[entries == -np.inf].sum(), len(weights_of_subjects(w, owner))
    frames = []
    for k, name in enumerate(names):
        incidence, variance = columns[k]
        lower, upper = _limits(incidence, variance, z)
        frame = pd.DataFrame(
            {
                "time": grid,
                "cause": name,
                "at_risk": at_risk,
                "events": all_events[:, k],
                "censored": censored,
                "incidence": incidence,
                "lower": lower,
                "upper": upper,
            }
        )
        if grid[0] > 0:
            first = pd.DataFrame([[0.0, name, start, 0, 0, 0.0, 0.0, 0.0]], columns=frame.columns)
            frame = pd.concat([first.astype(frame.dtypes), frame], ignore_index=True)
        frames.append(frame)
    return CumulativeIncidence(pd.concat(frames, ignore_index=True), names, n, confidence)


def _estimated(risk: RiskTable, k: int) -> tuple[FloatArray, FloatArray]:
    """Return the incidence of one cause and its variance, every subject counted once."""
    events, all_events = risk.events[:, k], risk.events.sum(axis=1)
    survival = np.cumprod(1 - all_events / risk.at_risk)
    before = np.concatenate([[1.0], survival[:-1]])
    # Sums of tenths miss 1 by rounding, and there the log(-log) scale would overflow.
    incidence = np.cumsum(before * events / risk.at_risk)
    incidence = np.where(incidence > 1 - 1e-12, 1.0, incidence)
    return incidence, _delta_variance(incidence, before, events, all_events, risk.at_risk)


def _cause_names(causes: Mapping[int, str], codes: IntArray) -> tuple[str, ...]:
    numbers = sorted(causes)
    if numbers != list(range(1, len(numbers) + 1)):
        raise InvalidValueError(f"Causes are numbered {numbers}; they are 1, 2, ... without gaps (0 means censored).")
    unnamed = sorted(set(codes.tolist()) - {0, *numbers})
    if unnamed:
        raise InvalidValueError(f"Cause {unnamed[0]} occurs in the data and has no name. Name it in `causes`.")
    return tuple(causes[number] for number in numbers)


def _delta_variance(
    incidence: FloatArray, before: FloatArray, events: IntArray, all_events: IntArray, at_risk: IntArray
) -> FloatArray:
    # Var F(t) = sum_u [F(t)-F(u)]^2 d/(n(n-d)) + S(u-)^2 d_k(n-d_k)/n^3 - 2 [F(t)-F(u)] S(u-) d_k/n^2, expanded in
    # powers of F(t) so that one cumulative sum serves every t.
    n = at_risk.astype(np.float64)
    left = n - all_events
    all_terms = np.divide(all_events, n * left, out=np.zeros_like(n), where=left > 0)
    own = before**2 * events * (n - events) / n**3
    cross = before * events / n**2
    a, b, c = np.cumsum(all_terms), np.cumsum(all_terms * incidence), np.cumsum(all_terms * incidence**2)
    first = incidence**2 * a - 2 * incidence * b + c
    last = incidence * np.cumsum(cross) - np.cumsum(cross * incidence)
    variance: FloatArray = np.maximum(first + np.cumsum(own) - 2 * last, 0.0)
    return variance


def _limits(incidence: FloatArray, variance: FloatArray, z: float) -> tuple[FloatArray, FloatArray]:
    lower, upper = incidence.copy(), incidence.copy()
    inside = (incidence > 0) & (incidence < 1)
    f = incidence[inside]
    spread = z * np.sqrt(variance[inside]) / (f * np.log(f))
    lower[inside], upper[inside] = f ** np.exp(-spread), f ** np.exp(spread)
    return np.minimum(lower, upper), np.maximum(lower, upper)


def gray(
    duration: npt.ArrayLike,
    cause: npt.ArrayLike,
    group: Iterable[object],
    of_interest: int = 1,
) -> HypothesisTest:
    """Test whether the cumulative incidence of one cause is the same in two or more groups (Gray's test [1]_, rho = 0).

    The score of a group is what the log-rank test's would be in the hazard of the subdistribution: those who failed
    of another cause stay in the risk set, thinned by censoring. Its variance comes from the martingales of both kinds
    of failure with every quantity estimated under the null hypothesis; ties are treated as R's ``cmprsk`` treats them.

    Parameters
    ----------
    duration
        Shape (subject,).
    cause
        0 where censored, else the number of the cause.
    group
        Which group each subject is in.
    of_interest
        The cause whose incidence is compared.

    Returns
    -------
    Chi-square on (groups - 1) degrees of freedom; a group that was never at risk when the cause struck has none.

    References
    ----------
    .. [1] Gray (1988) Ann Stat 16:1141-1154.
    """
    times, codes, entries = event_times(duration, cause)
    if of_interest < 1:
        raise InvalidValueError(f"The cause of interest is {of_interest}; 0 means censored, causes are 1, 2, ...")
    names, member = np.unique(labels(group, len(times)), return_inverse=True)
    if len(names) < 2:
        raise InvalidValueError(f'Gray\'s test compares groups, and every subject is in "{names[0]}".')
    kinds = np.where(codes == of_interest, 1, np.where(codes == 0, 0, 2))
    if not np.any(kinds == 1):
        return HypothesisTest("Gray", 0.0, 1.0, 0)
    return score_test("Gray", *_gray_score(times, kinds, entries, member, len(names)))


def _gray_score(
    times: FloatArray, kinds: IntArray, entry: FloatArray, member: IntArray, groups: int
) -> tuple[FloatArray, FloatArray]:
    """Return the score of each group and its covariance; `kinds` is 1 for the cause of interest, 2 for any other.

    With Y at risk, S event-free survival and F the incidence, write A_j = Y_j / S_j(t-). Then R_j = A_j (1 - F_j(t-))
    is the risk set of the subdistribution and z_k = sum (dN_k - R_k dN / R). Linearized in the two martingales of
    group j under the null, with F the common incidence and B_kj = A_j (1[k=j] - A_k / A),

        z_k = sum_j { sum S_j(t-) [B_kj + (1 - (1-F)/S_j) H_kj] dM1_j / Y_j - sum (1-F) H_kj dM2_j / Y_j },
        H_kj(u) = sum over t > u of B_kj dF / (1-F(t-)):

    a failure from another cause changes all later increments of its group's incidence.
    """
    grid = np.unique(times)
    risk = [risk_table(times[member == g], kinds[member == g], entry[member == g], 2, grid) for g in range(groups)]
    at_risk = np.stack([table.at_risk for table in risk], axis=1).astype(np.float64)
    ours = np.stack([table.events[:, 0] for table in risk], axis=1).astype(np.float64)
    others = np.stack([table.events[:, 1] for table in risk], axis=1).astype(np.float64)
    some = at_risk > 0
    hazard = np.divide(ours + others, at_risk, out=np.zeros_like(at_risk), where=some)
    survival = np.cumprod(1 - hazard, axis=0)
    before = np.vstack([np.ones(groups), survival[:-1]])
    incidence = np.cumsum(before * np.divide(ours, at_risk, out=np.zeros_like(at_risk), where=some), axis=0)
    incidence_before = np.vstack([np.zeros(groups), incidence[:-1]])
    thinned = np.divide(at_risk, before, out=np.zeros_like(at_risk), where=some)
    sub_risk = thinned * (1 - incidence_before)
    total = ours.sum(axis=1)
    score = (ours - sub_risk * (total / sub_risk.sum(axis=1))[:, None]).sum(axis=0)

    pooled_step = total / thinned.sum(axis=1)
    pooled = np.cumsum(pooled_step)
    pooled_before = np.concatenate([[0.0], pooled[:-1]])
    # In the last steps of small groups the pooled incidence can reach 1; nothing follows it.
    left = np.maximum(1 - pooled_before, np.finfo(float).tiny)
    covariance = np.zeros((groups, groups))
    for j in range(groups):
        own = np.arange(groups) == j
        B = thinned[:, [j]] * (own[None, :] - thinned / thinned.sum(axis=1)[:, None])
        steps = B * (pooled_step / left)[:, None]
        H = np.cumsum(steps[::-1], axis=0)[::-1] - steps
        inverse = np.divide(1.0, survival[:, j], out=np.zeros(len(grid)), where=survival[:, j] > 0)
        free = (1 - pooled) * inverse
        first = before[:, [j]] * (B + np.where(inverse > 0, 1 - free, 0.0)[:, None] * H)
        second = -(before[:, j] * free)[:, None] * H
        weight_first = np.divide(pooled_step, before[:, j] * at_risk[:, j], out=np.zeros(len(grid)), where=some[:, j])
        weight_first *= _finite_population(total, thinned.sum(axis=1) * before[:, j])
        weight_second = np.divide(others[:, j], at_risk[:, j] ** 2, out=np.zeros(len(grid)), where=some[:, j])
        weight_second *= _finite_population(others[:, j], at_risk[:, j])
        covariance += (first * weight_first[:, None]).T @ first + (second * weight_second[:, None]).T @ second
    return score, covariance


def _finite_population(failures: FloatArray, among: FloatArray) -> FloatArray:
    several = (failures > 1) & (among > 1)
    correction: FloatArray = 1 - np.divide(failures - 1, among - 1, out=np.zeros_like(among), where=several)
    return correction
