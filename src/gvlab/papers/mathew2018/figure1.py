"""Figure 1: synergy and survival in six mouse models, and leukemia imaged in the living animal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gvlab import units
from gvlab.experiment import Results
from gvlab.figures import Panel, Row, spider
from gvlab.papers.mathew2018.context import (
    BOTH,
    CONTROL,
    DRUG,
    LOOKS,
    T_CELLS,
    FigureContext,
    PaperFigure,
    origin_in_words,
    sample_animals,
    survival_panel,
)
from gvlab.statistics import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ARMS = (CONTROL, DRUG, T_CELLS, BOTH)
IMAGED = "human_into_rag2_molm13"
"""Its leukemia carries luciferase in the laboratory's later work (from memory, unverified)."""
IMAGING_DAYS = (3, 7, 10, 14, 17, 21, 24, 28, 35, 42, 49, 56)


def build(context: FigureContext) -> PaperFigure:
    """Build the figure; errors as `FigureContext.results`."""
    all_subjects = context.every_system("survival")
    n = all_subjects[0].experiment.arms[0].n
    drawn = [sample_animals(results, n) for results in all_subjects]
    looks = {arm: LOOKS[arm] for arm in ARMS}
    curves = [
        Panel(
            survival_panel(results, ARMS, looks, _power_note(context, results, n)),
            58.0,
            33.0,
            _short(results),
            letter=place == 0,
            verdicts=context.verdicts("C20", "C21", "C22", "C24") if place == 0 else (),
        )
        for place, results in enumerate(drawn)
    ]
    imaged = next(results for results in drawn if results.experiment.system.name == IMAGED)
    flux = context.read(imaged, "bioluminescence", IMAGING_DAYS)
    spiders = [
        Panel(
            _spider(imaged, flux.table, flux.limit or 0.0, arm),
            43.5,
            32.0,
            arm,
            letter=place == 0,
            left_mm=12.5 if place == 0 else 10.0,
        )
        for place, arm in enumerate(ARMS)
    ]
    day = all_subjects[0].experiment.last_day
    last = Panel(
        _survivors(all_subjects, day), 174.0, 32.0, f"Alive on day {day:g}, line: if both acted independently",
        below_mm=10.5,
    )  # fmt: skip
    caption = (
        f"(a) Survival of n = {n} mice per arm in the six models; in the corner, how often n = {n} would separate the "
        "combination from the other arm that comes nearest to it (log-rank, p < 0.05). (b) Alive on the last day, of "
        f"{max(len(run) for run in all_subjects[0].runs.values())} virtual mice per arm, with Wilson 95 % intervals; "
        "the tick is what the combination would give if sorafenib and T cells acted independently (Bliss). (c) Whole-"
        f"body bioluminescence of {imaged.experiment.system.title}, n = {n} per arm: a line a mouse, a cross where it "
        "died, gray below the detection floor, bar: sorafenib. Whether this leukemia was imaged in the paper is not "
        "known."
    )
    return PaperFigure(
        1,
        "Sorafenib and allogeneic T cells together give long-term survival in six models",
        (Row(tuple(curves), looks), Row((last,)), Row(tuple(spiders))),
        f"{caption} {origin_in_words(context, all_subjects)}",
        ("C20", "C21", "C22", "C24"),
        tuple(context.kept),
    )


def _short(results: Results) -> str:
    return results.experiment.system.title.replace(" leukemia", "").replace(
        "Rag2-/- Il2rg-/-", "Rag2\u207b/\u207b Il2rg\u207b/\u207b"
    )


def _power_note(context: FigureContext, results: Results, n: int) -> str:
    """Return how often the combination would be told from the arm that it is hardest to tell from."""
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
    return f"sig. in {100 * min(powers):.0f} %" if powers else ""


def _survivors(all_subjects: Sequence[Results], day: float) -> Callable[[Axes], None]:
    def drawn(axes: Axes) -> None:
        for place, results in enumerate(all_subjects):
            alive = {arm: results.events("overall_survival").holds_on(arm, day) for arm in ARMS}
            share = {arm: float(alive[arm].mean()) for arm in ARMS}
            for step, arm in enumerate(ARMS):
                x = place + 0.17 * (step - 1.5)
                lower, upper = wilson_interval(int(alive[arm].sum()), len(alive[arm]))
                look = LOOKS[arm]
                axes.vlines(x, 100 * lower, 100 * upper, color=look.color, linewidth=1.0)
                axes.plot(
                    x, 100 * share[arm], look.marker, color=look.color, markerfacecolor="white", markersize=4.2,
                    markeredgewidth=1.0,
                )  # fmt: skip
            expected = 1 - (1 - share[DRUG]) * (1 - share[T_CELLS])
            axes.hlines(100 * expected, place + 0.17, place + 0.40, color="#333333", linewidth=1.0, zorder=1)
        axes.set_xlim(-0.5, len(all_subjects) - 0.5)
        axes.set_ylim(-3, 104)
        axes.set_yticks([0, 25, 50, 75, 100])
        axes.set_ylabel("Alive (%)")
        from gvlab.figures.style import MM, figure_of, mark_simulated, wrapped

        systems = [each.experiment.system for each in all_subjects]
        names = [each.library.read("leukemias", str(each.record.leukemia)).title for each in systems]
        space = axes.get_position().width * figure_of(axes).get_figwidth() / MM / len(all_subjects) - 1.5
        size = 6.0 if space > 20.0 else 4.6
        axes.set_xticks(range(len(all_subjects)), [wrapped(name, space, size) for name in names], fontsize=size)
        axes.tick_params(axis="x", length=0)
        mark_simulated(axes, True)

    return drawn


def _spider(results: Results, table: pd.DataFrame, floor: float, arm: str) -> Callable[[Axes], None]:
    top = float(table["value"].max()) * 4.0
    wide = table[table["arm"] == arm].pivot(index="subject", columns="time", values="value")
    events = results.events("overall_survival").of(arm)
    numbers = results.run(arm).numbers
    ended = {
        int(numbers[int(place)]): duration if observed else np.inf
        for place, duration, observed in events[["subject", "duration", "event_observed"]].to_numpy(dtype=np.float64)
    }
    died = [ended.get(int(subject), np.inf) for subject in wide.index]
    dosed = results.experiment.system.doses["sorafenib"]
    given = arm in (DRUG, BOTH)

    def drawn(axes: Axes) -> None:
        doses = ("", units.day(dosed.at), units.day(str(dosed.until))) if given else None
        spider(
            [float(day) for day in wide.columns], wide.to_numpy(), floor=floor, died=died, doses=doses,
            look=LOOKS[arm], axis=axes,
            until=float(IMAGING_DAYS[-1]), limits=(floor / 6, top),
            label="Total flux (photon/s)" if arm == CONTROL else "",
        )  # fmt: skip

    return drawn
