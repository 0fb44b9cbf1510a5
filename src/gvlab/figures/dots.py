"""Readings of groups with a table of plus and minus under them, as figures of biology have it; every animal a dot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError
from gvlab.figures.groups import draw_dots
from gvlab.figures.style import (
    GRAY,
    Look,
    Width,
    figure_of,
    finish,
    looks,
    mark_simulated,
    name_vertical_axis,
    new_figure,
    styled,
)
from gvlab.figures.tables import chosen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_PT = 7.6


@styled
def treated_dots(
    readings: Mapping[str, npt.ArrayLike],
    rows: Mapping[str, Sequence[str]],
    *,
    label: str,
    look: Mapping[str, Look] | None = None,
    brackets: Sequence[tuple[str, str, str]] = (),
    floor: float | None = None,
    floor_name: str = "LLOQ",
    ceiling: float | None = None,
    ceiling_name: str = "ULOQ",
    reference: float | None = None,
    log: bool = False,
    axis: Axes | None = None,
    simulated: bool = True,
    width: Width | float = "single",
    height_mm: float = 62.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw every reading of each group as a dot, with median and quartiles, above a table of what the group had.

    Parameters
    ----------
    readings
        Readings by group; a group without a reading keeps its place.
    rows
        The table: by name of a treatment, one text a group ("+", "-"). A last row with n is added.
    label
        Name of the vertical axis with its unit.
    look
        Look of each group.
    brackets
        Two groups, and what is written between them.
    floor, floor_name, ceiling, ceiling_name
        Limits of the assay, drawn as lines.
    reference
        Where a thin line is drawn, such as 1 for control.
    log, axis, simulated, width, height_mm, save
        As in `groups`.
    """
    names = chosen(None, readings, "group")
    how = dict(look) if look else looks(names)
    for title, texts in rows.items():
        if len(texts) != len(names):
            raise InvalidValueError(f'The row "{title}" has {len(texts)} texts for {len(names)} groups.')
    figure = new_figure(width, height_mm) if axis is None else figure_of(axis)
    axes = figure.add_subplot() if axis is None else axis
    values = {name: np.asarray(readings[name], dtype=np.float64) for name in names}
    if log:
        _plain_decades(axes)
    for x, name in enumerate(names):
        if len(values[name]):
            draw_dots(axes, x, values[name], how[name], log, simulated)
    everything = np.concatenate(list(values.values()))
    if not log:
        axes.set_ylim(bottom=min(0.0, float(everything.min()) * 1.05))
        axes.set_ylim(top=float(everything.max()) * 1.08)
    elif floor is not None:
        axes.set_ylim(bottom=floor / 1.45)
    axes.set_xlim(-0.6, len(names) - 0.4)
    if ceiling is not None:
        _limit(axes, ceiling, ceiling_name, "bottom")
    if floor is not None:
        _limit(axes, floor, floor_name, "top")
    if reference is not None:
        axes.axhline(reference, color=GRAY, linewidth=0.5, linestyle=(0, (1, 2)), zorder=0)
    _table(axes, {**rows, "n": [str(len(values[name])) for name in names]})
    name_vertical_axis(axes, label)
    _between(axes, names, values, brackets, log)
    mark_simulated(axes, simulated)
    return finish(figure, save)


def _plain_decades(axes: Axes) -> None:
    """Set a logarithmic axis with numbers as they are written, 10, 20, 50."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _limit(axes: Axes, value: float, name: str, side: Literal["top", "bottom"]) -> None:
    axes.axhline(value, color=GRAY, linewidth=0.7, linestyle=(0, (2, 2)), zorder=0)
    axes.annotate(
        name, (1, value), xycoords=("axes fraction", "data"), xytext=(0, 1 if side == "bottom" else -1),
        textcoords="offset points", ha="right", va=side, fontsize=5.5, color=GRAY,
    )  # fmt: skip


def _table(axes: Axes, rows: Mapping[str, Sequence[str]]) -> None:
    axes.set_xticks([])
    for place, (name, texts) in enumerate(rows.items()):
        y = -6.0 - ROW_PT * place
        axes.annotate(
            name, (0, 0), xycoords="axes fraction", xytext=(-2, y), textcoords="offset points", ha="right", va="center",
            fontsize=5.6, annotation_clip=False, color="#333333",
        )  # fmt: skip
        for x, text in enumerate(texts):
            axes.annotate(
                "\N{MINUS SIGN}" if text == "-" else text, (x, 0), xycoords=("data", "axes fraction"), xytext=(0, y),
                textcoords="offset points", ha="center", va="center", fontsize=6, annotation_clip=False,
            )  # fmt: skip


def _between(
    axes: Axes,
    names: Sequence[str],
    values: Mapping[str, npt.NDArray[np.float64]],
    brackets: Sequence[tuple[str, str, str]],
    log: bool,
) -> None:
    """Draw brackets, short ones first, each above whatever lies below it."""
    known = [(names.index(a), names.index(b), text) for a, b, text in brackets if text and a in names and b in names]
    if not known:
        return
    low, high = axes.get_ylim()

    def up(value: float) -> float:
        return float(np.log10(value)) if log else value

    def down(value: float) -> float:
        return float(10**value) if log else value

    tops = [up(float(values[name].max())) if len(values[name]) else up(low) for name in names]
    placed: list[tuple[int, int, float]] = []
    # The axis grows with every level of brackets; what a level needs is a share of the axis as it will be.
    levels: list[int] = []
    ordered = sorted(known, key=lambda each: (abs(each[0] - each[1]), min(each[:2])))
    for first, last, _ in ordered:
        left, right = min(first, last), max(first, last)
        under = [level for (a, b, _), level in zip(ordered, levels, strict=False) if _meet((a, b), (left, right))]
        levels.append(max(under, default=-1) + 1)
    share = min(0.12, 0.5 / (max(levels) + 1))
    span = (up(high) - up(low)) / (1.0 - share * (max(levels) + 1.0))
    for first, last, text in ordered:
        left, right = min(first, last), max(first, last)
        y = max(tops[left : right + 1]) + span * share * 0.45
        y = max([y, *(other + span * share for a, b, other in placed if _meet((a, b), (left, right)))])
        placed.append((left, right, y))
        xs = [left + 0.04, left + 0.04, right - 0.04, right - 0.04]
        ys = [down(y - 0.015 * span), down(y), down(y), down(y - 0.015 * span)]
        axes.plot(xs, ys, color="#333333", linewidth=0.6, clip_on=False)
        axes.annotate(
            text, ((left + right) / 2, down(y)), xytext=(0, 0.6), textcoords="offset points", ha="center", va="bottom",
            fontsize=5.6,
        )  # fmt: skip
    needed = max(y for _, _, y in placed) + span * share
    axes.set_ylim(low, down(max(needed, up(high))))


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return min(one) < max(other) and min(other) < max(one)
