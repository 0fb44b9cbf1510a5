"""A library is handed in; the default one is taken only where a caller named none, and nothing is read at import."""

import ast
import subprocess
import sys
from pathlib import Path

import gvlab

ROOT = Path(gvlab.__file__).parent
DEFAULTS = frozenset(("Library", "Model", "ParameterTable"))
HEAVY = ("pandas", "scipy.stats", "scipy.special", "libsbml", "pint", "xarray", "matplotlib", "pyarrow", "pybtex")


def defaults_taken(tree):
    """Return the lines on which a default is asked for without a library, and not in place of one that is None."""
    allowed = {
        id(call)
        for choice in ast.walk(tree)
        if isinstance(choice, ast.IfExp) and ast.unparse(choice.test).endswith("is None")
        for call in ast.walk(choice.body)
    }
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and not call.args and not call.keywords and id(call) not in allowed:
            name = ast.unparse(call.func)
            if name in {f"{owner}.default" for owner in DEFAULTS}:
                yield call.lineno


def test_the_default_library_is_taken_at_the_edge_alone():
    found = {}
    for file in sorted(ROOT.rglob("*.py")):
        # A command is the edge: its user names a library by GVLAB_LIBRARY, or none.
        if file.parent.name != "cli" and (lines := list(defaults_taken(ast.parse(file.read_text(encoding="utf-8"))))):
            found[str(file.relative_to(ROOT))] = lines
    assert found == {}


def test_a_default_that_is_taken_inside_would_be_seen():
    text = (
        "a = Library.default()\nb = Library.default() if a is None else a\nc = Model.default(a)\nd = Model.default()\n"
    )
    assert list(defaults_taken(ast.parse(text))) == [1, 4]


def test_an_experiment_is_imported_without_what_it_may_never_need():
    code = f"import gvlab, sys; gvlab.Experiment; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
