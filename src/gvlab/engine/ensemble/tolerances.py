"""The absolute tolerance of each state: what of it is too small to matter.

A number means nothing without its unit. A concentration in a compartment of 1e-9 L is carried as an amount of 1e-9, and
a tolerance of 1e-9 for it would be no tolerance at all. So the tolerance follows the compartment; and a state that
begins with very little, or is given little, is not lost in it either (in COPASI, too, it follows initial values).
"""

from __future__ import annotations

import numpy as np

from gvlab.arrays import Array, Float, FloatArray
from gvlab.engine.contract import PerSubject
from gvlab.engine.program.program import Carried, Program
from gvlab.engine.request import NOTHING, SolveRequest


def absolute_tolerances(
    request: SolveRequest, program: Program, relative: float, absolute: float
) -> Float[Array, "subject state"]:
    """Return the absolute tolerance of what is carried of each state; one row where it is the same for all subjects.

    It is `absolute` times `Options.scale`, in the unit of the state. Where no scale is given, that is 1, or less:

    - of a state that begins with, or is given, so little that `absolute` would be more than `relative` of it, the
      tolerance is `relative` of it;
    - of a state that begins at 0 it is, likewise, `relative` of the largest that any state begins with or is given.

    Each subject's tolerances follow from its own values alone.
    """
    numbers: dict[int, PerSubject] = {}
    sizes: dict[int, PerSubject] = {}
    least: dict[int, FloatArray] = {}
    scales = request.options.scale
    for name, place in program.carried.items():
        if place.state < 0:
            continue
        sizes[place.state] = np.abs(request.values[place.size]) if place.size else 1.0
        if name in scales:
            numbers[place.state] = scales[name]
        elif name in request.values:
            least[place.state] = _size(request.values[name])
    for operation in request.schedule:
        place = program.carried.get(operation.target, Carried(-1, -1))
        if place.state in least and operation.kind in ("add", "set"):
            given = _size(operation.value)
            known = least[place.state]
            smaller = np.where((given > 0) & ((known == 0) | (given < known)), given, known)
            least[place.state] = smaller
    # In the unit of each state: concentrations of concentrations, amounts of amounts.
    typical = relative / absolute if absolute > 0 else np.inf
    largest: PerSubject = np.asarray(0.0)
    for known in least.values():
        largest = np.maximum(largest, known)
    largest = np.where(largest > 0, np.minimum(1.0, largest * typical), 1.0)
    columns: list[PerSubject] = []
    for state in range(len(program.states)):
        if state >= program.base:  # a sensitivity is as small as its state
            columns.append(columns[state % program.base])
            continue
        scale = numbers.get(state)
        if scale is None:
            own = least.get(state)
            scale = largest if own is None else np.where(own > 0, np.minimum(1.0, own * typical), largest)
        columns.append(absolute * np.asarray(scale) * sizes.get(state, 1.0))
    together = np.broadcast_arrays(*columns, np.zeros(1))[:-1]
    return np.ascontiguousarray(np.stack(together, axis=1))


def _size(value: PerSubject) -> FloatArray:
    size = np.abs(np.asarray(value, dtype=np.float64))
    return np.where(size < NOTHING, 0.0, size)
