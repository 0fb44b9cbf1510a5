"""Rows that a table itself leaves out: a column "excluded" or "omit" with a word in it, or "include" with a no."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from gvlab.assay.readers.tables import TextTable
from gvlab.errors import some_of

OMIT = ("omit", "omitted", "excluded", "exclude", "masked", "mask", "outlier", "flagged", "ignore")
INCLUDE = ("include", "included", "use", "used")
_NO = frozenset({"", "0", "no", "false", "n", "none", "-", "--", "na", "n/a"})


@dataclass(frozen=True)
class Omitted:
    """What is left out of a table.

    Attributes
    ----------
    columns
        Which columns say it.
    reasons
        By row that is left out, what stands there.
    """

    columns: tuple[int, ...]
    reasons: dict[int, str]


def omitted_rows(table: TextTable) -> Omitted:
    """Return which rows a table leaves out: any word but a no counts, so that a reason may stand there as well."""
    omit, include = table.maybe(OMIT), table.maybe(INCLUDE)
    reasons = {}
    for row in range(1, len(table.cells)):
        cells = table.cells[row]
        if omit is not None and cells[omit].strip().lower() not in _NO:
            reasons[row] = cells[omit].strip()
        elif include is not None and cells[include].strip().lower() in _NO - {""}:
            reasons[row] = cells[include].strip()
    return Omitted(tuple(column for column in (omit, include) if column is not None), reasons)


def without_omitted(table: TextTable, subject: Sequence[str]) -> TextTable:
    """Return a table without the rows that it leaves out, and a sentence that names their subjects and the reasons."""
    found = omitted_rows(table)
    if not found.columns:
        return table
    name = table.maybe(subject)
    shown = [
        (table.cells[row][name] if name is not None else f"row {_line(table, row)}") + _reason(reason)
        for row, reason in found.reasons.items()
    ]
    titles = " and ".join(f'"{table.cells[0][column]}"' for column in found.columns)
    said = f"Left out, as {titles} says: {some_of(shown, 12)}." if shown else f"{titles} leaves nothing out."
    kept = [row for row in range(len(table.cells)) if row not in found.reasons]
    return dataclasses.replace(
        table,
        # What was read there is no column that was not used.
        cells=tuple(
            tuple("" if row and column in found.columns else cell for column, cell in enumerate(table.cells[row]))
            for row in kept
        ),
        rows_at=tuple(_line(table, row) for row in kept),
        notes=(*table.notes, said),
    )


def _line(table: TextTable, row: int) -> int:
    return table.rows_at[row] if table.rows_at else row + 1


def _reason(written: str) -> str:
    return "" if written.lower() in {"yes", "y", "true", "1", "x", *_NO, *OMIT} else f" ({written})"
