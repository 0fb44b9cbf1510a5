"""Sources of numbers: the entries of a BibTeX file, and how they are cited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from gvlab.errors import LibraryError
from gvlab.files import read_text


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
        """Return a field, "" where there is none."""
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
        """Return the entry as one line of a bibliography."""
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
        """Return the sources, each once, sorted by key."""
        ...


def cite(thing: HasSources) -> str:
    """Return the bibliography of exactly the numbers that something uses.

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
    """Return sources as lines "[key] reference", sorted by key, each once."""
    unique = {source.key: source for source in sources}
    return "\n".join(f"[{key}] {unique[key].reference()}" for key in sorted(unique))


def read_bibliography(path: Path) -> dict[str, Source]:
    """Return the entries of a BibTeX file, by key.

    Raises
    ------
    LibraryError
        If the file is not BibTeX, or a key stands twice: the message names the line.
    """
    return parse_bibliography(read_text(path), str(path))


def parse_bibliography(text: str, name: str = "BibTeX text") -> dict[str, Source]:
    """Return the entries of BibTeX text, by key; arguments and errors as `read_bibliography`."""
    # Pybtex brings a parser generator and a plug-in system; who cites nothing does without.
    from pybtex.database.input.bibtex import LowLevelParser, month_names
    from pybtex.scanner import PrematureEOF, PybtexSyntaxError

    def refuse(error: Any) -> None:
        raise error

    # The parser of entries, not the reader of people above it: names stay as their authors write them.
    parser = LowLevelParser(text, macros=dict(month_names), handle_error=refuse)
    found: dict[str, Source] = {}
    try:
        for entry, content in parser:
            if entry.lower() in ("string", "preamble"):
                continue
            key, fields = content
            line = text.count("\n", 0, parser.command_start) + 1
            source = _source(entry.lower(), key, fields, f"{name}, line {line}")
            if key in found:
                raise LibraryError(f'{name}, line {line}: the key "{key}" stands twice. Keep one of them.')
            found[key] = source
    except PrematureEOF:
        line = text.count("\n", 0, parser.command_start) + 1
        raise LibraryError(
            f"{name}, line {line}: the entry that begins here is never closed; a brace or a quotation mark is missing."
        ) from None
    except PybtexSyntaxError as error:
        # Its own words are "syntax error in line 7: '=' expected"; the line stands in front already.
        reason = str(error).partition(": ")[2]
        raise LibraryError(
            f"{name}, line {error.lineno}: this is not BibTeX: {reason}. An entry is @article{{key, title = {{...}}}}."
        ) from None
    return found


def _source(entry: str, key: str, fields: Iterable[tuple[str, list[str]]], where: str) -> Source:
    read: dict[str, str] = {}
    for name, parts in fields:
        if name.lower() in read:
            raise LibraryError(f'{where}: "{name.lower()}" stands twice in "{key}".')
        # Braces only keep capitals in print, and no page of ours is set by TeX.
        plain = "".join(parts).replace("{", "").replace("}", "").replace("\\&", "&")
        read[name.lower()] = " ".join(plain.split())
    return Source(key, entry, read)
