"""gvlab analyze: tables and figures of a file of readings, real or simulated."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from gvlab.cli.common import as_options, in_options, output_folder, progress_bar, say_bundle


def analyze(
    file: Annotated[Path, typer.Argument(help="CSV, .xlsx or .fcs, or a folder of .fcs.")],
    kind: Annotated[
        str,
        typer.Option(
            help="survival, readings, plate, cycles, relative signals, bioluminescence, stress test, flow cytometry.",
            show_default="recognized",
        ),
    ] = "",
    event_is: Annotated[
        str | None,
        typer.Option(
            "--event-is", help='Survival: the code of a death, 1 or 0 (2 in R), or its word ("Died"), where unclear.'
        ),
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
    samples: Annotated[
        Path | None, typer.Option(help="A folder of tubes: a table with file, subject, group and day of each.")
    ] = None,
    time_zero: Annotated[str, typer.Option("--time-zero", help="What happened on day 0.")] = "transplantation",
    landmark: Annotated[
        str, typer.Option(help='Survival: begin the clock on "day 60", for those then followed and without an event.')
    ] = "",
    changes_at: Annotated[
        str,
        typer.Option(
            "--changes-at", help="Survival: the column with the day of an infusion or remission, empty where none came."
        ),
    ] = "",
    weights: Annotated[
        str, typer.Option(help="Survival: the column that says how many subjects of a population each stands for.")
    ] = "",
    start: Annotated[
        str, typer.Option(help="Survival: the column with the day from which a row holds, where a subject has several.")
    ] = "",
    stop: Annotated[
        str, typer.Option(help="Survival: the column with the day until which it holds; goes with --start.")
    ] = "",
    parameter: Annotated[str, typer.Option(help="ADTTE: the endpoint (PARAMCD), where the file has several.")] = "",
    folder: Annotated[
        Path | None, typer.Option("--out", help="New folder.", show_default="results/analyze-FILE-DATE")
    ] = None,
) -> None:
    """Make tables and figures of your own data: the same ones as for simulated data.

    It reads survival tables (Prism's layout, one row a subject, or ADTTE), readings with units, ELISA plates with
    standards, qPCR exports, blots, bioluminescence exports, Seahorse exports of Wave, and FCS files with gates.
    What is unclear is asked, not guessed: a column "status" can have 1 for a death or for a censored animal, so you say
    --event-is.

    The file is only read. It stays on this machine.

    Examples:

    gvlab analyze survival.csv --event-is 1 --versus Vehicle

    gvlab analyze tube1.fcs --gates strategy.xml

    gvlab analyze tubes --samples sheet.csv --gates strategy.xml

    gvlab analyze mito_stress.xlsx --out mito

    gvlab analyze patients.csv --changes-at dli_day --landmark "day 60"

    gvlab analyze patients.csv --start tstart --stop tstop --weights weight
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.workflows.analyze_file import AnalyzeRequest, analyze_file

    request = AnalyzeRequest(
        file=file,
        kind=kind,
        event_is=event_is,
        versus=versus,
        gates=gates,
        reference=reference,
        calibrator=calibrator,
        sheet=sheet,
        data_set=data_set,
        samples=samples,
        time_zero=time_zero,
        landmark=landmark,
        changes_at=changes_at,
        weights=weights,
        start=start,
        stop=stop,
        parameter=parameter,
    )
    with output_folder(folder, f"analyze-{file.resolve().stem}") as target, in_options():
        with progress_bar() as bar:
            bundle = analyze_file(request, progress=bar)
        bundle.write(target)
    say_bundle(dataclasses.replace(bundle, lines=tuple(map(as_options, bundle.lines))), str(target))
