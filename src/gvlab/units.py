"""Reads "10 mg/kg", "day 4" and "5e3 cell"; beyond this file and the edges that use it there are only bare numbers.

Two traps are closed here. Body mass and cells are dimensions of their own, so "10 mg/kg" is never the pure number
0.00001: "kg" always means kilogram of body mass, and every other gram is a mass. And no word is ever ignored: what
is not understood is an error.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError, UnitError, closest
from gvlab.unit_registry import conversion_factor, dimension_of
from gvlab.unit_words import capital, check_unit, examples, kind, normalize, read_unit, spelled

__all__ = [
    "Quantity",
    "amount",
    "body_mass",
    "can_convert",
    "check_unit",
    "convert",
    "day",
    "duration",
    "examples",
    "kind",
    "quantity",
    "same_unit",
]

DAYS_PER_MONTH = 30.4375
"""Days in a month, for clinical display."""

Number = TypeVar("Number", float, npt.NDArray[np.float64])

_NUMBER = re.compile(r"[+-]?(?:nan|inf(?:inity)?|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?![\w.,])", re.IGNORECASE)
_POWER_OF_TEN = re.compile(r"(?:(\d+\.?\d*)\s*[x×*]\s*)?10(?:\^|\*\*)([+-]?\d+)")
_TIME_WORDS = ("day", "hour", "week", "month", "year")


@dataclass(frozen=True)
class Quantity:
    """A number with its unit, as written.

    Attributes
    ----------
    value
        The number.
    unit
        Its unit, "" for a pure number.
    text
        What was read.
    """

    value: float
    unit: str
    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def kind(self) -> str:
        """What it is, in words: "an amount per body mass", "a concentration"."""
        return kind(self.unit)

    def to(
        self,
        unit: str,
        *,
        molar_mass: float | None = None,
        body_mass: float | npt.NDArray[np.float64] | None = None,
    ) -> Any:
        """Return the value in another unit; arguments and errors are those of `convert`."""
        return convert(self.value, self.unit, unit, molar_mass=molar_mass, body_mass=body_mass)


def quantity(text: str, what: str = "a quantity") -> Quantity:
    """Read a number with a unit: "10 mg/kg", "5e3 cell", "2x10^5 cells", "10 nM", "8 Gy".

    Parameters
    ----------
    text
        What is read. Every word of it must be understood.
    what
        What it is, for the error: 'the dose of "drug_a"'.

    Raises
    ------
    UnitError
        If a word is not a unit, or the number is missing.
    InvalidValueError
        If it is not text, or the number is not finite.
    """
    if not isinstance(text, str):
        raise InvalidValueError(
            f'{capital(what)} is {text!r}, without a unit. Write number and unit as text, such as "10 mg/kg".'
        )
    clean = normalize(text)
    value, rest = _leading_number(clean)
    if value is None and re.match(r"[+-]?\d+,\d", clean):
        raise UnitError(f'{capital(what)} is "{text}". Write numbers without commas: "5000", "5e3" or "0.5".')
    if value is None:
        raise UnitError(
            f'{capital(what)} is "{text}", which does not begin with a number. '
            'Write number and unit, such as "10 mg/kg" or "5e3 cell".'
        )
    if not math.isfinite(value):
        raise InvalidValueError(f'{capital(what)} is "{text}"; it must be a finite number.')
    unit = read_unit(rest, text, what)
    return Quantity(value, unit, text.strip())


def amount(text: str, what: str = "a dose") -> Quantity:
    """Read an amount that is given to a subject: a quantity that is not negative.

    Raises
    ------
    UnitError, InvalidValueError
        As `quantity`, and if it is negative.
    """
    found = quantity(text, what)
    if found.value < 0:
        raise InvalidValueError(f'{capital(what)} is "{found.text}". What is given cannot be negative.')
    return found


def day(text: str, what: str = "a time") -> float:
    """Read a time point: "day 4", "day 4.5", "hour 36", "week 2", "day -1".

    Returns
    -------
    Days since time zero.

    Raises
    ------
    UnitError
        If it is a duration ("4 day") or not a time at all.
    """
    if not isinstance(text, str):
        raise InvalidValueError(f'{capital(what)} is {text!r}. Write a time point as text, such as "day 4".')
    found = _day(text)
    if found is not None:
        if not math.isfinite(found):
            raise InvalidValueError(f'{capital(what)} is "{text}"; it must be a finite number of days.')
        return found
    words = normalize(text).split()
    hint = 'Write a time point such as "day 4"; a duration is written "4 day".'
    if words:
        value, rest = _leading_number(" ".join(words))
        rest = rest.rstrip("s")
        if value is not None and rest in _TIME_WORDS:
            raise UnitError(
                f'{capital(what)} is "{text}", a duration. A time point is written the other way round. '
                f'Did you mean "{rest} {value:g}"?'
            )
        near = closest(words[0], _TIME_WORDS)
        if len(words) == 2 and near and near != words[0].lower():
            hint = f'Did you mean "{near} {words[1]}"?'
    raise UnitError(f'{capital(what)} is "{text}", which is not a time point. {hint}')


@functools.lru_cache(maxsize=4096)
def _day(text: str) -> float | None:
    """Return the days of a time point; None where the text is none."""
    words = normalize(text).split()
    if len(words) == 2 and words[0].lower() in _TIME_WORDS:
        value, rest = _leading_number(words[1])
        if value is not None and not rest:
            return float(convert(value, words[0].lower(), "day"))
    return None


def duration(text: str, what: str = "a duration") -> float:
    """Read a duration: "1 day", "12 hour".

    Returns
    -------
    Days, positive.

    Raises
    ------
    UnitError
        If it is a time point ("day 4") or not a time at all.
    InvalidValueError
        If it is zero or negative.
    """
    words = normalize(text).split() if isinstance(text, str) else []
    if len(words) == 2 and words[0].lower() in _TIME_WORDS and _leading_number(words[1])[0] is not None:
        raise UnitError(
            f'{capital(what)} is "{text}", a time point. A duration is written the other way round. '
            f'Did you mean "{words[1]} {words[0].lower()}"?'
        )
    found = quantity(text, what)
    if found.kind != "a duration":
        raise UnitError(f'{capital(what)} is "{text}", {found.kind}. Write a duration, such as "1 day" or "12 hour".')
    days = float(found.to("day"))
    if days <= 0:
        raise InvalidValueError(f'{capital(what)} is "{text}"; a duration is longer than nothing.')
    return days


def body_mass(text: str, what: str = "the body mass") -> float:
    """Read a body mass: "20 g", "70 kg".

    Returns
    -------
    Kilograms of body mass, positive.
    """
    found = quantity(text, what)
    if found.kind == "a body mass":
        kilograms = found.value
    elif can_convert(found.unit, "g"):
        kilograms = float(convert(found.value, found.unit, "g")) / 1000
    else:
        raise UnitError(f'{capital(what)} is "{text}", {found.kind}. Write a mass, such as "20 g" or "70 kg".')
    if kilograms <= 0:
        raise InvalidValueError(f'{capital(what)} is "{text}"; it must be above zero.')
    return kilograms


def convert(
    value: Number,
    unit: str,
    to: str,
    *,
    molar_mass: float | None = None,
    body_mass: float | npt.NDArray[np.float64] | None = None,
) -> Any:
    """Express a value in another unit.

    Parameters
    ----------
    value
        A number, or an array.
    unit, to
        What it is in, and what it shall be in.
    molar_mass
        In g/mol; lets amounts of substance become masses, and nM become mg/L, and back.
    body_mass
        In kilogram, one number or one a subject; lets an amount per body mass become an amount.

    Returns
    -------
    Array or number in `to`; an array if `body_mass` is one.

    Raises
    ------
    UnitError
        If a word is not a unit, the dimensions differ, or the molar mass or body mass between them is missing.
    """
    factor, moles, masses = _bridge(unit, to)
    result: Any = value * factor
    if moles:
        if molar_mass is None:
            raise UnitError(f'"{unit}" becomes "{to}" by a molar mass, and none is known. Give the amount in {to}.')
        result = result * molar_mass**moles
    if masses:
        if body_mass is None:
            raise UnitError(f'"{unit}" becomes "{to}" by a body mass, and none is known. Give the amount in {to}.')
        result = result * body_mass**masses
    return result


def can_convert(unit: str, to: str, *, molar_mass: bool = False, body_mass: bool = False) -> bool:
    """Return whether `convert` would work, given whether a molar mass and a body mass are at hand."""
    try:
        _, moles, masses = _bridge(unit, to)
    except UnitError:
        return False
    return (moles == 0 or molar_mass) and (masses == 0 or body_mass)


def same_unit(one: str, other: str) -> bool:
    """Return whether two spellings are the same unit: "1/day" and "day^-1"; not "mg" and "g"."""
    one, other = spelled(one), spelled(other)
    if dimension_of(one) != dimension_of(other):
        return False
    return math.isclose(conversion_factor(one, other), 1.0, rel_tol=1e-12)


def _leading_number(text: str) -> tuple[float | None, str]:
    """Split "10 mg/kg" into 10 and "mg/kg"; None if there is no number in front."""
    power = _POWER_OF_TEN.match(text)
    if power:
        rest = text[power.end() :].strip()
        return float(power[1] or 1) * 10.0 ** int(power[2]), rest
    plain = _NUMBER.match(text)
    if plain:
        return float(plain[0]), text[plain.end() :].strip()
    attached = re.match(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?=[A-Za-z%])", text, re.IGNORECASE)
    if attached:  # "10mg"
        return float(attached[0]), text[attached.end() :].strip()
    return None, text


@functools.lru_cache(maxsize=4096)
def _bridge(unit: str, to: str) -> tuple[float, int, int]:
    """Return the factor, and the powers of molar mass (g/mol) and body mass (kg), that turn `unit` into `to`."""
    unit, to = spelled(unit), spelled(to)
    left, right = dict(dimension_of(unit)), dict(dimension_of(to))
    gap = {name: left.get(name, 0.0) - right.get(name, 0.0) for name in sorted(left.keys() | right.keys())}
    gap = {name: power for name, power in gap.items() if power}
    moles = gap.pop("[substance]", 0.0)
    grams = gap.pop("[mass]", 0.0)
    masses = -gap.pop("[body_mass]", 0.0)
    if gap or moles != -grams or moles not in (-1, 0, 1) or masses not in (0, 1):
        raise UnitError(f'"{unit}" is {kind(unit)} and cannot become "{to}", {kind(to)}.')
    return conversion_factor(unit, to), int(moles), int(masses)
