"""Readings and survival of a laboratory over the band in which they were predicted to lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gvlab.arrays import FloatArray
from gvlab.errors import InvalidValueError
from gvlab.statistics import kaplan_meier
from gvlab.views.palette import Look, looks, style_of
from gvlab.views.survival import curve_marks, percent_axis
from gvlab.views.view import (
    Axis,
    Band,
    Cell,
    Key,
    Line,
    Mark,
    Points,
    View,
    ViewColumn,
    ViewRecipe,
    ViewTable,
    numbers,
)

if TYPE_CHECKING:
    import pandas as pd

_LOG_FROM = 30.0
"""Readings that span more than this factor are drawn on a logarithmic axis."""

_APART = 0.018
"""Arms stand side by side, as a share of the time shown, so that their points do not hide one another."""


def over_band_view(
    observed: pd.DataFrame,
    band: pd.DataFrame,
    *,
    label: str,
    unit: str,
    look: Mapping[str, Look] | None = None,
    title: str = "",
    time_zero: str = "transplantation",
    recipe: ViewRecipe | None = None,
) -> View:
    """Return every reading as a filled point over the predicted band of its arm, with the predicted median.

    Parameters
    ----------
    observed
        Columns ``arm, time, value``.
    band
        Columns ``arm, time, low, median, high``: nine of ten virtual subjects are read within. A day on which nobody is
        predicted to live has no band.
    label, unit
        Of the reading.
    look
        By arm of the data.
    title, time_zero, recipe
        Of the view.

    Raises
    ------
    InvalidValueError
        If there is no reading.
    """
    if observed.empty:
        raise InvalidValueError(f"There are no readings of {label} to draw.")
    arms = [str(arm) for arm in dict.fromkeys(observed["arm"])]
    how = dict(look) if look is not None else looks(arms)
    every = np.concatenate([observed["value"], band["low"].dropna(), band["high"].dropna()]).astype(np.float64)
    last = max(float(observed["time"].max()), 1.0)
    least, most = float(every.min()), float(every.max())
    log = least > 0 and most > _LOG_FROM * least
    low, high = (least / 1.4, most * 1.4) if log else (min(0.0, 1.08 * least), 1.08 * most if most > 0 else 1.0)
    marks: list[Mark] = []
    rows: list[tuple[Cell, ...]] = []
    inside = counted = 0
    for place, arm in enumerate(arms):
        style, aside = style_of(how[arm], 1.3), _APART * last * (place - (len(arms) - 1) / 2)
        mine = observed[observed["arm"].astype(str) == arm]
        own = band[band["arm"].astype(str) == arm].dropna().sort_values("time")
        if len(own):
            days = own["time"].to_numpy(dtype=np.float64) + aside
            limits = [own[name].to_numpy(dtype=np.float64) for name in ("low", "median", "high")]
            if len(days) == 1:
                # One day is no course: its band is drawn as wide as can be seen.
                half = 0.4 * _APART * last
                days, limits = np.array([days[0] - half, days[0] + half]), [np.repeat(each, 2) for each in limits]
            x = numbers(days)
            marks.append(Band(x, numbers(limits[0]), numbers(limits[2]), style.but(opacity=0.2)))
            marks.append(Line(x, numbers(limits[1]), style.but(dashes=(4.0, 3.0))))
        at = mine["time"].to_numpy(dtype=np.float64) + aside
        marks.append(Points(numbers(at), numbers(mine["value"]), style, 6.0, hollow=False))
        joined = mine.merge(own, on="time") if len(own) else mine.iloc[:0]
        within = (
            int(((joined["value"] >= joined["low"]) & (joined["value"] <= joined["high"])).sum()) if len(own) else 0
        )
        inside, counted = inside + within, counted + len(joined)
        rows += [
            (arm, day, len(part), float(part["value"].median()), *_limits_on(own, day))
            for day, part in ((float(str(day)), part) for day, part in mine.groupby("time"))
        ]
    columns = (
        ViewColumn("arm"), ViewColumn("day"), ViewColumn("your readings"), ViewColumn("your median", unit),
        ViewColumn("predicted from", unit), ViewColumn("predicted median", unit), ViewColumn("predicted to", unit),
    )  # fmt: skip
    return View(
        "over-band",
        title or f"{label}: your data over the prediction",
        f"{inside} of {counted} readings of {label} lie in the band of nine of ten virtual subjects.",
        Axis(f"Days after {time_zero}", -0.02 * last, 1.05 * last),
        Axis(label, low, high, unit, log=log),
        tuple(marks),
        ViewTable(columns, tuple(rows)),
        recipe or ViewRecipe(),
        keys=tuple(Key(f"{arm}: your data", style_of(how[arm]), "dot") for arm in arms),
        notes=(
            "Filled points: your data. Bands: nine of ten virtual subjects; broken lines: their median, simulated.",
        ),
    )


def survival_over_band_view(
    observed: pd.DataFrame,
    band: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    *,
    arm: str,
    look: Look | None = None,
    note: str = "",
    outcome: str = "Alive",
    time_zero: str = "transplantation",
    recipe: ViewRecipe | None = None,
) -> View:
    """Return the Kaplan-Meier curve of an arm over what was predicted for as many subjects.

    Parameters
    ----------
    observed
        One row a subject: ``duration, event_observed`` and, where subjects came later, ``entry``.
    band
        Days, and lower limit, median and upper limit of predicted curves (0 to 1).
    arm, look
        What the arm is called, and how it is drawn.
    note
        A sentence for the caption.
    outcome
        What the curve is the share of.
    time_zero, recipe
        Of the view.

    Raises
    ------
    InvalidValueError
        If there is nobody.
    """
    curve = kaplan_meier(observed["duration"], observed["event_observed"], observed.get("entry"))
    style = style_of(look if look is not None else looks([arm])[arm], 2.0).but(dashes=())
    days, low, middle, high = (np.asarray(each, dtype=np.float64) for each in band)
    end = max(float(days[-1]), 1.0)
    time, alive = curve.columns["time"], curve.columns["survival"]
    at = np.maximum(np.searchsorted(days, time, side="right") - 1, 0)
    within = (alive >= low[at] - 1e-9) & (alive <= high[at] + 1e-9)
    x = numbers(days)
    return View(
        "over-band",
        f"{arm} (n = {curve.n})",
        f"{arm}: {int(within.sum())} of {len(time)} steps of the curve lie in the predicted band.",
        Axis(f"Days after {time_zero}", 0.0, end),
        percent_axis(outcome),
        (
            Band(x, numbers(100 * low), numbers(100 * high), style.but(opacity=0.2), steps=True),
            Line(x, numbers(100 * middle), style.but(dashes=(4.0, 3.0), width=1.2), steps=True),
            *curve_marks(curve, style, end),
        ),
        ViewTable(
            (
                ViewColumn("day"),
                ViewColumn(f"your data: {outcome.lower()}", "%"),
                ViewColumn("predicted from", "%"),
                ViewColumn("predicted median", "%"),
                ViewColumn("predicted to", "%"),
            ),
            tuple(
                (float(day), 100 * float(share), 100 * float(low[i]), 100 * float(middle[i]), 100 * float(high[i]))
                for day, share, i in zip(time, alive, at, strict=True)
            ),
        ),
        recipe or ViewRecipe(n=((arm, curve.n),)),
        notes=(
            "Solid line: your data. Band: nine of ten predicted experiments with as many subjects; broken line: their "
            "median, simulated.",
            *((note,) if note else ()),
        ),
    )


def _limits_on(own: pd.DataFrame, day: float) -> tuple[Cell, Cell, Cell]:
    found = own[own["time"] == day]
    if found.empty:
        return (None, None, None)
    return (float(found["low"].iloc[0]), float(found["median"].iloc[0]), float(found["high"].iloc[0]))
