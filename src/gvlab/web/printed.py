"""A picture as a file: SVG, PDF, PNG, CSV, workbook."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable, Mapping

from gvlab.assay.readers.tables import safe_cell
from gvlab.errors import UnknownNameError
from gvlab.views import View, svg, table_csv
from gvlab.views.matplotlib_printer import print_bytes
from gvlab.views.svg_marks import words
from gvlab.views.text_width import lines_of
from gvlab.views.view import CONTEXT_OF_USE

FILE_WIDTH = 560.0
_SMALL = 9.0


def svg_file(view: View) -> bytes:
    """Return a view as an SVG file, with what it is for below it."""
    text = svg(view, width=FILE_WIDTH, titled=True, standalone=True)
    lines = lines_of(CONTEXT_OF_USE, FILE_WIDTH - 12, _SMALL)
    high = float(re.search(r' height="([\d.]+)"', text)[1])  # type: ignore[index]
    taller = f"{high + 11 * len(lines):.0f}"
    text = text.replace(f' {high:.0f}" width=', f' {taller}" width=', 1).replace(
        f' height="{high:.0f}"', f' height="{taller}"'
    )
    said = "".join(words(6, high + 11 * number + 4, line, _SMALL, tone="muted") for number, line in enumerate(lines))
    return f"{text.removesuffix('</svg>')}{said}</svg>".encode()


def csv_file(view: View) -> bytes:
    """Return the table of a view as CSV, with what made it and the context of use in comments."""
    return f"# {CONTEXT_OF_USE}\n{table_csv(view)}".encode()


def workbook_file(view: View) -> bytes:
    """Return the table of a view as a workbook; no cell of it is a formula."""
    from openpyxl import Workbook
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet = book.active
    sheet.title = "simulated"
    rows = [
        [view.title],
        [view.recipe.in_words()],
        [CONTEXT_OF_USE],
        [],
        [column.words for column in view.table.columns],
    ]
    for row in (*rows, *view.table.rows):
        sheet.append([safe_cell(cell) for cell in row])
    for number, column in enumerate(view.table.columns, 1):
        sheet.column_dimensions[get_column_letter(number)].width = min(40, max(10, len(column.words) + 2))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def pdf_file(view: View) -> bytes:
    """Return a view as PDF, by the printer for publications, with what made it and what it is for."""
    return print_bytes(_with_context(view), "pdf", width="double")


def png_file(view: View) -> bytes:
    """Return a view as PNG, by the printer for publications, with what made it and what it is for."""
    return print_bytes(_with_context(view), "png", width="double")


def _with_context(view: View) -> View:
    return dataclasses.replace(view, notes=(*view.notes, CONTEXT_OF_USE))


KINDS: Mapping[str, tuple[str, Callable[[View], bytes]]] = {
    "svg": ("image/svg+xml", svg_file),
    "pdf": ("application/pdf", pdf_file),
    "png": ("image/png", png_file),
    "csv": ("text/csv; charset=utf-8", csv_file),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", workbook_file),
}
"""By ending: what it is, and what makes it."""


def file_of(view: View, kind: str) -> tuple[str, bytes]:
    """Return what kind of file it is, and the file of a view.

    Raises
    ------
    UnknownNameError
        If a picture is not made in that form.
    """
    if kind not in KINDS:
        raise UnknownNameError("form of a picture", kind, KINDS)
    media, make = KINDS[kind]
    return media, make(view)


def file_name(*parts: str) -> str:
    """Return a name of a file made of words: letters, digits, hyphens, nothing that could be a path."""
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(parts)).strip("-")[:80] or "gvlab"


def as_download(name: str) -> dict[str, str]:
    """Return the header that has a browser keep a file, under a name that `file_name` made."""
    return {"content-disposition": f'attachment; filename="{name}"'}
