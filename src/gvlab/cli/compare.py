"""gvlab compare: your data over the prediction of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gvlab.cli.common import in_options, output_folder, pairs, progress_bar, say_bundle
from gvlab.errors import InvalidValueError


class TimeUnit(StrEnum):
    """Of the times of a file."""

    DAYS = "days"
    WEEKS = "weeks"


def compare(
    data: Annotated[Path, typer.Option("--data", help="Survival, readings or bioluminescence: CSV or .xlsx.")],
    name: Annotated[
        str, typer.Argument(help="An experiment of the library: what was predicted.", show_default="with --registered")
    ] = "",
    registered: Annotated[
        Path | None,
        typer.Option(help="A plan that gvlab design --register wrote: which of its predictions held?", exists=True),
    ] = None,
    system: Annotated[str, typer.Option(help="In which system.", show_default="the only one")] = "",
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", help='Which arm is which: --map "Vehicle=BM". Again for each arm.'),
    ] = None,
    reads: Annotated[
        list[str] | None,
        typer.Option(
            "--reads", help='What predicts an analyte: --reads "ANALYTE=ASSAY.ANALYTE", or an output of the model.'
        ),
    ] = None,
    event_is: Annotated[
        int | None, typer.Option("--event-is", help="Survival: the code of a death, where the file is unclear.")
    ] = None,
    endpoint: Annotated[
        str, typer.Option(help="What the events of the file are.", show_default="the experiment's first")
    ] = "",
    sheet: Annotated[str, typer.Option(help="Of a workbook.", show_default="the first")] = "",
    time_unit: Annotated[
        TimeUnit | None, typer.Option("--time-unit", help="Of the times, where the file does not name it.")
    ] = None,
    subjects: Annotated[int, typer.Option(min=40, help="Virtual subjects in each arm.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same virtual subjects.")] = 2018,
    folder: Annotated[
        Path | None, typer.Option("--out", help="New folder.", show_default="results/compare-NAME-DATE")
    ] = None,
) -> None:
    """Lay data of your laboratory over the prediction, and say how well they agree.

    Survival: your Kaplan-Meier curve over the band in which nine of ten experiments of your size would lie, the
    log-rank test of your subjects against the prediction, and the difference of mean survival. Readings: every one over
    the band in which nine of ten virtual subjects would be read by the same assay, and how they lie in it. The level of
    both tests is counted from virtual experiments of your size: a right prediction is contradicted in 5 %.

    A prediction that is not contradicted is not confirmed: few subjects contradict only what is far off. Doses and days
    are those of the library; where yours differ, so may the prediction. Fewer than three subjects get no verdict.

    With --registered the data are held to a plan that was written down before: each number that it predicted to its
    interval, and its own test to the level that was registered. A plan that was changed since is refused, and so are
    data that lack one of its arms. Nothing is simulated anew.

    Examples:

    gvlab compare mathew2018_survival --system b6_into_balbc_wehi3b --data survival.csv --map "Vehicle=BM"

    gvlab compare mathew2018_survival --system b6_into_balbc_wehi3b --data elisa.xlsx --reads "IL-15=serum_il15.IL15"

    gvlab compare --registered registered.json --data outcome.csv --map "Vehicle=BM"
    """
    if registered is not None:
        _compare_registered(
            registered,
            data,
            {"EXPERIMENT": name, "--system": system, "--endpoint": endpoint},
            mapped,
            reads,
            event_is,
            sheet,
            time_unit,
            folder,
        )
        return
    if not name:
        raise InvalidValueError(
            "Nothing is named to compare the data with. Name an experiment (gvlab list experiments), or a plan that "
            "was registered: --registered registered.json."
        )
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.workflows.compare_data import CompareRequest, compare_data

    request = CompareRequest(
        experiment=name,
        data=data,
        system=system,
        arms=pairs(mapped, "--map"),
        reads=pairs(reads, "--reads"),
        event_is=event_is,
        endpoint=endpoint,
        sheet=sheet,
        time_unit=time_unit.value if time_unit else "",
        subjects=subjects,
        seed=seed,
    )
    with output_folder(folder, f"compare-{name}") as target, in_options():
        with progress_bar() as bar:
            bundle = compare_data(request, progress=bar)
        bundle.write(target)
    say_bundle(bundle, f"Figures and tables: {target}")


def _compare_registered(
    plan: Path,
    data: Path,
    said_by_plan: Mapping[str, str],
    mapped: list[str] | None,
    reads: list[str] | None,
    event_is: int | None,
    sheet: str,
    time_unit: TimeUnit | None,
    folder: Path | None,
) -> None:
    """Print and write which predictions of a registered plan held."""
    from gvlab.workflows.compare_registered import RegisteredRequest, compare_registered

    for option, value in said_by_plan.items():
        if value:
            raise InvalidValueError(f'{option} "{value}" stands in the registered plan already; leave it out.')
    if reads and len(reads) > 1:
        raise InvalidValueError("A registered plan has one primary endpoint; name its analyte once with --reads.")
    request = RegisteredRequest(
        plan=plan,
        data=data,
        arms=pairs(mapped, "--map"),
        reads=reads[0] if reads else "",
        event_is=event_is,
        sheet=sheet,
        time_unit=time_unit.value if time_unit else "",
    )
    with output_folder(folder, f"compare-{plan.stem}") as target, in_options():
        bundle = compare_registered(request)
        bundle.write(target)
    say_bundle(bundle, f"Tables: {target}")
