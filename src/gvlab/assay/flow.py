"""Flow cytometry: single events of a tube, from the cells in the sample to what the detectors see, and back by gates.

A tube holds cells of several kinds in the proportions of the sample, which preparation disturbs (Dirichlet). A cell
carries each marker with a log-normal spread; detectors add autofluorescence and spillover, photons and electronics
add noise; some events are two cells at once and some cells are dead. Percentages and medians are read from gated
events. Without raw files they are drawn from the law that gated events follow, which a test compares with the events.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from gvlab.arrays import Array, Float, FloatArray
from gvlab.assay.fcs import FlowFile, write_fcs
from gvlab.assay.flow_events import TubeContent, acquire
from gvlab.assay.gating import Dimension, Gate, PolygonGate, RectangleGate, Strategy, compensate
from gvlab.assay.noise import CensoredValues, batch_factor, factor
from gvlab.assay.samples import AssayParameters, InstrumentReadings, RawFile, SampleRows
from gvlab.errors import InvalidValueError
from gvlab.library.assay_record import AssayRecord, CellSpec, GateSpec, StatisticSpec

GATING_FILE = "gating.xml"


def measure(sampled: SampleRows, rng: np.random.Generator, raw: bool) -> InstrumentReadings:
    """Acquire a tube for each sample and read the record's statistics.

    Parameters
    ----------
    sampled
        Samples.
    rng
        Source of error.
    raw
        Whether single events are made and written (one FCS file a sample, and the gating strategy); else the
        readings are drawn from the same law without them.
    """
    parameters = sampled.parameters
    record = parameters.record
    channels = record.channels
    gain = np.ones((len(sampled), len(channels)))
    for column, channel in enumerate(channels):
        if channel.kind == "fluorescence":
            gain[:, column] = batch_factor(rng, parameters.number("cv_batch"), sampled.batch)
            gain[:, column] *= factor(rng, parameters.number("cv_staining"), len(sampled))
    shares, parent_share = _shares(sampled)
    medians = _medians(sampled)
    total = _acquired(parameters, parent_share)
    mixed = _prepared(parameters, shares, rng)
    counts = (
        np.stack([rng.multinomial(total[row], mixed[row]) for row in range(len(sampled))]) if len(sampled) else None
    )
    if counts is None:
        none = np.zeros(0)
        return InstrumentReadings({each.name: CensoredValues(none, none > 0, none > 0) for each in record.analytes})
    if not raw:
        return InstrumentReadings(_drawn(parameters, rng.binomial(counts, _kept(parameters)), medians, gain, rng))
    strategy = record_strategy(record)
    values: dict[str, list[float]] = {each.analyte: [] for each in record.statistics}
    files = []
    for row in range(len(sampled)):
        tube = acquire(parameters, TubeContent(counts[row], medians[row], gain[row]), rng, _keywords(sampled, row))
        for analyte, value in read_statistics(record.statistics, strategy, tube).items():
            values[analyte].append(value)
        name = f"{record.name}_{sampled.label(row).replace(' ', '_').replace('/', '-')}.fcs"
        files.append(RawFile(name, partial(write_fcs, file=tube)))
    files.append(RawFile(f"{record.name}_{GATING_FILE}", partial(_write_strategy, strategy=strategy)))
    no = np.zeros(len(sampled), dtype=bool)
    readings = {analyte: CensoredValues(np.array(value), no, no) for analyte, value in values.items()}
    return InstrumentReadings(readings, tuple(files), np.arange(len(sampled), dtype=np.intp))


def record_strategy(record: AssayRecord) -> Strategy:
    """Return the gates of a record as a strategy on compensated, linear channels."""
    channel = {name: each.name for each in record.channels for name in (each.name, each.marker) if name}
    stained = {each.name for each in record.channels if each.kind == "fluorescence"}

    def dimension(name: str) -> Dimension:
        if name not in channel:
            raise InvalidValueError(f'assays/{record.name}.yaml: a gate names "{name}", which has no detector.')
        return Dimension(channel[name], "FCS" if channel[name] in stained else "uncompensated")

    def gate(spec: GateSpec) -> Gate:
        if spec.axes is not None:
            return PolygonGate(spec.name, tuple(dimension(name) for name in spec.axes), spec.polygon, spec.parent or "")
        low = tuple(-math.inf if bounds[0] is None else bounds[0] for bounds in spec.bounds.values())
        high = tuple(math.inf if bounds[1] is None else bounds[1] for bounds in spec.bounds.values())
        return RectangleGate(spec.name, tuple(dimension(name) for name in spec.bounds), low, high, spec.parent or "")

    return Strategy(tuple(gate(spec) for spec in record.gates))


def read_statistics(statistics: tuple[StatisticSpec, ...], strategy: Strategy, file: FlowFile) -> dict[str, float]:
    """Read percentages of parent, and medians of compensated signals, off the gated events of a tube.

    Returns
    -------
    By analyte; NaN where the gate (or its parent) is empty.
    """
    masks = strategy.apply(file)
    parents = {gate.name: gate.parent for gate in strategy.gates}
    found = {}
    for each in statistics:
        inside = masks[each.gate]
        if each.of == "median":
            part = dataclasses.replace(file, events=file.events[inside])
            seen = compensate(part, *file.spillover) if file.spillover else np.asarray(part.events, dtype=np.float64)
            values = seen[:, file.column(each.marker)]
            found[each.analyte] = float(np.median(values)) if len(values) else math.nan
        else:
            parent = masks[parents[each.gate]] if parents[each.gate] else np.ones(len(inside), dtype=bool)
            found[each.analyte] = 100.0 * float(inside.sum()) / float(parent.sum()) if parent.any() else math.nan
    return found


def moments(sampled: SampleRows) -> dict[str, tuple[Float[Array, "sample"], Float[Array, "sample"]]]:
    """Return mean and variance of each statistic, by analyte; percentages are exact, medians to first order.

    Exact means: given the number of parent cells that are expected to be acquired.
    """
    parameters = sampled.parameters
    record = parameters.record
    shares, parent_share = _shares(sampled)
    medians = _medians(sampled)
    total = _acquired(parameters, parent_share)
    gated = total * _kept(parameters)
    precision = parameters.number("precision_preparation")
    lineage = np.array([cell.lineage for cell in record.cells])
    found = {}
    for each in record.statistics:
        inside, parent = _members(record, each, medians[0])
        in_gate = (shares * inside).sum(axis=1)
        if each.of == "percent of parent":
            in_parent = (shares * parent).sum(axis=1)
            p = in_gate / in_parent
            count = gated * in_parent
            # The parent's own share of its lineage sets how many cells preparation has to choose from.
            spread = precision * in_parent / (shares * lineage).sum(axis=1)
            correlation = 1.0 / (spread + 1.0)
            variance = p * (1.0 - p) / count * (1.0 + (count - 1.0) * correlation)
            found[each.analyte] = (100.0 * p, 1e4 * variance)
        else:
            center, slope = _mixture_median(parameters, each, shares * inside, medians)
            count = gated * in_gate
            cv = math.hypot(parameters.number("cv_batch"), parameters.number("cv_staining"))
            found[each.analyte] = (center, (cv * center) ** 2 + 0.25 / (count * slope**2))
    return found


def _drawn(
    parameters: AssayParameters,
    counts: npt.NDArray[np.int64],
    medians: FloatArray,
    gain: FloatArray,
    rng: np.random.Generator,
) -> dict[str, CensoredValues]:
    """Draw statistics without events, given how many cells of each kind were acquired."""
    record = parameters.record
    no = np.zeros(len(counts), dtype=bool)
    readings = {}
    for each in record.statistics:
        inside, parent = _members(record, each, medians[0])
        in_gate = (counts * inside).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            if each.of == "percent of parent":
                value = 100.0 * in_gate / (counts * parent).sum(axis=1)
            else:
                weights = counts * inside
                center, slope = _mixture_median(parameters, each, weights, medians)
                center = center * gain[:, _column(record, each.marker)]
                error = 0.5 / (slope * np.sqrt(in_gate)) * rng.standard_normal(len(counts))
                value = np.where(in_gate > 0, center + error, np.nan)
        readings[each.analyte] = CensoredValues(value, no, no)
    return readings


def _mixture_median(
    parameters: AssayParameters, statistic: StatisticSpec, weights: FloatArray, medians: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Median, and density at it, of a mixture of log-normals lifted by autofluorescence; by bisection."""
    column = _column(parameters.record, statistic.marker)
    lift = parameters.record.channels[column].autofluorescence
    spread = parameters.number("sigma_marker")
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weights / weights.sum(axis=1, keepdims=True)
        center = np.log(np.maximum(medians[:, :, column], 1e-6))
        present = np.where(share > 0, center, np.nan)
        low, high = np.fmin.reduce(present, axis=1) - 1.0, np.fmax.reduce(present, axis=1) + 1.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            below = (share * ndtr((middle[:, None] - center) / spread)).sum(axis=1) < 0.5
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        z = (middle[:, None] - center) / spread
        density = (share * np.exp(-0.5 * z**2)).sum(axis=1) / (spread * math.sqrt(2.0 * math.pi))
        value = np.exp(middle)
        return value + lift, density / value


def _column(record: AssayRecord, name: str) -> int:
    for column, channel in enumerate(record.channels):
        if name in (channel.name, channel.marker):
            return column
    raise InvalidValueError(f'assays/{record.name}.yaml: a statistic names "{name}", which has no detector.')


def _members(record: AssayRecord, statistic: StatisticSpec, medians: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return which kinds of cells lie in a gate, and in its parent, by their medians."""
    gates = {gate.name: gate for gate in record.gates}
    parent = gates[statistic.gate].parent
    inside = _within(record, gates, statistic.gate, medians)
    return inside, _within(record, gates, parent, medians) if parent else np.ones(len(record.cells))


def _within(record: AssayRecord, gates: Mapping[str, GateSpec], name: str | None, medians: FloatArray) -> FloatArray:
    member = np.ones(len(record.cells), dtype=bool)
    while name:
        gate = gates[name]
        for marker, (low, high) in gate.bounds.items():
            column = _column(record, marker)
            lift = record.channels[column].autofluorescence
            level = medians[:, column] + lift
            member &= (level >= (-math.inf if low is None else low)) & (level < (math.inf if high is None else high))
        name = gate.parent
    return member.astype(np.float64)


def _shares(sampled: SampleRows) -> tuple[FloatArray, FloatArray]:
    """Share of each kind of cell in the sample, and of the lineage."""
    cells: tuple[CellSpec, ...] = sampled.parameters.record.cells
    counts = np.stack([np.maximum(sampled.truth(cell.count), 0.0) for cell in cells], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = counts / counts.sum(axis=1, keepdims=True)
    lineage = np.array([cell.lineage for cell in cells])
    shares = np.nan_to_num(shares)
    # A sample without any cell is an empty tube; multinomial needs shares that sum to one.
    shares[shares.sum(axis=1) == 0, -1] = 1.0
    return shares, (shares * lineage).sum(axis=1)


def _medians(sampled: SampleRows) -> FloatArray:
    record = sampled.parameters.record
    found = np.zeros((len(sampled), len(record.cells), len(record.channels)))
    for kind, cell in enumerate(record.cells):
        for name, formula in cell.medians.items():
            found[:, kind, _column(record, name)] = sampled.truth(formula)
    return found


def _acquired(parameters: AssayParameters, lineage: FloatArray) -> npt.NDArray[np.int64]:
    """Events until enough of the lineage are there, or the tube is empty."""
    with np.errstate(divide="ignore"):
        wanted = parameters.number("acquired_lineage") / lineage
    return np.minimum(wanted, parameters.number("acquired_most")).astype(np.int64)


def _kept(parameters: AssayParameters) -> float:
    """Share of cells that is neither dead nor in a doublet."""
    return (1.0 - parameters.number("f_dead")) * (1.0 - parameters.number("f_doublets"))


def _prepared(parameters: AssayParameters, shares: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Disturb the proportions within the lineage, and leave its share of the tube as it is."""
    lineage = np.array([cell.lineage for cell in parameters.record.cells])
    of_lineage = shares[:, lineage]
    size = of_lineage.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = parameters.number("precision_preparation") * np.nan_to_num(of_lineage / size)
    drawn = rng.standard_gamma(alpha)
    whole = drawn.sum(axis=1, keepdims=True)
    mixed = shares.copy()
    mixed[:, lineage] = np.where(whole > 0, size * drawn / np.where(whole > 0, whole, 1.0), of_lineage)
    return np.asarray(mixed / mixed.sum(axis=1, keepdims=True))


def _keywords(sampled: SampleRows, row: int) -> dict[str, str]:
    return {
        "$SRC": sampled.subject[row],
        "$SMNO": sampled.label(row),
        "GVLAB ARM": sampled.arm[row],
        "GVLAB DAY": f"{sampled.time[row]:g}",
        "GVLAB ASSAY": sampled.parameters.record.name,
    }


def _write_strategy(path: Path, strategy: Strategy) -> None:
    from gvlab.assay.gatingml import encode

    path.write_text(encode(strategy), encoding="utf-8")
