"""One schema a kind of record. Unknown keys are errors, so a misspelled key is never silently without effect."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from gvlab import units
from gvlab.library.assay_record import AssayRecord
from gvlab.library.ensemble_recipe import Recipe
from gvlab.library.fields import (
    Claims,
    Context,
    Identifier,
    Record,
    Sourced,
    SourcedValue,
    Text,
    Titled,
    Unit,
    Verification,
    Words,
)
from gvlab.library.finding_record import FindingRecord
from gvlab.library.report_record import ReportSpec, StudyRecord
from gvlab.provenance import Evidence


class OperationSpec(Record):
    """What giving an agent does to the model. Exactly one of `add`, `set` and `mix` is there."""

    add: Identifier | None = None
    """A state to which the amount is added."""
    set: Identifier | None = None
    """A symbol that takes a value."""
    mix: Identifier | None = None
    """A mean (a phenotype) that becomes the weighted mean of what it was and of `value`."""
    unit: Unit | None = None
    """The amount enters in this unit."""
    times: tuple[Identifier | float, ...] = ()
    """The amount is multiplied by these numbers and parameters of the subject."""
    to: Identifier | float | None = None
    """For `set`: a number or a parameter of the subject, in place of the amount."""
    value: Identifier | float | None = None
    """For `mix`: the mean of what is given, a number or a parameter of the subject."""
    pool: tuple[Identifier, ...] = ()
    """For `mix`: the states whose sum is the weight of what was there."""
    guard: str = ""
    """An SBML infix formula; where it is false nothing is done."""

    @model_validator(mode="after")
    def _one_verb(self) -> OperationSpec:
        verbs = [verb for verb in ("add", "set", "mix") if getattr(self, verb) is not None]
        if len(verbs) != 1:
            raise ValueError(f"an operation has exactly one of add, set and mix; here are {verbs or 'none'}")
        if self.add is not None and self.unit is None:
            raise ValueError(f'"add: {self.add}" needs the unit in which the amount enters')
        if self.set is not None and (self.to is None) == (self.unit is None):
            raise ValueError(f'"set: {self.set}" needs either "to" (a value) or "unit" (the amount itself)')
        if self.mix is not None and (self.value is None or not self.pool or self.unit is None):
            raise ValueError(f'"mix: {self.mix}" needs "value", "pool" and the "unit" of the amount that joins')
        if self.add is not None and (self.to is not None or self.value is not None or self.pool):
            raise ValueError(f'"add: {self.add}" has only unit, times and guard')
        return self

    @property
    def target(self) -> str:
        """The symbol it acts on."""
        return self.add or self.set or self.mix or ""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol it names, its target first."""
        named = (self.target, *self.times, self.to, self.value, *self.pool)
        return tuple(dict.fromkeys(name for name in named if isinstance(name, str)))


class HarvestSpec(Record):
    """Cells taken from a subject who was followed, with their composition and phenotype.

    The dose is a number of cells; it is divided among the states of `pool` as they were in the donor at that time.
    """

    pool: tuple[Identifier, ...] = Field(min_length=1)
    """States that are counted and transferred; the recipient's states have the same names."""
    phenotype: tuple[Identifier, ...] = ()
    """Means that travel with the cells; in the recipient they are mixed, weighted by cells."""
    phenotype_of: tuple[Identifier, ...] = ()
    """The states that have that phenotype; the whole pool where empty."""

    @model_validator(mode="after")
    def _within(self) -> HarvestSpec:
        outside = [name for name in self.phenotype_of if name not in self.pool]
        if outside:
            raise ValueError(f'phenotype_of names "{outside[0]}", which is not in the pool')
        return self


class Route(Record):
    """A way of giving an agent."""

    description: Text = ""
    unit: Unit | None = None
    """The unit of the amount where no operation carries one."""
    operations: tuple[OperationSpec, ...] = ()
    harvest: HarvestSpec | None = None
    """In place of operations: what is given comes out of another subject."""

    @model_validator(mode="after")
    def _something_happens(self) -> Route:
        if bool(self.operations) == (self.harvest is not None):
            raise ValueError("a route has either operations or harvest")
        return self

    @model_validator(mode="after")
    def _mix_before_add(self) -> Route:
        added: set[str] = set()
        for operation in self.operations:
            enlarged = sorted(added.intersection(operation.pool))
            if enlarged:
                raise ValueError(
                    f'"mix: {operation.mix}" stands after "add: {enlarged[0]}", which enlarges its pool; put it before'
                )
            if operation.add:
                added.add(operation.add)
        return self

    @property
    def counts_amount(self) -> bool:
        """Whether what happens depends on how much is given."""
        return self.harvest is not None or any(operation.unit is not None for operation in self.operations)

    @property
    def units(self) -> tuple[str, ...]:
        """The units the amount must be convertible to."""
        found = ["cell"] if self.harvest else [operation.unit for operation in self.operations if operation.unit]
        return tuple(dict.fromkeys(found)) or ((self.unit,) if self.unit else ())

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol of the model and every parameter that it needs."""
        named = [name for operation in self.operations for name in operation.symbols]
        if self.harvest:
            named += [*self.harvest.pool, *self.harvest.phenotype]
        return tuple(dict.fromkeys(named))


class AgentRecord(Titled):
    """Anything that can be given."""

    kind: Literal["drug", "cells", "irradiation", "antibody"]
    description: Text = ""
    molar_mass: SourcedValue | None = None
    default_route: str = ""
    routes: dict[str, Route] = Field(min_length=1)
    source: str = ""
    verification: Verification = ""
    note: Text = ""

    @model_validator(mode="after")
    def _default_route_exists(self) -> AgentRecord:
        if self.default_route and self.default_route not in self.routes:
            raise ValueError(f'default_route "{self.default_route}" is not among the routes: {", ".join(self.routes)}')
        if self.molar_mass is not None and not units.can_convert(self.molar_mass.unit, "g/mol"):
            raise ValueError(f'molar_mass is in "{self.molar_mass.unit}"; write it in g/mol')
        return self

    @property
    def first_route(self) -> str:
        """The route that is taken when none is named."""
        return self.default_route or next(iter(self.routes))

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol of the model and every parameter that giving it needs."""
        return tuple(dict.fromkeys(name for route in self.routes.values() for name in route.symbols))


# ---------------------------------------------------------------------------------------------------- subjects


class SystemPart(Titled, Sourced):
    """A donor, a host or a leukemia: what it is, and the overlays of parameters it brings."""

    contexts: Context = ()
    """Tags of the overlays it brings."""
    description: Text = ""


class DonorRecord(SystemPart):
    """Who gives marrow and T cells."""


class HostRecord(SystemPart):
    """Who receives."""


class LeukemiaRecord(SystemPart):
    """The malignant cells."""


class DonorProtocol(Record):
    """How the donor of a harvest was treated, and when its cells were taken."""

    doses: tuple[str | SystemDose, ...] = Field(min_length=1)
    condition: Words = ()
    at: str
    """Day of the donor on which the cells are taken."""


class SystemDose(Sourced):
    """A dose as a system gives it, by name; unknown amounts and days are marked assumed and can be changed."""

    agent: str
    amount: str
    at: str
    every: str | None = None
    until: str | None = None
    route: str | None = None
    evidence: Evidence = Evidence.ASSUMED
    harvest: DonorProtocol | None = None
    """For an agent that is harvested: what its donor went through."""


class SystemRecord(Titled, Sourced):
    """A donor, a host and a leukemia together, with the doses that belong to the model system."""

    donor: str | None = None
    host: str | None = None
    leukemia: str | None = None
    contexts: Context = ()
    """Overlays beyond those of donor, host and leukemia."""
    population: str
    time_zero: Text
    """What happens at time zero, in words."""
    doses: dict[str, SystemDose] = Field(default_factory=dict)
    absent: tuple[str, ...] = ()
    """Doses that other systems have and this one does not: an arm that names one here goes without it."""
    notes: Text = ""
    description: Text = ""


class Variability(Sourced):
    """How a parameter differs between subjects.

    A log-normal is given by its coefficient of variation; `center` says whether the table's value is its median or
    its mean. A normal is given by `sd` (or `cv`), a uniform by `low` and `high` (or the bounds of the table).
    """

    parameter: Identifier
    distribution: Literal["log-normal", "normal", "uniform"]
    cv: float | None = Field(default=None, gt=0)
    sd: float | None = Field(default=None, gt=0)
    low: float | None = None
    high: float | None = None
    center: Literal["median", "mean"] = "median"
    evidence: Evidence = Evidence.ASSUMED

    @model_validator(mode="after")
    def _spread(self) -> Variability:
        if self.distribution == "log-normal" and (self.cv is None or self.sd is not None):
            raise ValueError(f'the log-normal of "{self.parameter}" is given by "cv" alone')
        if self.distribution == "normal" and (self.cv is None) == (self.sd is None):
            raise ValueError(f'the normal of "{self.parameter}" is given by either "sd" or "cv"')
        if self.distribution == "uniform" and (self.cv is not None or self.sd is not None):
            raise ValueError(f'the uniform of "{self.parameter}" is given by "low" and "high"')
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f'"low" of "{self.parameter}" must be below "high"')
        return self


class RandomThreshold(Record):
    """A random fate: a threshold that each subject draws once."""

    parameter: Identifier
    distribution: Literal["uniform", "exponential"]
    note: Text = ""


class Correlation(Sourced):
    """The rank correlation of two varied parameters (of their normal scores)."""

    parameters: tuple[Identifier, Identifier]
    value: float = Field(gt=-1, lt=1)


class PopulationRecord(Titled, Sourced):
    """A distribution of subjects."""

    description: Text = ""
    variability: tuple[Variability, ...] = ()
    fates: tuple[RandomThreshold, ...] = ()
    correlations: tuple[Correlation, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> PopulationRecord:
        names = [item.parameter for item in self.variability] + [item.parameter for item in self.fates]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f'"{twice[0]}" is drawn twice; each parameter is drawn once')
        varied = {item.parameter for item in self.variability}
        for item in self.correlations:
            missing = [name for name in item.parameters if name not in varied]
            if missing:
                raise ValueError(f'a correlation names "{missing[0]}", which is not varied')
        return self


# ---------------------------------------------------------------------------------------------------- tables


class ParameterRow(Sourced):
    """One row of a parameter table: PEtab's columns and ours."""

    parameterId: Identifier
    nominalValue: float
    lowerBound: float | None = None
    upperBound: float | None = None
    priorDistribution: str = ""
    unit: Unit
    context: Context = ()
    evidence: Evidence
    derivation: Text = ""

    @field_validator("lowerBound", "upperBound", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == "" else value

    @model_validator(mode="after")
    def _consistent(self) -> ParameterRow:
        if not math.isfinite(self.nominalValue):
            raise ValueError("nominalValue must be a finite number")
        low = -math.inf if self.lowerBound is None else self.lowerBound
        high = math.inf if self.upperBound is None else self.upperBound
        if not low <= self.nominalValue <= high:
            raise ValueError(f"nominalValue {self.nominalValue:g} lies outside its bounds {low:g} to {high:g}")
        if self.evidence is Evidence.MEASURED and not self.source:
            raise ValueError("a measured value needs a source")
        if self.evidence is Evidence.DERIVED and not self.source and not self.derivation:
            raise ValueError("a derived value needs a source or a derivation")
        if not self.source and not self.note and not self.derivation:
            raise ValueError("a row without a source says why in note or derivation")
        return self


class ConditionRow(Record):
    """One change of a condition (PEtab): a target takes a number, or a factor times its own value."""

    conditionId: Identifier
    targetId: Identifier
    targetValue: str
    conditionName: Text = ""
    source: str = ""
    locator: Text = ""
    verification: Verification = ""
    note: Text = ""

    @model_validator(mode="after")
    def _readable(self) -> ConditionRow:
        self.change()
        return self

    def change(self) -> tuple[float, bool]:
        """Return the number, and whether it is a factor on the target's own value."""
        number, star, name = self.targetValue.partition("*")
        if star and name.strip() != self.targetId:
            raise ValueError(f'targetValue "{self.targetValue}" is a number, or "<number> * {self.targetId}"')
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ValueError(f'targetValue "{self.targetValue}" is not a number, or "<number> * {self.targetId}"')
        return value, bool(star)


class EdgeRow(Sourced):
    """One regulatory edge: who acts on whom, with which sign, and the parameter that switches it on and off."""

    edge: Identifier
    source_node: Text
    target_node: Text
    sign: Literal["+", "-"]
    switch: Identifier
    claims: Claims = ()
    """Findings that speak of it."""
    statement: Text


# ---------------------------------------------------------------------------------------------------- studies


def _name_or_record(value: Any) -> str:
    return "name" if isinstance(value, str) else "record"


DoseRef = Annotated[Annotated[str, Tag("name")] | Annotated[SystemDose, Tag("record")], Discriminator(_name_or_record)]
"""A dose of the system by name, or a dose of its own."""


class EndpointRecord(Titled):
    """What happens to a subject, once, at a time: death, death of a cause, cure."""

    description: Text = ""
    events: tuple[Identifier, ...] = Field(min_length=1)
    """Events of the model, any of which is the endpoint."""
    only_if_zero: tuple[Identifier, ...] = ()
    """Symbols that must be zero at the end of follow-up; then the last of the events is the endpoint."""
    competing: tuple[Identifier, ...] = ()
    """Events after which the endpoint cannot come any more."""
    counts: Literal["free", "reached"]
    """Which share is reported: of those free of it (survival), or of those who have reached it."""
    overall: bool = False
    """Whether it is death of any cause, which a log-rank test is of; one endpoint of a library is."""
    causes: dict[Identifier, Text] = Field(default_factory=dict)
    """Its events as competing causes, and what a figure calls each."""
    cured_by: Identifier | None = None
    """The endpoint that is printed beside its curves as the share that is cured."""


class ArmSpec(Record):
    """An arm of an experiment: doses of the system by name, or doses of its own; conditions; subjects."""

    name: str
    doses: tuple[DoseRef, ...] = ()
    condition: Words = ()
    n: int = Field(default=10, ge=1)
    note: Text = ""


class Readout(Record):
    """What is read, and when: an assay by name, or an output of the model as an ideal reading."""

    name: str
    output: str = ""
    at: Words = ()
    statistic: str = ""
    title: Text = ""


ReadoutRef = Annotated[Annotated[str, Tag("name")] | Annotated[Readout, Tag("record")], Discriminator(_name_or_record)]
"""An output of the model or an assay by name, or more about it."""


class ExperimentRecord(Titled, Sourced):
    """A study: systems, arms, what is read, until when."""

    question: Text
    systems: Words
    arms: tuple[ArmSpec, ...] = Field(min_length=1)
    endpoints: Words = ()
    readouts: tuple[ReadoutRef, ...] = ()
    until: str
    assumed: Text = ""
    report: ReportSpec | None = None
    """What a report shows; where it is missing, every endpoint and every output that is read."""

    @property
    def assays(self) -> tuple[str, ...]:
        """Names of the assays and of the outputs of the model that are read."""
        return tuple(
            readout if isinstance(readout, str) else readout.output or readout.name for readout in self.readouts
        )

    @model_validator(mode="after")
    def _arms_once(self) -> ExperimentRecord:
        names = [arm.name for arm in self.arms]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f'there are two arms named "{twice[0]}"')
        return self


KINDS: dict[str, type[Record]] = {
    "agents": AgentRecord,
    "systems": SystemRecord,
    "hosts": HostRecord,
    "donors": DonorRecord,
    "leukemias": LeukemiaRecord,
    "populations": PopulationRecord,
    "endpoints": EndpointRecord,
    "experiments": ExperimentRecord,
    "findings": FindingRecord,
    "assays": AssayRecord,
    "studies": StudyRecord,
    "ensembles": Recipe,
}
"""Folder of the library: schema of a YAML file in it."""

TABLES: dict[str, type[Record]] = {"parameters": ParameterRow, "conditions": ConditionRow, "edges": EdgeRow}
"""Folder of the library: schema of a row of a TSV file in it."""

SINGULAR = {
    "agents": "agent",
    "systems": "system",
    "hosts": "host",
    "donors": "donor",
    "leukemias": "leukemia",
    "populations": "population",
    "endpoints": "endpoint",
    "experiments": "experiment",
    "findings": "finding",
    "assays": "assay",
    "studies": "study",
    "ensembles": "ensemble",
    "conditions": "condition",
    "parameters": "parameter",
    "edges": "edge",
}
