"""Figure 4: FLT3-ITD, ATF4, IRF7 and the transcription of IL-15 in cultured leukemia cells."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from gvlab.arrays import Array, Float
from gvlab.experiment import Results
from gvlab.experiment import sampling as virtual
from gvlab.figures import Panel, Row
from gvlab.papers.mathew2018.context import (
    CULTURES,
    SIGNIFICANT,
    FigureContext,
    PaperFigure,
    origin_in_words,
    plus,
    readings_of,
    sample_animals,
)
from gvlab.views import Look, View, ViewRecipe, blot_view, dots_view, looks_of, recipe_of

SYSTEM, DAY = "culture_flt3itd", 1.0
CHANGED = ("IRF7 knockdown", "ATF4 overexpression")
ARMS = ("vehicle", "sorafenib", *(arm for change in CHANGED for arm in (change, f"{change} + sorafenib")))
PHOSPHO_BLOT, PHOSPHO_FLOW = "Phospho-IRF7 (western blot)", "Phospho-IRF7 (phospho-flow)"
PROMOTER, SUPERNATANT = "IRF7 at the Il15 promoter (ChIP-qPCR)", "IL-15 in supernatant (ELISA)"
OTHERS = "Other FLT3 inhibitors: Il15 (RT-qPCR)"
INHIBITORS = ("vehicle", "sorafenib", "gilteritinib", "quizartinib", "crenolanib", "midostaurin")
ROWS = {
    "Sorafenib": plus(False, True, False, True, False, True),
    "IRF7 KD": plus(False, False, True, True, False, False),
    "ATF4 OE": plus(False, False, False, False, True, True),
}


def build(context: FigureContext) -> PaperFigure:
    """Build the figure; errors as `FigureContext.results`."""
    all_subjects = context.results("axis", SYSTEM)
    drawn = sample_animals(all_subjects, CULTURES)
    how, made = looks_of(all_subjects), recipe_of(drawn)

    def dots(
        assay: str,
        analyte: str | None,
        label: str,
        title: str,
        pairs: Sequence[tuple[str, str]],
        unit: str = "",
        ceiling: float | None = None,
    ) -> View:
        measured = context.read(drawn, assay, DAY, analyte)
        brackets = [
            (*pair, context.significance(all_subjects, assay, DAY, pair, CULTURES, analyte, ratio=True))
            for pair in pairs
        ]
        return dots_view(
            readings_of(measured, ARMS), label=label, unit=unit or "of vehicle", rows=ROWS, look=how, title=title,
            brackets=[each for each in brackets if each[2]], reference=None if unit else 1.0, recipe=made,
            limits={} if ceiling is None else {"ULOQ": ceiling},
        )  # fmt: skip

    treated = ("vehicle", "sorafenib")
    knocked, forced = (("sorafenib", f"{change} + sorafenib") for change in CHANGED)
    first = Row(
        (
            Panel(_blot(drawn, made), 62.0, 30.0, "Western blot, one culture", left_mm=17.0),
            Panel(dots("western", "ATF4", "ATF4", "ATF4 (western blot)", [treated]), 56.0, 32.0, "ATF4 (western blot)",
                  left_mm=17.0,
                  verdicts=context.verdicts("C03", "C09")),
            Panel(dots("western", "pIRF7", "pIRF7", PHOSPHO_BLOT, [treated, forced]), 56.0, 32.0, PHOSPHO_BLOT,
                  verdicts=context.verdicts("C04", "C08"), letter=False, left_mm=17.0),
        )
    )  # fmt: skip
    second = Row(
        (
            Panel(dots("phosphoflow", "pIRF7", "pIRF7, MFI", PHOSPHO_FLOW, [treated, forced]), 43.5, 32.0,
                  PHOSPHO_FLOW, verdicts=context.verdicts("C04", "C08"), left_mm=15.0),
            *(
                Panel(dots("qpcr", gene, f"{gene} mRNA", f"{gene} (RT-qPCR)", pairs), 43.5, 32.0, f"{gene} (RT-qPCR)",
                      letter=gene == "Il15", verdicts=context.verdicts(*claims), left_mm=15.0)
                for gene, pairs, claims in (
                    ("Il15", [treated, knocked, forced], ("C02", "C05")), ("Irf7", [], ()), ("Atf4", [treated], ()),
                )
            ),
        )
    )  # fmt: skip
    uloq = virtual.upper_limit(virtual.assay_of(all_subjects, "serum_il15"))
    third = Row(
        (
            Panel(dots("chip_il15_promoter", None, "Bound", PROMOTER, [treated, knocked]), 58.0, 32.0,
                  PROMOTER, left_mm=17.0),
            Panel(dots("serum_il15", None, "IL-15", SUPERNATANT, [treated, knocked, forced], "pg/mL", uloq), 58.0, 32.0,
                  SUPERNATANT, verdicts=context.verdicts("C01", "C06", "C07"), left_mm=17.0),
            Panel(_inhibitors(readings_of(context.read(drawn, "qpcr", DAY, "Il15"), INHIBITORS), how, made), 58.0, 32.0,
                  OTHERS, verdicts=context.verdicts("C11"), left_mm=17.0),
        )
    )  # fmt: skip
    caption = (
        f"{all_subjects.experiment.system.title}, {24 * DAY:g} h of 10 nM sorafenib; n = {CULTURES} independent "
        "cultures. KD: knock-down, OE: overexpression. (a) A western blot drawn of the signals read, beside its "
        "loading control. (b) Bands over loading control, relative to untreated lanes. (c) Phospho-flow, median over "
        "unstained. (d) RT-qPCR, efficiency-corrected \u0394\u0394Ct against untreated calibrators; Irf7 mRNA changes "
        "by knock-down alone in the model. (e) ChIP-qPCR. (f) ELISA of the supernatant; readings above the ULOQ stand "
        f"at it. (g) Other inhibitors, at the doses of their records. {SIGNIFICANT} (Welch on logarithms)."
    )
    return PaperFigure(
        4,
        "Inhibition of FLT3-ITD lowers ATF4, frees IRF7 and raises IL-15",
        (first, second, third),
        f"{caption} {origin_in_words(context, [all_subjects], 'Cultures')}",
        ("C01", "C02", "C03", "C04", "C05", "C06", "C07", "C08", "C09", "C11"),
        tuple(context.kept),
    )


def _inhibitors(readings: dict[str, Float[Array, "_culture"]], look: dict[str, Look], recipe: ViewRecipe) -> View:
    rows = {"": tuple(f"{name[:3]}." if name == "vehicle" else f"{name[:4]}." for name in readings)}
    return dots_view(
        readings, label="Il15 mRNA", unit="of vehicle", rows=rows, look={name: look[name] for name in readings},
        reference=1.0, title=OTHERS, recipe=recipe,
    )  # fmt: skip


def _blot(drawn: Results, recipe: ViewRecipe) -> View:
    """Read the signals of the membrane off its raw file, and return a picture of them."""
    readings = virtual.read(drawn, "western", [DAY], raw=True)
    with TemporaryDirectory() as folder:
        path = Path(folder) / readings.files[0].name
        readings.files[0].write_to(path)
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    table = pd.read_csv(io.StringIO("\n".join(lines)))
    labels = [f"{virtual.label(list(drawn.runs).index(arm), int(drawn.run(arm).numbers[0]))} d{DAY:g}" for arm in ARMS]
    bands = {}
    for analyte, name in (("ATF4", "ATF4"), ("pIRF7", "pIRF7")):
        rows = table[table["Analyte"] == analyte].set_index("Sample")
        bands[name] = np.asarray(rows.loc[labels, "Signal"], dtype=np.float64)
    loading = table[table["Analyte"] == "ATF4"].set_index("Sample").loc[labels, "Loading"]
    bands["Loading"] = np.asarray(loading, dtype=np.float64)

    return blot_view(bands, ROWS, title="Western blot, one culture", recipe=recipe)
