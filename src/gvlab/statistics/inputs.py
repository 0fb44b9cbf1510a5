"""Checks of what is handed to the statistics, and the table of risk sets that survival methods share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gvlab.arrays import Array, Float, Int
from gvlab.errors import InvalidValueError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SAME_TIME = 1.5e-8
"""Two times are one when they differ by less than this share of the mean time: the root of the machine's precision."""


def numbers(values: npt.ArrayLike, name: str, minimum: int = 1) -> Float[Array, "reading"]:
    """Read a one-dimensional array of finite numbers.

    Raises
    ------
    InvalidValueError
        If there are fewer than `minimum` values, or one is missing, infinite or no number.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(f'"{name}" holds something that is no number: {error}.') from error
    if array.ndim != 1:
        raise InvalidValueError(f'"{name}" has {array.ndim} dimensions; one value a subject is expected.')
    if array.size < minimum:
        what = "is empty" if array.size == 0 else f"has {array.size} value{'s' if array.size > 1 else ''}"
        raise InvalidValueError(
            f'"{name}" {what}; at least {minimum} {"is" if minimum == 1 else "are"} needed. '
            "Check the arm's name, and whether every subject was filtered out."
        )
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise InvalidValueError(
            f'"{name}" has {bad.size} missing or infinite value{"s" if bad.size > 1 else ""}, the first in row '
            f"{bad[0]}. Drop these subjects, or say what became of them (censor them), before testing."
        )
    return array


def event_times(
    duration: npt.ArrayLike, cause: npt.ArrayLike, entry: npt.ArrayLike | None = None, name: str = "duration"
) -> tuple[Float[Array, "subject"], Int[Array, "subject"], Float[Array, "subject"]]:
    """Read durations, causes (0 = censored) and entries of subjects.

    Returns
    -------
    Arrays of shape (subject,). An entry of 0, like no entry at all, becomes minus infinity: followed from the start,
    so that a death on day 0 is counted.
    """
    times = _joined(numbers(duration, name))
    if np.any(times < 0):
        row = int(np.flatnonzero(times < 0)[0])
        raise InvalidValueError(
            f'"{name}" is {times[row]:g} in row {row}. Times count from time zero of the experiment and are never '
            "negative; subtract the day of transplantation, or exclude subjects who had the event before it."
        )
    causes = _whole_numbers(cause, "event_observed", len(times))
    if entry is None:
        return times, causes, np.full(len(times), -np.inf)
    entries = numbers(entry, "entry")
    same_length(duration=times, entry=entries)
    both = _joined(np.concatenate([times, entries]))
    times, entries = both[: len(times)], both[len(times) :]
    late = np.flatnonzero((entries >= times) & (entries > 0))
    if late.size or np.any(entries < 0):
        row = int(late[0]) if late.size else int(np.flatnonzero(entries < 0)[0])
        raise InvalidValueError(
            f"The subject in row {row} has entry {entries[row]:g} and duration {times[row]:g}. Entry is 0 or later, "
            "and before the end of observation: duration is counted from time zero, not from entry."
        )
    return times, causes, np.where(entries == 0, -np.inf, entries)


def _joined(times: Float[Array, "time"]) -> Float[Array, "time"]:
    """Return times with those made equal that differ by rounding only, as R's ``survfit`` does (``timefix``).

    0.1 + 0.2 and 0.3 are one day; as two days they would be two risk sets.
    """
    distinct, place = np.unique(times, return_inverse=True)
    steps = np.diff(distinct) > SAME_TIME * np.abs(distinct).mean()
    first = np.concatenate([[0], np.cumsum(steps)])
    return np.asarray(distinct[np.searchsorted(first, first)][place], dtype=np.float64)


def _whole_numbers(values: npt.ArrayLike, name: str, length: int) -> IntArray:
    array = numbers(np.asarray(values).astype(np.float64) if np.asarray(values).dtype == bool else values, name)
    same_length(**{"duration": np.empty(length), name: array})
    whole = array.astype(np.int64)
    if np.any(whole != array) or np.any(whole < 0):
        odd = array[(whole != array) | (whole < 0)][0]
        raise InvalidValueError(
            f'"{name}" holds {odd:g}. It is 0 where a subject is censored and 1 (or a cause 1, 2, ...) at an event.'
        )
    return whole


def same_length(**arrays: npt.NDArray[Any]) -> None:
    """Refuse arrays that do not have one value for the same subjects."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        listing = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise InvalidValueError(f"Every column needs one value a subject, but {listing}.")


def labels(values: Iterable[object], length: int, name: str = "group") -> Array:
    """Read one group label a subject, as text."""
    array = np.asarray([str(value) for value in values], dtype=np.str_)
    same_length(**{"duration": np.empty(length), name: array})
    return array


@dataclass(frozen=True)
class RiskTable:
    """Who was at risk and who had an event, at each distinct time.

    Attributes
    ----------
    times
        Increasing: every time at which somebody had an event or was censored.
    at_risk
        Subjects who entered before that time and were still followed just before it. At a tie, events
        come before censorings, as in every package of the field.
    events
        Events of cause 1, 2, ...
    censored
        At each time.
    """

    times: Float[Array, "time"]
    at_risk: Int[Array, "time"]
    events: Int[Array, "time cause"]
    censored: Int[Array, "time"]


def risk_table(
    duration: Float[Array, "subject"],
    cause: Int[Array, "subject"],
    entry: Float[Array, "subject"],
    causes: int = 1,
    times: Float[Array, "time"] | None = None,
) -> RiskTable:
    """Count risk sets; `times` overrides the distinct durations (a grid common to several groups)."""
    grid = np.unique(duration) if times is None else times
    position = np.searchsorted(grid, duration)
    events = np.stack([np.bincount(position[cause == k], minlength=len(grid)) for k in range(1, causes + 1)], axis=1)
    censored = np.bincount(position[cause == 0], minlength=len(grid))
    return RiskTable(grid, count_at_risk(duration, entry, grid), events, censored)


def count_at_risk(
    duration: Float[Array, "subject"], entry: Float[Array, "subject"], times: Float[Array, "time"]
) -> Int[Array, "time"]:
    """Count who entered before each of `times` and was still followed just before it."""
    entered = np.searchsorted(np.sort(entry), times, side="left")
    left = np.searchsorted(np.sort(duration), times, side="left")
    return (entered - left).astype(np.int64)
