"""The files that the instruments of a run would have written: FCS with its gates, plates, cycles, bands, workbooks.

Each holds a few animals of every arm, says that it is simulated, and is read again by `gvlab.assay.analyze`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gvlab import units
from gvlab.assay.export import write_readings
from gvlab.experiment import Experiment, Results, sampling
from gvlab.library.records import ExperimentRecord

READINGS_FILE = "readings.csv"


@dataclass(frozen=True)
class AssayFiles:
    """What one assay of one experiment in one system writes.

    Attributes
    ----------
    assay, title
        Its name and what a reader calls it.
    days
        On which it was read.
    read, unread
        Labels of the animals that were read, and of those that could not be: dead, or with too little in the sample.
    files
        What writes each file, by name; readings as a table are among them.
    """

    assay: str
    title: str
    days: tuple[float, ...]
    read: tuple[str, ...]
    unread: tuple[str, ...]
    files: dict[str, Callable[[Path], None]]

    def in_words(self) -> str:
        """Return on which days animals were read, and which were not."""
        if not self.read:
            return f"{self.title}: no animal could be read."
        days = ", ".join(f"{day:g}" for day in self.days)
        lacking = f", not {', '.join(self.unread)} (dead, or too little in the sample)" if self.unread else ""
        return f"{self.title}: day {days}; {len(self.read)} animals{lacking}."


def sampled_animals(results: Results, animals: int) -> Results:
    """Return the animals whose files are written: the first of each arm, other ones in each as far as there are."""
    return sampling.draw(results, animals)


def labels(drawn: Results) -> dict[str, tuple[str, ...]]:
    """Return the labels of animals by arm: a letter for the arm, and the number of the virtual subject."""
    return {
        arm: tuple(sampling.label(place, number) for number in run.numbers)
        for place, (arm, run) in enumerate(drawn.runs.items())
    }


def instrument_files(drawn: Results, days: Sequence[float]) -> Iterator[AssayFiles]:
    """Yield the files of each assay of an experiment, assay by assay.

    Parameters
    ----------
    drawn
        Of the animals that are read.
    days
        Days of sampling where the record of the experiment names none for an assay; all of them were recorded. A
        destructive assay reads each animal on one of them.
    """
    experiment = drawn.experiment
    library = experiment.library
    every = [label for animals in labels(drawn).values() for label in animals]
    notes = (
        f"{experiment.title}; {experiment.system.title}",
        f"model {experiment.model.sha256[:12]}, seed {drawn.seed}",
    )
    for name in experiment.assays:
        if name not in library.names("assays"):
            continue
        readings = sampling.read(drawn, name, _named_days(experiment, name) or days, raw=True)
        files = {file.name: file.write_to for file in readings.files}
        files[READINGS_FILE] = partial(write_readings, table=readings.table, notes=notes)
        found = set(readings.table["subject"])
        yield AssayFiles(
            name,
            library.read("assays", name).title,
            tuple(float(day) for day in np.unique(readings.table["time"].to_numpy(dtype=np.float64))),
            tuple(label for label in every if label in found),
            tuple(label for label in every if label not in found),
            files if found else {},
        )


def _named_days(experiment: Experiment, assay: str) -> list[float]:
    """Return the days on which the record of an experiment has an assay read; none where it does not say."""
    if experiment.name not in experiment.library.names("experiments"):
        return []
    record: ExperimentRecord = experiment.library.read("experiments", experiment.name)
    named = [readout.at for readout in record.readouts if not isinstance(readout, str) and readout.name == assay]
    return [units.day(day) for days in named for day in days]
