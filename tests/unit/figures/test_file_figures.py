"""Figures of files: gates where they were set, rates at their minutes, causes, baselines, and tables on a screen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gvlab.assay.analysis import Analysis
from gvlab.assay.fcs import FlowFile
from gvlab.assay.gating import BooleanGate, Dimension, EllipsoidGate, PolygonGate, RectangleGate, Strategy
from gvlab.assay.transforms import Asinh
from gvlab.cli.common import as_options
from gvlab.cli.terminal_table import as_text, table_lines
from gvlab.figures.analysis import analysis_figures
from gvlab.figures.gates import gate_plots, population_tree
from gvlab.figures.seahorse import stress_test

SCATTER = (Dimension("FSC-A", "uncompensated"), Dimension("SSC-A", "uncompensated"))
SCALE = Asinh(262144.0, 4.5, 0.5)


@pytest.fixture
def tube():
    rng = np.random.default_rng(3)
    events = np.stack([rng.normal(5e4, 1e4, 400), rng.normal(2e4, 4e3, 400), rng.lognormal(7, 1, 400)], axis=1)
    return FlowFile(events, ("FSC-A", "SSC-A", "PE-A"), ("", "", "CD4"))


@pytest.fixture
def strategy():
    inf = float("inf")
    return Strategy(
        (
            PolygonGate("cells", SCATTER, ((3e4, 1e4), (7e4, 1e4), (7e4, 3e4), (3e4, 3e4))),
            RectangleGate("CD4+", (Dimension("PE-A", "uncompensated", "asinh"),), (0.5,), (inf,), "cells"),
            EllipsoidGate("core", SCATTER, (5e4, 2e4), ((1e8, 0.0), (0.0, 1.6e7)), 1.0, "cells"),
            BooleanGate("outer", "not", ("core",), "cells"),
        ),
        transforms={"asinh": SCALE},
    )


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_gates_are_drawn_on_their_own_axes_with_the_percentage_of_the_parent(tube, strategy):
    masks = strategy.apply(tube)
    figures, notes = gate_plots(tube, strategy, masks, 1)
    assert len(figures) == 3
    assert notes == ["Combinations of gates have no place on axes; they are in the tree: outer."]
    scatter, positive, core = (figure for figure in figures.values())
    assert scatter.axes[0].get_xlabel() == "FSC-A\nnot compensated"
    line = scatter.axes[0].lines[-1].get_xydata()
    assert [3e4, 1e4] in line.tolist()
    # The border of a gate stands at the number that the gate names, on the scale of the gate.
    assert positive.axes[0].get_xlabel() == "CD4 (PE-A)\nnot compensated, asinh"
    assert positive.axes[0].lines[-1].get_xdata()[0] == pytest.approx(0.5)
    ticks = dict(
        zip((t.get_text() for t in positive.axes[0].get_xticklabels()), positive.axes[0].get_xticks(), strict=True)
    )
    assert ticks["$10^{4}$"] == pytest.approx(float(SCALE.apply(np.array([1e4]))[0]))
    percent = 100 * masks["CD4+"].sum() / masks["cells"].sum()
    assert f"CD4+\n{percent:.1f} %" in texts(positive)
    # One standard deviation of each axis.
    ellipse = core.axes[0].lines[-1].get_xydata()
    assert np.ptp(ellipse[:, 0]) == pytest.approx(2e4, rel=1e-3)
    assert np.ptp(ellipse[:, 1]) == pytest.approx(8e3, rel=1e-3)


def test_the_tree_has_every_population_below_its_parent(tube, strategy):
    assert [(gate.name, depth) for gate, depth in strategy.in_order()] == [
        ("cells", 0),
        ("CD4+", 1),
        ("core", 1),
        ("outer", 1),
    ]
    shown = texts(population_tree(strategy, strategy.apply(tube), 400))
    assert shown.index("All events") < shown.index("cells") < shown.index("outer")


def test_rates_stand_at_the_minutes_of_their_measurement_and_the_spread_is_named():
    rates = {"a": [[1.0, 2.0], [3.0, 4.0]], "b": [[2.0, 2.0], [2.0, 4.0]]}
    axes = stress_test(rates, [1.3, 7.9], {"Oligomycin": 4.0}, label="OCR (pmol/min)").axes[0]
    assert axes.get_ylabel() == "OCR (pmol/min), mean ± SD"
    for bars in axes.containers:
        assert bars[0].get_xdata().tolist() == [1.3, 7.9]
    heights = axes.containers[0][2][0].get_segments()[0]
    assert np.ptp(heights[:, 1]) == pytest.approx(2 * np.sqrt(2.0))


def test_causes_of_death_are_drawn_and_corrected_p_values_stand_in_the_figure(tmp_path):
    rows = [("a", 10, 1, "GVHD"), ("a", 12, 1, "leukemia"), ("b", 20, 0, ""), ("b", 30, 1, "leukemia")]
    rows += [("c", 15, 1, "GVHD"), ("c", 16, 1, "GVHD")]
    subjects = pd.DataFrame(rows, columns=["arm", "duration", "event_observed", "cause"]).assign(entry=0.0)
    analysis = Analysis("survival", "Survival table", {"subjects": subjects}, False, (), tmp_path / "x.csv")
    figures, _ = analysis_figures(analysis)
    assert set(figures) == {"survival", "cumulative_incidence"}
    printed = [text.get_text() for text in figures["survival"].texts]
    # Two against two: one of six ways is as extreme on each side, and Holm doubles it.
    assert "p = 0.33 (permutation), Holm p = 0.67" in printed


def test_a_baseline_before_day_0_is_on_the_axis(tmp_path):
    rows = [(f"m{i}", "ab"[i % 2], day, "IL-15", 5.0 + i + day, "pg/mL") for i in range(6) for day in (-1, 9)]
    readings = pd.DataFrame(rows, columns=["subject", "arm", "time", "analyte", "value", "unit"])
    readings = readings.assign(below_lloq=False, above_uloq=False)
    figures, _ = analysis_figures(Analysis("readings", "Readings", {"readings": readings}, False, (), tmp_path / "x"))
    assert figures["IL-15_over_time"].axes[0].get_xlim()[0] == -1.0


def test_a_table_is_whole_in_a_pipe_and_fits_a_terminal():
    table = pd.DataFrame({"group": ["a", "bb"], **{f"a_long_parameter_{i}": [1234.5, np.nan] for i in range(12)}})
    piped = list(table_lines(table, width=None))
    assert len(piped) == 3
    assert "a_long_parameter_11" in piped[0]
    screen = list(table_lines(table, width=80))
    assert max(map(len, screen)) <= 80
    assert all(any(name in line for line in screen) for name in table.columns)
    # What names a row is repeated in every block.
    assert sum(line.startswith("bb") for line in screen) == screen.count("") + 1


@pytest.mark.parametrize(
    ("cell", "text"),
    [(1234.5, "1,234"), (0.05, "0.05"), (1e7, "1e+07"), (float("nan"), "-"), (12, "12"), (1e-5, "1e-05"), (None, "-")],
)
def test_numbers_are_printed_as_they_are_read(cell, text):
    assert as_text(cell) == text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("event=1 if", "--event-is 1 if"),
        ('event="Died".', '--event-is "Died".'),
        ("on which event= has no effect", "on which --event-is has no effect"),
        ("say sheet=... for", "say --sheet ... for"),
        ("data_set=2", "--data-set 2"),
    ],
)
def test_arguments_become_options(said, shown):
    assert as_options(said) == shown
