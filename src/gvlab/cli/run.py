"""gvlab run: experiments on virtual subjects, a verdict on every claim, a report."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table as ScreenTable

from gvlab.cli.common import (
    PAPER,
    TERMINAL,
    count,
    out,
    output_folder,
    progress_bar,
    say,
    show_or_write,
    words_on_stderr,
)
from gvlab.cli.over_ensemble import print_answer
from gvlab.workflows.defaults import QUICK_SETS, QUICK_SUBJECTS, RAW_ANIMALS, SEED, SETS, SUBJECTS

if TYPE_CHECKING:
    from gvlab.experiment.summary import Summary
    from gvlab.findings.one_set import JudgedFinding
    from gvlab.findings.study import Study
    from gvlab.workflows.run_study import RunRequest

GLYPHS = {
    "reproduced": ("green", "●"),
    "partly": ("yellow", "◐"),
    "not": ("red", "○"),
    "cannot say": ("dim", "–"),
}
"""Color and glyph of each verdict."""


def run(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME or FILE.yaml",
            help=f"An experiment of the library, {PAPER}: all of them, with every finding; or your own file or link.",
        ),
    ] = PAPER,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"A first look in under a minute: {QUICK_SUBJECTS} subjects an arm.")
    ] = False,
    subjects: Annotated[
        int | None,
        typer.Option(
            parser=count(1),
            metavar="INTEGER",
            help="Virtual subjects that go through every arm.",
            show_default=str(SUBJECTS),
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed gives the same subjects.", show_default=str(SEED))
    ] = None,
    system: Annotated[
        str | None, typer.Option(help="Run in this system only.", show_default="every system of the experiment")
    ] = None,
    only: Annotated[
        str, typer.Option(metavar="CLAIMS", help='Judge these claims alone: "C35,C39,C41".', show_default="all")
    ] = "",
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="New folder for report and results.", show_default="results/NAME-DATE"),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write findings and manifest into this file; - prints them.")
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="ensemble (fast), gpu (the same on NVIDIA cards) or roadrunner (reference).", show_default="ensemble"
        ),
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
    raw: Annotated[
        bool,
        typer.Option(
            "--raw",
            help=f"Also write the virtual instruments' own files, of {RAW_ANIMALS} animals an arm: FCS 3.1 with "
            "Gating-ML, plates, qPCR cycles, Seahorse workbooks.",
        ),
    ] = False,
    as_file: Annotated[
        Path | None,
        typer.Option("--as-file", help="Write the experiment into this file (- prints it), to be changed and run."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Of an archive (.gvlab.zip): compute it again, and compare to the bit.")
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option(help='Simulate on a Dask cluster: the address of its scheduler, or "local".', show_default="no"),
    ] = None,
) -> None:
    """Run experiments on virtual subjects and say of each published claim whether the model reproduces it.

    The same virtual subjects go through every arm. A claim is judged by the size of the effect and by how often an
    experiment of the paper's size would be significant, never by one p-value of many virtual subjects.

    reproduced: direction, size and probability of significance are right. partly: the direction is. not: neither.
    cannot say: the model lacks a part, and the reason is given.

    Examples:

    gvlab run mathew2018 --quick

    gvlab run mathew2018_survival --subjects 500 --out my_run

    gvlab run mathew2018 --only C35,C39,C41 --out patients

    gvlab run mathew2018_cd8_phenotype --quick --raw --out tubes

    gvlab run mathew2018_survival --system b6_into_balbc_wehi3b --as-file mine.yaml

    gvlab run mine.yaml

    gvlab run "#e=..." (the end of a link of the bench)

    gvlab run mine.gvlab.zip --verify
    """
    # Imported here, as in every command: "gvlab --help" must answer at once.
    from gvlab.workflows.run_study import RunRequest, study_of
    from gvlab.workflows.studies import experiments_of

    if verify:
        _verify(name)
        return
    name, written = _written(name)
    request = RunRequest(
        name=name,
        quick=quick,
        experiment=written or None,
        system=system,
        only=tuple(claim.strip() for claim in only.split(",") if claim.strip()),
        subjects=subjects or (None if quick else written.get("subjects")),
        seed=next(each for each in (seed, written.get("seed"), SEED) if each is not None),
        engine=engine,
        ensemble=plausible,
        raw=raw,
        figure_width_mm=width_mm,
        cluster=cluster,
    )
    if as_file is not None:
        _write_file(study_of(request)[0], as_file)
        return
    if not written:
        experiments_of(name)
    with words_on_stderr() if _is_terminal(json_file) else contextlib.nullcontext():
        _run(request, folder, json_file)


def _is_terminal(file: Path | None) -> bool:
    return file is not None and str(file) == TERMINAL


def _run(request: RunRequest, folder: Path | None, json_file: Path | None) -> None:
    """Run a study into its folder, and say what came of it."""
    from gvlab.files import is_device, make_folder, prepare_output_file
    from gvlab.workflows.bundle import Document, Table, write_part
    from gvlab.workflows.run_study import FINDINGS_FILE, REPORT_FILE, run_study

    # A place that cannot be written is found now, not after the run.
    later = json_file is not None and (_is_terminal(json_file) or is_device(json_file))
    inside = json_file is not None and folder is not None and folder in json_file.parents
    if json_file is not None and not inside and not _is_terminal(json_file):
        prepare_output_file(json_file)
    with output_folder(folder, request.name) as target:
        if json_file is not None and inside:
            prepare_output_file(json_file)

        def keep(path: str, part: Table | Document) -> None:
            """Write what is finished at once: Ctrl-C and a full disk then lose nothing of it."""
            make_folder((target / path).parent)
            write_part(target / path, part)
            if path == FINDINGS_FILE and json_file is not None and not later:
                write_part(json_file, part)

        with progress_bar() as bar:
            bundle = run_study(request, progress=bar, keep=keep)
    found = bundle.found
    if later:
        show_or_write(json_file, found.to_json())
    if found.findings:
        _print(found.findings, found.study)
    else:
        for (_, where), summary in found.summaries.items():
            print_summary(summary, where)
        out.print(f"{found.study.subjects} virtual subjects through every arm; seed {found.study.seed}.")
    if found.ensemble is not None:
        print_answer(found.ensemble)
    say(found.left_out)
    page = target / REPORT_FILE
    out.print(f"\nReport: [bold]{page}[/bold]\nResults: {target}", soft_wrap=True, highlight=False)


def _written(name: str) -> tuple[str, dict[str, Any]]:
    """Return what an experiment is called, and the content of its file; of one of the library nothing."""
    from gvlab.experiment.text_records import ExperimentText
    from gvlab.files import read_text
    from gvlab.library import Library
    from gvlab.library.reading import parse_record, parse_yaml
    from gvlab.store.archive import SUFFIX, read_archive

    if "#e=" in name or name.startswith("e="):
        from gvlab.web.state import BenchState, decoded

        state = BenchState.from_dict(decoded(name), Library.default())
        for each in state.differs:
            out.print(f"The link was made with another model: {each}.", highlight=False, soft_wrap=True)
        return "link", {**state.file.to_dict(), "subjects": state.subjects}
    if name.endswith(SUFFIX):
        return Path(name).name.removesuffix(SUFFIX), read_archive(name).experiment.to_dict()
    path = Path(name)
    if path.suffix not in (".yaml", ".yml", ".json"):
        return name, {}
    text = read_text(path)
    parse_record(text, ExperimentText, name)
    content, _ = parse_yaml(text, name)
    return path.stem, content


def _verify(name: str) -> None:
    """Compute an archive again and say what is not the same; the command fails where something is not."""
    from gvlab.errors import InvalidValueError
    from gvlab.store.archive import SUFFIX, read_archive, verify

    if not name.endswith(SUFFIX):
        raise InvalidValueError(f'--verify is for an archive that ends in {SUFFIX}, and "{name}" does not.')
    differing = verify(read_archive(name))
    if differing:
        for each in differing:
            out.print(each, highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    out.print("The same to the bit: every number of the archive was computed again.", highlight=False)


def _write_file(study: Study, path: Path) -> None:
    """Write the one experiment of a study as a file."""
    from gvlab.errors import InvalidValueError
    from gvlab.experiment.text import ExperimentFile

    if len(study.experiments) > 1:
        known = ", ".join(f"{each.name} --system {each.system.name}" for each in study.experiments)
        raise InvalidValueError(f"A file holds one experiment in one system. Say which: {known}.")
    experiment = study.experiments[0]
    days = study.days.get(experiment.name, ())
    file = ExperimentFile(experiment, study.seed, study.subjects, tuple(days))
    if str(path) == TERMINAL:
        show_or_write(path, file.to_yaml())
        return
    file.write(path)
    out.print(f"Written: [bold]{path}[/bold]. Change it, and say: gvlab run {path}", soft_wrap=True, highlight=False)


def print_summary(summary: Summary, system: str) -> None:
    """Print what came of the arms, and of each against the first."""
    for title, (header, rows) in (
        (f"What came of the arms in {system}", summary.arm_table()),
        ("Arms against the first", summary.comparison_table()),
    ):
        if not rows:
            continue
        table = ScreenTable(title=title, title_justify="left", header_style="bold", box=SIMPLE)
        for column in header:
            table.add_column(escape(column), overflow="fold")
        for row in rows:
            table.add_row(*(escape("–" if cell is None else str(cell)) for cell in row))
        out.print(table)
    out.print(
        "[dim]With many virtual subjects a small effect has a small p; look at the effect and its interval.[/dim]"
    )


def _print(findings: Sequence[JudgedFinding], study: Study) -> None:
    from gvlab.findings.independence import counted_in_words
    from gvlab.findings.rule import Verdict

    table = ScreenTable(
        title="What the model says of each claim", title_justify="left", header_style="bold", box=SIMPLE
    )
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
            f"{record.id}\n[dim]{record.role}{', by construction' if record.by_construction else ''}[/dim]",
            f"[{color}]{glyph} {finding.verdict}[/{color}]",
            escape(record.statement),
            "\n".join(part for part in (said, explained) if part),
        )
    out.print(table)
    counts = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    words = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
    counted = counted_in_words(finding.record for finding in findings)
    out.print(f"{counted}: {words}. {study.subjects} virtual subjects through every arm; seed {study.seed}.")
