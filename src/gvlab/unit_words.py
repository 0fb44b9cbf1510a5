"""The words that units are made of, what a unit measures, and what was meant where a word is none."""

from __future__ import annotations

import functools
import re

from gvlab.errors import UnitError, closest
from gvlab.unit_registry import dimension_of, is_unit

_WORDS: dict[tuple[tuple[str, float], ...], str] = {
    (("[mass]", 1),): "an amount",
    (("[substance]", 1),): "an amount",
    (("[cell]", 1),): "a number of cells",
    (("[body_mass]", -1), ("[mass]", 1)): "an amount per body mass",
    (("[body_mass]", -1), ("[substance]", 1)): "an amount per body mass",
    (("[body_mass]", -1), ("[cell]", 1)): "a number of cells per body mass",
    (("[body_surface]", -1), ("[mass]", 1)): "an amount per body surface",
    (("[body_surface]", -1), ("[substance]", 1)): "an amount per body surface",
    (("[mass]", 1), ("[volume]", -1)): "a concentration",
    (("[substance]", 1), ("[volume]", -1)): "a concentration",
    (("[cell]", 1), ("[volume]", -1)): "a concentration of cells",
    (("[absorbed_dose]", 1),): "an absorbed dose of radiation",
    (("[time]", 1),): "a duration",
    (("[time]", -1),): "a rate",
    (("[body_mass]", 1),): "a body mass",
    (("[volume]", 1),): "a volume",
    (): "a pure number",
}

_EXAMPLES = {
    "an amount": "mg, nmol",
    "a number of cells": "cell",
    "an amount per body mass": "mg/kg",
    "an amount per body surface": "mg/m2",
    "a number of cells per body mass": "cell/kg",
    "a concentration": "nM, mg/L",
    "an absorbed dose of radiation": "Gy",
    "a duration": "day, hour",
}

_UNITS_SHOWN = (
    "g, mg, ug, mcg, ng, pg, kg, m2, mol, umol, nmol, pmol, uM, nM, pM, L, mL, cell, Gy, day, hour, min, week, month, "
    "year, patient, %, dimensionless"
)

_UNIT_WORD = re.compile(r"m2(?!\w)|[A-Za-z_%]+|\*\*|\^|[*/()]|[+-]?\d+|\S")
_SQUARE_METER = re.compile(r"(?<![A-Za-z])m(?:²|\s*(?:\^|\*\*)\s*2)(?!\d)")
_CLOSE_ENOUGH = 0.8
"""How alike a misspelled unit and a suggestion must be: "mgg" is mg, but "mcgg" must not become mg."""


def check_unit(unit: str, what: str = "the unit") -> str:
    """Read a unit on its own ("1/day", "pg/mL", "dimensionless") and give it in one spelling.

    Raises
    ------
    UnitError
        If a word of it is not a unit.
    """
    return read_unit(normalize(unit), unit, what)


@functools.lru_cache(maxsize=4096)
def spelled(unit: str) -> str:
    """Return a unit in a spelling that the registry knows.

    Raises
    ------
    UnitError
        If a word of it is not a unit.
    """
    try:
        dimension_of(unit)
    except Exception:  # Pint has a handful of them, some of which are AttributeErrors
        return check_unit(unit)
    return unit


@functools.lru_cache(maxsize=4096)
def kind(unit: str) -> str:
    """Return what a unit measures, in words: "a concentration"; for unusual ones the dimension itself.

    Raises
    ------
    UnitError
        If a word of it is not a unit.
    """
    dimension = dimension_of(spelled(unit))
    if dimension in _WORDS:
        return _WORDS[dimension]
    return "a quantity of dimension " + " ".join(f"{name}^{power:g}" for name, power in dimension)


def examples(words: str) -> str:
    """Return units for a kind: "a concentration" -> "nM, mg/L"."""
    return _EXAMPLES.get(words, "")


def normalize(text: str) -> str:
    """Return a text with one space between words, and with our spelling of micro, times and square meter."""
    plain = text.replace("µ", "u").replace("μ", "u").replace("·", "*")
    return " ".join(_SQUARE_METER.sub("m2", plain).split())


@functools.lru_cache(maxsize=4096)
def read_unit(unit: str, text: str, what: str) -> str:
    """Check every word of a unit; give it with one space a word and "kg" untouched."""
    whole = f'{capital(what)} is "{text}"'
    words = _UNIT_WORD.findall(unit)
    after_power = False
    previous_is_unit = False
    for position, word in enumerate(words):
        if word in ("*", "/", "(", ")", "per"):
            previous_is_unit = word == ")"
        elif word in ("^", "**"):
            after_power = True
            continue
        elif re.fullmatch(r"[+-]?\d+", word):
            if not after_power and not (word == "1" and position == 0 and words[1:2] == ["/"]):
                raise UnitError(f'{whole}: "{word}" was not understood. Write one number and its unit.')
        elif re.fullmatch(r"[A-Za-z_%]+|m2", word):
            if not is_unit(word):
                near = _near_unit(word)
                hint = f' Did you mean "{near}"?' if near else f" Known: {_UNITS_SHOWN}."
                raise UnitError(f'{whole}: "{word}" is not a unit.{hint}')
            if previous_is_unit:
                raise UnitError(f'{whole}: write "*" or "/" before "{word}".')
            previous_is_unit = True
        else:
            raise UnitError(f'{whole}: "{word}" was not understood. Write one number and its unit.')
        after_power = False
    spelled = "".join("/" if word == "per" else word for word in words)
    try:
        dimension_of(spelled)
    except UnitError:
        raise
    except Exception as error:
        raise UnitError(f'{whole}: "{unit}" cannot be read as a unit, such as mg, mg/kg or 1/day.') from error
    return spelled


def _near_unit(word: str) -> str | None:
    """Return the unit that a word was meant to be, where that is sure: a suggestion must not change the amount."""
    near = None if "%" in word else closest(word, _UNITS_SHOWN.split(", "), _CLOSE_ENOUGH)  # mg% is mg/dL
    # What holds an abbreviation of micro is thousand times less than what is spelled like it.
    return near if near is None or not re.match(r"m[ck]|mic|u", word, re.IGNORECASE) or near[0] in "u" else None


def capital(text: str) -> str:
    """Return a text with its first letter as a capital."""
    return text[:1].upper() + text[1:]
