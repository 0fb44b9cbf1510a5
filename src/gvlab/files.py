"""Files that are written whole or not at all, folders for results, and text that says where it is damaged."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gvlab.errors import LibraryError, OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


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
    name. When it does not - an error, a full disk, Ctrl-C - it is removed, and what had that name before stays. Where
    the name is a link, the file it leads to is written and the link stays. A device or a pipe is never replaced: what
    was written is passed on to it.

    Raises
    ------
    OutputError
        If the file cannot be written, with the reason and the way out.
    """
    target = _led_to(Path(path))
    device = is_device(target)
    folder = Path(tempfile.gettempdir()) if device else target.parent
    # A name of our own, known before the file is there: Ctrl-C at any moment then finds what is to be removed.
    temporary = folder / f".{target.stem[:40]}.{secrets.token_hex(6)}{target.suffix[:20] or '.tmp'}"
    try:
        with _output_errors(target):
            # Made with the permissions that any new file gets; the process's umask is not touched.
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            yield temporary
            if device:
                _pass_on(temporary, target)
                return
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                shutil.copymode(target, temporary)
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _led_to(path: Path) -> Path:
    """Return the file that a name stands for: where it is a link, what it leads to."""
    if not path.is_symlink():
        return path
    with _output_errors(path):
        try:
            return path.resolve()
        except RuntimeError as error:  # Python 3.11 and 3.12 say so of a link that leads to itself
            raise OutputError(f'"{path}" cannot be written: it is a link that leads to itself.') from error


def is_device(path: Path | str) -> bool:
    """Return whether something is there that is neither a file nor a folder: a device, a pipe, a socket."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _pass_on(written: Path, target: Path) -> None:
    """Write the content of a file into a device or a pipe."""
    try:
        # Without O_NONBLOCK a pipe without a reader would be waited for without end and without a word.
        handle = os.open(target, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OutputError(
                f'"{target}" cannot be written: it is a pipe or a socket that nobody reads from. Start its reader '
                f"first, or give the name of a file."
            ) from error
        raise
    os.set_blocking(handle, True)
    with written.open("rb") as source, os.fdopen(handle, "wb") as sink:
        shutil.copyfileobj(source, sink)


def write_text(path: Path | str, text: str) -> None:
    """Write a text file whole or not at all; errors as `atomic_file`."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_new_text(path: Path | str, text: str) -> None:
    """Write a text file whole or not at all, and never over one that is there, however late that one appears.

    Raises
    ------
    OutputError
        If something has that name, or the file cannot be written.
    """
    target = Path(path)
    refuse_existing(target)
    temporary = target.parent / f".{target.stem[:40]}.{secrets.token_hex(6)}.tmp"
    try:
        with _output_errors(target):
            with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), "wb") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(temporary, target)  # unlike a rename, it fails where the name is taken
            except FileExistsError:
                refuse_existing(target)
                raise
            except OSError:
                _write_where_there_are_no_links(target, text)
    finally:
        temporary.unlink(missing_ok=True)


def refuse_existing(path: Path | str) -> None:
    """Raise if something has that name already, be it a link that leads nowhere.

    Raises
    ------
    OutputError
        With the way out.
    """
    if os.path.lexists(path):
        raise OutputError(f'"{path}" is there already, and it is never written over. Give the name of a new file.')


def _write_where_there_are_no_links(target: Path, text: str) -> None:
    """Write a new file on a file system without hard links; one that is not whole is removed."""
    handle = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise


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
    if folder.exists() and not folder.is_dir():
        what = "a device or a pipe" if is_device(folder) else "a file"
        raise OutputError(f'"{folder}" is {what}; results need a folder. Give another name.')
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


@contextlib.contextmanager
def claimed_folder(path: Path | str) -> Iterator[Path]:
    """Make an empty folder for results as `prepare_output_folder`, and keep it for one run while the block lasts.

    The lock is one of the operating system on the folder itself. It goes with the process that holds it, however that
    ends, so nothing is left behind that would block a later run. Where the file system or the operating system has no
    such locks, there is none.

    Raises
    ------
    OutputError
        If another run writes into the folder, or as `prepare_output_folder`.
    """
    folder = Path(path)
    if not folder.exists():
        prepare_output_folder(folder)
    with contextlib.ExitStack() as held:
        if fcntl is not None and folder.is_dir():
            try:
                handle = os.open(folder, os.O_RDONLY)
                held.callback(os.close, handle)
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OutputError(
                    f'Another run writes into the folder "{path}". Give the name of another folder, or wait for it.'
                ) from error
            except OSError:
                pass
        yield prepare_output_folder(folder)


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
    target = _led_to(Path(path))
    if target.is_dir():
        raise OutputError(f'"{target}" is a folder, and a file is to be written. Add the name of a file.')
    with _output_errors(target):
        if is_device(target):
            if not os.access(target, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        with tempfile.TemporaryFile(dir=target.parent):
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
        elif target.is_symlink():
            way_out = "it is a link, and what it leads to is no folder. Give another name."
        elif isinstance(error, NotADirectoryError | FileExistsError):
            way_out = "a part of that path is a file, not a folder. Give another name."
        else:
            way_out = f"{error.strerror or error}. Write elsewhere."
        raise OutputError(f'"{target}" cannot be written: {way_out}') from error
