"""Results in a folder: tables that any program reads, and with them all that is needed to read the results back.

trajectories.parquet has a row for each reading of a living subject, subjects.parquet one for each subject,
events.parquet one for each subject and endpoint. finals.parquet and firings.parquet hold the end of each subject and
the log of the model's events, experiment.yaml what was done, manifest.json what made it, and run.json, which is written
last, the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gvlab.engine import EVENT_LOG
from gvlab.errors import LibraryError
from gvlab.experiment.results import Results
from gvlab.lazy import LazyModule
from gvlab.library import Library
from gvlab.provenance import Manifest
from gvlab.simulation import Trajectories

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")

SCHEMA_VERSION = 1
LAST_FILE = "run.json"


def files_of(results: Results) -> dict[str, Callable[[Path], None]]:
    """Return what writes each file of the results, by name; `LAST_FILE` comes last."""
    from gvlab.experiment.text import ExperimentFile

    runs = results.runs

    def joined(table: Callable[[Trajectories], pd.DataFrame]) -> pd.DataFrame:
        return pd.concat([table(run).assign(arm=arm) for arm, run in runs.items()], ignore_index=True)

    def trajectories(path: Path) -> None:
        first = runs[results.arms[0]]
        write_table(path, joined(_readings), {name: first.unit(name) for name in first.outputs})

    def subjects(path: Path) -> None:
        write_table(path, joined(_subjects), {"end_time": "day"})

    def finals(path: Path) -> None:
        first = runs[results.arms[0]]
        write_table(path, joined(_finals), {name: first.about[name]["unit"] for name in first.finals})

    def firings(path: Path) -> None:
        write_table(path, joined(_firings), {"time": "day"})

    def events(path: Path) -> None:
        endpoints = results.experiment.library.names("endpoints")
        tables = [results.events(endpoint).table.assign(endpoint=endpoint) for endpoint in endpoints]
        columns = ["subject", "arm", "duration", "event_observed", "entry", "cause", "endpoint"]
        table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
        write_table(path, table, {"duration": "day", "entry": "day"})

    def experiment(path: Path) -> None:
        subjects = len(runs[results.arms[0]]) if results.paired else None
        path.write_text(
            ExperimentFile(results.experiment, results.seed, subjects).to_yaml(), encoding="utf-8", newline="\n"
        )

    def manifest(path: Path) -> None:
        manifests = {arm: run.manifest.to_dict() for arm, run in runs.items()}
        path.write_text(json.dumps(manifests, indent=2, ensure_ascii=False), encoding="utf-8")

    def rest(path: Path) -> None:
        content = {
            "schema_version": SCHEMA_VERSION,
            "seed": results.seed,
            "paired": results.paired,
            "keys": dict(results.keys),
            "arms": {
                arm: {
                    "times": run.times.tolist(),
                    "outputs": list(run.outputs),
                    "event_ids": list(run.event_ids),
                    "about": {name: dict(about) for name, about in run.about.items()},
                }
                for arm, run in runs.items()
            },
        }
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    return {
        "trajectories.parquet": trajectories,
        "subjects.parquet": subjects,
        "events.parquet": events,
        "finals.parquet": finals,
        "firings.parquet": firings,
        "experiment.yaml": experiment,
        "manifest.json": manifest,
        LAST_FILE: rest,
    }


def read_results(folder: Path | str, library: Library | None = None) -> Results:
    """Return the results that `Results.write` wrote into a folder; errors as `Results.read`."""
    from gvlab.experiment.text import ExperimentFile

    folder = Path(folder)
    about, manifests = _json(folder / LAST_FILE), _json(folder / "manifest.json")
    if about.get("schema_version") != SCHEMA_VERSION:
        raise LibraryError(
            f'"{folder / LAST_FILE}" has schema_version {about.get("schema_version")}, and this gvlab reads version '
            f"{SCHEMA_VERSION}. Run the experiment again: experiment.yaml beside it says what was done."
        )
    experiment = ExperimentFile.read(folder / "experiment.yaml", library=library).experiment
    tables = {name: _table(folder / f"{name}.parquet") for name in ("trajectories", "subjects", "finals", "firings")}
    runs = {}
    for arm, parts in about["arms"].items():
        own = {name: table[table["arm"] == arm] for name, table in tables.items()}
        try:
            runs[arm] = _trajectories(own, parts, manifests[arm])
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise LibraryError(
                f'The tables in "{folder}" do not fit together for arm "{arm}": {error}. Run the experiment again.'
            ) from error
    return Results(experiment, runs, int(about["seed"]), bool(about["paired"]), about["keys"])


def _trajectories(
    own: Mapping[str, pd.DataFrame], parts: Mapping[str, Any], manifest: Mapping[str, Any]
) -> Trajectories:
    subjects, times = own["subjects"], np.asarray(parts["times"], dtype=np.float64)
    rows, columns = (
        own["trajectories"]["row"].to_numpy(),
        np.searchsorted(times, own["trajectories"]["time"].to_numpy()),
    )
    readings = {}
    for name in parts["outputs"]:
        # Who was dead has no row.
        readings[name] = np.full((len(subjects), len(times)), np.nan)
        readings[name][rows, columns] = own["trajectories"][name].to_numpy()
    events = np.zeros(len(own["firings"]), dtype=EVENT_LOG)
    ids = list(parts["event_ids"])
    events["subject"], events["time"] = own["firings"]["row"].to_numpy(), own["firings"]["time"].to_numpy()
    events["event"] = [ids.index(name) for name in own["firings"]["event"]]
    finals = [name for name in own["finals"].columns if name not in ("arm", "row") and name in parts["about"]]
    return Trajectories(
        subjects["subject"].to_numpy(dtype=np.int64),
        times,
        readings,
        {name: own["finals"][name].to_numpy(dtype=np.float64) for name in finals},
        subjects["status"].to_numpy(dtype=np.int8),
        subjects["end_time"].to_numpy(dtype=np.float64),
        parts["about"],
        tuple(ids),
        events,
        Manifest.from_json(json.dumps(manifest)),
    )


def _readings(run: Trajectories) -> pd.DataFrame:
    n = len(run.times)
    known = np.any([np.isfinite(values) for values in run.readings.values()] or [np.zeros((len(run), n), bool)], axis=0)
    row, column = np.nonzero(known)
    values = {name: values[row, column] for name, values in run.readings.items()}
    return pd.DataFrame({"row": row, "subject": run.numbers[row], "time": run.times[column], **values})


def _subjects(run: Trajectories) -> pd.DataFrame:
    return pd.DataFrame({"subject": run.numbers, "status": run.status, "end_time": run.end_times})


def _finals(run: Trajectories) -> pd.DataFrame:
    return pd.DataFrame({"row": np.arange(len(run)), **run.finals})


def _firings(run: Trajectories) -> pd.DataFrame:
    names = (
        np.array(run.event_ids, dtype=object)[run.events["event"]] if len(run.events) else np.array([], dtype=object)
    )
    return pd.DataFrame({"row": run.events["subject"], "event": names, "time": run.events["time"]})


def write_table(path: Path, table: pd.DataFrame, units_of: Mapping[str, str]) -> None:
    """Write a table as Parquet that says in its metadata what its units are and that it is simulated."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = pa.Table.from_pandas(table, preserve_index=False)
    about = {"units": json.dumps(dict(units_of)), "origin": "simulated by GVLab"}
    content = content.replace_schema_metadata({**(content.schema.metadata or {}), **about})
    # A dictionary of readings would hold nearly each of them once, and take longer than to write them.
    repeated = [field.name for field in content.schema if not pa.types.is_floating(field.type)]
    pq.write_table(content, path, use_dictionary=repeated)


def _table(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table: pd.DataFrame = pq.read_table(path).to_pandas()
    except (OSError, pa.ArrowInvalid) as error:
        raise LibraryError(f'"{path}" is not a table that gvlab wrote: {error}.') from error
    return table


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LibraryError(
            f'There is no "{path.name}" in "{path.parent}": it holds no results, or they were not written to the end. '
            "Name the folder that `Results.write` was given."
        ) from error
    except (OSError, ValueError) as error:
        raise LibraryError(f'"{path}" is not what gvlab wrote: {error}.') from error
    if not isinstance(content, dict):
        raise LibraryError(f'"{path}" is not what gvlab wrote: it holds no keys.')
    return content
