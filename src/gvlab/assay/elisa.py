"""ELISA on 96-well plates: standards and samples as optical densities, a fitted curve, concentrations read off it.

Sixteen wells of a plate are standards (two-fold dilutions and a blank, in duplicate), the others are samples in
duplicate. What is reported is the mean of the wells' concentrations times the dilution, censored at the lowest and
the highest standard.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gvlab.arrays import Array, Float, FloatArray, Int
from gvlab.assay import logistic
from gvlab.assay.noise import CensoredValues, batch_factor, censor, factor
from gvlab.assay.samples import MARK, AssayParameters, InstrumentReadings, RawFile, SampleRows

ROWS = "ABCDEFGH"
WELLS = tuple(f"{row}{column}" for column in range(1, 13) for row in ROWS)
"""Wells of a plate, column by column, as a multichannel pipette fills them."""

DILUTIONS = 7
"""Standards besides the blank."""


@dataclass(frozen=True)
class Plate:
    """A plate: what is in each well, and its optical density.

    Attributes
    ----------
    well
        "A1" to "H12".
    role
        "standard", "blank" or "sample", one a well.
    name
        Of the sample.
    concentration
        Of the standard (0 for a blank), NaN for a sample.
    density
        Optical density.
    unit
        Of the concentrations.
    """

    well: tuple[str, ...]
    role: tuple[str, ...]
    name: tuple[str, ...]
    concentration: Float[Array, "well"]
    density: Float[Array, "well"]
    unit: str = ""


def standards(parameters: AssayParameters) -> Float[Array, "well"]:
    """Return the concentrations of the standard wells of a plate, two wells each, from the highest to the blank."""
    levels = parameters.number("highest_standard") / 2.0 ** np.arange(DILUTIONS)
    return np.repeat(np.append(levels, 0.0), 2)


def samples_per_plate(parameters: AssayParameters) -> int:
    """Return how many samples fit on a plate."""
    return (len(WELLS) - 2 * (DILUTIONS + 1)) // parameters.record.replicates


def limits(parameters: AssayParameters) -> tuple[float, float]:
    """Return LLOQ and ULOQ of the sample: lowest and highest standard times the dilution."""
    highest = parameters.number("highest_standard") * parameters.number("dilution")
    return highest / 2.0 ** (DILUTIONS - 1), highest


def measure(sampled: SampleRows, rng: np.random.Generator, raw: bool) -> InstrumentReadings:
    """Read a concentration.

    Parameters
    ----------
    sampled
        Samples; one analyte.
    rng
        Source of error.
    raw
        Whether to keep the plates.

    Returns
    -------
    Concentrations, censored at LLOQ and ULOQ. A plate is read by its own curve.
    """
    parameters = sampled.parameters
    (analyte,) = parameters.record.analytes
    truth = sampled.truth(analyte.formula)
    size = samples_per_plate(parameters)
    plate = np.arange(len(sampled), dtype=np.intp) // size
    plates = int(plate[-1]) + 1 if len(sampled) else 0
    levels = standards(parameters)
    true_curve = _true_curve(parameters, plates, rng)
    standard_density = _densities(parameters, logistic.curve(true_curve[:, None, :], levels[None, :]), rng)
    in_well = truth / parameters.number("dilution") * batch_factor(rng, parameters.number("cv_batch"), plate)
    exact = logistic.curve(true_curve[plate][:, None, :], in_well[:, None])
    density = _densities(parameters, np.repeat(exact, parameters.record.replicates, axis=1), rng)
    reading = read_plates(parameters, levels, standard_density, density, plate)
    if not raw:
        return InstrumentReadings({analyte.name: reading})
    files = []
    for number in range(plates):
        rows = np.flatnonzero(plate == number)
        content = _plate(sampled, levels, standard_density[number], density, rows)
        files.append(RawFile(f"{parameters.record.name}_plate{number + 1}.csv", partial(write_plate, plate=content)))
    return InstrumentReadings({analyte.name: reading}, tuple(files), plate)


def read_plates(
    parameters: AssayParameters,
    levels: Float[Array, "well"],
    standard_density: Float[Array, "plate well"],
    density: Float[Array, "sample replicate"],
    plate: Int[Array, "sample"],
) -> CensoredValues:
    """Fit each plate's curve and read samples off it.

    Parameters
    ----------
    parameters
        The assay.
    levels
        (standard well,): concentrations.
    standard_density
        (plate, standard well).
    density
        (sample, replicate).
    plate
        Plate of each sample.

    Returns
    -------
    Concentration of each sample, censored.
    """
    if not len(plate):
        none = np.zeros(0)
        return CensoredValues(none, none.astype(bool), none.astype(bool))
    fitted = logistic.fit(levels, standard_density, parameters.number("cv_well"), parameters.number("sd_well"))
    in_well = logistic.inverse(fitted[plate][:, None, :], density)
    low, high = limits(parameters)
    # Averaging an infinite well gives infinity, which is above the limit, as it should be.
    return censor(in_well.mean(axis=1) * parameters.number("dilution"), low, high)


def moments(sampled: SampleRows) -> dict[str, tuple[Float[Array, "sample"], Float[Array, "sample"]]]:
    """Return mean and variance of a reading within the limits, by analyte, to first order.

    Three errors add: of the wells, of the fitted curve, and between plates. The second is the same for a plate's
    samples; each is carried to concentration by the slope of the curve.
    """
    parameters = sampled.parameters
    (analyte,) = parameters.record.analytes
    truth = sampled.truth(analyte.formula)
    nominal = _nominal(parameters)
    in_well = truth / parameters.number("dilution")
    by_parameter = logistic.gradient(nominal, in_well)
    slope = -by_parameter[..., 2]
    well = _variance(parameters, logistic.curve(nominal, in_well)) / slope**2 / parameters.record.replicates
    levels = standards(parameters)
    weighted = (
        logistic.gradient(nominal, levels) / np.sqrt(_variance(parameters, logistic.curve(nominal, levels)))[:, None]
    )
    covariance = np.linalg.inv(weighted.T @ weighted)
    direction = by_parameter / slope[:, None]
    fitted = np.einsum("ni,ij,nj->n", direction, covariance, direction)
    variance = truth**2 * (well + fitted + parameters.number("cv_batch") ** 2)
    return {analyte.name: (truth, variance)}


def write_plate(path: Path, plate: Plate) -> None:
    """Write a plate as one row a well."""
    from gvlab.assay.readers.tables import write_csv

    rows = [
        (well, role, name, "" if np.isnan(level) else f"{level:g}", f"{density:.4f}")
        for well, role, name, level, density in zip(
            plate.well, plate.role, plate.name, plate.concentration, plate.density, strict=True
        )
    ]
    write_csv(path, ("Well", "Type", "Sample", f"Concentration ({plate.unit})", "OD"), rows, comments=(MARK,))


def _plate(
    sampled: SampleRows,
    levels: FloatArray,
    standard_density: FloatArray,
    density: FloatArray,
    rows: npt.NDArray[np.intp],
) -> Plate:
    count = len(rows) * sampled.parameters.record.replicates
    used = len(levels) + count
    unit = sampled.parameters.record.analytes[0].unit
    names = [f"{level:g} {unit}" if level else "blank" for level in levels]
    names += [sampled.label(row) for row in rows.tolist() for _ in range(sampled.parameters.record.replicates)]
    roles = ["standard" if level else "blank" for level in levels] + ["sample"] * count
    return Plate(
        WELLS[:used],
        tuple(roles),
        tuple(names),
        np.concatenate([levels, np.full(count, np.nan)]),
        np.concatenate([standard_density, density[rows].ravel()]),
        unit,
    )


def _nominal(parameters: AssayParameters) -> FloatArray:
    return np.array(
        [
            parameters.number("bottom"),
            parameters.number("top"),
            np.log(parameters.number("c")),
            np.log(parameters.number("hill")),
        ]
    )


def _true_curve(parameters: AssayParameters, plates: int, rng: np.random.Generator) -> FloatArray:
    """Each plate develops a little more or less: its top and its midpoint differ."""
    curve = np.tile(_nominal(parameters), (plates, 1))
    curve[:, 1] *= factor(rng, parameters.number("cv_plate"), plates)
    curve[:, 2] += np.log(factor(rng, parameters.number("cv_plate"), plates))
    return curve


def _densities(parameters: AssayParameters, exact: FloatArray, rng: np.random.Generator) -> FloatArray:
    return exact * factor(rng, parameters.number("cv_well"), exact.shape) + parameters.number(
        "sd_well"
    ) * rng.standard_normal(exact.shape)


def _variance(parameters: AssayParameters, density: FloatArray) -> FloatArray:
    return np.asarray((parameters.number("cv_well") * density) ** 2 + parameters.number("sd_well") ** 2)
