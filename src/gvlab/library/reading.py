"""Turns the text of a data file into records, and says file, line, key and way out where it cannot."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from gvlab.errors import LibraryError, UnknownNameError
from gvlab.library.fields import Record

Row = TypeVar("Row", bound=Record)
Place = tuple[str | int, ...]
"""Where something stands in a record: keys and positions from the outside in."""

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where libyaml is there
_DEEPEST = 32
_MOST_VALUES = 20_000
_LONGEST_SHOWN = 80
_MOST_SHOWN = 4

_NULL = frozenset(("", "~", "null"))
_WHOLE = re.compile(r"[-+]?(?:0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?")


# ------------------------------------------------------------------------------------------------------ YAML


def parse_record(text: str, schema: type[Row], file: str) -> Row:
    """Return the record that YAML text holds; `file` is what errors call it.

    Raises
    ------
    LibraryError
        If it is not YAML, or breaks the schema.
    """
    return _checked(*parse_yaml(text, file), schema, file)


def record_of(content: Any, schema: type[Row], file: str) -> Row:
    """Return the record of plain values, as they stand in JSON; `file` is what errors call them.

    Raises
    ------
    LibraryError
        If they are nested deeply or very many, or break the schema.
    """
    todo: list[tuple[Any, int]] = [(content, 0)]
    seen = 0
    while todo:
        value, depth = todo.pop()
        seen += 1
        if depth > _DEEPEST:
            raise LibraryError(f"{file}: this is nested more than {_DEEPEST} deep; no record is.")
        if seen > _MOST_VALUES:
            raise LibraryError(f"{file}: the record holds more than {_MOST_VALUES:,} values; no record does.")
        if isinstance(value, dict | list):
            todo += [(each, depth + 1) for each in (value.values() if isinstance(value, dict) else value)]
    return _checked(content, {}, schema, file)


def _checked(content: Any, lines: Mapping[Place, int], schema: type[Row], file: str) -> Row:
    if not isinstance(content, dict):
        raise LibraryError(f"{file}: a record is a list of keys with values, such as `name: {Path(file).stem}`.")
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        raise LibraryError(_explain(error, file, schema, lines)) from None


def parse_yaml(text: str, file: str) -> tuple[Any, Mapping[Place, int]]:
    """Return what YAML text holds, and the line on which each part of it begins.

    Of YAML only what a record needs is understood: keys that stand once, lists, text, numbers, true, false, null, and
    parts that stand again by their anchor. "on" is a word and 1e-3 is a number.

    Raises
    ------
    LibraryError
        If it is anything else.
    """
    reader = _YamlReader(text, file)
    try:
        return reader.document(), reader.lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise LibraryError(f"{file}{where} is not YAML: {error.problem or error.context}.") from None
    except yaml.YAMLError as error:
        raise LibraryError(f"{file} is not YAML: {' '.join(str(error).split())}.") from None


class _YamlReader:
    """Turns the events of a YAML parser into plain values.

    A short file can ask for objects (by tags), for a billion values (by aliases of aliases) or for nesting that ends
    Python; from events all of that is refused before it happens.
    """

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.lines: dict[Place, int] = {}
        self._events: Iterator[Any] = yaml.parse(text, Loader=_PARSER)
        self._anchored: dict[str, tuple[Any, int]] = {}
        self._size = 0

    def document(self) -> Any:
        """Return the one value of the file; None where it is empty."""
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        content = self._value(next(self._events), ())
        next(self._events)  # the document ends
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            raise LibraryError(f"{self._where(more)}: a second document begins. Keep one record a file.")
        return content

    def _where(self, event: Any) -> str:
        return f"{self.file}, line {_line(event)}"

    def _value(self, event: Any, place: Place) -> Any:
        """Return the value that begins with an event."""
        self.lines.setdefault(place, _line(event))
        where = self._where(event)
        if len(place) > _DEEPEST:
            raise LibraryError(f"{where}: this is nested more than {_DEEPEST} deep; no record is.")
        before = self._size
        self._count(1, where)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchored:
                raise LibraryError(f'{where}: "*{event.anchor}" stands within itself. Write the value out.')
            again, size = self._anchored[event.anchor]
            self._count(size, where)
            return again
        if event.tag is not None:
            raise LibraryError(f'{where}: a record has no tags, and here is "{event.tag}". Write the value alone.')
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event, where)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(place)
        else:
            value = self._mapping(place)
        if event.anchor is not None:
            self._anchored[event.anchor] = (value, self._size - before)
        return value

    def _count(self, values: int, where: str) -> None:
        self._size += values
        if self._size > _MOST_VALUES:
            raise LibraryError(f"{where}: the record holds more than {_MOST_VALUES:,} values; no record does.")

    def _list(self, place: Place) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*place, len(items))))
        return items

    def _mapping(self, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
                raise LibraryError(f"{self._where(event)}: a key is a word, such as `name:`.")
            key = str(event.value)
            if key in found:
                raise LibraryError(f'{self._where(event)}: the key "{_short(key)}" stands twice; keep one of them.')
            self.lines[(*place, key)] = _line(event)
            found[key] = self._value(next(self._events), (*place, key))
        return found


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _scalar(event: Any, where: str) -> Any:
    text: str = event.value
    if not text.isprintable():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise LibraryError(f"{where}: the text holds half a character (a surrogate). Write it as UTF-8.") from None
    if event.style:  # in quotes, or a block of text
        return text
    if text.lower() in _NULL:
        return None
    if text in ("true", "false"):
        return text == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


# ------------------------------------------------------------------------------------------------------ tables


def parse_table(text: str, schema: type[Row], file: str) -> tuple[Row, ...]:
    """Return the rows of a tab-separated table, one record a row. Lines that begin with # are comments.

    Raises
    ------
    LibraryError
        If a column is unknown or stands twice, or a row breaks the schema.
    """
    lines = text.splitlines()
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    reader = csv.reader(io.StringIO("\n".join(line for _, line in numbered)), delimiter="\t", quoting=csv.QUOTE_NONE)
    try:
        table = [[cell.strip() for cell in row] for row in reader]
    except csv.Error as error:
        number = numbered[min(reader.line_num, len(numbered)) - 1][0]
        raise LibraryError(f"{file}, line {number} is no row of a table: {error}.") from None
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
            raise LibraryError(_explain(error, f"{where} ({row[0]})", schema, {})) from None
    return tuple(found)


# ------------------------------------------------------------------------------------------------------ errors


def _explain(error: ValidationError, file: str, schema: type[Record], lines: Mapping[Place, int]) -> str:
    """Write in words what breaks the schema: file, line, key, value, rule, way out."""
    messages, first = [], 0
    problems = error.errors()
    # A list whose entries were all refused is "too short" for pydantic; the entries say what is wrong.
    refused = {problem["loc"][:i] for problem in problems for i in range(len(problem["loc"]))}
    for problem in problems:
        if problem["type"] == "too_short" and problem["loc"] in refused:
            continue
        # "record" is pydantic's word for one of two forms of an entry, not a key that anybody wrote.
        place = tuple(part for part in problem["loc"] if part != "record")
        first = first or _line_of(place, lines)
        messages.append(_say(problem, place, schema))
    where = f"{file}, line {first}" if first else file
    found = list(dict.fromkeys(messages))
    more = len(found) - _MOST_SHOWN
    # One word that is wrong in every entry of a list is read once or twice, not twenty times.
    told = [*found[:_MOST_SHOWN], f"And {more} more of this kind."] if more > 1 else found
    return f"{where}: " + " ".join(told)


def _say(problem: Any, place: Place, schema: type[Record]) -> str:
    key = ".".join(map(str, place))
    value = problem["input"]
    if problem["type"] == "extra_forbidden":
        owner = _owner(schema, problem["loc"])
        return str(UnknownNameError("key", _short(str(place[-1])), owner.model_fields, ".".join(map(str, place[:-1]))))
    if problem["type"] == "missing":
        return f'The key "{key}" is missing.'
    if problem["type"] == "value_error":
        reason = str(problem["ctx"]["error"]) if "ctx" in problem else problem["msg"]
        return f"{key + ': ' if key else ''}{reason.rstrip('.')}."
    shown = _short(repr(value)) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return f'"{key}" is {shown}: {problem["msg"][:1].lower()}{problem["msg"][1:].rstrip(".")}.'


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _line_of(place: Place, lines: Mapping[Place, int]) -> int:
    """Return the line of the innermost part of a place that stands in the file; 0 where lines are not known."""
    if not lines:
        return 0
    known: Place = ()
    for part in place:
        if (*known, part) in lines:
            known = (*known, part)
    return lines.get(known, 0) if known else 0


def _owner(schema: type[Record], location: Place) -> type[Record]:
    """Find the class in which an unknown key stands, to list the keys it has."""
    from gvlab.library import records

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
