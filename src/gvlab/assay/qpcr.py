"""RT-qPCR: cycles of targets and of a reference gene in triplicate, and expression relative to a calibrator.

    Ct = intercept - ln(expression x input) / ln(1 + E) + error
    ratio = (1 + E_target)^-(Ct - Ct_calibrator)_target / (1 + E_reference)^-(Ct - Ct_calibrator)_reference

The amount of RNA that goes in differs between samples and cancels through the reference gene, exactly. With both
efficiencies 1 the ratio is 2^-ddCt [1]_; with others it is Pfaffl's [2]_.

References
----------
.. [1] Livak and Schmittgen (2001) Methods 25:402. doi 10.1006/meth.2001.1262
.. [2] Pfaffl (2001) Nucleic Acids Research 29:e45. doi 10.1093/nar/29.9.e45
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gvlab.arrays import Array, Bool, Float, FloatArray
from gvlab.assay.noise import CensoredValues, factor
from gvlab.assay.samples import MARK, AssayParameters, InstrumentReadings, RawFile, SampleRows

PLATE_WELLS = 384
CALIBRATOR = "calibrator"
REFERENCE = "reference"
EXPORT_COLUMNS = ("Well", "Sample Name", "Target Name", "Task", "CT", "Efficiency")
"""Columns of the export, named as in the results of cyclers."""


def ratio(
    target: Float[Array, ...], reference: Float[Array, ...], efficiency: float, efficiency_reference: float
) -> Float[Array, ...]:
    """Compute relative expression from differences in cycles to the calibrator.

    Parameters
    ----------
    target, reference
        Ct of the sample minus Ct of the calibrator.
    efficiency, efficiency_reference
        Of amplification, 1 for doubling.
    """
    return np.asarray((1.0 + efficiency) ** -target / (1.0 + efficiency_reference) ** -reference)


def measure(sampled: SampleRows, rng: np.random.Generator, raw: bool) -> InstrumentReadings:
    """Read the expression of each gene relative to the calibrator, in which every expression is 1.

    Parameters
    ----------
    sampled
        Samples; one analyte a gene, its truth relative to the calibrator.
    rng
        Source of error.
    raw
        Whether to keep the cycles.

    Returns
    -------
    Ratios. A gene that crosses the threshold in no well within the cycles run is read at the limit and flagged.
    """
    parameters = sampled.parameters
    genes = parameters.record.analytes
    size = samples_per_plate(parameters)
    plate = np.arange(len(sampled), dtype=np.intp) // size
    plates = int(plate[-1]) + 1 if len(sampled) else 0
    controls = int(parameters.number("calibrators"))
    input_sample = np.log(factor(rng, parameters.number("cv_input"), len(sampled)))
    input_control = np.log(factor(rng, parameters.number("cv_input"), (plates, controls)))
    ct_reference = _cycles(parameters, "", input_sample, rng)
    control_reference = _cycles(parameters, "", input_control, rng)
    last = parameters.number("cycles")
    readings: dict[str, CensoredValues] = {}
    cycles = {REFERENCE: (ct_reference, control_reference)}
    for gene in genes:
        with np.errstate(divide="ignore"):
            log_truth = np.log(sampled.truth(gene.formula, gene.name))
        ct = np.minimum(_cycles(parameters, gene.name, log_truth + input_sample, rng), last + 1.0)
        control = _cycles(parameters, gene.name, input_control, rng)
        cycles[gene.name] = (ct, control)
        mean, late = mean_cycles(ct, last)
        zero_target, zero_reference = control.mean(axis=(1, 2))[plate], control_reference.mean(axis=(1, 2))[plate]
        value = ratio(
            mean - zero_target,
            ct_reference.mean(axis=1) - zero_reference,
            parameters.number("efficiency", gene.name),
            parameters.number("efficiency"),
        )
        readings[gene.name] = CensoredValues(value, late, np.zeros(len(sampled), dtype=bool))
    if not raw:
        return InstrumentReadings(readings)
    files = tuple(
        RawFile(
            f"{parameters.record.name}_plate{number + 1}.csv",
            partial(_write, sampled=sampled, cycles=cycles, rows=np.flatnonzero(plate == number), number=number),
        )
        for number in range(plates)
    )
    return InstrumentReadings(readings, files, plate)


def mean_cycles(
    ct: Float[Array, "sample replicate"], last: float
) -> tuple[Float[Array, "sample"], Bool[Array, "sample"]]:
    """Return the mean of the replicate wells that crossed the threshold, and which samples have none.

    A well that did not cross it has no cycle, and none is put in its place; where no well did, the sample is at the
    limit, the last cycle, and flagged.

    Parameters
    ----------
    ct
        (sample, replicate); above `last` or NaN where undetermined.
    last
        Cycles run.
    """
    crossed = ct <= last
    count = crossed.sum(axis=1)
    total = np.where(crossed, ct, 0.0).sum(axis=1)
    mean = np.divide(total, count, out=np.full(len(ct), last), where=count > 0)
    return mean, np.asarray(count == 0)


def samples_per_plate(parameters: AssayParameters) -> int:
    """Return how many samples fit on a plate beside its calibrators."""
    wells = (len(parameters.record.analytes) + 1) * parameters.record.replicates
    return int(PLATE_WELLS // wells - parameters.number("calibrators"))


def moments(sampled: SampleRows) -> dict[str, tuple[Float[Array, "sample"], Float[Array, "sample"]]]:
    """Return mean and variance of a ratio, by gene; exact, since the logarithm of a ratio is normal."""
    parameters = sampled.parameters
    found = {}
    for gene in parameters.record.analytes:
        truth = sampled.truth(gene.formula, gene.name)
        variance = _log_variance(parameters, gene.name) + _log_variance(parameters, "")
        variance *= 1.0 + 1.0 / parameters.number("calibrators")
        mean = truth * math.exp(variance / 2.0)
        found[gene.name] = (mean, mean**2 * math.expm1(variance))
    return found


def _log_variance(parameters: AssayParameters, gene: str) -> float:
    per_sample = parameters.number("sd_sample") ** 2 + parameters.number("sd_well") ** 2 / parameters.record.replicates
    return per_sample * math.log1p(parameters.number("efficiency", gene)) ** 2


def _cycles(parameters: AssayParameters, gene: str, log_amount: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw cycles, with the replicates of a sample on the last axis."""
    exact = parameters.number("intercept", gene) - log_amount / math.log1p(parameters.number("efficiency", gene))
    sample = exact + parameters.number("sd_sample") * rng.standard_normal(exact.shape)
    well = rng.standard_normal((*exact.shape, parameters.record.replicates))
    return np.asarray(sample[..., None] + parameters.number("sd_well") * well)


def _write(
    path: Path,
    sampled: SampleRows,
    cycles: dict[str, tuple[FloatArray, FloatArray]],
    rows: npt.NDArray[np.intp],
    number: int,
) -> None:
    from gvlab.assay.readers.tables import write_csv

    last = sampled.parameters.number("cycles")
    lines: list[tuple[object, ...]] = []
    for target, (ct, control) in cycles.items():
        efficiency = sampled.parameters.number("efficiency", "" if target == REFERENCE else target)
        task = "ENDOGENOUS CONTROL" if target == REFERENCE else "UNKNOWN"
        named = [(f"{CALIBRATOR} {index + 1}", values) for index, values in enumerate(control[number])]
        named += [(sampled.label(row), ct[row]) for row in rows.tolist()]
        for sample, values in named:
            for value in values:
                shown = f"{value:.3f}" if value <= last else "Undetermined"
                lines.append((_well(len(lines)), sample, target, task, shown, f"{efficiency:g}"))
    write_csv(path, EXPORT_COLUMNS, lines, comments=(MARK,))


def _well(index: int) -> str:
    return f"{'ABCDEFGHIJKLMNOP'[index // 24]}{index % 24 + 1}"
