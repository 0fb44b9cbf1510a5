"""Times the engine on the GPUs of this machine: gvlab bench engine --gpu [--json FILE] [--quick].

As on the processor (engine.py), the loosest of a few tolerances is taken at which the error on one cohort is at most
half of 1e-4, and on another at most 1e-4. Copies of the second are timed with it: many, and by the clock, since the
card works while the process waits. Shared constants stand in the text as numbers or, in a second row, in constant
memory.
Every row has case, engine ("gpu"), device and constants; what a row has no number for is null.
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from engine_cases import Case, flagship

from gvlab.engine import Options, Solution
from gvlab.engine.ensemble import engine as ensemble
from gvlab.engine.request import cores
from gvlab.engine.targets.gpu import device

SUBJECTS = {"mouse": 65_536, "human": 32_768}
"""In a timing."""

DRAWN = 1024
"""Subjects that differ; a larger cohort is made of copies of them."""

JUDGED, REPEATS = 64, 3

PER_CORE = 512
"""Subjects for each core of the processor in its timing."""

TOLERANCES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7)


def repeated(case: Case, subjects: int) -> Case:
    """Return a case for more subjects: the same ones over and over."""
    kept: dict[int, np.ndarray] = {}

    def more(value: Any) -> Any:
        if not np.ndim(value):
            return value
        # Doses that share an array go on sharing it.
        return kept.setdefault(id(value), np.resize(value, subjects))

    return dataclasses.replace(
        case,
        subjects=subjects,
        parameters={name: more(value) for name, value in case.parameters.items()},
        schedule=tuple(
            dataclasses.replace(op, time=more(op.time), value=more(op.value), added=more(op.added))
            for op in case.schedule
        ),
    )


def run(case: Case, relative: float, engine: ensemble.Engine) -> tuple[Solution, float]:
    """Solve on the cards; return the solution and the seconds by the clock."""
    options = Options(relative_tolerance=relative, absolute_tolerance=relative * 1e-3)
    start = time.perf_counter()
    solution = engine.solve(case.model, case.times, **case.arguments(), options=options, target="gpu")
    return solution, time.perf_counter() - start


def on_processor(case: Case, relative: float) -> tuple[float, float]:
    """Return the subjects a second of one core of the processor, by its own time, and of all of them, by the clock."""
    options = Options(relative_tolerance=relative, absolute_tolerance=relative * 1e-3)

    def spent(case: Case, clock: Callable[[], float], threads: int) -> float:
        def once() -> float:
            start = clock()
            ensemble.solve(case.model, case.times, **case.arguments(), options=options, threads=threads)
            return clock() - start

        once()  # which compiles
        return statistics.median(once() for _ in range(REPEATS))

    few, many = case.part(JUDGED), repeated(case, PER_CORE * cores())
    return few.subjects / spent(few, time.process_time, 1), many.subjects / spent(many, time.perf_counter, cores())


def measure(species: str, *, stiff: bool, printed: bool) -> dict[str, Any]:
    """Return the row of one case."""
    from engine import TIGHT, WANTED, error

    tuning, held_out = flagship(species, JUDGED, 1, stiff=stiff), flagship(species, DRAWN, 2, stiff=stiff)
    truth = [
        ensemble.solve(case.model, case.times, **case.arguments(), options=TIGHT)
        for case in (tuning, held_out.part(JUDGED))
    ]
    engine = ensemble.Engine(print_constants=printed)
    parts, allowed = (tuning, held_out.part(JUDGED)), (WANTED / 2, WANTED)

    def errors(relative: float) -> list[float]:
        return [error(run(part, relative, engine)[0], true) for part, true in zip(parts, truth, strict=True)]

    judged = ((some, errors(some)) for some in TOLERANCES)
    found, (_, worst) = next(
        ((some, found) for some, found in judged if all(e <= most for e, most in zip(found, allowed, strict=True))),
        (None, (None, None)),
    )
    row: dict[str, Any] = {"case": tuning.name, "engine": "gpu", "relative_tolerance": found}
    row["device"] = ", ".join(card.name for card in device.cards())
    row["constants"] = "printed" if printed else "in constant memory"
    if found is None:
        return row | {"max_error": None, "subjects_per_second": None, "ratio": None}
    large = repeated(held_out, SUBJECTS[species])
    solutions, seconds = zip(*(run(large, found, engine) for _ in range(REPEATS)), strict=True)
    spent, steps = statistics.median(seconds), float(solutions[0].steps.sum())
    core, processor = on_processor(held_out, found)
    days = float(large.times[-1] - large.times[0])
    return row | {
        "max_error": worst,
        "subjects": large.subjects,
        "subjects_per_second": large.subjects / spent,
        "subject_years_per_second": large.subjects * days / 365.25 / spent,
        "steps_per_second": steps / spent,
        "steps_per_subject": steps / large.subjects,
        "seconds": [round(each, 4) for each in seconds],
        # How many of this machine's cores one would need instead, and how many machines like it.
        "ratio": large.subjects / spent / core,
        "core_subjects_per_second": core,
        "cores": cores(),
        "ratio_to_processor": large.subjects / spent / processor,
        "processor_subjects_per_second": processor,
    }


def main(*, quick: bool = False) -> list[dict[str, Any]]:
    """Return the rows of all cases.

    Raises
    ------
    SolveError
        If there is no GPU.
    """
    device.require()
    rows = []
    for name in ("mouse",) if quick else ("mouse", "human"):
        for stiff in (False,) if quick else (False, True):
            for printed in (False,) if stiff else (True, False):
                rows.append(measure(name, stiff=stiff, printed=printed))
                print(rows[-1], file=sys.stderr, flush=True)
    return rows
