"""Whether times without a unit could be weeks: it is asked, not guessed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gvlab.errors import InvalidValueError

_NEAR = 0.02
"""Days by which a time in weeks may differ from a whole day, as two or three digits leave it."""


def refuse_likely_weeks(table: pd.DataFrame, column: str, last_day: float) -> None:
    """Raise if times that are taken for days look like weeks.

    They do where they are whole days only as weeks, or where who was followed to the end has a seventh of its day.

    Parameters
    ----------
    table
        Rows of the data; ``event_observed`` where they are survival.
    column
        Of the times.
    last_day
        Of the experiment.

    Raises
    ------
    InvalidValueError
        With what to say.
    """
    times = table[column].to_numpy(dtype=np.float64)
    times = times[np.isfinite(times)]
    if not len(times):
        return
    broken = times[np.abs(times - np.rint(times)) > _NEAR / 7]
    sevenths = len(broken) > 0 and bool(np.all(np.abs(7 * times - np.rint(7 * times)) <= _NEAR))
    ended = False
    if "event_observed" in table:
        last = table[column] == times.max()
        ended = bool((table.loc[last, "event_observed"] == 0).any()) and abs(7 * times.max() - last_day) <= 3
    if sevenths or ended:
        why = f"{broken[0]:g} is a whole day only in weeks" if sevenths else f"follow-up ends at {times.max():g}"
        raise InvalidValueError(
            f"The file does not name the unit of its times, and they could be weeks: {why}. Say --time-unit weeks, or "
            "--time-unit days."
        )


def in_days(table: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Return a table whose times, read as days, are those of a unit: "days" or "weeks"."""
    factor = {"days": 1.0, "weeks": 7.0}[unit]
    return table.assign(**{name: table[name] * factor for name in ("duration", "entry", "time") if name in table})
