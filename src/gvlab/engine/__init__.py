"""Engines: they solve equations for many subjects at once."""

from gvlab.engine.contract import EVENT_LOG, Cancel, Operation, Options, PerSubject, Progress, Solution, Solve
from gvlab.engine.solve import DEFAULT_ENGINE, ENGINES, solve
from gvlab.engine.status import Status

__all__ = [
    "DEFAULT_ENGINE",
    "ENGINES",
    "EVENT_LOG",
    "Cancel",
    "Operation",
    "Options",
    "PerSubject",
    "Progress",
    "Solution",
    "Solve",
    "Status",
    "solve",
]
