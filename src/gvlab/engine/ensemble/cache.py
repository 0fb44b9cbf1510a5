"""Compiled objects on disk, keyed by all that decides them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

_MARK = 32


def folder() -> Path:
    """Give the folder of compiled objects: GVLAB_CACHE, or the user's cache folder."""
    given = os.environ.get("GVLAB_CACHE")
    if given:
        return Path(given) / "engine"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gvlab" / "engine"


def read(key: str) -> bytes | None:
    """Give what was stored under a key, or None. What was damaged is as if it had never been stored."""
    try:
        content = (folder() / key).read_bytes()
    except OSError:
        return None
    mark, data = content[:_MARK], content[_MARK:]
    return data if hashlib.sha256(data).digest() == mark else None


def has(key: str) -> bool:
    """Tell whether something was stored under a key."""
    return (folder() / key).is_file()


def write(key: str, data: bytes) -> None:
    """Store bytes under a key. A cache that cannot be written is no reason to fail: then it is compiled again."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder())
        path = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(data).digest() + data)
            # Renamed when complete: another process never sees half of it.
            path.replace(folder() / key)
        except OSError:
            path.unlink(missing_ok=True)
    except OSError:
        return
