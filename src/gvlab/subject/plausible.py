"""An ensemble: plausible parameter sets, with what they were made from, in one small file."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gvlab.arrays import Array, Float, FloatArray, Int
from gvlab.errors import InvalidValueError, LibraryError, UnknownNameError
from gvlab.files import atomic_file
from gvlab.lazy import LazyModule
from gvlab.library import Library
from gvlab.library.ensemble_recipe import Recipe
from gvlab.model.model import Model
from gvlab.subject.parameter_space import ParameterSpace

special: Any = LazyModule("scipy.special")
stats: Any = LazyModule("scipy.stats")
distance: Any = LazyModule("scipy.spatial.distance")

_KEY = b"gvlab.ensemble"
_SEARCH = "search"
_PLACES = 6
_FEW_EACH = 8
"""Sets of a search below which searches are not shown one by one."""


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Plausible parameter sets.

    Attributes
    ----------
    names
        Of the axes: a parameter, or ``parameter@context``.
    values
        Shape (set, axis), in the units of the parameter tables.
    search
        Shape (set,): number of the search that found it, from 0. Searches know nothing of each other; sets of one
        search are lineages of their own, and may yet be led the same way.
    about
        How it was made: recipe, bounds, acceptance, effective sample size, what each claim removed.
    """

    names: tuple[str, ...]
    values: Float[Array, "set axis"]
    search: Int[Array, "set"]
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values that do not fit the names."""
        if self.values.shape != (len(self.search), len(self.names)):
            raise InvalidValueError(
                f"An ensemble of {len(self.search)} sets, one for each number of a search, and {len(self.names)} axes "
                f"cannot have values of shape {self.values.shape}."
            )

    @classmethod
    def read(cls, name: str, library: Library | None = None) -> Ensemble:
        """Return an ensemble of a library, or of a file.

        Raises
        ------
        UnknownNameError
            If there is no recipe of that name.
        LibraryError
            If it has not been made yet, or is no ensemble.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        library = Library.default() if library is None else library
        path = Path(name) if name.endswith(".parquet") else library.ensemble_file(name)
        if not path.is_file():
            raise LibraryError(f'There is no ensemble "{path}" yet. Make it: gvlab calibrate {Path(name).stem}')
        try:
            table = pq.read_table(path)
            about = json.loads(table.schema.metadata[_KEY])
        except (OSError, pa.ArrowInvalid, KeyError, TypeError) as error:
            raise LibraryError(f'"{path}" is not an ensemble written by gvlab: {error}.') from error
        names = tuple(column for column in table.column_names if column != _SEARCH)
        values = np.stack([table.column(column).to_numpy() for column in names], axis=1)
        return cls(names, values, table.column(_SEARCH).to_numpy(), about)

    def write(self, path: Path) -> None:
        """Write as Parquet; values are rounded to six significant digits, which is finer than anything known."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = {name: self.values[:, i] for i, name in enumerate(self.names)}
        schema = pa.schema(
            [*(pa.field(name, pa.float64()) for name in self.names), pa.field(_SEARCH, pa.int64())],
            metadata={_KEY: json.dumps(self.about)},
        )
        table = pa.table([pa.array(column) for column in (*columns.values(), self.search)], schema=schema)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    def __len__(self) -> int:
        return len(self.values)

    def axis(self, name: str) -> int:
        """Return the place of an axis.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        if name not in self.names:
            raise UnknownNameError("axis of the ensemble", name, self.names)
        return self.names.index(name)

    def column(self, name: str) -> Float[Array, "set"]:
        """Return a parameter of every set, shape (set,)."""
        return self.values[:, self.axis(name)]

    def thin(self, sets: int) -> Ensemble:
        """Return evenly chosen sets; all where there are not more."""
        if sets >= len(self):
            return self
        rows = np.unique(np.linspace(0, len(self) - 1, sets).round().astype(np.int64))
        return Ensemble(self.names, self.values[rows], self.search[rows], self.about)

    @property
    def effective(self) -> float:
        """Independent sets that it is worth, by the variance between searches.

        Of an ensemble that was thinned, the means of searches differ by what whole searches differ by, and by what
        fewer sets of each add: one set of each of thirty searches is worth nearly thirty, thirty of one a few.
        """
        whole = float(self.about.get("sets", len(self)))
        worth = float(self.about.get("effective_sample_size", whole))
        here = len(np.unique(self.search))
        searches = sum(each["sets"] > 0 for each in self.about.get("searches", ())) or here
        if whole <= searches:
            return float(len(self))
        # In shares of the variance of a set: that of sets within a search, and that of the middles of searches.
        within = max(1 - searches / worth, 0.0) / (1 - searches / whole)
        between = max(searches / worth - within * searches / whole, 0.0)
        return float(min(len(self), here / (between + within * here / len(self))))

    def stale(self, library: Library | None = None, model: Model | None = None) -> bool:
        """Return whether the model, or a range of the tables, has changed since it was made."""
        library = Library.default() if library is None else library
        model = Model.default(library) if model is None else model
        recipe = Recipe.model_validate(self.about["recipe"])
        systems = tuple(self.about.get("systems", ())) or library.names("systems")
        now = [[axis.name, axis.low, axis.high] for axis in ParameterSpace.of(recipe.varied, systems, library).axes]
        return now != [list(axis) for axis in self.about["axes"]] or model.structure != self.about["model"]

    @functools.cached_property
    def bounds(self) -> Mapping[str, tuple[float, float]]:
        """Lower and upper bound of each axis when it was made."""
        return {name: (low, high) for name, low, high in self.about.get("axes", ())}


def quarters(search: Int[Array, "set"]) -> Int[Array, "set"]:
    """Return which quarter of the searches found each set: every fourth search together, a replicate of the whole.

    One search finds a handful of independent sets, so two always differ. Whether another run of all searches would say
    the same is told by comparing parts that hold many searches each (`between_searches` of these numbers).
    """
    return np.asarray(search % 4)


def parts(search: Int[Array, "set"]) -> Int[Array, "set"]:
    """Return which independent part each set belongs to: its search, or a quarter of them where few sets are of each.

    Of an ensemble that was thinned, the share of a search's two or three sets would say nothing.
    """
    return quarters(search) if len(search) < _FEW_EACH * len(np.unique(search)) else search


def rounded(
    values: Float[Array, "set axis"], low: Float[Array, "axis"], high: Float[Array, "axis"]
) -> Float[Array, "set axis"]:
    """Return values rounded to six significant digits, within bounds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(values != 0, 10.0 ** (_PLACES - 1 - np.floor(np.log10(np.abs(values)))), 1.0)
    return np.clip(np.round(values * size) / size, low, high)


def between_searches(unit_points: Float[Array, "set axis"], search: Int[Array, "set"]) -> Float[Array, "axis"]:
    """Return how far independent searches lie apart on each axis: the scale reduction of Gelman and Rubin [1]_.

    Near 1, searches agree on the axis. Far above 1, each is in a part of the plausible region of its own, and the true
    spread is at least theirs together. Computed on normal scores of ranks, so that tails weigh no more than the middle.

    Parameters
    ----------
    unit_points
        Shape (set, axis).
    search
        Shape (set,): which search found the set.

    Returns
    -------
    Shape (axis,); 1 where there is one search only, or nothing varies.

    References
    ----------
    .. [1] Gelman, Rubin (1992) Statistical Science 7:457; ranks: Vehtari et al. (2021) Bayesian Analysis 16:667.
    """
    found = _variances(unit_points, search)
    if found is None:
        return np.ones(unit_points.shape[1])
    between, within, size, _ = found
    ratio = np.divide(between, within, out=np.where(between > 0, np.inf, 0.0), where=within > 0)
    return np.asarray(np.sqrt((size - 1) / size + ratio), dtype=np.float64)


def effective_sets(unit_points: Float[Array, "set axis"], search: Int[Array, "set"]) -> float:
    """Return how many independent sets all sets are worth, by the variance between searches.

    Means of k searches of independent sets differ by the variance of a set over the number that a search is worth. What
    they differ by on average over the axes therefore says that number; k times it is what all are worth [1]_. The
    variance of a set is that within searches and between them together [2]_, so a search is worth one set at least,
    however narrow it is. All are worth no more than there are sets, and that many where there is one search only: then
    nothing can be said. Searches that found a single set are left out.

    Parameters
    ----------
    unit_points, search
        As in `between_searches`.

    References
    ----------
    .. [1] Geyer (1992) Statistical Science 7:473 (effective size from the variance of means, here between replicates).
    .. [2] Vehtari et al. (2021) Bayesian Analysis 16:667, whose effective size stands on the same variance.
    """
    found = _variances(unit_points, search)
    if found is None:
        return float(len(unit_points))
    between, within, size, compared = found
    total = within * (size - 1) / size + between
    varies = total > 0
    if not varies.any():
        return float(len(unit_points))
    apart = float(np.mean(between[varies] / total[varies]))
    return float(min(len(unit_points), compared / max(apart, 1e-12)))


def _variances(
    unit_points: Float[Array, "set axis"], search: Int[Array, "set"]
) -> tuple[FloatArray, FloatArray, float, int] | None:
    """Return the variance of the means of searches, that within them, their mean size, and how many are compared.

    A search of a single set is left out; None where fewer than two are left.
    """
    n = len(unit_points)
    ranks = stats.rankdata(unit_points, axis=0)
    scores = special.ndtri((ranks - 0.375) / (n + 0.25))
    groups = [scores[search == number] for number in np.unique(search)]
    groups = [group for group in groups if len(group) > 1]
    if len(groups) < 2:
        return None
    within = np.mean([group.var(axis=0, ddof=1) for group in groups], axis=0)
    between = np.var([group.mean(axis=0) for group in groups], axis=0, ddof=1)
    return between, within, float(np.mean([len(group) for group in groups])), len(groups)


def energy_distance(one: Float[Array, "set axis"], other: Float[Array, "other axis"]) -> float:
    """Return the energy distance of two samples of points, over the mean distance of two points of both together [1]_.

    0 where they come from the same distribution, up to chance; it does not hang on how many there are (U-statistics).
    Two runs of one recipe, on whatever processor, are held against each other with it.

    References
    ----------
    .. [1] Szekely, Rizzo (2013) J Statistical Planning and Inference 143:1249.
    """
    across = float(distance.cdist(one, other).mean())
    within = [float(distance.pdist(each).mean()) for each in (one, other)]
    together = float(distance.pdist(np.concatenate([one, other])).mean())
    return (2 * across - sum(within)) / together


def central(unit_points: Float[Array, "set axis"]) -> int:
    """Return the place of the most central set: nearest to all others, by the sum of distances on scores of ranks."""
    ranks = stats.rankdata(unit_points, axis=0)
    scores = special.ndtri((ranks - 0.375) / (len(unit_points) + 0.25))
    return int(np.argmin(distance.cdist(scores, scores).sum(axis=1)))
