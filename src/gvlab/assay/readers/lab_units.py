"""Units as laboratories write them: those that can be converted, and those that can only be kept as they are."""

from __future__ import annotations

import re

from gvlab import units
from gvlab.errors import UnitError

_SPELLINGS = {
    "p/s": "photon/s", "photons/s": "photon/s", "ph/s": "photon/s", "photons/sec": "photon/s", "p/sec": "photon/s",
    "ratio": "dimensionless", "fold": "dimensionless", "x-fold": "dimensionless",
    "fold change": "dimensionless", "-": "dimensionless",
    "fraction": "fraction", "percent": "%", "pct": "%", "percentage": "%",
}  # fmt: skip
_TIMES = {"d": "day", "w": "week", "wk": "week", "mo": "month", "mth": "month", "y": "year", "yr": "year", "hr": "hour"}
_PER = re.compile(
    r"([kK]|M|[xX]?10[\^*eE]?[36]|[xX]?10[\^*eE]?9|G|T|[xX]?10[\^*eE]?12)\s*/\s*([uµμ][lL]|mm3|mm\^3|[lL])"
)
"""Counts: G/L are 10^9 a liter. Small letters are other units: g/L are grams, and M/L is none."""
_WORDS = frozenset(
    """
    iu u miu uiu kiu ku uu eu mm mm2 mm3 mm^2 mm^3 cm cm2 cm3 dl fl pl mfi gmfi mdfi au a.u. rlu rfu lum score
    points point od index grade count counts cells events event copies copy well wells mouse animal spot spots sfu
    sfc cfu pfu bpm mmhg kda bp unit units arbitrary rel c f k titer titre z kat ukat nkat mkat eq meq ueq osm mosm
    mu inr cpm dpm cps kcps bq kbq mbq suv rq auc ru bu hpf lpf per ct cq dct ddct sd log log2 log10 million
    millions percentile %id %is abl abl1 lx db δct δδct
    """.split()  # noqa: SIM905 - a hundred quotes would be harder to read
)
"""What no conversion is known for here; such a reading keeps its unit and is compared with its like only."""
_MILLI_OR_MEGA = re.compile(r"\b[mM](?=(?:i?u|bq|kat|eq|osm)\b)", re.IGNORECASE)
"""Where the case of a letter is a factor of 10^9: mU/L and MU/L."""
_MICRO = str.maketrans("\u00b5\u03bc", "uu")
"""The micro sign and the Greek letter."""


_SHARE_OF = re.compile(r"(?:%|percent|pct\.?|percentage|freq\.?|frequency)\s+of\s+(\S.*)", re.IGNORECASE)


def whole_of(text: str) -> str:
    """Return what a unit such as "% of CD45+" is a share of, "CD45+"; "" where it does not say."""
    found = _SHARE_OF.fullmatch(text.strip())
    return found[1] if found else ""


def lab_unit(text: str) -> str:
    """Return a unit in one spelling; "% of CD45+" is "%", and `whole_of` says of what.

    Raises
    ------
    UnitError
        If a word of it is neither a unit nor one that laboratories use.
    """
    plain = text.strip()
    found = _SPELLINGS.get(plain.lower())
    if found is not None:
        return found
    if whole_of(plain):
        return "%"
    counted = _PER.fullmatch(plain)
    if counted and not (counted[1] in "kKM" and counted[2] in "lL"):
        return _count(counted[1].lower(), counted[2].lower())
    try:
        return units.check_unit(plain)
    except UnitError:
        words = [word for word in re.split(r"[\s/*·]+|(?<=\w)\^-?\d", plain.translate(_MICRO).lower()) if word]
        # Hospitals print in capitals: PG/ML is no petagram.
        if plain.isupper() and all(_is_unit(word) for word in words):
            return units.check_unit(plain.lower())
        if words and all(word in _WORDS or _is_unit(word) for word in words):
            return plain
        raise


def days_in(unit: str) -> float:
    """Return how many days a unit of time has, as people write it: "d", "wk", "mo.", "yrs".

    Raises
    ------
    UnitError
        If it is none of time.
    """
    plain = unit.strip().lower().rstrip(".")
    plain = _TIMES.get(plain.rstrip("s") or plain, plain.rstrip("s") or plain)
    return float(units.convert(1.0, units.check_unit(plain), "day"))


def factor_between(one: str, other: str) -> float | None:
    """Return by what readings in one unit are multiplied to be in another; None where no conversion is known."""
    one, other = one.translate(_MICRO), other.translate(_MICRO)
    if one == other:
        return 1.0
    if {one, other} <= {"%", "fraction", "dimensionless"}:
        return None
    if not (_is_unit(one) and _is_unit(other)):
        # Without a conversion they are words, and IU/mL and IU/ml are one.
        same = one.lower() == other.lower() and _MILLI_OR_MEGA.findall(one) == _MILLI_OR_MEGA.findall(other)
        return 1.0 if same else None
    try:
        return float(units.convert(1.0, one, other))
    except UnitError:
        return None


def _count(number: str, volume: str) -> str:
    """Return cells per volume in one spelling: K/uL, 10^3/mm3 and G/L are the same."""
    large = volume == "l"
    power = {"k": 3, "m": 6, "g": 9, "t": 12}.get(number) or int(re.sub(r"^x?10[\^*e]?", "", number))
    return f"10^{power - 6 if large else power}/uL"


def _is_unit(word: str) -> bool:
    try:
        units.check_unit(word)
    except UnitError:
        return word.isdigit()
    return True
