"""Signals relative to control samples on the same membrane, tube rack or chromatin preparation.

Western blot (band over loading control), phospho-flow (median fluorescence over unstained) and ChIP (immunoprecipitate
over input) have one form. A sample gives a signal and a loading; their ratio is divided by the geometric mean of the
ratios of the control samples beside it. Exposure cancels; what remains between batches is a factor of its own.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import numpy as np

from gvlab.arrays import Array, Float, FloatArray
from gvlab.assay.noise import CensoredValues, batch_factor, censor, factor, sigma
from gvlab.assay.samples import MARK, AssayParameters, InstrumentReadings, RawFile, SampleRows

EXPORT_COLUMNS = ("Batch", "Lane", "Sample", "Role", "Analyte", "Signal", "Loading")
CONTROL = "control"


def normalize(
    signal: Float[Array, "sample"],
    loading: Float[Array, "sample"],
    control_signal: Float[Array, "... control"],
    control_loading: Float[Array, "... control"],
) -> Float[Array, "sample"]:
    """Divide by loading, then by the geometric mean of the controls.

    Parameters
    ----------
    signal, loading
        Of the samples.
    control_signal, control_loading
        Of the control samples of the same batch, last axis; must be positive.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        reference = np.exp(np.log(control_signal / control_loading).mean(axis=-1))
        return np.asarray(signal / loading / reference)


def measure(sampled: SampleRows, rng: np.random.Generator, raw: bool) -> InstrumentReadings:
    """Read each analyte relative to control.

    Parameters
    ----------
    sampled
        Samples; the truth of an analyte is 1 in a control.
    rng
        Source of error.
    raw
        Whether to keep signals and loadings.

    Returns
    -------
    Ratios, flagged below three standard deviations of the background and censored where the signal saturates.
    """
    parameters = sampled.parameters
    batch = sampled.batch
    batches = int(batch.max(initial=-1)) + 1
    controls = int(parameters.number("controls"))
    readings: dict[str, CensoredValues] = {}
    kept: dict[str, tuple[FloatArray, FloatArray, FloatArray, FloatArray]] = {}
    for analyte in parameters.record.analytes:
        truth = sampled.truth(analyte.formula, analyte.name)
        scale = parameters.number("gain") * factor(rng, parameters.number("cv_exposure"), batches)
        between = batch_factor(rng, parameters.number("cv_batch"), batch)
        loading = factor(rng, parameters.number("cv_loading"), len(sampled))
        control_loading = factor(rng, parameters.number("cv_loading"), (batches, controls))
        signal = truth * between * loading * factor(rng, parameters.number("cv"), len(sampled))
        signal = signal + parameters.number("sd_background") * rng.standard_normal(len(sampled))
        control = control_loading * factor(rng, parameters.number("cv"), (batches, controls))
        # The loading control is read with an error of its own, which is what normalizing costs.
        seen = loading * factor(rng, parameters.number("cv_loading_read"), len(sampled))
        control_seen = control_loading * factor(rng, parameters.number("cv_loading_read"), (batches, controls))
        value = normalize(signal, seen, control[batch], control_seen[batch])
        found = censor(value, high=parameters.number("saturation"))
        low = value < 3.0 * parameters.number("sd_background")
        readings[analyte.name] = CensoredValues(np.maximum(found.value, 0.0), low, found.above)
        kept[analyte.name] = (signal * scale[batch], seen, control * scale[:, None], control_seen)
    if not raw:
        return InstrumentReadings(readings)
    file = RawFile(f"{parameters.record.name}.csv", partial(_write, sampled=sampled, kept=kept))
    return InstrumentReadings(readings, (file,), np.zeros(len(sampled), dtype=np.intp))


def moments(sampled: SampleRows) -> dict[str, tuple[Float[Array, "sample"], Float[Array, "sample"]]]:
    """Return mean and variance of a ratio within limits, by analyte; exact."""
    parameters = sampled.parameters
    found = {}
    for analyte in parameters.record.analytes:
        truth = sampled.truth(analyte.formula, analyte.name)
        spread = _log_variance(parameters)
        # Batch factors have mean one, the others have median one after division by the controls.
        log_variance = spread * (1.0 + 1.0 / parameters.number("controls"))
        mean = truth * math.exp(log_variance / 2.0)
        batch = 1.0 + parameters.number("cv_batch") ** 2
        variance = mean**2 * (math.exp(log_variance) * batch - 1.0)
        variance = variance + parameters.number("sd_background") ** 2 * _background_gain(parameters)
        found[analyte.name] = (mean, variance)
    return found


def _background_gain(parameters: AssayParameters) -> float:
    """Mean square of what the background is divided by: little loading and weak controls make it large."""
    signal, read, loading = (sigma(parameters.number(role)) ** 2 for role in ("cv", "cv_loading_read", "cv_loading"))
    inverse_loading = math.exp(3.0 * (loading + read))
    controls = parameters.number("controls")
    return inverse_loading * math.exp((signal - read) + 2.0 * (signal + read) / controls)


def _log_variance(parameters: AssayParameters) -> float:
    return sigma(parameters.number("cv")) ** 2 + sigma(parameters.number("cv_loading_read")) ** 2


def _write(
    path: Path, sampled: SampleRows, kept: dict[str, tuple[FloatArray, FloatArray, FloatArray, FloatArray]]
) -> None:
    from gvlab.assay.readers.tables import write_csv

    lines: list[tuple[object, ...]] = []
    for analyte, (signal, loading, control, control_loading) in kept.items():
        for batch in range(len(control)):
            rows = np.flatnonzero(sampled.batch == batch)
            named = [
                (f"{CONTROL} {lane + 1}", CONTROL, control[batch, lane], control_loading[batch, lane])
                for lane in range(control.shape[1])
            ]
            named += [(sampled.label(int(row)), "sample", signal[row], loading[row]) for row in rows]
            for lane, (sample, role, value, load) in enumerate(named):
                lines.append((batch + 1, lane + 1, sample, role, analyte, f"{value:.6g}", f"{load:.6g}"))
    write_csv(path, EXPORT_COLUMNS, lines, comments=(MARK,))
