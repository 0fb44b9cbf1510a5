"""Population: a distribution of subjects, of which a cohort is a sample."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from gvlab.arrays import Array, Float, FloatArray, Int
from gvlab.capacity import refuse_beyond_memory
from gvlab.errors import InvalidValueError, LibraryError, UnknownNameError
from gvlab.lazy import LazyModule
from gvlab.library import Library, read_table
from gvlab.library.records import PopulationRecord
from gvlab.library.table_rows import WeightRow
from gvlab.model.parameters import ParameterTable
from gvlab.subject.cohort import Cohort
from gvlab.subject.distributions import KINDS, Distribution, distribution

special: Any = LazyModule("scipy.special")
linalg: Any = LazyModule("scipy.linalg")
qmc: Any = LazyModule("scipy.stats.qmc")

# Names of the random streams. Each purpose has a stream of its own, so that drawing more for one changes no other.
_SUBJECTS, _FATES, _CHOICES = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Weights:
    """What the subjects of one draw of a population count for.

    Attributes
    ----------
    seed
        Of the draw.
    subjects
        Their numbers in the draw, shape (subject,); an even choice is even along this order.
    weights
        Shape (subject,).
    """

    seed: int
    subjects: Int[Array, "subject"]
    weights: Float[Array, "subject"]

    @classmethod
    def read(cls, record: PopulationRecord, library: Library) -> Weights | None:
        """Return the weights of a population of a library; None where it was not weighed.

        Raises
        ------
        LibraryError
            If the weights are of other distributions, or their file is missing or holds no weight.
        """
        if record.weighed is None:
            return None
        file = library.weights_file(record.name)
        again = 'Calibrate it again (`gvlab population calibrate`), or delete "weighed" to draw everybody alike.'
        if record.weighed.distributions != record.distributions:
            raise LibraryError(
                f'{library.path("populations", record.name)}: "weighed" is of the distributions '
                f'"{record.weighed.distributions}", but those of the record are "{record.distributions}". {again}'
            )
        if not file.is_file():
            raise LibraryError(f'Population "{record.name}" was weighed, but "{file}" is missing. {again}')
        rows = read_table(file, WeightRow)
        subjects, counts = np.unique([row.subject for row in rows], return_counts=True)
        if np.any(counts > 1):
            raise LibraryError(f"{file}: subject {subjects[counts > 1][0]} stands there twice. Keep one of its rows.")
        weights = np.array([row.weight for row in rows])
        if not weights.sum() > 0:
            raise LibraryError(f"{file}: no subject has a weight above 0, so there is nobody to draw. {again}")
        return cls(record.weighed.seed, np.array([row.subject for row in rows], dtype=np.int64), weights)

    def choose(self, n: int, seed: int) -> Int[Array, "choice"]:
        """Return the numbers of n subjects, each as often as its weight says; choice i is the same whatever `n`.

        A scrambled van der Corput sequence along the cumulative weights: the first 2^k choices are a systematic sample,
        one from each of 2^k equal parts of all weight [1]_.

        References
        ----------
        .. [1] Niederreiter (1992) Random Number Generation and Quasi-Monte Carlo Methods, SIAM, chapter 3.
        """
        sequence = qmc.Sobol(1, scramble=True, rng=_stream(seed, _CHOICES))
        places = np.asarray(sequence.random_base2(max(0, math.ceil(math.log2(n))))[:n, 0], dtype=np.float64)
        until = np.cumsum(self.weights) / self.weights.sum()
        # Rounding may leave the last sum below 1, and nobody beyond it.
        until[np.flatnonzero(self.weights)[-1] :] = 1.0
        return self.subjects[np.searchsorted(until, places, side="right")]


@dataclass(frozen=True)
class Population:
    """What differs between subjects, around the values of a table.

    Attributes
    ----------
    record
        Distributions, fates and correlations.
    table
        Resolved: nominal values, units and bounds.
    weights
        By which subjects are chosen from one draw of the distributions; None where each draw is of the distributions.
    """

    record: PopulationRecord
    table: ParameterTable
    weights: Weights | None = None

    def __post_init__(self) -> None:
        """Refuse a population that varies what is not in the table."""
        for name in self.varied + self.fates:
            if name not in self.table:
                where = f'the table for population "{self.record.name}"'
                raise UnknownNameError("parameter", name, self.table.ids, where)

    @classmethod
    def read(cls, name: str, table: ParameterTable, library: Library | None = None) -> Population:
        """Return a population of a library.

        Raises
        ------
        UnknownNameError
            If there is none of that name, or it varies a parameter that the table does not have.
        LibraryError
            If it was weighed, and its weights are missing or of other distributions.
        """
        library = Library.default() if library is None else library
        record: PopulationRecord = library.read("populations", name)
        return cls(record, table, Weights.read(record, library))

    @property
    def name(self) -> str:
        """What the API calls it."""
        return self.record.name

    @property
    def title(self) -> str:
        """What a reader calls it."""
        return self.record.title

    @property
    def varied(self) -> tuple[str, ...]:
        """Parameters that differ between subjects."""
        return tuple(item.parameter for item in self.record.variability)

    @property
    def fates(self) -> tuple[str, ...]:
        """Thresholds that each subject draws once."""
        return tuple(item.parameter for item in self.record.fates)

    def sample(self, n: int, seed: int) -> Cohort:
        """Return a cohort drawn at random.

        Parameters vary by a scrambled Sobol sequence, which covers their space more evenly than independent draws
        [1]_; fates are independent draws of a counter-based generator [2]_, one stream a fate, in which a subject reads
        the position of its number. Subject i of a seed is therefore the same whatever `n`, and on any machine.

        Of a population that was weighed, subjects are chosen from the draw that was weighed, each as often as its
        weight says, so that plain statistics of a cohort are those of the weighted population. One of large weight
        comes more than once, with fates of its own each time.

        Parameters
        ----------
        n
            Subjects, at least one.
        seed
            Not negative.

        Raises
        ------
        InvalidValueError
            If `n` or `seed` is not such a number, so many do not fit into memory, or a distribution does not fit its
            bounds.

        References
        ----------
        .. [1] Owen (1998) Scrambling Sobol' and Niederreiter-Xing points. J Complexity 14:466.
        .. [2] Salmon et al. (2011) Parallel random numbers: as easy as 1, 2, 3. SC11.
        """
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise InvalidValueError(f"A cohort of {n!r} subjects cannot be drawn; n is a whole number above zero.")
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
            raise InvalidValueError(f"The seed is {seed!r}; it must be a whole number, not negative.")
        n, seed = int(n), int(seed)
        # Points of the unit cube, scrambled and cut, and the columns made of them.
        refuse_beyond_memory(n, 8.0 * (3 * len(self.record.variability) + len(self.record.fates) + 1))
        columns: dict[str, FloatArray] = {}
        points = self._points(n, seed) if self.weights is None else self._chosen(self.weights, n, seed)
        for axis, shape in enumerate(self._distributions()):
            columns[self.varied[axis]] = shape.quantile(points[:, axis])
        for fate in self.record.fates:
            uniform = _stream(seed, _FATES, zlib.crc32(fate.parameter.encode())).random(n)
            columns[fate.parameter] = -np.log1p(-uniform) if fate.distribution == "exponential" else uniform
        return Cohort(columns, self.table, np.arange(n), seed, self.name)

    def log_density(self, cohort: Cohort) -> Float[Array, "subject"]:
        """Return the logarithm of the density of the distributions at subjects, who may be drawn from others.

        Values that have a share of all count by it. Fates are the same in every population and do not count, nor do
        `weights`. Over the density of what subjects were drawn from, it says for how many of these each stands [1]_.

        Raises
        ------
        InvalidValueError
            If kinds of subjects are correlated with something: their values do not say where in it they lie.

        References
        ----------
        .. [1] Owen (2013) Monte Carlo theory, methods and examples, chapter 9.
        """
        self._refuse_correlated_kinds()
        total = np.zeros(len(cohort))
        scores = np.zeros((len(self.varied), len(cohort)))
        tiny = np.finfo(np.float64).eps
        for axis, (spec, shape) in enumerate(zip(self.record.variability, self._distributions(), strict=True)):
            values = cohort.column(spec.parameter)
            total += shape.log_density(values)
            if spec.distribution not in KINDS:
                scores[axis] = special.ndtri(np.clip(shape.cdf(values), tiny, 1 - tiny))
        if self.record.correlations:
            triangle = self._correlation()
            free = linalg.solve_triangular(triangle, scores, lower=True)
            total += 0.5 * np.sum(scores**2 - free**2, axis=0) - np.sum(np.log(np.diag(triangle)))
        return total

    def _refuse_correlated_kinds(self) -> None:
        kinds = {spec.parameter for spec in self.record.variability if spec.distribution in KINDS}
        for item in self.record.correlations:
            for name in kinds.intersection(item.parameters):
                one, other = item.parameters
                raise InvalidValueError(
                    f'"{name}" of population "{self.name}" has kinds, and is correlated ("{one}" and "{other}"); the '
                    "density of a subject is known only without. Take that correlation away."
                )

    def _distributions(self) -> list[Distribution]:
        """Return the distribution of each parameter that differs, in the order of the record."""
        found = []
        for spec in self.record.variability:
            center = self.table.value(spec.parameter) if spec.value is None else spec.value
            found.append(distribution(spec, center, *self.table.bounds(spec.parameter)))
        return found

    def _chosen(self, weights: Weights, n: int, seed: int) -> Float[Array, "subject parameter"]:
        """Return the points of subjects chosen by weight."""
        drawn = self._points(int(weights.subjects.max()) + 1, weights.seed)
        return drawn[weights.choose(n, seed)]

    def _points(self, n: int, seed: int) -> Float[Array, "subject parameter"]:
        """Return points in the unit cube, shape (subject, parameter), correlated as the record says."""
        dimension = len(self.record.variability)
        if not dimension:
            return np.empty((n, 0))
        # A power of two keeps the sequence balanced; its first n points are the same for every n.
        sequence = qmc.Sobol(dimension, scramble=True, rng=_stream(seed, _SUBJECTS))
        points = np.asarray(sequence.random_base2(max(0, math.ceil(math.log2(n))))[:n], dtype=np.float64)
        tiny = np.finfo(np.float64).eps
        points = np.clip(points, tiny, 1 - tiny)
        if self.record.correlations:
            points = special.ndtr(special.ndtri(points) @ self._correlation().T)
        return points

    def _correlation(self) -> Float[Array, "parameter parameter"]:
        """Return the lower triangle that correlates normal scores."""
        place = {name: axis for axis, name in enumerate(self.varied)}
        matrix = np.eye(len(place))
        items = self.record.correlations
        for item in items:
            one, other = (place[name] for name in item.parameters)
            matrix[one, other] = matrix[other, one] = item.value
        try:
            return np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)
        except np.linalg.LinAlgError:
            # Without which of them the others are possible, or nearest to it.
            without = []
            for item in items:
                one, other = (place[name] for name in item.parameters)
                left = matrix.copy()
                left[one, other] = left[other, one] = 0.0
                without.append(float(np.linalg.eigvalsh(left)[0]))
            worst = items[int(np.argmax(without))]
            pair = " and ".join(f'"{name}"' for name in worst.parameters)
            raise InvalidValueError(
                f'The correlations of population "{self.name}" contradict each other; no distribution has all of them. '
                f"Look first at {worst.value:g} between {pair}."
            ) from None


def _stream(seed: int, *purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy=seed, spawn_key=purpose)))
