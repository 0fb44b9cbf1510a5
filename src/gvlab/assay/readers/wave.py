"""Wave workbooks (Seahorse XF): the sheets "Rate", "Assay Configuration" and "Operation Log"; read, and written.

The layout is that of exports of Wave 2.6 (seen in a published one; see tests/reference/files). Rates are taken as
they stand in "Rate", corrected for background by the instrument; the phases come from the operation log.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gvlab.arrays import FloatArray
from gvlab.assay.readers.lab_units import days_in
from gvlab.assay.readers.tables import TextTable, safe_cell, unit_in
from gvlab.assay.readers.workbooks import read_sheets, sheet_names
from gvlab.assay.samples import MARK
from gvlab.assay.seahorse import Traces
from gvlab.errors import GVLabError, InvalidValueError, UnknownNameError
from gvlab.files import atomic_file

RATE = "Rate"
NORMALIZED = "Normalized Rate"
RATES = (RATE, NORMALIZED, "Baselined Rate")
"""Sheets of rates in one layout: as measured, per what the user normalized by, and relative to a measurement."""
LOG = "Operation Log"
CONFIGURATION = "Assay Configuration"


def is_wave(path: Path | str) -> bool:
    """Return whether a workbook has the sheets of Wave."""
    names = sheet_names(path)
    return LOG in names or (RATE in names and CONFIGURATION in names)


def read_wave(path: Path | str, sheet: str = "") -> tuple[Traces, tuple[str, ...]]:
    """Read the rates of a Wave export.

    Parameters
    ----------
    path
        The workbook (.xlsx), exported from Wave with all sheets.
    sheet
        One of `RATES`; "Rate" where none is named.

    Returns
    -------
    Wells in the order of the sheet, without those that were not assigned or are empty in a measurement; and notes on
    these.

    Raises
    ------
    InvalidValueError
        If a sheet is missing or empty, a well has not all measurements, or a number cannot be read.
    UnknownNameError
        If `sheet` is none of rates.
    """
    path = Path(path)
    present = sheet_names(path)
    sheet = sheet or RATE
    if sheet not in RATES:
        raise UnknownNameError("sheet of rates", sheet, [name for name in RATES if name in present], path.name)
    missing = [name for name in (sheet, LOG) if name not in present]
    if missing:
        raise InvalidValueError(
            f'"{path.name}" lacks the sheet "{missing[0]}"; it has {", ".join(present)}. In Wave choose Export, '
            "Excel, and leave every sheet checked."
        )
    rate, log = read_sheets(path, (sheet, LOG))
    if len(rate.cells) < 2:
        raise InvalidValueError(
            f"{rate.name} is empty: {'nothing was normalized in Wave' if sheet != RATE else 'the run has not ended'}. "
            f"Sheets of rates: {', '.join(name for name in RATES if name in present)}."
        )
    measurement, well, group, minute, oxygen, acid = _columns(rate)
    basis, said = _basis(path, sheet, present)
    cycles = np.unique(measurement)
    wells = tuple(dict.fromkeys(well))
    shape = (len(wells), len(cycles))
    place = {name: row for row, name in enumerate(wells)}
    line = np.array([place[name] for name in well], dtype=np.intp)
    column = np.searchsorted(cycles, measurement)
    traces = np.full((3, *shape), np.nan)
    seen = np.zeros(shape, dtype=int)
    np.add.at(seen, (line, column), 1)
    if np.any(seen > 1):
        bad = int(np.flatnonzero((seen > 1).any(axis=1))[0])
        raise InvalidValueError(
            f"{rate.name}: well {wells[bad]} has {int(seen[bad].sum())} measurements; the others have {shape[1]}. A "
            "measurement stands twice, so the sheet was changed by hand; take the rows of Wave's own export."
        )
    traces[0, line, column], traces[1, line, column], traces[2, line, column] = oxygen, acid, minute
    named = dict(zip(well, group, strict=True))
    torn = next((name for name, its in zip(well, group, strict=True) if its != named[name]), None)
    if torn is not None:
        every = dict.fromkeys(its for name, its in zip(well, group, strict=True) if name == torn)
        groups = " and ".join(f'"{its}"' for its in every)
        raise InvalidValueError(
            f"{rate.name}: well {torn} is in the groups {groups}. Write one group into all of its rows."
        )
    phases, phase = _phases(log, len(cycles))
    assigned = [place[name] for name in wells if named[name] and named[name].lower() != "unassigned"]
    # A well that the user took out in Wave is exported with empty cells, or with zeros.
    empty = np.isnan(traces[:2]).any(axis=(0, 2)) | (traces[0] == 0).all(axis=1)
    kept = [row for row in assigned if not empty[row]]
    out = [wells[row] for row in assigned if empty[row] and named[wells[row]].lower() != "background"]
    notes = [f'Rates are those of the sheet "{sheet}"{said}.', *rate.notes]
    if _setting(path, present, r"background\s*correction:?").strip().lower() in ("no", "false", "off"):
        notes.append("The file says that rates were not corrected for background; what the medium does is in them.")
    notes += _other_rates(path, sheet, present)
    if out:
        notes.append(f"Without a rate in some measurement, or in any but zero, so left out: {', '.join(out)}.")
    if not kept:
        raise InvalidValueError(f"{rate.name} has no well with rates in every measurement.")
    read = Traces(
        tuple(wells[row] for row in kept),
        tuple(named[wells[row]] for row in kept),
        np.array([minute[measurement == cycle].mean() for cycle in cycles]),
        phase,
        phases,
        traces[0, kept],
        traces[1, kept],
        _units(rate, sheet, basis),
    )
    return read, tuple(notes)


def _basis(path: Path, sheet: str, present: Sequence[str]) -> tuple[str, str]:
    """Return what rates were normalized by (a unit, "" where the file does not tell) and a sentence's end on it."""
    if sheet == RATE:
        return "", ", as measured, not normalized"
    if sheet != NORMALIZED:
        return "", ", in percent of the baseline chosen in Wave"
    unit = _setting(path, present, r"normali[sz]ation\s*units?:?")
    if unit:
        return unit, f", normalized per {unit}"
    return "", ", normalized as chosen in Wave (the file does not say by what)"


def _setting(path: Path, present: Sequence[str], name: str) -> str:
    """Return what stands beside a name (a pattern) in the sheet of the configuration; "" where nothing does."""
    if CONFIGURATION not in present:
        return ""
    (page,) = read_sheets(path, (CONFIGURATION,))
    beside = (pair for cells in page.cells for pair in pairwise(cells))
    return next((value for cell, value in beside if value and re.fullmatch(name, cell.strip(), re.IGNORECASE)), "")


def _other_rates(path: Path, sheet: str, present: Sequence[str]) -> list[str]:
    """Return a sentence on other sheets of rates that hold some, of which the user may not know."""
    filled = []
    for name in RATES:
        # A sheet that nobody asked for, and that cannot be read, is no fault of the one that was.
        with contextlib.suppress(GVLabError):
            if name in present and name != sheet and len(read_sheets(path, (name,))[0].cells) > 1:
                filled.append(name)
    if not filled:
        return []
    return [f"Rates stand in other sheets too; say sheet=... for one: {', '.join(filled)}."]


def _units(rate: TextTable, sheet: str, basis: str) -> tuple[str, str]:
    """Return the units of OCR and ECAR: those in the header, else Wave's, with what they were normalized by."""
    found = []
    for name, usual in (("OCR", "pmol/min"), ("ECAR", "mpH/min")):
        unit = unit_in(rate.cells[0][rate.find((name,), name.lower())]) or usual
        if sheet == NORMALIZED and unit == usual:
            unit = f"{unit} per {basis or 'unit of normalization'}"
        found.append(unit if sheet in (RATE, NORMALIZED) else "% of baseline")
    return found[0], found[1]


def is_simulated(path: Path | str) -> bool:
    """Return whether a workbook carries our mark, as a sheet of its own."""
    return MARK in sheet_names(path)


def write_wave(path: Path | str, traces: Traces, title: str) -> None:
    """Write rates as Wave exports them, with a sheet in front that says that they are simulated.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    book.properties.creator = "GVLab"
    book.properties.description = MARK
    cover = book.create_sheet(MARK)
    cover.append([f"These rates were {MARK}. They were not measured."])
    configuration = book.create_sheet(CONFIGURATION)
    for row in (
        ["Assay Name", f"{title} ({MARK})"],
        ["Project Info"],
        ["Project Name", MARK],
        ["Background Correction", "Yes"],
    ):
        configuration.append([safe_cell(cell) for cell in row])
    rate = book.create_sheet(RATE)
    rate.append(["Measurement", "Well", "Group", "Time", "OCR", "ECAR", "PER"])
    for cycle, minute in enumerate(traces.minute):
        for at, (well, group) in enumerate(zip(traces.well, traces.group, strict=True)):
            numbers = [float(traces.oxygen[at, cycle]), float(traces.acid[at, cycle]), 0.0]
            rate.append([cycle + 1, well, safe_cell(group), float(minute), *numbers])
    log = book.create_sheet(LOG)
    log.append(["Instruction Name", "Command Name", "Command Index", "Start Time", "End Time", "Completion Status"])
    for number, phase in enumerate(traces.phases):
        if number:
            log.append([safe_cell(phase), "Inject", number + 1, "", "", "Success"])
        for _ in range(int((traces.phase == number).sum())):
            log.append([safe_cell(phase), "Mix", number + 1, "", "", "Success"])
            log.append([safe_cell(phase), "Measure", number + 1, "", "", "Success"])
    with atomic_file(path) as temporary:
        book.save(temporary)


def _columns(rate: TextTable) -> tuple[FloatArray, list[str], list[str], FloatArray, FloatArray, FloatArray]:
    place = {name: rate.find((name,), name.lower()) for name in ("Measurement", "Well", "Group", "Time", "OCR", "ECAR")}
    rows = range(1, len(rate.cells))

    def numbers(name: str) -> FloatArray:
        found = np.array([rate.number(row, place[name]) for row in rows])
        if name in ("Measurement", "Time") and np.isnan(found).any():
            raise InvalidValueError(f"{rate.where(int(np.isnan(found).argmax()) + 1, place[name])} is empty.")
        return found

    time = numbers("Time")
    if (time < 0).any():
        row = int((time < 0).argmax()) + 1
        raise InvalidValueError(f"The time in {rate.where(row, place['Time'])} is negative ({time[row - 1]:g} min).")
    unit = unit_in(rate.cells[0][place["Time"]])
    if unit:
        time = time * days_in(unit) / days_in("min")
    texts = [[rate.cells[row][place[name]] for row in rows] for name in ("Well", "Group")]
    return numbers("Measurement"), texts[0], texts[1], time, numbers("OCR"), numbers("ECAR")


def _phases(log: TextTable, cycles: int) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    """Read phases off the log: each injection begins one, each measurement belongs to the last begun."""
    try:
        name = log.find(("Instruction Name",), "instruction")
        command = log.find(("Command Name",), "command")
    except UnknownNameError as error:
        raise InvalidValueError(f"{log.name} is not an operation log of Wave. {error}") from error
    phases: list[str] = []
    phase: list[int] = []
    for row in log.cells[1:]:
        word = row[command].lower()
        if word.endswith("inject") or (word.endswith("measure") and not phases):
            phases.append(row[name])
        if word.endswith("measure"):
            phase.append(len(phases) - 1)
    if len(phase) != cycles:
        raise InvalidValueError(
            f"{log.name} tells of {len(phase)} measurements, and the rates of {cycles}. "
            "The log or the rates were cut; take a new export of the same run from Wave."
        )
    return tuple(phases), np.array(phase, dtype=np.intp)
