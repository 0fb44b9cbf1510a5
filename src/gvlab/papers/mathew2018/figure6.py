"""Figure 6: metabolism of patients' CD8 T cells by extracellular flux, in responders and in others."""

from __future__ import annotations

from gvlab.figures import Panel, Row
from gvlab.papers.mathew2018.context import FigureContext, PaperFigure
from gvlab.papers.mathew2018.patients import CONTEXT_OF_USE, PatientSamples

DAY = 56.0
CLAIMS = ("C39", "C40", "C41")
ASKED = (
    ("seahorse_mito", "spare", ("SRC", "Spare respiratory capacity"), ("C39", "C41")),
    ("seahorse_glycolysis", "glycolytic_capacity", ("GC", "Glycolytic capacity"), ("C40", "C41")),
)


def build(context: FigureContext) -> PaperFigure:
    """Build the figure; errors as `PatientSamples`."""
    samples = PatientSamples(context)
    row = tuple(
        Panel(
            samples.dots(assay, analyte, DAY, names),
            87.0,
            46.0,
            names[1],
            verdicts=context.verdicts(*claims),
            left_mm=17.0,
        )
        for assay, analyte, names, claims in ASKED
    )
    verdict = dict(context.verdicts("C41")).get("C41", "")
    said = (
        " The paper reports no rise in non-responders (C41), and the model shows one as in responders: this is not "
        "reproduced."
        if verdict == "not"
        else ""
    )
    caption = (
        f"CD8 of virtual patients before sorafenib (day 0) and on day {DAY:g}, a dot a patient, by extracellular flux: "
        "(a) mitochondrial stress test, (b) glycolysis stress test. Respiration at rest is held equal in the model; "
        f"both capacities are read and drive nothing.{said} {samples.counts_in_words()} {CONTEXT_OF_USE}"
    )
    title = "Spare respiratory and glycolytic capacity of patients' CD8 T cells"
    return PaperFigure(6, title, (Row(row),), caption, CLAIMS, tuple(context.kept))
