"""Gates and gating strategies: which events are in, from compensated and transformed channels.

Shapes and transformations are those of Gating-ML 2.0 (Spidlen et al. 2015, Cytometry A 87A:683, doi
10.1002/cyto.a.22690), so a strategy read from a file of another program gives the same events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from gvlab.arrays import Array, Bool, Float, FloatArray
from gvlab.assay.fcs import FlowFile, find_channel
from gvlab.assay.transforms import Transform
from gvlab.errors import InvalidValueError, UnknownNameError

UNCOMPENSATED = "uncompensated"
FROM_FILE = "FCS"


@dataclass(frozen=True)
class Dimension:
    """An axis of a gate.

    Attributes
    ----------
    channel
        Name of the channel, or its marker.
    compensation
        "uncompensated", "FCS" (the matrix in the file; where it has none, uncompensated, as Gating-ML has it), or the
        id of a matrix of the strategy.
    transform
        Id of a transformation of the strategy; "" is the linear scale.
    ratio
        Id of a ratio of the strategy, in place of a channel.
    """

    channel: str
    compensation: str = FROM_FILE
    transform: str = ""
    ratio: str = ""


@dataclass(frozen=True)
class Ratio:
    """A (x - B) / (y - C) of two channels."""

    numerator: str
    denominator: str
    A: float = 1.0
    B: float = 0.0
    C: float = 0.0


@dataclass(frozen=True)
class Matrix:
    """A compensation matrix.

    Attributes
    ----------
    dyes
        Names that gates may use for what is compensated; often those of the detectors.
    detectors
        Channels.
    values
        (dye, detector): which share of a dye's signal each detector sees.
    """

    dyes: tuple[str, ...]
    detectors: tuple[str, ...]
    values: Float[Array, "dye detector"]


@runtime_checkable
class Gate(Protocol):
    """A region: its name, its parent ("" is all events), its axes, and which points are in it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def parent(self) -> str: ...  # noqa: D102
    @property
    def axes(self) -> tuple[Dimension, ...]: ...  # noqa: D102

    def contains(self, points: Float[Array, "event axis"]) -> Bool[Array, "event"]:
        """Return which points, (event, axis), are in."""
        ...


@dataclass(frozen=True)
class RectangleGate:
    """Intervals: at least `low` and below `high` on every axis."""

    name: str
    axes: tuple[Dimension, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    parent: str = ""

    def contains(self, points: Float[Array, "event axis"]) -> Bool[Array, "event"]:
        """Return which points, (event, axis), are in."""
        return np.asarray(((points >= self.low) & (points < self.high)).all(axis=1))


@dataclass(frozen=True)
class PolygonGate:
    """A polygon on two axes, by the even-odd rule; its border belongs to it."""

    name: str
    axes: tuple[Dimension, ...]
    corners: tuple[tuple[float, float], ...]
    parent: str = ""

    def contains(self, points: Float[Array, "event axis"]) -> Bool[Array, "event"]:
        """Return which points, (event, axis), are in: a ray to the right crosses the border an odd number of times."""
        # Corners of an open region are as far as there are numbers: halves do not overflow, and what is counted from
        # the nearer end of an edge keeps its digits.
        x, y = points[:, 0] / 2, points[:, 1] / 2
        inside = np.zeros(len(points), dtype=bool)
        border = np.zeros(len(points), dtype=bool)
        corners = tuple((x / 2, y / 2) for x, y in self.corners)
        for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
            along = (x >= min(x1, x2)) & (x <= max(x1, x2)) & (y >= min(y1, y2)) & (y <= max(y1, y2))
            with np.errstate(over="ignore", invalid="ignore"):
                across, up = (x2 - x1) * (y - y1), (y2 - y1) * (x - x1)
                border |= along & (across == up) & np.isfinite(across)
                if y1 == y2:
                    continue
                slope = (x2 - x1) / (y2 - y1)
                nearer = np.abs(y - y1) < np.abs(y - y2)
                crossing = np.where(nearer, x1 + slope * (y - y1), x2 + slope * (y - y2))
            inside ^= ((y1 > y) != (y2 > y)) & (x < crossing)
        return inside | border


@dataclass(frozen=True)
class EllipsoidGate:
    """Squared Mahalanobis distance from a mean at most `distance_square`."""

    name: str
    axes: tuple[Dimension, ...]
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    distance_square: float
    parent: str = ""

    def contains(self, points: Float[Array, "event axis"]) -> Bool[Array, "event"]:
        """Return which points, (event, axis), are in."""
        away = points - np.asarray(self.mean)
        distance = np.einsum("ei,ij,ej->e", away, np.linalg.inv(np.asarray(self.covariance)), away)
        return np.asarray(distance <= self.distance_square)


@dataclass(frozen=True)
class BooleanGate:
    """Events in all of some gates, in any, or not in one; a complement is marked with a minus in front."""

    name: str
    operation: str
    of: tuple[str, ...]
    parent: str = ""
    axes: tuple[Dimension, ...] = ()

    def contains(self, points: Float[Array, "event axis"]) -> Bool[Array, "event"]:
        """Not used: it is computed from other gates."""
        raise NotImplementedError

    def combine(self, masks: Mapping[str, Bool[Array, "event"]]) -> Bool[Array, "event"]:
        """Combine the gates it names."""
        parts = [~masks[name[1:]] if name.startswith("-") else masks[name] for name in self.of]
        if self.operation == "or":
            return np.asarray(np.logical_or.reduce(parts))
        found = np.logical_and.reduce(parts)
        return np.asarray(~found if self.operation == "not" else found)


@dataclass(frozen=True)
class Strategy:
    """Gates in a hierarchy, with the matrices and transformations they name.

    Attributes
    ----------
    gates
        A parent stands in front of its children, or anywhere.
    matrices, transforms, ratios
        By id.
    """

    gates: tuple[Gate, ...]
    matrices: Mapping[str, Matrix] = field(default_factory=dict)
    transforms: Mapping[str, Transform] = field(default_factory=dict)
    ratios: Mapping[str, Ratio] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [gate.name for gate in self.gates]
        for name in names:
            if names.count(name) > 1:
                raise InvalidValueError(f'There are two gates named "{name}". Rename one.')
        for gate in self.gates:
            needed = [gate.parent] if gate.parent else []
            needed += [name.removeprefix("-") for name in getattr(gate, "of", ())]
            for other in needed:
                if other not in names:
                    raise UnknownNameError("gate", other, names, f'the gate "{gate.name}"')

    def apply(self, file: FlowFile) -> dict[str, Bool[Array, "event"]]:
        """Return for every gate which events are in it and in all its ancestors.

        Raises
        ------
        UnknownNameError
            If a gate names a channel that the file has not.
        InvalidValueError
            If gates are each other's parents.
        """
        columns = _Columns(self, file)
        masks: dict[str, Bool[Array, "event"]] = {}
        waiting = list(self.gates)
        while waiting:
            ready = [gate for gate in waiting if self._ready(gate, masks)]
            if not ready:
                raise InvalidValueError(f"Gates are each other's parents: {', '.join(gate.name for gate in waiting)}.")
            for gate in ready:
                if isinstance(gate, BooleanGate):
                    inside = gate.combine(masks)
                else:
                    inside = gate.contains(np.stack([columns.get(axis) for axis in gate.axes], axis=1))
                masks[gate.name] = inside & masks[gate.parent] if gate.parent else inside
            waiting = [gate for gate in waiting if gate.name not in masks]
        return masks

    def values(self, file: FlowFile, axes: Sequence[Dimension]) -> Float[Array, "event axis"]:
        """Return events on the axes of a gate, compensated and transformed as it sees them; errors as `apply`."""
        columns = _Columns(self, file)
        return np.stack([columns.get(axis) for axis in axes], axis=1)

    def in_order(self) -> tuple[tuple[Gate, int], ...]:
        """Return gates as a tree is read, each parent in front of its children, with its depth from 0."""
        found: list[tuple[Gate, int]] = []

        def below(parent: str, depth: int) -> None:
            for gate in self.gates:
                if gate.parent == parent:
                    found.append((gate, depth))
                    below(gate.name, depth + 1)

        below("", 0)
        return tuple(found)

    @staticmethod
    def _ready(gate: Gate, masks: Mapping[str, Bool[Array, "event"]]) -> bool:
        named = [name.removeprefix("-") for name in getattr(gate, "of", ())]
        return all(name in masks for name in [*named, *([gate.parent] if gate.parent else [])])


class _Columns:
    """Channels of a file as gates want them, each computed once."""

    def __init__(self, strategy: Strategy, file: FlowFile) -> None:
        self.strategy, self.file = strategy, file
        self.compensated: dict[str, FloatArray] = {}
        self.found: dict[Dimension, FloatArray] = {}

    def get(self, axis: Dimension) -> Float[Array, "event"]:
        if axis not in self.found:
            values = self._ratio(axis) if axis.ratio else self._channel(axis.channel, axis.compensation)
            if axis.transform:
                if axis.transform not in self.strategy.transforms:
                    raise UnknownNameError("transformation", axis.transform, self.strategy.transforms, "the strategy")
                values = self.strategy.transforms[axis.transform].apply(values)
            self.found[axis] = np.asarray(values, dtype=np.float64)
        return self.found[axis]

    def _ratio(self, axis: Dimension) -> Float[Array, "event"]:
        if axis.ratio not in self.strategy.ratios:
            raise UnknownNameError("ratio", axis.ratio, self.strategy.ratios, "the strategy")
        ratio = self.strategy.ratios[axis.ratio]
        over, under = (self._channel(name, axis.compensation) for name in (ratio.numerator, ratio.denominator))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(ratio.A * (over - ratio.B) / (under - ratio.C))

    def _channel(self, name: str, compensation: str) -> Float[Array, "event"]:
        matrix = self.strategy.matrices.get(compensation)
        if matrix is not None and name in matrix.dyes:
            name = matrix.detectors[matrix.dyes.index(name)]
        return self._events(compensation)[:, self.file.column(name)]

    def _events(self, compensation: str) -> Float[Array, "event channel"]:
        # Gating-ML: a file without a matrix is not compensated by it. `analyze` says so in its notes.
        none_in_file = compensation == FROM_FILE and self.file.spillover is None
        if compensation in ("", UNCOMPENSATED) or none_in_file:
            return np.asarray(self.file.events)
        if compensation not in self.compensated:
            matrix = self.strategy.matrices.get(compensation)
            if compensation == FROM_FILE and self.file.spillover is not None:
                matrix = Matrix(self.file.spillover[0], *self.file.spillover)
            if matrix is None:
                raise UnknownNameError("compensation matrix", compensation, self.strategy.matrices, "the strategy")
            self.compensated[compensation] = compensate(self.file, matrix.detectors, matrix.values)
        return self.compensated[compensation]


def compensate(
    file: FlowFile, channels: Sequence[str], spillover: Float[Array, "dye detector"]
) -> Float[Array, "event channel"]:
    """Undo spillover.

    Parameters
    ----------
    file
        Events as seen.
    channels
        To which the matrix belongs.
    spillover
        Row i: which share of channel i's signal each detector sees.

    Returns
    -------
    (event, channel) of all channels; those without spillover are unchanged.

    Raises
    ------
    InvalidValueError
        If the matrix cannot be inverted.
    """
    columns = [find_channel(name, file.channels, file.markers) for name in channels]
    if np.linalg.matrix_rank(spillover) < len(channels):
        raise InvalidValueError("The compensation matrix cannot be inverted; two of its rows say the same.")
    events = np.array(file.events, dtype=np.float64)
    events[:, columns] = np.linalg.solve(np.asarray(spillover).T, events[:, columns].T).T
    return events
