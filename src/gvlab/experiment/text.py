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
from typing import Any

import yaml

from gvlab.errors import GVLabWarning, InvalidValueError, LibraryError
from gvlab.experiment.experiment import Experiment
from gvlab.experiment.records import protocol_of
from gvlab.experiment.text_records import (
    SCHEMA_VERSION,
    ArmText,
    ChangeText,
    ConditionText,
    DoseText,
    ExperimentText,
    HarvestText,
)
from gvlab.files import read_text, write_text
from gvlab.library import Library
from gvlab.library.fields import Record
from gvlab.library.reading import parse_record, record_of
from gvlab.model.model import Model
from gvlab.protocol import Arm, Change, Condition, Dose, Harvest, Protocol
from gvlab.subject import System

_HEADER = "# An experiment for GVLab: `gvlab run` takes this file, `gvlab schema experiment` says what can stand in it."


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
