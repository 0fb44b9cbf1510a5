"""Chooses an engine by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

from gvlab.arrays import Array, Float
from gvlab.engine.contract import Cancel, Operation, Options, PerSubject, Progress, Solution, Solve
from gvlab.errors import UnknownNameError
from gvlab.sbml.equations import Equations

ENGINES = {
    "ensemble": "gvlab.engine.ensemble.engine",
    "gpu": "gvlab.engine.ensemble.on_gpu",
    "roadrunner": "gvlab.engine.roadrunner.engine",
}
"""Engines by name, and the module whose `solve` keeps the contract. Loaded when asked for."""

DEFAULT_ENGINE = "ensemble"
"""The engine that works where none is asked for."""


def solve(
    model: Equations,
    times: Float[Array, "time"],
    *,
    subjects: int,
    outputs: Sequence[str],
    parameters: Mapping[str, PerSubject] | None = None,
    schedule: Sequence[Operation] = (),
    stop: Sequence[str] = (),
    options: Options | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    threads: int | None = None,
    engine: str = DEFAULT_ENGINE,
) -> Solution:
    """Solve the equations of a model for many subjects.

    See `contract.Solve` for the other arguments.

    Parameters
    ----------
    engine
        Name of the engine, one of `ENGINES`.

    Raises
    ------
    UnknownNameError
        If there is no such engine, or the model does not have a name that is used.
    """
    if engine not in ENGINES:
        raise UnknownNameError("engine", engine, ENGINES)
    chosen: Solve = import_module(ENGINES[engine]).solve
    return chosen(
        model,
        times,
        subjects=subjects,
        outputs=outputs,
        parameters=parameters,
        schedule=schedule,
        stop=stop,
        options=options,
        progress=progress,
        cancel=cancel,
        threads=threads,
    )
