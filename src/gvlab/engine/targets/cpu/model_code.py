"""Prints a program as LLVM functions over a vector of subjects.

Arrays are arrays of vectors: element i holds state i of the subjects in a vector. `y` states, `q` constants and held
floors, `w` words of watched truth values, `f` rates, `j` nonzero entries of the Jacobian, `m` its factors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from gvlab.engine.program.elimination import Elimination
from gvlab.engine.program.floors import HELD
from gvlab.engine.program.gates import RATE
from gvlab.engine.program.program import CONSTANT, Program
from gvlab.engine.targets.cpu.llvm import PTR, B, Function, I, V, Value
from gvlab.engine.targets.cpu.mathematics import SLOW, unary
from gvlab.engine.targets.layout import bit_mask
from gvlab.sbml.graph import Graph, Node
from gvlab.sbml.names import TIME
from gvlab.sbml.operations import RELATIONS


class Printer:
    """Prints formulas into one function.

    Parameters
    ----------
    code
        The function.
    names
        Where symbols are: an array and a place in it, or a value.
    words
        Array of words that hold the modes, if the function may read them.
    left_out
        Formulas that are 0 and are not worked out.
    """

    def __init__(
        self,
        code: Function,
        graph: Graph,
        names: dict[str, tuple[Value, int] | Value],
        words: Value | None,
        left_out: Collection[Node] = (),
    ) -> None:
        self._code = code
        self._graph = graph
        self._names = names
        self._words = words
        self._loaded: dict[int, Value] = {}
        self._left_out = left_out
        self._known: dict[Node, Value] = dict.fromkeys(left_out, code.const(V, 0.0))

    def define(self, name: str, place: tuple[Value, int] | Value) -> None:
        """Say where a symbol is."""
        self._names[name] = place

    def value(self, node: Node) -> Value:
        """Print what is not yet printed, and give the value of a formula."""
        if node not in self._known:
            for part in self._graph.order([node], self._known):
                self._known[part] = self._print(part)
        return self._known[node]

    def _print(self, node: Node) -> Value:
        graph, code = self._graph, self._code
        operation = graph.operation[node]
        if operation == "const":
            return code.const(V, float(graph.payload[node] or 0.0))
        if operation in ("true", "false"):
            return code.const(B, operation == "true")
        if operation == "mode":
            return self._mode(int(float(graph.payload[node] or 0)))
        if operation == "symbol":
            found = self._names[str(graph.payload[node])]
            return found if isinstance(found, Value) else code.load(found[0], found[1], V)
        a = [self._known[argument] for argument in graph.arguments[node]]
        if operation in ("add", "sub"):
            # What is added to 0 is no product any more, with or without the 0: it has been rounded.
            zero = [argument in self._left_out for argument in graph.arguments[node]]
            if zero[1] or (zero[0] and operation == "add"):
                return a[zero[0]].rounded()
        if operation in RELATIONS:
            return _RELATE[operation](a[0], a[1])
        if operation == "select":
            return a[0].select(a[1], a[2])
        if operation == "pow":
            return code.call("vpow", V, a[0], a[1])
        if operation in _TWO:
            return _TWO[operation](a[0], a[1])
        if operation == "not":
            return ~a[0]
        return unary(code, operation, a[0])

    def _mode(self, number: int) -> Value:
        word, bit = divmod(number, 64)
        if word not in self._loaded:
            assert self._words is not None
            self._loaded[word] = self._code.load(self._words, word, I)
        return (self._loaded[word] & bit_mask(bit)).differs(0)


_RELATE: dict[str, Callable[[Value, Value], Value]] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a.equals(b),
    "ne": lambda a, b: a.differs(b),
}

_TWO: dict[str, Callable[[Value, Value], Value]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
}


def functions(program: Program, implicit: bool) -> str:
    """Print all functions of a program; those of the Jacobian only for an implicit method."""
    parts = [_constants(program), _rates(program, implicit), _watch(program)]
    if program.floors:
        parts.append(_hold(program))
    if program.jumps:
        parts.append(_next_jump(program))
    if program.heights:
        parts.append(_look(program, implicit))
    if implicit:
        parts += [_linearize(program), _factor(program), _back(program)]
    return "".join(parts)


def _printer(program: Program, code: Function, t: Value, y: Value, q: Value, w: Value | None) -> Printer:
    names: dict[str, tuple[Value, int] | Value] = {TIME: t}
    names.update({name: (y, i) for i, name in enumerate(program.states)})
    names.update({f"{CONSTANT}{i}": (q, i) for i in range(len(program.constants))})
    names.update({f"{HELD}{i}": (q, len(program.constants) + i) for i in range(len(program.floors))})
    return Printer(code, program.graph, names, w, program.left_out)


def _constants(program: Program) -> str:
    code = Function("constants", [(PTR, "p"), (PTR, "q")], attributes="noinline nounwind")
    p, q = code.arguments
    printer = Printer(code, program.graph, {name: (p, i) for i, name in enumerate(program.slots)}, None)
    for i, node in enumerate(program.constants):
        code.store(printer.value(node), q, i)
    return code.text()


def _rates(program: Program, onto: bool) -> str:
    """Print @rates; it adds the rates to what stands in the array where an implicit method needs that."""
    arguments = [(V, "t"), (PTR, "y"), (PTR, "q"), (PTR, "w"), (PTR, "f")]
    code = Function("rates", arguments, attributes="noinline nounwind")
    t, y, q, w, f = code.arguments
    printer = _printer(program, code, t, y, q, w)
    for node in _slow(program, program.rates, SLOW):
        printer.value(node)
    for i, node in enumerate(program.rates):
        value = printer.value(node)
        code.store(value + code.load(f, i, V) if onto else value, f, i)
    return code.text()


def _slow(program: Program, nodes: Sequence[Node], operations: set[str]) -> list[Node]:
    """List what takes long in formulas, so that it is begun first: what waits for it can then be filled with the rest.

    First comes that on which the longest chain of such terms rests.
    """
    graph = program.graph
    order = graph.order(nodes, program.left_out)
    slow = {node for node in order if graph.operation[node] in operations}
    waiting = dict.fromkeys(order, 0)
    for node in reversed(order):
        for argument in graph.arguments[node]:
            waiting[argument] = max(waiting.get(argument, 0), waiting[node] + (node in slow))
    return sorted(slow, key=lambda node: (-waiting[node], node))


def _linearize(program: Program) -> str:
    arguments = [(V, "t"), (PTR, "y"), (PTR, "q"), (PTR, "w"), (PTR, "f"), (PTR, "j"), (PTR, "d")]
    code = Function("linearize", arguments, attributes="noinline nounwind")
    t, y, q, w, f, j, d = code.arguments
    printer = _printer(program, code, t, y, q, w)
    for node in _slow(program, [*program.rates, *program.jacobian.values()], {"div", *SLOW}):
        printer.value(node)
    for i, node in enumerate(program.rates):
        code.store(printer.value(node), f, i)
        for k, ((row, _), entry) in enumerate(program.jacobian.items()):
            if row == i:
                code.store(printer.value(entry), j, k)
        if program.drift:
            code.store(printer.value(program.drift[i]), d, i)
    return code.text()


def _watch(program: Program) -> str:
    code = Function("watch", [(V, "t"), (PTR, "y"), (PTR, "q"), (PTR, "w")], attributes="noinline nounwind")
    t, y, q, w = code.arguments
    _store_words(program, code, _printer(program, code, t, y, q, None), w)
    return code.text()


def _store_words(program: Program, code: Function, printer: Printer, into: Value) -> None:
    for word in range(program.words):
        bits = code.const(I, 0)
        for bit, node in enumerate(program.watch[64 * word : 64 * word + 64]):
            bits = bits | printer.value(node).select(code.const(I, bit_mask(bit)), 0)
        code.store(bits, into, word)


def _hold(program: Program) -> str:
    """Print @hold: floors as they are now."""
    code = Function("hold", [(V, "t"), (PTR, "y"), (PTR, "q")], attributes="noinline nounwind")
    t, y, q = code.arguments
    printer = _printer(program, code, t, y, q, None)
    for i, node in enumerate(program.floors):
        code.store(printer.value(node), q, len(program.constants) + i)
    return code.text()


def _next_jump(program: Program) -> str:
    """Print @next_jump: the first time after now, and before an end, at which a floor of time makes something jump."""
    code = Function("next_jump", [(V, "t"), (V, "end"), (PTR, "y"), (PTR, "q")], V, attributes="noinline nounwind")
    t, end, y, q = code.arguments
    printer = _printer(program, code, t, y, q, None)
    for node in program.jumps:
        jump = printer.value(node)
        end = ((jump > t) & (jump < end)).select(jump, end)
    code.give(end)
    return code.text()


def _look(program: Program, implicit: bool) -> str:
    """Print @look: truth values as @watch has them, how far comparisons are from changing, and the rate of that.

    Both rest on the same terms, and powers are the longest of them. An explicit method knows the rates, which stand in
    `f`; for an implicit one those that are needed are worked out.
    """
    arguments = [(V, "t"), (PTR, "y"), (PTR, "f"), (PTR, "q"), (PTR, "w"), (PTR, "d"), (PTR, "s"), (PTR, "into")]
    code = Function("look", arguments, attributes="noinline nounwind")
    t, y, f, q, w, d, s, into = code.arguments
    printer = _printer(program, code, t, y, q, w)
    needed = rates_in(program)
    for i, number in enumerate(program.numbers):
        if f"{RATE}{number}" in needed:
            printer.define(f"{RATE}{number}", printer.value(program.rates[i]) if implicit else (f, i))
    for i, (height, slope) in enumerate(zip(program.heights, program.slopes, strict=True)):
        code.store(printer.value(height), d, i)
        code.store(printer.value(slope), s, i)
    _store_words(program, code, printer, into)
    return code.text()


def rates_in(program: Program) -> set[str]:
    """Return the symbols of the rates on which the slopes of comparisons depend."""
    return {name for name in program.graph.symbols(program.slopes) if name.startswith(RATE)}


def outputs(program: Program, readings: Sequence[Node]) -> str:
    """Print @outputs, a unit of its own: what is read changes from solve to solve, and the rest need not."""
    code = Function("outputs", [(V, "t"), (PTR, "y"), (PTR, "p"), (PTR, "o")], attributes="external nounwind")
    t, y, p, o = code.arguments
    names: dict[str, tuple[Value, int] | Value] = {TIME: t}
    names.update({name: (y, i) for i, name in enumerate(program.states)})
    names.update({name: (p, i) for i, name in enumerate(program.slots)})
    printer = Printer(code, program.graph, names, None)
    for i, node in enumerate(readings):
        code.store(printer.value(node), o, i)
    return code.text()


def _factor(program: Program) -> str:
    """Print @factor: LU factors of g - J, off the diagonal with the other sign, and the reciprocals of the pivots.

    With that sign every update is a sum, and nothing needs to be turned around.
    """
    if program.elimination.dense:
        return _factor_dense(program)
    code = Function("factor", [(PTR, "j"), (V, "g"), (PTR, "m")], attributes="noinline nounwind")
    j, g, m = code.arguments
    elimination = program.elimination
    given = {entry: k for k, entry in enumerate(program.jacobian)}
    place = {entry: k for k, entry in enumerate(elimination.entries)}
    order = elimination.order
    upper: dict[int, dict[int, Value]] = {}
    reciprocals: dict[int, Value] = {}
    # Row by row: at work are the entries of one row, which are few, and those above it that it needs.
    for k, i in enumerate(order):
        row = {column: code.load(j, given[i, column], V) for column in order if (i, column) in given}
        row[i] = g - row[i] if i in row else g
        for pivot in order[:k]:
            if pivot not in row:
                continue
            factor = row[pivot] * reciprocals[pivot]
            code.store(factor, m, place[i, pivot])
            for column, above in upper[pivot].items():
                product = factor * above
                if column == i:
                    row[i] = row[i] - product
                else:
                    row[column] = row[column] + product if column in row else product.rounded()
        reciprocals[i] = 1.0 / row[i]
        code.store(reciprocals[i], m, place[i, i])
        upper[i] = {column: row[column] for column in order[k + 1 :] if column in row}
        for column, value in upper[i].items():
            code.store(value, m, place[i, column])
    return code.text()


def _back(program: Program) -> str:
    """Print @back: solve with the factors, in place, and then the blocks of sensitivities with the same factors."""
    name = "back" if len(program.states) == program.base else "back_block"
    code = Function(name, [(PTR, "m"), (PTR, "x")], attributes="noinline nounwind")
    m, x = code.arguments
    if program.elimination.dense:
        _back_dense(program, code)
        return code.text() if name == "back" else code.text() + _back_blocks(program)
    lower, upper, place = substitution(program.elimination)
    values = [code.load(x, i, V) for i in range(program.base)]
    for i, j in lower:
        values[i] = code.fma(code.load(m, place[i, j], V), values[j], values[i])
    for i, columns in upper:
        for j in columns:
            values[i] = code.fma(code.load(m, place[i, j], V), values[j], values[i])
        values[i] = values[i] * code.load(m, place[i, i], V)
        code.store(values[i], x, i)
    return code.text() if name == "back" else code.text() + _back_blocks(program)


def _factor_dense(program: Program) -> str:
    """Print @factor as loops over a full matrix, row by row."""
    code, n = Function("factor", [(PTR, "j"), (V, "g"), (PTR, "m")], attributes="noinline nounwind"), program.base
    j, g, m = code.arguments
    with code.count(n * n) as i:
        code.store(code.const(V, 0.0), m, i)
    with code.count(n) as i:
        code.store(g, m, i * (n + 1))
    for k, (row, column) in enumerate(program.jacobian):
        if row < n:
            place = row * n + column
            code.store(code.load(m, place, V) - code.load(j, k, V), m, place)
    with code.count(n) as pivot:
        reciprocal = 1.0 / code.load(m, pivot * (n + 1), V)
        code.store(reciprocal, m, pivot * (n + 1))
        with code.count(n, pivot + 1) as i:
            factor = code.load(m, i * n + pivot, V) * reciprocal
            code.store(factor, m, i * n + pivot)
            with code.count(n, pivot + 1) as c:
                old = code.load(m, i * n + c, V)
                code.store(old - factor * code.load(m, pivot * n + c, V), m, i * n + c)
    return code.text()


def _back_dense(program: Program, code: Function) -> None:
    (m, x), n = code.arguments, program.base
    with code.count(n) as i, code.count(i) as j:
        code.store(code.load(x, i, V) - code.load(m, i * n + j, V) * code.load(x, j, V), x, i)
    with code.count(n) as down:
        row = (down * -1) + (n - 1)
        with code.count(n, row + 1) as j:
            code.store(code.load(x, row, V) - code.load(m, row * n + j, V) * code.load(x, j, V), x, row)
        code.store(code.load(x, row, V) * code.load(m, row * (n + 1), V), x, row)


def _back_blocks(program: Program) -> str:
    """Print @back for sensitivities: the model's own part first, what it does to each block, then the block."""
    code = Function("back", [(PTR, "m"), (PTR, "x"), (PTR, "j")], attributes="noinline nounwind")
    m, x, j = code.arguments
    code.call("back_block", "void", m, x)
    for k, (row, column) in enumerate(program.jacobian):
        if row >= program.base:
            value = code.fma(code.load(j, k, V), code.load(x, column, V), code.load(x, row, V))
            code.store(value, x, row)
    for first in range(program.base, len(program.states), program.base):
        code.call("back_block", "void", m, code.at(x, first, V))
    return code.text()


def substitution(
    elimination: Elimination,
) -> tuple[list[tuple[int, int]], list[tuple[int, list[int]]], dict[tuple[int, int], int]]:
    """List the steps of the forward and of the backward substitution, and where each factor is kept."""
    order = elimination.order
    place = {entry: k for k, entry in enumerate(elimination.entries)}
    lower = [(i, j) for k, i in enumerate(order) for j in order[:k] if (i, j) in place]
    # What is known last comes last, so that little waits for it.
    upper = [(i, [j for j in order[:k:-1] if (i, j) in place]) for k, i in reversed(list(enumerate(order)))]
    return lower, upper, place
