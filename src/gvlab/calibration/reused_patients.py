"""Patients who were followed once and stand for those of other populations, by weights of importance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.calibration.expected_patients import Expected
from gvlab.library.records import PopulationRecord
from gvlab.subject import Cohort
from gvlab.subject.population import Population


@dataclass(frozen=True)
class FollowedPatients:
    """Patients drawn from the distributions of a population, and what is expected of each."""

    population: PopulationRecord
    cohort: Cohort
    expected: Expected


@dataclass(frozen=True, eq=False)
class ReusedPatients:
    """Patients of several draws as one draw, from the mixture of what they were drawn from [1]_.

    Attributes
    ----------
    cohort, expected
        Of all draws, one after another.
    log_mixture
        Logarithm of the density of the mixture at each patient, but for a constant: the number of them all.

    References
    ----------
    .. [1] Veach & Guibas (1995) SIGGRAPH 95:419-428 (balance heuristic).
    """

    draws: tuple[FollowedPatients, ...]
    cohort: Cohort
    expected: Expected
    log_mixture: Float[Array, "patient"]

    @classmethod
    def of(cls, draws: Sequence[FollowedPatients]) -> ReusedPatients:
        """Return the patients of some draws; all have the same table of parameters."""
        table = draws[0].cohort.table
        names = list(draws[0].cohort.columns)
        columns = {name: np.concatenate([draw.cohort.column(name) for draw in draws]) for name in names}
        cohort = Cohort(columns, table, np.arange(sum(len(draw.cohort) for draw in draws)))
        expected = Expected.joined([draw.expected for draw in draws])
        parts = [Population(draw.population, table).log_density(cohort) + np.log(len(draw.cohort)) for draw in draws]
        return cls(tuple(draws), cohort, expected, np.logaddexp.reduce(parts, axis=0))

    def counts(self, population: PopulationRecord) -> Float[Array, "patient"]:
        """Return how many patients of a population each one stands for; about one on average."""
        ratio = Population(population, self.cohort.table).log_density(self.cohort) - self.log_mixture
        return np.asarray(np.exp(ratio) * len(self.cohort), dtype=np.float64)

    def joined_by(self, draw: FollowedPatients) -> ReusedPatients:
        """Return these patients and those of another draw."""
        return ReusedPatients.of([*self.draws, draw])
