"""Survival tables: Prism's grouped layout, and one row a subject with a status in either coding.

Whether 1 is an event or a censoring is never guessed. A column called "event" or "death" says it, "censored" or
"CNSR" says the reverse, Prism's layout has 1 for a death unless changed; a column called "status" or "cens" says
nothing (data sets in use have it either way), so the reader is asked.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gvlab import units
from gvlab.assay.readers.tables import TextTable, plain_name, read_table, unit_in
from gvlab.errors import InvalidValueError, UnitError

COLUMNS = ("subject", "arm", "duration", "event_observed", "entry", "cause")

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
)
ARM = ("arm", "group", "grp", "treatment", "cohort", "trt")
SUBJECT = ("subject", "mouse", "animal", "id", "mouse id", "animal id", "patient", "name")
EVENT = ("event_observed", "event", "events", "death", "dead", "died", "E", "deceased", "relapse")
CENSORED = ("censored", "CNSR", "is censored", "alive")
UNCLEAR = ("status", "cens", "censor", "censoring", "code", "outcome", "vital status")
_YES = frozenset({"dead", "died", "death", "deceased", "event", "yes", "true", "d", "y"})
_NO = frozenset({"alive", "censored", "living", "no", "false", "a", "n", "lost"})


@dataclass(frozen=True)
class Survival:
    """A survival table as read.

    Attributes
    ----------
    table
        Columns `COLUMNS`, times in days; cause is "" where the file has none.
    notes
        What was taken for what, in sentences.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


def read_survival(path: Path | str, event: int | None = None, sheet: str = "", time_unit: str = "") -> Survival:
    """Read a survival table from CSV or .xlsx.

    Parameters
    ----------
    path
        The file.
    event
        Which code is an event (a death): 1 or 0, in R's coding 2. Needed where the file does not tell.
    sheet
        Of a workbook; the first where none is named.
    time_unit
        "day", "week", "month" where the column's name does not tell; days otherwise.

    Raises
    ------
    InvalidValueError
        If a time is negative or missing, a code is none, or it is not clear which code is an event.
    """
    return from_table(read_table(path, sheet), event, time_unit)


def looks_like(table: TextTable) -> bool:
    """Return whether a table is a survival table: a time and a status, or Prism's columns of 0 and 1."""
    has_time = table.maybe(TIME) is not None
    has_status = any(table.maybe(names) is not None for names in (EVENT, CENSORED, UNCLEAR))
    return (has_time and has_status) or _is_grouped(table)


def from_table(table: TextTable, event: int | None = None, time_unit: str = "") -> Survival:
    """Read a survival table from cells; arguments and errors as `read_survival`."""
    if event not in (None, 0, 1, 2):
        raise InvalidValueError(f"event is {event}; it is the code of an event: 1, 0, or 2 in R's coding.")
    status = next((column for names in (EVENT, CENSORED, UNCLEAR) if (column := table.maybe(names)) is not None), None)
    if status is not None and table.maybe(TIME) is not None:
        return _long(table, event, time_unit)
    if _is_grouped(table):
        return _grouped(table, event, time_unit)
    raise InvalidValueError(
        f"{table.name} is no survival table. It needs a column of times and one of events (time, event), or Prism's "
        f"layout: times in the first column and a column of 0 and 1 for each group. It has: "
        f"{', '.join(cell for cell in table.cells[0] if cell)}."
    )


def _long(table: TextTable, event: int | None, time_unit: str) -> Survival:
    time = table.find(TIME, "times")
    factor, note = _time_factor(table.cells[0][time], time_unit)
    column, coded, how = _status_column(table, event)
    arm, subject = table.maybe(ARM), table.maybe(SUBJECT)
    entry, cause = table.maybe(("entry", "start", "entry time")), table.maybe(("cause", "cause of death"))
    rows = []
    for row in range(1, len(table.cells)):
        cells = table.cells[row]
        duration = _time(table, row, time) * factor
        code = cells[column].strip().lower()
        observed = _observed(code, coded, table.where(row, column))
        begin = table.number(row, entry, "a time") * factor if entry is not None else 0.0
        if begin > duration:
            raise InvalidValueError(
                f"The subject in {table.where(row, 0)} enters at {begin:g} and leaves at {duration:g}. Entry is first."
            )
        name = cells[subject] if subject is not None and cells[subject] else f"row {row}"
        group = cells[arm] if arm is not None else "all"
        rows.append((name, group, duration, observed, begin, cells[cause] if cause is not None else ""))
    notes = [note, how]
    if arm is None:
        notes.append('No column of groups was found (such as "group"), so all subjects are one.')
    found = _finish(rows, table, notes)
    if subject is not None:
        twice = found.table["subject"][found.table.duplicated(["subject", "arm"])]
        if len(twice):
            raise InvalidValueError(
                f'{table.name}: the subject "{twice.iloc[0]}" stands twice in its group. One row is one subject.'
            )
    return found


def _grouped(table: TextTable, event: int | None, time_unit: str) -> Survival:
    factor, note = _time_factor(table.cells[0][0], time_unit)
    groups = [column for column in range(1, len(table.cells[0])) if any(row[column] for row in table.cells)]
    rows: list[tuple[str, str, float, str, float, str, str]] = []
    for row in range(1, len(table.cells)):
        for column in groups:
            code = table.cells[row][column].strip()
            if code:
                duration = _time(table, row, 0) * factor
                name = table.cells[0][column] or f"group {column}"
                rows.append((f"{name} {len(rows) + 1}", name, duration, code, 0.0, "", table.where(row, column)))
    coded = event
    how = f"A code of {event} was taken for an event, as asked."
    if event is None:
        coded = 1
        how = "Prism's layout: 1 was taken for an event (a death), 0 for a censored subject."
        _ask_if_reversed(table, [(row[2], row[3]) for row in rows])
    read = [(*row[:3], _observed(row[3].lower(), coded, row[6]), *row[4:6]) for row in rows]
    return _finish(read, table, [note, how])


def _ask_if_reversed(table: TextTable, coded: list[tuple[float, str]]) -> None:
    """Ask where 1 stands for those still there at the end, and 0 for those who left before: that looks reversed."""
    last = max(time for time, _ in coded)
    at_end = [code for time, code in coded if time == last]
    before = [code for time, code in coded if time < last]
    if len(at_end) > 1 and before and all(code == "1" for code in at_end) and before.count("0") > len(before) / 2:
        raise InvalidValueError(
            f"{table.name}: everybody who reached the last day ({last:g}) has the code 1, and most who left before "
            "have 0. Is 1 an event (a death), or a censored subject? Say event=1 if 1 is a death, event=0 if 0 is."
        )


def _status_column(table: TextTable, event: int | None) -> tuple[int, int | None, str]:
    """Find the column of events; give it, the code of an event (None: words), and a sentence on it."""
    for names, code in ((EVENT, 1), (CENSORED, 0), (UNCLEAR, None)):
        column = table.maybe(names)
        if column is None:
            continue
        title = table.cells[0][column]
        codes = {row[column].strip().lower() for row in table.cells[1:]} - {""}
        if event is not None:
            return column, event, f'In "{title}" a code of {event} was taken for an event, as asked.'
        if codes and codes <= (_YES | _NO):
            reverse = code == 0 and codes <= {"yes", "no", "true", "false", "y", "n"}
            return column, -1 if reverse else None, f'"{title}" was read as words.'
        plain = {_plain_code(text) for text in codes}
        if plain <= {"1", "2"} and "2" in plain and code is None:
            return column, 2, f'"{title}" has 1 and 2: 2 was taken for an event, as in R.'
        if code is not None:
            other = "1 was taken for an event" if code else "1 was taken for a censored subject, 0 for an event"
            return column, code, f'In "{title}" {other}.'
        raise InvalidValueError(
            f'{table.name}: the column "{title}" has {_listed(plain)}, and its name does not tell which is an event (a '
            "death): such columns are in use both ways. Say event=1 if 1 is a death, event=0 if 0 is, or name the "
            'column "event" or "censored".'
        )
    raise InvalidValueError(f'{table.name} has no column of events. Name it "event" (1: died) or "censored".')


def _observed(code: str, coded: int | None, where: str) -> bool:
    """Return whether a code is an event; -1 stands for words that answer "censored?"."""
    if not code:
        raise InvalidValueError(f"The event in {where} is missing. Write whether the subject died or was censored.")
    if coded is None or coded == -1:
        if code in _YES or code in _NO:
            return (code in _YES) != (coded == -1)
    else:
        plain = _plain_code(code)
        allowed = {"1", "2"} if coded == 2 else {"0", "1"}
        if plain in allowed:
            return plain == str(coded)
        if code in _YES | _NO:
            return code in _YES
    raise InvalidValueError(f'"{code}" in {where} is no code of an event. Use 1 and 0, or "dead" and "censored".')


def _plain_code(code: str) -> str:
    return re.sub(r"\.0+$", "", code.strip())


def _time(table: TextTable, row: int, column: int) -> float:
    text = table.cells[row][column]
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


def _time_factor(title: str, time_unit: str) -> tuple[float, str]:
    """Return what a unit of time is in days, and a sentence on it."""
    named = time_unit or unit_in(title)
    if not named:
        plain = plain_name(title)
        named = next((unit for unit in ("day", "week", "month", "year", "hour") if plain.startswith(unit)), "")
    if not named:
        return 1.0, f'The unit of "{title}" is not named; days were taken.'
    try:
        factor = float(units.convert(1.0, units.check_unit(named.lower().rstrip("s") or named), "day"))
    except UnitError as error:
        raise InvalidValueError(f'"{title}": "{named}" is not a unit of time. Use days, weeks or months.') from error
    same = "" if factor == 1.0 else f" and converted to days (x {factor:g})"
    return factor, f'Times were read in "{named}"{same}.'


def _is_grouped(table: TextTable) -> bool:
    """Return whether a table has Prism's layout: numbers first, then columns of nothing but 0 and 1."""
    width = len(table.cells[0])
    if width < 2 or len(table.cells) < 3:
        return False
    codes = {_plain_code(cell) for row in table.cells[1:] for cell in row[1:] if cell.strip()}
    one_each = [sum(bool(cell.strip()) for cell in row[1:]) for row in table.cells[1:]]
    return bool(codes) and codes <= {"0", "1"} and bool(table.cells[0][0] or width > 2) and sum(one_each) > 1


def _finish(rows: list[tuple[str, str, float, bool, float, str]], table: TextTable, notes: list[str]) -> Survival:
    if not rows:
        raise InvalidValueError(f"{table.name} has no subjects below its header.")
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    if not found["event_observed"].any():
        notes.append("Nobody has an event; check which code is an event.")
    return Survival(found, tuple(notes))


def _listed(words: set[str]) -> str:
    shown = sorted(words)[:5]
    return " and ".join(shown) if len(shown) < 3 else ", ".join(shown)
