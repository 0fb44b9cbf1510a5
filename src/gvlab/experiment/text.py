"""An experiment as text: YAML to write by hand, JSON for programs, one schema for both.

The text says what is done, in words that the library knows, and what it was written with: the hashes of the model and
of the parameters, and the seed. Read with another model it is another experiment, and that is said.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from gvlab.errors import GVLabWarning, InvalidValueError, LibraryError
from gvlab.experiment.experiment import Experiment
from gvlab.experiment.records import protocol_of
from gvlab.files import read_text, write_text
from gvlab.library import Library
from gvlab.library.fields import Record, Words
from gvlab.library.reading import parse_record, record_of
from gvlab.library.records import Varied, ask_for_doses
from gvlab.model.model import Model
from gvlab.protocol import Arm, Change, Condition, Dose, Harvest, Protocol
from gvlab.subject import System

SCHEMA_VERSION = 1
"""Version of this text. It is counted up when a key goes or means something else."""


_HEADER = "# An experiment for GVLab: `gvlab run` takes this file, `gvlab schema experiment` says what can stand in it."


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


@dataclass(frozen=True)
class ExperimentFile:
    """An experiment and how it is run.

    Attributes
    ----------
    experiment
        What is done.
    seed, subjects, days
        Of `Experiment.run`; None where the text leaves it open.
    """

    experiment: Experiment
    seed: int | None = None
    subjects: int | None = None
    days: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values in a fixed order; what is left at its default is left out."""
        experiment = self.experiment
        return _without_defaults(
            ExperimentText(
                name=experiment.name,
                title=experiment.title,
                system=experiment.system.name,
                until=experiment.until,
                arms=tuple(_arm_text(arm) for arm in experiment.arms),
                assays=experiment.assays,
                endpoints=experiment.endpoints,
                seed=self.seed,
                subjects=self.subjects,
                days=self.days,
                model=experiment.model.sha256,
                parameters=experiment.system.parameters().sha256,
            )
        )

    def to_json(self) -> str:
        """Return canonical JSON: the same experiment is the same text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    def to_yaml(self) -> str:
        """Return YAML, to be read and changed by people."""
        text = yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True, width=120)
        return f"{_HEADER}\n{text}"

    def write(self, path: Path | str) -> None:
        """Write as YAML, or as JSON where the name ends in .json; whole or not at all."""
        path = Path(path)
        write_text(path, self.to_json() + "\n" if path.suffix == ".json" else self.to_yaml())

    @classmethod
    def from_dict(
        cls, content: Any, *, library: Library | None = None, model: Model | None = None, name: str = "the experiment"
    ) -> ExperimentFile:
        """Return what `to_dict` gave; errors as `parse`.

        Parameters
        ----------
        content
            Keys and values.
        library, model
            Of the experiment; the default ones where None.
        name
            What errors call it.
        """
        try:
            # What has been text once holds nothing that text cannot: tuples are lists, and keys are words.
            text = json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
            plain = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidValueError(f"{name} holds what no text can: {error}. Give text, numbers and lists.") from None
        return cls._of(record_of(plain, ExperimentText, name), library, model, name)

    @classmethod
    def parse(
        cls, text: str, *, library: Library | None = None, model: Model | None = None, name: str = "the experiment"
    ) -> ExperimentFile:
        """Return the experiment in a text, YAML or JSON.

        Raises
        ------
        LibraryError
            If a key is unknown or missing, a value breaks its rule, or the text has another schema version.
        UnknownNameError
            If the library lacks what it names.

        Warns
        -----
        GVLabWarning
            If it was written with another model, or other parameters.
        """
        return cls._of(parse_record(text, ExperimentText, name), library, model, name)

    @classmethod
    def _of(cls, written: ExperimentText, library: Library | None, model: Model | None, name: str) -> ExperimentFile:
        library = Library.default() if library is None else library
        if written.schema_version != SCHEMA_VERSION:
            raise LibraryError(
                f"{name} has schema_version {written.schema_version}, and this gvlab reads version {SCHEMA_VERSION}. "
                f"{'Install a newer gvlab.' if written.schema_version > SCHEMA_VERSION else 'Write it anew.'}"
            )
        system = System.read(written.system, library)
        experiment = Experiment(
            written.title,
            system=system,
            arms=[_arm(arm, system) for arm in written.arms],
            assays=written.assays,
            endpoints=written.endpoints,
            until=written.until,
            model=model,
            name=written.name,
        )
        for what, then, now in (
            ("model", written.model, experiment.model.sha256),
            ("parameters", written.parameters, system.parameters().sha256),
        ):
            if then is not None and then != now:
                warnings.warn(
                    f"{name} was written with {what} {then[:12]}, and this library has {what} {now[:12]} for system "
                    f'"{system.name}". It is run with the latter, and results will differ.',
                    GVLabWarning,
                    stacklevel=3,
                )
        return cls(experiment, written.seed, written.subjects, written.days)

    @classmethod
    def read(cls, path: Path | str, *, library: Library | None = None, model: Model | None = None) -> ExperimentFile:
        """Return the experiment in a file, YAML or JSON; errors and warnings as `parse`."""
        return cls.parse(read_text(Path(path)), library=library, model=model, name=str(path))


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the text."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ExperimentText.model_json_schema()}


# ---------------------------------------------------------------------------------------------------- to text


def _without_defaults(record: Record) -> dict[str, Any]:
    """Return the keys of a record that differ from their defaults, and the schema version, as plain values."""
    found: dict[str, Any] = {}
    for name, field in type(record).model_fields.items():
        value = getattr(record, name)
        if name == "schema_version" or value != field.get_default():
            found[name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return _without_defaults(value)
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value


def _arm_text(arm: Arm) -> ArmText:
    return ArmText(name=arm.name, n=arm.n, doses=_doses_text(arm.protocol), condition=_condition_text(arm.condition))


def _doses_text(protocol: Protocol) -> tuple[DoseText, ...]:
    return tuple(
        DoseText(
            agent=dose.agent,
            amount=dose.amount,
            at=dose.at,
            every=dose.every,
            until=dose.until,
            route=dose.route,
            holds=dose.holds,
            when=dose.when,
            varied=dose.varied,
            harvest=dose.harvest
            and HarvestText(
                at=dose.harvest.at,
                doses=_doses_text(dose.harvest.protocol),
                condition=_condition_text(dose.harvest.condition),
            ),
        )
        for dose in protocol
    )


def _condition_text(condition: Condition) -> tuple[str | ConditionText, ...]:
    if condition.parts:
        return tuple(text for part in condition.parts for text in _condition_text(part))
    if condition.library is not None:
        return condition.names
    if not condition.changes:
        return ()
    changes = tuple(
        ChangeText(target=change.target, value=change.value, factor=change.factor) for change in condition.changes
    )
    return (ConditionText(name=", ".join(condition.names) or "changed by hand", changes=changes),)


# -------------------------------------------------------------------------------------------------- from text


def _arm(text: ArmText, system: System) -> Arm:
    protocol = _protocol(text.doses, system, f'arm "{text.name}"')
    return Arm(text.name, protocol, text.n, _condition(text.condition, system.library))


def _protocol(doses: Sequence[str | DoseText], system: System, where: str) -> Protocol:
    made: list[Dose] = []
    for dose in doses:
        if isinstance(dose, str):
            made.extend(protocol_of((dose,), system, where))
            continue
        harvest = None
        if dose.harvest is not None:
            donor = _protocol(dose.harvest.doses, system, where)
            under = _condition(dose.harvest.condition, system.library)
            harvest = Harvest(donor, at=dose.harvest.at, condition=under)
        made.append(
            Dose(
                dose.agent,
                dose.amount,
                at=dose.at,
                every=dose.every,
                until=dose.until,
                route=dose.route,
                holds=dose.holds,
                when=dose.when,
                harvest=harvest,
                varied=dose.varied,
                library=system.library,
            )
        )
    return Protocol(tuple(made))


def _condition(parts: Sequence[str | ConditionText], library: Library) -> Condition:
    return Condition.of(
        tuple(
            part
            if isinstance(part, str)
            else Condition((part.name,), tuple(Change(each.target, each.value, each.factor) for each in part.changes))
            for part in parts
        )
        or None,
        library,
    )
