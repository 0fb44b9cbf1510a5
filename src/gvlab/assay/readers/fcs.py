"""FCS 2.0 to 3.1 through FlowIO, with faults told in words.

The standard is Spidlen et al. (2010) Cytometry A 77A:97, doi 10.1002/cyto.a.20825.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gvlab.assay.fcs import FlowFile
from gvlab.errors import InvalidValueError

_HEADER = 58
_PLAIN_NUMBER = re.compile(r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?")
_BYTE_ORDERS = ("1,2,3,4", "4,3,2,1")


def read_fcs(path: Path | str) -> FlowFile:
    """Read an FCS file; gain, logarithmic amplification and time step are applied, as Gating-ML wants its scale values.

    Raises
    ------
    InvalidValueError
        If it is not FCS, is cut off, has a byte order that is none or that its numbers contradict, or holds no events.
    """
    path = Path(path)
    keywords, in_text = _check_header(path)
    import flowio

    try:
        data = flowio.FlowData(
            io.BytesIO(path.read_bytes()), ignore_offset_error=True, ignore_offset_discrepancy=in_text
        )
        # An anonymized file may have any text here; its time is then in ticks, and everything else is as it was.
        if not _PLAIN_NUMBER.fullmatch(data.text.get("timestep", "1").strip()):
            data.text["timestep"] = "1"
        with np.errstate(all="ignore"):
            events = np.asarray(data.as_array(preprocess=True), dtype=np.float64)
    except (flowio.exceptions.FCSParsingError, flowio.exceptions.MultipleDataSetsError) as error:
        raise InvalidValueError(
            f'"{path.name}" cannot be read as FCS: {error}. Export it from the cytometer again.'
        ) from error
    except (ValueError, LookupError, TypeError, OverflowError, MemoryError, OSError, struct.error) as error:
        raise InvalidValueError(
            f'"{path.name}" is damaged: its text segment does not fit its data ({error}). Export it again.'
        ) from error
    channels = tuple(str(name) for name in data.pnn_labels)
    markers = tuple(str(name) for name in data.pns_labels)
    if not len(channels) == len(markers) == events.shape[1]:
        raise InvalidValueError(
            f'"{path.name}" is damaged: it names {len(channels)} channels and has {events.shape[1]}. Export it again.'
        )
    if data.data_type in ("F", "D"):
        _check_byte_order(path, events, keywords)
    return FlowFile(events, channels, markers, _spillover(path, keywords), keywords)


def _check_header(path: Path) -> tuple[dict[str, str], bool]:
    """Look for what is wrong before anything is believed; give the keywords, and whether only they tell offsets."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEADER)
            start = head[:6].decode("latin-1")
            if not start.startswith("FCS"):
                raise InvalidValueError(
                    f'"{path.name}" is not an FCS file: it begins with {head[:6]!r}, not with "FCS".'
                )
            try:
                offsets = [int(head[at : at + 8].decode("ascii").strip() or 0) for at in range(10, 42, 8)]
            except (ValueError, UnicodeDecodeError) as error:
                raise InvalidValueError(
                    f'"{path.name}": the header of the FCS file is damaged. Export it again.'
                ) from error
            if offsets[1] <= offsets[0] or offsets[1] >= size:
                raise InvalidValueError(_cut_off(path, size, offsets[1] + 1))
            file.seek(offsets[0])
            content = file.read(offsets[1] - offsets[0] + 1)
    except OSError as error:
        raise InvalidValueError(f'"{path}" cannot be opened: {error.strerror}.') from error
    try:
        keywords = _parse(content.decode("utf-8"))
    except UnicodeDecodeError:
        keywords = _parse(content.decode("latin-1"))
    order = keywords.get("$BYTEORD", "")
    if order.replace(" ", "") not in (*_BYTE_ORDERS, "1,2", "2,1"):
        raise InvalidValueError(
            f'"{path.name}": $BYTEORD is "{order}", which is no byte order. It must be "1,2,3,4" (little-endian) or '
            '"4,3,2,1" (big-endian). Export the file again.'
        )
    _check_size(path, size, offsets, keywords)
    return keywords, offsets[2] == 0


def _check_size(path: Path, size: int, offsets: list[int], keywords: dict[str, str]) -> None:
    try:
        begin = offsets[2] or int(keywords["$BEGINDATA"])
        total, parameters = int(keywords["$TOT"]), int(keywords["$PAR"])
        bits = [int(keywords[f"$P{number}B"]) for number in range(1, min(parameters, 10_000) + 1)]
    except (KeyError, ValueError) as error:
        raise InvalidValueError(
            f'"{path.name}": the keyword {error} is missing or not a number. Export it again.'
        ) from error
    if total < 1:
        raise InvalidValueError(f'"{path.name}" holds no events ($TOT is {total}).')
    needed = begin + (total * sum(bits) + 7) // 8
    if needed > size:
        raise InvalidValueError(_cut_off(path, size, needed))


def _cut_off(path: Path, size: int, needed: int) -> str:
    return (
        f'"{path.name}" is cut off: it has {size:,} bytes and should have at least {needed:,}. '
        "Copy it from the cytometer again."
    )


def _check_byte_order(path: Path, events: npt.NDArray[np.float64], keywords: Mapping[str, str]) -> None:
    """Floats read in the wrong order are NaN, or absurd; a cytometer's are within a few decades of its range."""
    size = np.abs(events)
    with np.errstate(invalid="ignore"):
        absurd = ~np.isfinite(size) | (size > 1e15) | ((size > 0) & (size < 1e-25))
    if absurd.mean() > 0.01:
        order = keywords.get("$BYTEORD", "")
        other = _BYTE_ORDERS[1 - _BYTE_ORDERS.index(order)] if order in _BYTE_ORDERS else "the other one"
        raise InvalidValueError(
            f'"{path.name}": {absurd.mean():.0%} of the numbers cannot be signals, as {events[absurd][0]:.3g}. '
            f"The byte order in the file, {order}, is probably wrong and should be {other}. Export the file again."
        )


def _spillover(path: Path, keywords: Mapping[str, str]) -> tuple[tuple[str, ...], npt.NDArray[np.float64]] | None:
    for key in ("$SPILLOVER", "SPILLOVER", "SPILL", "$SPILL", "$COMP"):
        if not keywords.get(key):
            continue
        cells = [cell.strip() for cell in keywords[key].split(",")]
        try:
            count = int(cells[0])
            matrix = np.array([float(cell) for cell in cells[1 + count :]])
            if matrix.size != count * count:
                raise ValueError
        except (ValueError, IndexError) as error:
            raise InvalidValueError(f'"{path.name}": the compensation matrix in {key} is damaged.') from error
        return tuple(cells[1 : 1 + count]), matrix.reshape(count, count)
    return None


def _parse(text: str) -> dict[str, str]:
    """Read keywords; a doubled delimiter stands for itself."""
    if not text:
        return {}
    delimiter = text[0]
    hidden = "\0"
    parts = text[1:].rstrip().rstrip(delimiter).replace(delimiter * 2, hidden).split(delimiter)
    cells = [part.replace(hidden, delimiter).strip() for part in parts]
    return {key.upper(): value for key, value in zip(cells[0::2], cells[1::2], strict=False)}
