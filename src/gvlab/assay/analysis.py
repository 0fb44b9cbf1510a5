"""Analyzes a file of readings, whichever instrument or person wrote it: tables out, simulated and real files alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gvlab.assay import relative, seahorse
from gvlab.assay.fcs import FlowFile
from gvlab.assay.flow_analysis import analyze_flow
from gvlab.assay.readers import bioluminescence, cycler, plate, survival, tidy
from gvlab.assay.readers.tables import TextTable, plain_name, read_table, sheet_names
from gvlab.assay.readers.wave import LOG, RATE, is_simulated, read_wave
from gvlab.assay.samples import MARK
from gvlab.errors import InvalidValueError, UnknownNameError

KINDS = (
    "survival",
    "readings",
    "plate",
    "cycles",
    "relative signals",
    "bioluminescence",
    "stress test",
    "flow cytometry",
)


@dataclass(frozen=True)
class Analysis:
    """What a file says.

    Attributes
    ----------
    kind
        One of `KINDS`.
    title
        What a reader calls it.
    tables
        By name; the first is the one to look at.
    simulated
        Whether the file says that it is simulated.
    notes
        What was taken for what, in sentences.
    source
        The file.
    flow
        The events, of flow cytometry.
    """

    kind: str
    title: str
    tables: Mapping[str, pd.DataFrame]
    simulated: bool
    notes: tuple[str, ...]
    source: Path
    flow: FlowFile | None = None

    @property
    def table(self) -> pd.DataFrame:
        """The first table."""
        return next(iter(self.tables.values()))

    def __str__(self) -> str:
        mark = f" ({MARK})" if self.simulated else ""
        parts = [f"{self.source.name}: {self.title}{mark}"]
        parts += [f"  {note}" for note in self.notes]
        parts += [f"\n{name}\n{table.to_string(index=False, max_rows=40)}" for name, table in self.tables.items()]
        return "\n".join(parts)


def analyze(
    path: Path | str,
    *,
    kind: str = "",
    event: int | None = None,
    gates: Path | str | None = None,
    reference: str = "",
    calibrator: str = "",
    sheet: str = "",
    data_set: int = 0,
) -> Analysis:
    """Analyze a file.

    Parameters
    ----------
    path
        FCS, .xlsx (Wave export or a table), or CSV (survival, readings, plate, cycles, bands, bioluminescence).
    kind
        One of `KINDS` where the file could be taken for another.
    event
        For survival: the code of an event, where the file does not tell.
    gates
        For flow cytometry: a Gating-ML 2.0 file.
    reference, calibrator
        For cycles: reference gene and calibrator sample, where the file does not tell.
    sheet
        Of a workbook.
    data_set
        For flow cytometry: which of several data sets of the file, from 1.

    Returns
    -------
    Tables, and what was taken for what.

    Raises
    ------
    InvalidValueError
        If the file cannot be read or understood, with the cell and the way out.
    UnknownNameError
        If `kind` is none, or a column, sheet or channel is missing.
    """
    path = Path(path)
    if kind and kind not in KINDS:
        raise UnknownNameError("kind of file", kind, KINDS)
    if not path.is_file():
        raise InvalidValueError(f'There is no file "{path}".')
    suffix = path.suffix.lower()
    if suffix in (".fcs", ".lmd") or kind == "flow cytometry":
        flow_tables, said, file = analyze_flow(path, gates, data_set)
        return Analysis("flow cytometry", "Flow cytometry", flow_tables, file.simulated, said, path, file)
    if suffix in (".xlsx", ".xlsm") and (kind == "stress test" or _is_wave(path)):
        return _stress(path)
    if suffix in (".wsp", ".asyr", ".jo", ".pzfx", ".prism", ".xls"):
        raise InvalidValueError(f'"{path.name}": {_EXPORTS[suffix]}')
    table = read_table(path, sheet)
    found = kind or _kind(table)
    simulated = any(MARK in comment for comment in table.comments)
    if found == "cycles":
        tables, notes = _cycles(table, reference, calibrator)
    else:
        tables, notes = _TABLES[found](table, event)
    return Analysis(found, _TITLES[found], tables, simulated, tuple(notes), path)


_EXPORTS = {
    ".wsp": "a FlowJo workspace holds no events. Give the FCS file, and the gates exported as Gating-ML 2.0.",
    ".jo": "a FlowJo workspace holds no events. Give the FCS file, and the gates exported as Gating-ML 2.0.",
    ".asyr": "a run file of the Seahorse. Open it in Wave and choose Export, Excel.",
    ".pzfx": "a Prism file. In Prism choose File, Export, and save the data table as CSV.",
    ".prism": "a Prism file. In Prism choose File, Export, and save the data table as CSV.",
    ".xls": "an old Excel workbook. Save it as .xlsx.",
}
_TITLES = {
    "survival": "Survival table",
    "readings": "Readings",
    "plate": "Plate with a standard curve",
    "cycles": "RT-qPCR",
    "relative signals": "Signals relative to control",
    "bioluminescence": "Bioluminescence",
}


def _kind(table: TextTable) -> str:
    if cycler.looks_like(table):
        return "cycles"
    if bioluminescence.looks_like(table):
        return "bioluminescence"
    if plate.looks_like(table):
        return "plate"
    if all(table.maybe((name,)) is not None for name in ("Lane", "Signal", "Loading")):
        return "relative signals"
    if survival.looks_like(table):
        return "survival"
    if tidy.looks_like(table):
        return "readings"
    raise InvalidValueError(
        f"It is not clear what {table.name} holds; its columns are "
        f"{', '.join(cell for cell in table.cells[0] if cell)}. A survival table has time and event; readings have "
        "subject, time, analyte, value and unit; a plate has Well and OD; cycles have Sample Name, Target Name and CT; "
        "bioluminescence has Total Flux [p/s]."
    )


def _survival(table: TextTable, event: int | None) -> tuple[dict[str, pd.DataFrame], Sequence[str]]:
    found = survival.from_table(table, event)
    grouped = found.table.groupby("arm", sort=False)
    groups = pd.DataFrame(
        {
            "subjects": grouped.size(),
            "events": grouped["event_observed"].sum().astype(int),
            "followed_days": grouped["duration"].max(),
        }
    ).reset_index()
    return {"subjects": found.table, "groups": groups}, found.notes


def _readings(table: TextTable, _event: int | None) -> tuple[dict[str, pd.DataFrame], Sequence[str]]:
    found = tidy.from_table(table)
    return {"readings": found, "groups": summarize(found)}, ()


def _bioluminescence(table: TextTable, _event: int | None) -> tuple[dict[str, pd.DataFrame], Sequence[str]]:
    found = bioluminescence.from_table(table)
    return {"readings": found, "groups": summarize(found)}, ()


def _plate(table: TextTable, _event: int | None) -> tuple[dict[str, pd.DataFrame], Sequence[str]]:
    return plate.analyze_plate(plate.from_table(table)), (
        "Limits are the lowest and the highest standard; a dilution of the samples is not included.",
    )


def _cycles(table: TextTable, reference: str, calibrator: str) -> tuple[dict[str, pd.DataFrame], Sequence[str]]:
    cycles = cycler.from_table(table)
    doubling = bool((cycles["efficiency"] == 1.0).all())
    note = (
        "Efficiencies were taken as 1, so the ratio is 2^-ddCt."
        if doubling
        else "The efficiencies of the file were used."
    )
    return {"ratios": cycler.analyze_cycles(cycles, reference, calibrator), "cycles": cycles}, (note,)


def _relative(table: TextTable, _event: int | None) -> tuple[dict[str, pd.DataFrame], Sequence[str]]:
    names = ("Batch", "Sample", "Role", "Analyte", "Signal", "Loading")
    place = {name: table.find((name,), name.lower()) for name in names}
    rows = [
        (
            *(table.cells[row][place[name]] for name in names[:4]),
            table.number(row, place["Signal"], "a signal"),
            table.number(row, place["Loading"], "a loading"),
        )
        for row in range(1, len(table.cells))
    ]
    lanes = pd.DataFrame(rows, columns=[plain_name(name) for name in names])
    lanes["ratio"] = np.nan
    for (batch, analyte), group in lanes.groupby(["batch", "analyte"], sort=False):
        control = group[group["role"] == relative.CONTROL]
        if not len(control) or (control["signal"] <= 0).any() or (group["loading"] <= 0).any():
            raise InvalidValueError(
                f'{table.name}: batch {batch} of "{analyte}" needs a lane with the role "control" and a signal above '
                "zero, and every loading must be above zero."
            )
        lanes.loc[group.index, "ratio"] = relative.normalize(
            group["signal"].to_numpy(),
            group["loading"].to_numpy(),
            control["signal"].to_numpy(),
            control["loading"].to_numpy(),
        )
    return {"ratios": lanes[lanes["role"] != relative.CONTROL].reset_index(drop=True), "lanes": lanes}, ()


_TABLES: dict[str, Callable[[TextTable, int | None], tuple[dict[str, pd.DataFrame], Sequence[str]]]] = {
    "survival": _survival,
    "readings": _readings,
    "bioluminescence": _bioluminescence,
    "plate": _plate,
    "relative signals": _relative,
}


def summarize(readings: pd.DataFrame) -> pd.DataFrame:
    """Summarize readings by analyte, time and arm: n, median, quartiles, how many are beyond the limits."""
    rows: list[tuple[Any, ...]] = []
    for (analyte, time, arm), group in readings.groupby(["analyte", "time", "arm"], sort=False, dropna=False):
        low, median, high = np.quantile(group["value"], [0.25, 0.5, 0.75])
        beyond = int(group["below_lloq"].sum()), int(group["above_uloq"].sum())
        rows.append((analyte, time, arm, len(group), median, low, high, group["unit"].iloc[0], *beyond))
    columns = ["analyte", "time", "arm", "n", "median", "lower_quartile", "upper_quartile", "unit", "below", "above"]
    return pd.DataFrame(rows, columns=columns)


def _is_wave(path: Path) -> bool:
    names = sheet_names(path)
    return RATE in names or LOG in names


def _stress(path: Path) -> Analysis:
    traces = read_wave(path)
    order = seahorse.phase_order(traces.phases)
    background = np.array([group.lower() == "background" for group in traces.group])
    if "rotenone + antimycin A" in order:
        title, values = "Mitochondrial stress test", seahorse.mito_parameters(traces.oxygen, traces.phase, order)
    elif "glucose" in order:
        title, values = "Glycolysis stress test", seahorse.glycolysis_parameters(traces.acid, traces.phase, order)
    else:
        raise InvalidValueError(
            f'"{path.name}": neither rotenone and antimycin A nor glucose was injected, so it is neither a '
            f"mitochondrial nor a glycolysis stress test. Injections: {', '.join(traces.phases[1:]) or 'none'}."
        )
    wells = pd.DataFrame({"well": traces.well, "group": traces.group, **values})[~background].reset_index(drop=True)
    grouped = wells.groupby("group", sort=False)
    groups = grouped[list(values)].mean().add_suffix("_mean").join(grouped[list(values)].std().add_suffix("_sd"))
    groups.insert(0, "wells", grouped.size())
    cycles = len(traces.minute)
    rates = pd.DataFrame(
        {
            "well": np.repeat(traces.well, cycles),
            "group": np.repeat(traces.group, cycles),
            "minute": np.tile(traces.minute, len(traces.well)),
            "phase": np.tile([traces.phases[number] for number in traces.phase], len(traces.well)),
            "ocr": traces.oxygen.ravel(),
            "ecar": traces.acid.ravel(),
        }
    )
    lacking = [name for name in ("oligomycin", "FCCP") if name not in order and "rotenone + antimycin A" in order]
    notes = [
        f"Phases: {', '.join(traces.phases)}.",
        "Rates are per well as exported, background-corrected by the instrument.",
    ]
    notes += [f"{name} was not injected, so what needs it was not computed." for name in lacking]
    tables = {"groups": groups.reset_index(), "wells": wells, "rates": rates}
    return Analysis("stress test", title, tables, is_simulated(path), tuple(notes), path)
