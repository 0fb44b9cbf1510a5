"""Where readings lie among predicted ones, and how often as many readings of a right prediction lie as badly.

Whether a reading is inside a band is a yes or no, and a count of few of them takes few values: of three, no exact test
at 0.05 rejects more than 2.8 % of right predictions. The place of each reading among the virtual ones is a number, and
what as many animals read on as many days, in one batch of the assay, would give is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Float, Int


@dataclass(frozen=True)
class ReadGroup:
    """Subjects of the data that were read on the same days.

    Attributes
    ----------
    arm
        Of the data.
    days
        On which each of them was read.
    values
        What was read.
    """

    arm: str
    days: tuple[float, ...]
    values: Float[Array, "subject day"]


Virtual = Mapping[tuple[str, float], Float[Array, " virtual"]]
"""Readings of the virtual subjects by arm and day, NaN for the dead; the same place is the same subject."""


def places(values: Float[Array, "..."], among: Float[Array, " virtual"]) -> Float[Array, "..."]:
    """Return the share of virtual readings that a value exceeds, half of those equal to it counted, within 0 to 1.

    A value beyond all of them stands a quarter of a reading within: how far beyond cannot be told.
    """
    ordered = np.sort(among[np.isfinite(among)])
    below = np.searchsorted(ordered, values, side="left")
    up_to = np.searchsorted(ordered, values, side="right")
    edge = 0.25 / len(ordered)
    return np.asarray(np.clip((below + up_to) / (2 * len(ordered)), edge, 1 - edge), dtype=np.float64)


def unevenness(place: Float[Array, "draw reading"]) -> Float[Array, " draw"]:
    """Return the Anderson-Darling distance [1]_ of places from an even spread over 0 to 1, for each draw.

    It weighs the ends, so it sees another spread as well as another level.

    References
    ----------
    .. [1] Anderson, Darling (1954) J Am Stat Assoc 49:765-769.
    """
    n = place.shape[1]
    ordered = np.sort(place, axis=1)
    weight = (2 * np.arange(1, n + 1) - 1) / n
    return np.asarray(-n - (weight * (np.log(ordered) + np.log1p(-ordered[:, ::-1]))).sum(axis=1))


def placement_p_value(
    groups: Sequence[ReadGroup], virtual: Virtual, batch: int, draws: int, rng: np.random.Generator
) -> float:
    """Return how often readings of virtual subjects lie as unevenly among the predicted ones as those of the data.

    Each draw takes, for every subject of the data, a virtual one of its arm that lives on the same days; those of an
    arm come from one batch of the assay, since a laboratory reads its samples together.

    Parameters
    ----------
    groups
        The data.
    virtual
        The prediction.
    batch
        Subjects that were read in one batch, one after the other.
    draws
        Experiments that are drawn.
    rng
        Source of the draws.
    """
    seen, drawn = [], []
    at = {key: places(values, values) for key, values in virtual.items()}
    for arm in dict.fromkeys(group.arm for group in groups):
        mine = [group for group in groups if group.arm == arm]
        living = [
            np.flatnonzero(np.all([np.isfinite(virtual[arm, day]) for day in group.days], axis=0)) for group in mine
        ]
        picked = _batches(living, batch, draws, rng)
        for group, alive in zip(mine, living, strict=True):
            rows = _of_batches(alive, batch, picked, len(group.values), rng)
            for column, day in enumerate(group.days):
                seen.append(places(group.values[:, column], virtual[arm, day]))
                drawn.append(at[arm, day][rows])
    observed = unevenness(np.concatenate(seen)[None, :])[0]
    by_chance = unevenness(np.concatenate(drawn, axis=1))
    return float((np.count_nonzero(by_chance >= observed * (1 - 1e-9)) + 1) / (draws + 1))


def _batches(
    living: Sequence[Int[Array, "..."]], size: int, draws: int, rng: np.random.Generator
) -> Int[Array, " draw"]:
    """Return the batch of each draw: one in which subjects of every group live, if there is any."""
    in_each = [set((alive // size).tolist()) for alive in living]
    shared = sorted(set.intersection(*in_each)) or sorted(set.union(*in_each))
    return rng.choice(np.array(shared), size=draws)


def _of_batches(
    alive: Int[Array, " alive"], size: int, picked: Int[Array, " draw"], n: int, rng: np.random.Generator
) -> Int[Array, "draw subject"]:
    """Return n subjects of the batch of each draw; of all batches where nobody in that one lives."""
    found = np.empty((len(picked), n), dtype=np.int64)
    for one in np.unique(picked):
        rows = np.flatnonzero(picked == one)
        within = alive[alive // size == one]
        found[rows] = rng.choice(within if len(within) else alive, size=(len(rows), n))
    return found
