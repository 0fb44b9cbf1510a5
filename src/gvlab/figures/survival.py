"""Survival curves as a journal prints them: steps, censor ticks, numbers at risk, medians, hazard ratio, log-rank p."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gvlab.assay.comparisons import counted, weights_of
from gvlab.errors import InvalidValueError
from gvlab.figures.style import (
    GRAY,
    Look,
    Width,
    axes_at,
    figure_of,
    finish,
    label_panel,
    looks,
    new_figure,
    styled,
    text_width_mm,
    width_mm,
)
from gvlab.figures.tables import HasTable, chosen, event_table, time_scale
from gvlab.statistics import SurvivalCurve, hazard_ratio, kaplan_meier, logrank, logrank_power
from gvlab.statistics.estimate import p_value_in_words
from gvlab.views import View, ViewRecipe, draw, survival_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_MM = 3.9
_RISK_MM = 2.7
_LEFT_MM = 14.0
_RIGHT_MM = 4.0


@styled
def survival(
    events: pd.DataFrame | HasTable,
    *,
    arms: Sequence[str] | None = None,
    versus: str | None = None,
    axis: Axes | None = None,
    look: Mapping[str, Look] | None = None,
    unit: str = "day",
    time_zero: str = "transplantation",
    outcome: str = "Survival",
    band: bool = False,
    cure_fraction: Mapping[str, float] | None = None,
    powered_at: int | None = None,
    tests: Mapping[str, str] | None = None,
    title: str | None = None,
    simulated: bool = True,
    width: Width | float = "one-and-half",
    height_mm: float = 52.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw Kaplan-Meier curves with everything a reader needs to judge them.

    A table above the curves gives each arm's n, median with 95 % interval and, against the arm `versus`, hazard ratio
    and log-rank p; numbers at risk at the start of each interval stand below. On an axis that is handed in, the curves
    get a legend instead and no tables.

    Parameters
    ----------
    events
        Event times, or their table. One row a subject: ``arm, duration`` (days from time zero), ``event_observed``
        (0 = censored), and optionally ``entry``; with weights or several rows a subject as in `survival_comparisons`.
    arms
        Arms to draw, in order; None draws all.
    versus
        The reference arm of hazard ratios and tests; None takes the first.
    axis
        Where to draw; None makes a figure.
    look
        Look of each arm, so that an arm keeps its color in all figures of a study.
    unit, time_zero
        Unit of the time axis (day, week, month) and what happened at 0.
    outcome
        Name of the vertical axis.
    band
        Draw the pointwise 95 % interval too.
    cure_fraction
        Fraction of each arm that is cured, a column of its own.
    powered_at
        For simulated arms: instead of a p-value, which many virtual subjects make as small as one likes, print how
        often the log-rank test of this many subjects per arm would be significant.
    tests
        What to print of the log-rank test of each arm, where it was made elsewhere; None makes the asymptotic one.
    title, simulated, width, height_mm, save
        Heading; whether to mark the data as simulated; size of the figure and height of the curves; files to write.

    Returns
    -------
    The figure.
    """
    table = event_table(events)
    names = chosen(arms, table["arm"])
    reference = chosen([versus], names)[0] if versus is not None else names[0]
    how = dict(look) if look else looks(names)
    scale = time_scale(unit)
    curves = {arm: _curve(table[table["arm"] == arm], scale) for arm in names}
    view = survival_of(
        curves, look=how, band=band, unit=unit, time_zero=time_zero, outcome=outcome,
        recipe=ViewRecipe(n=tuple((arm, curve.n) for arm, curve in curves.items()), simulated=simulated),
    )  # fmt: skip
    if axis is not None:
        keys = tuple(replace(key, name=_with_cure(key.name, cure_fraction)) for key in view.keys)
        draw(replace(view, keys=keys, under=()), axis)
        label_panel(axis, title)
        return finish(figure_of(axis), save)
    rows = summary_rows(table, names, reference, curves, powered_at, cure_fraction, tests)
    return finish(_figure(view, rows, reference, how, unit, title, width, height_mm), save)


def _curve(rows: pd.DataFrame, scale: float) -> SurvivalCurve:
    return kaplan_meier(rows["duration"] / scale, rows["event_observed"], rows["entry"] / scale, **weights_of(rows))


def _figure(
    view: View,
    rows: Mapping[str, ArmRow],
    reference: str,
    how: Mapping[str, Look],
    unit: str,
    title: str | None,
    width: Width | float,
    height_mm: float,
) -> Figure:
    across, names = width_mm(width), list(rows)
    narrow = across < 100
    lines = 2 if narrow and len(names) > 1 else 1
    above = 5.0 + (0 if narrow else _ROW_MM) + _ROW_MM * lines * len(names) + (5.0 if title else 0.0)
    below = 12.5 + _RISK_MM * len(names)
    figure = new_figure(across, above + height_mm + below, constrained=False)
    draw(view, axes_at(figure, _LEFT_MM, below, across - _LEFT_MM - _RIGHT_MM, height_mm), legend=False)
    top = above + height_mm + below
    if title:
        figure.text(2.0 / across, (top - 1.5) / top, title, fontsize=8, fontweight="bold", va="top")
        top -= 5.0
    place = _narrow_table if narrow else _wide_table
    place(figure, rows, names, reference, how, top - 1.5, unit)
    return figure


@dataclass(frozen=True)
class ArmRow:
    """What is printed of an arm: n, median with interval, fraction cured, hazard ratio, log-rank p or power."""

    n: str
    median: str
    cured: str
    ratio: str
    test: str


def _with_cure(arm: str, cure_fraction: Mapping[str, float] | None) -> str:
    return f"{arm} ({100 * cure_fraction[arm]:.0f} % cured)" if cure_fraction and arm in cure_fraction else arm


def summary_rows(
    table: pd.DataFrame,
    names: Sequence[str],
    reference: str,
    curves: Mapping[str, SurvivalCurve],
    powered_at: int | None = None,
    cure_fraction: Mapping[str, float] | None = None,
    tests: Mapping[str, str] | None = None,
) -> dict[str, ArmRow]:
    """Write what the figure prints of each arm."""
    rows = {}
    for arm in names:
        median = curves[arm].median()
        text = f"{_number(median.value)} ({_number(median.lower)} to {_number(median.upper)})"
        text = "not reached" if np.isinf(median.value) and median.lower == np.inf else text
        ratio, p = (
            ("reference", "")
            if arm == reference
            else _against(table, arm, reference, powered_at, None if tests is None else tests.get(arm, ""))
        )
        cured = f"{100 * cure_fraction[arm]:.0f} %" if cure_fraction and arm in cure_fraction else ""
        rows[arm] = ArmRow(str(counted(table[table["arm"] == arm])), text, cured, ratio, p)
    return rows


def _number(value: float) -> str:
    return "NR" if np.isinf(value) else f"{value:.3g}"


def _against(
    table: pd.DataFrame, arm: str, reference: str, powered_at: int | None, made: str | None = None
) -> tuple[str, str]:
    two = table[table["arm"].isin([arm, reference])]
    if made is not None:
        test = made
    elif powered_at is None:
        found = logrank(two["duration"], two["event_observed"], two["arm"], two["entry"], **weights_of(two))
        test = p_value_in_words(found.p_value)
    else:
        a, b = (two[two["arm"] == name] for name in (arm, reference))
        power = logrank_power(
            a["duration"], a["event_observed"], b["duration"], b["event_observed"], powered_at, powered_at,
            np.random.default_rng(0),
        )  # fmt: skip
        test = f"p < 0.05 in {100 * power.probability:.0f} % at n = {powered_at}"
    try:
        ratio = hazard_ratio(
            two["duration"], two["event_observed"], two["arm"], of=arm, versus=reference, entry=two["entry"],
            **weights_of(two),
        )  # fmt: skip
    except InvalidValueError:
        # No event while both were at risk: a ratio does not exist, and the figure says so.
        return "not estimable", test
    e = ratio.estimate
    value, lower, upper = (_ratio(x) for x in (e.value, e.lower, e.upper))
    return f"{value} ({lower} to {upper})", test


def _ratio(x: float) -> str:
    if np.isinf(x):
        return "∞"
    if x < 0.01:
        return "<0.01" if x > 0 else "0"
    return f"{x:.2f}" if x < 10 else f"{x:,.0f}"


def _sample(figure: Figure, left_mm: float, y_mm: float, look: Look, length_mm: float = 7.0) -> None:
    from matplotlib.lines import Line2D

    across, up = figure.get_size_inches() * 25.4
    figure.add_artist(
        Line2D(
            [left_mm / across, (left_mm + length_mm) / across],
            [y_mm / up, y_mm / up],
            color=look.color,
            linestyle=look.linestyle,
            linewidth=1.3,
        )
    )


def _write(figure: Figure, x_mm: float, y_mm: float, text: str, **style: Any) -> None:
    across, up = figure.get_size_inches() * 25.4
    figure.text(x_mm / across, y_mm / up, text, va="center", **{"fontsize": 6.5, **style})


def _wide_table(
    figure: Figure,
    rows: Mapping[str, ArmRow],
    names: Sequence[str],
    reference: str,
    how: Mapping[str, Look],
    top_mm: float,
    unit: str,
) -> None:
    columns: list[tuple[str, ...]] = [
        ("Arm", *names),
        ("n", *(rows[arm].n for arm in names)),
        (f"Median (95 % CI), {unit}s", *(rows[arm].median for arm in names)),
    ]
    if any(rows[arm].cured for arm in names):
        columns.append(("Cured", *(rows[arm].cured for arm in names)))
    if len(names) > 1:
        columns.append(("HR (95 % CI)", *(rows[arm].ratio for arm in names)))
        columns.append(("Log-rank", *(rows[arm].test for arm in names)))
    cells = list(zip(*columns, strict=True))
    across = float(figure.get_size_inches()[0] * 25.4)
    size = 6.5
    while True:
        widths = [max(text_width_mm(cell, size) for cell in column) for column in columns]
        if sum(widths) + 10.0 + 3.0 * len(widths) <= across - 3.0 or size <= 4.5:
            break
        size -= 0.25
    gap = min(7.0, (across - 13.0 - sum(widths)) / max(1, len(widths) - 1))
    starts = np.concatenate([[0.0], np.cumsum(np.array(widths[:-1]) + gap)]) + 11.0
    for i, row in enumerate(cells):
        y = top_mm - _ROW_MM * (i + 0.5)
        if i:
            _sample(figure, 2.0, y, how[names[i - 1]])
        for start, cell in zip(starts, row, strict=True):
            style = {"color": GRAY} if i == 0 or cell == "reference" else {}
            _write(figure, float(start), y, cell, fontsize=size, **style)


def _narrow_table(
    figure: Figure,
    rows: Mapping[str, ArmRow],
    names: Sequence[str],
    reference: str,
    how: Mapping[str, Look],
    top_mm: float,
    unit: str,
) -> None:
    y = top_mm
    for arm in names:
        row = rows[arm]
        y -= _ROW_MM
        _sample(figure, 2.0, y + _ROW_MM / 2, how[arm])
        _write(figure, 11.0, y + _ROW_MM / 2, f"{arm} (n = {row.n})")
        if len(names) > 1:
            y -= _ROW_MM
            effect = "reference arm" if arm == reference else f"HR {row.ratio}, {row.test}"
            cured = f"{row.cured} cured; " if row.cured else ""
            text = f"median {row.median} {unit}s; {cured}{effect}"
            size = 5.6
            while size > 4.0 and text_width_mm(text, size) > figure.get_figwidth() * 25.4 - 12.5:
                size -= 0.2
            _write(figure, 11.0, y + _ROW_MM / 2 + 0.4, text, fontsize=size, color=GRAY)
