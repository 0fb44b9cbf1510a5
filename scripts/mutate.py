"""Changes one operator or number at a time, and says which changes the narrow tests do not notice.

    .venv/bin/python scripts/mutate.py                      every file below, a sample of each
    .venv/bin/python scripts/mutate.py findings/rule.py --all

A copy of the package is mutated in a temporary folder; nothing here is touched. A mutant that survives is a rule
without a test on its edge, or a line that could be left out.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy  # noqa: F401 - imported once here, and not again by every mutant
import pandas  # noqa: F401
import pydantic  # noqa: F401
import pytest
import scipy.stats  # noqa: F401
import xarray  # noqa: F401

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "gvlab"

_LABORATORY = "tests/unit/assay/test_laboratory_files.py"
_GUESSED = "tests/unit/assay/test_no_number_is_guessed.py"
_READERS = "tests/unit/assay/test_readers.py"
_STATISTICS = "tests/unit/statistics"
_SURVIVAL = [f"{_STATISTICS}/test_{name}.py" for name in ("survival", "weights", "start_stop")]
_R = "tests/reference/r"
TESTS = {
    "findings/rule.py": ["tests/unit/findings/test_rule.py"],
    "findings/estimated.py": ["tests/unit/findings/test_estimated.py"],
    "findings/many_sets.py": ["tests/unit/findings/test_many_sets.py", "tests/unit/findings/test_robustness.py"],
    "findings/robustness.py": ["tests/unit/findings/test_robustness.py", "tests/unit/findings/test_many_sets.py"],
    "findings/expected.py": ["tests/unit/findings/test_expected.py"],
    "findings/comparisons.py": [
        "tests/unit/findings/test_comparisons.py",
        "tests/unit/findings/test_arms_in_systems.py",
    ],
    "statistics/comparison.py": [f"{_STATISTICS}/test_comparison.py", _R],
    "statistics/power.py": [f"{_STATISTICS}/test_power.py"],
    "statistics/approximate_power.py": [f"{_STATISTICS}/test_approximate_power.py"],
    "statistics/proportions.py": [f"{_STATISTICS}/test_proportions.py", "tests/unit/findings/test_estimated.py"],
    "statistics/hazard.py": [*_SURVIVAL, _R],
    "statistics/survival.py": [*_SURVIVAL, f"{_STATISTICS}/test_many_curves.py", _R],
    "engine/ensemble/events.py": ["tests/numerics/test_events.py", "tests/reference/sbml_suite/test_subset.py"],
    "engine/ensemble/jumps.py": ["tests/numerics/test_sensitivity_jumps.py"],
    "calibration/moves.py": ["tests/unit/calibration/test_moves.py", "tests/unit/calibration/test_search.py"],
    "planning/randomization.py": ["tests/unit/planning/test_randomization.py"],
    "assay/elisa.py": ["tests/unit/assay/test_plates.py"],
    "assay/seahorse.py": ["tests/unit/assay/test_plates.py"],
    "assay/plate_analysis.py": ["tests/unit/assay/test_plate_curves.py", _LABORATORY, _GUESSED],
    "assay/expression.py": ["tests/unit/assay/test_cycles.py", _LABORATORY, _GUESSED, _READERS],
    "assay/readers/plate_labels.py": ["tests/unit/assay/test_plate_labels.py", _LABORATORY, _GUESSED],
    "assay/readers/cycler.py": ["tests/unit/assay/test_cycles.py", _LABORATORY, _GUESSED, _READERS],
    "assay/readers/tables.py": ["tests/unit/assay/test_text_tables.py", _LABORATORY, _GUESSED, _READERS],
    "assay/readers/wave.py": ["tests/unit/assay/test_wave.py", "tests/reference/formats"],
    "assay/readers/fcs_scale.py": ["tests/unit/assay/test_fcs_scale.py", "tests/unit/assay/test_fcs_reader.py"],
}
"""Narrow tests of each file: those that must notice a change of it."""

COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Pow: ast.Mult,
}  # fmt: skip
NAMED = {"minimum": "maximum", "maximum": "minimum", "min": "max", "max": "min", "all": "any", "any": "all"}


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    file: str
    line: int
    words: str
    text: str


def mutants(file: str) -> Iterator[Mutant]:
    """Yield every change of a file."""
    source = (PACKAGE / file).read_text(encoding="utf-8")
    count = len(list(_sites(ast.parse(source))))
    for place in range(count):
        tree = ast.parse(source)
        node, change = list(_sites(tree))[place]
        before = ast.unparse(node)
        change()
        after = ast.unparse(node)
        if before != after:
            yield Mutant(file, node.lineno, f"{_short(before)}  ->  {_short(after)}", ast.unparse(tree))


def _short(text: str) -> str:
    return text if len(text) < 70 else f"{text[:67]}..."


def _sites(tree: ast.AST):  # type: ignore[no-untyped-def]
    """Yield what can be changed, and how: not annotations, docstrings and the words of errors."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Assert):
            continue
        if isinstance(node, ast.arg):
            continue
        yield from _of(node)
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                yield from _sites(ast.Module([part], []))
            continue
        if isinstance(node, ast.AnnAssign):
            if node.value is not None:
                yield from _of(node.value)
                yield from _sites(node.value)
            continue
        if isinstance(node, ast.FunctionDef):
            defaults = [ast.Expr(each) for each in (*node.args.defaults, *node.args.kw_defaults) if each]
            yield from _sites(ast.Module([*defaults, *node.body], []))
            continue
        yield from _sites(node)


def _of(node: ast.AST):  # type: ignore[no-untyped-def]
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        yield node, lambda: node.ops.__setitem__(0, COMPARED[type(node.ops[0])]())
    if isinstance(node, ast.BinOp) and type(node.op) in COMPUTED:
        yield node, lambda: setattr(node, "op", COMPUTED[type(node.op)]())
    if isinstance(node, ast.BoolOp):
        yield node, lambda: setattr(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield node, lambda: setattr(node, "op", ast.UAdd() if isinstance(node.op, ast.USub) else _Nothing.of(node))
    if isinstance(node, ast.IfExp):
        yield node, lambda: _swap(node)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        value = node.value
        new = not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else value * 1.5 + 0.01
        yield node, lambda: setattr(node, "value", new)
    if isinstance(node, ast.Attribute) and node.attr in NAMED:
        yield node, lambda: setattr(node, "attr", NAMED[node.attr])
    if isinstance(node, ast.Name) and node.id in NAMED and isinstance(node.ctx, ast.Load):
        yield node, lambda: setattr(node, "id", NAMED[node.id])


class _Nothing:
    """Takes a `not` or a `~` away by doubling it: the tree keeps its shape."""

    @staticmethod
    def of(node: ast.UnaryOp) -> ast.unaryop:
        kind = type(node.op)
        node.operand = ast.UnaryOp(kind(), node.operand)
        return kind()


def _swap(node: ast.IfExp) -> None:
    node.body, node.orelse = node.orelse, node.body


def noticed(mutant: Mutant, limit: int, prepared: str) -> bool:
    """Return whether the narrow tests notice a mutant of a prepared copy; runs in a process of its own."""
    with tempfile.TemporaryDirectory() as place:
        # With its compiled files: all but that of the mutated one are still true.
        shutil.copytree(prepared, place, dirs_exist_ok=True)
        (Path(place) / "gvlab" / mutant.file).write_text(mutant.text, encoding="utf-8")
        sys.dont_write_bytecode = True
        return fails(TESTS[mutant.file], limit, place)


def fails(tests: list[str], limit: int, place: str) -> bool:
    """Return whether tests of the copy of the package in a folder fail, or take too long."""
    # Seconds of work, not of the clock: on a busy machine every mutant would take too long, and so be noticed.
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, limit)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.chdir(ROOT)
        sys.path.insert(0, place)
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            try:
                return int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *tests])) != 0
            except TimeoutError:
                return True
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)


def _too_long(*_: object) -> None:
    raise TimeoutError


def main() -> int:
    """Try mutants, print those that survive, and fail when more do than may."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "files", nargs="*", choices=[[], *TESTS], default=[], help="files of src/gvlab; all when left out"
    )
    parser.add_argument("--all", action="store_true", help="every mutant; else a sample of each file")
    parser.add_argument("--sample", type=int, default=20, help="mutants of each file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--timeout", type=int, default=180, help="seconds of work after which one counts as noticed")
    parser.add_argument("--at-least", type=float, default=0.8, help="share that must be noticed")
    options = parser.parse_args()
    chosen: list[Mutant] = []
    for file in options.files or TESTS:
        found = list(mutants(file))
        # By name, so that a change of one file does not draw others anew.
        draw = random.Random(f"{options.seed} {file}")
        chosen += found if options.all else draw.sample(found, min(options.sample, len(found)))
    # In mixed order, so that whoever ends it early has a sample of all files.
    random.Random(options.seed).shuffle(chosen)
    start, survived = time.monotonic(), 0
    # A fresh process for each, forked from this one, which has imported what is slow and nothing of ours.
    with (
        tempfile.TemporaryDirectory() as prepared,
        multiprocessing.get_context("fork").Pool(options.workers, maxtasksperchild=1) as pool,
    ):
        shutil.copytree(PACKAGE, Path(prepared) / "gvlab", ignore=shutil.ignore_patterns("__pycache__"))
        # Tests that fail anyway would notice everything. What is compiled for these stays for the mutants.
        asked = dict.fromkeys(tuple(TESTS[mutant.file]) for mutant in chosen)
        broken = [tests for tests in asked if pool.apply(fails, (list(tests), options.timeout, prepared))]
        if broken:
            print("\n".join(f"Without a change these fail, or take too long: {', '.join(tests)}" for tests in broken))
            return 1
        tried = [(mutant, pool.apply_async(noticed, (mutant, options.timeout, prepared))) for mutant in chosen]
        for number, (mutant, result) in enumerate(tried, 1):
            if not result.get():
                survived += 1
                print(f"survived  {mutant.file}:{mutant.line}  {mutant.words}  (number {number})", flush=True)
    share = 1 - survived / max(1, len(chosen))
    print(f"{len(chosen) - survived} of {len(chosen)} noticed ({share:.0%}), {time.monotonic() - start:.0f} s")
    return int(share < options.at_least)


if __name__ == "__main__":
    sys.exit(main())
