"""Finds and reads a record by kind and name. The biology is here, as data; the folder a user names comes first.

``GVLAB_LIBRARY`` names a folder (several are joined with the separator of PATH) laid out like this one. A record
there stands in front of ours of the same name; a row of a parameter table there replaces ours with the same parameter
and context.
"""

from __future__ import annotations

import csv
import functools
import io
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pydantic import ValidationError

from gvlab.errors import LibraryError, UnknownNameError
from gvlab.library import records
from gvlab.library.fields import Record
from gvlab.library.records import KINDS, SINGULAR, TABLES, ConditionRow, ParameterRow
from gvlab.provenance import Source, read_bibliography

BUILT_IN = Path(__file__).parent
"""The folder of our own records."""

_Row = TypeVar("_Row", bound=Record)
_ID = {"findings": "id"}


def folders() -> tuple[Path, ...]:
    """Give the folders that are searched, the first wins.

    Raises
    ------
    LibraryError
        If GVLAB_LIBRARY names a folder that does not exist.
    """
    own = [Path(part) for part in os.environ.get("GVLAB_LIBRARY", "").split(os.pathsep) if part]
    for folder in own:
        if not folder.is_dir():
            raise LibraryError(f'GVLAB_LIBRARY names "{folder}", which is not a folder. Correct it, or unset it.')
    return (*own, BUILT_IN)


def names(kind: str) -> tuple[str, ...]:
    """Give the names of all records of a kind ("agents", "systems", "conditions", ...), sorted."""
    if kind in TABLES:
        return tuple(sorted({_first_column(row) for row in rows(kind)}))
    _schema(kind)
    return tuple(sorted({path.stem for folder in folders() for path in (folder / kind).glob("*.yaml")}))


def path(kind: str, name: str) -> Path:
    """Give the file of a record.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    _schema(kind)
    for folder in folders():
        found = folder / kind / f"{name}.yaml"
        # A name is no path: "../x" is an unknown name, not a file somewhere else.
        if found.parent == folder / kind and found.is_file():
            return found
    raise UnknownNameError(SINGULAR[kind], name, names(kind))


def read(kind: str, name: str) -> Any:
    """Read a record, such as ``read("agents", "drug_a")``.

    Returns
    -------
    An instance of the kind's class in `gvlab.library.records`.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    LibraryError
        If the file breaks its schema: the message names file, key, value and rule.
    """
    file = path(kind, name)
    record = _read_yaml(file, kind, file.stat().st_mtime_ns)
    key = _ID.get(kind, "name")
    written = getattr(record, key)
    if written != name:
        raise LibraryError(f'{file}: "{key}" is "{written}"; it must be the name of the file, "{name}".')
    return record


def read_all(kind: str) -> dict[str, Any]:
    """Read every record of a kind, by name."""
    return {name: read(kind, name) for name in names(kind)}


def rows(kind: str) -> tuple[Any, ...]:
    """Read every row of the tables of a kind ("parameters", "conditions").

    Rows of a user's folder replace ours: for parameters the row with the same parameter and context, for conditions
    the whole condition.

    Raises
    ------
    LibraryError
        If a file breaks its schema, or two files of one folder hold the same row.
    """
    schema = TABLES.get(kind)
    if schema is None:
        raise UnknownNameError("kind of table", kind, TABLES)
    found: dict[Any, list[Any]] = {}
    for folder in reversed(folders()):
        here: dict[Any, list[Any]] = {}
        for file in sorted((folder / kind).glob("*.tsv")):
            for row in read_table(file, schema):
                group = here.setdefault(_row_key(row), [])
                if isinstance(row, ParameterRow) and group:
                    where = f" in the context {';'.join(row.context)}" if row.context else " without context"
                    raise LibraryError(f'{file}: "{row.parameterId}"{where} has a row already. Keep one of them.')
                if isinstance(row, ConditionRow) and any(row.targetId == other.targetId for other in group):
                    raise LibraryError(f'{file}: condition "{row.conditionId}" changes "{row.targetId}" twice.')
                group.append(row)
        found.update(here)
    return tuple(row for group in found.values() for row in group)


def parameter_rows() -> tuple[ParameterRow, ...]:
    """Read every row of the parameter tables."""
    return rows("parameters")


def condition_rows(name: str) -> tuple[ConditionRow, ...]:
    """Read the rows of a condition.

    Raises
    ------
    UnknownNameError
        If there is no such condition.
    """
    found = tuple(row for row in rows("conditions") if row.conditionId == name)
    if not found:
        raise UnknownNameError("condition", name, names("conditions"))
    return found


def bibliography() -> dict[str, Source]:
    """Read every references.bib, by key."""
    found: dict[str, Source] = {}
    for folder in reversed(folders()):
        file = folder / "references.bib"
        if file.is_file():
            found.update(_read_bibliography(file, file.stat().st_mtime_ns))
    return found


def sources(keys: Iterable[str]) -> tuple[Source, ...]:
    """Give the bibliography entries of some keys, each once, sorted.

    Raises
    ------
    UnknownNameError
        If a key is in no references.bib.
    """
    known = bibliography()
    wanted = sorted(set(keys))
    for key in wanted:
        if key not in known:
            raise UnknownNameError("source", key, known, "references.bib")
    return tuple(known[key] for key in wanted)


def read_yaml(file: Path, kind: str) -> Any:
    """Read one YAML file as a record of a kind; errors as `read`."""
    return _read_yaml(file, kind, file.stat().st_mtime_ns)


def read_table(file: Path, schema: type[_Row]) -> tuple[_Row, ...]:
    """Read a tab-separated table, one record a row. Lines that begin with # are comments.

    Raises
    ------
    LibraryError
        If a column is unknown or missing, or a row breaks the schema.
    """
    return cast("tuple[_Row, ...]", _read_table(file, schema, file.stat().st_mtime_ns))


@functools.lru_cache(maxsize=1024)
def _read_yaml(file: Path, kind: str, _modified: int) -> Any:
    schema = _schema(kind)
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), _Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LibraryError(f"{file} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise LibraryError(f"{file}: a record is a list of keys with values, such as `name: {file.stem}`.")
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        raise LibraryError(_explain(error, str(file), schema)) from None


def parse_table(text: str, schema: type[_Row], name: str) -> tuple[_Row, ...]:
    """Read the text of a table; `name` is what errors call it. Errors as `read_table`."""
    return cast("tuple[_Row, ...]", _parse_table(text, schema, name))


@functools.lru_cache(maxsize=1024)
def _read_table(file: Path, schema: type[Record], _modified: int) -> tuple[Record, ...]:
    return _parse_table(file.read_text(encoding="utf-8"), schema, str(file))


def _parse_table(text: str, schema: type[Record], file: str) -> tuple[Record, ...]:
    lines = text.splitlines()
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    reader = csv.reader(io.StringIO("\n".join(line for _, line in numbered)), delimiter="\t", quoting=csv.QUOTE_NONE)
    table = [[cell.strip() for cell in row] for row in reader]
    if not table:
        raise LibraryError(f"{file} is empty; its first line must name the columns: {', '.join(schema.model_fields)}.")
    header = table[0]
    for column in header:
        if column not in schema.model_fields:
            raise LibraryError(str(UnknownNameError("column", column, schema.model_fields, file)))
        if header.count(column) > 1:
            raise LibraryError(f'{file}: the column "{column}" stands twice.')
    found = []
    for (number, _), row in zip(numbered[1:], table[1:], strict=True):
        where = f"{file}, line {number}"
        if len(row) > len(header):
            raise LibraryError(f"{where} has {len(row)} cells, but there are {len(header)} columns.")
        cells = dict(zip(header, [*row, *[""] * (len(header) - len(row))], strict=True))
        try:
            found.append(schema.model_validate({key: cell for key, cell in cells.items() if cell != ""}))
        except ValidationError as error:
            raise LibraryError(_explain(error, f"{where} ({row[0]})", schema)) from None
    return tuple(found)


@functools.lru_cache(maxsize=16)
def _read_bibliography(file: Path, _modified: int) -> dict[str, Source]:
    return read_bibliography(file)


def _schema(kind: str) -> type[Record]:
    if kind not in KINDS:
        raise UnknownNameError("kind of record", kind, KINDS)
    return KINDS[kind]


def _first_column(row: Record) -> str:
    return str(row.parameterId if isinstance(row, ParameterRow) else getattr(row, "conditionId", ""))


def _row_key(row: Any) -> Any:
    return (row.parameterId, row.context) if isinstance(row, ParameterRow) else row.conditionId


def _explain(error: ValidationError, where: str, schema: type[Record]) -> str:
    """Say in words what breaks the schema: file, key, value, rule, way out."""
    lines = []
    for problem in error.errors():
        # "record" is pydantic's word for one of two forms of an entry, not a key that anybody wrote.
        place = [str(part) for part in problem["loc"] if part != "record"]
        key = ".".join(place)
        value = problem["input"]
        shown = repr(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
        if problem["type"] == "extra_forbidden":
            owner = _owner(schema, problem["loc"])
            lines.append(str(UnknownNameError("key", place[-1], owner.model_fields, ".".join(place[:-1]))))
        elif problem["type"] == "missing":
            lines.append(f'The key "{key}" is missing.')
        elif problem["type"] == "value_error":
            reason = str(problem["ctx"]["error"]) if "ctx" in problem else problem["msg"]
            lines.append(f"{key + ': ' if key else ''}{reason.rstrip('.')}.")
        else:
            lines.append(f'"{key}" is {shown}: {problem["msg"][:1].lower()}{problem["msg"][1:].rstrip(".")}.')
    return f"{where}: " + " ".join(dict.fromkeys(lines))


def _owner(schema: type[Record], location: tuple[int | str, ...]) -> type[Record]:
    """Find the class in which an unknown key stands, to list the keys it has."""
    owner = schema
    for part in location[:-1]:
        field = owner.model_fields.get(str(part))
        if field is not None:
            inner = _records_within(field.annotation)
            owner = inner[0] if inner else owner
        elif isinstance(part, str) and isinstance(getattr(records, part, None), type):
            owner = getattr(records, part)
    return owner


def _records_within(annotation: Any) -> list[type[Record]]:
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return [annotation]
    return [found for inner in getattr(annotation, "__args__", ()) for found in _records_within(inner)]


class _Loader(yaml.SafeLoader):
    """YAML in which a key may stand once, "on" is a word, and 1e-3 is a number."""


def _unique_keys(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: dict[Any, yaml.Node] = {}
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            line = key_node.start_mark.line + 1
            raise yaml.constructor.ConstructorError(
                None, None, f'the key "{key}" stands twice, the second time in line {line}; keep one of them', None
            )
        seen[key] = key_node
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


def _build_loader() -> None:
    _Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":float", ":timestamp"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
    _Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?$"),
        list("-+.0123456789"),
    )
    _Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_keys)


_build_loader()
