"""Prints one step of a method, and what is read inside it, as functions of C over one subject.

`begin` evaluates what every attempt from one point shares. `attempt` tries a step, leaves its end in ARGUMENT and
returns the square of its error in units of the tolerance; an explicit one also leaves how stiff it looks. `prepare` and
`interpolate` read inside a step. The rules are those of `cpu/steps.py`, and so is the order of every sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gvlab.engine.methods.tableaus import Rosenbrock, Row, RungeKutta
from gvlab.engine.program.program import Program
from gvlab.engine.targets.gpu.formulas import number

_EACH = "    for (int i = 0; i < N; i++) {"

_SCALE = """        const double before = fabs(s.y[i]), after = fabs({end});
        const double larger = before > after ? before : after;
        const double allowed = absolute[i] + relative * larger;
        const double most = (absolute[i] + relative * before) * LARGEST_GAIN;
        const double per = 1.0 / (allowed < most ? allowed : most);"""
"""The tolerance of state i, inverted."""

_TOLERANCES = """    const double *const absolute = REALS(absolute) + s.number * WHOLE(absolute_stride);
    const double relative = REAL(relative);"""


def stage_places(method: Rosenbrock | RungeKutta) -> list[int]:
    """Return where each stage is kept: an explicit method overwrites those that no later stage needs.

    DOP853 needs twelve arrays instead of sixteen, and its steps use nine or ten of them.
    """
    if isinstance(method, Rosenbrock):
        return list(range(method.stages))
    count = len(method.a)
    last_use = [max((row for row in range(count) if s < len(method.a[row]) and method.a[row][s]), default=s)
                for s in range(count)]  # fmt: skip
    for s in range(count):
        kept = s in (0, method.stages - 1, method.stages - 2)  # where it began, and what tells how stiff it is
        weighed = any(s < len(row) and row[s] for row in method.error) or any(method.dense[s])
        if kept or weighed:
            last_use[s] = count
    places: list[int] = []
    for s in range(count):
        # The argument of a stage is complete before its rates are written: what it used last may be overwritten.
        busy = {places[other] for other in range(s) if last_use[other] > s}
        places.append(next(place for place in range(count) if place not in busy))
    return places


def functions(program: Program, method: Rosenbrock | RungeKutta) -> str:
    """Print the functions of a method."""
    if isinstance(method, Rosenbrock):
        return "\n".join((_begin_implicit(), _attempt_implicit(program, method), _dense_implicit(method)))
    return "\n".join((_BEGIN_EXPLICIT, _attempt_explicit(method), _dense_explicit(method)))


def _combination(weights: Row, load: Callable[[int], str]) -> str:
    """Return a weighted sum; weights that are 0 are left out, and 1 is not multiplied by."""
    terms = [load(j) if w == 1.0 else f"{number(w)} * {load(j)}" for j, w in enumerate(weights) if w]
    return " + ".join(terms) or "0.0"


def _stage(places: Sequence[int]) -> Callable[[int], str]:
    return lambda s: f"s.k[{places[s]} * N + i]"


# ------------------------------------------------------------------------------------------------------------ implicit


def _begin_implicit() -> str:
    return "DEVICE void begin(Subject &s) { linearize(s, s.t); }"


def _attempt_implicit(program: Program, method: Rosenbrock) -> str:
    stage = _stage(stage_places(method))
    lines = [
        "DEVICE double attempt(Subject &s, double h) {",
        "    const double inverse = 1.0 / h;",
        f"    factor(s, inverse * {number(1.0 / method.gamma)});",
    ]
    for s in range(method.stages):
        tilt = f" + h * {number(method.drift[s])} * s.drift[i]" if program.drift and method.drift[s] else ""
        lines.append(_EACH)
        if s:
            previous = method.a[s - 1] + (1.0,) if s > 1 else ()
            if method.a[s] == previous:
                lines.append(f"        ARGUMENT(i) += {stage(s - 1)};")
            else:
                lines.append(f"        ARGUMENT(i) = s.y[i] + ({_combination(method.a[s], stage)});")
            lines.append(f"        {stage(s)} = ({_combination(method.c[s], stage)}) * inverse{tilt};")
            lines.append("    }")
            lines.append(f"    rates(s, s.t + h * {number(method.nodes[s])}, s.k + {s} * N);")
        else:
            lines += [f"        {stage(0)} = s.f[i]{tilt};", "    }"]
        lines.append(f"    back(s, s.k + {s} * N);")
    last = stage(method.stages - 1)
    lines += [
        _TOLERANCES,
        "    double total = 0.0, defined = 0.0;",
        _EACH,
        f"        const double end = ARGUMENT(i) + {last};",
        _SCALE.format(end="end"),
        f"        const double ratio = {last} * per;",
        "        total += ratio * ratio;",
        # Infinity times 0 is NaN: a state that is no number any more fails the step.
        "        defined += end * 0.0;",
        "        ARGUMENT(i) = end;",
        "    }",
        "    return (total + defined) * (1.0 / N);",
        "}",
    ]
    return "\n".join(lines)


def _dense_implicit(method: Rosenbrock) -> str:
    stage = _stage(stage_places(method))
    lines = ["DEVICE void prepare(Subject &s, double h) {", _EACH]
    # What is read inside takes the place of the first stages, which are not needed any more.
    lines += [f"        const double d{r} = {_combination(row, stage)};" for r, row in enumerate(method.dense)]
    lines += [f"        {stage(r)} = d{r};" for r in range(len(method.dense))]
    lines += [
        "    }",
        "}",
        "DEVICE void interpolate(Subject &s, double theta, double h) {",
        "    const double rest = 1.0 - theta;",
        _EACH,
        f"        const double inner = {stage(0)} + theta * ({stage(1)} + theta * {stage(2)});",
        "        ARGUMENT(i) = rest * s.y[i] + theta * (s.y1[i] + rest * inner);",
        "    }",
        "}",
    ]
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------------------ explicit

_BEGIN_EXPLICIT = "DEVICE void begin(Subject &s) { rates(s, s.t, s.k); }"


def _attempt_explicit(method: RungeKutta) -> str:
    places = stage_places(method)
    stage, last = _stage(places), method.stages - 1
    lines = ["DEVICE double attempt(Subject &s, double h) {"]
    for s in range(1, last):
        lines += _explicit_stage(method, places, s)
    # Only an estimate that uses the last stage has to wait for it.
    early = [e for e, weights in enumerate(method.error) if len(weights) <= last or not weights[last]]
    names = [f"e{e}" for e in range(len(method.error))]
    totals = ", ".join(f"{name} = 0.0" for name in (*names, "slopes", "arguments", "defined"))
    estimate = {
        e: [
            f"        const double r{e} = ({_combination(weights, stage)}) * (h * {number(method.caution)}) * per;",
            f"        e{e} += r{e} * r{e};",
        ]
        for e, weights in enumerate(method.error)
    }
    lines += [
        _TOLERANCES,
        f"    double {totals};",
        # The result, what it is judged by, and how far it is from the last argument before it: all in one loop.
        _EACH,
        f"        const double end = s.y[i] + h * ({_combination(method.a[last], stage)});",
        _SCALE.format(end="end"),
        *(line for e in early for line in estimate[e]),
        "        const double apart = (end - ARGUMENT(i)) * per;",
        "        arguments += apart * apart;",
        "        defined += end * 0.0;",
        "        ARGUMENT(i) = end;",
        "    }",
        f"    rates(s, s.t + h * {number(method.nodes[last])}, s.k + {places[last]} * N);",
        _EACH,
        _SCALE.format(end="ARGUMENT(i)"),
        *(line for e in estimate if e not in early for line in estimate[e]),
        f"        const double apart = ({stage(last)} - {stage(last - 1)}) * per;",
        "        slopes += apart * apart;",
        "    }",
        f"    s.stiffness_estimate = slopes / arguments * {number(1.0 / (method.reach * method.reach))};",
        "    s.unstable_step = false;",
        "    e0 = e0 * (1.0 / N) + defined;",
    ]
    if len(method.error) == 2:
        lines += [
            "    e1 *= 1.0 / N;",
            # Outside the stability region e1 does not shrink with the step, so e0 alone is the bound.
            "    const double finer = e0 * e0 / (e0 + 0.01 * e1 + 1e-300);",
            "    const bool beyond = h * h * s.stiffness_estimate > 1.0;",
            "    s.unstable_step = beyond && e0 > 1.0 && finer <= 1.0;",
            "    return beyond ? e0 : finer;",
        ]
    else:
        lines.append("    return e0;")
    return "\n".join((*lines, "}"))


def _explicit_stage(method: RungeKutta, places: Sequence[int], s: int) -> list[str]:
    change = _combination(method.a[s], _stage(places))
    return [
        f"    for (int i = 0; i < N; i++) ARGUMENT(i) = s.y[i] + h * ({change});",
        f"    rates(s, s.t + h * {number(method.nodes[s])}, s.k + {places[s]} * N);",
    ]


def _dense_explicit(method: RungeKutta) -> str:
    places = stage_places(method)
    lines = ["DEVICE void prepare(Subject &s, double h) {"]
    for s in range(method.stages, len(method.a)):
        lines += _explicit_stage(method, places, s)
    lines += ["}", "DEVICE void interpolate(Subject &s, double theta, double h) {"]
    used = [s for s, row in enumerate(method.dense) if any(row)]
    for s in used:
        weight = number(method.dense[s][-1])
        for coefficient in reversed(method.dense[s][:-1]):
            weight = f"({number(coefficient)} + theta * {weight})"
        lines.append(f"    const double w{s} = theta * {weight};")
    change = " + ".join(f"w{s} * {_stage(places)(s)}" for s in used)
    lines += [f"    for (int i = 0; i < N; i++) ARGUMENT(i) = s.y[i] + h * ({change});", "}"]
    return "\n".join(lines)
