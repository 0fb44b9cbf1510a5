"""The sections of a report: which there are is said by the record of each experiment, how each is drawn is said here.

A section that cannot be drawn is told of and never stops a run: readings and verdicts are worth more than a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gvlab.experiment import Experiment, Results
from gvlab.findings.one_set import JudgedFinding
from gvlab.library.records import ExperimentRecord
from gvlab.library.report_record import SectionSpec
from gvlab.report.content import Picture, Section
from gvlab.report.pictures import (
    Shown,
    causes_picture,
    courses_pictures,
    diagram_picture,
    groups_pictures,
    matrix_table,
    survival_picture,
)

Runs = Mapping[tuple[str, str], Results]

KINDS: Mapping[str, Callable[[Shown], Iterable[Picture]]] = {
    "survival": lambda shown: [survival_picture(shown)],
    "causes": lambda shown: [causes_picture(shown)],
    "courses": courses_pictures,
    "diagram": lambda shown: [diagram_picture(shown)],
    "groups": groups_pictures,
}
"""What draws each kind of section, in the order in which they stand in a report."""

IN_EVERY_SYSTEM = ("survival",)
"""Kinds that a first look shows in every system; of the others it shows the first."""

ONCE = ("causes",)
"""Kinds that are shown in the first system only."""


def study_sections(
    runs: Runs, findings: Sequence[JudgedFinding], *, brief: bool = False
) -> tuple[tuple[Section, ...], tuple[str, ...]]:
    """Return the sections that the records of the experiments ask for, and why any picture of them is missing.

    Parameters
    ----------
    runs, findings
        Results by experiment and system, and what was judged of them.
    brief
        Show one system in depth, and of the others what must not be missed.
    """
    sections: dict[str, Section] = {}
    faults: list[str] = []
    titles = {results.experiment.system.name: results.experiment.system.title for results in runs.values()}
    if any(finding.comparisons for finding in findings):
        sections["matrix"] = Section("matrix", "Verdicts by system", tables=(matrix_table(findings, titles),))
    for asked in _asked(runs, findings, brief):
        try:
            pictures = tuple(KINDS[asked.shown.spec.kind](asked.shown))
        # Whatever goes wrong in drawing, the verdicts and results of the run must still reach their reader.
        except Exception as error:
            faults.append(f'The section "{asked.title}" could not be drawn: {type(error).__name__}: {error}')
            continue
        note = (asked.shown.spec.note,) if asked.shown.spec.note else ()
        known = sections.setdefault(asked.id, Section(asked.id, asked.title, note))
        there = {picture.id for picture in known.pictures}
        added = tuple(picture for picture in pictures if picture.id not in there)
        sections[asked.id] = replace(known, pictures=(*known.pictures, *added))
    return tuple(section for section in sections.values() if section.pictures or section.tables), tuple(faults)


@dataclass(frozen=True)
class _Asked:
    """A section that is asked for: its anchor and heading, its place in the record, and what is shown in it."""

    id: str
    title: str
    place: int
    shown: Shown


def _asked(runs: Runs, findings: Sequence[JudgedFinding], brief: bool) -> list[_Asked]:
    """Return what the experiments ask for, kind by kind; what was run in most systems is the main experiment."""
    by_experiment: dict[str, list[Results]] = {}
    for (name, _), results in runs.items():
        by_experiment.setdefault(name, []).append(results)
    ordered = sorted(by_experiment.items(), key=lambda each: -len(each[1]))
    found = []
    for kind in KINDS:
        for name, every in ordered:
            for place, spec in enumerate(_sections_of(every[0].experiment)):
                if spec.kind != kind:
                    continue
                first_only = kind in ONCE or (brief and kind not in IN_EVERY_SYSTEM)
                for results in every[:1] if first_only else every:
                    shown = Shown(spec, results, findings, _assumed(results.experiment))
                    found.append(_Asked(_id(spec, name, results), _title(spec, results), place, shown))
    first: dict[str, int] = {}  # a section stands where its first part does
    for number, each in enumerate(found):
        first.setdefault(each.id, number)
    return sorted(found, key=lambda each: (first[each.id], each.place))


def _id(spec: SectionSpec, experiment: str, results: Results) -> str:
    anchor = spec.id or (spec.kind if spec.kind in ONCE else f"{spec.kind}-{experiment}")
    return _anchor(f"{anchor}-{results.experiment.system.name}" if spec.kind == "groups" else anchor)


def _title(spec: SectionSpec, results: Results) -> str:
    if spec.kind == "groups":
        return f"{spec.title}: {results.experiment.system.title}"
    return spec.title or ("Causes of death" if spec.kind == "causes" else results.experiment.title)


def _anchor(text: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)


def _sections_of(experiment: Experiment) -> Sequence[SectionSpec]:
    record = _record(experiment)
    return record.report.sections if record is not None and record.report is not None else default_sections(experiment)


def default_sections(experiment: Experiment) -> list[SectionSpec]:
    """Return the sections of an experiment whose record names none: its endpoints, and every output that is read."""
    found = []
    for endpoint in experiment.endpoints:
        record = experiment.library.read("endpoints", endpoint)
        if record.counts == "free":
            found.append(SectionSpec(kind="survival", endpoint=endpoint))
        if record.causes:
            found.append(SectionSpec(kind="causes", endpoint=endpoint))
    if experiment.outputs():
        outputs = experiment.outputs()
        # Numbers of cells run over decades.
        log = tuple(output for output in outputs if experiment.model.unit(output) == "cell")
        found.append(SectionSpec(kind="courses", title="What was read, over time", outputs=outputs, log=log))
    return found


def _record(experiment: Experiment) -> ExperimentRecord | None:
    """Return the record of an experiment; None of one that was made in Python."""
    if experiment.name not in experiment.library.names("experiments"):
        return None
    record: ExperimentRecord = experiment.library.read("experiments", experiment.name)
    return record


def _assumed(experiment: Experiment) -> str:
    record = _record(experiment)
    return "" if record is None else record.assumed
