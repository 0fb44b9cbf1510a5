"""Reads a formula of libSBML, or one written as text, into a graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from typing import Any

import libsbml

from gvlab.errors import InvalidValueError, ModelError
from gvlab.sbml.graph import Graph, Node
from gvlab.sbml.names import RATE_OF, TIME

__all__ = ["AVOGADRO", "TIME", "FormulaReader", "Functions", "parsed"]

Functions = dict[str, tuple[tuple[str, ...], Any]]
"""Function definitions by id: the names of their arguments, and their bodies."""

MOST_CHARACTERS = 20_000
"""Length of a written formula, beyond which it is refused: libSBML recurses over it."""

AVOGADRO = 6.02214179e23

_UNARY = {
    libsbml.AST_FUNCTION_ABS: "abs",
    libsbml.AST_FUNCTION_EXP: "exp",
    libsbml.AST_FUNCTION_LN: "log",
    libsbml.AST_FUNCTION_FLOOR: "floor",
    libsbml.AST_FUNCTION_CEILING: "ceil",
    libsbml.AST_FUNCTION_FACTORIAL: "factorial",
    libsbml.AST_FUNCTION_SIN: "sin",
    libsbml.AST_FUNCTION_COS: "cos",
    libsbml.AST_FUNCTION_TAN: "tan",
    libsbml.AST_FUNCTION_ARCSIN: "asin",
    libsbml.AST_FUNCTION_ARCCOS: "acos",
    libsbml.AST_FUNCTION_ARCTAN: "atan",
    libsbml.AST_FUNCTION_SINH: "sinh",
    libsbml.AST_FUNCTION_COSH: "cosh",
    libsbml.AST_FUNCTION_TANH: "tanh",
    libsbml.AST_FUNCTION_ARCSINH: "asinh",
    libsbml.AST_FUNCTION_ARCCOSH: "acosh",
    libsbml.AST_FUNCTION_ARCTANH: "atanh",
}

# Functions that are one over another, and inverse functions of one over.
_RECIPROCAL = {
    libsbml.AST_FUNCTION_SEC: "cos",
    libsbml.AST_FUNCTION_CSC: "sin",
    libsbml.AST_FUNCTION_COT: "tan",
    libsbml.AST_FUNCTION_SECH: "cosh",
    libsbml.AST_FUNCTION_CSCH: "sinh",
    libsbml.AST_FUNCTION_COTH: "tanh",
}
_OF_RECIPROCAL = {
    libsbml.AST_FUNCTION_ARCSEC: "acos",
    libsbml.AST_FUNCTION_ARCCSC: "asin",
    libsbml.AST_FUNCTION_ARCCOT: "atan",
    libsbml.AST_FUNCTION_ARCSECH: "acosh",
    libsbml.AST_FUNCTION_ARCCSCH: "asinh",
    libsbml.AST_FUNCTION_ARCCOTH: "atanh",
}

_RELATIONS = {
    libsbml.AST_RELATIONAL_LT: "lt",
    libsbml.AST_RELATIONAL_LEQ: "le",
    libsbml.AST_RELATIONAL_GT: "gt",
    libsbml.AST_RELATIONAL_GEQ: "ge",
    libsbml.AST_RELATIONAL_EQ: "eq",
    libsbml.AST_RELATIONAL_NEQ: "ne",
}

_NUMBERS = {
    libsbml.AST_CONSTANT_E: math.e,
    libsbml.AST_CONSTANT_PI: math.pi,
    libsbml.AST_NAME_AVOGADRO: AVOGADRO,
}


@dataclass
class FormulaReader:
    """Turns libSBML formulas into nodes of one graph.

    Parameters
    ----------
    graph
        Where the nodes go.
    functions
        Function definitions of the document.
    """

    graph: Graph
    functions: Functions = field(default_factory=dict)
    _calls: dict[tuple[str, tuple[Node, ...]], Node] = field(default_factory=dict)

    def read(self, ast: Any, names: Mapping[str, Node] | None = None) -> Node:
        """Return the node of a formula.

        Parameters
        ----------
        ast
            The formula, as libSBML has it.
        names
            Local names (arguments of a function, local parameters) and what they stand for.

        Raises
        ------
        ModelError
            If the formula has a construct that no engine here supports, such as ``delay``.
        """
        names = names or {}
        kind = ast.getType()
        if ast.isNumber():
            return self.graph.const(_number(ast))
        if kind in _NUMBERS:
            return self.graph.const(_NUMBERS[kind])
        if kind == libsbml.AST_NAME_TIME:
            return self.graph.symbol(TIME)
        if kind == libsbml.AST_NAME:
            return names[ast.getName()] if ast.getName() in names else self.graph.symbol(ast.getName())
        if kind == libsbml.AST_FUNCTION_RATE_OF:
            return self._rate_of(ast, names)
        if kind == libsbml.AST_FUNCTION_DELAY:
            raise ModelError("The model has a delay equation (csymbol delay), which is not supported.")
        arguments = [self.read(ast.getChild(i), names) for i in range(ast.getNumChildren())]
        if kind == libsbml.AST_FUNCTION:
            return self._call(ast.getName(), tuple(arguments))
        return self._apply(kind, arguments, ast)

    def _rate_of(self, ast: Any, names: Mapping[str, Node]) -> Node:
        of = self.read(ast.getChild(0), names)
        if self.graph.operation[of] != "symbol":
            return self.graph.const(0.0)
        return self.graph.symbol(RATE_OF + str(self.graph.payload[of]))

    def _call(self, name: str, arguments: tuple[Node, ...]) -> Node:
        if name not in self.functions:
            raise ModelError(f'A formula calls "{name}", which is no function of the SBML document.')
        # One node per distinct call keeps a chain of functions, each calling the next twice, from doubling.
        known = self._calls.get((name, arguments))
        if known is None:
            parameters, body = self.functions[name]
            if len(parameters) != len(arguments):
                raise ModelError(f'The function "{name}" takes {len(parameters)} arguments, not {len(arguments)}.')
            known = self.read(body, dict(zip(parameters, arguments, strict=True)))
            self._calls[(name, arguments)] = known
        return known

    def _apply(self, kind: int, arguments: list[Node], ast: Any) -> Node:
        graph = self.graph
        if kind in _RELATIONS:
            return self._compare(_RELATIONS[kind], arguments)
        if kind in _TRUTHS:
            return _TRUTHS[kind](graph, [graph.boolean(argument) for argument in arguments])
        if kind == libsbml.AST_FUNCTION_PIECEWISE:
            return self._piecewise(arguments)
        numbers = [graph.number(argument) for argument in arguments]
        if kind in _UNARY:
            return graph.unary(_UNARY[kind], numbers[0])
        if kind in _RECIPROCAL:
            return graph.div(graph.const(1.0), graph.unary(_RECIPROCAL[kind], numbers[0]))
        if kind in _OF_RECIPROCAL:
            return graph.unary(_OF_RECIPROCAL[kind], graph.div(graph.const(1.0), numbers[0]))
        if kind in _ARITHMETIC:
            return _ARITHMETIC[kind](graph, numbers)
        raise ModelError(f'The formula "{libsbml.formulaToL3String(ast)}" has an operation that is not supported.')

    def _compare(self, operation: str, arguments: Sequence[Node]) -> Node:
        graph = self.graph
        numbers = [graph.number(argument) for argument in arguments]
        # SBML relations take any number of arguments: a < b < c.
        pairs = [graph.relation(operation, a, b) for a, b in pairwise(numbers)]
        return reduce(graph.both, pairs, graph.truth(True))

    def _piecewise(self, arguments: Sequence[Node]) -> Node:
        graph = self.graph
        truths = all(graph.is_truth(argument) for argument in arguments[0::2])
        result = graph.number(arguments[-1]) if len(arguments) % 2 else graph.const(math.nan)
        last = len(arguments) - len(arguments) % 2
        for i in range(last - 2, -1, -2):
            result = graph.select(graph.boolean(arguments[i + 1]), graph.number(arguments[i]), result)
        return graph.boolean(result) if truths and len(arguments) % 2 else result


def parsed(text: str) -> Any:
    """Return an SBML L3 infix formula as libSBML has it.

    Raises
    ------
    InvalidValueError
        If it is no formula.
    """
    settings = libsbml.L3ParserSettings()
    tree = libsbml.parseL3FormulaWithSettings(text, settings) if len(text) < MOST_CHARACTERS else None
    if tree is None:
        reason = (libsbml.getLastParseL3Error() or "").strip().splitlines()
        raise InvalidValueError(f'"{text[:200]}" is not a formula{": " + reason[-1] if reason else ""}.')
    return tree


def _number(ast: Any) -> float:
    if ast.isInteger():
        return float(ast.getInteger())
    return float(ast.getReal())


def _times(graph: Graph, values: Sequence[Node]) -> Node:
    return reduce(graph.mul, values, graph.const(1.0))


def _plus(graph: Graph, values: Sequence[Node]) -> Node:
    return reduce(graph.add, values, graph.const(0.0))


def _minus(graph: Graph, values: Sequence[Node]) -> Node:
    return graph.neg(values[0]) if len(values) == 1 else graph.sub(values[0], values[1])


def _log(graph: Graph, values: Sequence[Node]) -> Node:
    # With one argument the base is 10.
    base, of = (graph.const(10.0), values[0]) if len(values) == 1 else (values[0], values[1])
    return graph.div(graph.unary("log", of), graph.unary("log", base))


def _root(graph: Graph, values: Sequence[Node]) -> Node:
    if len(values) == 1:
        return graph.unary("sqrt", values[0])
    return graph.pow(values[1], graph.div(graph.const(1.0), values[0]))


def _quotient(graph: Graph, values: Sequence[Node]) -> Node:
    ratio = graph.div(values[0], values[1])
    toward_zero = graph.relation("lt", ratio, graph.const(0.0))
    return graph.select(toward_zero, graph.unary("ceil", ratio), graph.unary("floor", ratio))


def _remainder(graph: Graph, values: Sequence[Node]) -> Node:
    return graph.sub(values[0], graph.mul(values[1], _quotient(graph, values)))


_ARITHMETIC: Mapping[int, Callable[[Graph, Sequence[Node]], Node]] = {
    libsbml.AST_PLUS: _plus,
    libsbml.AST_MINUS: _minus,
    libsbml.AST_TIMES: _times,
    libsbml.AST_DIVIDE: lambda graph, values: graph.div(values[0], values[1]),
    libsbml.AST_POWER: lambda graph, values: graph.pow(values[0], values[1]),
    libsbml.AST_FUNCTION_POWER: lambda graph, values: graph.pow(values[0], values[1]),
    libsbml.AST_FUNCTION_LOG: _log,
    libsbml.AST_FUNCTION_ROOT: _root,
    libsbml.AST_FUNCTION_MIN: lambda graph, values: reduce(graph.minimum, values),
    libsbml.AST_FUNCTION_MAX: lambda graph, values: reduce(graph.maximum, values),
    libsbml.AST_FUNCTION_QUOTIENT: _quotient,
    libsbml.AST_FUNCTION_REM: _remainder,
}

_TRUTHS: Mapping[int, Callable[[Graph, Sequence[Node]], Node]] = {
    libsbml.AST_CONSTANT_TRUE: lambda graph, _: graph.truth(True),
    libsbml.AST_CONSTANT_FALSE: lambda graph, _: graph.truth(False),
    libsbml.AST_LOGICAL_AND: lambda graph, values: reduce(graph.both, values, graph.truth(True)),
    libsbml.AST_LOGICAL_OR: lambda graph, values: reduce(graph.either, values, graph.truth(False)),
    libsbml.AST_LOGICAL_XOR: lambda graph, values: reduce(graph.exclusive, values, graph.truth(False)),
    libsbml.AST_LOGICAL_NOT: lambda graph, values: graph.negation(values[0]),
    libsbml.AST_LOGICAL_IMPLIES: lambda graph, values: graph.either(graph.negation(values[0]), values[1]),
}
