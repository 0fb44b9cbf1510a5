"""What changes while subjects are followed: start-stop rows, the Mantel-Byar test, the landmark, composite endpoints.

A group that is known only later, such as *responder* or *was given donor lymphocytes*, is no group at time zero: who is
to be given lymphocytes on day 60 must live to day 60, and compared from day 0 the treatment looks good without doing
anything (immortal time). Either time before the change is counted as unchanged (Mantel-Byar), or the clock begins on a
fixed day, for those then still followed (landmark).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.errors import InvalidValueError
from gvlab.lazy import LazyModule
from gvlab.statistics.estimate import HypothesisTest
from gvlab.statistics.hazard import logrank
from gvlab.statistics.inputs import SAME_TIME, event_times, numbers, same_length
from gvlab.statistics.weights import checked_weights

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")


def start_stop(duration: npt.ArrayLike, event_observed: npt.ArrayLike, changes_at: npt.ArrayLike) -> pd.DataFrame:
    """Return start-stop rows of subjects whose group changes once: before the change, and after it.

    A change counts from just after its time, as that of R's ``tmerge`` does: who dies on the day of the change dies
    unchanged.

    Parameters
    ----------
    duration, event_observed
        As in `kaplan_meier`, shape (subject,).
    changes_at
        When each subject changes, shape (subject,); NaN where it never does.

    Returns
    -------
    Columns ``subject, start, stop, event_observed, changed``, one or two rows a subject.

    Raises
    ------
    InvalidValueError
        If a change is negative, or later than the subject was followed.
    """
    times, causes, _ = event_times(duration, event_observed)
    change = _change_times(changes_at, times)
    rows = []
    for subject, (stop, cause, switch) in enumerate(zip(times, causes, change, strict=True)):
        if np.isnan(switch) or switch >= stop * (1 - SAME_TIME):
            rows.append((subject, 0.0, stop, cause, 0))
        elif switch == 0:
            rows.append((subject, 0.0, stop, cause, 1))
        else:
            rows.append((subject, 0.0, switch, 0, 0))
            rows.append((subject, switch, stop, cause, 1))
    return pd.DataFrame(rows, columns=["subject", "start", "stop", "event_observed", "changed"])


def _change_times(changes_at: npt.ArrayLike, times: Float[Array, "subject"]) -> Float[Array, "subject"]:
    change = np.asarray(changes_at, dtype=np.float64)
    same_length(duration=times, changes_at=change)
    early = np.flatnonzero(change < 0)
    if early.size:
        raise InvalidValueError(
            f"The subject in row {early[0]} changes at {change[early[0]]:g}, before time zero. Give 0 for a change "
            "that came before, and NaN for none."
        )
    late = np.flatnonzero(change > times * (1 + SAME_TIME))
    if late.size:
        row = late[0]
        raise InvalidValueError(
            f"The subject in row {row} changes at {change[row]:g} and was followed to {times[row]:g}. Give NaN where "
            "the change was not seen."
        )
    return change


def mantel_byar(
    duration: npt.ArrayLike,
    event_observed: npt.ArrayLike,
    changes_at: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
) -> HypothesisTest:
    """Test whether the hazard differs after a change of group, every subject counted where it is at the time [1]_.

    The log-rank test on start-stop rows, with the hypergeometric variance; with weights the robust one of `logrank`.

    Parameters
    ----------
    duration, event_observed, changes_at
        As in `start_stop`.
    weights
        As in `kaplan_meier`, shape (subject,).

    References
    ----------
    .. [1] Mantel & Byar (1974) J Am Stat Assoc 69:81-86.
    """
    rows = start_stop(duration, event_observed, changes_at)
    if rows["changed"].nunique() < 2:
        raise InvalidValueError("No subject changes while it is followed, or all have changed from the start.")
    of_rows = None if weights is None else checked_weights(weights, rows["subject"].nunique())[rows["subject"]]
    test = logrank(
        rows["stop"], rows["event_observed"], rows["changed"], rows["start"], weights=of_rows, subject=rows["subject"]
    )
    return HypothesisTest("Mantel-Byar", test.statistic, test.p_value, test.degrees_of_freedom)


@dataclass(frozen=True)
class Landmark:
    """Those who were still followed and event-free after the landmark; their clock begins there.

    Attributes
    ----------
    kept
        Who they are, shape (subject,).
    duration, event_observed
        Of those kept, shape (kept,).
    changed
        Whether they had changed by the landmark, shape (kept,); None without times of change.
    """

    kept: Bool[Array, "subject"]
    duration: Float[Array, "kept"]
    event_observed: Int[Array, "kept"]
    changed: Bool[Array, "kept"] | None


def landmark(
    duration: npt.ArrayLike, event_observed: npt.ArrayLike, day: float, changes_at: npt.ArrayLike | None = None
) -> Landmark:
    """Begin the clock on a day, for those event-free and followed beyond it [1]_; an event on the day is before it.

    Parameters
    ----------
    duration, event_observed
        As in `kaplan_meier`, shape (subject,).
    day
        The landmark.
    changes_at
        As in `start_stop`; the group of a subject is whether it had changed by the landmark.

    Raises
    ------
    InvalidValueError
        If nobody is left.

    References
    ----------
    .. [1] Anderson, Cain & Gelber (1983) J Clin Oncol 1:710-719.
    """
    times, causes, _ = event_times(duration, event_observed)
    if not np.isfinite(day) or day < 0:
        raise InvalidValueError(f"A landmark on day {day:g} was asked for; it is 0 or later.")
    kept = times > day * (1 + SAME_TIME)
    if not kept.any():
        raise InvalidValueError(f"Nobody was followed beyond the landmark {day:g}; the last one to {times.max():g}.")
    changed = None if changes_at is None else (_change_times(changes_at, times) <= day * (1 + SAME_TIME))[kept]
    return Landmark(kept, times[kept] - day, causes[kept], changed)


def first_of(components: Mapping[str, Iterable[float]], followed_to: npt.ArrayLike) -> pd.DataFrame:
    """Return a composite endpoint: the first of several events, or the end of follow-up.

    Parameters
    ----------
    components
        Times of each event, shape (subject,); NaN where it was not seen. GRFS [1]_ is the first of grade III-IV acute
        GVHD, chronic GVHD that needs systemic treatment, relapse, and death.
    followed_to
        Until when each subject was followed, shape (subject,).

    Returns
    -------
    Columns ``duration, event_observed, component``; at a tie the component named first, "" where censored.

    Raises
    ------
    InvalidValueError
        If there is no component, a time is negative, or an event was seen after the end of follow-up.

    References
    ----------
    .. [1] Holtan et al. (2015) Blood 125:1333-1338.
    """
    end = numbers(followed_to, "followed_to")
    if not components:
        raise InvalidValueError("A composite endpoint needs at least one component.")
    times = {name: np.asarray(list(values), dtype=np.float64) for name, values in components.items()}
    for name, when in times.items():
        same_length(followed_to=end, **{name: when})
        wrong = np.flatnonzero((when < 0) | (when > end * (1 + SAME_TIME)))
        if wrong.size:
            row = wrong[0]
            raise InvalidValueError(
                f'"{name}" is {when[row]:g} in row {row}, and that subject was followed from 0 to {end[row]:g}. Give '
                "NaN where it was not seen."
            )
    stacked = np.where(np.isnan(list(times.values())), np.inf, list(times.values()))
    first, which = stacked.min(axis=0), stacked.argmin(axis=0)
    seen = np.isfinite(first)
    names = np.asarray(list(times), dtype=object)
    return pd.DataFrame(
        {
            "duration": np.where(seen, first, end),
            "event_observed": seen.astype(np.int64),
            "component": np.where(seen, names[which], ""),
        }
    )
