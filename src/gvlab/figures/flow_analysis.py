"""Figures of a flow cytometry file: its markers, and gates on the axes on which they were set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.assay.analysis import Analysis
from gvlab.assay.fcs import FlowFile
from gvlab.assay.flow_analysis import channel_labels
from gvlab.assay.gating import compensate
from gvlab.figures.flow import half_offset_histograms, two_markers
from gvlab.figures.gates import gate_plots, population_tree
from gvlab.figures.tables import file_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DRAWN = 20_000
"""Events of a figure; more cannot be told apart in print."""
_MOST_MARKERS = 12
_NO_MARKER = ("FSC", "SSC", "TIME", "WIDTH", "EVENT")


def flow_figures(analysis: Analysis, _: str, __: str, figures: dict[str, Figure], notes: list[str]) -> None:
    """Draw the populations with their gates where there are some, else every pair of markers, into `figures`."""
    file = analysis.flow
    if file is None:
        return
    step = max(1, len(file.events) // MOST_DRAWN)
    if step > 1:
        notes.append(f"Figures draw every {step}th event; the tables count all of them.")
    if analysis.strategy is not None and analysis.strategy.gates:
        masks = analysis.strategy.apply(file)
        figures["populations"] = population_tree(analysis.strategy, masks, len(file.events), analysis.simulated)
        drawn, left_out = gate_plots(file, analysis.strategy, masks, step, analysis.simulated)
        figures |= drawn
        notes += left_out
    _markers(analysis, file, step, figures, notes)


def _markers(analysis: Analysis, file: FlowFile, step: int, figures: dict[str, Figure], notes: list[str]) -> None:
    signals = compensate(file, *file.spillover) if file.spillover else np.asarray(file.events, dtype=np.float64)
    names = [marker or channel for channel, marker in zip(channel_labels(file), file.markers, strict=True)]
    usual = [i for i, channel in enumerate(file.channels) if not channel.upper().startswith(_NO_MARKER)]
    if not usual:
        notes.append("The file has no fluorescence channels, so no marker is drawn.")
        return
    shown = signals[::step]
    limits = {i: _limits(shown[:, i]) for i in usual}
    if analysis.strategy is None:
        for one, other in zip(usual[::2], usual[1::2], strict=False):
            low, high = zip(limits[one], limits[other], strict=True)
            figures[file_name(f"{names[one]}_{names[other]}", figures)] = two_markers(
                shown[:, one], shown[:, other], names=(names[one], names[other]), limits=(min(low), max(high)),
                simulated=analysis.simulated, width=70.0, height_mm=62.0,
            )  # fmt: skip
    few = usual[:_MOST_MARKERS]
    if len(usual) > len(few):
        notes.append(f"Histograms are drawn of the first {len(few)} of {len(usual)} markers.")
    figures["markers"] = half_offset_histograms(
        {names[i]: shown[:, i] for i in few},
        name="Signal, compensated" if file.spillover else "Signal, not compensated",
        limits=(min(limits[i][0] for i in few), max(limits[i][1] for i in few)),
        simulated=analysis.simulated,
        width="one-and-half",
        height_mm=30.0 + 7.0 * len(few),
    )
    axes = figures["markers"].axes[0]
    for place, i in enumerate(few):
        # Left of the axis, where no histogram lies.
        axes.annotate(
            names[i], (0, 0.55 * place + 0.05), xycoords=("axes fraction", "data"), xytext=(-3, 0),
            textcoords="offset points", ha="right", va="bottom", fontsize=6, annotation_clip=False,
        )  # fmt: skip
    axes.set_ylabel("")


def _limits(signal: Float[Array, "event"]) -> tuple[float, float]:
    """Return the lowest and the highest signal that an axis shows, with room at both ends."""
    low, high = np.quantile(signal, [0.0005, 0.9995])
    return min(-100.0, float(low) * (1.3 if low < 0 else 0.7)), max(1e3, 1.3 * float(high))
