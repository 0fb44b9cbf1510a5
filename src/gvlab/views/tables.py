"""The table beside every picture, as HTML and as CSV, and the little that stands around it."""

from __future__ import annotations

import csv
import io
from html import escape

from gvlab.views.view import Cell, View

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell_in_words(cell: Cell) -> str:
    """Return a cell as a reader sees it."""
    if cell is None:
        return "–"
    if isinstance(cell, bool | str):
        return str(cell)
    if isinstance(cell, int):
        return f"{cell:,}"
    return f"{cell:.4g}".replace("-", "−")


def table_html(view: View, *, most: int | None = None) -> str:
    """Return the table as HTML, everything escaped.

    Parameters
    ----------
    view
        Whose table.
    most
        Rows that are shown, the others counted; None shows all.
    """
    table = view.table
    numeric = [
        bool(table.rows) and all(row[place] is None or isinstance(row[place], int | float) for row in table.rows)
        for place in range(len(table.columns))
    ]
    head = "".join(
        f'<th scope="col"{_right(right)}>{escape(column.words)}</th>'
        for column, right in zip(table.columns, numeric, strict=True)
    )
    shown = table.rows if most is None else table.rows[:most]
    opening = ['<th scope="row">', *(f"<td{_right(right)}>" for right in numeric[1:])]
    closing = ["</th>", *["</td>"] * (len(numeric) - 1)]
    body = "".join(
        f"<tr>{''.join([f'{a}{_cell_html(cell)}{b}' for a, cell, b in zip(opening, row, closing, strict=True)])}</tr>"
        for row in shown
    )
    left = len(table.rows) - len(shown)
    more = f'<p class="more">and {left:,} more rows</p>' if left else ""
    caption = f"<caption>{escape(view.title)}</caption>"
    return f'<table class="gv-table">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}'


def _cell_html(cell: Cell) -> str:
    # The words of a number hold nothing to escape.
    return escape(cell) if isinstance(cell, str) else cell_in_words(cell)


def _right(numeric: bool) -> str:
    return ' class="num"' if numeric else ""


def table_csv(view: View) -> str:
    """Return the table as CSV: first comment lines with what made it, then one line a row, full precision.

    A text that a spreadsheet would read as a formula begins with an apostrophe.
    """
    buffer = io.StringIO()
    for line in (view.title, view.recipe.in_words()):
        buffer.write(f"# {' '.join(line.split())}\n")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([_neutral(column.words) for column in view.table.columns])
    for row in view.table.rows:
        writer.writerow(["" if cell is None else _neutral(cell) if isinstance(cell, str) else cell for cell in row])
    return buffer.getvalue()


def _neutral(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
