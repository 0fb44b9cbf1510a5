"""Which files a folder holds, looked at again only after the folder has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

_SETTLED = 3_000_000_000
"""Nanoseconds after which a change of a folder is told from the next by its time; file systems count in up to 2 s."""

_State = tuple[int, int]

_listed: dict[tuple[Path, str], tuple[_State, Mapping[str, Path]]] = {}


def files_of(folder: Path, ending: str) -> Mapping[str, Path]:
    """Return the files of a folder with an ending such as ".yaml", by name without it, sorted.

    There are none where there is no such folder. What stands in a file is not looked at.
    """
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
