"""Runs experiments on virtual subjects, judges every published claim they speak to, and reports."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import Field

from gvlab.errors import UnknownNameError
from gvlab.library import Library
from gvlab.workflows.bundle import Bundle, Document, Table
from gvlab.workflows.defaults import QUICK_SETS, QUICK_SUBJECTS, RAW_ANIMALS, SEED, SETS, SUBJECTS
from gvlab.workflows.progress import CancelToken, ProgressSink, Stage
from gvlab.workflows.request import Request
from gvlab.workflows.studies import experiments_of

if TYPE_CHECKING:
    from gvlab.experiment import Results
    from gvlab.experiment.summary import Summary
    from gvlab.findings.one_set import JudgedFinding
    from gvlab.findings.study import Study
    from gvlab.library.report_record import StudyRecord
    from gvlab.report.content import Section
    from gvlab.simulation import Executor
    from gvlab.workflows.ask_ensemble import EnsembleAnswer

FINDINGS_FILE = "findings.json"
REPORT_FILE = "report.html"
RESULTS_FOLDER, FIGURES_FOLDER, INSTRUMENTS_FOLDER = "results", "figures", "instruments"

Keep: TypeAlias = "Callable[[str, Table | Document], None]"
"""Is handed a part of the bundle and its path, as soon as it is known; a later one replaces an earlier one."""


class RunRequest(Request):
    """What is run, on how many virtual subjects, and what is made of it."""

    name: str
    """An experiment of the library, or a study: all of its experiments. Of an experiment as text: what it is called."""
    experiment: dict[str, Any] | None = None
    """An experiment as text (`gvlab schema experiment`), in place of one of the library."""
    system: str | None = None
    """The system it is run in; every one of the experiment where None."""
    only: tuple[str, ...] = ()
    """Claims that are judged, and for which alone experiments are run; all where empty."""
    quick: bool = False
    """A first look with few subjects."""
    subjects: int | None = Field(default=None, ge=1)
    """Virtual subjects that go through every arm; 200, or 24 of a quick run, where None."""
    seed: int = Field(default=SEED, ge=0)
    """The same seed gives the same subjects."""
    engine: str | None = None
    """Name of an engine; the default one where None."""
    ensemble: bool | None = None
    """Ask every plausible parameter set as well, or none; some where None."""
    raw: bool = False
    """Write the files of the virtual instruments as well: FCS with its gates, plates, cycles, workbooks."""
    raw_animals: int = Field(default=RAW_ANIMALS, ge=1, le=12)
    """Animals of each arm whose files are written."""
    figure_width_mm: float = Field(default=174, ge=85, le=174)
    """Width of the figures of a paper."""
    cluster: str | None = None
    """Address of a Dask scheduler that simulates, or "local" for one on this machine; this process where None."""

    @property
    def followed(self) -> int:
        """Virtual subjects that go through every arm."""
        return self.subjects or (QUICK_SUBJECTS if self.quick else SUBJECTS)

    @property
    def sets(self) -> int | None:
        """Plausible parameter sets that are asked; None asks all."""
        return None if self.ensemble else QUICK_SETS if self.quick else SETS


@dataclass(frozen=True)
class StudyRun:
    """What came of a run.

    Attributes
    ----------
    study, runs
        What was run, and its results by experiment and system.
    findings
        What it says of each claim.
    manifest
        What made it.
    ensemble
        What plausible parameter sets say; None where none was asked.
    """

    study: Study
    runs: Mapping[tuple[str, str], Results]
    findings: tuple[JudgedFinding, ...]
    manifest: Mapping[str, Any]
    ensemble: EnsembleAnswer | None = None

    @property
    def summaries(self) -> dict[tuple[str, str], Summary]:
        """What came of the arms of each experiment, as tables."""
        return {name: results.summary() for name, results in self.runs.items()}

    @property
    def left_out(self) -> tuple[str, ...]:
        """What belongs to the endpoints in the clinic and the model does not have, a sentence each."""
        return tuple(dict.fromkeys(line for results in self.runs.values() for line in results.experiment.left_out))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        plain = {"findings": [finding.to_dict() for finding in self.findings], "manifest": self.manifest}
        return plain if self.ensemble is None else {**plain, "ensemble": self.ensemble.to_dict()}

    def to_json(self) -> str:
        """Return the text of ``findings.json``."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)


def run_study(
    request: RunRequest,
    *,
    library: Library | None = None,
    progress: ProgressSink | None = None,
    cancel: CancelToken | None = None,
    keep: Keep | None = None,
) -> Bundle[StudyRun]:
    """Run experiments, judge what they speak to, ask plausible parameter sets, draw, and report.

    Parameters
    ----------
    request
        What is asked for.
    library
        Where experiments, studies and findings are read from; the default one where None.
    progress, cancel
        Told where it stands; stops it.
    keep
        Handed every part of the bundle as soon as it is known: what is finished is then safe from what comes after.

    Returns
    -------
    Results as Parquet, ``findings.json``, figures and ``report.html``.

    Raises
    ------
    UnknownNameError
        If there is no such experiment, study or engine.
    InvalidValueError
        If so many subjects do not fit into memory.
    """
    from gvlab.engine import ENGINES

    library = Library.default() if library is None else library
    if request.engine is not None and request.engine not in ENGINES:
        raise UnknownNameError("engine", request.engine, ENGINES)
    study, record = study_of(request, library)
    study.refuse_beyond_memory()
    made = _Made(keep)
    runs = _run(study, request, made, progress, cancel)
    found = StudyRun(study, runs, tuple(study.judge(runs)), study.manifest(runs))
    # What is known so far is kept before the parameter sets are asked, which takes minutes.
    made.add(FINDINGS_FILE, found.to_json())
    if request.raw:
        _instruments(study, runs, request, made, progress, cancel)
    if request.ensemble is not False and record is not None and record.ensemble:
        from gvlab.workflows.ask_ensemble import ask_ensemble

        names = tuple(dict.fromkeys(each.name for each in study.experiments))
        answer = ask_ensemble(
            record.ensemble, names, library, sets=request.sets, must_be_there=bool(request.ensemble), progress=progress,
            cancel=cancel, claims=request.only,
        )  # fmt: skip
        if answer is not None:
            found = dataclasses.replace(found, ensemble=answer)
            made.add(FINDINGS_FILE, found.to_json())
    Stage("Drawing the report", sink=progress, cancel=cancel)
    _report(found, record, request, made)
    contents = {
        REPORT_FILE: "the report, one page",
        FINDINGS_FILE: "verdicts, and what made them",
        f"{RESULTS_FOLDER}/": "courses, event times and subjects of every arm, as Parquet",
    }
    if request.raw:
        contents[f"{INSTRUMENTS_FOLDER}/"] = "files of the virtual instruments, a folder an assay"
    return Bundle(request, found, tables=made.tables, documents=made.documents, contents=contents)


def study_of(request: RunRequest, library: Library | None = None) -> tuple[Study, StudyRecord | None]:
    """Return the experiments that a request asks for, and the study of the library that they belong to.

    Raises
    ------
    UnknownNameError
        If there is no such experiment, study or system.
    LibraryError
        If the text of an experiment breaks its schema.
    """
    from gvlab.experiment.experiment import Experiment
    from gvlab.experiment.text import ExperimentFile
    from gvlab.findings.study import Study

    library = Library.default() if library is None else library
    how: dict[str, Any] = {"seed": request.seed, "subjects": request.followed, "library": library}
    if request.experiment is None:
        names, record = experiments_of(request.name, library)
        return Study.of(names, system=request.system, only=request.only, **how), record
    file = ExperimentFile.from_dict(request.experiment, library=library, name=request.name)
    experiment = file.experiment
    if request.system is not None and request.system != experiment.system.name:
        experiment = experiment.replace(system=request.system)
    if experiment.name in library.names("experiments"):
        systems = library.read("experiments", experiment.name).systems
        if experiment.system.name in systems and experiment == Experiment.read(
            experiment.name, experiment.system.name, library
        ):
            return Study.of((experiment.name,), system=experiment.system.name, **how), experiments_of(
                experiment.name, library
            )[1]
    # What was changed is no experiment of the library any more: no finding speaks of it.
    own = experiment.replace(name=request.name)
    return Study((own,), request.seed, request.followed, {request.name: file.days}), None


@dataclass
class _Made:
    """Parts of the bundle that are ready; each is handed on as soon as it is."""

    keep: Keep | None
    documents: dict[str, Document] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)

    def add(self, path: str, part: Table | Document) -> None:
        if isinstance(part, Table):
            self.tables[path] = part
        else:
            self.documents[path] = part
        if self.keep is not None:
            self.keep(path, part)


def _run(
    study: Study, request: RunRequest, made: _Made, progress: ProgressSink | None, cancel: CancelToken | None
) -> dict[tuple[str, str], Results]:
    stage = Stage("Virtual subjects", study.runs, "subjects", sink=progress, cancel=cancel)
    runs: dict[tuple[str, str], Results] = {}
    with _executor(request.cluster) as executor:
        for (experiment, system), results in study.run(stage.advance, request.engine, executor, cancel):
            runs[experiment, system] = results
            for name, write in results.files().items():
                made.add(f"{RESULTS_FOLDER}/{experiment}/{system}/{name}", write)
            stage.advance(0, results.experiment.title)
    return runs


@contextlib.contextmanager
def _executor(cluster: str | None) -> Iterator[Executor | None]:
    if cluster is None:
        yield None
        return
    from gvlab.simulation.cluster import Cluster

    with Cluster(cluster) as executor:
        yield executor


def _instruments(
    study: Study,
    runs: Mapping[tuple[str, str], Results],
    request: RunRequest,
    made: _Made,
    progress: ProgressSink | None,
    cancel: CancelToken | None,
) -> None:
    """Write the files of the virtual instruments, a folder an assay, and a text that says who was read when."""
    from gvlab.assay.samples import MARK
    from gvlab.workflows.instrument_files import instrument_files, labels, sampled_animals

    stage = Stage("Files of the virtual instruments", len(runs), sink=progress, cancel=cancel)
    lines = [
        f"{MARK}: files as the instruments of a laboratory would have written them.",
        f"Of each arm {request.raw_animals} animals are read: the first of the run, others in each arm if there are.",
        "The days are those that an experiment names for an assay, or on which findings read it, or its last.",
        "Each reads again with: gvlab analyze FILE (tubes with --gates, a file that lies beside them)",
    ]
    for (experiment, system), results in runs.items():
        last = results.experiment.last_day
        days = [day for day in study.days.get(experiment, ()) if day <= last] or [last]
        folder = f"{INSTRUMENTS_FOLDER}/{experiment}/{system}"
        lines += ["", f"{experiment}/{system}: {results.experiment.title}; {results.experiment.system.title}"]
        drawn = sampled_animals(results, request.raw_animals)
        lines += [f"  {arm}: {', '.join(animals)}" for arm, animals in labels(drawn).items()]
        for assay in instrument_files(drawn, days):
            lines.append(f"  {assay.assay}: {assay.in_words()}")
            for name, write in assay.files.items():
                made.add(f"{folder}/{assay.assay}/{name}", write)
        stage.advance(1)
    made.add(f"{INSTRUMENTS_FOLDER}/README.txt", "\n".join(lines) + "\n")


def _report(found: StudyRun, record: StudyRecord | None, request: RunRequest, made: _Made) -> None:
    """Draw the figures of the paper, if there is one, and write the report."""
    from gvlab.assay.samples import MARK
    from gvlab.findings.robustness import unsolved_in_words
    from gvlab.papers import draw_figures
    from gvlab.report import render
    from gvlab.report.ensemble_section import ensemble_section
    from gvlab.report.study_content import study_content

    content = study_content(found.study, found.runs, found.findings, found.manifest, record)
    first: tuple[Section, ...] = ()
    if record is not None and record.paper:
        drawn = draw_figures(record.paper, found.runs, found.findings, width=request.figure_width_mm)
        for name, figure in drawn.files.items():
            made.add(f"{FIGURES_FOLDER}/{name}", figure)
        for name, readings in drawn.readings.items():
            made.add(f"{FIGURES_FOLDER}/{name}", Table(readings, (MARK,)))
        first = (drawn.section,) if drawn.section is not None else ()
        content = dataclasses.replace(content, warnings=(*content.warnings, *drawn.faults))
    if found.ensemble is not None:
        answer = found.ensemble
        unsolved = unsolved_in_words(answer.answers)
        first = (*first, ensemble_section(answer.found, answer.ensemble, answer.subjects, unsolved))
    page = dataclasses.replace(content, sections=(*first, *content.sections))
    made.add(REPORT_FILE, render(page))
