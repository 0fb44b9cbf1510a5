"""Log-rank test and hazard ratio."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.lazy import LazyModule
from gvlab.statistics.estimate import Estimate, HypothesisTest, number_in_words, p_value_in_words, tail_of
from gvlab.statistics.inputs import FloatArray, IntArray, count_at_risk, event_times, labels
from gvlab.statistics.score_test import score_test
from gvlab.statistics.weights import checked_weights, subject_numbers

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")
optimize: Any = LazyModule("scipy.optimize")
stats: Any = LazyModule("scipy.stats")


def logrank(
    duration: npt.ArrayLike,
    event_observed: npt.ArrayLike,
    group: Iterable[object],
    entry: npt.ArrayLike | None = None,
    *,
    strata: Iterable[object] | None = None,
    weights: npt.ArrayLike | None = None,
    subject: Iterable[object] | None = None,
) -> HypothesisTest:
    """Test whether two or more groups have the same hazard at every time (Mantel-Haenszel log-rank [1]_).

    Ties get the hypergeometric variance, as in R's ``survdiff``. With weights the variance is robust: that of the score
    of Cox's model at no difference, the sum over subjects of their squared contributions [2]_. Rows of one subject
    without weights are no clusters: at any time one of them is at risk, and the usual variance holds (Mantel-Byar).

    Parameters
    ----------
    duration, event_observed, entry
        As in `kaplan_meier`, shape (subject,).
    group
        Which group each subject is in.
    weights, subject
        As in `kaplan_meier`.
    strata
        What subjects are compared within: the experiment or the cage each is from. Observed and expected events are
        added up over strata, so that strata with other hazards do not look like a difference of groups.

    Returns
    -------
    Chi-square on (groups - 1) degrees of freedom, less one for each group that was never at risk at an event. Without a
    single event there is nothing to test: p = 1.

    Raises
    ------
    InvalidValueError
        If there is one group only, or the times are unusable.

    References
    ----------
    .. [1] Mantel (1966) Cancer Chemother Rep 50:163-170.
    .. [2] Lin & Wei (1989) J Am Stat Assoc 84:1074-1078.
    """
    times, causes, entries = event_times(duration, event_observed, entry)
    owner = subject_numbers(subject, times, causes, entries)
    names, code = np.unique(labels(group, len(times)), return_inverse=True)
    if len(names) < 2:
        raise InvalidValueError(f'A log-rank test compares groups, and every subject is in "{names[0]}".')
    event = np.minimum(causes, 1)
    stratum = np.zeros(len(times)) if strata is None else labels(strata, len(times), "strata")
    if weights is not None:
        w = checked_weights(weights, len(times))
        score = np.zeros((len(times), len(names)))
        for here in (stratum == each for each in np.unique(stratum)):
            score[here] = _score_residuals(times[here], event[here], entries[here], code[here], len(names), w[here])
        each = np.stack([np.bincount(owner, weights=column) for column in score.T], axis=1)
        return score_test("log-rank, robust", each.sum(axis=0), each.T @ each)
    if strata is None:
        return score_test("log-rank", *_observed_minus_expected(times, event, entries, code, len(names)))
    parts = [
        _observed_minus_expected(times[here], event[here], entries[here], code[here], len(names))
        for here in (stratum == each for each in np.unique(stratum))
    ]
    excess, covariance = (np.sum(each, axis=0) for each in zip(*parts, strict=True))
    return score_test("log-rank, stratified", excess, covariance)


def _observed_minus_expected(
    times: FloatArray, event: IntArray, entry: FloatArray, code: IntArray, groups: int
) -> tuple[FloatArray, FloatArray]:
    grid = np.unique(times[event > 0])
    at_risk, deaths = np.zeros((len(grid), groups)), np.zeros((len(grid), groups))
    for g in range(groups):
        member = code == g
        at_risk[:, g] = count_at_risk(times[member], entry[member], grid)
        deaths[:, g] = np.bincount(np.searchsorted(grid, times[member & (event > 0)]), minlength=len(grid))
    n, d = at_risk.sum(axis=1), deaths.sum(axis=1)
    share = at_risk / n[:, None]
    excess = (deaths - share * d[:, None]).sum(axis=0)
    factor = d * np.divide(n - d, n - 1, out=np.zeros_like(n), where=n > 1)
    covariance = np.diag(share.T @ factor) - (share * factor[:, None]).T @ share
    return excess, covariance


def _score_residuals(
    times: FloatArray, event: IntArray, entry: FloatArray, code: IntArray, groups: int, w: FloatArray
) -> FloatArray:
    """Return what each row adds to observed less expected events of each group, weighted; shape (row, group)."""
    grid = np.unique(times[event > 0])
    member = code[:, None] == np.arange(groups)
    at_risk, deaths = np.zeros((len(grid), groups)), np.zeros(len(grid))
    for t, time in enumerate(grid):
        at_risk[t] = (w[:, None] * member)[(entry < time) & (times >= time)].sum(axis=0)
        deaths[t] = w[(times == time) & (event > 0)].sum()
    total = at_risk.sum(axis=1)
    # Where nobody with a weight is at risk nothing is expected.
    hazard = np.divide(deaths, total, out=np.zeros(len(grid)), where=total > 0)
    share = np.divide(at_risk, total[:, None], out=np.zeros(at_risk.shape), where=total[:, None] > 0)
    # Cumulated from the start, with nothing before the first time.
    hazards = np.concatenate([[0.0], np.cumsum(hazard)])
    shares = np.concatenate([np.zeros((1, groups)), np.cumsum(share * hazard[:, None], axis=0)])
    last, first = (np.searchsorted(grid, when, side="right") for when in (times, entry))
    expected = member * (hazards[last] - hazards[first])[:, None] - (shares[last] - shares[first])
    own = np.where((event > 0)[:, None], member - share[np.minimum(np.searchsorted(grid, times), len(grid) - 1)], 0.0)
    return np.asarray(w[:, None] * (own - expected), dtype=np.float64)


@dataclass(frozen=True)
class HazardRatio:
    """A hazard ratio with its interval.

    Attributes
    ----------
    estimate
        Hazard of arm `of` over that of arm `versus`; 0 or infinite where one arm has all the events while both are
        at risk, and then one limit of the interval is open too.
    p_value
        Two-sided; Wald, or of the likelihood ratio where the interval is a profile.
    of, versus
        The arms.
    interval
        ``Wald`` (lifelines, Efron's ties), ``Wald, robust``, or ``profile likelihood``.
    """

    estimate: Estimate
    p_value: float
    of: str
    versus: str
    interval: str

    def __str__(self) -> str:
        e = self.estimate
        value = "infinite" if np.isinf(e.value) else number_in_words(e.value)
        upper = "infinity" if np.isinf(e.upper) else number_in_words(e.upper)
        limits = f"{100 * e.confidence:g} % CI {number_in_words(e.lower)} to {upper}"
        return f"HR {value} ({limits}), {p_value_in_words(self.p_value)}"


def hazard_ratio(
    duration: npt.ArrayLike,
    event_observed: npt.ArrayLike,
    group: Iterable[object],
    *,
    of: str,
    versus: str,
    entry: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    subject: Iterable[object] | None = None,
    confidence: float = 0.95,
) -> HazardRatio:
    """Estimate the hazard of one arm relative to another by Cox's partial likelihood with Efron's ties [1]_ [2]_.

    Small experiments often end with every control dead before the first treated subject. The partial likelihood then
    rises without end and a Wald interval means nothing; the profile likelihood still gives the limit on the other side.

    Parameters
    ----------
    duration, event_observed, group, entry
        As in `logrank`; subjects of other groups are left out.
    of, versus
        Names of the two groups: the hazard of `of` over the hazard of `versus`.
    weights, subject
        As in `kaplan_meier`; the variance is then robust (sandwich [3]_).
    confidence
        Coverage of the interval.

    Raises
    ------
    UnknownNameError
        If a group has no subjects.
    InvalidValueError
        If neither arm has an event while both are at risk: there is nothing to compare. With weights, also if one
        arm has all the events: a profile likelihood of weights means nothing.

    References
    ----------
    .. [1] Cox (1972) J R Stat Soc B 34:187-220.
    .. [2] Efron (1977) J Am Stat Assoc 72:557-565.
    .. [3] Lin & Wei (1989) J Am Stat Assoc 84:1074-1078.
    """
    times, causes, entries = event_times(duration, event_observed, entry)
    group_of = labels(group, len(times))
    of, versus = (str(name) for name in (of, versus))  # groups may be 0 and 1, or False and True
    for name in (of, versus):
        if name not in group_of:
            raise UnknownNameError("group", name, np.unique(group_of).tolist())
    keep = (group_of == of) | (group_of == versus)
    times, event, entries, group_of = times[keep], np.minimum(causes[keep], 1), entries[keep], group_of[keep]
    treated = (group_of == of).astype(np.float64)
    if of == versus:
        raise InvalidValueError(f'A hazard ratio compares two arms, and both are "{of}".')
    ties = _tie_groups(times, event, entries, treated)
    if not ties:
        raise InvalidValueError(
            f'No event happened while "{of}" and "{versus}" were both at risk, so their hazards cannot be compared. '
            "Follow the subjects for longer."
        )
    robust = None
    if weights is not None or subject is not None:
        w = np.ones(len(keep)) if weights is None else checked_weights(weights, len(keep))
        robust = (w[keep], subject_numbers(subject, *event_times(duration, event_observed, entry))[keep])
    rises = all(here == all_here for all_here, here, _, _ in ties)
    falls = all(here == 0 for _, here, _, _ in ties)
    if (rises or falls) and robust is not None:
        raise InvalidValueError(
            f'All events are in "{of if rises else versus}", so the hazard ratio of weighted subjects has no estimate. '
            "Compare shares or restricted means instead."
        )
    if rises or falls:
        estimate, p_value = _profile(ties, rises, confidence)
        return HazardRatio(estimate, p_value, of, versus, "profile likelihood")
    estimate, p_value = _wald(times, event, entries, treated, confidence, robust)
    return HazardRatio(estimate, p_value, of, versus, "Wald" if robust is None else "Wald, robust")


_Tie = tuple[int, int, int, int]
"""Deaths, deaths of the treated, at risk, treated at risk - at one time."""


def _tie_groups(times: FloatArray, event: IntArray, entry: FloatArray, treated: FloatArray) -> list[_Tie]:
    groups = []
    for t in np.unique(times[event > 0]):
        dies, alive = (times == t) & (event > 0), (entry < t) & (times >= t)
        at_risk, treated_at_risk = int(alive.sum()), int(treated[alive].sum())
        # Where one arm alone is at risk the likelihood does not depend on the ratio.
        if 0 < treated_at_risk < at_risk:
            groups.append((int(dies.sum()), int(treated[dies].sum()), at_risk, treated_at_risk))
    return groups


def _log_likelihood(log_ratio: float, ties: list[_Tie]) -> float:
    total = 0.0
    ratio = np.exp(log_ratio)
    for deaths, of_treated, at_risk, treated in ties:
        gone = np.arange(deaths) / deaths
        controls = (at_risk - treated) - gone * (deaths - of_treated)
        total += of_treated * log_ratio - float(np.log(controls + ratio * (treated - gone * of_treated)).sum())
    return total


def _profile(ties: list[_Tie], rises: bool, confidence: float) -> tuple[Estimate, float]:
    sign = 1.0 if rises else -1.0
    far = 30.0
    best = _log_likelihood(sign * far, ties)
    drop = 0.5 * float(stats.chi2.ppf(1 - 2 * tail_of(confidence), 1))
    limit = optimize.brentq(lambda b: best - _log_likelihood(sign * b, ties) - drop, -far, far)
    p_value = float(stats.chi2.sf(2 * (best - _log_likelihood(0.0, ties)), 1))
    if rises:
        return Estimate(float(np.inf), float(np.exp(limit)), float(np.inf), confidence), p_value
    return Estimate(0.0, 0.0, float(np.exp(-limit)), confidence), p_value


def _wald(
    times: FloatArray,
    event: IntArray,
    entry: FloatArray,
    treated: FloatArray,
    confidence: float,
    robust: tuple[FloatArray, IntArray] | None,
) -> tuple[Estimate, float]:
    # Imported here: lifelines takes over a second, and most users of this package never fit a hazard ratio.
    from lifelines import CoxPHFitter

    frame = pd.DataFrame({"duration": times, "event": event, "treated": treated})
    if robust is not None:
        # The scale of weights moves nothing; lifelines drops subjects without weight.
        frame["weight"], frame["subject"] = robust[0] / robust[0].mean(), robust[1]
        frame = frame[frame["weight"] > 0]
        entry = entry[robust[0] > 0]
    late = np.isfinite(entry).any()
    if late:
        frame["entry"] = np.maximum(entry, 0.0)
    with warnings.catch_warnings():
        # lifelines warns of columns with low variance in one of the strata of events; that case is dealt with above.
        warnings.simplefilter("ignore")
        fit = CoxPHFitter(alpha=2 * tail_of(confidence)).fit(
            frame,
            "duration",
            "event",
            entry_col="entry" if late else None,
            fit_options={"precision": 1e-9},
            robust=robust is not None,
            weights_col=None if robust is None else "weight",
            cluster_col=None if robust is None else "subject",
        )
    row = fit.summary.loc["treated"]
    lower, upper = np.exp(fit.confidence_intervals_.loc["treated"].to_numpy(dtype=np.float64))
    return Estimate(float(np.exp(row["coef"])), float(lower), float(upper), confidence), float(row["p"])
