"""Experiments of a few animals, drawn from many virtual ones: who is in which arm and cage, and who is lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.planning.planned_comparison import Attrition
from gvlab.planning.simulated_comparison import VirtualArm


@dataclass(frozen=True)
class Draw:
    """What an arm of each drawn experiment shows; NaN in `value` is not read.

    Attributes
    ----------
    duration, event
        Of an endpoint with a time.
    value
        Of a reading, or 1 for those that are counted in a share.
    cage
        Of each animal, the same in all experiments; None where cages play no part.
    """

    duration: Float[Array, "replicate subject"]
    event: Bool[Array, "replicate subject"]
    value: Float[Array, "replicate subject"]
    cage: Int[Array, " subject"] | None = None

    def first(self, animals: int) -> Draw:
        """Return the same experiments with the first animals only."""
        cage = None if self.cage is None else self.cage[:animals]
        return Draw(self.duration[:, :animals], self.event[:, :animals], self.value[:, :animals], cage)

    def until(self, day: float) -> Draw:
        """Return what is known of them on a day."""
        return Draw(np.minimum(self.duration, day), self.event & (self.duration <= day), self.value, self.cage)


def distinct_animals(
    animals: Int[Array, " subject"], size: int, replicates: int, rng: np.random.Generator
) -> Int[Array, "replicate animal"]:
    """Return the animals of each experiment, none twice in it; one shuffle is cut into as many as it has room for."""
    room = len(animals) // size
    shuffled = rng.permuted(np.tile(animals, (-(-replicates // room), 1)), axis=1)
    return np.asarray(shuffled[:, : room * size].reshape(-1, size)[:replicates])


def latent_places(
    cages: Int[Array, " subject"], correlation: float, replicates: int, rng: np.random.Generator
) -> Float[Array, "replicate subject"]:
    """Return where each animal stands among its like, 0 to 1: animals of a cage are alike.

    A normal number that the cage shares and one of the animal's own make its normal score (a Gaussian copula), so that
    every animal is still one of its arm, and only who is together changes.
    """
    _, place = np.unique(cages, return_inverse=True)
    shared = rng.normal(size=(replicates, int(place.max()) + 1))[:, place]
    score = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * rng.normal(size=shared.shape)
    return np.asarray(special.ndtr(score))


def animals_at(
    arm: VirtualArm, usable: Int[Array, " virtual"], places: Float[Array, "replicate subject"]
) -> Int[Array, "replicate subject"]:
    """Return the virtual animals that stand at these places of an arm, from the worst to the best."""
    mine = (arm.duration[usable], ~arm.event[usable], np.nan_to_num(arm.value[usable], nan=-np.inf))
    order = usable[np.lexsort((mine[1], mine[0], mine[2]))]
    return np.asarray(order[np.minimum((places * len(order)).astype(np.int64), len(order) - 1)])


def draw_arm(
    taken: VirtualArm,
    failed: VirtualArm,
    rows: Int[Array, "replicate subject"],
    failed_rows: Int[Array, "replicate subject"],
    attrition: Attrition,
    follow_up: float,
    rng: np.random.Generator,
    cage: Int[Array, " subject"] | None = None,
) -> Draw:
    """Return what becomes of these animals: in some the leukemia does not take, and some are lost on a random day."""
    fails = rng.random(rows.shape) < attrition.engraftment_failure
    leaves = np.where(rng.random(rows.shape) < attrition.dropout, follow_up * rng.random(rows.shape), np.inf)
    duration = np.where(fails, failed.duration[failed_rows], taken.duration[rows])
    event = np.where(fails, failed.event[failed_rows], taken.event[rows])
    value = np.where(fails, failed.value[failed_rows], taken.value[rows])
    lost = leaves < duration
    return Draw(np.minimum(duration, leaves), event & ~lost, np.where(lost, np.nan, value), cage)
