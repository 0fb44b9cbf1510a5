"""Readings of groups: every animal a dot, a bar at the median, n under each group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from gvlab.errors import InvalidValueError
from gvlab.figures.style import (
    GRAY,
    MM,
    Look,
    Width,
    figure_of,
    finish,
    label_panel,
    looks,
    mark_simulated,
    name_vertical_axis,
    new_figure,
    styled,
    text_width_mm,
    wrapped,
)
from gvlab.figures.tables import chosen, require
from gvlab.statistics.estimate import p_value_in_words
from gvlab.statistics.inputs import numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled
def groups(
    readings: Mapping[str, npt.ArrayLike],
    *,
    unit: str,
    label: str,
    arms: Sequence[str] | None = None,
    comparisons: pd.DataFrame | None = None,
    axis: Axes | None = None,
    look: Mapping[str, Look] | None = None,
    log: bool = False,
    floor: float | None = None,
    title: str | None = None,
    simulated: bool = True,
    width: Width | float = "single",
    height_mm: float = 62.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw every reading of each group as a dot, hollow where simulated, with median and quartiles.

    Parameters
    ----------
    readings
        Readings of each group, one an animal.
    unit, label
        Unit and name of what was read; without a unit, or where the name ends in it, the name stands alone.
    arms, look
        Groups in order, and their looks; None takes all, and the common looks.
    comparisons
        Pairs to bracket: ``a, b`` and either ``text``, which is printed as it is, or ``p_holm`` or ``p_value``, as
        `gvlab.statistics.compare_many` gives them.
    axis, log, floor, title, simulated, width, height_mm, save
        As in `timecourse`.
    """
    names = chosen(arms, readings, "group")
    how = dict(look) if look else looks(names)
    values = {name: numbers(readings[name], name) for name in names}
    lowest = min(float(v.min()) for v in values.values())
    if log and lowest <= 0 and floor is None:
        raise InvalidValueError(
            f"A logarithmic axis has no place for {lowest:g}. Give the limit of detection as `floor`, or take "
            "a linear axis."
        )
    figure = new_figure(width, height_mm) if axis is None else figure_of(axis)
    axes = figure.add_subplot() if axis is None else axis
    if log:
        axes.set_yscale("log")
    for x, name in enumerate(names):
        shown = values[name] if floor is None else np.maximum(values[name], floor)
        draw_dots(axes, x, shown, how[name], log, simulated)
    if not log:
        axes.set_ylim(bottom=min(0.0, lowest * 1.05))
    if floor is not None:
        axes.axhline(floor, color=GRAY, linewidth=0.7, linestyle=(0, (2, 2)), zorder=0)
    axes.set_xlim(-0.6, len(names) - 0.4)
    sizes = {name: len(values[name]) for name in names}
    if not _name_below(axes, sizes):
        _name_in_legend(figure, axes, sizes, how, simulated, height_mm if axis is None else None)
    axes.tick_params(axis="x", length=0)
    # A title of the model may name its unit already: "Bcl-2 of niche CD8 (MFI ratio)".
    name_vertical_axis(axes, label if not unit or label.endswith(f"({unit})") else f"{label} ({unit})")
    if comparisons is not None:
        _brackets(axes, comparisons, names, values, log)
    label_panel(axes, title)
    mark_simulated(axes, simulated)
    return finish(figure, save)


def _name_below(axes: Axes, sizes: Mapping[str, int]) -> bool:
    """Write names in as many lines as fit under their groups, and say whether every word fits."""
    across = axes.get_position().width * figure_of(axes).get_figwidth() / MM
    space = across / len(sizes) - 1.0
    size = 7.0 if len(sizes) < 6 else 6.0
    texts = [wrapped(name.replace(" + ", " +\N{NO-BREAK SPACE}"), space, size) for name in sizes]
    if max(text_width_mm(line, size) for text in texts for line in text.split("\n")) > space:
        return False
    shown = [f"{text}\nn = {n}" for text, n in zip(texts, sizes.values(), strict=True)]
    axes.set_xticks(range(len(sizes)), shown, fontsize=size)
    return True


def _name_in_legend(
    figure: Figure,
    axes: Axes,
    sizes: Mapping[str, int],
    how: Mapping[str, Look],
    simulated: bool,
    height_mm: float | None,
) -> None:
    """Name groups by their marks in a legend, below the axes where the figure is ours and can grow."""
    from matplotlib.lines import Line2D

    axes.set_xticks(range(len(sizes)), [f"n = {n}" for n in sizes.values()], fontsize=6.0)
    marks = [
        Line2D(
            [], [], linestyle="none", marker=how[name].marker, color=how[name].color, markersize=3.8,
            fillstyle="none" if simulated else "full", label=name,
        )
        for name in sizes
    ]  # fmt: skip
    if height_mm is None:
        axes.legend(handles=marks, loc="best", handletextpad=0.2, labelspacing=0.3)
        return
    widest = max(text_width_mm(name, 7.0) for name in sizes)
    columns = max(1, min(len(sizes), int((figure.get_figwidth() / MM - 4) // (widest + 9))))
    figure.set_figheight((height_mm + 3.6 * -(-len(sizes) // columns)) * MM)
    figure.legend(handles=marks, loc="outside lower left", ncols=columns, handletextpad=0.2, labelspacing=0.3)


def draw_dots(axes: Axes, x: int, values: npt.NDArray[np.float64], look: Look, log: bool, simulated: bool) -> None:
    """Draw readings around a place: a dot each, hollow where simulated, median, quartiles."""
    aside = spread(np.log10(values) if log else values)
    face = "none" if simulated else look.color
    axes.scatter(
        x + aside, values, s=11, marker=look.marker, facecolors=face, edgecolors=look.color, linewidths=0.8, zorder=3,
    )  # fmt: skip
    lower, middle, upper = np.quantile(values, [0.25, 0.5, 0.75])
    axes.hlines(middle, x - 0.3, x + 0.3, color=look.color, linewidth=1.6, zorder=4)
    axes.vlines(x, lower, upper, color=look.color, linewidth=0.8, alpha=0.9, zorder=2)
    axes.hlines([lower, upper], x - 0.1, x + 0.1, color=look.color, linewidth=0.8, zorder=2)


def spread(values: npt.NDArray[np.float64], reach: float = 0.32) -> npt.NDArray[np.float64]:
    """Return places of dots beside the middle: near readings do not hide one another, and no chance is involved."""
    aside = np.zeros(len(values))
    span = np.ptp(values)
    if span == 0:
        return np.linspace(-reach, reach, len(values)) if len(values) > 1 else aside
    bins = np.floor((values - values.min()) / span * 18).astype(int)
    step = min(0.11, 2 * reach / max(1, np.bincount(bins).max() - 1))
    for b in np.unique(bins):
        rows = np.flatnonzero(bins == b)
        rows = rows[np.argsort(values[rows], kind="stable")]
        aside[rows] = (np.arange(len(rows)) - (len(rows) - 1) / 2) * step
    return aside


def _brackets(
    axes: Axes,
    comparisons: pd.DataFrame,
    names: list[str],
    values: Mapping[str, npt.NDArray[np.float64]],
    log: bool,
) -> None:
    require(comparisons, ("a", "b"), "table of comparisons")
    column = next((name for name in ("text", "p_holm") if name in comparisons), "p_value")
    require(comparisons, (column,), "table of comparisons")
    top = max(float(v.max()) for v in values.values())
    drawn = comparisons[comparisons["a"].isin(names) & comparisons["b"].isin(names)]
    pairs = [
        (names.index(a), names.index(b), str(what) if column == "text" else p_value_in_words(float(what)))
        for a, b, what in drawn[["a", "b", column]].to_numpy()
    ]
    if not pairs:
        return
    low = axes.get_ylim()[0]
    # Work in the scale of the axis; each bracket takes the same share of the axis as it will be, not as it is.

    def up(y: float) -> float:
        return float(np.log10(y)) if log else y

    def down(y: float) -> float:
        return float(10**y) if log else y

    share = min(0.09, 0.5 / len(pairs))
    height = (up(top) - up(low)) / (1 - share * (len(pairs) + 0.9))
    for level, (i, j, text) in enumerate(sorted(pairs, key=lambda pair: (abs(pair[0] - pair[1]), min(pair[:2])))):
        y = up(top) + height * share * (level + 0.6)
        axes.plot([i, i, j, j], [down(y - 0.012 * height), down(y), down(y), down(y - 0.012 * height)], "k", lw=0.7)
        axes.annotate(
            text, ((i + j) / 2, down(y)), xytext=(0, 1), textcoords="offset points", ha="center",
            va="bottom", fontsize=6,
        )  # fmt: skip
    axes.set_ylim(low, down(up(low) + height))
