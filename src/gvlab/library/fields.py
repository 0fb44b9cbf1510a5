"""What the fields of records are made of: identifiers, text, units, contexts, sources."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gvlab import units

_IDENTIFIER = r"^[A-Za-z_]\w*$"

Verification = Literal["stated in source", "from memory, unverified", "derived here", "assumed", ""]
"""Whether somebody read a number in its source, or only recalls it."""

Identifier = Annotated[str, Field(pattern=_IDENTIFIER)]
Text = Annotated[str, BeforeValidator(lambda value: " ".join(value.split()) if isinstance(value, str) else value)]


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""One word or a list of words."""


def _as_list(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(";") if part.strip()) if isinstance(value, str) else value


Claims = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
"""Numbers of claims, in a table joined with ";"."""


def _unit(value: Any) -> Any:
    return units.check_unit(value) if isinstance(value, str) else value


Unit = Annotated[str, BeforeValidator(_unit)]
"""A unit, every word of which is known."""


def _context(value: Any) -> Any:
    """Read "species:mouse;host:a" or a list of such tags."""
    if isinstance(value, str):
        value = [part for part in value.replace(",", ";").split(";") if part.strip()]
    if isinstance(value, list | tuple):
        tags = tuple(str(part).strip() for part in value)
        for tag in tags:
            space, _, name = tag.partition(":")
            if not space or not name:
                raise ValueError(f'"{tag}" is no context; write space:name, such as "species:mouse"')
        return tuple(sorted(tags))
    return value


Context = Annotated[tuple[str, ...], BeforeValidator(_context)]
"""Tags of overlays, sorted; empty is the base."""


class Record(BaseModel):
    """What every record has: it cannot be changed, and forbids keys it does not know."""

    # A validator is built when the first record of its kind is read, and docstrings of fields stay in the source:
    # both took a third of a second of every start.
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)


class Titled(Record):
    """A record with a name for machines and a title for people."""

    name: Identifier
    """The name of the file, and what the API calls it."""
    title: Text
    """What a reader calls it."""


class Sourced(Record):
    """Something that says where it comes from."""

    source: str = ""
    """A key of references.bib, or several joined with ";"."""
    locator: Text = ""
    """Where in the source: "Fig. 2b"."""
    verification: Verification = ""
    note: Text = ""

    @property
    def source_keys(self) -> tuple[str, ...]:
        """Keys of references.bib."""
        return tuple(key.strip() for key in self.source.split(";") if key.strip())


class SourcedValue(Sourced):
    """A number with its unit and source."""

    value: float
    unit: Unit
