"""Fills a report with a study: verdicts, comparisons, sections, parameters, sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gvlab.experiment import Results
from gvlab.findings.one_set import JudgedComparison, JudgedFinding, effect_in_words
from gvlab.findings.rule import MEANING_OF_SEVERAL, Verdict
from gvlab.findings.study import Study
from gvlab.library.report_record import StudyRecord
from gvlab.report.content import (
    COMPARISON_COLUMNS,
    PARAMETER_COLUMNS,
    VERDICT_COLUMNS,
    ReportContent,
    ReportTable,
    Section,
)
from gvlab.report.sections import study_sections

Runs = Mapping[tuple[str, str], Results]

FEW_SUBJECTS = 50
"""With fewer virtual subjects an arm, a report says that it is a first look, and shows one system in depth."""

VERDICT_ROW = (*VERDICT_COLUMNS, "source", "system")


def study_content(
    study: Study,
    runs: Runs,
    findings: Sequence[JudgedFinding],
    manifest: Mapping[str, Any],
    record: StudyRecord | None = None,
) -> ReportContent:
    """Return the tables, sentences and pictures of a study, ready for `render`.

    Parameters
    ----------
    study, runs, findings, manifest
        What was run, what came of it, what it says of each claim, what made it.
    record
        The study of the library that the experiments belong to; its title stands above several experiments.
    """
    brief = study.subjects < FEW_SUBJECTS
    sections, faults = study_sections(runs, findings, brief=brief)
    if not findings:
        sections = (*(_arms(results) for results in runs.values()), *sections)
    sources = study.sources()
    first = next(iter(runs.values())).experiment
    several = len({name for name, _ in runs}) > 1
    lacks = [line for results in runs.values() for line in results.experiment.left_out]
    systems = dict.fromkeys(results.experiment.system.title for results in runs.values())
    return ReportContent(
        title=record.title if record is not None and several else first.title,
        subtitle=f"A simulation after {record.citation}" if record is not None else f"Simulated: {'; '.join(systems)}",
        # A study of one's own speaks to no claim, and its table of verdicts is empty.
        verdicts=pd.DataFrame([_verdict_row(finding) for finding in findings], columns=list(VERDICT_ROW)),
        comparisons=pd.DataFrame(
            [_comparison_row(finding, judged) for finding in findings for judged in finding.comparisons],
            columns=list(COMPARISON_COLUMNS),
        ),
        sections=sections,
        parameters=_parameters(runs),
        bibliography={source.key: source.reference() for source in sources},
        links={source.key: _link(source["doi"], source["url"]) for source in sources if source["doi"] or source["url"]},
        manifest=manifest,
        summary=(*(record.summary if record is not None else ()), *((MEANING_OF_SEVERAL,) if findings else ())),
        believe=(*believe(findings), *dict.fromkeys(lacks)),
        meaning={str(verdict): verdict.meaning for verdict in Verdict},
        names=_names(runs),
        warnings=(*_warnings(study, runs, brief), *faults),
    )


def believe(findings: Sequence[JudgedFinding]) -> tuple[str, ...]:
    """Return what a reader may believe, from what was held out: a sentence each."""
    out = [each for each in findings if each.record.role.startswith("hold-out")]
    found = []
    if out:
        by_verdict = {
            word: [each.record.id for each in out if str(each.verdict) == word]
            for word in ("reproduced", "partly", "not")
        }
        said = [
            f"{sentence} {', '.join(ids)}"
            for (word, ids), sentence in zip(
                by_verdict.items(), ("Reproduced without having been fitted:", "partly:", "not:"), strict=True
            )
            if ids
        ]
        silent = sum(str(each.verdict) == "cannot say" for each in out)
        if said:
            found.append(f"{'; '.join(said)}.")
        if silent:
            found.append(f"On {silent} of {len(out)} claims that were held out the model cannot say anything.")
    if findings:
        found.append("Believe directions and ranks, not sizes: the published sizes are not known to the model.")
    return tuple(found)


def _names(runs: Runs) -> dict[str, str]:
    """Return the titles of everything that has a name with underscores: systems, endpoints, assays, outputs."""
    first = next(iter(runs.values())).experiment
    library, model = first.library, first.model
    found = {name: model.title(name) for name in model.symbols if "_" in name}
    for kind in ("assays", "endpoints", "experiments", "systems"):
        found |= {name: record.title for name, record in library.read_all(kind).items()}
    return found


def _arms(results: Results) -> Section:
    """Return what came of the arms of an experiment that no claim speaks of."""
    summary = results.summary()
    tables = [("The arms", summary.arm_table()), ("Each against the first", summary.comparison_table())]
    anchor = f"arms-{results.experiment.name}-{results.experiment.system.name}".replace("_", "-")
    return Section(
        anchor,
        f"What came of the arms: {results.experiment.system.title}",
        tables=tuple(
            ReportTable(title, pd.DataFrame(rows, columns=list(header))) for title, (header, rows) in tables if rows
        ),
    )


def _warnings(study: Study, runs: Runs, brief: bool) -> list[str]:
    found = []
    if brief:
        found.append(
            f"A quick run: {study.subjects} virtual subjects an arm. Intervals are wide; verdicts may change with more."
        )
    failed = sum(int((~run.ok).sum()) for results in runs.values() for run in results.runs.values())
    if failed:
        found.append(f"{failed} subjects could not be solved and are left out; the results folder names them.")
    return found


def _link(doi: str, url: str) -> str:
    return f"https://doi.org/{doi}" if doi else url


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


def _comparison_row(finding: JudgedFinding, judged: JudgedComparison) -> dict[str, str]:
    power = judged.outcome.power
    against = f" against {judged.versus}" if judged.versus else ""
    return {
        "id": finding.record.id,
        "system": judged.system,
        "comparison": f"{judged.measured}: {judged.comparison.arm}{against}",
        "simulated": effect_in_words(judged.outcome),
        "power": "" if power is None else f"{100 * power.probability:.0f} % at n = {power.n_a}",
        "verdict": str(judged.outcome.verdict),
        "reason": judged.outcome.reason,
    }


def _parameters(runs: Runs) -> pd.DataFrame:
    """Return every row of the parameter tables that holds in one of the systems, each once."""
    rows: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {}
    for (_, _), results in sorted(runs.items()):
        for row in results.experiment.system.parameters().rows:
            rows[row.parameterId, row.context] = {
                **{column: getattr(row, column) for column in PARAMETER_COLUMNS},
                "context": "; ".join(row.context),
                "evidence": str(row.evidence),
            }
    return pd.DataFrame([rows[key] for key in sorted(rows)], columns=list(PARAMETER_COLUMNS))
