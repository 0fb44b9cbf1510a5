"""Library: folders of records and tables, each file read once, the first folder in front of the others."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gvlab.bibliography import Source, read_bibliography
from gvlab.errors import LibraryError, UnknownNameError
from gvlab.files import read_text
from gvlab.library.fields import Record
from gvlab.library.listing import Stamp, files_of, stamp
from gvlab.library.reading import parse_record, parse_table
from gvlab.library.records import KINDS, SINGULAR, TABLES
from gvlab.library.table_rows import ConditionRow, EdgeRow, LookRow, ParameterRow

BUILT_IN = Path(__file__).parent
"""The folder of our own records."""

MODEL_FILE = "gvl.xml"
WIRING_FILE = "gvl.ant"
BIBLIOGRAPHY_FILE = "references.bib"

_ID = {"findings": "id"}
_Made = TypeVar("_Made")


@dataclass(frozen=True, init=False)
class Library:
    """The biology as data: agents, systems, parameters, experiments and so on, in folders.

    A folder is laid out like the one of this package. A record of an earlier folder stands in front of one of the same
    name in a later one; a row of a parameter table there replaces the row with the same parameter and context, and a
    condition or an edge there replaces the whole one. What is built in comes last.

    Files are read once and kept by path and time of change, so a changed file is seen by whatever is made after the
    change. What was made before - a system, an experiment - keeps the numbers it was made with.

    Attributes
    ----------
    own
        Folders of a user, the first wins.
    built_in
        Whether our own records stand behind them.
    """

    own: tuple[Path, ...]
    built_in: bool
    _kept: dict[Hashable, tuple[Any, Any]] = field(compare=False, repr=False)
    _places: dict[str, tuple[Path, ...]] = field(compare=False, repr=False)

    def __init__(self, folders: Path | str | Iterable[Path | str] = (), built_in: bool = True) -> None:
        """Name the folders.

        Parameters
        ----------
        folders
            One folder or several, the first wins.
        built_in
            Whether our own records stand behind them.

        Raises
        ------
        LibraryError
            If one of them is not a folder.
        """
        named = (folders,) if isinstance(folders, Path | str) else tuple(folders)
        for folder in named:
            if not Path(folder).is_dir():
                raise LibraryError(f'There is no library folder "{folder}". Correct the name, or make the folder.')
        object.__setattr__(self, "own", tuple(Path(folder).absolute() for folder in named))
        object.__setattr__(self, "built_in", built_in)
        object.__setattr__(self, "_kept", {})
        object.__setattr__(self, "_places", {})

    @classmethod
    def default(cls) -> Library:
        """Return the library of who names none: what GVLAB_LIBRARY names, then what is built in.

        Several folders in GVLAB_LIBRARY are joined with the separator of PATH.

        Raises
        ------
        LibraryError
            If GVLAB_LIBRARY names a folder that does not exist.
        """
        named = [Path(part) for part in os.environ.get("GVLAB_LIBRARY", "").split(os.pathsep) if part]
        for folder in named:
            if not folder.is_dir():
                raise LibraryError(f'GVLAB_LIBRARY names "{folder}", which is not a folder. Correct it, or unset it.')
        return _shared(tuple(folder.absolute() for folder in named), BUILT_IN)

    def __repr__(self) -> str:
        shown = [str(folder) for folder in self.own]
        return f"Library({shown if shown else ''}{'' if self.built_in else ', built_in=False'})"

    def __reduce__(self) -> tuple[type[Library], tuple[tuple[Path, ...], bool]]:
        # What was read is read again on the other side; our own folder may lie elsewhere there.
        return (Library, (self.own, self.built_in))

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that are searched, the first wins."""
        return (*self.own, BUILT_IN) if self.built_in else self.own

    def _folders_of(self, kind: str) -> tuple[Path, ...]:
        """Return the folders of a kind of record or table; they need not exist."""
        held: tuple[Path, ...] | None = self._places.get(kind)
        if held is None:
            held = self._places[kind] = tuple(folder / kind for folder in self.folders)
        return held

    # ---------------------------------------------------------------------------------------------- records

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the names of all records of a kind ("agents", "systems", "conditions", ...), sorted.

        Raises
        ------
        UnknownNameError
            If there is no such kind.
        """
        if kind in TABLES:
            return tuple(sorted({_row_name(row) for row in self.rows(kind)}))
        _schema(kind)
        return tuple(sorted({name for folder in self._folders_of(kind) for name in files_of(folder, ".yaml")}))

    def path(self, kind: str, name: str) -> Path:
        """Return the file of a record.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        _schema(kind)
        for folder in self._folders_of(kind):
            # A name is no path: "../x" is an unknown name, not a file somewhere else.
            found = files_of(folder, ".yaml").get(name)
            if found is not None:
                return found
        raise UnknownNameError(SINGULAR[kind], name, self.names(kind))

    def read(self, kind: str, name: str) -> Any:
        """Return a record, such as ``read("agents", "drug_a")``.

        Returns
        -------
        An instance of the kind's class in `gvlab.library.records`.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        LibraryError
            If the file breaks its schema: the message names file, line, key, value and rule.
        """
        file = self.path(kind, name)
        record = _record(stamp(file), kind)
        key = _ID.get(kind, "name")
        written = getattr(record, key)
        if written != name:
            raise LibraryError(f'{file}: "{key}" is "{written}"; it must be the name of the file, "{name}".')
        return record

    def read_all(self, kind: str) -> dict[str, Any]:
        """Return every record of a kind, by name; errors as `read`."""
        return {name: self.read(kind, name) for name in self.names(kind)}

    # ---------------------------------------------------------------------------------------------- tables

    def rows(self, kind: str) -> tuple[Any, ...]:
        """Return every row of the tables of a kind ("parameters", "conditions", "edges", "looks").

        Raises
        ------
        UnknownNameError
            If there is no such kind of table.
        LibraryError
            If a file breaks its schema, or two files of one folder hold the same row.
        """
        if kind not in TABLES:
            raise UnknownNameError("kind of table", kind, TABLES)
        return self.derived(("rows", kind), (kind,), lambda: self._joined_rows(kind))

    def _joined_rows(self, kind: str) -> tuple[Record, ...]:
        found: dict[Hashable, list[Record]] = {}
        for folder in reversed(self.folders):
            here: dict[Hashable, list[Record]] = {}
            for file in files_of(folder / kind, ".tsv").values():
                for row in _table(stamp(file), TABLES[kind]):
                    group = here.setdefault(_row_key(row), [])
                    _refuse_twice(row, group, file)
                    group.append(row)
            found.update(here)
        return tuple(row for group in found.values() for row in group)

    def parameter_rows(self) -> tuple[ParameterRow, ...]:
        """Return every row of the parameter tables; errors as `rows`."""
        return self.rows("parameters")

    def condition_rows(self, name: str) -> tuple[ConditionRow, ...]:
        """Return the rows of a condition.

        Raises
        ------
        UnknownNameError
            If there is no such condition.
        """
        found = tuple(row for row in self.rows("conditions") if row.conditionId == name)
        if not found:
            raise UnknownNameError("condition", name, self.names("conditions"))
        return found

    # ---------------------------------------------------------------------------------------------- other files

    def bibliography(self) -> dict[str, Source]:
        """Return the entries of every references.bib, by key."""
        found: dict[str, Source] = {}
        for folder in reversed(self.folders):
            file = folder / BIBLIOGRAPHY_FILE
            if file.is_file():
                found.update(_bibliography(stamp(file)))
        return found

    def sources(self, keys: Iterable[str]) -> tuple[Source, ...]:
        """Return the bibliography entries of some keys, each once, sorted.

        Raises
        ------
        UnknownNameError
            If a key is in no references.bib.
        """
        known = self.bibliography()
        wanted = sorted(set(keys))
        for key in wanted:
            if key not in known:
                raise UnknownNameError("source", key, known, BIBLIOGRAPHY_FILE)
        return tuple(known[key] for key in wanted)

    def model_file(self) -> Path:
        """Return the SBML document of the library: the user's where there is one.

        Raises
        ------
        LibraryError
            If no folder has one.
        """
        found = self._first("models", MODEL_FILE)
        if found is None:
            raise LibraryError(f"The library has no models/{MODEL_FILE}. Make it with `gvlab build`.")
        return found

    def wiring_file(self) -> Path:
        """Return the Antimony file from which the model is built.

        Raises
        ------
        LibraryError
            If no folder has one.
        """
        found = self._first("models", WIRING_FILE)
        if found is None:
            raise LibraryError(f"The library has no models/{WIRING_FILE}, so there is nothing to build a model from.")
        return found

    def _first(self, *parts: str) -> Path | None:
        """Return a file of the first folder that has it."""
        files = (folder.joinpath(*parts) for folder in self.folders)
        return next((file for file in files if file.is_file()), None)

    def survival_endpoint(self) -> str:
        """Return the name of the endpoint that is death of any cause, which log-rank tests are of.

        Raises
        ------
        LibraryError
            If none is.
        """
        for name, record in self.read_all("endpoints").items():
            if record.overall:
                return name
        raise LibraryError('No endpoint of the library is death of any cause. Write "overall: true" into one.')

    def ensemble_file(self, name: str) -> Path:
        """Return where the sets of an ensemble are: beside its recipe. They may not have been made yet."""
        return self.path("ensembles", name).with_suffix(".parquet")

    def weights_file(self, name: str) -> Path:
        """Return where the weights of a population are: beside its record, where it says that it was weighed."""
        return self.path("populations", name).with_suffix(".weights.tsv")

    # ---------------------------------------------------------------------------------------------- what is made of it

    def derived(self, key: Hashable, kinds: Iterable[str], make: Callable[[], _Made]) -> _Made:
        """Return what is made of tables and records of some kinds; it is made again only after one of them has changed.

        Parameters
        ----------
        key
            What it is called.
        kinds
            Kinds of tables and records it is made of.
        make
            Makes it.
        """
        state = tuple(self._state(kind) for kind in kinds)
        held = self._kept.get(key)
        if held is None or held[0] != state:
            held = self._kept[key] = (state, make())
        made: _Made = held[1]
        return made

    def _state(self, kind: str) -> tuple[Stamp, ...]:
        found: list[Stamp] = []
        ending = ".tsv" if kind in TABLES else ".yaml"
        for folder, inner in zip(self.folders, self._folders_of(kind), strict=True):
            # A library need not have files of every kind.
            files = files_of(inner, ending).values()
            if not files and not folder.is_dir():
                raise LibraryError(f'The library folder "{folder}" is gone. Bring it back, or take another library.')
            found += [stamp(file) for file in files]
        return tuple(found)


def read_table(file: Path, schema: type[Record]) -> tuple[Any, ...]:
    """Return the rows of one file of a table; errors as `Library.rows`."""
    return _table(stamp(file), schema)


@functools.lru_cache(maxsize=8)
def _shared(own: tuple[Path, ...], _built_in: Path) -> Library:
    return Library(own)


@functools.lru_cache(maxsize=2048)
def _record(of: Stamp, kind: str) -> Any:
    return parse_record(read_text(of[0]), _schema(kind), str(of[0]))


@functools.lru_cache(maxsize=256)
def _table(of: Stamp, schema: type[Record]) -> tuple[Any, ...]:
    return parse_table(read_text(of[0]), schema, str(of[0]))


@functools.lru_cache(maxsize=16)
def _bibliography(of: Stamp) -> dict[str, Source]:
    return read_bibliography(of[0])


def _schema(kind: str) -> type[Record]:
    if kind not in KINDS:
        raise UnknownNameError("kind of record", kind, KINDS)
    return KINDS[kind]


def _row_name(row: Any) -> str:
    """Return what a row is called."""
    if isinstance(row, ParameterRow):
        return row.parameterId
    if isinstance(row, LookRow):
        return row.arm
    return str(row.edge if isinstance(row, EdgeRow) else row.conditionId)


def _row_key(row: Any) -> Hashable:
    """Return what rows of an earlier folder replace together."""
    return (row.parameterId, row.context) if isinstance(row, ParameterRow) else _row_name(row)


def _refuse_twice(row: Any, group: list[Any], file: Path) -> None:
    if isinstance(row, ParameterRow) and group:
        where = f" in the context {';'.join(row.context)}" if row.context else " without context"
        raise LibraryError(f'{file}: "{row.parameterId}"{where} has a row already. Keep one of them.')
    if isinstance(row, EdgeRow) and group:
        raise LibraryError(f'{file}: the edge "{row.edge}" has a row already. Keep one of them.')
    if isinstance(row, LookRow) and group:
        raise LibraryError(f'{file}: the arm "{row.arm}" has a look already. Keep one of them.')
    if isinstance(row, ConditionRow) and any(row.targetId == other.targetId for other in group):
        raise LibraryError(f'{file}: condition "{row.conditionId}" changes "{row.targetId}" twice.')
