"""Two doses on a grid: the effect of each pair, and by how much it exceeds what was expected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError
from gvlab.views.palette import SHADES, Style
from gvlab.views.view import Axis, Cell, Mark, Patch, Text, View, ViewColumn, ViewRecipe, ViewTable

FAINT = 0.02
"""A cell within this share of the largest excess of its sign is drawn as none."""


def synergy_view(
    rows: Sequence[str],
    columns: Sequence[str],
    excess: npt.ArrayLike,
    *,
    labels: tuple[str, str],
    unit: str = "%",
    model: str = "Bliss",
    title: str = "Synergy",
    recipe: ViewRecipe | None = None,
) -> View:
    """Return a map of the excess over what a model of independence expects: orange more, blue less, the number inside.

    Parameters
    ----------
    rows, columns
        Doses in words, from the least; rows from bottom to top.
    excess
        Shape (row, column), in `unit`; NaN where it is not known.
    labels
        Names of the two axes: rows, columns.
    unit, model
        Of the excess, and what is expected by.
    title, recipe
        Of the view.

    Raises
    ------
    InvalidValueError
        If the grid has another shape than the doses, or no number.
    """
    grid = np.asarray(excess, dtype=np.float64)
    if grid.shape != (len(rows), len(columns)):
        raise InvalidValueError(
            f"The map has {len(rows)} rows and {len(columns)} columns, and values of shape {grid.shape}."
        )
    known = np.isfinite(grid)
    if not known.any():
        raise InvalidValueError("The map has no number, so there is nothing to draw.")
    most = float(np.abs(grid[known]).max()) or 1.0
    marks: list[Mark] = []
    table: list[tuple[Cell, ...]] = []
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            value = float(grid[i, j]) if known[i, j] else None
            x, y = (j - 0.5, j + 0.5, j + 0.5, j - 0.5), (i - 0.5, i - 0.5, i + 0.5, i + 0.5)
            marks.append(Patch(x, y, _shade(value, most), outline="paper"))
            marks.append(Text(j, i, "–" if value is None else f"{value:+.3g}".replace("-", "−"), "middle", dy=3.5))
            table.append((row, column, value))
    i, j = divmod(int(np.argmax(np.where(known, grid, -np.inf))), len(columns))
    k, m = divmod(int(np.argmin(np.where(known, grid, np.inf))), len(columns))
    return View(
        "synergy",
        title,
        f"Excess over {model}: most {grid[i, j]:+.3g} {unit} at {rows[i]} with {columns[j]}, least {grid[k, m]:+.3g} "
        f"{unit} at {rows[k]} with {columns[m]}.",
        Axis(labels[1], -0.5, len(columns) - 0.5, ticks=tuple((float(p), name) for p, name in enumerate(columns))),
        Axis(labels[0], -0.5, len(rows) - 0.5, ticks=tuple((float(p), name) for p, name in enumerate(rows))),
        tuple(marks),
        ViewTable(
            (ViewColumn(labels[0]), ViewColumn(labels[1]), ViewColumn(f"excess over {model}", unit)), tuple(table)
        ),
        recipe or ViewRecipe(),
        height=max(90.0, 34.0 * len(rows)),
        notes=(f"Number: excess over {model} in {unit}; orange more, blue less.",),
    )


def _shade(value: float | None, most: float) -> Style:
    if value is None or abs(value) <= FAINT * most:
        return Style("fill")
    step = min(SHADES, 1 + int(SHADES * abs(value) / most * 0.999))
    return Style(f"{'up' if value > 0 else 'down'}-{step}", opacity=0.45)
