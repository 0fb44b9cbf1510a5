"""Bands and their relatives in a file: signals over loading, relative to the control lanes of the same batch."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gvlab.assay import relative
from gvlab.assay.readers.tables import TextTable, plain_name
from gvlab.errors import InvalidValueError

_NAMES = ("Batch", "Sample", "Role", "Analyte", "Signal", "Loading")


def looks_like(table: TextTable) -> bool:
    """Return whether the header of a table is that of lanes."""
    return all(table.maybe((name,)) is not None for name in ("Lane", "Signal", "Loading"))


def analyze_lanes(table: TextTable) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Return tables "ratios" and "lanes", and notes; a batch without a control has no ratios, the others have.

    Raises
    ------
    InvalidValueError
        If a column is missing, or no batch has a control lane.
    """
    place = {name: table.find((name,), name.lower()) for name in _NAMES}
    rows = [
        (
            *(table.cells[row][place[name]] for name in _NAMES[:4]),
            table.number(row, place["Signal"], "a signal"),
            table.number(row, place["Loading"], "a loading"),
        )
        for row in range(1, len(table.cells))
    ]
    lanes = pd.DataFrame(rows, columns=[plain_name(name) for name in _NAMES])
    lanes["ratio"] = np.nan
    notes = [*table.notes]
    for (batch, analyte), group in lanes.groupby(["batch", "analyte"], sort=False):
        control = group[group["role"] == relative.CONTROL]
        usable = group[group["loading"] > 0]
        if not len(control) or (control["signal"] <= 0).any() or (control["loading"] <= 0).any():
            notes.append(
                f'Batch {batch} of "{analyte}" has no lane with the role "control" and a signal above zero, so it has '
                "no ratios."
            )
            continue
        if len(usable) < len(group):
            notes.append(
                f'{len(group) - len(usable)} lanes of "{analyte}" in batch {batch} have no loading above zero.'
            )
        lanes.loc[usable.index, "ratio"] = relative.normalize(
            usable["signal"].to_numpy(),
            usable["loading"].to_numpy(),
            control["signal"].to_numpy(),
            control["loading"].to_numpy(),
        )
    if lanes["ratio"].isna().all():
        raise InvalidValueError(
            f'{table.name}: no batch has a lane with the role "control", a signal and a loading above zero.'
        )
    notes += table.unread((*place.values(), table.maybe(("Lane",))))
    return {"ratios": lanes[lanes["role"] != relative.CONTROL].reset_index(drop=True), "lanes": lanes}, tuple(notes)
