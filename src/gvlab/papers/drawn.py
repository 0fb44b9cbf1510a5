"""What drawing the figures of a paper gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from gvlab.report.content import Section


@dataclass(frozen=True)
class DrawnFigures:
    """Figures of a paper.

    Attributes
    ----------
    section
        For the report; None where no figure could be drawn.
    files
        Figures by name of file, such as ``figure_1.pdf``.
    readings
        What each figure shows as a table, by name of file, such as ``figure_1.csv``.
    faults
        Why a figure is missing, a sentence each.
    """

    section: Section | None
    files: Mapping[str, str | bytes]
    readings: Mapping[str, pd.DataFrame]
    faults: tuple[str, ...]
