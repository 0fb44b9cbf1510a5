"""The shares of edges over plausible parameter sets: the same few mice under every set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.engine import Cancel, Progress
from gvlab.errors import InvalidValueError
from gvlab.experiment.why import Outcome, Pair, read_all
from gvlab.library.ensemble_recipe import Recipe
from gvlab.library.table_rows import EdgeRow
from gvlab.protocol import Arm
from gvlab.simulation import Executor
from gvlab.subject.parameter_space import ParameterSpace
from gvlab.subject.plausible import Ensemble
from gvlab.subject.replicated import replicated_cohort

if TYPE_CHECKING:
    from gvlab.experiment.experiment import Experiment

MICE = 8
"""Mice of each set: few, since every edge is cut in every set."""

LEAST = 0.1
"""A set whose difference is less than this part of the nominal one has no such difference to explain."""


@dataclass(frozen=True)
class SetShares:
    """Least and largest share of each edge over the sets, how many were asked, and how many have no difference."""

    low: Mapping[str, float]
    high: Mapping[str, float]
    sets: int
    left_out: int


def shares_of_sets(
    experiment: Experiment,
    pair: tuple[Arm, Arm],
    edges: Sequence[EdgeRow],
    reading: Outcome,
    nominal: float,
    sets: int,
    ensemble: str,
    *,
    executor: Executor | str | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> SetShares:
    """Return what `why` says of plausible sets; arguments as there, `nominal` is the difference that is explained.

    Raises
    ------
    InvalidValueError
        If the library has several ensembles and none is named, or the ensemble does not vary this system.
    """
    library = experiment.library
    names = library.names("ensembles")
    if not ensemble and len(names) != 1:
        raise InvalidValueError(f"The library has {len(names)} ensembles ({', '.join(names)}); name one.")
    found = Ensemble.read(ensemble or names[0], library).thin(sets)
    recipe = Recipe.model_validate(found.about["recipe"])
    space = ParameterSpace.of(recipe.varied, found.about["systems"], library)
    if space.names != found.names:
        raise InvalidValueError("The ensemble varies other parameters than the tables have now. Run: gvlab calibrate")
    varied = space.parameters(found.values, experiment.system.name)
    if not varied:
        raise InvalidValueError(f'The ensemble varies nothing in "{experiment.system.name}"; ask for no sets.')
    cohort = replicated_cohort(experiment.system, varied, MICE, recipe.seed, {})
    values = read_all(experiment, pair, edges, cohort, recipe.seed, reading, executor, progress, cancel)
    whole = _of_sets(values[""], len(found))
    with np.errstate(invalid="ignore", divide="ignore"):
        same = np.isfinite(whole) & (whole * np.sign(nominal) >= LEAST * abs(nominal))
        shares = {edge.edge: (1.0 - _of_sets(values[edge.edge], len(found)) / whole)[same] for edge in edges}
    return SetShares(
        {edge: _or_nan(np.min, each) for edge, each in shares.items()},
        {edge: _or_nan(np.max, each) for edge, each in shares.items()},
        len(found),
        int((~same).sum()),
    )


def _of_sets(pair: Pair, sets: int) -> Float[Array, "set"]:
    """Return the difference of the means of the mice of each set; NaN where nobody is read in one of the arms."""
    means = []
    for values in pair:
        table = values.reshape(sets, -1)
        known = np.isfinite(table)
        with np.errstate(invalid="ignore", divide="ignore"):
            means.append(np.where(known, table, 0.0).sum(axis=1) / known.sum(axis=1))
    return np.asarray(means[0] - means[1], dtype=np.float64)


def _or_nan(take: np.ufunc | object, values: Float[Array, "_set"]) -> float:
    known = values[np.isfinite(values)]
    return float(take(known)) if len(known) else math.nan  # type: ignore[operator]
