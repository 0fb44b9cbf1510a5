"""An ensemble: plausible parameter sets, with what they were made from, in one small file."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gvlab.arrays import Array, Float, Int
from gvlab.errors import InvalidValueError, LibraryError, UnknownNameError
from gvlab.files import atomic_file
from gvlab.lazy import LazyModule
from gvlab.library import Library
from gvlab.library.ensemble_recipe import Recipe
from gvlab.model.model import Model
from gvlab.subject.parameter_space import ParameterSpace

sparse: Any = LazyModule("scipy.sparse")
csgraph: Any = LazyModule("scipy.sparse.csgraph")

_KEY = b"gvlab.ensemble"
_COUNTS = ("family", "search")
_PLACES = 6


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Plausible parameter sets.

    Attributes
    ----------
    names
        Of the axes: a parameter, or ``parameter@context``.
    values
        Shape (set, axis), in the units of the parameter tables.
    family
        Shape (set,): sets of one family descend from one another, as `lineages` finds, and are not independent.
    search
        Shape (set,): number of the search that found it, from 0; searches are independent.
    about
        How it was made: recipe, bounds, acceptance, effective sample size, what each claim removed.
    """

    names: tuple[str, ...]
    values: Float[Array, "set axis"]
    family: Int[Array, "set"]
    search: Int[Array, "set"]
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values that do not fit the names."""
        if self.values.shape != (len(self.family), len(self.names)):
            raise InvalidValueError(
                f"An ensemble of {len(self.family)} sets and {len(self.names)} axes cannot have values of shape "
                f"{self.values.shape}."
            )
        if len(self.search) != len(self.family):
            raise InvalidValueError(
                f"{len(self.family)} sets cannot come from {len(self.search)} searches: one for each set."
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
        names = tuple(column for column in table.column_names if column not in _COUNTS)
        values = np.stack([table.column(column).to_numpy() for column in names], axis=1)
        family, search = (table.column(column).to_numpy() for column in _COUNTS)
        return cls(names, values, family, search, about)

    def write(self, path: Path) -> None:
        """Write as Parquet; values are rounded to six significant digits, which is finer than anything known."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = {name: self.values[:, i] for i, name in enumerate(self.names)}
        schema = pa.schema(
            [pa.field(name, pa.float64()) for name in self.names] + [pa.field(name, pa.int64()) for name in _COUNTS],
            metadata={_KEY: json.dumps(self.about)},
        )
        counts = (self.family, self.search)
        table = pa.table([pa.array(column) for column in (*columns.values(), *counts)], schema=schema)
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
        return Ensemble(self.names, self.values[rows], self.family[rows], self.search[rows], self.about)

    @property
    def effective(self) -> float:
        """Independent sets that the ensemble is worth."""
        return float(self.about.get("effective_sample_size", len(self))) * len(self) / float(
            self.about.get("sets", len(self))
        )  # fmt: skip

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


def rounded(
    values: Float[Array, "set axis"], low: Float[Array, "axis"], high: Float[Array, "axis"]
) -> Float[Array, "set axis"]:
    """Return values rounded to six significant digits, within bounds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(values != 0, 10.0 ** (_PLACES - 1 - np.floor(np.log10(np.abs(values)))), 1.0)
    return np.clip(np.round(values * size) / size, low, high)


def lineages(unit_points: Float[Array, "set axis"]) -> Int[Array, "set"]:
    """Return families of sets: those that still share a number to the last bit descend from one another.

    A particle that is kept twice has changed some of its numbers in between and not others; copies that were made when
    a limit fell have the same history. Numbers are continuous, so equality is never chance.

    Parameters
    ----------
    unit_points
        Shape (set, axis), as drawn, not rounded.

    Returns
    -------
    Shape (set,): number of the family.
    """
    n = len(unit_points)
    one, other = [], []
    for column in unit_points.T:
        order = np.argsort(column, kind="stable")
        same = np.flatnonzero(column[order[1:]] == column[order[:-1]])
        one.append(order[same])
        other.append(order[same + 1])
    rows, columns = np.concatenate(one), np.concatenate(other)
    graph = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    return np.asarray(csgraph.connected_components(graph, directed=False)[1], dtype=np.int64)


def effective_sample_size(unit_points: Float[Array, "set axis"], family: Int[Array, "set"]) -> Float[Array, "axis"]:
    """Return how many independent sets the sets are worth, on each axis.

    Sets that descend from one another resemble each other; a sample in families of mean size m whose members correlate
    by r is worth n / (1 + (m - 1) r) independent ones [1]_, with r from a one-way analysis of variance.

    Parameters
    ----------
    unit_points
        Shape (set, axis).
    family
        Shape (set,).

    References
    ----------
    .. [1] Kish (1965) Survey Sampling; Donner, Koval (1980) Biometrics 36:19.
    """
    _, member, sizes = np.unique(family, return_inverse=True, return_counts=True)
    n, families = len(family), len(sizes)
    if families < 2:
        return np.ones(unit_points.shape[1])
    if families == n:
        return np.full(unit_points.shape[1], float(n))
    sums = np.zeros((families, unit_points.shape[1]))
    np.add.at(sums, member, unit_points)
    means = sums / sizes[:, None]
    between = np.sum(sizes[:, None] * (means - unit_points.mean(axis=0)) ** 2, axis=0) / (families - 1)
    within = np.sum((unit_points - means[member]) ** 2, axis=0) / max(n - families, 1)
    typical = (n - np.sum(sizes**2) / n) / (families - 1)
    total = between + (typical - 1) * within
    r = np.clip(np.divide(between - within, total, out=np.ones_like(total), where=total > 0), 0.0, 1.0)
    mean_size = np.sum(sizes**2) / n
    return np.asarray(n / (1 + (mean_size - 1) * r), dtype=np.float64)


def between_searches(unit_points: Float[Array, "set axis"], search: Int[Array, "set"]) -> Float[Array, "axis"]:
    """Return how far independent searches lie apart on each axis: the scale reduction of Gelman and Rubin [1]_.

    Near 1, searches agree on the axis. Far above 1, each is in a part of the plausible region of its own, and the true
    spread is at least theirs together.

    Parameters
    ----------
    unit_points
        Shape (set, axis).
    search
        Shape (set,): which search found the set.

    Returns
    -------
    Shape (axis,); 1 where there is one search only.

    References
    ----------
    .. [1] Gelman, Rubin (1992) Statistical Science 7:457.
    """
    groups = [unit_points[search == number] for number in np.unique(search)]
    if len(groups) < 2 or min(len(group) for group in groups) < 2:
        return np.ones(unit_points.shape[1])
    n = float(np.mean([len(group) for group in groups]))
    within = np.mean([group.var(axis=0, ddof=1) for group in groups], axis=0)
    between = np.var([group.mean(axis=0) for group in groups], axis=0, ddof=1)
    ratio = np.divide(between, within, out=np.zeros_like(within), where=within > 0)
    return np.asarray(np.sqrt((n - 1) / n + ratio), dtype=np.float64)
