"""Readings beyond a limit, as instruments and people write them: "<7.8", "OVRFLW", "OOR >", "ND", "< LLOQ"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from gvlab.assay.readers.tables import TextTable, parse_number

_LIMIT = re.compile(r"\s*([<>≤≥])\s*=?\s*(.*)")
_BELOW = frozenset(
    [
        "under",
        "#low",
        "toolow",
        "nd",
        "n.d.",
        "n.d",
        "bdl",
        "blq",
        "blod",
        "bloq",
        "blq.",
        "lod",
        "lloq",
        "below",
        "underflow",
        "undrflw",
        "unflw",
        "oor<",
        "range<",
        "<min",
        "<low",
        "<range",
        "<lod",
        "<lloq",
        "<loq",
        "<oor",
        "notdetected",
        "undetected",
        "belowlimit",
        "belowrange",
        "belowlloq",
        "belowlod",
        "out<",
    ]
)
_ABOVE = frozenset(
    [
        "over",
        "#high",
        "toohigh",
        "ovrflw",
        "ovfl",
        "ovflw",
        "ovf",
        "overflow",
        "oflow",
        "sat",
        "saturated",
        ">max",
        "oor>",
        "range>",
        ">range",
        "above",
        "uloq",
        ">uloq",
        ">high",
        ">oor",
        "abovelimit",
        "aboverange",
        "aboveuloq",
        "overrange",
        "out>",
        "+++",
        "++++",
        "+++++",
        "#sat",
        "overload",
        "*over*",
    ]
)

_UNIT_BEHIND = re.compile(r"([\d.,]+)\s*([^\d\s].*)")


@dataclass(frozen=True)
class Reading:
    """A cell with a reading.

    Attributes
    ----------
    value
        The number; of a reading beyond a limit the limit, NaN where it is not named or nothing was read.
    below, above
        Whether it lies below or above what the instrument reads.
    """

    value: float
    below: bool = False
    above: bool = False

    @property
    def missing(self) -> bool:
        """Whether nothing was read."""
        return math.isnan(self.value) and not (self.below or self.above)


def read_limited(table: TextTable, row: int, column: int, what: str = "a reading") -> Reading:
    """Return a reading with what lies beyond a limit flagged; errors as `TextTable.number`."""
    text = table.cells[row][column]
    beyond = beyond_limit(text)
    if beyond is not None:
        return Reading(math.nan, beyond == "below", beyond == "above")
    limit = _LIMIT.fullmatch(text)
    if limit is None:
        return Reading(table.number(row, column, what))
    below = limit[1] in "<≤"
    unit = _UNIT_BEHIND.fullmatch(limit[2])
    if unit is not None and unit[2] in {table.cells[row][place].strip() for place in range(len(table.cells[row]))}:
        # "< 7.8 pg/mL" beside a cell "pg/mL": the unit is said twice.
        return Reading(
            parse_number(unit[1], table.where(row, column), "a limit", table.decimal_comma), below, not below
        )
    number = parse_number(limit[2], table.where(row, column), "a limit", table.decimal_comma)
    return Reading(number, below, not below)


def beyond_limit(text: str) -> str | None:
    """Return "below" or "above" for a word that says so, None for anything else."""
    plain = re.sub(r"[\s_\-]+", "", text).lower()
    if plain in _BELOW:
        return "below"
    return "above" if plain in _ABOVE else None
