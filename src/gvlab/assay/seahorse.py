"""Extracellular flux: traces of wells through the injections of a stress test, and what is computed from them.

The parameters are those of the instrument's reports (Agilent, Seahorse XF Cell Mito Stress Test and Glycolysis Stress
Test user guides; from memory, unverified): the *last* rate before an injection, the *lowest* or *highest* after it.
Lowest and highest of three noisy rates are biased by 0.846 standard deviations of a rate; the moments here know that.

    non-mitochondrial   lowest after rotenone and antimycin A
    basal               last before the first injection - non-mitochondrial
    proton leak         lowest after oligomycin - non-mitochondrial
    ATP-linked          last before oligomycin - lowest after oligomycin
    maximal             highest after FCCP - non-mitochondrial
    spare               maximal - basal

    non-glycolytic      last before glucose
    glycolysis          highest after glucose, before oligomycin - non-glycolytic
    glycolytic capacity highest after oligomycin - non-glycolytic
    glycolytic reserve  glycolytic capacity - glycolysis
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gvlab.arrays import Array, Float, FloatArray, Int
from gvlab.assay.noise import CensoredValues, batch_factor, factor, product_cv
from gvlab.assay.samples import AssayParameters, InstrumentReadings, RawFile, SampleRows
from gvlab.errors import InvalidValueError

BACKGROUND_WELLS = ("A01", "A12", "H01", "H12")
SAMPLE_WELLS = tuple(
    f"{row}{column:02d}"
    for row in "ABCDEFGH"
    for column in range(1, 13)
    if f"{row}{column:02d}" not in BACKGROUND_WELLS
)
_LOWEST_OF_THREE = 0.8462843753216345  # E[max of 3 standard normals]
_VARIANCE_OF_THREE = 0.5594672038120133


@dataclass(frozen=True)
class Traces:
    """Rates of the wells of a plate.

    Attributes
    ----------
    well, group
        One a well.
    minute
        (cycle,): time of each measurement.
    phase
        (cycle,): number of the phase, from 0 (before the first injection).
    phases
        Names of the phases.
    oxygen, acid
        (well, cycle): OCR and ECAR.
    units
        Of OCR and of ECAR, with what they were normalized by.
    """

    well: tuple[str, ...]
    group: tuple[str, ...]
    minute: Float[Array, "cycle"]
    phase: Int[Array, "cycle"]
    phases: tuple[str, ...]
    oxygen: Float[Array, "well cycle"]
    acid: Float[Array, "well cycle"]
    units: tuple[str, str] = ("pmol/min", "mpH/min")


def mito_parameters(
    oxygen: Float[Array, "*well cycle"], phase: Int[Array, "cycle"], order: Mapping[str, int]
) -> dict[str, Float[Array, "*well"]]:
    """Compute the parameters of a mito stress test from OCR.

    Parameters
    ----------
    oxygen
        (..., cycle).
    phase
        (cycle,): number of the phase.
    order
        Number of the phase after each injection: "oligomycin", "FCCP", "rotenone + antimycin A". Where an injection
        was not made, its parameters are not computed.

    Returns
    -------
    By parameter, in the unit of the rate; spare_percent and coupling_efficiency in percent.
    """
    non_mito = _after(oxygen, phase, order["rotenone + antimycin A"]).min(axis=-1)
    first = _before(oxygen, phase, 1)
    found = {"non_mitochondrial": non_mito, "basal": first - non_mito}
    if "oligomycin" in order:
        low = _after(oxygen, phase, order["oligomycin"]).min(axis=-1)
        found["proton_leak"] = low - non_mito
        found["atp_linked"] = _before(oxygen, phase, order["oligomycin"]) - low
    if "FCCP" in order:
        found["maximal"] = _after(oxygen, phase, order["FCCP"]).max(axis=-1) - non_mito
        found["spare"] = found["maximal"] - found["basal"]
        found["spare_percent"] = _percent(found["spare"], found["basal"])
    if "oligomycin" in order:
        found["coupling_efficiency"] = _percent(found["atp_linked"], found["basal"])
    return found


def glycolysis_parameters(
    acid: Float[Array, "*well cycle"], phase: Int[Array, "cycle"], order: Mapping[str, int]
) -> dict[str, Float[Array, "*well"]]:
    """Compute the parameters of a glycolysis stress test from ECAR; arguments as `mito_parameters`."""
    before = _before(acid, phase, order["glucose"])
    glucose = _after(acid, phase, order["glucose"]).max(axis=-1)
    found = {"non_glycolytic": before, "glycolysis": glucose - before}
    if "oligomycin" in order:
        found["glycolytic_capacity"] = _after(acid, phase, order["oligomycin"]).max(axis=-1) - before
        found["glycolytic_reserve"] = found["glycolytic_capacity"] - found["glycolysis"]
    return found


def measure(sampled: SampleRows, rng: np.random.Generator, raw: bool) -> InstrumentReadings:
    """Run a stress test and compute its parameters, each the mean over the wells of a sample.

    Parameters
    ----------
    sampled
        Samples; the record's phases give the true rates.
    rng
        Source of error.
    raw
        Whether to keep the plates.
    """
    parameters = sampled.parameters
    replicates = parameters.record.replicates
    size = samples_per_plate(parameters)
    plate = np.arange(len(sampled), dtype=np.intp) // size
    day = batch_factor(rng, parameters.number("cv_batch"), plate)
    # A well with more cells consumes more and acidifies more: one factor for its whole trace.
    seeded = day[:, None] * factor(rng, parameters.number("cv_well"), (len(sampled), replicates))
    oxygen = _trace(sampled, "oxygen", seeded, parameters.number("sd_oxygen"), rng)
    acid = _trace(sampled, "acid", seeded, parameters.number("sd_acid"), rng)
    phase, order = layout(parameters)
    rate = oxygen if parameters.record.method == "mito_stress" else acid
    compute = mito_parameters if parameters.record.method == "mito_stress" else glycolysis_parameters
    by_name = compute(rate, phase, order)
    readings = {}
    none = np.zeros(len(sampled), dtype=bool)
    for analyte in parameters.record.analytes:
        if analyte.name not in by_name:
            raise InvalidValueError(
                f"assays/{parameters.record.name}.yaml: a {parameters.record.method.replace('_', ' ')} does not give "
                f'"{analyte.name}". It gives {", ".join(by_name)}.'
            )
        readings[analyte.name] = CensoredValues(by_name[analyte.name].mean(axis=-1), none, none)
    if not raw:
        return InstrumentReadings(readings)
    plates = int(plate[-1]) + 1 if len(sampled) else 0
    files = []
    for number in range(plates):
        traces = _traces(sampled, np.flatnonzero(plate == number), oxygen, acid, phase, rng)
        files.append(
            RawFile(
                f"{parameters.record.name}_plate{number + 1}.xlsx",
                partial(_write, traces=traces, parameters=parameters),
            )
        )
    return InstrumentReadings(readings, tuple(files), plate)


def layout(parameters: AssayParameters) -> tuple[Int[Array, "cycle"], dict[str, int]]:
    """Return the phase of each cycle, and the number of the phase after each injection."""
    phases = parameters.record.phases
    phase = np.repeat(np.arange(len(phases), dtype=np.intp), [each.cycles for each in phases])
    return phase, {each.injection: number for number, each in enumerate(phases) if each.injection}


def phase_order(names: Sequence[str], spellings: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Recognize the injections among the names of phases, however they are spelled.

    Parameters
    ----------
    names
        Of the phases; the first is before any injection.
    spellings
        By our name of an injection, parts of the names it has in files.

    Returns
    -------
    Number of the phase by our name of the injection.
    """
    found: dict[str, int] = {}
    for number, name in enumerate(names):
        plain = name.lower().replace(" ", "")
        for injection, parts in spellings.items():
            if number > 0 and injection not in found and any(part in plain for part in parts):
                found[injection] = number
                break
    return found


def samples_per_plate(parameters: AssayParameters) -> int:
    """Return how many samples fit on a plate beside its four background wells."""
    return len(SAMPLE_WELLS) // parameters.record.replicates


def truth(sampled: SampleRows) -> dict[str, Float[Array, "sample"]]:
    """Compute the parameters of the exact traces."""
    parameters = sampled.parameters
    phase, order = layout(parameters)
    if parameters.record.method == "mito_stress":
        return mito_parameters(_exact(sampled, "oxygen"), phase, order)
    return glycolysis_parameters(_exact(sampled, "acid"), phase, order)


def moments(sampled: SampleRows) -> dict[str, tuple[Float[Array, "sample"], Float[Array, "sample"]]]:
    """Return mean and variance of each parameter that is a difference of rates; exact for phases of three cycles.

    Percentages are ratios of such differences and have no closed form; they are not given.
    """
    parameters = sampled.parameters
    exact = truth(sampled)
    mito = parameters.record.method == "mito_stress"
    noise = parameters.number("sd_oxygen" if mito else "sd_acid")
    bias, extreme, plain = _LOWEST_OF_THREE * noise, _VARIANCE_OF_THREE * noise**2, noise**2
    # Bias and variance of the noise part of each parameter; the same rate never enters twice with different roles.
    parts = {
        "non_mitochondrial": (-bias, extreme),
        "basal": (bias, plain + extreme),
        "proton_leak": (0.0, 2.0 * extreme),
        "atp_linked": (bias, plain + extreme),
        "maximal": (2.0 * bias, 2.0 * extreme),
        "spare": (bias, plain + extreme),
        "non_glycolytic": (0.0, plain),
        "glycolysis": (bias, plain + extreme),
        "glycolytic_capacity": (bias, plain + extreme),
        "glycolytic_reserve": (0.0, 2.0 * extreme),
    }
    wells = parameters.record.replicates
    day, well = parameters.number("cv_batch"), parameters.number("cv_well")
    between = product_cv(day, well / np.sqrt(wells))
    found = {}
    for analyte in parameters.record.analytes:
        if analyte.name in parts:
            shift, variance = parts[analyte.name]
            value = exact[analyte.name]
            found[analyte.name] = (value + shift, (between * value) ** 2 + variance / wells)
    return found


def _exact(sampled: SampleRows, kind: str) -> FloatArray:
    phases = sampled.parameters.record.phases
    levels = [sampled.truth(getattr(each, kind)) for each in phases]
    return np.repeat(np.stack(levels, axis=-1), [each.cycles for each in phases], axis=-1)


def _trace(sampled: SampleRows, kind: str, seeded: FloatArray, noise: float, rng: np.random.Generator) -> FloatArray:
    exact = _exact(sampled, kind)[:, None, :] * seeded[..., None]
    return np.asarray(exact + noise * rng.standard_normal(exact.shape))


def _after(rate: FloatArray, phase: npt.NDArray[np.intp], number: int) -> FloatArray:
    return rate[..., phase == number]


def _before(rate: FloatArray, phase: npt.NDArray[np.intp], number: int) -> FloatArray:
    return np.asarray(rate[..., np.flatnonzero(phase == number - 1)[-1]])


def _percent(part: FloatArray, whole: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(100.0 * part / whole)


def _traces(
    sampled: SampleRows,
    rows: npt.NDArray[np.intp],
    oxygen: FloatArray,
    acid: FloatArray,
    phase: npt.NDArray[np.intp],
    rng: np.random.Generator,
) -> Traces:
    parameters = sampled.parameters
    replicates = parameters.record.replicates
    cycles = len(phase)
    wells = SAMPLE_WELLS[: len(rows) * replicates]
    group = tuple(sampled.label(row) for row in rows.tolist() for _ in range(replicates))
    zero = np.zeros((len(BACKGROUND_WELLS), cycles))
    return Traces(
        (*wells, *BACKGROUND_WELLS),
        (*group, *("Background",) * len(BACKGROUND_WELLS)),
        parameters.number("minutes_cycle") * (np.arange(cycles, dtype=np.float64) + 0.5),
        phase,
        tuple(each.name for each in parameters.record.phases),
        np.concatenate([oxygen[rows].reshape(-1, cycles), zero]),
        np.concatenate([acid[rows].reshape(-1, cycles), zero]),
    )


def _write(path: Path, traces: Traces, parameters: AssayParameters) -> None:
    from gvlab.assay.readers.wave import write_wave

    write_wave(path, traces, title=parameters.record.title)
