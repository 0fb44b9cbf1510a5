"""From equations to a program, or what was made of the same text before, from the cache on disk.

The equations of a program are read anew and looked at in one order, whatever was done with the caller's: which of two
products a sum rounds is decided by the order of terms, so the same text must always give the same order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from gvlab.engine.ensemble import cache as disk
from gvlab.engine.program.elimination import Elimination
from gvlab.engine.program.program import Carried, Program, build, fingerprint
from gvlab.sbml import equations as equations_module
from gvlab.sbml.equations import Equations
from gvlab.sbml.formula import FormulaReader
from gvlab.sbml.graph import Graph
from gvlab.sbml.reader import Event, Species, System
from gvlab.sbml.resolve import Resolver

_NAMES = ("compartments", "parameters", "references")
_NODES = ("initial", "rules", "rates", "reactions")
_SETS = ("ruled", "constant")


def program_of(sbml: str) -> tuple[Equations, Program]:
    """Give equations of their own and their program.

    Raises
    ------
    ModelError
        If the text cannot be read, or has something that is refused.
    """
    key = _key(sbml)
    stored = disk.read(key)
    if stored is not None:
        try:
            return _unpack(sbml, json.loads(stored))
        except (ValueError, TypeError, LookupError):
            pass  # not what was written here: it is made anew
    model = Equations(sbml)
    model.nominal  # noqa: B018 - its terms come first
    program = build(model)
    program.fingerprint = fingerprint(program)
    # The bodies of functions stay in libSBML; they are needed when a guard calls one.
    if not model.system.reader.functions:
        disk.write(key, json.dumps(_pack(model, program), separators=(",", ":")).encode())
    return model, program


def _pack(model: Equations, program: Program) -> dict[str, Any]:
    system, graph, during = model.system, model.system.graph, model.during
    return {
        "graph": [graph.operation, graph.arguments, graph.payload],
        "values": system.values,
        "species": {name: [s.compartment, s.amount, s.by_amount, s.dissolved] for name, s in system.species.items()},
        "events": [vars(event) for event in system.events],
        **{name: getattr(system, name) for name in (*_NAMES, *_NODES)},
        **{name: sorted(getattr(system, name)) for name in _SETS},
        "resolved": during._resolved,
        "memo": [list(during._memo), list(during._memo.values())],
        "start": model._start_formulas(frozenset()),
        "nominal": model.nominal,
        "program": {
            "states": program.states,
            "slots": program.slots,
            "carried": {name: [c.state, c.slot, c.size] for name, c in program.carried.items()},
            "rates": program.rates,
            "jacobian": [[i, j, node] for (i, j), node in program.jacobian.items()],
            "drift": program.drift,
            "watch": program.watch,
            "modes": program.modes,
            "elimination": [program.elimination.order, program.elimination.entries, program.elimination.dense],
            "base": program.base,
            "constants": program.constants,
            "stops": program.stops,
            "fingerprint": program.fingerprint,
        },
    }


def _unpack(sbml: str, kept: dict[str, Any]) -> tuple[Equations, Program]:
    graph = _graph(*kept["graph"])
    system = System(graph, FormulaReader(graph), values=kept["values"])
    system.species = {name: Species(*parts) for name, parts in kept["species"].items()}
    for name in (*_NAMES, *_NODES):
        setattr(system, name, kept[name])
    for name in _SETS:
        setattr(system, name, set(kept[name]))
    system.events = [Event(**some | {"assignments": _pairs(some["assignments"])}) for some in kept["events"]]
    during = Resolver(graph, {})
    during._resolved.update(kept["resolved"])
    during._memo.update(zip(*kept["memo"], strict=True))
    model = Equations(sbml)
    # What is worked out once is put where it would be found once it has been.
    vars(model).update(system=system, during=during, nominal=kept["nominal"], _starts={frozenset(): kept["start"]})
    parts = kept["program"]
    order, entries, dense = parts.pop("elimination")
    mark = parts.pop("fingerprint")
    program = Program(
        **parts
        | {
            "graph": graph,
            "states": tuple(parts["states"]),
            "slots": tuple(parts["slots"]),
            "carried": {name: Carried(*place) for name, place in parts["carried"].items()},
            "jacobian": {(i, j): node for i, j, node in parts["jacobian"]},
            "elimination": Elimination(tuple(order), _pairs(entries), dense),
        }
    )
    program.fingerprint = mark
    return model, program


def _graph(operation: list[str], arguments: list[list[int]], payload: list[Any]) -> Graph:
    graph = Graph()
    graph.restore(operation, [tuple(some) for some in arguments], payload)
    return graph


def _pairs(lists: Iterable[list[Any]]) -> tuple[Any, ...]:
    return tuple((a, b) for a, b in lists)


def _key(sbml: str) -> str:
    digest = hashlib.sha256(_sources())
    digest.update(sbml.encode())
    return f"{digest.hexdigest()}.json"


@cache
def _sources() -> bytes:
    """Hash what turns a text into a program, so that nothing kept outlives a change of it."""
    digest = hashlib.sha256(metadata.version("python-libsbml").encode())
    engine, sbml = Path(__file__).parents[1], Path(equations_module.__file__).parent
    for path in sorted([*engine.glob("*/*.py"), *sbml.glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.digest()
