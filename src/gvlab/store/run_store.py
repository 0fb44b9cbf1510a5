"""RunStore: runs that are kept, with notes, and with an undo."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment import Results
from gvlab.library import Library
from gvlab.provenance import sha256
from gvlab.store.database import connection, data_folder, prepare, transaction
from gvlab.store.objects import ObjectStore, content_of

MAX_NOTE = 4_000
SHOWN = 500
"""Runs that are listed at once, the newest first."""


@dataclass(frozen=True)
class KeptRun:
    """A run that was kept.

    Attributes
    ----------
    id
        SHA-256 of what was asked and of the model: the same run is kept once.
    created
        When, in seconds since 1970.
    title, note
        What it is about, and what somebody wrote to it.
    state
        What was asked, as plain values.
    numbers
        What came of it, by arm.
    model
        SHA-256 of the model.
    """

    id: str
    created: float
    title: str
    note: str
    state: Mapping[str, Any]
    numbers: Mapping[str, Any]
    model: str


class RunStore:
    """Runs that are kept in a folder, for any number of tabs and processes at once.

    Parameters
    ----------
    folder
        Where; the user's data folder where None.
    clock
        Tells the time.
    """

    def __init__(self, folder: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self.folder = data_folder() if folder is None else folder
        self._file = prepare(self.folder)
        self._objects = ObjectStore(self.folder / "objects")
        self._clock = clock

    def keep(self, results: Results, state: Mapping[str, Any], numbers: Mapping[str, Any]) -> KeptRun:
        """Keep a run; when this returns, it is on disk and survives whatever happens to the process.

        Files come first, each whole or not at all, and the row that names them last: a run is there with all of its
        files, or it is not there. One that was removed comes back, with its note.

        Parameters
        ----------
        results
            What came of it.
        state
            What was asked, as plain values.
        numbers
            What is said of each arm.

        Raises
        ------
        OutputError
            If the disk is full or cannot be written.
        """
        text = json.dumps(state, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        model = results.experiment.model.sha256
        name = sha256(f"{model} {text}")
        files = [(file, content_of(write, file)) for file, write in results.files().items()]
        kept = [(name, file, self._objects.put(content), len(content)) for file, content in files]
        said = json.dumps(numbers, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        with transaction(self._file) as base:
            row = base.execute("SELECT removed FROM runs WHERE id = ?", (name,)).fetchone()
            if row is None:
                base.execute(
                    "INSERT INTO runs (id, created, title, state, numbers, model) VALUES (?, ?, ?, ?, ?, ?)",
                    (name, self._clock(), results.experiment.title, text, said, model),
                )
                base.executemany("INSERT INTO files (run, name, sha256, bytes) VALUES (?, ?, ?, ?)", kept)
            elif row["removed"]:
                self._change(base, name, "removed", "1", "0")
        return self.get(name)

    def get(self, name: str) -> KeptRun:
        """Return a run.

        Raises
        ------
        UnknownNameError
            If there is none of that id.
        """
        with connection(self._file) as base:
            row = base.execute("SELECT * FROM runs WHERE id = ? AND removed = 0", (name,)).fetchone()
            if row is None:
                known = [each["id"] for each in base.execute("SELECT id FROM runs WHERE removed = 0 LIMIT 20")]
                raise UnknownNameError("kept run", name[:80], known)
        return _run(row)

    def runs(self) -> tuple[KeptRun, ...]:
        """Return the runs that are kept, the newest first."""
        with connection(self._file) as base:
            rows = base.execute(
                "SELECT * FROM runs WHERE removed = 0 ORDER BY created DESC, id LIMIT ?", (SHOWN,)
            ).fetchall()
        return tuple(_run(row) for row in rows)

    def files(self, name: str) -> dict[str, bytes]:
        """Return the files of a run, by name.

        Raises
        ------
        UnknownNameError
            If there is none of that id.
        LibraryError
            If one of them is gone or was changed.
        """
        self.get(name)
        with connection(self._file) as base:
            rows = base.execute("SELECT name, sha256 FROM files WHERE run = ? ORDER BY name", (name,)).fetchall()
        return {row["name"]: self._objects.get(row["sha256"]) for row in rows}

    def results(self, name: str, library: Library | None = None) -> Results:
        """Return the results of a run; errors as `files` and `Results.read`."""
        import tempfile

        with tempfile.TemporaryDirectory(prefix="gvlab-") as folder:
            for file, content in self.files(name).items():
                (Path(folder) / file).write_bytes(content)
            return Results.read(folder, library)

    def note(self, name: str, text: str) -> KeptRun:
        """Write a note to a run; return it.

        Raises
        ------
        UnknownNameError
            If there is none of that id.
        InvalidValueError
            If the note is too long.
        """
        if len(text) > MAX_NOTE:
            raise InvalidValueError(f"The note has {len(text):,} letters; at most {MAX_NOTE:,} are kept.")
        before = self.get(name).note
        if before != text:
            with transaction(self._file) as base:
                self._change(base, name, "note", before, text)
        return self.get(name)

    def remove(self, name: str) -> None:
        """Take a run off the list; `undo` brings it back. Errors as `get`."""
        self.get(name)
        with transaction(self._file) as base:
            self._change(base, name, "removed", "0", "1")

    def undo(self) -> str:
        """Undo the last note or removal; return what was undone, in words, and "" where there is nothing."""
        with transaction(self._file) as base:
            row = base.execute("SELECT * FROM changes WHERE undone = 0 ORDER BY number DESC LIMIT 1").fetchone()
            if row is None:
                return ""
            self._set(base, row["run"], row["field"], row["before"])
            base.execute("UPDATE changes SET undone = 1 WHERE number = ?", (row["number"],))
            title = base.execute("SELECT title FROM runs WHERE id = ?", (row["run"],)).fetchone()["title"]
        what = "The note is what it was" if row["field"] == "note" else "The run is back"
        if row["field"] == "removed" and row["before"] == "1":
            what = "The run is off the list again"
        return f"{what}: {title}."

    def _change(self, base: sqlite3.Connection, name: str, field: str, before: str, after: str) -> None:
        self._set(base, name, field, after)
        base.execute(
            "INSERT INTO changes (at, run, field, before, after) VALUES (?, ?, ?, ?, ?)",
            (self._clock(), name, field, before, after),
        )

    def _set(self, base: sqlite3.Connection, name: str, field: str, value: str) -> None:
        if field == "note":
            base.execute("UPDATE runs SET note = ? WHERE id = ?", (value, name))
        else:
            base.execute("UPDATE runs SET removed = ? WHERE id = ?", (int(value), name))


def _run(row: sqlite3.Row) -> KeptRun:
    return KeptRun(
        row["id"], row["created"], row["title"], row["note"], json.loads(row["state"]), json.loads(row["numbers"]),
        row["model"],
    )  # fmt: skip
