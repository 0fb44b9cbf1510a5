"""No name of the library's biology occurs in the code that must not know it."""

import ast
import re
from pathlib import Path

import pytest

import gvlab
from gvlab.library import Library
from gvlab.model.model import Model

FOLDERS = ("engine", "simulation", "statistics", "calibration", "subject", "protocol")
SOURCE = Path(gvlab.__file__).parent

# A dose per body mass needs the body mass of a subject; it is a covariate of every study, not biology of ours.
AGREED = {"body_mass"}

# Plain English that any program uses in its own sense: a process that is alive, a list with none in it.
PLAIN = {"alive", "none"}


def names_of_the_library():
    model = Model.default()
    names = {*model.named("species"), *model.named("parameter"), *Library().names("parameters")}
    for kind in ("agents", "systems", "hosts", "donors", "leukemias", "populations", "conditions"):
        names.update(Library().names(kind))
    return names - AGREED - PLAIN


def words_of(file):
    """Give every identifier, and every word of every string that is no docstring, with its line."""
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
            yield from ((word, line) for word in re.findall(r"\w+", node.value) if "_" in word or word == node.value)


FILES = [file for folder in FOLDERS for file in sorted((SOURCE / folder).rglob("*.py"))]


def test_there_is_code_to_look_at():
    assert {file.relative_to(SOURCE).parts[0] for file in FILES} >= {"engine", "simulation", "statistics", "subject"}
    assert len(names_of_the_library()) > 200


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_code_knows_no_name_of_the_library(file):
    names = names_of_the_library()
    found = [f"{file.name}:{line}: {word}" for word, line in words_of(file) if word in names]
    assert found == []


def test_a_name_of_the_library_would_be_found(tmp_path):
    name = sorted(names_of_the_library())[0]
    (tmp_path / "a.py").write_text(f'"""{name} in a docstring is prose."""\nx = {{"{name}": 1}}\n{name} = 2\n')
    assert sorted(line for word, line in words_of(tmp_path / "a.py") if word == name) == [2, 3]
