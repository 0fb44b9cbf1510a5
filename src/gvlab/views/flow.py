"""Flow cytometry: two markers with contours and a gate, and half-offset histograms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import numpy.typing as npt

from gvlab.arrays import Array, Float
from gvlab.errors import InvalidValueError
from gvlab.views.palette import Look, Style, looks, style_of
from gvlab.views.view import (
    Axis,
    Band,
    Cell,
    Key,
    Line,
    Mark,
    Patch,
    Points,
    Segments,
    Text,
    UnderRow,
    View,
    ViewColumn,
    ViewRecipe,
    ViewTable,
    numbers,
)

LINEAR_BELOW = 150.0
"""Signals are shown on an inverse hyperbolic sine: linear below this, logarithmic above."""

SHOWN = 600
"""Events outside the contours that are drawn as dots."""

_BINS = 96
_HELD = (0.9, 0.7, 0.5, 0.3, 0.1)


def display(signal: npt.ArrayLike) -> Float[Array, "..."]:
    """Return a compensated signal on the axis: linear around zero, logarithmic far from it, as programs show it."""
    return np.arcsinh(np.asarray(signal, dtype=np.float64) / LINEAR_BELOW)


def _axis(name: str, low: float, high: float) -> Axis:
    ticks = tuple(
        (float(display(value)), text)
        for value, text in ((0.0, "0"), (1e3, "10³"), (1e4, "10⁴"), (1e5, "10⁵"))
        if low <= float(display(value)) <= high
    )
    return Axis(name, low, high, ticks=ticks)


def flow_view(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    names: tuple[str, str],
    gate: tuple[float, float] | None = None,
    percent: float | None = None,
    limits: tuple[float, float] = (-400.0, 2.0e5),
    look: Look | None = None,
    title: str = "",
    recipe: ViewRecipe | None = None,
) -> View:
    """Return events by two markers: contours that hold 10 to 90 % of them, those outside as dots, and a gate.

    Parameters
    ----------
    x, y
        Compensated signals of events, of one length.
    names
        Of the markers.
    gate
        Lower left corner of a gate that is open to the right and upward.
    percent
        Of the events in the gate; None counts what is drawn.
    limits
        Lowest and highest signal of both axes.
    look, title, recipe
        Of the view; measured data where `recipe` is None.
    """
    across, up = (np.asarray(values, dtype=np.float64) for values in (x, y))
    if across.shape != up.shape or not across.size:
        raise InvalidValueError(f"There are {across.size} signals of {names[0]} and {up.size} of {names[1]} to draw.")
    low, high = (float(value) for value in display(limits))
    px, py = (np.clip(display(values), low, high) for values in (across, up))
    style = Style(look.tone if look else "ink", width=0.9)
    marks = _density(px, py, low, high, style)
    inside = np.zeros(0) if gate is None else (across >= gate[0]) & (up >= gate[1])
    share = float(100 * inside.mean()) if gate is not None and percent is None else percent
    if gate is not None:
        left, bottom = (float(value) for value in display(gate))
        marks.append(Segments((left, left), (bottom, bottom), (left, high), (high, bottom), Style("ink", width=1.2)))
        marks.append(Text(high, high, f"{share:.1f} %", "end", dx=-3.0, dy=13.0, size=11.0, bold=True, boxed=True))
    rows: tuple[tuple[Cell, ...], ...] = ((int(across.size), share),)
    said = f"{share:.1f} % of {across.size:,} events lie in the gate." if share is not None else ""
    return View(
        "flow",
        title or f"{names[0]} and {names[1]}",
        f"{names[1]} against {names[0]}. {said}".strip(),
        _axis(names[0], low, high),
        _axis(names[1], low, high),
        tuple(marks),
        ViewTable((ViewColumn("events"), ViewColumn("in the gate", "%")), rows),
        recipe or ViewRecipe(simulated=False),
        height=170.0,
        notes=("Contours hold 10 to 90 % of the events.",),
    )


def _density(x: Float[Array, "event"], y: Float[Array, "event"], low: float, high: float, style: Style) -> list[Mark]:
    import contourpy
    from scipy.ndimage import gaussian_filter

    counts, edges, _ = np.histogram2d(x, y, bins=_BINS, range=((low, high), (low, high)))
    smooth = gaussian_filter(counts, 2.0)
    order = np.sort(smooth.ravel())[::-1]
    held = np.cumsum(order) / order.sum()
    levels = np.unique(order[np.minimum(np.searchsorted(held, np.array(_HELD)), len(order) - 1)])
    centers = 0.5 * (edges[1:] + edges[:-1])
    column, row = (np.clip(np.digitize(values, edges) - 1, 0, _BINS - 1) for values in (x, y))
    outside = np.flatnonzero(smooth[column, row] < levels[0])[:SHOWN]
    dots = Style(style.tone, marker=".", opacity=0.7)
    marks: list[Mark] = [Points(numbers(x[outside]), numbers(y[outside]), dots, 1.8)] if len(outside) else []
    if len(levels) > 1:
        lines = contourpy.contour_generator(centers, centers, smooth.T)
        for level in levels:
            # Pieces of one level in the default form of contourpy: an array of points each.
            pieces = cast("list[npt.NDArray[np.float64]]", lines.lines(float(level)))
            marks += [Line(numbers(each[:, 0]), numbers(each[:, 1]), style) for each in pieces]
    return marks


def histogram_view(
    signals: Mapping[str, npt.ArrayLike],
    *,
    name: str,
    look: Mapping[str, Look] | None = None,
    limits: tuple[float, float] = (-200.0, 1.0e5),
    title: str = "",
    recipe: ViewRecipe | None = None,
) -> View:
    """Return the histogram of a marker for each arm, each to its own maximum, half a height above the one before.

    Parameters
    ----------
    signals
        Compensated signals of gated events, by arm; the first lies at the bottom, in front.
    name
        Of the marker.
    look, title, recipe
        As in `flow_view`.
    limits
        Lowest and highest signal of the axis.
    """
    from scipy.ndimage import gaussian_filter1d

    how = dict(look) if look is not None else looks(signals)
    low, high = (float(value) for value in display(limits))
    edges = np.linspace(low, high, 120)
    centers = 0.5 * (edges[1:] + edges[:-1])
    layers: list[list[Mark]] = []
    rows: list[tuple[Cell, ...]] = []
    for place, (arm, values) in enumerate(signals.items()):
        raw = np.asarray(values, dtype=np.float64)
        if not raw.size:
            raise InvalidValueError(f'Arm "{arm}" has no events of {name} to draw.')
        shown = np.clip(display(raw), low, high)
        curve = gaussian_filter1d(np.histogram(shown, edges)[0].astype(np.float64), 2.0)
        curve = curve / max(float(curve.max()), 1e-12)
        base = 0.55 * place
        style = style_of(how[arm], 1.3).but(dashes=())
        middle = float(np.median(shown))
        layers.append(
            [
                Band(numbers(centers), (base,) * len(centers), numbers(base + curve), style.but(opacity=0.25)),
                Line(numbers(centers), numbers(base + curve), style),
                Segments((middle,), (base,), (middle,), (base + float(np.interp(middle, centers, curve)),),
                         style.but(dashes=(1.5, 1.2))),
            ]
        )  # fmt: skip
        rows.append((arm, int(raw.size), float(np.median(raw))))
    said = "; ".join(f"{arm} {median:.3g}" for arm, _, median in rows)
    return View(
        "histogram",
        title or name,
        f"Median of {name}: {said}.",
        _axis(name, low, high),
        Axis("Events, to maximum", 0.0, 0.55 * (len(layers) - 1) + 1.08, ticks=()),
        tuple(mark for layer in reversed(layers) for mark in layer),
        ViewTable((ViewColumn("arm"), ViewColumn("events"), ViewColumn(f"median of {name}")), tuple(rows)),
        recipe or ViewRecipe(simulated=False),
        keys=tuple(Key(arm, style_of(how[arm]), "line") for arm in signals) if len(signals) > 1 else (),
        height=150.0,
    )


def blot_view(
    bands: Mapping[str, npt.ArrayLike],
    lanes: Mapping[str, tuple[str, ...]],
    *,
    title: str = "Western blot",
    recipe: ViewRecipe | None = None,
) -> View:
    """Return a strip of bands for each protein: a band darkens with its signal and saturates, as film does.

    Parameters
    ----------
    bands
        Signals by protein, one a lane. A strip is exposed for its own strongest band.
    lanes
        What is written under the lanes: by name of a row, one text a lane.
    title, recipe
        As in `flow_view`.
    """
    signals = {name: np.asarray(values, dtype=np.float64) for name, values in bands.items()}
    count = {len(values) for values in signals.values()} | {len(row) for row in lanes.values()}
    if len(count) != 1:
        raise InvalidValueError("Strips and rows of lanes have different lengths; give one signal and one text a lane.")
    number = count.pop()
    marks: list[Mark] = []
    ticks = []
    for place, (name, values) in enumerate(signals.items()):
        y = 1.3 * (len(signals) - 1 - place)
        ticks.append((y + 0.5, name))
        marks.append(Patch((0.0, number, number, 0.0), (y, y, y + 1, y + 1), Style("fill"), outline="line"))
        for lane, amount in enumerate(values / max(float(values.max()), 1e-12)):
            dark = float((1.0 - np.exp(-2.2 * max(float(amount), 0.0))) / (1.0 - np.exp(-2.2)))
            half, thick = 0.34, 0.13 + 0.14 * dark
            middle = lane + 0.5
            outline = [
                (-half, 0.0),
                (-0.8 * half, 0.9),
                (0.8 * half, 0.9),
                (half, 0.0),
                (0.8 * half, -0.9),
                (-0.8 * half, -0.9),
            ]
            marks.append(
                Patch(tuple(middle + dx for dx, _ in outline), tuple(y + 0.5 + thick * dy for _, dy in outline),
                      Style("ink", opacity=round(0.04 + 0.92 * dark, 3)))
            )  # fmt: skip
    columns = (ViewColumn("protein"), *(ViewColumn(f"lane {lane}") for lane in range(1, number + 1)))
    rows: tuple[tuple[Cell, ...], ...] = tuple((name, *numbers(values)) for name, values in signals.items())
    strong = "; ".join(f"{name} strongest in lane {int(np.argmax(values)) + 1}" for name, values in signals.items())
    return View(
        "blot",
        title,
        f"Drawn of the signals that were read, in {number} lanes: {strong}.",
        Axis("", 0.0, float(number), ticks=()),
        Axis("", 0.0, 1.3 * len(signals) - 0.3, ticks=tuple(ticks)),
        tuple(marks),
        ViewTable(columns, rows),
        recipe or ViewRecipe(simulated=False),
        under=tuple(
            UnderRow(name, tuple(lane + 0.5 for lane in range(number)), tuple("−" if t == "-" else t for t in row))
            for name, row in lanes.items()
        ),
        height=26.0 * len(signals),
    )
