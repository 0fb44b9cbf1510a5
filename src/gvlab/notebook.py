"""How objects look in a notebook: small pieces of HTML, everything escaped, quiet in light and in dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

SHOWN = 20
"""Rows of a table that are shown; the others are counted."""

# Colors are those of the notebook: text is inherited, and lines are half of it. So nothing needs to know of the theme.
_STYLE = (
    "<style>"
    ".gvlab{font:13px/1.45 system-ui,sans-serif;color:inherit;max-width:60em}"
    ".gvlab .t{font-weight:600;font-size:14px}"
    ".gvlab .s{opacity:.7;margin:.1em 0 .4em}"
    ".gvlab table{border-collapse:collapse;margin:.4em 0;font-size:12.5px;width:auto}"
    ".gvlab th{font-weight:600;opacity:.7;border-bottom:1px solid rgba(128,128,128,.5)}"
    ".gvlab td,.gvlab th{text-align:left;padding:.2em 1.2em .2em 0;vertical-align:top;background:none}"
    ".gvlab td{border-bottom:1px solid rgba(128,128,128,.18)}"
    ".gvlab .w{white-space:nowrap}"
    ".gvlab .n{text-align:right;font-variant-numeric:tabular-nums}"
    "</style>"
)

_NARROW = 20
"""Characters of a cell that is not broken into lines."""

Cell = str | float | int | None


def card(title: str, subtitle: str = "", *parts: str) -> str:
    """Return a box: a title, a line below it, and what `table` and `line` have made."""
    below = f'<div class="s">{escape(subtitle)}</div>' if subtitle else ""
    return f'<div class="gvlab">{_STYLE}<div class="t">{escape(title)}</div>{below}{"".join(parts)}</div>'


def line(text: str) -> str:
    """Return a line of text."""
    return f'<div class="s">{escape(text)}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[Cell]], shown: int = SHOWN) -> str:
    """Return a table; numbers stand at the right, and of many rows the first are shown and the others counted."""
    rows = list(rows)
    numeric = [
        bool(rows) and all(row[column] is None or isinstance(row[column], int | float) for row in rows)
        for column in range(len(header))
    ]
    head = "".join(_cell("th", name, right) for name, right in zip(header, numeric, strict=True))
    body = "".join(
        f"<tr>{''.join(_cell('td', value, right) for value, right in zip(row, numeric, strict=True))}</tr>"
        for row in rows[:shown]
    )
    left = len(rows) - shown
    more = line(f"and {left:,} more") if left > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(tag: str, value: Cell, right: bool) -> str:
    if value is None:
        text = "–"
    elif isinstance(value, float):
        text = f"{value:.4g}"
    elif isinstance(value, int):
        text = f"{value:,}"
    else:
        text = value
    words = [*(["n"] if right else []), *(["w"] if len(text) <= _NARROW else [])]
    place = f' class="{" ".join(words)}"' if words else ""
    return f"<{tag}{place}>{escape(text)}</{tag}>"


def shortened(text: str, most: int = 100) -> str:
    """Return a text on one line, cut where it is longer than `most` characters."""
    plain = " ".join(text.split())
    return plain if len(plain) <= most else plain[: most - 3].rstrip(" ,;") + "..."
