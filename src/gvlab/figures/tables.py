"""Checks of the tables that figures draw."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

import pandas as pd

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.statistics.inputs import event_times

DAYS_PER_MONTH = 30.4375


class HasTable(Protocol):
    """Anything that carries its table, as event times do."""

    @property
    def table(self) -> pd.DataFrame:
        """The table."""


def event_table(events: pd.DataFrame | HasTable) -> pd.DataFrame:
    """Check a table of event times: columns ``arm, duration, event_observed`` and, optionally, ``entry, cause``."""
    table = (events if isinstance(events, pd.DataFrame) else events.table).copy()
    require(table, ("arm", "duration", "event_observed"), "table of event times")
    if "entry" not in table:
        table["entry"] = 0.0
    event_times(table["duration"], table["event_observed"], table["entry"])
    return table


def require(table: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    """Refuse a table that is empty or lacks a column."""
    for column in columns:
        if column not in table.columns:
            raise UnknownNameError(f"column of the {what}", column, [str(name) for name in table.columns])
    if table.empty:
        raise InvalidValueError(f"The {what} has no rows, so there is nothing to draw.")


def chosen(asked: Sequence[str] | None, there: Iterable[str], kind: str = "arm") -> list[str]:
    """Return the names to be drawn, in order: those asked for, or all in order of appearance."""
    known = list(dict.fromkeys(str(name) for name in there))
    if asked is None:
        return known
    for name in asked:
        if name not in known:
            raise UnknownNameError(kind, name, known)
    return list(asked)


def time_scale(unit: str) -> float:
    """Return the number of days in a unit of the time axis."""
    scales = {"day": 1.0, "week": 7.0, "month": DAYS_PER_MONTH}
    if unit not in scales:
        raise UnknownNameError("unit of the time axis", unit, scales)
    return scales[unit]


def file_name(name: str, taken: Iterable[str] = ()) -> str:
    """Return a name that every file system takes; CD4+ and CD4- stay two, and a number tells apart what else is one."""
    plain = re.sub(r"(?:[^\w.+-]|_)+", "_", name).strip("._")[:60] or "unnamed"
    used = {other.lower() for other in taken}
    found, number = plain, 1
    while found.lower() in used:
        number += 1
        found = f"{plain}_{number}"
    return found
