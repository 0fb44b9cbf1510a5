"""Figure 3: cytotoxic, long-lived, unexhausted CD8 T cells, and leukemia cleared again in secondary recipients."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gvlab.arrays import Array, Bool, Float
from gvlab.assay.fcs import FlowFile
from gvlab.assay.flow import record_strategy
from gvlab.assay.gating import compensate
from gvlab.assay.measurements import Measurements
from gvlab.assay.readers.fcs import read_fcs
from gvlab.experiment import Results
from gvlab.experiment import sampling as virtual
from gvlab.figures import Panel, Row
from gvlab.papers.mathew2018.context import (
    BOTH,
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
from gvlab.views import Look, View, ViewRecipe, dots_view, flow_view, histogram_view, looks_of, recipe_of

SYSTEM = "b6_into_balbc_wehi3b"
SECONDARY = ("b6_into_balbc_wehi3b", "balbc_into_b6_mll_ptd")
ASSAY, DAY = "cd8_flow", 12.0
NO_SOURCE, BLOCKED = "IL-15-deficient leukemia", "anti-IL-15"
LACKING = ("", f", {NO_SOURCE}", f", {BLOCKED}")
ARMS = tuple(arm + lack for lack in LACKING for arm in (T_CELLS, BOTH))
CYTOTOXIC = "CD107a\u207a IFN-\u03b3\u207a CD8"
SHOWN = (T_CELLS, BOTH, f"{BOTH}, {NO_SOURCE}")
SHORT = {T_CELLS: "T cells", BOTH: "T cells + sorafenib", SHOWN[2]: "+ sorafenib, IL-15-def. leukemia"}
PRIMARIES = ("no T cells", "T cells of primaries without sorafenib", "T cells of primaries with sorafenib")


@dataclass(frozen=True)
class Tube:
    """Gated events of one mouse: compensated signals by marker, and the percentage in the last gate."""

    signals: Mapping[str, Float[Array, "_event"]]
    percent: float


def build(context: FigureContext) -> PaperFigure:
    """Build the figure; errors as `FigureContext.results`."""
    all_subjects = context.results("cd8_phenotype", SYSTEM)
    secondary = [context.results("secondary", system) for system in SECONDARY]
    drawn = sample_animals(all_subjects, MICE)
    percent = context.read(drawn, ASSAY, DAY, "cd107a_ifng_percent")
    medians = {marker: context.read(drawn, ASSAY, DAY, analyte) for marker, analyte in
               (("Bcl2", "bcl2_median"), ("PD1", "pd1_median"))}  # fmt: skip
    tubes = acquired(drawn, percent)
    record = virtual.assay_of(all_subjects, ASSAY).parameters.record
    gate = next(each for each in record.gates if each.name == "cd107a_ifng")
    corner = (float(gate.bounds["CD107a"][0] or 0.0), float(gate.bounds["IFNg"][0] or 0.0))
    how, made = looks_of(all_subjects), recipe_of(drawn)
    scatters = [
        Panel(_scatter(tubes[arm], corner, how[arm], SHORT[arm], made), 43.0, 31.0, SHORT[arm], letter=arm == T_CELLS)
        for arm in SHOWN
    ]
    rows = {
        "Sorafenib": plus(False, True, False, True, False, True),
        "IL-15": ("+", "+", "KO", "KO", "AB", "AB"),
    }

    def dots(measured: Measurements, label: str, unit: str, title: str, analyte: str) -> View:
        pairs = [(T_CELLS, BOTH), (BOTH, f"{BOTH}, {NO_SOURCE}")]
        brackets = [(*pair, context.significance(all_subjects, ASSAY, DAY, pair, MICE, analyte)) for pair in pairs]
        return dots_view(
            readings_of(measured, ARMS), label=label, unit=unit, rows=rows, look=how, title=title, recipe=made,
            brackets=[each for each in brackets if each[2]],
        )  # fmt: skip

    def histogram(marker: str, name: str) -> View:
        signals = {SHORT[arm]: tubes[arm].signals[marker] for arm in SHOWN}
        return histogram_view(
            signals, name=name, look={SHORT[arm]: how[arm] for arm in SHOWN}, title=name, recipe=made
        )  # fmt: skip

    first = Row(
        (*scatters, Panel(dots(percent, "Of donor CD8", "%", CYTOTOXIC, "cd107a_ifng_percent"), 45.0, 31.0, CYTOTOXIC,
                          verdicts=context.verdicts("C29", "C32"), left_mm=15.0))
    )  # fmt: skip
    second = Row(
        (
            Panel(histogram("Bcl2", "Bcl-2 (APC)"), 38.0, 31.0, "Bcl-2", left_mm=8.0),
            Panel(dots(medians["Bcl2"], "Bcl-2 (median)", "", "Bcl-2, all mice", "bcl2_median"), 49.0, 31.0,
                  letter=False,
                  verdicts=context.verdicts("C30"), left_mm=17.0),
            Panel(histogram("PD1", "PD-1 (BV711)"), 38.0, 31.0, "PD-1", left_mm=8.0),
            Panel(dots(medians["PD1"], "PD-1 (median)", "", "PD-1, all mice", "pd1_median"), 49.0, 31.0,
                  letter=False,
                  verdicts=context.verdicts("C31"), left_mm=17.0),
        ),
        {SHORT[arm]: how[arm] for arm in SHOWN},
    )  # fmt: skip
    n = secondary[0].experiment.arms[0].n
    alive = [
        survival_panel(sample_animals(each, n), PRIMARIES, f"Secondary recipients: {each.experiment.system.title}")
        for each in secondary
    ]
    third = Row(
        tuple(
            Panel(view, 87.0, 32.0, view.title, letter=place == 0,
                  verdicts=context.verdicts("C33", "C34") if place == 0 else ())
            for place, view in enumerate(alive)
        ),
        keys_of(alive[:1]),
    )  # fmt: skip
    caption = (
        f"{all_subjects.experiment.system.title}, day {DAY:g}; {record.specimen}. (a) Donor CD8 of "
        "one mouse per arm, the one whose percentage is the median of its arm: contours hold 10 to 90 % of the events. "
        f"(b) CD107a\u207a IFN-\u03b3\u207a of donor CD8, n = {MICE} mice per arm, shown if cells suffice; KO: "
        "IL-15-deficient leukemia, AB: anti-IL-15. (c, d) Bcl-2 and PD-1 of donor CD8: histograms of the mice of a, "
        f"broken line: median; medians of all mice. {SIGNIFICANT} (Mann-Whitney). (e) Secondary recipients of "
        f"leukemia and of T cells from primary recipients, without drug, n = {n} per arm."
    )
    return PaperFigure(
        3,
        "CD8 T cells become cytotoxic, long-lived and unexhausted",
        (first, second, third),
        f"{caption} {origin_in_words(context, [all_subjects, *secondary])}",
        ("C29", "C30", "C31", "C32", "C33", "C34"),
        tuple(context.kept),
    )


def acquired(drawn: Results, percent: Measurements) -> dict[str, Tube]:
    """Acquire a tube of the median mouse of each arm shown, write it as FCS, and read and gate the file."""
    runs = {}
    for arm in SHOWN:
        rows = percent.table[percent.table["arm"] == arm].sort_values("value")
        subject = int(rows["subject"].iloc[(len(rows) - 1) // 2])
        run = drawn.run(arm)
        runs[arm] = run.select(np.flatnonzero(run.numbers == subject)[:1])
    readings = virtual.read(replace(drawn, runs=runs), ASSAY, [DAY], raw=True)
    strategy = record_strategy(virtual.assay_of(drawn, ASSAY).parameters.record)
    files = dict(zip(readings.table["arm"], readings.table["raw_file"], strict=True))
    tubes = {}
    with tempfile.TemporaryDirectory() as folder:
        for file in readings.files:
            if file.name.endswith(".fcs"):
                file.write_to(Path(folder) / file.name)
        for arm in SHOWN:
            tubes[arm] = _gated(read_fcs(Path(folder) / files[arm]), strategy.apply, ("CD107a", "IFNg", "Bcl2", "PD1"))
    return tubes


def _gated(
    file: FlowFile,
    gates: Callable[[FlowFile], Mapping[str, Bool[Array, "event"]]],
    markers: Sequence[str],
) -> Tube:
    masks = gates(file)
    clean = compensate(file, *file.spillover) if file.spillover else np.asarray(file.events, dtype=np.float64)
    parent = masks["donor_cd8"]
    signals = {marker: np.asarray(clean[parent, file.column(marker)], dtype=np.float64) for marker in markers}
    return Tube(signals, 100.0 * float(masks["cd107a_ifng"].sum()) / max(1.0, float(parent.sum())))


def _scatter(tube: Tube, corner: tuple[float, float], look: Look, title: str, recipe: ViewRecipe) -> View:
    return flow_view(
        tube.signals["CD107a"], tube.signals["IFNg"], names=("CD107a (PE)", "IFN-\u03b3 (PE-Cy7)"), gate=corner,
        percent=tube.percent, look=look, title=title, recipe=recipe,
    )  # fmt: skip
