"""Tables as text: whole in a pipe, and in a terminal never wider than it, with the columns that name a row repeated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_GAP = "  "
_WIDEST = 24
"""Letters of a name in a terminal; a longer one is cut there, and whole in a pipe and in the file."""
_NARROWEST = 40


def table_lines(table: pd.DataFrame, *, width: int | None, most: int = 20) -> Iterator[str]:
    """Return the lines of a table as text.

    Parameters
    ----------
    table
        Its columns of text, up to the first of numbers, name a row.
    width
        Of the terminal; None for a pipe, where a row is a line however long. Columns that do not fit beside each other
        follow below, and what names a row is repeated there.
    most
        Rows shown.
    """
    shown = table.head(most)
    columns = [
        [str(name), *(as_text(cell) for cell in shown.iloc[:, place])] for place, name in enumerate(shown.columns)
    ]
    right = [
        any(isinstance(cell, float | int) and not isinstance(cell, bool) for cell in shown.iloc[:, place].tolist())
        for place in range(len(columns))
    ]
    if width is not None:
        columns = [[_cut(cell) for cell in column] for column in columns]
    named = next((place for place, number in enumerate(right) if number), len(columns))
    for part, block in enumerate(_blocks(columns, named, width)):
        if part:
            yield ""
        wide = [max(map(len, columns[place])) for place in block]
        for row in range(len(shown) + 1):
            cells = (
                columns[place][row].rjust(space) if right[place] else columns[place][row].ljust(space)
                for place, space in zip(block, wide, strict=True)
            )
            yield _GAP.join(cells).rstrip()


def as_text(cell: object) -> str:
    """Return a cell as it is read: three figures of a number and no exponent where none is needed; "-" for none."""
    value = cell.item() if hasattr(cell, "item") else cell
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if not isinstance(value, float):
        return " ".join(str(value).split())
    size = abs(value)
    if math.isinf(value) or size >= 1e6 or 0 < size < 1e-3:
        return f"{value:.3g}"
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 2] + ".."


def _blocks(columns: Sequence[Sequence[str]], named: int, width: int | None) -> list[list[int]]:
    """Return which columns stand beside each other; those before `named` stand in every block."""
    wide = [max(map(len, column)) for column in columns]
    if width is None or sum(wide) + len(_GAP) * (len(wide) - 1) <= width:
        return [list(range(len(columns)))]
    key = list(range(named))
    space = max(width, _NARROWEST)
    if sum(wide[place] + len(_GAP) for place in key) > space / 2:
        key = key[:1]
    blocks: list[list[int]] = []
    used = 0
    for place in range(len(columns)):
        if place in key:
            continue
        needed = wide[place] + len(_GAP)
        if not blocks or used + needed > space:
            blocks.append(list(key))
            used = sum(wide[name] + len(_GAP) for name in key)
        blocks[-1].append(place)
        used += needed
    return blocks or [key]
