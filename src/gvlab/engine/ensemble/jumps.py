"""How sensitivities jump where an event happens, or a condition changes, at a time that itself depends on parameters.

Where two sides of a comparison meet at time T, dT/dp follows from how they move: (difference by states) . (s + f dT) +
(by parameters) + (by time) dT = 0. At that moving time the states have the derivative D = s + f dT, with the rates f of
before; an assignment x := h gives D := dh/dp by the chain rule; and afterwards s = D - f dT, with the rates of after
(Rozenvasser 1967; Galan, Feehery and Barton 1999, Applied Numerical Mathematics 31:17). A delay that depends on
parameters moves T as well. What happens at a known time, of a dose or of the start, does not move: dT = 0.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gvlab.engine.ensemble.events import EventAction, Events, Pending
from gvlab.engine.ensemble.subjects import Floats, Rows, Subjects
from gvlab.engine.program.derivatives import Gradient, gradients
from gvlab.engine.program.floors import HELD
from gvlab.engine.program.gates import ORDERED
from gvlab.engine.program.program import Program
from gvlab.engine.schedule import Schedule
from gvlab.engine.targets.layout import bit_mask
from gvlab.errors import ModelError
from gvlab.sbml.evaluate import evaluate
from gvlab.sbml.graph import Node
from gvlab.sbml.names import TIME

SAME = 1e-12
"""Part of itself by which a rate of change may differ on both sides of a condition and count as the same."""


class Moved(Protocol):
    """A program with sensitivities: which derivative is where."""

    program: Program
    wrt: tuple[str, ...]

    def moved(self, name: str, by: str) -> str | None:
        """Return the name of the derivative of what is carried; None where it is 0."""
        ...


@dataclass(frozen=True)
class _Waiting:
    """What is known of an event that waits: when it is due, shape (wrt,), and its values, each of shape (wrt,)."""

    when: Floats
    values: list[Floats] | None


class JumpingEvents(Events):
    """Carries out events, and lets sensitivities jump with them."""

    def __init__(
        self,
        actions: Sequence[EventAction],
        subjects: Subjects,
        schedule: Schedule,
        watch: Callable[[Rows], None],
        moved: Moved,
        conditions: Sequence[int],
    ) -> None:
        super().__init__(actions, subjects, watch)
        self._schedule = schedule
        self._of = moved
        self._program = moved.program
        self._graph = moved.program.graph
        assert moved.program.plain is not None  # a program with sensitivities is never taken from disk
        self._plain = moved.program.plain
        triggers = self._plain.watch[self._program.modes :][: len(actions)]
        self._of_triggers = set(self._graph.order(triggers))
        self._conditions = set(conditions)
        base, count = self._program.base, len(moved.wrt)
        self._states = self._program.states[:base]
        self._blocks = [slice(base * (1 + k), base * (2 + k)) for k in range(count)]
        self._when = np.zeros((subjects.time.size, count))
        self._gradients: dict[Node, Gradient] = {}
        self._starting = False

    # ---------------------------------------------------------------- an instant

    def begin(self, rows: Rows) -> None:
        """Carry out what happens at the start, whose time is known."""
        self._starting = True
        super().begin(rows)
        self._starting = False

    def happen(self, rows: Rows) -> None:
        """Carry out all that is due, between the derivatives at a moving time and those at a fixed one."""
        self._when[rows] = 0.0
        doubtful = self._find_when(rows)
        moving = rows[np.any(self._when[rows] != 0.0, axis=1) | np.isin(rows, doubtful)]
        before = self._rates(moving, before=True)
        self._shift(moving, before, 1.0)
        fired = len(self.log)
        super().happen(rows)
        after = self._rates(moving, before=False)
        self._shift(moving, after, -1.0)
        # Where two sides only touch, the time has no derivative. It needs none if nothing changes there.
        happened = {row for some, _, _ in self.log[fired:] for row in some.tolist()}
        for i in np.nonzero(np.isin(moving, doubtful))[0].tolist():
            same = np.allclose(before[:, i], after[:, i], rtol=SAME, atol=0.0)
            if int(moving[i]) in happened or not same:
                self.undefined.add(int(moving[i]))

    def _find_when(self, rows: Rows) -> Rows:
        """Work out how the time of what happens now depends on each parameter; return the rows where it cannot be."""
        if self._starting:
            return rows[:0]
        subjects, open_ = self._subjects, np.ones(rows.size, dtype=bool)
        for i, row in enumerate(rows.tolist()):
            due = [item for item in self._pending.get(row, ()) if item.time <= subjects.time[row]]
            if due:
                self._when[row], open_[i] = due[0].moved.when, False
        changed = subjects.old[rows] ^ subjects.new[rows]
        open_ &= changed.any(axis=1)
        operated = np.zeros(rows.size, dtype=bool)
        operated[open_] = self._schedule.operated(subjects, rows[open_])
        doubtful = np.zeros(rows.size, dtype=bool)
        count = len(self._plain.watch)
        first = count - 2 * len(self._plain.floors)
        # Where a floor jumps, comparisons of it change with it.
        for number in (*range(first, count), *range(first)):
            node = self._plain.watch[number]
            word, bit = divmod(number, 64)
            here = open_ & (changed[:, word] & bit_mask(bit)).astype(bool)
            if not here.any() or self._graph.operation[node] not in ORDERED:
                continue
            if self._graph.symbols([node]) & {*self._states}:
                here &= ~operated  # the dose changed it, at a time that is known
            if number in self._conditions or node in self._of_triggers:
                some = rows[here]
                when = self._meeting(node, some)
                infinite = np.asarray(np.any(~np.isfinite(when), axis=1))
                when[infinite] = 0.0
                self._when[some], doubtful[here] = when, infinite
                open_ &= ~here
        return rows[doubtful]

    def _meeting(self, node: Node, rows: Rows) -> Floats:
        """Return d time / d wrt at which the two sides of a comparison meet, shape (row, wrt)."""
        difference = self._graph.sub(*self._graph.arguments[node])
        rates = self._rates(rows, before=True)
        gradient, known = self._gradient(difference), self._known_before(rows)
        speed = self._values(gradient.get(TIME), rows, known)
        for i, name in enumerate(self._states):
            if name in gradient:
                speed = speed + self._values(gradient[name], rows, known) * rates[i]
        with np.errstate(all="ignore"):
            return -self._along(gradient, rows, known) / speed[:, None]

    # ---------------------------------------------------------------- assignments

    def _carry_out(self, event: EventAction, rows: Rows, waited: Pending | None = None) -> None:
        known = None if waited is None else waited.values
        derivatives = self._assigned(event, rows)
        if waited is not None and waited.moved.values is not None:
            derivatives = [value[None, :] for value in waited.moved.values]
        places, carried = [], self._subjects.program.carried
        for name, derivative, formula in zip(event.targets, derivatives, event.formulas, strict=True):
            self._refuse_resized(event, name)
            place = carried[name]
            if place.size:
                # The amount is carried of what is assigned as a concentration.
                size = self._subjects.symbol(place.size)
                if known is None:
                    value = self._subjects.evaluate([formula], rows)[0]
                else:
                    value = known[event.targets.index(name)]
                derivative = derivative * self._subjects.value(place.size, rows)[:, None]
                derivative = derivative + np.broadcast_to(value, rows.shape)[:, None] * self._total(size, rows)
            own = self._states[place.state] if place.state >= 0 else self._program.slots[place.slot]
            places.append((own, derivative))
        super()._carry_out(event, rows, waited)
        for own, derivative in places:
            for k, by in enumerate(self._of.wrt):
                text = self._of.moved(own, by)
                assert text is not None  # whatever an event may change has derivatives
                self._column(text)[rows] = np.broadcast_to(derivative, (rows.size, len(self._of.wrt)))[:, k]

    def _refuse_resized(self, event: EventAction, name: str) -> None:
        system = self._subjects.request.model.system
        for other, species in system.species.items():
            if species.compartment == name and not (species.dissolved or species.amount) and other in system.rates:
                raise ModelError(
                    f'The event "{system.events[event.number].id}" changes the size of "{name}", in which a rate rule '
                    f'gives the concentration of "{other}"; sensitivities across it are not supported.'
                )

    def _assigned(self, event: EventAction, rows: Rows) -> list[Floats]:
        return [self._total(formula, rows) for formula in event.formulas]

    def _moved(self, event: EventAction, rows: Rows) -> _Waiting:
        when = self._when[rows[0]].copy()
        if event.delay is not None:
            when += self._total(event.delay, rows)[0]
        values = [value[0] for value in self._assigned(event, rows)] if event.at_trigger_time else None
        return _Waiting(when, values)

    # ---------------------------------------------------------------- derivatives

    def _gradient(self, node: Node) -> Gradient:
        if node not in self._gradients:
            names = [*self._states, *self._program.slots, TIME]
            self._gradients[node] = gradients(self._graph, [node], names)[0]
        return self._gradients[node]

    def _total(self, node: Node, rows: Rows) -> Floats:
        """Return d formula / d wrt at the moving time, shape (row, wrt)."""
        gradient = self._gradient(node)
        by_time = self._values(gradient.get(TIME), rows, {})
        return self._along(gradient, rows, {}) + by_time[:, None] * self._when[rows]

    def _along(self, gradient: Gradient, rows: Rows, known: Mapping[str, Any]) -> Floats:
        """Return the sum of derivatives by what is carried, times its own derivatives, shape (row, wrt)."""
        result = np.zeros((rows.size, len(self._of.wrt)))
        for name, outer in gradient.items():
            names = [self._of.moved(name, by) for by in self._of.wrt]
            if name == TIME or not any(names):
                continue
            factor = self._values(outer, rows, known)
            for k, text in enumerate(names):
                if text is not None:
                    result[:, k] += factor * self._column(text)[rows]
        return result

    def _column(self, text: str) -> Floats:
        program, subjects = self._program, self._subjects
        if text in program.state_place:
            return subjects.states[:, program.state_place[text]]
        return subjects.slots[:, program.slot_place[text]]

    def _values(self, node: Node | None, rows: Rows, known: Mapping[str, Any]) -> Floats:
        if node is None:
            return np.zeros(rows.size)
        everything = ChainMap(dict(known), self._subjects.known(rows))  # type: ignore[arg-type]
        value = evaluate(self._graph, [self._graph.number(node)], everything)[0]
        return np.broadcast_to(np.asarray(value, dtype=np.float64), rows.shape)

    def _rates(self, rows: Rows, *, before: bool) -> Floats:
        """Return the rates of the model's states, shape (state, row), with the conditions of before, or of now."""
        known = self._known_before(rows) if before else self._known_now(rows)
        rates = list(self._plain.rates[: self._program.base])
        everything = ChainMap(known, self._subjects.known(rows))  # type: ignore[arg-type]
        found = evaluate(self._graph, rates, everything)
        return np.stack([np.broadcast_to(np.asarray(value, dtype=np.float64), rows.shape) for value in found])

    def _known_now(self, rows: Rows) -> dict[str, Any]:
        modes = self._subjects.evaluate(list(self._plain.watch[: self._program.modes]), rows)
        floors = self._subjects.evaluate(list(self._plain.floors), rows)
        return {f"mode {k}": value for k, value in enumerate(modes)} | {
            f"{HELD}{i}": value for i, value in enumerate(floors)
        }

    def _known_before(self, rows: Rows) -> dict[str, Any]:
        """Return conditions and floors as the step held them."""
        known, subjects = self._known_now(rows), self._subjects

        def bit(words: np.ndarray[Any, Any], number: int) -> Any:
            word, place = divmod(number, 64)
            return np.not_equal(words[rows, word] & bit_mask(place), 0)

        for k in range(self._program.modes):
            known[f"mode {k}"] = bit(subjects.old, k)
        count = len(self._plain.floors)
        first = len(self._plain.watch) - 2 * count
        for i in range(count):
            above, below = (bit(subjects.new, first + 2 * i + k) for k in (0, 1))
            known[f"{HELD}{i}"] = known[f"{HELD}{i}"] - 1.0 * above + 1.0 * below
        return known

    def _shift(self, rows: Rows, rates: Floats, sign: float) -> None:
        """Add rates times how the time moves to the sensitivities of the states."""
        for k, block in enumerate(self._blocks):
            self._subjects.states[rows, block] += sign * (rates * self._when[rows, k]).T
