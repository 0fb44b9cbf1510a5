"""Whole-body bioluminescence: total flux of a region, with background, a detection floor and a saturating camera.

reading = flux x animal-and-position factor x session factor + background, clipped at saturation. A burden is visible
where the flux stands above the floor, the background's mean and three standard deviations.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.assay.noise import batch_factor, censor, factor, product_cv
from gvlab.assay.samples import MARK, InstrumentReadings, RawFile, SampleRows

EXPORT_COLUMNS = ("Image Number", "Animal", "Group", "Day", "ROI", "Total Flux [p/s]")
"""Columns of the export, named as in exports of imaging software."""


def measure(sampled: SampleRows, rng: np.random.Generator, raw: bool) -> InstrumentReadings:
    """Read total flux.

    Parameters
    ----------
    sampled
        Animals at times; one analyte.
    rng
        Source of error.
    raw
        Whether to make the export of the software.

    Returns
    -------
    Flux with background, in photon/s; flagged below the floor, and clipped and flagged at saturation.
    """
    parameters = sampled.parameters
    (analyte,) = parameters.record.analytes
    flux = sampled.truth(analyte.formula)
    signal = flux * factor(rng, parameters.number("cv"), len(sampled))
    signal *= batch_factor(rng, parameters.number("cv_batch"), sampled.batch)
    background = parameters.number("background") + parameters.number("sd_background") * rng.standard_normal(
        len(sampled)
    )
    reading = censor(np.maximum(signal + background, 0.0), floor(sampled), parameters.number("saturation"))
    # A camera reports background as it is: below the floor the number stays, and is flagged.
    shown = np.where(reading.below, np.maximum(signal + background, 0.0), reading.value)
    found = type(reading)(shown, reading.below, reading.above)
    if not raw:
        return InstrumentReadings({analyte.name: found})
    rows = [
        (
            image + 1,
            sampled.subject[image],
            sampled.arm[image],
            f"{sampled.time[image]:g}",
            "whole body",
            f"{value:.4e}",
        )
        for image, value in enumerate(shown)
    ]
    file = RawFile(f"{parameters.record.name}.csv", partial(_write, rows=rows))
    return InstrumentReadings({analyte.name: found}, (file,), np.zeros(len(sampled), dtype=np.intp))


def floor(sampled: SampleRows) -> float:
    """Return the detection floor: mean of the background and three standard deviations."""
    parameters = sampled.parameters
    return parameters.number("background") + 3.0 * parameters.number("sd_background")


def moments(sampled: SampleRows) -> dict[str, tuple[Float[Array, "sample"], Float[Array, "sample"]]]:
    """Return mean and variance of a reading between floor and saturation, by analyte."""
    parameters = sampled.parameters
    (analyte,) = parameters.record.analytes
    flux = sampled.truth(analyte.formula)
    cv = product_cv(parameters.number("cv"), parameters.number("cv_batch"))
    mean = flux + parameters.number("background")
    return {analyte.name: (mean, (cv * flux) ** 2 + parameters.number("sd_background") ** 2)}


def _write(path: Path, rows: Sequence[Sequence[object]]) -> None:
    from gvlab.assay.readers.tables import write_csv

    write_csv(path, EXPORT_COLUMNS, rows, comments=(MARK,))
