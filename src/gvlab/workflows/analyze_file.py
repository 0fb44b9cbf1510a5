"""Analyze a file of readings, real or simulated: tables and figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gvlab import units
from gvlab.assay import Analysis, analyze
from gvlab.assay.analysis import TUBES
from gvlab.assay.comparisons import MOST_ARMS, reading_comparisons, survival_comparisons, test_in_words
from gvlab.assay.readers.tables import safe_cell
from gvlab.assay.samples import MARK
from gvlab.figures.analysis import analysis_figures, check_versus
from gvlab.statistics.estimate import number_in_words, p_value_in_words
from gvlab.workflows.bundle import Bundle, Table
from gvlab.workflows.progress import CancelToken, ProgressSink, Stage
from gvlab.workflows.request import Request

if TYPE_CHECKING:
    from collections.abc import Hashable

_MOST_ROWS = 1_000_000
"""Rows of a sheet; a workbook holds a few more."""

_WORTH_SHOWING = ("comparisons", "groups", "percentages", "gates")


class AnalyzeRequest(Request):
    """Which file, and what cannot be seen in it."""

    file: Path
    """CSV, .xlsx or .fcs, or a folder of .fcs."""
    kind: str = ""
    """What it holds; recognized where empty."""
    event_is: int | str | None = None
    """Survival: the code or word of an event, where the file is unclear."""
    versus: str = ""
    """The arm that others are compared with; the first of the file where empty."""
    gates: Path | None = None
    """Flow cytometry: gates as a Gating-ML 2.0 file."""
    reference: str = ""
    """RT-qPCR: the reference gene, where the file does not tell."""
    calibrator: str = ""
    """RT-qPCR: the untreated sample, where the file does not tell."""
    sheet: str = ""
    """Of a workbook; the first where empty."""
    data_set: int = 0
    """Flow cytometry: which of several data sets of the file, from 1."""
    samples: Path | None = None
    """A folder of tubes: a sheet with the file, the subject, the group and the day of each."""
    time_zero: str = "transplantation"
    """What happened on day 0."""
    landmark: str = ""
    """Survival: the day on which the clock begins, "day 60", for those then still followed and without an event."""
    changes_at: str = ""
    """Survival: the column that says when a subject changes, such as the day of an infusion; empty cells never do."""
    weights: str = ""
    """Survival: the column that says how many subjects of a population each stands for."""
    start: str = ""
    """Survival: the column that says from when a row holds, where a subject has several; `stop` says until when."""
    stop: str = ""
    """Survival: the column that says until when a row holds; see `start`."""
    parameter: str = ""
    """ADTTE: the endpoint (PARAMCD), where the file has several."""


def analyze_file(
    request: AnalyzeRequest, *, progress: ProgressSink | None = None, cancel: CancelToken | None = None
) -> Bundle[Analysis]:
    """Make tables and figures of a file: the same ones for real and for simulated data. The file is only read.

    Parameters
    ----------
    request
        Which file, and what cannot be seen in it.
    progress, cancel
        Told where it stands; stops it.

    Returns
    -------
    What the file says, with comparisons of its arms, figures and a workbook.

    Raises
    ------
    InvalidValueError
        If the file cannot be read or understood, or has no such arm.
    """
    stage = Stage("Reading", 2, sink=progress, cancel=cancel)
    found = analyze(
        request.file,
        kind=request.kind,
        event=request.event_is,
        gates=request.gates,
        reference=request.reference,
        calibrator=request.calibrator,
        sheet=request.sheet,
        data_set=request.data_set,
        samples=request.samples,
        landmark=units.day(request.landmark, "the landmark") if request.landmark else None,
        changes_at=request.changes_at,
        weights=request.weights,
        start=request.start,
        stop=request.stop,
        parameter=request.parameter,
    )
    check_versus(found, request.versus)
    tables = {**found.tables, **_comparisons(found, request.versus)}
    stage.advance(1, "drawing")
    time_zero = f"{request.landmark} after {request.time_zero}" if request.landmark else request.time_zero
    figures, notes = analysis_figures(found, versus=request.versus, time_zero=time_zero)
    stage.advance(1)
    said = [*found.notes, *notes, *_not_compared(found)]
    comments = (f"From {found.source.name} ({found.title})", *([MARK] if found.simulated else []))
    mark = " (simulated by GVLab)" if found.simulated else ""
    survival = found.kind == "survival"
    shown = next((name for name in _WORTH_SHOWING if name in tables), next(iter(tables)))
    return Bundle(
        request,
        found,
        heading=(f"{request.file.name}: {found.title}{mark}",),
        lines=(*said, *(_survival_in_words(tables) if survival else ())),
        summary=_made(len(figures), len(tables)),
        tables={f"{name}.csv": Table(table, comments) for name, table in tables.items()},
        figures=figures,
        documents={"tables.xlsx": partial(_save_workbook, tables=tables, about=(*comments, *said))},
        data={
            "analysis.json": {
                "file": request.file.name,
                "kind": found.kind,
                "simulated": found.simulated,
                "notes": said,
            }
        },
        shown="" if survival else f"{shown}.csv",
    )


def _comparisons(found: Analysis, versus: str) -> dict[str, pd.DataFrame]:
    """Compare the arms of the file, with effect, interval, exact n, and Holm's correction."""
    if found.kind == "survival":
        return survival_comparisons(found.tables["subjects"], versus)
    if found.kind not in ("readings", "bioluminescence", TUBES) or "readings" not in found.tables:
        return {}
    table = reading_comparisons(found.tables["readings"], versus)
    return {} if table is None else {"comparisons": table}


def _made(figures: int, tables: int) -> str:
    drawn = {0: "No figure", 1: "A figure (.svg, .png)"}.get(figures, f"{figures} figures (.svg, .png)")
    return f"{drawn} and {'a table' if tables == 1 else f'{tables} tables'} (.csv, tables.xlsx)."


def _not_compared(found: Analysis) -> tuple[str, ...]:
    table = found.tables.get("subjects", found.tables.get("readings"))
    arms = 0 if table is None else table["arm"].nunique()
    if arms <= MOST_ARMS:
        return ()
    return (
        f"There are {arms} arms; of more than {MOST_ARMS} none is compared or drawn. "
        "Is the right column that of the arms?",
    )


def _survival_in_words(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    lines = [
        f"{row['arm']}: {row['events']} of {row['n']} had the event; median (days): "
        f"{number_in_words(row['median_days'])}"
        for row in tables["medians"].head(MOST_ARMS).to_dict("records")
    ]
    if "causes" in tables:
        for cause, rows in tables["causes"].groupby("cause", sort=False):
            shown = ", ".join(
                f"{row['arm']} {row['events']} of {row['n']} ({100 * row['incidence']:.0f} % by day {row['day']:g})"
                for row in rows.head(6).to_dict("records")
            )
            p_value = float(rows["p_gray"].iloc[0])
            test = "" if math.isnan(p_value) else f"; Gray {p_value_in_words(p_value)}"
            lines.append(f"{cause}: {shown}{test}")
    pairs: list[dict[Hashable, object]] = []
    if "comparisons" in tables:
        pairs = tables["comparisons"].to_dict("records")
    if "mantel_byar" in tables:
        lines += [_change_in_words(row) for row in tables["mantel_byar"].to_dict("records")]
    return lines + [_pair_in_words(row, len(pairs) > 1) for row in pairs]


def _change_in_words(row: Mapping[Hashable, object]) -> str:
    return (
        f"After {row['change']} ({row['changed']} of {row['n']} subjects, all arms together): hazard ratio "
        f"{_ratio_in_words(row)}, Mantel-Byar {p_value_in_words(float(str(row['p_value'])))}"
    )


def _ratio_in_words(row: Mapping[Hashable, object]) -> str:
    ratio, lower, upper = (float(str(row[name])) for name in ("hazard_ratio", "hr_lower", "hr_upper"))
    return "not estimable" if math.isnan(ratio) else f"{ratio:.2f} (95 % CI {lower:.2f} to {number_in_words(upper)})"


def _pair_in_words(row: Mapping[Hashable, object], several: bool) -> str:
    return (
        f"{row['arm']} against {row['versus']} (n = {row['n']} and {row['n_versus']}): "
        f"hazard ratio {_ratio_in_words(row)}, log-rank {test_in_words(row, several)}"
    )


def _save_workbook(path: Path, tables: Mapping[str, pd.DataFrame], about: Sequence[str]) -> None:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    first = book.create_sheet("About")
    for line in about:
        first.append([safe_cell(line)])
    for name, table in tables.items():
        sheet = book.create_sheet(name[:31])
        sheet.append([safe_cell(str(column)) for column in table.columns])
        for row in table.head(_MOST_ROWS).itertuples(index=False):
            sheet.append([safe_cell(cell) for cell in row])
    book.save(path)
