"""Times of a survival table: a column with its unit, a unit of each row, or two dates."""

from __future__ import annotations

import math
import re

from gvlab.assay.readers.dates import is_dates, read_dates
from gvlab.assay.readers.lab_units import days_in
from gvlab.assay.readers.tables import TextTable, plain_name, unit_in
from gvlab.errors import InvalidValueError, UnitError, some_of

TIME = (
    "duration",
    "time",
    "days",
    "day",
    "T",
    "survival",
    "survival time",
    "months",
    "weeks",
    "OS",
    "X",
    "time to event",
    "survival days",
    "days survived",
    "day of death",
    "days to death",
    "follow up",
    "stop",
    "tstop",
)
START = (
    "start date",
    "date of transplant",
    "transplant date",
    "transplant",
    "transplanted",
    "enrolled",
    "start",
    "date of injection",
    "injected",
    "enrollment date",
    "date of enrollment",
    "inoculation date",
    "day 0",
)
END = (
    "end date",
    "date of death",
    "death date",
    "death",
    "final date",
    "last date",
    "date of event",
    "event date",
    "last seen",
    "date of last follow up",
    "date of death or censoring",
    "end",
    "died on",
)
UNIT = ("unit", "units", "time unit", "unit of time")
_CENSORED_TIME = re.compile(r"\s*(?:([\d.,]+)\s*\+|[>\u2265]\s*=?\s*([\d.,]+))\s*")


def dated(table: TextTable) -> tuple[int, int] | None:
    """Return the columns of first and last dates; None where there are none."""
    columns = []
    for names in (START, END):
        found = [column for name in names if (column := table.maybe((name,))) is not None and is_dates(table, column)]
        if not found:
            return None
        columns.append(found[0])
    return columns[0], columns[1]


def durations_of(
    table: TextTable, time: int | None, dates: tuple[int, int] | None, time_unit: str
) -> tuple[list[float], list[float], str]:
    """Return days from start to end of each row (NaN where a date is missing), its factor to days, and a sentence."""
    rows = range(1, len(table.cells))
    if time is not None:
        units = units_of_rows(table, time)
        if units:
            factors = [days_in(each) for each in units]
            note = f'Times were read in the unit of each row, "{table.cells[0][table.maybe(UNIT) or 0]}".'
        else:
            factor, note = time_factor(table.cells[0][time], time_unit)
            factors = [factor for _ in rows]
        return [time_of(table, row, time) * factors[row - 1] for row in rows], factors, note
    first, last = dates if dates is not None else (0, 0)
    days = [
        end - begin
        for begin, end in zip(read_dates(table, first, (last,)), read_dates(table, last, (first,)), strict=True)
    ]
    for row, found in enumerate(days, 1):
        if found < 0:
            raise InvalidValueError(
                f"The date in {table.where(row, last)} is before that in {table.where(row, first)}."
            )
    titles = table.cells[0][first], table.cells[0][last]
    return days, [1.0 for _ in rows], f'Times are days from "{titles[0]}" to "{titles[1]}".'


def against_dates(table: TextTable, time: int | None, durations: list[float]) -> list[str]:
    """Return a sentence on rows whose times are not what their dates say, where a table has both."""
    dates = dated(table)
    if time is None or dates is None:
        return []
    try:
        between, *_ = durations_of(table, None, dates, "")
    except InvalidValueError:
        return []
    off = [
        f"row {table.rows_at[row] if table.rows_at else row + 1} ({written:g}, by dates {counted:g})"
        for row, (written, counted) in enumerate(zip(durations, between, strict=True), 1)
        if not math.isnan(counted) and abs(counted - written) > 1.0
    ]
    if not off:
        return []
    return [f'"{table.cells[0][time]}" was used, and not the dates, which say otherwise in {some_of(off)}.']


def units_of_rows(table: TextTable, time: int) -> list[str]:
    """Return the unit of the time of each row, where a column says it; none where that is about something else.

    Raises
    ------
    InvalidValueError
        If some of them are units of time and others are not, or the name of the column of times says another.
    """
    column = table.maybe(UNIT)
    if column is None:
        return []
    written = [row[column].strip() for row in table.cells[1:]]
    wrong = [row for row, unit in enumerate(written, 1) if not _is_time(unit)]
    if len(wrong) == len(written):
        return []
    if wrong:
        raise InvalidValueError(
            f'"{written[wrong[0] - 1]}" in {table.where(wrong[0], column)} is no unit of time, and others of its '
            "column are. Write days, weeks or months into every row."
        )
    titled = unit_in(table.cells[0][time])
    other = next((row for row, unit in enumerate(written, 1) if titled and days_in(unit) != days_in(titled)), None)
    if other is not None:
        raise InvalidValueError(
            f'The unit in {table.where(other, column)} is "{written[other - 1]}", and "{table.cells[0][time]}" says '
            f'"{titled}". Leave one of them out.'
        )
    return written


def _is_time(unit: str) -> bool:
    try:
        days_in(unit)
    except UnitError:
        return False
    return True


def time_of(table: TextTable, row: int, column: int) -> float:
    """Return the time in a cell, in the unit of its column; raise if it is missing, negative or a limit."""
    text = table.cells[row][column]
    lived = _CENSORED_TIME.fullmatch(text)
    if lived:
        raise InvalidValueError(
            f'"{text}" in {table.where(row, column)} is a time beyond which nobody looked. Write '
            f"{lived[1] or lived[2]}, and in the column of events that the subject was censored."
        )
    words = re.fullmatch(r"\s*[-+]?[\d.,]+\s*([A-Za-z]+)\.?\s*", text)
    if words:
        raise InvalidValueError(
            f'"{text}" in {table.where(row, column)} has a unit of its own. Put one unit into the name of the column, '
            'such as "time (days)", and only numbers below it.'
        )
    found = table.number(row, column, "a time")
    if math.isnan(found):
        raise InvalidValueError(f"The time in {table.where(row, column)} is missing. Remove the row, or fill it in.")
    if found < 0:
        raise InvalidValueError(
            f"The time in {table.where(row, column)} is negative ({found:g}). Time zero is the transplant; give times "
            "from there, and leave out those who died before."
        )
    return found


def time_factor(title: str, time_unit: str) -> tuple[float, str]:
    """Return what a unit of time is in days, and a sentence on it."""
    named = time_unit or unit_in(title)
    if not named:
        plain = plain_name(title)
        named = next((unit for unit in ("day", "week", "month", "year", "hour") if plain.startswith(unit)), "")
    if not named:
        return 1.0, f'The unit of "{title}" is not named; days were taken.'
    try:
        factor = days_in(named)
    except UnitError as error:
        raise InvalidValueError(f'"{title}": "{named}" is not a unit of time. Use days, weeks or months.') from error
    same = "" if factor == 1.0 else f" and converted to days (x {factor:g})"
    return factor, f'Times were read in "{named}"{same}.'
