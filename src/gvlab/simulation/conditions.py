"""Puts the subjects of a cohort under a condition: what becomes of their parameters."""

from __future__ import annotations

import numpy as np

from gvlab.errors import InvalidValueError
from gvlab.model.model import Model
from gvlab.protocol import Condition
from gvlab.simulation.schedule import Values
from gvlab.subject import Cohort


def values_under(condition: Condition, cohort: Cohort, model: Model) -> Values:
    """Return the parameters of subjects under a condition.

    Raises
    ------
    UnknownNameError
        If the condition changes what neither the cohort nor the model has.
    InvalidValueError
        If a condition made by hand takes a parameter beyond its bounds. A condition of a library may: its row says why.
    """
    changed = condition.apply(cohort.parameters(), model.equations.nominal)
    for change in condition.made_by_hand:
        name = change.target
        if name not in cohort.table:
            continue
        low, high = cohort.table.bounds(name)
        values = np.atleast_1d(changed[name])
        outside = values[(values < low) | (values > high)]
        if len(outside):
            unit = cohort.unit(name)
            raise InvalidValueError(
                f'A condition makes "{name}" {outside[0]:g} {unit}; its bounds are {low:g} to {high:g} {unit}. Stay '
                "within them, or write a row of conditions in a library of your own, with the reason (GVLAB_LIBRARY)."
            )
    return Values(changed, cohort, model)
