"""A folder of tubes of a cytometer with a sheet that says whose they are: one table of all, ready to be compared."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gvlab.assay.flow_analysis import analyze_flow
from gvlab.assay.readers.arms import read_arms
from gvlab.assay.readers.delimited import read_delimited
from gvlab.assay.readers.tables import TextTable
from gvlab.assay.readers.tidy import ARM, SUBJECT, TIME, day_of, one_value_each
from gvlab.assay.readers.workbooks import SUFFIXES, read_sheet
from gvlab.assay.samples import COLUMNS
from gvlab.errors import GVLabError, InvalidValueError, some_of

TUBE_SUFFIXES = (".fcs", ".lmd")
FILE = ("file", "filename", "file name", "fcs", "fcs file", "tube", "tube name", "name")
_MOST_TUBES = 2000
_OF_GATE = ("gate", "parent", "events", "percent_of_parent", "percent_of_all")


@dataclass(frozen=True)
class SampleSheet:
    """Whose tubes are: one row a tube.

    Attributes
    ----------
    table
        Columns ``file`` (as in the sheet), ``subject``, ``arm``, ``time`` (days; NaN where the sheet has none).
    notes
        What was taken for what, in sentences.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


def read_sample_sheet(path: Path | str) -> SampleSheet:
    """Return a sample sheet: a column of files, and of the subject, the group and the day of each.

    Raises
    ------
    InvalidValueError
        If it cannot be read, names no files, or a file twice.
    UnknownNameError
        If it has no column of files.
    """
    path = Path(path)
    if not path.is_file():
        raise InvalidValueError(f'There is no sample sheet "{path}".')
    table = read_sheet(path) if path.suffix.lower() in SUFFIXES else read_delimited(path)
    file = table.find(FILE, "files (the tube of each row)")
    subject, arm, time = (table.maybe(names) for names in (SUBJECT, ARM, TIME))
    rows = [row for row in range(1, len(table.cells)) if table.cells[row][file]]
    if not rows:
        raise InvalidValueError(f'{table.name} names no file in its column "{table.cells[0][file]}".')
    arms, joined = read_arms(table, arm, rows) if arm is not None else (["all"] * len(rows), ())
    found = pd.DataFrame(
        {
            "file": [table.cells[row][file] for row in rows],
            "subject": [_subject(table, row, subject, file) for row in rows],
            "arm": arms,
            "time": [day_of(table, row, time) if time is not None else math.nan for row in rows],
        }
    )
    twice = found["file"][found["file"].map(_plain).duplicated()]
    if len(twice):
        raise InvalidValueError(f'{table.name}: the file "{twice.iloc[0]}" stands twice. One row is one tube.')
    notes = [*table.notes, *joined]
    if arm is None:
        notes.append(f'{table.name} has no column of groups (such as "group"), so no groups are compared.')
    if subject is None:
        notes.append(f"{table.name} has no column of subjects, so every tube counts as one.")
    return SampleSheet(found, (*notes, *table.unread((file, subject, arm, time))))


def _subject(table: TextTable, row: int, column: int | None, file: int) -> str:
    if column is None:
        return table.cells[row][file]
    if not table.cells[row][column]:
        raise InvalidValueError(f"The subject in {table.where(row, column)} is missing. Write it into every row.")
    return table.cells[row][column]


def analyze_tubes(
    folder: Path, samples: Path | str | None, gates: Path | str | None, data_set: int = 0
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...], bool]:
    """Analyze the tubes of a folder by one gating strategy.

    Parameters
    ----------
    folder
        Tubes; folders inside are not looked into.
    samples
        Sample sheet; without one every tube is a subject of its own.
    gates
        Gating-ML 2.0, the same for all.
    data_set
        As in `read_fcs`.

    Returns
    -------
    ``readings`` (percentage of the parent population, one row a subject, day and gate; only with gates),
    ``percentages`` (a row a tube, a column a gate), ``gates`` and ``medians`` or ``channels`` with a column of files;
    sentences; whether a tube says that it is simulated. A tube that cannot be read is left out, and said.

    Raises
    ------
    InvalidValueError
        If the folder has no tubes, the sheet names one that is not there, or none can be read.
    """
    tubes = _tubes(folder)
    sheet = read_sample_sheet(samples) if samples is not None else None
    chosen, notes = _chosen(tubes, sheet, folder)
    parts: dict[str, list[pd.DataFrame]] = {}
    said: dict[str, list[str]] = {}
    simulated, lost = False, []
    for path, row in chosen:
        try:
            tables, told, file, _ = analyze_flow(path, gates, data_set)
        except GVLabError as error:
            lost.append(f"{path.name} was left out: {error}")
            continue
        simulated |= file.simulated
        for note in told[1:]:
            said.setdefault(note, []).append(path.name)
        for name, table in tables.items():
            about = {key: row[key] for key in ("subject", "arm", "time")} if row is not None else {"subject": path.stem}
            parts.setdefault(name, []).append(
                pd.concat([pd.DataFrame({"file": path.name, **about}, index=table.index), table], axis=1)
            )
    if not parts:
        raise InvalidValueError(f'None of the {len(chosen)} tubes of "{folder.name}" could be read. {lost[0]}')
    notes = [f"{len(chosen) - len(lost)} tubes were read.", *notes, *lost, *_of_tubes(said, len(chosen) - len(lost))]
    tables = {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}
    if gates is None:
        return tables, tuple(notes), simulated
    wide = tables["gates"].pivot(index="file", columns="gate", values="percent_of_parent")
    order = list(dict.fromkeys(tables["gates"]["gate"]))
    tube = tables["gates"].drop_duplicates("file").set_index("file").drop(columns=list(_OF_GATE))
    percentages = tube.join(wide[order]).reset_index()
    readings, averaged = one_value_each(_readings(tables["gates"]))
    notes += averaged
    return {"readings": readings, "percentages": percentages, **tables}, tuple(notes), simulated


def _tubes(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in TUBE_SUFFIXES)
    if not found:
        others = some_of(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise InvalidValueError(
            f'"{folder.name}" is a folder and holds no tubes (.fcs); it holds {others}. A folder is analyzed where its '
            "tubes are; of another kind name one file."
        )
    if len(found) > _MOST_TUBES:
        raise InvalidValueError(
            f'"{folder.name}" holds {len(found):,} tubes; at most {_MOST_TUBES:,} are read at once.'
        )
    return found


def _plain(name: str) -> str:
    """Return the name of a file as sheets write it: without folder, ending and capitals."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1].strip().lower()
    return next((last.removesuffix(suffix) for suffix in TUBE_SUFFIXES if last.endswith(suffix)), last)


def _chosen(
    tubes: Sequence[Path], sheet: SampleSheet | None, folder: Path
) -> tuple[list[tuple[Path, dict[str, object] | None]], list[str]]:
    """Return each tube that is read with its row of the sheet, and sentences."""
    if sheet is None:
        return [(path, None) for path in tubes], ["No sample sheet was given, so no groups are compared."]
    by_name = {_plain(path.name): path for path in tubes}
    chosen: list[tuple[Path, dict[str, object] | None]] = []
    for row in sheet.table.to_dict("records"):
        name = _plain(str(row["file"]))
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, 1)
            hint = f' Did you mean "{by_name[near[0]].name}"?' if near else ""
            raise InvalidValueError(
                f'The sample sheet names "{row["file"]}", which "{folder.name}" does not hold.{hint} It '
                f"holds {some_of(path.name for path in tubes)}."
            )
        chosen.append((by_name[name], {str(key): value for key, value in row.items()}))
    used = {path for path, _ in chosen}
    rest = [path.name for path in tubes if path not in used]
    notes = list(sheet.notes)
    if rest:
        notes.append(f"Not in the sample sheet, so not read: {some_of(rest)}.")
    return chosen, notes


def _of_tubes(said: dict[str, list[str]], tubes: int) -> list[str]:
    """Return what was said of tubes, each sentence once, with the tubes where it is not of all."""
    found = []
    for note, names in said.items():
        found.append(note if len(names) == tubes else f"{some_of(names)}: {note}")
    return found


def _readings(gates: pd.DataFrame) -> pd.DataFrame:
    """Return percentages of the parent as readings; a gate whose parent is empty has none."""
    known = gates[gates["percent_of_parent"].notna()]
    table = pd.DataFrame(
        {
            "subject": known["subject"],
            "arm": known.get("arm", "all"),
            "time": known.get("time", math.nan),
            "assay": "flow cytometry",
            "analyte": [
                f"{gate} (of {parent})" if parent else f"{gate} (of all)"
                for gate, parent in zip(known["gate"], known["parent"], strict=True)
            ],
            "value": known["percent_of_parent"],
            "unit": "%",
            "below_lloq": False,
            "above_uloq": False,
        }
    )
    for column in COLUMNS:
        if column not in table:
            table[column] = ""
    return table[list(COLUMNS)].reset_index(drop=True)
