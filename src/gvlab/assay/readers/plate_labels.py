"""What people write into the layout of a plate: "standard 250 pg/mL", "blank", "1:10"; a label is never a number."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gvlab.assay.readers.lab_units import factor_between
from gvlab.assay.readers.tables import TextTable, parse_number
from gvlab.errors import InvalidValueError

_STANDARD = re.compile(
    r"(?:standard|std|st|cal|calibrator)[\s_:-]+([\d.,]+(?:[eE][-+]?\d+)?)\s*([a-zA-Zµμ%/]*)", re.IGNORECASE
)
_BLANK = re.compile(r"(?:blank|blk|bl|zero)[\s_-]*\d*", re.IGNORECASE)
_UNDILUTED = frozenset({"neat", "undiluted", "none", "no dilution"})
LABEL = re.compile(r"(?:standard|std|st|cal|calibrator|s)[\s_:#-]*0*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Content:
    """What a layout says of a well: its role and name, and of a standard concentration (NaN if none) and unit."""

    role: str
    name: str
    level: float = math.nan
    unit: str = ""


def content(text: str, well: str, table: TextTable) -> Content:
    """Return what a layout says of a well.

    Raises
    ------
    InvalidValueError
        If the concentration of a standard could be two: "standard 1,000".
    """
    plain = text.strip()
    if _BLANK.fullmatch(plain):
        return Content("blank", plain, 0.0)
    standard = _STANDARD.fullmatch(plain)
    if standard:
        where = f'"{plain}" (well {well}) of {table.name}'
        level = parse_number(standard[1], where, "a concentration", table.decimal_comma)
        return Content("standard", plain, level, standard[2])
    if LABEL.fullmatch(plain) and not plain.lower().startswith("s"):
        return Content("standard", plain)
    if re.fullmatch(r"(?:standard|std|st)[\s_:#-]*\w{0,3}", plain, re.IGNORECASE):
        return Content("standard", plain)
    return Content("sample", plain or well)


def one_unit(found: Sequence[tuple[float, str]], name: str) -> tuple[list[float], str]:
    """Return concentrations of standards in the unit of the first that has one, and the unit.

    Raises
    ------
    InvalidValueError
        If some have a unit and others none, or there is no conversion between two.
    """
    known = [(level, unit) for level, unit in found if not math.isnan(level) and level != 0]
    written = list(dict.fromkeys(unit for _, unit in known))
    if len(written) < 2:
        return [level for level, _ in found], written[0] if written else ""
    factors = {unit: factor_between(unit, written[0]) for unit in written if unit and written[0]}
    odd = next((unit for unit in written if factors.get(unit) is None), None)
    if odd is not None:
        raise InvalidValueError(
            f'{name}: standards are in "{written[0]}" and in "{odd}", between which there is no conversion. Write all '
            "of them in one unit."
        )
    return [level * (factors.get(unit) or 1.0) for level, unit in found], written[0]


def dilution_of(table: TextTable, row: int, column: int | None) -> float:
    """Return by what a sample was diluted: 10, "10x", "1:10" and "1/10" are the same; 1 where nothing stands.

    Raises
    ------
    InvalidValueError
        If it is no dilution.
    """
    if column is None or not table.cells[row][column].strip():
        return 1.0
    text = table.cells[row][column].strip()
    if text.lower() in _UNDILUTED:
        return 1.0
    part = re.fullmatch(r"1\s*[:/]\s*([\d.,]+)", text)
    added = re.fullmatch(r"1\s*\+\s*([\d.,]+)", text)
    times = re.fullmatch(r"[x×]?\s*([\d.,]+(?:[eE]\d+)?)\s*[x×-]?\s*(?:fold)?", text)
    found = part or added or times
    value = math.nan
    if found:
        # Nobody dilutes to three decimals: of a dilution "1.000" is asked about even where points are decimal points.
        either = re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", found[1])
        if either:
            raise InvalidValueError(
                f'"{text}" in {table.where(row, column)}: it is not clear whether the "{found[1][-4]}" separates '
                f"thousands ({re.sub('[.,]', '', found[1])}) or decimals. Write the dilution without it."
            )
        value = parse_number(found[1].replace(",", "."), table.where(row, column), "a dilution") + (found is added)
    if not value >= 1.0:
        raise InvalidValueError(
            f'"{text}" in {table.where(row, column)} is no dilution. Write by what the sample was diluted, 10 or 1:10.'
        )
    return value
