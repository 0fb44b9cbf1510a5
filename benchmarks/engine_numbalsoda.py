"""numbalsoda with a dose loop written for it: LSODA in C++, right-hand side, doses and readings compiled by numba.

Nothing of Python runs between the first dose of a subject and its last reading. Parameters go in as an array, and terms
of parameters alone are worked out once per subject, as our own engine does. Each dose ends a call of LSODA and the next
one starts afresh; the last call ends at the last reading. Events are not looked at: this peer is spared their triggers.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from engine_cases import Case
from engine_text import function, lines, symbol

from gvlab.engine import Options, Solution
from gvlab.engine.ensemble.subjects import Subjects
from gvlab.engine.program.program import Program, build
from gvlab.engine.request import check
from gvlab.engine.schedule import ADD, SET, Schedule

MISSING = (
    "numbalsoda is left out: it is not installed here. It is compiled on installation and needs a Fortran compiler and "
    "CMake (Debian: apt install gfortran cmake); then: python -m pip install numbalsoda."
)
STEPS = 100_000
"""Steps allowed to LSODA between two readings."""

_compiled: dict[tuple[str, tuple[str, ...]], tuple[Program, int, Any]] = {}


def installed() -> bool:
    """Tell whether this peer can take part."""
    return importlib.util.find_spec("numbalsoda") is not None


def run_numbalsoda(case: Case, options: Options) -> Solution:
    """Solve one subject after the other."""
    key = case.model.sbml, case.outputs
    if key not in _compiled:
        _compiled[key] = _compile(case)
    program, address, follow = _compiled[key]
    request = check(case.model, case.times, case.subjects, case.outputs, case.parameters, case.schedule, (), None)
    subjects, schedule = Subjects(request, program), Schedule(request, program)
    everyone = np.arange(case.subjects)
    schedule.operate(subjects, everyone)
    constants = [
        np.broadcast_to(np.asarray(value, dtype=np.float64), case.subjects)
        for value in subjects.evaluate(program.constants, everyone)
    ]
    data = np.ascontiguousarray(np.column_stack([subjects.slots, *constants]))
    if schedule.order.shape[0] > 1:
        raise ValueError("This peer gives all subjects their doses at the same times.")
    left = schedule.order[0, int(subjects.operation[0]) :]
    if not np.isin(schedule.kind[left], (ADD, SET)).all() or (schedule.size[left] >= 0).any():
        raise ValueError("This peer adds to a state or sets it, and nothing else.")
    when = np.array([schedule.times[k][0] for k in left])
    amount = np.empty((case.subjects, left.size))
    for column, k in enumerate(left):
        amount[:, column] = schedule.values[k]
    values = np.empty((case.subjects, case.times.size, len(case.outputs)))
    done = follow(
        address, subjects.states, data, when, schedule.kind[left] == ADD, schedule.state[left], amount, case.times,
        values, options.relative_tolerance, options.absolute_tolerance,
    )  # fmt: skip
    if not done:
        raise ArithmeticError("numbalsoda did not come to the end.")
    return Solution(case.times, case.outputs, values, *(None,) * 7)  # type: ignore[arg-type]


def _compile(case: Case) -> tuple[Program, int, Any]:
    import math

    from numba import carray, cfunc, njit
    from numbalsoda import lsoda, lsoda_sig

    @njit
    def log_size(x: float) -> float:
        return math.log(abs(x)) if x != 0.0 else -1e300

    @njit
    def sign_of_power(y: float) -> float:
        return math.nan if y != math.floor(y) else -1.0 if y % 2 else 1.0

    program = build(case.model)
    given = {"carray": carray, "exp": math.exp, "log_size": log_size, "sign_of_power": sign_of_power}
    compiled = {"fastmath": {"contract"}, "error_model": "numpy"}
    place, width = symbol(program), len(program.slots) + len(program.constants)
    text, names = lines(program.graph, program.rates, place, program.watch)
    arrays = [f"y = carray(y_, ({len(program.states)},))", f"dy = carray(dy_, ({len(names)},))"]
    arrays.append(f"p = carray(p_, ({width},))")
    body = [*arrays, *text, *(f"dy[{i}] = {name}" for i, name in enumerate(names))]
    rates = cfunc(lsoda_sig, **compiled)(function("t, y_, dy_, p_", body, given))
    readings = [case.model.during(program.graph.symbol(name)) for name in case.outputs]
    text, names = lines(program.graph, readings, place)
    body = [*text, *(f"out[{i}] = {name}" for i, name in enumerate(names))]
    read = njit(**compiled)(function("t, y, p, out", body, given))

    @njit
    def follow(address, states, data, when, added, state, amount, times, values, rtol, atol):  # type: ignore[no-untyped-def]
        points = np.empty(times.size + 2)
        for row in range(states.shape[0]):
            y, p = states[row].copy(), data[row]
            t, dose, reading = times[0], 0, 0
            while True:
                while dose < when.size and when[dose] <= t:
                    y[state[dose]] = amount[row, dose] + (y[state[dose]] if added[dose] else 0.0)
                    dose += 1
                if times[reading] == t:
                    read(t, y, p, values[row, reading])
                    reading += 1
                if reading == times.size:
                    break
                stop = min(when[dose], times[-1]) if dose < when.size else times[-1]
                points[0], count = t, 1
                first = reading
                while reading < times.size and times[reading] < stop:
                    points[count] = times[reading]
                    count, reading = count + 1, reading + 1
                points[count] = stop
                found, good = lsoda(address, y, points[: count + 1], p, rtol, atol, STEPS)
                if not good:
                    return False
                for k in range(first, reading):
                    read(times[k], found[1 + k - first], p, values[row, k])
                y, t = found[count].copy(), stop
        return True

    keep = rates  # the function behind the address must live as long as the address is used

    def followed(address: int, *arguments: Any) -> bool:
        assert keep.address == address
        return bool(follow(address, *arguments))

    return program, rates.address, followed
