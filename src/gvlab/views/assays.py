"""What a laboratory would read of virtual animals on a day: tubes with their gate, stress tests, a dot an animal."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gvlab.assay.flow import record_strategy
from gvlab.assay.gating import compensate
from gvlab.assay.readers.fcs import read_fcs
from gvlab.errors import InvalidValueError
from gvlab.experiment import sampling as virtual
from gvlab.views.dots import dots_view
from gvlab.views.flow import flow_view
from gvlab.views.palette import Look
from gvlab.views.recipe import looks_of, recipe_of
from gvlab.views.seahorse import seahorse_view
from gvlab.views.view import View

if TYPE_CHECKING:
    from gvlab.arrays import Array, Float
    from gvlab.experiment import Results
    from gvlab.library.assay_record import AssayRecord, GateSpec

STRESS = ("mito_stress", "glycolysis_stress")
"""Methods that follow rates over injections."""

_LOG_FROM = 30.0
"""Readings that span more than this factor are drawn on a logarithmic axis."""


def assay_views(results: Results, assay: str, day: float) -> tuple[View, ...]:
    """Return the pictures of an assay on the animals of results, read with its errors.

    Flow cytometry: the tube of the median animal of each arm, with the last gate. Stress tests: the rate over the
    injections. All: a dot an animal for each thing that the assay reads.

    Parameters
    ----------
    results
        Of as many animals an arm as a laboratory reads; what the assay needs was recorded on the day.
    assay
        Of the library.
    day
        On which.

    Raises
    ------
    UnknownNameError
        If there is no such assay, or the run did not record what it needs.
    InvalidValueError
        If nobody can be read: all are dead, or there is nothing in the sample.
    """
    record = results.experiment.library.read("assays", assay)
    found: list[View] = []
    if record.method == "flow":
        found += _tubes(results, record, day)
    elif record.method in STRESS:
        found.append(_stress(results, record, day))
    found += _dots(results, record, day)
    if not found:
        raise InvalidValueError(
            f"{record.title} on day {day:g}: nobody can be read - all are dead, or there is nothing in the sample. "
            "Take another day."
        )
    return tuple(found)


def _dots(results: Results, record: AssayRecord, day: float) -> list[View]:
    """Return every animal as a dot, for each analyte that anybody was read of."""
    found = []
    for analyte in record.analytes:
        read = results.measured(record.name, at=f"day {day!r}", analyte=analyte.name)
        by_arm = {
            arm: read.table.loc[read.table["arm"] == arm, "value"].to_numpy(dtype=np.float64) for arm in results.arms
        }
        every = np.concatenate(list(by_arm.values()))
        if not every.size:
            continue
        limits = {} if read.limit is None else {"lower limit": read.limit}
        found.append(
            dots_view(
                by_arm,
                label=read.title,
                unit="" if read.unit == "dimensionless" else read.unit,
                look=looks_of(results),
                limits=limits,
                log=float(every.max()) > _LOG_FROM * float(every.min()) > 0,
                title=f"{read.title}, day {day:g}",
                recipe=recipe_of(results),
            )
        )
    return found


def _tubes(results: Results, record: AssayRecord, day: float) -> list[View]:
    """Return the events of the median animal of each arm in the last gate that is open upward on two markers."""
    gate = next((each for each in reversed(record.gates) if _corner(each) is not None), None)
    if gate is None:
        return []
    analyte = next((each.analyte for each in record.statistics if each.gate == gate.name), record.analytes[0].name)
    read = results.measured(record.name, at=f"day {day!r}", analyte=analyte).table
    runs = {}
    for arm, part in read.groupby("arm", sort=False):
        ordered = part.sort_values("value", kind="stable")["subject"]
        run = results.run(str(arm))
        runs[str(arm)] = run.select(np.flatnonzero(run.numbers == int(ordered.iloc[(len(ordered) - 1) // 2]))[:1])
    if not runs:
        return []
    readings = virtual.read(dataclasses.replace(results, runs=runs, keys={}), record.name, [day], raw=True)
    files = dict(zip(readings.table["arm"], readings.table["raw_file"], strict=True))
    look, found = looks_of(results), []
    with tempfile.TemporaryDirectory(prefix="gvlab-") as folder:
        wanted = set(files.values())
        for file in readings.files:
            if file.name in wanted:
                file.write_to(Path(folder) / file.name)
        for arm in runs:
            if arm in files:
                found.append(_tube(Path(folder) / files[arm], record, gate, arm, look[arm], results, day))
    return found


def _tube(path: Path, record: AssayRecord, gate: GateSpec, arm: str, look: Look, results: Results, day: float) -> View:
    """Return one tube: the file is read and gated as that of an instrument would be."""
    tube = read_fcs(path)
    masks = record_strategy(record).apply(tube)
    clean = compensate(tube, *tube.spillover) if tube.spillover else np.asarray(tube.events, dtype=np.float64)
    parent = masks[gate.parent] if gate.parent else np.ones(len(clean), dtype=bool)
    markers, corner = tuple(gate.bounds), _corner(gate)
    channel = {each.marker: each.name for each in record.channels if each.marker}
    x, y = (np.asarray(clean[parent, tube.column(marker)], dtype=np.float64) for marker in markers)
    names = tuple(
        f"{marker} ({channel[marker].removesuffix('-A')})" if marker in channel else marker for marker in markers
    )
    inside = 100.0 * float(masks[gate.name].sum()) / max(1.0, float(parent.sum()))
    return flow_view(
        x, y, names=(names[0], names[1]), gate=corner, percent=inside, look=look, title=f"{arm}, day {day:g}",
        recipe=dataclasses.replace(recipe_of(results), n=((arm, 1),)),
    )  # fmt: skip


def _corner(gate: GateSpec) -> tuple[float, float] | None:
    """Return the lower left corner of a gate on two markers that is open upward; None where it is another one."""
    bounds = list(gate.bounds.values())
    if len(bounds) != 2 or any(low is None or high is not None for low, high in bounds):
        return None
    return float(bounds[0][0] or 0.0), float(bounds[1][0] or 0.0)


def _stress(results: Results, record: AssayRecord, day: float) -> View:
    """Return the rate of each arm over the injections: the wells of an animal are averaged."""
    from gvlab.assay.analysis import analyze

    readings = virtual.read(results, record.name, [day], raw=True)
    arm_of = dict(zip(readings.table["subject"].astype(str), readings.table["arm"].astype(str), strict=True))
    if not arm_of:
        raise InvalidValueError(f"{record.title} on day {day:g}: nobody can be read. Take another day.")
    rate = "ocr" if record.method == "mito_stress" else "ecar"
    animals: dict[str, list[Float[Array, " measurement"]]] = {}
    minutes: Sequence[float] = ()
    injections: dict[str, float] = {}
    unit = ""
    with tempfile.TemporaryDirectory(prefix="gvlab-") as folder:
        for file in readings.files:
            path = Path(folder) / file.name
            file.write_to(path)
            plate = analyze(path, library=results.experiment.library)
            rates = plate.tables["rates"]
            unit = plate.units[rate]
            minutes = sorted(float(each) for each in rates["minute"].unique())
            injections = _injections(rates.drop_duplicates("phase")[["phase", "minute"]].to_numpy().tolist(), minutes)
            for group, part in rates.groupby("group", sort=False):
                subject = str(group).split()[0]
                if subject in arm_of:
                    mean = part.groupby("minute")[rate].mean().to_numpy(dtype=np.float64)
                    animals.setdefault(arm_of[subject], []).append(mean)
    by_arm = {arm: np.stack(animals[arm]) for arm in results.arms if arm in animals}
    return seahorse_view(
        by_arm, minutes, injections, label=rate.upper(), unit=unit, look=looks_of(results),
        title=f"{record.title}, day {day:g}", recipe=recipe_of(results),
    )  # fmt: skip


def _injections(first: list[list[object]], minutes: Sequence[float]) -> dict[str, float]:
    """Return the minute of each injection: half-way between the measurements before and after it."""
    found = {}
    for phase, minute in first[1:]:
        before = max((each for each in minutes if each < float(str(minute))), default=float(str(minute)))
        found[str(phase)] = 0.5 * (before + float(str(minute)))
    return found
