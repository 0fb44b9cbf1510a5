"""Where numbers come from and what made a result: sources, evidence, manifests, files that are never half written."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import hashlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from gvlab.errors import LibraryError, OutputError


class Evidence(StrEnum):
    """What a number rests on."""

    MEASURED = "measured"
    DERIVED = "derived"
    CALIBRATED = "calibrated"
    ASSUMED = "assumed"


@dataclass(frozen=True)
class Source:
    """An entry of the bibliography.

    Attributes
    ----------
    key
        What the tables call it: "mathew2018".
    entry
        Its BibTeX type: "article".
    fields
        BibTeX fields, names in lower case: author, title, journal, year, doi, ...
    """

    key: str
    entry: str
    fields: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """Give a field, "" where there is none."""
        return self.fields.get(name, "")

    @property
    def authors(self) -> tuple[str, ...]:
        """Family names of the authors."""
        names = [name.strip() for name in self["author"].replace("\n", " ").split(" and ") if name.strip()]
        return tuple(name.split(",")[0] if "," in name else name.split()[-1] for name in names)

    @property
    def short(self) -> str:
        """Name and year: "Mathew et al. 2018"."""
        authors = self.authors
        if not authors:
            return " ".join(part for part in (self["title"] or self.key, self["year"]) if part)
        names = f"{authors[0]} et al." if len(authors) > 2 or "others" in authors else " and ".join(authors)
        return f"{names} {self['year']}".strip()

    def reference(self) -> str:
        """Write the entry as one line of a bibliography."""
        people = self["author"].replace("\n", " ").split(" and ")
        shown = [name.strip() for name in people if name.strip()]
        few = shown if len(shown) <= 6 else [*shown[:3], "others"]
        author = "; ".join(few).replace("; others", " et al.")
        volume = self["volume"] + (f"({self['number']})" if self["number"] else "")
        pages = self["pages"].replace("--", "-")
        printed = self["journal"] or self["publisher"] or self["howpublished"]
        where = " ".join(part for part in (printed, volume) if part)
        if pages:
            where = f"{where}:{pages}" if where else pages
        link = f"doi:{self['doi']}" if self["doi"] else self["url"]
        # Where nobody signs, the title leads.
        lead, *rest = [part for part in (author, self["title"]) if part] or [self.key]
        dated = f"{lead} ({self['year']})" if self["year"] else lead
        parts = [dated, *rest, where, link, self["note"]]
        return ". ".join(part.strip().rstrip(".") for part in parts if part.strip()) + "."


@runtime_checkable
class HasSources(Protocol):
    """Anything that knows which sources its numbers have."""

    def sources(self) -> tuple[Source, ...]:
        """Give the sources, each once, sorted by key."""
        ...


def cite(thing: HasSources) -> str:
    """Write the bibliography of exactly the numbers that something uses.

    Parameters
    ----------
    thing
        A system, a parameter table, an experiment, or anything else with `sources()`.

    Returns
    -------
    One reference a line, each behind its key.
    """
    return format_bibliography(thing.sources())


def format_bibliography(sources: Iterable[Source]) -> str:
    """Write sources as lines "[key] reference", sorted by key, each once."""
    unique = {source.key: source for source in sources}
    return "\n".join(f"[{key}] {unique[key].reference()}" for key in sorted(unique))


def read_bibliography(path: Path) -> dict[str, Source]:
    """Read a BibTeX file.

    Entries, braces within braces, quoted values and @comment are understood; @string is not, since a bibliography
    with macros cannot be read in a diff.

    Raises
    ------
    LibraryError
        If the file is not BibTeX, or a key stands twice.
    """
    return parse_bibliography(path.read_text(encoding="utf-8"), str(path))


def parse_bibliography(text: str, name: str = "BibTeX text") -> dict[str, Source]:
    """Read BibTeX text; arguments and errors as `read_bibliography`."""
    found: dict[str, Source] = {}
    position = text.find("@")
    while position >= 0:
        brace = text.find("{", position)
        entry = text[position + 1 : brace].strip().lower() if brace >= 0 else ""
        line = text.count("\n", 0, position) + 1
        if not entry.isalpha():
            raise LibraryError(f"{name}, line {line}: an entry begins with @type{{key, ...}}.")
        body, end = _braced(text, brace, name, line)
        if entry != "comment":
            source = _entry(entry, body, f"{name}, line {line}")
            if source.key in found:
                raise LibraryError(f'{name}, line {line}: the key "{source.key}" stands twice. Keep one of them.')
            found[source.key] = source
        position = text.find("@", end)
    return found


def _braced(text: str, opening: int, name: str, line: int) -> tuple[str, int]:
    depth = 0
    for position in range(opening, len(text)):
        if text[position] == "{":
            depth += 1
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return text[opening + 1 : position], position + 1
    raise LibraryError(f"{name}, line {line}: a brace is opened and never closed.")


def _entry(entry: str, body: str, where: str) -> Source:
    key, _, rest = body.partition(",")
    key = key.strip()
    if not key or any(character.isspace() for character in key):
        raise LibraryError(f'{where}: "{key}" is no key; write @{entry}{{key, field = {{value}}, ...}}.')
    fields: dict[str, str] = {}
    position = 0
    while True:
        equals = rest.find("=", position)
        if equals < 0:
            break
        field_name = rest[position:equals].strip(" ,\n\t\r").lower()
        start = equals + 1
        while start < len(rest) and rest[start].isspace():
            start += 1
        if start < len(rest) and rest[start] == "{":
            value, position = _braced(rest, start, where, 1)
        elif start < len(rest) and rest[start] == '"':
            end = rest.find('"', start + 1)
            if end < 0:
                raise LibraryError(f'{where}: the value of "{field_name}" has no closing quotation mark.')
            value, position = rest[start + 1 : end], end + 1
        else:
            end = rest.find(",", start)
            end = len(rest) if end < 0 else end
            value, position = rest[start:end], end
        if field_name in fields:
            raise LibraryError(f'{where}: "{field_name}" stands twice in "{key}".')
        fields[field_name] = " ".join(value.replace("{", "").replace("}", "").replace("\\&", "&").split())
    return Source(key, entry, fields)


@dataclass(frozen=True)
class Manifest:
    """What made a result: enough to make it again, and to see what has changed since.

    Attributes
    ----------
    model
        SHA-256 of the SBML text.
    tables
        SHA-256 of each input, by name: the resolved parameter table, the cohort, the protocol.
    seed
        Seed of the cohort, or None where nothing was drawn.
    engine
        Name of the engine.
    tolerances
        What the engine was asked for; empty where it took its own.
    versions
        Of gvlab, Python and the libraries that compute.
    platform
        Operating system and processor.
    notes
        Anything else, text by name.
    """

    model: str
    tables: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    engine: str = ""
    tolerances: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=lambda: versions())
    platform: str = field(default_factory=lambda: f"{platform.system()} {platform.machine()}")
    notes: Mapping[str, str] = field(default_factory=dict)

    def replace(self, **changes: Any) -> Manifest:
        """Give a manifest with some fields changed."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Give plain dictionaries and numbers, keys sorted."""
        plain = dataclasses.asdict(self)
        return {key: dict(sorted(value.items())) if isinstance(value, dict) else value for key, value in plain.items()}

    def to_json(self) -> str:
        """Write as JSON text; the same manifest gives the same text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


def versions() -> dict[str, str]:
    """Give the versions of gvlab, Python and the libraries that compute."""
    return dict(_versions())


@functools.cache  # looking them up reads files, 13 ms for every run
def _versions() -> dict[str, str]:
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in ("gvlab", "numpy", "scipy", "libroadrunner", "llvmlite", "python-libsbml"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def sha256(content: str | bytes) -> str:
    """Give the SHA-256 of text (as UTF-8) or bytes, in hexadecimal."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


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
