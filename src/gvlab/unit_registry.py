"""The words of units and what they measure: a registry of our own, made with Pint when a unit is first read."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pint import UnitRegistry

_DEFINITIONS = """
kilo- = 1e3 = k-
centi- = 1e-2 = c-
milli- = 1e-3 = m-
micro- = 1e-6 = u-
nano- = 1e-9 = n-
pico- = 1e-12 = p-
femto- = 1e-15 = f-
day = [time] = d
hour = day / 24 = h = hr
minute = hour / 60 = min
second = minute / 60 = s = sec
week = 7 * day
month = 30.4375 * day
year = 365.25 * day
gram = [mass] = g
mcg = 1e-6 * gram
body_kilogram = [body_mass]
body_square_meter = [body_surface]
mole = [substance] = mol
liter = [volume] = L = l = litre
molar = mole / liter = M
cell = [cell]
item = cell
gray = [absorbed_dose] = Gy
subject = [subject] = _ = patient
photon = [photon]
acidity = [acidity] = pH
percent = 0.01
ratio = [] = _ = dimensionless
"""


@functools.lru_cache(maxsize=1)
def _registry() -> UnitRegistry[Any]:
    # Pint's own file of a thousand units takes half a second and reads "min" as milli-inch; ours takes milliseconds
    # and knows only what a bench uses, so a wrong word is an error and not a surprise.
    import pint

    registry: UnitRegistry[Any] = pint.UnitRegistry(None)
    for line in _DEFINITIONS.strip().splitlines():
        registry.define(line)
    return registry


def is_unit(word: str) -> bool:
    """Return whether a word is a unit."""
    if word in ("kg", "kilogram", "m2", "%"):
        return True
    if "body_" in word or word.startswith("_"):
        return False  # no words of ours
    # `word in registry` would read "nan" as a number, "d%" as a product, and stop at "m__".
    return bool(_registry().parse_unit_name(word))


@functools.lru_cache(maxsize=4096)
def _parsed(unit: str) -> Any:
    text = re.sub(r"\b(kg|kilograms?)\b", "body_kilogram", unit.replace("%", "percent").replace("^", "**"))
    text = re.sub(r"\bm2\b", "body_square_meter", text)
    registry = _registry()
    if not text or text == "1":
        return registry.Quantity(1.0, "")
    return registry.Quantity(1.0, registry.parse_units(text.removeprefix("1") if text.startswith("1*") else text))


@functools.lru_cache(maxsize=4096)
def dimension_of(unit: str) -> tuple[tuple[str, float], ...]:
    """Return the base dimensions of a unit with their powers, sorted."""
    return tuple(sorted((str(name), float(power)) for name, power in _parsed(unit).dimensionality.items()))


@functools.lru_cache(maxsize=4096)
def conversion_factor(unit: str, to: str) -> float:
    """Return how many of `to` one of `unit` is; both of the same dimension."""
    return float(_parsed(unit).to_base_units().magnitude / _parsed(to).to_base_units().magnitude)
