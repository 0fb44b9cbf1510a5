"""Tables of text: cells with where they stood; numbers read from them without a guess; cells that no spreadsheet runs.

A cell that begins with = + - or @ is run by a spreadsheet that opens it. On the way out such a text gets an apostrophe
in front, which makes a spreadsheet show it. Files become tables in `delimited` and `workbooks`.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gvlab.errors import InvalidValueError, UnknownNameError, some_of

_LIVE = ("=", "+", "-", "@")
PLAIN_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s?%?")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
POINTS_OF_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_SURE_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3}){2,}(?:\.\d+)?|,\d{3}\.\d+)")
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_SPACED = re.compile(r"[+-]?\d{1,3}(?:[ '\u2009\u202f]\d{3})+(?:[.,]\d+)?")
_BOTH = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+")
_MISSING = frozenset({"", "na", "n/a", "nan", "none", "n.a.", "-", "--", ".", "#n/a", "missing", "not done"})
_DASHES = re.compile("[\u2010-\u2015\u2212\ufe63\uff0d]")
# A hyphen before a number is a minus where a blank is in front of it, or the word of a time.
_MINUS = re.compile(r"(?:(?<=[\s(\[])|^|(?<=\bday)|(?<=\bd)|(?<=\bweek)|(?<=\bwk))-(?=\d)")
COMMENT = "#"


@dataclass(frozen=True)
class TextTable:
    """Cells of a file, all as text, with where they stood; row 0 is the header.

    Attributes
    ----------
    name
        File, and sheet where there is one, for messages.
    cells
        Rows; ragged rows are filled with "".
    comments
        Lines in front that begin with "#".
    decimal_comma
        Whether numbers have decimal commas (a semicolon or tab separates cells then).
    rows_at
        Number of each row in the file, from 1.
    notes
        What was done to the cells when they were read, in sentences.
    """

    name: str
    cells: tuple[tuple[str, ...], ...]
    comments: tuple[str, ...]
    decimal_comma: bool
    rows_at: tuple[int, ...]
    notes: tuple[str, ...]

    def where(self, row: int, column: int) -> str:
        """Return the name of a cell as a spreadsheet has it: "B7 of data.csv"."""
        number = self.rows_at[row] if self.rows_at else row + 1
        return f"cell {column_letters(column)}{number} of {self.name}"

    def below(self, row: int) -> TextTable:
        """Return the table whose header is a row of this one."""
        if row == 0:
            return self
        rows_at = self.rows_at[row:] if self.rows_at else tuple(range(row + 1, len(self.cells) + 1))
        return dataclasses.replace(self, cells=self.cells[row:], rows_at=rows_at)

    def until(self, row: int) -> TextTable:
        """Return the table without the rows from one on."""
        return dataclasses.replace(self, cells=self.cells[:row], rows_at=self.rows_at[:row])

    def number(self, row: int, column: int, what: str = "a number") -> float:
        """Return a cell as a number; empty, "NA" and the like are NaN.

        Raises
        ------
        InvalidValueError
            If it is not one, could be two, or has a % where others of its column have none: the message names the cell
            and the way out.
        """
        text = self.cells[row][column]
        if text.endswith("%"):
            self._check_percent(row, column)
        return parse_number(text, self.where(row, column), what, self.decimal_comma)

    def find(self, names: Iterable[str], what: str, row: int = 0) -> int:
        """Return the column of one of some names in a header row; capitals, spaces and units in brackets do not matter.

        Raises
        ------
        UnknownNameError
            If none of them is there.
        """
        names = tuple(names)
        found = self.maybe(names, row)
        if found is None:
            header = [cell for cell in self.cells[row] if cell]
            raise UnknownNameError(f"column for {what}", names[0], header, self.name)
        return found

    def maybe(self, names: Iterable[str], row: int = 0) -> int | None:
        """Return a column as `find` does; None if there is none.

        Raises
        ------
        InvalidValueError
            If two columns of that name hold different things: nobody knows which is meant.
        """
        plain = [plain_name(cell) for cell in self.cells[row]]
        for name in names:
            places = [place for place, cell in enumerate(plain) if cell == plain_name(name)]
            if not places:
                continue
            first, *others = places
            for other in others:
                if any(cells[first] != cells[other] for cells in self.cells[row + 1 :]):
                    raise InvalidValueError(
                        f'"{self.cells[row][first]}" (column {column_letters(first)}) and "{self.cells[row][other]}" '
                        f"(column {column_letters(other)}) of {self.name} hold different things, and either could be "
                        "meant. Rename one of them."
                    )
            return first
        return None

    def headings(self) -> str:
        """Return the names of the columns, for messages."""
        return ", ".join(cell for cell in self.cells[0] if cell)

    def unread(self, used: Iterable[int | None]) -> tuple[str, ...]:
        """Return a sentence on the columns that hold something and were not read.

        Raises
        ------
        InvalidValueError
            If cells stand in a column beyond the header.
        """
        known = {column for column in used if column is not None}
        rest = [
            column
            for column in range(len(self.cells[0]))
            if column not in known and any(row[column] for row in self.cells[1:])
        ]
        for column in rest:
            if not self.cells[0][column]:
                row = next(row for row in range(1, len(self.cells)) if self.cells[row][column])
                raise InvalidValueError(
                    f'"{self.cells[row][column]}" in {self.where(row, column)} stands in a column without a name. Name '
                    "the column, or remove what is in it."
                )
        if not rest:
            return ()
        names = some_of(f'"{self.cells[0][column]}"' for column in rest)
        return (f"Not used: the column{'s' if len(rest) > 1 else ''} {names}.",)

    def _check_percent(self, row: int, column: int) -> None:
        for other in range(1, len(self.cells)):
            text = self.cells[other][column]
            if text and not text.endswith("%") and PLAIN_NUMBER.fullmatch(text):
                raise InvalidValueError(
                    f'"{self.cells[row][column]}" in {self.where(row, column)} is a percentage, and "{text}" in '
                    f"{self.where(other, column)} has no % sign. Is it a fraction or a percentage? Write all of the "
                    "column in one way, and the unit into its name."
                )


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
    """Return a text as a number.

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
        If it is not a number, or could be two: a comma or point that may separate decimals or thousands is asked about.
    """
    plain = text.strip().replace("\u2212", "-").replace("\u00a0", " ").strip()
    if plain.lower() in _MISSING:
        return math.nan
    if _SPACED.fullmatch(plain):
        plain = re.sub(r"[ '\u2009\u202f]", "", plain)
    if decimal_comma:
        if _BOTH.fullmatch(plain):
            return float(plain.replace(".", "").replace(",", "."))
        if POINTS_OF_THOUSANDS.fullmatch(plain):
            if plain.count(".") > 1:
                return float(plain.replace(".", ""))
            raise InvalidValueError(
                f'"{plain}" in {where}: numbers of this file have decimal commas, so the point may separate thousands '
                f"({plain.replace('.', '')}) or be a decimal point ({float(plain):g}). Write it without the "
                "point, or with a comma."
            )
        if DECIMAL_COMMA.fullmatch(plain):
            return float(plain.replace(",", "."))
    if _SURE_THOUSANDS.fullmatch(plain):
        return float(plain.replace(",", ""))
    if PLAIN_NUMBER.fullmatch(plain):
        found = float(plain.removesuffix("%"))
        if math.isinf(found):
            raise InvalidValueError(f'"{plain}" in {where} is too large for a number. Correct the cell.')
        return found
    if plain.startswith("="):
        raise InvalidValueError(formula_message(plain, where))
    if not decimal_comma and (DECIMAL_COMMA.fullmatch(plain) or _THOUSANDS.fullmatch(plain)):
        raise InvalidValueError(
            f'"{plain}" in {where} has a comma, and it is not clear whether it separates decimals '
            f"({float(plain.replace(',', '.', 1).replace(',', '')):g}) or thousands ({plain.replace(',', '')}). Write "
            "it without the comma, or save the file with decimal points."
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
    """Return the message that a cell holds a formula whose value is not in the file."""
    return (
        f'"{text[:40]}" in {where} is a formula without its value. Formulas are not computed here, since a file may '
        "hold any. Open the file in Excel or LibreOffice and save it: the values are then saved with the formulas."
    )


def safe_cell(value: object) -> object:
    """Return a cell as a spreadsheet takes it.

    A text that begins with = + - @ gets an apostrophe, so that none is run. What is missing is empty, and a median
    that is not reached says so: no program of a laboratory reads ``nan`` or ``inf`` as a number.
    """
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        from gvlab.statistics.estimate import number_in_words

        return None if math.isnan(value) else number_in_words(value)
    if not isinstance(value, str):
        return value
    # A line break within a cell would begin a new one in programs that do not know quotes; so would a tab.
    text = re.sub(r"[\r\n\t]+", " ", value).strip()
    return "'" + text if text.startswith(_LIVE) and not PLAIN_NUMBER.fullmatch(text) else text


def write_csv(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], comments: Sequence[str] = ()
) -> None:
    """Write a CSV file with comments in front, no cell of which is live."""
    text = io.StringIO()
    for comment in comments:
        text.write(f"{COMMENT} {comment}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([safe_cell(cell) for cell in header])
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def make_table(
    name: str,
    rows: Sequence[tuple[str, ...]],
    at: Sequence[int],
    comments: Sequence[str] = (),
    decimal_comma: bool = False,
    notes: Sequence[str] = (),
) -> TextTable:
    """Return a table of rows of any lengths.

    Raises
    ------
    InvalidValueError
        If it is empty, or a cell holds a formula.
    """
    if not rows:
        raise InvalidValueError(f"{name} is empty. Save the table again.")
    width = max(len(row) for row in rows)
    cells = tuple(tuple(_unescaped(cell) for cell in (*row, *[""] * (width - len(row)))) for row in rows)
    table = TextTable(name, cells, tuple(comments), decimal_comma, tuple(at), tuple(notes))
    for number, row in enumerate(cells):
        for column, cell in enumerate(row):
            if re.match(r"=[^=]", cell):
                raise InvalidValueError(formula_message(cell, table.where(number, column)))
    return table


def has_decimal_commas(rows: Iterable[Sequence[str]], separator: str) -> bool:
    """Return whether numbers of a file have decimal commas, or points that can only be read as those of thousands.

    Commas each of which could be one of thousands do not say so, and are asked about. Without any comma a file between
    whose cells semicolons stand may have both; where every point could be one of thousands the answer is yes, so that
    such numbers are asked about.
    """
    if separator == ",":
        return False
    cells = [cell for row in rows for cell in row]
    if any(_BOTH.fullmatch(cell) or ("," in cell and _SPACED.fullmatch(cell)) for cell in cells):
        return True
    commas = [cell for cell in cells if DECIMAL_COMMA.fullmatch(cell)]
    if any(not _EITHER.fullmatch(cell) for cell in commas):
        return True
    if commas:
        return False
    pointed = [cell for cell in cells if "." in cell and PLAIN_NUMBER.fullmatch(cell)]
    return separator == ";" and bool(pointed) and all(POINTS_OF_THOUSANDS.fullmatch(cell) for cell in pointed)


def same_but_for_spelling(names: Iterable[str]) -> dict[str, str]:
    """Return for each name the first one that differs from it in capitals, blanks, hyphens or underscores only.

    Signs that look alike are one: the hyphens of Unicode, the two micro signs, a raised plus. What is said by such a
    sign stays: "day -1" is not "day 1", "CD8-" not "CD8", and "1-2" not "12".
    """
    first: dict[str, str] = {}
    return {name: first.setdefault(_spelled(name), name.strip()) for name in names}


def _spelled(name: str) -> str:
    plain = _DASHES.sub("-", unicodedata.normalize("NFKC", name)).casefold().strip(" _")
    plain = _MINUS.sub("\u2212", plain)
    plain = re.sub(r"(?<=[^\W_])[\s_\-]+(?=[^\W_])", lambda found: _between(plain, found), plain)
    return re.sub(r"\s*([^\w\s])\s*", r"\1", plain)


def _between(plain: str, found: re.Match[str]) -> str:
    return " " if plain[found.start() - 1].isdigit() and plain[found.end()].isdigit() else ""


def _unescaped(cell: str) -> str:
    # Some instruments write ="0012" so that a spreadsheet keeps the text; that is a text and no formula.
    quoted = re.fullmatch(r'="([^"]*)"', cell)
    if quoted:
        return quoted[1].strip()
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in _LIVE and cell[1] != "=" else cell
