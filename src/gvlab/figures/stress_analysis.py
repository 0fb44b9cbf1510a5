"""Figures of a stress test that was read from a file: rates over time, and what was computed of each well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gvlab.assay.analysis import Analysis
from gvlab.figures.groups import groups
from gvlab.figures.seahorse import stress_test
from gvlab.figures.style import looks, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMES_IN_A_ROW = 4


def stress_figures(analysis: Analysis, _: str, __: str, figures: dict[str, Figure], ___: list[str]) -> None:
    """Draw OCR and ECAR at the minutes of their measurement, and the parameters of the wells, into `figures`."""
    rates = analysis.tables["rates"]
    rates = rates[rates["group"].str.lower() != "background"]
    minutes = sorted(rates["minute"].unique())
    injections = _injections(rates, minutes)
    names = list(dict.fromkeys(rates["group"]))
    for rate in ("ocr", "ecar"):
        by_arm = {
            arm: rates[rates["group"] == arm].pivot(index="well", columns="minute", values=rate).to_numpy()
            for arm in names
        }
        figures[rate] = stress_test(
            by_arm, minutes, injections, label=f"{rate.upper()} ({analysis.units[rate]})", look=looks(names),
            simulated=analysis.simulated, width="double", height_mm=66.0,
        )  # fmt: skip
        axes = figures[rate].axes[0]
        wells = {arm: len(values) for arm, values in by_arm.items()}
        handles, arms = axes.get_legend_handles_labels()
        axes.legend(
            handles, [f"{arm} (n = {wells[arm]} wells)" for arm in arms], loc="upper left", bbox_to_anchor=(1.0, 1.0),
            fontsize=6,
        )  # fmt: skip
    if "wells" in analysis.tables:
        figures["parameters"] = _parameters(analysis, analysis.tables["wells"])


def _injections(rates: pd.DataFrame, minutes: list[float]) -> dict[str, float]:
    """Return the minute of each injection: half-way between the measurements before and after it."""
    first = rates.drop_duplicates("phase").iloc[1:]
    found = {}
    for phase, minute in first[["phase", "minute"]].to_numpy():
        before = max((each for each in minutes if each < minute), default=minute)
        found[str(phase)] = 0.5 * (float(before) + float(minute))
    return found


def _parameters(analysis: Analysis, wells: pd.DataFrame) -> Figure:
    columns = [str(column) for column in wells if column not in ("well", "group")]
    figure, drawn = panels(-(-len(columns) // 2), 2, letters=False)
    rate = analysis.units["ecar" if "glyco" in analysis.title.lower() else "ocr"]
    look = looks(dict.fromkeys(wells["group"].astype(str)))
    for panel, column in zip(drawn, columns, strict=False):
        readings = {
            str(group): part[column].dropna().to_numpy(dtype=np.float64)
            for group, part in wells.groupby("group", sort=False)
        }
        readings = {group: found for group, found in readings.items() if len(found)}
        if readings:
            unit = "%" if "percent" in column or "efficiency" in column else rate
            groups(
                readings, unit=unit, label=column.replace("_", " "), axis=panel, look=look,
                simulated=analysis.simulated,
            )  # fmt: skip
    for panel in drawn[len(columns) :]:
        panel.set_visible(False)
    _one_legend(figure, drawn)
    return figure


def _one_legend(figure: Figure, drawn: list[Axes]) -> None:
    """Put the legend that panels share below them, where it covers no well."""
    legends = [legend for panel in drawn if (legend := panel.get_legend()) is not None]
    if not legends:
        return
    handles = legends[0].legend_handles
    names = [text.get_text() for text in legends[0].get_texts()]
    for legend in legends:
        legend.remove()
    figure.legend(
        [handle for handle in handles if handle is not None], names, loc="outside lower center",
        ncols=_NAMES_IN_A_ROW, handletextpad=0.2, fontsize=6.5,
    )  # fmt: skip
