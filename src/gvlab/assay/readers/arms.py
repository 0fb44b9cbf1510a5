"""Names of arms as people write them: none may be missing, and two spellings of one are one."""

from __future__ import annotations

from collections.abc import Sequence

from gvlab.assay.readers.tables import TextTable, same_but_for_spelling
from gvlab.errors import InvalidValueError


def read_arms(table: TextTable, column: int, rows: Sequence[int]) -> tuple[list[str], tuple[str, ...]]:
    """Return the arm of each of some rows, and a sentence on spellings that were taken for one.

    Raises
    ------
    InvalidValueError
        If an arm is missing: it is not an arm of its own, and not that of the row above.
    """
    for row in rows:
        if not table.cells[row][column].strip():
            raise InvalidValueError(
                f'The group in {table.where(row, column)} is missing (column "{table.cells[0][column]}"). Write the '
                "group into every row: an empty cell is neither a group nor that of the row above."
            )
    written = [table.cells[row][column].strip() for row in rows]
    return join_spellings(written)


def join_spellings(written: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return names of arms with one spelling for each, the first, and a sentence on those that were joined."""
    first = same_but_for_spelling(written)
    joined = {name: one for name, one in first.items() if name != one}
    notes = tuple(
        f'"{name}" was taken for "{one}", from which it differs in spelling only.' for name, one in joined.items()
    )
    return [first[name] for name in written], notes
