"""The first printer: a view as SVG in plain Python, with real letters, for page, report and notebook.

Nothing in it needs a script, a font file or an inline style, so it stands under ``default-src 'self'``: colors come
from the classes of `gvlab.views.palette.stylesheet`, and where that is missing from presentation attributes. All words
of users are escaped. Letters keep their size; only the axes follow the width, so a phone gets a picture of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from gvlab.views.palette import Style, stylesheet
from gvlab.views.svg_marks import Frame, fill, lies_within, mark_svg, points_path, stroke, text_svg, words
from gvlab.views.text_width import lines_of, text_width
from gvlab.views.ticks import ticks
from gvlab.views.view import Key, Text, View

WIDTH = 352.0
"""Points across, where nothing is said: what a phone of 390 points shows without shrinking it."""

_TICK, _LABEL, _SMALL = 10.5, 11.0, 10.0
_ROW, _LINE = 14.0, 13.0


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where everything stands, in points."""

    width: float
    height: float
    frame: Frame
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    y_words: list[list[str]]
    x_label: list[str]
    y_label: list[str]
    keys: list[list[tuple[float, Key, list[str]]]]
    title: list[str]


def svg(view: View, *, width: float | None = None, titled: bool = False, standalone: bool = False) -> str:
    """Return a view as an SVG element.

    Parameters
    ----------
    view
        What is drawn.
    width
        Points across; the height follows. None takes what the view needs, or that of a phone.
    titled
        Whether the title is printed in the picture too; a page has it as a heading.
    standalone
        Whether it is a file of its own: with the style sheet, a background and the sentence of what made it.

    Returns
    -------
    The same view gives the same text.
    """
    plan = _layout(view, width or view.width or WIDTH, titled or standalone)
    # On a page a label says what it is, and costs no element; a program that opens a file looks for its title.
    named = f'aria-label="{escape(view.title)}. {escape(view.summary)}"'
    told = f"<title>{escape(view.title)}</title><desc>{escape(view.summary)}</desc>" if standalone else ""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gv gv-{escape(view.kind)}" viewBox="0 0 {plan.width:g} '
        f'{plan.height:.0f}" width="{plan.width:g}" height="{plan.height:.0f}" role="img" '
        f'{named} font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, '
        f'sans-serif" font-size="{_TICK:g}" fill="currentColor">{told}'
    ]
    if standalone:
        parts.append(f"<style>{stylesheet()}</style>")
        parts.append(f'<rect width="{plan.width:g}" height="{plan.height:.0f}" {fill("paper")}/>')
    parts.append(_heading(view, plan))
    if view.framed:
        parts.append(_axes(plan))
    frame = plan.frame
    clip = _clip(view, frame)
    parts.append(clip)
    parts.extend([mark_svg(mark, frame) for mark in view.marks if not isinstance(mark, Text)])
    parts.append("</svg>" if clip else "")
    parts.extend([text_svg(mark, frame) for mark in view.marks if isinstance(mark, Text)])
    parts.append(_over(view, plan))
    parts.append(_below(view, plan))
    if standalone:
        parts.append(words(6, plan.height - 6, view.recipe.in_words(), 9.0, tone="muted"))
    parts.append("</svg>")
    return "".join(parts)


def _clip(view: View, frame: Frame) -> str:
    """Return the opening of what keeps marks within the axes; "" where all of them lie there anyway."""
    if view.framed and all(lies_within(mark, view.x, view.y) for mark in view.marks):
        return ""
    # Marks may reach a little over the edge, half a dot, and not farther.
    over = 4.0 if view.framed else 12.0
    box = f"{frame.left - over:.1f} {frame.top - over:.1f} {frame.width + 2 * over:.1f} {frame.height + 2 * over:.1f}"
    x, y, wide, high = box.split()
    return f'<svg x="{x}" y="{y}" width="{wide}" height="{high}" viewBox="{box}">'


def thumbnail(view: View, *, width: float = 150.0, height: float = 84.0) -> str:
    """Return the marks of a view without words, to stand beside a link that names it; hidden from those who listen."""
    frame = Frame(5.0, 5.0, width - 10.0, height - 10.0, view.x, view.y)
    base = f"M5 5V{height - 5:g}H{width - 5:g}"
    marks = "".join(mark_svg(mark, frame) for mark in view.marks if not isinstance(mark, Text))
    axes = f'<path d="{base}" fill="none" {stroke(Style("line", width=1.0))}/>' if view.framed else ""
    return (
        f'<svg class="gv" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" aria-hidden="true">'
        f"{axes}{marks}</svg>"
    )


def _layout(view: View, width: float, titled: bool) -> _Layout:
    title = lines_of(view.title, width - 8, 12.5, bold=True) if titled else []
    # A diagram without axes has its own words; an axis has room for its ticks and its name.
    ticks_y = ticks(view.y, 5) if view.framed else []
    widest_allowed = max(60.0, width * 0.42)
    y_words = [lines_of(text, widest_allowed, _TICK, most=2) for _, text in ticks_y]
    label_y = lines_of(view.y.words, view.height * 0.98, _LABEL, most=2) if view.framed and view.y.label else []
    beside = max([text_width(line, _TICK) for each in y_words for line in each], default=0.0)
    named = [row.name for row in view.under if row.style is None]
    beside_rows = max([text_width(name, _SMALL) for name in named], default=0.0) + 14.0 if named else 0.0
    sampled = 20.0 if any(row.style is not None for row in view.under) else 0.0
    left = 8.0 if not view.framed else 6.0 + _LINE * len(label_y) + beside + 5.0
    left = min(max(left, beside_rows, sampled + 16.0 if sampled else 0.0), width * 0.55)
    right = 12.0
    across = width - left - right
    top = 4.0 + 15.5 * len(title) + (_LINE if view.recipe.simulated else 4.0) + _ROW * len(view.over)
    high = view.height
    if view.equal:
        high = across * (view.y.high - view.y.low) / (view.x.high - view.x.low)
    frame = Frame(left, top, across, high, view.x, view.y)
    ticks_x = _fitting(view, across) if view.framed else []
    label_x = lines_of(view.x.words, width - 12, _LABEL, most=2) if view.framed and view.x.label else []
    keys = _keys(view, width)
    below = (5.0 + _LINE if ticks_x else 3.0) + _LINE * len(label_x)
    below += 3.0 + _LINE if view.under_title else 0.0
    below += _ROW * len(view.under) + (2.0 if view.under else 0.0)
    below += sum(_LINE * max(len(text) for _, _, text in row) + 3.0 for row in keys) + (5.0 if keys else 0.0)
    height = top + high + below + 4.0 + (16.0 if titled else 0.0)
    return _Layout(width, height, frame, ticks_x, ticks_y, y_words, label_x, label_y, keys, title)


def _fitting(view: View, across: float) -> list[tuple[float, str]]:
    """Return ticks whose words do not touch."""
    if view.x.ticks is not None:
        return list(view.x.ticks)
    for most in (8, 7, 6, 5, 4, 3, 2):
        found = ticks(view.x, most)
        if sum(text_width(text, _TICK) + 9.0 for _, text in found) <= across + 12.0:
            return found
    return found


def _keys(view: View, width: float) -> list[list[tuple[float, Key, list[str]]]]:
    rows: list[list[tuple[float, Key, list[str]]]] = []
    used = width
    for key in view.keys:
        text = lines_of(key.name, width - 44.0, _LABEL, most=2)
        needed = 30.0 + max(text_width(line, _LABEL) for line in text) + 12.0 if text else 42.0
        if used + needed > width and (not rows or rows[-1]):
            rows.append([])
            used = 6.0
        rows[-1].append((used, key, text or [""]))
        used += needed
    return rows


def _heading(view: View, plan: _Layout) -> str:
    parts = [
        words(6.0, 15.0 + 15.5 * number, line, 12.5, bold=True, full=view.title)
        for number, line in enumerate(plan.title)
    ]
    if view.recipe.simulated:
        y = 4.0 + 15.5 * len(plan.title) + 9.0
        parts.append(words(plan.width - 6.0, y, "simulated", _SMALL, "end", "muted"))
    return "".join(parts)


def _axes(plan: _Layout) -> str:
    frame = plan.frame
    right, bottom = frame.left + frame.width, frame.top + frame.height
    xs = frame.across([value for value, _ in plan.x_ticks])
    ys = frame.down([value for value, _ in plan.y_ticks])
    grid = "".join(f"M{frame.left:.1f} {y:.1f}H{right:.1f}" for y in ys if abs(y - bottom) > 0.5)
    lines = f"M{frame.left:.1f} {frame.top:.1f}V{bottom:.1f}H{right:.1f}"
    lines += "".join(f"M{x:.1f} {bottom:.1f}v4" for x in xs)
    parts = [
        f'<path d="{grid}" fill="none" {stroke(Style("faint", width=0.8))}/>' if grid else "",
        f'<path d="{lines}" fill="none" {stroke(Style("line", width=1.0))}/>',
    ]
    for x, (_, text) in zip(xs, plan.x_ticks, strict=True):
        parts.append(words(x, bottom + 15.0, text, _TICK, "middle"))
    for y, lines_, (_, text) in zip(ys, plan.y_words, plan.y_ticks, strict=True):
        first = y + 3.7 - 6.0 * (len(lines_) - 1)
        parts.append(words(frame.left - 5.0, first, "\n".join(lines_), _TICK, "end", full=text.strip()))
    for number, line in enumerate(plan.x_label):
        y = bottom + (5.0 + _LINE if plan.x_ticks else 3.0) + _LINE * (number + 1) - 2.0
        parts.append(words(frame.left + frame.width / 2, y, line, _LABEL, "middle"))
    for number, line in enumerate(plan.y_label):
        x, y = 4.0 + _LINE * (number + 1) - 3.0, frame.top + frame.height / 2
        parts.append(
            f'<text transform="translate({x:.1f} {y:.1f})rotate(-90)" font-size="{_LABEL:g}" '
            f'text-anchor="middle">{escape(line)}</text>'
        )
    return "".join(parts)


def _over(view: View, plan: _Layout) -> str:
    frame, parts = plan.frame, []
    for number, row in enumerate(view.over):
        y = frame.top - 7.0 - _ROW * (len(view.over) - 1 - number)
        starts, ends = (frame.across([span[side] for span in row.within(view.x)]) for side in (0, 1))
        for start, end in zip(starts, ends, strict=True):
            if end - start > 1.0:
                parts.append(f'<path d="M{start:.1f} {y:.1f}H{end:.1f}" {stroke(Style(row.tone, width=5.0))}/>')
        last = max(ends, default=frame.left)
        given = [(start, y) for start, end in zip(starts, ends, strict=True) if end - start <= 1.0]
        parts.append(points_path(given, Style(row.tone, marker="v"), 7.0, hollow=False))
        needed = text_width(row.name, _SMALL)
        if last + 6.0 + needed <= plan.width:
            parts.append(words(last + 6.0, y + 3.5, row.name, _SMALL))
        else:
            parts.append(words(min(starts, default=frame.left) - 6.0, y + 3.5, row.name, _SMALL, "end"))
    return "".join(parts)


def _below(view: View, plan: _Layout) -> str:
    frame = plan.frame
    y = frame.top + frame.height + (5.0 + _LINE if plan.x_ticks else 3.0) + _LINE * len(plan.x_label)
    parts = []
    if view.under_title:
        y += 3.0 + _LINE
        parts.append(words(6.0, y - 2.0, view.under_title, _SMALL, tone="muted"))
    for row in view.under:
        y += _ROW
        if row.style is not None:
            parts.append(f'<path d="M6 {y - 3.5:.1f}h18" fill="none" {stroke(row.style)}/>')
        else:
            parts.append(words(frame.left - 6.0, y, row.name, _SMALL, "end"))
        for x, text in zip(frame.across(row.at), row.words, strict=True):
            parts.append(words(x, y, text, _SMALL, "middle"))
    y += (2.0 if view.under else 0.0) + (5.0 if plan.keys else 0.0)
    for keys in plan.keys:
        y += _LINE
        for left, key, named in keys:
            parts.append(_sample(key, left, y - 3.8))
            parts.append(words(left + 28.0, y, "\n".join(named), _LABEL, full=key.name))
        y += _LINE * (max(len(text) for _, _, text in keys) - 1) + 3.0
    return "".join(parts)


def _sample(key: Key, left: float, y: float) -> str:
    if key.kind == "fill":
        return (
            f'<rect x="{left:.1f}" y="{y - 5:.1f}" width="22" height="10" {fill(key.style.tone, key.style.opacity)}/>'
        )
    if key.kind in ("point", "dot"):
        return points_path([(left + 11.0, y)], key.style, 7.0, hollow=key.kind == "point")
    return f'<path d="M{left:.1f} {y:.1f}h22" fill="none" {stroke(key.style)}/>'


__all__ = ["WIDTH", "svg", "thumbnail"]
