"""What a benchmark measured beside what must hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One thing that is timed; `limit` is the most it may take, for a ratio the least it must be; None: just told."""

    what: str
    measured: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def holds(self) -> bool | None:
        if self.limit is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def report(rows: Sequence[Row], title: str, json_file: Path | None) -> None:
    """Print rows as a table, and write them as JSON where a file is named."""
    table = Table(title=title)
    for column in ("what", "measured", "must be", ""):
        table.add_column(column)
    for row in rows:
        if row.limit is None:
            table.add_row(row.what, f"{row.measured:.3g} {row.unit}", "", "")
            continue
        bound = f"{'>=' if row.at_least else '<='} {row.limit:g}"
        table.add_row(row.what, f"{row.measured:.3g} {row.unit}", bound, "holds" if row.holds else "does not hold")
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps([asdict(row) | {"holds": row.holds} for row in rows], indent=2))
