"""What takes long to make and is kept on disk for the next process: read models and compiled code.

It is found by a key that follows from all that decides it. The folder is `GVLAB_CACHE`, or the user's cache folder as
the operating system has it. Compiled code is run as it is read, so nothing is taken from a folder of somebody else.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
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
    """Return whether a folder is the user's and only the user may write into it, or is not there; else say so once."""
    if not hasattr(os, "getuid"):  # on Windows the user's folder is nobody else's
        return True
    try:
        about, above = home.stat(), home.parent.stat()
    except OSError:
        return True
    if about.st_uid != os.getuid():
        _warn(
            home,
            f"belongs to another user (number {about.st_uid}; you are {os.getuid()})",
            "Set GVLAB_CACHE to a folder of your own.",
        )
        return False
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        _warn(
            home,
            "may be written by other users",
            f'Remove it with rm -r "{home}", since others may have put something into it; it is made again.',
        )
        return False
    # Who may write into the folder above could put another one in this one's place, unless it is sticky as /tmp is.
    if above.st_mode & stat.S_IWOTH and not above.st_mode & stat.S_ISVTX:
        _warn(
            home,
            f'lies in "{home.parent}", which every user may write',
            f'Forbid that with chmod o-w "{home.parent}", or set GVLAB_CACHE to a folder of your own.',
        )
        return False
    return True


@functools.cache
def _warn(home: Path, why: str, way_out: str) -> None:
    warnings.warn(
        f'The cache folder "{home}" {why}, so nothing is read from it or written to it, and models are read and '
        f"compiled anew in each process. {way_out}",
        CacheWarning,
        stacklevel=2,
    )
