"""Header and keywords of FCS files, in the variants that cytometers and programs write.

The standards are FCS 2.0 (Dean et al. 1990), 3.0 (Seamer et al. 1997), 3.1 (Spidlen et al. 2010, doi
10.1002/cyto.a.20825) and 3.2 (Spidlen et al. 2021, doi 10.1002/cyto.a.24225).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.errors import InvalidValueError

HEADER = 58
_MOST_PARAMETERS = 10_000
_SPILLOVER_KEYS = ("$SPILLOVER", "SPILLOVER", "SPILL", "$SPILL", "$COMP", "COMP")


@dataclass(frozen=True)
class DataSet:
    """Header and keywords of one data set of a file.

    Attributes
    ----------
    start
        Byte of the file at which it begins; its offsets count from there.
    text_end
        Byte behind its text segment.
    header_data
        First and last byte of the data as the header has them, from `start`; None where the header does not tell.
    keywords
        Capitals; values without blanks around them.
    """

    start: int
    text_end: int
    header_data: tuple[int, int] | None
    keywords: Mapping[str, str]

    def number(self, key: str, default: int | None = None) -> int | None:
        """Return a keyword as a whole number; `default` where it is missing, empty or no number."""
        found = re.fullmatch(r"\s*\+?(-?\d{1,15})(?:\.0*)?\s*", self.keywords.get(key, ""))
        return int(found[1]) if found else default


def read_data_sets(path: Path) -> tuple[bytes, tuple[DataSet, ...]]:
    """Return the bytes of a file and the header and keywords of each of its data sets.

    Raises
    ------
    InvalidValueError
        If it cannot be opened, is not FCS, or its header or text is damaged or cut off.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidValueError(f'"{path}" cannot be opened: {error.strerror}.') from error
    if not content.startswith(b"FCS"):
        raise InvalidValueError(f'"{path.name}" is not an FCS file: it begins with {content[:6]!r}, not with "FCS".')
    found = [_data_set(path.name, content, 0)]
    while True:
        place = _next_start(content, found[-1])
        if place is None or len(found) >= 1_000:
            return content, tuple(found)
        found.append(_data_set(path.name, content, place))


def cut_off(name: str, size: int, needed: int) -> str:
    """Return the message that a file ends too early."""
    return (
        f'"{name}" is cut off: it has {size:,} bytes and should have at least {needed:,}. Copy the file again from '
        "where it was recorded; if there is no other copy, the events cannot be trusted."
    )


def parse_keywords(text: str) -> dict[str, str]:
    """Return the keywords of a text segment.

    A doubled delimiter stands for itself, says the standard; some programs write an empty value instead, which looks
    the same. Both readings are made, and the one that yields more of what every file must have is taken.
    """
    text = text.lstrip(" \r\n\t")
    if not text:
        return {}
    delimiter = text[0]
    body = text[1:].rstrip("\0 \r\n\t" if delimiter not in "\r\n\t " else "\0")
    readings = [_pairs(_doubled(body, delimiter)), _pairs(_empty_values(body, delimiter))]
    return max(readings, key=_plausible)


def spillover_of(
    keywords: Mapping[str, str], channels: tuple[str, ...]
) -> tuple[tuple[tuple[str, ...], Float[Array, "dye detector"]] | None, tuple[str, ...]]:
    """Return channels and matrix of the compensation in the keywords (None where there is none), and notes on it.

    Channels are named, or given by their numbers. A matrix that cannot be used never spoils the events: a note says so.
    """
    key = next((key for key in _SPILLOVER_KEYS if keywords.get(key)), "")
    if not key:
        old = sorted(name for name in keywords if re.fullmatch(r"\$DFC\d+TO\d+", name))
        if not old:
            return None, ()
        return None, (
            f"The compensation is written as in FCS 2.0 ({old[0]} and so on), which is not applied; give a matrix in "
            "the gating file.",
        )
    cells = [cell.strip() for cell in keywords[key].split(",")]
    try:
        count = int(cells[0])
        named = count > 0 and not _all_numbers(cells[1:])
        names = tuple(cells[1 : 1 + count]) if named or len(cells) == 1 + count + count * count else ()
        values = cells[1 + len(names) :]
        matrix = np.array([float(cell) for cell in values]).reshape(count, count)
        if count < 1 or not np.isfinite(matrix).all() or np.linalg.matrix_rank(matrix) < count:
            raise ValueError
    except ValueError:
        return None, (f"{key} {_fault(cells)}, so nothing was compensated.",)
    if not names:
        if count != len(channels):
            return None, (
                f"{key} has a {count} x {count} matrix that names no channels, and the file has {len(channels)}, so "
                "nothing was compensated; give the matrix in the gating file.",
            )
        names = channels
    notes = []
    if not set(names) <= set(channels) and all(re.fullmatch(r"\d+", name) for name in names):
        numbers = [int(name) for name in names]
        if all(1 <= number <= len(channels) for number in numbers):
            names = tuple(channels[number - 1] for number in numbers)
            notes.append(f"{key} names channels by number; they are {', '.join(names)}.")
    lost = [name for name in names if name not in channels]
    if lost or len(set(names)) < len(names):
        what = f'"{lost[0]}", which is no channel of the file' if lost else "a channel twice"
        return None, (*notes, f"The compensation matrix in {key} names {what}, so nothing was compensated.")
    scale = np.diag(matrix)
    if not np.allclose(scale, 1.0, atol=0.01) and (scale > 0).all():
        matrix = matrix / scale[:, None]
        notes.append(
            f"The matrix in {key} has {scale[0]:g} on its diagonal, where 1 belongs (percent, perhaps); each row was "
            "divided by it."
        )
    if np.array_equal(matrix, np.eye(count)):
        notes.append(f"The matrix in {key} is the identity: it changes nothing.")
    return (names, matrix), tuple(notes)


def _fault(cells: list[str]) -> str:
    if len(cells) > 1 and not any(_all_numbers([cell]) for cell in cells[1:]):
        return "names channels and holds no matrix"
    return "holds a damaged compensation matrix"


def _all_numbers(cells: list[str]) -> bool:
    return all(re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", cell) for cell in cells)


def _data_set(name: str, content: bytes, start: int) -> DataSet:
    head = content[start : start + HEADER]
    if len(head) < 42:
        raise InvalidValueError(cut_off(name, len(content), start + HEADER))
    offsets = [_offset(head[at : at + 8]) for at in range(10, 42, 8)]
    begin, end = offsets[0], offsets[1]
    if begin is None or end is None or not HEADER - 16 <= begin < end:
        raise InvalidValueError(
            f'"{name}": the header of the FCS file does not tell where its text is ({head[10:26]!r}). The file is '
            "damaged; copy it again from where it was recorded."
        )
    if start + end >= len(content):
        raise InvalidValueError(cut_off(name, len(content), start + end + 1))
    keywords = _keywords(content, start + begin, start + end + 1)
    more = [_offset(keywords.get(key, "").encode()) for key in ("$BEGINSTEXT", "$ENDSTEXT")]
    if more[0] and more[1] and more[0] < more[1] and start + more[1] < len(content) and more[0] != begin:
        keywords = {**_keywords(content, start + more[0], start + more[1] + 1), **keywords}
    data = (offsets[2], offsets[3]) if offsets[2] and offsets[3] else None
    return DataSet(start, start + end + 1, data, keywords)


def _keywords(content: bytes, begin: int, end: int) -> dict[str, str]:
    part = content[begin:end]
    # A header that is off by one shows the keyword's $ where the delimiter should be.
    if part[:1] == b"$" and begin > HEADER:
        part = content[begin - 1 : end]
    try:
        return parse_keywords(part.decode("utf-8"))
    except UnicodeDecodeError:
        return parse_keywords(part.decode("latin-1"))


def _offset(field: bytes) -> int | None:
    text = field.replace(b"\0", b" ").strip()
    return int(text) if text.isdigit() else None


def _next_start(content: bytes, last: DataSet) -> int | None:
    """Return where the next data set begins; a pointer that does not hit one is looked for nearby."""
    ahead = last.number("$NEXTDATA", 0) or 0
    if ahead <= 0:
        return None
    pointed = last.start + ahead
    for place in sorted(range(pointed - 8, pointed + 9), key=lambda place: abs(place - pointed)):
        if last.text_end <= place and content[place : place + 3] == b"FCS":
            return place
    return None


def _doubled(body: str, delimiter: str) -> list[str]:
    hidden = "\0\1"
    parts = body.rstrip(delimiter).replace(delimiter * 2, hidden).split(delimiter)
    return [part.replace(hidden, delimiter) for part in parts]


def _empty_values(body: str, delimiter: str) -> list[str]:
    parts = body.split(delimiter)
    return parts[:-1] if parts and not parts[-1] else parts


def _pairs(parts: list[str]) -> dict[str, str]:
    cells = [part.strip() for part in parts]
    return {key.upper(): value for key, value in zip(cells[0::2], cells[1::2], strict=False) if key}


def _plausible(keywords: Mapping[str, str]) -> tuple[int, int]:
    """Return how much of what a file must have is there, and how few keys look like none."""
    needed = ("$BYTEORD", "$DATATYPE", "$MODE", "$PAR", "$TOT", "$NEXTDATA", "$BEGINDATA", "$ENDDATA")
    count = sum(bool(keywords.get(key)) for key in needed)
    there = keywords.get("$PAR", "")
    if there.isdigit():
        count += sum(f"$P{number}B" in keywords for number in range(1, min(int(there), _MOST_PARAMETERS) + 1))
    return count, -sum("$" in key[1:] for key in keywords)
