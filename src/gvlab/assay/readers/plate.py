"""Plates as lists of wells; any plate reader's CSV. Grids are read by `plate_grids`.

A layout says what is in a well: "blank", "standard 250" (with its concentration), or the name of a sample.
"""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass, field

import pandas as pd

from gvlab.assay.readers.arms import join_spellings
from gvlab.assay.readers.limits import beyond_limit, read_limited
from gvlab.assay.readers.omitted import omitted_rows
from gvlab.assay.readers.plate_labels import LABEL, content, dilution_of, one_unit
from gvlab.assay.readers.tables import PLAIN_NUMBER, TextTable, unit_in
from gvlab.errors import InvalidValueError

WELL = ("well", "wells", "well position", "well positions", "position", "well id", "well name", "pos", "spot well")
DENSITY = (
    "OD", "absorbance", "optical density", "A450", "OD450", "450", "value", "signal", "RFU", "RLU", "fluorescence",
    "luminescence", "raw data", "data", "result", "abs", "counts", "mean signal", "raw od", "label1",
)  # fmt: skip
ROLE = ("type", "role", "task", "content", "well type", "sample type")
SAMPLE = ("sample", "sample name", "name", "sample id", "id", "layout", "group")
LEVEL = ("concentration", "conc", "standard", "expected concentration", "quantity", "conc dil", "std conc")
DILUTION = ("dilution", "dilution factor", "dil", "factor", "sample dilution")
PLATE = ("plate", "plate name", "plate id", "plate barcode", "barcode", "plate number", "plate no", "wellplatename")
ANALYTE = ("assay", "analyte", "target", "cytokine", "marker", "wavelength")
MOST_PLATES = 60
COLUMNS = ("well", "role", "sample", "concentration", "density", "state", "dilution")
_ROLES = {
    "std": "standard", "standard": "standard", "standards": "standard", "cal": "standard", "calibrator": "standard",
    "unknown": "sample", "unknowns": "sample", "unk": "sample", "unkn": "sample", "sample": "sample", "spl": "sample",
    "u": "sample",
    "s": "standard", "blk": "blank", "blank": "blank", "b": "blank", "ctl": "control", "ctrl": "control",
    "control": "control", "qc": "control", "pos": "control", "neg": "control", "empty": "empty",
    "unused": "empty",
}  # fmt: skip
_MASKED = frozenset(
    {
        "missed",
        "masked",
        "excluded",
        "omit",
        "omitted",
        "----",
        "-----",
        "------",
        "(masked)",
        "outlier",
        "???",
        "path?",
    }
)
UNIT = ("unit", "units", "concentration unit", "conc unit")
_WELL = re.compile(r"([A-P])0?([1-9]|1\d|2[0-4])", re.IGNORECASE)
SIZES = ((8, 12), (16, 24), (4, 6), (6, 8), (3, 4), (2, 3))


@dataclass(frozen=True)
class PlateReading:
    """What is in each well of a plate, and what was read.

    Attributes
    ----------
    wells
        Columns `COLUMNS`: role "standard", "blank", "sample" or "control"; concentration of a standard (0 of a blank),
        NaN of others; density NaN where it is beyond the reader, with the state "above" or "below"; "excluded" wells
        are not used.
    unit
        Of the concentrations.
    notes
        What was taken for what, in sentences.
    signal
        What the numbers are: "Absorbance 450".
    name
        Of the plate or the assay, where the file has several.
    """

    wells: pd.DataFrame
    unit: str = ""
    notes: tuple[str, ...] = ()
    signal: str = field(default="OD")
    name: str = ""


def is_list(table: TextTable) -> bool:
    """Return whether a table is a list of wells with what was read."""
    return table.maybe(WELL) is not None and density_column(table) is not None


def density_column(table: TextTable) -> int | None:
    """Return the column of what was read: one of the usual names, or a wavelength."""
    found = table.maybe(DENSITY)
    if found is not None:
        return found
    for column, title in enumerate(table.cells[0]):
        if re.fullmatch(r"(?:abs|od|a|absorbance)?[\s_:@(]*\d{3}\s*(?:nm)?\)?", title.strip(), re.IGNORECASE):
            return column
    return None


def from_list(table: TextTable) -> tuple[PlateReading, ...]:
    """Return the plates of a list of wells: one, or one for each plate and each assay that a column names.

    Raises
    ------
    InvalidValueError
        If a cell is no reading, a well stands twice, or standards are named by numbers that are no concentrations.
    """
    columns = [table.maybe(names) for names in (PLATE, ANALYTE)]
    split = [column for column in columns if column is not None and len(_values(table, column)) > 1]
    if not split:
        return (_listed(table),)
    well = table.find(WELL, "wells")
    rows: dict[str, list[int]] = {}
    for row in range(1, len(table.cells)):
        if _is_well(table, row, well, density_column(table)):
            rows.setdefault(
                ", ".join(table.cells[row][column] for column in split if table.cells[row][column]), []
            ).append(row)
    if len(rows) > MOST_PLATES:
        raise InvalidValueError(
            f"{table.name} has {len(rows)} plates or assays; at most {MOST_PLATES} are read at once. Split the file."
        )
    return tuple(
        dataclasses.replace(_listed(_of_rows(table, [0, *part]), (*columns,)), name=name or "without a name")
        for name, part in rows.items()
    )


def _values(table: TextTable, column: int) -> set[str]:
    return {cells[column] for cells in table.cells[1:] if cells[column]}


def _of_rows(table: TextTable, rows: list[int]) -> TextTable:
    at = table.rows_at or tuple(range(1, len(table.cells) + 1))
    return dataclasses.replace(
        table, cells=tuple(table.cells[row] for row in rows), rows_at=tuple(at[row] for row in rows)
    )


def finish(rows: list[tuple[object, ...]], name: str, unit: str, notes: list[str], signal: str = "OD") -> PlateReading:
    """Return a plate of rows of `COLUMNS`, after its checks; errors as `from_table`."""
    if not rows:
        raise InvalidValueError(f"{name} has no optical densities below its header.")
    wells = pd.DataFrame(rows, columns=list(COLUMNS))
    twice = wells["well"][wells["well"].duplicated()]
    if len(twice):
        raise InvalidValueError(
            f"{name}: the well {twice.iloc[0]} stands twice. Of several plates or assays name the one of each row in a "
            'column "Plate" or "Assay".'
        )
    _check_standards(wells, name)
    of_samples = wells["role"] == "sample"
    joined, same = join_spellings(list(wells.loc[of_samples, "sample"]))
    wells.loc[of_samples, "sample"] = joined
    notes = [*notes, *same]
    excluded = wells[wells["state"] == "excluded"]
    if len(excluded):
        notes = [*notes, f"Excluded wells were not used: {', '.join(excluded['well'].head(12))}."]
    for state, word in (("above", "above what the reader measures"), ("below", "below what the reader measures")):
        there = wells[wells["state"] == state]
        if len(there):
            notes = [
                *notes,
                f"{_wells(len(there))} {word} ({', '.join(there['well'].head(12))}); no number was put there.",
            ]
    return PlateReading(wells, unit, tuple(notes), signal)


def _wells(count: int) -> str:
    return "1 well is" if count == 1 else f"{count} wells are"


def read_cell(table: TextTable, row: int, column: int, what: str = "an optical density") -> tuple[str, float]:
    """Return the state of a cell ("", "above", "below", "excluded", "empty") and its number."""
    text = table.cells[row][column].strip()
    if text.lower() in _MASKED or re.fullmatch(r"[*(].*[*)]|\?+", text):
        return "excluded", math.nan
    if beyond_limit(text) is not None:
        return str(beyond_limit(text)), math.nan
    reading = read_limited(table, row, column, what)
    if reading.above or reading.below:
        return "above" if reading.above else "below", math.nan
    return ("empty", math.nan) if reading.missing else ("", reading.value)


def role_of(text: str) -> str | None:
    """Return the role that a word names, without its number: "STD3" is a standard; None if it names none."""
    plain = re.sub(r"[\s_\-]*\d*$", "", text.strip()).lower()
    return _ROLES.get(plain)


def _listed(table: TextTable, known: tuple[int | None, ...] = ()) -> PlateReading:
    well, density = table.find(WELL, "wells"), density_column(table)
    role, sample, level = table.maybe(ROLE), table.maybe(SAMPLE), table.maybe(LEVEL)
    dilution, unit_at = table.maybe(DILUTION), table.maybe(UNIT)
    omitted = omitted_rows(table)
    unit_at = unit_at if level is not None and not unit_in(table.cells[0][level]) else None
    # Mesoscale's list has the concentrations of standards and no type; what has one there is a standard.
    nominal = level is not None and role is None and table.maybe(("calc concentration", "spot")) is not None
    notes = list(table.notes)
    if nominal:
        notes.append(f'Wells with a number in "{table.cells[0][level or 0]}" were taken for standards.')
    rows: list[tuple[object, ...]] = []
    taken, levels = [], []
    for row in range(1, len(table.cells)):
        cells = table.cells[row]
        if not _is_well(table, row, well, density):
            continue
        taken.append(row)
        state, value = read_cell(table, row, density if density is not None else 0)
        said = content(cells[sample] if sample is not None else "", cells[well], table)
        kind, name, standard, unit = said.role, said.name, said.level, said.unit
        if role is not None and cells[role]:
            kind = _role(table, row, role)
            name = cells[sample] if sample is not None and cells[sample] else cells[role]
            standard = math.nan
        if kind == "empty":
            continue
        if state == "empty":
            if sample is not None and cells[sample]:
                notes.append(f'Well {cells[well]} ("{cells[sample]}") is empty and was left out.')
            continue
        if row in omitted.reasons:
            state = "excluded"
        written = table.number(row, level, "a concentration") if level is not None else math.nan
        if nominal:
            kind = "sample" if math.isnan(written) else "standard" if written > 0 else "blank"
        if kind == "blank":
            standard = 0.0
        elif kind == "standard" and not math.isnan(written):
            standard, unit = written, cells[unit_at] if unit_at is not None else ""
        elif kind == "standard" and role is not None and level is not None:
            raise InvalidValueError(f"The standard in {table.where(row, level)} has no concentration.")
        factor = dilution_of(table, row, dilution) if kind == "sample" else 1.0
        levels.append((standard if kind != "sample" else math.nan, unit))
        rows.append((_plain_well(cells[well]), kind, name, math.nan, value, state, factor))
    converted, unit = one_unit(levels, table.name)
    rows = [(*row[:3], each, *row[4:]) for row, each in zip(rows, converted, strict=True)]
    if dilution is not None and any(row[-1] != 1.0 for row in rows):
        notes.append(f'Concentrations of samples are times the dilution in "{table.cells[0][dilution]}".')
    unit = unit or (unit_in(table.cells[0][level]) if level is not None else "")
    used = (well, density, role, sample, level, dilution, unit_at, *omitted.columns, *known)
    notes += _of_rows(table, [0, *taken]).unread(used)
    signal = table.cells[0][density] if density is not None else "OD"
    return finish(rows, table.name, unit, notes, signal)


def _is_well(table: TextTable, row: int, well: int, density: int | None) -> bool:
    """Return whether a row is that of a well; a number beside no well is not left out in silence.

    Raises
    ------
    InvalidValueError
        If something was read there, and what stands for the well is none or nothing.
    """
    cells = table.cells[row]
    if _WELL.fullmatch(cells[well].strip()):
        return True
    if density is not None and PLAIN_NUMBER.fullmatch(cells[density]):
        what = (
            f'"{cells[well]}" in {table.where(row, well)} is no well'
            if cells[well]
            else (f"The well in {table.where(row, well)} is missing, and {cells[density]} was read there")
        )
        raise InvalidValueError(f"{what}. Write A1 to H12.")
    return False


def _role(table: TextTable, row: int, column: int) -> str:
    found = role_of(table.cells[row][column])
    if found is None:
        raise InvalidValueError(
            f'"{table.cells[row][column]}" in {table.where(row, column)} is no type of well: standard, blank or sample.'
        )
    return found


def _plain_well(text: str) -> str:
    found = _WELL.fullmatch(text.strip())
    return f"{found[1].upper()}{found[2]}" if found else text


def _check_standards(wells: pd.DataFrame, name: str) -> None:
    """Refuse standards that are numbered and have no concentrations: Std3 is the third, not 3."""
    standards = wells[wells["role"] == "standard"]
    if standards.empty:
        return
    levels = standards["concentration"]
    labels = [found[1] for text in standards["sample"] if (found := LABEL.fullmatch(str(text).strip()))]
    # Whole numbers that leave no more than one out, from 0 or 1 on, count the standards: Std1, Std2, Std4.
    numbers = {int(label) for label in labels}
    numbered = len(labels) == len(standards) and len(numbers) > 1 and max(numbers) <= len(numbers) + 1
    from_label = numbered and [float(label) for label in labels] == list(levels)
    if levels.isna().any() or (from_label and len(set(labels)) > 2):
        example = standards["sample"].iloc[0]
        raise InvalidValueError(
            f'{name}: the standards are called "{example}" and so on, which numbers them and does not say their '
            'concentrations. Add a column "Concentration (pg/mL)" with the concentration of each standard, or write it '
            'into the layout as "standard 250".'
        )
