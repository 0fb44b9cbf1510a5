"""Tidy tables of readings: one row a reading, or one column an analyte with its unit in the name."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pandas as pd

from gvlab import units
from gvlab.assay.readers.tables import TextTable, read_table, unit_in
from gvlab.assay.samples import COLUMNS
from gvlab.errors import InvalidValueError, UnitError

SUBJECT = ("subject", "mouse", "animal", "id", "mouse id", "animal id", "animal number", "patient", "sample")
ARM = ("arm", "group", "treatment", "cohort")
TIME = ("time", "day", "days", "time point", "timepoint", "week")
ANALYTE = ("analyte", "marker", "readout", "parameter", "measure", "target")
VALUE = ("value", "result", "reading", "concentration", "measurement")
UNIT = ("unit", "units")
ASSAY = ("assay", "method", "experiment")
_BELOW, _ABOVE = ("below_lloq", "below lloq"), ("above_uloq", "above uloq")
_LIMIT = re.compile(r"\s*([<>])\s*=?\s*(.+)")
_TRUE = frozenset({"true", "yes", "1", "y"})


def read_tidy(path: Path | str, sheet: str = "") -> pd.DataFrame:
    """Read a table of readings from CSV or .xlsx.

    Parameters
    ----------
    path
        The file.
    sheet
        Of a workbook; the first where none is named.

    Returns
    -------
    Columns as `gvlab.assay.samples.COLUMNS`, times in days; "<7.8" is a reading below the limit 7.8.

    Raises
    ------
    InvalidValueError
        If a unit is missing, unknown or mixed within an analyte, or a cell is not a number.
    """
    return from_table(read_table(path, sheet))


def looks_like(table: TextTable) -> bool:
    """Return whether a table is one of readings: values with units, in one column or in several."""
    if table.maybe(VALUE) is not None:
        return True
    return table.maybe(SUBJECT) is not None and any(unit_in(cell) for cell in table.cells[0])


def from_table(table: TextTable) -> pd.DataFrame:
    """Read readings from cells; errors as `read_tidy`."""
    value = table.maybe(VALUE)
    found = _long(table, value) if value is not None else _wide(table)
    _one_unit(found, table.name)
    return found


def _long(table: TextTable, value: int) -> pd.DataFrame:
    analyte, unit = table.maybe(ANALYTE), table.maybe(UNIT)
    in_name = unit_in(table.cells[0][value])
    if unit is None and not in_name:
        raise InvalidValueError(
            f'{table.name} has values without a unit. Add a column "unit", or write it into the name: "value (pg/mL)".'
        )
    rows = []
    for row in range(1, len(table.cells)):
        cells = table.cells[row]
        number, below, above = _reading(table, row, value)
        if math.isnan(number):
            continue
        written = cells[unit] if unit is not None else in_name
        where = table.where(row, unit if unit is not None else value)
        name = cells[analyte] if analyte is not None else table.cells[0][value]
        below = below or _flag(table, row, _BELOW)
        above = above or _flag(table, row, _ABOVE)
        rows.append(_row(table, row, name, number, _unit(written, where), below, above))
    return _frame(rows, table)


def _wide(table: TextTable) -> pd.DataFrame:
    columns = [column for column, title in enumerate(table.cells[0]) if _is_analyte(table, column, title)]
    if not columns:
        raise InvalidValueError(
            f'{table.name} has no column of values. Name it "value", or give each analyte a column with its unit in '
            f'brackets, "IL-15 (pg/mL)". It has: {", ".join(cell for cell in table.cells[0] if cell)}.'
        )
    rows = []
    for row in range(1, len(table.cells)):
        for column in columns:
            title = table.cells[0][column]
            number, below, above = _reading(table, row, column)
            if not math.isnan(number):
                name = re.sub(r"\s*[\[(].*?[\])]\s*", "", title).strip()
                rows.append(_row(table, row, name, number, _unit(unit_in(title), f'"{title}"'), below, above))
    return _frame(rows, table)


def _is_analyte(table: TextTable, column: int, title: str) -> bool:
    known = [found for names in (SUBJECT, ARM, TIME, ASSAY) if (found := table.maybe(names)) is not None]
    return column not in known and bool(unit_in(title))


def _row(
    table: TextTable, row: int, analyte: str, number: float, unit: str, below: bool, above: bool
) -> tuple[object, ...]:
    def text(names: tuple[str, ...], missing: str) -> str:
        column = table.maybe(names)
        return table.cells[row][column] if column is not None and table.cells[row][column] else missing

    column = table.maybe(TIME)
    day = _day(table, row, column) if column is not None else math.nan
    subject = text(SUBJECT, f"row {row}")
    return (subject, text(ARM, "all"), day, text(ASSAY, ""), analyte, number, unit, below, above, "")


def _day(table: TextTable, row: int, column: int) -> float:
    text = table.cells[row][column]
    written = re.fullmatch(r"\s*(?:day|d)\s*(-?\d+(?:\.\d+)?)\s*", text, re.IGNORECASE)
    found = float(written[1]) if written else table.number(row, column, "a time")
    if found < 0:
        raise InvalidValueError(
            f"The time in {table.where(row, column)} is negative ({found:g}). Time zero is the transplant, or the "
            "start of treatment; leave out what was read before, or move time zero."
        )
    title = table.cells[0][column]
    named = unit_in(title) or ("week" if title.lower().startswith("week") else "day")
    try:
        return found * float(units.convert(1.0, units.check_unit(named.lower().rstrip("s")), "day"))
    except UnitError as error:
        raise InvalidValueError(f'"{title}": "{named}" is not a unit of time. Use days, weeks or months.') from error


def _reading(table: TextTable, row: int, column: int) -> tuple[float, bool, bool]:
    """Read a value; "<7.8" and ">500" are limits."""
    limit = _LIMIT.fullmatch(table.cells[row][column])
    if limit is None:
        return table.number(row, column, "a reading"), False, False
    from gvlab.assay.readers.tables import parse_number

    number = parse_number(limit[2], table.where(row, column), "a limit", table.decimal_comma)
    return number, limit[1] == "<", limit[1] == ">"


def _flag(table: TextTable, row: int, names: tuple[str, ...]) -> bool:
    column = table.maybe(names)
    return column is not None and table.cells[row][column].strip().lower() in _TRUE


def _unit(text: str, where: str) -> str:
    if not text:
        raise InvalidValueError(f"The unit in {where} is missing. Write it, such as pg/mL.")
    known = {"p/s": "photon/s", "photons/s": "photon/s", "%": "%", "ratio": "dimensionless", "fold": "dimensionless"}
    try:
        return known.get(text.strip().lower()) or units.check_unit(text.strip())
    except UnitError as error:
        raise InvalidValueError(f"The unit in {where}: {error}") from error


def _one_unit(found: pd.DataFrame, name: str) -> None:
    for analyte, rows in found.groupby("analyte", sort=False):
        written = list(dict.fromkeys(rows["unit"]))
        if any(not units.same_unit(written[0], other) for other in written[1:]):
            raise InvalidValueError(
                f'{name}: "{analyte}" is in {" and in ".join(written)}. Convert its readings to one unit.'
            )


def _frame(rows: list[tuple[object, ...]], table: TextTable) -> pd.DataFrame:
    if not rows:
        raise InvalidValueError(f"{table.name} has no readings below its header.")
    return pd.DataFrame(rows, columns=list(COLUMNS))
