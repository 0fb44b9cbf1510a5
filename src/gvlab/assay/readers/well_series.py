"""Readings of wells over time or over wavelengths: a column of times or wavelengths and a column a well."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvlab.assay.readers.plate import read_cell
from gvlab.assay.readers.tables import TextTable, plain_name, unit_in
from gvlab.errors import InvalidValueError

MINUTE, WAVELENGTH, POINT = "minute", "wavelength_nm", "point"
_WELL = re.compile(r"[A-P]0?([1-9]|1\d|2[0-4])")
_AXES = {
    "time": MINUTE,
    "times": MINUTE,
    "kinetictime": MINUTE,
    "wavelength": WAVELENGTH,
    "cycle": POINT,
    "cyclenr": POINT,
}
_CLOCK = re.compile(r"(?:(\d+)[.:])??(\d{1,3}):(\d{2}):(\d{2}(?:[.,]\d+)?)|(\d{1,3}):(\d{2}(?:[.,]\d+)?)")
_PER_MINUTE = {"": 1.0, "min": 1.0, "mins": 1.0, "minutes": 1.0, "s": 1 / 60, "sec": 1 / 60, "h": 60.0, "hours": 60.0}
_SPREADSHEET = re.compile(r"\d{4}-\d\d-\d\dT(\d\d):(\d\d):(\d\d)")


@dataclass(frozen=True)
class WellSeries:
    """Readings of wells along an axis.

    Attributes
    ----------
    table
        Columns ``well``, the axis (`MINUTE`, `WAVELENGTH` or `POINT`) and ``value``; NaN where none was read.
    axis
        Which axis.
    notes
        What was taken for what, in sentences.
    name
        Of the plate or the wavelength, where the file has several.
    """

    table: pd.DataFrame
    axis: str
    notes: tuple[str, ...] = ()
    name: str = ""


def read(page: TextTable) -> tuple[WellSeries, ...]:
    """Return every series of a table: each header of wells with an axis in front, and the rows below it."""
    found = []
    for row, cells in enumerate(page.cells):
        wells = [column for column, cell in enumerate(cells) if _WELL.fullmatch(cell)]
        if len(wells) < 2 or wells[0] == 0:
            continue
        axis = next((_AXES[plain_name(cell)] for cell in cells[: wells[0]] if plain_name(cell) in _AXES), "")
        if axis:
            series = _below(page, row, wells, axis)
            found += [series] if series is not None else []
    return tuple(found)


def minutes(text: str, unit: str = "") -> float | None:
    """Return a time in minutes: a clock (h:mm:ss), or a number in a unit; None if it is neither."""
    cell = text.strip()
    spreadsheet = _SPREADSHEET.fullmatch(cell)
    if spreadsheet:
        hours, mins, seconds = (float(part) for part in spreadsheet.groups())
        return 60 * hours + mins + seconds / 60
    clock = _CLOCK.fullmatch(cell)
    if clock:
        days, hours, mins, seconds, only_minutes, only_seconds = (
            float(part.replace(",", ".")) if part else 0.0 for part in clock.groups()
        )
        return 1440 * days + 60 * hours + mins + seconds / 60 + only_minutes + only_seconds / 60
    with_unit = re.fullmatch(r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*([a-z]*)", cell)
    if with_unit is None or (with_unit[2] or unit) not in _PER_MINUTE:
        return None
    try:
        return float(with_unit[1]) * _PER_MINUTE[with_unit[2] or unit]
    except ValueError:
        return None


def _below(page: TextTable, start: int, wells: list[int], axis: str) -> WellSeries | None:
    header = page.cells[start]
    column = next(place for place, cell in enumerate(header) if _AXES.get(plain_name(cell)) == axis)
    unit = unit_in(header[column]).lower()
    rows: list[tuple[str, float, float]] = []
    last = -np.inf
    for row in range(start + 1, len(page.cells)):
        cells = page.cells[row]
        place = minutes(cells[column], unit) if axis == MINUTE else _number(cells[column])
        # Gen5 fills the rest of a run that was stopped with times of 0 and no readings.
        if place is None or not any(cells[well] for well in wells):
            break
        if place < last:
            break
        last = place
        for well in wells:
            state, value = read_cell(page, row, well, "a reading")
            rows.append((_plain(header[well]), place, value if state == "" else np.nan))
    if len({place for _, place, _ in rows}) < 2:
        return None
    notes = list(page.notes)
    if axis == MINUTE and not unit and not any(":" in cells[column] for cells in page.cells[start + 1 : start + 2]):
        notes.append(f'The unit of "{header[column]}" is not named; minutes were taken.')
    table = pd.DataFrame(rows, columns=["well", axis, "value"])
    return WellSeries(table, axis, tuple(notes), _name(page, start))


def _number(text: str) -> float | None:
    found = re.fullmatch(r"([\d.]+)\s*(?:nm)?", text.strip())
    return float(found[1]) if found and found[1].count(".") < 2 else None


def _plain(well: str) -> str:
    return f"{well[0]}{int(well[1:])}"


def _name(page: TextTable, start: int) -> str:
    """Return what stands alone in the row above: "OD600:450"."""
    if start == 0:
        return ""
    words = [cell for cell in page.cells[start - 1] if cell]
    return words[0] if len(words) == 1 else ""


def summary(series: WellSeries) -> pd.DataFrame:
    """Return one row a well: first, last, lowest and highest reading, where the highest is, and the slope over time.

    The slope is that of the least-squares line through all readings of the well, per minute.

    Raises
    ------
    InvalidValueError
        If no well was read.
    """
    rows = []
    for well, group in series.table.dropna().groupby("well", sort=False):
        place, value = (group[name].to_numpy(dtype=np.float64) for name in (series.axis, "value"))
        top = int(np.argmax(value))
        row: dict[str, object] = {
            "well": well, "readings": len(value), "first": value[0], "last": value[-1], "lowest": value.min(),
            "highest": value[top], f"highest_at_{series.axis}": place[top],
        }  # fmt: skip
        if series.axis == MINUTE:
            row["slope_per_minute"] = np.polyfit(place, value, 1)[0] if len(set(place)) > 1 else np.nan
        rows.append(row)
    if not rows:
        raise InvalidValueError("No well has a reading at any time.")
    return pd.DataFrame(rows)
