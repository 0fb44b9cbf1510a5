"""A text that is made to crash a parser is refused in bounded time, in words."""

from __future__ import annotations

import time

import pytest

from gvlab.errors import ModelError
from gvlab.sbml.equations import Equations

HEAD = '<?xml version="1.0"?>'
SBML = (
    '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="m">{}</model></sbml>'
)
MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">{}</math>'


def refused(text: str, words: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ModelError, match=words):
        Equations.from_sbml(text)
    assert time.perf_counter() - start < 5


def test_entities_are_refused():
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    refused(f'{HEAD}<!DOCTYPE lolz [<!ENTITY a0 "lol">{laughs}]>' + SBML.format("&a9;"), "DOCTYPE")


def test_deep_nesting_is_refused():
    deep = "<apply><minus/>" * 20_000 + "<cn>1</cn>" + "</apply>" * 20_000
    rule = f'<listOfRules><rateRule variable="x">{MATH.format(deep)}</rateRule></listOfRules>'
    refused(SBML.format(rule), "250 deep")


def test_a_chain_of_functions_that_doubles_is_refused():
    functions = []
    for i in range(60):
        call = f"<apply><ci>f{i - 1}</ci><ci>x</ci></apply>"
        body = f"<apply><plus/>{call}{call}</apply>" if i else "<ci>x</ci>"
        lambda_ = MATH.format(f"<lambda><bvar><ci>x</ci></bvar>{body}</lambda>")
        functions.append(f'<functionDefinition id="f{i}">{lambda_}</functionDefinition>')
    text = SBML.format(f"<listOfFunctionDefinitions>{''.join(functions)}</listOfFunctionDefinitions>")
    refused(text, "terms when the functions")


def test_a_function_that_calls_itself_is_refused():
    body = MATH.format("<lambda><bvar><ci>x</ci></bvar><apply><ci>f</ci><ci>x</ci></apply></lambda>")
    text = (
        f'<listOfFunctionDefinitions><functionDefinition id="f">{body}</functionDefinition></listOfFunctionDefinitions>'
    )
    refused(SBML.format(text), "calls itself")


def test_a_thousand_functions_in_a_row_are_read():
    functions = [f'<functionDefinition id="f0">{MATH.format("<lambda><cn>1</cn></lambda>")}</functionDefinition>']
    for i in range(1, 1000):
        body = MATH.format(f"<lambda><apply><ci>f{i - 1}</ci></apply></lambda>")
        functions.append(f'<functionDefinition id="f{i}">{body}</functionDefinition>')
    text = SBML.format(f"<listOfFunctionDefinitions>{''.join(functions)}</listOfFunctionDefinitions>")
    assert Equations.from_sbml(text).states == ()


def test_what_is_not_sbml_is_refused():
    refused("<html/>", 'root element is "html"')
    refused("", "not well-formed")
    refused("not xml at all", "not well-formed")
    refused(SBML.format("<unclosed>"), "not well-formed")


def test_an_exponent_tower_is_a_number_or_infinity_at_once():
    tower = "<cn>9</cn>"
    for _ in range(50):
        tower = f"<apply><power/><cn>9</cn>{tower}</apply>"
    parameter = '<listOfParameters><parameter id="x" constant="false" value="0"/></listOfParameters>'
    rule = f'<listOfRules><assignmentRule variable="x">{MATH.format(tower)}</assignmentRule></listOfRules>'
    model = Equations.from_sbml(SBML.format(parameter + rule))
    start = time.perf_counter()
    node = model.formula("x")
    assert model.system.graph.value(node) == float("inf")
    assert time.perf_counter() - start < 1
