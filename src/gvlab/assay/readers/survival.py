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
from gvlab.assay.readers.dates import is_dates
from gvlab.assay.readers.identity import refuse_identity
from gvlab.assay.readers.omitted import without_omitted
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
from gvlab.assay.readers.survival_times import (
    TIME,
    UNIT,
    against_dates,
    dated,
    durations_of,
    time_factor,
    time_of,
    units_of_rows,
)
from gvlab.assay.readers.tables import TextTable, plain_name
from gvlab.errors import InvalidValueError

COLUMNS = ("subject", "arm", "duration", "event_observed", "entry", "cause")

ARM = ("arm", "group", "grp", "treatment", "cohort", "trt")
SUBJECT = ("subject", "mouse", "animal", "id", "mouse id", "animal id", "patient", "USUBJID")
PATIENTS = ("patient", "usubjid")
ENTRY = ("entry", "entry time", "late entry", "left truncation")
COUNT = ("n", "count", "counts", "number of mice", "number of animals", "number of subjects", "freq", "frequency")
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
    has_time = table.maybe((stop, *TIME) if stop else TIME) is not None or dated(table) is not None
    has_status = any(table.maybe(names) is not None for names in (EVENT, CENSORED, UNCLEAR))
    known = (has_time and has_status) or _with_status(table) is not table
    return known or _is_grouped(table) or _grouped_below(table) is not None


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
    table = _with_status(table)
    status = any(table.maybe(names) is not None for names in (EVENT, CENSORED, UNCLEAR))
    if status and (columns.stop or table.maybe(TIME) is not None or dated(table) is not None):
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


def _with_status(table: TextTable) -> TextTable:
    """Return a table with a column of events where times alone tell them, "60+" for one who lived, as R writes it."""
    time = table.maybe(TIME)
    if time is None or any(table.maybe(names) is not None for names in (EVENT, CENSORED, UNCLEAR)):
        return table
    lived = [re.fullmatch(r"\s*([\d.,]+)\s*\+\s*", row[time]) for row in table.cells[1:]]
    if not any(lived):
        return table
    cells = [(*table.cells[0], EVENT[0])]
    for row, found in zip(table.cells[1:], lived, strict=True):
        plain = row if found is None else (*row[:time], found[1], *row[time + 1 :])
        cells.append((*plain, "1" if found is None else "0"))
    said = 'A time with a plus, such as "60+", was taken for one who lived then; the others had the event.'
    return dataclasses.replace(table, cells=tuple(cells), notes=(*table.notes, said))


def _check_counts(table: TextTable, weights: str) -> None:
    """Refuse rows that stand for several subjects; a running number is none of them, nor is a weight."""
    column = table.maybe(COUNT)
    if column is None or (weights and column == table.maybe((weights,))):
        return
    counts = [plain_code(row[column]) for row in table.cells[1:]]
    several = next((row for row, count in enumerate(counts, 1) if count not in ("", "1")), None)
    if several is not None and counts != [str(row) for row in range(1, len(table.cells))]:
        raise InvalidValueError(
            f"{table.where(several, column)} says that a row stands for {counts[several - 1]} subjects (column "
            f'"{table.cells[0][column]}"). Write one row a subject, or call the column otherwise if it counts nothing.'
        )


def _long(table: TextTable, event: int | str | None, time_unit: str, columns: Columns) -> Survival:
    table = without_omitted(table, SUBJECT)
    _check_counts(table, columns.weights)
    time = table.find((columns.stop,), "the end of a row") if columns.stop else table.maybe(TIME)
    dates = dated(table) if time is None else None
    durations, factors, note = durations_of(table, time, dates, time_unit)
    unit = table.maybe(UNIT) if time is not None and units_of_rows(table, time) else None
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
        entry = table.maybe((*ENTRY, *(() if dates else ("start", "tstart"))))
        entry = None if entry is not None and is_dates(table, entry) else entry
    cause = table.maybe(CAUSE)
    changed = table.find((columns.changes_at,), "the change of a subject") if columns.changes_at else None
    weight = table.find((columns.weights,), "the weight of a subject") if columns.weights else None
    numbers = [row for row in range(1, len(table.cells)) if not math.isnan(durations[row - 1])]
    groups, joined = read_arms(table, arm, numbers) if arm is not None else (["all"] * len(numbers), ())
    rows = []
    for row, group in zip(numbers, groups, strict=True):
        cells = table.cells[row]
        duration, factor = durations[row - 1], factors[row - 1]
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
    if entry is not None and not columns.start:
        notes.append(f'"{table.cells[0][entry]}" says from when on each counts as at risk.')
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
    notes += against_dates(table, time, durations)
    used = (time, *(dates or ()), column, arm, subject, entry, cause, changed, weight, unit)
    found = _finish(rows, table, [*notes, *table.unread(used)])
    if changed is not None:
        found.table[CHANGES_AT] = [table.number(row, changed, "a time") * factors[row - 1] for row in numbers]
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
    factor, note = time_factor(table.cells[0][0], time_unit)
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
                duration = time_of(table, row, 0) * factor
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
