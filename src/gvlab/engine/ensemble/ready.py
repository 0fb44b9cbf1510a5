"""A model made ready to be solved: its program, and machine code for it and for what is read."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from gvlab.engine.ensemble.events import watched
from gvlab.engine.ensemble.front import program_of
from gvlab.engine.ensemble.subjects import Subjects
from gvlab.engine.methods.tableaus import CHOICES, METHODS
from gvlab.engine.program.program import Program
from gvlab.engine.program.program import outputs as outputs_of
from gvlab.engine.request import Request
from gvlab.engine.targets.cpu.code import Code, OutputCode
from gvlab.engine.targets.gpu.sharing import Sharing
from gvlab.engine.targets.gpu.source import Kernel
from gvlab.sbml.equations import Equations
from gvlab.sbml.graph import Node

KEPT = 32
"""Models, and choices of outputs, that are kept for the next solve."""


class Ready:
    """A model with its code, kept for the next solve.

    Attributes
    ----------
    codes
        Of the method; or of the one to begin with, and of the one for subjects that turn out to be stiff.
    """

    refused_events = ""

    def __init__(self, model: Equations, method: str, program: Program | None = None) -> None:
        self.model, self.program = program_of(model.sbml) if program is None else (model, program)
        told = watched(self.model, self.program)
        self.methods = tuple(METHODS[name] for name in CHOICES.get(method, (method,)))
        self.codes = tuple(Code(self.program, chosen, told) for chosen in self.methods)
        self._outputs: OrderedDict[tuple[str, ...], tuple[list[Node], OutputCode]] = OrderedDict()

    def outputs(self, names: tuple[str, ...]) -> tuple[list[Node], OutputCode]:
        """Give the formulas of what is to be read, and their code."""
        if names not in self._outputs:
            readings = self.readings(names)
            self._outputs[names] = (readings, OutputCode(self.program, readings))
        limit(self._outputs, names)
        return self._outputs[names]

    def kernels(self, names: tuple[str, ...], sharing: Sharing) -> list[Kernel]:
        """Return the text for a GPU of each method of `codes`."""
        told, readings = watched(self.model, self.program), self.readings(names)
        return [Kernel(self.program, method, told, readings, sharing) for method in self.methods]

    def readings(self, names: tuple[str, ...]) -> list[Node]:
        """Give the formulas of what is to be read."""
        return outputs_of(self.model, names)

    def begin(self, request: Request, subjects: Subjects) -> None:
        """Fill in what the model's own values do not."""


def limit(cache: OrderedDict[Any, Any], used: Any) -> None:
    """Drop what has not been used for longest."""
    cache.move_to_end(used)
    while len(cache) > KEPT:
        cache.popitem(last=False)
