"""Results: what came of every arm, and what can be read from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from gvlab import library, units
from gvlab.assay.endpoint import EventTimes, event_times
from gvlab.assay.measurements import COLUMNS, Measurements
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.model.model import Model
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
            record = library.read("assays", assay)
            output, title = record.ideal_output, record.title
        unit = model.unit(output)
        tables = []
        for arm, run in self.runs.items():
            values = self.reading(output, day, arm)
            alive = np.isfinite(values)
            row = {"arm": arm, "time": day, "assay": assay, "value": values[alive], "unit": unit}
            tables.append(pd.DataFrame({"subject": run.numbers[alive], **row}))
        table = pd.concat(tables, ignore_index=True)[list(COLUMNS)]
        return Measurements(assay, title or model.title(output), unit, table, self.seed)

    def sources(self) -> tuple[object, ...]:
        """Give the bibliography entries of the numbers used."""
        return self.experiment.sources()
