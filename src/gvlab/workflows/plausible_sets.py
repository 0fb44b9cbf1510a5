"""Plausible parameter sets of an ensemble, for whoever asks the same of several."""

from __future__ import annotations

from gvlab.errors import InvalidValueError, LibraryError
from gvlab.subject import System
from gvlab.subject.parameter_set import ParameterSet
from gvlab.subject.plausible import Ensemble


def plausible_sets(
    ensemble: str, number: int | None, usual: int, system: System
) -> tuple[tuple[ParameterSet, ...], list[str]]:
    """Return so many sets of an ensemble that say something of a system, and what a reader must know of them.

    Parameters
    ----------
    ensemble
        Its name.
    number
        How many are asked for; None: the usual number, or as many as there are.
    usual
        That number.
    system
        Whose parameters are taken.

    Raises
    ------
    InvalidValueError
        If more are asked for than there are.
    """
    if number == 0:
        return (), []
    try:
        whole = Ensemble.read(ensemble, system.library)
    except LibraryError:
        return (), ["The library holds no ensemble yet; gvlab calibrate makes one."]
    if number is not None and number > len(whole):
        raise InvalidValueError(
            f'{number:,} plausible sets are asked for, and the ensemble "{ensemble}" holds {len(whole)}. Take at most '
            f"{len(whole)}."
        )
    found = whole.thin(usual if number is None else number)
    sets = [
        ParameterSet.of(f"set {place}", dict(zip(found.names, row, strict=True)), system)
        for place, row in enumerate(found.values, 1)
    ]
    stale = ["The model has changed since the plausible sets were found; gvlab calibrate renews them."]
    return tuple(each for each in sets if each.values), stale if found.stale(system.library) else []
