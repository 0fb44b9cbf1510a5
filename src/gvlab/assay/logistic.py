"""The 4-parameter logistic curve of a plate assay: its value, its inverse, and its fit to many plates at once.

    OD = bottom + (top - bottom) / (1 + (c / concentration)^hill)

Parameters are carried as (bottom, top, ln c, ln hill), so a step of the fit can never make c or hill negative.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError

Array = npt.NDArray[np.float64]

_ITERATIONS = 200
_TOLERANCE = 1e-9


def curve(parameters: Array, concentration: Array) -> Array:
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


def inverse(parameters: Array, density: Array) -> Array:
    """Compute the concentration of an optical density: 0 at or below the bottom, infinite at or above the top."""
    bottom, top, log_c, log_hill = np.moveaxis(np.asarray(parameters), -1, 0)
    share = np.clip((density - bottom) / (top - bottom), 0.0, 1.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(log_c + (np.log(share) - np.log1p(-share)) / np.exp(log_hill)))


def gradient(parameters: Array, concentration: Array) -> Array:
    """Compute the derivatives of the optical density by the four parameters, last axis.

    The derivative by ln concentration is minus that by ln c.
    """
    bottom, top, share = _parts(parameters, concentration)
    hill = np.exp(parameters[..., 3])
    slope = (top - bottom) * share * (1.0 - share)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(slope > 0, np.log(concentration) - parameters[..., 2], 0.0)
    return np.stack([1.0 - share, share, np.broadcast_to(-slope * hill, share.shape), slope * hill * distance], axis=-1)


def fit(concentration: Array, density: Array, cv: float, sd: float) -> Array:
    """Fit the curve to the standards of one or many plates.

    Levenberg-Marquardt on residuals weighted by the error model, variance (cv OD)^2 + sd^2, all plates in lockstep;
    a plate's result does not depend on the others.

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
    return _levenberg(guess, concentration, density, weight)


def _levenberg(guess: Array, concentration: Array, density: Array, weight: Array) -> Array:
    parameters = guess
    damping = np.full(len(guess), 1e-2)
    loss = _loss(parameters, concentration, density, weight)
    moving = np.ones(len(guess), dtype=bool)
    for _ in range(_ITERATIONS):
        expanded = parameters[:, None, :]
        jacobian = gradient(expanded, concentration[None, :]) * weight[..., None]
        residual = (density - curve(expanded, concentration[None, :])) * weight
        normal = np.einsum("pwi,pwj->pij", jacobian, jacobian)
        push = np.einsum("pwi,pw->pi", jacobian, residual)
        scale = np.einsum("pii->pi", normal) + 1e-12
        step = np.linalg.solve(normal + damping[:, None, None] * scale[:, :, None] * np.eye(4), push[..., None])[..., 0]
        trial = parameters + np.clip(step, -2.0, 2.0)
        better = _loss(trial, concentration, density, weight)
        accept = moving & (better < loss)
        gain = np.where(accept, (loss - better) / (loss + 1e-300), 1.0)
        parameters = np.where(accept[:, None], trial, parameters)
        loss = np.where(accept, better, loss)
        damping = np.clip(np.where(accept, damping / 5.0, damping * 5.0), 1e-12, 1e12)
        moving &= ~((accept & (gain < _TOLERANCE)) | (damping >= 1e10))
        if not moving.any():
            break
    return parameters


def _loss(parameters: Array, concentration: Array, density: Array, weight: Array) -> Array:
    residual = (density - curve(parameters[:, None, :], concentration[None, :])) * weight
    return np.asarray(np.einsum("pw,pw->p", residual, residual))


def _parts(parameters: Array, concentration: Array) -> tuple[Array, Array, Array]:
    bottom, top, log_c, log_hill = np.moveaxis(np.asarray(parameters, dtype=np.float64), -1, 0)
    with np.errstate(divide="ignore", over="ignore"):
        exponent = np.exp(log_hill) * (log_c - np.log(concentration))
        share = 1.0 / (1.0 + np.exp(np.minimum(exponent, 700.0)))
    return bottom, top, np.where(np.asarray(concentration) <= 0, 0.0, share)
