"""gvlab population: hold a population of patients against clinical benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gvlab.cli.common import RESULTS, output_folder, progress_bar, say_bundle

app = typer.Typer(no_args_is_help=True, help="Populations of patients, held against published outcomes.")


@app.command("calibrate")
def calibrate(
    name: Annotated[
        str, typer.Argument(help="A set of benchmarks of the library.", show_default="the only one there is")
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same patients.")] = 1,
    patients: Annotated[int, typer.Option(min=64, help="Patients of the result.")] = 5000,
    moves: Annotated[int, typer.Option(min=0, help="How often medians and spreads are moved; 0 only weighs.")] = 12,
    left_out: Annotated[
        bool, typer.Option("--left-out", help="Also predict each benchmark with a population found without it.")
    ] = False,
    recalibrations: Annotated[
        int,
        typer.Option(
            min=0, help="Also calibrate so often again, to benchmarks and patients with other luck, for intervals."
        ),
    ] = 0,
    allow_collapse: Annotated[
        bool, typer.Option("--allow-collapse", help="Take weights that leave fewer than 50 effective patients.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the result into this file.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="New folder.", show_default="results/population-NAME-DATE")
    ] = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            help="For checkpoints; in the same folder a stopped run goes on.",
            show_default="results/calibrate-population-NAME",
        ),
    ] = None,
) -> None:
    """Move the medians, spreads and correlations of a population to published outcomes, then weigh its patients.

    Benchmarks of use "calibrate" decide; hold-outs are predicted. Each patient counts by what is expected of him, never
    by the luck of a draw. The run can be stopped and goes on where it was. Simulated: it decides no treatment.

    Examples:

    gvlab population calibrate

    gvlab population calibrate --left-out --recalibrations 100 --json p.json
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    import json

    from gvlab.files import prepare_output_file, write_text
    from gvlab.workflows.calibrate_population import PopulationRequest, calibrate_patients

    if json_file is not None:
        prepare_output_file(json_file)
    request = PopulationRequest(
        benchmarks=name,
        seed=seed,
        patients=patients,
        moves=moves,
        left_out=left_out,
        recalibrations=recalibrations,
        checkpoints=checkpoints or RESULTS / f"calibrate-population-{name or 'benchmarks'}",
        allow_collapse=allow_collapse,
    )
    with output_folder(folder, f"population-{name or 'benchmarks'}") as target:
        with progress_bar() as bar:
            bundle = calibrate_patients(request, progress=bar)
        bundle.write(target)
    if json_file is not None:
        write_text(json_file, json.dumps(bundle.data["population.json"], indent=2, ensure_ascii=False, allow_nan=False))
    say_bundle(bundle, f"Tables: {target}")
