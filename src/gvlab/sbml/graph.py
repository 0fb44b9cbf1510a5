"""Formulas as a graph in which equal terms are one node.

A node is a whole number. Equal operations on equal arguments give the same number, so common subexpressions are
shared from the start, a chain of function calls stays small, and a derivative reuses the terms of its function.
Numbers and truth values are told apart by the operation; SBML lets either stand for the other.

The order of the arguments of a sum, a product or any other operation that does not depend on it is canonical: it
follows from what the arguments are (a hash of their formulas), not from when they were made. What is printed from a
formula goes through its arguments in that order, and a product is added with one rounding less, so the order decides
bits. Who reads a model first, and what for, must not.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import threading
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

from gvlab.sbml.operations import COMMUTATIVE, RELATIONS, TRUTHS, UNARY, power

Node = int

MOST_ORDERS = 1000
"""Orders that are kept; who makes up formulas without end has them worked out each time."""


class Graph:
    """A growing set of nodes; `operation`, `arguments` and `payload` are parallel lists over nodes.

    `payload` holds the value of a ``const`` node and the name of a ``symbol`` node.
    """

    def __init__(self) -> None:
        self.operation: list[str] = []
        self.arguments: list[tuple[Node, ...]] = []
        self.payload: list[float | str | None] = []
        self._known: dict[tuple[object, ...], Node] | None = {}
        self._ranks: dict[Node, bytes] = {}
        self._orders: dict[tuple[Node, ...], tuple[Node, ...]] = {}
        self._lock = threading.Lock()

    def to_kept(self) -> dict[str, Any]:
        """Return the nodes in a form that JSON takes, and reads fast: few long lists."""
        return {
            "operation": " ".join(self.operation),
            "counts": "".join(str(len(arguments)) for arguments in self.arguments),
            "arguments": [argument for arguments in self.arguments for argument in arguments],
            "payload": list(self.payload),
        }

    @classmethod
    def from_kept(cls, kept: Mapping[str, Any]) -> Graph:
        """Return the graph that `to_kept` wrote.

        Raises
        ------
        LookupError, TypeError, ValueError
            If something else wrote it.
        """
        graph, flat = cls(), iter(kept["arguments"])
        graph.operation, graph.payload = kept["operation"].split(), kept["payload"]
        graph.arguments = [tuple(itertools.islice(flat, int(count))) for count in kept["counts"]]
        graph._known = None  # it takes long, and who only evaluates what was kept makes no node
        if not len(graph.operation) == len(graph.arguments) == len(graph.payload):
            raise ValueError("The lists of a graph have different lengths.")
        return graph

    # ------------------------------------------------------------------ leaves

    def const(self, value: float) -> Node:
        """Return the node of a number."""
        value = float(value)
        return self._make("const", (), value, _key("const", value))

    def symbol(self, name: str) -> Node:
        """Return the node of a name whose value is known only when the formula is evaluated."""
        return self._make("symbol", (), name, _key("symbol", name))

    def truth(self, value: bool) -> Node:
        """Return the node of a truth value."""
        return self._make("true" if value else "false", (), None, None)

    def mode(self, number: int) -> Node:
        """Return the node of a truth value that is held while a step is taken."""
        return self._make("mode", (), float(number), _key("mode", float(number)))

    def value(self, node: Node) -> float | None:
        """Return the number of a constant node, or None."""
        payload = self.payload[node]
        return payload if isinstance(payload, float) else None

    def is_truth(self, node: Node) -> bool:
        """Return whether a node is a truth value rather than a number."""
        return self.operation[node] in TRUTHS

    # -------------------------------------------------------------- conversions

    def number(self, node: Node) -> Node:
        """Read a node as a number: true is 1, false is 0."""
        if not self.is_truth(node):
            return node
        if self.operation[node] == "true":
            return self.const(1.0)
        if self.operation[node] == "false":
            return self.const(0.0)
        return self.select(node, self.const(1.0), self.const(0.0))

    def boolean(self, node: Node) -> Node:
        """Read a node as a truth value: what is not 0 is true."""
        if self.is_truth(node):
            return node
        value = self.value(node)
        if value is not None:
            return self.truth(value != 0.0)
        if self.operation[node] == "select":
            condition, yes, no = self.arguments[node]
            if self.value(yes) == 1.0 and self.value(no) == 0.0:
                return condition
        return self._make("ne", (node, self.const(0.0)), None, None)

    # --------------------------------------------------------------- arithmetic

    def add(self, a: Node, b: Node) -> Node:
        """Return a + b."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.const(x + y)
        if x == 0.0:
            return b
        if y == 0.0:
            return a
        if self.operation[b] == "neg":
            return self.sub(a, self.arguments[b][0])
        if self.operation[a] == "neg":
            return self.sub(b, self.arguments[a][0])
        if -1.0 in (x, y):
            return self.sub(b if x == -1.0 else a, self.const(1.0))
        return self._make("add", (a, b), None, None)

    def sub(self, a: Node, b: Node) -> Node:
        """Return a - b."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.const(x - y)
        if y == 0.0:
            return a
        if x == 0.0:
            return self.neg(b)
        if self.operation[b] == "neg":
            return self.add(a, self.arguments[b][0])
        # A difference of nearly equal numbers would have few digits.
        if x == 1.0 and self.operation[b] == "exp":
            return self.neg(self.unary("expm1", self.arguments[b][0]))
        if y == 1.0 and self.operation[a] == "exp":
            return self.unary("expm1", self.arguments[a][0])
        return self._make("sub", (a, b), None, None)

    def neg(self, a: Node) -> Node:
        """Return -a."""
        if self.operation[a] == "neg":
            return self.arguments[a][0]
        if self.operation[a] == "sub":
            x, y = self.arguments[a]
            return self.sub(y, x)
        return self.unary("neg", a)

    def mul(self, a: Node, b: Node) -> Node:
        """Return a b."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.const(x * y)
        for one, other in ((x, b), (y, a)):
            if one == 0.0:
                return self.const(0.0)
            if one == 1.0:
                return other
            if one == -1.0:
                return self.neg(other)
        if self.operation[a] == "neg" and self.operation[b] == "neg":
            return self.mul(self.arguments[a][0], self.arguments[b][0])
        if self.operation[a] == "neg":
            return self.neg(self.mul(self.arguments[a][0], b))
        if self.operation[b] == "neg":
            return self.neg(self.mul(a, self.arguments[b][0]))
        return self._make("mul", (a, b), None, None)

    def div(self, a: Node, b: Node) -> Node:
        """Return a / b."""
        x, y = self.value(a), self.value(b)
        if y == 1.0:
            return a
        if x is not None and y is not None and y != 0.0:
            return self.const(x / y)
        if x == 0.0 and (y is None or y != 0.0):
            return self.const(0.0)
        if self.operation[a] == "neg":
            return self.neg(self.div(self.arguments[a][0], b))
        return self._make("div", (a, b), None, None)

    def pow(self, a: Node, b: Node) -> Node:
        """Return a to the power b; small whole powers become products."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.const(power(x, y))
        if y == 0.0:
            return self.const(1.0)
        if y == 0.5:
            return self.unary("sqrt", a)
        if y is not None and abs(y) <= 32 and y == int(y):
            result = self._whole_power(a, int(abs(y)))
            return result if y > 0 else self.div(self.const(1.0), result)
        return self._make("pow", (a, b), None, None)

    def _whole_power(self, a: Node, n: int) -> Node:
        if n == 1:
            return a
        half = self._whole_power(a, n // 2)
        square = self.mul(half, half)
        return self.mul(square, a) if n % 2 else square

    def minimum(self, a: Node, b: Node) -> Node:
        """Return the smaller of two."""
        return self.select(self.relation("lt", b, a), b, a)

    def maximum(self, a: Node, b: Node) -> Node:
        """Return the larger of two."""
        return self.select(self.relation("gt", b, a), b, a)

    def unary(self, operation: str, a: Node) -> Node:
        """Return the value of a function of one number."""
        x = self.value(a)
        if x is not None:
            try:
                return self.const(UNARY[operation](x))
            except OverflowError:
                return self.const(math.inf)
            except ValueError:
                if operation == "log" and x == 0.0:
                    return self.const(-math.inf)
                return self.const(math.nan)
        return self._make(operation, (a,), None, None)

    # -------------------------------------------------------------------- truth

    def relation(self, operation: str, a: Node, b: Node) -> Node:
        """Return a comparison of two numbers."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.truth(RELATIONS[operation](x, y))
        return self._make(operation, (a, b), None, None)

    def both(self, a: Node, b: Node) -> Node:
        """Return a and b."""
        for one, other in ((a, b), (b, a)):
            if self.operation[one] == "true":
                return other
            if self.operation[one] == "false":
                return one
        return a if a == b else self._make("and", (a, b), None, None)

    def either(self, a: Node, b: Node) -> Node:
        """Return a or b."""
        for one, other in ((a, b), (b, a)):
            if self.operation[one] == "false":
                return other
            if self.operation[one] == "true":
                return one
        return a if a == b else self._make("or", (a, b), None, None)

    def exclusive(self, a: Node, b: Node) -> Node:
        """Return a or b, but not both."""
        for one, other in ((a, b), (b, a)):
            if self.operation[one] == "false":
                return other
            if self.operation[one] == "true":
                return self.negation(other)
        return self._make("xor", (a, b), None, None)

    def negation(self, a: Node) -> Node:
        """Return not a."""
        if self.operation[a] in ("true", "false"):
            return self.truth(self.operation[a] == "false")
        if self.operation[a] == "not":
            return self.arguments[a][0]
        return self._make("not", (a,), None, None)

    def select(self, condition: Node, yes: Node, no: Node) -> Node:
        """Return `yes` where `condition` is true, else `no`."""
        if self.operation[condition] == "true" or yes == no:
            return yes
        if self.operation[condition] == "false":
            return no
        return self._make("select", (condition, yes, no), None, None)

    # ------------------------------------------------------------ whole formulas

    def rebuild(self, node: Node, replace: Callable[[Node], Node | None], memo: dict[Node, Node]) -> Node:
        """Copy a formula, replacing each node for which `replace` gives another."""
        for current in self.order([node], memo):
            new = replace(current)
            if new is None:
                old = self.arguments[current]
                arguments = tuple(memo[argument] for argument in old)
                new = current if arguments == old else self.apply(self.operation[current], arguments)
            memo[current] = new
        return memo[node]

    def apply(self, operation: str, arguments: tuple[Node, ...]) -> Node:
        """Return an operation on new arguments, simplified."""
        if operation in _TWO:
            return _TWO[operation](self, *arguments)
        if operation in RELATIONS:
            return self.relation(operation, *arguments)
        if operation == "select":
            return self.select(*arguments)
        if operation == "not":
            return self.negation(*arguments)
        return self.unary(operation, *arguments)

    def order(self, nodes: Iterable[Node], done: Container[Node] = ()) -> list[Node]:
        """List what the nodes need and the nodes themselves, arguments first, without those in `done`."""
        seen: set[Node] = set()
        result: list[Node] = []
        for root in nodes:
            # A negative entry says that the arguments of a node have been dealt with (nodes count from 0).
            stack = [root]
            while stack:
                node = stack.pop()
                if node < 0:
                    result.append(~node)
                elif node not in seen and node not in done:
                    seen.add(node)
                    arguments = self.arguments[node]
                    if not arguments:
                        result.append(node)
                        continue
                    stack.append(~node)
                    stack.extend(arguments[::-1])
        return result

    def order_again(self, nodes: Sequence[Node]) -> tuple[Node, ...]:
        """Return `order` of nodes that will be asked for again: of a formula that is evaluated many times."""
        asked = tuple(nodes)
        if asked not in self._orders:
            if len(self._orders) >= MOST_ORDERS:
                self._orders.clear()
            self._orders[asked] = tuple(self.order(asked))
        return self._orders[asked]

    def symbols(self, nodes: Iterable[Node]) -> set[str]:
        """Return the names that occur in formulas."""
        return {str(self.payload[node]) for node in self.order(nodes) if self.operation[node] == "symbol"}

    def _make(self, operation: str, arguments: tuple[Node, ...], payload: float | str | None, key: object) -> Node:
        if operation in COMMUTATIVE and self._rank(arguments[0]) > self._rank(arguments[1]):
            arguments = (arguments[1], arguments[0])
        identity = (operation, arguments, key)
        node = None if self._known is None else self._known.get(identity)
        if node is not None:
            return node
        with self._lock:  # threads may solve the same model
            if self._known is None:
                nodes = zip(self.operation, self.arguments, self.payload, strict=True)
                self._known = {(o, a, _key(o, p)): node for node, (o, a, p) in enumerate(nodes)}
            node = self._known.get(identity)
            if node is None:
                node = len(self.operation)
                self.operation.append(operation)
                self.arguments.append(arguments)
                self.payload.append(payload)
                self._known[identity] = node
        return node

    def _rank(self, node: Node) -> bytes:
        """Return the place of a node in the canonical order: a hash of its formula."""
        ranks = self._ranks
        if node not in ranks:
            for current in self.order([node], ranks):
                leaf = f"{self.operation[current]} {_key(self.operation[current], self.payload[current])}"
                parts = b"".join([ranks[argument] for argument in self.arguments[current]])
                ranks[current] = hashlib.blake2b(leaf.encode() + parts, digest_size=8).digest()
        return ranks[node]


def _key(operation: str, payload: float | str | None) -> float | str | None:
    """Return what tells leaves apart: 0.0 equals -0.0, and NaN differs from itself; their hexadecimal texts do not."""
    return payload.hex() if operation == "const" and isinstance(payload, float) else payload


_TWO: Mapping[str, Callable[[Graph, Node, Node], Node]] = {
    "add": Graph.add,
    "sub": Graph.sub,
    "mul": Graph.mul,
    "div": Graph.div,
    "pow": Graph.pow,
    "and": Graph.both,
    "or": Graph.either,
    "xor": Graph.exclusive,
}
