"""Body weight, clinical score, and the humane endpoints that follow from them.

The score sums five items of 0 to 2 points (weight loss, posture, activity, fur, skin [1]_). An observer sees the
animal's severity with an error of his own for each item, and gives one point above a first threshold and two above a
second.

References
----------
.. [1] Cooke et al. (1996) Blood 88:3230 (from memory, unverified).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtr

from gvlab.arrays import Array, Float
from gvlab.assay.noise import censor
from gvlab.assay.samples import InstrumentReadings, SampleRows
from gvlab.errors import UnknownNameError

ITEMS = 5
SCORE = "score"


def measure(sampled: SampleRows, rng: np.random.Generator, raw: bool) -> InstrumentReadings:
    """Weigh and score animals.

    Parameters
    ----------
    sampled
        Animals at times. The analyte called "score" has severity (0: well, 1: worst) for truth; every other has the
        quantity itself, read with an additive error.
    rng
        Source of error.
    raw
        A cage card is no file.

    Returns
    -------
    Score in points, and the others in their unit.
    """
    parameters = sampled.parameters
    readings = {}
    for analyte in parameters.record.analytes:
        truth = sampled.truth(analyte.formula, analyte.name)
        if analyte.name == SCORE:
            seen = truth[:, None] + parameters.number("sd_observer") * rng.standard_normal((len(sampled), ITEMS))
            points = (seen > parameters.number("threshold_1")).astype(float) + (seen > parameters.number("threshold_2"))
            readings[analyte.name] = censor(points.sum(axis=1))
        else:
            readings[analyte.name] = censor(truth + parameters.number("sd") * rng.standard_normal(len(sampled)))
    return InstrumentReadings(readings)


def moments(sampled: SampleRows) -> dict[str, tuple[Float[Array, "sample"], Float[Array, "sample"]]]:
    """Return mean and variance of a reading, by analyte; exact."""
    parameters = sampled.parameters
    found = {}
    for analyte in parameters.record.analytes:
        truth = sampled.truth(analyte.formula, analyte.name)
        if analyte.name == SCORE:
            one = ndtr((truth - parameters.number("threshold_1")) / parameters.number("sd_observer"))
            two = ndtr((truth - parameters.number("threshold_2")) / parameters.number("sd_observer"))
            mean = one + two
            found[analyte.name] = (ITEMS * mean, ITEMS * (one + 3.0 * two - mean**2))
        else:
            found[analyte.name] = (truth, np.full_like(truth, parameters.number("sd") ** 2))
    return found


def humane_endpoint(table: pd.DataFrame, limits: Mapping[str, tuple[str, float]]) -> pd.DataFrame:
    """Find the day on which each animal first meets a humane endpoint.

    Parameters
    ----------
    table
        Readings (`samples.COLUMNS`).
    limits
        By analyte, "at least" or "at most" and the limit: ``{"score": ("at least", 7), "weight": ("at most", 80)}``.

    Returns
    -------
    One row an animal that met one: subject, arm, time (days), analyte (the first in the order of `limits` where two
    are met on one day), value. Animals that met none are not there.

    Raises
    ------
    UnknownNameError
        If an analyte was not read.
    """
    known = tuple(table["analyte"].unique())
    met = []
    for order, (analyte, (sense, limit)) in enumerate(limits.items()):
        if analyte not in known:
            raise UnknownNameError("analyte", analyte, known, "the readings")
        if sense not in ("at least", "at most"):
            raise UnknownNameError("sense of a limit", sense, ("at least", "at most"))
        rows = table[table["analyte"] == analyte]
        reached = rows["value"] >= limit if sense == "at least" else rows["value"] <= limit
        met.append(rows[reached].assign(order=order))
    every = pd.concat(met).sort_values(["time", "order"], kind="stable")
    first = every.drop_duplicates("subject")
    return first[["subject", "arm", "time", "analyte", "value"]].reset_index(drop=True)
