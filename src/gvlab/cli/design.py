"""gvlab design: how many animals, which animal into which arm, what is done on which day."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gvlab.cli.common import output_folder, progress_bar, say_bundle


def design(
    name: Annotated[str, typer.Argument(help="An experiment of the library; see gvlab list experiments.")],
    system: Annotated[str, typer.Option(help="In which system.", show_default="the experiment's first")] = "",
    arm: Annotated[str, typer.Option(help="The arm that is to differ ...", show_default="the last")] = "",
    versus: Annotated[str, typer.Option(help="... from this one.", show_default="the one before it")] = "",
    endpoint: Annotated[
        str,
        typer.Option(
            help="An endpoint (gvlab list endpoints), or a reading: an assay or output.",
            show_default="the experiment's first",
        ),
    ] = "",
    day: Annotated[str, typer.Option(help='When a reading is taken, such as "day 12".')] = "",
    power: Annotated[float, typer.Option(help="Wanted probability that the test is significant.")] = 0.8,
    alpha: Annotated[float, typer.Option(help="Level of the two-sided test.")] = 0.05,
    attrition: Annotated[
        float | None,
        typer.Option(
            help="Share of animals lost for reasons that have nothing to do with treatment.",
            show_default="0.1; 0 in culture",
        ),
    ] = None,
    engraftment_failure: Annotated[
        float | None,
        typer.Option(
            "--engraftment-failure",
            help="Share of animals in which the leukemia does not take.",
            show_default="0.05; 0 in culture",
        ),
    ] = None,
    per_arm: Annotated[
        int | None, typer.Option("--per-arm", min=1, help="Animals per arm to plan with, in place of the number found.")
    ] = None,
    cage_size: Annotated[int, typer.Option("--cage-size", min=1, help="Animals in a cage.")] = 5,
    start: Annotated[str, typer.Option(help="Date of day 0, such as 2026-12-01, for the calendar.")] = "",
    subjects: Annotated[int, typer.Option(min=64, help="Virtual animals per arm, nominal parameters.")] = 1600,
    sets: Annotated[int, typer.Option(min=0, help="Plausible parameter sets to ask, of the ensemble.")] = 24,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the virtual animals; the same seed gives the same power.")
    ] = 2018,
    randomization_seed: Annotated[
        int | None,
        typer.Option(
            "--randomization-seed",
            min=0,
            help="Of the randomization. Whoever knows it knows who gets what.",
            show_default="a new one, which stands with the key only",
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="New folder for the plan.", show_default="results/design-NAME-DATE")
    ] = None,
) -> None:
    """Plan an experiment: number of animals, randomization, design sheet, calendar, ARRIVE table.

    The experiment is rehearsed on many virtual animals, with some that are lost and leukemias that do not take. Then
    experiments of 2, 3, 4 ... animals per arm are drawn from them, 2,000 of each size, and tested as you would test
    yours. The answer is the smallest size that is significant often enough, as a range: within the Monte-Carlo error,
    and over the plausible parameter sets, since the model's numbers are uncertain themselves.

    It is a plan from a simulation. Effects that the model lacks, and your own laboratory's spread, are not in it.

    Examples:

    gvlab design mathew2018_survival --system b6_into_balbc_wehi3b --out plan

    gvlab design mathew2018_survival --arm "BM + T cells + sorafenib" --versus "BM + sorafenib" --power 0.9

    gvlab design mathew2018_il15_source --endpoint serum_il15 --day "day 9"
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.workflows.plan_experiment import PlanRequest, plan_experiment

    request = PlanRequest(
        experiment=name,
        system=system,
        arm=arm,
        versus=versus,
        endpoint=endpoint,
        day=day,
        power=power,
        alpha=alpha,
        attrition=attrition,
        engraftment_failure=engraftment_failure,
        per_arm=per_arm,
        cage_size=cage_size,
        start=start,
        subjects=subjects,
        sets=sets,
        seed=seed,
        randomization_seed=randomization_seed,
    )
    with output_folder(folder, f"design-{name}") as target:
        with progress_bar() as bar:
            bundle = plan_experiment(request, progress=bar)
        bundle.write(target)
    say_bundle(bundle, f"Plan: {target}")
