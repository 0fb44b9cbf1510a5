"""The panels below the result: why, assays, how many mice, own data. Each is made when its tab is open."""

from __future__ import annotations

from collections.abc import Mapping

from gvlab.simulation.cancel import CancelToken
from gvlab.web.laboratory import Answer
from gvlab.web.state import BenchState
from gvlab.web.templates import render

TITLES = {
    "result": "Result",
}
"""Tabs, and what a reader calls them."""


def tabs_part(state: BenchState) -> str:
    """Return the row of tabs."""
    return render("tabs.html.j2", tabs=list(TITLES.items()), here=state.look.tab) if len(TITLES) > 1 else ""


def panel_parts(answer: Answer, cancel: CancelToken | None = None) -> Mapping[str, str]:
    """Return the open panel."""
    return {"panel": ""}
