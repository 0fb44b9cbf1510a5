"""Files of a reader: no name of theirs becomes a path, and errors call them by it all the same."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gvlab.errors import InvalidValueError, LibraryError, UnknownNameError

TABLES = (".csv", ".tsv", ".txt", ".xlsx")
"""Endings of files of data."""

PLANS = (".json",)
"""Endings of files of registered plans."""

_PLAIN = re.compile(r"[^\w.+ -]+")
_MOST = 2


def shown_name(name: str) -> str:
    """Return a name as it is shown: its letters, and nothing of a path."""
    return _PLAIN.sub("_", Path(name).name)[:80] or "the file"


@contextlib.contextmanager
def own_file(name: str, content: bytes) -> Iterator[Path]:
    """Hold a file of a reader on the disk, under a name of ours, as long as it is read.

    Raises
    ------
    InvalidValueError
        If it is no table by its ending; and in place of an error of whoever reads it, with the reader's own name.
    """
    ending, shown = Path(name).suffix.lower(), shown_name(name)
    if ending not in (*TABLES, *PLANS):
        raise InvalidValueError(f'"{shown}" is no table: files that end in {", ".join(TABLES)} are read.')
    with tempfile.TemporaryDirectory(prefix="gvlab-") as folder:
        path = Path(folder) / f"data{ending}"
        path.write_bytes(content)
        try:
            yield path
        except (InvalidValueError, LibraryError, UnknownNameError) as error:
            raise InvalidValueError(str(error).replace(str(path), shown).replace(path.name, shown)) from None


def sent_files(body: bytes) -> list[tuple[str, bytes]]:
    """Return name and content of each file that a page sent: a line of JSON with names and sizes, then what they hold.

    Raises
    ------
    InvalidValueError
        If it is anything else, or more than two files.
    """
    head, _, rest = body.partition(b"\n")
    try:
        listed = [(each["name"], each["size"]) for each in json.loads(head)]
    except (ValueError, TypeError, KeyError, RecursionError):
        listed = []
    good = all(isinstance(name, str) and isinstance(size, int) and 0 <= size <= len(rest) for name, size in listed)
    if not listed or not good or sum(size for _, size in listed) != len(rest):
        raise InvalidValueError("What was sent is no list of files with what they hold. Choose the file anew.")
    if len(listed) > _MOST:
        raise InvalidValueError(
            f"{len(listed)} files were chosen. One table at a time is laid over; or a registered plan with its outcome."
        )
    found, start = [], 0
    for name, size in listed:
        found.append((name, rest[start : start + size]))
        start += size
    return found
