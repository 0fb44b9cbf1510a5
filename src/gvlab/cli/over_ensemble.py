"""What `gvlab run` asks the ensemble of plausible parameter sets, and how it prints the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from gvlab.cli.common import PAPER, out

if TYPE_CHECKING:
    from gvlab.calibration import Ensemble
    from gvlab.findings.many_sets import Answers
    from gvlab.findings.robustness import EnsembleVerdict

SETS, QUICK_SETS = 120, 30
"""Plausible sets that are asked by default, and in a quick run; --ensemble asks all."""


def over_ensemble(names: Sequence[str], *, every: bool, quick: bool) -> OverEnsemble | None:
    """Ask plausible sets what they say of the findings of experiments; None without an ensemble or findings.

    Parameters
    ----------
    names
        Of experiments.
    every
        Ask every set.
    quick
        Ask a few.
    """
    from gvlab import library
    from gvlab.calibration import Ensemble, Evaluator, Recipe
    from gvlab.errors import LibraryError
    from gvlab.findings.robustness import judge_ensemble

    if not any(each.experiment in names for each in library.read_all("findings").values()):
        return None
    recipe = Recipe.read(PAPER)
    if not every and not recipe.file().is_file():
        return None
    ensemble = Ensemble.read(PAPER)
    if not every:
        ensemble = ensemble.thin(QUICK_SETS if quick else SETS)
    everything = Evaluator(recipe)
    if everything.space.names != ensemble.names:
        raise LibraryError("The ensemble varies other parameters than the tables have now. Run: gvlab calibrate")
    records = [each for each in library.read_all("findings").values() if each.cannot_say or each.experiment in names]
    evaluator = Evaluator(recipe, records, space=everything.space)
    total = len(ensemble) * recipe.subjects_checked * len(evaluator.plans)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{len(ensemble)} plausible parameter sets", total=total)
        found, answers = judge_ensemble(ensemble, evaluator, records, progress=lambda done: bar.advance(task, done))
    return OverEnsemble(ensemble, tuple(found), recipe.subjects_checked, answers)


class OverEnsemble:
    """Verdicts over an ensemble, ready to be shown."""

    def __init__(self, ensemble: Ensemble, found: tuple[EnsembleVerdict, ...], subjects: int, answers: Answers) -> None:
        self.ensemble = ensemble
        self.answers = answers
        self.found = found
        self.subjects = subjects

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {
            "sets": len(self.ensemble),
            "effective_sets": round(self.ensemble.effective, 1),
            "subjects": self.subjects,
            "stale": self.ensemble.stale(),
            "unsolved": self.answers.unsolved_counts(),
            "findings": [verdict.to_dict() for verdict in self.found],
        }

    def print(self) -> None:
        """Print shares, and in words what is robust and what is not."""
        from gvlab.findings.robustness import unsolved_in_words
        from gvlab.report.ensemble_section import in_words

        table = Table(title="Over plausible parameter sets", title_justify="left", header_style="bold", pad_edge=False)
        table.add_column("claim", no_wrap=True)
        table.add_column("role", no_wrap=True)
        table.add_column("sets that reproduce it", justify="right", no_wrap=True)
        table.add_column("conclusion", overflow="fold")
        for verdict in self.found:
            if verdict.reproduced is None:
                continue
            share, low, high = verdict.reproduced.value, verdict.reproduced.lower, verdict.reproduced.upper
            decided = " (decided)" if verdict.used_for_calibration == "all" else ""
            shown = f"{100 * share:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
            table.add_row(verdict.record.id, verdict.record.role, shown, f"{verdict.robustness}{decided}")
        out.print(table)
        for line in in_words(self.found):
            out.print(line, highlight=False)
        if unsolved := unsolved_in_words(self.answers):
            out.print(f"[yellow]{unsolved}[/yellow]")
        if self.ensemble.stale():
            out.print(
                "[yellow]The model or its tables have changed since the ensemble was made; gvlab calibrate makes it "
                "anew.[/yellow]"
            )
