"""The study schedule: what each arm is given and when, when it is read, on one calendar."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gvlab.errors import InvalidValueError
from gvlab.figures.style import (
    GRAY,
    LIGHT_GRAY,
    OKABE_ITO,
    Width,
    axes_at,
    finish,
    new_figure,
    styled,
    text_width_mm,
    width_mm,
)
from gvlab.figures.tables import chosen, require, time_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_MM = 4.4
_ARM_GAP_MM = 2.4


@styled
def schedule(
    doses: pd.DataFrame,
    *,
    until: float,
    arms: Sequence[str] | None = None,
    sizes: Mapping[str, int] | None = None,
    readouts: pd.DataFrame | None = None,
    unit: str = "day",
    time_zero: str = "transplantation",
    title: str | None = None,
    width: Width | float = "double",
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw the doses of each arm as a calendar: a triangle a single dose, a bar of ticks repeated ones.

    Parameters
    ----------
    doses
        One row a dose: ``arm, agent, amount`` (text with unit), ``start`` (day) and, for repeats, ``every`` (days) and
        ``stop`` (day of the last dose or the end); both NaN for a single dose.
    until
        Last day of the study.
    arms, sizes
        Arms in order; subjects in each.
    readouts
        ``readout, day``: marks in a row of their own.
    unit, time_zero, title, width, save
        As in `survival`.
    """
    require(doses, ("arm", "agent", "amount", "start", "every", "stop"), "table of doses")
    if not np.isfinite(until) or until <= 0:
        raise InvalidValueError(f"The study ends on day {until:g}; that must be after day 0.")
    late = doses[doses["start"] > until]
    if len(late):
        raise InvalidValueError(
            f'"{late["agent"].iloc[0]}" starts on day {late["start"].iloc[0]:g}, after the end of the study on day '
            f"{until:g}."
        )
    names = chosen(arms, doses["arm"])
    agents = list(dict.fromkeys(doses["agent"].astype(str)))
    colors = {agent: OKABE_ITO[1:][i % (len(OKABE_ITO) - 1)] for i, agent in enumerate(agents)}
    scale = time_scale(unit)
    blocks = [(name, doses[doses["arm"].astype(str) == name]) for name in names]
    across = width_mm(width)
    figure = new_figure(across, 20, constrained=False)
    texts = [f"{row.agent}, {row.amount}" for row in doses.itertuples(index=False)]
    heads = [_head(name, sizes) for name in names]
    widths = [text_width_mm(text, 6.2) for text in texts] + [text_width_mm(h, 6.6, "bold") for h in heads]
    left = min(0.5 * across, 4 + max(widths))
    lines = sum(len(block.groupby(["agent", "amount"], sort=False)) + 1 for _, block in blocks)
    reading_rows = 0 if readouts is None else readouts["readout"].nunique() + 1
    below, above = 11.0, 6.0 if title else 2.0
    high = (lines + reading_rows) * _ROW_MM + (len(blocks) + (reading_rows > 0)) * _ARM_GAP_MM
    tall = below + high + above
    figure.set_size_inches(across / 25.4, tall / 25.4)
    axes = axes_at(figure, left, below, across - left - 4, high)
    earliest = min(0.0, float(doses["start"].min()))
    margin = 0.012 * (until - earliest)
    axes.set_xlim((earliest - margin) / scale, (until + margin) / scale)
    axes.set_ylim(high, 0)
    y = 0.0
    for name, block in blocks:
        y = _arm(axes, name, block, sizes, colors, until, scale, y)
    if readouts is not None:
        _readouts(axes, readouts, scale, y)
    _frame(axes, unit, time_zero)
    if title:
        figure.text(2 / across, 1 - 1.5 / tall, title, fontsize=8, fontweight="bold", va="top")
    return finish(figure, save)


def _head(name: str, sizes: Mapping[str, int] | None) -> str:
    return f"{name} (n = {sizes[name]})" if sizes and name in sizes else name


def _arm(
    axes: Axes,
    name: str,
    block: pd.DataFrame,
    sizes: Mapping[str, int] | None,
    colors: Mapping[str, str],
    until: float,
    scale: float,
    y: float,
) -> float:
    y += _ROW_MM * 0.5 + _ARM_GAP_MM
    _left(axes, y, _head(name, sizes), fontweight="bold", fontsize=6.6)
    axes.axhline(y + _ROW_MM * 0.42, color=LIGHT_GRAY, linewidth=0.5)
    for (agent, amount), rows in block.groupby(["agent", "amount"], sort=False):
        y += _ROW_MM
        _left(axes, y, f"{agent}, {amount}")
        for start, every, stop in rows[["start", "every", "stop"]].to_numpy(dtype=np.float64):
            _dose(axes, start, every, stop, y, colors[str(agent)], until, scale)
    return y + _ROW_MM * 0.5


def _dose(
    axes: Axes, start: float, every: float, stop: float, y: float, color: str, until: float, scale: float
) -> None:
    if not np.isfinite(every):
        axes.plot([start / scale], [y], marker="v", markersize=4.2, color=color, clip_on=False, zorder=4)
        return
    end = min(stop if np.isfinite(stop) else until, until)
    times = np.arange(start, end + 1e-9, every)
    axes.plot(
        [start / scale, end / scale], [y, y], color=color, alpha=0.3, linewidth=5, solid_capstyle="butt", zorder=2
    )
    axes.plot(times / scale, np.full(len(times), y), "|", color=color, markersize=4.6, markeredgewidth=0.9, zorder=3)
    axes.annotate(
        f"every {every:g} d" if every != 1 else "daily", (end / scale, y), xytext=(4, 0), textcoords="offset points",
        va="center", fontsize=5.6, color=GRAY,
    )  # fmt: skip


def _readouts(axes: Axes, readouts: pd.DataFrame, scale: float, y: float) -> None:
    require(readouts, ("readout", "day"), "table of readouts")
    y += _ROW_MM * 0.5 + _ARM_GAP_MM
    _left(axes, y, "Readouts", fontweight="bold", fontsize=6.6)
    axes.axhline(y + _ROW_MM * 0.42, color=LIGHT_GRAY, linewidth=0.5)
    for readout, rows in readouts.groupby("readout", sort=False):
        y += _ROW_MM
        _left(axes, y, str(readout))
        days = rows["day"].to_numpy(dtype=np.float64) / scale
        axes.plot(days, np.full(len(days), y), "o", markersize=3, fillstyle="none", color="black", zorder=4)


def _left(axes: Axes, y: float, text: str, **style: Any) -> None:
    axes.annotate(
        text, (0, y), xycoords=("axes fraction", "data"), xytext=(-4, 0), textcoords="offset points", ha="right",
        va="center", annotation_clip=False, **{"fontsize": 6.2, **style},
    )  # fmt: skip


def _frame(axes: Axes, unit: str, time_zero: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.axvline(0, color="black", linewidth=0.8, zorder=1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 2, 2.5, 5, 10]))
    axes.grid(axis="x", color="#EBEBEB", linewidth=0.5, zorder=0)
    axes.set_axisbelow(True)
    axes.set_xlabel(f"{unit.capitalize()}s ({unit} 0 = {time_zero})")
