"""The six figures of the paper's story: drawn, as SVG, PDF and PNG, and made fit for the report.

A figure that cannot be drawn is told of and never stops a run: readings and verdicts are worth more than a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from gvlab.experiment import Results
from gvlab.figures import sheet
from gvlab.figures.style import Width, figure_bytes
from gvlab.findings.one_set import JudgedFinding
from gvlab.papers.drawn import DrawnFigures
from gvlab.papers.mathew2018 import figure1, figure2, figure3, figure4, figure5, figure6
from gvlab.papers.mathew2018.context import FigureContext, NotRunError, PaperFigure
from gvlab.report.content import Picture, Section

BUILDERS: tuple[Callable[[FigureContext], PaperFigure], ...] = tuple(
    module.build for module in (figure1, figure2, figure3, figure4, figure5, figure6)
)

TITLE = "The paper's story in six figures"
TEXT = (
    "Read through virtual assays, with their errors and limits, on as many mice and cultures as a laboratory has. "
    "The same figures as SVG, PDF and PNG, and a table of the readings of each, are in the folder figures."
)


def draw(
    runs: Mapping[tuple[str, str], Results],
    findings: Sequence[JudgedFinding],
    *,
    width: Width | float = "double",
    kinds: Sequence[str] = ("svg", "pdf", "png"),
) -> DrawnFigures:
    """Draw every figure of the paper whose experiments were run.

    Parameters
    ----------
    runs, findings
        Results, and what was judged of them.
    width
        Of the page: "double" (174 mm), "one-and-half" (114 mm), "single" (85 mm) or millimeters.
    kinds
        Kinds of files that are made of each: "svg", "pdf", "png".

    Returns
    -------
    A section for the report, files, tables and faults. A figure whose experiments were not run is left out without a
    fault.
    """
    pictures: list[Picture] = []
    files: dict[str, str | bytes] = {}
    readings: dict[str, pd.DataFrame] = {}
    faults: list[str] = []
    judged = {finding.record.id for finding in findings}
    for number, build in enumerate(BUILDERS, start=1):
        try:
            figure = build(FigureContext(runs, findings))
            drawn = sheet(figure.rows, width=width)
            name = f"figure_{figure.number}"
            made = {f"{name}.{kind}": figure_bytes(drawn, kind) for kind in kinds}
            title = f"Figure {figure.number}. {figure.title}"
            claims = tuple(claim for claim in figure.claims if claim in judged)
            pictures.append(
                Picture(
                    f"paper-figure-{figure.number}", title, figure.views, figure.caption, claims, figure.tables
                )
            )  # fmt: skip
        except NotRunError:
            continue
        # Whatever goes wrong in drawing, the verdicts and results of the run must still reach their reader.
        except Exception as error:
            faults.append(f"Figure {number} could not be drawn: {type(error).__name__}: {error}")
            continue
        files.update(made)
        if figure.readings:
            readings[f"{name}.csv"] = pd.concat(figure.readings, ignore_index=True)
    section = Section("paper-figures", TITLE, (TEXT,), tuple(pictures)) if pictures else None
    return DrawnFigures(section, files, readings, tuple(faults))
