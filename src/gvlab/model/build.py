"""Builds the library's model: the modules with the values of the parameter tables that hold everywhere."""

from __future__ import annotations

from gvlab.library import Library
from gvlab.model.modules import Assembled, assemble
from gvlab.model.parameters import ParameterTable


def build(library: Library | None = None) -> Assembled:
    """Return models/gvl.ant of a library with the base rows of its tables; errors as `modules.assemble`."""
    library = Library.default() if library is None else library
    table = ParameterTable.resolved((), library)
    return assemble(library.wiring_file().parent, {row.parameterId: (row.nominalValue, row.unit) for row in table.rows})
