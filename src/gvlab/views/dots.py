"""Readings of groups, every subject a dot, with medians, brackets, limits, and a table of what each group had."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.views.palette import Look, Style, looks, style_of
from gvlab.views.view import (
    Axis,
    Cell,
    Key,
    Mark,
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

Bracket = tuple[str, str, str]
"""Two groups, and what is written between them."""

_LIMIT = Style("muted", (3.0, 2.0), width=1.0)


def dots_view(
    readings: Mapping[str, npt.ArrayLike],
    *,
    label: str,
    unit: str = "",
    rows: Mapping[str, Sequence[str]] | None = None,
    look: Mapping[str, Look] | None = None,
    brackets: Sequence[Bracket] = (),
    limits: Mapping[str, float] | None = None,
    reference: float | None = None,
    log: bool = False,
    most: int | None = None,
    title: str = "",
    recipe: ViewRecipe | None = None,
) -> View:
    """Return every reading of each group as a dot, with median and quartiles.

    Parameters
    ----------
    readings
        By group, each of shape (subject,); a group without a reading keeps its place.
    label, unit
        What is read.
    rows
        Below the groups: by name of a treatment, one text a group ("+", "-"). Without it the legend names the groups.
    look
        By group.
    brackets
        Two groups and what is written between them.
    limits
        Limits of the assay by name, drawn as lines.
    reference
        Where a thin line is drawn, such as 1 for control.
    log
        A logarithmic axis.
    most
        Readings of each group that are drawn, the first ones; the table, medians and quartiles are of all.
    title, recipe
        Of the view; measured data where `recipe` is None.

    Raises
    ------
    InvalidValueError
        If a row has not one text a group, there is no reading, or one of a logarithmic axis is not above 0.
    UnknownNameError
        If a bracket names a group that is not there.
    """
    names = list(readings)
    values = {name: np.asarray(readings[name], dtype=np.float64) for name in names}
    values = {name: each[np.isfinite(each)] for name, each in values.items()}
    how = dict(look) if look is not None else looks(names)
    for named, texts in (rows or {}).items():
        if len(texts) != len(names):
            raise InvalidValueError(f'The row "{named}" has {len(texts)} texts for {len(names)} groups.')
    every = np.concatenate(list(values.values())) if values else np.zeros(0)
    if not every.size:
        raise InvalidValueError(f'"{label}" has no readings, so there is nothing to draw.')
    if log and every.min() <= 0:
        raise InvalidValueError(f'"{label}" has a reading of {every.min():g}, and its axis is logarithmic.')
    bounds = {**(limits or {})}
    low, high = _ends(every, [*bounds.values(), *([] if reference is None else [reference])], log)
    marks = _limits(bounds, reference, len(names))
    for place, name in enumerate(names):
        marks += _group(float(place), values[name], style_of(how[name], 1.2), most)
    lifted, above = _brackets(brackets, names, low, high, log)
    marks += lifted
    under = [
        UnderRow(named, tuple(map(float, range(len(names)))), tuple("−" if text == "-" else text for text in texts))
        for named, texts in (rows or {}).items()
    ]
    under.append(UnderRow("n", tuple(map(float, range(len(names)))), tuple(f"{len(values[name])}" for name in names)))
    return View(
        "dots",
        title or label,
        _summary(label, unit, values),
        Axis("", -0.6, len(names) - 0.4, ticks=()),
        Axis(label, low, above, "" if unit == "dimensionless" else unit, log=log),
        tuple(marks),
        _table(label, unit, values),
        recipe or ViewRecipe(n=tuple((name, len(values[name])) for name in names), simulated=False),
        keys=(
            *(() if rows else (Key(name, style_of(how[name]), "point") for name in names)),
            *(Key(name, _LIMIT) for name in bounds),
        ),
        under=tuple(under),
        height=170.0,
        notes=("Every subject a mark; line: median, whiskers: quartiles.",),
    )


def _ends(every: npt.NDArray[np.float64], also: Sequence[float], log: bool) -> tuple[float, float]:
    least, most = min(float(every.min()), *also, math.inf), max(float(every.max()), *also, -math.inf)
    if log:
        return least / 1.45, most * 1.3
    low = min(0.0, least * 1.05)
    return low, most + 0.08 * (most - low) if most > low else low + 1.0


def _limits(bounds: Mapping[str, float], reference: float | None, groups: int) -> list[Mark]:
    ends = (-0.6,), (groups - 0.4,)
    marks: list[Mark] = []
    for value in bounds.values():
        marks.append(Segments(ends[0], (value,), ends[1], (value,), _LIMIT))
    if reference is not None:
        marks.append(Segments(ends[0], (reference,), ends[1], (reference,), Style("line", (1.0, 2.0), width=1.0)))
    return marks


def spread(count: int) -> list[float]:
    """Return where dots of one group stand beside its middle: evenly filled, and the same every time."""
    return [0.0] if count == 1 else [0.56 * ((0.5 + 0.6180339887 * number) % 1.0 - 0.5) for number in range(count)]


def _group(place: float, values: npt.NDArray[np.float64], style: Style, most: int | None) -> list[Mark]:
    if not len(values):
        return []
    shown = values[:most]
    dots = Points(tuple(place + aside for aside in spread(len(shown))), numbers(shown), style, 5.5)
    low, middle, high = (float(each) for each in np.quantile(values, [0.25, 0.5, 0.75]))
    plain = Style(style.tone, width=2.0)
    median = Segments((place - 0.3,), (middle,), (place + 0.3,), (middle,), plain)
    if len(values) < 3:
        return [dots, median]
    whisker = Segments(
        (place, place - 0.1, place - 0.1), (low, low, high), (place, place + 0.1, place + 0.1), (high, low, high),
        plain.but(width=1.0),
    )  # fmt: skip
    return [whisker, dots, median]


def _brackets(
    brackets: Sequence[Bracket], names: Sequence[str], low: float, high: float, log: bool
) -> tuple[list[Mark], float]:
    """Return brackets above the readings, those that overlap above one another, and where the axis then ends."""
    marks: list[Mark] = []
    taken: list[list[tuple[int, int]]] = []
    for a, b, text in brackets:
        for name in (a, b):
            if name not in names:
                raise UnknownNameError("group of a bracket", name, names)
        left, right = sorted((names.index(a), names.index(b)))
        level = next((k for k, row in enumerate(taken) if all(right <= x or left >= y for x, y in row)), len(taken))
        if level == len(taken):
            taken.append([])
        taken[level].append((left, right))
        y = _lifted(low, high, 0.05 + 0.13 * level, log)
        marks.append(Segments((left + 0.06,), (y,), (right - 0.06,), (y,), Style("ink", width=1.0)))
        marks.append(Text((left + right) / 2, y, text, "middle", dy=-3.0))
    return marks, _lifted(low, high, 0.02 + 0.13 * len(taken), log) if taken else high


def _lifted(low: float, high: float, share: float, log: bool) -> float:
    return high * (high / low) ** share if log else high + (high - low) * share


def _summary(label: str, unit: str, values: Mapping[str, npt.NDArray[np.float64]]) -> str:
    parts = [
        f"{name} {_said(float(np.median(each)))}" if len(each) else f"{name} no reading"
        for name, each in values.items()
    ]
    of = f" ({unit})" if unit and unit != "dimensionless" else ""
    return f"{label}{of}, medians: {'; '.join(parts)}."


def _said(value: float) -> str:
    """Return three digits as a reader says them: 2,910 and not 2.91e+03."""
    short = f"{value:.3g}"
    return f"{float(short):,.0f}" if 1e3 <= abs(value) < 1e6 else short


def _table(label: str, unit: str, values: Mapping[str, npt.NDArray[np.float64]]) -> ViewTable:
    rows: list[tuple[Cell, ...]] = []
    for name, each in values.items():
        quartiles = [float(q) for q in np.quantile(each, [0.5, 0.25, 0.75])] if len(each) else [None, None, None]
        rows.append((name, len(each), *quartiles))
    columns = (
        ViewColumn("group"), ViewColumn("n"), ViewColumn(f"{label}: median", unit), ViewColumn("lower quartile", unit),
        ViewColumn("upper quartile", unit),
    )  # fmt: skip
    return ViewTable(columns, tuple(rows))
