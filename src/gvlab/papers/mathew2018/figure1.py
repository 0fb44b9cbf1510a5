"""Figure 1: synergy and survival in six mouse models, and leukemia imaged in the living animal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gvlab import units
from gvlab.experiment import Results
from gvlab.figures import Panel, Row
from gvlab.papers.mathew2018.context import (
    BOTH,
    CONTROL,
    DRUG,
    T_CELLS,
    FigureContext,
    PaperFigure,
    keys_of,
    origin_in_words,
    sample_animals,
    survival_panel,
)
from gvlab.statistics import wilson_interval
from gvlab.views import (
    Axis,
    Course,
    Key,
    Mark,
    OverRow,
    Points,
    Segments,
    Style,
    View,
    ViewColumn,
    ViewTable,
    looks_of,
    recipe_of,
    spider_view,
    style_of,
)
from gvlab.views.publication import text_width_mm
from gvlab.views.survival import PERCENT
from gvlab.views.view import Cell

ARMS = (CONTROL, DRUG, T_CELLS, BOTH)
IMAGED = "human_into_rag2_molm13"
"""Its leukemia carries luciferase in the laboratory's later work (from memory, unverified)."""
IMAGING_DAYS = (3, 7, 10, 14, 17, 21, 24, 28, 35, 42, 49, 56)


def build(context: FigureContext) -> PaperFigure:
    """Build the figure; errors as `FigureContext.results`."""
    all_subjects = context.every_system("survival")
    n = all_subjects[0].experiment.arms[0].n
    drawn = [sample_animals(results, n) for results in all_subjects]
    curves = [
        Panel(
            survival_panel(results, ARMS, _short(results)), 58.0, 33.0, _short(results), letter=place == 0,
            verdicts=context.verdicts("C20", "C21", "C22", "C24") if place == 0 else (),
        )
        for place, results in enumerate(drawn)
    ]  # fmt: skip
    imaged = next(results for results in drawn if results.experiment.system.name == IMAGED)
    flux = context.read(imaged, "bioluminescence", IMAGING_DAYS)
    spiders = [
        Panel(_spider(imaged, flux.table, flux.limit or 0.0, flux.unit, arm), 43.5, 32.0, arm, letter=place == 0,
              left_mm=12.5 if place == 0 else 10.0)
        for place, arm in enumerate(ARMS)
    ]  # fmt: skip
    day = all_subjects[0].experiment.last_day
    alive = _survivors(all_subjects, day)
    widest = max(text_width_mm(name, 7.0) for _, name in alive.y.ticks or ())
    last = Panel(alive, 174.0, 36.0, alive.title, left_mm=widest + 4.0)
    powers = _powers(context, all_subjects, n)
    caption = (
        f"(a) Survival of n = {n} mice per arm in the six models{powers}. (b) Alive on the last day, of "
        f"{max(len(run) for run in all_subjects[0].runs.values())} virtual mice per arm, with Wilson 95 % intervals; "
        "the tick is what the combination would give if sorafenib and T cells acted independently (Bliss). (c) Whole-"
        f"body bioluminescence of {imaged.experiment.system.title}, n = {n} per arm: a line a mouse, a cross where it "
        "died, gray below the detection floor, bar: sorafenib. Whether this leukemia was imaged in the paper is not "
        "known."
    )
    views = [panel.draw for panel in curves if isinstance(panel.draw, View)]
    return PaperFigure(
        1,
        "Sorafenib and allogeneic T cells together give long-term survival in six models",
        (Row(tuple(curves), keys_of(views[:1])), Row((last,)), Row(tuple(spiders))),
        f"{caption} {origin_in_words(context, all_subjects)}",
        ("C20", "C21", "C22", "C24"),
        tuple(context.kept),
    )


def _short(results: Results) -> str:
    return results.experiment.system.title.replace(" leukemia", "").replace(
        "Rag2-/- Il2rg-/-", "Rag2\u207b/\u207b Il2rg\u207b/\u207b"
    )


def _powers(context: FigureContext, all_subjects: Sequence[Results], n: int) -> str:
    """Return in words how often the combination would be told from the arm that it is hardest to tell from."""
    found = []
    for results in all_subjects:
        powers = [
            judged.outcome.power.probability
            for finding in context.findings
            for judged in finding.comparisons
            if finding.record.id == "C20"
            and judged.system == results.experiment.system.name
            and judged.comparison.arm == BOTH
            and judged.outcome.power is not None
            and judged.outcome.power.n_a == n
        ]
        if powers:
            found.append(f"{100 * min(powers):.0f}")
    if not found:
        return ""
    return (
        f"; experiments of n = {n} would separate the combination from the arm that comes nearest to it (log-rank, "
        f"p < 0.05) in {', '.join(found)} % of repeats, in the order of the panels"
    )


def _survivors(all_subjects: Sequence[Results], day: float) -> View:
    """Return the share alive in each arm of each system with Wilson intervals, and what Bliss independence predicts."""
    marks: list[Mark] = []
    rows: list[tuple[Cell, ...]] = []
    names, said = [], []
    looks = looks_of(all_subjects[0])
    for place, results in enumerate(all_subjects):
        alive = {arm: results.events("overall_survival").holds_on(arm, day) for arm in ARMS}
        share = {arm: float(alive[arm].mean()) for arm in ARMS}
        system = results.experiment.system
        names.append(results.experiment.library.read("leukemias", str(system.record.leukemia)).title)
        for step, arm in enumerate(ARMS):
            y = -place + 0.17 * (1.5 - step)
            lower, upper = wilson_interval(int(alive[arm].sum()), len(alive[arm]))
            style = style_of(looks[arm], 1.3)
            marks.append(Segments((100 * lower,), (y,), (100 * upper,), (y,), style.but(dashes=())))
            marks.append(Points((100 * share[arm],), (y,), style, 6.5))
            rows.append((system.title, arm, len(alive[arm]), 100 * share[arm], 100 * lower, 100 * upper))
        expected = 100 * (1 - (1 - share[DRUG]) * (1 - share[T_CELLS]))
        marks.append(
            Segments((expected,), (-place - 0.42,), (expected,), (-place - 0.1,), Style("ink", width=1.8))
        )  # fmt: skip
        rows.append((system.title, "if both acted independently", None, expected, None, None))
        said.append(f"{names[-1]} {100 * share[BOTH]:.0f} % against {expected:.0f} %")
    return View(
        "shares",
        f"Alive on day {day:g}; tick: if both acted independently",
        f"Alive under the combination on day {day:g}, and if both acted independently: {'; '.join(said)}.",
        Axis(f"Alive on day {day:g}", -3.0, 103.0, "%", ticks=PERCENT),
        Axis("", 0.5 - len(all_subjects), 0.5, ticks=tuple((-float(at), name) for at, name in enumerate(names))),
        tuple(marks),
        ViewTable(tuple(map(ViewColumn, ("system", "arm", "n", "alive (%)", "from", "to"))), tuple(rows)),
        recipe_of(all_subjects[0]),
        keys=tuple(Key(arm, style_of(looks[arm]), "point") for arm in ARMS),
        height=210.0,
    )


def _spider(results: Results, table: pd.DataFrame, floor: float, unit: str, arm: str) -> View:
    top = float(table["value"].max()) * 4.0
    wide = table[table["arm"] == arm].pivot(index="subject", columns="time", values="value")
    events = results.events("overall_survival").of(arm)
    numbers = results.run(arm).numbers
    ended = {
        int(numbers[int(place)]): duration if observed else np.inf
        for place, duration, observed in events[["subject", "duration", "event_observed"]].to_numpy(dtype=np.float64)
    }
    died = np.array([ended.get(int(subject), np.inf) for subject in wide.index])
    dosed = results.experiment.system.doses["sorafenib"]
    given = (OverRow("sorafenib", ((units.day(dosed.at), units.day(str(dosed.until))),), "arm-3"),)
    days = np.asarray(wide.columns, dtype=np.float64)
    course = Course(
        "Total flux", unit, days, {arm: wide.to_numpy(dtype=np.float64)}, floor, log=True, ended={arm: died}
    )
    return spider_view(
        course, look=looks_of(results), until=float(IMAGING_DAYS[-1]), limits=(floor / 6, top), title=arm,
        over=given if arm in (DRUG, BOTH) else (), recipe=recipe_of(results),
    )  # fmt: skip
