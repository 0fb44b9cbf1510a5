"""Checks what an engine is asked to do, once for all engines, and gives every quantity its full shape."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Float, FloatArray
from gvlab.engine.contract import Operation, Options, PerSubject
from gvlab.errors import InvalidValueError, ModelError, UnknownNameError
from gvlab.sbml.equations import Equations

NOTHING = 1e-100
"""What begins with less begins with nothing: it is what a decay has left of a state, and numbers that are followed to a
millionth of it would end among the denormal ones."""


@dataclass(frozen=True)
class SolveRequest:
    """One call of an engine, checked.

    Attributes
    ----------
    values
        Initial value of every state and parameter: a number, or an array of shape (subject,).
    schedule
        The operations, as given.
    """

    model: Equations
    times: Float[Array, "time"]
    subjects: int
    outputs: tuple[str, ...]
    values: Mapping[str, PerSubject]
    replaced: frozenset[str]
    schedule: tuple[Operation, ...]
    stop: tuple[str, ...]
    options: Options

    def full(self, value: PerSubject) -> Float[Array, "subject"]:
        """Return a quantity as one number a subject."""
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (self.subjects,))


def check(
    model: Equations,
    times: Float[Array, "time"],
    subjects: int,
    outputs: Sequence[str],
    parameters: Mapping[str, PerSubject] | None,
    schedule: Sequence[Operation],
    stop: Sequence[str],
    options: Options | None,
) -> SolveRequest:
    """Return the arguments of `Solve`, checked.

    Raises
    ------
    InvalidValueError
        If times do not increase, a shape does not fit, or an operation comes before the start.
    UnknownNameError
        If the model does not have a name.
    ModelError
        If something that is needed has no value.
    """
    times = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if times.size == 0 or not np.all(np.isfinite(times)) or np.any(np.diff(times) <= 0):
        raise InvalidValueError(f"The reading times must be finite and increase; they are {_short(times)}.")
    if subjects < 1:
        raise InvalidValueError(f"There must be at least one subject; {subjects} were asked for.")
    readable = [*model.states, *model.parameters, *model.assigned, *model.reactions]
    for name in outputs:
        if name not in readable:
            raise UnknownNameError("state, parameter, assigned variable or reaction of the model", name, readable)
    for name in stop:
        if name not in model.events:
            raise UnknownNameError("event of the model", name, model.events)
    given = {name: _shaped(name, value, subjects) for name, value in (parameters or {}).items()}
    values = model.initial(given, float(times[0]))
    options = options or Options()
    for name in options.scale:
        if name not in model.states:
            raise UnknownNameError("state of the model, of which Options.scale may say the size", name, model.states)
    _check_values(model, values, given, {operation.target for operation in schedule})
    changeable = {*model.states, *model.parameters}
    for operation in schedule:
        _check_operation(operation, changeable, float(times[0]), subjects)
    return SolveRequest(
        model=model,
        times=times,
        subjects=subjects,
        outputs=tuple(outputs),
        values=values,
        replaced=frozenset(given),
        schedule=tuple(schedule),
        stop=tuple(stop),
        options=options,
    )


def _check_values(
    model: Equations, values: Mapping[str, PerSubject], given: Mapping[str, PerSubject], targets: set[str]
) -> None:
    """Refuse a model that needs a value which neither the document nor the user gives."""
    # A number that is none is not equal to itself; there are hundreds, and NumPy is asked about the others only.
    odd = [name for name, value in values.items() if not isinstance(value, float) or value != value]
    unset = [name for name in odd if name not in given and np.ndim(values[name]) == 0 and np.isnan(values[name])]
    if unset:
        later = targets | {name for event in model.system.events for name, _ in event.assignments}
        for name in unset:
            if name in model.needed and name not in later:
                raise ModelError(
                    f'The model gives no value to "{name}", which it needs. Set it in the document, or give it one: '
                    f'parameters={{"{name}": ...}}.'
                )


def _check_operation(operation: Operation, changeable: set[str], start: float, subjects: int) -> None:
    for name in (operation.target, *operation.pool):
        if name not in changeable:
            raise UnknownNameError("state or parameter of the model", name, sorted(changeable))
    # There may be thousands; a number, the usual case, is looked at without NumPy.
    time, value, added = operation.time, operation.value, operation.added
    for what in (time, value, added):
        if not (isinstance(what, float) or (isinstance(what, np.ndarray) and what.shape == (subjects,))):
            _shaped(operation.target, what, subjects)
    if operation.kind not in ("add", "set", "mix", "approach"):
        raise InvalidValueError(f'An operation is "add", "set", "mix" or "approach", not "{operation.kind}".')
    if not (time >= start if isinstance(time, float) else np.all(np.asarray(time) >= start)):
        raise InvalidValueError(
            f'An operation on "{operation.target}" is at {_short(np.asarray(time, dtype=np.float64))}, before the '
            f"start at {start:g}. Start earlier, or leave it out (infinity: not done)."
        )


def _shaped(name: str, value: PerSubject, subjects: int) -> PerSubject:
    array = np.asarray(value, dtype=np.float64)
    if array.ndim == 0:
        return float(array)
    if array.shape != (subjects,):
        raise InvalidValueError(
            f'"{name}" has values of shape {array.shape}; it must be one number, or one for each of the '
            f"{subjects} subjects."
        )
    return array


def _short(values: FloatArray) -> str:
    shown = ", ".join(f"{value:g}" for value in values.ravel()[:5])
    return f"{shown}, ..." if values.size > 5 else shown or "none"


def cores() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every system can tell
        return os.cpu_count() or 1
