"""What is sampled, and what comes back: true values in, readings and raw files out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from gvlab.arrays import Array, Float, Int
from gvlab.assay.noise import CensoredValues
from gvlab.assay.observable import evaluate
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.files import atomic_file
from gvlab.library.assay_record import AssayRecord

COLUMNS = (
    "subject",
    "arm",
    "time",
    "assay",
    "analyte",
    "value",
    "unit",
    "below_lloq",
    "above_uloq",
    "raw_file",
)
"""Columns of readings: time in days; a value beyond a limit is the limit, and flagged."""

MARK = "simulated by GVLab"
"""Stands in every file that holds simulated readings."""


@dataclass(frozen=True)
class Samples:
    """Subjects at times, with the true values of what an assay needs.

    Attributes
    ----------
    values
        By output of the model: subject x time. NaN where there is nothing to sample (a dead subject).
    subjects, arms
        Label and arm of each subject.
    times
        Days.
    units
        By output; the unit the formula of the assay expects is the model's own. Kept for the record.
    """

    values: Mapping[str, Float[Array, "_subject _time"]]
    subjects: Sequence[str]
    arms: Sequence[str]
    times: Float[Array, "_time"]
    units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (len(self.subjects), len(self.times))
        if len(self.arms) != shape[0]:
            raise InvalidValueError(f"There are {shape[0]} subjects and {len(self.arms)} arms. Give one arm a subject.")
        for name, value in self.values.items():
            if np.shape(value) != shape:
                raise InvalidValueError(
                    f'The values of "{name}" have the shape {np.shape(value)}; {shape[0]} subjects at {shape[1]} times '
                    f"have the shape {shape}."
                )
        if np.any(np.isnan(self.times)):
            raise InvalidValueError("A sampling time is missing (NaN). Give every time in days.")

    def one_time_each(self, rng: np.random.Generator) -> Samples:
        """Keep one time for each subject, balanced within arms, as a destructive assay needs.

        In each arm the subjects are put in random order and dealt to the times in turn.
        """
        chosen = np.empty(len(self.subjects), dtype=np.intp)
        arms = np.asarray(self.arms)
        for arm in dict.fromkeys(self.arms):
            members = np.flatnonzero(arms == arm)
            chosen[rng.permutation(members)] = np.arange(len(members)) % len(self.times)
        keep = np.arange(len(self.times)) == chosen[:, None]
        values = {name: np.where(keep, value, np.nan) for name, value in self.values.items()}
        return Samples(values, self.subjects, self.arms, self.times, self.units)


@dataclass(frozen=True)
class AssayParameters:
    """An assay as a method sees it: the record, and its numbers by role."""

    record: AssayRecord
    numbers: Mapping[str, float]
    own: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By analyte, its own numbers in place of the assay's."""

    def number(self, role: str, analyte: str = "", default: float | None = None) -> float:
        """Return a number by its role.

        Raises
        ------
        UnknownNameError
            If the record names no parameter for it and there is no default.
        """
        own = self.own.get(analyte, {})
        found = own.get(role, self.numbers.get(role, default))
        if found is None:
            raise UnknownNameError("number", role, {**self.numbers, **own}, f"assays/{self.record.name}.yaml")
        return found

    def roles(self, analyte: str = "") -> dict[str, float]:
        """Return every number, an analyte's own in front."""
        return {**self.numbers, **self.own.get(analyte, {})}


@dataclass(frozen=True)
class SampleRows:
    """The samples of an assay in one row each: what a method gets.

    Attributes
    ----------
    parameters
        The assay.
    subject, arm, time, batch
        One a sample; `batch` counts from 0.
    outputs
        True values of outputs of the model, one a sample.
    """

    parameters: AssayParameters
    subject: tuple[str, ...]
    arm: tuple[str, ...]
    time: Float[Array, "sample"]
    batch: Int[Array, "sample"]
    outputs: Mapping[str, Float[Array, "sample"]]

    def __len__(self) -> int:
        return len(self.subject)

    def truth(self, formula: str, analyte: str = "") -> Float[Array, "sample"]:
        """Compute a formula over the samples."""
        value = evaluate(formula, {**self.parameters.roles(analyte), **self.outputs})
        return np.broadcast_to(value, (len(self),)).astype(np.float64)

    def label(self, row: int) -> str:
        """Name a sample: subject and day."""
        return f"{self.subject[row]} d{self.time[row]:g}"


@dataclass(frozen=True)
class RawFile:
    """A file as the instrument would write it.

    Attributes
    ----------
    name
        File name.
    write_to
        Writes the content to a path.
    """

    name: str
    write_to: Callable[[Path], None]


@dataclass(frozen=True)
class InstrumentReadings:
    """What a method gives: readings by analyte, and the raw files with the one that each sample is in (-1: none)."""

    readings: Mapping[str, CensoredValues]
    files: tuple[RawFile, ...] = ()
    file_of: Int[Array, "sample"] | None = None


@dataclass(frozen=True)
class Readings:
    """The readings of an assay as a long table (`COLUMNS`), and its raw files."""

    table: pd.DataFrame
    files: tuple[RawFile, ...] = ()

    def write(self, folder: Path | str) -> tuple[Path, ...]:
        """Write the raw files into a folder, each whole or not at all; every one says that it is simulated.

        Raises
        ------
        OutputError
            If a file cannot be written.
        """
        paths = []
        for file in self.files:
            path = Path(folder) / file.name
            with atomic_file(path) as temporary:
                file.write_to(temporary)
            paths.append(path)
        return tuple(paths)
