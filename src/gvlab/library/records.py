"""One schema a kind of record. Unknown keys are errors, so a misspelled key is never silently without effect."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from gvlab.errors import did_you_mean
from gvlab.library.agent_record import AgentRecord
from gvlab.library.assay_record import AssayRecord
from gvlab.library.benchmark_record import BenchmarkSet
from gvlab.library.ensemble_recipe import Recipe
from gvlab.library.fields import (
    Context,
    Identifier,
    Record,
    Sourced,
    Text,
    Titled,
    Words,
)
from gvlab.library.finding_record import FindingRecord
from gvlab.library.husbandry_record import HusbandryRecord
from gvlab.library.registry_record import RegistryRecord
from gvlab.library.report_record import ReportSpec, StudyRecord
from gvlab.library.spelling_record import SpellingRecord
from gvlab.library.table_rows import ConditionRow, EdgeRow, LookRow, ParameterRow
from gvlab.library.variability import Variability
from gvlab.provenance import Evidence, sha256

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


class Varied(Record, use_attribute_docstrings=True):
    """What of a dose is not known: parameters with a range, drawn by an ensemble; nominal values change nothing."""

    amount: Identifier | None = None
    """It multiplies the amount."""
    day: Identifier | None = None
    """It shifts the first day, by whole days; the last day of repeated doses stays."""

    @model_validator(mode="after")
    def _something(self) -> Varied:
        if self.amount is None and self.day is None:
            raise ValueError('"varied" names what varies: "amount", "day", or both')
        return self


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
    holds: tuple[tuple[str, str], ...] = ()
    """Times of no treatment, from a day until a day: ["day 30", "day 44"]."""
    when: str | None = None
    """A formula of the model's symbols, asked each time: "gvhd_grade < 2"; where it is false nothing is given."""
    varied: Varied | None = None
    """The parameters that stand for what is not known of it."""
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


class RandomThreshold(Record):
    """A random fate: a threshold that each subject draws once."""

    parameter: Identifier
    distribution: Literal["uniform", "exponential"]
    note: Text = ""


class Correlation(Sourced):
    """The rank correlation of two varied parameters (of their normal scores)."""

    parameters: tuple[Identifier, Identifier]
    value: float = Field(gt=-1, lt=1)


class Weighed(Record):
    """Which draw of a population was weighed; the weights stand beside the record, in ``NAME.weights.tsv``."""

    seed: int = Field(ge=0)
    """Seed of the draw."""
    distributions: str
    """`PopulationRecord.distributions` when it was weighed."""


class PopulationRecord(Titled, Sourced):
    """A distribution of subjects."""

    description: Text = ""
    variability: tuple[Variability, ...] = ()
    fates: tuple[RandomThreshold, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    weighed: Weighed | None = None
    """Where subjects are drawn by weight from one draw of the distributions."""

    @property
    def distributions(self) -> str:
        """What tells these distributions and correlations from others: the first 12 digits of their SHA-256."""
        aside = {"source", "locator", "verification", "note"}
        parts = [
            item.model_dump(mode="json", exclude=aside, exclude_defaults=True)
            for item in (*self.variability, *self.correlations)
        ]
        return sha256(json.dumps(parts, sort_keys=True))[:12]

    @model_validator(mode="after")
    def _each_once(self) -> PopulationRecord:
        names = [item.parameter for item in self.variability] + [item.parameter for item in self.fates]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f'"{twice[0]}" is drawn twice; each parameter is drawn once')
        varied = {item.parameter for item in self.variability}
        pairs = set()
        for item in self.correlations:
            pair = " and ".join(f'"{name}"' for name in item.parameters)
            missing = [name for name in item.parameters if name not in varied]
            if missing:
                raise ValueError(
                    f'the correlation of {pair} has no joint distribution: "{missing[0]}" is not varied.'
                    f"{did_you_mean(missing[0], varied)} Vary it, or remove the correlation"
                )
            if len(set(item.parameters)) == 1 or frozenset(item.parameters) in pairs:
                raise ValueError(f"the correlation of {pair} is of one with itself, or stands twice; remove it")
            pairs.add(frozenset(item.parameters))
        return self


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
    origin: Identifier | None = None
    """The event from which time is counted, for those who had it; day 0 where None."""
    counts: Literal["free", "reached"]
    """Which share is reported: of those free of it (survival), or of those who have reached it."""
    harm: bool = False
    """Whether to reach it is a harm, such as graft-versus-host disease; a death is one without this."""
    overall: bool = False
    """Whether it is death of any cause, which a log-rank test is of; one endpoint of a library is."""
    causes: dict[Identifier, Text] = Field(default_factory=dict)
    """Its events as competing causes, and what a figure calls each."""
    left_out: Text = ""
    """What belongs to it in the clinic and the model does not have, in a sentence; told wherever it is shown."""
    paramcd: str = Field(default="", pattern=r"^([A-Z][A-Z0-9]{0,7})?$")
    """Its code in a clinical data set (PARAMCD of ADTTE)."""
    cured_by: Identifier | None = None
    """The endpoint that is printed beside its curves as the share that is cured."""


class NotGiven(Record):
    """Where a registry counts a patient of an arm who did not live to be given what the arm is named after."""

    dose: str
    """That dose, by its name in the system."""
    counts_in: str
    """The arm without it."""


def ask_for_doses(arm: Any) -> Any:
    """Refuse an arm that does not say what it is given, as it stands in a file."""
    if isinstance(arm, dict) and "doses" not in arm:
        raise ValueError(
            f'the arm "{arm.get("name", "")}" has no doses. Name what its subjects are given, or write "doses: []" '
            "if that is nothing"
        )
    return arm


class ArmSpec(Record):
    """An arm of an experiment: doses of the system by name, or doses of its own; conditions; subjects."""

    name: str
    doses: tuple[DoseRef, ...]
    condition: Words = ()
    n: int = Field(default=10, ge=1)
    not_given: NotGiven | None = None
    note: Text = ""

    _has_doses = model_validator(mode="before")(ask_for_doses)


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
    over_sets: bool = True
    """Whether plausible parameter sets are asked about it; patients have a population of their own, not those sets."""
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
        for arm in self.arms:
            if arm.not_given is not None and arm.not_given.counts_in not in set(names) - {arm.name}:
                raise ValueError(f'"{arm.name}" counts in "{arm.not_given.counts_in}"; other arms are {names}')
            if arm.not_given is not None and arm.not_given.dose not in arm.doses:
                raise ValueError(f'"{arm.name}" is not given "{arm.not_given.dose}"; its doses are {arm.doses}')
        return self


KINDS: dict[str, type[Record]] = {
    "agents": AgentRecord,
    "systems": SystemRecord,
    "hosts": HostRecord,
    "donors": DonorRecord,
    "leukemias": LeukemiaRecord,
    "populations": PopulationRecord,
    "benchmarks": BenchmarkSet,
    "endpoints": EndpointRecord,
    "experiments": ExperimentRecord,
    "findings": FindingRecord,
    "assays": AssayRecord,
    "studies": StudyRecord,
    "ensembles": Recipe,
    "husbandry": HusbandryRecord,
    "registries": RegistryRecord,
    "spellings": SpellingRecord,
}
"""Folder of the library: schema of a YAML file in it."""

TABLES: dict[str, type[Record]] = {
    "parameters": ParameterRow, "conditions": ConditionRow, "edges": EdgeRow, "looks": LookRow
}  # fmt: skip
"""Folder of the library: schema of a row of a TSV file in it."""

SINGULAR = {
    "agents": "agent",
    "systems": "system",
    "hosts": "host",
    "donors": "donor",
    "leukemias": "leukemia",
    "populations": "population",
    "benchmarks": "set of benchmarks",
    "endpoints": "endpoint",
    "experiments": "experiment",
    "findings": "finding",
    "assays": "assay",
    "studies": "study",
    "ensembles": "ensemble",
    "husbandry": "species",
    "registries": "registry",
    "spellings": "record of spellings",
    "conditions": "condition",
    "parameters": "parameter",
    "edges": "edge",
    "looks": "look",
}
