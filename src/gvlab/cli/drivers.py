"""gvlab drivers: which parameters drive cure and survival, in each model system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gvlab.cli.common import PAPER, output_folder, progress_bar, say_bundle


def drivers(
    name: Annotated[str, typer.Argument(help="An ensemble of the library.")] = PAPER,
    experiment: Annotated[
        str, typer.Option(help="An experiment of the library.", show_default="the main one of the paper")
    ] = "",
    arm: Annotated[str, typer.Option(help="One of its arms; the last one when left out.")] = "",
    endpoints: Annotated[
        list[str] | None,
        typer.Option(
            "--endpoint",
            help="An endpoint, on the last day; again for more.",
            show_default="the experiment's, and cure",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="New folder for table and figures.", show_default="results/drivers-EXPERIMENT-DATE"),
    ] = None,
) -> None:
    """Say which parameters drive survival and cure within what is plausible, in each system of an experiment.

    Elementary effects (Morris) and PAWN indices, by SALib; a table and a figure for each endpoint.

    Examples:

    gvlab drivers

    gvlab drivers --arm "BM + T cells"
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.workflows.rank_drivers import DriversRequest, rank_drivers

    request = DriversRequest(ensemble=name, experiment=experiment, arm=arm, endpoints=tuple(endpoints or ()))
    with output_folder(folder, f"drivers-{experiment or name}") as target:
        with progress_bar() as bar:
            bundle = rank_drivers(request, progress=bar)
        bundle.write(target)
    say_bundle(bundle, f"Table and figures: {target}")
