"""The record of an assay: what is read, in which unit, with which error, within which limits, from which sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

from gvlab.library.fields import Identifier, Record, Sourced, Text, Titled, Unit

Formula = str
"""Arithmetic over outputs of the simulation and the assay's numbers: "burden * flux_per_cell"."""


class HumaneSpec(Record):
    """The reading at which an animal must be killed."""

    sense: Literal["at least", "at most"]
    limit: float
    why: Text


class AnalyteSpec(Record):
    """One thing that an assay reads."""

    name: Identifier
    title: Text
    unit: Unit
    formula: Formula = ""
    """The true value. Empty where the method derives it (from a trace, from gated events)."""
    numbers: dict[Identifier, Identifier] = Field(default_factory=dict)
    """Numbers that this analyte has of its own, in place of the assay's."""
    humane: HumaneSpec | None = None
    """Humane endpoint; of a clinical assay only."""


class PhaseSpec(Record):
    """A stretch of a stress test: what was injected before it, and the true rates during it."""

    name: Text
    injection: Text = ""
    cycles: int = Field(ge=1)
    oxygen: Formula
    """Oxygen consumption rate of a well, pmol/min."""
    acid: Formula
    """Extracellular acidification rate of a well, mpH/min."""


class ChannelSpec(Record):
    """A detector of a cytometer."""

    name: str
    """$PnN: "FITC-A"."""
    marker: str = ""
    """$PnS: "CD8"."""
    autofluorescence: float = 0.0
    """Median of unstained living cells."""
    kind: Literal["area", "height", "fluorescence", "time"] = "fluorescence"


class CellSpec(Record):
    """A kind of cell in the tube: how many, and how bright."""

    name: Identifier
    title: Text = ""
    count: Formula
    medians: dict[str, Formula]
    """Median signal by marker (or channel, where there is no marker); what is not named is autofluorescence."""
    lineage: bool = False
    """Belongs to the parent population of which percentages are taken."""


class GateSpec(Record):
    """A gate within a parent gate: intervals on markers, or a polygon on two of them."""

    name: Identifier
    parent: Identifier | None = None
    bounds: dict[str, tuple[float | None, float | None]] = Field(default_factory=dict)
    """Lowest and highest signal by marker or channel, compensated, on the linear scale."""
    axes: tuple[str, str] | None = None
    """Of a polygon."""
    polygon: tuple[tuple[float, float], ...] = ()

    @model_validator(mode="after")
    def _one_shape(self) -> GateSpec:
        if bool(self.bounds) == bool(self.polygon) or bool(self.polygon) != (self.axes is not None):
            raise ValueError(f'the gate "{self.name}" has either bounds, or a polygon and its two axes')
        if self.polygon and len(self.polygon) < 3:
            raise ValueError(f'the polygon of the gate "{self.name}" needs three corners or more')
        return self


class StatisticSpec(Record):
    """What is computed of gated events."""

    analyte: Identifier
    gate: Identifier
    of: Literal["percent of parent", "median"]
    marker: str = ""


class NeedSpec(Record):
    """What a sample must hold; with less there is no reading."""

    formula: Formula
    at_least: Identifier
    """A role of the assay's numbers."""


class AssayRecord(Titled, Sourced):
    """A way of measuring: method, what it reads, its numbers (rows of parameters/assays.tsv), its sample."""

    method: Literal[
        "imaging",
        "elisa",
        "qpcr",
        "relative",
        "flow",
        "mito_stress",
        "glycolysis_stress",
        "count",
        "percent",
        "clinical",
    ]
    description: Text = ""
    specimen: Text
    """What is taken: "serum, 100 uL", "whole animal under anesthesia"."""
    destructive: bool
    """The animal is killed for it, so each is read once."""
    replicates: int = Field(default=1, ge=1)
    """Technical replicates of one sample (wells)."""
    batch: Literal["day", "plate", "none"] = "none"
    """What shares a batch effect: all samples of a day, or of a plate, or nothing."""
    error: Text
    """The error model in words."""
    analytes: tuple[AnalyteSpec, ...] = Field(min_length=1)
    numbers: dict[Identifier, Identifier] = Field(default_factory=dict)
    """What the method needs, by role, and the parameter that gives it."""
    needs: NeedSpec | None = None
    phases: tuple[PhaseSpec, ...] = ()
    channels: tuple[ChannelSpec, ...] = ()
    spillover: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Share of a marker's signal (first) that other markers' detectors see (second)."""
    cells: tuple[CellSpec, ...] = ()
    gates: tuple[GateSpec, ...] = ()
    statistics: tuple[StatisticSpec, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> AssayRecord:
        names = [analyte.name for analyte in self.analytes]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f'the analyte "{twice[0]}" stands twice')
        if self.method.endswith("_stress") != bool(self.phases):
            raise ValueError("a stress test has phases, and nothing else has")
        if (self.method == "flow") != bool(self.cells and self.gates and self.channels and self.statistics):
            raise ValueError("flow cytometry has channels, cells, gates and statistics, and nothing else has")
        derived = self.method == "flow" or self.method.endswith("_stress")
        for analyte in self.analytes:
            if bool(analyte.formula) == derived:
                raise ValueError(
                    f'the analyte "{analyte.name}" '
                    + ("is derived; it has no formula" if derived else "needs a formula")
                )
            if analyte.humane is not None and self.method != "clinical":
                raise ValueError(f'the analyte "{analyte.name}" has a humane endpoint, and only a clinical assay has')
        if self.needs is not None and self.needs.at_least not in self.numbers:
            raise ValueError(f'"needs" names "{self.needs.at_least}", which is not among the numbers')
        for statistic in self.statistics:
            if statistic.analyte not in names:
                raise ValueError(
                    f'a statistic names the analyte "{statistic.analyte}", which is not among {", ".join(names)}'
                )
            if statistic.gate not in {gate.name for gate in self.gates}:
                raise ValueError(f'a statistic names the gate "{statistic.gate}", which is not there')
        return self

    @property
    def parameters(self) -> tuple[str, ...]:
        """Every row of the parameter tables it uses, each once."""
        named = [*self.numbers.values(), *(name for analyte in self.analytes for name in analyte.numbers.values())]
        return tuple(dict.fromkeys(named))

    @property
    def formulas(self) -> Iterator[str]:
        """Every formula of the record."""
        yield from (analyte.formula for analyte in self.analytes if analyte.formula)
        if self.needs is not None:
            yield self.needs.formula
        for phase in self.phases:
            yield from (phase.oxygen, phase.acid)
        for cell in self.cells:
            yield from (cell.count, *cell.medians.values())
