"""The operations of a solve, in order of time, as tables of numbers.

Doses at known times are carried out inside the compiled loop. What needs a formula (a guard, a mean over a pool) or
changes what was worked out beforehand (a parameter) is left to `operate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gvlab.engine.contract import Operation, PerSubject
from gvlab.engine.ensemble.subjects import Floats, Rows, Subjects
from gvlab.engine.program.program import Program
from gvlab.engine.request import SolveRequest
from gvlab.sbml.graph import Node

ADD, SET, OTHER = 0, 1, 2
_ROWS_AT_ONCE = 1000


class Column:
    """One quantity of every operation: a number for all subjects, or one per subject.

    Attributes
    ----------
    addresses, strides
        Shape (operation,): where the number of subject 0 is, and how far it is from there to the next subject.
    """

    def __init__(self, values: Sequence[PerSubject]) -> None:
        self._arrays: dict[int, Floats] = {}
        firsts: Sequence[Any] = values
        if set(map(type, values)) != {float}:
            arrays = {k: np.asarray(v, dtype=np.float64) for k, v in enumerate(values) if not isinstance(v, float)}
            self._arrays = {k: np.ascontiguousarray(array) for k, array in arrays.items() if array.size > 1}
            # Of an array the first number stands here, where nobody looks at it.
            firsts = [arrays[k].flat[0] if k in arrays else value for k, value in enumerate(values)]
        self.first = np.array(firsts, dtype=np.float64)
        self.addresses = self.first.ctypes.data + 8 * np.arange(self.first.size)
        self.strides = np.zeros(self.first.size, dtype=np.int64)
        for k, array in self._arrays.items():
            self.addresses[k], self.strides[k] = array.ctypes.data, 1

    @property
    def shared(self) -> bool:
        """Whether every number holds for all subjects."""
        return not self._arrays

    @property
    def memory(self) -> list[Floats]:
        """The arrays that the addresses point into."""
        return [self.first, *self._arrays.values()]

    def __getitem__(self, k: int) -> Floats:
        return self._arrays[k] if k in self._arrays else self.first[k : k + 1]

    def of(self, k: int, rows: Rows) -> Floats:
        """Return the numbers of one operation for some subjects."""
        return self._arrays[k][rows] if k in self._arrays else np.broadcast_to(self.first[k], rows.shape)


class Schedule:
    """Operations as tables.

    Attributes
    ----------
    order
        Shape (1, operation) where the order is the same for all subjects, else (subject, operation).
    kind, state, size
        Shape (operation,): what the compiled loop does, to which state, and the slot of the size it multiplies by.
    times, values
        When, and how much.
    """

    def __init__(self, request: SolveRequest, program: Program) -> None:
        end = float(request.times[-1])
        self.operations = [op for op in request.schedule if _is_by(op.time, end)]
        self.times = Column([op.time for op in self.operations])
        self.values = Column([op.value for op in self.operations])
        self.added = Column([op.added for op in self.operations])
        count = len(self.operations)
        self.kind = np.full(count, OTHER, dtype=np.int64)
        self.state = np.zeros(count, dtype=np.int64)
        self.size = np.full(count, -1, dtype=np.int64)
        for k, operation in enumerate(self.operations):
            self._classify(k, operation, program)
        self.order = _order(self.times, request.subjects)
        self._guards: dict[str, Node] = {
            op.guard: request.model.formula(op.guard) for op in self.operations if op.guard
        }

    def _classify(self, k: int, operation: Operation, program: Program) -> None:
        place = program.carried[operation.target]
        if operation.guard or operation.kind in ("mix", "approach") or place.state < 0:
            return
        if place.size:
            size = program.carried.get(place.size)
            if size is None or size.slot < 0:
                return
            self.size[k] = size.slot
        self.kind[k] = ADD if operation.kind == "add" else SET
        self.state[k] = place.state

    def number(self, subjects: Subjects, rows: Rows) -> Rows:
        """Return the next operation of some subjects; -1 where there is none."""
        place = subjects.operation[rows]
        result = np.full(rows.size, -1, dtype=np.int64)
        left = place < self.order.shape[1]
        which = rows if self.order.shape[0] > 1 else np.zeros_like(rows)
        result[left] = self.order[which[left], place[left]]
        return result

    def operated(self, subjects: Subjects, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which of some subjects have just had an operation, at the time at which they are."""
        result = np.zeros(rows.size, dtype=bool)
        before = subjects.operation[rows] - 1
        which = rows if self.order.shape[0] > 1 else np.zeros_like(rows)
        for i in np.nonzero(before >= 0)[0].tolist():
            k = int(self.order[which[i], before[i]])
            result[i] = self.times.of(k, rows[i : i + 1])[0] == subjects.time[rows[i]]
        return result

    def operate(self, subjects: Subjects, rows: Rows) -> None:
        """Carry out, for each of some subjects, all operations that are due at its time."""
        while rows.size:
            numbers = self.number(subjects, rows)
            due = np.zeros(rows.size, dtype=bool)
            for k in sorted(set(numbers[numbers >= 0].tolist())):
                here = np.flatnonzero(numbers == k)
                here = here[self.times.of(k, rows[here]) == subjects.time[rows[here]]]
                due[here], now = True, rows[here]
                self._operate(k, subjects, now)
                subjects.operation[now] += 1
            rows = rows[due]

    def _operate(self, k: int, subjects: Subjects, rows: Rows) -> None:
        operation = self.operations[k]
        if operation.guard and rows.size:
            held = subjects.evaluate([self._guards[operation.guard]], rows)[0]
            rows = rows[np.broadcast_to(np.asarray(held, dtype=bool), rows.shape)]
        if not rows.size:
            return
        target, value = operation.target, self.values.of(k, rows)
        if operation.kind == "add":
            value = subjects.value(target, rows) + value
        elif operation.kind == "mix":
            there = sum((subjects.value(name, rows) for name in operation.pool), np.zeros(rows.size))
            added, old = self.added.of(k, rows), subjects.value(target, rows)
            total = there + added
            with np.errstate(all="ignore"):
                value = np.where(total > 0, (there * old + added * value) / total, old)
        elif operation.kind == "approach":
            value = value + (subjects.value(target, rows) - value) * self.added.of(k, rows)
        subjects.assign({target: value}, rows)


def _is_by(time: PerSubject, end: float) -> bool:
    return time <= end if isinstance(time, float) else bool(np.any(np.asarray(time) <= end))


def _order(times: Column, subjects: int) -> Rows:
    """Return the operations sorted by time, those at one time in the order given; one row if it serves all subjects."""
    if times.shared:
        return np.argsort(times.first, kind="stable").astype(np.int64)[None, :]
    count = times.first.size
    order = np.empty((subjects, count), dtype=np.int64)
    for first in range(0, subjects, _ROWS_AT_ONCE):
        rows = np.arange(first, min(first + _ROWS_AT_ONCE, subjects))
        keys = np.stack([times.of(k, rows) for k in range(count)], axis=1)
        order[rows] = np.argsort(keys, axis=1, kind="stable")
    return np.ascontiguousarray(order[:1]) if np.all(order == order[:1]) else order
