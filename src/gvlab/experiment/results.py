"""Results: what came of every arm, and what can be read from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gvlab import notebook, units
from gvlab.assay.endpoint import EventTimes, endpoint_arrays, event_times
from gvlab.assay.measurements import COLUMNS, Measurements
from gvlab.bibliography import Source
from gvlab.engine import Cancel, Progress
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment import sampling as virtual
from gvlab.experiment.carriers import defined
from gvlab.files import atomic_file, make_folder
from gvlab.lazy import LazyModule
from gvlab.notebook import shortened
from gvlab.simulation import Executor, Trajectories

if TYPE_CHECKING:
    import pandas as pd

    from gvlab.assay.assay import Assay
    from gvlab.assay.samples import Samples
    from gvlab.experiment.edge_flux import AxisFlux
    from gvlab.experiment.experiment import Experiment
    from gvlab.experiment.summary import Summary
    from gvlab.experiment.why import Why
    from gvlab.library import Library
else:
    pd = LazyModule("pandas")

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
    keys
        By arm: the hash of all that its trajectories depend on. `Experiment.run(reuse=...)` goes by it.
    """

    experiment: Experiment
    runs: Mapping[str, Trajectories]
    seed: int
    paired: bool
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        each = shortened(", ".join(f"{arm} (n = {len(run)})" for arm, run in self.runs.items()))
        how = "the same subjects in every arm" if self.paired else "different subjects in each arm"
        return f"Results({self.experiment.title!r}\n  seed {self.seed}, {how}\n  arms: {each})"

    def _repr_html_(self) -> str:
        about = f"{self.experiment.system.title}; seed {self.seed}"
        return notebook.card(self.experiment.title, about, self.summary().html())

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms."""
        return tuple(self.runs)

    def run(self, arm: str) -> Trajectories:
        """Return the trajectories of an arm.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        if arm not in self.runs:
            raise UnknownNameError("arm", arm, self.runs)
        return self.runs[arm]

    def events(self, endpoint: str) -> EventTimes:
        """Return the event times of an endpoint of the library."""
        return event_times(endpoint, self.runs, self.experiment.library)

    def event_arrays(self, endpoint: str) -> dict[str, tuple[FloatArray, npt.NDArray[np.int64]]]:
        """Return by arm the duration and event (1, 2 for a competing one, 0 censored) of those that were solved.

        The numbers of `events` without their table, which takes longer to make than a picture to draw.
        """
        record = self.experiment.library.read("endpoints", endpoint)
        found = {}
        for arm, run in self.runs.items():
            duration, event, _ = endpoint_arrays(record, run)
            counted = run.ok & np.isfinite(duration)
            found[arm] = duration[counted], event[counted]
        return found

    def reading(self, output: str, day: float, arm: str) -> FloatArray:
        """Read an output of the model on a day, shape (subject,).

        NaN for those who are dead or failed, and for a mean over cells (a phenotype) where there are none.

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
        return np.asarray(self.course(output, arm)[:, index[0]])

    def course(self, output: str, arm: str) -> FloatArray:
        """Return an output of the model over the days of a run, shape (subject, time); NaN as in `reading`."""
        return defined(output, self.run(arm), self.experiment.carriers)

    def measured(
        self,
        assay: str,
        *,
        at: str | Sequence[str],
        analyte: str | None = None,
        ideal: bool = False,
        humane: bool = False,
    ) -> Measurements:
        """Measure every living subject of every arm, as a laboratory would.

        Parameters
        ----------
        assay
            An assay of the library, read with its errors and limits; or an output of the model, which is the truth.
        at
            A day ("day 12") or several. A destructive assay reads each animal on one of them.
        analyte
            What the assay reads; the first of its analytes where None.
        ideal
            The expected reading of an assay, without error and limits.
        humane
            Leave out animals that had to be killed before, by their clinical score.

        Returns
        -------
        Readings; an empty tube has none. The same seed gives the same readings.

        Raises
        ------
        UnknownNameError
            If there is no such assay or analyte, or the run did not record what it needs.
        InvalidValueError
            If nothing was recorded on that day.
        """
        days = [units.day(each) for each in ([at] if isinstance(at, str) else at)]
        if assay not in self.experiment.library.names("assays"):
            return self._truth(assay, days)
        method = virtual.assay_of(self, assay)
        name = method.analytes[0] if analyte is None else analyte
        unit = method.unit(name)
        samples = virtual.samples(self, method, days, humane=humane)
        if ideal:
            table = _expected(method, samples, name, unit)
        else:
            table = method.read(samples, virtual.stream(self, assay, days), raw=False).table
            table = table[table["analyte"] == name]
        # A tube without a single cell of the gate has no percentage; it is no reading.
        table = table[np.isfinite(table["value"].to_numpy(dtype=np.float64))]
        table = table.assign(subject=[virtual.number_of(subject) for subject in table["subject"]])
        title = next(each.title for each in method.parameters.record.analytes if each.name == name)
        limit = virtual.lower_limit(method)
        # Arms stand in the order of the experiment, whatever the plates' order was.
        order = table["arm"].map({arm: place for place, arm in enumerate(self.arms)})
        table = table.assign(order=order).sort_values(["order", "time"], kind="stable")
        return Measurements(assay, title, unit, table[list(COLUMNS)].reset_index(drop=True), self.seed, limit)

    def _truth(self, output: str, days: Sequence[float]) -> Measurements:
        """Return an output of the model as readings without error."""
        model, assays = self.experiment.model, self.experiment.library.names("assays")
        if output not in model.symbols:
            raise UnknownNameError("assay or output of the model", output, (*assays, *model.symbols))
        tables = []
        for arm, run in self.runs.items():
            for day in days:
                values = self.reading(output, day, arm)
                alive = np.isfinite(values)
                row = {"arm": arm, "time": day, "assay": output, "analyte": output, "value": values[alive]}
                tables.append(pd.DataFrame({"subject": run.numbers[alive], **row}))
        unit = model.unit(output)
        table = pd.concat(tables, ignore_index=True).assign(unit=unit, below_lloq=False, above_uloq=False)
        return Measurements(output, model.title(output), unit, table[list(COLUMNS)], self.seed)

    def why(
        self,
        arm: str,
        versus: str,
        *,
        reading: str = "",
        day: str = "",
        under: Sequence[str] = (),
        sets: int = 0,
        ensemble: str = "",
        executor: Executor | str | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Why:
        """Return which edges of the model carry the difference of two arms; see `gvlab.experiment.why.why`.

        Where the same subjects went through every arm, they are asked again; else new ones of the same seed.
        """
        from gvlab.experiment.why import SUBJECTS, why

        subjects = len(self.run(arm)) if self.paired else SUBJECTS
        return why(
            self.experiment, arm, versus, reading=reading, day=day, under=under, seed=self.seed, subjects=subjects,
            sets=sets, ensemble=ensemble, executor=executor, progress=progress, cancel=cancel,
        )  # fmt: skip

    def axis_flux(self, arm: str, versus: str, day: str, *, cancel: Cancel | None = None) -> AxisFlux:
        """Return how strongly each edge of the model acts on a day; see `gvlab.experiment.edge_flux.axis_flux`.

        Subjects are as in `why`.
        """
        from gvlab.experiment.edge_flux import SUBJECTS, axis_flux

        subjects = len(self.run(arm)) if self.paired else SUBJECTS
        return axis_flux(self.experiment, arm, versus, units.day(day), seed=self.seed, subjects=subjects, cancel=cancel)

    def summary(self) -> Summary:
        """Return what came of every arm, and of each compared with the first, as tables."""
        from gvlab.experiment.summary import summarize

        return summarize(self)

    def write(self, folder: Path | str) -> None:
        """Write into a folder: tables as Parquet, the experiment as YAML, what made it as JSON.

        Raises
        ------
        OutputError
            If a file cannot be written; files that are there are whole, and run.json comes last.
        """
        make_folder(folder)
        for name, write in self.files().items():
            with atomic_file(Path(folder) / name) as temporary:
                write(temporary)

    def files(self) -> dict[str, Callable[[Path], None]]:
        """Return what writes each of its files, by name; see `gvlab.experiment.stored`."""
        from gvlab.experiment.stored import files_of

        return files_of(self)

    @classmethod
    def read(cls, folder: Path | str, library: Library | None = None) -> Results:
        """Return what `write` wrote.

        Parameters
        ----------
        folder
            Where it was written.
        library
            Where the names in the experiment are looked up; the default one where None.

        Raises
        ------
        LibraryError
            If a file is missing, is not one of ours, or has another schema version.

        Warns
        -----
        GVLabWarning
            If the library has another model, or other parameters, than the results were made with.
        """
        from gvlab.experiment.stored import read_results

        return read_results(folder, library)

    def sources(self) -> tuple[Source, ...]:
        """Return the bibliography entries of the numbers used."""
        return self.experiment.sources()


def _expected(assay: Assay, samples: Samples, analyte: str, unit: str) -> pd.DataFrame:
    """Return the expected readings of an assay, by its error model."""
    moments = assay.moments(samples)
    if analyte not in moments:
        raise InvalidValueError(
            f'The expected "{analyte}" of "{assay.name}" has no closed form. Leave `ideal` out, or ask for one of '
            f"{', '.join(moments)}."
        )
    sampled = assay.sample(samples)
    about = {"assay": assay.name, "analyte": analyte, "value": moments[analyte][0], "unit": unit}
    return pd.DataFrame(
        {
            "subject": list(sampled.subject),
            "arm": list(sampled.arm),
            "time": sampled.time,
            **about,
            "below_lloq": False,
            "above_uloq": False,
        }
    )
