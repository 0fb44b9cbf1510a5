"""Randomization: which animal goes into which arm and cage, under codes that tell nobody the arm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvlab.arrays import Array, Int
from gvlab.errors import InvalidValueError
from gvlab.planning.rounding import rounded_table

_LETTERS = "ACDEFHJKLMNPRTUVWXY"
"""Letters that are not taken for figures or for one another on a cage card."""

_CODE_LENGTH = 3

MOST = 20_000
"""Animals in one list; more are nobody's experiment."""


@dataclass(frozen=True)
class Allocation:
    """Who goes where.

    Attributes
    ----------
    table
        One row an animal: ``animal, stratum, cage, block, code, arm``; no ``stratum`` where there is one only.
    seed
        Whoever has it and the numbers can work out the key.
    """

    table: pd.DataFrame
    seed: int

    @property
    def blinded(self) -> pd.DataFrame:
        """The list for the bench: without arms."""
        return self.table.drop(columns="arm")

    @property
    def key(self) -> pd.DataFrame:
        """The list for whoever prepares the doses: which code is which arm."""
        return self.table[["code", "animal", "arm"]].sort_values("code", ignore_index=True)


def randomize(
    sizes: Mapping[str, int],
    seed: int,
    *,
    cage_size: int = 5,
    strata: Mapping[str, float] | None = None,
    whole_cages: bool = False,
) -> Allocation:
    """Allot animals to arms and cages.

    Within a stratum animals are numbered by weight (or by signal before treatment). They are cut into layers of like
    animals, one for each place of a cage, and every cage takes one animal of each layer: a cage is a sample of all
    weights. Arms are spread over the cages, over the layers, and over blocks of neighbors within a layer, each as
    evenly as whole animals allow (`rounded_table`), so that an arm is in every cage that has room for it, and neither
    cage nor weight is a confounder. What is left open is random. Cages differ by one animal at most.

    Parameters
    ----------
    sizes
        Animals in each arm.
    seed
        The same seed gives the same list.
    cage_size
        Animals that a cage holds.
    strata
        What must not share a cage, or is to be balanced - sex, cohort, batch of irradiation - and its share of the
        animals, in any unit: ``{"female": 1, "male": 1}``. Every stratum holds the arms in proportion.
    whole_cages
        Whether a cage holds one arm only, for a treatment that is given to the cage; cages are allotted then.

    Raises
    ------
    InvalidValueError
        If there is no arm, or one has no animals or part of one; if a cage holds none, a stratum has no share, an
        animal would be alone in its cage, or the seed is negative.
    """
    _check(sizes, seed, cage_size, strata)
    rng = np.random.default_rng(seed)
    arms = list(sizes)
    names = list(strata) if strata else [""]
    weights = np.array(list(strata.values()) if strata else [1.0], dtype=np.float64)
    counts = rounded_table(np.outer(weights / weights.sum(), list(sizes.values())), rng)
    parts, cages_before, blocks_before = [], 0, 0
    for name, within in zip(names, counts, strict=True):
        if not within.sum():
            raise InvalidValueError(f'No animal falls into stratum "{name}"; leave it out, or plan with more animals.')
        held = _cages(within, cage_size, whole_cages, name, rng)
        part = _placed(held, rng)
        part["cage"] += cages_before
        part["block"] += blocks_before
        cages_before, blocks_before = int(part["cage"].max()), int(part["block"].max())
        parts.append(part.assign(stratum=name))
    table = pd.concat(parts, ignore_index=True)
    n = len(table)
    table["animal"] = [f"M{number:0{len(str(n))}d}" for number in range(1, n + 1)]
    table["cage"] = [f"C{number:0{max(2, len(str(cages_before)))}d}" for number in table["cage"]]
    table["code"] = _codes(n, rng)
    table["arm"] = [arms[each] for each in table["arm"]]
    columns = ["animal", *(["stratum"] if strata else []), "cage", "block", "code", "arm"]
    return Allocation(table[columns], seed)


def _check(sizes: Mapping[str, int], seed: int, cage_size: int, strata: Mapping[str, float] | None) -> None:
    if not sizes:
        raise InvalidValueError("There is no arm to allot animals to; name one or more.")
    for arm, asked in sizes.items():
        if isinstance(asked, bool) or not isinstance(asked, int | np.integer) or asked < 1:
            raise InvalidValueError(f'Arm "{arm}" has {asked} animals; it takes a whole number, 1 or more.')
    if sum(sizes.values()) > MOST:
        raise InvalidValueError(f"{sum(sizes.values()):,} animals are to be allotted; a list holds at most {MOST:,}.")
    if cage_size < 1:
        raise InvalidValueError(f"A cage of {cage_size} animals is asked for; a cage holds at least 1.")
    if seed < 0:
        raise InvalidValueError(f"The seed is {seed}; it must be a whole number, not negative.")
    for name, share in (strata or {}).items():
        if not (math.isfinite(share) and share > 0):
            raise InvalidValueError(f'Stratum "{name}" has the share {share:g}; it takes a number above 0.')


def animals_alone(
    sizes: Mapping[str, int], cage_size: int, strata: Mapping[str, float] | None = None, whole_cages: bool = False
) -> bool:
    """Return whether some animal could be alone in a cage for several."""
    if cage_size == 1:
        return False
    weights = np.array(list(strata.values()) if strata else [1.0], dtype=np.float64)
    groups = np.array(list(sizes.values()) if whole_cages else [sum(sizes.values())], dtype=np.float64)
    # Strata take their share of each group, rounded down or up.
    shares = np.outer(weights / weights.sum(), groups).ravel()
    numbers = {int(number) for number in (*np.floor(shares + 1e-9), *np.ceil(shares - 1e-9))}
    return any(number // -(-number // cage_size) < 2 for number in numbers if number)


def _cages(
    counts: Int[Array, "arm"], cage_size: int, whole_cages: bool, stratum: str, rng: np.random.Generator
) -> Int[Array, "cage arm"]:
    """Return how many animals of each arm are in each cage of a stratum."""
    if whole_cages:
        held = [
            np.bincount([arm], minlength=len(counts)) * size
            for arm, n in enumerate(counts)
            for size in _even(int(n), -(-int(n) // cage_size))
        ]
        cages = np.array(held, dtype=np.int64)[rng.permutation(len(held))]
    else:
        n = int(counts.sum())
        room = np.array(_even(n, -(-n // cage_size)))[rng.permutation(-(-n // cage_size))]
        cages = rounded_table(np.outer(room, counts) / n, rng)
    if cage_size > 1 and cages.sum(axis=1).min() < 2:
        where = f' of stratum "{stratum}"' if stratum else ""
        raise InvalidValueError(
            f"An animal{where} would be alone in its cage: {int(cages.sum())} animals in cages of {cage_size}. Plan "
            "with another number of animals or a larger cage; where single housing is meant, write a cage size of 1."
        )
    return cages


def _even(n: int, parts: int) -> list[int]:
    return [n // parts + (part < n % parts) for part in range(parts)]


def _placed(held: Int[Array, "cage arm"], rng: np.random.Generator) -> pd.DataFrame:
    """Return arm (its place), cage and block of each animal of a stratum, in the order of weight."""
    left = held.copy()
    layers = []
    for places in range(int(held.sum(axis=1).max()), 0, -1):
        layer = rounded_table(left / places, rng)
        left -= layer
        layers.append(layer)
    rows: list[tuple[int, int, int]] = []
    block = 0
    for number in rng.permutation(len(layers)):
        layer = layers[number]
        waiting = [list(rng.permutation(np.flatnonzero(column))) for column in layer.T]
        for members in _blocks(layer.sum(axis=0), held.sum(axis=0), rng):
            block += 1
            rows += [(int(arm), int(waiting[arm].pop()) + 1, block) for arm in members]
    return pd.DataFrame(rows, columns=["arm", "cage", "block"])


def _blocks(
    counts: Int[Array, "arm"], sizes: Int[Array, "arm"], rng: np.random.Generator
) -> list[Int[Array, "animal"]]:
    """Return a layer as blocks that hold the arms in proportion, each in random order."""
    unit = int(sizes.sum()) // math.gcd(*(int(size) for size in sizes if size))
    number = max(1, int(counts.sum()) // unit)
    split = rounded_table(np.tile(counts / number, (number, 1)), rng)
    return [rng.permutation(np.repeat(np.arange(len(counts)), row)) for row in split]


def _codes(n: int, rng: np.random.Generator) -> list[str]:
    length = _CODE_LENGTH
    while len(_LETTERS) ** length < 20 * n:
        length += 1
    numbers = rng.choice(len(_LETTERS) ** length, size=n, replace=False)
    codes = []
    for number in numbers:
        letters = ""
        for _ in range(length):
            number, letter = divmod(int(number), len(_LETTERS))
            letters += _LETTERS[letter]
        codes.append(letters)
    return codes
