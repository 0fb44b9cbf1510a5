"""Files that are written whole or not at all, folders for results, and text that says where it is damaged."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gvlab.errors import LibraryError, OutputError


def read_text(file: Path) -> str:
    """Return the text of a data file.

    Raises
    ------
    LibraryError
        If it cannot be read, or is not UTF-8: the message names the line.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise LibraryError(f"{file} cannot be read: {error.strerror or error}.") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise LibraryError(
            f"{file}, line {line}: the byte 0x{content[error.start]:02X} is not UTF-8 text. Save the file as UTF-8."
        ) from None


@contextlib.contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """Write a file so that it is there whole or not at all.

    Gives the path of a temporary file in the same folder; when the block ends well it is flushed to disk and takes the
    name. When it does not - an error, a full disk, Ctrl-C - it is removed, and what had that name before stays.

    Raises
    ------
    OutputError
        If the file cannot be written, with the reason and the way out.
    """
    target = Path(path)
    temporary: Path | None = None
    try:
        with _output_errors(target):
            suffix = target.suffix or ".tmp"
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=suffix, dir=target.parent)
            os.close(handle)
            temporary = Path(name)
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(target)
            temporary = None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Write a text file whole or not at all; errors as `atomic_file`."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write a binary file whole or not at all; errors as `atomic_file`."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def prepare_output_folder(path: Path | str) -> Path:
    """Make an empty folder for results, or take an existing one that is empty.

    Raises
    ------
    OutputError
        If something is in it already, it is a file, or it cannot be written.
    """
    folder = Path(path)
    if folder.is_file():
        raise OutputError(f'"{folder}" is a file; results need a folder. Give another name.')
    with _output_errors(folder):
        if folder.is_dir() and any(folder.iterdir()):
            raise OutputError(
                f'The folder "{folder}" is not empty, and nothing in it is overwritten. '
                "Give the name of a new folder, or remove it."
            )
        folder.mkdir(parents=True, exist_ok=True)
        # Permission bits do not tell of read-only disks and quotas; writing does.
        with tempfile.TemporaryFile(dir=folder):
            pass
    return folder


def new_output_folder(path: Path | str) -> Path:
    """Make a folder that did not exist: of this name, or with a number behind it where that is taken.

    Two programs that begin at the same moment get two folders.

    Raises
    ------
    OutputError
        If it cannot be made or written.
    """
    wanted = candidate = Path(path)
    number = 1
    make_folder(wanted.parent)
    while True:
        with _output_errors(candidate):
            try:
                candidate.mkdir()
                break
            except FileExistsError:
                number += 1
                candidate = wanted.with_name(f"{wanted.name}-{number}")
    return prepare_output_folder(candidate)


def make_folder(path: Path | str) -> None:
    """Make a folder and those above it where they are missing.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    with _output_errors(Path(path)):
        Path(path).mkdir(parents=True, exist_ok=True)


def prepare_output_file(path: Path | str) -> None:
    """Find out now, before long work, whether a file can be written there; what it holds is not touched.

    Raises
    ------
    OutputError
        If it is a folder, or nothing can be written where it is.
    """
    target = Path(path)
    if target.is_dir():
        raise OutputError(f'"{target}" is a folder, and a file is to be written. Add the name of a file.')
    with _output_errors(target), tempfile.TemporaryFile(dir=target.parent):
        pass


@contextlib.contextmanager
def _output_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            way_out = "the disk is full. What was there before is unchanged; free some space, or write elsewhere."
        elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
            way_out = f'there is no permission to write in "{target.parent}". Write elsewhere, or allow it.'
        elif isinstance(error, FileNotFoundError) and target.parent.is_dir():
            way_out = f'nothing can be made in "{target.parent}". Write elsewhere.'
        elif isinstance(error, FileNotFoundError):
            way_out = f'the folder "{target.parent}" does not exist. Make it first.'
        elif isinstance(error, NotADirectoryError | FileExistsError):
            way_out = "a part of that path is a file, not a folder. Give another name."
        else:
            way_out = f"{error.strerror or error}. Write elsewhere."
        raise OutputError(f'"{target}" cannot be written: {way_out}') from error


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
