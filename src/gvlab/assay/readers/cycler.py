"""Exports of real-time cyclers (QuantStudio, StepOne, CFX and others): one row a well with sample, target and Ct."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from gvlab.assay.readers.arms import join_spellings
from gvlab.assay.readers.limits import beyond_limit
from gvlab.assay.readers.omitted import omitted_rows
from gvlab.assay.readers.tables import TextTable, same_but_for_spelling
from gvlab.errors import InvalidValueError, some_of

SAMPLE = ("Sample Name", "Sample", "Name", "Sample ID")
TARGET = ("Target Name", "Target", "Gene", "Detector", "Detector Name", "Gene Name", "Assay", "Target ID")
CT = ("CT", "Cт", "Cq", "Cp", "Ct Value", "Cq Value", "C(t)", "Crossing Point")
TASK = ("Task", "Content", "Sample Type", "Type")
WELL = ("Well Position", "Well", "Pos", "Position")
AMPLIFIED = ("Amp Status", "Amplification Status", "AmpStatus")
PLATE = ("Plate", "Plate ID", "Plate Name", "Barcode", "Plate Barcode", "Run", "Run ID", "Experiment Name", "File Name")
EFFICIENCY = ("Efficiency", "PCR Efficiency", "Primer Efficiency")
COLUMNS = ("well", "sample", "target", "task", "ct", "efficiency", "use")
_NOT_REACHED = frozenset(
    {
        "undetermined",
        "undet",
        "undet.",
        "n/a",
        "na",
        "no ct",
        "no cq",
        "noct",
        "nan",
        "",
        "-",
        "inconclusive",
    }
)
_MOST_CYCLES = 60
_LAST_CYCLES = (40.0, 45.0, 50.0)
"""Runs end after as many cycles; that a well crosses the threshold there to the hundredth does not happen."""
_CONTROLS = {
    "ntc": "no template", "notemplatecontrol": "no template", "neg": "no template", "negctrl": "no template",
    "negativecontrol": "no template", "nrt": "no reverse transcription", "nac": "no amplification",
    "blank": "no template", "water": "no template", "h2o": "no template", "ddh2o": "no template",
    "notemplate": "no template",
}  # fmt: skip


_WITHOUT_RT = re.compile(
    r"(?:^|[\s_(])(?:no|minus|w/o|-)[\s_-]*RT\b|\bRT[\s_]*(?:-|minus|neg)(?![a-z0-9])", re.IGNORECASE
)
DYE = ("Fluor", "Fluorophore", "Reporter", "Dye")
COMMENT = ("Comments", "Comment", "Notes", "Note", "Remark", "Remarks")


@dataclass(frozen=True)
class CyclerReading:
    """Wells of a run.

    Attributes
    ----------
    wells
        Columns `COLUMNS`: ct NaN where the threshold was not crossed; efficiency 1 (doubling) where the file has none;
        use "" for samples, else why a well is none: "omitted", "no template", "standard", "no name",
        "no target".
    reference, calibrator
        As the file's settings name them, "" where they do not.
    notes
        What was taken for what, in sentences.
    """

    wells: pd.DataFrame
    reference: str
    calibrator: str
    notes: tuple[str, ...]


def looks_like(table: TextTable) -> bool:
    """Return whether the header of a table is that of cycles."""
    return all(table.maybe(names) is not None for names in (SAMPLE, TARGET, CT))


def from_table(table: TextTable, settings: TextTable | None = None) -> CyclerReading:
    """Return cycles read from cells.

    Parameters
    ----------
    table
        Its header is row 0.
    settings
        The whole file, whose lines before and behind the table may name reference gene and calibrator.

    Raises
    ------
    InvalidValueError
        If a Ct is neither a number nor "Undetermined".
    """
    sample, target, ct = (table.find(names, names[0]) for names in (SAMPLE, TARGET, CT))
    task, efficient, well = (table.maybe(names) for names in (TASK, EFFICIENCY, WELL))
    amplified, plate, dye = (table.maybe(names) for names in (AMPLIFIED, PLATE, DYE))
    by_dye: set[str] = set()
    omitted = omitted_rows(table)
    _check_efficiencies(table, efficient)
    rows = []
    notes: list[str] = []
    placeholders: dict[float, int] = {}
    plates: set[str] = set()
    for row in range(1, len(table.cells)):
        cells = table.cells[row]
        if re.fullmatch(r"\[.+\]", cells[0]):
            break  # the next part of the export
        if not any(cells[column] for column in (sample, target, ct)):
            continue
        gene = cells[target]
        if not gene and dye is not None and cells[dye]:
            # Several dyes in a well are several targets, whether or not they were given names.
            gene = cells[dye]
            by_dye.add(gene)
        if not gene and not cells[ct]:
            continue
        value = _cycle(table, row, ct)
        if not math.isnan(value) and (value <= 0 or value > _MOST_CYCLES or value in _LAST_CYCLES):
            placeholders[value] = placeholders.get(value, 0) + 1
            value = math.nan
        if amplified is not None and re.sub(r"[\s_]+", "", cells[amplified]).lower() in ("noamp", "noamplification"):
            value = math.nan
        written = cells[task] if task is not None else ""
        plates |= {cells[plate].strip()} - {""} if plate is not None else set()
        use = "omitted" if row in omitted.reasons else _use(cells[sample], written) or ("" if gene else "no target")
        place = cells[well] if well is not None else str(row)
        rows.append((place, cells[sample], gene, written, value, _efficiency(table, row, efficient), use))
    if not rows:
        raise InvalidValueError(f"{table.name} has no wells below its header.")
    if len(plates) > 1:
        raise InvalidValueError(
            f'{table.name} holds {len(plates)} runs (column "{table.cells[0][plate or 0]}": '
            f"{some_of(sorted(plates))}). Cycles of different runs are not averaged; save each run as a file "
            "of its own."
        )
    wells = pd.DataFrame(rows, columns=list(COLUMNS))
    twice = wells["well"][wells.duplicated(["well", "target"]) & (wells["well"] != "")]
    if len(twice):
        raise InvalidValueError(
            f"{table.name}: the well {twice.iloc[0]} stands twice for one target. If the file joins several runs, save "
            "each as a file of its own."
        )
    wells["sample"], joined = join_spellings(list(wells["sample"]))
    notes += joined
    # Il15 and IL15 in one sample are a gene of the mouse and one of human cells in it.
    pairs = wells[["sample", "target"]].drop_duplicates()
    if not pairs.assign(target=pairs["target"].map(same_but_for_spelling(pairs["target"]))).duplicated().any():
        wells["target"], joined = join_spellings(list(wells["target"]))
        notes += joined
    notes += [
        f"A Ct of {value:g} stands for a well that did not cross the threshold ({count} of them); it was not counted."
        for value, count in placeholders.items()
    ]
    if by_dye:
        notes.append(f"Where no target is named, the dye stands for it: {', '.join(sorted(by_dye))}.")
    notes += _comments(table)
    named = [_setting(settings, name) for name in ("endogenous control", "reference sample")]
    return CyclerReading(wells, named[0], named[1], (*_notes(wells, table), *notes))


def _comments(table: TextTable) -> tuple[str, ...]:
    """Return a sentence on remarks of wells, which may say that one does not count."""
    column = table.maybe(COMMENT)
    if column is None:
        return ()
    found = [f'"{row[column][:60]}"' for row in table.cells[1:] if row[column].strip()]
    return (f"Remarks in the file were not heeded: {some_of(found)}.",) if found else ()


def _cycle(table: TextTable, row: int, column: int) -> float:
    """Return a Ct; NaN of a well that did not cross the threshold, whichever way the file says it."""
    text = table.cells[row][column].strip()
    if text.lower() in _NOT_REACHED or beyond_limit(text) is not None or text.startswith((">", "\u2265")):
        return math.nan
    return table.number(row, column, "a Ct")


_WORDS = {
    "omitted": "omitted in the file",
    "no name": "without the name of a sample",
    "no target": "without the name of a target",
    "standard": "for the standards",
}
"""Of what is neither a sample nor a control."""


def _notes(wells: pd.DataFrame, table: TextTable) -> tuple[str, ...]:
    notes = list(table.notes)
    for use, group in wells[wells["use"] != ""].groupby("use", sort=False):
        what = _WORDS.get(str(use), f"controls ({use})")
        count = "1 well is" if len(group) == 1 else f"{len(group)} wells are"
        notes.append(f"{count} {what} and not among the samples: {some_of(group['well'])}.")
        crossed = group[group["ct"].notna()]
        if str(use).startswith("no ") and use not in _WORDS and len(crossed):
            notes.append(
                f"{len(crossed)} of these controls crossed the threshold, the first at {crossed['ct'].min():.1f} "
                "cycles: check for contamination."
            )
    return tuple(notes)


def _use(sample: str, task: str) -> str:
    """Return "" for a well that holds a sample, else what it holds."""
    for text in (task, sample):
        plain = re.sub(r"[\s_\-().]+", "", text).lower()
        found = _CONTROLS.get(plain) or _CONTROLS.get(re.sub(r"\d+$", "", plain))
        if found:
            return found
        if _WITHOUT_RT.search(text):
            return "no reverse transcription"
    if re.sub(r"[\s_\-]*\d*$", "", task.strip()).lower() in ("standard", "std"):
        return "standard"
    return "" if sample.strip() else "no name"


def _setting(settings: TextTable | None, name: str) -> str:
    """Return what a line of settings says: "Endogenous Control<tab>GAPDH", "* Reference Sample = untreated"."""
    for cells in settings.cells if settings is not None else ():
        for cell, beside in pairwise((*cells, "")):
            alone = cell.strip().lstrip("* ").lower().rstrip(": ") == name
            inside = re.fullmatch(rf"\**\s*{name}\s*[=:]\s*(\S.*)", cell.strip(), re.IGNORECASE)
            value = beside.strip() if alone else inside[1].strip() if inside else ""
            if value:
                return "" if value.lower() in ("n/a", "none") else value
    return ""


def _check_efficiencies(table: TextTable, column: int | None) -> None:
    if column is None:
        return
    found = [(row, table.number(row, column, "an efficiency")) for row in range(1, len(table.cells))]
    percent = [row for row, value in found if value > 2.0 or table.cells[row][column].endswith("%")]
    share = [row for row, value in found if value <= 2.0 and not table.cells[row][column].endswith("%")]
    if percent and share:
        raise InvalidValueError(
            f'"{table.cells[percent[0]][column]}" in {table.where(percent[0], column)} is a percentage, and '
            f'"{table.cells[share[0]][column]}" in {table.where(share[0], column)} is a fraction. Write all '
            "efficiencies in one way."
        )


def _efficiency(table: TextTable, row: int, column: int | None) -> float:
    if column is None or not table.cells[row][column]:
        return 1.0
    found = table.number(row, column, "an efficiency")
    if math.isnan(found):
        return 1.0
    found = found / 100.0 if found > 2.0 or table.cells[row][column].endswith("%") else found
    if not 0.5 <= found <= 1.2:
        raise InvalidValueError(
            f"The efficiency in {table.where(row, column)} is {found:g}; write 1 (or 100) for doubling, "
            "0.9 (or 90) for 90 %."
        )
    return found
