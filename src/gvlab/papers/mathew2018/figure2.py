"""Figure 2: the IL-15 comes from the leukemia."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gvlab.assay.measurements import Measurements
from gvlab.experiment import Results
from gvlab.figures import Panel, Row
from gvlab.papers.mathew2018.context import (
    BOTH,
    CONTROL,
    DRUG,
    MICE,
    SIGNIFICANT,
    T_CELLS,
    FigureContext,
    PaperFigure,
    keys_of,
    origin_in_words,
    plus,
    readings_of,
    sample_animals,
    survival_panel,
)
from gvlab.views import Course, OverRow, View, dots_view, library_looks, looks_of, recipe_of, spider_view

SYSTEM = "balbc_into_b6_marrow_itd"
DAY = 9.0
DAYS = (4.0, 6.0, 9.0, 12.0, 16.0, 20.0, 30.0, 40.0)
NO_SOURCE, NO_HOST, BLOCKED = "IL-15-deficient leukemia", "IL-15-deficient recipient", "anti-IL-15"


def build(context: FigureContext) -> PaperFigure:
    """Build the figure; errors as `FigureContext.results`."""
    survival, source = context.results("survival", SYSTEM), context.results("il15_source", SYSTEM)
    n_survival = source.experiment.arms[0].n
    arms = (CONTROL, DRUG, T_CELLS, BOTH)
    first = context.read(sample_animals(survival, MICE), "serum_il15", DAY)
    courses = context.read(sample_animals(survival, MICE, 4 * MICE), "serum_il15", DAYS)
    lacking = [arm for lack in ("", f", {NO_SOURCE}", f", {NO_HOST}") for arm in (T_CELLS + lack, BOTH + lack)]
    knocked = context.read(sample_animals(source, MICE), "serum_il15", DAY)
    pairs = [(lacking[place], lacking[place + 1]) for place in (0, 2, 4)]
    given = {"T cells": plus(False, False, True, True), "Sorafenib": plus(False, True, False, True)}
    headlines = f"Serum IL-15 on day {DAY:g}", f"Serum IL-15 on day {DAY:g} without a source of IL-15"
    serum = Panel(
        _dots(survival, first, headlines[0], arms, given,
              [(T_CELLS, BOTH, context.significance(survival, "serum_il15", DAY, (T_CELLS, BOTH), MICE))]),
        52.0, 36.0, headlines[0], verdicts=context.verdicts("C13", "C15"), left_mm=14.0,
    )  # fmt: skip
    top = float(courses.table["value"].max()) * 3.0
    lines = [
        Panel(_course(survival, courses, arm, top), 61.0, 36.0, arm, letter=arm == T_CELLS,
              verdicts=context.verdicts("C14") if arm == BOTH else ())
        for arm in (T_CELLS, BOTH)
    ]  # fmt: skip
    rows = {
        "Sorafenib": plus(False, True, False, True, False, True),
        "Leukemia": ("WT", "WT", "def.", "def.", "WT", "WT"),
        "Recipient": ("WT", "WT", "WT", "WT", "def.", "def."),
    }
    marks = [(a, b, context.significance(source, "serum_il15", DAY, (a, b), MICE)) for a, b in pairs]
    knock = Panel(
        _dots(source, knocked, headlines[1], lacking, rows, marks), 76.0, 40.0, headlines[1],
        verdicts=context.verdicts("C16", "C17"), left_mm=17.0,
    )  # fmt: skip
    shown = [T_CELLS, BOTH, *(f"{BOTH}, {lack}" for lack in (NO_SOURCE, NO_HOST, BLOCKED))]
    headline = "Survival without either source of IL-15, and under antibody"
    alive = survival_panel(sample_animals(source, n_survival), shown, headline)
    curves = Panel(alive, 98.0, 40.0, headline, verdicts=context.verdicts("C16", "C17", "C19"))
    limit = first.limit or 0.0
    caption = (
        f"{survival.experiment.system.title}. (a) IL-15 in serum by ELISA, n = {MICE} mice per arm and those alive "
        f"shown; readings below the LLOQ, {limit:.3g} pg/mL, stand at it. (b) Over time, n = {MICE} per arm, "
        "a line a mouse, a cross where it died, bar: sorafenib. (c) As a, where leukemia or recipient cannot make "
        f"IL-15 (def.), n = {MICE}. (d) Survival, n = {n_survival} per arm. {SIGNIFICANT} (Mann-Whitney). What T cells "
        "see in the model is the IL-15 that blasts present to them; serum IL-15 is read and drives nothing."
    )
    return PaperFigure(
        2,
        "Leukemia cells are the source of the IL-15 that carries the benefit",
        (Row((serum, *lines)), Row((knock, curves), keys_of([alive]))),
        f"{caption} {origin_in_words(context, [survival, source])}",
        ("C13", "C14", "C15", "C16", "C17", "C19"),
        tuple(context.kept),
    )


def _dots(
    results: Results,
    measured: Measurements,
    title: str,
    arms: Sequence[str],
    rows: dict[str, tuple[str, ...]],
    brackets: list[tuple[str, str, str]],
) -> View:
    return dots_view(
        readings_of(measured, arms), label="IL-15", unit=measured.unit, rows=rows, log=True, title=title,
        look=library_looks(results.experiment.library, arms), recipe=recipe_of(results),
        brackets=[each for each in brackets if each[2]],
        limits={} if measured.limit is None else {"LLOQ": measured.limit},
    )  # fmt: skip


def _course(results: Results, measured: Measurements, arm: str, top: float) -> View:
    wide = measured.table[measured.table["arm"] == arm].pivot(index="subject", columns="time", values="value")
    wide = wide.reindex(columns=list(DAYS))
    # A mouse that is read no more has died: the run lasts longer than the sampling.
    died = np.where(wide[DAYS[-1]].isna(), DAYS[-1], np.inf)
    limit = measured.limit or 1.0
    course = Course("IL-15", measured.unit, np.array(DAYS), {arm: wide.to_numpy(dtype=np.float64)}, limit, "LLOQ",
                    log=True, ended={arm: died})  # fmt: skip
    return spider_view(
        course, look=looks_of(results), limits=(limit / 2.5, top), title=f"Serum IL-15, {arm}",
        over=(OverRow("sorafenib", ((4.0, 14.0),), "arm-3"),) if arm == BOTH else (), recipe=recipe_of(results),
    )  # fmt: skip
