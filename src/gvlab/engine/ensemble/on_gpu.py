"""The ensemble engine on the NVIDIA cards of this machine, by the contract that every engine keeps."""

from __future__ import annotations

from functools import partial

from gvlab.engine.ensemble import engine

solve = partial(engine.solve, target="gpu")
"""Methods and rules are those of the processor; results agree with its to the tolerance, not to the bit."""
