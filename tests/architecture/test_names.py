"""One name, one thing: whoever reads "Table" knows which."""

import ast
from collections import defaultdict
from pathlib import Path

import gvlab

ROOT = Path(gvlab.__file__).parent


def public_classes():
    found = defaultdict(list)
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(file.relative_to(ROOT)))
    return found


def test_no_public_class_name_stands_twice():
    found = public_classes()
    assert len(found) > 100
    assert {name: files for name, files in found.items() if len(files) > 1} == {}
