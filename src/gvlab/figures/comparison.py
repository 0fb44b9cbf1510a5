"""Data over prediction: what was seen solid and filled, what was simulated as a band and a dashed line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gvlab.errors import InvalidValueError
from gvlab.figures.style import (
    GRAY,
    Look,
    Width,
    finish,
    looks,
    name_vertical_axis,
    new_figure,
    styled,
    text_width_mm,
    width_mm,
    wrapped,
)
from gvlab.figures.tables import chosen, require
from gvlab.statistics import kaplan_meier

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

from gvlab.arrays import FloatArray

_COLUMNS = 3


@styled
def survival_over_prediction(
    observed: pd.DataFrame,
    bands: Mapping[str, tuple[FloatArray, FloatArray, FloatArray, FloatArray]],
    *,
    notes: Mapping[str, str] | None = None,
    arms: Sequence[str] | None = None,
    look: Mapping[str, Look] | None = None,
    time_zero: str = "transplantation",
    outcome: str = "Survival",
    width: Width | float = "double",
    height_mm: float = 52.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw the Kaplan-Meier curve of each arm over what was predicted for as many subjects.

    Parameters
    ----------
    observed
        One row a subject: ``arm, duration, event_observed``.
    bands
        By arm: days, and lower limit, median and upper limit of predicted curves (0 to 1).
    notes
        By arm: a line below its heading.
    arms, look
        Arms in order, and their looks.
    time_zero, outcome, width, height_mm, save
        As in `survival`; the height is that of one row of panels.
    """
    require(observed, ("arm", "duration", "event_observed"), "table of event times")
    names = chosen(arms, observed["arm"])
    how = dict(look) if look else looks(names)
    figure, panels = _panels(names, width, height_mm)
    for axes, name in zip(panels, names, strict=False):
        rows = observed[observed["arm"] == name]
        if name not in bands:
            raise InvalidValueError(f'There is no predicted band for the arm "{name}".')
        days, low, middle, high = bands[name]
        color = how[name].color
        axes.fill_between(days, 100 * low, 100 * high, step="post", color=color, alpha=0.15, linewidth=0, zorder=1)
        axes.step(days, 100 * middle, where="post", color=color, linestyle=(0, (3, 2)), linewidth=0.9, zorder=2)
        curve = kaplan_meier(rows["duration"], rows["event_observed"]).table
        time, alive = (curve[column].to_numpy(dtype=np.float64) for column in ("time", "survival"))
        axes.step(time, 100 * alive, where="post", color=color, linewidth=1.7, zorder=4)
        left = curve["censored"].to_numpy() > 0
        axes.plot(time[left], 100 * alive[left], "|", color=color, markersize=5, markeredgewidth=0.9, zorder=5)
        axes.set_ylim(0, 104)
        axes.set_yticks([0, 25, 50, 75, 100])
        axes.set_xlim(0, max(float(days[-1]), 1.0) * 1.02)
        axes.set_xlabel(f"Days (day 0 = {time_zero})")
        axes.set_ylabel(f"{outcome} (%)")
        _head(axes, f"{name} (n = {len(rows)})", (notes or {}).get(name, ""))
    _legend(figure, "data", "simulated, 90 % band of experiments with as many subjects")
    return finish(figure, save)


@styled
def readings_over_prediction(
    observed: pd.DataFrame,
    band: pd.DataFrame,
    *,
    label: str,
    unit: str,
    arms: Sequence[str] | None = None,
    look: Mapping[str, Look] | None = None,
    log: bool = False,
    time_zero: str = "transplantation",
    width: Width | float = "double",
    height_mm: float = 52.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw readings of single subjects over the predicted band of each arm.

    Parameters
    ----------
    observed
        Columns ``arm, time, value``.
    band
        Columns ``arm, time, low, median, high``.
    label, unit
        Name and unit of the reading.
    log
        Logarithmic axis.
    arms, look, time_zero, width, height_mm, save
        As in `survival_over_prediction`.
    """
    require(observed, ("arm", "time", "value"), "table of readings")
    require(band, ("arm", "time", "low", "median", "high"), "table of predicted bands")
    names = chosen(arms, observed["arm"])
    how = dict(look) if look else looks(names)
    figure, panels = _panels(names, width, height_mm)
    everything = np.concatenate([observed["value"], band["low"].dropna(), band["high"].dropna()]).astype(np.float64)
    latest = float(observed["time"].max())
    for axes, name in zip(panels, names, strict=False):
        rows, predicted = observed[observed["arm"] == name], band[band["arm"] == name].sort_values("time")
        color, marker = how[name].color, how[name].marker
        days, low, middle, high = (predicted[c].to_numpy(dtype=np.float64) for c in ("time", "low", "median", "high"))
        if len(days) > 1:
            axes.fill_between(days, low, high, color=color, alpha=0.15, linewidth=0, zorder=1)
            axes.plot(days, middle, color=color, linestyle=(0, (3, 2)), linewidth=0.9, zorder=2)
        else:
            half = 0.03 * max(latest, 1.0)
            axes.fill_between(
                [days[0] - half, days[0] + half], low[0], high[0], color=color, alpha=0.15, linewidth=0, zorder=1
            )
            axes.plot(
                [days[0] - half, days[0] + half], [middle[0]] * 2, color=color, linestyle=(0, (3, 2)), linewidth=0.9
            )
        axes.scatter(rows["time"], rows["value"], s=11, marker=marker, color=color, linewidths=0, zorder=4)
        if log:
            axes.set_yscale("log")
            axes.set_ylim(0.7 * everything[everything > 0].min(), 1.4 * everything.max())
        else:
            axes.set_ylim(min(0.0, 1.05 * everything.min()), 1.08 * everything.max())
        axes.set_xlim(0, 1.05 * latest if latest > 0 else 1)
        axes.set_xlabel(f"Days (day 0 = {time_zero})")
        name_vertical_axis(axes, f"{label} ({unit})")
        _head(axes, f"{name} (n = {rows['subject'].nunique() if 'subject' in rows else len(rows)})", "")
    _legend(figure, "data, every subject", "simulated, 90 % band of subjects", dots=True)
    return finish(figure, save)


def _panels(names: Sequence[str], width: Width | float, height_mm: float) -> tuple[Figure, list[Axes]]:
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    across = width_mm(width) * columns / _COLUMNS if columns < _COLUMNS else width_mm(width)
    figure = new_figure(max(across, 85.0), height_mm * rows + 8.0)
    panels = [axes for row in figure.subplots(rows, columns, squeeze=False) for axes in row]
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    return figure, panels


def _head(axes: Axes, heading: str, note: str) -> None:
    from gvlab.figures.style import MM, figure_of

    space = figure_of(axes).get_figwidth() / MM / max(1, axes.get_gridspec().ncols) - 14.0  # type: ignore[union-attr]
    size = 7.0
    while size > 5.5 and text_width_mm(heading, size, "bold") > space:
        size -= 0.25
    text = wrapped(heading, space, size)
    axes.set_title(text, fontsize=size, pad=11 if note else 4)
    if note:
        axes.annotate(
            note, (0, 1), xycoords="axes fraction", xytext=(0, 3), textcoords="offset points", fontsize=5.6, color=GRAY,
            annotation_clip=False,
        )  # fmt: skip


def _legend(figure: Figure, data: str, simulated: str, dots: bool = False) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks: list[Line2D | Patch] = [
        Line2D([], [], color="black", marker="o", markersize=3.5, linestyle="none", label=data)
        if dots
        else Line2D([], [], color="black", linewidth=1.7, label=data),
        Line2D([], [], color=GRAY, linestyle=(0, (3, 2)), linewidth=0.9, label="simulated, median"),
        Patch(color=GRAY, alpha=0.25, linewidth=0, label=simulated),
    ]
    figure.legend(handles=marks, loc="outside lower left", ncols=3, fontsize=6, handlelength=2.2, columnspacing=1.2)
