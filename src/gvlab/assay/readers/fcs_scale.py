"""Scale values of the numbers in an FCS file: range, amplifier, gain and time step of each channel."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.assay.readers.fcs_text import DataSet
from gvlab.errors import some_of


def scaled(
    chosen: DataSet, kinds: Sequence[str], bits: Sequence[int], raw: list[Array], notes: list[str]
) -> Float[Array, "event channel"]:
    """Return scale values: integers masked to their range, amplifiers undone, gains divided out, time in seconds."""
    words = chosen.keywords
    found = np.empty((len(raw[0]), len(raw)), dtype=np.float64)
    ignored, unmasked, unread, beyond, gains = [], [], [], [], []
    for column, values in enumerate(raw):
        number = column + 1
        top = plain_number(words.get(f"$P{number}R", ""))
        decades, lowest = _amplifier(words.get(f"$P{number}E", ""))
        unread += [
            f'$P{number}{key} ("{text}")'
            for key, text in (("E", words.get(f"$P{number}E", "")), ("G", words.get(f"$P{number}G", "")))
            if text and any(plain_number(part) is None for part in (text.split(",") if key == "E" else [text]))
        ]
        if kinds[column] == "I":
            if top is not None and 1 < top < 2.0 ** bits[column]:
                mask = np.uint64(2 ** math.ceil(math.log2(top)) - 1)
                cut = int((values > mask).sum())
                beyond += [f"{words.get(f'$P{number}N') or f'P{number}'} ({cut:,})"] if cut else []
                values = values & mask
            elif top is None or top < 1:
                unmasked.append(f"$P{number}R")
        with np.errstate(invalid="ignore"):  # a signaling NaN is one of the events that are left out
            found[:, column] = values
        if decades > 0:
            if kinds[column] == "I" and top is not None and top > 0:
                with np.errstate(over="ignore"):
                    found[:, column] = 10.0 ** (decades * found[:, column] / top) * (lowest or 1.0)
                continue
            ignored.append(f"$P{number}E")
        if str(words.get(f"$P{number}N", "")).strip().lower() == "time":
            found[:, column] *= _time_step(words, notes)
            continue
        gain = plain_number(words.get(f"$P{number}G", ""))
        if gain is not None and gain > 0:
            found[:, column] /= gain
            gains += [f"{words.get(f'$P{number}N') or f'P{number}'} ({gain:g})"] if gain != 1 else []
    if gains:
        notes.append(f"Values were divided by the gain of their amplifier ($PnG): {some_of(gains)}.")
    if ignored:
        notes.append(f"{some_of(ignored)} tells of an amplifier, which concerns integers only; it was not applied.")
    if unread:
        notes.append(f"{some_of(unread)} tells of an amplifier or a gain in no way that is read; none was applied.")
    if beyond:
        notes.append(
            f"Values beyond $PnR were cut to the bits it has, as the standard says: {some_of(beyond)}. If they "
            "hold no flags in their upper bits, $PnR is wrong."
        )
    if unmasked:
        notes.append(f"{some_of(unmasked)} gives no range, so the numbers were taken as they stand.")
    return found


def _time_step(words: Mapping[str, str], notes: list[str]) -> float:
    text = words.get("$TIMESTEP", "")
    step = plain_number(text)
    if step is not None and step > 0:
        return step
    if text or "$TIMESTEP" in words:
        notes.append(f'$TIMESTEP is "{text}", which is no number; time is in ticks.')
    return 1.0


def _amplifier(text: str) -> tuple[float, float]:
    """Return decades and lowest value of $PnE; 0, 0 (linear) where it is missing or damaged."""
    parts = [plain_number(part) for part in text.split(",")]
    if len(parts) == 2 and parts[0] is not None and parts[1] is not None:
        return parts[0], parts[1]
    return 0.0, 0.0


def plain_number(text: str) -> float | None:
    """Return a keyword as a number with a decimal point; None where it is missing or none."""
    found = re.fullmatch(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?\s*", text)
    return float(text) if found else None
