"""The six figures of the paper's story: drawn, written as SVG, PDF and PNG, and made fit for the report.

A figure that cannot be drawn is told of and never stops a run: readings and verdicts are worth more than a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gvlab.experiment import Results
from gvlab.figures import save_figure, sheet
from gvlab.figures.style import Width, figure_bytes
from gvlab.findings.one_set import JudgedFinding
from gvlab.papers.mathew2018 import figure1, figure2, figure3, figure4, figure5, figure6
from gvlab.papers.mathew2018.desk import Desk, NotRunError, PaperFigure
from gvlab.provenance import make_folder, write_text
from gvlab.report.content import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BUILDERS: tuple[Callable[[Desk], PaperFigure], ...] = tuple(
    module.build for module in (figure1, figure2, figure3, figure4, figure5, figure6)
)
FOLDER = "figures"


@dataclass(frozen=True)
class Drawn:
    """What came of drawing.

    Attributes
    ----------
    pictures
        For the report, in order.
    files
        Written.
    faults
        Why a figure is missing, a sentence each.
    """

    pictures: tuple[Picture, ...]
    files: tuple[Path, ...]
    faults: tuple[str, ...]


def draw(
    runs: Mapping[tuple[str, str], Results],
    findings: Sequence[JudgedFinding],
    folder: Path | None = None,
    *,
    width: Width | float = "double",
    kinds: Sequence[str] = ("svg", "pdf", "png"),
) -> Drawn:
    """Draw every figure of the paper whose experiments were run.

    Parameters
    ----------
    runs, findings
        Results, and what was judged of them.
    folder
        Where a folder with the figures and, beside each, a table of its readings goes; None writes nothing.
    width
        Of the page: "double" (174 mm), "one-and-half" (114 mm), "single" (85 mm) or millimeters.
    kinds
        Files to write.

    Returns
    -------
    Pictures, files and faults. A figure whose experiments were not run is left out without a fault.
    """
    pictures, files, faults = [], [], []
    judged = {finding.record.id for finding in findings}
    if folder is not None:
        make_folder(folder / FOLDER)
    for number, build in enumerate(BUILDERS, start=1):
        try:
            figure = build(Desk(runs, findings))
            drawn = sheet(figure.rows, width=width)
            name = f"figure_{figure.number}"
            # Rendering is what takes time, so the file and the page share one SVG.
            svg = figure_bytes(drawn, "svg").decode("utf-8")
            if folder is not None:
                files += _write(folder / FOLDER, name, drawn, svg, kinds)
                files += _write_readings(folder / FOLDER / f"{name}.csv", figure)
            title = f"Figure {figure.number}. {figure.title}"
            inline = svg[svg.index("<svg") :]
            claims = tuple(claim for claim in figure.claims if claim in judged)
            pictures.append(Picture(f"paper-figure-{figure.number}", title, inline, figure.caption, claims))
        except NotRunError:
            continue
        # Whatever goes wrong in drawing, the verdicts and results of the run must still reach their reader.
        except Exception as error:
            faults.append(f"Figure {number} could not be drawn: {type(error).__name__}: {error}")
    return Drawn(tuple(pictures), tuple(files), tuple(faults))


def _write(folder: Path, name: str, drawn: Figure, svg: str, kinds: Sequence[str]) -> list[Path]:
    targets = [folder / f"{name}.{kind}" for kind in kinds]
    for target in targets:
        if target.suffix == ".svg":
            write_text(target, svg)
        else:
            save_figure(drawn, target)
    return targets


def _write_readings(path: Path, figure: PaperFigure) -> list[Path]:
    """Write what a figure shows as a table that says that it is simulated."""
    from gvlab.assay.readers.tables import write_csv
    from gvlab.assay.samples import MARK

    if not figure.readings:
        return []
    table = pd.concat(figure.readings, ignore_index=True)
    write_csv(path, list(table.columns), table.itertuples(index=False), comments=(MARK,))
    return [path]
