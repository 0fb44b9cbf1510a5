"""What takes long to make and is kept on disk for the next process: read models and compiled code.

It is found by a key that follows from all that decides it. The folder is `GVLAB_CACHE`, or the user's cache folder as
the operating system has it. Compiled code is run as it is read, so nothing is taken from a folder of somebody else.
"""

from __future__ import annotations

import functools
import hashlib
import os
import warnings
from collections.abc import Iterable
from pathlib import Path

import platformdirs

from gvlab.errors import CacheWarning, OutputError
from gvlab.files import atomic_file

_MARK = 32
"""Bytes of the hash that stands before what is stored."""


def folder() -> Path:
    """Return the folder of what is kept: in GVLAB_CACHE, or in the user's cache folder."""
    given = os.environ.get("GVLAB_CACHE")
    return (Path(given) if given else platformdirs.user_cache_path("gvlab", appauthor=False)) / "engine"


def read(key: str) -> bytes | None:
    """Return what was stored under a key, or None. What was damaged is as if it had never been stored."""
    home = folder()
    if not _is_ours(home):
        return None
    try:
        content = (home / key).read_bytes()
    except OSError:
        return None
    mark, data = content[:_MARK], content[_MARK:]
    return data if hashlib.sha256(data).digest() == mark else None


def has(key: str) -> bool:
    """Return whether something was stored under a key."""
    home = folder()
    return _is_ours(home) and (home / key).is_file()


def write(key: str, data: bytes) -> None:
    """Store bytes under a key. A cache that cannot be written is no reason to fail: then it is made again."""
    home = folder()
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_ours(home):
            with atomic_file(home / key) as temporary:
                temporary.write_bytes(hashlib.sha256(data).digest() + data)
    except (OSError, OutputError):
        return


def hash_of_files(paths: Iterable[Path]) -> bytes:
    """Return a hash of the contents of files: of the code that makes what is kept, which must not outlive a change."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.digest()


def _is_ours(home: Path) -> bool:
    """Return whether a folder belongs to the user, or is not there yet; if not, say so once."""
    if not hasattr(os, "getuid"):  # on Windows the user's folder is nobody else's
        return True
    try:
        owner = home.stat().st_uid
    except OSError:
        return True
    if owner == os.getuid():
        return True
    _warn(home, owner)
    return False


@functools.cache
def _warn(home: Path, owner: int) -> None:
    warnings.warn(
        f'The cache folder "{home}" belongs to another user (number {owner}; you are {os.getuid()}), so nothing is '
        "read from it or written to it, and models are read and compiled anew in each process. Set GVLAB_CACHE to a "
        "folder of your own.",
        CacheWarning,
        stacklevel=2,
    )
