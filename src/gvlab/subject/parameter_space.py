"""The space of plausible parameters: one axis for each row of the tables that varies, shared by the systems it fits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Float, Int
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.library import Library
from gvlab.library.table_rows import ParameterRow
from gvlab.subject import System


@dataclass(frozen=True)
class ParameterAxis:
    """One number that varies.

    Attributes
    ----------
    row
        Its row of the parameter tables: bounds, prior, evidence.
    systems
        In which systems it holds.
    """

    row: ParameterRow
    systems: tuple[str, ...]

    @property
    def name(self) -> str:
        """Parameter, and its context where it has one."""
        context = ";".join(self.row.context)
        return f"{self.row.parameterId}@{context}" if context else self.row.parameterId

    @property
    def low(self) -> float:
        """Lower bound."""
        return float(self.row.lowerBound or 0.0)

    @property
    def high(self) -> float:
        """Upper bound."""
        assert self.row.upperBound is not None  # `ParameterSpace.of` has seen to it
        return float(self.row.upperBound)

    @property
    def logarithmic(self) -> bool:
        """Whether every factor, rather than every difference, is equally likely."""
        return self.low > 0

    def value(self, unit_point: Float[Array, "set"]) -> Float[Array, "set"]:
        """Return the values at positions between 0 and 1."""
        if self.logarithmic:
            inside = np.exp(math.log(self.low) + unit_point * math.log(self.high / self.low))
        else:
            inside = self.low + unit_point * (self.high - self.low)
        return np.clip(inside, self.low, self.high)

    def unit_point(self, value: float) -> float:
        """Return the position of a value between 0 and 1."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class ParameterSpace:
    """A unit cube, every point of which is a parameter set for all systems at once.

    The prior is uniform in the cube: log-uniform between the bounds of a row where the lower one is above zero,
    uniform otherwise. The bounds are those of the tables and are not touched by anything that is fitted.
    """

    axes: tuple[ParameterAxis, ...]

    @classmethod
    def of(cls, names: Iterable[str], systems: Sequence[str], library: Library | None = None) -> ParameterSpace:
        """Return the space of some parameters in some systems of a library.

        A parameter has one axis for each of its rows that holds in a system: a row without context is shared by all.

        Raises
        ------
        UnknownNameError
            If no system has a parameter of that name.
        InvalidValueError
            If none of its rows has two bounds with a range between them.
        """
        holds: dict[tuple[str, tuple[str, ...]], tuple[ParameterRow, list[str]]] = {}
        tables = {name: System.read(name, library).parameters() for name in systems}
        known = {parameter for table in tables.values() for parameter in table.ids}
        axes = []
        for parameter in names:
            if parameter not in known:
                raise UnknownNameError("parameter", parameter, known)
            holds.clear()
            for system, table in tables.items():
                if parameter in table:
                    row = table.row(parameter)
                    holds.setdefault((parameter, row.context), (row, []))[1].append(system)
            free = [(row, where) for row, where in holds.values() if _has_range(row)]
            if not free:
                raise InvalidValueError(f'No row of "{parameter}" has a range; it cannot vary. Give it bounds.')
            axes += [ParameterAxis(row, tuple(where)) for row, where in sorted(free, key=lambda pair: pair[0].context)]
        return cls(tuple(axes))

    def __len__(self) -> int:
        return len(self.axes)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes, in order."""
        return tuple(axis.name for axis in self.axes)

    def values(self, unit_points: Float[Array, "set axis"]) -> Float[Array, "set axis"]:
        """Return the values at points of the cube."""
        return np.stack([axis.value(unit_points[:, i]) for i, axis in enumerate(self.axes)], axis=1)

    def unit_points(self, values: Float[Array, "set axis"]) -> Float[Array, "set axis"]:
        """Return the points of the cube at which values lie."""
        columns = [[axis.unit_point(value) for value in values[:, i]] for i, axis in enumerate(self.axes)]
        return np.array(columns, dtype=np.float64).T

    def nominal(self) -> Float[Array, "axis"]:
        """Return the point of the nominal values, shape (axis,)."""
        return np.clip([axis.unit_point(axis.row.nominalValue) for axis in self.axes], 0.0, 1.0)

    def parameters(self, values: Float[Array, "set axis"], system: str) -> Mapping[str, Float[Array, "set"]]:
        """Return what holds in a system, by parameter, shape (set,)."""
        return {axis.row.parameterId: values[:, i] for i, axis in enumerate(self.axes) if system in axis.systems}

    def of_system(self, system: str) -> Int[Array, "axis"]:
        """Return the axes that hold in a system and in no other."""
        return np.array([i for i, axis in enumerate(self.axes) if axis.systems == (system,)], dtype=np.int64)


def _has_range(row: ParameterRow) -> bool:
    return row.lowerBound is not None and row.upperBound is not None and row.lowerBound < row.upperBound
