"""Figure 5: leukemia cells of patients, before sorafenib and after."""

from __future__ import annotations

from gvlab.figures import Panel, Row
from gvlab.papers.mathew2018.context import FigureContext, PaperFigure
from gvlab.papers.mathew2018.patients import CONTEXT_OF_USE, PatientSamples

DAY = 14.0
CLAIMS = ("C35", "C36", "C37")
ASKED = (
    ("qpcr", "Il15", ("IL-15 mRNA", "IL-15 mRNA, qPCR"), "C35"),
    ("phosphoflow", "pIRF7", ("pIRF7", "Phosphorylated IRF7"), "C36"),
    ("chip_il15_promoter", "promoter", ("Enrichment", "IRF7 at the IL-15 promoter"), "C37"),
)


def build(context: FigureContext) -> PaperFigure:
    """Build the figure; errors as `PatientSamples`."""
    samples = PatientSamples(context)
    row = tuple(
        Panel(
            samples.dots(assay, analyte, DAY, names, log=True),
            58.0,
            44.0,
            names[1],
            verdicts=context.verdicts(claim),
            left_mm=17.0,
        )
        for assay, analyte, names, claim in ASKED
    )
    caption = (
        f"Blasts of virtual patients before sorafenib (day 0) and on day {DAY:g}, a dot a patient: (a) IL-15 mRNA by "
        "qPCR, (b) phosphorylated IRF7 by flow cytometry, (c) chromatin immunoprecipitation, all relative to untreated "
        f"cells. The paper reports them of responders; here the others stand beside. {samples.counts_in_words()} "
        f"{CONTEXT_OF_USE}"
    )
    return PaperFigure(
        5, "Leukemia cells of patients under sorafenib", (Row(row),), caption, CLAIMS, tuple(context.kept)
    )
