"""Which files a folder holds, and in what state a file is: looked at again only after a change."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_SETTLED = 3_000_000_000
"""Nanoseconds after which a change of a folder is told from the next by its time; file systems count in up to 2 s."""

Stamp = tuple[Path, int, int, int]
"""A file at a time: where it is, when it was changed, how long it is, and which file it is on its disk."""

_State = tuple[int, int]

_listed: dict[tuple[Path, str], tuple[_State, Mapping[str, Path]]] = {}


class _Seen(threading.local):
    """What the thread has looked at since `looked_at_once` began; None outside of it."""

    found: dict[Any, Any] | None = None


_seen = _Seen()


@contextlib.contextmanager
def looked_at_once() -> Iterator[None]:
    """Look at each folder and file once until it ends, in this thread.

    Whoever answers one question then reads one library from beginning to end, even while files change, and asks the
    disk tens of times in place of a thousand.
    """
    before = _seen.found
    _seen.found = {} if before is None else before
    try:
        yield
    finally:
        _seen.found = before


def stamp(file: Path) -> Stamp:
    """Return what tells one state of a file from the next."""
    seen = _seen.found
    found: Stamp | None = None if seen is None else seen.get(file)
    if found is None:
        status = file.stat()
        found = file, status.st_mtime_ns, status.st_size, status.st_ino
        if seen is not None:
            seen[file] = found
    return found


def files_of(folder: Path, ending: str) -> Mapping[str, Path]:
    """Return the files of a folder with an ending such as ".yaml", by name without it, sorted.

    There are none where there is no such folder. What stands in a file is not looked at.
    """
    seen = _seen.found
    if seen is None:
        return _files_of(folder, ending)
    found: Mapping[str, Path] | None = seen.get((folder, ending))
    if found is None:
        found = seen[folder, ending] = _files_of(folder, ending)
    return found


def _files_of(folder: Path, ending: str) -> Mapping[str, Path]:
    try:
        status = folder.stat()
    except OSError:
        return {}
    state = status.st_mtime_ns, status.st_ino
    held = _listed.get((folder, ending))
    if held is not None and held[0] == state:
        return held[1]
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.name.endswith(ending) and entry.is_file())
    found = {name.removesuffix(ending): folder / name for name in names}
    # A folder that changed just now may change again within the same tick of its clock.
    if time.time_ns() - status.st_mtime_ns > _SETTLED:
        _listed[folder, ending] = (state, found)
    return found
