"""Which constants of a model are the same for all subjects of a solve.

A thread keeps the constants of its subject in memory of its own, and reads them at every evaluation. Constants that all
subjects share stand in constant memory instead, where a whole warp reads them at no cost, or in the text as numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.engine.program.program import Program
from gvlab.sbml.equations import Equations
from gvlab.sbml.evaluate import evaluate


@dataclass(frozen=True)
class Sharing:
    """The constants that all subjects of a solve share.

    Attributes
    ----------
    numbers
        Which of `Program.constants` they are.
    values
        Their values.
    printed
        Whether they are printed as numbers: then the compiled code holds for these values only. Otherwise they are put
        into constant memory before each launch, and the code serves every solve that shares the same constants.
    """

    numbers: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    printed: bool = False

    def varying(self, constants: int) -> list[int]:
        """Return which of so many constants each subject has for itself."""
        shared = set(self.numbers)
        return [number for number in range(constants) if number not in shared]


def changed_slots(program: Program, model: Equations, targets: Iterable[str]) -> set[str]:
    """Return the slots that a solve may change: by its events, or by operations on `targets`.

    Where a compartment changes its size, the concentrations that are carried as such in it change with it.
    """
    changed = {*targets, *(name for event in model.system.events for name, _ in event.assignments)}
    species = model.system.species
    changed |= {name for name, its in species.items() if its.compartment in changed}
    places = (program.carried[name] for name in changed if name in program.carried)
    return {program.slots[place.slot] for place in places if place.slot >= 0}


def shared_constants(
    program: Program, slots: Float[Array, "subject slot"], changed: Iterable[str], *, printed: bool = False
) -> Sharing:
    """Return the constants that no subject of a solve has for itself.

    Parameters
    ----------
    slots
        As the solve begins.
    changed
        Names of slots that it may change.
    printed
        See `Sharing`.
    """
    own = {*changed}
    same = np.all(slots == slots[:1], axis=0)
    own |= {name for name, is_same in zip(program.slots, same.tolist(), strict=True) if not is_same}
    graph = program.graph
    varies: dict[int, bool] = {}
    for node in graph.order(program.constants):
        if graph.operation[node] == "symbol":
            varies[node] = str(graph.payload[node]) in own
        else:
            varies[node] = any(varies[argument] for argument in graph.arguments[node])
    numbers = [number for number, node in enumerate(program.constants) if not varies[node]]
    known = dict(zip(program.slots, slots[0].tolist(), strict=True))
    with np.errstate(all="ignore"):
        values = evaluate(graph, [program.constants[number] for number in numbers], known)
    return Sharing(tuple(numbers), tuple(float(value) for value in values), printed)
