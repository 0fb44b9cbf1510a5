"""A plan that is written down before the animals: what is compared, with how many, and what is predicted.

The file holds the SHA-256 of its own content, so a plan that was changed after it was registered is refused. That it
was not written anew, hash and all, is shown by the hash being deposited elsewhere: in a registry, a notebook, a letter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError

from gvlab.errors import InvalidValueError, LibraryError
from gvlab.files import read_text, write_new_text
from gvlab.library.fields import Record
from gvlab.planning.layout import CageRole, Require
from gvlab.planning.planned_comparison import PlannedComparison
from gvlab.planning.predictions import PredictedTest, PredictedValue, value_in_words
from gvlab.provenance import sha256
from gvlab.statistics.permutation import Alternative

FORMAT: Literal["GVLab registered plan, version 1"] = "GVLab registered plan, version 1"
"""First line of the file; counted up when a key goes or means something else."""


class RegisteredEndpoint(Record):
    """The primary endpoint, and how it is read and tested."""

    name: str
    """An endpoint of the library, an output of the model, or an analyte of an assay."""
    title: str
    assay: str = ""
    day: float | None = None
    """When it is read or counted; None where its time is observed."""
    counted: bool = False
    """Whether a share is counted on the day."""
    unit: str = ""
    """Of a reading."""
    known_as: tuple[str, ...] = ()
    """What a file of readings may call it."""
    follow_up: float
    """Days until the end of the study, or until it is read."""
    alternative: Alternative
    test: str


class RegisteredComparison(Record):
    """Two arms that are compared."""

    arm: str
    versus: str


class RegisteredLook(Record):
    """An interim look, with the levels at which it and the last one are significant."""

    day: float | None = None
    share: float | None = None
    first: float
    last: float


class RegistryAnswer(Record):
    """One question of a registry's form, answered as far as a plan can."""

    asks: str
    answer: str


class RegistryForm(Record):
    """What a registry asks, in the order of its form."""

    title: str
    address: str
    order_and_words: str
    """What the order and the words of the questions rest on."""
    fields: tuple[RegistryAnswer, ...]


class Registration(Record):
    """A plan that is registered.

    It is read and judged without the model: what was predicted stands in it.
    """

    format: Literal["GVLab registered plan, version 1"] = FORMAT
    mark: str
    """That it is a plan from simulation."""
    registered_at: str
    """Date and time, UTC."""
    experiment: str
    title: str
    system: str
    design: dict[str, Any]
    """The experiment as text: arms, doses, days, system."""
    arms: dict[str, str]
    """What each arm gets, in words."""
    endpoint: RegisteredEndpoint
    comparisons: tuple[RegisteredComparison, ...] = Field(min_length=1)
    alpha: float
    """Level of the tests together; several share it by Holm's procedure."""
    require: Require
    cages: CageRole
    interim: RegisteredLook | None = None
    animals: dict[str, int]
    """At the start of the study, by arm."""
    attrition: float
    engraftment_failure: float
    predictions: tuple[PredictedValue, ...]
    tests: tuple[PredictedTest, ...]
    not_predicted: tuple[str, ...] = ()
    seed: int
    """Of the virtual animals; that of the randomization stands with its key only."""
    model_sha256: str
    parameters_sha256: str
    animals_sha256: str
    """Of the virtual animals of the nominal set."""
    sets: int
    """Plausible parameter sets beside the nominal one."""
    sets_sha256: str = ""
    versions: dict[str, str]
    registries: dict[str, RegistryForm]
    ethics: str
    """A paragraph for the form of an ethics committee."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, whatever its spacing and the order of its keys."""
        return _hash(self.model_dump(mode="json"))

    def compared(self) -> tuple[PlannedComparison, ...]:
        """Return the comparisons, to be tested as planned."""
        end = self.endpoint
        return tuple(
            PlannedComparison(each.arm, each.versus, end.name, end.day, end.assay, end.counted, end.alternative)
            for each in self.comparisons
        )

    def compared_arms(self) -> tuple[str, ...]:
        """Return the arms that are compared, each once."""
        return tuple(dict.fromkeys([*(each.arm for each in self.comparisons), *(c.versus for c in self.comparisons)]))

    def to_json(self) -> str:
        """Return the file: content and hash."""
        content = {**self.model_dump(mode="json"), "sha256": self.sha256}
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def write(self, path: Path | str) -> None:
        """Write it as a new file, whole or not at all.

        Raises
        ------
        OutputError
            If there is a file of that name: a plan that is registered is never written over.
        """
        write_new_text(path, self.to_json())

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Return the plan in a file; errors as `parse`, and LibraryError if it cannot be read."""
        return cls.parse(read_text(Path(path)), Path(path).name)

    @classmethod
    def parse(cls, text: str, name: str = "the plan") -> Self:
        """Return the plan in a text.

        Raises
        ------
        LibraryError
            If it is no registered plan, or not whole.
        InvalidValueError
            If it is not as it was registered: its hash does not fit its content.
        """
        try:
            content = json.loads(text, object_pairs_hook=_each_key_once, parse_constant=_no_number)
        except ValueError as error:
            raise LibraryError(f'"{name}" is no registered plan: {error}. Take a file of --register.') from None
        if not isinstance(content, dict) or not str(content.get("format", "")).startswith("GVLab registered plan"):
            raise LibraryError(
                f'"{name}" is no registered plan: its key "format" is not "{FORMAT}". Take the file that --register '
                "wrote (the plan.json in the folder of a plan is another one)."
            )
        if content["format"] != FORMAT:
            raise LibraryError(
                f'"{name}" is a "{content["format"]}", and this gvlab reads "{FORMAT}". Install the gvlab it was '
                "written with."
            )
        said = content.pop("sha256", None)
        found = _hash(content)
        if said != found:
            raise InvalidValueError(
                f'"{name}" was changed after it was registered: its content has the hash {found[:12]}, and '
                f"{_said(said)} stands in it. Take the file as it was registered, or register a new plan before the "
                "animals."
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise LibraryError(f'"{name}" is no registered plan: "{where}": {first["msg"].lower()}.') from None

    def in_words(self) -> list[str]:
        """Return what is registered, as sentences."""
        end = self.endpoint
        pairs = "; ".join(f'"{each.arm}" against "{each.versus}"' for each in self.comparisons)
        shared = ", the level shared by Holm's procedure" if len(self.comparisons) > 1 else ""
        lines = [
            f"Registered on {self.registered_at}: {self.title}.",
            f"Primary endpoint: {end.title}{_when(end)}; {end.test} at alpha {self.alpha:g}{shared}.",
            f"Compared: {pairs}.",
            f"Animals: {', '.join(f'{n} in {arm}' for arm, n in self.animals.items())}.",
            *(f"Predicted: {self.in_words_of(each)}." for each in self.predictions),
            *(f"Predicted: {test_in_words(each)}." for each in self.tests),
            *(f"Not predicted: {words}." for words in self.not_predicted),
        ]
        if not self.sets:
            lines.append(
                "Only the nominal parameter set was used: the intervals are over animals alone, and too narrow."
            )
        return lines

    def in_words_of(self, prediction: PredictedValue) -> str:
        """Return a prediction: what, value, interval, and what each source of uncertainty leaves open."""
        over = [value_in_words(prediction.quantity, each, self.endpoint.unit) for each in prediction.over_animals]
        text = f"{self.in_brief(prediction)[:-1]}; over animals alone {' to '.join(over)}"
        if prediction.over_sets is None:
            return f"{text})"
        sets = [value_in_words(prediction.quantity, each, self.endpoint.unit) for each in prediction.over_sets]
        return f"{text}; median {' to '.join(sets)} in 80 % of {self.sets} plausible sets)"

    def in_brief(self, prediction: PredictedValue) -> str:
        """Return a prediction with the interval that it is held to."""
        value, low, high = (
            value_in_words(prediction.quantity, each, self.endpoint.unit)
            for each in (prediction.value, *prediction.interval)
        )
        return f"{self.what(prediction)} {value} (90 % interval {low} to {high})"

    def predicted_in_brief(self) -> list[str]:
        """Return every prediction in brief, as sentences."""
        return [f"{self.in_brief(each)}." for each in self.predictions] + [
            f"{test_in_words(each)}." for each in self.tests
        ]

    def what(self, prediction: PredictedValue) -> str:
        """Return what is predicted, in words."""
        end, pair = self.endpoint, f"{prediction.arm} against {prediction.versus}"
        match prediction.quantity:
            case "share" | "counted share":
                return f"{end.title}, {prediction.arm}, by day {end.follow_up:g}:"
            case "mean time":
                return f"{end.title}, {prediction.arm}, restricted mean time to day {end.follow_up:g}:"
            case "median":
                return f"{end.title}, {prediction.arm}, median{_when(end)}:"
            case "difference of shares":
                return f"{end.title}, {pair}, difference of shares:"
            case "difference of mean times":
                return f"{end.title}, {pair}, difference of restricted mean times:"
            case _:
                return f"{end.title}, {pair}, probability that a reading is the higher one:"


def test_in_words(test: PredictedTest) -> str:
    """Return how a test is predicted to end."""
    word = "is significant" if test.significant else "is not significant"
    chance = 100 * (test.chance if test.significant else 1 - test.chance)
    text = f"{test.arm} against {test.versus}: the test {word} (probability {chance:.0f} %"
    if test.over_sets is None:
        return f"{text})"
    low, high = sorted(100 * (each if test.significant else 1 - each) for each in test.over_sets)
    return f"{text}; {low:.0f} to {high:.0f} % in 80 % of the plausible sets)"


def _when(end: RegisteredEndpoint) -> str:
    return "" if end.day is None else f" on day {end.day:g}"


def _hash(content: Mapping[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


def _said(said: object) -> str:
    return f"{said[:12]}" if isinstance(said, str) else "none"


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f'the key "{key}" stands twice')
        found[key] = value
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")
