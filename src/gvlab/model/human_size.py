"""A rule of the tables: what grows with the size of the body has a row of its own for humans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gvlab import units

if TYPE_CHECKING:
    from gvlab.model.checks import ModelUnderCheck

_HUMAN = "species:human"
_EXTENSIVE = ("cell", "mL", "L/day", "1/cell", "1/cell/day", "kg")
"""Units of what is larger in a larger body: numbers of cells, volumes, clearances, rates per cell of a whole body."""
_OF_ONE_CELL = ("epsilon_", "one_")
"""Names of constants that are of one cell, in whatever body."""


class HumansHaveTheirOwnSize:
    """Every number of cells, volume, clearance and mass has a row for humans, in a library that knows humans."""

    rule = "humans have their own size"

    def __call__(self, checked: ModelUnderCheck) -> Iterator[str]:
        """Yield each parameter that a human would take over from the mouse; what an instrument needs does not grow."""
        if not any(_HUMAN in row.context for row in checked.table.rows):
            return  # a library without humans
        of_instruments = {name for assay in checked.assays.values() for name in assay.parameters}
        for name in checked.table.ids:
            if name.startswith(_OF_ONE_CELL) or name in of_instruments:
                continue
            rows = [row for row in checked.table.rows if row.parameterId == name]
            unit = rows[0].unit
            if not any(units.can_convert(unit, extensive) for extensive in _EXTENSIVE):
                continue
            if not any(_HUMAN in row.context for row in rows):
                yield (
                    f'"{name}" is in {unit}, which grows with the body, and has no row for humans: a patient would get '
                    f'the number of a mouse. Add a row with context "{_HUMAN}".'
                )
