"""Measurements: the long table a laboratory would hand over, and comparisons between its arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gvlab.errors import UnknownNameError
from gvlab.statistics import GroupComparison, compare_two

COLUMNS = ("subject", "arm", "time", "assay", "value", "unit")


@dataclass(frozen=True)
class Measurements:
    """Readings of one assay on one day.

    Attributes
    ----------
    assay
        What was read.
    title
        What a reader calls it.
    unit
        Unit of the readings.
    table
        Columns `COLUMNS`; the dead have no row.
    seed
        Of the bootstrap of `compare`.
    """

    assay: str
    title: str
    unit: str
    table: pd.DataFrame
    seed: int = 0

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms of which anything was read, in order."""
        return tuple(dict.fromkeys(self.table["arm"]))

    def values(self, arm: str) -> npt.NDArray[np.float64]:
        """Give the readings of an arm.

        Raises
        ------
        UnknownNameError
            If nothing was read in an arm of that name.
        """
        if arm not in self.arms:
            raise UnknownNameError("arm with living subjects", arm, self.arms)
        return self.table.loc[self.table["arm"] == arm, "value"].to_numpy(dtype=np.float64)

    def compare(self, arm: str, *, versus: str) -> GroupComparison:
        """Compare two arms: Mann-Whitney, and the effect with its interval."""
        return compare_two(self.values(arm), self.values(versus), np.random.default_rng(self.seed))

    def __str__(self) -> str:
        lines = [f"{self.title} ({self.unit})"]
        for arm in self.arms:
            values = self.values(arm)
            low, mid, high = np.quantile(values, [0.25, 0.5, 0.75])
            lines.append(f"  {arm}: median {mid:.3g}, quartiles {low:.3g} to {high:.3g}, n = {len(values)}")
        return "\n".join(lines)
