"""Papers, each a folder of its own: what only one paper's report shows. A study of the library names its paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from gvlab.errors import UnknownNameError

if TYPE_CHECKING:
    from gvlab.experiment import Results
    from gvlab.figures.style import Width
    from gvlab.findings.one_set import JudgedFinding
    from gvlab.papers.drawn import DrawnFigures

PAPERS: Mapping[str, str] = {"mathew2018": "gvlab.papers.mathew2018.figures"}
"""By name, the module whose `draw` draws the figures of the paper."""


def draw_figures(
    paper: str,
    runs: Mapping[tuple[str, str], Results],
    findings: Sequence[JudgedFinding],
    *,
    width: Width | float = "double",
) -> DrawnFigures:
    """Draw the figures of a paper as far as their experiments were run.

    Parameters
    ----------
    paper
        Its name, as a study of the library has it.
    runs, findings
        Results by experiment and system, and what was judged of them.
    width
        Of the page: the name of a width of a journal, or millimeters.

    Raises
    ------
    UnknownNameError
        If no such paper is known.
    """
    if paper not in PAPERS:
        raise UnknownNameError("paper", paper, PAPERS)
    drawn: DrawnFigures = import_module(PAPERS[paper]).draw(runs, findings, width=width)
    return drawn
