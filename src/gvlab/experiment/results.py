"""Results: what came of every arm, and what can be read from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from gvlab import library, units
from gvlab.assay.endpoint import EventTimes, event_times
from gvlab.assay.measurements import COLUMNS, Measurements
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.model.model import Model
from gvlab.provenance import Source, atomic_file, make_folder, write_text
from gvlab.simulation import Trajectories

if TYPE_CHECKING:
    from gvlab.experiment.experiment import Experiment

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Results:
    """What came of an experiment.

    Attributes
    ----------
    experiment
        What was done.
    runs
        Trajectories by arm.
    seed
        Of the subjects.
    paired
        Whether the same subjects went through every arm.
    """

    experiment: Experiment
    runs: Mapping[str, Trajectories]
    seed: int
    paired: bool

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms."""
        return tuple(self.runs)

    def run(self, arm: str) -> Trajectories:
        """Give the trajectories of an arm.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        if arm not in self.runs:
            raise UnknownNameError("arm", arm, self.runs)
        return self.runs[arm]

    def events(self, endpoint: str) -> EventTimes:
        """Give the event times of an endpoint of the library."""
        return event_times(endpoint, self.runs)

    def reading(self, output: str, day: float, arm: str) -> FloatArray:
        """Read an output of the model on a day, shape (subject,); NaN for those who are dead or failed.

        Raises
        ------
        UnknownNameError
            If the output was not recorded.
        InvalidValueError
            If nothing was recorded on that day.
        """
        run = self.run(arm)
        index = np.flatnonzero(np.isclose(run.times, day, rtol=0, atol=1e-9))
        if not len(index):
            raise InvalidValueError(
                f"Nothing was read on day {day:g}; the run goes from day {run.times[0]:g} to {run.times[-1]:g}. "
                f"Ask for it: run(..., days=[{day:g}])."
            )
        values: FloatArray = run.values(output)[:, index[0]]
        return np.where(run.ok, values, np.nan)

    def measured(self, assay: str, *, at: str) -> Measurements:
        """Give ideal readings of an assay on a day ("day 12"): the truth, without the error of the instrument."""
        day = units.day(at)
        model = Model.default()
        output, title = assay, ""
        if assay not in model.symbols:
            output, title = _ideal(assay, model)
        unit = model.unit(output)
        tables = []
        for arm, run in self.runs.items():
            values = self.reading(output, day, arm)
            alive = np.isfinite(values)
            row = {"arm": arm, "time": day, "assay": assay, "value": values[alive], "unit": unit}
            tables.append(pd.DataFrame({"subject": run.numbers[alive], **row}))
        table = pd.concat(tables, ignore_index=True)[list(COLUMNS)]
        return Measurements(assay, title or model.title(output), unit, table, self.seed)

    def write(self, folder: Path) -> None:
        """Write as Parquet: trajectories of every arm in one table, event times, and the subjects.

        Raises
        ------
        OutputError
            If a file cannot be written; files that are there are whole.
        """
        make_folder(folder)
        units_of = {name: self.runs[self.arms[0]].unit(name) for name in self.experiment.outputs()}
        frames = [run.frame().assign(arm=arm) for arm, run in self.runs.items()]
        _write(folder / "trajectories.parquet", pd.concat(frames, ignore_index=True), units_of)
        subjects = [
            pd.DataFrame({"arm": arm, "subject": run.numbers, "status": run.status, "end_time": run.end_times})
            for arm, run in self.runs.items()
        ]
        _write(folder / "subjects.parquet", pd.concat(subjects, ignore_index=True), {"end_time": "day"})
        events = [self.events(endpoint).table.assign(endpoint=endpoint) for endpoint in library.names("endpoints")]
        _write(folder / "events.parquet", pd.concat(events, ignore_index=True), {"duration": "day", "entry": "day"})
        manifests = {arm: run.manifest.to_dict() for arm, run in self.runs.items()}
        write_text(folder / "manifest.json", json.dumps(manifests, indent=2, ensure_ascii=False))

    def sources(self) -> tuple[Source, ...]:
        """Give the bibliography entries of the numbers used."""
        return self.experiment.sources()


def _ideal(assay: str, model: Model) -> tuple[str, str]:
    """Give the output that is the true value of what an assay reads, and its title."""
    if assay not in library.names("assays"):
        raise UnknownNameError("assay or output of the model", assay, (*library.names("assays"), *model.symbols))
    record = library.read("assays", assay)
    for analyte in record.analytes:
        if analyte.formula in model.symbols:
            return analyte.formula, f"{record.title}: {analyte.title}"
    raise InvalidValueError(f'"{assay}" derives its readings from raw data; ask for an output of the model instead.')


def _write(path: Path, table: pd.DataFrame, units_of: Mapping[str, str]) -> None:
    """Write a table as Parquet that says in its metadata what its units are and that it is simulated."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = pa.Table.from_pandas(table, preserve_index=False)
    about = {"units": json.dumps(dict(units_of)), "origin": "simulated by GVLab"}
    with atomic_file(path) as temporary:
        pq.write_table(content.replace_schema_metadata({**(content.schema.metadata or {}), **about}), temporary)
