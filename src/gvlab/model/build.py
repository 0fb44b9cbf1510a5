"""Builds the library's model: the modules with the values of the parameter tables that hold everywhere."""

from __future__ import annotations

from gvlab import library
from gvlab.model.modules import Assembled, assemble
from gvlab.model.parameters import ParameterTable


def build() -> Assembled:
    """Assemble models/gvl.ant with the base rows of the parameter tables; errors as `modules.assemble`."""
    table = ParameterTable.default().resolve()
    return assemble(library.BUILT_IN / "models", {row.parameterId: (row.nominalValue, row.unit) for row in table.rows})
