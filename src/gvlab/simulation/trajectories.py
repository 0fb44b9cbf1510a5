"""Trajectories: what every subject went through, with units, statuses, events and a manifest."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gvlab import notebook
from gvlab.arrays import Array, Bool, Float, Int
from gvlab.engine import EVENT_LOG, Solution, Status
from gvlab.errors import InvalidValueError, LibraryError, UnknownNameError
from gvlab.files import atomic_file
from gvlab.model.model import Model
from gvlab.notebook import shortened
from gvlab.provenance import Manifest

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_SAME_DAY = 1e-9


@dataclass(frozen=True, eq=False)
class Trajectories:
    """What subjects went through over time.

    Attributes
    ----------
    numbers
        Which subject of the population each row is.
    times
        Days of the readings.
    readings
        By output. NaN after a subject's death, and where its solve failed.
    finals
        By state and changeable parameter: its value at the end of each subject.
    status
        Values of `gvlab.engine.Status`.
    end_times
        Until when each subject was followed.
    about
        By output, state and parameter: its "unit" and its "title".
    event_ids, events
        Names of the model's events, and the log of their firings: fields `subject` (row), `event`, `time`.
    manifest
        What made it.
    """

    numbers: Int[Array, "subject"]
    times: Float[Array, "time"]
    readings: Mapping[str, Float[Array, "subject time"]]
    finals: Mapping[str, Float[Array, "subject"]]
    status: Int[Array, "subject"]
    end_times: Float[Array, "subject"]
    about: Mapping[str, Mapping[str, str]]
    event_ids: tuple[str, ...]
    events: npt.NDArray[np.void]
    manifest: Manifest

    @classmethod
    def of(
        cls,
        solution: Solution,
        model: Model,
        numbers: Int[Array, "subject"],
        *,
        manifest: Manifest,
        skip: int = 0,
    ) -> Trajectories:
        """Return trajectories of what an engine found.

        Parameters
        ----------
        solution
            Of the engine.
        model
            For units and titles.
        numbers
            Which subject of the population each row is.
        manifest
            What made it.
        skip
            Readings at the start that nobody asked for.
        """
        times, values = solution.times[skip:], solution.values[:, skip:]
        # Engines leave what comes after death missing; what a failed solve has left behind is made so. Outputs are
        # views of one array: a copy of each took a sixth of the time of 10,000 patients, and as much memory again.
        failed = np.flatnonzero(~_well(solution.status))
        if len(failed):
            values = values.copy()
            later = times[None, :] > solution.end_times[failed, None] + _SAME_DAY
            values[failed] = np.where(later[..., None], np.nan, values[failed])
        return cls(
            numbers,
            times,
            {name: values[..., column] for column, name in enumerate(solution.outputs)},
            {name: solution.final[:, column] for column, name in enumerate(solution.final_names)},
            solution.status,
            solution.end_times,
            {
                name: {"unit": model.unit(name), "title": model.title(name)}
                for name in (*solution.outputs, *solution.final_names)
            },
            solution.event_ids,
            solution.events,
            manifest,
        )

    def __len__(self) -> int:
        return len(self.numbers)

    def __repr__(self) -> str:
        names = shortened(", ".join(self.outputs)) or "nothing was read"
        return f"Trajectories({len(self):,} subjects, day {self.times[0]:g} to {self.times[-1]:g}: {names})"

    def _repr_html_(self) -> str:
        def middle(column: Float[Array, "subject"]) -> float | None:
            known = column[np.isfinite(column)]
            return float(np.median(known)) if len(known) else None

        ends = {status: int(np.sum(self.status == status)) for status in Status}
        rows = [
            (self.about[name]["title"], name, middle(values[:, 0]), middle(values[:, -1]), self.about[name]["unit"])
            for name, values in self.readings.items()
        ]
        first, last = f"median on day {self.times[0]:g}", f"on day {self.times[-1]:g}"
        return notebook.card(
            f"Trajectories of {len(self):,} subjects, day {self.times[0]:g} to {self.times[-1]:g}",
            "; ".join(f"{count:,} {status.remedy.partition(';')[0]}" for status, count in ends.items() if count),
            notebook.table(("output", "name", first, last, "unit"), rows),
        )

    @functools.cached_property
    def data(self) -> xr.Dataset:
        """The readings with named axes: dimensions subject and time, one variable an output, with `unit` and `title`.

        Coordinates: `subject` (the number in the population), `time` (days), and per subject `status` and `end_time`.
        """
        import xarray as xr

        coords = {
            "subject": ("subject", self.numbers),
            "time": ("time", self.times, {"unit": "day"}),
            "status": ("subject", self.status),
            "end_time": ("subject", self.end_times, {"unit": "day"}),
        }
        variables = {
            name: (("subject", "time"), values, dict(self.about[name])) for name, values in self.readings.items()
        }
        return xr.Dataset(variables, coords=coords)

    @functools.cached_property
    def ends(self) -> xr.Dataset:
        """Every state and changeable parameter at the end of each subject; one dimension, subject."""
        import xarray as xr

        variables = {name: ("subject", values, dict(self.about[name])) for name, values in self.finals.items()}
        return xr.Dataset(variables, coords={"subject": ("subject", self.numbers)})

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what was read."""
        return tuple(self.readings)

    @functools.cached_property
    def ok(self) -> Bool[Array, "subject"]:
        """Whether each subject was followed to the last day, or to its death."""
        return _well(self.status)

    def values(self, output: str) -> Float[Array, "subject time"]:
        """Return an output.

        Raises
        ------
        UnknownNameError
            If it was not read.
        """
        if output not in self.readings:
            raise UnknownNameError("output of this run", output, self.outputs)
        return self.readings[output]

    def unit(self, output: str) -> str:
        """Return the unit of an output; errors as `values`."""
        self.values(output)
        return self.about[output]["unit"]

    def at(self, output: str, day: float) -> Float[Array, "subject"]:
        """Return an output on a day that was read.

        Raises
        ------
        UnknownNameError
            If it was not read at all.
        InvalidValueError
            If nothing was read on that day.
        """
        index = np.flatnonzero(np.abs(self.times - day) <= _SAME_DAY)
        if not len(index):
            near = self.times[np.argmin(np.abs(self.times - day))]
            raise InvalidValueError(f"Nothing was read on day {day:g}; the nearest reading is on day {near:g}.")
        return self.values(output)[:, index[0]]

    def final(self, name: str) -> Float[Array, "subject"]:
        """Return a state or changeable parameter at the end of each subject.

        Raises
        ------
        UnknownNameError
            If the model has no such state or parameter.
        """
        if name not in self.finals:
            raise UnknownNameError("state or changeable parameter", name, self.finals)
        return self.finals[name]

    def first(self, event: str) -> Float[Array, "subject"]:
        """Return the day on which an event first happened to each subject, infinite where it did not.

        Raises
        ------
        UnknownNameError
            If the model has no such event.
        """
        if event not in self.event_ids:
            raise UnknownNameError("event of the model", event, self.event_ids)
        rows = self.events[self.events["event"] == self.event_ids.index(event)]
        found = np.full(len(self), np.inf)
        np.minimum.at(found, rows["subject"], rows["time"])
        return found

    def select(self, rows: Sequence[int] | slice | npt.NDArray[Any]) -> Trajectories:
        """Return some of the subjects, by row (positions, a slice, or a mask)."""
        kept = np.arange(len(self))[rows if isinstance(rows, slice) else np.asarray(rows)]
        place = np.full(len(self), -1)
        place[kept] = np.arange(len(kept))
        events = self.events[place[self.events["subject"]] >= 0].copy()
        events["subject"] = place[events["subject"]]
        return Trajectories(
            self.numbers[kept],
            self.times,
            {name: values[kept] for name, values in self.readings.items()},
            {name: values[kept] for name, values in self.finals.items()},
            self.status[kept],
            self.end_times[kept],
            self.about,
            self.event_ids,
            np.sort(events, order=["subject", "time"], kind="stable"),
            self.manifest,
        )

    def frame(self) -> pd.DataFrame:
        """Return a long table: subject, time, and a column for each output. The dead have no rows."""
        table = self._wide()
        return table[table[list(self.outputs)].notna().any(axis=1)].reset_index(drop=True)

    def _wide(self) -> pd.DataFrame:
        import pandas as pd

        columns = {name: values.ravel() for name, values in self.readings.items()}
        subject, time = np.repeat(self.numbers, len(self.times)), np.tile(self.times, len(self))
        return pd.DataFrame({"subject": subject, "time": time, **columns})

    def to_parquet(self, folder: Path | str) -> None:
        """Write into a folder: trajectories, subjects and events as Parquet with units, and the manifest as JSON.

        Raises
        ------
        OutputError
            If a file cannot be written.
        """
        import pandas as pd

        folder = Path(folder)
        subjects = pd.DataFrame(
            {"subject": self.numbers, "status": self.status, "end_time": self.end_times, **self.finals}
        )
        log = pd.DataFrame({name: self.events[name] for name in EVENT_LOG.names or ()})
        about = {name: dict(self.about[name]) for name in self.readings}
        about_ends = {name: dict(self.about[name]) for name in self.finals}
        _write(folder / "trajectories.parquet", self._wide(), {"variables": about})
        _write(folder / "subjects.parquet", subjects, {"variables": about_ends})
        _write(folder / "events.parquet", log, {"event_ids": list(self.event_ids)})
        with atomic_file(folder / "manifest.json") as temporary:
            temporary.write_text(self.manifest.to_json(), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path | str) -> Trajectories:
        """Read what `to_parquet` wrote.

        Raises
        ------
        LibraryError
            If a file is missing or is not one of ours.
        """
        folder = Path(folder)
        wide, about = _read(folder / "trajectories.parquet")
        subjects, about_ends = _read(folder / "subjects.parquet")
        log, about_events = _read(folder / "events.parquet")
        try:
            manifest = Manifest.from_json((folder / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError) as error:
            raise LibraryError(f'"{folder / "manifest.json"}" is not a manifest written by gvlab: {error}.') from error
        n = len(subjects)
        # Rows stand subject by subject, so two subjects with the same number stay two.
        times = wide["time"].to_numpy()[: len(wide) // n]
        events = np.zeros(len(log), dtype=EVENT_LOG)
        for name in EVENT_LOG.names or ():
            events[name] = log[name].to_numpy()
        return cls(
            subjects["subject"].to_numpy(),
            times,
            {name: wide[name].to_numpy().reshape(n, -1) for name in about["variables"]},
            {name: subjects[name].to_numpy() for name in about_ends["variables"]},
            subjects["status"].to_numpy(),
            subjects["end_time"].to_numpy(),
            {**about_ends["variables"], **about["variables"]},
            tuple(about_events["event_ids"]),
            events,
            manifest,
        )


def _write(path: Path, table: pd.DataFrame, about: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = pa.Table.from_pandas(table, preserve_index=False)
    content = content.replace_schema_metadata({"gvlab.trajectories": json.dumps(about)})
    with atomic_file(path) as temporary:
        pq.write_table(content, temporary)


def _read(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = pq.read_table(path)
        about: dict[str, Any] = json.loads(content.schema.metadata[b"gvlab.trajectories"])
    except (OSError, pa.ArrowInvalid, KeyError, TypeError) as error:
        raise LibraryError(f'"{path}" is not a run written by gvlab: {error}.') from error
    return content.to_pandas(), about


def _well(status: Int[Array, "subject"]) -> Bool[Array, "subject"]:
    """Return who was followed as far as was asked, or to death."""
    return np.isin(status, [each for each in Status if each.ok])
