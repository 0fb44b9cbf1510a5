"""How an experiment is laid out: how many animals an arm gets, what a cage is, whether it is looked at early."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from gvlab import units
from gvlab.arrays import Array, Int
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.planning.rounding import rounded_table
from gvlab.statistics.group_sequential import Shape

CageRole = Literal["ignored", "stratum", "unit"]
Require = Literal["each", "all", "any"]


@dataclass(frozen=True)
class InterimLook:
    """One look at the data before the end.

    Attributes
    ----------
    day
        On which, where animals are followed over time; what has not happened by then is censored.
    share
        Of the animals of each arm that have been read, where a reading or a share is compared.
    shape
        Of the bounds.
    """

    day: float | None = None
    share: float | None = None
    shape: Shape = "obrien_fleming"

    @classmethod
    def of(cls, text: str, follow_up: float, timed: bool, shape: Shape) -> InterimLook | None:
        """Return the look that was named: "day 50" where animals are followed, "50 %" where they are read once.

        Raises
        ------
        InvalidValueError
            If it is written otherwise, or lies outside the experiment.
        """
        if not text:
            return None
        if timed:
            if "%" in text:
                raise InvalidValueError(f'An interim look at "{text}" is no day; survival is looked at on "day 50".')
            day = units.day(text, "the day of the interim look")
            if not 0 < day < follow_up:
                raise InvalidValueError(f"The interim look is on day {day:g}; it lies between day 0 and {follow_up:g}.")
            return cls(day=day, shape=shape)
        try:
            share = float(text.removesuffix("%")) / 100
        except ValueError:
            share = math.nan
        if not (text.endswith("%") and 0 < share < 1):
            raise InvalidValueError(
                f'An interim look at "{text}" is no share of the animals; where they are read once, write "50%".'
            )
        return cls(share=share, shape=shape)

    def in_words(self) -> str:
        """Return when it is."""
        return f"on day {self.day:g}" if self.day is not None else f"after {100 * (self.share or 0):g} % of the animals"


@dataclass(frozen=True)
class Layout:
    """How an experiment is laid out.

    Attributes
    ----------
    allocation
        Animals of an arm for one of an arm that is not named: ``{"BM": 2}`` gives a control of double size.
    require
        What must be significant often enough: "each" comparison on its own, "all" of them in one experiment, or "any".
    cages
        "ignored" by the test; a "stratum" (arms share cages, labels are permuted within a cage); or the "unit" (a cage
        holds one arm and is treated as a whole; cages are compared).
    cage_size, cage_correlation
        Animals in a cage, and how alike they are: the correlation of the normal scores of their outcomes.
    interim
        A look at the data before the end, None for none.
    """

    allocation: Mapping[str, float] = field(default_factory=dict)
    require: Require = "each"
    cages: CageRole = "ignored"
    cage_size: int = 5
    cage_correlation: float = 0.0
    interim: InterimLook | None = None

    def __post_init__(self) -> None:
        """Refuse what no laboratory can lay out."""
        for arm, weight in self.allocation.items():
            if not (math.isfinite(weight) and 0.1 <= weight <= 10):
                raise InvalidValueError(f'Arm "{arm}" is to get {weight:g} times the animals; write 0.1 to 10.')
        if not 0 <= self.cage_correlation < 1:
            raise InvalidValueError(
                f"The correlation of animals of a cage is {self.cage_correlation:g}; it lies between 0 and 1."
            )
        if self.cage_size < 1:
            raise InvalidValueError(f"A cage of {self.cage_size} animals is asked for; a cage holds at least 1.")
        if self.cages == "unit" and self.cage_size < 2:
            raise InvalidValueError("Where each animal has a cage of its own, the animal is the unit; leave cages out.")
        if self.interim and self.cages != "ignored":
            raise InvalidValueError(
                "An interim look is planned for animals as units; with cages as strata or units leave it out."
            )

    def check(self, arms: Sequence[str]) -> None:
        """Raise if an arm of the allocation is none of these."""
        for arm in self.allocation:
            if arm not in arms:
                raise UnknownNameError("arm", arm, arms)

    def animals(self, arm: str, n: int) -> int:
        """Return the animals of an arm where one that is not named gets n; whole cages where cages are the unit."""
        wanted = max(1, math.floor(n * self.allocation.get(arm, 1.0) + 0.5))
        return self.cage_size * -(-wanted // self.cage_size) if self.cages == "unit" else wanted

    def sizes(self, arms: Sequence[str], n: int) -> dict[str, int]:
        """Return the animals of each arm."""
        return {arm: self.animals(arm, n) for arm in arms}

    def cages_of(
        self, sizes: Mapping[str, int], arms: Sequence[str], rng: np.random.Generator
    ) -> dict[str, Int[Array, " subject"]]:
        """Return the cage of each animal of some arms, where all arms of `sizes` share cages or have their own."""
        if self.cages == "unit":
            first, found = 0, {}
            for arm in arms:
                found[arm] = first + np.arange(sizes[arm]) // self.cage_size
                first = int(found[arm][-1]) + 1
            return found
        total = sum(sizes.values())
        cages = -(-total // self.cage_size)
        room = np.array([total // cages + (cage < total % cages) for cage in range(cages)], dtype=np.float64)
        held = rounded_table(np.outer(room, list(sizes.values())) / total, rng)
        places = {arm: column for column, arm in enumerate(sizes)}
        return {arm: np.repeat(np.arange(cages), held[:, places[arm]]) for arm in arms}

    def in_words(self) -> list[str]:
        """Return what is not plain, as sentences."""
        lines = []
        if self.cages == "unit":
            lines.append(
                f"The cage of {self.cage_size} is the experimental unit: it holds one arm, and cages are compared; "
                f"animals of a cage correlate with {self.cage_correlation:g} (as assumed)."
            )
        elif self.cages == "stratum":
            lines.append(
                f"Cages of {self.cage_size} hold several arms and are strata of the test; animals of a cage correlate "
                f"with {self.cage_correlation:g} (as assumed)."
            )
        elif self.cage_correlation:
            lines.append(
                f"Animals of a cage of {self.cage_size} correlate with {self.cage_correlation:g} (as assumed); arms "
                "share cages, and the test ignores them."
            )
        return lines
