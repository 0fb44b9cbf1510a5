"""The verdict matrix: claims down, systems across, each verdict a color and a glyph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gvlab.errors import UnknownNameError
from gvlab.figures.style import (
    OKABE_ITO,
    Width,
    axes_at,
    finish,
    new_figure,
    styled,
    text_width_mm,
    width_mm,
)
from gvlab.figures.tables import chosen, require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VERDICTS: Mapping[str, tuple[str, str]] = {
    "reproduced": (OKABE_ITO[3], "✓"),
    "partly": (OKABE_ITO[4], "◐"),
    "not": (OKABE_ITO[1], "✗"),
    "cannot say": ("#B8B8B8", "?"),
}
"""Color and glyph of each verdict; the glyph carries it where color does not."""

_ROW_MM = 4.1
_CELL_MM = 7.0
_KEY_LINE_MM = 4.6


@styled
def verdict_matrix(
    verdicts: pd.DataFrame,
    *,
    statements: Mapping[str, str] | None = None,
    claims: Sequence[str] | None = None,
    systems: Sequence[str] | None = None,
    title: str | None = None,
    width: Width | float = "double",
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw a verdict for each claim in each system.

    Parameters
    ----------
    verdicts
        One row a claim and system: ``claim, system, verdict`` (reproduced, partly, not, cannot say). A pair that does
        not occur stays empty: the claim does not speak of that system.
    statements
        What each claim says, written beside its id and cut to the space there is.
    claims, systems
        Order of rows and columns; None takes that of appearance.
    title, width, save
        As in `survival`.
    """
    require(verdicts, ("claim", "system", "verdict"), "table of verdicts")
    for verdict in verdicts["verdict"]:
        if verdict not in VERDICTS:
            raise UnknownNameError("verdict", str(verdict), VERDICTS)
    rows = chosen(claims, verdicts["claim"], "claim")
    columns = chosen(systems, verdicts["system"], "system")
    across = width_mm(width)
    figure = new_figure(across, 10, constrained=False)
    heads = [_in_two_lines(name) for name in columns]
    # Aslant at 45 degrees a head is as high as it is wide.
    widths = [max(text_width_mm(line, 6.0) for line in head.split("\n")) * 0.71 for head in heads]
    head = max(widths) + 5
    slant = max(max(w - _CELL_MM * (len(columns) - 1 - i) for i, w in enumerate(widths)) - 2.0, 3.0)
    key = _key_lines(verdicts, across)
    below, above = 3.6 + _KEY_LINE_MM * len(key), head + (6.0 if title else 1.0)
    tall = below + _ROW_MM * len(rows) + above
    figure.set_size_inches(across / 25.4, tall / 25.4)
    grid_width = _CELL_MM * len(columns)
    left = across - grid_width - slant - 2
    axes = axes_at(figure, left, below, grid_width, _ROW_MM * len(rows))
    _grid(axes, verdicts, rows, columns)
    for i, text in enumerate(heads):
        axes.text(
            i + 0.5, -0.25, text, rotation=45, rotation_mode="anchor", ha="left", va="center", fontsize=5.7,
            linespacing=0.95,
        )  # fmt: skip
    for i, claim in enumerate(rows):
        y = (below + _ROW_MM * (len(rows) - i - 0.5)) / tall
        figure.text(2 / across, y, claim, fontsize=6.3, va="center", fontweight="bold")
        if statements and claim in statements:
            text = _cut(statements[claim], left - 13)
            figure.text(11 / across, y, text, fontsize=6.3, va="center")
    _key(figure, key, across, tall)
    if title:
        figure.text(2 / across, 1 - 2 / tall, title, fontsize=8, fontweight="bold", va="top")
    return finish(figure, save)


def _in_two_lines(name: str) -> str:
    """Break a long name near its middle; between columns there is room for two lines and no more."""
    if text_width_mm(name, 6.0) <= 20 or " " not in name:
        return name
    gaps = [i for i, letter in enumerate(name) if letter == " "]
    middle = min(gaps, key=lambda i: abs(i - len(name) / 2))
    return f"{name[:middle]}\n{name[middle + 1 :]}"


def _grid(axes: Axes, verdicts: pd.DataFrame, rows: list[str], columns: list[str]) -> None:
    from matplotlib.patches import Rectangle

    axes.set_xlim(0, len(columns))
    axes.set_ylim(len(rows), 0)
    axes.axis("off")
    for y in range(len(rows)):
        for x in range(len(columns)):
            axes.add_patch(Rectangle((x, y), 1, 1, facecolor="#F6F6F6", edgecolor="white", linewidth=1))
    for row in verdicts.itertuples(index=False):
        if str(row.claim) not in rows or str(row.system) not in columns:
            continue
        x, y = columns.index(str(row.system)), rows.index(str(row.claim))
        color, glyph = VERDICTS[str(row.verdict)]
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=color, edgecolor="white", linewidth=1))
        axes.text(x + 0.5, y + 0.52, glyph, ha="center", va="center", fontsize=6.5, color=ink(color), fontweight="bold")


def ink(color: str) -> str:
    """Return black or white, whichever can be read on a color."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(color)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def _cut(text: str, space_mm: float) -> str:
    if text_width_mm(text, 6.3) <= space_mm:
        return text
    words = text.split()
    while words and text_width_mm(" ".join(words) + " …", 6.3) > space_mm:
        words.pop()
    return " ".join(words) + " …"


def _key_lines(verdicts: pd.DataFrame, across: float) -> list[list[tuple[str, str, str, float]]]:
    """Return the key as lines of (color, glyph, text, left edge), as many as the width needs."""
    lines: list[list[tuple[str, str, str, float]]] = [[]]
    x = 2.0
    for verdict, (color, glyph) in VERDICTS.items():
        text = f"{verdict} ({int((verdicts['verdict'] == verdict).sum())})"
        wide = 8.0 + text_width_mm(text, 6.3)
        if x + wide > across and lines[-1]:
            lines.append([])
            x = 2.0
        lines[-1].append((color, glyph, text, x))
        x += wide
    return lines


def _key(figure: Figure, lines: list[list[tuple[str, str, str, float]]], across: float, tall: float) -> None:
    from matplotlib.patches import Rectangle

    for i, line in enumerate(reversed(lines)):
        y = 4.0 + _KEY_LINE_MM * i
        for color, glyph, text, x in line:
            box = (x / across, (y - 1.8) / tall), 3.6 / across, 3.6 / tall
            figure.add_artist(Rectangle(*box, facecolor=color, transform=figure.transFigure))
            figure.text((x + 1.8) / across, y / tall, glyph, ha="center", va="center", fontsize=6.2, color=ink(color))
            figure.text((x + 4.6) / across, y / tall, text, va="center", fontsize=6.3, color="#222222")
