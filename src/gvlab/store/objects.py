"""Files by the hash of their content: the same content is kept once, and each is there whole or not at all."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from gvlab.errors import LibraryError
from gvlab.files import make_folder, write_bytes


class ObjectStore:
    """Files by the hash of their content.

    Parameters
    ----------
    folder
        Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes) -> str:
        """Keep content; return its SHA-256."""
        name = hashlib.sha256(content).hexdigest()
        path = self._path(name)
        # Of the right name and length it is the right one: it got its name only after it was whole.
        if not path.is_file() or path.stat().st_size != len(content):
            make_folder(path.parent)
            write_bytes(path, content)
        return name

    def get(self, name: str) -> bytes:
        """Return the content of a hash.

        Raises
        ------
        LibraryError
            If it is not there, or was changed.
        """
        path = self._path(name)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise LibraryError(f'"{path}" is gone: {error.strerror or error}. Run it again.') from error
        if hashlib.sha256(content).hexdigest() != name:
            raise LibraryError(f'"{path}" was changed since it was kept. Run it again.')
        return content

    def _path(self, name: str) -> Path:
        if len(name) != 64 or not set(name) <= set("0123456789abcdef"):
            raise LibraryError(f'"{name[:80]}" is no SHA-256.')
        return self.folder / name[:2] / name[2:]


def content_of(write: Callable[[Path], None], name: str) -> bytes:
    """Return the bytes that a writer writes into a file of that name."""
    with tempfile.TemporaryDirectory(prefix="gvlab-") as folder:
        path = Path(folder) / Path(name).name
        write(path)
        return path.read_bytes()
