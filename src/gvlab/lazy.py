"""Modules that are imported when something of them is first used, so that a start does not wait for them."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class LazyModule:
    """Stands for a module until it is needed; then it passes everything on to it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(import_module(self._name), name)
        setattr(self, name, found)  # the next use finds it here
        return found

    def __repr__(self) -> str:
        return f"LazyModule({self._name!r})"
