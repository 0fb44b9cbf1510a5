"""A figure of many panels on a page of a journal's width: rows, letters, verdicts, legends, in millimeters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gvlab.figures.style import (
    GRAY,
    MM,
    Look,
    Width,
    axes_at,
    finish,
    new_figure,
    styled,
    text_width_mm,
    width_mm,
    wrapped,
)
from gvlab.views import View, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VERDICT_MARKS: Mapping[str, tuple[str, str]] = {
    "reproduced": ("\u2713", "#00795A"),
    "partly": ("\u25d0", "#A86E00"),
    "not": ("\u2717", "#C04F00"),
    "cannot say": ("?", GRAY),
}
"""Glyph and color of each verdict."""

_TITLE_SIZE, _LINE_MM = 7.0, 3.2
_MARK_MM = 3.4
_LEGEND_MM = 4.0
_GAP_MM = 2.5


@dataclass(frozen=True)
class Panel:
    """A panel: what it draws, how large, and what it says.

    Attributes
    ----------
    draw
        What is drawn: a view, or a function that draws on the axes it is given.
    width_mm, height_mm
        Of the panel with its labels, on a page of double width; of the axes.
    title
        Above the axes.
    letter
        Whether it is lettered; a panel that continues another is not.
    verdicts
        Claim and verdict, printed beside it.
    left_mm, below_mm, right_mm
        Space for labels beside and below the axes; what is below a view is measured where None.
    """

    draw: Callable[[Axes], None] | View
    width_mm: float
    height_mm: float
    title: str = ""
    letter: bool = True
    verdicts: tuple[tuple[str, str], ...] = ()
    left_mm: float = 12.5
    below_mm: float | None = None
    right_mm: float = 2.0

    @property
    def below(self) -> float:
        """Space below the axes in millimeters."""
        if self.below_mm is not None:
            return self.below_mm
        if not isinstance(self.draw, View):
            return 9.5
        rows = len(self.draw.under) + bool(self.draw.under_title)
        return (3.5 if self.draw.x.ticks != () else 1.0) + (4.0 if self.draw.x.label else 0.0) + 2.7 * rows + 1.5


@dataclass(frozen=True)
class Row:
    """Panels beside one another, as far as the page is wide enough, and the legend below them."""

    panels: tuple[Panel, ...]
    legend: Mapping[str, Look] = field(default_factory=dict)


@dataclass(frozen=True)
class _Line:
    panels: tuple[Panel, ...]
    widths: tuple[float, ...]
    titles: tuple[str, ...]
    above: float
    height: float
    below: float
    legend: Mapping[str, Look]

    @property
    def total(self) -> float:
        return self.above + self.height + self.below + _GAP_MM


@styled
def sheet(
    rows: Sequence[Row], *, width: Width | float = "double", save: str | Path | Iterable[str | Path] | None = None
) -> Figure:
    """Lay panels out on a page.

    Parameters
    ----------
    rows
        From top to bottom, as they stand on a page of double width; on a narrower one, a row breaks into several.
    width
        Of the page: "single" (85 mm), "one-and-half" (114 mm), "double" (174 mm), or millimeters.
    save
        Files to write.
    """
    across = width_mm(width)
    lines = [line for row in rows for line in _broken(row, across)]
    legends = [_legend_lines(line.legend, across) for line in lines]
    high = sum(line.total for line in lines) + sum(_LEGEND_MM * len(each) for each in legends) + 1.0
    figure = new_figure(across, high, constrained=False)
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    top = high - 1.0
    for line, legend in zip(lines, legends, strict=True):
        left = 0.0
        for panel, wide, title in zip(line.panels, line.widths, line.titles, strict=True):
            bottom = top - line.above - line.height
            axes = axes_at(
                figure,
                left + panel.left_mm,
                bottom + line.height - panel.height_mm,
                wide - panel.left_mm - panel.right_mm,
                panel.height_mm,
            )
            if isinstance(panel.draw, View):
                draw(panel.draw, axes, legend=False)
            else:
                panel.draw(axes)
            if panel.letter:
                _write(figure, left + 1.0, top, next(letters), fontsize=9.5, fontweight="bold", va="top")
            _write(
                figure,
                left + _title_left(panel),
                top - 0.3,
                title,
                fontsize=_TITLE_SIZE,
                fontweight="bold",
                va="top",
            )
            _verdicts(figure, left + panel.left_mm, top - line.above + 0.9, panel.verdicts)
            left += wide
        top -= line.total
        for entries in legend:
            _draw_legend(figure, top + _GAP_MM - 2.2, entries)
            top -= _LEGEND_MM
    return finish(figure, save)


def _broken(row: Row, across: float) -> list[_Line]:
    """Break a row into lines that fit, and stretch each to the width of the page."""
    lines: list[list[Panel]] = [[]]
    for panel in row.panels:
        if lines[-1] and sum(each.width_mm for each in lines[-1]) + panel.width_mm > across + 0.5:
            lines.append([])
        lines[-1].append(panel)
    made = []
    widest = max(sum(panel.width_mm for panel in line) for line in lines)
    for number, line in enumerate(lines):
        # A last line of few panels keeps the size of those above it.
        stretch = across / (widest if len(lines) > 1 else sum(panel.width_mm for panel in line))
        widths = tuple(panel.width_mm * stretch for panel in line)
        titles = tuple(_title(panel, wide) for panel, wide in zip(line, widths, strict=True))
        most = max((title.count("\n") + 1 if title else 0) for title in titles)
        made.append(
            _Line(
                tuple(line),
                widths,
                titles,
                most * _LINE_MM + _MARK_MM + 0.6,
                max(panel.height_mm for panel in line),
                max(panel.below for panel in line),
                row.legend if number == len(lines) - 1 else {},
            )
        )
    return made


def _title(panel: Panel, wide: float) -> str:
    space = wide - _title_left(panel) - 1.0
    # Bold letters are wider than those that are measured.
    return wrapped(panel.title, space / 1.2, _TITLE_SIZE) if panel.title else ""


def _title_left(panel: Panel) -> float:
    """Return where a title begins: beside the letter, and over the labels of the axis."""
    return max(panel.left_mm - 5.5, 5.5) if panel.letter else min(panel.left_mm, max(panel.left_mm - 5.5, 2.0))


def _write(figure: Figure, x_mm: float, y_mm: float, text: str, **style: Any) -> None:
    across, high = figure.get_size_inches() / MM
    figure.text(x_mm / across, y_mm / high, text, **style)


def _verdicts(figure: Figure, left: float, y: float, verdicts: Iterable[tuple[str, str]]) -> None:
    for claim, verdict in verdicts:
        glyph, color = VERDICT_MARKS[verdict]
        text = f"{claim} {glyph}"
        _write(figure, left, y, text, fontsize=5.5, color=color, va="bottom")
        left += text_width_mm(text, 5.5) + 1.6


def _legend_lines(legend: Mapping[str, Look], across: float) -> list[dict[str, Look]]:
    lines: list[dict[str, Look]] = []
    used = across
    for name, look in legend.items():
        needed = 13.0 + text_width_mm(name, 6.5)
        if used + needed > across:
            lines.append({})
            used = 2.0
        lines[-1][name] = look
        used += needed
    return lines


def _draw_legend(figure: Figure, y: float, entries: Mapping[str, Look]) -> None:
    from matplotlib.lines import Line2D

    across, high = figure.get_size_inches() / MM
    left = 3.0
    for name, look in entries.items():
        figure.add_artist(
            Line2D(
                [left / across, (left + 7.5) / across],
                [y / high, y / high],
                color=look.color,
                linestyle=look.linestyle,
                linewidth=1.3,
            )
        )
        _write(figure, left + 8.7, y, name, fontsize=6.5, va="center")
        left += 13.0 + text_width_mm(name, 6.5)
