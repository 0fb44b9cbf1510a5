"""The calendar strip: a row an arm, on which days it is given what."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from gvlab.protocol import Dose
from gvlab.views import looks, style_of
from gvlab.views.svg_marks import fill, stroke
from gvlab.web.form import condition_title, keyed, ordered_lines
from gvlab.web.state import BenchState

_HIGH = 26


@dataclass(frozen=True)
class StripRow:
    """An arm on the strip.

    Attributes
    ----------
    arm, place
        Its name, and its place in the experiment.
    words
        What it is given that not every arm is given, and its condition.
    chosen
        Whether its controls are shown.
    swatch, picture
        How the arm is drawn; its days.
    """

    arm: str
    place: int
    words: str
    chosen: bool
    swatch: Markup
    picture: Markup


@dataclass(frozen=True)
class Strip:
    """The calendar strip.

    Attributes
    ----------
    rows
        An arm each.
    all_chosen
        Whether the controls of all arms together are shown.
    common
        What every arm is given, in words.
    axis
        The days.
    """

    rows: tuple[StripRow, ...]
    all_chosen: bool
    common: str
    axis: Markup


def strip_of(state: BenchState) -> Strip:
    """Return the calendar strip of a state."""
    experiment = state.experiment
    common = {key: dose for key, dose, shared in ordered_lines(experiment) if shared}
    ends = [dose.times[-1] for arm in experiment.arms for dose in arm.protocol]
    starts = [dose.start for arm in experiment.arms for dose in arm.protocol]
    low = min([0.0, *starts])
    high = max(low + 14.0, min(experiment.last_day, max(ends, default=0.0) + 4.0))
    styles = {arm: style_of(look) for arm, look in looks([arm.name for arm in experiment.arms]).items()}
    rows = []
    grid = _grid(low, high)
    for place, arm in enumerate(experiment.arms):
        own = [dose for key, dose in keyed(arm) if key not in common]
        under = [condition_title(name, experiment.library) for name in arm.condition.names]
        style = styles[arm.name]
        swatch = (
            f'<svg class="gv swatch" width="26" height="12" aria-hidden="true"><path d="M1 6h24" fill="none" '
            f"{stroke(style.but(width=2.4))}/></svg>"
        )
        picture = "".join(_span(dose, low, high, style.tone, number, len(own)) for number, dose in enumerate(own))
        rows.append(
            StripRow(
                arm.name,
                place,
                "; ".join([*(_words(dose) for dose in own), *under]) or "nothing else",
                arm.name == state.look.arm,
                Markup(swatch),
                Markup(f'<svg class="gv days" width="100%" height="{_HIGH}" aria-hidden="true">{grid}{picture}</svg>'),
            )
        )
    words = "; ".join(_words(dose) for dose in common.values()) or "nothing"
    return Strip(tuple(rows), not any(row.chosen for row in rows), words, Markup(_axis(low, high)))


def _words(dose: Dose) -> str:
    when = f"day {dose.start:g}"
    if dose.repeats:
        when = f"day {dose.start:g} to {dose.times[-1]:g}, every {dose.every}"
    return f"{dose.agent_definition.title} {dose.amount}, {when}"


def _percent(day: float, low: float, high: float) -> float:
    return 1.0 + 97.0 * (day - low) / (high - low)


def _span(dose: Dose, low: float, high: float, tone: str, number: int, many: int) -> str:
    """Return a dose as a bar, or as a tick where it is given once, with its name beside it."""
    start = _percent(dose.start, low, high)
    wide = max(_percent(dose.times[-1], low, high) - start, 0.0)
    step = _HIGH / max(many, 1)
    y = step * number + (step - 9) / 2
    shape = f'<rect x="{start:.2f}%" y="{y:.1f}" width="{wide:.2f}%" height="9" rx="2" {fill(tone)}/>'
    if wide < 0.4:
        shape = f'<rect x="{start:.2f}%" y="{y - 1:.1f}" width="5" height="11" rx="1" {fill(tone)}/>'
    left = start + wide
    text = escape(dose.agent_definition.title)
    if left > 72:
        label = f'<text x="{start - 0.8:.2f}%" y="{y + 8.2:.1f}" text-anchor="end" font-size="11">{text}</text>'
    else:
        label = (
            f'<svg x="{left:.2f}%" overflow="visible"><text x="9" y="{y + 8.2:.1f}" font-size="11">{text}</text></svg>'
        )
    return shape + label


def _ticks(low: float, high: float) -> list[float]:
    step = next(each for each in (1, 2, 5, 7, 14, 28, 60, 120, 240) if (high - low) / each <= 10)
    first = -(-low // step) * step
    return [first + step * number for number in range(int((high - first) / step) + 1)]


def _grid(low: float, high: float) -> str:
    places = [_percent(day, low, high) for day in _ticks(low, high)]
    return "".join(
        f'<line x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="{_HIGH}" class="s-faint" stroke="#DCDCDC"/>' for x in places
    )


def _axis(low: float, high: float) -> str:
    words = "".join(
        f'<text x="{_percent(day, low, high):.2f}%" y="11" font-size="10.5" text-anchor="middle">{day:g}</text>'
        for day in _ticks(low, high)
    )
    return f'<svg class="gv days" width="100%" height="14" aria-hidden="true">{words}</svg>'
