"""What can stand in the text of an experiment: its records, and their JSON schema."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from gvlab.library.fields import Record, Words
from gvlab.library.records import Varied, ask_for_doses

SCHEMA_VERSION = 1
"""Version of this text. It is counted up when a key goes or means something else."""


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str | dict) else value


def _name_or_record(value: Any) -> str:
    return "name" if isinstance(value, str) else "record"


class TextRecord(Record):
    """A part of the text; what stands below a key describes it in the JSON schema."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class ChangeText(TextRecord):
    """One change of a condition that no library holds."""

    target: str
    """A parameter of the model, or a state (its initial value)."""
    value: float
    """What it becomes, or the factor."""
    factor: bool = False
    """Whether `value` is a factor."""


class ConditionText(TextRecord):
    """A condition that no library holds."""

    name: str
    """What it is called."""
    changes: tuple[ChangeText, ...] = Field(min_length=1)
    """Carried out in order."""


ConditionRef = Annotated[
    Annotated[str, Tag("name")] | Annotated[ConditionText, Tag("record")], Discriminator(_name_or_record)
]
"""A condition of the library by name, or one of its own."""

Conditions = Annotated[tuple[ConditionRef, ...], BeforeValidator(_as_tuple)]
"""One condition or a list of them."""


class HarvestText(TextRecord):
    """Where cells come from that are taken out of primary recipients."""

    at: str
    """Day of the primary recipient on which they are taken."""
    doses: tuple[DoseRef, ...] = ()
    """What the primary recipient was given."""
    condition: Conditions = ()
    """What else was different about it."""


class DoseText(TextRecord):
    """A dose."""

    agent: str
    """Name of an agent of the library."""
    amount: str
    """With its unit: "10 mg/kg", "5e6 cell", "8 Gy"."""
    at: str
    """"day 4"."""
    every: str | None = None
    """"1 day": given again and again."""
    until: str | None = None
    """"day 14": the last day on which it is given again."""
    route: str | None = None
    """Name of a route of the agent; its default route where there is none."""
    holds: tuple[tuple[str, str], ...] = ()
    """Times of no treatment, from a day until a day: ["day 30", "day 44"]."""
    when: str | None = None
    """A formula of the model's symbols, asked each time: "gvhd_grade < 2"; where it is false nothing is given."""
    harvest: HarvestText | None = None
    """For cells out of primary recipients."""
    varied: Varied | None = None
    """What of it is not known and is varied over plausible parameter sets."""


DoseRef = Annotated[Annotated[str, Tag("name")] | Annotated[DoseText, Tag("record")], Discriminator(_name_or_record)]
"""A dose of the system by name, or a dose of its own."""


class ArmText(TextRecord):
    """A group of subjects that are treated alike."""

    name: str
    """What the group is called."""
    n: int = Field(default=10, ge=1)
    """How many subjects."""
    doses: tuple[DoseRef, ...]
    """What its subjects are given: doses, or names of doses of the system."""
    condition: Conditions = ()
    """What is different about them: names of conditions of the library, or changes."""

    _has_doses = model_validator(mode="before")(ask_for_doses)


class ExperimentText(TextRecord):
    """An experiment, and how it is run."""

    schema_version: int = SCHEMA_VERSION
    """Version of this text."""
    name: str = ""
    """Name of the experiment of the library that it is, or was."""
    title: str
    """What it is about."""
    system: str
    """Name of a system of the library."""
    until: str
    """The last day: "day 100"."""
    arms: tuple[ArmText, ...] = Field(min_length=1)
    """Groups of subjects."""
    assays: Words = ()
    """Assays of the library, or outputs of the model, that are read."""
    endpoints: Words = ()
    """Endpoints of the library."""
    seed: int | None = Field(default=None, ge=0)
    """Of the subjects and of the errors of assays."""
    subjects: int | None = Field(default=None, ge=1)
    """Virtual subjects, the same in every arm; where there is no number, each arm has `n` of its own."""
    days: tuple[float, ...] = ()
    """Days on which outputs are read, beside every whole day."""
    model: str | None = None
    """SHA-256 of the model it was written with."""
    parameters: str | None = None
    """SHA-256 of the parameters of the system it was written with."""


HarvestText.model_rebuild()


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the text."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ExperimentText.model_json_schema()}
