"""Survival tables: Prism's grouped layout, and one row a subject with a status in either coding.

Whether 1 is an event or a censoring is never guessed. A column called "event" or "death" says it, "censored" or
"CNSR" says the reverse, Prism's layout has 1 for a death unless changed; a column called "status" or "cens" says
nothing (data sets in use have it either way), so the reader is asked.
"""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass

import pandas as pd

from gvlab.assay.readers.arms import join_spellings, read_arms
from gvlab.assay.readers.dates import is_dates, read_dates
from gvlab.assay.readers.identity import refuse_identity
from gvlab.assay.readers.lab_units import days_in
from gvlab.assay.readers.survival_columns import (
    CHANGES_AT,
    NO_COLUMNS,
    ROW,
    WEIGHT,
    Columns,
    rows_of_subjects,
    weight_in,
)
from gvlab.assay.readers.survival_status import (
    CENSORED,
    EVENT,
    UNCLEAR,
    ask_if_reversed,
    is_observed,
    plain_code,
    status_column,
)
from gvlab.assay.readers.tables import TextTable, plain_name, unit_in
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
ARM = ("arm", "group", "grp", "treatment", "cohort", "trt")
SUBJECT = ("subject", "mouse", "animal", "id", "mouse id", "animal id", "patient", "USUBJID")
PATIENTS = ("patient", "usubjid")
CAUSE = ("cause", "cause of death", "event type", "reason", "reason of death")


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


def looks_like(table: TextTable, stop: str = "") -> bool:
    """Return whether a table is a survival table: a time (or two dates) and a status, or Prism's columns of 0 and 1."""
    has_time = table.maybe((stop, *TIME) if stop else TIME) is not None or _dated(table) is not None
    has_status = any(table.maybe(names) is not None for names in (EVENT, CENSORED, UNCLEAR))
    return (has_time and has_status) or _is_grouped(table) or _grouped_below(table) is not None


def from_table(
    table: TextTable, event: int | str | None = None, time_unit: str = "", columns: Columns = NO_COLUMNS
) -> Survival:
    """Return a survival table read from cells.

    Parameters
    ----------
    table
        Cells of the file.
    event
        Which code is an event (a death): 1 or 0, in R's coding 2, or a word of the file, "Died". Needed where the file
        does not tell.
    time_unit
        "day", "week", "month" where the column's name does not tell; days otherwise.
    columns
        What only the owner of the table can name.

    Raises
    ------
    InvalidValueError
        If a time is negative or missing, a code or an arm is none, it is not clear which code is an event, a weight is
        none, rows of a subject overlap or end twice, or a column may tell who a patient is.
    UnknownNameError
        If a column that is named is not there.
    """
    refuse_identity(table.cells[0], table.name)
    if isinstance(event, str) and event.strip() in ("0", "1", "2"):
        event = int(event)
    if isinstance(event, int) and event not in (0, 1, 2):
        raise InvalidValueError(f"event is {event}; it is the code of an event: 1, 0, or 2 in R's coding, or a word.")
    status = any(table.maybe(names) is not None for names in (EVENT, CENSORED, UNCLEAR))
    if status and (columns.stop or table.maybe(TIME) is not None or _dated(table) is not None):
        return _long(table, event, time_unit, columns)
    for option in dataclasses.fields(columns):
        if getattr(columns, option.name):
            raise InvalidValueError(
                f"{table.name} has Prism's layout, which has no such columns, so {option.name}= has no effect. Leave "
                "it out, or give one row a subject."
            )
    if _is_grouped(table):
        return _grouped(table, event, time_unit)
    below = _grouped_below(table)
    if below is not None:
        return _grouped(below, event, time_unit)
    raise InvalidValueError(
        f"{table.name} is no survival table. It needs a column of times and one of events (time, event), or Prism's "
        f"layout: times in the first column and a column of 0 and 1 for each group. It has: {table.headings()}."
    )


def _dated(table: TextTable) -> tuple[int, int] | None:
    """Return the columns of first and last dates; None where there are none."""
    columns = []
    for names in (START, END):
        found = [column for name in names if (column := table.maybe((name,))) is not None and is_dates(table, column)]
        if not found:
            return None
        columns.append(found[0])
    return columns[0], columns[1]


def _long(table: TextTable, event: int | str | None, time_unit: str, columns: Columns) -> Survival:
    time = table.find((columns.stop,), "the end of a row") if columns.stop else table.maybe(TIME)
    dates = _dated(table) if time is None else None
    durations, factor, note = _durations(table, time, dates, time_unit)
    column, coded, how = status_column(table, event)
    arm, subject = table.maybe(ARM), table.maybe(SUBJECT)
    entry: int | None
    if columns.start:
        entry = table.find((columns.start,), "the start of a row")
        if subject is None:
            raise InvalidValueError(
                f"{table.name} has rows from start to stop, but no column that says whose they are. Add one, such as "
                '"id".'
            )
    else:
        entry = table.maybe(("entry", "entry time", *(() if dates else ("start", "tstart"))))
        entry = None if entry is not None and is_dates(table, entry) else entry
    cause = table.maybe(CAUSE)
    changed = table.find((columns.changes_at,), "the change of a subject") if columns.changes_at else None
    weight = table.find((columns.weights,), "the weight of a subject") if columns.weights else None
    numbers = [row for row in range(1, len(table.cells)) if not math.isnan(durations[row - 1])]
    groups, joined = read_arms(table, arm, numbers) if arm is not None else (["all"] * len(numbers), ())
    rows = []
    for row, group in zip(numbers, groups, strict=True):
        cells = table.cells[row]
        duration = durations[row - 1]
        observed = is_observed(cells[column].strip().lower(), coded, table.where(row, column))
        begin = table.number(row, entry, "a time") * factor if entry is not None else 0.0
        if columns.start and not 0 <= begin < duration:
            raise InvalidValueError(
                f"The row in {table.where(row, entry or 0)} starts at {begin / factor:g} and stops at "
                f"{duration / factor:g}. A row starts at 0 or later, and before it stops: remove one without length."
            )
        if not 0 <= begin <= duration:
            raise InvalidValueError(
                f"The subject in {table.where(row, 0)} enters at {begin:g} and leaves at {duration:g}. Entry is first."
            )
        name = cells[subject] if subject is not None and cells[subject] else f"row {row}"
        rows.append((name, group, duration, observed, begin, cells[cause] if cause is not None else ""))
    notes = [note, how, *joined]
    if dates and len(numbers) < len(table.cells) - 1:
        lost = [
            table.cells[row][subject] if subject is not None else f"row {row}" for row in range(1, len(table.cells))
        ]
        lost = [name for name, days in zip(lost, durations, strict=True) if math.isnan(days)]
        notes.append(
            f"Left out, since a date is missing: {', '.join(lost)}. Of one that lives give the day it was last seen."
        )
    if arm is None:
        notes.append('No column of groups was found (such as "group"), so all subjects are one.')
    notes += _causes(rows, table, cause)
    notes += _against_dates(table, time, durations)
    used = (time, *(dates or ()), column, arm, subject, entry, cause, changed, weight)
    found = _finish(rows, table, [*notes, *table.unread(used)])
    if changed is not None:
        found.table[CHANGES_AT] = [table.number(row, changed, "a time") * factor for row in numbers]
    if weight is not None:
        found.table[WEIGHT] = [weight_in(table, row, weight) for row in numbers]
        heaviest = found.table.groupby("arm", sort=False)[WEIGHT].max()
        if (heaviest == 0).any():
            raise InvalidValueError(
                f'{table.name}: in the arm "{heaviest.index[heaviest == 0][0]}" every weight is 0, so nobody is left '
                "to speak of. Remove the arm, or correct the weights."
            )
    if columns.start:
        found.table[ROW] = rows_of_subjects(found.table, table, numbers)
    elif subject is not None:
        # Animals of each arm are often numbered from 1; a patient is one, whichever arm.
        of_patients = plain_name(table.cells[0][subject]) in PATIENTS
        twice = found.table["subject"][found.table.duplicated(["subject"] if of_patients else ["subject", "arm"])]
        if len(twice):
            raise InvalidValueError(
                f'{table.name}: the subject "{twice.iloc[0]}" stands twice, so it has two ends. One row '
                "is one subject; of rows from start to stop say start=... and stop=..., their columns."
            )
    return found


def _durations(
    table: TextTable, time: int | None, dates: tuple[int, int] | None, time_unit: str
) -> tuple[list[float], float, str]:
    """Return days from start to end of each row (NaN where a date is missing), the factor to days, and a sentence."""
    if time is not None:
        factor, note = _time_factor(table.cells[0][time], time_unit)
        return [_time(table, row, time) * factor for row in range(1, len(table.cells))], factor, note
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
    return days, 1.0, f'Times are days from "{titles[0]}" to "{titles[1]}".'


def _against_dates(table: TextTable, time: int | None, durations: list[float]) -> list[str]:
    """Return a sentence on rows whose times are not what their dates say, where a table has both."""
    dates = _dated(table)
    if time is None or dates is None:
        return []
    try:
        between, *_ = _durations(table, None, dates, "")
    except InvalidValueError:
        return []
    off = [
        f"row {table.rows_at[row] if table.rows_at else row + 1} ({written:g}, by dates {counted:g})"
        for row, (written, counted) in enumerate(zip(durations, between, strict=True), 1)
        if not math.isnan(counted) and abs(counted - written) > 1.0
    ]
    if not off:
        return []
    more = f" and {len(off) - 6} more" if len(off) > 6 else ""
    return [f'"{table.cells[0][time]}" was used, and not the dates, which say otherwise in {", ".join(off[:6])}{more}.']


def _causes(rows: list[tuple[str, str, float, bool, float, str]], table: TextTable, cause: int | None) -> list[str]:
    if cause is None:
        return []
    unknown = sum(observed and not row_cause for *_, observed, _, row_cause in rows)
    censored = sum(bool(row_cause) and not observed for *_, observed, _, row_cause in rows)
    notes = [f'Causes were taken from "{table.cells[0][cause]}".']
    if unknown:
        notes.append(f'{unknown} with the event have no cause; they count as "unknown".')
    if censored:
        notes.append(f"{censored} have a cause and no event; they count as censored.")
    return notes


def _grouped(table: TextTable, event: int | str | None, time_unit: str) -> Survival:
    factor, note = _time_factor(table.cells[0][0], time_unit)
    groups = [column for column in range(1, len(table.cells[0])) if any(row[column] for row in table.cells[1:])]
    for column in groups:
        if not table.cells[0][column].strip():
            row = next(row for row in range(1, len(table.cells)) if table.cells[row][column])
            raise InvalidValueError(
                f"The column of {table.where(row, column)} has no name, so it is not clear to which group it belongs. "
                "Write the name of the group above each of its columns."
            )
    names, joined = join_spellings([table.cells[0][column] for column in groups])
    rows: list[tuple[str, str, float, str, float, str, str]] = []
    for row in range(1, len(table.cells)):
        for column, name in zip(groups, names, strict=True):
            code = table.cells[row][column].strip()
            if code:
                duration = _time(table, row, 0) * factor
                rows.append((f"{name} {len(rows) + 1}", name, duration, code, 0.0, "", table.where(row, column)))
    if isinstance(event, str):
        raise InvalidValueError(f'{table.name} has codes 0 and 1 and no word "{event}". Say event=1 or event=0.')
    coded = event
    how = f"A code of {event} was taken for an event, as asked."
    if event is None:
        coded = 1
        how = "Prism's layout: 1 was taken for an event (a death), 0 for a censored subject."
        ask_if_reversed(table, [(row[2], row[3]) for row in rows])
    read = [(*row[:3], is_observed(row[3].lower(), coded, row[6]), *row[4:6]) for row in rows]
    return _finish(read, table, [note, how, *joined])


def _grouped_below(table: TextTable) -> TextTable | None:
    """Return Prism's layout with names of groups over several columns each, as one header; None if it is another.

    ``,Vehicle,,Sorafenib,`` above ``Days,M1,M2,M1,M2``: the names of groups reach to the right up to the next.
    """
    if len(table.cells) < 4 or table.cells[0][0].strip() or not any(table.cells[0][1:]):
        return None
    below = table.below(1)
    if not _is_grouped(below) or any(plain_code(cell) in ("0", "1") for cell in below.cells[0][1:]):
        return None
    names, name = [], ""
    for above in table.cells[0][1:]:
        name = above.strip() or name
        names.append(name)
    if not all(names):
        return None
    header = (below.cells[0][0], *names)
    return dataclasses.replace(below, cells=(header, *below.cells[1:]))


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
        factor = days_in(named)
    except UnitError as error:
        raise InvalidValueError(f'"{title}": "{named}" is not a unit of time. Use days, weeks or months.') from error
    same = "" if factor == 1.0 else f" and converted to days (x {factor:g})"
    return factor, f'Times were read in "{named}"{same}.'


def _is_grouped(table: TextTable) -> bool:
    """Return whether a table has Prism's layout: numbers first, then columns of nothing but 0 and 1."""
    width = len(table.cells[0])
    if width < 2 or len(table.cells) < 3:
        return False
    codes = {plain_code(cell) for row in table.cells[1:] for cell in row[1:] if cell.strip()}
    one_each = [sum(bool(cell.strip()) for cell in row[1:]) for row in table.cells[1:]]
    return bool(codes) and codes <= {"0", "1"} and bool(table.cells[0][0] or width > 2) and sum(one_each) > 1


def _finish(rows: list[tuple[str, str, float, bool, float, str]], table: TextTable, notes: list[str]) -> Survival:
    if not rows:
        raise InvalidValueError(f"{table.name} has no subjects below its header.")
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    notes = [*table.notes, *notes]
    if not found["event_observed"].any():
        notes.append("Nobody has an event; check which code is an event.")
    return Survival(found, tuple(notes))
