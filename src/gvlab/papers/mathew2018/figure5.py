"""Figure 5: leukemia cells of patients. The model has no human part yet, and the figure says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from gvlab.figures import Panel, Row
from gvlab.figures.sheet import VERDICT_MARKS
from gvlab.figures.style import GRAY, MM, figure_of, wrapped
from gvlab.findings.one_set import JudgedFinding
from gvlab.papers.mathew2018.context import FigureContext, NotRunError, PaperFigure
from gvlab.report.content import ReportTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLAIMS = ("C35", "C36", "C37", "C38", "C39", "C40", "C41")
SIZE, LINE_MM = 6.5, 3.4


def build(context: FigureContext) -> PaperFigure:
    """Build the figure.

    Raises
    ------
    NotRunError
        If no claim on patients was judged.
    """
    found = [finding for finding in context.findings if finding.record.id in CLAIMS]
    if not found:
        raise NotRunError("The figure lists what patients' cells showed, and no such claim was judged.")
    height = 7.0 + sum(LINE_MM * (1 + len(finding.record.statement) // 76) + 1.2 for finding in found)
    panel = Panel(
        _table(found), 174.0, height, "Leukemia and T cells of patients: not simulated", left_mm=2.0, below_mm=1.0,
        letter=False,
    )  # fmt: skip
    caption = (
        "Nothing is drawn, because nothing was simulated: the model has no patients yet, and readings of mice or of "
        "cultured cells are not shown in their place. The table lists what the paper and its commentary report of "
        "patients; each stands as a claim that a human part will be held to. For generating and ranking hypotheses and "
        f"planning experiments; not for individual treatment decisions. GVLab, {context.model_in_words}."
    )
    return PaperFigure(
        5,
        "Leukemia cells of patients: a part that the model does not have",
        (Row((panel,)),),
        caption,
        tuple(finding.record.id for finding in found),
        tables=(ReportTable(panel.title, _frame(found)),),
    )


def _frame(found: Sequence[JudgedFinding]) -> pd.DataFrame:
    rows = [
        (f"{finding.record.id} {VERDICT_MARKS[str(finding.verdict)][0]}", finding.record.statement, finding.reason)
        for finding in found
    ]
    return pd.DataFrame(rows, columns=["Claim", "Reported of patients", "Why the model cannot say"])


def _table(found: Sequence[JudgedFinding]) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        box = axes.get_position()
        across, high = figure_of(axes).get_size_inches() / MM
        wide, tall = box.width * across, box.height * high
        axes.set_xlim(0, wide)
        axes.set_ylim(tall, 0)
        axes.axis("off")
        columns = (0.0, 11.0, 0.60 * wide)
        for left, head in zip(columns, ("Claim", "Reported of patients", "Why the model cannot say"), strict=True):
            axes.text(left, 2.0, head, fontsize=SIZE, color=GRAY, va="center")
        axes.plot([0, wide], [4.2, 4.2], color="#999999", linewidth=0.6)
        y = 6.6
        for finding in found:
            glyph, color = VERDICT_MARKS[str(finding.verdict)]
            axes.text(columns[0], y, f"{finding.record.id} {glyph}", fontsize=SIZE, color=color, va="center")
            texts = (
                wrapped(finding.record.statement, columns[2] - columns[1] - 4.0, SIZE),
                wrapped(finding.reason, wide - columns[2] - 1.0, SIZE),
            )
            lines = max(text.count("\n") + 1 for text in texts)
            for left, text in zip(columns[1:], texts, strict=True):
                axes.text(left, y - 0.5 * LINE_MM, text, fontsize=SIZE, va="top", linespacing=1.25)
            y += LINE_MM * lines + 1.2
        if y > tall:
            axes.set_ylim(y, 0)

    return draw
