"""What is kept of a read document: the same as what was read, and no libSBML needed for it."""

from __future__ import annotations

import subprocess
import sys

import antimony
import numpy as np
import pytest

from gvlab import disk_cache
from gvlab.errors import ModelError
from gvlab.model.model import Model
from gvlab.sbml.equations import Equations
from gvlab.sbml.evaluate import evaluate
from gvlab.sbml.kept import equations_of, key_of

MODEL = """
function twice(x)
    2*x
end
model m
    compartment plasma = 2; species drug in plasma = 0; species cells in plasma = 1
    k = 0.3; undefined = -0.0; var seen = 0; k2 = 2*k
    share := drug / (0.7 + drug)
    growth: -> cells; twice(k2)*cells*(1 - share)
    large: at 0.1 after (cells > 1.5), priority = 2: seen = seen + 1
end
"""


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("GVLAB_CACHE", str(tmp_path))
    return tmp_path / "engine"


@pytest.fixture
def text() -> str:
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(MODEL) >= 0, antimony.getLastError()
    return antimony.getSBMLString("m")


def test_what_was_kept_is_what_was_read(text, folder):
    read, kept = equations_of(text), equations_of(text)
    assert len(list(folder.iterdir())) == 1
    assert kept is not read
    for name in ("symbols", "contents", "states", "parameters", "assigned", "reactions", "events", "changeable"):
        assert getattr(kept, name) == getattr(read, name), name
    np.testing.assert_equal(kept.nominal, read.nominal)
    given = {"k": np.array([1.0, 2.0])}
    np.testing.assert_equal(kept.initial(given), read.initial(given))
    assert kept.kind("share") == "parameter"


def test_functions_of_the_document_can_be_called_in_a_formula_later(text):
    for equations in (Equations(text), equations_of(text), equations_of(text)):
        node = equations.formula("twice(k) + 1")
        assert evaluate(equations.system.graph, [node], {"k": 3.0}) == [7.0]


@pytest.mark.parametrize("content", [b"[1, 2", b"{}", b'{"graph": {}}', b"[]"])
def test_what_is_damaged_is_read_anew(text, content):
    states = equations_of(text).states
    disk_cache.write(f"{key_of(text)}.equations.json", content)
    assert equations_of(text).states == states


def test_a_hostile_text_is_refused_before_and_after(text):
    hostile = text.replace("<sbml", "<!DOCTYPE sbml>\n<sbml", 1)
    for _ in range(2):
        with pytest.raises(ModelError, match="DOCTYPE"):
            equations_of(hostile)


def test_what_the_engine_refuses_has_names_all_the_same(text, folder):
    refused = text.replace("<listOfRules>", '<listOfRules><algebraicRule><math xmlns="http://www.w3.org/1998/Math/MathML">'
                           "<ci>k</ci></math></algebraicRule>", 1)  # fmt: skip
    equations = equations_of(refused)
    assert "cells" in equations.symbols
    with pytest.raises(ModelError, match="algebraic rule"):
        equations.states  # noqa: B018
    assert not folder.exists()


PROGRAM = """
import sys
import numpy as np
from gvlab.engine import Operation, solve
from gvlab.model.model import Model
model = Model.default()
name = model.equations.states[0]
dose = Operation(1.0, "add", name, 1.0, guard=f"{name} >= 0")
solution = solve(model.equations, np.linspace(0, 3, 4), subjects=2, outputs=[name], schedule=[dose], stop=model.deaths)
assert model.structure and model.unit(name) and model.id
print("libsbml" in sys.modules, solution.values.tolist())
"""


def test_a_process_that_finds_all_kept_does_not_import_libsbml():
    answers = [
        subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True).stdout.split(" ", 1)
        for _ in range(2)
    ]
    assert [answer[0] for answer in answers] == ["True", "False"]
    assert answers[0][1] == answers[1][1]


def test_the_structure_of_the_flagship_model_is_kept():
    assert Model(Model.default().sbml).structure == Equations(Model.default().sbml).contents.structure
