"""From equations to a program, or what was made of the same text before, from the cache on disk."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from gvlab import disk_cache
from gvlab.engine.program.program import Program, build, fingerprint
from gvlab.sbml.equations import Equations
from gvlab.sbml.kept import key_of

MOST_FORMULAS = 200
"""Formulas of guards that are kept with a model; who makes up new ones without end has them read each time."""


def program_of(sbml: str) -> tuple[Equations, Program]:
    """Return equations of their own and their program.

    Raises
    ------
    ModelError
        If the text cannot be read, or has something that is refused.
    """
    stored = disk_cache.read(_key(sbml))
    if stored is not None:
        try:
            kept = json.loads(stored)
            equations = Equations.from_kept(sbml, kept["equations"])
            return equations, Program.from_kept(equations.system.graph, kept["program"])
        except (ValueError, TypeError, LookupError):
            pass  # not what was written here: it is made anew
    equations = Equations(sbml)
    program = build(equations)
    program.fingerprint = fingerprint(program)
    keep(equations, program)
    return equations, program


def keep(equations: Equations, program: Program) -> None:
    """Write equations and their program to the cache on disk."""
    kept = {"equations": equations.to_kept(), "program": program.to_kept()}
    disk_cache.write(_key(equations.sbml), json.dumps(kept, separators=(",", ":")).encode())


def _key(sbml: str) -> str:
    return hashlib.sha256(_builder() + key_of(sbml).encode()).hexdigest() + ".program.json"


@cache
def _builder() -> bytes:
    """Return a hash of what builds programs."""
    engine = Path(__file__).parents[1]
    return disk_cache.hash_of_files([*engine.glob("program/*.py"), *engine.glob("ensemble/*.py")])
