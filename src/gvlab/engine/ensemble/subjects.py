"""The state of all subjects of a solve, in arrays, and the formulas of a model evaluated on some of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gvlab.engine.program.program import Program
from gvlab.engine.request import SolveRequest
from gvlab.sbml.evaluate import evaluate
from gvlab.sbml.graph import Node
from gvlab.sbml.names import TIME

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Subjects:
    """Where every subject is.

    Attributes
    ----------
    states, slots
        Shape (subject, state) and (subject, slot).
    time, until, step, dose_step
        Shape (subject,): where it is, when its next delayed event is due (infinity: none waits), its next step, and the
        step that works after a dose.
    operation, row, steps, reason
        Shape (subject,): place in the order of operations, next reading, steps taken, why it was put back.
    stiff, stiffness
        Shape (subject,): how many steps of late an explicit method had to keep short for its stability, and its
        estimate of the stiffness (`layout.TABLE`).
    handed_over
        Shape (subject,): whether the method for stiff models follows it.
    old, new
        Shape (subject, word): watched truth values before and now.
    """

    def __init__(self, request: SolveRequest, program: Program) -> None:
        count = request.subjects
        self.request = request
        self.program = program
        self.states = np.zeros((count, len(program.states)))
        self.slots = np.zeros((count, len(program.slots)))
        self.time = np.full(count, float(request.times[0]))
        self.until = np.full(count, np.inf)
        self.step = np.zeros(count)
        self.dose_step = np.zeros(count)
        self.operation = np.zeros(count, dtype=np.int64)
        self.row = np.zeros(count, dtype=np.int64)
        self.steps = np.zeros(count, dtype=np.int64)
        self.stiff = np.zeros(count, dtype=np.int64)
        self.stiffness = np.zeros(count)
        self.reason = np.zeros(count, dtype=np.int64)
        self.handed_over = np.zeros(count, dtype=bool)
        self.old = np.zeros((count, program.words), dtype=np.int64)
        self.new = np.zeros((count, program.words), dtype=np.int64)
        self._symbols: dict[str, Node] = {}
        # Species whose concentration itself is carried, because a rule gives its rate.
        self._undissolved = [
            name
            for name, species in request.model.system.species.items()
            if not (species.dissolved or species.amount) and name in program.carried
        ]
        self._homes = {request.model.system.species[name].compartment for name in self._undissolved}
        for name, place in program.carried.items():
            if name not in request.values:
                continue  # a sensitivity; whoever added it gives its value
            value: Any = request.values[name]
            if place.size:
                value = np.asarray(value) * request.values[place.size]
            self._column(name)[:] = value

    def _column(self, name: str) -> Floats:
        place = self.program.carried[name]
        return self.states[:, place.state] if place.state >= 0 else self.slots[:, place.slot]

    def symbol(self, name: str) -> Node:
        """Return the formula of a symbol in terms of what is carried."""
        if name not in self._symbols:
            model = self.request.model
            self._symbols[name] = model.during.symbol(name)
        return self._symbols[name]

    def evaluate(self, nodes: list[Node], rows: Rows) -> list[Any]:
        """Return the values of formulas for some subjects: numbers, or arrays of shape (row,)."""
        return evaluate(self.program.graph, nodes, self.known(rows))

    def known(self, rows: Rows) -> Mapping[str, Any]:
        """Return the values of states, slots and time of some subjects, by the names that formulas are written in."""
        return _Known(self, rows)

    def value(self, name: str, rows: Rows) -> Floats:
        """Return the value of a symbol for some subjects, shape (row,)."""
        return np.broadcast_to(np.asarray(self.evaluate([self.symbol(name)], rows)[0], dtype=np.float64), rows.shape)

    def assign(self, values: Mapping[str, Any], rows: Rows) -> None:
        """Set symbols to new values, all at once.

        A concentration is given in the compartment as it was before; where its size changes at the same time, the
        amount stays.
        """
        carried, species = self.program.carried, self.request.model.system.species
        resized = values.keys() & {place.size for place in carried.values()} | values.keys() & self._homes
        before = {name: self.value(name, rows).copy() for name in resized}
        new: dict[str, Any] = {}
        for name, value in values.items():
            if name in carried:
                size = carried[name].size
                new[name] = np.asarray(value) * self.value(size, rows) if size else value
        for name in self._undissolved:
            home = species[name].compartment
            if home in resized:
                concentration = new[name] if name in new else self.value(name, rows)
                with np.errstate(all="ignore"):
                    new[name] = concentration * before[home] / values[home]
        for name, value in new.items():
            self._column(name)[rows] = value


class _Known(Mapping[str, Any]):
    """Values by the names that formulas are written in, taken from the arrays when asked for."""

    def __init__(self, subjects: Subjects, rows: Rows) -> None:
        self._subjects = subjects
        self._rows = rows

    def __getitem__(self, name: str) -> Any:
        subjects = self._subjects
        if name == TIME:
            return subjects.time[self._rows]
        if name in subjects.program.state_place:
            return subjects.states[self._rows, subjects.program.state_place[name]]
        return subjects.slots[self._rows, subjects.program.slot_place[name]]

    def __contains__(self, name: object) -> bool:
        program = self._subjects.program
        return name == TIME or name in program.state_place or name in program.slot_place

    def __iter__(self) -> Iterator[str]:
        return iter((TIME, *self._subjects.program.states, *self._subjects.program.slots))

    def __len__(self) -> int:
        return 1 + len(self._subjects.program.states) + len(self._subjects.program.slots)


__all__ = ["Floats", "Rows", "Subjects"]
