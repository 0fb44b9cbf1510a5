"""gvlab analyze: tables and figures of a file of readings, real or simulated."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gvlab.cli.common import out

if TYPE_CHECKING:
    import pandas as pd

    from gvlab.assay import Analysis

RESULTS = Path("results")


def analyze(
    file: Annotated[Path, typer.Argument(help="CSV, .xlsx or .fcs.")],
    kind: Annotated[
        str,
        typer.Option(
            help="survival, readings, plate, cycles, relative signals, bioluminescence, stress test, flow cytometry.",
            show_default="recognized",
        ),
    ] = "",
    event_is: Annotated[
        int | None,
        typer.Option("--event-is", help="Survival: the code of a death, 1 or 0 (2 in R), where the file is unclear."),
    ] = None,
    versus: Annotated[
        str, typer.Option(help="The arm that others are compared with.", show_default="the first of the file")
    ] = "",
    gates: Annotated[Path | None, typer.Option(help="Flow cytometry: gates as a Gating-ML 2.0 file.")] = None,
    reference: Annotated[str, typer.Option(help="RT-qPCR: the reference gene, where the file does not tell.")] = "",
    calibrator: Annotated[str, typer.Option(help="RT-qPCR: the untreated sample, where the file does not tell.")] = "",
    sheet: Annotated[str, typer.Option(help="Of a workbook.", show_default="the first")] = "",
    data_set: Annotated[
        int, typer.Option("--data-set", help="Flow cytometry: which of several data sets of the file.", min=0)
    ] = 0,
    time_zero: Annotated[str, typer.Option("--time-zero", help="What happened on day 0.")] = "transplantation",
    folder: Annotated[
        Path | None, typer.Option("--out", help="New folder.", show_default="results/analyze-FILE-DATE")
    ] = None,
) -> None:
    """Make tables and figures of your own data: the same ones as for simulated data.

    It reads survival tables (Prism's layout, or one row a mouse), readings with units, ELISA plates with standards,
    qPCR exports, blots, bioluminescence exports, Seahorse exports of Wave, and FCS files with gates. What is unclear is
    asked, not guessed: a column "status" can have 1 for a death or for a censored mouse, so you say --event-is.

    The file is only read. It stays on this machine.

    Examples:

    gvlab analyze survival.csv --event-is 1 --versus Vehicle

    gvlab analyze tube1.fcs --gates strategy.xml

    gvlab analyze mito_stress.xlsx --out mito
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.assay import analyze as read
    from gvlab.errors import InvalidValueError
    from gvlab.figures.analysis import analysis_figures, check_versus
    from gvlab.figures.style import save_figure
    from gvlab.provenance import new_output_folder, prepare_output_folder, write_text

    try:
        found = read(
            file,
            kind=kind,
            event=event_is,
            gates=gates,
            reference=reference,
            calibrator=calibrator,
            sheet=sheet,
            data_set=data_set,
        )
    except InvalidValueError as error:
        raise InvalidValueError(in_options(str(error))) from error
    check_versus(found, versus)
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    target = (
        new_output_folder(RESULTS / f"analyze-{file.stem}-{stamp}") if folder is None else prepare_output_folder(folder)
    )
    tables: Mapping[str, pd.DataFrame] = {**found.tables, **_comparisons(found, versus)}
    with out.status("Drawing ..."):
        figures, notes = analysis_figures(found, versus=versus, time_zero=time_zero)
        for name, figure in figures.items():
            save_figure(figure, [target / f"{name}.svg", target / f"{name}.png"])
    said = [*found.notes, *notes]
    _write_tables(found, tables, target, said)
    about = {"file": file.name, "kind": found.kind, "simulated": found.simulated, "notes": said}
    write_text(target / "analysis.json", json.dumps(about, indent=2, ensure_ascii=False))
    mark = " (simulated by GVLab)" if found.simulated else ""
    out.print(f"{file.name}: {found.title}{mark}", highlight=False, markup=False, soft_wrap=True)
    for note in said:
        out.print(f"  {note}", highlight=False, markup=False, soft_wrap=True)
    shown = "comparisons" if "comparisons" in tables else next((n for n in ("groups", "gates") if n in tables), "")
    if found.kind == "survival":
        _say_survival(tables)
    else:
        _show(shown or next(iter(tables)), tables)
    out.print(
        f"\n{len(figures)} figures (.svg, .png) and {len(tables)} tables (.csv, tables.xlsx): {target}",
        highlight=False,
        soft_wrap=True,
    )


def in_options(message: str) -> str:
    """Turn the arguments that a message of a reader asks for into options of the command."""
    import re

    message = re.sub(r"\bevent=(\d)", r"--event-is \1", message)
    message = re.sub(r"\bdata_set=(\d)", r"--data-set \1", message)
    return re.sub(r"\b(reference|calibrator)=", r"--\1 ", message)


def _comparisons(found: Analysis, versus: str) -> dict[str, pd.DataFrame]:
    """Compare the arms of the file, with effect, interval, exact n, and Holm's correction."""
    import pandas as pd

    if found.kind == "survival":
        from gvlab.assay.comparisons import survival_comparisons

        return survival_comparisons(found.tables["subjects"], versus)
    if found.kind in ("readings", "bioluminescence"):
        from gvlab.statistics import compare_many

        frames = []
        readings = found.tables["readings"]
        for (analyte, _), rows in readings.groupby(["analyte", "time"], sort=False, dropna=False):
            arms = {
                str(arm): part["value"].to_numpy() for arm, part in rows.groupby("arm", sort=False) if len(part) > 1
            }
            if len(arms) > 1:
                reference = versus if versus in arms else next(iter(arms))
                table = compare_many(arms, versus=reference).table
                frames.append(table.assign(analyte=str(analyte), day=rows["time"].iloc[0]))
        if frames:
            return {"comparisons": pd.concat(frames, ignore_index=True)}
    return {}


def _say_survival(tables: Mapping[str, pd.DataFrame]) -> None:
    from gvlab.statistics.estimate import number_in_words, p_value_in_words

    for row in tables["medians"].to_dict("records"):
        median = number_in_words(row["median_days"])
        out.print(
            f"  {row['arm']}: {row['events']} of {row['n']} had the event; median (days): {median}",
            highlight=False,
            markup=False,
        )
    pairs = tables["comparisons"].to_dict("records") if "comparisons" in tables else []
    for row in pairs:
        ratio, upper = row["hazard_ratio"], number_in_words(row["hr_upper"])
        text = "not estimable" if ratio != ratio else f"{ratio:.2f} (95 % CI {row['hr_lower']:.2f} to {upper})"
        corrected = f" (Holm {p_value_in_words(row['p_holm'])})" if len(pairs) > 1 else ""
        out.print(
            f"  {row['arm']} against {row['versus']} (n = {row['n']} and {row['n_versus']}): hazard ratio {text}, "
            f"log-rank {p_value_in_words(row['p_value'])}{corrected}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _show(name: str, tables: Mapping[str, pd.DataFrame], most: int = 20) -> None:
    from rich.table import Table

    table = tables[name]
    shown = Table(title=name, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        shown.add_column(str(column))
    for row in table.head(most).itertuples(index=False):
        shown.add_row(*(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row))
    out.print(shown, highlight=False)
    if len(table) > most:
        out.print(f"  ... {len(table) - most} more rows in {name}.csv", highlight=False)


def _write_tables(found: Analysis, tables: Mapping[str, pd.DataFrame], target: Path, notes: list[str]) -> None:
    import openpyxl

    from gvlab.assay.readers.tables import safe_cell, write_csv
    from gvlab.assay.samples import MARK
    from gvlab.provenance import atomic_file

    comments = [f"From {found.source.name} ({found.title})", *([MARK] if found.simulated else [])]
    book = openpyxl.Workbook(write_only=True)
    about = book.create_sheet("About")
    for line in (*comments, *notes):
        about.append([safe_cell(line)])
    for name, table in tables.items():
        with atomic_file(target / f"{name}.csv") as temporary:
            write_csv(temporary, [str(c) for c in table.columns], table.itertuples(index=False), comments)
        sheet = book.create_sheet(name[:31])
        sheet.append([safe_cell(str(column)) for column in table.columns])
        for row in table.head(1_000_000).itertuples(index=False):
            sheet.append([_plain(cell) for cell in row])
    with atomic_file(target / "tables.xlsx") as temporary:
        book.save(temporary)


def _plain(cell: object) -> object:
    import math

    from gvlab.assay.readers.tables import safe_cell

    value = cell.item() if hasattr(cell, "item") else cell
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return safe_cell(value)
