"""gvlab design: how many mice, which mouse into which arm, what is done on which day."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gvlab.cli.common import PAPER, out

if TYPE_CHECKING:
    import pandas as pd

    from gvlab.experiment import Experiment
    from gvlab.planning.power import Plan
    from gvlab.planning.randomization import Allocation
    from gvlab.planning.simulated_comparison import ParameterSet
    from gvlab.subject import System

SEED = 2018
RESULTS = Path("results")


def design(
    name: Annotated[str, typer.Argument(help="An experiment of the library; see gvlab list experiments.")],
    system: Annotated[str, typer.Option(help="In which system.", show_default="the experiment's first")] = "",
    arm: Annotated[str, typer.Option(help="The arm that is to differ ...", show_default="the last")] = "",
    versus: Annotated[str, typer.Option(help="... from this one.", show_default="the one before it")] = "",
    endpoint: Annotated[
        str,
        typer.Option(
            help="overall_survival, leukemia_mortality, gvhd_mortality, cure; or a reading: an assay or output.",
            show_default="the experiment's first",
        ),
    ] = "",
    day: Annotated[str, typer.Option(help='When a reading is taken, such as "day 12".')] = "",
    power: Annotated[float, typer.Option(help="Wanted probability that the test is significant.")] = 0.8,
    alpha: Annotated[float, typer.Option(help="Level of the two-sided test.")] = 0.05,
    attrition: Annotated[
        float | None,
        typer.Option(
            help="Share of mice lost for reasons that have nothing to do with treatment.",
            show_default="0.1; 0 in culture",
        ),
    ] = None,
    engraftment_failure: Annotated[
        float | None,
        typer.Option(
            "--engraftment-failure",
            help="Share of mice in which the leukemia does not take.",
            show_default="0.05; 0 in culture",
        ),
    ] = None,
    per_arm: Annotated[
        int | None, typer.Option("--per-arm", min=1, help="Mice per arm to plan with, in place of the number found.")
    ] = None,
    cage_size: Annotated[int, typer.Option("--cage-size", min=1, help="Mice in a cage.")] = 5,
    start: Annotated[str, typer.Option(help="Date of day 0, such as 2026-12-01, for the calendar.")] = "",
    subjects: Annotated[int, typer.Option(min=64, help="Virtual mice per arm, nominal parameters.")] = 1600,
    sets: Annotated[int, typer.Option(min=0, help="Plausible parameter sets to ask, of the ensemble.")] = 24,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Of the virtual mice and of the randomization.",
            show_default=f"{SEED} for the mice; a new one, stated in the key, for the randomization",
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="New folder for the plan.", show_default="results/design-NAME-DATE")
    ] = None,
) -> None:
    """Plan an experiment: number of mice, randomization, design sheet, calendar, ARRIVE table.

    The experiment is rehearsed on many virtual mice, with mice that are lost and leukemias that do not take. Then
    experiments of 2, 3, 4 ... mice per arm are drawn from them, 2,000 of each size, and tested as you would test yours.
    The answer is the smallest size that is significant often enough, as a range: within the Monte-Carlo error, and over
    the plausible parameter sets, since the model's numbers are uncertain themselves.

    It is a plan from a simulation. Effects that the model lacks, and your own laboratory's spread, are not in it.

    Examples:

    gvlab design mathew2018_survival --system b6_into_balbc_wehi3b --out plan

    gvlab design mathew2018_survival --arm "BM + T cells + sorafenib" --versus "BM + sorafenib" --power 0.9

    gvlab design mathew2018_il15_source --endpoint serum_il15 --day "day 9"
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.experiment import Experiment
    from gvlab.planning.design_sheet import parse_date
    from gvlab.planning.power import plan
    from gvlab.planning.randomization import randomize
    from gvlab.planning.simulated_comparison import Losses, ask, runs_per_set
    from gvlab.provenance import new_output_folder, prepare_output_folder

    experiment = Experiment.read(name, system or None)
    question = ask(experiment, arm, versus, endpoint, day)
    animal = any(tag.startswith("species:") for tag in experiment.system.contexts)
    usual = Losses() if animal else Losses(0.0, 0.0)
    losses = Losses(
        usual.attrition if attrition is None else attrition,
        usual.engraftment_failure if engraftment_failure is None else engraftment_failure,
    )
    first = parse_date(start)
    plausible, about = _plausible(sets, experiment.system)
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    target = new_output_folder(RESULTS / f"design-{name}-{stamp}") if folder is None else prepare_output_folder(folder)
    out.print(f"{experiment.title}\nSystem: {experiment.system.title}", highlight=False, soft_wrap=True)
    out.print(f"Comparing {question.in_words()}.", highlight=False, markup=False, soft_wrap=True)
    each = 96
    total = runs_per_set(losses) * (subjects + each * len(plausible))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("mice"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Rehearsing", total=total)
        found = plan(
            experiment,
            question,
            power=power,
            alpha=alpha,
            losses=losses,
            sets=plausible,
            subjects=subjects,
            subjects_each=each,
            seed=SEED if seed is None else seed,
            progress=lambda done: bar.advance(task, done),
        )
    mice = per_arm or found.per_arm
    lines = [*found.in_words(), *([about] if about else [])]
    if not animal:
        lines.append("This system is a culture: read wells where mice are named.")
    for line in lines[1:]:
        out.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    if per_arm:
        p, error = found.nominal.at(per_arm)
        lines.append(
            f"Planned with {per_arm} per arm, as asked: {100 * p:.0f} % power (standard error {100 * error:.1f})."
        )
        out.print(f"  {lines[-1]}", highlight=False, markup=False)
    if mice is None:
        _write_power(found, target, lines)
        out.print(
            f"\nNo number of mice tried is enough, so nothing was randomized. Give one: --per-arm 10. Power: {target}",
            highlight=False,
            soft_wrap=True,
        )
        return
    randomization_seed = _fresh_seed() if seed is None else seed
    allocation = randomize({each.name: mice for each in experiment.arms}, randomization_seed, cage_size=cage_size)
    _write_power(found, target, lines)
    _write_sheets(experiment, found, allocation, mice, cage_size, first, target, lines)
    total_mice = mice * len(experiment.arms)
    out.print(
        f"\n{mice} mice in each of {len(experiment.arms)} arms, {total_mice} in all. Plan: {target}\n"
        f"  design_sheet.xlsx      arms, doses, calendar, sampling, ARRIVE 2.0\n"
        f"  randomization.csv      for the bench: mouse, cage, block, code\n"
        f"  key/                   code and arm; keep it from whoever is blinded\n"
        f"  power.svg, power.csv   power against the number of mice",
        highlight=False,
        soft_wrap=True,
    )


def _plausible(count: int, system: System) -> tuple[tuple[ParameterSet, ...], str]:
    """Read plausible sets of the ensemble, and say where the answer lacks them."""
    from gvlab.errors import LibraryError
    from gvlab.planning.simulated_comparison import ParameterSet
    from gvlab.subject.plausible import Ensemble

    if not count:
        return (), ""
    try:
        ensemble = Ensemble.read(PAPER).thin(count)
    except LibraryError:
        return (), "The library holds no ensemble yet; gvlab calibrate makes one."
    about = "The model has changed since the plausible sets were found; gvlab calibrate renews them."
    sets = [
        ParameterSet.of(f"set {number}", dict(zip(ensemble.names, row, strict=True)), system)
        for number, row in enumerate(ensemble.values, 1)
    ]
    return tuple(each for each in sets if each.values), about if ensemble.stale() else ""


def _fresh_seed() -> int:
    # A seed that is the same in every laboratory would let everybody know the list beforehand.
    import secrets

    return secrets.randbelow(2**31)


def _write_power(found: Plan, target: Path, lines: Sequence[str]) -> None:
    from gvlab.figures.power import power
    from gvlab.planning.design_sheet import PLAN_MARK
    from gvlab.provenance import write_text

    table = found.table()
    _write_csv(target / "power.csv", table, [PLAN_MARK, *lines])
    power(
        table,
        target=found.power,
        needed=found.per_arm,
        test=found.question.test,
        save=[target / "power.svg", target / "power.png"],
    )
    low, high = found.nominal.needed_range(found.power)
    document = {
        "mark": PLAN_MARK,
        "experiment": found.experiment.name,
        "system": found.experiment.system.name,
        "question": found.question.in_words(),
        "power": found.power,
        "alpha": found.alpha,
        "attrition": found.losses.attrition,
        "engraftment_failure": found.losses.engraftment_failure,
        "mice_per_arm": found.per_arm,
        "within_monte_carlo_error": [low, high],
        "plausible_sets": len(found.plausible),
        "plausible_10_50_90": list(found.plausible_range()),
        "virtual_mice_per_arm": found.subjects,
        "experiments_of_each_size": found.replicates,
        "seed_of_the_simulation": found.seed,
        "in_words": list(lines),
    }
    write_text(target / "plan.json", json.dumps(document, indent=2, ensure_ascii=False))


def _write_sheets(
    experiment: Experiment,
    found: Plan,
    allocation: Allocation,
    mice: int,
    cage_size: int,
    first: object,
    target: Path,
    lines: Sequence[str],
) -> None:
    import datetime as dt
    from importlib import metadata

    import pandas as pd

    from gvlab.planning import design_sheet as sheet
    from gvlab.planning.arrive import arrive_table
    from gvlab.provenance import make_folder

    date = first if isinstance(first, dt.date) else None
    version = metadata.version("gvlab")
    head = [sheet.PLAN_MARK, f"{experiment.title}. {experiment.system.title}. GVLab {version}."]
    summary = pd.DataFrame({"what the plan says": [*lines, _SHARED, _ORDER]})
    sheets = {
        "Summary": summary,
        "Arms": sheet.arms_table(experiment, mice),
        "Doses": sheet.doses_table(experiment, found.seed),
        "Calendar": sheet.calendar(experiment, date),
        "Sampling": sheet.sampling_table(experiment, date),
        "Mice": allocation.blinded,
        "ARRIVE 2.0": arrive_table(found, mice, cage_size, version),
    }
    sheet.write_workbook(target / "design_sheet.xlsx", sheets, head)
    _write_csv(target / "randomization.csv", allocation.blinded, [sheet.PLAN_MARK, _ORDER])
    _write_csv(target / "arrive.csv", sheets["ARRIVE 2.0"], head)
    key = target / "key"
    make_folder(key)
    about = f"Seed of the randomization: {allocation.seed}; cages of {cage_size}; GVLab {version}."
    _write_csv(key / "randomization_key.csv", allocation.key, [sheet.PLAN_MARK, "KEY: keep from the blinded", about])


_ORDER = (
    "Number the mice by body weight (or by signal before treatment): neighbors then form a block of like mice. Weigh "
    "and ear-mark before the list is looked at."
)
_SHARED = (
    "Cages hold several arms, so treatment must be given to each mouse. Where it is given to the cage (in water or "
    "food), the cage is the experimental unit, and this list does not fit."
)


def _write_csv(path: Path, table: pd.DataFrame, comments: Sequence[str]) -> None:
    from gvlab.assay.readers.tables import write_csv
    from gvlab.provenance import atomic_file

    with atomic_file(path) as temporary:
        write_csv(temporary, [str(c) for c in table.columns], table.itertuples(index=False), comments)
