"""Kaplan-Meier curves and restricted means of many small experiments at once."""

from __future__ import annotations

import numpy as np

from gvlab.arrays import Array, Bool, Float


def curves_at(
    duration: Float[Array, "experiment subject"], event: Bool[Array, "experiment subject"], days: Float[Array, "day"]
) -> Float[Array, "experiment day"]:
    """Return the Kaplan-Meier estimate of many experiments on some days.

    Parameters
    ----------
    duration, event
        Of every subject.
    days
        Increasing.

    Returns
    -------
    Shares, 0 to 1; after the last subject has left, what it was then.
    """
    times, alive = _many_curves(duration, event)
    passed = np.stack([(times <= day).sum(axis=1) for day in days], axis=1)
    return np.asarray(np.take_along_axis(alive, passed, axis=1))


def restricted_means(
    duration: Float[Array, "experiment subject"], event: Bool[Array, "experiment subject"], until: float
) -> Float[Array, "experiment"]:
    """Return the restricted mean time of many experiments: the area under each Kaplan-Meier curve to `until`.

    Where the last subject leaves before, its level goes on: with few subjects some experiments end so, and none of them
    may be left out.

    Parameters
    ----------
    duration, event
        Of every subject.
    until
        The horizon.
    """
    times, alive = _many_curves(duration, event)
    ends = np.minimum(times, until)
    borders = np.concatenate([np.zeros((len(ends), 1)), ends, np.full((len(ends), 1), until)], axis=1)
    return np.asarray((alive * np.diff(borders, axis=1)).sum(axis=1))


def _many_curves(
    duration: Float[Array, "experiment subject"], event: Bool[Array, "experiment subject"]
) -> tuple[Float[Array, "experiment subject"], Float[Array, "experiment step"]]:
    """Return the sorted times of each experiment, and the share event-free before the first and after each of them."""
    # At a tie events come before censorings, as everywhere.
    order = np.lexsort((~event, duration), axis=1)
    times = np.take_along_axis(duration, order, axis=1)
    events = np.take_along_axis(event, order, axis=1)
    at_risk = duration.shape[1] - np.arange(duration.shape[1])
    alive = np.cumprod(np.where(events, 1 - 1 / at_risk, 1.0), axis=1)
    return times, np.concatenate([np.ones((len(alive), 1)), alive], axis=1)
