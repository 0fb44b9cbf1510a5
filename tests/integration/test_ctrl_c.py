"""Ctrl-C gives 130 and a sentence at whatever moment it comes: here while the program is still being imported."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

SCRIPT = """
import signal, sys

class Destroyed:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def press():
    signal.raise_signal(signal.SIGINT)

def press_in_a_destructor():
    Destroyed()

def press_and_say_something_else():
    try:
        press()
    except KeyboardInterrupt:
        raise ImportError("what NumPy makes of it") from None

class Finder:
    def find_spec(self, name, *rest):
        if name == "MODULE":
            HOW()

sys.meta_path.insert(0, Finder())
sys.argv = ["gvlab", "list"]
from gvlab.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("module", "how"),
    [
        ("gvlab.cli", "press"),
        ("dataclasses", "press"),
        ("gvlab.library", "press"),
        ("gvlab.library", "press_in_a_destructor"),
        ("typer", "press_and_say_something_else"),
    ],
)
def test_ctrl_c_while_a_module_is_imported_is_130_and_a_sentence(module, how):
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("MODULE", module).replace("HOW", how)],
        capture_output=True, encoding="utf-8", timeout=120,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert said.returncode == 130, said.stderr
    assert said.stderr.strip() == "Stopped. What had been written is whole and stays."
    assert said.stdout == ""
