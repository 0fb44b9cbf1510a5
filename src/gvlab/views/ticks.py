"""Round numbers for axes, and how they are written."""

from __future__ import annotations

import math

from gvlab.views.view import Axis

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def ticks(axis: Axis, most: int) -> list[tuple[float, str]]:
    """Return at most about `most` places of an axis with their words: its own, or round numbers."""
    if axis.ticks is not None:
        return list(axis.ticks)
    return _decades(axis, most) if axis.log else _round(axis, most)


def _round(axis: Axis, most: int) -> list[tuple[float, str]]:
    rough = (axis.high - axis.low) / max(1, most)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(axis.low / step - 1e-9)
    last = math.floor(axis.high / step + 1e-9)
    return [(step * number, number_in_words(step * number)) for number in range(first, last + 1)]


def _decades(axis: Axis, most: int) -> list[tuple[float, str]]:
    first, last = math.ceil(math.log10(axis.low) - 1e-9), math.floor(math.log10(axis.high) + 1e-9)
    if last - first < 2:
        # Less than two decades: 1, 2, 5 as they are written.
        every = [
            factor * 10.0**power for power in range(first - 1, last + 1) for factor in (1, 2, 5)
            if axis.low * 0.999 <= factor * 10.0**power <= axis.high * 1.001
        ]  # fmt: skip
        return [(value, number_in_words(value)) for value in every]
    step = max(1, math.ceil((last - first) / max(1, most)))
    return [(10.0**power, power_in_words(power)) for power in range(first, last + 1, step)]


def number_in_words(value: float) -> str:
    """Return a number of an axis as it is written: 0.5, 1,000, 2×10⁶."""
    if abs(value) < 1e-12:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        text = f"{value:,.6g}" if abs(value) < 1e3 else f"{value:,.0f}"
        return text.replace("-", "−")
    mantissa, exponent = f"{value:.2e}".split("e")
    head = mantissa.rstrip("0").rstrip(".").replace("-", "−")
    power = power_in_words(int(exponent))
    return power if head == "1" else f"{head}×{power}"


def power_in_words(power: int) -> str:
    """Return a power of ten as it is written: 1, 10, 10³."""
    return {0: "1", 1: "10"}.get(power, f"10{str(power).translate(_SUPERSCRIPT)}")
