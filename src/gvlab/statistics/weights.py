"""Weighted subjects: how many they are worth, and estimates whose variance does not take a weight for a count.

A weight says how many subjects of a population one subject stands for. It is no number of subjects: Greenwood's
variance with weights in the place of counts shrinks when all weights are multiplied by 100. The variance here is the
infinitesimal jackknife of R's ``survfit`` (``robust = TRUE``): the sum over subjects of the squared change of the
estimate when the subject's weight is changed, times that weight. It is the same whatever the scale of the weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gvlab.arrays import Array, Float, Int
from gvlab.errors import InvalidValueError
from gvlab.statistics.estimate import Estimate, normal_quantile
from gvlab.statistics.inputs import FloatArray, IntArray, numbers, same_length


def effective_size(weights: npt.ArrayLike) -> float:
    """Return how many subjects of equal weight would tell as much (Kish [1]_): the squared sum over the sum of squares.

    Raises
    ------
    InvalidValueError
        If a weight is negative or missing, or all are 0.

    References
    ----------
    .. [1] Kish (1965) Survey Sampling, Wiley.
    """
    w = checked_weights(weights)
    return float(w.sum() ** 2 / np.sum(w**2))


def weighted_share(
    has_it: npt.ArrayLike, weights: npt.ArrayLike, *, confidence: float = 0.95
) -> tuple[Estimate, float]:
    """Return the weighted share of subjects that have something, with its interval, and its standard error.

    The standard error is linearized (Taylor): subjects are drawn, weights are theirs. Limits are on the logit scale,
    and 0 and 1 where nobody or everybody has it.

    Parameters
    ----------
    has_it
        1 or True where a subject has it, else 0, shape (subject,).
    weights
        Shape (subject,).
    confidence
        Coverage of the limits.
    """
    x = numbers(np.asarray(has_it, dtype=np.float64), "has_it")
    if np.any((x != 0) & (x != 1)):
        raise InvalidValueError(f'"has_it" holds {x[(x != 0) & (x != 1)][0]:g}; it is 1 or 0.')
    w = checked_weights(weights, len(x))
    share = float(np.average(x, weights=w))
    error = float(np.sqrt(np.sum((w * (x - share)) ** 2)) / w.sum())
    if not 0 < share < 1:
        return Estimate(share, 0.0, 1.0, confidence), error
    logit, half = np.log(share / (1 - share)), normal_quantile(confidence) * error / (share * (1 - share))
    lower, upper = (float(1 / (1 + np.exp(-(logit + side * half)))) for side in (-1, 1))
    return Estimate(share, lower, upper, confidence), error


def checked_weights(weights: npt.ArrayLike, subjects: int | None = None) -> Float[Array, "subject"]:
    """Read one weight a subject.

    Raises
    ------
    InvalidValueError
        If there is not one a subject, one is missing or negative, or all are 0.
    """
    w = numbers(weights, "weights")
    if subjects is not None:
        same_length(duration=np.empty(subjects), weights=w)
    if np.any(w < 0):
        row = int(np.flatnonzero(w < 0)[0])
        raise InvalidValueError(f'"weights" is {w[row]:g} in row {row}; a weight is 0 or more.')
    if not np.any(w > 0):
        raise InvalidValueError("Every weight is 0, so nobody is left to speak of.")
    return w


@dataclass(frozen=True)
class WeightedRisk:
    """Weighted risk sets, and what is estimated from them with its robust standard error.

    Attributes
    ----------
    times
        Distinct times of events and censorings.
    at_risk, events, censored
        Sums of weights; `events` has one column a cause.
    event_free, incidence
        Probability of no event yet, and of each cause, after each time.
    event_free_error, incidence_error
        Their robust standard errors.
    area, area_error
        Time lived event-free up to the horizon, and its robust standard error; 0 without a horizon.
    """

    times: Float[Array, "time"]
    at_risk: Float[Array, "time"]
    events: Float[Array, "time cause"]
    censored: Float[Array, "time"]
    event_free: Float[Array, "time"]
    incidence: Float[Array, "time cause"]
    event_free_error: Float[Array, "time"]
    incidence_error: Float[Array, "time cause"]
    area: float
    area_error: float


def weighted_risk(
    duration: Float[Array, "row"],
    cause: Int[Array, "row"],
    entry: Float[Array, "row"],
    weights: Float[Array, "row"],
    subject: Int[Array, "row"],
    *,
    causes: int = 1,
    until: float = 0.0,
) -> WeightedRisk:
    """Compute weighted Aalen-Johansen estimates (Kaplan-Meier with one cause) and their robust errors.

    Parameters
    ----------
    duration, cause, entry
        As `gvlab.statistics.inputs.event_times` returns them, shape (row,).
    weights
        Shape (row,).
    subject
        Whose row it is: 0, 1, ... Rows of one subject are one draw.
    causes
        How many causes there are.
    until
        Horizon of the area under the event-free curve.
    """
    grid = np.unique(duration)
    counts = np.stack([np.where(cause == k, weights, 0.0) for k in range(causes + 1)], axis=1)
    # A row that another one of the same subject follows is no censoring.
    counts[~_is_last(duration, subject), 0] = 0.0
    at = np.searchsorted(grid, duration)
    sums = np.stack([np.bincount(at, weights=counts[:, k], minlength=len(grid)) for k in range(causes + 1)], axis=1)
    at_risk, free, free_error = np.zeros((3, len(grid)))
    incidence, incidence_error = np.zeros((2, len(grid), causes))
    # The estimates and their change with the weight of each row, carried from one time to the next.
    survival, failed, area = 1.0, np.zeros(causes), min(until, float(grid[0]))
    d_survival, d_failed, d_area = np.zeros(len(cause)), np.zeros((len(cause), causes)), np.zeros(len(cause))
    ends = np.append(grid[1:], np.inf)
    for t, time in enumerate(grid):
        here = (entry < time) & (duration >= time)
        at_risk[t] = weights[here].sum()
        if at_risk[t] > 0:
            hazard = sums[t, 1:] / at_risk[t]
            now = (duration == time)[:, None] & (cause[:, None] == np.arange(1, causes + 1))
            d_hazard = (now - here[:, None] * hazard) / at_risk[t]
            failed = failed + survival * hazard
            d_failed = d_failed + d_survival[:, None] * hazard + survival * d_hazard
            stays = max(0.0, 1.0 - float(hazard.sum()))
            # What is left of a sum of shares by rounding is nobody.
            stays = stays if stays > _ROUNDING else 0.0
            d_survival = d_survival * stays - survival * d_hazard.sum(axis=1)
            survival *= stays
        free[t], incidence[t] = survival, np.minimum(failed, 1.0)
        free_error[t] = _robust_error(weights * d_survival, subject)
        incidence_error[t] = [_robust_error(weights * d_failed[:, k], subject) for k in range(causes)]
        width = max(0.0, min(until, ends[t]) - time)
        area, d_area = area + survival * width, d_area + d_survival * width
    return WeightedRisk(
        grid,
        at_risk,
        sums[:, 1:],
        sums[:, 0],
        free,
        incidence,
        free_error,
        incidence_error,
        float(area),
        _robust_error(weights * d_area, subject),
    )


_ROUNDING = 1e-12


def _robust_error(change: FloatArray, subject: IntArray) -> float:
    return float(np.sqrt(np.sum(np.bincount(subject, weights=change) ** 2)))


def _is_last(duration: FloatArray, subject: IntArray) -> npt.NDArray[np.bool_]:
    end = np.full(int(subject.max()) + 1, -np.inf)
    np.maximum.at(end, subject, duration)
    return np.asarray(duration == end[subject])


def subject_numbers(
    subject: Iterable[object] | None,
    duration: Float[Array, "row"],
    cause: Int[Array, "row"],
    entry: Float[Array, "row"],
) -> Int[Array, "row"]:
    """Return 0, 1, ... for whose row each is; without names every row is a subject of its own.

    Raises
    ------
    InvalidValueError
        If two rows of a subject overlap, or a subject goes on after its event.
    """
    if subject is None:
        return np.arange(len(duration))
    labels = np.asarray([str(value) for value in subject])
    same_length(duration=duration, subject=labels)
    names, owner = np.unique(labels, return_inverse=True)
    order = np.lexsort((entry, owner))
    first, second = order[:-1], order[1:]
    same = owner[first] == owner[second]
    overlap = np.flatnonzero(same & (entry[second] < duration[first]))
    if overlap.size:
        row, other = first[overlap[0]], second[overlap[0]]
        raise InvalidValueError(
            f'Rows of subject "{names[owner[row]]}" overlap: one ends at {duration[row]:g}, and another begins at '
            f"{max(entry[other], 0):g}. Each moment of a subject stands in one row."
        )
    goes_on = np.flatnonzero(same & (cause[first] > 0))
    if goes_on.size:
        row = first[goes_on[0]]
        raise InvalidValueError(
            f'Subject "{names[owner[row]]}" has its event at {duration[row]:g} and a row that begins later. The event '
            "stands in the last row of a subject; 0 in all others."
        )
    return owner.astype(np.int64)


def weights_of_subjects(weights: Float[Array, "row"], owner: Int[Array, "row"]) -> Float[Array, "subject"]:
    """Return the weight of each subject, which all of its rows carry.

    Raises
    ------
    InvalidValueError
        If two rows of one subject differ.
    """
    of_subject = np.zeros(int(owner.max()) + 1)
    of_subject[owner] = weights
    if np.any(of_subject[owner] != weights):
        row = int(np.flatnonzero(of_subject[owner] != weights)[0])
        raise InvalidValueError(f"The rows of one subject have different weights, the first in row {row}.")
    return of_subject
