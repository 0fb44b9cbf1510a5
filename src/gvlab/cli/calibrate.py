"""gvlab calibrate: find the plausible parameter sets of a recipe, and keep them as an ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gvlab.cli.common import PAPER, out

FOLDER = Path("results")


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
            "then the command without this option gathers them.",
            show_default="all, one after another",
        ),
    ] = None,
    prior_only: Annotated[
        bool, typer.Option("--prior-only", help="Only ask draws of the prior, and say which claim removes how many.")
    ] = False,
) -> None:
    """Find the parameter sets inside the ranges of the tables that meet every claim that may decide.

    Claims with the roles structure, calibrate and constraint decide; hold-outs never do. Ranges are those of the
    parameter tables and are not touched. The run can be stopped and goes on where it was.

    Examples:  gvlab calibrate --prior-only    gvlab calibrate mathew2018
    """
    from gvlab.calibration import Recipe
    from gvlab.calibration.calibrate import Calibration, met_by_claim

    recipe = Recipe.read(name)
    target = folder or FOLDER / f"calibrate-{name}"
    calibration = Calibration(recipe, target)
    evaluator = calibration.evaluator
    out.print(
        f"{len(evaluator.space)} parameters vary within the ranges of the tables; "
        f"{len(evaluator.comparisons)} comparisons of {len({each.finding.id for each in evaluator.comparisons})} "
        "claims decide.",
        highlight=False,
    )
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[detail]}"))
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("prior", total=1.0, detail="")
        total = max(1, recipe.prior_draws * recipe.subjects * len(evaluator.plans))
        if prior_only:
            _, answers = calibration.prior(lambda done: bar.advance(task, done / total))
            met = met_by_claim(answers)
        else:
            for step in calibration.run(lambda done: bar.advance(task, 0.05 * done / total), only=search):
                bar.update(task, completed=step.share, description=step.stage, detail=step.detail)
    if prior_only:
        _print_prior(met, len(answers.effect))
        return
    ensemble = calibration.ensemble
    if ensemble is None:
        out.print(f"Search {search} is done and lies in {target}. Run the command without --search to gather all.")
        return
    path = file or recipe.file()
    ensemble.write(path)
    about = ensemble.about
    _print_prior(about["met_by_prior_draws"], about["prior_draws"])
    out.print(
        f"\n{len(ensemble)} plausible sets in {path}; worth {about['effective_sample_size']:.0f} independent ones "
        f"(least on one axis: {about['effective_sample_size_least']:.0f}); {about['sets_tried']:,} sets tried, "
        f"{about['prior_draws_accepted']} of {about['prior_draws']:,} draws of the prior accepted.",
        highlight=False,
        soft_wrap=True,
    )


def _print_prior(met: dict[str, float], draws: int) -> None:
    table = Table(title=f"What {draws:,} draws of the prior meet", title_justify="left", box=None, pad_edge=False)
    table.add_column("claim")
    table.add_column("draws that meet it, in every system", justify="right")
    for claim, share in sorted(met.items(), key=lambda item: item[1]):
        table.add_row(claim, f"{100 * share:.1f} %")
    out.print(table)
