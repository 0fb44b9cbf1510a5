"""What the subjects of a solve do not have: states that begin at 0 and cannot leave it.

A model of many drugs and cell types carries states for all of them; the subjects of one solve have few. A state is
absent where it is 0 in all of them, nothing is given into it, and its rate is 0 as long as it and the others like it
are. A program without them gives the same bits: it leaves out terms that are 0, and a sum with 0 is what it was. Only
where an absent state is multiplied by what is no number is the product left out as well.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence

from gvlab.engine.program.elimination import Elimination
from gvlab.engine.program.gates import RATE
from gvlab.engine.program.program import CONSTANT, Carried, Program
from gvlab.sbml.graph import Graph, Node
from gvlab.sbml.operations import RELATIONS

Known = dict[Node, float | bool]
"""Formulas whose value is known whatever the others are."""

_DECIDING = {"mul": 0.0, "div": 0.0, "and": False, "or": True}
"""The argument that decides an operation whatever the other is."""

_FOLLOWED: Mapping[str, Callable[..., float | bool | None]] = {
    **RELATIONS,
    "not": lambda a: not a,
    "and": lambda a, b: bool(a and b),
    "or": lambda a, b: bool(a or b),
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b if b else None,
}

_ZERO_AT_ZERO = frozenset({"neg", "abs", "sqrt", "expm1", "sin", "tan", "tanh", "sinh"})


def absent_states(
    program: Program, triggers: Sequence[tuple[Node, Collection[str]]], begin: Mapping[str, float]
) -> frozenset[str]:
    """Return the states that stay 0.

    Parameters
    ----------
    triggers
        Of each event its trigger, and the names it assigns to.
    begin
        What states and slots begin with that no operation changes, where it is the same in every subject.
    """
    rates = program.rates[: program.base]
    orders = [program.graph.order(program.constants), program.graph.order([*rates, *(node for node, _ in triggers)])]
    slots = {name: value for name, value in begin.items() if name in program.slot_place}
    states = {name for name in program.states[: program.base] if begin.get(name) == 0.0}
    possible = list(triggers)
    while True:
        # The largest set that holds itself at 0: what moves under it, or is assigned to, leaves it.
        known = _follow(program, dict.fromkeys(states, 0.0) | slots, orders)
        leaving = {name for name in states if known.get(rates[program.state_place[name]]) != 0.0}
        fires = [event for event in possible if known.get(event[0]) is not False]
        possible = [event for event in possible if event not in fires]
        leaving |= {name for _, names in fires for name in names if name in states or name in slots}
        if not leaving:
            return frozenset(states)
        states -= leaving
        slots = {name: value for name, value in slots.items() if name not in leaving}


def without(program: Program, absent: frozenset[str]) -> Program:
    """Return a program in which absent states are slots whose value is 0, and the terms of them are left out."""
    kept = [i for i, name in enumerate(program.states) if name not in absent]
    place = {i: k for k, i in enumerate(kept)}
    slots = (*program.slots, *sorted(absent))
    carried = dict(program.carried)
    for name, was in carried.items():
        if was.state >= 0:
            slot = -1 if was.state in place else slots.index(program.states[was.state])
            carried[name] = Carried(place.get(was.state, -1), slot, was.size)
    orders = [program.graph.order(program.constants), program.graph.order(program.roots)]
    known = _follow(program, dict.fromkeys(absent, 0.0), orders)
    order, entries = program.elimination.order, program.elimination.entries
    return dataclasses.replace(
        program,
        states=tuple(program.states[i] for i in kept),
        slots=slots,
        carried=carried,
        rates=[program.rates[i] for i in kept],
        jacobian={(place[i], place[j]): node for (i, j), node in program.jacobian.items() if {i, j} <= place.keys()},
        drift=[program.drift[i] for i in kept] if program.drift else [],
        elimination=Elimination(
            tuple(place[i] for i in order if i in place),
            tuple((place[i], place[j]) for i, j in entries if {i, j} <= place.keys()),
            program.elimination.dense,
        ),
        base=len(kept),
        fingerprint=hashlib.sha256("\n".join([program.fingerprint, *sorted(absent)]).encode()).hexdigest(),
        plain=None,
        left_out=frozenset(node for node, value in known.items() if value is not False and value == 0.0),
        numbers=tuple(kept),
        counted=program.counted,
    )


def _follow(program: Program, values: Mapping[str, float], orders: Sequence[Sequence[Node]]) -> Known:
    """Return what is known of formulas where some states, which do not move, and slots have values.

    Parameters
    ----------
    orders
        The formulas of the constants, and those in which the constants stand as symbols; arguments first.
    """
    symbols: dict[str, float | bool] = dict(values)
    symbols |= {f"{RATE}{i}": 0.0 for i, name in enumerate(program.states) if name in values}
    known: Known = {}
    for order in orders:
        for node in order:
            value = _known(program.graph, node, symbols, known)
            if value is not None:
                known[node] = value
        symbols |= {f"{CONSTANT}{i}": known[node] for i, node in enumerate(program.constants) if node in known}
    return known


def _known(graph: Graph, node: Node, symbols: dict[str, float | bool], known: Known) -> float | bool | None:
    """Return the value of a formula, if it follows from those that are known."""
    operation = graph.operation[node]
    if operation == "symbol":
        return symbols.get(str(graph.payload[node]))
    if operation == "const":
        return graph.value(node)
    if operation in ("true", "false"):
        return operation == "true"
    arguments = [known.get(argument) for argument in graph.arguments[node]]
    if operation == "select":
        chosen, yes, no = arguments
        return (yes if chosen else no) if chosen is not None else yes if yes == no else None
    if None in arguments:
        # A product with 0 is 0, "and" with what is false is false, whatever the other is.
        first, deciding = arguments[0], _DECIDING.get(operation)
        if deciding is None or (operation == "div" and first is None):
            return None
        return deciding if deciding in arguments else None
    values = [float(argument) for argument in arguments if argument is not None]
    if operation in _FOLLOWED:
        return _FOLLOWED[operation](*values)
    return 0.0 if operation in _ZERO_AT_ZERO and values[0] == 0.0 else None
