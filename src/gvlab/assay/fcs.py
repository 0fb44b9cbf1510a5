"""Events of a tube, and their FCS 3.1 file (single precision, list mode), written by FlowIO.

The standard is Spidlen et al. (2010) Cytometry A 77A:97, doi 10.1002/cyto.a.20825.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.assay.samples import MARK
from gvlab.errors import InvalidValueError
from gvlab.files import atomic_file

_DELIMITER = "/"
"""Separates keywords in FlowIO's files. One inside a value is doubled, one at an end could not be told from it."""


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
    notes
        What was repaired or left out when it was read, in sentences.
    """

    events: Float[Array, "event channel"]
    channels: tuple[str, ...]
    markers: tuple[str, ...]
    spillover: tuple[tuple[str, ...], Float[Array, "dye detector"]] | None = None
    keywords: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

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
    """Find a channel by its name or, where exactly one has it, its marker; errors as `FlowFile.column`.

    Of two channels with one name, "PE-A (3)" is the third parameter of the file.
    """
    from gvlab.errors import UnknownNameError

    plain = name.strip().lower()
    named = [column for column, channel in enumerate(channels) if channel.lower() == plain]
    marked = [column for column, marker in enumerate(markers) if marker and marker.lower() == plain]
    for found, what in ((named, "channel name"), (marked, "marker")):
        if len(found) == 1:
            return found[0]
        if found:
            choices = ", ".join(f'"{channels[column]} ({column + 1})"' for column in found)
            raise InvalidValueError(
                f'The {what} "{name}" stands at {len(found)} channels. Write which one, with the number of the '
                f"parameter: {choices}."
            )
    numbered = re.fullmatch(r"(.*\S)\s*\((\d+)\)", plain)
    if numbered and 1 <= int(numbered[2]) <= len(channels):
        column = int(numbered[2]) - 1
        if numbered[1] in (channels[column].lower(), markers[column].lower()):
            return column
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
    import flowio

    keywords = _keywords(file)
    values = array("f", np.ascontiguousarray(file.events, dtype="=f4").tobytes())
    with atomic_file(path) as temporary, temporary.open("wb") as handle:
        flowio.create_fcs(handle, values, list(file.channels), list(file.markers), keywords)


def _keywords(file: FlowFile) -> dict[str, str]:
    """Return the keywords beside those that FlowIO makes of channels and events; raise if a name cannot be written."""
    if file.events.ndim != 2 or file.events.shape[1] != len(file.channels) or len(file.markers) != len(file.channels):
        raise InvalidValueError(
            f"Events of the shape {file.events.shape} do not fit {len(file.channels)} channels with "
            f"{len(file.markers)} markers."
        )
    if len(set(file.channels)) != len(file.channels):
        raise InvalidValueError(f"A channel stands twice: {', '.join(file.channels)}. $PnN must differ.")
    for channel in file.channels:
        if "," in channel:
            raise InvalidValueError(f'The channel "{channel}" has a comma, which $PnN cannot have.')
    keywords = {"$COM": MARK, "$CYT": "GVLab virtual cytometer"}
    if file.spillover is not None:
        names, matrix = file.spillover
        cells = [str(len(names)), *names, *(f"{value:.10g}" for value in matrix.ravel())]
        keywords["$SPILLOVER"] = ",".join(cells)
    keywords |= {key.upper(): value for key, value in file.keywords.items() if value and key.upper() not in keywords}
    for text in (*file.channels, *file.markers, *keywords, *keywords.values()):
        if text.startswith(_DELIMITER) or text.endswith(_DELIMITER):
            raise InvalidValueError(
                f'"{text}" begins or ends with "{_DELIMITER}", which separates the keywords of an FCS file. Rename it.'
            )
        if re.search(r"[\x00-\x1f]", text):
            raise InvalidValueError(f"{text!r} holds a control character, which an FCS file cannot hold. Rename it.")
    return keywords
