"""Analyzes a file of readings, whichever instrument or person wrote it: tables out, simulated and real files alike."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from gvlab.assay import adtte, lanes
from gvlab.assay.comparisons import summarize
from gvlab.assay.expression import analyze_cycles
from gvlab.assay.fcs import FlowFile
from gvlab.assay.flow_analysis import analyze_flow
from gvlab.assay.gating import Strategy
from gvlab.assay.gatingml import FLOWJO
from gvlab.assay.plate_analysis import analyze_plates
from gvlab.assay.readers import (
    bioluminescence,
    cycler,
    plate,
    plate_exports,
    plate_grids,
    survival,
    survival_columns,
    tidy,
    well_series,
    workbooks,
)
from gvlab.assay.readers.delimited import SUFFIXES
from gvlab.assay.readers.identity import refuse_identity
from gvlab.assay.readers.tables import TextTable
from gvlab.assay.readers.wave import is_simulated, is_wave
from gvlab.assay.recognition import recognized
from gvlab.assay.samples import MARK
from gvlab.assay.stress_analysis import analyze_stress
from gvlab.assay.time_changes import change_test, from_landmark
from gvlab.assay.tubes import analyze_tubes
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.library import Library
from gvlab.library.spelling_record import SpellingRecord
from gvlab.statistics import effective_size

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
TUBES = "tubes"
"""The kind of a folder of tubes; it is seen and need not be said."""
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Analysis:
    """What a file says.

    Attributes
    ----------
    kind
        One of `KINDS`, or `TUBES`.
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
    strategy
        The gates, of flow cytometry.
    units
        Of columns whose unit is the file's matter: "ocr" and "ecar" of a stress test.
    """

    kind: str
    title: str
    tables: Mapping[str, pd.DataFrame]
    simulated: bool
    notes: tuple[str, ...]
    source: Path
    flow: FlowFile | None = None
    strategy: Strategy | None = None
    units: Mapping[str, str] = field(default_factory=dict)

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


@dataclass(frozen=True)
class _Said:
    """What the caller says of a file that the file does not."""

    event: int | str | None = None
    gates: Path | str | None = None
    reference: str = ""
    calibrator: str = ""
    sheet: str = ""
    data_set: int = 0
    landmark: float | None = None
    columns: survival_columns.Columns = survival_columns.NO_COLUMNS
    parameter: str = ""
    whole: TextTable | None = field(default=None)
    library: Library | None = None

    def spellings(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """Return what a record of spellings of the library holds."""
        library = Library.default() if self.library is None else self.library
        record: SpellingRecord = library.read("spellings", name)
        return record.spellings

    def refuse_unused(self, kind: str, name: str, workbook: bool) -> None:
        """Raise if something was said that has no effect on a file of this kind."""
        concerns = {
            "event": ("survival",), "gates": ("flow cytometry",), "data_set": ("flow cytometry",),
            "reference": ("cycles",), "calibrator": ("cycles",), "landmark": ("survival",),
            "parameter": ("survival",),
        }  # fmt: skip
        said = {option: getattr(self, option) for option in concerns}
        for each in dataclasses.fields(self.columns):
            concerns[each.name], said[each.name] = ("survival",), getattr(self.columns, each.name)
        for option, kinds in concerns.items():
            given = said[option] not in (None, "", 0) or (option in ("event", "landmark") and said[option] == 0)
            if given and kind not in kinds:
                raise InvalidValueError(
                    f'"{name}" holds {_TITLES[kind].lower()}, on which {option}= has no effect; it concerns '
                    f"{_TITLES[kinds[0]].lower()}. Leave it out, or say kind=... if the file holds something else."
                )
        if self.sheet and not workbook:
            raise InvalidValueError(f'"{name}" is no workbook, so sheet= has no effect. Leave it out.')


def analyze(
    path: Path | str,
    *,
    kind: str = "",
    event: int | str | None = None,
    gates: Path | str | None = None,
    reference: str = "",
    calibrator: str = "",
    sheet: str = "",
    data_set: int = 0,
    samples: Path | str | None = None,
    landmark: float | None = None,
    changes_at: str = "",
    weights: str = "",
    start: str = "",
    stop: str = "",
    parameter: str = "",
    library: Library | None = None,
) -> Analysis:
    """Analyze a file, or a folder of tubes.

    Parameters
    ----------
    path
        FCS, .xlsx (Wave export, another instrument's, or a table), or text (survival, readings, plate, cycles, bands,
        bioluminescence).
    kind
        One of `KINDS` where the file could be taken for another.
    event
        For survival: the code or word of an event, where the file does not tell.
    gates
        For flow cytometry: a Gating-ML 2.0 file.
    reference, calibrator
        For cycles: reference gene and calibrator sample, where the file does not tell.
    sheet
        Of a workbook; the first that holds something known where none is named.
    data_set
        For flow cytometry: which of several data sets of the file, from 1.
    samples
        For a folder of tubes: a sheet with the file, the subject, the group and the day of each.
    landmark
        For survival: the day on which the clock begins, for those then still followed and without an event.
    changes_at
        For survival: the column that says when a subject changes; empty cells never do.
    weights
        For survival: the column that says how many subjects of a population each stands for.
    start, stop
        For survival: the columns that say from when to when a row holds, where a subject has several.
    parameter
        For ADTTE: the endpoint (PARAMCD), where the file has several.
    library
        Knows how files write reference genes and injections; the default one where None.

    Returns
    -------
    Tables, and what was taken for what.

    Raises
    ------
    InvalidValueError
        If the file cannot be read or understood, with the cell and the way out, or something said has no effect.
    UnknownNameError
        If `kind` is none, or a column, sheet or channel is missing.
    """
    path = Path(path)
    if kind and kind not in KINDS:
        raise UnknownNameError("kind of file", kind, KINDS)
    columns = survival_columns.Columns(changes_at, weights, start, stop)
    if start and landmark is not None:
        raise InvalidValueError(
            "landmark= is of subjects with one row each, and start= says that they have several. Leave one of them out."
        )
    said = _Said(event, gates, reference, calibrator, sheet, data_set, landmark, columns, parameter, library=library)
    if path.is_dir():
        if kind not in ("", "flow cytometry"):
            raise InvalidValueError(f'"{path.name}" is a folder; of the kind {kind} name one file.')
        said.refuse_unused("flow cytometry", path.name, workbook=False)
        tube_tables, notes, simulated = analyze_tubes(path, samples, gates, data_set)
        return Analysis(TUBES, _TITLES[TUBES], tube_tables, simulated, notes, path)
    if not path.is_file():
        raise InvalidValueError(f'There is no file "{path}".')
    if samples is not None:
        raise InvalidValueError(
            f'"{path.name}" is one file, on which samples= has no effect; it concerns a folder of tubes. Leave it out.'
        )
    suffix = path.suffix.lower()
    workbook = suffix in workbooks.SUFFIXES
    if suffix in (".fcs", ".lmd") or kind == "flow cytometry":
        said.refuse_unused("flow cytometry", path.name, workbook=False)
        flow_tables, notes, file, strategy = analyze_flow(path, gates, data_set)
        return Analysis(
            "flow cytometry", _TITLES["flow cytometry"], flow_tables, file.simulated, notes, path, file, strategy
        )
    if suffix in _EXPORTS:
        raise InvalidValueError(f'"{path.name}": {_EXPORTS[suffix]}')
    if workbook and (kind == "stress test" or (not kind and is_wave(path))):
        said.refuse_unused("stress test", path.name, workbook=True)
        title, stress_tables, notes, units = analyze_stress(path, sheet, said.spellings("injections"))
        return Analysis("stress test", title, stress_tables, is_simulated(path), notes, path, units=units)
    if not workbook and suffix not in SUFFIXES:
        raise InvalidValueError(f'"{path.name}" is neither CSV nor .xlsx. Save the table as one of them.')
    if kind == "stress test":
        raise InvalidValueError(f'"{path.name}" is no workbook of Wave (.xlsx). In Wave choose Export, Excel.')
    whole, found, table, unread = recognized(path, kind or ("survival" if stop else ""), sheet, stop)
    said.refuse_unused(found, path.name, workbook)
    # The tables of a kind, by what recognizes it.
    tables, told = _TABLES[found](table, dataclasses.replace(said, whole=whole))
    simulated = any(MARK in comment for comment in whole.comments)
    return Analysis(found, _TITLES[found], tables, simulated, (*told, *unread), path)


_EXPORTS = {
    ".wsp": f"a FlowJo workspace holds no events. {FLOWJO}",
    ".jo": f"a FlowJo workspace holds no events. {FLOWJO}",
    ".asyr": "a run file of the Seahorse. Open it in Wave and choose Export, Excel.",
    ".pzfx": "a Prism file. In Prism choose File, Export, and save the data table as CSV.",
    ".prism": "a Prism file. In Prism choose File, Export, and save the data table as CSV.",
    ".xls": "an old Excel workbook. Open it in a spreadsheet and save it as .xlsx. Save it as .xlsx also if it was "
    "exported so by an instrument.",
}
_TITLES = {
    "survival": "Survival table",
    "readings": "Readings",
    "plate": "Plate",
    "cycles": "RT-qPCR",
    "relative signals": "Signals relative to control",
    "bioluminescence": "Bioluminescence",
    "stress test": "Stress test",
    "flow cytometry": "Flow cytometry",
    TUBES: "Tubes of flow cytometry",
}


def _survival(table: TextTable, said: _Said) -> tuple[Tables, Sequence[str]]:
    if adtte.looks_like(table):
        without_effect = {"event": said.event, **dataclasses.asdict(said.columns)}
        for option, given in without_effect.items():
            if given not in (None, ""):
                raise InvalidValueError(f"{table.name} is ADTTE, on which {option}= has no effect. Leave it out.")
        found = adtte.from_table(table, said.parameter)
    elif said.parameter:
        raise InvalidValueError(f"{table.name} is no ADTTE, so parameter= has no effect. Leave it out.")
    else:
        found = survival.from_table(table, said.event, columns=said.columns)
    subjects, notes, tables = found.table, found.notes, {}
    change = said.columns.changes_at
    if change and said.landmark is None:
        tables["mantel_byar"] = change_test(subjects, change)
    if said.landmark is not None:
        subjects, told = from_landmark(subjects, said.landmark, change)
        notes = (*notes, told)
    notes = (*notes, *_rows_in_words(subjects, said.columns))
    grouped = subjects.groupby("arm", sort=False)
    groups = pd.DataFrame(
        {
            "subjects": grouped["subject"].nunique() if survival_columns.ROW in subjects else grouped.size(),
            "events": grouped["event_observed"].sum().astype(int),
            "followed_days": grouped["duration"].max(),
        }
    ).reset_index()
    return {"subjects": subjects, "groups": groups, **tables}, notes


def _rows_in_words(subjects: pd.DataFrame, columns: survival_columns.Columns) -> list[str]:
    """Return sentences on rows from start to stop, and on what weighted subjects are worth."""
    told = []
    if survival_columns.ROW in subjects:
        told.append(
            f"{len(subjects)} rows are of {subjects['subject'].nunique()} subjects, each counted in the arm it is in "
            "at the time."
        )
    if survival_columns.WEIGHT in subjects:
        one_each = subjects.drop_duplicates("subject") if survival_columns.ROW in subjects else subjects
        worth = effective_size(one_each[survival_columns.WEIGHT])
        told.append(
            f'Subjects are weighted by "{columns.weights}": {len(one_each)} tell as much as {worth:.1f} of equal '
            "weight. Shares, ratios and tests are weighted, with robust errors; numbers of subjects and events are "
            "counts."
        )
    return told


def _readings(
    table: TextTable, _: _Said, *, read: Callable[[TextTable], tidy.TidyReadings]
) -> tuple[Tables, Sequence[str]]:
    refuse_identity(table.cells[0], table.name)
    found = read(table)
    tables = {"readings": found.table, "groups": summarize(found.table)}
    if found.replicates is not None:
        tables["replicates"] = found.replicates
    notes = list(found.notes)
    unnamed = found.table[np.isnan(found.table["value"].to_numpy(dtype=np.float64))]
    if len(unnamed):
        notes.append(
            f"{len(unnamed)} readings lie beyond a limit that the file does not name; they have no number and count in "
            "comparisons as beyond every other."
        )
    return tables, notes


def _plate(table: TextTable, said: _Said) -> tuple[Tables, Sequence[str]]:
    whole = said.whole if said.whole is not None else table
    if plate_exports.instrument_of(whole):
        return analyze_plates(plate_exports.read(whole))
    if plate.is_list(table):
        return analyze_plates(plate.from_list(table))
    return analyze_plates(well_series.read(whole) or plate_grids.from_grids(whole))


def _cycles(table: TextTable, said: _Said) -> tuple[Tables, Sequence[str]]:
    usual = {spelling for names in said.spellings("reference_genes").values() for spelling in names}
    read = cycler.from_table(table, said.whole)
    return analyze_cycles(read, said.reference, said.calibrator, usual_references=usual)


def _lanes(table: TextTable, _: _Said) -> tuple[Tables, Sequence[str]]:
    return lanes.analyze_lanes(table)


_TABLES: dict[str, Callable[[TextTable, _Said], tuple[Tables, Sequence[str]]]] = {
    "survival": _survival,
    "readings": functools.partial(_readings, read=tidy.from_table),
    "bioluminescence": functools.partial(_readings, read=bioluminescence.from_table),
    "plate": _plate,
    "cycles": _cycles,
    "relative signals": _lanes,
}
