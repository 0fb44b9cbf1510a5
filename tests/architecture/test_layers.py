"""Who may import whom, and what importing costs."""

import subprocess
import sys
from pathlib import Path

import pytest

import gvlab

ROOT = Path(gvlab.__file__).parents[2]


def in_a_fresh_process(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_import_keeps_the_layers():
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_public_names_are_sorted_and_there():
    assert gvlab.__all__ == sorted(gvlab.__all__, key=lambda name: (name[0].islower(), name))
    assert dir(gvlab) == sorted(gvlab.__all__)
    for name in gvlab.__all__:
        assert getattr(gvlab, name) is not None


@pytest.mark.parametrize("name", gvlab.__all__)
def test_every_public_name_and_each_of_its_methods_is_documented(name):
    thing = getattr(gvlab, name)
    assert thing.__doc__
    if isinstance(thing, type):
        public = [key for key, value in vars(thing).items() if not key.startswith("_") and callable(value)]
        assert [key for key in public if not getattr(thing, key).__doc__] == []


def test_a_name_that_is_not_public_is_answered():
    with pytest.raises(AttributeError, match=r'gvlab has no "Doses". Did you mean "Dose"'):
        gvlab.Doses  # noqa: B018


def test_importing_gvlab_loads_nothing_heavy():
    heavy = "{'numpy', 'pandas', 'xarray', 'matplotlib', 'pint', 'libsbml', 'roadrunner', 'pydantic'}"
    assert in_a_fresh_process(f"import gvlab, sys; print(sorted({heavy} & set(sys.modules)))").strip() == "[]"


def test_figures_are_loaded_on_first_use_only():
    code = (
        "import gvlab, sys; gvlab.Dose, gvlab.Experiment, gvlab.simulate; print('matplotlib' in sys.modules); "
        "gvlab.figures; print('gvlab.figures' in sys.modules)"
    )
    assert in_a_fresh_process(code).split() == ["False", "True"]
