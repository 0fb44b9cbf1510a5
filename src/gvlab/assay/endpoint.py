"""Endpoints and event times: who died, of what, when; who was cured; who left follow-up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from gvlab import notebook
from gvlab.arrays import Array, Bool, Float, FloatArray, Int
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.lazy import LazyModule
from gvlab.library import Library
from gvlab.library.records import EndpointRecord
from gvlab.statistics import (
    CumulativeIncidence,
    Estimate,
    HazardRatio,
    HypothesisTest,
    SurvivalCurve,
    cumulative_incidence,
    hazard_ratio,
    kaplan_meier,
    logrank,
    restricted_mean_difference,
)

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")

COLUMNS = ("subject", "arm", "duration", "event_observed", "entry", "cause")


@runtime_checkable
class Followed(Protocol):
    """What an endpoint needs to know of subjects that were followed."""

    @property
    def event_ids(self) -> Sequence[str]:
        """Names of the model's events."""

    @property
    def events(self) -> npt.NDArray[np.void]:
        """Log of the firings: subject, event, time."""

    @property
    def end_times(self) -> Float[Array, "subject"]:
        """Shape (subject,): until when each was followed."""

    @property
    def ok(self) -> Bool[Array, "subject"]:
        """Shape (subject,): whether the solve went as far as it should."""

    def final(self, name: str) -> Float[Array, "subject"]:
        """Return a state or parameter at the end of follow-up, shape (subject,)."""


def endpoint_times(
    endpoint: EndpointRecord | str, followed: Followed, arm: str, library: Library | None = None
) -> pd.DataFrame:
    """Return one row a subject: when it reached the endpoint, or until when it was seen without.

    Time counts from day 0, or from the event that is the endpoint's origin. Who died before day 0, or never had the
    origin, is left out: a patient who dies in the run-in is no patient of the study. Subjects whose solve failed are
    left out too; how many they are is said where they are simulated.

    Parameters
    ----------
    endpoint
        A record, or its name.
    followed
        The subjects.
    arm
        Goes into the column `arm`.
    library
        Where an endpoint is read that is given by name; the default one where None.

    Returns
    -------
    Columns `COLUMNS`. `cause` is the event of the model, "" for a censored subject; `event_observed` is 1 where the
    endpoint was reached, 2 where a competing event came first, and 0 where the subject was censored.
    """
    record = _record(endpoint, library) if isinstance(endpoint, str) else endpoint
    duration, event, cause = endpoint_arrays(record, followed)
    columns = {"subject": np.arange(len(duration)), "arm": arm, "duration": duration, "event_observed": event}
    table = pd.DataFrame({**columns, "entry": 0.0, "cause": cause})
    return table.loc[followed.ok & np.isfinite(duration)].reset_index(drop=True)


def endpoint_arrays(
    record: EndpointRecord, followed: Followed
) -> tuple[Float[Array, "subject"], Int[Array, "subject"], npt.NDArray[np.object_]]:
    """Return duration, event (1, 2 for a competing one, 0 censored) and cause of every subject, solved or not.

    The duration is NaN for a subject that is not counted: see `endpoint_times`.
    """
    reached = _times(followed, record.events, last=bool(record.only_if_zero))
    if record.only_if_zero:
        absent = np.all([followed.final(name) == 0 for name in record.only_if_zero], axis=0)
        reached = _masked(reached, absent)
    competing = _times(followed, record.competing)
    time_reached, cause_reached = reached
    time_competing, cause_competing = competing
    first = time_reached <= time_competing
    time = np.minimum(time_reached, time_competing)
    seen = np.isfinite(time)
    start = np.zeros(len(time)) if record.origin is None else _times(followed, (record.origin,))[0]
    end = np.where(seen, time, followed.end_times)
    counted = np.isfinite(start) & (end >= start)
    return (
        np.where(counted, end - np.where(counted, start, 0.0), np.nan),
        np.where(seen, np.where(first, 1, 2), 0).astype(np.int64),
        np.where(seen, np.where(first, cause_reached, cause_competing), ""),
    )


def _record(endpoint: str, library: Library | None) -> EndpointRecord:
    library = Library.default() if library is None else library
    record: EndpointRecord = library.read("endpoints", endpoint)
    return record


def _times(followed: Followed, names: Iterable[str], last: bool = False) -> tuple[FloatArray, npt.NDArray[np.object_]]:
    """Return the first (or last) time of any of these events, infinite where none came, and which it was."""
    n = len(followed.end_times)
    time, cause = np.full(n, -np.inf if last else np.inf), np.full(n, "", dtype=object)
    ids = list(followed.event_ids)
    for name in names:
        if name not in ids:
            raise UnknownNameError("event of the model", name, ids)
        rows = followed.events[followed.events["event"] == ids.index(name)]
        for subject, when in zip(rows["subject"], rows["time"], strict=True):
            if when > time[subject] if last else when < time[subject]:
                time[subject], cause[subject] = when, name
    return np.where(np.isinf(time), np.inf, time), cause


def _masked(
    times: tuple[FloatArray, npt.NDArray[np.object_]], keep: npt.NDArray[np.bool_]
) -> tuple[FloatArray, npt.NDArray[np.object_]]:
    return np.where(keep, times[0], np.inf), np.where(keep, times[1], "")


@dataclass(frozen=True)
class EventTimes:
    """Event times of the arms of a study, for one endpoint.

    Attributes
    ----------
    endpoint
        Name of the endpoint.
    title
        What a reader calls it.
    table
        Columns `COLUMNS`; `event_observed` 1 is the endpoint, 2 a competing event, 0 censored.
    counts
        "free" or "reached": which share is reported.
    code
        Its code in a clinical data set (PARAMCD).
    """

    endpoint: str
    title: str
    table: pd.DataFrame
    counts: str = "free"
    code: str = ""

    def __repr__(self) -> str:
        counts = self.table["event_observed"].value_counts()
        said = f"{counts.get(1, 0)} events, {counts.get(2, 0)} competing, {counts.get(0, 0)} censored"
        return f"EventTimes({self.endpoint!r}: {len(self.table):,} subjects in {len(self.arms)} arms; {said})"

    def _repr_html_(self) -> str:
        rows = []
        for arm in self.arms:
            event, duration = self.of(arm)["event_observed"], self.of(arm)["duration"]
            when = duration[event == 1]
            counts = [int((event == code).sum()) for code in (1, 2, 0)]
            rows.append((arm, len(event), *counts, float(when.median()) if len(when) else None))
        header = ("arm", "n", "events", "competing", "censored", "median day of those")
        return notebook.card(self.title, self.endpoint, notebook.table(header, rows))

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, in order."""
        return tuple(dict.fromkeys(self.table["arm"]))

    def of(self, arm: str) -> pd.DataFrame:
        """Return the rows of an arm.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        if arm not in self.arms:
            raise UnknownNameError("arm", arm, self.arms)
        return self.table[self.table["arm"] == arm]

    def curve(self, arm: str) -> SurvivalCurve:
        """Estimate the share free of the endpoint over time (Kaplan-Meier).

        Raises
        ------
        InvalidValueError
            If competing events were seen: one minus such a curve overestimates the incidence.
        """
        rows = self.of(arm)
        if (rows["event_observed"] == 2).any():
            raise InvalidValueError(f'"{self.title}" has competing events; use incidence("{arm}").')
        return kaplan_meier(rows["duration"], rows["event_observed"])

    def incidence(self, arm: str) -> CumulativeIncidence:
        """Estimate the cumulative incidence over time, death of other causes competing (Aalen-Johansen)."""
        rows = self.of(arm)
        return cumulative_incidence(rows["duration"], rows["event_observed"], {1: "endpoint", 2: "competing"})

    def holds_on(self, arm: str, day: float) -> Bool[Array, "subject"]:
        """Return for each subject whether it counts on a day: free of the endpoint, or past it, as the endpoint says.

        Raises
        ------
        InvalidValueError
            If a subject was censored before that day, so that it is not known.
        """
        rows = self.of(arm)
        event, duration = rows["event_observed"].to_numpy(), rows["duration"].to_numpy()
        unknown = (event == 0) & (duration < day - 1e-9)
        if unknown.any():
            raise InvalidValueError(
                f"{int(unknown.sum())} subjects of {arm} left follow-up before day {day:g}; "
                "ask for an earlier day, or use the survival curve."
            )
        reached = (event == 1) & (duration <= day)
        counted: npt.NDArray[np.bool_] = ~reached if self.counts == "free" else reached
        return counted

    def logrank(self, arm: str, versus: str) -> HypothesisTest:
        """Test whether two arms reach the endpoint alike."""
        a, b = self.of(arm), self.of(versus)
        return logrank(*_stacked(a, b))

    def hazard_ratio(self, arm: str, versus: str) -> HazardRatio:
        """Estimate the hazard of an arm relative to another (Cox)."""
        a, b = self.of(arm), self.of(versus)
        duration, event, group = _stacked(a, b)
        return hazard_ratio(duration, event, group, of="a", versus="b")

    def restricted_mean_difference(self, arm: str, versus: str, until: float) -> Estimate:
        """Estimate by how many days an arm lives longer until a day."""
        a, b = self.of(arm), self.of(versus)
        return restricted_mean_difference(
            a["duration"], a["event_observed"] == 1, b["duration"], b["event_observed"] == 1, until
        )

    def summary(self) -> pd.DataFrame:
        """Return n, events and the median time of each arm, as a table."""
        rows = []
        for arm in self.arms:
            table = self.of(arm)
            rows.append(
                {
                    "arm": arm,
                    "n": len(table),
                    "events": int((table["event_observed"] == 1).sum()),
                    "censored": int((table["event_observed"] == 0).sum()),
                    "competing": int((table["event_observed"] == 2).sum()),
                }
            )
        return pd.DataFrame(rows)


def _stacked(a: pd.DataFrame, b: pd.DataFrame) -> tuple[FloatArray, npt.NDArray[np.int64], npt.NDArray[np.str_]]:
    both = pd.concat([a, b])
    group = np.array(["a"] * len(a) + ["b"] * len(b))
    return both["duration"].to_numpy(), (both["event_observed"] == 1).to_numpy().astype(np.int64), group


def event_times(endpoint: str, arms: Mapping[str, Followed], library: Library | None = None) -> EventTimes:
    """Return the event times of an endpoint of a library (the default one where None), for each arm."""
    record = _record(endpoint, library)
    tables = [endpoint_times(record, followed, arm) for arm, followed in arms.items()]
    return EventTimes(endpoint, record.title, pd.concat(tables, ignore_index=True), record.counts, record.paramcd)
