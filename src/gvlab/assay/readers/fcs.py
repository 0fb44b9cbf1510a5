"""FCS 2.0 to 3.2, list mode: what the file says of itself is checked against its bytes before it is believed.

Read are integers of any width up to 64 bits, single and double precision, and channels of different kinds. What was
repaired stands in the notes of the file; what cannot be, is refused with what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gvlab.arrays import Array
from gvlab.assay.fcs import FlowFile
from gvlab.assay.readers.fcs_scale import plain_number, scaled
from gvlab.assay.readers.fcs_text import DataSet, cut_off, read_data_sets, spillover_of
from gvlab.errors import InvalidValueError

_ABSURD_HIGH, _ABSURD_LOW = 1e15, 1e-25
"""A cytometer's signals lie within a few decades of its range; numbers read in the wrong order of bytes do not."""
_LARGEST_IN_HEADER = 99_999_999
"""Of a larger file the header has no place for the offsets, and has zeros by the standard."""
_KINDS = {"I": "integers", "F": "single precision", "D": "double precision"}
_WIDTHS = {"F": 32, "D": 64}
"""Bits of each that is no integer."""


@dataclass(frozen=True)
class _Layout:
    """How an event lies in the bytes: kind ("I", "F", "D") and bits of each channel, order of bytes."""

    kinds: tuple[str, ...]
    bits: tuple[int, ...]
    little: bool

    @property
    def event_bits(self) -> int:
        return sum(self.bits)

    @property
    def floats(self) -> bool:
        return all(kind != "I" for kind in self.kinds)


def read_fcs(path: Path | str, data_set: int = 0) -> FlowFile:
    """Read an FCS file; gain, logarithmic amplification and time step are applied, as Gating-ML wants its scale values.

    Parameters
    ----------
    path
        The file.
    data_set
        Which of several data sets, from 1; 0 where the file has one.

    Returns
    -------
    Events that are numbers, and in `notes` what was repaired or left out.

    Raises
    ------
    InvalidValueError
        If it is not FCS, is cut off, holds no events or no single events, has an order of bytes that is none or that
        its numbers contradict, or has several data sets and none was chosen.
    """
    path = Path(path)
    content, sets = read_data_sets(path)
    if not 0 <= data_set <= len(sets) or (data_set == 0 and len(sets) > 1):
        if data_set:
            raise InvalidValueError(f'"{path.name}" has {len(sets)} data sets; there is no number {data_set}.')
        raise InvalidValueError(
            f'"{path.name}" has {len(sets)} data sets, which are tubes of their own. Say data_set=1 for the first, or '
            f"another up to {len(sets)}."
        )
    chosen = sets[max(data_set - 1, 0)]
    notes = [f"Data set {data_set} of {len(sets)}."] if len(sets) > 1 else []
    layout = _layout(path.name, chosen, notes)
    begin, count = _segment(path.name, content, chosen, layout, notes)
    raw = _decode(content, begin, count, layout)
    _check_integers(path.name, content, begin, count, layout, raw, chosen)
    if layout.floats:
        _check_byte_order(path.name, content, begin, count, layout, raw, chosen)
    events = scaled(chosen, layout.kinds, layout.bits, raw, notes)
    broken = ~np.isfinite(events).all(axis=1)
    if broken.any():
        notes.append(f"{int(broken.sum()):,} of {count:,} events have a value that is no number; they are left out.")
        events = events[~broken]
    if not len(events):
        raise InvalidValueError(f'"{path.name}" holds no event whose values are all numbers.')
    words = chosen.keywords
    numbers = range(1, len(layout.bits) + 1)
    channels = tuple(words.get(f"$P{number}N") or f"P{number}" for number in numbers)
    twice = sorted({name for name in channels if channels.count(name) > 1})
    if twice:
        shown = next(name for name in channels if name == twice[0])
        at = [str(number) for number in numbers if channels[number - 1] == shown]
        notes.append(f'The channel name "{shown}" stands {len(at)} times (parameters {", ".join(at)}).')
    markers = tuple(words.get(f"$P{number}S", "") for number in numbers)
    spillover, said = spillover_of(words, channels)
    return FlowFile(events, channels, markers, spillover, words, (*notes, *said))


def _layout(name: str, chosen: DataSet, notes: list[str]) -> _Layout:
    words = chosen.keywords
    mode = words.get("$MODE", "L").upper() or "L"
    if mode != "L":
        raise InvalidValueError(
            f'"{name}" holds histograms ($MODE is {mode}), not single events, so there is nothing to gate. Export list '
            "mode data ($MODE L) from the program that made it."
        )
    parameters = chosen.number("$PAR")
    if parameters is None or parameters < 1:
        raise InvalidValueError(
            f'"{name}": the keyword $PAR is missing or not a number ("{words.get("$PAR", "")}"), so the file is '
            "damaged. Copy it again from where it was recorded."
        )
    common = words.get("$DATATYPE", "").upper()
    if common == "A":
        raise InvalidValueError(
            f'"{name}" holds its events as text ($DATATYPE is A), which FCS 3.1 took out of the '
            "standard; it is not read. Export it as FCS 3.1 with numbers, from FlowJo or with write.FCS of flowCore."
        )
    kinds, bits = [], []
    for number in range(1, parameters + 1):
        kind = words.get(f"$P{number}DATATYPE", "").upper() or common
        if kind not in _KINDS:
            raise InvalidValueError(
                f'"{name}": the data type of parameter {number} is "{kind}", which is none; it must be I, F or D.'
            )
        width = chosen.number(f"$P{number}B")
        if width is None and not any(words.get(f"$P{number}{letter}") for letter in "BNR"):
            raise InvalidValueError(
                f'"{name}" says that it has {parameters} parameters ($PAR) and describes {number - 1}: $P{number}B, '
                f"$P{number}N and $P{number}R are missing. Export it as FCS 3.1 from the program that made it."
            )
        if kind != "I" and width != _WIDTHS[kind]:
            said = words.get(f"$P{number}B", "")
            width = _WIDTHS[kind]
            notes.append(f'$P{number}B is "{said}", and {_KINDS[kind]} has {width} bits, which was read.')
        if width is None or not 1 <= width <= 64:
            raise InvalidValueError(
                f'"{name}": the keyword $P{number}B is missing or not a number of bits '
                f'("{words.get(f"$P{number}B", "")}"). The file is damaged; copy it again from where it was recorded.'
            )
        kinds.append(kind)
        bits.append(width)
    return _Layout(tuple(kinds), tuple(bits), _is_little(name, words.get("$BYTEORD", ""), bits))


def _is_little(name: str, written: str, bits: list[int]) -> bool:
    order = [part.strip() for part in written.split(",")]
    rising = [str(number) for number in range(1, len(order) + 1)]
    if order == rising and (len(order) > 1 or max(bits) <= 8):
        return True
    if order == rising[::-1] and len(order) > 1:
        return False
    if not written and max(bits) <= 8:
        return True
    raise InvalidValueError(
        f'"{name}": $BYTEORD is "{written}", which is no byte order that is read. It must be "1,2,3,4" '
        '(little-endian) or "4,3,2,1" (big-endian). Export the file as FCS 3.1 from the program that made it.'
    )


def _segment(name: str, content: bytes, chosen: DataSet, layout: _Layout, notes: list[str]) -> tuple[int, int]:
    """Return the byte at which the data begin and the number of events, after checking what the file says of them."""
    per_event = layout.event_bits
    total = chosen.number("$TOT")
    written = chosen.number("$BEGINDATA"), chosen.number("$ENDDATA")
    in_text = (written[0], written[1]) if written[0] and written[1] else None
    claims = [claim for claim in (in_text, chosen.header_data) if claim is not None and claim[1] > claim[0]]
    if in_text is None and chosen.header_data is not None:
        notes.append("$BEGINDATA and $ENDDATA are missing; where the events are was taken from the header.")
    elif in_text is not None and chosen.header_data is None and len(content) <= _LARGEST_IN_HEADER:
        notes.append("The header does not tell where the events are; $BEGINDATA and $ENDDATA do.")
    if not claims:
        return _without_offsets(name, content, chosen, layout, total, notes)
    sizes = {claim: claim[1] - claim[0] + 1 for claim in claims}
    fitting = [claim for claim in claims if chosen.start + claim[1] < len(content)]
    if total:
        needed = (total * per_event + 7) // 8
        exact = [claim for claim in fitting if sizes[claim] == needed]
        # Some programs count the last byte as the one behind, or leave bytes of a checksum or padding in.
        near = [c for c in claims if abs(sizes[c] - needed) <= 1 and chosen.start + c[0] + needed <= len(content)]
        near += [c for c in fitting if 0 <= (sizes[c] - needed) * 8 < min(per_event, 136)]
        for place, claim in enumerate([*exact, *near]):
            if len(set(claims)) > 1 or place >= len(exact):
                other = [f"{c[0]}-{c[1]}" for c in claims if c != claim] or [f"{claim[0]}-{claim[1]}"]
                notes.append(
                    f"The file's statements of where its events are differ ({', '.join(other)} as well); those from "
                    f"byte {claim[0]} on fit {total:,} events."
                )
            return chosen.start + claim[0], total
    if not fitting:
        needed = max(chosen.start + claim[1] + 1 for claim in claims)
        raise InvalidValueError(cut_off(name, len(content), needed))
    claim = fitting[0]
    events, rest = divmod(sizes[claim] * 8, per_event)
    if rest >= per_event or (rest and rest > 128) or events < 1 or (len(set(claims)) > 1 and total):
        raise InvalidValueError(_no_fit(name, claim, sizes[claim], total, per_event))
    more = f"$P{len(layout.bits) + 1}B" in chosen.keywords
    if total and sizes[claim] * 8 % total == 0 and (not layout.floats or rest or more):
        raise InvalidValueError(_no_fit(name, claim, sizes[claim], total, per_event))
    if total is None:
        notes.append(f"$TOT is missing; the data hold {events:,} events.")
    elif total == 0 and sizes[claim] * 8 < per_event:
        raise InvalidValueError(f'"{name}" holds no events ($TOT is 0).')
    else:
        notes.append(f"$TOT says {total:,} events, and the data hold {events:,}; those were read.")
    return chosen.start + claim[0], events


def _without_offsets(
    name: str, content: bytes, chosen: DataSet, layout: _Layout, total: int | None, notes: list[str]
) -> tuple[int, int]:
    left = (len(content) - chosen.text_end) * 8
    if total == 0 or (total is None and left < layout.event_bits):
        raise InvalidValueError(f'"{name}" holds no events ($TOT is {total}).')
    events = total if total is not None else left // layout.event_bits
    needed = (events * layout.event_bits + 7) // 8
    begin = chosen.text_end
    if begin + needed > len(content):
        raise InvalidValueError(cut_off(name, len(content), begin + needed))
    if len(content) - begin - needed > 16:
        raise InvalidValueError(
            f'"{name}" does not tell where its events are: neither its header nor $BEGINDATA and $ENDDATA. '
            "Export it as FCS 3.1 from the program that made it."
        )
    notes.append("Neither header nor keywords tell where the events are; those behind the text were read.")
    return begin, events


def _no_fit(name: str, claim: tuple[int, int], size: int, total: int | None, per_event: int) -> str:
    needed = (total or 0) * per_event // 8
    return (
        f'"{name}" contradicts itself: {total or 0:,} events ($TOT) of {per_event / 8:g} bytes ($PnB) are '
        f"{needed:,} bytes, and bytes {claim[0]} to {claim[1]} are {size:,}. Which is right "
        "cannot be told from the file. Export it as FCS 3.1 from the program that made it."
    )


def _decode(content: bytes, begin: int, count: int, layout: _Layout) -> list[Array]:
    """Return the numbers of each channel as they lie in the file."""
    if any(width % 8 for width in layout.bits):
        return _decode_bits(content, begin, count, layout)
    width = layout.event_bits // 8
    table = np.frombuffer(content, dtype=np.uint8, count=count * width, offset=begin).reshape(count, width)
    order = "<" if layout.little else ">"
    columns: list[Array] = []
    place = 0
    for kind, bits in zip(layout.kinds, layout.bits, strict=True):
        part = table[:, place : place + bits // 8]
        place += bits // 8
        if kind != "I":
            columns.append(np.ascontiguousarray(part).view(f"{order}f{bits // 8}")[:, 0])
            continue
        whole = np.zeros((count, 8), dtype=np.uint8)
        if layout.little:
            whole[:, : bits // 8] = part
        else:
            whole[:, 8 - bits // 8 :] = part
        columns.append(whole.view(f"{order}u8")[:, 0])
    return columns


def _decode_bits(content: bytes, begin: int, count: int, layout: _Layout) -> list[Array]:
    """Return integers of odd widths, which lie behind one another bit by bit, the highest first."""
    size = (count * layout.event_bits + 7) // 8
    stream = np.frombuffer(content, dtype=np.uint8, count=size, offset=begin)
    bits = np.unpackbits(stream)[: count * layout.event_bits].reshape(count, layout.event_bits)
    columns: list[Array] = []
    place = 0
    for width in layout.bits:
        value = np.zeros(count, dtype=np.uint64)
        for bit in range(place, place + width):
            value = (value << np.uint64(1)) | bits[:, bit].astype(np.uint64)
        columns.append(value)
        place += width
    return columns


def _absurd(columns: list[Array]) -> float:
    """Return the share of numbers that cannot be signals."""
    bad = 0
    for values in columns:
        size = np.abs(values.astype(np.float64))
        with np.errstate(invalid="ignore"):
            bad += int((~np.isfinite(size) | (size > _ABSURD_HIGH) | ((size > 0) & (size < _ABSURD_LOW))).sum())
    return bad / max(1, sum(len(values) for values in columns))


def _check_integers(
    name: str, content: bytes, begin: int, count: int, layout: _Layout, raw: list[Array], chosen: DataSet
) -> None:
    """Refuse integers half of which lie beyond their ranges, where none does in the other order of bytes."""
    if any(width % 8 for width in layout.bits):
        return

    def share(columns: list[Array]) -> float:
        tops = [plain_number(chosen.keywords.get(f"$P{number}R", "")) for number in range(1, len(columns) + 1)]
        checked = [
            (values > top).mean()
            for values, top, kind, bits in zip(columns, tops, layout.kinds, layout.bits, strict=True)
            if kind == "I" and bits > 8 and top is not None and 1 < top < 2.0**bits
        ]
        return float(np.mean(checked)) if checked else 0.0

    found = share(raw)
    if found <= 0.5 or share(_decode(content, begin, count, _Layout(layout.kinds, layout.bits, not layout.little))) > 0:
        return
    order, other = ("1,2,3,4", "4,3,2,1") if layout.little else ("4,3,2,1", "1,2,3,4")
    raise InvalidValueError(
        f'"{name}": {found:.0%} of the integers lie beyond their range ($PnR). The byte order in the file, '
        f"{chosen.keywords.get('$BYTEORD', order)}, is probably wrong and should be {other}. Export the file as "
        "FCS 3.1 from the program that made it."
    )


def _check_byte_order(
    name: str, content: bytes, begin: int, count: int, layout: _Layout, raw: list[Array], chosen: DataSet
) -> None:
    with np.errstate(all="ignore"):
        share = _absurd(raw)
        if share <= 0.01:
            return
        swapped = _decode(content, begin, count, _Layout(layout.kinds, layout.bits, not layout.little))
        other_share = _absurd(swapped)
    if other_share < share / 10:
        order, other = ("1,2,3,4", "4,3,2,1") if layout.little else ("4,3,2,1", "1,2,3,4")
        example = next(float(v) for values in raw for v in values if _absurd([np.atleast_1d(v)]) > 0)
        raise InvalidValueError(
            f'"{name}": {share:.0%} of the numbers cannot be signals, as {example:.3g}. The byte order in the file, '
            f"{chosen.keywords.get('$BYTEORD', order)}, is probably wrong and should be {other}. Export the file as "
            "FCS 3.1 from the program that made it."
        )
    if share > 0.5:
        raise InvalidValueError(
            f'"{name}": {share:.0%} of the numbers cannot be signals in either order of bytes, so the events are '
            "damaged. Copy the file again from where it was recorded."
        )
