"""Times the engines against each other: gvlab bench engine [--json FILE] [--figure FILE] [--quick] [--docs] [--gpu].

Each engine is given the loosest tolerance, to an eighth of a decade, at which its error on one cohort is at most half
of 1e-4; then it is timed on another. An engine whose error on that one is above 1e-4 is given tighter ones until it is
not.
The error of a reading is its distance from a tight reference over the larger of the reference and a thousandth of the
largest reference of that output and subject; the largest over subjects, outputs and days is shown. One core each. Times
are CPU times of the processes at work, medians of repeats, so that other work on the machine counts little.

Every row of the file has case, engine, max_error, subjects_per_second and ratio (how many times faster the ensemble
engine is); what a row has no number for is null.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engine_gpu
import numpy as np
from engine_cases import Case, flagship, others
from engine_numbalsoda import MISSING, installed, run_numbalsoda
from engine_page import DIAGRAM, FIGURE, NUMBERS, WANTED, draw, write_docs
from engine_scipy import run_scipy

from gvlab.engine import Options, Solution
from gvlab.engine.ensemble import engine as ensemble
from gvlab.engine.roadrunner import engine as roadrunner

JUDGED = 8
"""Subjects whose error counts, the same for every engine (two for SciPy, which is slow)."""

LEAST = 0.5
"""CPU seconds of a timing, at least."""

SOLVERS_OF_STIFF = ("ensemble", "roadrunner", "numbalsoda")
"""Engines that are given the stiff cases: SciPy calls Python for every evaluation, and would take an hour."""

TOLERANCES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7, 3e-8, 1e-8, 3e-9, 1e-9)
"""Those of the work-precision diagram, and those between which the one for a timing is looked for."""

HALVINGS = 2
"""How often the interval between two of them is halved."""

TIGHT = Options(relative_tolerance=1e-10, absolute_tolerance=1e-12)


def tolerance(relative: float) -> Options:
    """Give both tolerances from one."""
    return Options(relative_tolerance=relative, absolute_tolerance=relative * 1e-3)


def error(solution: Solution, reference: Solution) -> float:
    """Give the largest error of any reading."""
    theirs = reference.values
    scale = np.maximum(np.abs(theirs), 1e-3 * np.abs(theirs).max(axis=1, keepdims=True))
    with np.errstate(all="ignore"):
        relative = np.where(scale > 0, np.abs(solution.values - theirs) / scale, 0.0)
    return float(np.max(relative)) if np.all(np.isfinite(relative)) else np.inf


# ------------------------------------------------------------------------- engines


def run_ensemble(case: Case, options: Options) -> Solution:
    return ensemble.solve(case.model, case.times, **case.arguments(), options=options, threads=1)


def run_roadrunner(case: Case, options: Options) -> Solution:
    return roadrunner.solve(case.model, case.times, **case.arguments(), options=options, threads=1)


ENGINES: dict[str, tuple[Callable[[Case, Options], Solution], int, int]] = {
    # how it is run; subjects in a timing; repeats
    "ensemble": (run_ensemble, 64, 5),
    "roadrunner": (run_roadrunner, 4, 3),
    "numbalsoda": (run_numbalsoda, 64, 3),
    "scipy": (run_scipy, 1, 1),
}


# -------------------------------------------------------------------------- timing


def timed(run: Callable[[], Solution]) -> tuple[Solution, float]:
    """Run once; give the CPU seconds of this process and of its finished and running children."""
    before = time.process_time(), _children()
    solution = run()
    return solution, time.process_time() - before[0] + _children() - before[1]


def _speed(run: Callable[[Case, Options], Solution], case: Case, most: int, options: Options) -> float:
    """Subjects per second, from runs of `most` subjects or more: a clock of workers ticks in hundredths of one."""
    done, spent = 0, 0.0
    while spent < LEAST:
        part = case.part(most)
        seconds = timed(lambda part=part: run(part, options))[1]
        if seconds < LEAST / 4 and most < case.subjects:
            most *= 2
            continue
        done, spent = done + part.subjects, spent + seconds
    return done / spent


def _children() -> float:
    """CPU seconds of the processes in which libRoadRunner works."""
    from gvlab.engine.roadrunner import pool as roadrunner_pool

    total = 0.0
    for worker in roadrunner_pool._idle:
        fields = Path(f"/proc/{worker._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / 100
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return total + used.ru_utime + used.ru_stime


def error_at(run: Callable[[Case, Options], Solution], case: Case, relative: float, reference: Solution) -> float:
    """Give the error at a tolerance; infinite where the engine does not come to the end."""
    try:
        return error(run(case, tolerance(relative)), reference)
    except (ArithmeticError, ValueError):  # loose steps may leave the range where formulas are defined
        return np.inf


def loosest(name: str, case: Case, reference: Solution) -> float | None:
    """Find the loosest tolerance at which an engine is accurate enough."""
    run, most, _ = ENGINES[name]
    part = case.part(min(JUDGED, 2 * most))
    wanted = cut(reference, part.subjects)

    def enough(relative: float) -> bool:
        return error_at(run, part, relative, wanted) <= WANTED / 2

    found = next((relative for relative in TOLERANCES if enough(relative)), None)
    if found is None or found == TOLERANCES[0]:
        return found
    too_loose = TOLERANCES[TOLERANCES.index(found) - 1]
    for _ in range(HALVINGS):
        middle = float(f"{(too_loose * found) ** 0.5:.1e}")
        if enough(middle):
            found = middle
        else:
            too_loose = middle
    return found


def cut(solution: Solution, count: int) -> Solution:
    return Solution(**{**solution.__dict__, "values": solution.values[:count]})


def measure(make: Callable[[int, int], Case], engines: list[str]) -> list[dict[str, Any]]:
    """Time all engines on one case."""
    tuning, held_out = make(64, 1), make(64, 2)
    tight, truth = run_ensemble(tuning, TIGHT), run_ensemble(held_out, TIGHT)
    ours = cut(truth, 2)
    tightest = Options(relative_tolerance=1e-11, absolute_tolerance=1e-13)
    agreement = error(ours, run_roadrunner(held_out.part(2), tightest))
    rows: list[dict[str, Any]] = []
    for name in engines:
        run, most, repeats = ENGINES[name]
        judged = held_out.part(min(2 * most, JUDGED))
        relative, worst = loosest(name, tuning, tight), np.inf
        while relative is not None and (worst := error_at(run, judged, relative, cut(truth, judged.subjects))) > WANTED:
            tighter = float(f"{relative * 10.0**-0.125:.1e}")
            relative = tighter if tighter >= TOLERANCES[-1] else None
        if relative is None:
            rows.append(row(tuning.name, name))
            continue
        options = tolerance(relative)
        speed = statistics.median(_speed(run, held_out, most, options) for _ in range(repeats))
        rows.append(row(tuning.name, name, worst, speed, relative_tolerance=relative, reference_agreement=agreement))
        print(rows[-1], file=sys.stderr, flush=True)
    fast = next((each["subjects_per_second"] for each in rows if each["engine"] == "ensemble"), None)
    for each in rows:
        own = each["subjects_per_second"]
        each["ratio"] = fast / own if fast and own else None
    return rows


def row(case: str, engine: str, error: float | None = None, speed: float | None = None, **more: Any) -> dict[str, Any]:
    """Give a row of the file."""
    return {"case": case, "engine": engine, "max_error": error, "subjects_per_second": speed, "ratio": None, **more}


def single(case: Case) -> float:
    """Milliseconds for one subject, with the tolerance that is accurate enough for a cohort."""
    relative = loosest("ensemble", case, run_ensemble(case.part(JUDGED), TIGHT))
    assert relative is not None
    part, options = case.part(1), tolerance(relative)
    run_ensemble(part, options)
    seconds = []
    for _ in range(7):
        start = time.process_time()
        run_ensemble(part, options)
        seconds.append(time.process_time() - start)
    return statistics.median(seconds) * 1e3


_COLD = """
import sys, time
sbml = open(sys.argv[1]).read()
import numpy as np
from gvlab.engine.ensemble import engine as ensemble
from gvlab.sbml.equations import Equations
import libsbml, llvmlite.binding, scipy.special
start = time.process_time()
model = Equations.from_sbml(sbml)
ensemble.solve(model, np.array([0.0]), subjects=1, outputs=model.states, threads=1)
print(time.process_time() - start)
"""


def start_up(case: Case) -> tuple[float, float]:
    """Seconds from the SBML text to the first result, modules loaded: with an empty cache, and with a full one."""
    cold, warm = [], []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.xml"
            path.write_text(case.model.sbml)
            for times in (cold, warm):
                done = subprocess.run(
                    [sys.executable, "-c", _COLD, str(path)], env={**os.environ, "GVLAB_CACHE": folder, "PATH": ""},
                    capture_output=True, text=True, check=True,
                )  # fmt: skip
                times.append(float(done.stdout))
    return statistics.median(cold), statistics.median(warm)


def threads(case: Case) -> float:
    """How many times faster two threads are than one, by the clock."""
    many = {}
    for count in (1, 2):
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            ensemble.solve(case.model, case.times, **case.arguments(), options=tolerance(1e-5), threads=count)
            seconds.append(time.perf_counter() - start)
        many[count] = min(seconds)
    return many[1] / many[2]


def facts(case: Case) -> list[dict[str, Any]]:
    """Measure what is no comparison."""
    cold, warm = start_up(case)
    found = {
        "single subject, ms": single(case),
        "cold start, s": cold,
        "warm start, s": warm,
        "two threads over one": threads(case),
    }
    return [row(name, "ensemble", value=value) for name, value in found.items()]


def work_precision(case: Case, engines: list[str]) -> list[dict[str, Any]]:
    """Error and time of each engine over tolerances, from the loosest with which it comes to the end."""
    truth = run_ensemble(case, TIGHT)
    rows = []
    for name in engines:
        run, most, _ = ENGINES[name]
        part = case.part(most)
        run(part.part(1), tolerance(1e-3))
        for relative in TOLERANCES[2:-2]:
            try:
                solution, seconds = timed(lambda run=run, part=part, relative=relative: run(part, tolerance(relative)))
            except ArithmeticError:  # too loose for this engine
                continue
            found, speed = error(solution, cut(truth, most)), part.subjects / seconds
            if np.isfinite(found):
                rows.append(row(f"{DIAGRAM}{case.name}", name, found, speed, relative_tolerance=relative))
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """Print the rows, each on a line."""
    for each in rows:
        shown = {key: value for key, value in each.items() if value is not None}
        print(
            "  ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{value}" for key, value in shown.items())
        )


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Run the benchmark; give its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--figure", type=Path, help="draw the work-precision diagram into this file")
    parser.add_argument("--quick", action="store_true", help="the mouse only, without SciPy")
    parser.add_argument("--only", default="", help="cases whose name has this text, such as robertson or x20")
    parser.add_argument("--docs", action="store_true", help="write the numbers, table and figure of the docs anew")
    parser.add_argument("--gpu", action="store_true", help="the GPUs of this machine instead (engine_gpu.py)")
    given = parser.parse_args(arguments)
    if given.gpu and (given.docs or given.figure or given.only):
        parser.error("--gpu goes with --json and --quick only.")
    if given.gpu:
        rows = engine_gpu.main(quick=given.quick)
        show(rows)
        if given.json:
            given.json.write_text(json.dumps(rows, indent=1) + "\n")
        return rows
    if given.docs and (given.quick or given.only):
        parser.error("--docs needs every case: leave out --quick and --only.")
    if given.docs and not installed():
        parser.error(f"--docs needs every peer. {MISSING}")
    engines = [name for name in ENGINES if name != "numbalsoda" or installed()]
    if not installed():
        print(MISSING, file=sys.stderr)
    if given.quick:
        engines.remove("scipy")
    makers: list[Callable[[int, int], Case]] = [lambda n, seed: flagship("mouse", n, seed)]
    made_stiff: list[Callable[[int, int], Case]] = []
    if not given.quick:
        makers += [
            lambda n, seed: flagship("human", n, seed),
            *(lambda n, seed, k=k: others(n, seed)[k] for k in range(len(others(1, 0)))),
        ]
        made_stiff += [
            lambda n, seed: flagship("mouse", n, seed, stiff=True),
            lambda n, seed: flagship("human", n, seed, stiff=True),
        ]
    makers, made_stiff = ([make for make in some if given.only in make(1, 0).name] for some in (makers, made_stiff))
    rows = [each for make in makers for each in measure(make, engines)]
    stiff = [name for name in engines if name in SOLVERS_OF_STIFF]
    rows += [each for make in made_stiff for each in measure(make, stiff)]
    if not given.only:
        rows += facts(flagship("mouse" if given.quick else "human", 64, 3))
    show(rows)
    if given.figure or given.docs:
        rows += work_precision(flagship("mouse", 16, 4), stiff)
        draw(rows, given.figure or FIGURE)
    if given.json or given.docs:
        (given.json or NUMBERS).write_text(json.dumps(rows, indent=1) + "\n")
    if given.docs:
        write_docs(rows)
    return rows


if __name__ == "__main__":
    main()
