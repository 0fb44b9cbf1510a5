"""Workbooks (.xlsx) as tables: every sheet, whatever it says of its own size, within caps, and no formula is computed.

Of a formula the value that the spreadsheet computed last is taken, if it is in the file. Merged cells hold what is
shown in them. Hidden rows are read as the others are, and said.
"""

from __future__ import annotations

import lzma
import posixpath
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from gvlab.assay.readers.tables import TextTable, column_letters, make_table
from gvlab.errors import GVLabError, InvalidValueError, UnknownNameError, some_of

SUFFIXES = (".xlsx", ".xlsm")
_LARGEST_UNPACKED = 500_000_000
_LARGEST_SHEET = 150_000_000
_LARGEST_STRINGS = 60_000_000
_MOST_CHARACTERS = 60_000_000
"""Of all cells of a sheet: a text that stands once in the file may be that of every cell."""
_SMALL_SHEET = 1_500_000
"""Bytes of a sheet, unpacked: some 20,000 cells."""
_MOST_CELLS = 600_000
_MOST_COLUMNS = 2_000
_QUOTED = re.compile(r'"[^"]*"|\\.')
"""What a format of numbers writes as it stands: a "%" there is a letter."""
_DAMAGED = (
    ValueError, LookupError, TypeError, AttributeError, SyntaxError, EOFError, RuntimeError, ArithmeticError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
)  # fmt: skip
"""What zipfile and openpyxl raise at a workbook with a fault inside; a byte that names another way of compression, or a
password, is a RuntimeError there."""
_CELL = re.compile(rb'<c\s[^>]*?r="([A-Z]{1,4})(\d{1,7})"')
_MERGED = re.compile(rb'<mergeCell\s[^>]*?ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')
_HIDDEN_COLUMN = re.compile(rb'<col\s(?=[^>]*\bhidden="(?:1|true)")(?=[^>]*\bmin="(\d+)")[^>]*?\bmax="(\d+)"')
_HIDDEN_ROW = re.compile(rb'<row\s(?=[^>]*\bhidden="(?:1|true)")[^>]*?\br="(\d+)"')


def sheet_names(path: Path | str) -> tuple[str, ...]:
    """Return the sheets of a workbook; errors as `read_sheet`."""
    with _opened(Path(path)) as (book, _):
        return tuple(page.title for page in book.worksheets)


def read_sheet(path: Path | str, sheet: str = "") -> TextTable:
    """Return the cells of a sheet; the first where none is named.

    Raises
    ------
    InvalidValueError
        If it is not a workbook, is empty or beyond the caps, or a cell holds a formula without its value.
    UnknownNameError
        If there is no such sheet: the message names those there are.
    """
    return read_sheets(path, (sheet,))[0]


def read_sheets(path: Path | str, sheets: Sequence[str]) -> tuple[TextTable, ...]:
    """Return several sheets of a workbook; errors as `read_sheet`."""
    with _opened(Path(path)) as (book, values):
        return tuple(_read(Path(path), book, values, sheet) for sheet in sheets)


def read_all_sheets(path: Path | str, small: bool = False) -> tuple[tuple[TextTable, ...], tuple[str, ...]]:
    """Return every sheet that holds something and is within the caps, and a sentence on each that could not be read.

    With `small`, sheets of raw data, which are large, are not looked at, and named.
    """
    found, notes, large = [], [], []
    with _opened(Path(path)) as (book, values):
        for page in book.worksheets:
            if small and _size(Path(path), page) > _SMALL_SHEET:
                large.append(page.title)
                continue
            try:
                found.append(_read(Path(path), book, values, page.title))
            except GVLabError as error:
                if "is empty" not in str(error):
                    notes.append(str(error))
    if large:
        notes.append(f"Not looked at, since they are large: {some_of(large)}; say sheet=... for one of them.")
    return tuple(found), tuple(notes)


def _size(path: Path, page: Any) -> int:
    with zipfile.ZipFile(path) as archive:
        return archive.getinfo(_inner(page)).file_size


def _inner(page: Any) -> str:
    return posixpath.normpath(str(page._worksheet_path)).lstrip("/")


def _read(path: Path, book: Any, values: Callable[[], Any], sheet: str) -> TextTable:
    titles = [page.title for page in book.worksheets]
    if sheet and sheet not in titles:
        raise UnknownNameError("sheet", sheet, titles, path.name)
    page = book[sheet] if sheet else book.worksheets[0]
    name = f'sheet "{page.title}" of {path.name}'
    merged, hidden, hidden_columns, formulas = _scan(path, page, name)
    computed: dict[str, str] = {}
    try:
        # A sheet's own statement of its size may be wrong, and openpyxl would stop there.
        page.reset_dimensions()
        shown = values()[page.title] if formulas else page
        shown.reset_dimensions()
        kept: list[tuple[int, tuple[str, ...]]] = []
        characters = 0
        with closing(page.iter_rows()) as own, closing(shown.iter_rows()) as saved:
            for row, last in zip(own, saved, strict=False) if formulas else ((r, r) for r in own):
                number = next((cell.row for cell in row if hasattr(cell, "row") and cell.row), 0)
                cells = [_shown(cell) for cell in row]
                for column, (cell, value) in enumerate(zip(row, last, strict=False)):
                    if getattr(cell, "data_type", "") == "f" and value.value is not None:
                        cells[column] = _shown(value)
                        computed[f"{column_letters(column)}{number}"] = cells[column]
                characters += sum(map(len, cells))
                if characters > _MOST_CHARACTERS:
                    raise InvalidValueError(
                        f"{name} has more than {_MOST_CHARACTERS / 1e6:.0f} million characters, which no table of "
                        "readings has. Copy what is to be analyzed to a sheet of its own."
                    )
                kept.append((number, tuple(cells)))
    except GVLabError:
        raise
    except _DAMAGED as error:
        raise InvalidValueError(f'"{path.name}" is a damaged workbook ({error}). Save it again.') from error
    kept = _filled([(number, cells) for number, cells in kept if number], merged)
    kept = [(number, cells) for number, cells in kept if any(cells)]
    notes = []
    read = sorted(set(hidden) & {number for number, _ in kept})
    if read:
        notes.append(f"{len(read)} hidden row{'s were' if len(read) > 1 else ' was'} read as well: {some_of(read)}.")
    under = [
        column_letters(column - 1)
        for first, last in hidden_columns
        for column in range(first, min(last, _MOST_COLUMNS) + 1)
        if any(len(cells) >= column and cells[column - 1] for _, cells in kept)
    ]
    if under:
        notes.append(
            f"{len(under)} hidden column{'s were' if len(under) > 1 else ' was'} read as well: {some_of(under)}."
        )
    if merged:
        notes.append("Merged cells were filled with what they show.")
    if computed:
        notes.append(f"Of formulas the value was taken that was saved with them: {some_of(computed)}.")
    state = getattr(page, "sheet_state", "visible")
    if state != "visible":
        notes.append(f'The sheet "{page.title}" is hidden.')
    return make_table(name, [cells for _, cells in kept], [number for number, _ in kept], notes=notes)


def _scan(
    path: Path, page: Any, name: str
) -> tuple[list[tuple[int, int, int, int]], list[int], list[tuple[int, int]], bool]:
    """Return what a sheet says of its cells, after checking the caps.

    Returns
    -------
    Merged ranges (first and last row, first and last column), hidden rows, ranges of hidden columns, and whether there
    are formulas.
    """
    inner = _inner(page)
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(inner).file_size > _LARGEST_SHEET:
            raise InvalidValueError(f"{name} unpacks to more than 150 MB, which no table of readings does.")
        content = archive.read(inner)
    count, widest = 0, b""
    for found in _CELL.finditer(content):
        count += 1
        if (len(found[1]), found[1]) > (len(widest), widest):
            widest = found[1]
        if count > _MOST_CELLS:
            break
    columns = _column_number(widest)
    if count > _MOST_CELLS or columns > _MOST_COLUMNS:
        what = f"more than {_MOST_CELLS:,} cells" if count > _MOST_CELLS else f"cells up to column {widest.decode()}"
        raise InvalidValueError(
            f"{name} has {what}; a table of readings has at most {_MOST_COLUMNS:,} columns and {_MOST_CELLS:,} cells. "
            "Copy what is to be analyzed to a sheet of its own."
        )
    merged = [
        (int(top), int(bottom), _column_number(left), _column_number(right))
        for left, top, right, bottom in (found.groups() for found in _MERGED.finditer(content))
    ]
    rows = [int(found[1]) for found in _HIDDEN_ROW.finditer(content)]
    columns_hidden = [(int(found[1]), int(found[2])) for found in _HIDDEN_COLUMN.finditer(content)]
    return merged, rows, columns_hidden, b"<f" in content


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _filled(
    rows: list[tuple[int, tuple[str, ...]]], merged: Sequence[tuple[int, int, int, int]]
) -> list[tuple[int, tuple[str, ...]]]:
    """Return rows in which every cell of a merged range holds what the range shows."""
    if not merged:
        return rows
    cells = {number: list(row) for number, row in rows}
    for top, bottom, left, right in merged[:10_000]:
        if right > _MOST_COLUMNS:
            continue
        corner = cells.get(top, [])
        text = corner[left - 1] if len(corner) >= left else ""
        for number in range(top, bottom + 1):
            row = cells.get(number)
            if row is not None and text:
                row.extend([""] * (right - len(row)))
                row[left - 1 : right] = [text] * (right - left + 1)
    return [(number, tuple(row)) for number, row in cells.items()]


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Callable[[], Any]]]:
    """Open a workbook, and give what opens it with the values that were saved with its formulas."""
    import openpyxl

    books: list[Any] = []

    def with_values() -> Any:
        if len(books) < 2:
            books.append(openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False))
        return books[1]

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_UNPACKED:
                raise InvalidValueError(
                    f'"{path.name}" unpacks to more than 500 MB, which no workbook of readings does.'
                )
            texts = (entry for entry in archive.infolist() if entry.filename.endswith("haredStrings.xml"))
            strings = sum(entry.file_size for entry in texts)
            if strings > _LARGEST_STRINGS:
                raise InvalidValueError(
                    f'"{path.name}" holds {strings / 1e6:.0f} MB of texts; a workbook of readings has at most '
                    f"{_LARGEST_STRINGS / 1e6:.0f} MB. Copy what is to be analyzed to a workbook of its own."
                )
        with warnings.catch_warnings():
            # What openpyxl says of styles and extensions concerns no cell.
            warnings.simplefilter("ignore")
            books.append(openpyxl.load_workbook(path, read_only=True, data_only=False, keep_links=False))
            if not books[0].worksheets:
                raise InvalidValueError(f'"{path.name}" has no sheet with cells. Save it again.')
            yield books[0], with_values
    except GVLabError:
        raise
    except zipfile.BadZipFile as error:
        raise InvalidValueError(f'"{path.name}" is not an .xlsx workbook, or is cut off. {_hint(path)}') from error
    except OSError as error:
        raise InvalidValueError(f'"{path}" cannot be opened: {error.strerror or error}.') from error
    except _DAMAGED as error:
        raise InvalidValueError(f'"{path.name}" is a damaged workbook ({error}). Save it again.') from error
    finally:
        for book in books:
            book.close()


def _hint(path: Path) -> str:
    if path.suffix.lower() == ".xls":
        return "It is an old .xls workbook; open it in a spreadsheet and save it as .xlsx."
    return "Open it in a spreadsheet and save it as .xlsx."


def _shown(cell: Any) -> str:
    """Return a cell as text; a number that the sheet shows as a percentage is one: 0.45 is "45%" there."""
    value, data_type = cell.value, getattr(cell, "data_type", "")
    if data_type == "n" and isinstance(value, int | float) and "%" in _QUOTED.sub("", cell.number_format):
        return f"{(Decimal(repr(value)) * 100).normalize():f}%"
    return _cell_text(value, data_type)


def _cell_text(value: object, data_type: str) -> str:
    if value is None:
        return ""
    if data_type == "f":
        return value if isinstance(value, str) and value.startswith("=") else f"={value}"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return repr(value) if not value.is_integer() or abs(value) > 1e15 else str(int(value))
    if isinstance(value, datetime) and value.time() == time(0):
        return value.date().isoformat()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value).strip()
