"""What drives an outcome within what is plausible."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gvlab.figures.style import OKABE_ITO, Width, axes_at, finish, new_figure, styled, text_width_mm, width_mm, wrapped
from gvlab.figures.tables import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW_MM = 4.0
_LEAST = 0.01
"""Effect to which the axis reaches at least, also where nothing has one."""


@styled
def drivers(
    effects: pd.DataFrame,
    *,
    label: str,
    title: str | None = None,
    most: int = 12,
    width: Width | float = "one-and-half",
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw which parameters drive an outcome, most first, one column of bars an outcome.

    Parameters
    ----------
    effects
        One row a parameter and outcome: ``parameter, outcome, effect``.
    label
        Of the axis.
    most
        Parameters shown: those with the largest effect on any outcome.
    title, width, save
        As in `survival`.
    """
    require(effects, ("parameter", "outcome", "effect"), "table of effects")
    table = effects.pivot_table(index="parameter", columns="outcome", values="effect", sort=False)
    table = table.loc[table.max(axis=1).sort_values(ascending=False, kind="stable").index[:most]]
    from matplotlib.ticker import MaxNLocator

    across = width_mm(width)
    outcomes = [str(name) for name in table.columns]
    left = max(text_width_mm(str(name), 6.3) for name in table.index) + 4
    one = (across - left - 3) / len(outcomes)
    headings = [wrapped(outcome, one - 2, 6.0) for outcome in outcomes]
    lines = max(heading.count("\n") + 1 for heading in headings)
    tall = _ROW_MM * len(table) + 13 + 2.6 * lines + (6 if title else 0)
    figure = new_figure(across, tall, constrained=False)
    for place, (outcome, heading) in enumerate(zip(outcomes, headings, strict=True)):
        axes = axes_at(figure, left + place * one, 11, one - 3, _ROW_MM * len(table))
        axes.barh(range(len(table)), table[outcome].fillna(0), height=0.7, color=OKABE_ITO[2])
        axes.set_ylim(len(table) - 0.5, -0.5)
        axes.set_xlim(0, max(float(table.max().max()), _LEAST) * 1.05)
        axes.set_title(heading, fontsize=6, fontweight="normal", pad=3)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_yticks(range(len(table)), [str(name) for name in table.index] if place == 0 else [])
        axes.tick_params(axis="y", length=0, labelsize=6.3)
    figure.text((left + (across - left - 6) / 2) / across, 1.5 / tall, label, fontsize=7, ha="center", va="bottom")
    if title:
        figure.text(2 / across, 1 - 2 / tall, title, fontsize=8, fontweight="bold", va="top")
    return finish(figure, save)
