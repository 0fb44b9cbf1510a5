"""Power against the number of animals: of the nominal parameters with its Monte-Carlo error, and of plausible sets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.figures.style import (
    GRAY,
    OKABE_ITO,
    Width,
    figure_of,
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

_95 = 1.96
_MODEL = (0.1, 0.9)
_FEWEST_SETS = 3


@styled
def power(
    table: pd.DataFrame,
    *,
    nominal: str = "nominal",
    target: float = 0.8,
    needed: int | None = None,
    axis: Axes | None = None,
    test: str = "",
    title: str | None = None,
    width: Width | float = "single",
    height_mm: float = 62.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw the probability of significance against animals per arm.

    Parameters
    ----------
    table
        Columns ``set, n_per_arm, power, standard_error``, power from 0 to 1.
    nominal
        The set that is drawn as a thick line with the 95 % interval of its Monte-Carlo error; every other set is a thin
        line, and their 10th to 90th percentile a band: what the model leaves open.
    target, needed
        Power that is asked for; animals per arm that reach it, marked where given.
    axis, title, width, height_mm, save
        As in `survival`.
    test
        Name of the test, for the vertical axis.
    """
    require(table, ("set", "n_per_arm", "power", "standard_error"), "table of power")
    sets = list(dict.fromkeys(table["set"].astype(str)))
    if nominal not in sets:
        raise UnknownNameError("parameter set", nominal, sets)
    if not 0 < target < 1:
        raise InvalidValueError(f"The power asked for is {target:g}; it lies between 0 and 1.")
    figure = new_figure(width, height_mm) if axis is None else figure_of(axis)
    axes = figure.add_subplot() if axis is None else axis
    _model_band(axes, table[table["set"].astype(str) != nominal])
    for name in sets:
        rows = table[table["set"].astype(str) == name]
        n, p, error = (rows[column].to_numpy(dtype=np.float64) for column in ("n_per_arm", "power", "standard_error"))
        if name != nominal:
            axes.plot(n, 100 * p, color=OKABE_ITO[5], linewidth=0.5, alpha=0.6, zorder=2)
            continue
        low, high = np.clip(p - _95 * error, 0, 1), np.clip(p + _95 * error, 0, 1)
        axes.fill_between(n, 100 * low, 100 * high, color="black", alpha=0.15, linewidth=0, zorder=3)
        axes.plot(n, 100 * p, color="black", linewidth=1.5, zorder=4)
    axes.axhline(100 * target, color=GRAY, linewidth=0.7, linestyle=(0, (2, 2)), zorder=1)
    if needed is not None:
        axes.plot([needed, needed], [0, 100 * target], color=OKABE_ITO[1], linewidth=0.9, zorder=5)
        axes.annotate(
            f"{needed} per arm", (needed, 0), xytext=(3, 3), textcoords="offset points", fontsize=6.5,
            color=OKABE_ITO[1], zorder=6,
        )  # fmt: skip
    axes.set_xlim(0, _last_of_interest(table, target, needed))
    axes.set_ylim(0, 102)
    axes.set_yticks([0, 20, 40, 60, 80, 100])
    axes.set_xlabel("Animals per arm at the start")
    axes.set_ylabel(f"Significant {f'({test}) ' if test else ''}(% of experiments)")
    _explain(axes, len(sets) - 1)
    label_panel(axes, title)
    mark_simulated(axes, True)
    return finish(figure, save)


def _model_band(axes: Axes, others: pd.DataFrame) -> None:
    """Draw what four of five plausible sets say."""
    if others["set"].nunique() < _FEWEST_SETS:
        return
    low, high = (others.groupby("n_per_arm")["power"].quantile(q) for q in _MODEL)
    axes.fill_between(
        low.index.to_numpy(), 100 * low, 100 * high, color=OKABE_ITO[5], alpha=0.25, linewidth=0, zorder=1
    )


def _last_of_interest(table: pd.DataFrame, target: float, needed: int | None) -> float:
    """Return the number of animals beyond which every curve is near 1, or the last one tried."""
    largest = float(table["n_per_arm"].max())
    short = table.loc[table["power"] < max(0.98, target), "n_per_arm"]
    return min(largest, max(20.0, 1.3 * float(short.max() if len(short) else 0), 1.5 * (needed or 0)))


def _explain(axes: Axes, others: int) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks: list[Line2D | Patch] = [
        Line2D([], [], color="black", linewidth=1.5, label="nominal parameters"),
        Patch(color="black", alpha=0.15, linewidth=0, label="Monte-Carlo error, 95 %"),
    ]
    if others:
        words = f"{others} plausible set{'s' if others > 1 else ''}"
        marks.append(Line2D([], [], color=OKABE_ITO[5], linewidth=0.8, label=words))
    if others >= _FEWEST_SETS:
        marks.append(Patch(color=OKABE_ITO[5], alpha=0.25, linewidth=0, label="four of five of them"))
    axes.legend(handles=marks, loc="lower right", fontsize=6, labelspacing=0.3, borderaxespad=0.8)
