"""A model as straight-line mathematics, ready to be printed for a target.

What changes while a step is taken (states, time) is kept apart from what does not (parameters). Terms of parameters
alone are worked out once per subject. Conditions inside formulas are held while a step is taken (`modes`), so that
each step sees a smooth right-hand side; where one would change is found afterwards, like an event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gvlab.engine.program.conditions import changes_in_time, follow_clocks, moves_of, refuse_equality
from gvlab.engine.program.derivatives import gradients
from gvlab.engine.program.elimination import Elimination, eliminate
from gvlab.engine.program.floors import FLOORS, HELD, held, jump_times, left, moving_floors
from gvlab.engine.program.gates import RATE, gates
from gvlab.engine.program.simplify import by_reciprocals, cheaper
from gvlab.errors import ModelError
from gvlab.sbml.equations import Equations
from gvlab.sbml.graph import Graph, Node
from gvlab.sbml.names import AMOUNT, TIME
from gvlab.sbml.operations import RELATIONS

CONSTANT = "constant "
"""Prefix of the symbol for a term that is worked out once per subject."""

MOST_TERMS = 60_000
"""Terms of the rates and their derivatives, beyond which a model is refused."""


@dataclass(frozen=True)
class Carried:
    """How a symbol of the model is carried on.

    Attributes
    ----------
    state, slot
        Its place among the states or among the slots; -1 if it is not there.
    size
        For a species of which the amount is carried while its symbol is a concentration: its compartment.
    """

    state: int
    slot: int
    size: str = ""


_PLAIN = ("states", "slots", "rates", "drift", "watch", "modes", "base", "constants", "stops", "floors", "jumps",
          "heights", "slopes", "fingerprint")  # fmt: skip
"""What of a program JSON takes as it is."""


@dataclass(frozen=True)
class Plain:
    """Formulas of a program as they are before terms of slots are taken out of them."""

    rates: Sequence[Node]
    watch: Sequence[Node]
    floors: Sequence[Node]


@dataclass
class Program:
    """Straight-line mathematics of one model.

    Attributes
    ----------
    states, slots
        Names of what changes continuously, and of everything else that has a value.
    carried
        Where each state and parameter of the model is.
    rates, jacobian, drift
        Right-hand side, its nonzero derivatives by states, and its derivative by time (empty if it has none).
    constants
        Terms of slots alone; everywhere else they stand as symbols.
    watch
        Truth values to be watched: the conditions that steps hold fixed, the triggers of events, comparisons inside
        triggers, turning points, and whether a floor has jumped.
    modes
        How many of `watch` are conditions that steps hold fixed.
    base
        How many states are the model's; the others are blocks of as many sensitivities, one after the other.
    stops
        Numbers of `constants` that are times at which a condition on time changes.
    floors
        Floors and ceilings of what moves, which steps hold fixed.
    jumps
        Times, as they follow from now, at which a floor of time jumps or a condition on one changes.
    heights, slopes
        Of each watched comparison of states, how far it is from changing, and the rate of that (see `gates`).
    fingerprint
        What the function `fingerprint` gives, where it is known.
    plain
        Rates, `watch` and `floors` in terms of states and slots, without `constants`; not kept on disk.
    left_out
        Formulas that are 0 because of what no subject has, and are not worked out (see `absent`).
    numbers, counted
        The number of each state, and of all states, in the program with all of them, which errors are means over.
    """

    graph: Graph
    states: tuple[str, ...]
    slots: tuple[str, ...]
    carried: dict[str, Carried]
    rates: list[Node]
    jacobian: dict[tuple[int, int], Node]
    drift: list[Node]
    watch: list[Node]
    modes: int
    elimination: Elimination
    base: int
    constants: list[Node] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)
    floors: list[Node] = field(default_factory=list)
    jumps: list[Node] = field(default_factory=list)
    heights: list[Node] = field(default_factory=list)
    slopes: list[Node] = field(default_factory=list)
    fingerprint: str = ""
    plain: Plain | None = None
    left_out: frozenset[Node] = frozenset()
    numbers: tuple[int, ...] = ()
    counted: int = 0

    def __post_init__(self) -> None:
        self.numbers = self.numbers or tuple(range(len(self.states)))
        self.counted = self.counted or len(self.states)
        self.state_place = {name: i for i, name in enumerate(self.states)}
        self.slot_place = {name: i for i, name in enumerate(self.slots)}

    @property
    def words(self) -> int:
        """64-bit words that hold the watched truth values."""
        return max(1, -(-len(self.watch) // 64))

    @property
    def roots(self) -> list[Node]:
        """Every formula of the program."""
        parts = (self.rates, self.jacobian.values(), self.drift, self.watch, self.constants)
        return [node for part in (*parts, self.floors, self.jumps, self.heights, self.slopes) for node in part]

    def to_kept(self) -> dict[str, Any]:
        """Return all but the graph, in a form that JSON takes."""
        kept = {name: value for name, value in vars(self).items() if name in _PLAIN}
        elimination = self.elimination
        return kept | {
            "carried": {name: [c.state, c.slot, c.size] for name, c in self.carried.items()},
            "jacobian": [[i, j, node] for (i, j), node in self.jacobian.items()],
            "elimination": [elimination.order, elimination.entries, elimination.dense],
        }

    @classmethod
    def from_kept(cls, graph: Graph, kept: Mapping[str, Any]) -> Program:
        """Return the program that `to_kept` wrote, over the graph as it was kept.

        Raises
        ------
        LookupError, TypeError, ValueError
            If something else wrote it.
        """
        order, entries, dense = kept["elimination"]
        plain: dict[str, Any] = {name: kept[name] for name in _PLAIN}
        return cls(
            graph,
            **plain | {name: tuple(plain[name]) for name in ("states", "slots")},
            carried={name: Carried(*place) for name, place in kept["carried"].items()},
            jacobian={(i, j): node for i, j, node in kept["jacobian"]},
            elimination=Elimination(tuple(order), tuple((i, j) for i, j in entries), dense),
        )


def outputs(model: Equations, names: Sequence[str]) -> list[Node]:
    """Return the formulas of what is to be read, in terms of states, slots and time."""
    graph = model.system.graph
    return [graph.number(model.during.symbol(name)) for name in names]


@dataclass(frozen=True)
class Parts:
    """The lists of a program under construction; what is appended to them becomes part of it."""

    graph: Graph
    states: list[str]
    slots: list[str]
    carried: dict[str, Carried]
    rates: list[Node]


def build(model: Equations, extend: Callable[[Parts], None] | None = None) -> Program:
    """Return a model as a program.

    Parameters
    ----------
    extend
        Adds states whose rates are linear in the added states themselves, with the Jacobian of the model as matrix:
        sensitivities. They share its factors.

    Raises
    ------
    ModelError
        If the model has something that is refused, or a formula needs a symbol that nothing defines.
    """
    system, resolve = model.system, model.during
    graph = system.graph
    carried: dict[str, Carried] = {}
    states: list[str] = []
    slots: list[str] = []
    rates: list[Node] = []
    for name in (*model.states, *model.parameters):
        species = system.species.get(name)
        dissolved = species is not None and species.dissolved and bool(species.compartment)
        size = species.compartment if species is not None and dissolved else ""
        own = AMOUNT + name if species is not None and species.dissolved else name
        rate = resolve(system.rates[name]) if name in system.rates else graph.const(0.0)
        if graph.value(rate) == 0.0:
            carried[name] = Carried(-1, len(slots), size)
            slots.append(own)
        else:
            carried[name] = Carried(len(states), -1, size)
            states.append(own)
            rates.append(rate)
    triggers = [resolve(event.trigger) for event in system.events]
    refuse_equality(graph, states, {event.id: trigger for event, trigger in zip(system.events, triggers, strict=True)})
    turns = follow_clocks(graph, states, rates, triggers)
    base = len(states)
    if extend is not None:
        extend(Parts(graph, states, slots, carried, rates))
    return _assemble(graph, states, slots, carried, rates, triggers, turns, base)


def _assemble(
    graph: Graph,
    states: list[str],
    slots: list[str],
    carried: dict[str, Carried],
    rates: list[Node],
    triggers: list[Node],
    turns: list[Node],
    base: int,
) -> Program:
    moving = {*states, TIME}
    moves = moves_of(graph, [*rates, *triggers], moving)
    floors = moving_floors(graph, [*rates, *triggers], moves)
    moving |= {f"{HELD}{number}" for number in range(len(floors))}
    rates, relations = _hold(graph, rates, moving, floors)
    derivatives = gradients(graph, rates, [*states[:base], TIME])
    jacobian: dict[tuple[int, int], Node] = {}
    drift = [gradient.get(TIME, graph.const(0.0)) for gradient in derivatives]
    for i, gradient in enumerate(derivatives):
        for j, name in enumerate(states[:base]):
            if name in gradient:
                jacobian[i, j] = gradient[name]
    memo: dict[Node, Node] = {}
    plain, rates = rates, cheaper(graph, rates, moving, memo)
    if len(graph.order([*rates, *jacobian.values()])) > MOST_TERMS:
        raise ModelError(
            f"The model and its derivatives have more than {MOST_TERMS:,} terms, which is not supported by this "
            'engine: compiling them would take minutes. Use engine="roadrunner".'
        )
    entries = by_reciprocals(graph, [*jacobian.values(), *drift], moving, plain)
    entries = cheaper(graph, entries, moving, memo)
    drift = entries[len(jacobian) :]
    jacobian = dict(zip(jacobian, entries, strict=False))
    compared = [*relations, *triggers, *_leaves(graph, triggers, relations, moving)]
    jumped = left(graph, floors)
    heights, slopes = gates(graph, [*compared, *jumped], states[:base])
    watch = [*compared, *turns, *jumped]
    fixed, changing = changes_in_time(graph, watch, states, moving)
    program = Program(
        graph=graph,
        states=tuple(states),
        slots=tuple(slots),
        carried=carried,
        rates=rates,
        jacobian=jacobian,
        drift=drift if any(graph.value(node) != 0.0 for node in drift) else [],
        watch=watch,
        modes=len(relations),
        elimination=eliminate(base, [(i, j) for i, j in jacobian if i < base]),
        base=base,
        floors=floors,
        jumps=[*jump_times(graph, floors, moves_of(graph, floors, set(states)), moving), *changing],
        heights=heights,
        slopes=cheaper(graph, slopes, {*moving, *(f"{RATE}{i}" for i in range(base))}),
        plain=Plain(plain, watch, floors),
    )
    _hoist(program, fixed, moving)
    return program


def _hold(graph: Graph, nodes: list[Node], moving: set[str], floors: list[Node]) -> tuple[list[Node], list[Node]]:
    """Return formulas whose comparisons and floors of what moves are as when the step starts, and the comparisons."""
    relations: dict[Node, int] = {}
    numbers = {node: number for number, node in enumerate(floors)}
    moves = moves_of(graph, nodes, moving)
    memo: dict[Node, Node] = {}

    def replace(node: Node) -> Node | None:
        if not moves[node]:
            return None
        if graph.operation[node] in RELATIONS:
            return graph.mode(relations.setdefault(node, len(relations)))
        if graph.operation[node] in FLOORS:
            return held(graph, numbers[node])
        if graph.operation[node] == "abs":
            inside = graph.arguments[node][0]
            negative = graph.relation("lt", inside, graph.const(0.0))
            mode = graph.mode(relations.setdefault(negative, len(relations)))
            return graph.select(mode, graph.neg(memo[inside]), memo[inside])
        return None

    return [graph.rebuild(node, replace, memo) for node in nodes], list(relations)


def _leaves(graph: Graph, triggers: list[Node], relations: list[Node], moving: set[str]) -> list[Node]:
    """Return the comparisons inside triggers: (a > 1) and (a < 2) may come and go within one step, its parts do not."""
    moves = moves_of(graph, triggers, moving)
    known = {*triggers, *relations}
    inside = graph.order(triggers)
    return [node for node in inside if graph.operation[node] in RELATIONS and moves[node] and node not in known]


def _hoist(program: Program, stops: list[Node], moving: set[str]) -> None:
    """Take out the largest terms that do not move, and put a symbol in the place of each."""
    graph = program.graph
    moving = {*moving, *(f"{RATE}{i}" for i in range(program.base))}
    groups = [program.rates, list(program.jacobian.values()), program.drift, program.watch]
    groups += [program.floors, program.jumps, program.heights, program.slopes]
    roots = [node for group in groups for node in group]
    moves = moves_of(graph, roots, moving)
    constants: dict[Node, int] = {}

    def number(node: Node) -> int:
        return constants.setdefault(graph.number(node), len(constants))

    def symbol(node: Node) -> Node:
        value = graph.symbol(f"{CONSTANT}{number(node)}")
        return graph.boolean(value) if graph.is_truth(node) else value

    def still(node: Node) -> bool:
        return not moves[node] and graph.operation[node] not in ("const", "true", "false")

    memo: dict[Node, Node] = {}
    for node in graph.order(roots):
        # Terms inside a still term need no symbol of their own; only those met from a moving term or a root do.
        if still(node):
            continue
        arguments = tuple(symbol(a) if still(a) else memo[a] for a in graph.arguments[node])
        same = arguments == graph.arguments[node]
        memo[node] = node if same else graph.apply(graph.operation[node], arguments)

    def final(node: Node) -> Node:
        return symbol(node) if still(node) else memo[node]

    program.rates = [final(node) for node in program.rates]
    program.jacobian = {place: final(node) for place, node in program.jacobian.items()}
    program.drift = [final(node) for node in program.drift]
    program.watch = [graph.boolean(final(node)) for node in program.watch]
    for name in ("floors", "jumps", "heights", "slopes"):
        setattr(program, name, [final(node) for node in getattr(program, name)])
    program.stops = [number(node) for node in stops]
    program.constants = list(constants)


def fingerprint(program: Program, readings: Sequence[Node] | None = None) -> str:
    """Return a hash of all that decides a program's code, or the code of its outputs."""
    graph = program.graph
    digest = hashlib.sha256()
    roots = program.roots
    if readings is not None:
        roots = list(readings)
    order = graph.order(roots)
    place = {node: k for k, node in enumerate(order)}
    for node in order:
        arguments = tuple(place[argument] for argument in graph.arguments[node])
        payload = graph.payload[node]
        text = payload.hex() if isinstance(payload, float) else payload
        digest.update(repr((graph.operation[node], arguments, text)).encode())
    shape = (program.states, program.slots, sorted(program.jacobian), [place[node] for node in roots])
    counts = [len(part) for part in (program.watch, program.floors, program.jumps, program.heights)]
    digest.update(repr((shape, program.modes, program.stops, counts, readings is None)).encode())
    return digest.hexdigest()
