"""The second printer: a view by matplotlib, for publications (PDF, PNG, SVG with outlines)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gvlab.errors import InvalidValueError
from gvlab.views.palette import LIGHT, Style
from gvlab.views.publication import (
    MM,
    Width,
    figure_of,
    finish,
    mark_simulated,
    name_vertical_axis,
    new_figure,
    styled,
    width_mm,
    wrapped,
)
from gvlab.views.ticks import ticks
from gvlab.views.view import Arrow, Axis, Band, Bars, Line, Mark, Patch, Points, Segments, Text, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCALE = 0.62
"""Points of print for a point of the page: letters of 10 on a page are 6.2 in a journal."""

_ROW_PT = 7.6
_OPEN = ("|", "x", "X", "P")


@styled
def figure(
    view: View,
    *,
    width: Width | float = "single",
    height_mm: float | None = None,
    titled: bool = False,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Return a view as a figure of matplotlib.

    Parameters
    ----------
    view
        What is drawn.
    width
        "single" (85 mm), "one-and-half" (114 mm), "double" (174 mm), or millimeters.
    height_mm
        Of the axes; what the view proposes where None.
    titled
        Whether the title is printed.
    save
        Files to write: SVG, PDF, PNG by the ending.
    """
    across = width_mm(width)
    high = height_mm or view.height * SCALE / 72 / MM
    if view.equal:
        high = (across - 4.0) * (view.y.high - view.y.low) / (view.x.high - view.x.low)
    below = _ROW_PT * (len(view.under) + bool(view.under_title)) / 72 / MM
    rows = _legend_rows(view, across)
    above = 3.4 * len(view.over) + (5.0 if titled else 0.0) + _beside_mark(view) / 72 / MM
    made = new_figure(across, high + 13.0 + below + above + 3.6 * rows)
    axes = made.add_subplot()
    draw(view, axes, legend=False)
    if titled:
        axes.set_title(wrapped(view.title, across * 0.8, 8.0), pad=title_pad(view))
    if view.keys:
        handles = [_handle(key.style, key.kind, key.name) for key in view.keys]
        made.legend(handles=handles, loc="outside lower left", ncols=max(1, math.ceil(len(handles) / rows)),
                    handlelength=2.4, labelspacing=0.3, columnspacing=1.2)  # fmt: skip
    return finish(made, save)


def title_pad(view: View) -> float:
    """Return how many points a title stands above the axes: above "simulated" and the rows of what was given."""
    return 10.0 + 8.0 * len(view.over) + _beside_mark(view)


def _beside_mark(view: View) -> float:
    """Return the points by which rows above the axes are raised, so that none runs into "simulated"."""
    return 8.0 if view.over and view.recipe.simulated else 0.0


def _legend_rows(view: View, across: float) -> int:
    if not view.keys:
        return 0
    # About 1.35 mm a letter of 7 points, and a sample before it.
    widest = max(len(key.name) for key in view.keys) * 1.35 + 12.0
    return math.ceil(len(view.keys) / max(1, int(across // widest)))


@styled
def draw(view: View, axes: Axes, *, legend: bool = True, labels: bool = True) -> None:
    """Draw a view on axes of matplotlib.

    Parameters
    ----------
    view
        What is drawn.
    axes
        Where.
    legend
        Whether its keys are drawn in the axes.
    labels
        Whether the axes are named.
    """
    axes.set_xlim(view.x.low, view.x.high)
    for scale, axis, which in ((axes.set_xscale, view.x, "x"), (axes.set_yscale, view.y, "y")):
        if axis.log:
            scale("log")
        _ticks(axes, axis, which)
    axes.set_xlim(view.x.low, view.x.high)
    # A curve along the upper edge keeps its width.
    room = 0.0 if view.y.log or not view.framed else 0.012 * (view.y.high - view.y.low)
    axes.set_ylim(view.y.low, view.y.high + room)
    if not view.framed:
        axes.axis("off")
    if view.equal:
        axes.set_aspect("equal")
    for order, mark in enumerate(view.marks):
        _mark(axes, mark, 2.0 + 0.01 * order, view.recipe.simulated)
    _over(axes, view)
    below = _under(axes, view)
    if labels and view.framed:
        if view.x.label:
            axes.set_xlabel(view.x.words, labelpad=3.0 + (below if view.under else 0.0))
        if view.y.label:
            name_vertical_axis(axes, view.y.words)
    if legend and view.keys:
        axes.legend(handles=[_handle(key.style, key.kind, key.name) for key in view.keys], loc="best")
    mark_simulated(axes, view.recipe.simulated)


def _ticks(axes: Axes, axis: Axis, which: str) -> None:
    found = [each for each in ticks(axis, 6 if which == "x" else 5) if axis.low <= each[0] <= axis.high]
    target = axes.xaxis if which == "x" else axes.yaxis
    target.set_ticks([value for value, _ in found], [text for _, text in found])
    target.set_ticks([], minor=True)


def _handle(style: Style, kind: str, name: str) -> Any:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch as Square

    color = LIGHT[style.tone]
    if kind == "fill":
        return Square(facecolor=color, alpha=style.opacity, label=name)
    if kind in ("point", "dot"):
        inside = "white" if kind == "point" else color
        return Line2D([], [], color=color, marker=style.marker, linestyle="", markersize=4, markerfacecolor=inside,
                      label=name)  # fmt: skip
    return Line2D([], [], color=color, linestyle=_dashes(style), linewidth=1.3, label=name)


def _dashes(style: Style) -> Any:
    return (0.0, style.dashes) if style.dashes else "solid"


def _stroke(style: Style) -> dict[str, Any]:
    wide = max(0.3, style.width * 0.8)
    return {"color": LIGHT[style.tone], "linewidth": wide, "linestyle": _dashes(style), "alpha": style.opacity}


def _mark(axes: Axes, mark: Mark, order: float, simulated: bool) -> None:
    if isinstance(mark, Line):
        axes.plot(mark.x, mark.y, zorder=order, drawstyle="steps-post" if mark.steps else "default",
                  **_stroke(mark.style))  # fmt: skip
    elif isinstance(mark, Band):
        axes.fill_between(mark.x, mark.lower, mark.upper, step="post" if mark.steps else None, zorder=order,
                          color=LIGHT[mark.style.tone], alpha=mark.style.opacity, linewidth=0)  # fmt: skip
    elif isinstance(mark, Points):
        _points(axes, mark, order, simulated)
    elif isinstance(mark, Segments):
        axes.add_collection(_segments(mark, order), autolim=False)
    elif isinstance(mark, Bars):
        for at, start, end in zip(mark.at, mark.start, mark.end, strict=True):
            bar = axes.barh if mark.across else axes.bar
            base = {"left": start} if mark.across else {"bottom": start}
            bar(at, end - start, mark.thickness, color=LIGHT[mark.style.tone], alpha=mark.style.opacity,
                zorder=order, **base)  # type: ignore[arg-type]  # fmt: skip
    elif isinstance(mark, Text):
        axes.annotate(
            mark.text, (mark.x, mark.y), xytext=(mark.dx * SCALE, -mark.dy * SCALE), textcoords="offset points",
            ha={"start": "left", "middle": "center", "end": "right"}[mark.anchor], va="baseline",
            fontsize=mark.size * SCALE, color=LIGHT[mark.tone], fontweight="bold" if mark.bold else "normal",
            annotation_clip=False, zorder=order + 2, linespacing=1.1,
            bbox={"boxstyle": "square,pad=0.08", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
            if mark.boxed else None,
        )  # fmt: skip
    elif isinstance(mark, Arrow):
        _arrow(axes, mark, order)
    else:
        _patch(axes, mark, order)


def _points(axes: Axes, mark: Points, order: float, simulated: bool) -> None:
    color = LIGHT[mark.style.tone]
    marker = mark.style.marker
    hollow = mark.hollow and simulated and marker not in (*_OPEN, ".")
    axes.plot(
        mark.x, mark.y, linestyle="", marker="o" if marker == "." else marker, markersize=mark.size * SCALE,
        color=color, markerfacecolor="white" if hollow else color, alpha=mark.style.opacity, zorder=order,
        markeredgewidth=0 if marker == "." else min(mark.style.width, 1.3) * 0.7, clip_on=False,
        rasterized=len(mark.x) > 500,
    )  # fmt: skip


def _segments(mark: Segments, order: float) -> Any:
    from matplotlib.collections import LineCollection

    ends = [((a, b), (c, d)) for a, b, c, d in zip(mark.x1, mark.y1, mark.x2, mark.y2, strict=True)]
    style = _stroke(mark.style)
    return LineCollection(ends, colors=style["color"], linewidths=style["linewidth"], linestyles=[style["linestyle"]],
                          alpha=mark.style.opacity, zorder=order, clip_on=False)  # fmt: skip


def _patch(axes: Axes, mark: Patch, order: float) -> None:
    from matplotlib.patches import Polygon

    axes.add_patch(
        Polygon(list(zip(mark.x, mark.y, strict=True)), closed=True, facecolor=LIGHT[mark.style.tone],
                alpha=mark.style.opacity if not mark.outline else None,
                edgecolor=LIGHT[mark.outline] if mark.outline else "none", linewidth=0.7, zorder=order)
    )  # fmt: skip


def _arrow(axes: Axes, mark: Arrow, order: float) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    curve = Curve(list(mark.path), [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4])
    wide = mark.style.width * 0.8
    head = {
        "arrow": f"-|>,head_length={2.2 + wide:.2f},head_width={1.2 + 0.7 * wide:.2f}",
        "bar": f"|-|,widthA=0,widthB={1.8 + 0.5 * wide:.2f}",
        "none": "-",
    }[mark.head]
    axes.add_patch(
        FancyArrowPatch(path=curve, arrowstyle=head, color=LIGHT[mark.style.tone], linewidth=wide, mutation_scale=1.0,
                        linestyle=_dashes(mark.style), zorder=order)
    )  # fmt: skip
    if mark.crossed:
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = mark.path
        axes.plot((x0 + 3 * x1 + 3 * x2 + x3) / 8, (y0 + 3 * y1 + 3 * y2 + y3) / 8, marker="x", color=LIGHT["ink"],
                  markersize=4.5, markeredgewidth=1.1, zorder=order + 1)  # fmt: skip


def _over(axes: Axes, view: View) -> None:
    from matplotlib.transforms import offset_copy

    for number, row in enumerate(view.over):
        up = 5.0 + 8.0 * (len(view.over) - 1 - number) + _beside_mark(view)
        place = offset_copy(axes.get_xaxis_transform(), fig=figure_of(axes), y=up, units="points")
        color = LIGHT[row.tone]
        spans = row.within(view.x)
        for start, end in spans:
            if end > start:
                axes.plot([start, end], [1, 1], color=color, linewidth=3.0, solid_capstyle="butt", transform=place,
                          clip_on=False)  # fmt: skip
            else:
                axes.plot([start], [1], marker="v", color=color, markersize=4, transform=place, clip_on=False)
        last = max((end for _, end in spans), default=view.x.low)
        axes.annotate(row.name, (last, 1), xycoords=place, xytext=(4, 0), textcoords="offset points", va="center",
                      fontsize=6, color=LIGHT["ink"], annotation_clip=False)  # fmt: skip


def _under(axes: Axes, view: View) -> float:
    """Write the rows below the axis, and return how many points they take."""
    if not view.under:
        return 0.0
    found = [each for each in ticks(view.x, 6) if view.x.low <= each[0] <= view.x.high]
    y = -(11.0 if found else 3.0)
    if view.under_title:
        y -= _ROW_PT
        axes.annotate(view.under_title, (0, 0), xycoords="axes fraction", xytext=(-16, y), textcoords="offset points",
                      fontsize=6, color=LIGHT["muted"], va="center", annotation_clip=False)  # fmt: skip
    for row in view.under:
        y -= _ROW_PT
        if row.style is not None:
            axes.annotate(
                "━", (0, 0), xycoords="axes fraction", xytext=(-13, y), textcoords="offset points", ha="center",
                va="center", fontsize=6, color=LIGHT[row.style.tone], annotation_clip=False,
            )  # fmt: skip
        else:
            axes.annotate(row.name, (0, 0), xycoords="axes fraction", xytext=(-3, y), textcoords="offset points",
                          ha="right", va="center", fontsize=6, annotation_clip=False)  # fmt: skip
        for x, text in zip(row.at, row.words, strict=True):
            axes.annotate(text, (x, 0), xycoords=("data", "axes fraction"), xytext=(0, y), textcoords="offset points",
                          ha="center", va="center", fontsize=6, annotation_clip=False)  # fmt: skip
    return -y - 8.0


def print_bytes(view: View, kind: str, *, width: Width | float = "single") -> bytes:
    """Return a view as the bytes of a file: "pdf", "png" or "svg" with outlined letters, titled, with its caption.

    Raises
    ------
    InvalidValueError
        If the kind is another one.
    """
    from gvlab.views.publication import figure_bytes

    if kind not in ("pdf", "png", "svg"):
        raise InvalidValueError(f'A picture is asked for as "{kind}"; kinds are pdf, png, svg.')
    return figure_bytes(figure(view, width=width, titled=True), kind)
