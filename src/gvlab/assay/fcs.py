"""Writes FCS 3.1 (single-precision, list mode) and reads FCS 2.0 to 3.1 through FlowIO, with faults told in words.

The standard is Spidlen et al. (2010) Cytometry A 77A:97, doi 10.1002/cyto.a.20825.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gvlab.assay.samples import MARK
from gvlab.errors import InvalidValueError
from gvlab.provenance import write_bytes

Events = npt.NDArray[np.float32]

_HEADER = 58
_LARGEST_OFFSET = 99_999_999
_DELIMITERS = "|\x0c\x1e!~"
"""The first that is in no keyword separates them; doubling it is allowed, but not every reader undoes that."""
_RANGE = 262_144
_PLAIN_NUMBER = re.compile(r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?")
_BYTE_ORDERS = ("1,2,3,4", "4,3,2,1")


@dataclass(frozen=True)
class FlowFile:
    """The events of a tube.

    Attributes
    ----------
    events
        (event, channel), as the detectors saw them: not compensated, linear.
    channels
        $PnN of each channel.
    markers
        $PnS of each channel, "" where there is none.
    spillover
        Channels and matrix: row i tells which share of channel i's signal each detector sees; None if not there.
    keywords
        Other keywords of the text segment, capitals.
    """

    events: npt.NDArray[np.floating]
    channels: tuple[str, ...]
    markers: tuple[str, ...]
    spillover: tuple[tuple[str, ...], npt.NDArray[np.float64]] | None = None
    keywords: Mapping[str, str] = field(default_factory=dict)

    @property
    def simulated(self) -> bool:
        """Whether the file says that it was simulated."""
        return any(MARK in value for value in self.keywords.values())

    def column(self, name: str) -> int:
        """Find a channel by its name or marker; capitals do not matter.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        return find_channel(name, self.channels, self.markers)


def find_channel(name: str, channels: Sequence[str], markers: Sequence[str]) -> int:
    """Find a channel by its name or, where exactly one has it, its marker; errors as `FlowFile.column`."""
    from gvlab.errors import UnknownNameError

    for column, channel in enumerate(channels):
        if channel.lower() == name.lower():
            return column
    of_marker = [column for column, marker in enumerate(markers) if marker and marker.lower() == name.lower()]
    if len(of_marker) == 1:
        return of_marker[0]
    if of_marker:
        raise InvalidValueError(
            f'The marker "{name}" stands at {len(of_marker)} channels: {", ".join(channels[i] for i in of_marker)}. '
            "Name the channel."
        )
    raise UnknownNameError("channel or marker", name, [*channels, *(marker for marker in markers if marker)])


def write_fcs(path: Path | str, file: FlowFile) -> None:
    """Write an FCS 3.1 file whole or not at all; $COM says that it is simulated.

    Raises
    ------
    InvalidValueError
        If a name cannot stand in the text segment, or channels and events do not fit.
    OutputError
        If it cannot be written.
    """
    write_bytes(path, encode(file))


def encode(file: FlowFile) -> bytes:
    """Make the bytes of an FCS 3.1 file; errors as `write_fcs`."""
    if file.events.ndim != 2 or file.events.shape[1] != len(file.channels) or len(file.markers) != len(file.channels):
        raise InvalidValueError(
            f"Events of the shape {file.events.shape} do not fit {len(file.channels)} channels with "
            f"{len(file.markers)} markers."
        )
    if len(set(file.channels)) != len(file.channels):
        raise InvalidValueError(f"A channel stands twice: {', '.join(file.channels)}. $PnN must differ.")
    data = np.ascontiguousarray(file.events, dtype="<f4").tobytes()
    keywords = _keywords(file)
    # Offsets stand in the text whose length they depend on; two rounds settle their width.
    begin, end = 0, 0
    for _ in range(3):
        text = _text({**keywords, "$BEGINDATA": str(begin), "$ENDDATA": str(end)})
        begin = _HEADER + len(text)
        end = begin + max(len(data), 1) - 1
    text = _text({**keywords, "$BEGINDATA": str(begin), "$ENDDATA": str(end)})
    in_header = (begin, end) if end <= _LARGEST_OFFSET else (0, 0)
    offsets = (_HEADER, _HEADER + len(text) - 1, *in_header, 0, 0)
    header = "FCS3.1    " + "".join(f"{offset:>8d}" for offset in offsets)
    return header.encode("ascii") + text + data + b"00000000"


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


def _keywords(file: FlowFile) -> dict[str, str]:
    keywords = {
        "$BEGINANALYSIS": "0",
        "$ENDANALYSIS": "0",
        "$BEGINSTEXT": "0",
        "$ENDSTEXT": "0",
        "$BYTEORD": "1,2,3,4",
        "$DATATYPE": "F",
        "$MODE": "L",
        "$NEXTDATA": "0",
        "$PAR": str(len(file.channels)),
        "$TOT": str(len(file.events)),
        "$COM": MARK,
        "$CYT": "GVLab virtual cytometer",
    }
    for number, (channel, marker) in enumerate(zip(file.channels, file.markers, strict=True), 1):
        if "," in channel:
            raise InvalidValueError(f'The channel "{channel}" has a comma, which $PnN cannot have.')
        keywords |= {f"$P{number}B": "32", f"$P{number}E": "0,0", f"$P{number}N": channel, f"$P{number}R": str(_RANGE)}
        if marker:
            keywords[f"$P{number}S"] = marker
    if file.spillover is not None:
        names, matrix = file.spillover
        cells = [str(len(names)), *names, *(f"{value:.10g}" for value in matrix.ravel())]
        keywords["$SPILLOVER"] = ",".join(cells)
    for key, value in file.keywords.items():
        if key.upper() not in keywords and value:
            keywords[key.upper()] = value
    return keywords


def _text(keywords: Mapping[str, str]) -> bytes:
    parts = [part for pair in keywords.items() for part in pair]
    mark = next((mark for mark in _DELIMITERS if not any(mark in part for part in parts)), _DELIMITERS[0])
    return (mark + mark.join(part.replace(mark, mark * 2) for part in parts) + mark).encode("utf-8")


def _parse(text: str) -> dict[str, str]:
    """Read keywords; a doubled delimiter stands for itself."""
    if not text:
        return {}
    delimiter = text[0]
    hidden = "\0"
    parts = text[1:].rstrip().rstrip(delimiter).replace(delimiter * 2, hidden).split(delimiter)
    cells = [part.replace(hidden, delimiter).strip() for part in parts]
    return {key.upper(): value for key, value in zip(cells[0::2], cells[1::2], strict=False)}
