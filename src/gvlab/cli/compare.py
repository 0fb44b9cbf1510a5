"""gvlab compare: your data over the prediction of an experiment."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gvlab.cli.common import out

if TYPE_CHECKING:
    import pandas as pd

    from gvlab.agreement.readings import ReadingAgreement
    from gvlab.agreement.survival import SurvivalAgreement

SEED = 2018
RESULTS = Path("results")


def compare(
    name: Annotated[str, typer.Argument(help="An experiment of the library: what was predicted.")],
    data: Annotated[Path, typer.Option("--data", help="Survival, readings or bioluminescence: CSV or .xlsx.")],
    system: Annotated[str, typer.Option(help="In which system.", show_default="the experiment's first")] = "",
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", help='Which arm is which: --map "Vehicle=BM". Again for each arm.'),
    ] = None,
    reads: Annotated[
        list[str] | None,
        typer.Option("--reads", help='What predicts an analyte: --reads "IL-15=serum_il15.IL15", or an output.'),
    ] = None,
    event_is: Annotated[
        int | None, typer.Option("--event-is", help="Survival: the code of a death, where the file is unclear.")
    ] = None,
    endpoint: Annotated[str, typer.Option(help="What the events of the file are.")] = "overall_survival",
    sheet: Annotated[str, typer.Option(help="Of a workbook.", show_default="the first")] = "",
    subjects: Annotated[int, typer.Option(min=40, help="Virtual mice in each arm.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same virtual mice.")] = SEED,
    folder: Annotated[
        Path | None, typer.Option("--out", help="New folder.", show_default="results/compare-NAME-DATE")
    ] = None,
) -> None:
    """Lay data of your laboratory over the prediction, and say how well they agree.

    Survival: your Kaplan-Meier curve over the band in which nine of ten experiments with as many mice would lie, the
    log-rank test of your mice against the virtual ones, and the difference of mean survival. Readings: every mouse over
    the band in which nine of ten virtual mice would be read by the same assay, and how many of yours are inside.

    A prediction that is not contradicted is not confirmed: few mice contradict only what is far off. Doses and days are
    those of the library; where yours differ, so may the prediction.

    Examples:

    gvlab compare mathew2018_survival --system b6_into_balbc_wehi3b --data survival.csv --map "Vehicle=BM"

    gvlab compare mathew2018_survival --data elisa.xlsx --reads "IL-15=serum_il15.IL15"
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab import library
    from gvlab.agreement.readings import reading_agreement
    from gvlab.agreement.survival import match_arms, survival_agreement
    from gvlab.assay import analyze
    from gvlab.cli.analyze import in_options
    from gvlab.errors import InvalidValueError, UnknownNameError
    from gvlab.experiment import Experiment
    from gvlab.provenance import new_output_folder, prepare_output_folder

    experiment = Experiment.read(name, system or None)
    if endpoint not in library.names("endpoints"):
        raise UnknownNameError("endpoint", endpoint, library.names("endpoints"))
    try:
        found = analyze(data, event=event_is, sheet=sheet)
    except InvalidValueError as error:
        raise InvalidValueError(in_options(str(error))) from error
    tables = {"survival": "subjects", "readings": "readings", "bioluminescence": "readings"}
    if found.kind not in tables:
        raise InvalidValueError(
            f'"{data.name}" holds {found.kind}; only survival, readings and bioluminescence can be laid over a '
            "prediction. For its figures: gvlab analyze."
        )
    rows = found.tables[tables[found.kind]]
    in_data = [str(each) for each in dict.fromkeys(rows["arm"])]
    arms = match_arms(in_data, [arm.name for arm in experiment.arms], _pairs(mapped, "--map"))
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    target = new_output_folder(RESULTS / f"compare-{name}-{stamp}") if folder is None else prepare_output_folder(folder)
    notes = list(found.notes)
    left = [arm for arm in in_data if arm not in arms]
    if left:
        notes.append(f"Not compared, since no arm of the experiment has that name: {', '.join(left)}. Use --map.")
    if found.simulated:
        notes.append("The data themselves are simulated by GVLab: this compares the model with itself.")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("mice"),
        TimeRemainingColumn(),
    )
    agreements: list[SurvivalAgreement] | list[ReadingAgreement]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Predicting", total=len(arms) * subjects)

        def advance(done: int) -> None:
            bar.advance(task, done)

        if found.kind == "survival":
            late = float(rows["duration"].max())
            if late > experiment.last_day:
                notes.append(
                    f"Data reach day {late:g}, the prediction day {experiment.last_day:g}; compared until then."
                )
            agreements = survival_agreement(
                experiment, rows, arms, endpoint=endpoint, subjects=subjects, seed=seed, progress=advance
            )
            _draw_survival(agreements, target, str(library.read("endpoints", endpoint).title))
        else:
            agreements = reading_agreement(
                experiment,
                rows,
                arms,
                subjects=subjects,
                seed=seed,
                named=_pairs(reads, "--reads"),
                progress=advance,
            )
            _draw_readings(agreements, target)
    pairs = ", ".join(f"{mine} with {theirs}" for mine, theirs in arms.items())
    notes.insert(0, f"Compared: {pairs}.")
    lines = [agreement.in_words() for agreement in agreements]
    _write(experiment.name, experiment.system.name, data.name, seed, notes, lines, target)
    out.print(f"{experiment.title}\nSystem: {experiment.system.title}", highlight=False)
    for line in (*notes, *lines):
        out.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    out.print(f"\nFigures and tables: {target}", highlight=False, soft_wrap=True)


def _pairs(given: Iterable[str] | None, option: str) -> dict[str, str]:
    from gvlab.errors import InvalidValueError

    found = {}
    for text in given or ():
        mine, equals, theirs = text.partition("=")
        if not (mine.strip() and equals and theirs.strip()):
            raise InvalidValueError(f'{option} "{text}" is not a pair; write {option} "name in the data=name here".')
        found[mine.strip()] = theirs.strip()
    return found


def _draw_survival(agreements: list[SurvivalAgreement], target: Path, outcome: str) -> None:
    import pandas as pd

    from gvlab.figures.comparison import survival_over_prediction
    from gvlab.statistics.estimate import p_value_in_words

    observed = pd.concat([each.observed for each in agreements], ignore_index=True)
    survival_over_prediction(
        observed,
        {each.arm: (each.days, each.low, each.middle, each.high) for each in agreements},
        notes={
            each.arm: f"log-rank against {each.virtual} virtual: {p_value_in_words(each.p_value)}"
            for each in agreements
        },
        outcome=outcome,
        save=[target / "survival.svg", target / "survival.png"],
    )
    rows = [
        {
            "arm": each.arm,
            "predicted arm": each.predicted_arm,
            "n": each.n,
            "virtual": each.virtual,
            "p_logrank": each.p_value,
            "mean_difference_days": each.mean_difference[0],
            "lower": each.mean_difference[1],
            "upper": each.mean_difference[2],
            "time_in_band": each.coverage,
        }
        for each in agreements
    ]
    bands = [
        pd.DataFrame({"arm": each.arm, "day": each.days, "low": each.low, "median": each.middle, "high": each.high})
        for each in agreements
    ]
    _csv(pd.DataFrame(rows), target / "agreement.csv", "Data against simulation")
    _csv(pd.concat(bands, ignore_index=True), target / "band.csv", "simulated by GVLab")


def _draw_readings(agreements: list[ReadingAgreement], target: Path) -> None:
    import pandas as pd

    from gvlab.figures.comparison import readings_over_prediction

    rows, bands = [], []
    for number, each in enumerate(agreements, 1):
        values = each.observed["value"]
        spread = float(values.max()) > 30 * float(values.min()) > 0
        plain = "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in each.analyte)
        readings_over_prediction(
            each.observed,
            each.band,
            label=each.analyte,
            unit=each.unit,
            log=spread,
            save=[target / f"{number}_{plain[:40]}{end}" for end in (".svg", ".png")],
        )
        rows.append(
            {
                "analyte": each.analyte,
                "predicted by": each.predicted_by,
                "readings": each.counted,
                "inside_90_band": each.inside,
                "share": each.inside / each.counted,
            }
        )
        bands.append(each.band.assign(analyte=each.analyte, unit=each.unit))
    _csv(pd.DataFrame(rows), target / "agreement.csv", "Data against simulation")
    _csv(pd.concat(bands, ignore_index=True), target / "band.csv", "simulated by GVLab")


def _csv(table: pd.DataFrame, path: Path, comment: str) -> None:
    from gvlab.assay.readers.tables import write_csv
    from gvlab.provenance import atomic_file

    with atomic_file(path) as temporary:
        write_csv(temporary, [str(c) for c in table.columns], table.itertuples(index=False), [comment])


def _write(
    experiment: str, system: str, file: str, seed: int, notes: list[str], lines: list[str], target: Path
) -> None:
    from gvlab.provenance import write_text

    document = {
        "experiment": experiment,
        "system": system,
        "data": file,
        "seed": seed,
        "notes": notes,
        "agreement": lines,
    }
    write_text(target / "comparison.json", json.dumps(document, indent=2, ensure_ascii=False))
