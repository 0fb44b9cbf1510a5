"""SciPy's LSODA with a dose loop written by hand, in plain Python; events are not looked at."""

from __future__ import annotations

import math

import numpy as np
from engine_cases import Case
from engine_text import function, lines, symbol
from scipy.integrate import solve_ivp

from gvlab.engine import Options, Solution
from gvlab.engine.ensemble.subjects import Subjects
from gvlab.engine.program.program import build
from gvlab.engine.request import check
from gvlab.engine.schedule import ADD, SET, Schedule
from gvlab.sbml.graph import Node


def run_scipy(case: Case, options: Options) -> Solution:
    """Solve one subject after the other."""
    program = build(case.model)
    request = check(case.model, case.times, case.subjects, case.outputs, case.parameters, case.schedule, (), None)
    subjects, schedule = Subjects(request, program), Schedule(request, program)
    everyone = np.arange(case.subjects)
    schedule.operate(subjects, everyone)
    # Python raises where others give infinity.
    given = {"exp": lambda x: math.exp(min(x, 700.0))}

    def printed(nodes: list[Node]):  # type: ignore[no-untyped-def]
        text, names = lines(program.graph, nodes, symbol(program))
        return function("t, y, p", [*text, f"return [{', '.join(names)}]"], given)

    rates = printed([case.model.during(node) for node in _rates(case)])
    read = printed([subjects.symbol(name) for name in case.outputs])
    values = np.empty((case.subjects, case.times.size, len(case.outputs)))
    end = case.times[-1]
    for row in range(case.subjects):
        y, p = subjects.states[row].copy(), subjects.slots[row]
        t, place = 0.0, int(subjects.operation[row])
        values[row, 0] = read(0.0, y, p)
        while t < end:
            number = schedule.order[0, place] if place < schedule.order.shape[1] else -1
            stop = min(end, float(schedule.times[number][0])) if number >= 0 else end
            inside = case.times[(case.times > t) & (case.times <= stop)]
            if stop > t:
                points = np.unique(np.append(inside, stop))
                result = solve_ivp(
                    lambda t, y, p=p: rates(t, y, p), (t, stop), y, "LSODA", t_eval=points,
                    rtol=options.relative_tolerance, atol=options.absolute_tolerance,
                )  # fmt: skip
                for time_, state in zip(points, result.y.T, strict=True):
                    k = int(np.searchsorted(case.times, time_))
                    if case.times[k] == time_:
                        values[row, k] = read(time_, state, p)
                y, t = result.y[:, -1].copy(), stop
            while place < schedule.order.shape[1] and schedule.times[schedule.order[0, place]][0] == t:
                k = schedule.order[0, place]
                assert schedule.kind[k] in (ADD, SET)
                amount = schedule.values[k][row if schedule.values[k].size > 1 else 0]
                y[schedule.state[k]] = amount + (y[schedule.state[k]] if schedule.kind[k] == ADD else 0.0)
                place += 1
            at = int(np.searchsorted(case.times, t))
            if case.times[at] == t:
                values[row, at] = read(t, y, p)
    return Solution(case.times, case.outputs, values, *(None,) * 7)  # type: ignore[arg-type]


def _rates(case: Case) -> list[Node]:
    system, graph = case.model.system, case.model.system.graph
    return [system.rates[name] for name in case.model.states if graph.value(case.model.during(
        system.rates.get(name, graph.const(0.0)))) != 0.0]  # fmt: skip
