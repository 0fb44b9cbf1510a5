"""SBML events: what happens when triggers become true.

The compiled loop finds the instant at which a trigger changes and puts the subject back. Here the event is carried out,
for all subjects at once where one event without a delay has happened to each, and one subject at a time, by the letter
of the specification (SBML Level 3 Version 2, section 4.11.6), where events meet: simultaneous events, priorities,
delays, values from the time of the trigger, triggers that do not persist.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gvlab.engine.ensemble.subjects import Floats, Rows, Subjects
from gvlab.engine.program.program import Program
from gvlab.engine.targets.layout import TriggerMasks, bit_mask
from gvlab.sbml.equations import Equations
from gvlab.sbml.graph import Node

MOST_FIRINGS = 1000
"""Firings of one subject at one time, after which its events are taken to set each other off without end."""

MOMENT = 1e-9
"""Part of its time, or of a day, within which so many firings of a subject count as at one time: events that follow
each other faster and faster (Zeno) never get beyond it."""


@dataclass(frozen=True)
class EventAction:
    """What an event does, in terms of what is carried on.

    Attributes
    ----------
    number
        Its place in the document.
    word, bit
        Where its trigger is among the watched truth values.
    targets, formulas
        What is assigned to which symbol.
    delay, priority, at_trigger_time, persistent, initial_value
        As in `gvlab.sbml.system.Event`.
    """

    number: int
    word: int
    bit: int
    targets: tuple[str, ...]
    formulas: tuple[Node, ...]
    delay: Node | None
    priority: Node | None
    at_trigger_time: bool
    persistent: bool
    initial_value: bool


def event_actions(model: Equations, program: Program) -> tuple[EventAction, ...]:
    """Return what the events of a model do, in document order."""
    during, actions = model.during, []
    for number, event in enumerate(model.system.events):
        word, bit = divmod(program.modes + number, 64)
        actions.append(
            EventAction(
                number,
                word,
                bit,
                tuple(name for name, _ in event.assignments),
                tuple(during(node) for _, node in event.assignments),
                None if event.delay is None else during(event.delay),
                None if event.priority is None else during(event.priority),
                event.at_trigger_time,
                event.persistent,
                event.initial_value,
            )
        )
    return tuple(actions)


@dataclass(frozen=True)
class Pending:
    """An event that has been triggered and waits to be carried out."""

    event: EventAction
    time: float
    values: tuple[float, ...] | None
    moved: Any = None


def trigger_masks(model: Equations, program: Program) -> TriggerMasks:
    """Return bit masks of the trigger changes (rising, falling) that must stop the compiled loop."""
    rising, falling = [0] * program.words, [0] * program.words
    for number, event in enumerate(model.system.events):
        word, bit = divmod(program.modes + number, 64)
        rising[word] |= bit_mask(bit)
        if event.delay is not None and not event.persistent:
            falling[word] |= bit_mask(bit)
    return TriggerMasks(tuple(rising), tuple(falling))


class Events:
    """Carries out the events of a solve.

    Parameters
    ----------
    actions
        What each event does.
    watch
        Looks at the triggers of some subjects and writes them to `Subjects.new`.
    """

    def __init__(self, actions: Sequence[EventAction], subjects: Subjects, watch: Callable[[Rows], None]) -> None:
        self._subjects = subjects
        self._watch = watch
        self._events = actions
        self._pending: dict[int, list[Pending]] = {}
        self._lots: dict[int, int] = {}
        self.log: list[tuple[Rows, int, Floats]] = []
        self.endless: set[int] = set()
        self.undefined: set[int] = set()
        self._since = subjects.time.copy()
        self._count = np.zeros(subjects.time.size, dtype=np.int64)
        self._word = np.array([event.word for event in self._events], dtype=np.int64)
        self._bit = np.array([event.bit for event in self._events], dtype=np.int64)
        self._delayed = np.array([event.delay is not None for event in self._events], dtype=bool)

    def begin(self, rows: Rows) -> None:
        """Carry out what happens at the start."""
        if not self._events:
            return
        self._watch(rows)
        old = self._subjects.new[rows]
        for event in self._events:
            # What counts is the value the document gives the trigger before the start.
            mask = np.int64(bit_mask(event.bit))
            old[:, event.word] = old[:, event.word] | mask if event.initial_value else old[:, event.word] & ~mask
        self._subjects.old[rows] = old
        self.happen(rows)

    def happen(self, rows: Rows) -> None:
        """Carry out all that is due: triggers that differ between `old` and `new`, and delays that have passed."""
        subjects = self._subjects
        left = rows
        for _ in range(MOST_FIRINGS):
            if not left.size:
                return
            new, old = subjects.new[left], subjects.old[left]
            risen = ((new & ~old)[:, self._word] >> self._bit) & 1 == 1
            simple = (risen.sum(axis=1) == 1) & ~(risen & self._delayed).any(axis=1)
            waits = np.zeros(left.size, dtype=bool)
            if self._pending:
                waits[:] = [row in self._pending for row in left.tolist()]
                simple &= ~waits
            for row in left[(risen.any(axis=1) | waits) & ~simple].tolist():
                self._one_by_one(row)
            subjects.old[left[simple]] = new[simple]
            for number in np.nonzero(risen[simple].any(axis=0))[0].tolist():
                self._carry_out(self._events[number], left[simple & risen[:, number]])
            left = left[simple]
            if left.size:
                self._watch(left)
        self.endless.update(left.tolist())

    def next_time(self, row: int) -> float:
        """Return the time of the next delayed event of a subject."""
        return min((pending.time for pending in self._pending.get(row, ())), default=math.inf)

    @property
    def waiting(self) -> bool:
        """Whether any event waits."""
        return bool(self._pending)

    def forget(self, row: int) -> None:
        """Drop what waits for a subject that has ended."""
        self._pending.pop(row, None)

    def _note_firing(self, rows: Rows) -> None:
        """Count the firings of subjects; take those for endless whose time hardly goes on while they fire."""
        now = self._subjects.time[rows]
        self._count[rows] += 1
        many = self._count[rows] >= MOST_FIRINGS
        if many.any():
            rows, now = rows[many], now[many]
            close = now - self._since[rows] <= MOMENT * np.maximum(1.0, np.abs(now))
            self.endless.update(rows[close].tolist())
            self._count[rows], self._since[rows] = 0, now

    def _carry_out(self, event: EventAction, rows: Rows, waited: Pending | None = None) -> None:
        subjects = self._subjects
        known = None if waited is None else waited.values
        new: Any = subjects.evaluate(list(event.formulas), rows) if known is None else known
        subjects.assign(dict(zip(event.targets, new, strict=True)), rows)
        self.log.append((rows, event.number, subjects.time[rows].copy()))
        self._note_firing(rows)

    def _one_by_one(self, row: int) -> None:
        """Carry out the events of one subject in the order that the specification asks for."""
        subjects, rows = self._subjects, np.array([row])
        now = float(subjects.time[row])
        pending = self._pending.setdefault(row, [])
        for _ in range(MOST_FIRINGS):
            self._note_changes(rows, now, pending)
            due = [item for item in pending if item.time <= now]
            if not due:
                break
            chosen = due[0] if len(due) == 1 else self._choose(due, row, rows)
            pending.remove(chosen)
            self._carry_out(chosen.event, rows, chosen)
            subjects.old[row] = subjects.new[row]
            self._watch(rows)
        else:
            self.endless.add(row)
        if not pending:
            del self._pending[row]

    def _choose(self, due: list[Pending], row: int, rows: Rows) -> Pending:
        """Choose what comes first: the highest priority; among equal ones by lot; without any, in document order."""
        priorities = [self._number(item.event.priority, rows, -math.inf) for item in due]
        highest = max(priorities)
        best = [item for item, priority in zip(due, priorities, strict=True) if priority == highest]
        if len(best) == 1 or highest == -math.inf:
            return min(best, key=lambda item: item.event.number)
        # SBML asks for a random choice. The lots are the same for every subject and on every run.
        self._lots[row] = self._lots.get(row, 0) + 1
        return best[_scramble(self._lots[row]) % len(best)]

    def _note_changes(self, rows: Rows, now: float, pending: list[Pending]) -> None:
        subjects = self._subjects
        row = int(rows[0])
        changed = subjects.old[row] ^ subjects.new[row]
        for number in np.nonzero((changed[self._word] >> self._bit) & 1)[0].tolist():
            event = self._events[number]
            after = bool((subjects.new[row, event.word] >> event.bit) & 1)
            if after:
                values = None
                if event.at_trigger_time:
                    values = tuple(float(v) for v in self._each(list(event.formulas), rows))
                delay = 0.0 if event.delay is None else self._each([event.delay], rows)[0]
                if math.isnan(delay):
                    self.undefined.add(row)  # when it happens nobody can say
                    continue
                pending.append(Pending(event, now + delay, values, self._moved(event, rows)))
            elif not event.persistent:
                pending[:] = [item for item in pending if item.event is not event]
        subjects.old[row] = subjects.new[row]

    def _moved(self, event: EventAction, rows: Rows) -> Any:
        """Return what is to be known of an event that waits, beside its time and values."""
        return None

    def _number(self, node: Node | None, rows: Rows, otherwise: float) -> float:
        if node is None:
            return otherwise
        value = self._each([node], rows)[0]
        return otherwise if math.isnan(value) else value

    def _each(self, nodes: list[Node], rows: Rows) -> list[float]:
        return [float(np.ravel(value)[0]) for value in self._subjects.evaluate(nodes, rows)]


def _scramble(number: int) -> int:
    """Return a number that looks random, from a count (the finalizer of splitmix64)."""
    mask = (1 << 64) - 1
    z = (number * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return (z ^ (z >> 31)) >> 8
