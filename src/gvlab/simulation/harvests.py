"""Cells out of primary recipients: who gives to whom, and what of them where somebody did not live to give."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gvlab.arrays import Array, Bool, Int
from gvlab.errors import ProtocolError
from gvlab.protocol import Dose, Harvest
from gvlab.simulation.schedule import Harvested
from gvlab.simulation.trajectories import Trajectories
from gvlab.subject import Cohort


def taken(dose: Dose, harvest: Harvest, primary: Trajectories, cohort: Cohort) -> Harvested:
    """Return the cells taken from primary recipients; where one is dead by then, the next living one of its kind gives.

    Of its kind are the primary recipients of the same parameter set. Where none of them lives there is nothing to give,
    and what would become of the secondary host is not known: its cells are not a number.
    """
    spec = dose.route_definition.harvest
    assert spec is not None
    found = {name: primary.values(name)[:, -1] for name in (*spec.pool, *spec.phenotype)}
    n = len(primary)
    living = np.flatnonzero(primary.ok & np.all([np.isfinite(values) for values in found.values()], axis=0))
    if not len(living):
        raise ProtocolError(
            f'None of the {n} primary recipients of "{dose.agent}" lives on day {harvest.day:g}. '
            "Take the cells earlier, or treat more of them."
        )
    donors, known = _donors(living, cohort)
    cells = {name: np.maximum(found[name][donors], 0.0) for name in spec.pool}
    total = np.sum(list(cells.values()), axis=0)
    if not np.any(total > 0):
        raise ProtocolError(f'The primary recipients hold none of the cells that "{dose.agent}" is made of.')
    safe = np.where(total > 0, total, 1.0)
    share = {name: values / safe for name, values in cells.items()}
    undefined = np.where(known, 1.0, np.nan)
    share = {name: values * undefined for name, values in share.items()}
    return Harvested(share, {name: found[name][donors] for name in spec.phenotype}, known)


def _donors(living: Int[Array, "donor"], cohort: Cohort) -> tuple[Int[Array, "subject"], Bool[Array, "subject"]]:
    """Return who gives to each subject, and whether anybody of its parameter set does."""
    n = len(cohort)
    # Sets follow one another, and in each the subjects are numbered anew.
    sets = np.concatenate([[0], np.cumsum(np.diff(cohort.numbers) <= 0)])
    donors = living[np.searchsorted(living, np.arange(n)) % len(living)]
    first = living[np.minimum(np.searchsorted(sets[living], sets), len(living) - 1)]
    donors = np.where(sets[donors] == sets, donors, first)
    return donors, sets[donors] == sets


def without_donors(harvests: Mapping[Harvest, Harvested]) -> tuple[str, ...]:
    """Return who had nobody to take cells from."""
    words = []
    for harvest, harvested in harvests.items():
        lost = int(np.sum(~harvested.known))
        if lost:
            words.append(
                f"{lost} of {len(harvested.known):,} subjects belong to parameter sets of which no primary recipient "
                f"lives on day {harvest.day:g}; what would become of them is undefined"
            )
    return tuple(words)
