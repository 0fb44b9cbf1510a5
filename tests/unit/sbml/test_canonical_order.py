"""Whatever is read of a model first, its formulas are the same in the same order, and so are the bits of results."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import antimony
import numpy as np
import pytest

from gvlab.engine import Operation
from gvlab.engine.ensemble.engine import Engine
from gvlab.engine.ensemble.ready import ReadyModel
from gvlab.engine.ensemble.run import Run
from gvlab.engine.program.program import Program, build, fingerprint, outputs
from gvlab.engine.request import check
from gvlab.model.model import Model
from gvlab.sbml.equations import Equations
from gvlab.sbml.graph import Graph

SUMS = """
model sums
    compartment c = 3; species A in c = 1; species B in c = 2; species X in c = 0; k = 0.3; l = 0.7; n = 0
    B -> A; l*B + k*A
    A -> B; k*A*B
    -> X; A*k + B*l - (k*A + l*B)*X
    total := A*k + B*l + X*k*l
    other := B*l
    x0 = k*l + 2
    far: at (A*k + B*l > 1.1), priority = A*B + k: n = n + A*k + B*l
end
"""

CHAIN = """
model chain
    x = 1; y = 0; z = 0; a = 0.4; b = 0.9; g = 1.7
    x' = -a*x + b*y*z; y' = a*x - b*y*z - g*y^2 + 0.1*sin(g*time); z' = g*y*y - a*b*z/(a*x + b*y + 1)
end
"""


def equations(text: str) -> Equations:
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(text) >= 0, antimony.getLastError()
    return Equations.from_sbml(antimony.getSBMLString(antimony.getMainModuleName()))


def first_nothing(model: Equations) -> None:
    """Go straight to the program."""


def first_nominal(model: Equations) -> None:
    assert model.nominal


def first_outputs(model: Equations) -> None:
    outputs(model, [*reversed(model.reactions), *reversed(model.assigned), *model.states])


def first_guards(model: Equations) -> None:
    names = [*model.states, *model.parameters]
    for one, other in itertools.pairwise(reversed(names[:40])):
        model.formula(f"{one}*{other} + {other}*{names[0]} > {names[1]}*{one} + 1")


def first_rates_from_behind(model: Equations) -> None:
    for name in reversed(model.states):
        if name in model.system.rates:
            model.during(model.system.rates[name])


def first_replaced(model: Equations) -> None:
    for name in model.parameters[-3:]:
        model.initial({name: 2.0})


def first_products_the_other_way_round(model: Equations) -> None:
    graph = model.system.graph
    symbols = [graph.symbol(name) for name in reversed(model.parameters[:20])]
    for one, other in itertools.combinations(symbols, 2):
        graph.add(graph.mul(one, other), graph.mul(other, symbols[0]))


def through_what_was_kept(model: Equations) -> Equations:
    first_guards(model)
    return Equations.from_kept(model.sbml, model.to_kept())


def in_many_threads(model: Equations) -> None:
    ways = [first_nominal, first_outputs, first_guards, first_rates_from_behind, first_replaced]
    with ThreadPoolExecutor(len(ways)) as pool:
        list(pool.map(lambda way: way(model), ways))


WAYS: list[Callable[[Equations], Equations | None]] = [
    first_nominal,
    first_outputs,
    first_guards,
    first_rates_from_behind,
    first_replaced,
    first_products_the_other_way_round,
    through_what_was_kept,
    in_many_threads,
]


def read(text: str, way: Callable[[Equations], Equations | None]) -> tuple[Equations, Program]:
    model = Equations(text)
    model = way(model) or model
    return model, build(model)


def solved(model: Equations, program: Program) -> list[np.ndarray]:
    """Solve on this very graph, for a few subjects with unequal parameters and a dose behind a guard."""
    names = (*model.states, *model.assigned, *model.reactions)
    spread = np.random.default_rng(2).uniform(0.8, 1.25, (len(model.parameters), 3))
    varied = {n: model.nominal[n] * s for n, s in zip(model.parameters, spread, strict=True) if model.nominal[n] > 0}
    state = next(name for name in model.states if name in model.system.rates)
    dose = Operation(1.5, "add", state, 0.25, guard=f"{state} >= 0")
    request = check(model, np.linspace(0.0, 4.0, 9), 3, names, varied, [dose], (), None)
    solution = Run(request, ReadyModel(model, "auto", program), 1, None).follow()
    return [solution.values, solution.final, solution.steps, solution.events["time"]]


@pytest.fixture(scope="module", params=["sums", "chain", "flagship"])
def text(request) -> str:
    if request.param == "flagship":
        return Model.default().sbml
    return equations({"sums": SUMS, "chain": CHAIN}[request.param]).sbml


@pytest.mark.parametrize("way", WAYS)
def test_the_way_of_reading_changes_neither_the_program_nor_a_bit(text, way):
    plain, other = read(text, first_nothing), read(text, way)
    assert fingerprint(other[1]) == fingerprint(plain[1])
    for ours, theirs in zip(solved(*plain), solved(*other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_engine_gives_those_bits_too(text):
    plain = read(text, first_nothing)
    model = Equations(text)
    first_guards(model)
    times = np.linspace(0.0, 2.0, 5)
    request = check(plain[0], times, 2, model.states, None, [], (), None)
    ours = Run(request, ReadyModel(*plain[:1], "auto", plain[1]), 1, None).follow()
    theirs = Engine().solve(model, times, subjects=2, outputs=model.states)
    np.testing.assert_array_equal(ours.values, theirs.values)


def test_a_sum_is_one_node_whichever_term_was_made_first():
    texts = []
    for names in itertools.permutations("abcd"):
        graph = Graph()
        for name in names:
            graph.symbol(name)
        a, b, c, d = (graph.symbol(name) for name in "abcd")
        one = graph.add(graph.mul(a, b), graph.mul(c, d))
        assert one == graph.add(graph.mul(d, c), graph.mul(b, a))
        order = graph.order([one])
        texts.append([(graph.operation[node], graph.payload[node]) for node in order])
    assert all(text == texts[0] for text in texts)


def test_threads_that_make_the_same_nodes_get_the_same(text):
    model = Equations(text)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: [model.formula(f"{name} + 1") for name in model.states], range(8)))
    assert all(nodes == found[0] for nodes in found)
    graph = model.system.graph
    nodes = set(zip(graph.operation, graph.arguments, map(repr, graph.payload), strict=True))
    assert len(nodes) == len(graph.operation)
