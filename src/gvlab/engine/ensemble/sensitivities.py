"""Forward sensitivities: how outputs change with parameters and initial values, from the same program.

Beside the states x run their derivatives s = dx/dp with ds/dt = J s + df/dp. Their matrix is the model's own Jacobian,
so each stage solves for the states first and then, with the same factors, for one block of sensitivities after another
(staggered direct method). Steps are chosen for the accuracy of both.

Where an event happens, or a rate changes its formula, at a time that depends on parameters, they jump (`jumps`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Float, FloatArray
from gvlab.engine.contract import Operation, Options, PerSubject, Solution
from gvlab.engine.ensemble.events import Events
from gvlab.engine.ensemble.jumps import JumpingEvents
from gvlab.engine.ensemble.ready import MostRecent, ReadyModel
from gvlab.engine.ensemble.run import Run
from gvlab.engine.ensemble.subjects import Rows, Subjects
from gvlab.engine.program.conditions import DUMMY
from gvlab.engine.program.derivatives import gradients
from gvlab.engine.program.program import Carried, Parts, build
from gvlab.engine.request import SolveRequest, check, cores
from gvlab.engine.schedule import Schedule
from gvlab.engine.targets.layout import TriggerMasks, bit_mask
from gvlab.errors import InvalidValueError, ModelError, UnknownNameError
from gvlab.sbml import resolve
from gvlab.sbml.equations import Equations
from gvlab.sbml.evaluate import evaluate
from gvlab.sbml.graph import Node
from gvlab.sbml.names import GIVEN, TIME

_kept: MostRecent[tuple[str, tuple[str, ...]], _ReadySensitivities] = MostRecent(most=8)


@dataclass(frozen=True)
class Sensitivities:
    """Outputs and their derivatives.

    Attributes
    ----------
    solution
        The solution itself.
    wrt
        Parameters and initial values of states.
    values
        d output / d wrt.
    """

    solution: Solution
    wrt: tuple[str, ...]
    values: Float[Array, "subject time output wrt"]


def solve(
    model: Equations,
    times: Float[Array, "time"],
    *,
    subjects: int,
    outputs: Sequence[str],
    wrt: Sequence[str],
    parameters: Mapping[str, PerSubject] | None = None,
    schedule: Sequence[Operation] = (),
    options: Options | None = None,
    threads: int | None = None,
) -> Sensitivities:
    """Solve, with derivatives. See `contract.Solve` for the arguments that are not here.

    Parameters
    ----------
    wrt
        Parameters, and states where their initial value is meant.

    Raises
    ------
    ModelError
        If an event changes the size of a compartment in which a rate rule gives a concentration.
    InvalidValueError
        If an operation mixes, or sets one of `wrt`.
    """
    chosen = tuple(wrt)
    known = [*model.states, *model.parameters]
    for name in chosen:
        if name not in known:
            raise UnknownNameError("state or parameter of the model", name, known)
    ready = _kept.get((model.sbml, chosen), lambda: _ReadySensitivities(Equations(model.sbml), chosen))
    request = check(ready.equations, times, subjects, outputs, parameters, schedule, (), options)
    request = dataclasses.replace(request, schedule=_operations(request, ready))
    solution = Run(request, ready, threads or cores(), None).follow()
    count = len(request.outputs)
    shape = (subjects, request.times.size, count, len(chosen))
    derivatives = solution.values[:, :, count:].reshape(shape)
    return Sensitivities(dataclasses.replace(solution, values=solution.values[:, :, :count]), chosen, derivatives)


class _ReadySensitivities(ReadyModel):
    """A model with its sensitivities to some names."""

    def __init__(self, model: Equations, wrt: tuple[str, ...]) -> None:
        self.wrt = wrt
        self._start = _Start(model, wrt)
        self._names: dict[tuple[str, str], str] = {}
        super().__init__(model, "rodas5p", build(model, lambda parts: self._extend(model, parts)))

    def moved(self, name: str, by: str) -> str | None:
        """Return the name of the derivative of what is carried; None where it is 0."""
        return self._names.get((name, by))

    def _extend(self, model: Equations, parts: Parts) -> None:
        graph, states, slots = parts.graph, list(parts.states), list(parts.slots)
        if states == [DUMMY]:
            raise ModelError(
                "The model has nothing that changes continuously, so there are no sensitivities to follow."
            )
        own = {name: states[p.state] if p.state >= 0 else slots[p.slot] for name, p in parts.carried.items()}
        targets = {own[name] for event in model.system.events for name, _ in event.assignments}
        moved = self._start.moved_symbols(own) | (targets & {*slots})
        self._depends = {*states, *moved}
        by_state = gradients(graph, parts.rates, states)
        by_slot = gradients(graph, parts.rates, sorted(moved))
        names = {text: name for name, text in own.items()}
        for p in self.wrt:
            for state in states:
                self._names[state, p] = f"d {state} / d {p}"
            for slot in slots:
                if slot in targets or self._start.depends(names[slot], p):
                    self._names[slot, p] = f"d {slot} / d {p}"
                    parts.carried[self._names[slot, p]] = Carried(-1, len(parts.slots))
                    parts.slots.append(self._names[slot, p])
            for i, state in enumerate(states):
                rate = graph.const(0.0)
                for source, gradient in ((states, by_state[i]), (slots, by_slot[i])):
                    for name in source:
                        if name in gradient and (name, p) in self._names:
                            rate = graph.add(rate, graph.mul(gradient[name], graph.symbol(self._names[name, p])))
                parts.carried[self._names[state, p]] = Carried(len(parts.states), -1)
                parts.states.append(self._names[state, p])
                parts.rates.append(rate)
        self._own = own

    def conditions(self) -> list[int]:
        """Return which watched truth values change rates of the model when they do so at a time that may move."""
        program, plain = self.program, self.program.plain
        assert plain is not None  # a program with sensitivities is never taken from disk
        graph = program.graph
        held = graph.order(plain.rates[: program.base])
        modes = {int(float(graph.payload[node] or 0)) for node in held if graph.operation[node] == "mode"}
        first = len(plain.watch) - 2 * len(plain.floors)
        places = [*sorted(modes), *range(first, len(plain.watch))]
        return [place for place in places if graph.symbols([plain.watch[place]]) & self._depends]

    def masks(self) -> TriggerMasks:
        """Return the changes that must stop the compiled loop: those of such conditions too."""
        masks = super().masks()
        rising, falling = list(masks.rising), list(masks.falling)
        for place in self.conditions():
            word, bit = divmod(place, 64)
            rising[word] |= bit_mask(bit)
            falling[word] |= bit_mask(bit)
        return TriggerMasks(tuple(rising), tuple(falling))

    def events(self, subjects: Subjects, schedule: Schedule, watch: Callable[[Rows], None]) -> Events:
        """Return what carries out the events of a solve and lets sensitivities jump."""
        return JumpingEvents(self.actions, subjects, schedule, watch, self, self.conditions())

    def readings(self, names: tuple[str, ...]) -> list[Node]:
        """Return the outputs, then their derivatives."""
        graph = self.program.graph
        values = super().readings(names)
        derivatives: list[Node] = []
        for gradient in gradients(graph, values, [*self.program.states, *self.program.slots]):
            for p in self.wrt:
                total = graph.const(0.0)
                for name, outer in gradient.items():
                    if (name, p) in self._names:
                        total = graph.add(total, graph.mul(outer, graph.symbol(self._names[name, p])))
                derivatives.append(total)
        return [*values, *derivatives]

    def begin(self, request: SolveRequest, subjects: Subjects) -> None:
        """Return every derivative its value at the start."""
        for (name, p), values in self._start.values(request).items():
            text = self._names.get((self._own[name], p))
            if text is not None:
                place = self.program.carried[text]
                array = subjects.states if place.state >= 0 else subjects.slots
                array[:, place.state if place.state >= 0 else place.slot] = values


class _Start:
    """Derivatives of what is carried at the start."""

    def __init__(self, model: Equations, wrt: tuple[str, ...]) -> None:
        self._model = model
        self._wrt = wrt
        # Which values are replaced decides which initial assignments hold; that is known only with the request.
        self._known: dict[frozenset[str], dict[tuple[str, str], Node]] = {}
        self._widest = self._derivatives(frozenset())

    def _derivatives(self, replaced: frozenset[str]) -> dict[tuple[str, str], Node]:
        if replaced not in self._known:
            system, graph = self._model.system, self._model.system.graph
            at_start = resolve.at_start(system, replaced)
            names = [*self._model.states, *self._model.parameters]
            nodes = []
            for name in names:
                node, species = graph.symbol(name), system.species.get(name)
                if species is not None and species.dissolved and species.compartment:
                    node = graph.mul(node, graph.symbol(species.compartment))
                nodes.append(at_start(node))
            symbols = {p: (GIVEN + p if p in system.species else p) for p in self._wrt}
            found = gradients(graph, nodes, sorted(symbols.values()))
            self._known[replaced] = {
                (name, p): gradient[symbols[p]]
                for name, gradient in zip(names, found, strict=True)
                for p in self._wrt
                if symbols[p] in gradient
            }
        return self._known[replaced]

    def depends(self, name: str, p: str) -> bool:
        """Return whether a value at the start depends on a chosen name."""
        return name == p or (name, p) in self._widest

    def moved_symbols(self, own: Mapping[str, str]) -> set[str]:
        """Return the symbols of everything whose value at the start depends on any of the chosen names."""
        return {own[name] for name in own if any(self.depends(name, p) for p in self._wrt)}

    def values(self, request: SolveRequest) -> dict[tuple[str, str], FloatArray]:
        """Evaluate the derivatives for the subjects of a request."""
        system = self._model.system
        derivatives = self._derivatives(request.replaced)
        known: dict[str, object] = {TIME: float(request.times[0])}
        for name in system.values:
            # A replaced value is what the request says; what it leaves alone is as in the document.
            value = request.values.get(name, system.values[name]) if name in request.replaced else system.values[name]
            known[name] = known[GIVEN + name] = value
        numbers = evaluate(system.graph, list(derivatives.values()), known)
        return {place: request.full(np.asarray(value)) for place, value in zip(derivatives, numbers, strict=True)}


def _operations(request: SolveRequest, ready: _ReadySensitivities) -> tuple[Operation, ...]:
    """Let what is set forget how it depended on anything before."""
    program, result = ready.program, list[Operation]()
    for operation in request.schedule:
        place = program.carried[operation.target]
        if operation.kind == "mix":
            raise InvalidValueError(f'"{operation.target}" is mixed; sensitivities of a mean are not supported.')
        if operation.target in ready.wrt and place.slot >= 0:
            raise InvalidValueError(f'"{operation.target}" is set by an operation, so it has no one sensitivity.')
        if place.size and place.size in ready.wrt:
            raise InvalidValueError(f'The dose of "{operation.target}" depends on the size of "{place.size}".')
        result.append(operation)
        if operation.kind in ("set", "approach"):
            own = program.states[place.state] if place.state >= 0 else program.slots[place.slot]
            for p in ready.wrt:
                name = ready.moved(own, p)
                if name is not None:
                    # Of an approach the same share is left of the derivative as of the distance.
                    result.append(dataclasses.replace(operation, target=name, value=0.0))
    return tuple(result)
