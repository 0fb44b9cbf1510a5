"""Expected outcomes of patients, kept in a folder, so that a calibration that was stopped goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gvlab.calibration.checkpoint import damaged, read_checkpoint
from gvlab.calibration.expected_patients import OPTIONS, Expected, expected_outcomes, experiment_of
from gvlab.files import atomic_file
from gvlab.findings.expected import Cancel, Progress
from gvlab.library.benchmark_record import BenchmarkSet
from gvlab.provenance import sha256, versions
from gvlab.subject import Cohort
from gvlab.subject.system import System


def kept_outcomes(
    benchmarks: BenchmarkSet,
    cohort: Cohort,
    system: System,
    folder: Path | None,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Expected:
    """Return what is expected of patients (`expected_outcomes`), from a folder if it was found and kept there before.

    The file is called after all that makes the answer: patients, model, doses, settings, versions. Where no folder is
    named nothing is kept.

    Raises
    ------
    LibraryError
        If the file of these patients is damaged.
    """
    if folder is None:
        return expected_outcomes(benchmarks, cohort, system, progress=progress, cancel=cancel)
    file = folder / f"patients-{asked(benchmarks, system, cohort.sha256)[:16]}.npz"
    if file.is_file():
        kept = _read(file, benchmarks, len(cohort))
        if progress is not None:
            progress(len(cohort) * len(benchmarks.arms))
        return kept
    found = expected_outcomes(benchmarks, cohort, system, progress=progress, cancel=cancel)
    names = [row.id for row in benchmarks.settings]
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(file) as temporary, temporary.open("wb") as raw:
        np.savez_compressed(
            raw,
            counted=np.stack([found.counted[name] for name in names]),
            alive=np.stack([found.alive[name] for name in names]),
            solved=found.solved,
        )
    return found


def _read(file: Path, benchmarks: BenchmarkSet, patients: int) -> Expected:
    arrays = read_checkpoint(file, {"counted": 2, "alive": 2, "solved": 1})
    names = [row.id for row in benchmarks.settings]
    shapes = {name: array.shape for name, array in arrays.items()}
    both = (len(names), patients)
    if shapes != {"counted": both, "alive": both, "solved": (patients,)}:
        raise damaged(file, f"its arrays have the shapes {', '.join(str(shape) for shape in shapes.values())}")
    counted, alive = (dict(zip(names, arrays[name], strict=True)) for name in ("counted", "alive"))
    return Expected(counted, alive, arrays["solved"])


def asked(benchmarks: BenchmarkSet, system: System, *more: str) -> str:
    """Return a hash of what makes the outcomes of patients; published values are no part of it."""
    experiment = experiment_of(benchmarks, system)
    agents = {dose.agent: dose.agent_definition.record for arm in experiment.arms for dose in arm.protocol}
    settings = [row.model_dump(include={"id", "arms", "outcome", "day", "from_day"}) for row in benchmarks.settings]
    rest = benchmarks.model_dump(exclude={"benchmarks", "predictions", "title", "source", "verification"})
    doses = {name: dose.model_dump_json() for name, dose in system.doses.items()}
    records = {name: record.model_dump_json() for name, record in agents.items()}
    parts = [experiment.model.sha256, versions(), repr(OPTIONS), settings, rest, doses, records, more]
    return sha256(json.dumps(parts))
