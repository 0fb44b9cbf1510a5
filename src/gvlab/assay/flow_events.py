"""The events of a tube as detectors see them: dyes, autofluorescence, spillover, photons, doublets, dead cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Float, Int
from gvlab.assay.fcs import FlowFile
from gvlab.assay.samples import AssayParameters
from gvlab.errors import InvalidValueError
from gvlab.library.assay_record import AssayRecord

TOP_OF_SCALE = 262_143.0
"""Detectors saturate here."""
_DOUBLET_HEIGHT = 0.55
"""Height of a doublet relative to its area, that of a single cell being 1."""


@dataclass(frozen=True)
class TubeContent:
    """What a tube holds before it is acquired.

    Attributes
    ----------
    events
        Number of events of each kind of cell.
    medians
        (kind, channel): median signal of each kind, without autofluorescence.
    gain
        (channel,): factor of the day and of the staining.
    """

    events: Int[Array, "kind"]
    medians: Float[Array, "kind channel"]
    gain: Float[Array, "channel"]


def acquire(
    parameters: AssayParameters, tube: TubeContent, rng: np.random.Generator, keywords: Mapping[str, str] | None = None
) -> FlowFile:
    """Make the events of a tube.

    Parameters
    ----------
    parameters
        The assay.
    tube
        What is in it.
    rng
        Source of every event.
    keywords
        Kept in the file.

    Returns
    -------
    Events as the detectors saw them, in the order they came.
    """
    record = parameters.record
    channels = record.channels
    kind = rng.permutation(np.repeat(np.arange(len(tube.events)), tube.events))
    count = len(kind)
    events = np.empty((count, len(channels)), dtype=np.float32)
    stained = [column for column, channel in enumerate(channels) if channel.kind == "fluorescence"]
    matrix = spillover_matrix(record).astype(np.float32)
    spread = np.float32(parameters.number("sigma_marker"))
    with np.errstate(divide="ignore"):
        level = np.log(tube.medians * tube.gain).astype(np.float32)
    signal = rng.standard_normal((count, len(stained)), dtype=np.float32)
    signal *= spread
    signal += level[kind][:, stained]
    np.exp(signal, out=signal)
    dead = rng.random(count, dtype=np.float32) < parameters.number("f_dead")
    viability = _viability(record)
    if viability is not None:
        signal[dead, stained.index(viability)] = parameters.number("median_dead") * np.exp(
            spread * rng.standard_normal(int(dead.sum()), dtype=np.float32)
        )
    seen = signal @ matrix
    auto = np.array([channels[column].autofluorescence for column in stained], dtype=np.float32)
    seen += auto * np.exp(
        np.float32(parameters.number("sigma_auto")) * rng.standard_normal((count, 1), dtype=np.float32)
    )
    for column in (column for column, channel in enumerate(channels) if channel.kind == "area"):
        events[:, column] = np.exp(
            level[kind, column]
            + np.float32(parameters.number("sigma_scatter")) * rng.standard_normal(count, dtype=np.float32)
        )
    # The last events of the tube travel as second cells of doublets: each is seen together with an earlier one.
    doubles = int(rng.binomial(count, parameters.number("f_doublets")) // 2)
    height = np.full(count, 1.0, dtype=np.float32)
    if doubles:
        first, second = slice(0, doubles), slice(count - doubles, count)
        seen[first] += seen[second]
        areas = [column for column, channel in enumerate(channels) if channel.kind == "area"]
        for column in areas:
            events[first, column] += events[second, column]
        height[first] = _DOUBLET_HEIGHT
    photons = np.sqrt(
        np.maximum(seen, 0.0) * np.float32(parameters.number("photon"))
        + np.float32(parameters.number("sd_electronic")) ** 2
    )
    photons *= rng.standard_normal(photons.shape, dtype=np.float32)
    seen += photons
    events[:, stained] = seen
    for column, channel in enumerate(channels):
        if channel.kind == "height":
            area = next(at for at, other in enumerate(channels) if other.name == channel.name.replace("-H", "-A"))
            noise = 1.0 + np.float32(parameters.number("cv_height")) * rng.standard_normal(count, dtype=np.float32)
            events[:, column] = events[:, area] * height * noise
        elif channel.kind == "time":
            events[:, column] = np.arange(count, dtype=np.float32) / np.float32(parameters.number("events_per_second"))
    kept = events[: count - doubles]
    order = rng.permutation(len(kept)) if doubles else slice(None)
    shuffled = kept[order]
    for column, channel in enumerate(channels):
        if channel.kind == "time":
            shuffled[:, column] = np.arange(len(shuffled), dtype=np.float32) / np.float32(
                parameters.number("events_per_second")
            )
    np.minimum(shuffled, np.float32(TOP_OF_SCALE), out=shuffled)
    return FlowFile(
        shuffled,
        tuple(channel.name for channel in channels),
        tuple(channel.marker for channel in channels),
        (tuple(channels[column].name for column in stained), matrix.astype(np.float64)),
        dict(keywords or {}),
    )


def spillover_matrix(record: AssayRecord) -> Float[Array, "dye detector"]:
    """Return the spillover matrix of the fluorescence channels in order: row i is what channel i's dye gives each."""
    stained = [channel for channel in record.channels if channel.kind == "fluorescence"]
    place = {name: number for number, channel in enumerate(stained) for name in (channel.name, channel.marker) if name}
    matrix = np.eye(len(stained))
    for source, shares in record.spillover.items():
        for target, share in shares.items():
            for name in (source, target):
                if name not in place:
                    raise InvalidValueError(
                        f'assays/{record.name}.yaml: spillover names "{name}", which has no detector.'
                    )
            matrix[place[source], place[target]] = share
    return matrix


def _viability(record: AssayRecord) -> int | None:
    found = [column for column, channel in enumerate(record.channels) if channel.marker.lower() == "viability"]
    return found[0] if found else None
