"""Competing causes over time: stacked cumulative incidence, a panel an arm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gvlab.assay.comparisons import weights_of
from gvlab.errors import InvalidValueError
from gvlab.figures.style import GRAY, MM, OKABE_ITO, Width, figure_of, finish, new_figure, styled, wrapped
from gvlab.figures.tables import HasTable, chosen, event_table, require, time_scale
from gvlab.statistics import cumulative_incidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = (OKABE_ITO[1], OKABE_ITO[2], OKABE_ITO[4], OKABE_ITO[3], OKABE_ITO[6], OKABE_ITO[5])
_HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----")


@styled
def cumulative_incidences(
    events: pd.DataFrame | HasTable,
    causes: Mapping[int, str],
    *,
    arms: Sequence[str] | None = None,
    axis: Axes | None = None,
    unit: str = "day",
    time_zero: str = "transplantation",
    event_free: str = "alive",
    title: str | None = None,
    simulated: bool = True,
    width: Width | float = "double",
    height_mm: float = 58.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Stack the Aalen-Johansen incidence of each cause; what is left above the stack is event-free.

    Colors are doubled by hatching. Percentages at the end of follow-up stand at the right of each panel.

    Parameters
    ----------
    events
        Event times, or their table. One row a subject: ``arm, duration, event_observed, cause`` (0 = censored) and
        optionally ``entry``.
    causes
        Name of each cause by number; the first lies at the bottom.
    arms
        Arms in order, a panel each; None draws all.
    axis
        Where to draw a single arm; None makes a figure.
    event_free
        What to call those without an event.
    unit, time_zero, title, simulated, width, height_mm, save
        As in `survival`.
    """
    table = event_table(events)
    require(table, ("cause",), "table of event times")
    names = chosen(arms, table["arm"])
    scale = time_scale(unit)
    if axis is not None and len(names) > 1:
        raise InvalidValueError(
            f"One axis shows one arm, and there are {len(names)}. Name one in `arms`, or hand in no axis."
        )
    if axis is None:
        columns = min(len(names), 4)
        rows = -(-len(names) // columns)
        figure = new_figure(width, height_mm * rows + 8)
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        panels = [panel for row in grid for panel in row]
    else:
        figure, panels = figure_of(axis), [axis]
    # Room for a name: a panel and the gap to its right.
    space = panels[0].get_position().width * 1.15 * figure.get_figwidth() / MM
    latest = max(float(table.loc[table["arm"] == arm, "duration"].max()) for arm in names) / scale
    for panel, arm in zip(panels, names, strict=False):
        _stack(panel, table[table["arm"] == arm], causes, scale, latest, event_free)
        n = int((table["arm"] == arm).sum())
        mark = ", simulated" if simulated else ""
        panel.set_title(f"{wrapped(arm, space, 7.0)}\nn = {n}{mark}", fontsize=7, fontweight="normal", pad=4)
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    panels[0].set_ylabel("Cumulative incidence (%)")
    handles, labels = panels[0].get_legend_handles_labels()
    if axis is None:
        figure.supxlabel(f"{unit.capitalize()}s ({unit} 0 = {time_zero})", fontsize=7.5)
        figure.legend(handles, labels, loc="outside upper right", ncols=len(labels), handlelength=1.6)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=8, fontweight="bold")
    else:
        panels[0].set_xlabel(f"{unit.capitalize()}s ({unit} 0 = {time_zero})")
        panels[0].legend(loc="upper left", handlelength=1.6)
    return finish(figure, save)


def _stack(
    axes: Axes, rows: pd.DataFrame, causes: Mapping[int, str], scale: float, latest: float, event_free: str
) -> None:
    estimate = cumulative_incidence(
        rows["duration"] / scale, rows["cause"], causes, rows["entry"] / scale, **weights_of(rows)
    )
    below: np.ndarray = np.zeros(0)
    for k, cause in enumerate(estimate.causes):
        curve = estimate.of(cause)
        time = np.append(curve["time"].to_numpy(dtype=np.float64), latest)
        height = 100 * np.append(curve["incidence"].to_numpy(dtype=np.float64), curve["incidence"].iloc[-1])
        below = below if len(below) else np.zeros(len(time))
        axes.fill_between(
            time, below, below + height, step="post", facecolor=_COLORS[k % len(_COLORS)], alpha=0.75, linewidth=0.5,
            hatch=_HATCHES[k % len(_HATCHES)], edgecolor="white", label=cause,
        )  # fmt: skip
        below = below + height
        if height[-1] >= 6:
            axes.annotate(
                f"{height[-1]:.0f}", (latest, below[-1] - height[-1] / 2), xytext=(2, 0), textcoords="offset points",
                va="center", fontsize=6, annotation_clip=False,
            )  # fmt: skip
    if 100 - below[-1] >= 6:
        axes.annotate(
            f"{100 - below[-1]:.0f}\n{event_free}", (latest, (100 + below[-1]) / 2), xytext=(2, 0),
            textcoords="offset points", va="center", fontsize=6, color=GRAY, annotation_clip=False, linespacing=0.9,
        )  # fmt: skip
    axes.set_xlim(0, latest)
    axes.set_ylim(0, 100)
