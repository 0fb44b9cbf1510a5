"""The biology as data: records, tables and the bibliography of a library, read by kind and name.

``GVLAB_LIBRARY`` names a folder (several are joined with the separator of PATH) laid out like this one; what it holds
stands in front of what is here. `Library` says how.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gvlab.bibliography import Source
from gvlab.library import library as _library
from gvlab.library.library import BUILT_IN, Library, read_table
from gvlab.library.reading import parse_table
from gvlab.library.records import ConditionRow, ParameterRow

__all__ = ["BUILT_IN", "Library", "parse_table", "read_table"]


# Whoever still takes the library out of the air asks here; these functions go when nobody does.


def folders() -> tuple[Path, ...]:
    """Return the folders of the default library."""
    return Library.default().folders


def names(kind: str) -> tuple[str, ...]:
    """Return names of the default library."""
    return Library.default().names(kind)


def path(kind: str, name: str) -> Path:
    """Return the file of a record of the default library."""
    return Library.default().path(kind, name)


def read(kind: str, name: str) -> Any:
    """Return a record of the default library."""
    return Library.default().read(kind, name)


def read_all(kind: str) -> dict[str, Any]:
    """Return the records of a kind of the default library."""
    return Library.default().read_all(kind)


def rows(kind: str) -> tuple[Any, ...]:
    """Return rows of the default library."""
    return Library.default().rows(kind)


def parameter_rows() -> tuple[ParameterRow, ...]:
    """Return the parameter rows of the default library."""
    return Library.default().parameter_rows()


def condition_rows(name: str) -> tuple[ConditionRow, ...]:
    """Return the rows of a condition of the default library."""
    return Library.default().condition_rows(name)


def bibliography() -> dict[str, Source]:
    """Return the bibliography of the default library."""
    return Library.default().bibliography()


def sources(keys: Iterable[str]) -> tuple[Source, ...]:
    """Return sources of the default library."""
    return Library.default().sources(keys)


def __getattr__(name: str) -> Any:
    return getattr(_library, name)
