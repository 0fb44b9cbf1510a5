"""Controlled rounding: a table of expected numbers becomes one of whole numbers that keeps its margins."""

from __future__ import annotations

from typing import Any

import numpy as np

from gvlab.arrays import Array, Float, Int
from gvlab.lazy import LazyModule

optimize: Any = LazyModule("scipy.optimize")

_SAME = 1e-9


def rounded_table(expected: Float[Array, "row column"], rng: np.random.Generator) -> Int[Array, "row column"]:
    """Return a random table of whole numbers, each entry and each margin rounded down or up [1]_.

    Entries, sums of rows, sums of columns and the total are all within less than one of what is expected. Such a table
    always exists, since the constraints are those of a flow in a network: every corner of the linear program is whole.
    A corner is chosen by random costs, so rows, and columns, with the same expectation are treated alike.

    Parameters
    ----------
    expected
        Not negative.
    rng
        Source of the costs.

    References
    ----------
    .. [1] Causey, Cox, Ernst (1985) J Am Stat Assoc 80:903-909.
    """
    rows, columns = expected.shape
    place = np.arange(rows * columns).reshape(rows, columns)
    sums = np.zeros((rows + columns + 1, rows * columns))
    for row in range(rows):
        sums[row, place[row]] = 1
    for column in range(columns):
        sums[rows + column, place[:, column]] = 1
    sums[-1] = 1
    margins = np.concatenate([expected.sum(axis=1), expected.sum(axis=0), [expected.sum()]])
    found = optimize.milp(
        rng.normal(size=rows * columns),
        constraints=optimize.LinearConstraint(sums, _floor(margins), _ceil(margins)),
        bounds=optimize.Bounds(_floor(expected.ravel()), _ceil(expected.ravel())),
    )
    return np.asarray(np.rint(found.x).astype(np.int64).reshape(rows, columns))


def _floor(values: Float[Array, "..."]) -> Float[Array, "..."]:
    return np.asarray(np.floor(values + _SAME))


def _ceil(values: Float[Array, "..."]) -> Float[Array, "..."]:
    return np.asarray(np.ceil(values - _SAME))
