"""Means over cells, and the cells they are means of: of no cells there is no mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.library import Library
from gvlab.simulation import Trajectories

ONE_CELL = 1.0
"""A mean of less than one cell is not defined."""


def carriers_of(library: Library) -> dict[str, tuple[str, ...]]:
    """Return the states whose cells have each mean (a phenotype), as the cell products of a library say it."""
    return library.derived("carriers of means", ("agents",), lambda: _carriers_of(library))


def _carriers_of(library: Library) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for agent in library.read_all("agents").values():
        found |= agent.means
        for route in agent.routes.values():
            if route.harvest is not None:
                states = route.harvest.phenotype_of or route.harvest.pool
                found |= dict.fromkeys(route.harvest.phenotype, tuple(states))
    return found


def defined(output: str, run: Trajectories, carriers: Mapping[str, tuple[str, ...]]) -> Float[Array, "subject time"]:
    """Return an output of a run, NaN where a subject was not solved, or where it is a mean of no cells."""
    values = np.where(run.ok[:, None], run.values(output), np.nan)
    states = carriers.get(output, ())
    if not states or not set(states) <= set(run.outputs):
        return values
    return np.where(np.sum([run.values(state) for state in states], axis=0) >= ONE_CELL, values, np.nan)
