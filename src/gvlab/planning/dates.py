"""Dates of the days of a study."""

from __future__ import annotations

import datetime as dt

import numpy as np

from gvlab.errors import InvalidValueError


def parse_date(text: str) -> dt.date | None:
    """Read a date as 2026-11-24; "" is none.

    Raises
    ------
    InvalidValueError
        If it is written otherwise.
    """
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise InvalidValueError(f'"{text}" is not a date. Write year-month-day, such as 2026-11-24.') from error


def date_of(start: dt.date | None, day: float) -> str:
    """Return the date of a day; "" without a date of day 0.

    Raises
    ------
    InvalidValueError
        If the calendar has no such date.
    """
    if start is None:
        return ""
    try:
        return (start + dt.timedelta(days=int(np.floor(day)))).isoformat()
    except OverflowError as error:
        raise InvalidValueError(
            f"Day {day:g} of a study that starts on {start} is beyond the calendar, which ends with the year 9999."
        ) from error
