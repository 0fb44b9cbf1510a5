"""gvlab synergy: the effect of two agents over dose and dose, or over dose and day of start, against additivity."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gvlab.cli.common import count, numbers, output_folder, progress_bar, say_bundle
from gvlab.workflows.defaults import SYNERGY_SETS


class Over(StrEnum):
    """What the second axis of the grid is."""

    DOSES = "doses"
    START = "start"


def synergy(
    name: Annotated[
        str, typer.Argument(help="An experiment of the library.", show_default="the main one of the paper")
    ] = "",
    system: Annotated[str, typer.Option(help="In which system.", show_default="the experiment's first")] = "",
    arm: Annotated[str, typer.Option(help="The arm that gets both agents.", show_default="the last")] = "",
    one: Annotated[
        str,
        typer.Option(
            "--of",
            help="The first agent, by its name or its name in the system.",
            show_default="of the two that not every arm gets, the later one",
        ),
    ] = "",
    other: Annotated[str, typer.Option("--with", help="The second agent.", show_default="the earlier one")] = "",
    over: Annotated[
        Over, typer.Option(help="doses: of both agents. start: dose and first day of the first agent.")
    ] = Over.DOSES,
    doses: Annotated[
        str, typer.Option(help='Of the first agent, in the unit of the arm: "0,2.5,5,10,20".', show_default="1/8 to 8x")
    ] = "",
    with_doses: Annotated[str, typer.Option("--with-doses", help="Of the second agent.", show_default="1/8 to 8x")] = (
        ""
    ),
    days: Annotated[str, typer.Option(help='First days: "0,2,4,7".', show_default="0 to 14")] = "",
    endpoint: Annotated[
        str,
        typer.Option(
            help="What counts on the last day; gvlab list endpoints shows all.", show_default="the experiment's first"
        ),
    ] = "",
    subjects: Annotated[
        int,
        typer.Option(
            "--subjects",
            "--mice",
            parser=count(2),
            metavar="INTEGER",
            help="Virtual subjects; the same ones go through every cell.",
        ),
    ] = 40,
    sets: Annotated[
        int | None,
        typer.Option(
            parser=count(0),
            metavar="INTEGER",
            help="Plausible parameter sets, each asked for the same grid; 0 for none.",
            show_default=f"{SYNERGY_SETS}, or all where there are fewer",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same subjects.")] = 2018,
    folder: Annotated[
        Path | None, typer.Option("--out", help="New folder.", show_default="results/synergy-NAME-DATE")
    ] = None,
) -> None:
    """Ask whether two agents do more together than expected of each alone.

    Virtual subjects go through a grid of doses of both agents (or of doses and first days of one, with and without the
    other). The share that is alive, or cured, is compared with Bliss independence, with the better of the two alone
    (HSA) and, over doses, with Loewe additivity; each excess has an interval by bootstrap over subjects, and the mean
    excess is asked of plausible parameter sets too. Frames in the map are corrected for the number of fields.

    Doses far from those of the arm are extrapolation: look at the plausibility of the highest ones.

    Examples:

    gvlab synergy mathew2018_survival --system b6_into_balbc_wehi3b

    gvlab synergy mathew2018_survival --over start --doses 0,5,10,20 --days 0,2,4,7,14 --endpoint cure
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.workflows.map_synergy import SynergyRequest, map_synergy

    request = SynergyRequest(
        experiment=name,
        system=system,
        arm=arm,
        one=one,
        other=other,
        over=over.value,
        doses=numbers(doses, "--doses"),
        other_doses=numbers(with_doses, "--with-doses"),
        days=numbers(days, "--days"),
        endpoint=endpoint,
        subjects=subjects,
        sets=sets,
        seed=seed,
    )
    with output_folder(folder, f"synergy-{name or over}") as target:
        with progress_bar() as bar:
            bundle = map_synergy(request, progress=bar)
        bundle.write(target)
    say_bundle(bundle, f"Figures and tables: {target}")
