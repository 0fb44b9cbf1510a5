"""Trajectories: what every subject went through, with units, statuses, events and a manifest."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from gvlab.engine import EVENT_LOG, Solution, Status
from gvlab.errors import InvalidValueError, LibraryError, UnknownNameError
from gvlab.model.model import Model
from gvlab.provenance import Manifest, atomic_file

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float64]

_SAME_DAY = 1e-9


@dataclass(frozen=True, eq=False)
class Trajectories:
    """States of subjects over time.

    Attributes
    ----------
    data
        Dimensions subject and time; one variable an output, with the attributes `unit` and `title`. Coordinates:
        `subject` (the number in the population), `time` (days), and per subject `status` and `end_time`.
        Missing after a subject's death, and where its solve failed.
    ends
        Dimension subject; one variable for every state and changeable parameter, at the end of each subject.
    event_ids, events
        Names of the model's events, and the log of their firings: fields `subject` (row), `event`, `time`.
    manifest
        What made it.
    """

    data: xr.Dataset
    ends: xr.Dataset
    event_ids: tuple[str, ...]
    events: npt.NDArray[np.void]
    manifest: Manifest

    @classmethod
    def of(
        cls,
        solution: Solution,
        model: Model,
        numbers: npt.NDArray[np.int64],
        *,
        manifest: Manifest,
        skip: int = 0,
    ) -> Trajectories:
        """Make trajectories of what an engine found.

        Parameters
        ----------
        solution
            Of the engine.
        model
            For units and titles.
        numbers
            Shape (subject,): which subject of the population each row is.
        manifest
            What made it.
        skip
            Readings at the start that nobody asked for.
        """
        times = solution.times[skip:]
        # Engines leave what comes after death missing; what a failed solve has left behind is made so.
        lived = times[None, :] <= solution.end_times[:, None] + _SAME_DAY
        coords = {
            "subject": ("subject", numbers),
            "time": ("time", times, {"unit": "day"}),
            "status": ("subject", solution.status),
            "end_time": ("subject", solution.end_times, {"unit": "day"}),
        }
        variables = {
            name: (("subject", "time"), np.where(lived, solution.values[:, skip:, column], np.nan), _about(model, name))
            for column, name in enumerate(solution.outputs)
        }
        finals = {
            name: ("subject", solution.final[:, column], _about(model, name))
            for column, name in enumerate(solution.final_names)
        }
        return cls(
            xr.Dataset(variables, coords=coords),
            xr.Dataset(finals, coords={"subject": ("subject", numbers)}),
            solution.event_ids,
            solution.events,
            manifest,
        )

    def __len__(self) -> int:
        return int(self.data.sizes["subject"])

    def __repr__(self) -> str:
        names = ", ".join(self.outputs)
        return f"Trajectories({len(self)} subjects, day {self.times[0]:g} to {self.times[-1]:g}: {names})"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what was read."""
        return tuple(str(name) for name in self.data.data_vars)

    @property
    def times(self) -> FloatArray:
        """Shape (time,), days."""
        return np.asarray(self.data["time"].values, dtype=np.float64)

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """Shape (subject,): which subject of the population each row is."""
        return np.asarray(self.data["subject"].values, dtype=np.int64)

    @property
    def status(self) -> npt.NDArray[np.int8]:
        """Shape (subject,): values of `gvlab.engine.Status`."""
        return np.asarray(self.data["status"].values, dtype=np.int8)

    @property
    def end_times(self) -> FloatArray:
        """Shape (subject,): until when each was followed."""
        return np.asarray(self.data["end_time"].values, dtype=np.float64)

    @functools.cached_property
    def ok(self) -> npt.NDArray[np.bool_]:
        """Shape (subject,): whether each was followed to the last day, or to its death."""
        return np.array([Status(int(code)).ok for code in self.status], dtype=bool)

    def values(self, output: str) -> FloatArray:
        """Give an output, shape (subject, time).

        Raises
        ------
        UnknownNameError
            If it was not read.
        """
        if output not in self.data.data_vars:
            raise UnknownNameError("output of this run", output, self.outputs)
        return np.asarray(self.data[output].values, dtype=np.float64)

    def unit(self, output: str) -> str:
        """Give the unit of an output."""
        self.values(output)
        return str(self.data[output].attrs["unit"])

    def at(self, output: str, day: float) -> FloatArray:
        """Give an output on a day that was read, shape (subject,).

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

    def final(self, name: str) -> FloatArray:
        """Give a state or changeable parameter at the end of each subject, shape (subject,).

        Raises
        ------
        UnknownNameError
            If the model has no such state or parameter.
        """
        if name not in self.ends.data_vars:
            raise UnknownNameError("state or changeable parameter", name, [str(known) for known in self.ends.data_vars])
        return np.asarray(self.ends[name].values, dtype=np.float64)

    def first(self, event: str) -> FloatArray:
        """Give the day on which an event first happened to each subject, infinite where it did not, shape (subject,).

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
        """Give some of the subjects, by row (positions, a slice, or a mask)."""
        kept = np.arange(len(self))[rows if isinstance(rows, slice) else np.asarray(rows)]
        place = np.full(len(self), -1)
        place[kept] = np.arange(len(kept))
        events = self.events[place[self.events["subject"]] >= 0].copy()
        events["subject"] = place[events["subject"]]
        return Trajectories(
            self.data.isel(subject=kept),
            self.ends.isel(subject=kept),
            self.event_ids,
            np.sort(events, order=["subject", "time"], kind="stable"),
            self.manifest,
        )

    def frame(self) -> pd.DataFrame:
        """Give a long table: subject, time, and a column for each output. The dead have no rows."""
        table = self.data[list(self.outputs)].reset_coords(["status", "end_time"], drop=True).to_dataframe()
        return table.dropna(how="all").reset_index()

    def to_parquet(self, folder: Path | str) -> None:
        """Write into a folder: trajectories, subjects and events as Parquet with units, and the manifest as JSON.

        Raises
        ------
        OutputError
            If a file cannot be written.
        """
        import pandas as pd

        folder = Path(folder)
        table = self.data[list(self.outputs)].reset_coords(["status", "end_time"], drop=True)
        wide = table.to_dataframe(dim_order=["subject", "time"]).reset_index()
        subjects = pd.DataFrame({"subject": self.numbers, "status": self.status, "end_time": self.end_times})
        finals = pd.DataFrame({str(name): values.values for name, values in self.ends.data_vars.items()})
        log = pd.DataFrame({name: self.events[name] for name in EVENT_LOG.names or ()})
        about = {str(name): dict(values.attrs) for name, values in self.data.data_vars.items()}
        about_ends = {str(name): dict(values.attrs) for name, values in self.ends.data_vars.items()}
        _write(folder / "trajectories.parquet", wide, {"variables": about})
        _write(folder / "subjects.parquet", pd.concat([subjects, finals], axis=1), {"variables": about_ends})
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
        numbers = subjects["subject"].to_numpy()
        # Rows stand subject by subject, so two subjects with the same number stay two.
        times = wide["time"].to_numpy()[: len(wide) // n]
        coords = {
            "subject": ("subject", numbers),
            "time": ("time", times, {"unit": "day"}),
            "status": ("subject", subjects["status"].to_numpy()),
            "end_time": ("subject", subjects["end_time"].to_numpy(), {"unit": "day"}),
        }
        variables = {
            name: (("subject", "time"), wide[name].to_numpy().reshape(n, -1), attributes)
            for name, attributes in about["variables"].items()
        }
        finals = {
            name: ("subject", subjects[name].to_numpy(), attributes)
            for name, attributes in about_ends["variables"].items()
        }
        events = np.zeros(len(log), dtype=EVENT_LOG)
        for name in EVENT_LOG.names or ():
            events[name] = log[name].to_numpy()
        return cls(
            xr.Dataset(variables, coords=coords),
            xr.Dataset(finals, coords={"subject": ("subject", numbers)}),
            tuple(about_events["event_ids"]),
            events,
            manifest,
        )


def _about(model: Model, name: str) -> dict[str, str]:
    return {"unit": model.unit(name), "title": model.title(name)}


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
