"""Plausible parameter sets of an ensemble, for whoever asks the same of several."""

from __future__ import annotations

from gvlab.errors import LibraryError
from gvlab.subject import System
from gvlab.subject.parameter_set import ParameterSet
from gvlab.subject.plausible import Ensemble


def plausible_sets(ensemble: str, number: int, system: System) -> tuple[tuple[ParameterSet, ...], list[str]]:
    """Return so many sets of an ensemble that say something of a system, and what a reader must know of them."""
    if not number:
        return (), []
    try:
        found = Ensemble.read(ensemble, system.library).thin(number)
    except LibraryError:
        return (), ["The library holds no ensemble yet; gvlab calibrate makes one."]
    sets = [
        ParameterSet.of(f"set {place}", dict(zip(found.names, row, strict=True)), system)
        for place, row in enumerate(found.values, 1)
    ]
    stale = ["The model has changed since the plausible sets were found; gvlab calibrate renews them."]
    return tuple(each for each in sets if each.values), stale if found.stale(system.library) else []
