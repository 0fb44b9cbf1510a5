"""gvlab run: experiments on virtual subjects, a verdict on every claim, a report."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from gvlab.cli.common import PAPER, out
from gvlab.cli.over_ensemble import QUICK_SETS, SETS, over_ensemble
from gvlab.errors import UnknownNameError

if TYPE_CHECKING:
    from gvlab.experiment import Results
    from gvlab.findings.one_set import JudgedFinding
    from gvlab.findings.study import Study

SEED = 2018
SUBJECTS = 200
QUICK_SUBJECTS = 24
RESULTS = Path("results")
"""Where reports go when no folder is named."""

GLYPHS = {
    "reproduced": ("green", "●"),
    "partly": ("yellow", "◐"),
    "not": ("red", "○"),
    "cannot say": ("dim", "–"),
}
"""Color and glyph of each verdict."""


def run(
    name: Annotated[
        str, typer.Argument(help=f"An experiment of the library, or {PAPER}: all of them, with every finding.")
    ] = PAPER,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"A first look in under a minute: {QUICK_SUBJECTS} subjects an arm.")
    ] = False,
    subjects: Annotated[
        int | None, typer.Option(min=1, help="Virtual subjects that go through every arm.", show_default=str(SUBJECTS))
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same subjects.")] = SEED,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="New folder for report and results.", show_default="results/NAME-DATE"),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write findings and manifest into this file.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="ensemble (fast) or roadrunner (reference).", show_default="ensemble")
    ] = None,
    width_mm: Annotated[
        float, typer.Option("--figure-width", min=85, max=174, help="Width of the six figures in mm: 85, 114 or 174.")
    ] = 174,
    plausible: Annotated[
        bool | None,
        typer.Option(
            "--ensemble/--no-ensemble",
            help="Ask every plausible parameter set (minutes), or none.",
            show_default=f"{SETS} sets; {QUICK_SETS} with --quick",
        ),
    ] = None,
) -> None:
    """Run experiments on virtual mice and say of each published claim whether the model reproduces it.

    The same virtual mice go through every arm. A claim is judged by the size of the effect and by how often an
    experiment with the paper's number of mice would be significant, never by one p-value of many virtual mice.

    reproduced: direction, size and probability of significance are right. partly: the direction is. not: neither.
    cannot say: the model lacks a part, and the reason is given.

    Examples:

    gvlab run mathew2018 --quick

    gvlab run mathew2018_survival --subjects 500 --out my_run
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.engine import ENGINES
    from gvlab.findings.study import Study
    from gvlab.provenance import new_output_folder, prepare_output_file, prepare_output_folder, write_text

    names = _experiments(name)
    if engine is not None and engine not in ENGINES:
        raise UnknownNameError("engine", engine, ENGINES)
    n = subjects or (QUICK_SUBJECTS if quick else SUBJECTS)
    study = Study.of(names, seed=seed, subjects=n)
    # A place that cannot be written is found now, not after the run.
    inside = json_file is not None and folder is not None and folder in json_file.parents
    if json_file is not None and not inside:
        prepare_output_file(json_file)
    if folder is None:
        target = new_output_folder(RESULTS / f"{name}-{time.strftime('%Y-%m-%d-%H%M%S')}")
    else:
        target = prepare_output_folder(folder)
    if json_file is not None and inside:
        prepare_output_file(json_file)
    runs = _follow(study, target, engine)
    findings = study.judge(runs)
    manifest = study.manifest(runs)
    content = {"findings": [finding.to_dict() for finding in findings], "manifest": manifest}

    def save() -> None:
        document = json.dumps(content, indent=2, ensure_ascii=False)
        write_text(target / "findings.json", document)
        if json_file is not None:
            write_text(json_file, document)

    # What is known so far is kept before the parameter sets are asked, which takes minutes.
    save()
    asked = None if plausible is False else over_ensemble(names, every=bool(plausible), quick=quick)
    if asked is not None:
        content["ensemble"] = asked.to_dict()
        save()
    from gvlab.report import study_report
    from gvlab.report.ensemble_section import ensemble_section

    with out.status("Drawing the report ..."):
        extra = () if asked is None else (ensemble_section(asked.found, asked.ensemble, asked.subjects),)
        page = study_report.write(study, runs, findings, manifest, target, extra, width_mm)
    _print(findings, study)
    if asked is not None:
        asked.print()
    out.print(f"\nReport: [bold]{page}[/bold]\nResults: {target}", soft_wrap=True, highlight=False)


def _experiments(name: str) -> tuple[str, ...]:
    from gvlab import library

    if name == PAPER:
        return tuple(each for each in library.names("experiments") if each.startswith(PAPER))
    if name not in library.names("experiments"):
        raise UnknownNameError("experiment", name, (PAPER, *library.names("experiments")))
    return (name,)


def _follow(study: Study, target: Path, engine: str | None) -> dict[tuple[str, str], Results]:
    """Run the experiments with a progress bar; each is written as soon as it is finished."""
    runs: dict[tuple[str, str], Results] = {}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("subjects"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Virtual mice", total=study.runs)
        for (experiment, system), results in study.run(lambda done: bar.advance(task, done), engine):
            runs[experiment, system] = results
            results.write(target / "results" / experiment / system)
            bar.update(task, description=results.experiment.title[:40])
    return runs


def _print(findings: list[JudgedFinding], study: Study) -> None:
    from gvlab.findings.rule import Verdict

    table = Table(title="What the model says of each claim", title_justify="left", header_style="bold", box=SIMPLE)
    table.add_column("claim", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("published", ratio=2)
    table.add_column("simulated, with 95 % interval", ratio=3)
    # What the model cannot speak to comes last.
    for finding in sorted(findings, key=lambda finding: finding.verdict is Verdict.CANNOT_SAY):
        color, glyph = GLYPHS[str(finding.verdict)]
        record = finding.record
        why = "" if finding.verdict is Verdict.REPRODUCED else finding.reason
        said = "\n".join(escape(text) for text in (finding.simulated,) if text)
        explained = f"[dim]{escape(why)}[/dim]" if why else ""
        table.add_row(
            f"{record.id}\n[dim]{record.role}[/dim]",
            f"[{color}]{glyph} {finding.verdict}[/{color}]",
            escape(record.statement),
            "\n".join(part for part in (said, explained) if part),
        )
    out.print(table)
    counts = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    words = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
    out.print(
        f"{len(findings)} claims: {words}. {study.subjects} virtual subjects through every arm; seed {study.seed}."
    )
