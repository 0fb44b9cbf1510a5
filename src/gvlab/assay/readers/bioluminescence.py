"""Exports of imaging software (Living Image and others): total flux of regions, one row a region and image."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from gvlab.assay.readers.tables import TextTable, read_table, unit_in
from gvlab.assay.samples import COLUMNS
from gvlab.errors import InvalidValueError

FLUX = ("Total Flux", "Flux", "Total Flux photons")
SUBJECT = ("Animal", "Animal Number", "Animal ID", "Mouse", "Subject", "Subject ID", "Subject Label")
ARM = ("Group", "Treatment", "Arm", "Experiment")
TIME = ("Day", "Time Point", "Timepoint", "Days", "Time")
ROI = ("ROI", "ROI Label", "Region")
_PHOTONS = ("p/s", "photons/s", "photon/s", "ph/s", "photons/sec", "p/sec")


def read_bioluminescence(path: Path | str, sheet: str = "") -> pd.DataFrame:
    """Read total flux.

    Returns
    -------
    Columns as `gvlab.assay.samples.COLUMNS`, flux in photon/s; the analyte is the region.

    Raises
    ------
    InvalidValueError
        If flux is in counts, a flux or a day is negative, or a cell is not a number.
    """
    return from_table(read_table(path, sheet))


def looks_like(table: TextTable) -> bool:
    """Return whether a table is such an export."""
    return table.maybe(FLUX) is not None or table.maybe(("Total Counts", "Avg Counts")) is not None


def from_table(table: TextTable) -> pd.DataFrame:
    """Read total flux from cells; errors as `read_bioluminescence`."""
    if table.maybe(FLUX) is None and looks_like(table):
        raise InvalidValueError(
            f"{table.name} is in counts, which depend on exposure and cannot be compared between images. Export "
            '"Total Flux [p/s]" (Living Image: Tools, ROI measurements, Radiance units).'
        )
    flux = table.find(FLUX, "total flux")
    unit = unit_in(table.cells[0][flux]).lower().replace(" ", "")
    if unit and unit not in _PHOTONS:
        raise InvalidValueError(
            f'{table.name}: total flux is in "{unit_in(table.cells[0][flux])}". Export it in photons per second (p/s).'
        )
    subject = table.find(SUBJECT, "animals")
    time = table.find(TIME, "days")
    arm, roi = table.maybe(ARM), table.maybe(ROI)
    rows = []
    for row in range(1, len(table.cells)):
        cells = table.cells[row]
        value = table.number(row, flux, "a flux")
        if pd.isna(value):
            continue
        if value < 0:
            raise InvalidValueError(
                f"The flux in {table.where(row, flux)} is negative ({value:g}): background was subtracted. Export "
                "total flux without subtracting background."
            )
        day = _day(table, row, time)
        region = cells[roi] if roi is not None and cells[roi] else "total_flux"
        group = cells[arm] if arm is not None and cells[arm] else "all"
        rows.append((cells[subject], group, day, "bioluminescence", region, value, "photon/s", False, False, ""))
    if not rows:
        raise InvalidValueError(f"{table.name} has no flux below its header.")
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _day(table: TextTable, row: int, column: int) -> float:
    text = table.cells[row][column]
    written = re.fullmatch(r"\s*(?:day|d)?\s*([-+]?\d+(?:\.\d+)?)\s*", text, re.IGNORECASE)
    day = float(written[1]) if written else table.number(row, column, "a day")
    if pd.isna(day):
        raise InvalidValueError(f"The day in {table.where(row, column)} is missing.")
    if day < 0:
        raise InvalidValueError(
            f"The day in {table.where(row, column)} is negative ({day:g}). Days count from the transplant."
        )
    return day
