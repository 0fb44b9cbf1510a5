"""Exports of real-time cyclers: one row a well with sample, target and Ct; relative expression by ddCt or Pfaffl."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from gvlab.assay.qpcr import CALIBRATOR, mean_cycles, ratio
from gvlab.assay.readers.tables import TextTable, read_table
from gvlab.errors import InvalidValueError, UnknownNameError

SAMPLE = ("Sample Name", "Sample", "Name")
TARGET = ("Target Name", "Target", "Gene", "Detector")
CT = ("CT", "Cq", "Ct Mean", "Cp")
TASK = ("Task",)
EFFICIENCY = ("Efficiency", "Amp Efficiency", "PCR Efficiency")
_NOT_REACHED = frozenset({"undetermined", "n/a", "no ct", "nan", ""})
_LAST_CYCLE = 40.0


def read_cycles(path: Path | str, sheet: str = "") -> pd.DataFrame:
    """Read cycles.

    Returns
    -------
    Columns sample, target, task, ct (NaN where undetermined), efficiency (1, doubling, where the file has none).

    Raises
    ------
    InvalidValueError
        If a Ct is neither a number nor "Undetermined".
    """
    return from_table(read_table(path, sheet))


def looks_like(table: TextTable) -> bool:
    """Return whether a table holds cycles; results of cyclers have lines of settings in front of the header."""
    return _header(table) is not None


def from_table(table: TextTable) -> pd.DataFrame:
    """Read cycles from cells; errors as `read_cycles`."""
    header = _header(table)
    if header is None:
        raise InvalidValueError(f'{table.name} has no columns "Sample Name", "Target Name" and "CT".')
    sample, target, ct = (table.find(names, names[0], header) for names in (SAMPLE, TARGET, CT))
    task, efficient = table.maybe(TASK, header), table.maybe(EFFICIENCY, header)
    rows = []
    for row in range(header + 1, len(table.cells)):
        cells = table.cells[row]
        if not cells[sample] and not cells[target]:
            continue
        missing = cells[ct].strip().lower() in _NOT_REACHED
        value = math.nan if missing else table.number(row, ct, "a Ct")
        if value <= 0:
            raise InvalidValueError(f"The Ct in {table.where(row, ct)} is {value:g}; a Ct is above zero.")
        efficiency = _efficiency(table, row, efficient)
        rows.append((cells[sample], cells[target], cells[task] if task is not None else "", value, efficiency))
    if not rows:
        raise InvalidValueError(f"{table.name} has no wells below its header.")
    return pd.DataFrame(rows, columns=["sample", "target", "task", "ct", "efficiency"])


def analyze_cycles(
    cycles: pd.DataFrame,
    reference: str = "",
    calibrator: str = "",
    efficiencies: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Compute expression relative to a calibrator.

    Parameters
    ----------
    cycles
        As `read_cycles` gives them.
    reference
        Name of the reference gene; found by the task "endogenous control" where not named.
    calibrator
        Name of the calibrator sample, or how the names of several begin; "calibrator" where not named.
    efficiencies
        Of amplification, by target; those of `cycles` where not named. With 1 for all it is 2^-ddCt.

    Returns
    -------
    Columns sample, target, ct (mean), ct_sd, delta_ct, ratio, undetermined.

    Raises
    ------
    InvalidValueError, UnknownNameError
        If reference or calibrator are not found: the message says how to name them.
    """
    targets = tuple(dict.fromkeys(cycles["target"]))
    reference = reference or _reference(cycles, targets)
    if reference not in targets:
        raise UnknownNameError("reference gene", reference, targets)
    wanted = (calibrator or CALIBRATOR).lower()
    samples = tuple(dict.fromkeys(cycles["sample"]))
    controls = [name for name in samples if name.lower().startswith(wanted)]
    if not controls:
        raise InvalidValueError(
            f'No sample is called "{calibrator or CALIBRATOR}". Expression is relative: say which sample is '
            f"the calibrator (untreated). Samples: {', '.join(samples[:10])}."
        )
    written = cycles.groupby("target", sort=False)["efficiency"].first()
    efficiency = {target: (efficiencies or {}).get(target, float(written[target])) for target in targets}
    grouped = cycles.groupby(["target", "sample"], sort=False)["ct"]
    mean = {key: mean_cycles(wells.to_numpy()[None, :], _LAST_CYCLE) for key, wells in grouped}
    spread = {key: float(wells.std(ddof=1)) if len(wells) > 1 else math.nan for key, wells in grouped}
    zero = {
        target: float(np.mean([mean[target, name][0][0] for name in controls if (target, name) in mean] or [math.nan]))
        for target in targets
    }
    rows = []
    for target in targets:
        for sample in samples:
            if target == reference or (target, sample) not in mean:
                continue
            if (reference, sample) not in mean:
                raise InvalidValueError(f'The sample "{sample}" was not read for the reference gene "{reference}".')
            ct, late = (float(part[0]) for part in mean[target, sample])
            ct_reference = float(mean[reference, sample][0][0])
            value = ratio(
                np.array(ct - zero[target]),
                np.array(ct_reference - zero[reference]),
                efficiency[target],
                efficiency[reference],
            )
            rows.append((sample, target, ct, spread[target, sample], ct - ct_reference, float(value), bool(late)))
    return pd.DataFrame(rows, columns=["sample", "target", "ct", "ct_sd", "delta_ct", "ratio", "undetermined"])


def _reference(cycles: pd.DataFrame, targets: tuple[str, ...]) -> str:
    control = cycles["task"].str.lower().str.contains("endogenous|reference", regex=True)
    named = tuple(dict.fromkeys(cycles.loc[control, "target"]))
    usual = [
        name for name in targets if name.lower() in ("gapdh", "actb", "18s", "hprt", "hprt1", "b2m", "tbp", "reference")
    ]
    found = named or tuple(usual)
    if len(found) != 1:
        raise InvalidValueError(
            f"It is not clear which target is the reference gene. Say reference=...; targets: {', '.join(targets)}."
        )
    return str(found[0])


def _efficiency(table: TextTable, row: int, column: int | None) -> float:
    if column is None or not table.cells[row][column]:
        return 1.0
    found = table.number(row, column, "an efficiency")
    found = found / 100.0 if found > 2.0 else found
    if not 0.5 <= found <= 1.2:
        raise InvalidValueError(
            f"The efficiency in {table.where(row, column)} is {found:g}; write 1 (or 100) for doubling, "
            "0.9 (or 90) for 90 %."
        )
    return found


def _header(table: TextTable) -> int | None:
    for row in range(min(len(table.cells), 60)):
        if all(table.maybe(names, row) is not None for names in (SAMPLE, TARGET, CT)):
            return row
    return None
