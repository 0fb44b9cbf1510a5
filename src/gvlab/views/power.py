"""Power: how often an experiment of a size would be significant, with the error of the simulation."""

from __future__ import annotations

from collections.abc import Sequence

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
        The same for each plausible parameter set, drawn as thin lines.
    target, needed
        What is asked for, and the animals an arm that give it; None where no number does.
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
    x = numbers(n)
    percent = [tuple(100 * float(value) for value in column) for column in (power, lower, upper)]
    style = Style("arm-3")
    marks: list[Mark] = [Band(x, percent[1], percent[2], style.but(opacity=0.2))]
    marks += [Line(x, tuple(100 * float(v) for v in one), Style("arm-6", width=0.7, opacity=0.6)) for one in each]
    marks += [Line(x, percent[0], style), Points(x, percent[0], style, 5.0)]
    end = max(x[-1], float(needed or 0)) * 1.03
    marks.append(Segments((0.0,), (100 * target,), (end,), (100 * target,), Style("line", (3.0, 2.0), width=1.0)))
    said = f"Power reaches {100 * target:.0f} % at {needed} animals an arm" if needed is not None else (
        f"Power does not reach {100 * target:.0f} % by {x[-1]:g} animals an arm"
    )  # fmt: skip
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
        keys=(Key("each plausible set", Style("arm-6", width=0.7)),) if len(each) else (),
        notes=("Band: 95 % interval of the simulation.",),
    )
