"""Randomization: which animal goes into which arm, by cage and block, under codes that tell nobody the arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvlab.errors import InvalidValueError

_LETTERS = "ACDEFHJKLMNPRTUVWXY"
"""Letters that are not taken for figures or for one another on a cage card."""

_CODE_LENGTH = 3


@dataclass(frozen=True)
class Allocation:
    """Who goes where.

    Attributes
    ----------
    table
        One row an animal: ``animal, cage, block, code, arm``.
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


def randomize(sizes: Mapping[str, int], seed: int, *, cage_size: int = 5) -> Allocation:
    """Allot animals to arms in permuted blocks.

    A block holds the arms in proportion to their sizes, one animal of each where they are alike, in random order; cages
    are filled block by block, so that every cage holds the arms as evenly as its size allows and a cage is no
    confounder. Cages differ by one animal at most, so none is alone while others have company. Animals that are
    numbered in the order of their weight (or of their signal before treatment) make blocks of like animals.

    Parameters
    ----------
    sizes
        Animals in each arm.
    seed
        The same seed gives the same list.
    cage_size
        Animals in a cage.

    Raises
    ------
    InvalidValueError
        If there is no arm, or one has no animals or part of one; if a cage holds none, or the seed is negative.
    """
    if not sizes:
        raise InvalidValueError("There is no arm to allot animals to; name one or more.")
    for arm, asked in sizes.items():
        if not isinstance(asked, int | np.integer) or asked < 1:
            raise InvalidValueError(f'Arm "{arm}" has {asked} animals; it takes a whole number, 1 or more.')
    if cage_size < 1:
        raise InvalidValueError(f"A cage of {cage_size} animals is asked for; a cage holds at least 1.")
    if seed < 0:
        raise InvalidValueError(f"The seed is {seed}; it must be a whole number, not negative.")
    rng = np.random.default_rng(seed)
    smallest = min(sizes.values())
    arms: list[str] = []
    blocks: list[int] = []
    for block in range(smallest):
        members = [arm for arm, n in sizes.items() for _ in range((block + 1) * n // smallest - block * n // smallest)]
        arms += [members[i] for i in rng.permutation(len(members))]
        blocks += [block + 1] * len(members)
    n = len(arms)
    wide, cages = len(str(n)), -(-n // cage_size)
    table = pd.DataFrame(
        {
            "animal": [f"M{number:0{wide}d}" for number in range(1, n + 1)],
            "cage": [f"C{number * cages // n + 1:02d}" for number in range(n)],
            "block": blocks,
            "code": _codes(n, rng),
            "arm": arms,
        }
    )
    return Allocation(table, seed)


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
