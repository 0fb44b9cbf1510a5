"""Figure 6: metabolism of donor CD8 T cells by extracellular flux."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.assay.readers.wave import read_wave
from gvlab.assay.seahorse import Traces
from gvlab.experiment import Results
from gvlab.experiment import sampling as virtual
from gvlab.figures import Panel, Row
from gvlab.papers.mathew2018.context import (
    BOTH,
    MICE,
    SIGNIFICANT,
    T_CELLS,
    FigureContext,
    NotRunError,
    PaperFigure,
    origin_in_words,
    plus,
    readings_of,
    sample_animals,
)
from gvlab.views import View, dots_view, looks_of, recipe_of, seahorse_view

SYSTEM, DAY = "b6_into_balbc_wehi3b", 12.0
NO_SOURCE, BLOCKED = "IL-15-deficient leukemia", "anti-IL-15"
ARMS = tuple(arm + lack for lack in ("", f", {NO_SOURCE}", f", {BLOCKED}") for arm in (T_CELLS, BOTH))
SHOWN = (T_CELLS, BOTH, f"{BOTH}, {NO_SOURCE}")


def build(context: FigureContext) -> PaperFigure:
    """Build the figure; errors as `FigureContext.results`."""
    all_subjects = context.results("cd8_phenotype", SYSTEM)
    # The mice of flow cytometry were killed for it; these are others, as far as there are enough.
    drawn = sample_animals(all_subjects, MICE, skip=len(ARMS) * MICE)
    how = looks_of(all_subjects)
    rows = {
        "Sorafenib": plus(False, True, False, True, False, True),
        "IL-15": ("+", "+", "KO", "KO", "AB", "AB"),
    }

    def dots(assay: str, analyte: str, label: str) -> View:
        measured = context.read(drawn, assay, DAY, analyte)
        pairs = [(T_CELLS, BOTH), (BOTH, f"{BOTH}, {NO_SOURCE}")]
        brackets = [(*pair, context.significance(all_subjects, assay, DAY, pair, MICE, analyte)) for pair in pairs]
        return dots_view(
            readings_of(measured, ARMS), label=label, unit=measured.unit, rows=rows, look=how, title=label,
            brackets=[each for each in brackets if each[2]], recipe=recipe_of(drawn),
        )  # fmt: skip

    made = []
    for assay, analyte, rate, title, label, claims in (
        ("seahorse_mito", "spare", "oxygen", "Mitochondrial stress test", ("OCR", "pmol/min"), ("C42", "C52")),
        ("seahorse_glycolysis", "glycolytic_capacity", "acid", "Glycolysis stress test", ("ECAR", "mpH/min"), ("C42",)),
    ):
        name = "Spare respiratory capacity" if analyte == "spare" else "Glycolytic capacity"
        made.append(
            Row(
                (
                    Panel(_traces(drawn, assay, rate, label, title), 104.0, 42.0, title),
                    Panel(dots(assay, analyte, name), 70.0, 42.0, name, verdicts=context.verdicts(*claims),
                          left_mm=17.0),
                ),
                {arm: how[arm] for arm in SHOWN} if rate == "acid" else {},
            )
        )  # fmt: skip
    caption = (
        f"{all_subjects.experiment.system.title}, day {DAY:g}: 2e5 sorted donor CD8 per well, five wells a mouse. (a, "
        f"c) Rates, mean and standard deviation of mice (n = {MICE} per arm, shown if cells suffice), injections; SRC: "
        "spare respiratory capacity, GC: glycolytic capacity, of the combination. (b, d) Computed from each mouse's "
        "wells as the instrument's software does; KO: IL-15-deficient leukemia, AB: anti-IL-15. "
        f"{SIGNIFICANT} (Mann-Whitney). Respiration at rest is held equal in the model; both capacities are read and "
        "drive nothing. The paper reports them of patients; here they are asked of mice."
    )
    return PaperFigure(
        6,
        "Donor CD8 T cells gain spare respiratory and glycolytic capacity",
        tuple(made),
        f"{caption} {origin_in_words(context, [all_subjects])}",
        ("C42", "C52"),
        tuple(context.kept),
    )


def _traces(drawn: Results, assay: str, rate: str, label: tuple[str, str], title: str) -> View:
    shown = virtual.draw(Results(drawn.experiment, {arm: drawn.run(arm) for arm in SHOWN}, drawn.seed, False), MICE)
    readings = virtual.read(shown, assay, [DAY], raw=True)
    by_arm: dict[str, list[Float[Array, "cycle"]]] = {arm: [] for arm in SHOWN}
    arm_of = dict(zip(readings.table["subject"], readings.table["arm"], strict=True))
    plate: Traces | None = None
    with tempfile.TemporaryDirectory() as folder:
        for file in readings.files:
            path = Path(folder) / file.name
            file.write_to(path)
            plate, _ = read_wave(path)
            rates = plate.oxygen if rate == "oxygen" else plate.acid
            groups = np.array(plate.group)
            for subject, arm in arm_of.items():
                wells = groups == f"{subject} d{DAY:g}"
                if wells.any():
                    by_arm[arm].append(np.asarray(rates[wells].mean(axis=0), dtype=np.float64))
    if plate is None:
        raise NotRunError("The figure needs cells of every arm shown, and no mouse had enough for a well.")
    phase, minute = plate.phase, plate.minute
    half = 0.5 * float(minute[1] - minute[0])
    injections = {name: float(minute[phase == number][0]) - half for number, name in enumerate(plate.phases) if number}
    rates_of = {arm: np.stack(rows) for arm, rows in by_arm.items() if rows}
    mean = rates_of[BOTH].mean(axis=0)
    last_rest = float(mean[phase == 0][-1])
    top = float(mean[phase == 2].max())

    how = looks_of(drawn)
    return seahorse_view(
        rates_of, list(minute), injections, label=label[0], unit=label[1], look={arm: how[arm] for arm in SHOWN},
        bracket=(BOTH, "SRC" if rate == "oxygen" else "GC", last_rest, top), title=title, recipe=recipe_of(drawn),
    )  # fmt: skip
