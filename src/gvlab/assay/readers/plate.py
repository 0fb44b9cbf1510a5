"""Plate readers' CSV: a list of wells, or 8 x 12 grids of optical densities with a grid of what is in each well.

A layout says what is in a well: "blank", "standard 250" (with its concentration), or the name of a sample.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from gvlab.assay import logistic
from gvlab.assay.elisa import ROWS, Plate
from gvlab.assay.readers.tables import TextTable, read_table, unit_in
from gvlab.errors import InvalidValueError

WELL = ("well", "wells", "well position", "position")
DENSITY = ("OD", "absorbance", "optical density", "A450", "OD450", "450", "value", "signal")
ROLE = ("type", "role", "task", "content")
SAMPLE = ("sample", "sample name", "name", "sample id")
LEVEL = ("concentration", "conc", "standard", "expected concentration", "quantity")
CV, SD = 0.04, 0.01
"""Error of an optical density by which standards are weighted: a part of it, and a constant."""
_STANDARD = re.compile(r"(?:standard|std|st|cal)[\s_:-]*([\d.,]+)", re.IGNORECASE)
_BLANK = re.compile(r"(?:blank|blk|bl|zero)\d*", re.IGNORECASE)


def read_plate(path: Path | str) -> Plate:
    """Read a plate.

    Raises
    ------
    InvalidValueError
        If there is no list of wells and no grid, or a density is not a number.
    """
    return from_table(read_table(path))


def looks_like(table: TextTable) -> bool:
    """Return whether a table is a plate."""
    return (table.maybe(WELL) is not None and table.maybe(DENSITY) is not None) or bool(_grids(table))


def from_table(table: TextTable) -> Plate:
    """Read a plate from cells; errors as `read_plate`."""
    if table.maybe(WELL) is not None and table.maybe(DENSITY) is not None:
        return _listed(table)
    grids = _grids(table)
    if not grids:
        raise InvalidValueError(
            f"{table.name} is no plate: there is neither a column of wells with one of densities (Well, OD) nor a grid "
            "with the numbers 1 to 12 above and the letters A to H at its side."
        )
    density = _grid(table, grids[0])
    layout = _texts(table, grids[1]) if len(grids) > 1 else {}
    wells = [well for well, value in density.items() if not np.isnan(value)]
    roles, names, levels = zip(*(_content(layout.get(well, ""), well) for well in wells), strict=True)
    return Plate(tuple(wells), roles, names, np.array(levels), np.array([density[well] for well in wells]), "")


def analyze_plate(plate: Plate) -> dict[str, pd.DataFrame]:
    """Fit the standards and read the samples.

    Returns
    -------
    Tables: "samples" (mean concentration, CV of replicates, flags), "standards" (recovery), "curve".

    Raises
    ------
    InvalidValueError
        If the plate has too few standards.
    """
    role = np.array(plate.role)
    known = np.isin(role, ["standard", "blank"])
    if not known.any():
        raise InvalidValueError(
            'No well of the plate is a standard. Add a column Type ("standard", "blank", "sample") with the column '
            'Concentration, or a second grid with "standard 250", "blank" and the names of samples.'
        )
    levels, density = plate.concentration[known], plate.density[known]
    fitted = logistic.fit(levels, density, CV, SD)[0]
    low, high = levels[levels > 0].min(), levels.max()
    back = logistic.inverse(fitted, density)
    standards = pd.DataFrame({"well": np.array(plate.well)[known], "concentration": levels, "density": density})
    with np.errstate(divide="ignore", invalid="ignore"):
        standards["recovery_percent"] = np.where(levels > 0, 100 * back / levels, np.nan)
    rows = []
    names = np.array(plate.name)
    for name in dict.fromkeys(names[~known]):
        wells = (names == name) & ~known
        found = logistic.inverse(fitted, plate.density[wells])
        mean = float(found.mean())
        finite = len(found) > 1 and np.isfinite(found).all() and mean > 0
        cv = 100 * float(found.std(ddof=1)) / mean if finite else np.nan
        rows.append((name, min(max(mean, low), high), plate.unit, len(found), cv, mean < low, mean > high))
    columns = ["sample", "value", "unit", "replicates", "cv_percent", "below_lloq", "above_uloq"]
    bottom, top, log_c, log_hill = (float(value) for value in fitted)
    curve = pd.DataFrame(
        {
            "parameter": ["bottom", "top", "c", "hill", "LLOQ", "ULOQ"],
            "value": [bottom, top, np.exp(log_c), np.exp(log_hill), low, high],
        }
    )
    return {"samples": pd.DataFrame(rows, columns=columns), "standards": standards, "curve": curve}


def _listed(table: TextTable) -> Plate:
    well, density = table.find(WELL, "wells"), table.find(DENSITY, "optical densities")
    role, sample, level = table.maybe(ROLE), table.maybe(SAMPLE), table.maybe(LEVEL)
    rows = []
    for row in range(1, len(table.cells)):
        cells = table.cells[row]
        value = table.number(row, density, "an optical density")
        if np.isnan(value):
            continue
        kind, name, standard = _content(cells[sample] if sample is not None else "", cells[well])
        if role is not None and cells[role]:
            kind = cells[role].strip().lower()
            kind = {"std": "standard", "unknown": "sample", "blk": "blank", "unk": "sample"}.get(kind, kind)
            if kind not in ("standard", "blank", "sample"):
                raise InvalidValueError(
                    f'"{cells[role]}" in {table.where(row, role)} is no type of well. Use standard, blank or sample.'
                )
        if kind == "blank":
            standard = 0.0
        elif kind == "standard" and level is not None:
            standard = table.number(row, level, "a concentration")
            if np.isnan(standard):
                raise InvalidValueError(f"The standard in {table.where(row, level)} has no concentration.")
        rows.append((cells[well], kind, name, standard if kind != "sample" else np.nan, value))
    if not rows:
        raise InvalidValueError(f"{table.name} has no optical densities below its header.")
    wells, roles, names, levels, values = zip(*rows, strict=True)
    twice = next((name for name in wells if wells.count(name) > 1), "")
    if twice:
        raise InvalidValueError(f"{table.name}: the well {twice} stands twice. One file is one plate.")
    unit = unit_in(table.cells[0][level]) if level is not None else ""
    return Plate(wells, roles, names, np.array(levels), np.array(values), unit)


def _content(text: str, well: str) -> tuple[str, str, float]:
    """Read what a layout says of a well: its role, name and standard concentration."""
    plain = text.strip()
    standard = _STANDARD.fullmatch(plain)
    if standard:
        return "standard", plain, float(standard[1].replace(",", "."))
    if _BLANK.fullmatch(plain):
        return "blank", plain, 0.0
    return "sample", plain or well, np.nan


def _grids(table: TextTable) -> list[tuple[int, int]]:
    """Find grids: where the row of 1 to 12 begins, and the column of the letters."""
    found = []
    for row in range(len(table.cells) - 8):
        for column in range(len(table.cells[row]) - 12):
            numbers = table.cells[row][column + 1 : column + 13]
            letters = [table.cells[row + 1 + step][column] for step in range(8)]
            if list(numbers) == [str(number) for number in range(1, 13)] and letters == list(ROWS):
                found.append((row, column))
    return found


def _grid(table: TextTable, at: tuple[int, int]) -> dict[str, float]:
    row, column = at
    return {
        f"{letter}{number}": table.number(row + 1 + step, column + number, "an optical density")
        for number in range(1, 13)
        for step, letter in enumerate(ROWS)
    }


def _texts(table: TextTable, at: tuple[int, int]) -> dict[str, str]:
    row, column = at
    return {
        f"{letter}{number}": table.cells[row + 1 + step][column + number]
        for number in range(1, 13)
        for step, letter in enumerate(ROWS)
    }
