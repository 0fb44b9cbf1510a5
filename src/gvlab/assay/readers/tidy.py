"""Tidy tables of readings: one row a reading, or one column an analyte with its unit in the name."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvlab.assay.readers.arms import join_spellings, read_arms
from gvlab.assay.readers.lab_units import days_in, factor_between, lab_unit, whole_of
from gvlab.assay.readers.limits import beyond_limit, read_limited
from gvlab.assay.readers.omitted import without_omitted
from gvlab.assay.readers.tables import TextTable, same_but_for_spelling, unit_in
from gvlab.assay.samples import COLUMNS
from gvlab.errors import InvalidValueError, UnitError, some_of

SUBJECT = (
    "subject", "mouse", "animal", "id", "mouse id", "animal id", "animal number", "patient", "subject id", "mouse no",
    "animal no", "patient id", "sample",
)  # fmt: skip
ARM = ("arm", "group", "treatment", "cohort", "treatment group", "study arm", "condition")
TIME = ("time", "day", "days", "time point", "timepoint", "week", "day post transplant", "study day")
ANALYTE = ("analyte", "marker", "readout", "parameter", "measure", "target", "cytokine", "test")
VALUE = ("value", "result", "reading", "concentration", "measurement")
UNIT = ("unit", "units")
ASSAY = ("assay", "method", "experiment")
_BELOW, _ABOVE = ("below_lloq", "below lloq"), ("above_uloq", "above uloq")
FLAG = ("flag", "flags", "range flag", "qc flag")
_TRUE = frozenset({"true", "yes", "1", "y"})


@dataclass(frozen=True)
class TidyReadings:
    """Readings as read.

    Attributes
    ----------
    table
        Columns as `gvlab.assay.samples.COLUMNS`, times in days; one row a subject, time and analyte.
    notes
        What was taken for what, in sentences.
    replicates
        The rows of the file where several were of one subject, time and analyte; None where there were none.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]
    replicates: pd.DataFrame | None = None


def looks_like(table: TextTable) -> bool:
    """Return whether a table is one of readings: values with units, in one column or in several."""
    if table.maybe(VALUE) is not None and (
        table.maybe(UNIT) is not None or table.maybe((*SUBJECT, *ANALYTE)) is not None
    ):
        return True
    return table.maybe(SUBJECT) is not None and any(unit_in(cell) for cell in _with_units(table).cells[0])


def _with_units(table: TextTable) -> TextTable:
    """Return a table with the units in its header where they stand in the row below it, alone."""
    if len(table.cells) < 3 or any(unit_in(cell) for cell in table.cells[0]):
        return table
    header, units = table.cells[:2]
    known = [table.maybe(names) for names in (SUBJECT, ARM)]
    if any(column is not None and units[column] for column in known):
        return table
    told = [column for column, unit in enumerate(units) if unit]
    if not told or any(re.fullmatch(r"[\d.,\s]+", units[column]) for column in told):
        return table
    try:
        for column in told:
            _ = days_in(units[column]) if column == table.maybe(TIME) else lab_unit(units[column].strip("()[] "))
    except UnitError:
        return table
    titled = tuple(
        f"{name} ({unit.strip('()[] ')})" if unit else name for name, unit in zip(header, units, strict=True)
    )
    rows_at = (table.rows_at[0], *table.rows_at[2:]) if table.rows_at else (1, *range(3, len(table.cells) + 1))
    return dataclasses.replace(table, cells=(titled, *table.cells[2:]), rows_at=rows_at)


def from_table(table: TextTable) -> TidyReadings:
    """Return readings read from cells; "<7.8" is a reading below the limit 7.8, "OVRFLW" one above a limit.

    Raises
    ------
    InvalidValueError
        If an arm, a subject or a unit is missing, a unit is unknown, or a cell is no number.
    """
    table = without_omitted(_with_units(table), SUBJECT)
    value = table.maybe(VALUE)
    columns = [value] if value is not None else _analyte_columns(table)
    unit, analyte = (table.maybe(UNIT), table.maybe(ANALYTE)) if value is not None else (None, None)
    if value is not None and unit is None and not unit_in(table.cells[0][value]):
        raise InvalidValueError(
            f'{table.name} has values without a unit. Add a column "unit", or write it into the name: "value (pg/mL)".'
        )
    subject, arm, time, assay = (table.maybe(names) for names in (SUBJECT, ARM, TIME, ASSAY))
    flags, word = (table.maybe(_BELOW), table.maybe(_ABOVE)), table.maybe(FLAG)
    # Words that say nothing of a limit are about something else.
    word = word if word is not None and any(beyond_limit(row[word]) for row in table.cells[1:]) else None
    cells = [(row, column) for row in range(1, len(table.cells)) for column in columns]
    read = [(row, column, read_limited(table, row, column)) for row, column in cells]
    missing = [table.cells[row][column] for row, column, reading in read if reading.missing]
    read = [(row, column, reading) for row, column, reading in read if not reading.missing]
    if not read:
        raise InvalidValueError(f"{table.name} has no readings below its header.")
    arms, joined = read_arms(table, arm, [row for row, _, _ in read]) if arm is not None else (["all"] * len(read), ())
    rows = []
    for (row, column, reading), group in zip(read, arms, strict=True):
        if subject is not None and not table.cells[row][subject]:
            raise InvalidValueError(f"The subject in {table.where(row, subject)} is missing. Write it into every row.")
        rows.append(
            (
                table.cells[row][subject] if subject is not None else f"row {row}",
                group,
                day_of(table, row, time) if time is not None else math.nan,
                table.cells[row][assay] if assay is not None else "",
                _analyte(table, row, column, analyte, unit),
                reading.value,
                _unit(table, row, column, unit),
                reading.below or _flag(table, row, flags[0]) or _said(table, row, word) == "below",
                reading.above or _flag(table, row, flags[1]) or _said(table, row, word) == "above",
                "",
            )
        )
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    found["analyte"], same = join_spellings(list(found["analyte"]))
    found, converted = _one_unit_each(found, table.name)
    used = (subject, arm, time, assay, analyte, unit, word, *flags, *columns)
    notes = [*table.notes, *joined, *same, *converted, *_baseline(found), *_shares(found), *table.unread(used)]
    # Of a wide table an empty cell is what was not read; a word that says so, or an empty row, is said again.
    said_missing = len(missing) if value is not None else sum(bool(text) for text in missing)
    if said_missing:
        notes.append(f"{said_missing} cell{'s hold' if said_missing > 1 else ' holds'} no reading and was left out.")
    if subject is None:
        notes.append("No column of subjects was found, so every row counts as one.")
        return TidyReadings(found, tuple(notes))
    notes += subjects_in_doubt(found)
    one, said = one_value_each(found)
    return TidyReadings(one, (*notes, *said), found if said else None)


def subjects_in_doubt(found: pd.DataFrame) -> tuple[str, ...]:
    """Return sentences on subjects of two arms, and on names that differ in spelling only; they count as they stand."""
    pairs = found[["subject", "arm"]].drop_duplicates()
    twice = list(pairs["subject"][pairs["subject"].duplicated()].drop_duplicates())
    alike = [f'"{name}" and "{one}"' for name, one in same_but_for_spelling(pairs["subject"]).items() if name != one]
    notes = []
    if twice:
        notes.append(f"In more than one arm, and counted in each: {some_of(twice)}.")
    if alike:
        notes.append(f"Subjects whose names differ in spelling only count as two: {some_of(alike)}.")
    return tuple(notes)


def _shares(found: pd.DataFrame) -> tuple[str, ...]:
    """Return sentences on analytes in % that may be fractions, all of them or some; they are not changed."""
    percent = found[found["unit"] == "%"]
    top = percent.groupby("analyte", sort=False)["value"].agg(["max", "size"])
    doubtful = [f'"{name}"' for name in top.index[(top["max"] <= 1.0) & (top["size"] > 1)]]
    notes = []
    if doubtful:
        notes.append(
            f"In % by its name, and nowhere above 1: {', '.join(doubtful)}. Fractions would have to be times 100."
        )
    above = [
        f'{int((rows["value"] > 100).sum())} of {len(rows)} of "{name}" ({rows["value"].max():g} at most)'
        for name, rows in percent.groupby("analyte", sort=False)
        if (rows["value"] > 100).any()
    ]
    if above:
        notes.append(
            f"Above 100 %: {', '.join(above)}. That may be a share of a control, and is no share of cells. They count "
            "as they stand."
        )
    for (analyte, arm, time), rows in percent.groupby(["analyte", "arm", "time"], sort=False, dropna=False):
        values = rows["value"].to_numpy(dtype=np.float64)
        small, large = values[(values > 0) & (values < 1)], values[values >= 1]
        # Fractions and percentages of one population lie a hundred times apart, with nothing between them.
        if small.size and large.size and large.min() > 30 * small.max():
            day = "" if math.isnan(float(str(time))) else f" on day {time:g}"
            notes.append(
                f'"{analyte}" in "{arm}"{day} is {small.max():g} at most in {small.size} of {values.size} readings and '
                f"{large.min():g} at least in the others. Are some of them fractions? They count as they stand, in %."
            )
    return tuple(notes)


def one_value_each(readings: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return one row a subject, time and analyte: wells of one animal are one animal; and a sentence where it matters.

    The value is the mean of the replicates within the limits. Those beyond are not put in place of a number; where all
    are, the value is the limit and the flag stands.
    """
    keys = ["subject", "arm", "time", "assay", "analyte"]
    counts = readings.groupby(keys, sort=False, dropna=False).size()
    if (counts == 1).all():
        return readings, ()
    rows, partly = [], 0
    for _, group in readings.groupby(keys, sort=False, dropna=False):
        within = group[~group["below_lloq"] & ~group["above_uloq"]]
        first = group.iloc[0].to_dict()
        if len(within):
            first |= {"value": float(within["value"].mean()), "below_lloq": False, "above_uloq": False}
            partly += len(within) < len(group)
        else:
            first |= {"value": float(group["value"].mean()), "below_lloq": bool(group["below_lloq"].any())}
            first |= {"above_uloq": bool(group["above_uloq"].any())}
        rows.append(first)
    notes = [
        f"{len(readings)} readings are of {len(rows)} subjects and times; replicates were averaged, and each subject "
        "counts once."
    ]
    if partly:
        notes.append(f"Of {partly} of them some replicates lie beyond a limit; the mean is of the others.")
    return pd.DataFrame(rows, columns=list(readings.columns)), tuple(notes)


def _analyte_columns(table: TextTable) -> list[int]:
    known = [found for names in (SUBJECT, ARM, TIME, ASSAY) if (found := table.maybe(names)) is not None]
    columns = [column for column, title in enumerate(table.cells[0]) if column not in known and unit_in(title)]
    if not columns:
        raise InvalidValueError(
            f'{table.name} has no column of values. Name it "value", or give each analyte a column with its unit in '
            f'brackets, "IL-15 (pg/mL)". It has: {table.headings()}.'
        )
    return columns


def _analyte(table: TextTable, row: int, column: int, analyte: int | None, unit: int | None) -> str:
    """Return what was read; shares of two wholes, "CD8 (% of CD45+)" and "CD8 (% of live)", are two things."""
    name = (table.cells[row][analyte] if analyte is not None else "") or _title(table, column)
    whole = whole_of(_unit_text(table, row, column, unit))
    return f"{name} of {whole}" if whole else name


def _unit_text(table: TextTable, row: int, column: int, unit: int | None) -> str:
    return table.cells[row][unit] if unit is not None else unit_in(table.cells[0][column])


def _title(table: TextTable, column: int) -> str:
    return re.sub(r"\s*[\[(].*?[\])]\s*", "", table.cells[0][column]).strip()


def day_of(table: TextTable, row: int, column: int) -> float:
    """Return a time in days; "day 5", "D5" and "5" are the same, and a baseline is before day 0.

    Raises
    ------
    InvalidValueError
        If it is no number, or the column's unit is none of time.
    """
    text = table.cells[row][column]
    written = re.fullmatch(r"\s*(?:day|d)[\s_]*([-+\u2212]?\d+(?:\.\d+)?)\s*", text, re.IGNORECASE)
    week = re.fullmatch(r"\s*(?:week|wk|w)[\s_]*([-+\u2212]?\d+(?:\.\d+)?)\s*", text, re.IGNORECASE)
    if week:
        return 7.0 * float(week[1].replace("\u2212", "-"))
    if written:
        return float(written[1].replace("\u2212", "-"))
    if re.fullmatch(r"\s*(baseline|pre|before)\s*", text, re.IGNORECASE):
        raise InvalidValueError(
            f'"{text}" in {table.where(row, column)} is no day. Write the day of the baseline, such as -1 or 0.'
        )
    title = table.cells[0][column]
    with_unit = re.fullmatch(
        r"\s*([-+\u2212]?\d+(?:\.\d+)?)\s*(days?|d|weeks?|wks?|months?|hours?|hrs?|h)\s*", text, re.IGNORECASE
    )
    if with_unit:
        return float(with_unit[1].replace("\u2212", "-")) * days_in(with_unit[2])
    named = unit_in(title) or ("week" if title.lower().startswith("week") else "day")
    found = table.number(row, column, "a time")
    try:
        return found * days_in(named)
    except UnitError as error:
        raise InvalidValueError(f'"{title}": "{named}" is not a unit of time. Use days, weeks or months.') from error


def _baseline(found: pd.DataFrame) -> tuple[str, ...]:
    before = sorted(found.loc[found["time"] < 0, "time"].unique())
    if not before:
        return ()
    return (f"Read before day 0: day {', '.join(f'{day:g}' for day in before)}.",)


def _flag(table: TextTable, row: int, column: int | None) -> bool:
    return column is not None and table.cells[row][column].strip().lower() in _TRUE


def _said(table: TextTable, row: int, column: int | None) -> str | None:
    """Return "below" or "above" where a column of flags says so in a word, None where it is empty.

    Raises
    ------
    InvalidValueError
        If another word stands there, which may mean that the reading does not count.
    """
    text = "" if column is None else table.cells[row][column].strip()
    found = beyond_limit(text) if text else None
    if text and found is None and text.lower() not in ("ok", "no", "none", "0", "false", "-"):
        raise InvalidValueError(
            f'"{text}" in {table.where(row, column or 0)} is no flag that is known. Write "below" or "above"; for a '
            'reading that does not count name a column "excluded".'
        )
    return found


def _unit(table: TextTable, row: int, column: int, unit: int | None) -> str:
    text = _unit_text(table, row, column, unit)
    where = table.where(row, unit) if unit is not None else f'"{table.cells[0][column]}"'
    if not text:
        raise InvalidValueError(f"The unit in {where} is missing. Write it, such as pg/mL.")
    try:
        found = lab_unit(text)
    except UnitError as error:
        raise InvalidValueError(f"The unit in {where}: {error}") from error
    if table.cells[row][column].endswith("%") and found != "%":
        raise InvalidValueError(
            f'"{table.cells[row][column]}" in {table.where(row, column)} is a percentage, and its unit is {found}. '
            "Write the number in its unit, or the unit as %."
        )
    return found


def _one_unit_each(found: pd.DataFrame, name: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return readings with one unit an analyte: converted where that is exact, told apart where it is not.

    Raises
    ------
    InvalidValueError
        If fractions stand beside percentages.
    """
    notes: list[str] = []
    for analyte, rows in found.groupby("analyte", sort=False):
        written = list(dict.fromkeys(rows["unit"]))
        if {"%", "fraction"} <= set(written) or {"%", "dimensionless"} <= set(written):
            raise InvalidValueError(
                f'{name}: "{analyte}" is in % and as a fraction. Write all of its readings in one of the two.'
            )
        names = {written[0]: analyte}
        for unit in written[1:]:
            here = (found["analyte"] == analyte) & (found["unit"] == unit)
            factors = ((kept, factor_between(unit, kept)) for kept in names)
            kept, factor = next((each for each in factors if each[1] is not None), (unit, None))
            if factor is not None:
                found.loc[here, "value"] *= factor
                found.loc[here, "unit"] = kept
                found.loc[here, "analyte"] = names[kept]
                notes += [f'"{analyte}" was converted from {unit} to {kept} (x {factor:g}).'] if factor != 1 else []
            else:
                names[unit] = found.loc[here, "analyte"] = f"{analyte} ({unit})"
                notes.append(
                    f'"{analyte}" is in {written[0]} and in {unit}, between which there is no conversion; the second '
                    f'is called "{analyte} ({unit})".'
                )
    return found, tuple(notes)
