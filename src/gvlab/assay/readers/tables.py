"""Tables of text: CSV in any dialect and sheets of workbooks as cells; formulas are neither computed nor handed on.

A cell that begins with = + - or @ is run by a spreadsheet that opens it. On the way in a formula is an error, which
names the cell; on the way out such a text gets an apostrophe in front, which makes a spreadsheet show it.
"""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from gvlab.errors import GVLabError, InvalidValueError, UnknownNameError

_LIVE = ("=", "+", "-", "@")
_PLAIN_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_MISSING = frozenset({"", "na", "n/a", "nan", "none", "nd", "n.d.", "-", "--", "."})
_LARGEST = 200_000_000
_LARGEST_UNPACKED = 500_000_000
_COMMENT = "#"
_DAMAGED = (ValueError, LookupError, TypeError, AttributeError, SyntaxError, EOFError, zipfile.BadZipFile, zlib.error)
"""What openpyxl raises at a workbook with a fault inside."""


@dataclass(frozen=True)
class TextTable:
    """Cells of a file, all as text, with where they stood.

    Attributes
    ----------
    name
        File, and sheet where there is one, for messages.
    cells
        Rows; ragged rows are filled with "".
    first_row
        Number of the first row in the file, from 1.
    comments
        Lines in front that begin with "#".
    decimal_comma
        Whether numbers have decimal commas (a semicolon or tab separates cells then).
    """

    name: str
    cells: tuple[tuple[str, ...], ...]
    first_row: int = 1
    comments: tuple[str, ...] = ()
    decimal_comma: bool = False
    rows_at: tuple[int, ...] = field(default=())

    def where(self, row: int, column: int) -> str:
        """Name a cell as a spreadsheet does: "B7 of data.csv"."""
        number = self.rows_at[row] if self.rows_at else row + self.first_row
        return f"cell {column_letters(column)}{number} of {self.name}"

    def number(self, row: int, column: int, what: str = "a number") -> float:
        """Read a cell as a number; empty, "NA" and the like are NaN.

        Raises
        ------
        InvalidValueError
            If it is not one: the message names the cell and the way out.
        """
        return parse_number(self.cells[row][column], self.where(row, column), what, self.decimal_comma)

    def find(self, names: Iterable[str], what: str, row: int = 0) -> int:
        """Find a column by one of its names in a header row; capitals, spaces and units in brackets do not matter.

        Raises
        ------
        UnknownNameError
            If none of them is there.
        """
        found = self.maybe(names, row)
        if found is None:
            header = [cell for cell in self.cells[row] if cell]
            raise UnknownNameError(f"column for {what}", next(iter(names)), header, self.name)
        return found

    def maybe(self, names: Iterable[str], row: int = 0) -> int | None:
        """Find a column as `find` does; None if there is none."""
        plain = [plain_name(cell) for cell in self.cells[row]]
        for name in names:
            if plain_name(name) in plain:
                return plain.index(plain_name(name))
        return None


def plain_name(text: str) -> str:
    """Reduce a column name: no unit in brackets, no capitals, no spaces, hyphens or underscores."""
    without_unit = re.sub(r"[\[(].*?[\])]", "", text)
    return re.sub(r"[\s_\-.:]+", "", without_unit).lower()


def unit_in(text: str) -> str:
    """Return what stands in brackets in a column name: "Flux [p/s]" -> "p/s"; "" where there is nothing."""
    found = re.search(r"[\[(]([^\])]*)[\])]", text)
    return found[1].strip() if found else ""


def column_letters(column: int) -> str:
    """Name a column as a spreadsheet does: 0 is A, 26 is AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def parse_number(text: str, where: str, what: str = "a number", decimal_comma: bool = False) -> float:
    """Read a number.

    Parameters
    ----------
    text
        As in the cell.
    where
        For the message.
    what
        What it is, for the message: "a time".
    decimal_comma
        Whether "1,5" is one and a half.

    Raises
    ------
    InvalidValueError
        If it is not a number; a decimal comma where none was expected is an error and not a guess.
    """
    plain = text.strip().replace("\u2212", "-").replace("\u00a0", "")
    if plain.lower() in _MISSING:
        return math.nan
    if decimal_comma and "," in plain:
        if _DECIMAL_COMMA.fullmatch(plain):
            return float(plain.replace(",", "."))
    elif _PLAIN_NUMBER.fullmatch(plain):
        return float(plain.removesuffix("%"))
    if plain.startswith("="):
        raise InvalidValueError(formula_message(plain, where))
    if not decimal_comma and (_DECIMAL_COMMA.fullmatch(plain) or _THOUSANDS.fullmatch(plain)):
        raise InvalidValueError(
            f'"{plain}" in {where} has a comma, and it is not clear whether it separates decimals or thousands. Save '
            "the file with decimal points, or as CSV with semicolons between cells."
        )
    if re.match(r"[<>≤≥]", plain):
        raise InvalidValueError(
            f'"{plain}" in {where} is a limit, not {what}. Write the limit as the number and "yes" in a column '
            "below_lloq or above_uloq."
        )
    raise InvalidValueError(
        f'"{plain}" in {where} is not {what}. Correct the cell, or leave it empty if nothing was read.'
    )


def formula_message(text: str, where: str) -> str:
    """Return the message that a cell holds a formula."""
    return (
        f'"{text[:40]}" in {where} is a formula. Formulas are not computed here, since a file may hold any. In the '
        "spreadsheet copy the cells and paste them as values, then save again."
    )


def read_csv(path: Path | str) -> TextTable:
    """Read a CSV, TSV or semicolon-separated file.

    The separator is recognized: a semicolon or tab leaves the comma free to be a decimal comma.

    Raises
    ------
    InvalidValueError
        If it is not a text table, or a cell holds a formula.
    """
    path = Path(path)
    text = _text(path)
    lines = text.splitlines()
    comments = tuple(line.lstrip(_COMMENT + " ") for line in lines if line.startswith(_COMMENT))
    numbered = [(number, line) for number, line in enumerate(lines, 1) if not line.startswith(_COMMENT)]
    body = [line for _, line in numbered]
    if not any(line.strip() for line in body):
        raise InvalidValueError(f'"{path.name}" is empty. Save the table again.')
    separator = _separator(body)
    try:
        rows = [
            tuple(cell.strip() for cell in row) for row in csv.reader(io.StringIO("\n".join(body)), delimiter=separator)
        ]
    except csv.Error as error:
        raise InvalidValueError(f'"{path.name}" cannot be read as CSV: {error}.') from error
    at = [number for number, _ in numbered] if len(rows) == len(numbered) else list(range(1, len(rows) + 1))
    kept = [(number, row) for number, row in zip(at, rows, strict=True) if any(row)]
    comma = separator != "," and _has_decimal_commas([row for _, row in kept])
    return _table(path.name, [row for _, row in kept], [number for number, _ in kept], comments, comma)


def read_sheet(path: Path | str, sheet: str = "") -> TextTable:
    """Read a sheet of an .xlsx workbook; the first where none is named.

    Raises
    ------
    InvalidValueError
        If it is not a workbook, or a cell holds a formula.
    UnknownNameError
        If there is no such sheet.
    """
    return read_workbook(path, (sheet,))[0]


def read_workbook(path: Path | str, sheets: Sequence[str]) -> tuple[TextTable, ...]:
    """Read several sheets of a workbook; errors as `read_sheet`."""
    path = Path(path)
    book = _open_workbook(path)
    try:
        found = []
        for sheet in sheets:
            if sheet and sheet not in book.sheetnames:
                raise UnknownNameError("sheet", sheet, book.sheetnames, path.name)
            page = book[sheet] if sheet else book.worksheets[0]
            name = f'sheet "{page.title}" of {path.name}'
            kept = []
            for row in page.iter_rows():
                cells = tuple(_cell_text(cell.value, getattr(cell, "data_type", "")) for cell in row)
                if any(cells):
                    number = next(cell.row for cell in row if hasattr(cell, "row") and cell.row)
                    kept.append((number, cells))
            found.append(_table(name, [row for _, row in kept], [number for number, _ in kept], (), False))
        return tuple(found)
    except GVLabError:
        raise
    except _DAMAGED as error:
        raise InvalidValueError(f'"{path.name}" is a damaged workbook ({error}). Save it again.') from error
    finally:
        book.close()


def read_table(path: Path | str, sheet: str = "") -> TextTable:
    """Read a CSV file or a sheet of a workbook, by the ending of its name; errors as `read_csv` and `read_sheet`."""
    suffix = Path(path).suffix.lower()
    if suffix in (".xlsx", ".xlsm", ".xls"):
        return read_sheet(path, sheet)
    if suffix in (".csv", ".tsv", ".txt", ".tab"):
        return read_csv(path)
    raise InvalidValueError(f'"{Path(path).name}" is neither CSV nor .xlsx. Save the table as one of them.')


def sheet_names(path: Path | str) -> tuple[str, ...]:
    """Return the sheets of a workbook; errors as `read_sheet`."""
    book = _open_workbook(Path(path))
    try:
        return tuple(book.sheetnames)
    finally:
        book.close()


def safe_cell(value: object) -> object:
    """Return a cell that no spreadsheet runs: a text that begins with = + - @ gets an apostrophe, a number stays."""
    if not isinstance(value, str):
        return value
    # A line break within a cell would begin a new one in programs that do not know quotes; so would a tab.
    text = re.sub(r"[\r\n\t]+", " ", value).strip()
    return "'" + text if text.startswith(_LIVE) and not _PLAIN_NUMBER.fullmatch(text) else text


def write_csv(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], comments: Sequence[str] = ()
) -> None:
    """Write a CSV file with comments in front, no cell of which is live."""
    text = io.StringIO()
    for comment in comments:
        text.write(f"{_COMMENT} {comment}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([safe_cell(cell) for cell in header])
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def _table(
    name: str, rows: list[tuple[str, ...]], at: list[int], comments: tuple[str, ...], decimal_comma: bool
) -> TextTable:
    if not rows:
        raise InvalidValueError(f"{name} is empty. Save the table again.")
    width = max(len(row) for row in rows)
    cells = tuple(tuple(_unescaped(cell) for cell in (*row, *[""] * (width - len(row)))) for row in rows)
    table = TextTable(name, cells, at[0], comments, decimal_comma, tuple(at))
    for number, row in enumerate(cells):
        for column, cell in enumerate(row):
            if cell.startswith("=") and len(cell) > 1:
                raise InvalidValueError(formula_message(cell, table.where(number, column)))
    return table


def _unescaped(cell: str) -> str:
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in _LIVE and cell[1] != "=" else cell


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise InvalidValueError(f'"{path.name}" is larger than 200 MB, which no table of readings is.')
        content = path.read_bytes()
    except OSError as error:
        raise InvalidValueError(f'"{path}" cannot be opened: {error.strerror}.') from error
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content[:4096]:
        raise InvalidValueError(f'"{path.name}" is not a text file. Save the table as CSV or .xlsx.')
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _separator(lines: Sequence[str]) -> str:
    """The separator that is in most lines, and equally often in them; a tab or semicolon wins over a comma."""
    shown = [line for line in lines if line.strip()][:50]
    for separator in ("\t", ";", ","):
        counts = [line.count(separator) for line in shown]
        if sum(count > 0 for count in counts) >= 0.8 * len(counts):
            return separator
    return max("\t;,", key=lambda separator: sum(line.count(separator) for line in shown))


def _has_decimal_commas(rows: Sequence[tuple[str, ...]]) -> bool:
    return any(_DECIMAL_COMMA.fullmatch(cell) for row in rows for cell in row)


def _open_workbook(path: Path) -> Any:
    import openpyxl

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_UNPACKED:
                raise InvalidValueError(
                    f'"{path.name}" unpacks to more than 500 MB, which no workbook of readings does.'
                )
        return openpyxl.load_workbook(path, read_only=True, data_only=False, keep_links=False)
    except GVLabError:
        raise
    except zipfile.BadZipFile as error:
        hint = (
            "It is an old .xls workbook; save it as .xlsx."
            if path.suffix.lower() == ".xls"
            else "Save it as .xlsx again."
        )
        raise InvalidValueError(f'"{path.name}" is not an .xlsx workbook, or is cut off. {hint}') from error
    except OSError as error:
        raise InvalidValueError(f'"{path}" cannot be opened: {error.strerror}.') from error
    except _DAMAGED as error:
        raise InvalidValueError(f'"{path.name}" is a damaged workbook ({error}). Save it again.') from error


def _cell_text(value: object, data_type: str) -> str:
    if value is None:
        return ""
    if data_type == "f":
        return value if isinstance(value, str) and value.startswith("=") else f"={value}"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return repr(value) if not value.is_integer() or abs(value) > 1e15 else str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value).strip()
