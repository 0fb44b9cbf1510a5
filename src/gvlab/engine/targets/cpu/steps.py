"""Prints one step of a method, its error and its dense output, as LLVM functions over a vector of subjects.

All functions take the workspace of the thread. `begin` evaluates what every attempt from one point shares, `step`
attempts a step and returns the square of its error in units of the tolerance (an explicit one also leaves an estimate
of stiffness), `prepare` and `interpolate` give the dense output; `interpolate_watched` gives of it the
states that watched truth values depend on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gvlab.engine.methods.tableaus import Rosenbrock, Row, RungeKutta
from gvlab.engine.program.program import Program
from gvlab.engine.targets.cpu.llvm import F64, PTR, B, Function, V, Value, X
from gvlab.engine.targets.layout import FIELD, Workspace

LARGEST_GAIN = 1e4
"""Cap on |y1|/|y| in the error scale: the relative tolerance is taken from min(max(|y|, |y1|), cap * |y|)."""


def loader(code: Function, arrays: Sequence[Value], place: Value) -> Callable[[int], Value]:
    """Return a function that loads eight elements of the array with a number."""
    return lambda number: code.load(arrays[number], place, X)


class StepPrinter:
    """Prints the functions of one method for one program."""

    def __init__(self, program: Program, method: Rosenbrock | RungeKutta, workspace: Workspace) -> None:
        self._program = program
        self._method = method
        self._place = workspace.place
        self._n = len(program.states)
        self._padded = workspace.padded

    def text(self) -> str:
        """Print all."""
        if isinstance(self._method, Rosenbrock):
            return self._begin_implicit() + self._step_implicit(self._method) + self._dense_implicit(self._method)
        return self._begin_explicit() + self._step_explicit(self._method) + self._dense_explicit(self._method)

    # ---------------------------------------------------------------- helpers

    def _function(self, name: str, *arguments: str, result: str = "void") -> tuple[Function, Value, list[Value]]:
        given = [(PTR, "ws"), *((V, argument) for argument in arguments)]
        if name == "step":
            given.insert(1, (PTR, "table"))
        code = Function(name, given, result, attributes="noinline nounwind")
        return code, code.arguments[0], code.arguments[1:]

    def _array(self, code: Function, ws: Value, name: str, offset: int = 0) -> Value:
        return code.at(ws, self._place[name] + offset, V)

    def _stages(self, code: Function, ws: Value) -> list[Value]:
        return [self._array(code, ws, "k", s * self._padded) for s in range(len(self._method.a))]

    @staticmethod
    def _combine(code: Function, weights: Row, load: Callable[[int], Value]) -> Value | None:
        total: Value | None = None
        for j, weight in enumerate(weights):
            if weight == 0.0:
                continue
            value = load(j)
            if total is None:
                total = value if weight == 1.0 else value * weight
            else:
                total = total + value if weight == 1.0 else code.fma(value, weight, total)
        return total

    def _sizes(self, code: Function, table: Value, ws: Value, *parts: Callable[[Value], Value]) -> list[Value]:
        """Print mean squares over states, in units of the tolerance. The first, of the error, has to be a number."""
        relative = code.splat(code.load(table, FIELD["relative"], F64))
        y, y1 = self._array(code, ws, "y"), self._array(code, ws, "y1")
        totals, defined = [code.variable(V) for _ in parts], code.variable(V)
        for sum_ in (*totals, defined):
            code.store(code.const(V, 0.0), sum_, 0)
        with code.count(self._n) as i:
            before, after = (code.call("llvm.fabs.vWf64", V, code.load(array, i, V)) for array in (y, y1))
            larger = (before > after).select(before, after)
            least = code.load(self._array(code, ws, "tolerance"), i, V)
            allowed, most = code.fma(relative, larger, least), code.fma(relative, before, least) * LARGEST_GAIN
            per = 1.0 / (allowed < most).select(allowed, most)
            for part, total in zip(parts, totals, strict=True):
                ratio = part(i) * per
                code.store(code.fma(ratio, ratio, code.load(total, 0, V)), total, 0)
            # Infinity times 0 is NaN: a state that is no number any more fails the step.
            code.store(code.fma(code.load(y1, i, V), 0.0, code.load(defined, 0, V)), defined, 0)
        error, *others = (code.load(total, 0, V) for total in totals)
        return [size * (1.0 / self._program.counted) for size in (error + code.load(defined, 0, V), *others)]

    # --------------------------------------------------------------- implicit

    def _begin_implicit(self) -> str:
        code, ws, (t,) = self._function("begin", "t")
        names = ("y", "q", "w", "f", "j", "drift")
        code.call("linearize", "void", t, *(self._array(code, ws, name) for name in names))
        return code.text()

    def _step_implicit(self, method: Rosenbrock) -> str:
        code, ws, (table, t, h) = self._function("step", "t", "h", result=V)
        n, has_drift = self._n, bool(self._program.drift)
        y, y1, u, f = (self._array(code, ws, name) for name in ("y", "y1", "u", "f"))
        m, j, drift = (self._array(code, ws, name) for name in ("m", "j", "drift"))
        k = self._stages(code, ws)
        inverse = 1.0 / h
        code.call("factor", "void", j, inverse * (1.0 / method.gamma), m)
        for s in range(method.stages):
            slope = code.spread(h * method.drift[s]) if has_drift and method.drift[s] else None
            if s:
                previous = method.a[s - 1] + (1.0,) if s > 1 else ()
                over = code.spread(inverse)
                with code.eights(self._padded) as i:
                    if method.a[s] == previous:
                        at = code.load(u, i, X) + code.load(k[s - 1], i, X)
                    else:
                        change = self._combine(code, method.a[s], loader(code, k, i))
                        assert change is not None
                        at = code.load(y, i, X) + change
                    code.store(at, u, i)
                    past = self._combine(code, method.c[s], loader(code, k, i))
                    assert past is not None
                    past = past * over
                    if slope is not None:
                        past = code.fma(slope, code.load(drift, i, X), past)
                    code.store(past, k[s], i)
                when = code.fma(h, method.nodes[s], t)
                q, w = (self._array(code, ws, name) for name in ("q", "w"))
                code.call("rates", "void", when, u, q, w, k[s])
            else:
                with code.eights(self._padded) as i:
                    first = code.load(f, i, X)
                    if slope is not None:
                        first = code.fma(slope, code.load(drift, i, X), first)
                    code.store(first, k[0], i)
            code.call("back", "void", m, k[s], *([j] if self._program.base < n else []))
        with code.eights(self._padded) as i:
            code.store(code.load(u, i, X) + code.load(k[-1], i, X), y1, i)
        code.give(self._sizes(code, table, ws, lambda i: code.load(k[-1], i, V))[0])
        return code.text()

    def _dense_implicit(self, method: Rosenbrock) -> str:
        code, ws, _ = self._function("prepare", "h")
        k = self._stages(code, ws)
        dense = [self._array(code, ws, "dense", r * self._padded) for r in range(3)]
        with code.eights(self._padded) as i:
            loaded = [code.load(stage, i, X) for stage in k]
            for row, array in zip(method.dense, dense, strict=True):
                value = self._combine(code, row, loaded.__getitem__)
                assert value is not None
                code.store(value, array, i)
        return code.text() + "".join(map(self._interpolate_implicit, ("interpolate", "interpolate_watched")))

    def _interpolate_implicit(self, name: str) -> str:
        code, ws, (theta, _) = self._function(name, "theta", "h")
        y, y1, yi = (self._array(code, ws, name) for name in ("y", "y1", "yi"))
        dense = [self._array(code, ws, "dense", r * self._padded) for r in range(3)]
        rest = 1.0 - theta
        for i, kind, over in self._elements(code, name):
            later, sooner = over(theta), over(rest)
            inner = code.load(dense[2], i, kind)
            for array in (dense[1], dense[0]):
                inner = code.fma(later, inner, code.load(array, i, kind))
            end = code.fma(sooner, inner, code.load(y1, i, kind))
            code.store(code.fma(later, end, sooner * code.load(y, i, kind)), yi, i)
        return code.text()

    # --------------------------------------------------------------- explicit

    def _begin_explicit(self) -> str:
        code, ws, (t,) = self._function("begin", "t")
        code.call("rates", "void", t, *(self._array(code, ws, name) for name in ("y", "q", "w", "f")))
        return code.text()

    def _step_explicit(self, method: RungeKutta) -> str:
        code, ws, (table, t, h) = self._function("step", "t", "h", result=V)
        y1, u = (self._array(code, ws, name) for name in ("y1", "u"))
        k = [self._array(code, ws, "f"), *self._stages(code, ws)[1:]]
        last = method.stages - 1
        for s in range(1, method.stages):
            # The last but one is kept beside the result: |f(y1) - f(u)| / |y1 - u| estimates the stiffness.
            self._explicit_stage(code, ws, method, s, t, h, u if s == last - 1 else y1)

        def part(weights: Row) -> Callable[[Value], Value]:
            def error(i: Value) -> Value:
                total = self._combine(code, weights, lambda s: code.load(k[s], i, V))
                assert total is not None
                return total * (h * method.caution)

            return error

        *errors, slopes, arguments = self._sizes(
            code,
            table,
            ws,
            *(part(weights) for weights in method.error),
            lambda i: code.load(k[last], i, V) - code.load(k[last - 1], i, V),
            lambda i: code.load(y1, i, V) - code.load(u, i, V),
        )
        stiffness_estimate = slopes / arguments * (1.0 / (method.reach * method.reach))
        code.store(stiffness_estimate, ws, self._place["stiffness_estimate"])
        error, unstable_step = errors[0], code.const(B, 0)
        if len(errors) == 2:
            # Hairer, Norsett and Wanner (1993), II.10: e5^2 / sqrt(e5^2 + 0.01 e3^2) is of order 8. Outside the
            # stability region (h |lambda| > reach) e3 does not shrink with h, so e5 alone is the bound. It is used
            # there, and the step is marked `unstable_step` so that the stiffness counter sees it.
            finer = error * error / (code.fma(errors[1], 0.01, error) + 1e-300)
            outside = h * h * stiffness_estimate > 1.0
            unstable_step = outside & (error > 1.0) & (finer <= 1.0)
            error = outside.select(error, finer)
        code.store(unstable_step.select(code.const(V, 1.0), 0.0), ws, self._place["unstable_step"])
        code.give(error)
        return code.text()

    def _explicit_stage(
        self, code: Function, ws: Value, method: RungeKutta, s: int, t: Value, h: Value, argument: Value
    ) -> None:
        k = [self._array(code, ws, "f"), *self._stages(code, ws)[1:]]
        y, wide = self._array(code, ws, "y"), code.spread(h)
        with code.eights(self._padded) as i:
            change = self._combine(code, method.a[s], loader(code, k, i))
            assert change is not None
            code.store(code.fma(wide, change, code.load(y, i, X)), argument, i)
        when = code.fma(h, method.nodes[s], t)
        code.call("rates", "void", when, argument, *(self._array(code, ws, name) for name in ("q", "w")), k[s])

    def _dense_explicit(self, method: RungeKutta) -> str:
        code, ws, (h,) = self._function("prepare", "h")
        for s in range(method.stages, len(method.a)):
            self._explicit_stage(code, ws, method, s, code.load(ws, self._place["t"], V), h, self._array(code, ws, "u"))
        names = ("interpolate", "interpolate_watched")
        return code.text() + "".join(self._interpolate_explicit(name, method) for name in names)

    def _interpolate_explicit(self, name: str, method: RungeKutta) -> str:
        code, ws, (theta, h) = self._function(name, "theta", "h")
        y, yi = (self._array(code, ws, name) for name in ("y", "yi"))
        k = [self._array(code, ws, "f"), *self._stages(code, ws)[1:]]
        weights = []
        for stage, row in zip(k, method.dense, strict=True):
            if any(row):
                weight = code.const(V, row[-1])
                for coefficient in reversed(row[:-1]):
                    weight = code.fma(theta, weight, coefficient)
                weights.append((stage, weight * theta))
        for i, kind, over in self._elements(code, name):
            change: Value | None = None
            for stage, weight in weights:
                slope = code.load(stage, i, kind)
                change = slope * over(weight) if change is None else code.fma(slope, over(weight), change)
            assert change is not None
            code.store(code.fma(over(h), change, code.load(y, i, kind)), yi, i)
        return code.text()

    def _elements(self, code: Function, name: str) -> Iterator[tuple[Value | int, str, Callable[[Value], Value]]]:
        """Give the elements to go through of arrays of states, their type, and what turns a value of the lanes into it.

        Those of all states are gone through in eights. Those that watched truth values depend on are few, and looked
        at some fifty times for each event: one by one.
        """
        if name == "interpolate":
            with code.eights(self._padded) as i:
                yield i, X, code.spread
            return
        watched = self._program.graph.symbols(self._program.watch)
        for number, state in enumerate(self._program.states):
            if state in watched:
                yield number, V, lambda value: value
