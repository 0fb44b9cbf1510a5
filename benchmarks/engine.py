"""Times the engines against each other: python benchmarks/engine.py [--json FILE] [--figure FILE] [--quick].

Each engine is given the loosest tolerance at which its error on one cohort is at most half of 1e-4; then it is timed on
another.
The error of a reading is its distance from a tight reference over the larger of the reference and a thousandth of the
largest reference of that output and subject; the largest over subjects, outputs and days is shown. One core each. Times
are CPU times of the processes at work, medians of repeats, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from engine_cases import Case, flagship, others
from scipy.integrate import solve_ivp

from gvlab.engine import Options, Solution, ensemble, roadrunner
from gvlab.engine.program import build
from gvlab.engine.request import check
from gvlab.engine.schedule import ADD, SET, Schedule
from gvlab.engine.subjects import Subjects
from gvlab.model.equations_formula import TIME
from gvlab.model.equations_graph import Graph, Node

WANTED = 1e-4
SINGLE = 3e-4
"""Relative tolerance for a single subject: what the human year needs for 1e-4."""

JUDGED = 8
"""Subjects whose error counts, the same for every engine (two for SciPy, which is slow)."""

TOLERANCES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7, 1e-8, 1e-9)
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
    return roadrunner.solve(case.model, case.times, **case.arguments(), options=options, workers=1)


def run_scipy(case: Case, options: Options) -> Solution:
    """Solve with SciPy's LSODA and a dose loop written by hand; events are not looked at."""
    program = build(case.model)
    request = check(case.model, case.times, case.subjects, case.outputs, case.parameters, case.schedule, (), None)
    subjects, schedule = Subjects(request, program), Schedule(request, program)
    everyone = np.arange(case.subjects)
    schedule.operate(subjects, everyone)
    rates = _python(program.graph, [case.model.during(node) for node in _rates(case)], program)
    values = np.empty((case.subjects, case.times.size, len(case.outputs)))
    readings = [subjects.symbol(name) for name in case.outputs]
    read = _python(program.graph, readings, program)
    end = case.times[-1]
    for row in range(case.subjects):
        y, p = subjects.states[row].copy(), subjects.slots[row]
        t, place = 0.0, int(subjects.operation[row])
        values[row, 0] = read(0.0, y, p)
        while t < end:
            number = schedule.order[0, place] if place < schedule.order.shape[1] else -1
            stop = min(end, float(schedule.times[number][0])) if number >= 0 else end
            inside = case.times[(case.times > t) & (case.times <= stop)]
            if stop > t:
                points = np.unique(np.append(inside, stop))
                result = solve_ivp(
                    lambda t, y, p=p: rates(t, y, p), (t, stop), y, "LSODA", t_eval=points,
                    rtol=options.relative_tolerance, atol=options.absolute_tolerance,
                )  # fmt: skip
                for time_, state in zip(points, result.y.T, strict=True):
                    k = int(np.searchsorted(case.times, time_))
                    if case.times[k] == time_:
                        values[row, k] = read(time_, state, p)
                y, t = result.y[:, -1].copy(), stop
            while place < schedule.order.shape[1] and schedule.times[schedule.order[0, place]][0] == t:
                k = schedule.order[0, place]
                assert schedule.kind[k] in (ADD, SET)
                amount = schedule.values[k][row if schedule.values[k].size > 1 else 0]
                y[schedule.state[k]] = amount + (y[schedule.state[k]] if schedule.kind[k] == ADD else 0.0)
                place += 1
            at = int(np.searchsorted(case.times, t))
            if case.times[at] == t:
                values[row, at] = read(t, y, p)
    return Solution(case.times, case.outputs, values, *(None,) * 7)  # type: ignore[arg-type]


def _rates(case: Case) -> list[Node]:
    system, graph = case.model.system, case.model.system.graph
    return [system.rates[name] for name in case.model.states if graph.value(case.model.during(
        system.rates.get(name, graph.const(0.0)))) != 0.0]  # fmt: skip


def _python(graph: Graph, nodes: list[Node], program: Any) -> Callable[..., list[float]]:
    """Print formulas as Python, as somebody would write them by hand."""
    names: dict[Node, str] = {}
    lines = ["def f(t, y, p):"]
    two = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
           "and": "and", "or": "or", "eq": "==", "ne": "!="}  # fmt: skip
    for node in graph.order(nodes):
        operation, a = graph.operation[node], [names[argument] for argument in graph.arguments[node]]
        payload = graph.payload[node]
        if operation == "symbol":
            name = str(payload)
            place = program.state_place
            text = "t" if name == TIME else f"y[{place[name]}]" if name in place else f"p[{program.slot_place[name]}]"
        elif operation == "const":
            text = repr(payload)
        elif operation in two:
            text = f"{a[0]} {two[operation]} {a[1]}"
        elif operation == "select":
            text = f"{a[1]} if {a[0]} else {a[2]}"
        else:
            text = {"neg": f"-{a[0]}", "not": f"not {a[0]}", "true": "True", "false": "False"}.get(
                operation, f"{'' if operation == 'exp' else 'math.'}{operation}({', '.join(a)})"
            )
        names[node] = f"v{node}"
        lines.append(f"    v{node} = {text}")
    lines.append(f"    return [{', '.join(names[node] for node in nodes)}]")
    space: dict[str, Any] = {}
    exec("import math\n" + "\n".join(lines), space)  # our own text, printed from our own program
    space["exp"] = lambda x: math.exp(min(x, 700.0))  # Python raises where others give infinity
    function: Callable[..., list[float]] = space["f"]
    return function


ENGINES: dict[str, tuple[Callable[[Case, Options], Solution], int, int]] = {
    # how it is run; subjects in a timing; repeats
    "ensemble": (run_ensemble, 64, 5),
    "roadrunner": (run_roadrunner, 4, 3),
    "scipy": (run_scipy, 1, 1),
}


# -------------------------------------------------------------------------- timing


def timed(run: Callable[[], Solution]) -> tuple[Solution, float]:
    """Run once; give the CPU seconds of this process and of its finished and running children."""
    before = time.process_time(), _children()
    solution = run()
    return solution, time.process_time() - before[0] + _children() - before[1]


def _children() -> float:
    """CPU seconds of the processes in which libRoadRunner works."""
    from gvlab.engine import roadrunner_pool

    total = 0.0
    for worker in roadrunner_pool._idle:
        fields = Path(f"/proc/{worker._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / 100
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return total + used.ru_utime + used.ru_stime


def loosest(name: str, case: Case, reference: Solution) -> float | None:
    """Find the loosest tolerance at which an engine is accurate enough."""
    run, most, _ = ENGINES[name]
    part = case.part(min(JUDGED, 2 * most))
    wanted = cut(reference, part.subjects)
    for relative in TOLERANCES[4 if name != "ensemble" else 0 :]:
        try:
            if error(run(part, tolerance(relative)), wanted) <= WANTED / 2:
                return relative
        except (ArithmeticError, ValueError):  # SciPy's steps may leave the range where formulas are defined
            continue
    return None


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
        relative = loosest(name, tuning, tight)
        if relative is None:
            rows.append({"case": tuning.name, "engine": name, "max_error": None, "subjects_per_second": None})
            continue
        run, most, repeats = ENGINES[name]
        part = held_out.part(most)
        run(part.part(1), tolerance(relative))  # compiled, loaded
        seconds, worst = [], 0.0
        for _ in range(repeats):
            solution, spent = timed(lambda part=part, run=run, relative=relative: run(part, tolerance(relative)))
            seconds.append(spent)
            worst = error(cut(solution, JUDGED), cut(truth, min(most, JUDGED)))
        rows.append(
            {
                "case": tuning.name,
                "engine": name,
                "max_error": worst,
                "subjects_per_second": most / statistics.median(seconds),
                "relative_tolerance": relative,
                "reference_agreement": agreement,
            }
        )
        print(rows[-1], file=sys.stderr, flush=True)
    fast = next((row["subjects_per_second"] for row in rows if row["engine"] == "ensemble"), None)
    for row in rows:
        own = row["subjects_per_second"]
        row["ratio"] = fast / own if fast and own else None
    return rows


def single(case: Case) -> float:
    """Milliseconds for one subject, with the tolerance that is accurate enough."""
    part = case.part(1)
    run_ensemble(part, tolerance(SINGLE))
    seconds = []
    for _ in range(7):
        start = time.process_time()
        run_ensemble(part, tolerance(SINGLE))
        seconds.append(time.process_time() - start)
    return statistics.median(seconds) * 1e3


_COLD = """
import sys, time
sbml = open(sys.argv[1]).read()
import numpy as np
from gvlab.engine import ensemble
from gvlab.model.equations import Equations
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
                    [sys.executable, "-c", _COLD, str(path)], env={"GVLAB_CACHE": folder, "PATH": ""},
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


def work_precision(case: Case, engines: list[str]) -> list[dict[str, Any]]:
    """Error and time of each engine over tolerances."""
    truth = run_ensemble(case, TIGHT)
    rows = []
    for name in engines:
        run, most, _ = ENGINES[name]
        part = case.part(most)
        run(part.part(1), tolerance(1e-3))
        for relative in TOLERANCES[2 if name == "ensemble" else 4 : -1]:
            solution, seconds = timed(lambda run=run, part=part, relative=relative: run(part, tolerance(relative)))
            rows.append(
                {
                    "engine": name,
                    "relative_tolerance": relative,
                    "max_error": error(solution, cut(truth, most)),
                    "seconds_per_subject": seconds / part.subjects,
                }
            )
    return rows


def draw(rows: list[dict[str, Any]], title: str, path: Path) -> None:
    """Draw the work-precision diagram."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    for name in dict.fromkeys(row["engine"] for row in rows):
        mine = [row for row in rows if row["engine"] == name and np.isfinite(row["max_error"])]
        x, y = ([row[key] for row in mine] for key in ("max_error", "seconds_per_subject"))
        axes.loglog(x, y, "o-", label=name, markersize=4)
    axes.axvline(WANTED, color="0.7", linewidth=1)
    axes.set(xlabel="largest relative error of any reading", ylabel="CPU time per subject (s)", title=title)
    axes.legend(frameon=False)
    figure.savefig(path)


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Run the benchmark; give its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--figure", type=Path, help="draw the work-precision diagram into this file")
    parser.add_argument("--quick", action="store_true", help="the mouse only, without SciPy")
    parser.add_argument("--only", default="", help="cases whose name has this text, such as robertson or x20")
    given = parser.parse_args(arguments)
    print("numbalsoda is left out: it is compiled on installation and needs a Fortran compiler.", file=sys.stderr)
    engines = ["ensemble", "roadrunner"] if given.quick else ["ensemble", "roadrunner", "scipy"]
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
    rows = [row for make in makers for row in measure(make, engines)]
    # SciPy calls Python for every evaluation and would take an hour over these.
    rows += [row for make in made_stiff for row in measure(make, [name for name in engines if name != "scipy"])]
    human = flagship("mouse" if given.quick else "human", 64, 3)
    cold, warm = start_up(human)
    facts = {
        "single subject, ms": single(human),
        "cold start, s": cold,
        "warm start, s": warm,
        "two threads over one": threads(human),
    }
    rows += [{"case": name, "engine": "ensemble", "value": value} for name, value in facts.items()]
    for row in rows:
        print("  ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{value}" for key, value in row.items()))
    if given.figure:
        mouse = flagship("mouse", 16, 4)
        diagram = work_precision(mouse, [name for name in engines if name != "scipy"])
        draw(diagram, mouse.name, given.figure)
        rows += [{"case": f"work and precision, {mouse.name}", **row} for row in diagram]
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")
    return rows


if __name__ == "__main__":
    main()
