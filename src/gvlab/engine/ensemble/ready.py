"""A model made ready to be solved: its program, and machine code for it and for what is read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import numpy as np

from gvlab.engine.contract import PerSubject
from gvlab.engine.ensemble.events import Events, event_actions, trigger_masks
from gvlab.engine.ensemble.front import MOST_FORMULAS, keep, program_of
from gvlab.engine.ensemble.subjects import Rows, Subjects
from gvlab.engine.methods.tableaus import CHOICES, METHODS
from gvlab.engine.program.absent import absent_states, without
from gvlab.engine.program.program import Program
from gvlab.engine.program.program import outputs as outputs_of
from gvlab.engine.request import SolveRequest
from gvlab.engine.schedule import Schedule
from gvlab.engine.targets.cpu.code import WIDTHS, Code, OutputCode
from gvlab.engine.targets.gpu.sharing import Sharing
from gvlab.engine.targets.gpu.source import Kernel
from gvlab.engine.targets.layout import TriggerMasks
from gvlab.sbml.equations import Equations
from gvlab.sbml.graph import Node

KEPT = 32
"""Models, and choices of outputs, that are kept for the next solve."""

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class MostRecent(Generic[K, T]):
    """Keeps what was used last; threads may share it.

    Parameters
    ----------
    most
        How many are kept.
    """

    def __init__(self, most: int = KEPT) -> None:
        self._kept: OrderedDict[K, T] = OrderedDict()
        self._most = most
        self._lock = threading.RLock()

    def get(self, key: K, make: Callable[[], T]) -> T:
        """Return what is kept under a key; if there is nothing, make it."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return self._kept[key]

    def put(self, key: K, value: T) -> None:
        """Keep something under a key, in the place of what was there."""
        with self._lock:
            self._kept[key] = value


MOST_CASES = 1000
"""What subjects may begin with, of which is kept what they do not have."""

WORTH_COMPILING = 0.5
"""Seconds that subjects without the same states have taken, after which code of their own is compiled: as long as that
takes."""

WORTH_LEAVING_OUT = 1 / 8
"""Part of the states that must be absent."""


class ReadyModel:
    """A model with its code, kept for the next solve.

    Attributes
    ----------
    equations
        Equations of its own, over whose graph all its formulas are.
    codes
        Of the method; or of the one to begin with, and of the one for subjects that turn out to be stiff.
    actions
        What its events do.
    seconds
        How long subjects have been solved with it.
    """

    def __init__(self, model: Equations, method: str, program: Program | None = None) -> None:
        # A program that is given is built over the graph of the model itself, and is not kept on disk.
        self._on_disk = program is None
        self._method = method
        self.equations, self.program = program_of(model.sbml) if program is None else (model, program)
        self._formulas_kept = len(self.equations.formulas)
        self._masks = self.masks()
        self.methods = tuple(METHODS[name] for name in CHOICES.get(method, (method,)))
        self.codes = tuple(Code(self.program, chosen, self._masks) for chosen in self.methods)
        self.actions = event_actions(self.equations, self.program)
        self.seconds = 0.0
        self._outputs: MostRecent[tuple[str, ...], tuple[list[Node], OutputCode]] = MostRecent()
        self._absent: MostRecent[frozenset[tuple[str, float]], frozenset[str]] = MostRecent(MOST_CASES)
        self._leaner: MostRecent[frozenset[str], ReadyModel] = MostRecent()

    def without_absent(self, request: SolveRequest) -> ReadyModel:
        """Return the model without the states that none of the subjects has (see `program.absent`)."""
        targets = {operation.target for operation in request.schedule}
        # Of what all subjects share, what switches something off is 0, or 1 in a difference from 1. A species of 1 may
        # have another amount, and gets one where its compartment changes.
        begin = frozenset(
            (self._name_of(name), value)
            for name, values in request.values.items()
            if name in self.program.carried
            and name not in targets
            and (value := _switch(values)) is not None
            and (value == 0.0 or name not in request.model.system.species)
        )

        def find() -> frozenset[str]:
            triggers = [
                (self.program.watch[64 * action.word + action.bit], [self._name_of(name) for name in action.targets])
                for action in self.actions
            ]
            return absent_states(self.program, triggers, dict(begin))

        absent = self._absent.get(begin, find)
        count = len(self.program.states)
        if len(absent) < WORTH_LEAVING_OUT * count or len(absent) == count:
            return self
        return self._leaner.get(absent, lambda: ReadyModel(self.equations, self._method, without(self.program, absent)))

    def _name_of(self, name: str) -> str:
        """Return the name of what is carried of a symbol."""
        place = self.program.carried[name]
        return self.program.states[place.state] if place.state >= 0 else self.program.slots[place.slot]

    def is_at_hand(self, subjects: int) -> bool:
        """Return whether code for so many subjects need not be compiled, or is worth it by now."""
        width = next((width for width in WIDTHS if subjects <= width), WIDTHS[-1])
        return self.seconds >= WORTH_COMPILING or self.codes[0].is_at_hand(width)

    def outputs(self, names: tuple[str, ...]) -> tuple[list[Node], OutputCode]:
        """Return the formulas of what is to be read, and their code."""

        def make() -> tuple[list[Node], OutputCode]:
            readings = self.readings(names)
            return readings, OutputCode(self.program, readings)

        return self._outputs.get(names, make)

    def kernels(self, names: tuple[str, ...], sharing: Sharing) -> list[Kernel]:
        """Return the text for a GPU of each method of `codes`."""
        readings = self.readings(names)
        return [Kernel(self.program, method, self._masks, readings, sharing) for method in self.methods]

    def masks(self) -> TriggerMasks:
        """Return the changes that must stop the compiled loop."""
        return trigger_masks(self.equations, self.program)

    def events(self, subjects: Subjects, schedule: Schedule, watch: Callable[[Rows], None]) -> Events:
        """Return what carries out the events of a solve."""
        return Events(self.actions, subjects, watch)

    def readings(self, names: tuple[str, ...]) -> list[Node]:
        """Return the formulas of what is to be read."""
        return outputs_of(self.equations, names)

    def begin(self, request: SolveRequest, subjects: Subjects) -> None:
        """Fill in what the model's own values do not."""

    def keep_formulas(self) -> None:
        """Keep formulas of guards on disk that are new, so that the next process need not read them again."""
        count = len(self.equations.formulas)
        if self._on_disk and self._formulas_kept < count <= MOST_FORMULAS:
            self._formulas_kept = count
            keep(self.equations, self.program)


def _switch(values: PerSubject) -> float | None:
    """Return the value that all subjects share, where it is 0 or 1."""
    if isinstance(values, float):
        return values if values in (0.0, 1.0) else None
    first = float(np.ravel(values)[0])
    return first if first in (0.0, 1.0) and bool(np.all(values == first)) else None


class ModelCache(MostRecent[tuple[str, str], ReadyModel]):
    """Models made ready, by the text of their document and the method."""

    def ready(self, model: Equations, method: str) -> ReadyModel:
        """Return a model made ready for a method."""
        return self.get((model.sbml, method), lambda: ReadyModel(model, method))
