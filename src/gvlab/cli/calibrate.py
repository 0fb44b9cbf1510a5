"""gvlab calibrate: find the plausible parameter sets of a recipe, and keep them as an ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gvlab.cli.common import PAPER, RESULTS, progress_bar, refuse_installed, say_bundle


def calibrate(
    name: Annotated[str, typer.Argument(help="A recipe of the library.")] = PAPER,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="For checkpoints; in the same folder a stopped run goes on.", show_default="results/calibrate-NAME"
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--out", help="The ensemble.", show_default="beside its recipe in the library")
    ] = None,
    search: Annotated[
        int | None,
        typer.Option(
            help="Carry out this search of the recipe only, from 1. Run several side by side, each in a terminal, and "
            "then gather them with --gather.",
            show_default="all, one after another",
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            help="Time for the searches; then what is plausible by then is kept.",
            show_default="until the recipe is met",
            min=0,
        ),
    ] = None,
    gather: Annotated[
        bool, typer.Option("--gather", help="Only gather the sets that the searches have found so far.")
    ] = False,
    prior_only: Annotated[
        bool, typer.Option("--prior-only", help="Only ask draws of the prior, and say which claim removes how many.")
    ] = False,
) -> None:
    """Find the parameter sets inside the ranges of the tables that meet every claim that may decide.

    Claims with the roles structure, calibrate and constraint decide; hold-outs never do. Ranges are those of the
    parameter tables and are not touched. The run can be stopped and goes on where it was.

    Examples:

    gvlab calibrate --prior-only

    gvlab calibrate mathew2018 --minutes 60
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.library import Library
    from gvlab.workflows.calibrate import CalibrateRequest
    from gvlab.workflows.calibrate import calibrate as find

    path = file or Library.default().ensemble_file(name)
    if file is None and not prior_only and search is None:
        refuse_installed(path)
    target = folder or RESULTS / f"calibrate-{name}"
    request = CalibrateRequest(
        recipe=name, checkpoints=target, search=search, minutes=minutes, gather=gather, prior_only=prior_only
    )
    with progress_bar(transient=False) as bar:
        bundle = find(request, progress=bar)
    where = f"Checkpoints: {target}"
    if bundle.found is not None:
        bundle.found.write(path)
        where = f"Ensemble: {path}"
    say_bundle(bundle, where)
