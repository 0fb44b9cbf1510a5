"""The regulatory axis as a printed figure, of a table of edges; what is drawn says `gvlab.views.axis_diagram_view`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from gvlab.errors import InvalidValueError
from gvlab.figures.style import MM, Width, figure_of, finish, styled, width_mm
from gvlab.figures.tables import require
from gvlab.views.axis_diagram import DiagramEdge, axis_diagram_view
from gvlab.views.matplotlib_printer import SCALE, draw, figure
from gvlab.views.view import ViewRecipe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled
def axis_diagram(
    edges: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    places: Mapping[str, tuple[float, float]] | None = None,
    axis: Axes | None = None,
    control: str = "control",
    title: str | None = None,
    simulated: bool = True,
    width: Width | float = "double",
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw a regulatory network left to right, in the order in which one thing acts on the next.

    Parameters
    ----------
    edges
        One row an edge: ``edge`` (its id), ``source, target``, ``sign`` (1 or -1), ``switch`` (1 on, 0 off), ``weight``
        (strength or flux now; 0 or more), ``change`` (ratio to control; 1 is none, NaN not known).
    labels, places, control
        As in `gvlab.views.axis_diagram_view`.
    axis
        Where to draw; None makes a figure.
    title, simulated, width, save
        As in `survival`.
    """
    require(edges, ("edge", "source", "target", "sign", "switch", "weight", "change"), "table of edges")
    view = axis_diagram_view(
        [_edge(row) for row in edges.to_dict("records")],
        labels=labels,
        places=places,
        control=control,
        title=title or "The axis",
        width=width_mm(width) * MM * 72 / SCALE,
        recipe=ViewRecipe(simulated=simulated),
    )
    if axis is not None:
        draw(view, axis)
        return finish(figure_of(axis), save)
    return figure(view, width=width, titled=title is not None, save=save)


def _edge(row: Mapping[Any, Any]) -> DiagramEdge:
    sign, weight = pd.to_numeric(row["sign"], errors="coerce"), pd.to_numeric(row["weight"], errors="coerce")
    if sign not in (1, -1):
        raise InvalidValueError(f'The sign of edge "{row["edge"]}" is neither 1 (activates) nor -1 (inhibits).')
    if not weight >= 0:
        raise InvalidValueError(f'The weight of edge "{row["edge"]}" is no number from 0 upwards.')
    change = pd.to_numeric(row["change"], errors="coerce")
    return DiagramEdge(
        str(row["edge"]), str(row["source"]), str(row["target"]), sign == 1, bool(row["switch"]), float(weight),
        None if pd.isna(change) else float(change),
    )  # fmt: skip
