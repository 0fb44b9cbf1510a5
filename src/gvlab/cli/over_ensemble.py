"""Prints what plausible parameter sets say of the claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from gvlab.cli.common import out

if TYPE_CHECKING:
    from gvlab.workflows.ask_ensemble import EnsembleAnswer


def print_answer(answer: EnsembleAnswer) -> None:
    """Print shares, and in words what is robust and what is not."""
    from gvlab.findings.robustness import unsolved_in_words
    from gvlab.report.ensemble_section import in_words

    table = Table(title="Over plausible parameter sets", title_justify="left", header_style="bold", pad_edge=False)
    table.add_column("claim", no_wrap=True)
    table.add_column("role", no_wrap=True)
    table.add_column("sets that reproduce it", justify="right", no_wrap=True)
    table.add_column("conclusion", overflow="fold")
    for verdict in answer.found:
        if verdict.reproduced is None:
            continue
        share, low, high = verdict.reproduced.value, verdict.reproduced.lower, verdict.reproduced.upper
        decided = " (decided)" if verdict.used_for_calibration == "all" else ""
        shown = f"{100 * share:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
        table.add_row(verdict.record.id, verdict.record.role, shown, f"{verdict.robustness}{decided}")
    out.print(table)
    for line in in_words(answer.found):
        out.print(line, highlight=False)
    if unsolved := unsolved_in_words(answer.answers):
        out.print(f"[yellow]{unsolved}[/yellow]")
    if answer.stale:
        out.print(
            "[yellow]The model or its tables have changed since the ensemble was made; gvlab calibrate makes it "
            "anew.[/yellow]"
        )
