"""Which input drives an output: elementary effects (Morris) and distances between distributions (PAWN), by SALib.

Arrays in, tables out. Inputs are positions between 0 and 1, so that all are on one scale; what they stand for is the
caller's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gvlab.arrays import Array, Float, Int
from gvlab.errors import InvalidValueError

LEVELS = 4
FEWEST = 50
"""Rows that PAWN needs at least: fewer do not fill its slices."""


@dataclass(frozen=True)
class Sensitivity:
    """How much each input drives an output.

    Attributes
    ----------
    names
        Of the inputs.
    effect
        Shape (input,): for Morris the mean absolute change of the output over a step through the range (mu*), for PAWN
        the median Kolmogorov-Smirnov distance.
    spread
        Shape (input,): for Morris the standard deviation of the changes (sigma): large where an input works through
        others or not in a line. For PAWN the coefficient of variation of the distances over slices.
    lower, upper
        Shape (input,): 95 % interval of `effect`; NaN for PAWN.
    method
        "Morris" or "PAWN".
    noise
        What an input without any influence would be given; 0 for Morris.
    """

    names: tuple[str, ...]
    effect: Float[Array, "input"]
    spread: Float[Array, "input"]
    lower: Float[Array, "input"]
    upper: Float[Array, "input"]
    method: str
    noise: float = 0.0

    def order(self) -> Int[Array, "input"]:
        """Return the inputs from most to least influence."""
        return np.argsort(-self.effect, kind="stable").astype(np.int64)

    def top(self, most: int) -> tuple[tuple[str, float], ...]:
        """Return the names and effects of the inputs with the most influence that is more than noise."""
        return tuple((self.names[i], float(self.effect[i])) for i in self.order()[:most] if self.effect[i] > self.noise)


def morris_design(inputs: int, trajectories: int, seed: int) -> Float[Array, "point input"]:
    """Return points of a Morris design [1]_, trajectories * (inputs + 1) of them, between 0 and 1.

    Raises
    ------
    InvalidValueError
        If there are fewer than two inputs or trajectories.

    References
    ----------
    .. [1] Morris (1991) Technometrics 33:161; Campolongo, Cariboni, Saltelli (2007) Environ Model Softw 22:1509.
    """
    if inputs < 2 or trajectories < 2:
        raise InvalidValueError(
            f"A Morris design of {inputs} inputs and {trajectories} trajectories is too small; two of each are needed."
        )
    from SALib.sample import morris as sample

    points = sample.sample(_problem(inputs), trajectories, num_levels=LEVELS, seed=seed)
    return np.asarray(points, dtype=np.float64)


def morris(
    names: Sequence[str], points: Float[Array, "point input"], output: Float[Array, "point"], seed: int = 0
) -> Sensitivity:
    """Work out elementary effects on a Morris design.

    Parameters
    ----------
    names
        Of the inputs.
    points
        Shape (row, input), as `morris_design` gave them.
    output
        Shape (row,).
    seed
        Of the bootstrap of the interval.

    Raises
    ------
    InvalidValueError
        If rows are missing, or an output is not finite: a design with gaps has no elementary effects.
    """
    _check(names, points, output)
    if len(points) % (len(names) + 1):
        raise InvalidValueError(
            f"{len(points)} rows are not whole trajectories of {len(names)} inputs. Use all rows of morris_design."
        )
    from SALib.analyze import morris as analyze

    found: Any = analyze.analyze(_problem(len(names)), points, output, num_levels=LEVELS, seed=seed)
    effect = np.asarray(found["mu_star"], dtype=np.float64)
    half = np.asarray(found["mu_star_conf"], dtype=np.float64)
    return Sensitivity(
        tuple(names), effect, np.asarray(found["sigma"], dtype=np.float64), effect - half, effect + half, "Morris"
    )


def pawn(
    names: Sequence[str],
    points: Float[Array, "point input"],
    output: Float[Array, "point"],
    slices: int = 10,
    seed: int = 0,
) -> Sensitivity:
    """Compare the distribution of the output with its distribution when an input is known (PAWN [1]_).

    Works on any sample, and sees influence on the shape of a distribution that variance does not. What an input without
    influence gets is found by asking for a shuffled input.

    Parameters
    ----------
    names
        Of the inputs.
    points
        Shape (row, input).
    output
        Shape (row,).
    slices
        Into which the range of an input is cut.
    seed
        Of the shuffled input.

    Raises
    ------
    InvalidValueError
        If there are too few rows, or an output is not finite.

    References
    ----------
    .. [1] Pianosi, Wagener (2018) Environ Model Softw 108:197.
    """
    _check(names, points, output)
    if len(points) < FEWEST:
        raise InvalidValueError(f"PAWN was given {len(points)} rows; it needs at least {FEWEST}.")
    from SALib.analyze import pawn as analyze

    random = np.random.default_rng(seed)
    idle = np.stack([random.permutation(points[:, i % points.shape[1]]) for i in range(20)], axis=1)
    found: Any = analyze.analyze(_problem(len(names)), points, output, S=slices, seed=seed)
    nothing: Any = analyze.analyze(_problem(20), idle, output, S=slices, seed=seed)
    effect = np.nan_to_num(np.asarray(found["median"], dtype=np.float64))
    unknown = np.full(len(names), np.nan)
    noise = float(np.quantile(np.nan_to_num(np.asarray(nothing["median"], dtype=np.float64)), 0.95))
    spread = np.nan_to_num(np.asarray(found["CV"], dtype=np.float64))
    return Sensitivity(tuple(names), effect, spread, unknown, unknown, "PAWN", noise)


def _problem(inputs: int) -> dict[str, Any]:
    return {"num_vars": inputs, "names": [f"x{i}" for i in range(inputs)], "bounds": [[0.0, 1.0]] * inputs}


def _check(names: Sequence[str], points: Float[Array, "..."], output: Float[Array, "..."]) -> None:
    if points.ndim != 2 or points.shape != (len(output), len(names)):
        raise InvalidValueError(
            f"{len(names)} names and {len(output)} outputs do not fit points of shape {points.shape}."
        )
    if not np.all(np.isfinite(output)):
        row = int(np.flatnonzero(~np.isfinite(output))[0])
        raise InvalidValueError(f"The output of row {row} is {output[row]}; every output must be finite.")
