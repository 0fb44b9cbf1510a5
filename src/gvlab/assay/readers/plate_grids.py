"""Plates as grids of numbers under 1 to 12 and beside A to H, with grids of what is in each well; several in a file."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass

from gvlab.assay.readers.plate import MOST_PLATES, SIZES, PlateReading, finish, read_cell
from gvlab.assay.readers.plate_labels import content, dilution_of, one_unit
from gvlab.assay.readers.tables import PLAIN_NUMBER, TextTable
from gvlab.errors import InvalidValueError, some_of

LETTERS = "ABCDEFGHIJKLMNOP"
_LEVELS = re.compile(r".*(?:standard|std)\.?\s*conc.*", re.IGNORECASE)
_DILUTIONS = re.compile(r".*dilution.*", re.IGNORECASE)
_NUMBER = re.compile(r"[-+<>]?\s*[\d.,]+(?:[eE][-+]?\d+)?%?")
_MOST_ABOVE = 3
"""Rows above a grid in which its name may stand."""


@dataclass(frozen=True)
class Grid:
    """A grid of a table.

    Attributes
    ----------
    row, column
        Of the cell left of the number 1.
    height, width
        Rows and columns of wells.
    name
        What stands above it.
    """

    row: int
    column: int
    height: int
    width: int
    name: str = ""

    def places(self) -> dict[str, tuple[int, int]]:
        """Return the row and column of each well."""
        return {
            f"{LETTERS[step]}{number}": (self.row + 1 + step, self.column + number)
            for number in range(1, self.width + 1)
            for step in range(self.height)
        }

    def texts(self, table: TextTable) -> dict[str, str]:
        """Return what stands in each well."""
        return {well: table.cells[row][column] for well, (row, column) in self.places().items()}


def grids(table: TextTable) -> list[Grid]:
    """Return the grids of a table, from above."""
    found: list[Grid] = []
    for row, cells in enumerate(table.cells):
        for column, cell in enumerate(cells):
            if cell not in ("1", "01"):
                continue
            for height, width in SIZES:
                if column > 0 and _is_grid(table, row, column - 1, height, width):
                    found.append(Grid(row, column - 1, height, width))
                    break
    ends = [0, *(grid.row + grid.height + 1 for grid in found)]
    return [
        dataclasses.replace(grid, name=_name(table, grid, max(end for end in ends if end <= grid.row)))
        for grid in found
    ]


def from_grids(table: TextTable) -> tuple[PlateReading, ...]:
    """Return a plate for each grid of readings; grids of texts, standard concentrations and dilutions are its layout.

    A file that begins with a layout has it above the readings it belongs to, any other below.

    Raises
    ------
    InvalidValueError
        If there is no grid of readings, or as `gvlab.assay.readers.plate.from_list`.
    """
    found = grids(table)
    if not found:
        raise InvalidValueError(
            f"{table.name} is no plate: there is neither a column of wells with one of densities (Well, OD) nor a grid "
            "with the numbers 1 to 12 above and the letters A to H at its side."
        )
    levels = [grid for grid in found if _LEVELS.fullmatch(grid.name)]
    dilutions = [grid for grid in found if _DILUTIONS.fullmatch(grid.name) and grid not in levels]
    rest = [grid for grid in found if grid not in levels and grid not in dilutions]
    numeric = [grid for grid in rest if _is_numeric(table, grid)]
    layouts = [grid for grid in rest if grid not in numeric and any(grid.texts(table).values())]
    if not numeric:
        raise InvalidValueError(f"{table.name} has grids, and none holds numbers. One must hold what was read.")
    if len(numeric) > MOST_PLATES:
        raise InvalidValueError(
            f"{table.name} has {len(numeric)} grids of numbers; at most {MOST_PLATES} are read at once. Split the file."
        )
    above = bool(layouts) and layouts[0].row < numeric[0].row
    names = _told_apart([grid.name or f"grid {number}" for number, grid in enumerate(numeric, 1)])
    return tuple(
        dataclasses.replace(
            _plate(table, grid, *(_belonging(grid, kind, above) for kind in (layouts, levels, dilutions))),
            name=name if len(numeric) > 1 else "",
        )
        for grid, name in zip(numeric, names, strict=True)
    )


def _plate(
    table: TextTable, grid: Grid, layout: Grid | None, levels: Grid | None, dilutions: Grid | None
) -> PlateReading:
    texts = layout.texts(table) if layout is not None else {}
    level_at = levels.places() if levels is not None else {}
    dilution_at = dilutions.places() if dilutions is not None else {}
    notes = list(table.notes)
    rows: list[tuple[object, ...]] = []
    known: list[tuple[float, str]] = []
    left_out = []
    for well, (row, column) in grid.places().items():
        state, value = read_cell(table, row, column)
        text = texts.get(well, "")
        if state == "empty":
            left_out += [f'{well} ("{text}")'] if text else []
            continue
        said = content(text, well, table)
        role, level = said.role, said.level
        written = table.number(*level_at[well], "a concentration") if well in level_at else math.nan
        if written > 0:
            role, level = "standard", written
        factor = dilution_of(table, *dilution_at[well]) if well in dilution_at and role == "sample" else 1.0
        known.append((level, "" if written > 0 else said.unit))
        rows.append((well, role, said.name, math.nan, value, state, factor))
    converted, unit = one_unit(known, table.name)
    rows = [(*row[:3], each, *row[4:]) for row, each in zip(rows, converted, strict=True)]
    if left_out:
        notes.append(f"Empty wells were left out: {some_of(left_out)}.")
    if levels is not None:
        notes.append(f'Concentrations of standards are those of "{levels.name}".')
    if dilutions is not None:
        notes.append(f'Concentrations of samples are times the dilution in "{dilutions.name}".')
    return finish(rows, table.name, unit, notes)


def _belonging(grid: Grid, others: list[Grid], above: bool) -> Grid | None:
    """Return the nearest of other grids of the same size, on the side on which this file has them."""
    same = [other for other in others if (other.height, other.width) == (grid.height, grid.width)]
    before = [other for other in same if other.row <= grid.row]
    after = [other for other in same if other.row > grid.row]
    order = (before[::-1], after) if above else (after, before[::-1])
    return next((side[0] for side in order if side), None)


def _told_apart(names: list[str]) -> list[str]:
    """Return names with a number behind the second of a kind."""
    return [
        name if names[:place].count(name) == 0 else f"{name} ({names[:place].count(name) + 1})"
        for place, name in enumerate(names)
    ]


def _name(table: TextTable, grid: Grid, first: int) -> str:
    """Return what stands in the rows above a grid, down from a row, and is no setting of an instrument's header."""
    found: list[str] = []
    for row in range(grid.row - 1, max(first, grid.row - _MOST_ABOVE) - 1, -1):
        words = [cell for cell in table.cells[row] if cell]
        if len(words) != 1 or PLAIN_NUMBER.fullmatch(words[0]) or len(found) == 2:
            break
        found.insert(0, words[0].rstrip(":"))
    corner = table.cells[grid.row][grid.column]
    return ", ".join(dict.fromkeys(found)) or corner


def _is_grid(table: TextTable, row: int, column: int, height: int, width: int) -> bool:
    cells = table.cells
    if len(cells[row]) < column + 1 + width or len(cells) < row + 1 + height:
        return False
    if [cell.lstrip("0") for cell in cells[row][column + 1 : column + 1 + width]] != [
        str(n) for n in range(1, width + 1)
    ]:
        return False
    if len(cells[row]) > column + 1 + width and cells[row][column + 1 + width].lstrip("0") == str(width + 1):
        return False
    return all(cells[row + 1 + step][column].strip() == LETTERS[step] for step in range(height))


def _is_numeric(table: TextTable, grid: Grid) -> bool:
    """Return whether most cells of a grid that are filled are numbers."""
    filled = [text for text in grid.texts(table).values() if text.strip()]
    numbers = sum(bool(_NUMBER.fullmatch(text.strip())) for text in filled)
    return bool(filled) and numbers * 2 > len(filled)
