"""Exports of imaging software (Living Image, Aura and others): total flux of regions, one row a region and image."""

from __future__ import annotations

import math
import re

import pandas as pd

from gvlab.assay.readers.arms import read_arms
from gvlab.assay.readers.dates import is_dates, read_dates
from gvlab.assay.readers.limits import read_limited
from gvlab.assay.readers.omitted import without_omitted
from gvlab.assay.readers.tables import TextTable, unit_in
from gvlab.assay.readers.tidy import TidyReadings, day_of, one_value_each, subjects_in_doubt
from gvlab.assay.samples import COLUMNS
from gvlab.errors import InvalidValueError

FLUX = ("Total Flux", "Flux", "Total Flux photons", "Total Emission", "Total Photon Flux", "Photon Flux")
COUNTS = ("Total Counts", "Avg Counts", "Counts")
SUBJECT = (
    "Animal", "Animal Number", "Animal ID", "Mouse", "Subject", "Subject ID", "Subject Label", "Mouse ID", "Animal No",
    "Mouse Number", "Label",
)  # fmt: skip
ARM = ("Group", "Treatment", "Arm", "Treatment Group", "Cohort", "Experiment")
TIME = ("Day", "Time Point", "Timepoint", "Days", "Time", "Study Day")
DATE = ("Date and Time", "Date", "Acquisition Date", "Date Time", "Acquired")
ROI = ("ROI", "ROI Label", "Region", "ROI Name", "ROI ID")
_PHOTONS = ("p/s", "photons/s", "photon/s", "ph/s", "photons/sec", "p/sec", "photons/second")
_BACKGROUND = re.compile(r"(?:b(?:ac)?kg(?:r(?:ou)?nd)?|bg|background)[\s_#-]*\d*", re.IGNORECASE)
WHOLE = "total_flux"


def looks_like(table: TextTable) -> bool:
    """Return whether a table is such an export."""
    return table.maybe(FLUX) is not None or table.maybe(COUNTS) is not None


def from_table(table: TextTable) -> TidyReadings:
    """Return total flux in photon/s read from cells; the analyte is the region where an animal has several.

    Raises
    ------
    InvalidValueError
        If flux is in counts, a flux is negative, an arm is missing, or a cell is not a number.
    """
    if table.maybe(FLUX) is None and looks_like(table):
        raise InvalidValueError(
            f"{table.name} is in counts, which depend on exposure and cannot be compared between images. Export "
            '"Total Flux [p/s]" (Living Image: Tools, ROI measurements, Radiance units).'
        )
    table = without_omitted(table, SUBJECT)
    flux = table.find(FLUX, "total flux")
    unit = unit_in(table.cells[0][flux]).lower().replace(" ", "")
    if unit and unit not in _PHOTONS:
        raise InvalidValueError(
            f'{table.name}: total flux is in "{unit_in(table.cells[0][flux])}". Export it in photons per second (p/s).'
        )
    roi, arm, subject = table.maybe(ROI), table.maybe(ARM), table.maybe(SUBJECT)
    if subject is None and roi is None:
        table.find(SUBJECT, "animals")
    notes = list(table.notes)
    if subject is None:
        notes.append(
            f'No column of animals was found; each region in "{table.cells[0][roi or 0]}" counts as an animal.'
        )
    if not unit:
        notes.append(f'The unit of "{table.cells[0][flux]}" is not named; photons per second were taken.')
    days = _days(table, notes)
    read = []
    background = []
    for row in range(1, len(table.cells)):
        reading = read_limited(table, row, flux, "a flux")
        if reading.missing:
            continue
        if any(_BACKGROUND.fullmatch(table.cells[row][column]) for column in (roi, subject) if column is not None):
            background.append(row)
            continue
        if reading.value < 0:
            raise InvalidValueError(
                f"The flux in {table.where(row, flux)} is negative ({reading.value:g}): background was subtracted. "
                "Export total flux without subtracting background."
            )
        read.append((row, reading))
    if not read:
        raise InvalidValueError(f"{table.name} has no flux below its header.")
    if background:
        notes.append(f"Regions of background are no animals and were left out: {len(background)}.")
    arms, joined = read_arms(table, arm, [row for row, _ in read]) if arm is not None else (["all"] * len(read), ())
    rows = []
    for (row, reading), group in zip(read, arms, strict=True):
        cells = table.cells[row]
        region = cells[roi] if roi is not None and cells[roi] and subject is not None else WHOLE
        name = cells[subject] if subject is not None else cells[roi or 0]
        if not name:
            raise InvalidValueError(f"The animal in {table.where(row, subject or roi or 0)} is missing.")
        flags = reading.below, reading.above
        rows.append((name, group, days[row - 1], "bioluminescence", region, reading.value, "photon/s", *flags, ""))
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    notes += joined
    if found["analyte"].nunique() > 1 and not found.duplicated(["subject", "arm", "time"]).any():
        found["analyte"] = WHOLE
        notes.append("Every animal has one region an image, so regions are not told apart.")
    before = sorted({day for day in found["time"] if day < 0})
    if before:
        notes.append(f"Read before day 0: day {', '.join(f'{day:g}' for day in before)}.")
    if (found["value"] == 0).any():
        notes.append(f"{int((found['value'] == 0).sum())} readings are 0; a logarithmic axis cannot show them.")
    notes += subjects_in_doubt(found)
    one, said = one_value_each(found)
    return TidyReadings(one, (*notes, *said), found if said else None)


def _days(table: TextTable, notes: list[str]) -> list[float]:
    """Return the day of each row; from dates, counted from the first, where there is no column of days."""
    time = table.maybe(TIME)
    if time is not None and any(row[time] for row in table.cells[1:]) and not is_dates(table, time):
        days = [day_of(table, row, time) if table.cells[row][time] else math.nan for row in range(1, len(table.cells))]
        for row, day in enumerate(days, 1):
            if math.isnan(day) and any(table.cells[row]):
                raise InvalidValueError(f"The day in {table.where(row, time)} is missing.")
        return days
    date = table.maybe(DATE)
    date = time if date is None and time is not None else date
    if date is None or not is_dates(table, date):
        table.find(TIME, "days")
    column = date if date is not None else 0
    found = read_dates(table, column)
    first = min((day for day in found if not math.isnan(day)), default=math.nan)
    notes.append(f'Days were counted from the first date in "{table.cells[0][column]}".')
    return [day - first for day in found]
