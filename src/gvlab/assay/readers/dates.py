"""Dates in the cells of a column, as days; which of two readings of 3/4/2026 is meant is asked, not guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, timedelta

from gvlab.assay.readers.tables import TextTable
from gvlab.errors import InvalidValueError

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?")
_NUMERIC = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?:[T ,].*)?")
_WORDS = re.compile(
    r"(\d{1,2})[-. ]*([A-Za-z]{3})[a-z]*[-., ]*(\d{4}|\d{2})|([A-Za-z]{3})[a-z]*\.? (\d{1,2}),? (\d{4})"
)
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_SERIALS = range(36526, 73051)
"""Days as spreadsheets count them, of this century."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def is_dates(table: TextTable, column: int) -> bool:
    """Return whether a column holds dates, and nothing else but empty cells."""
    cells = [row[column].strip() for row in table.cells[1:] if row[column].strip()]
    return bool(cells) and all(
        _ISO.fullmatch(c) or _NUMERIC.fullmatch(c) or _WORDS.fullmatch(c) or _is_serial(c) for c in cells
    )


def _is_serial(text: str) -> bool:
    return _SERIAL.fullmatch(text) is not None and int(float(text)) in _SERIALS


def read_dates(table: TextTable, column: int, beside: Sequence[int] = ()) -> list[float]:
    """Return the dates of a column as days since the year 1, NaN where a cell is empty.

    Columns `beside` hold dates written in the same way, which may tell whether the day or the month stands first.

    Raises
    ------
    InvalidValueError
        If a cell is no date, or the column does not tell whether the day or the month stands first.
    """
    cells = [row[column].strip() for row in table.cells[1:]]
    written = [row[place].strip() for place in (column, *beside) for row in table.cells[1:]]
    numeric = [found for cell in written if (found := _NUMERIC.fullmatch(cell))]
    day_first = _day_first(table, column, numeric)
    serials = [cell for cell in written if _is_serial(cell)]
    others = [cell for cell in written if cell and not _is_serial(cell)]
    if serials and others:
        # Two spreadsheets begin to count four years apart, so only differences of such numbers are sure.
        raise InvalidValueError(
            f'{table.name} has dates as numbers of a spreadsheet ("{serials[0]}") beside dates ("{others[0]}"). Write '
            "all of them as year-month-day, 2026-01-31."
        )
    days = []
    for row, cell in enumerate(cells, 1):
        try:
            days.append(float(_date(cell, day_first).toordinal()) if cell else math.nan)
        except ValueError as error:
            raise InvalidValueError(
                f'"{cell}" in {table.where(row, column)} is no date. Write it as year-month-day, 2026-01-31.'
            ) from error
    return days


def _day_first(table: TextTable, column: int, numeric: list[re.Match[str]]) -> bool:
    if not numeric:
        return True
    first, second = (max(int(found[part]) for found in numeric) for part in (1, 3))
    # Between points the day stands first wherever dates are written so.
    if first > 12 or (second <= 12 and all(found[2] == "." for found in numeric)):
        return True
    if second > 12:
        return False
    raise InvalidValueError(
        f'"{numeric[0][0]}" in the column "{table.cells[0][column]}" of {table.name}: no date of the column tells '
        "whether the day or the month stands first. Write dates as year-month-day, 2026-01-31."
    )


def _date(text: str, day_first: bool) -> date:
    if _is_serial(text):
        return date(1899, 12, 30) + timedelta(days=int(float(text)))
    iso, numeric, words = _ISO.fullmatch(text), _NUMERIC.fullmatch(text), _WORDS.fullmatch(text)
    if iso:
        return date(int(iso[1]), int(iso[2]), int(iso[3]))
    if numeric:
        day, month = (int(numeric[1]), int(numeric[3])) if day_first else (int(numeric[3]), int(numeric[1]))
        return date(_year(numeric[4]), month, day)
    if words:
        parts = (words[3], words[2], words[1]) if words[1] else (words[6], words[4], words[5])
        return date(_year(parts[0]), _MONTHS.index(parts[1].lower()) + 1, int(parts[2]))
    raise ValueError(text)


def _year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)
