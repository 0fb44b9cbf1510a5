"""Times what surrounds the engine: experiments of one mouse and of many, one that changed in part, a cluster.

CPU time of this process and its children, medians. The numbers that must hold are printed beside those measured.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rows import Row, report

EXPERIMENT, SYSTEM = "mathew2018_survival", "b6_into_balbc_wehi3b"
SEED = 2018


def cpu() -> float:
    """CPU seconds of this process and of children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    """Median CPU time of some work, after it was done once."""
    work()
    times = []
    for _ in range(repeats):
        began = cpu()
        work()
        times.append(cpu() - began)
    return 1e3 * statistics.median(times)


def import_seconds(repeats: int) -> float:
    """Median CPU time of a new Python that imports the experiment."""
    times = []
    for _ in range(repeats):
        began = cpu()
        subprocess.run([sys.executable, "-c", "import gvlab; gvlab.Experiment"], check=True)
        bare = cpu()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        times.append((bare - began) - (cpu() - bare))
    return statistics.median(times)


def small(repeats: int) -> list[Row]:
    """Times experiments of few subjects."""
    import gvlab

    whole = gvlab.Experiment.read(EXPERIMENT, SYSTEM)
    three = whole.replace(arms=whole.arms[:3])
    *kept, last = three.arms
    *doses, dose = last.protocol
    halved = dose.replace(amount=f"{dose.quantity.value / 2!r} {dose.quantity.unit}")
    changed = three.replace(arms=[*kept, last.replace(protocol=[*doses, halved])])
    before = three.run(SEED, subjects=24)
    return [
        Row("three arms of one mouse", milliseconds(lambda: three.run(SEED, subjects=1), repeats), "ms CPU", 25),
        Row("three arms of 100 mice", milliseconds(lambda: three.run(SEED, subjects=100), repeats), "ms CPU", 85),
        Row(
            "one changed arm of three, 24 mice",
            milliseconds(lambda: changed.run(SEED, subjects=24, reuse=before), repeats),
            "ms CPU",
            22,
        ),
        Row("import gvlab; gvlab.Experiment", import_seconds(min(repeats, 7)), "s CPU", 0.8),
    ]


def cluster(subjects: int, repeats: int) -> list[Row]:
    """Compares a local cluster of two workers with one, by the clock: two idle cores are needed."""
    import gvlab
    from gvlab.simulation.cluster import Cluster

    whole = gvlab.Experiment.read(EXPERIMENT, SYSTEM)
    three = whole.replace(arms=whole.arms[:3])
    seconds = {}
    for workers in (1, 2):
        with Cluster(workers=workers) as executor:
            three.run(SEED, subjects=1000, executor=executor)  # compiled, and warm on every worker
            times = []
            for _ in range(repeats):
                began = time.perf_counter()
                three.run(SEED, subjects=subjects, executor=executor)
                times.append(time.perf_counter() - began)
            seconds[workers] = statistics.median(times)
    what = f"{subjects:,} mice x 3 arms: two workers against one"
    return [Row(what, seconds[1] / seconds[2], "times as fast", 1.6, at_least=True)]


def main(given: list[str] | None = None) -> None:
    """Time, print, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="without the cluster")
    parser.add_argument("--figure", type=Path, help="not for this one")
    parser.add_argument("--docs", action="store_true", help="not for this one")
    asked = parser.parse_args(given)
    rows = small(7 if asked.quick else 25)
    if not asked.quick:
        rows += cluster(10_000, 3)
    report(rows, "Around the engine", asked.json)


if __name__ == "__main__":
    main()
