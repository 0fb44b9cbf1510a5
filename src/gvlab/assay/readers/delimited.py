"""Text files with separated cells (CSV, TSV, the exports of many instruments) as tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from gvlab.assay.readers.tables import COMMENT, TextTable, has_decimal_commas, make_table
from gvlab.errors import InvalidValueError

SUFFIXES = (".csv", ".tsv", ".txt", ".tab", ".asc")
_LARGEST = 200_000_000
_MOST_CELLS = 4_000_000


def read_delimited(path: Path | str) -> TextTable:
    """Return the cells of a CSV, TSV or semicolon-separated file.

    The separator is recognized: a semicolon or tab leaves the comma free to be a decimal comma.

    Raises
    ------
    InvalidValueError
        If it is not a text table, or a cell holds a formula.
    """
    path = Path(path)
    lines = read_text(path).splitlines()
    # Spreadsheets of some countries write the separator itself into the first line.
    told = lines[0].strip().lower().removeprefix("sep=") if lines and lines[0].lower().startswith("sep=") else ""
    comments = tuple(line.lstrip(COMMENT + " ") for line in lines if line.startswith(COMMENT))
    numbered = [
        (number, line)
        for number, line in enumerate(lines, 1)
        if not line.startswith(COMMENT) and (number > 1 or not told)
    ]
    body = [line for _, line in numbered]
    if not any(line.strip() for line in body):
        raise InvalidValueError(f'"{path.name}" is empty. Save the table again.')
    separator = told if told in ("\t", ";", ",", "|") else _separator(body)
    if sum(line.count(separator) + 1 for line in body) > _MOST_CELLS:
        raise InvalidValueError(f'"{path.name}" has more than {_MOST_CELLS:,} cells, which no table of readings has.')
    try:
        rows = [
            tuple(cell.strip() for cell in row) for row in csv.reader(io.StringIO("\n".join(body)), delimiter=separator)
        ]
    except csv.Error as error:
        raise InvalidValueError(f'"{path.name}" cannot be read as CSV: {error}.') from error
    at = [number for number, _ in numbered] if len(rows) == len(numbered) else list(range(1, len(rows) + 1))
    kept = [(number, row) for number, row in zip(at, rows, strict=True) if any(row)]
    comma = has_decimal_commas((row for _, row in kept), separator)
    return make_table(path.name, [row for _, row in kept], [number for number, _ in kept], comments, comma)


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, UTF-16 or Windows' western alphabet.

    Raises
    ------
    InvalidValueError
        If it cannot be opened, is very large, or holds no text.
    """
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
    shown = [line for line in lines if line.strip()]
    for separator in ("\t", ";", ","):
        counts = [line.count(separator) for line in shown[:50]]
        if sum(count > 0 for count in counts) >= 0.8 * len(counts):
            return separator
    # Lines of settings may stand in front of the table; the separator is that of the longest table.
    return max("\t;,", key=lambda separator: sum(line.count(separator) for line in shown))
