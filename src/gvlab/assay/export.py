"""Hands readings and event times to other programs: CSV with a mark, Prism's survival layout; no cell is live.

What is simulated says so in the first line, and `analyze` reads that line back.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gvlab.assay.readers.tables import write_csv
from gvlab.assay.samples import COLUMNS, MARK
from gvlab.errors import InvalidValueError
from gvlab.files import atomic_file


def write_readings(path: Path | str, table: pd.DataFrame, *, simulated: bool = True, notes: Sequence[str] = ()) -> None:
    """Write readings as a tidy CSV that `analyze` reads.

    Parameters
    ----------
    path
        The file.
    table
        Columns of `gvlab.assay.samples.COLUMNS`; further columns are written behind them.
    simulated
        Whether the first line says that the readings are simulated.
    notes
        Further lines in front: design, n, seed, version.

    Raises
    ------
    InvalidValueError
        If a column is missing.
    OutputError
        If it cannot be written.
    """
    missing = [column for column in COLUMNS[:7] if column not in table]
    if missing:
        raise InvalidValueError(f'The readings lack the column "{missing[0]}"; they need {", ".join(COLUMNS[:7])}.')
    columns = [
        str(name)
        for name in (
            *(column for column in COLUMNS if column in table),
            *(name for name in table if name not in COLUMNS),
        )
    ]
    with atomic_file(path) as temporary:
        write_csv(temporary, columns, _rows(table[columns]), _comments(simulated, notes))


def write_prism_survival(
    path: Path | str, table: pd.DataFrame, *, simulated: bool = True, notes: Sequence[str] = ()
) -> None:
    """Write event times in Prism's survival layout: days first, then a column a group with 1 (died) or 0 (censored).

    In Prism: File, Import, with "lines that begin with #" ignored.

    Parameters
    ----------
    path
        The file.
    table
        Columns arm, duration (days), event_observed; one row a subject.
    simulated, notes
        As in `write_readings`.

    Raises
    ------
    InvalidValueError
        If a column is missing, or subjects enter later than at zero, for which Prism has no place.
    OutputError
        If it cannot be written.
    """
    missing = [column for column in ("arm", "duration", "event_observed") if column not in table]
    if missing:
        raise InvalidValueError(f'The event times lack the column "{missing[0]}".')
    if "entry" in table and (table["entry"] > 0).any():
        raise InvalidValueError(
            "A subject enters after time zero; Prism's layout has no place for that. Export as CSV."
        )
    arms = list(dict.fromkeys(table["arm"]))
    rows = []
    for row in table.itertuples():
        cells = [""] * len(arms)
        cells[arms.index(row.arm)] = str(int(bool(row.event_observed)))
        rows.append((f"{row.duration:.6g}", *cells))
    with atomic_file(path) as temporary:
        write_csv(temporary, ("Days", *arms), rows, _comments(simulated, notes))


def _comments(simulated: bool, notes: Sequence[str]) -> tuple[str, ...]:
    return ((MARK,) if simulated else ()) + tuple(notes)


def _rows(table: pd.DataFrame) -> list[list[object]]:
    """Return rows with flags as words."""
    return [
        [str(bool(cell)).lower() if isinstance(cell, bool | np.bool_) else cell for cell in row]
        for row in table.itertuples(index=False)
    ]
