"""Puts what benchmarks/engine.py measured into the documentation: python benchmarks/engine_page.py [FILE].

Without FILE the numbers are those in benchmarks/baselines/engine.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WANTED = 1e-4
DIAGRAM = "work and precision, "
"""How the case of a row of the diagram begins."""

ROOT = Path(__file__).resolve().parents[1]
NUMBERS = ROOT / "benchmarks" / "baselines" / "engine.json"
FIGURE = ROOT / "docs" / "images" / "engine_work_precision.svg"
PAGE = ROOT / "docs" / "how_it_works.md"

TITLES = {
    "ensemble": "ensemble",
    "roadrunner": "libRoadRunner",
    "numbalsoda": "numbalsoda",
    "scipy": "SciPy LSODA",
}
FACTS = {  # threads are left to the text: beside other work they gain nothing
    "single subject, ms": ("one subject, a year, 730 doses", "{:.0f} ms"),
    "cold start, s": ("from SBML text to the first result, nothing in the cache", "{:.2f} s"),
    "warm start, s": ("the same, machine code in the cache", "{:.2f} s"),
}

Row = dict[str, Any]


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the work-precision diagram."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "gvlab"  # the same numbers give the same file
    rows = [row for row in rows if row["case"].startswith(DIAGRAM)]
    figure, axes = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    for name in dict.fromkeys(row["engine"] for row in rows):
        mine = [row for row in rows if row["engine"] == name]
        x, y = [row["max_error"] for row in mine], [1 / row["subjects_per_second"] for row in mine]
        (line,) = axes.loglog(x, y, "o-", markersize=4)
        axes.annotate(
            TITLES[name], (max(x), y[x.index(max(x))]), (0, 13), textcoords="offset points",
            ha="right", va="bottom", color=line.get_color(),
        )  # fmt: skip
    axes.axvline(WANTED, color="0.7", linewidth=1)
    axes.set(xlabel="largest relative error of any reading", ylabel="CPU time per subject (s)")
    axes.set_title(rows[0]["case"].removeprefix(DIAGRAM))
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def speeds(rows: Sequence[Row]) -> list[str]:
    """Give the table of speeds: subjects per second, and times slower than ours, by case and engine."""
    timed = [row for row in rows if "value" not in row and not row["case"].startswith(DIAGRAM)]
    engines = [name for name in TITLES if any(row["engine"] == name for row in timed)]
    lines = [f"| case | {' | '.join(TITLES[name] for name in engines)} |", f"| --- |{' ---: |' * len(engines)}"]
    for case in dict.fromkeys(row["case"] for row in timed):
        of = {row["engine"]: row for row in timed if row["case"] == case}
        lines.append(f"| {case.replace('_', ' ')} | {' | '.join(_speed(of.get(name)) for name in engines)} |")
    return lines


def _speed(row: Row | None) -> str:
    if row is None:
        return ""
    if row["subjects_per_second"] is None:
        return "not accurate enough"
    shown = _short(row["subjects_per_second"])
    return shown if row["engine"] == "ensemble" else f"{shown} ({_short(row['ratio'])}x)"


def _short(value: float) -> str:
    """Give two or three digits."""
    rounded = float(f"{value:.3g}" if value >= 100 else f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def facts(rows: Sequence[Row]) -> list[str]:
    """Give the table of what is no comparison."""
    found = {row["case"]: row["value"] for row in rows if "value" in row}
    lines = [f"| {text} | {form.format(found[name])} |" for name, (text, form) in FACTS.items() if name in found]
    return ["| what | measured |", "| --- | ---: |", *lines]


def write_docs(rows: Sequence[Row]) -> None:
    """Write both tables into the page."""
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in (("speeds", speeds(rows)), ("facts", facts(rows))):
        begin, end = f"<!-- gvlab bench engine: {name} -->\n", "<!-- end -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f'{PAGE.name} has no place for a table between "{begin.strip()}" and "{end}".')
        text = before + begin + "\n".join(lines) + "\n" + end + after
    PAGE.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    rows = json.loads((Path(arguments[0]) if arguments else NUMBERS).read_text(encoding="utf-8"))
    draw(rows, FIGURE)
    write_docs(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
