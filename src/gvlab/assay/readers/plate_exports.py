"""Exports of plate readers with layouts of their own: Gen5 (several lines a letter), SoftMax Pro and EnVision (none).

Others (SkanIt, Magellan, BMG, Kaleido, MSD) write lists of wells or plain grids, which `plate` reads.
"""

from __future__ import annotations

import math
import re

from gvlab.assay.readers.plate import SIZES, PlateReading, content, finish, from_table, read_cell, role_of
from gvlab.assay.readers.tables import PLAIN_NUMBER, TextTable, plain_name
from gvlab.errors import InvalidValueError

_LETTERS = "ABCDEFGHIJKLMNOP"
_HEIGHTS = {width: height for height, width in SIZES}
_DERIVED = re.compile(
    r"(?:\[|blank |mean|max |t at |std|conc|count|corrected|normali|r-squared|lagtime|.*pathlength)", re.IGNORECASE
)
_WELL_NAME = re.compile(r"[A-P]\d{1,2}")
Block = dict[str, dict[str, tuple[int, int]]]
"""By label, the row and column of each well."""


def instrument_of(page: TextTable) -> str:
    """Return the program that wrote a table: Gen5, SoftMax Pro or EnVision; "" where its layout is a common one."""
    for cells in page.cells[:400]:
        if any(cell.startswith("##BLOCKS") or cell.replace(" ", "").startswith("##BLOCKS") for cell in cells[:1]):
            return "SoftMax Pro"
        if any(cell.startswith("Temperature(") for cell in cells[:3]) and cells[-1] is not None:
            return "SoftMax Pro"
    if plain_name(page.cells[0][0]) == "plateinformation" and _bare_grids(page):
        return "EnVision"
    return "Gen5" if any(_labels(block) for block in _lettered(page)) else ""


def read(page: TextTable) -> PlateReading:
    """Return the plate of an export; errors as `gvlab.assay.readers.plate.from_table`."""
    if instrument_of(page) == "SoftMax Pro":
        return _softmax(page)
    return _envision(page) if instrument_of(page) == "EnVision" else _gen5(page)


def _labels(block: Block) -> list[str]:
    return [label for label in block if label]


def _lettered(page: TextTable) -> list[Block]:
    """Return grids under the numbers 1, 2, ... whose letters have one or more lines, each with a label at its end."""
    found = []
    for row, cells in enumerate(page.cells):
        if "1" not in cells:
            continue
        first = cells.index("1")
        width = 0
        while first + width < len(cells) and cells[first + width] == str(width + 1):
            width += 1
        if first == 0 or width < 2 or row + 1 >= len(page.cells) or page.cells[row + 1][first - 1] != "A":
            continue
        block: Block = {}
        letter = ""
        for below in range(row + 1, len(page.cells)):
            line = page.cells[below]
            mark = line[first - 1].strip()
            if mark in _LETTERS and len(mark) == 1:
                if letter and _LETTERS.index(mark) != _LETTERS.index(letter) + 1:
                    break
                letter = mark
            elif mark or not any(line[first : first + width + 1]):
                break
            label = line[first + width].strip() if first + width < len(line) else ""
            wells = block.setdefault(label, {})
            wells |= {f"{letter}{number + 1}": (below, first + number) for number in range(width)}
        found.append(block)
    return found


def _gen5(page: TextTable) -> PlateReading:
    layout: dict[str, dict[str, tuple[int, int]]] = {}
    results: list[tuple[str, dict[str, tuple[int, int]]]] = []
    for block in _lettered(page):
        for label, wells in block.items():
            if plain_name(label) in ("wellid", "name", "conc/dil", "sampleid"):
                layout.setdefault(plain_name(label), wells)
            elif label or not layout:
                results.append((label, wells))
    raw = [(label, wells) for label, wells in results if not _DERIVED.match(label)]
    if not raw:
        return from_table(page)
    notes = list(page.notes)
    signal, places = raw[0]
    others = [label for label, _ in results if label != signal]
    if others:
        shown = ", ".join(f'"{label}"' for label in dict.fromkeys(others[:6]))
        notes.append(f'Read was "{signal}"; not read: {shown}.')

    def text(kind: str, well: str) -> str:
        at = layout.get(kind, {}).get(well)
        return page.cells[at[0]][at[1]] if at is not None else ""

    rows: list[tuple[object, ...]] = []
    for well, (row, column) in places.items():
        state, value = read_cell(page, row, column)
        if state == "empty":
            continue
        mark = text("wellid", well)
        name = text("name", well) or text("sampleid", well) or mark or well
        role = role_of(mark.split(":")[0]) or "sample"
        at = layout.get("conc/dil", {}).get(well)
        written = page.number(*at, "a concentration") if at is not None and page.cells[at[0]][at[1]] else math.nan
        level = 0.0 if role == "blank" else written if role == "standard" else math.nan
        dilution = 1.0 / written if role == "sample" and 0 < written < 1 else written if written >= 1 else 1.0
        rows.append((well, role, name, level, value, state, dilution if role == "sample" else 1.0))
    if any(row[6] != 1.0 for row in rows):
        notes.append("Concentrations of samples are times the dilution of the layout.")
    return finish(rows, page.name, "", notes, signal)


def _bare_grids(page: TextTable) -> list[tuple[int, int, int]]:
    """Return first row, height and width of each block of numbers of the size of a plate without names at its sides."""
    numbers = [sum(bool(PLAIN_NUMBER.fullmatch(cell)) for cell in cells) for cells in page.cells]
    filled = [sum(bool(cell) for cell in cells) for cells in page.cells]
    found, row = [], 0
    while row < len(page.cells):
        height = _HEIGHTS.get(numbers[row], 0) if numbers[row] == filled[row] else 0
        block = range(row, row + height)
        whole = height > 0 and row + height <= len(page.cells)
        if whole and all(numbers[at] == filled[at] == numbers[row] and page.cells[at][0] for at in block):
            found.append((row, height, numbers[row]))
            row += height
        else:
            row += 1
    return found


def _envision(page: TextTable) -> PlateReading:
    grids = _bare_grids(page)
    notes = list(page.notes)
    if len(grids) > 1:
        notes.append(f"{len(grids)} blocks hold numbers; the first was read.")
    first, height, width = grids[0]
    rows: list[tuple[object, ...]] = []
    for step in range(height):
        for number in range(width):
            well = f"{_LETTERS[step]}{number + 1}"
            state, value = read_cell(page, first + step, number)
            rows.append((well, "sample", well, math.nan, value, state, 1.0))
    return finish(rows, page.name, "", notes, "Signal")


def _softmax(page: TextTable) -> PlateReading:
    notes = list(page.notes)
    named = [cells[1] for cells in page.cells if plain_name(cells[0]) == "plate" and len(cells) > 1]
    if len(named) > 1:
        notes.append(f"The file has {len(named)} plates; the first was read. Export the others to files of their own.")
    first = next((cells for cells in page.cells if plain_name(cells[0]) == "plate"), ())
    kinds = {"kinetic", "spectrum", "well scan"} & {cell.strip().lower() for cell in first}
    if kinds:
        raise InvalidValueError(
            f"{page.name} holds a {sorted(kinds)[0]} read, in which every well has many readings. In SoftMax Pro "
            "export the reduced data, or an endpoint."
        )
    layout = _softmax_groups(page, named[0] if named else "")
    start = next(row for row, cells in enumerate(page.cells) if any(c.startswith("Temperature(") for c in cells[:3]))
    header = page.cells[start]
    shift = next(column for column, cell in enumerate(header) if cell.startswith("Temperature(")) + 1
    places: dict[str, tuple[int, int]] = {}
    if _WELL_NAME.fullmatch(header[shift]):
        places = {cell: (start + 1, at) for at, cell in enumerate(header) if _WELL_NAME.fullmatch(cell)}
    else:
        width = 0
        while shift + width < len(header) and header[shift + width] == str(width + 1):
            width += 1
        last = page.rows_at[start] if page.rows_at else start
        for step in range(_HEIGHTS.get(width, len(_LETTERS))):
            row = start + 1 + step
            # A line without anything ends the block.
            if row >= len(page.cells) or (page.rows_at and page.rows_at[row] != last + 1 + step):
                break
            if page.cells[row][0].startswith("~"):
                break
            places |= {f"{_LETTERS[step]}{number + 1}": (row, shift + number) for number in range(width)}
    rows: list[tuple[object, ...]] = []
    for well, (row, column) in places.items():
        state, value = read_cell(page, row, column)
        if state == "empty":
            continue
        role, name, level = layout.get(well, ("sample", well, math.nan))
        rows.append((well, role, name, level, value, state, 1.0))
    return finish(rows, page.name, "", notes, "Signal")


def _softmax_groups(page: TextTable, plate: str) -> dict[str, tuple[str, str, float]]:
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
            if known is not None and re.fullmatch(r"[\d.]+(?:[eE][-+]?\d+)?", cells[known].strip()):
                level = float(cells[known])
            role = "standard" if "standard" in group.lower() else "blank" if "blank" in group.lower() else "sample"
            if role == "sample" and content(sample, "")[0] == "blank":
                role = "blank"
            found[cells[well].strip()] = (role, sample, 0.0 if role == "blank" else level)
    return {
        well: (role if role != "standard" or not math.isnan(level) else "control", name, level)
        for well, (role, name, level) in found.items()
    }
