"""gvlab synergy: the effect of two agents over dose and dose, or over dose and day of start, against additivity."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gvlab.cli.common import out

if TYPE_CHECKING:
    from gvlab.statistics import Synergy
    from gvlab.statistics.synergy import Reference
    from gvlab.synergy.dose_grid import GridEffect

SEED = 2018
RESULTS = Path("results")


class Over(StrEnum):
    """What the second axis of the grid is."""

    DOSES = "doses"
    START = "start"


def synergy(
    name: Annotated[str, typer.Argument(help="An experiment of the library.")] = "mathew2018_survival",
    system: Annotated[str, typer.Option(help="In which system.", show_default="the experiment's first")] = "",
    arm: Annotated[str, typer.Option(help="The arm that gets both agents.", show_default="the last")] = "",
    one: Annotated[str, typer.Option("--of", help="The first agent, by its name or its name in the system.")] = (
        "sorafenib"
    ),
    other: Annotated[str, typer.Option("--with", help="The second agent.")] = "t_cells",
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
    endpoint: Annotated[str, typer.Option(help="overall_survival or cure, on the last day.")] = "overall_survival",
    mice: Annotated[int, typer.Option(min=2, help="Virtual mice; the same ones go through every cell.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same mice.")] = SEED,
    folder: Annotated[
        Path | None, typer.Option("--out", help="New folder.", show_default="results/synergy-NAME-DATE")
    ] = None,
) -> None:
    """Ask whether two agents do more together than expected of each alone.

    Virtual mice go through a grid of doses of both agents (or of doses and first days of one, with and without the
    other). The share that is alive, or cured, is compared with Bliss independence, with the better of the two alone
    (HSA) and, over doses, with Loewe additivity; each excess has an interval by bootstrap over mice.

    Doses far from those of the arm are extrapolation: look at the plausibility of the highest ones.

    Examples:

    gvlab synergy mathew2018_survival --system b6_into_balbc_wehi3b

    gvlab synergy mathew2018_survival --over start --doses 0,5,10,20 --days 0,2,4,7,14 --endpoint cure
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.experiment import Experiment
    from gvlab.provenance import new_output_folder, prepare_output_folder
    from gvlab.synergy.dose_grid import cells_of, dose_axis, dose_by_dose, dose_by_start, find_dose, start_axis

    experiment = Experiment.read(name, system or None)
    chosen = experiment.arm(arm) if arm else experiment.arms[-1]
    places = find_dose(experiment, chosen, one), find_dose(experiment, chosen, other)
    given = list(chosen.protocol)
    first = dose_axis(given[places[0]], _numbers(doses, "--doses"))
    if over is Over.START:
        second = start_axis(given[places[0]], _numbers(days, "--days"))
    else:
        second = dose_axis(given[places[1]], _numbers(with_doses, "--with-doses"))
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    target = new_output_folder(RESULTS / f"synergy-{name}-{stamp}") if folder is None else prepare_output_folder(folder)
    axes = (first, second)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("mice"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Grid", total=cells_of(axes) * mice)
        run = dose_by_start if over is Over.START else dose_by_dose
        grid = run(
            experiment,
            chosen,
            places,
            axes,
            mice=mice,
            seed=seed,
            endpoint=endpoint,
            progress=lambda done: bar.advance(task, done),
        )
        bar.update(task, description="Bootstrap")
        references: tuple[Reference, ...] = ("bliss", "hsa") if over is Over.START else ("bliss", "hsa", "loewe")
        found = {reference: grid.synergy(reference) for reference in references}
    _write(grid, found, target, f"{experiment.title}; {experiment.system.title}; arm {chosen.name}")
    out.print(f"{experiment.title}\nSystem: {experiment.system.title}; arm: {chosen.name}", highlight=False)
    best = grid.observed.max()
    when = "a start on day {:g}" if over is Over.START else f"{{:g}} {second.unit}"
    row, column = (int(i[0]) for i in (grid.observed == best).nonzero())
    out.print(
        f"{grid.title}: at most {100 * best:.0f} % of {grid.mice} virtual mice, at {first.values[row]:g} {first.unit} "
        f"and {when.format(second.values[column])}.",
        highlight=False,
        soft_wrap=True,
    )
    for reference, each in found.items():
        out.print(
            f"  mean excess over {reference:<6} {100 * each.mean_excess:+.1f} percentage points "
            f"(95 % interval {100 * each.lower:+.1f} to {100 * each.upper:+.1f})",
            highlight=False,
        )
    untreated = float(grid.observed[0, 0]) if over is Over.DOSES else 0.0
    if untreated > 0.02:
        out.print(
            f"  Without either, {100 * untreated:.0f} % are counted already; the references take that for an effect.",
            highlight=False,
        )
    out.print(f"\nSimulated. Figures and tables: {target}", highlight=False, soft_wrap=True)


def _numbers(text: str, option: str) -> Sequence[float] | None:
    from gvlab.errors import InvalidValueError

    if not text:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InvalidValueError(f'{option} "{text}" is not a list of numbers; write "0,5,10".') from error


def _write(grid: GridEffect, found: dict[Reference, Synergy], target: Path, what: str) -> None:
    import pandas as pd

    from gvlab.assay.readers.tables import write_csv
    from gvlab.assay.samples import MARK
    from gvlab.figures.synergy import synergy_map
    from gvlab.provenance import atomic_file, write_text

    about = [f"{grid.title}, {MARK}: {what}", f"{grid.mice} virtual mice through every cell, seed {grid.seed}"]
    first, second = grid.first, grid.second
    rows = [
        (a, b, float(grid.observed[i, j]), grid.mice)
        for i, a in enumerate(first.values)
        for j, b in enumerate(second.values)
    ]
    tables = {"effect": pd.DataFrame(rows, columns=[first.label, second.label, "share", "mice"])}
    tables.update({reference: each.table for reference, each in found.items()})
    for name, table in tables.items():
        with atomic_file(target / f"{name}.csv") as temporary:
            write_csv(temporary, [str(c) for c in table.columns], table.itertuples(index=False), about)
    for reference, each in found.items():
        synergy_map(
            grid.observed,
            each.table,
            first=first.values,
            second=second.values,
            first_label=first.label,
            second_label=second.label,
            reference=reference,
            outcome=f"{grid.title} (%)",
            doses=second.unit != "day",
            width="double" if second.unit != "day" else "one-and-half",
            save=[target / f"{reference}.svg", target / f"{reference}.png"],
        )
    document = {
        reference: {"mean_excess": each.mean_excess, "lower": each.lower, "upper": each.upper}
        for reference, each in found.items()
    }
    write_text(target / "synergy.json", json.dumps({"about": about, **document}, indent=2, ensure_ascii=False))
