"""The same few virtual subjects under every parameter set, as one cohort for one engine call."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np

from gvlab.arrays import Array, Float, FloatArray
from gvlab.subject import Cohort, System
from gvlab.subject.distributions import distribution


def replicated_cohort(
    system: System,
    sets: Mapping[str, Float[Array, "set"]],
    subjects: int,
    seed: int,
    thresholds: Mapping[str, float],
) -> Cohort:
    """Return a cohort of sets times subjects, all subjects of a set next to one another.

    Subject i differs from the typical subject by the same quantiles in every set and in every arm (common random
    numbers), so that sets differ by their parameters and by nothing else. Fates that are uniform draws are spread
    evenly over the subjects of a set instead of drawn: with few subjects, luck would otherwise be taken for biology.

    Parameters
    ----------
    system
        Whose subjects.
    sets
        By parameter, shape (set,): the typical values of each set.
    subjects
        In each set.
    seed
        Of the quantiles.
    thresholds
        Fates that are the same number for everybody, by name.
    """
    n_sets = len(next(iter(sets.values())))
    table = system.parameters()
    model = system.cohort(subjects, seed)
    columns: dict[str, FloatArray] = {name: np.repeat(values, subjects) for name, values in sets.items()}
    for spec in system.population.record.variability:
        name = spec.parameter
        nominal, bounds = table.value(name), table.bounds(name)
        own = model.columns[name]
        if name not in sets:
            columns[name] = np.tile(own, n_sets)
        elif spec.distribution == "log-normal" and spec.low is None and spec.high is None:
            columns[name] = (sets[name][:, None] * (own / nominal)[None, :]).ravel()
        else:
            shape = distribution(spec, nominal, *bounds)
            points = shape.cdf(own)
            columns[name] = np.concatenate(
                [distribution(spec, float(value), *bounds).quantile(points) for value in sets[name]]
            )
    for fate in system.population.record.fates:
        if fate.parameter in thresholds:
            columns[fate.parameter] = np.full(n_sets * subjects, thresholds[fate.parameter])
        else:
            even = _even(subjects, seed, fate.parameter)
            columns[fate.parameter] = np.tile(-np.log1p(-even) if fate.distribution == "exponential" else even, n_sets)
    return Cohort(columns, table, np.tile(np.arange(subjects), n_sets), seed, system.population.name)


def _even(n: int, seed: int, name: str) -> Float[Array, "subject"]:
    """Return n evenly spread numbers between 0 and 1, in an order of their own."""
    stream = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return np.asarray((stream.permutation(n) + 0.5) / n, dtype=np.float64)
