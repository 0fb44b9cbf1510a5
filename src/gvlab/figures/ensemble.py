"""What an ensemble says: shares of plausible sets that reproduce each claim, and what drives an outcome."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gvlab.errors import InvalidValueError
from gvlab.figures.style import OKABE_ITO, Width, axes_at, finish, new_figure, styled, text_width_mm, width_mm
from gvlab.figures.tables import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_MM = 4.0
DECIDED = {"all": "#9E9E9E", "some": "#56B4E9", "none": OKABE_ITO[2]}
"""Color of a claim by whether it decided which sets were kept."""
_WORDS = {"all": "decided which sets were kept", "some": "decided in part", "none": "did not decide: a prediction"}


@styled
def robustness(
    shares: pd.DataFrame,
    *,
    title: str | None = None,
    width: Width | float = "double",
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw the share of plausible sets that reproduces each claim.

    Parameters
    ----------
    shares
        One row a claim: ``claim, statement, share, lower, upper, decided`` (all, some, none), and ``by_search``, the
        shares in independent searches, where there are any.
    title, width, save
        As in `survival`.
    """
    require(shares, ("claim", "statement", "share", "lower", "upper", "decided"), "table of shares")
    if shares.empty:
        raise InvalidValueError("There are no shares to draw.")
    across = width_mm(width)
    tall = _ROW_MM * len(shares) + 16 + (6 if title else 0)
    figure = new_figure(across, tall, constrained=False)
    left = 0.52 * across
    axes = axes_at(figure, left, 11, across - left - 4, _ROW_MM * len(shares))
    axes.set_xlim(0, 1)
    axes.set_ylim(len(shares) - 0.5, -0.5)
    for line in (0.8, 0.95):
        axes.axvline(line, color="#C8C8C8", linewidth=0.7, linestyle=(0, (3, 2)), zorder=0)
    for i, row in enumerate(shares.to_dict("records")):
        color = DECIDED[str(row["decided"])]
        axes.plot([row["lower"], row["upper"]], [i, i], color=color, linewidth=1.6, solid_capstyle="butt")
        several = list(row.get("by_search") or ())
        axes.plot(several, [i] * len(several), linestyle="", marker="|", markersize=5.5, color=color, clip_on=False)
        axes.plot([row["share"]], [i], marker="o", markersize=3.4, color=color, clip_on=False)
        y = (11 + _ROW_MM * (len(shares) - i - 0.5)) / tall
        figure.text(2 / across, y, str(row["claim"]), fontsize=6.3, va="center", fontweight="bold")
        figure.text(10 / across, y, _cut(str(row["statement"]), left - 13), fontsize=6.0, va="center")
    axes.set_yticks([])
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 0.95], ["0", "20", "40", "60", "80", "95"])
    axes.set_xlabel("plausible sets that reproduce it (%)")
    _key(axes, [str(each) for each in shares["decided"].unique()])
    if title:
        figure.text(2 / across, 1 - 2 / tall, title, fontsize=8, fontweight="bold", va="top")
    return finish(figure, save)


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
    tall = _ROW_MM * len(table) + 18 + (6 if title else 0)
    figure = new_figure(across, tall, constrained=False)
    left = max(text_width_mm(str(name), 6.3) for name in table.index) + 4
    one = (across - left - 3) / len(outcomes)
    for place, outcome in enumerate(outcomes):
        axes = axes_at(figure, left + place * one, 11, one - 3, _ROW_MM * len(table))
        axes.barh(range(len(table)), table[outcome].fillna(0), height=0.7, color=OKABE_ITO[2])
        axes.set_ylim(len(table) - 0.5, -0.5)
        axes.set_xlim(0, float(table.max().max()) * 1.05)
        axes.set_title(outcome, fontsize=6, fontweight="normal", pad=3)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_yticks(range(len(table)), [str(name) for name in table.index] if place == 0 else [])
        axes.tick_params(axis="y", length=0, labelsize=6.3)
    figure.text((left + (across - left - 6) / 2) / across, 1.5 / tall, label, fontsize=7, ha="center", va="bottom")
    if title:
        figure.text(2 / across, 1 - 2 / tall, title, fontsize=8, fontweight="bold", va="top")
    return finish(figure, save)


def _cut(text: str, space_mm: float) -> str:
    words = text.split()
    if text_width_mm(text, 6.0) <= space_mm:
        return text
    while words and text_width_mm(" ".join(words) + " …", 6.0) > space_mm:
        words.pop()
    return " ".join(words) + " …"


def _key(axes: Axes, decided: list[str]) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=color, marker="o", markersize=3.4, label=_WORDS[name])
        for name, color in DECIDED.items()
        if name in decided
    ]
    axes.legend(
        handles=marks, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(marks), fontsize=5.6, borderaxespad=0.1
    )
