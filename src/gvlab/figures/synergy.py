"""A synergy map: the effect over two doses (or a dose and a day), what is more than expected, and the isobole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from gvlab.arrays import Array, Float
from gvlab.errors import InvalidValueError
from gvlab.figures.style import (
    GRAY,
    OKABE_ITO,
    Width,
    finish,
    label_panel,
    mark_simulated,
    new_figure,
    styled,
)
from gvlab.figures.tables import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_REFERENCES = {"bliss": "Bliss independence", "hsa": "highest single agent", "loewe": "Loewe additivity"}


@styled
def synergy_map(
    effect: npt.ArrayLike,
    excess: pd.DataFrame,
    *,
    first: Sequence[float],
    second: Sequence[float],
    first_label: str,
    second_label: str,
    reference: str = "bliss",
    outcome: str = "Effect",
    isobole: float | None = None,
    doses: bool = True,
    title: str | None = None,
    simulated: bool = True,
    width: Width | float = "double",
    height_mm: float = 66.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw the effect, its excess over a reference and, over two doses, the isobole with the line of additivity.

    Parameters
    ----------
    effect
        Shape (first, second), 0 to 1.
    excess
        One row a combination: ``dose_a, dose_b, excess, lower, upper`` and, corrected for the number of fields,
        ``lower_all, upper_all``, as `gvlab.statistics.synergy` gives it.
    first, second, first_label, second_label
        Values of both axes, and their names with units. `first` runs upward.
    reference
        ``bliss``, ``hsa`` or ``loewe``.
    outcome
        What the effect is.
    isobole
        Effect whose isobole is drawn; None takes half of the greatest effect.
    doses
        Whether both axes are doses that begin with 0; otherwise there is no isobole.
    title, simulated, width, height_mm, save
        As in `survival`.
    """
    grid = np.asarray(effect, dtype=np.float64)
    require(excess, ("dose_a", "dose_b", "excess", "lower", "upper"), "table of synergy")
    if grid.shape != (len(first), len(second)):
        raise InvalidValueError(
            f"The effects have shape {grid.shape}, and the axes have {len(first)} and {len(second)} values."
        )
    level = 0.5 * float(grid.max()) if isobole is None else isobole
    figure = new_figure(width, height_mm)
    axes = figure.subplots(1, 3 if doses else 2)
    _heat(axes[0], grid, first, second, first_label, second_label, "viridis", (0.0, max(0.01, float(grid.max()))))
    axes[0].set_title(outcome, fontsize=7.5, pad=12)
    above = _placed(excess, "excess", first, second)
    most = max(0.05, float(np.nanmax(np.abs(above))))
    _heat(axes[1], above, first, second, first_label, second_label, "RdBu_r", (-most, most), signed=True)
    axes[1].set_title(f"Excess over\n{_REFERENCES.get(reference, reference)}", fontsize=7.5, pad=9)
    _mark_clear(axes[1], excess, first, second)
    if doses:
        _isobole(axes[2], grid, np.asarray(first, float), np.asarray(second, float), level, first_label, second_label)
    for letter, panel in zip("abc", axes, strict=False):
        panel.annotate(
            letter, (0, 1), xycoords="axes fraction", xytext=(-20, 9), textcoords="offset points", fontsize=9,
            fontweight="bold", annotation_clip=False,
        )  # fmt: skip
    mark_simulated(axes[0], simulated)
    if title:
        label_panel(axes[0], title)
    return finish(figure, save)


def _placed(
    excess: pd.DataFrame, column: str, first: Sequence[float], second: Sequence[float]
) -> Float[Array, "first second"]:
    placed = np.full((len(first), len(second)), np.nan)
    for a, b, value in excess[["dose_a", "dose_b", column]].to_numpy(dtype=np.float64):
        placed[int(np.argmin(np.abs(np.asarray(first) - a))), int(np.argmin(np.abs(np.asarray(second) - b)))] = value
    return placed


def _heat(
    axes: Axes,
    grid: Float[Array, "first second"],
    first: Sequence[float],
    second: Sequence[float],
    first_label: str,
    second_label: str,
    colors: str,
    limits: tuple[float, float],
    signed: bool = False,
) -> None:
    from matplotlib import colormaps

    colormap = colormaps[colors].with_extremes(bad="#EBEBEB")
    axes.imshow(grid, origin="lower", cmap=colormap, vmin=limits[0], vmax=limits[1], aspect="auto")
    for (row, column), value in np.ndenumerate(grid):
        if np.isfinite(value):
            red, green, blue, _ = colormap((value - limits[0]) / (limits[1] - limits[0]))
            dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
            text = f"{100 * value:+.0f}" if signed else f"{100 * value:.0f}"
            text = "0" if text in ("+0", "-0") else text
            axes.text(column, row, text, ha="center", va="center", fontsize=5.4, color="white" if dark else "black")
    axes.set_xticks(range(len(second)), [_short(value) for value in second], fontsize=6, rotation=45)
    axes.set_yticks(range(len(first)), [_short(value) for value in first], fontsize=6)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xlabel(second_label, fontsize=7)
    axes.set_ylabel(first_label, fontsize=7)


def _short(value: float) -> str:
    if value == 0 or 0.01 <= abs(value) < 10_000:
        return f"{value:.4g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _mark_clear(axes: Axes, excess: pd.DataFrame, first: Sequence[float], second: Sequence[float]) -> None:
    """Frame the combinations whose interval excludes zero, where the table has them corrected for all fields."""
    from matplotlib.patches import Rectangle

    corrected = {"lower_all", "upper_all"} <= set(excess.columns)
    sides = ("lower_all", "upper_all") if corrected else ("lower", "upper")
    lower, upper = (_placed(excess, side, first, second) for side in sides)
    clear = (lower > 0) | (upper < 0)
    for row, column in zip(*np.nonzero(clear), strict=True):
        axes.add_patch(Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, edgecolor="black", linewidth=0.6))
    of_all = f", corrected for {len(excess)} fields," if corrected else ""
    axes.annotate(
        f"in % points; framed: 95 % interval{of_all} excludes 0", (0, 1), xycoords="axes fraction", xytext=(0, 2),
        textcoords="offset points", fontsize=5, color=GRAY, annotation_clip=False,
    )  # fmt: skip


def _isobole(
    axes: Axes,
    grid: Float[Array, "first second"],
    first: Float[Array, "first"],
    second: Float[Array, "second"],
    level: float,
    y_label: str,
    x_label: str,
) -> None:
    """Draw where the effect is `level`, and where it would be if the agents only added."""
    x, y = second[1:], first[1:]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    if grid[1:, 1:].max() > level > grid[1:, 1:].min():
        axes.contour(x, y, grid[1:, 1:], levels=[level], colors=[OKABE_ITO[1]], linewidths=1.5)
    alone_y, alone_x = _dose_for(first, grid[:, 0], level), _dose_for(second, grid[0, :], level)
    words = f"neither alone reaches {100 * level:.0f} %:\nno line of additivity; the whole\nisobole is synergy"
    if np.isfinite(alone_x) and np.isfinite(alone_y):
        at_x = np.geomspace(x[0], min(alone_x, x[-1]), 200)
        axes.plot(at_x, alone_y * np.clip(1 - at_x / alone_x, 1e-9, None), color="black", linestyle=(0, (4, 2)))
        words = ""
    elif np.isfinite(alone_x):
        axes.axvline(alone_x, color="black", linestyle=(0, (4, 2)))
        words = "line of additivity: only this one\nreaches the effect alone"
    elif np.isfinite(alone_y):
        axes.axhline(alone_y, color="black", linestyle=(0, (4, 2)))
        words = "line of additivity: only this one\nreaches the effect alone"
    axes.set_title(f"Isobole of {100 * level:.0f} %", fontsize=7.5, pad=9)
    if words:
        axes.text(
            0.98, 0.38, words, transform=axes.transAxes, fontsize=5.6, color=GRAY, va="bottom", ha="right", zorder=5,
            bbox={"boxstyle": "square,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        )  # fmt: skip
    axes.set_xlabel(x_label, fontsize=7)
    axes.set_ylabel(y_label, fontsize=7)
    axes.minorticks_off()
    axes.set_xticks(x, [_short(value) for value in x], fontsize=6, rotation=45)
    axes.set_yticks(y, [_short(value) for value in y], fontsize=6)
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=OKABE_ITO[1], linewidth=1.5, label="observed")]
    if np.isfinite(alone_x) or np.isfinite(alone_y):
        lines.append(Line2D([], [], color="black", linestyle=(0, (4, 2)), label="additivity"))
    axes.legend(handles=lines, loc="upper right", fontsize=6, frameon=True, framealpha=0.85, edgecolor="none")


def _dose_for(doses: Float[Array, "dose"], effect: Float[Array, "dose"], level: float) -> float:
    """Return the lowest dose at which an agent alone has an effect, interpolated between doses; infinite if none."""
    reached = np.flatnonzero(effect >= level)
    if not len(reached) or reached[0] == 0:
        return float(np.inf) if not len(reached) else 0.0
    at = int(reached[0])
    share = (level - effect[at - 1]) / (effect[at] - effect[at - 1])
    return float(doses[at - 1] + share * (doses[at] - doses[at - 1]))
