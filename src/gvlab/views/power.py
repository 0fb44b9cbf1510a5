"""Power: how often an experiment of a size would be significant, with the error of the simulation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gvlab.errors import InvalidValueError
from gvlab.views.palette import Style
from gvlab.views.view import (
    Axis,
    Band,
    Cell,
    Key,
    Line,
    Mark,
    Points,
    Segments,
    Text,
    View,
    ViewColumn,
    ViewRecipe,
    ViewTable,
    numbers,
)

FEWEST_SETS = 3
SETS_BAND = (0.1, 0.9)
"""Quantiles over plausible sets, of which there are enough for a band."""


def power_view(
    n: Sequence[int],
    power: Sequence[float],
    *,
    lower: Sequence[float],
    upper: Sequence[float],
    each: Sequence[Sequence[float]] = (),
    target: float = 0.8,
    needed: int | None = None,
    title: str = "Power",
    test: str = "",
    recipe: ViewRecipe | None = None,
) -> View:
    """Return the power over the number of animals.

    Parameters
    ----------
    n
        Animals an arm, increasing.
    power, lower, upper
        Probability of significance at each, with the interval of the simulation.
    each
        The same for each plausible parameter set, drawn as thin lines; of three and more a band holds four of five.
    target, needed
        What is asked for, and the animals an arm that give it, or that are planned with; None where no number does.
    title, test, recipe
        Of the view; the name of the test.

    Raises
    ------
    InvalidValueError
        If there is no size, or numbers do not fit one another.
    """
    if not len(n) or not len(n) == len(power) == len(lower) == len(upper):
        raise InvalidValueError(
            f"Power needs a value and an interval at each size; there are {len(n)} sizes, {len(power)} values, "
            f"{len(lower)} lower and {len(upper)} upper limits."
        )
    end = _last_of_interest(n, [power, *each], target, needed) * 1.03
    seen = slice(0, sum(size <= end for size in n))
    x = numbers(n[seen])
    percent = [tuple(100 * float(value) for value in column) for column in (power, lower, upper)]
    style = Style("arm-3")
    marks: list[Mark] = []
    several = len(each) >= FEWEST_SETS
    if several:
        low, high = np.quantile(np.asarray(each, dtype=np.float64), SETS_BAND, axis=0)
        marks.append(Band(x, numbers(100 * low[seen]), numbers(100 * high[seen]), Style("arm-6", opacity=0.25)))
    marks.append(Band(x, percent[1][seen], percent[2][seen], style.but(opacity=0.2)))
    marks += [Line(x, tuple(100 * float(v) for v in one[seen]), Style("arm-6", width=0.7, opacity=0.6)) for one in each]
    marks += [Line(x, percent[0][seen], style), Points(x, percent[0][seen], style, 5.0)]
    marks.append(Segments((0.0,), (100 * target,), (end,), (100 * target,), Style("line", (3.0, 2.0), width=1.0)))
    if needed is not None and needed in n:
        at = 100 * float(power[list(n).index(needed)])
        said = f"{needed} animals an arm give {at:.0f} % power, and {100 * target:.0f} % is asked for"
    elif needed is not None:
        said = f"Power reaches {100 * target:.0f} % at {needed} animals an arm"
    else:
        said = f"Power does not reach {100 * target:.0f} % by {n[-1]:g} animals an arm"
    if needed is not None:
        marks.append(Segments((needed,), (0.0,), (needed,), (100 * target,), Style("arm-2", width=1.2)))
        marks.append(Text(needed, 0.0, f"n = {needed}", dx=4.0, dy=-5.0, bold=True, boxed=True))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (int(size), p, low, high) for size, p, low, high in zip(n, *percent, strict=True)
    )
    return View(
        "power",
        title,
        f"{said}{f' ({test})' if test else ''}.",
        Axis("Animals an arm", 0.0, end),
        Axis("Power", 0.0, 104.0, "%", ticks=tuple((v, f"{v:g}") for v in (0.0, 25.0, 50.0, 75.0, 100.0))),
        tuple(marks),
        ViewTable(
            (ViewColumn("n an arm"), ViewColumn("power", "%"), ViewColumn("from", "%"), ViewColumn("to", "%")), rows
        ),
        recipe or ViewRecipe(),
        keys=tuple(_keys(len(each), style)),
        notes=("Band around the nominal parameters: 95 % interval of the simulation.",),
    )


def _keys(sets: int, style: Style) -> list[Key]:
    if not sets:
        return []
    found = [Key("nominal parameters", style), Key("each plausible set", Style("arm-6", width=0.7))]
    return found + ([Key("four of five of them", Style("arm-6", opacity=0.25), "fill")] if sets >= FEWEST_SETS else [])


def _last_of_interest(n: Sequence[int], curves: Sequence[Sequence[float]], target: float, needed: int | None) -> float:
    """Return the number of animals beyond which every curve is near 1, or the last one tried."""
    near = max(0.98, target)
    short = max((size for curve in curves for size, value in zip(n, curve, strict=True) if value < near), default=0)
    wanted = max(20.0, 1.3 * n[0], 1.3 * short, 1.5 * (needed or 0))
    return max(min(float(n[-1]), wanted), float(needed or 0))
