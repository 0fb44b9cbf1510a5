"""Says which subjects could not be solved, what they share, and the remedy."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from gvlab.arrays import Array, Int
from gvlab.engine import Status
from gvlab.errors import SolveError, SolveWarning
from gvlab.subject import Cohort

if TYPE_CHECKING:
    from gvlab.simulation.tasks import TaskResult

_SHOWN = 10
_TYPICAL_SHARE = 0.95


def show_warnings(results: Iterable[TaskResult], stacklevel: int = 2) -> None:
    """Warn of every subject that could not be solved, once each, with the label of its task."""
    shown: set[str] = set()
    for result in results:
        for words in result.warnings:
            text = f"{result.task.label}: {words}" if result.task.label else words
            if text not in shown:
                shown.add(text)
                warnings.warn(text, SolveWarning, stacklevel=stacklevel + 1)


def failures(statuses: Int[Array, "subject"], cohort: Cohort) -> tuple[tuple[str, ...], SolveError | None]:
    """Return a warning for each way in which subjects failed, and an error where all of them did."""
    n = len(cohort)
    failed = [(Status(code), np.flatnonzero(statuses == code)) for code in np.unique(statuses).tolist()]
    failed = [(status, rows) for status, rows in failed if not status.ok]
    if sum(len(rows) for _, rows in failed) == n:
        if len(failed) == 1:
            return (), SolveError(f"None of {n:,} subjects could be solved: each {failed[0][0].remedy}.")
        kinds = ", ".join(status.name for status, _ in failed)
        return (), SolveError(f"None of {n:,} subjects could be solved: {kinds}.")
    words = []
    for status, rows in failed:
        shown = ", ".join(map(str, rows[:_SHOWN].tolist())) + (", ..." if len(rows) > _SHOWN else "")
        words.append(
            f"{len(rows)} of {n:,} subjects {status.remedy} (row{'s' if len(rows) > 1 else ''} {shown})"
            f"{in_common(cohort, rows.tolist())}. The other subjects are complete."
        )
    return tuple(words), None


def in_common(cohort: Cohort, rows: list[int]) -> str:
    """Return what sets failed subjects apart, in words: a parameter larger, or smaller, than in almost all others."""
    if len(rows) < 2:
        return ""
    failed = np.zeros(len(cohort), dtype=bool)
    failed[rows] = True
    found = []
    for name, values in cohort.columns.items():
        low, high = values[failed].min(), values[failed].max()
        if np.mean(values[~failed] < low) >= _TYPICAL_SHARE:
            found.append(f"{name} >= {low:.3g} {cohort.unit(name)}")
        elif np.mean(values[~failed] > high) >= _TYPICAL_SHARE:
            found.append(f"{name} <= {high:.3g} {cohort.unit(name)}")
    return f", all with {' and '.join(found)}" if found else ""
