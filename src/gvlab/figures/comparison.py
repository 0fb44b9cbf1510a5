"""Survival over its prediction, a panel an arm: what was seen solid, what was simulated as a band and a dashed line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gvlab.errors import InvalidValueError
from gvlab.figures.style import (
    GRAY,
    Look,
    Width,
    finish,
    looks,
    new_figure,
    styled,
    text_width_mm,
    width_mm,
    wrapped,
)
from gvlab.figures.tables import chosen, require
from gvlab.views import draw, survival_over_band_view

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
    for name in names:
        if name not in bands:
            raise InvalidValueError(f'There is no predicted band for the arm "{name}".')
    figure, panels = _panels(names, width, height_mm)
    for axes, name in zip(panels, names, strict=False):
        rows = observed[observed["arm"] == name]
        view = survival_over_band_view(
            rows, bands[name], arm=name, look=how[name], outcome=outcome, time_zero=time_zero
        )
        draw(view, axes, legend=False)
        _head(axes, view.title, (notes or {}).get(name, ""))
    _legend(figure)
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


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks: list[Line2D | Patch] = [
        Line2D([], [], color="black", linewidth=1.7, label="data"),
        Line2D([], [], color=GRAY, linestyle=(0, (3, 2)), linewidth=0.9, label="simulated, median"),
        Patch(color=GRAY, alpha=0.25, linewidth=0, label="simulated, 90 % band of experiments with as many subjects"),
    ]
    figure.legend(handles=marks, loc="outside lower left", ncols=3, fontsize=6, handlelength=2.2, columnspacing=1.2)
