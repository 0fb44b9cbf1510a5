"""The 4-parameter logistic curve of a plate assay: its value, its inverse, and its fit to the standards of plates.

    OD = bottom + (top - bottom) / (1 + (c / concentration)^hill)

Parameters are carried as (bottom, top, ln c, ln hill), so a step of the fit can never make c or hill negative.
"""

from __future__ import annotations

import numpy as np

from gvlab.arrays import Array, Float, FloatArray
from gvlab.errors import InvalidValueError

_TOLERANCE = 1e-12


def curve(parameters: Float[Array, "... 4"], concentration: Float[Array, "..."]) -> Float[Array, "..."]:
    """Compute the optical density.

    Parameters
    ----------
    parameters
        (..., 4): bottom, top, ln c, ln hill.
    concentration
        Broadcasts against `parameters` without its last axis; 0 is the blank.
    """
    bottom, top, share = _parts(parameters, concentration)
    return np.asarray(bottom + (top - bottom) * share)


def inverse(parameters: Float[Array, "... 4"], density: Float[Array, "..."]) -> Float[Array, "..."]:
    """Compute the concentration of an optical density: 0 at or below the bottom, infinite at or above the top."""
    bottom, top, log_c, log_hill = np.moveaxis(np.asarray(parameters), -1, 0)
    share = np.clip((density - bottom) / (top - bottom), 0.0, 1.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(log_c + (np.log(share) - np.log1p(-share)) / np.exp(log_hill)))


def gradient(parameters: Float[Array, "... 4"], concentration: Float[Array, "..."]) -> Float[Array, "... 4"]:
    """Compute the derivatives of the optical density by the four parameters, last axis.

    The derivative by ln concentration is minus that by ln c.
    """
    bottom, top, share = _parts(parameters, concentration)
    hill = np.exp(parameters[..., 3])
    slope = (top - bottom) * share * (1.0 - share)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(slope > 0, np.log(concentration) - parameters[..., 2], 0.0)
    return np.stack([1.0 - share, share, np.broadcast_to(-slope * hill, share.shape), slope * hill * distance], axis=-1)


def fit(
    concentration: Float[Array, "well"], density: Float[Array, "*plate well"], cv: float, sd: float
) -> Float[Array, "plates 4"]:
    """Fit the curve to the standards of one or many plates.

    Levenberg-Marquardt (MINPACK, by `scipy.optimize.least_squares`) on residuals weighted by the error model, variance
    (cv OD)^2 + sd^2; a plate's result does not depend on the others.

    Parameters
    ----------
    concentration
        (well,): of the standards, with blanks (0).
    density
        (plate, well): their optical densities.
    cv, sd
        Multiplicative and additive error of an optical density.

    Returns
    -------
    (plate, 4): bottom, top, ln c, ln hill.

    Raises
    ------
    InvalidValueError
        If there are fewer than five concentrations, or the densities do not rise or fall with them.
    """
    density = np.atleast_2d(np.asarray(density, dtype=np.float64))
    levels = np.unique(concentration)
    if len(levels) < 5:
        raise InvalidValueError(
            f"A curve with four parameters needs at least five concentrations of standard; there are {len(levels)}. "
            "Add standards, or mark them as standards in the layout."
        )
    lowest = density[:, concentration == levels[0]].mean(axis=1)
    highest = density[:, concentration == levels[-1]].mean(axis=1)
    if np.any(~np.isfinite(density)) or np.any(np.abs(highest - lowest) < 3.0 * sd + 3.0 * cv * np.abs(highest)):
        raise InvalidValueError(
            f"The optical densities of the standards do not change with concentration "
            f"({lowest[0]:.3g} at {levels[0]:g}, {highest[0]:.3g} at {levels[-1]:g}). Check where the standards are."
        )
    positive = levels[levels > 0]
    guess = np.stack(
        [
            lowest,
            highest + 0.1 * (highest - lowest),
            np.full_like(lowest, np.log(positive).mean()),
            np.zeros_like(lowest),
        ],
        axis=-1,
    )
    # The weights come from the means of each level, not from the model, so they cannot be gamed by the fit.
    means = np.empty_like(density)
    for level in levels:
        chosen = concentration == level
        means[:, chosen] = density[:, chosen].mean(axis=1, keepdims=True)
    weight = 1.0 / np.sqrt((cv * means) ** 2 + sd * sd)
    from scipy.optimize import least_squares

    fitted = [
        least_squares(
            lambda trial, read=read, scale=scale: (curve(trial, concentration) - read) * scale,
            start,
            jac=lambda trial, _=None, scale=scale: gradient(trial, concentration) * scale[:, None],
            method="lm",
            xtol=_TOLERANCE,
            ftol=_TOLERANCE,
            gtol=_TOLERANCE,
        ).x
        for start, read, scale in zip(guess, density, weight, strict=True)
    ]
    return np.array(fitted)


def _parts(parameters: FloatArray, concentration: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    bottom, top, log_c, log_hill = (np.asarray(parameters[..., part]) for part in range(4))
    with np.errstate(divide="ignore", over="ignore"):
        exponent = np.exp(log_hill) * (log_c - np.log(concentration))
        share = 1.0 / (1.0 + np.exp(np.minimum(exponent, 700.0)))
    return bottom, top, np.where(np.asarray(concentration) <= 0, 0.0, share)
