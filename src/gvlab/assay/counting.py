"""Counts: cells per volume in a counter, and percentages of counted events.

What limits a count is the number of cells counted, so both carry counting error: Poisson for a volume, binomial for
a share. Dilution, or the counter's calibration of the day, is a factor on top.
"""

from __future__ import annotations

import numpy as np

from gvlab.arrays import Array, Float, FloatArray
from gvlab.assay.noise import batch_factor, censor, factor, product_cv
from gvlab.assay.samples import InstrumentReadings, SampleRows


def measure_count(sampled: SampleRows, rng: np.random.Generator, raw: bool) -> InstrumentReadings:
    """Count cells per volume.

    Parameters
    ----------
    sampled
        Samples; the truth of an analyte is in cells per unit of volume.
    rng
        Source of error.
    raw
        A counter writes no file of its own.

    Returns
    -------
    Concentrations, censored at the lowest count that is reported.
    """
    parameters = sampled.parameters
    day = batch_factor(rng, parameters.number("cv_batch"), sampled.batch)
    readings = {}
    for analyte in parameters.record.analytes:
        truth = sampled.truth(analyte.formula, analyte.name)
        volume = parameters.number("volume", analyte.name)
        counted = rng.poisson(truth * volume * factor(rng, parameters.number("cv"), len(sampled)) * day)
        readings[analyte.name] = censor(counted / volume, low=parameters.number("lloq", analyte.name))
    return InstrumentReadings(readings)


def moments_count(sampled: SampleRows) -> dict[str, tuple[Float[Array, "sample"], Float[Array, "sample"]]]:
    """Return mean and variance of a count above the limit, by analyte; exact."""
    parameters = sampled.parameters
    cv = product_cv(parameters.number("cv"), parameters.number("cv_batch"))
    found = {}
    for analyte in parameters.record.analytes:
        truth = sampled.truth(analyte.formula, analyte.name)
        found[analyte.name] = (truth, truth / parameters.number("volume", analyte.name) + (cv * truth) ** 2)
    return found


def measure_percent(sampled: SampleRows, rng: np.random.Generator, raw: bool) -> InstrumentReadings:
    """Count the share of events that are positive.

    Parameters
    ----------
    sampled
        Samples; the truth of an analyte is a percentage.
    rng
        Source of error.
    raw
        A share has no file of its own.

    Returns
    -------
    Percent, flagged where it cannot be told from events that are falsely positive (or, at the top, negative).
    """
    parameters = sampled.parameters
    acquired = int(parameters.number("acquired"))
    false = parameters.number("false_positive")
    spread = np.sqrt(false * (1.0 - false) / acquired)
    low = 100.0 * (false + 3.0 * spread)
    readings = {}
    for analyte in parameters.record.analytes:
        positive = rng.binomial(acquired, _positive(sampled, analyte.formula, analyte.name))
        found = censor(100.0 * positive / acquired)
        readings[analyte.name] = type(found)(found.value, found.value < low, found.value > 100.0 - low)
    return InstrumentReadings(readings)


def moments_percent(sampled: SampleRows) -> dict[str, tuple[Float[Array, "sample"], Float[Array, "sample"]]]:
    """Return mean and variance of a percentage, by analyte; exact."""
    acquired = int(sampled.parameters.number("acquired"))
    found = {}
    for analyte in sampled.parameters.record.analytes:
        share = _positive(sampled, analyte.formula, analyte.name)
        found[analyte.name] = (100.0 * share, 1e4 * share * (1.0 - share) / acquired)
    return found


def _positive(sampled: SampleRows, formula: str, analyte: str) -> FloatArray:
    """Share that is called positive: a few events are called wrongly, both ways."""
    false = sampled.parameters.number("false_positive")
    share = np.clip(sampled.truth(formula, analyte) / 100.0, 0.0, 1.0)
    return np.asarray(share * (1.0 - false) + (1.0 - share) * false)
