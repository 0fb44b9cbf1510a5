"""Prints a program as functions of C over one subject.

All but `constants` and `outputs` read the states from ARGUMENT(i), the one array that is near at hand: the states
themselves, the argument of a stage, or an instant inside a step. `s` is the subject.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gvlab.engine.program.floors import HELD
from gvlab.engine.program.gates import RATE
from gvlab.engine.program.program import CONSTANT, Program
from gvlab.engine.targets.cpu.model_code import rates_in, substitution
from gvlab.engine.targets.gpu.formulas import Body, number
from gvlab.engine.targets.gpu.sharing import Sharing
from gvlab.sbml.graph import Node
from gvlab.sbml.names import TIME


def functions(program: Program, readings: Sequence[Node], sharing: Sharing, *, implicit: bool) -> str:
    """Print all functions of a program; those of the Jacobian only for an implicit method."""
    varying = sharing.varying(len(program.constants))
    constants = [program.constants[i] for i in varying]
    slots = {name: f"p[{i}]" for i, name in enumerate(program.slots)}
    still = {f"{CONSTANT}{i}": text for i, text in _still(sharing, varying).items()}
    still |= {f"{HELD}{i}": f"s.held[{i}]" for i in range(len(program.floors))}
    moving = {TIME: "t"} | {name: f"ARGUMENT({i})" for i, name in enumerate(program.states)} | still
    here = {TIME: "s.t"} | {name: f"s.y[{i}]" for i, name in enumerate(program.states)} | slots
    parts = [
        _function(program, "constants(const double *p, double *q)", slots, ("q", "=", constants)),
        # An implicit method has written into `f` what is to be added to the rates.
        _function(
            program, "rates(Subject &s, double t, double *f)", moving, ("f", "+=" if implicit else "=", program.rates)
        ),
        _watch(program, moving),
        _function(program, "outputs(Subject &s, const double *p, double *o)", here, ("o", "=", readings)),
        _function(program, "hold(Subject &s, double t)", moving, ("s.held", "=", program.floors)),
        _next_stop(program, still),
    ]
    if program.heights:
        parts.append(_slopes(program, moving, known=False))
        if not implicit:
            parts.append(_slopes(program, moving, known=True))
    if implicit:
        parts += [_linearize(program, moving), _factor(program), _back(program)]
    return "\n".join(parts)


def _still(sharing: Sharing, varying: list[int]) -> dict[int, str]:
    """Return what stands for each constant."""
    own = {constant: f"s.q[{place}]" for place, constant in enumerate(varying)}
    if sharing.printed:
        shared = {constant: number(value) for constant, value in zip(sharing.numbers, sharing.values, strict=True)}
    else:
        shared = {constant: f"shared[{place}]" for place, constant in enumerate(sharing.numbers)}
    return own | shared


def _function(program: Program, head: str, names: Mapping[str, str], *groups: tuple[str, str, Sequence[Node]]) -> str:
    body = Body(program.graph, names)
    stores = [
        f"    {array}[{i}] {sign} {value};"
        for array, sign, nodes in groups
        for i, value in enumerate(body.values([program.graph.number(node) for node in nodes]))
    ]
    return "\n".join((f"DEVICE void {head} {{", *body.lines, *stores, "}"))


def _linearize(program: Program, names: Mapping[str, str]) -> str:
    drift = ("s.drift", "=", program.drift)
    jacobian = ("s.j", "=", list(program.jacobian.values()))
    return _function(program, "linearize(Subject &s, double t)", names, ("s.f", "=", program.rates), jacobian, drift)


def _watch(program: Program, names: Mapping[str, str]) -> str:
    body = Body(program.graph, names)
    values = body.values(program.watch)
    lines = [f"    w[{word}] = 0;" for word in range(program.words)]
    lines += [f"    w[{i // 64}] |= (long long){value} << {i % 64};" for i, value in enumerate(values)]
    return "\n".join(("DEVICE void watch(Subject &s, double t, long long *w) {", *body.lines, *lines, "}"))


def _next_stop(program: Program, still: Mapping[str, str]) -> str:
    """Print the first time after now at which a condition on time changes."""
    lines = ["DEVICE double next_stop(Subject &s, double end) {"]
    for constant in program.stops:
        stop = still[f"{CONSTANT}{constant}"]
        lines.append(f"    if ({stop} > s.t && {stop} < end) end = {stop};")
    body = Body(program.graph, {TIME: "s.t", **still})
    jumps = body.values(program.jumps)
    lines += [*body.lines, *(f"    if ({jump} > s.t && {jump} < end) end = {jump};" for jump in jumps)]
    return "\n".join((*lines, "    return end;", "}"))


def _slopes(program: Program, names: Mapping[str, str], *, known: bool) -> str:
    """Print how far comparisons are from changing, and the rate of that: with rates that are known, or worked out."""
    body = Body(program.graph, names)
    for i in sorted(int(name.removeprefix(RATE)) for name in rates_in(program)):
        body.names[f"{RATE}{i}"] = f"f[{i}]" if known else body.values([program.rates[i]])[0]
    lines = [
        f"    {array}[{i}] = {value};"
        for array, nodes in (("d", program.heights), ("r", program.slopes))
        for i, value in enumerate(body.values(nodes))
    ]
    head = "known_slopes(Subject &s, double t, const double *f" if known else "slopes(Subject &s, double t"
    return "\n".join((f"DEVICE void {head}, double *d, double *r) {{", *body.lines, *lines, "}"))


def _factor(program: Program) -> str:
    elimination = program.elimination
    if elimination.dense:
        return _factor_dense(program)
    head = "DEVICE void factor(Subject &s, double g) {\n    const double *const j = s.j;\n    double *const m = s.m;"
    lines = [head]
    names = {(i, i): "g" for i in range(program.base)}
    for k, (row, column) in enumerate(program.jacobian):
        if row < program.base:
            names[row, column] = f"g - j[{k}]" if row == column else f"-j[{k}]"
    lines += [f"    double m_{row}_{column} = {text};" for (row, column), text in names.items()]
    have = set(names)
    order = elimination.order
    for k, pivot in enumerate(order):
        lines.append(f"    m_{pivot}_{pivot} = 1.0 / m_{pivot}_{pivot};")
        for i in order[k + 1 :]:
            if (i, pivot) not in have:
                continue
            lines.append(f"    m_{i}_{pivot} *= m_{pivot}_{pivot};")
            for column in order[k + 1 :]:
                if (pivot, column) in have:
                    product = f"m_{i}_{pivot} * m_{pivot}_{column}"
                    if (i, column) in have:
                        lines.append(f"    m_{i}_{column} -= {product};")
                    else:
                        have.add((i, column))
                        lines.append(f"    double m_{i}_{column} = -({product});")
    lines += [f"    m[{k}] = m_{i}_{j};" for k, (i, j) in enumerate(elimination.entries)]
    return "\n".join((*lines, "}"))


def _factor_dense(program: Program) -> str:
    n = program.base
    lines = ["DEVICE void factor(Subject &s, double g) {", "    double *const m = s.m;"]
    lines.append(f"    for (int i = 0; i < {n * n}; i++) m[i] = i % {n + 1} ? 0.0 : g;")
    for k, (row, column) in enumerate(program.jacobian):
        if row < n:
            lines.append(f"    m[{row * n + column}] -= s.j[{k}];")
    lines += [
        f"    for (int k = 0; k < {n}; k++) {{",
        f"        const double reciprocal = m[k * {n} + k] = 1.0 / m[k * {n} + k];",
        f"        for (int i = k + 1; i < {n}; i++) {{",
        f"            const double f = m[i * {n} + k] *= reciprocal;",
        f"            for (int c = k + 1; c < {n}; c++) m[i * {n} + c] -= f * m[k * {n} + c];",
        "        }",
        "    }",
    ]
    return "\n".join((*lines, "}"))


def _back(program: Program) -> str:
    lower, upper, place = substitution(program.elimination)
    lines = ["DEVICE void back_block(const double *m, double *x) {"]
    if program.elimination.dense:
        n = program.base
        lines += [
            f"    for (int i = 0; i < {n}; i++) for (int j = 0; j < i; j++) x[i] -= m[i * {n} + j] * x[j];",
            f"    for (int i = {n - 1}; i >= 0; i--) {{",
            f"        for (int j = i + 1; j < {n}; j++) x[i] -= m[i * {n} + j] * x[j];",
            f"        x[i] *= m[i * {n} + i];",
            "    }",
        ]
        lower, upper = [], []
    lines += [f"    x[{i}] -= m[{place[i, j]}] * x[{j}];" for i, j in lower]
    for i, columns in upper:
        lines += [f"    x[{i}] -= m[{place[i, j]}] * x[{j}];" for j in columns]
        lines.append(f"    x[{i}] *= m[{place[i, i]}];")
    lines += ["}", "DEVICE void back(Subject &s, double *x) {", "    back_block(s.m, x);"]
    for k, (row, column) in enumerate(program.jacobian):
        if row >= program.base:
            lines.append(f"    x[{row}] += s.j[{k}] * x[{column}];")
    lines += [f"    back_block(s.m, x + {first});" for first in range(program.base, len(program.states), program.base)]
    return "\n".join((*lines, "}"))
