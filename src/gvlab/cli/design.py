"""gvlab design: how many animals, which animal into which arm, what is done on which day."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gvlab.cli.common import count, output_folder, pairs, progress_bar, say, say_bundle
from gvlab.errors import InvalidValueError
from gvlab.workflows.defaults import PLAN_SETS


class Side(StrEnum):
    """Which differences count."""

    TWO = "two-sided"
    HIGHER = "higher"
    LOWER = "lower"


class Cages(StrEnum):
    """What a cage is to the test."""

    IGNORED = "ignored"
    STRATUM = "stratum"
    UNIT = "unit"


class Require(StrEnum):
    """What must reach the power, of several comparisons."""

    EACH = "each"
    ALL = "all"
    ANY = "any"


class Bounds(StrEnum):
    """Of an interim look."""

    OBRIEN_FLEMING = "obrien_fleming"
    POCOCK = "pocock"
    LAN_DEMETS = "lan_demets"


def weights(given: Iterable[str] | None, option: str) -> dict[str, float]:
    """Return the numbers of an option that is given as "name=number", again for each."""
    found = {}
    for name, text in pairs(given, option).items():
        try:
            found[name] = float(text)
        except ValueError as error:
            raise InvalidValueError(
                f'{option} "{name}={text}" ends in no number; write {option} "{name}=2".'
            ) from error
    return found


def design(
    name: Annotated[str, typer.Argument(help="An experiment of the library; see gvlab list experiments.")],
    system: Annotated[
        str, typer.Option(help="In which system; it is named where there are several.", show_default="the only one")
    ] = "",
    arm: Annotated[
        list[str] | None,
        typer.Option(help="The arm that is to differ; again for more, each against the same.", show_default="the last"),
    ] = None,
    versus: Annotated[str, typer.Option(help="... from this one.", show_default="the one before it")] = "",
    endpoint: Annotated[
        str,
        typer.Option(
            help="An endpoint (gvlab list endpoints), or a reading: an assay or output.",
            show_default="the experiment's first",
        ),
    ] = "",
    day: Annotated[str, typer.Option(help='When a reading is taken, such as "day 12".')] = "",
    side: Annotated[
        Side, typer.Option(help='Which differences count; "higher": only that the arm lives longer, or reads higher.')
    ] = Side.TWO,
    require: Annotated[
        Require,
        typer.Option(help="Of several arms: what must reach the power. The level is shared by Holm's procedure."),
    ] = Require.EACH,
    power: Annotated[float, typer.Option(help="Wanted probability that the test is significant.")] = 0.8,
    alpha: Annotated[float, typer.Option(help="Level of the tests together.")] = 0.05,
    interim: Annotated[
        str, typer.Option(help='A look before the end: "day 50", or "50%" of the animals where they are read once.')
    ] = "",
    bounds: Annotated[Bounds, typer.Option(help="Of the interim look.")] = Bounds.OBRIEN_FLEMING,
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
    allocate: Annotated[
        list[str] | None,
        typer.Option(help='Animals of an arm for one of the others: --allocate "BM=2". Again for each arm.'),
    ] = None,
    cage_size: Annotated[int, typer.Option("--cage-size", min=1, help="Animals in a cage.")] = 5,
    cages: Annotated[
        Cages, typer.Option(help="What a cage is to the test; a unit holds one arm and is treated as a whole.")
    ] = Cages.IGNORED,
    cage_correlation: Annotated[
        float, typer.Option("--cage-correlation", help="How alike animals of a cage are, 0 to 1.")
    ] = 0.0,
    stratum: Annotated[
        list[str] | None,
        typer.Option(
            help='What shares no cage with others, with its part of the animals: --stratum "male=1". Again for each.'
        ),
    ] = None,
    spare: Annotated[float, typer.Option(min=0, max=1, help="Animals ordered in addition, as a share.")] = 0.05,
    satellites: Annotated[
        int, typer.Option(min=0, help="Animals of an arm for each day on which a reading kills.")
    ] = 5,
    radiation_controls: Annotated[
        int, typer.Option("--radiation-controls", min=0, help="Irradiated animals without marrow.")
    ] = 3,
    details: Annotated[
        Path | None,
        typer.Option(help="What no simulation can know, as YAML: the details.yaml of a plan, filled in.", exists=True),
    ] = None,
    start: Annotated[str, typer.Option(help="Date of day 0, such as 2026-12-01, for the calendar.")] = "",
    subjects: Annotated[
        int, typer.Option(parser=count(64), metavar="INTEGER", help="Virtual animals per arm, nominal parameters.")
    ] = 4000,
    sets: Annotated[
        int | None,
        typer.Option(
            parser=count(0),
            metavar="INTEGER",
            help="Plausible parameter sets to ask, of the ensemble; 0 for none.",
            show_default=f"{PLAN_SETS}, or all where there are fewer",
        ),
    ] = None,
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
    register: Annotated[
        Path | None,
        typer.Option(help="New file: the plan with what it predicts, to be deposited before the animals."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="New folder for the plan.", show_default="results/design-NAME-DATE")
    ] = None,
) -> None:
    """Plan an experiment: animals, randomization, design sheet, calendar, ARRIVE table, a page for the board.

    The experiment is rehearsed on many virtual animals, with some that are lost and leukemias that do not take. Then
    experiments of 2, 3, 4 ... animals per arm are drawn from them, 8,000 of each size, and tested as you would test
    yours. The answer is the smallest size that is significant often enough, as a range: within the Monte-Carlo error,
    and over the plausible parameter sets, since the model's numbers are uncertain themselves.

    With --register the plan is written down before the animals: design, primary endpoint, test, numbers, and what is
    predicted with its interval over animals and plausible sets. Its hash is within, so that gvlab compare --registered
    refuses it once it was changed. It answers the forms of registries of animal studies, as far as a plan can.

    It is a plan from a simulation. Effects that the model lacks, and your own laboratory's spread, are not in it.

    Examples:

    gvlab design mathew2018_survival --system b6_into_balbc_wehi3b --out plan

    gvlab design mathew2018_survival --system b6_into_balbc_wehi3b --arm "BM + T cells + sorafenib" --arm "BM + T cells"
    --versus "BM + sorafenib" --allocate "BM + sorafenib=1.5" --power 0.9

    gvlab design mathew2018_survival --system b6_into_balbc_wehi3b --register registered.json --out plan

    gvlab design mathew2018_il15_source --endpoint serum_il15 --day "day 9"
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.files import prepare_output_file, refuse_existing
    from gvlab.planning.protocol_details import ProtocolDetails, read_details
    from gvlab.workflows.plan_experiment import PlanRequest, plan_experiment
    from gvlab.workflows.register_plan import register_plan

    if register is not None:
        refuse_existing(register)
        prepare_output_file(register)
    arms = arm or [""]
    request = PlanRequest(
        experiment=name,
        system=system,
        arm=arms[0],
        also=tuple(arms[1:]),
        versus=versus,
        endpoint=endpoint,
        day=day,
        alternative=side.value,
        require=require.value,
        power=power,
        alpha=alpha,
        interim=interim,
        bounds=bounds.value,
        attrition=attrition,
        engraftment_failure=engraftment_failure,
        per_arm=per_arm,
        allocation=weights(allocate, "--allocate"),
        cage_size=cage_size,
        cages=cages.value,
        cage_correlation=cage_correlation,
        strata=weights(stratum, "--stratum"),
        spare=spare,
        satellites=satellites,
        radiation_controls=radiation_controls,
        details=read_details(details) if details else ProtocolDetails(),
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
    if register is not None:
        registration = register_plan(bundle)
        registration.write(register)
        say(registration.in_words())
        say((f"Registered: {register}", f"SHA-256 {registration.sha256}", "Deposit file and hash before the animals."))
