"""Fills a report with a study: verdicts, survival, IL-15, CD8 phenotype, the axis, parameters and sources."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gvlab import library, units
from gvlab.experiment import Results
from gvlab.findings.one_set import JudgedFinding, effect_in_words
from gvlab.findings.rule import Verdict
from gvlab.findings.study import Study
from gvlab.library import finding_record
from gvlab.model.model import Model
from gvlab.papers.mathew2018 import figures as paper_figures
from gvlab.report.captions import (
    Origin,
    axis_caption,
    groups_caption,
    incidence_caption,
    survival_caption,
    timecourse_caption,
)
from gvlab.report.content import PARAMETER_COLUMNS, VERDICT_COLUMNS, Picture, ReportContent, Section
from gvlab.report.html import picture, write_report
from gvlab.statistics import mannwhitney_power

PAPER = "Mathew et al., Nature Medicine 2018;24:282, doi 10.1038/nm.4484"
FEW_SUBJECTS = 50
MICE_SHOWN = 10
"""Of many virtual mice, as many are drawn as a laboratory would have."""
FIGURES_TEXT = (
    "Read through virtual assays, with their errors and limits, on as many mice and cultures as a laboratory has. "
    "The same figures as SVG, PDF and PNG, and a table of the readings of each, are in the folder figures."
)
SURVIVAL, CAUSES = "overall_survival", {"death_leukemia": 1, "death_gvhd": 2, "death_other": 3}
CAUSE_NAMES = {1: "leukemia", 2: "graft-versus-host disease", 3: "other"}
AXIS_READOUTS = {"FLT3-ITD": "FLT3_activity", "ATF4": "ATF4", "IRF7": "pIRF7", "IL-15": "IL15_mRNA"}
"""Nodes of the axis, and the output that says how active each is."""

Runs = Mapping[tuple[str, str], Results]


def write(
    study: Study,
    runs: Runs,
    findings: Sequence[JudgedFinding],
    manifest: Mapping[str, Any],
    folder: Path,
    extra: Sequence[Section] = (),
    width_mm: float = 174,
) -> Path:
    """Write the report of a study as one page; errors as `write_report`.

    Parameters
    ----------
    study, runs, findings, manifest
        What was run, what came of it, what it says of each claim, what made it.
    folder
        Where ``report.html`` and the folder of figures go.
    extra
        Sections after the six figures: what plausible parameter sets say.
    width_mm
        Width of the six figures.
    """
    drawn = paper_figures.draw(runs, findings, folder, width=width_mm)
    page = content(study, runs, findings, manifest)
    figures = (Section("paper-figures", "The paper's story in six figures", (FIGURES_TEXT,), drawn.pictures),)
    sections = (*(figures if drawn.pictures else ()), *extra, *page.sections)
    return write_report(dataclasses.replace(page, sections=sections, warnings=(*page.warnings, *drawn.faults)), folder)


def content(study: Study, runs: Runs, findings: Sequence[JudgedFinding], manifest: Mapping[str, Any]) -> ReportContent:
    """Gather tables, sentences and pictures of a study."""
    # A study of one's own speaks to no claim, and its table of verdicts is empty.
    verdicts = pd.DataFrame([_verdict_row(finding) for finding in findings], columns=list(VERDICT_ROW))
    sources = study.sources()
    names = sorted({name for name, _ in runs})
    title = "Sorafenib, leukemia-derived IL-15 and donor CD8+ T cells"
    warnings = []
    if study.subjects < FEW_SUBJECTS:
        warnings.append(
            f"A quick run: {study.subjects} virtual subjects an arm. Intervals are wide; verdicts may change with more."
        )
    failed = sum(int((~run.ok).sum()) for results in runs.values() for run in results.runs.values())
    if failed:
        warnings.append(f"{failed} subjects could not be solved and are left out; the results folder names them.")
    return ReportContent(
        title=title if len(names) > 1 else next(iter(runs.values())).experiment.title,
        subtitle=f"A simulation after {PAPER}",
        verdicts=verdicts,
        comparisons=pd.DataFrame(
            [_comparison_row(finding, judged) for finding in findings for judged in finding.comparisons],
            columns=["id", "system", "comparison", "simulated", "power", "verdict", "reason"],
        ),
        sections=tuple(_sections(study, runs, findings)),
        parameters=_parameters(runs),
        bibliography={source.key: source.reference() for source in sources},
        links={source.key: _link(source["doi"], source["url"]) for source in sources if source["doi"] or source["url"]},
        manifest=manifest,
        summary=(
            "The paper's effect sizes are not known to this model: its full text was not available, so claims are "
            "directions and ranks, and the size asked of each is a choice that stands in its record.",
            "A claim asked in several arms or mouse models is reproduced when every comparison is, and partly when at "
            "least half of them are at least partly so.",
        ),
        meaning=_meaning(),
        warnings=tuple(warnings),
    )


def _meaning() -> dict[str, str]:
    """Read what the verdicts mean from where it is fixed."""
    text = finding_record.__doc__ or ""
    found = {}
    for verdict in Verdict:
        _, _, after = text.partition(f"*{verdict}*\n")
        # An entry ends where the next begins, the last one at an empty line.
        paragraph = after.partition("\n\n")[0].partition("\n*")[0]
        found[str(verdict)] = " ".join(paragraph.split())
    return found


def _link(doi: str, url: str) -> str:
    return f"https://doi.org/{doi}" if doi else url


VERDICT_ROW = (*VERDICT_COLUMNS, "source", "system")


def _verdict_row(finding: JudgedFinding) -> dict[str, str]:
    record = finding.record
    published = record.published.direction
    if "unknown" not in record.published.magnitude:
        published = f"{published} ({record.published.magnitude})"
    return {
        "id": record.id,
        "statement": record.statement,
        "published": published,
        "simulated": finding.simulated,
        "verdict": str(finding.verdict),
        "reason": finding.reason,
        "role": record.role,
        "confidence": record.confidence,
        "source": record.source,
        "system": record.system,
    }


def _comparison_row(finding: JudgedFinding, judged: Any) -> dict[str, str]:
    power = judged.outcome.power
    return {
        "id": finding.record.id,
        "system": judged.system,
        "comparison": f"{judged.measured}: {judged.comparison.arm}"
        + (f" against {judged.versus}" if judged.versus else ""),
        "simulated": effect_in_words(judged.outcome),
        "power": "" if power is None else f"{100 * power.probability:.0f} % at n = {power.n_a}",
        "verdict": str(judged.outcome.verdict),
        "reason": judged.outcome.reason,
    }


def _parameters(runs: Runs) -> pd.DataFrame:
    """Give every row of the parameter tables that holds in one of the systems, each once."""
    rows: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {}
    for (_, _), results in sorted(runs.items()):
        for row in results.experiment.system.parameters().rows:
            rows[row.parameterId, row.context] = {
                **{column: getattr(row, column) for column in PARAMETER_COLUMNS},
                "context": "; ".join(row.context),
                "evidence": str(row.evidence),
            }
    return pd.DataFrame([rows[key] for key in sorted(rows)], columns=list(PARAMETER_COLUMNS))


def _sections(study: Study, runs: Runs, findings: Sequence[JudgedFinding]) -> Iterator[Section]:
    survival = [results for results in runs.values() if SURVIVAL in results.experiment.endpoints]
    # What was run in most systems is the main experiment, and comes first.
    survival.sort(key=lambda results: -sum(name == results.experiment.name for name, _ in runs))
    if any(finding.comparisons for finding in findings):
        yield Section("matrix", "Verdicts by system", (), (_matrix(findings),))
    if survival:
        first = survival[0]
        for name in dict.fromkeys(results.experiment.name for results in survival):
            same = [results for results in survival if results.experiment.name == name]
            curves = tuple(_survival(results, findings) for results in same)
            yield Section(f"survival-{name}".replace("_", "-"), same[0].experiment.title, (), curves)
        yield Section("causes", "Causes of death", (), (_causes(first),))
    # A first look shows one system in depth; every system is in the figures of survival.
    quick = study.subjects < FEW_SUBJECTS
    courses = [results for results in runs.values() if "IL15_serum" in results.experiment.outputs()]
    courses = [
        results
        for results in courses
        if results.experiment.name == courses[-1].experiment.name or "survival" in results.experiment.name
    ]
    if quick:
        courses = courses[:1]
    if courses:
        pictures = [
            _course(results, output, log)
            for results in courses
            for output, log in (("burden", True), ("IL15_serum", True))
            if output in results.experiment.outputs() and len(results.arms) <= 6
        ]
        text = (
            "Serum IL-15 is read, and drives nothing in the model; CD8 cells see what the blasts they touch present.",
        )
        yield Section("il15", "Leukemia and IL-15 over time", text, tuple(pictures))
    phenotypes = [results for results in runs.values() if results.experiment.name.endswith("phenotype")]
    for results in runs.values():
        if any(results is each for each in (phenotypes[:1] if quick else phenotypes)):
            yield Section(
                f"cd8-{_anchor(results)}",
                f"CD8 T cells: {results.experiment.system.title}",
                ("Ideal readings: the error of instruments is not in them. The six figures show readings with it.",),
                tuple(_phenotype(results, findings)),
            )
        if results.experiment.name.endswith("axis") and set(AXIS_READOUTS.values()) <= set(
            results.experiment.outputs()
        ):
            yield Section("axis", "The axis in leukemia cells", (), tuple(_axis(results, findings)))


def _anchor(results: Results) -> str:
    return results.experiment.system.name.replace("_", "-")


def _origin(results: Results) -> Origin:
    experiment = results.experiment
    record = library.read("experiments", experiment.name)
    model = Model.default()
    sizes = {arm: int(run.ok.sum()) for arm, run in results.runs.items()}
    same = "the same subjects in every arm" if results.paired else "different subjects in each arm"
    return Origin(
        design=f"{experiment.system.title}, {len(experiment.arms)} arms, {same}",
        n=sizes,
        seed=results.seed,
        model_version=model.sha256[:12],
        assumed=record.assumed,
    )


def _claims(findings: Sequence[JudgedFinding], results: Results, readouts: Sequence[str] = ()) -> tuple[str, ...]:
    """Give the claims that a figure of an experiment speaks of."""
    found = []
    for finding in findings:
        for judged in finding.comparisons:
            measure = judged.comparison.measure
            here = (
                finding.record.experiment == results.experiment.name and judged.system == results.experiment.system.name
            )
            if here and (measure.readout in readouts if readouts else measure.endpoint is not None):
                found.append(finding.record.id)
    return tuple(dict.fromkeys(found))


def _matrix(findings: Sequence[JudgedFinding]) -> Picture:
    from gvlab.figures import verdict_matrix
    from gvlab.findings.rule import combined

    titles = {name: library.read("systems", name).title for name in library.names("systems")}
    rows = []
    for finding in findings:
        by_system: dict[str, list[Any]] = {}
        for judged in finding.comparisons:
            by_system.setdefault(judged.system, []).append(judged.outcome)
        for system, outcomes in by_system.items():
            rows.append(
                {
                    "claim": finding.record.id,
                    "system": titles[system],
                    "verdict": str(combined([outcome.verdict for outcome in outcomes])),
                }
            )
    table = pd.DataFrame(rows, columns=["claim", "system", "verdict"])
    statements = {finding.record.id: finding.record.statement for finding in findings}
    caption = "Every claim the model speaks to, in each system in which it was asked; a system not asked is left empty."
    return picture(verdict_matrix(table, statements=statements), "verdict-matrix", "Verdicts by system", caption)


def _survival(results: Results, findings: Sequence[JudgedFinding]) -> Picture:
    from gvlab.figures import survival

    arms = results.arms
    cured = {arm: float(results.events("cure").holds_on(arm, results.experiment.last_day).mean()) for arm in arms}
    zero = results.experiment.system.time_zero.removeprefix("day of ")
    table = results.events(SURVIVAL).table
    n = results.experiment.arms[0].n
    figure = survival(
        table, versus=arms[0], cure_fraction=cured, powered_at=n, time_zero=zero, width="double", height_mm=60
    )
    caption = survival_caption(_origin(results), versus=arms[0], time_zero=zero, powered_at=n)
    title = results.experiment.system.title
    name = f"survival-{results.experiment.name}-{results.experiment.system.name}".replace("_", "-")
    return picture(figure, name, title, caption, _claims(findings, results))


def _causes(results: Results) -> Picture:
    from gvlab.figures import cumulative_incidences

    table = results.events(SURVIVAL).table.copy()
    table["cause"] = [CAUSES.get(cause, 0) for cause in table["cause"]]
    zero = results.experiment.system.time_zero.removeprefix("day of ")
    figure = cumulative_incidences(table, CAUSE_NAMES, time_zero=zero)
    title = f"Causes of death: {results.experiment.system.title}"
    return picture(figure, "causes-of-death", title, incidence_caption(_origin(results), time_zero=zero))


def _course(results: Results, output: str, log: bool) -> Picture:
    from gvlab.figures import timecourse

    model = Model.default()
    zero = results.experiment.system.time_zero.removeprefix("day of ")
    courses = {arm: run.data for arm, run in results.runs.items()}
    until = min(40.0, results.experiment.last_day)
    figure = timecourse(courses, output, log=log, time_zero=zero, until=until, width="one-and-half")
    caption = timecourse_caption(_origin(results), what=model.title(output), unit=model.unit(output))
    title = f"{model.title(output)}: {results.experiment.system.title}"
    name = f"course-{output}-{results.experiment.name}-{results.experiment.system.name}".replace("_", "-")
    return picture(figure, name, title, caption)


def _phenotype(results: Results, findings: Sequence[JudgedFinding]) -> Iterator[Picture]:
    from gvlab.figures import groups

    day = _day_of(findings, results)
    model = Model.default()
    for output in ("cd107a_ifng_percent", "Bcl2_cd8", "PD1_cd8", "SRC_cd8", "glycolytic_capacity_cd8"):
        if output not in results.experiment.outputs():
            continue
        everyone = {arm: _alive(results.reading(output, day, arm)) for arm in results.arms}
        everyone = {arm: values for arm, values in everyone.items() if len(values) >= 3}
        if len(everyone) < 2:
            continue
        shown = {arm: values[:MICE_SHOWN] for arm, values in everyone.items()}
        title = model.title(output)
        # What is relative to an untreated cell says so in its title: "(MFI ratio)".
        unit = "" if title.endswith(")") else "%" if output.endswith("percent") else "ratio"
        pair = list(shown)[:2]
        n = min(len(shown[arm]) for arm in pair)
        power = mannwhitney_power(
            everyone[pair[1]], everyone[pair[0]], n, n, np.random.default_rng([results.seed, int(day)]), replicates=1000
        )
        bracket = pd.DataFrame([(pair[0], pair[1], f"{100 * power.probability:.0f} %")], columns=["a", "b", "text"])
        figure = groups(shown, unit=unit, label=title, comparisons=bracket, width="one-and-half")
        caption = groups_caption(
            _origin(results),
            what=f"{title} on day {day:g}",
            unit=unit,
            powered_at=n,
            shown=max(map(len, shown.values())),
        )
        name = f"{output}-{_anchor(results)}".replace("_", "-")
        yield picture(figure, name, title, caption, _claims(findings, results, (output,)))


def _alive(values: Any) -> Any:
    array = np.asarray(values)
    return array[np.isfinite(array)]


def _day_of(findings: Sequence[JudgedFinding], results: Results) -> float:
    for finding in findings:
        for comparison in finding.record.comparisons:
            if finding.record.experiment == results.experiment.name:
                return units.day(comparison.measure.at)
    return results.experiment.last_day


def _axis(results: Results, findings: Sequence[JudgedFinding]) -> Iterator[Picture]:
    from gvlab.figures import axis_diagram, timecourse

    day = _day_of(findings, results)
    control, treated = results.arms[:2]
    change = {
        node: float(np.median(results.reading(output, day, treated)) / np.median(results.reading(output, day, control)))
        for node, output in AXIS_READOUTS.items()
    }
    edges = []
    for row in _edges():
        if {row["source_node"], row["target_node"]} <= {"sorafenib", *AXIS_READOUTS}:
            edges.append(
                {
                    "edge": row["edge"],
                    "source": row["source_node"],
                    "target": row["target_node"],
                    "sign": 1 if row["sign"] == "+" else -1,
                    "switch": 1,
                    "weight": 1.0,
                    "change": change[row["target_node"]],
                }
            )
    caption = axis_caption(_origin(results), when=f"day {day:g} in {treated}", control=control)
    yield picture(
        axis_diagram(pd.DataFrame(edges), control=control),
        "axis-diagram",
        "From the drug to IL-15",
        caption.replace(
            "the width of an edge is its strength relative to the strongest, color and factor its change",
            "color and factor are the change of what an edge acts on",
        ),
        _claims(findings, results, tuple(AXIS_READOUTS.values())),
    )
    model = Model.default()
    for output in ("ATF4", "pIRF7", "IL15_mRNA", "IL15_serum"):
        courses = {arm: run.data for arm, run in list(results.runs.items())[:6]}
        figure = timecourse(courses, output, time_zero="start of treatment", log=output.startswith("IL15"))
        caption = timecourse_caption(_origin(results), what=model.title(output), unit=model.unit(output))
        yield picture(figure, f"axis-{output.replace('_', '-')}", model.title(output), caption)


def _edges() -> list[dict[str, str]]:
    path = library.BUILT_IN / "models" / "edges.tsv"
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
