"""Prints a program as CUDA C, a thread a subject, from the same straight-line mathematics as the vector code.

The text is plain C apart from a few words, so that it can also be compiled for the processor and compared there with
the vector code. `solve(target="gpu")` of the ensemble engine says clearly where there is no GPU.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Sequence
from pathlib import Path

from gvlab.engine.methods.tableaus import Rosenbrock
from gvlab.engine.program.elimination import Elimination
from gvlab.engine.program.program import CONSTANT, Program
from gvlab.engine.targets import layout
from gvlab.engine.targets.cpu import driver, steps
from gvlab.engine.targets.cpu.driver import Watched
from gvlab.engine.targets.cpu.model_code import substitution
from gvlab.errors import SolveError
from gvlab.sbml.formula import TIME
from gvlab.sbml.graph import RELATIONS, Graph, Node

WORDS_FOR_CUDA = """
#define DEVICE static __device__ __noinline__
#define TABLE_OF static __device__ const
#define KERNEL extern "C" __global__
#define NEXT(place) ((long long)atomicAdd((unsigned long long *)(place), 1ULL))
#define INFINITE __longlong_as_double(0x7ff0000000000000LL)
#define UNDEFINED __longlong_as_double(0x7ff8000000000000LL)
"""

WORDS_FOR_C = """
#include <math.h>
#define DEVICE static
#define TABLE_OF static const
#define KERNEL extern "C"
#define NEXT(place) ((*(place))++)
#define INFINITE HUGE_VAL
#define UNDEFINED NAN
"""

_TWO = {"add": "+", "sub": "-", "mul": "*", "div": "/", "and": "&", "or": "|", "xor": "^"}
_RELATE = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_CALL = {"abs": "fabs", "factorial": "factorial_", "log_size": "log_size_", "sign_of_power": "sign_of_power_"}

_HELPERS = """
DEVICE double factorial_(double x) { return tgamma(x + 1.0); }
DEVICE double log_size_(double x) { return x == 0.0 ? -1e300 : log(fabs(x)); }
DEVICE double sign_of_power_(double y) {
    return floor(y) != y ? UNDEFINED : floor(y * 0.5) != y * 0.5 ? -1.0 : 1.0;
}
"""


def available() -> str:
    """Say why there is no GPU to work on; empty where there is one."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "there is no NVIDIA driver (libcuda.so.1) on this machine"
    count = ctypes.c_int()
    if cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return "the NVIDIA driver finds no GPU"
    return ""


def require() -> None:
    """Refuse where there is no GPU.

    Raises
    ------
    SolveError
        With the reason, and what to do instead.
    """
    reason = available()
    if reason:
        raise SolveError(f'The target "gpu" cannot be used: {reason}. Leave target out to solve on the processor.')


def source(
    program: Program, method: Rosenbrock, watched: Watched, readings: Sequence[Node], words: str = WORDS_FOR_CUDA
) -> str:
    """Print a program, its outputs and the loop over subjects as one text."""
    return "\n".join(
        (
            words,
            _HELPERS,
            _sizes(program, method),
            _tables(program, method, watched),
            _functions(program, readings),
            (Path(__file__).parent / "driver.cu").read_text(encoding="utf-8"),
        )
    )


def _sizes(program: Program, method: Rosenbrock) -> str:
    numbers: dict[str, float] = {
        "N": len(program.states),
        "STAGES": method.stages,
        "SLOTS": len(program.slots),
        "WORDS": program.words,
        "WATCHED": int(bool(program.watch)),
        "STOPS": len(program.stops),
        "NW": program.words,
        # C has no arrays of no elements.
        "NJ": max(1, len(program.jacobian)),
        "NM": len(program.elimination.entries),
        "NQ": max(1, len(program.constants)),
        "NP": max(1, len(program.slots)),
        "GAMMA": method.gamma,
        "ORDER": method.order,
        "SAFETY": driver.SAFETY,
        "SMALLEST_FACTOR": driver.SMALLEST_FACTOR,
        "LARGEST_FACTOR": driver.LARGEST_FACTOR,
        "LARGEST_GAIN": steps.LARGEST_GAIN,
        "SMALLEST_STEP": driver.SMALLEST_STEP,
    }
    numbers |= {f"FIELD_{name}": place for name, place in layout.FIELD.items()}
    for name in ("REACHED", "EVENT", "OPERATION", "STEP_LIMIT", "NOT_FINITE", "STEP_TOO_SMALL"):
        numbers[name] = getattr(layout, name)
    return "\n".join(f"#define {name} {value!r}" for name, value in numbers.items())


def _tables(program: Program, method: Rosenbrock, watched: Watched) -> str:
    stages = method.stages

    def square(rows: Sequence[Sequence[float]]) -> list[float]:
        return [value for row in rows for value in (*row, *[0.0] * (stages - len(row)))]

    reals = {
        "A": square(method.a),
        "C": square(method.c),
        "NODES": list(method.nodes),
        "TILT": list(method.drift),
        "DENSE": square(method.dense),
    }
    lines = [f"TABLE_OF double {name}[] = {{{', '.join(map(repr, row))}}};" for name, row in reals.items()]
    wholes = {"RISING": watched.rising, "FALLING": watched.falling, "STOP": program.stops or [0]}
    for name, row in wholes.items():
        # The smallest 64-bit number has no literal of its own in C.
        text = ", ".join(f"(long long){value & (1 << 64) - 1}ULL" for value in row)
        lines.append(f"TABLE_OF long long {name}[] = {{{text}}};")
    return "\n".join(lines)


class _Body:
    """Prints formulas into one function."""

    def __init__(self, graph: Graph, names: dict[str, str]) -> None:
        self._graph = graph
        self._names = names
        self._known: dict[Node, str] = {}
        self.lines: list[str] = []

    def values(self, nodes: Sequence[Node]) -> list[str]:
        """Print what is not yet printed, and give the names of the values."""
        for node in self._graph.order(nodes, self._known):
            text = self._print(node)
            kind = "const bool" if self._graph.is_truth(node) else "const double"
            self.lines.append(f"    {kind} v{node} = {text};")
            self._known[node] = f"v{node}"
        return [self._known[node] for node in nodes]

    def _print(self, node: Node) -> str:
        graph = self._graph
        operation, payload = graph.operation[node], graph.payload[node]
        a = [self._known[argument] for argument in graph.arguments[node]]
        if operation == "const":
            return _number(float(payload or 0.0))
        if operation == "symbol":
            return self._names[str(payload)]
        if operation == "mode":
            word, bit = divmod(int(float(payload or 0)), 64)
            return f"(w[{word}] >> {bit}) & 1"
        if operation in ("true", "false"):
            return operation
        if operation in _TWO:
            return f"{a[0]} {_TWO[operation]} {a[1]}"
        if operation in RELATIONS:
            return f"{a[0]} {_RELATE[operation]} {a[1]}"
        if operation == "select":
            return f"{a[0]} ? {a[1]} : {a[2]}"
        if operation in ("neg", "not"):
            return f"{'-' if operation == 'neg' else '!'}{a[0]}"
        return f"{_CALL.get(operation, operation)}({', '.join(a)})"


def _number(value: float) -> str:
    if value != value:
        return "UNDEFINED"
    if value in (float("inf"), float("-inf")):
        return "INFINITE" if value > 0 else "-INFINITE"
    return repr(value)


def _functions(program: Program, readings: Sequence[Node]) -> str:
    graph = program.graph
    states = {TIME: "t"} | {name: f"y[{i}]" for i, name in enumerate(program.states)}
    still = {f"{CONSTANT}{i}": f"q[{i}]" for i in range(len(program.constants))}
    slots = {name: f"p[{i}]" for i, name in enumerate(program.slots)}
    inside = "double t, const double *y, const double *q"

    def function(head: str, names: dict[str, str], *groups: tuple[str, Sequence[Node]]) -> str:
        body = _Body(graph, names)
        stores = [
            f"    {array}[{i}] = {value};"
            for array, nodes in groups
            for i, value in enumerate(body.values([graph.number(node) for node in nodes]))
        ]
        return "\n".join((f"DEVICE void {head} {{", *body.lines, *stores, "}"))

    moving = states | still
    drift = program.drift or [graph.const(0.0)] * len(program.states)
    jacobian = list(program.jacobian.values())
    return "\n".join(
        (
            function("constants(const double *p, double *q)", slots, ("q", program.constants)),
            function(f"rates({inside}, const long long *w, double *f)", moving, ("f", program.rates)),
            function(
                f"linearize({inside}, const long long *w, double *f, double *j, double *d)",
                moving,
                ("f", program.rates),
                ("j", jacobian),
                ("d", drift),
            ),
            _watch(program, moving),
            function("outputs(double t, const double *y, const double *p, double *o)", states | slots, ("o", readings)),
            _factor(program),
            _back(program, program.elimination),
        )
    )


def _watch(program: Program, names: dict[str, str]) -> str:
    body = _Body(program.graph, names)
    values = body.values(program.watch)
    lines = [f"    w[{word}] = 0;" for word in range(program.words)]
    lines += [f"    w[{i // 64}] |= (long long)v << {i % 64};".replace("v", value, 1) for i, value in enumerate(values)]
    head = "DEVICE void watch(double t, const double *y, const double *q, long long *w) {"
    return "\n".join((head, *body.lines, *lines, "}"))


def _factor(program: Program) -> str:
    elimination = program.elimination
    if elimination.dense:
        return _factor_dense(program)
    names = {(i, i): "g" for i in range(program.base)}
    lines = ["DEVICE void factor(const double *j, double g, double *m) {"]
    for k, (row, column) in enumerate(program.jacobian):
        if row < program.base:
            names[row, column] = f"g - j[{k}]" if row == column else f"-j[{k}]"
    for place, text in names.items():
        lines.append(f"    double m_{place[0]}_{place[1]} = {text};")
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
    lines = ["DEVICE void factor(const double *j, double g, double *m) {"]
    lines.append(f"    for (int i = 0; i < {n * n}; i++) m[i] = i % {n + 1} ? 0.0 : g;")
    for k, (row, column) in enumerate(program.jacobian):
        if row < n:
            lines.append(f"    m[{row * n + column}] -= j[{k}];")
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


def _back(program: Program, elimination: Elimination) -> str:
    lower, upper, place = substitution(elimination)
    lines = ["DEVICE void back_block(const double *m, double *x) {"]
    if elimination.dense:
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
    lines += ["}", "DEVICE void back(const double *m, double *x, const double *j) {", "    back_block(m, x);"]
    for k, (row, column) in enumerate(program.jacobian):
        if row >= program.base:
            lines.append(f"    x[{row}] += j[{k}] * x[{column}];")
    lines += [f"    back_block(m, x + {first});" for first in range(program.base, len(program.states), program.base)]
    return "\n".join((*lines, "}"))
