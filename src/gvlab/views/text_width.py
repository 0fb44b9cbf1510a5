"""How wide a line of text is, without a font: the letters of Helvetica, which other sans serifs come near."""

from __future__ import annotations

# Thousandths of the size of the font: Adobe's metrics of Helvetica, from memory, unverified; a margin absorbs errors.
_WIDTHS = {
    " ": 278, "!": 278, '"': 355, "#": 556, "%": 889, "&": 667, "'": 191, "(": 333, ")": 333, "*": 389, "+": 584,
    ",": 278, "-": 333, ".": 278, "/": 278, ":": 278, ";": 278, "<": 584, "=": 584, ">": 584, "?": 556, "@": 1015,
    "f": 278, "i": 222, "j": 222, "k": 500, "l": 222, "m": 833, "r": 333, "s": 500, "t": 278, "w": 722, "c": 500,
    "v": 500, "x": 500, "y": 500, "z": 500, "I": 278, "J": 500, "M": 833, "W": 944, "G": 778, "O": 778, "Q": 778,
    "A": 667, "B": 667, "E": 667, "F": 611, "K": 667, "L": 556, "P": 667, "S": 667, "T": 611, "V": 667, "X": 667,
    "Y": 667, "Z": 611, "−": 584, "×": 584, "–": 556, "·": 278, "’": 222,
    "→": 1000, "⊣": 1000, "↔": 1000,
}  # fmt: skip
_CAPITAL, _OTHER = 722, 556

_MARGIN = 1.15
"""DejaVu Sans, the widest that systems have for `system-ui`, is up to this much wider than Helvetica."""


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide a line is, in the unit of `size`; a little more rather than less."""
    units = sum(_WIDTHS.get(letter) or (_CAPITAL if letter.isupper() else _OTHER) for letter in text)
    return units * size / 1000 * _MARGIN * (1.18 if bold else 1.0)


def lines_of(text: str, space: float, size: float, *, most: int = 3, bold: bool = False) -> list[str]:
    """Break a text between words into at most `most` lines of a width; what is still too long ends in an ellipsis."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold=bold) <= space:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return [_cut(line, space, size, bold) for line in lines]


def _cut(line: str, space: float, size: float, bold: bool) -> str:
    if text_width(line, size, bold=bold) <= space:
        return line
    kept = line
    while kept and text_width(f"{kept}…", size, bold=bold) > space:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"
