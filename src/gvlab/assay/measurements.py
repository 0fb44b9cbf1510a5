"""Measurements: the long table a laboratory would hand over, and comparisons between its arms."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gvlab import units
from gvlab.arrays import Array, Float
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.lazy import LazyModule
from gvlab.statistics import GroupComparison, compare_two

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")

COLUMNS = ("subject", "arm", "time", "assay", "analyte", "value", "unit", "below_lloq", "above_uloq")


@dataclass(frozen=True)
class MeasuredComparison(GroupComparison):
    """How the readings of an arm differ from those of another, and what the limits of the assay hide of it.

    Attributes
    ----------
    beyond_a, beyond_b
        Readings of each arm below or above a limit. They enter the test as ties at the limit, which a rank test
        allows.
    bound
        Whether a median lies at a limit, so that ratio and difference are bounds and no estimates.
    """

    beyond_a: int = 0
    beyond_b: int = 0
    bound: bool = False

    def __str__(self) -> str:
        text = super().__str__()
        if not self.beyond_a + self.beyond_b:
            return text
        text += f"; {self.beyond_a} of {self.n_a} and {self.beyond_b} of {self.n_b} readings beyond a limit"
        return f"{text}, so the effect is a bound" if self.bound else text


@dataclass(frozen=True)
class Measurements:
    """Readings of one analyte.

    Attributes
    ----------
    assay
        What was read.
    title
        What a reader calls it.
    unit
        Unit of the readings.
    table
        Columns `COLUMNS`; the dead have no row. A reading below a limit is flagged.
    seed
        Of the bootstrap of `compare`.
    limit
        Lower limit of the assay, None where it has none.
    """

    assay: str
    title: str
    unit: str
    table: pd.DataFrame
    seed: int = 0
    limit: float | None = None

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms of which anything was read, in order."""
        return tuple(dict.fromkeys(self.table["arm"]))

    @property
    def days(self) -> tuple[float, ...]:
        """Days on which anything was read."""
        return tuple(float(day) for day in np.unique(self.table["time"].to_numpy(dtype=np.float64)))

    def on(self, at: str) -> Measurements:
        """Return the readings of one day.

        Raises
        ------
        InvalidValueError
            If nothing was read on it.
        """
        day = units.day(at)
        rows = np.isclose(self.table["time"].to_numpy(dtype=np.float64), day)
        if not rows.any():
            read = ", ".join(f"{each:g}" for each in self.days)
            raise InvalidValueError(f"{self.title} was not read on day {day:g}. It was read on day {read}.")
        return dataclasses.replace(self, table=self.table[rows].reset_index(drop=True))

    def values(self, arm: str) -> Float[Array, "subject"]:
        """Return the readings of an arm.

        Raises
        ------
        UnknownNameError
            If nothing was read in an arm of that name.
        """
        return self._rows(arm)["value"].to_numpy(dtype=np.float64)

    def compare(self, arm: str, *, versus: str) -> MeasuredComparison:
        """Compare two arms: Mann-Whitney, and the effect with its interval.

        Readings below the lower limit are tied with one another beneath every quantified reading, and those above the
        upper one above; what they would have been is not guessed.

        Raises
        ------
        UnknownNameError
            If nothing was read in an arm of that name.
        InvalidValueError
            If readings of several days are there; take one with `on`.
        """
        if len(self.days) > 1:
            raise InvalidValueError(
                f"{self.title} was read on {len(self.days)} days, and a comparison is of one. Take one: "
                f'measurements.on("day {self.days[0]:g}").'
            )
        rows = self._rows(arm), self._rows(versus)
        both = pd.concat(rows)
        values = _tied(both)
        a, b = values[: len(rows[0])], values[len(rows[0]) :]
        found = compare_two(a, b, np.random.default_rng(self.seed))
        beyond = (both["below_lloq"] | both["above_uloq"]).to_numpy(dtype=bool)
        parts = beyond[: len(a)], beyond[len(a) :]
        fields = {item.name: getattr(found, item.name) for item in dataclasses.fields(found)}
        bound = any(2 * int(part.sum()) >= len(part) for part in parts)
        return MeasuredComparison(**fields, beyond_a=int(parts[0].sum()), beyond_b=int(parts[1].sum()), bound=bound)

    def _rows(self, arm: str) -> pd.DataFrame:
        if arm not in self.arms:
            raise UnknownNameError("arm with living subjects", arm, self.arms)
        return self.table[self.table["arm"] == arm]

    def __str__(self) -> str:
        lines = [self.title if f"({self.unit})" in self.title else f"{self.title} ({self.unit})"]
        for arm in self.arms:
            values, rows = self.values(arm), self._rows(arm)
            low, mid, high = np.quantile(values, [0.25, 0.5, 0.75])
            below = int(rows["below_lloq"].sum())
            hidden = f", {below} below the limit {self.limit:.3g}" if below and self.limit is not None else ""
            lines.append(f"  {arm}: median {mid:.3g}, quartiles {low:.3g} to {high:.3g}, n = {len(values)}{hidden}")
        return "\n".join(lines)


def _tied(table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return readings with those beyond a limit tied at it, never among the quantified ones."""
    values = table["value"].to_numpy(dtype=np.float64).copy()
    below, above = (table[flag].to_numpy(dtype=bool) for flag in ("below_lloq", "above_uloq"))
    quantified = values[~below & ~above]
    if below.any():
        values[below] = min([float(values[below].max()), *([float(quantified.min())] if len(quantified) else [])])
    if above.any():
        values[above] = max([float(values[above].min()), *([float(quantified.max())] if len(quantified) else [])])
    return values
