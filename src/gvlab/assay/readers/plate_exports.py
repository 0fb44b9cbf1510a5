"""Exports of plate readers with layouts of their own: Gen5 (several lines a letter), EnVision (none), SoftMax Pro.

Others (SkanIt, Magellan, BMG, Kaleido, MSD) write lists of wells or plain grids, which `plate` reads.
"""

from __future__ import annotations

import dataclasses
import math
import re

from gvlab.assay.readers import softmax, well_series
from gvlab.assay.readers.plate import SIZES, PlateReading, finish, read_cell, role_of
from gvlab.assay.readers.plate_grids import LETTERS, from_grids
from gvlab.assay.readers.tables import PLAIN_NUMBER, TextTable, plain_name
from gvlab.assay.readers.well_series import WellSeries
from gvlab.errors import some_of

_HEIGHTS = {width: height for height, width in SIZES}
_DERIVED = re.compile(
    r"(?:\[|blank |mean|max |t at |std|conc|count|corrected|normali|r-squared|lagtime|.*pathlength)", re.IGNORECASE
)
_LAYOUT = ("wellid", "name", "conc/dil", "sampleid")
Block = dict[str, dict[str, tuple[int, int]]]
"""By label, the row and column of each well."""


def instrument_of(page: TextTable) -> str:
    """Return the program that wrote a table: Gen5, SoftMax Pro or EnVision; "" where its layout is a common one."""
    if any(comment.replace(" ", "").startswith("BLOCKS=") for comment in page.comments):
        return "SoftMax Pro"
    for cells in page.cells[:400]:
        if any(cell.startswith("##BLOCKS") or cell.replace(" ", "").startswith("##BLOCKS") for cell in cells[:1]):
            return "SoftMax Pro"
        if any(cell.startswith("Temperature(") for cell in cells[:3]) and cells[-1] is not None:
            return "SoftMax Pro"
    if plain_name(page.cells[0][0]) == "plateinformation" and _bare_grids(page):
        return "EnVision"
    return "Gen5" if any(_labels(block) for block in _lettered(page)) else ""


def read(page: TextTable) -> tuple[PlateReading | WellSeries, ...]:
    """Return the plates of an export; errors as `gvlab.assay.readers.plate.from_list`."""
    if instrument_of(page) == "SoftMax Pro":
        return softmax.read(page)
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
            if mark in LETTERS and len(mark) == 1:
                if letter and LETTERS.index(mark) != LETTERS.index(letter) + 1:
                    break
                letter = mark
            elif mark or not any(line[first : first + width + 1]):
                break
            label = line[first + width].strip() if first + width < len(line) else ""
            wells = block.setdefault(label, {})
            wells |= {f"{letter}{number + 1}": (below, first + number) for number in range(width)}
        found.append(block)
    return found


def _gen5(page: TextTable) -> tuple[PlateReading | WellSeries, ...]:
    """Return every plate and every read of an export; what Gen5 computed of them is named and left out."""
    starts = [row for row, cells in enumerate(page.cells) if plain_name(cells[0]) == "platenumber"]
    if len(starts) < 2:
        return _gen5_plate(page)
    found: list[PlateReading | WellSeries] = []
    for start, end in zip(starts, [*starts[1:], len(page.cells)], strict=True):
        number = page.cells[start][1] if len(page.cells[start]) > 1 else ""
        part = page.until(end).below(start)
        if not _lettered(part) and not well_series.read(part):
            continue
        for reading in _gen5_plate(part):
            name = ", ".join(text for text in (number or f"plate {len(found) + 1}", reading.name) if text)
            found.append(dataclasses.replace(reading, name=name))
    return tuple(found)


def _gen5_plate(page: TextTable) -> tuple[PlateReading | WellSeries, ...]:
    layout: Block = {}
    results: list[tuple[str, dict[str, tuple[int, int]]]] = []
    for block in _lettered(page):
        for label, wells in block.items():
            if plain_name(label) in _LAYOUT:
                layout.setdefault(plain_name(label), wells)
            elif label or not layout:
                results.append((label, wells))
    raw = [(label, wells) for label, wells in results if not _DERIVED.match(label)]
    series = well_series.read(page)
    if not raw:
        return series or from_grids(page)
    derived = list(dict.fromkeys(label for label, _ in results if _DERIVED.match(label)))
    notes = list(page.notes)
    if derived:
        notes.append(f"Not read, since Gen5 computed it: {some_of(derived)}.")
    if series:
        notes.append("The readings over time or wavelength in the file were not used; the results of Gen5 were.")
    readings = [_gen5_read(page, signal, places, layout, notes) for signal, places in raw]
    if len(readings) == 1:
        return (readings[0],)
    return tuple(dataclasses.replace(reading, name=reading.signal) for reading in readings)


def _gen5_read(
    page: TextTable, signal: str, places: dict[str, tuple[int, int]], layout: Block, notes: list[str]
) -> PlateReading:
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
    said = list(notes)
    if any(row[6] != 1.0 for row in rows):
        said.append("Concentrations of samples are times the dilution of the layout.")
    return finish(rows, page.name, "", said, signal)


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


def _envision(page: TextTable) -> tuple[PlateReading, ...]:
    blocks = _bare_grids(page)
    found = []
    for number, (first, height, width) in enumerate(blocks, 1):
        rows: list[tuple[object, ...]] = []
        for step in range(height):
            for place in range(width):
                well = f"{LETTERS[step]}{place + 1}"
                state, value = read_cell(page, first + step, place)
                rows.append((well, "sample", well, math.nan, value, state, 1.0))
        name = f"block {number}" if len(blocks) > 1 else ""
        found.append(dataclasses.replace(finish(rows, page.name, "", list(page.notes), "Signal"), name=name))
    return tuple(found)
