"""No name of the library's biology occurs in the code that must not know it."""

import ast
import functools
import re
from pathlib import Path

import pytest

import gvlab
from gvlab.library import Library
from gvlab.model.model import Model

SOURCE = Path(gvlab.__file__).parent

FREE = ("papers", "library")
"""Folders that may know it: what only one paper shows, and the biology itself."""

# A dose per body mass needs the body mass of a subject; it is a covariate of every study, not biology of ours.
AGREED = {"body_mass"}

# Plain English that any program uses in its own sense: a process that is alive, a list with none in it, the help of a
# command, a function with some of its arguments; and techniques, whose methods are code and whose assays are called so.
PLAIN = {"alive", "none", "help", "vehicle", "partial", "patient", "relapse", "qpcr", "bioluminescence"}


@functools.cache
def names_of_the_library():
    """Give every name that the library gives to something of its biology."""
    library = Library.default()
    model = Model.default()
    names = {*model.named("species"), *model.named("parameter"), *model.equations.events}
    for kind in (
        "agents", "systems", "hosts", "donors", "leukemias", "populations", "conditions", "parameters", "endpoints",
        "assays", "experiments", "findings",
    ):  # fmt: skip
        names.update(library.names(kind))
    for record in library.read_all("experiments").values():
        names.update(arm.name for arm in record.arms)
    return names - AGREED - PLAIN


def words_of(file):
    """Give every identifier, and every string and word of a string that is no docstring, with its line."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Name):
            yield node.id, line
        elif isinstance(node, ast.Attribute):
            yield node.attr, line
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            yield node.arg, line
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, line
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value, line
            yield from ((word, line) for word in re.findall(r"\w+", node.value) if "_" in word)


FILES = [file for file in sorted(SOURCE.rglob("*.py")) if file.relative_to(SOURCE).parts[0] not in FREE]


def test_there_is_code_to_look_at():
    folders = {file.relative_to(SOURCE).parts[0] for file in FILES}
    assert folders >= {
        "agreement", "assay", "calibration", "cli", "engine", "experiment", "figures", "findings", "planning",
        "protocol", "report", "sbml", "simulation", "statistics", "subject", "synergy", "workflows",
    }  # fmt: skip
    assert len(names_of_the_library()) > 300


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_code_knows_no_name_of_the_library(file):
    names = names_of_the_library()
    found = [f"{file.name}:{line}: {word}" for word, line in words_of(file) if word in names]
    assert found == []


def test_a_name_of_the_library_would_be_found(tmp_path):
    name = sorted(names_of_the_library())[0]
    (tmp_path / "a.py").write_text(f'"""{name} in a docstring is prose."""\nx = {{"{name}": 1}}\n{name} = 2\n')
    assert sorted(line for word, line in words_of(tmp_path / "a.py") if word == name) == [2, 3]
