"""The catalogue: SQLite in WAL mode, for several tabs and several processes at once."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from gvlab.errors import LibraryError, OutputError
from gvlab.files import make_folder

DATA_VARIABLE = "GVLAB_DATA"
FILE = "runs.sqlite"
VERSION = 2
"""Version of the tables. A database of an earlier one is brought here, after a copy of it was made."""

WAIT = 30.0
"""Seconds that a process waits for another one to finish writing."""

_TABLES = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    created REAL NOT NULL,
    title TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL,
    numbers TEXT NOT NULL,
    model TEXT NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE files (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (run, name)
) STRICT;
CREATE TABLE changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    field TEXT NOT NULL CHECK (field IN ('note', 'removed')),
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
) STRICT;
"""

# Version 1 had neither notes nor changes: nothing of it is lost, what is new is added.
_STEPS = {
    1: """
ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
CREATE TABLE changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    field TEXT NOT NULL CHECK (field IN ('note', 'removed')),
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
) STRICT;
""",
}


def data_folder() -> Path:
    """Return where runs are kept: GVLAB_DATA, or the user's data folder as the operating system has it."""
    given = os.environ.get(DATA_VARIABLE)
    return Path(given) if given else platformdirs.user_data_path("gvlab", appauthor=False)


def prepare(folder: Path) -> Path:
    """Make the catalogue in a folder, or bring one of an earlier version here; return its file.

    Before an earlier one is changed it is copied to a file beside it that is called after its version.

    Raises
    ------
    LibraryError
        If it is of a later version, or no catalogue.
    OutputError
        If the folder cannot be written.
    """
    make_folder(folder)
    with contextlib.suppress(OSError):
        folder.chmod(0o700)
    file = folder / FILE
    with connection(file) as base:
        # One process makes the tables; others that begin at the same moment wait for it, and find them.
        base.execute("BEGIN IMMEDIATE")
        version = int(base.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            base.execute("ROLLBACK")
            raise LibraryError(
                f'"{file}" has version {version}, and this gvlab reads up to {VERSION}. Install a newer one.'
            )
        if version == 0 and not base.execute("SELECT 1 FROM sqlite_master").fetchone():
            _execute(base, _TABLES)
        elif version == 0:
            base.execute("ROLLBACK")
            raise LibraryError(f'"{file}" is a database, and no catalogue of runs. Move it away.')
        elif version < VERSION:
            base.execute("ROLLBACK")
            _back_up(file, version)
            base.execute("BEGIN IMMEDIATE")
            # Somebody else may have done it while the copy was made.
            for step in range(int(base.execute("PRAGMA user_version").fetchone()[0]), VERSION):
                _execute(base, _STEPS[step])
        base.execute(f"PRAGMA user_version = {VERSION}")
        base.execute("COMMIT")
    return file


@contextlib.contextmanager
def connection(file: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection that is closed at the end; what is not committed by then is undone.

    Raises
    ------
    LibraryError
        If the file is damaged or no database.
    OutputError
        If it cannot be opened or written.
    """
    try:
        base = sqlite3.connect(file, timeout=WAIT, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise OutputError(f'"{file}" cannot be opened: {error}. Name another folder with --store.') from error
    try:
        base.row_factory = sqlite3.Row
        base.execute("PRAGMA journal_mode = WAL")
        # What was confirmed survives a power cut, not only a killed process.
        base.execute("PRAGMA synchronous = FULL")
        base.execute("PRAGMA foreign_keys = ON")
        yield base
    except sqlite3.OperationalError as error:
        raise OutputError(f'"{file}" cannot be written: {error}. Free the disk, or end what holds it.') from error
    except sqlite3.DatabaseError as error:
        raise LibraryError(f'"{file}" is damaged or no catalogue of runs: {error}. Move it away.') from error
    finally:
        base.close()


@contextlib.contextmanager
def transaction(file: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection whose changes are all kept at the end, or none of them."""
    with connection(file) as base:
        base.execute("BEGIN IMMEDIATE")
        try:
            yield base
        except BaseException:
            base.execute("ROLLBACK")
            raise
        base.execute("COMMIT")


def _execute(base: sqlite3.Connection, text: str) -> None:
    # executescript() would commit the transaction that this is a part of.
    for statement in text.split(";\n"):
        if statement.strip():
            base.execute(statement)


def _back_up(file: Path, version: int) -> Path:
    copy = file.with_name(f"{file.stem}-version-{version}-{time.strftime('%Y%m%d%H%M%S')}.sqlite")
    source, target = sqlite3.connect(file, timeout=WAIT), sqlite3.connect(copy)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    return copy
