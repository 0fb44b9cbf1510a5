"""Exports of SoftMax Pro: blocks of plates and of groups, endpoints at several wavelengths, kinetics, spectra."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from gvlab.assay.readers import well_series
from gvlab.assay.readers.plate import MOST_PLATES, SIZES, PlateReading, finish, read_cell
from gvlab.assay.readers.plate_grids import LETTERS
from gvlab.assay.readers.plate_labels import content
from gvlab.assay.readers.tables import TextTable, plain_name
from gvlab.assay.readers.well_series import MINUTE, POINT, WAVELENGTH, WellSeries
from gvlab.errors import InvalidValueError

_WELL_NAME = re.compile(r"[A-P]\d{1,2}")
_HEIGHTS = {width: height for height, width in SIZES}
_SERIES = {"kinetic": MINUTE, "spectrum": WAVELENGTH, "well scan": POINT}
Cell = tuple[int, int]


@dataclass(frozen=True)
class _Block:
    """A plate of the file: where its numbers begin and end, and what its first line says."""

    name: str
    read: str
    wavelengths: tuple[tuple[str, ...], ...]
    header: int
    shift: int
    end: int


def read(page: TextTable) -> tuple[PlateReading | WellSeries, ...]:
    """Return the plates of an export; each wavelength of an endpoint is one of its own.

    Raises
    ------
    InvalidValueError
        If there is no plate, or as `gvlab.assay.readers.plate.from_list`.
    """
    blocks = _blocks(page)
    if not blocks:
        raise InvalidValueError(f"{page.name} has no plate with numbers. In SoftMax Pro export the plate sections too.")
    found: list[PlateReading | WellSeries] = []
    empty = []
    for block in blocks:
        part: Sequence[PlateReading | WellSeries]
        part = _series(page, block) if block.read in _SERIES else _endpoints(page, block)
        found += part
        empty += [] if part else [block.name]
    if len(found) > MOST_PLATES:
        raise InvalidValueError(
            f"{page.name} has {len(found)} plates and wavelengths; at most {MOST_PLATES} are read at once. Export "
            "fewer."
        )
    if not found:
        raise InvalidValueError(f"{page.name} has no readings in its plates: {', '.join(empty)}.")
    if empty:
        said = f"Without readings in the file, so left out: {', '.join(empty)}."
        found = [dataclasses.replace(each, notes=(*each.notes, said)) for each in found]
    if len(found) == 1:
        return (dataclasses.replace(found[0], name=""),)
    names = [each.name for each in found]
    return tuple(
        dataclasses.replace(each, name=f"{each.name} ({names[:place].count(each.name) + 1})")
        if names[:place].count(each.name)
        else each
        for place, each in enumerate(found)
    )


def _blocks(page: TextTable) -> list[_Block]:
    found = []
    for row, cells in enumerate(page.cells):
        if plain_name(cells[0]) == "plate" and len(cells) > 3:
            block = _block(page, row, cells)
            found += [block] if block is not None else []
    if not found:
        # An export of the columns alone begins with the temperatures.
        found = [block for block in [_block(page, -1, ())] if block is not None]
    return found


def _block(page: TextTable, row: int, first: tuple[str, ...]) -> _Block | None:
    for at in range(row + 1, len(page.cells)):
        cells = page.cells[at]
        if plain_name(cells[0]) == "plate" or cells[0].startswith("~"):
            return None
        # The last column has nothing to its right, so a temperature there heads nothing.
        heads = [place + 1 for place, cell in enumerate(cells[:-1][:3]) if cell.startswith("Temperature(")]
        shift = next(iter(heads), None)
        if shift is None and first:
            # A section of reduced numbers has no temperatures.
            filled = next((place for place, cell in enumerate(cells) if cell), 0)
            shift = filled if cells[filled : filled + 2] in (("1", "2"), ("A1", "A2")) else None
        if shift is not None:
            break
    else:
        return None
    end = next(
        (
            below
            for below in range(at + 1, len(page.cells))
            if page.cells[below][0].startswith(("~", "Plate:", "Group:"))
        ),
        len(page.cells),
    )
    kinds = {cell.strip().lower() for cell in first}
    read = next((kind for kind in (*_SERIES, "endpoint") if kind in kinds), "endpoint")
    # A number of wavelengths and then their list: "3", "230 260 340".
    lists = [
        tuple(cell.split())
        for count, cell in pairwise(first)
        if re.fullmatch(r"\d{1,4}(?: \d{1,4})*", cell.strip()) and count.strip() == str(len(cell.split()))
    ]
    name = first[1] if len(first) > 1 and first[1] else "plate"
    return _Block(name, read, tuple(lists), at, shift, end)


def _line(page: TextTable, row: int) -> int:
    """Return the number of a row in the file; lines without anything were dropped from the table."""
    return page.rows_at[row] if page.rows_at else row + 1


def _width(header: tuple[str, ...], start: int) -> int:
    width = 0
    while start + width < len(header) and header[start + width] == str(width + 1):
        width += 1
    return width


def _endpoints(page: TextTable, block: _Block) -> list[PlateReading]:
    header = page.cells[block.header]
    by_wavelength: list[dict[str, Cell]] = []
    if _WELL_NAME.fullmatch(header[block.shift]):
        wells = {cell: at for at, cell in enumerate(header) if _WELL_NAME.fullmatch(cell)}
        for row in range(block.header + 1, block.end):
            # The second header stands over the reduced numbers.
            if any(_WELL_NAME.fullmatch(cell) for cell in page.cells[row]):
                break
            by_wavelength.append({well: (row, at) for well, at in wells.items() if at < len(page.cells[row])})
    else:
        start = block.shift
        while width := _width(header, start):
            by_wavelength.append(_places(page, block, start, width))
            start += width + 1
    layout = _groups(page, block.name)
    found = []
    for number, places in enumerate(by_wavelength):
        rows: list[tuple[object, ...]] = []
        for well, (row, column) in places.items():
            state, value = read_cell(page, row, column)
            if state != "empty":
                role, name, level = layout.get(well, ("sample", well, math.nan))
                rows.append((well, role, name, level, value, state, 1.0))
        if rows:
            plate = finish(rows, page.name, "", list(page.notes), "Signal")
            found.append(dataclasses.replace(plate, name=_name(block, number, len(by_wavelength))))
    return found


def _name(block: _Block, number: int, count: int) -> str:
    if count < 2:
        return block.name
    told = next((each for each in block.wavelengths if len(each) == count), ())
    return f"{block.name}, {told[number] if told else number + 1}"


def _places(page: TextTable, block: _Block, start: int, width: int) -> dict[str, Cell]:
    """Return where each well of a grid stands; a row of wells that was not read is a line without anything."""
    found: dict[str, Cell] = {}
    for row in range(block.header + 1, block.end):
        step = _line(page, row) - _line(page, block.header) - 1
        if step >= _HEIGHTS.get(width, len(LETTERS)) or _width(page.cells[row], block.shift) > 1:
            break
        found |= {f"{LETTERS[step]}{number + 1}": (row, start + number) for number in range(width)}
    return found


def _series(page: TextTable, block: _Block) -> list[WellSeries]:
    header = page.cells[block.header]
    axis = _SERIES[block.read]
    if _WELL_NAME.fullmatch(header[block.shift]):
        whole = page.until(block.end).below(block.header)
        named = dataclasses.replace(whole, cells=(_with_axis(header, axis), *whole.cells[1:]))
        return [dataclasses.replace(each, name=block.name) for each in well_series.read(named)]
    starts = []
    start = block.shift
    while width := _width(header, start):
        starts.append((start, width))
        start += width + 1
    if not starts:
        return []
    height = _HEIGHTS.get(starts[0][1])
    if height is None:
        raise InvalidValueError(f"{page.name}: a plate with {starts[0][1]} columns is none that is known.")
    rows: dict[int, list[tuple[str, float, float]]] = {}
    place = math.nan
    for row in range(block.header + 1, block.end):
        cells = page.cells[row]
        if _width(cells, block.shift) > 1:
            break  # the header of the reduced numbers
        step = (_line(page, row) - _line(page, block.header) - 1) % (height + 1)
        told = cells[block.shift - 2] if block.shift > 1 else ""
        if told:
            found = well_series.minutes(told) if axis == MINUTE else float(told) if told.isdigit() else None
            place = math.nan if found is None else found
        if step == height or math.isnan(place):
            raise InvalidValueError(
                f"{page.name}: line {_line(page, row)} does not fit plates of {height} rows with an empty line "
                "between. In SoftMax Pro export the section in the time format (a column a well)."
            )
        for number, (first, width) in enumerate(starts):
            for column in range(width):
                state, value = read_cell(page, row, first + column, "a reading")
                if state != "empty":
                    rows.setdefault(number, []).append(
                        (f"{LETTERS[step]}{column + 1}", place, value if state == "" else math.nan)
                    )
    return [
        WellSeries(
            pd.DataFrame(values, columns=["well", axis, "value"]), axis, tuple(page.notes),
            block.name if len(starts) == 1 else f"{block.name}, {number + 1}",
        )
        for number, values in rows.items()
    ]  # fmt: skip


def _with_axis(header: tuple[str, ...], axis: str) -> tuple[str, ...]:
    """Return a header whose first column is named: SoftMax Pro leaves that of times without a name."""
    return (header[0] or {MINUTE: "Time", WAVELENGTH: "Wavelength", POINT: "Cycle"}[axis], *header[1:])


def _groups(page: TextTable, plate: str) -> dict[str, tuple[str, str, float]]:
    """Return role, name and concentration of the wells that the file's groups name, for one of its plates."""
    found: dict[str, tuple[str, str, float]] = {}
    group, header, sample = "", None, ""
    level = math.nan
    for row, cells in enumerate(page.cells):
        if cells[0].startswith("Group:"):
            group, header = cells[0].removeprefix("Group:").strip(), None
        elif cells[0].startswith(("~", "Plate:")):
            group = ""
        elif group and header is None:
            below = page.below(row)
            wells = below.maybe(("Wells", "Well"))
            if below.maybe(("Sample",)) is None or wells is None:
                continue
            header = below.maybe(("Sample",)), wells, below.maybe(("Standard Value", "Concentration", "Conc", "Known"))
            of_plate = below.maybe(("WellPlateName", "Well Plate Name"))
        elif group and header is not None:
            name, well, known = header
            if not _WELL_NAME.fullmatch(cells[well].strip()) or (of_plate and plate and cells[of_plate] != plate):
                continue
            if name is not None and cells[name].strip():
                sample, level = cells[name].strip(), math.nan
            # Of samples the same column holds results, and words such as "Range?".
            if known is not None and cells[known].strip() and "standard" in group.lower():
                level = page.number(row, known, "a concentration")
            role = "standard" if "standard" in group.lower() else "blank" if "blank" in group.lower() else "sample"
            if role == "sample" and content(sample, "", page).role == "blank":
                role = "blank"
            found[cells[well].strip()] = (role, sample, 0.0 if role == "blank" else level)
    return {
        well: (role if role != "standard" or not math.isnan(level) else "control", name, level)
        for well, (role, name, level) in found.items()
    }
