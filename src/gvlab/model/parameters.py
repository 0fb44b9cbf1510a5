"""ParameterTable: value, unit, bounds, evidence and source of each parameter, and the overlays of contexts."""

from __future__ import annotations

import csv
import dataclasses
import functools
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gvlab import notebook
from gvlab.bibliography import Source
from gvlab.errors import InvalidValueError, LibraryError, UnknownNameError
from gvlab.library import Library
from gvlab.library.table_rows import ParameterRow
from gvlab.notebook import shortened
from gvlab.provenance import Evidence, sha256

COLUMNS = (
    "parameterId",
    "nominalValue",
    "lowerBound",
    "upperBound",
    "priorDistribution",
    "unit",
    "context",
    "evidence",
    "source",
    "locator",
    "derivation",
    "verification",
    "note",
)
"""The columns of a parameter table: PEtab's, then ours."""


@dataclass(frozen=True)
class ParameterTable:
    """Parameters with what they rest on.

    A table as the library holds it has several rows a parameter, one a context. `resolve` gives the table of one
    system, in which each parameter stands once.

    Attributes
    ----------
    rows
        Sorted by parameter and context.
    contexts
        Tags for which the table was resolved; None if it was not.
    chains
        For a resolved table: the rows that each parameter could have taken, the least specific first, the one it takes
        last.
    library
        Whose bibliography its sources are in; the default one where None.
    """

    rows: tuple[ParameterRow, ...]
    contexts: tuple[str, ...] | None = None
    chains: Mapping[str, tuple[ParameterRow, ...]] = dataclasses.field(default_factory=dict, repr=False)
    library: Library | None = dataclasses.field(default=None, repr=False, compare=False)

    @classmethod
    def default(cls, library: Library | None = None) -> ParameterTable:
        """Return every row of a library, ours and the user's."""
        held = Library.default() if library is None else library
        return held.derived("parameter table", ("parameters",), lambda: cls.of(held.parameter_rows(), held))

    @classmethod
    def resolved(cls, contexts: Iterable[str], library: Library | None = None) -> ParameterTable:
        """Return the table of a library for some contexts; see `resolve`."""
        held = Library.default() if library is None else library
        tags = tuple(sorted(contexts))
        return held.derived(("resolved", tags), ("parameters",), lambda: cls.default(held).resolve(tags))

    @classmethod
    def of(cls, rows: Iterable[ParameterRow], library: Library | None = None) -> ParameterTable:
        """Return a table of rows."""
        return cls(tuple(sorted(rows, key=lambda row: (row.parameterId, row.context))), library=library)

    def resolve(self, contexts: Iterable[str] = ()) -> ParameterTable:
        """Return the table with, for each parameter, the most specific row that fits.

        A row fits if each of its tags is among `contexts`; of those the one with the most tags is taken. A parameter
        no row of which fits is left out.

        Raises
        ------
        LibraryError
            If two rows fit equally well.
        """
        tags = frozenset(contexts)
        fitting: dict[str, list[ParameterRow]] = {}
        for row in self.rows:
            if tags.issuperset(row.context):
                fitting.setdefault(row.parameterId, []).append(row)
        chains = {name: tuple(sorted(rows, key=lambda row: len(row.context))) for name, rows in fitting.items()}
        for name, chain in chains.items():
            if len(chain) > 1 and len(chain[-1].context) == len(chain[-2].context):
                one, other = (";".join(row.context) or "no context" for row in chain[-2:])
                raise LibraryError(
                    f'Two rows of "{name}" fit equally well: "{one}" and "{other}", in {", ".join(sorted(tags))}. '
                    "Give one of them a further tag, or remove it."
                )
        return ParameterTable(tuple(chain[-1] for chain in chains.values()), tuple(sorted(tags)), chains, self.library)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        which = "not resolved" if self.contexts is None else ", ".join(self.contexts) or "no context"
        return f"ParameterTable({len(self):,} rows, {shortened(which)}; sha256 {self.sha256[:12]})"

    def _repr_html_(self) -> str:
        which = "not resolved" if self.contexts is None else ", ".join(self.contexts) or "no context"
        rows = [
            (row.parameterId, row.nominalValue, row.unit, str(row.evidence), row.source, row.locator)
            for row in self.rows
        ]
        header = ("parameter", "value", "unit", "evidence", "source", "where")
        return notebook.card(f"{len(self):,} parameters", which, notebook.table(header, rows))

    def __iter__(self) -> Iterator[ParameterRow]:
        return iter(self.rows)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the parameters, sorted, each once."""
        return tuple(self._by_name)

    def row(self, name: str) -> ParameterRow:
        """Return the row of a parameter.

        Raises
        ------
        UnknownNameError
            If there is no such parameter.
        InvalidValueError
            If the table was not resolved and the parameter has several rows.
        """
        if name not in self._by_name:
            raise UnknownNameError("parameter", name, self._by_name)
        rows = self._by_name[name]
        if len(rows) > 1:
            raise InvalidValueError(
                f'"{name}" has {len(rows)} rows, one a context. Resolve the table first: table.resolve(contexts).'
            )
        return rows[0]

    def value(self, name: str) -> float:
        """Return the nominal value of a parameter, in its `unit`."""
        return self.row(name).nominalValue

    def unit(self, name: str) -> str:
        """Return the unit of a parameter."""
        return self.units[name] if name in self.units else self.row(name).unit

    @functools.cached_property
    def units(self) -> Mapping[str, str]:
        """Unit of each parameter that has one row, as all have in a resolved table."""
        return {name: rows[0].unit for name, rows in self._by_name.items() if len(rows) == 1}

    def bounds(self, name: str) -> tuple[float, float]:
        """Return the bounds of a parameter, infinite where it has none."""
        row = self.row(name)
        low = float("-inf") if row.lowerBound is None else row.lowerBound
        high = float("inf") if row.upperBound is None else row.upperBound
        return low, high

    def values(self) -> dict[str, float]:
        """Return every nominal value, by name."""
        return dict(self._values)

    @functools.cached_property
    def _values(self) -> Mapping[str, float]:
        return {name: self.value(name) for name in self.ids}

    def chain(self, name: str) -> tuple[ParameterRow, ...]:
        """Return the rows a parameter could have taken, the one it takes last."""
        self.row(name)
        return self.chains.get(name, self._by_name[name])

    def replace(self, values: Mapping[str, float], note: str = "changed by hand") -> ParameterTable:
        """Return a resolved table in which some values are others; they count as assumed.

        Raises
        ------
        UnknownNameError
            If there is no such parameter.
        InvalidValueError
            If a value lies outside the bounds of its parameter.
        """
        changed: dict[str, ParameterRow] = {}
        for name, value in values.items():
            old = self.row(name)
            low, high = self.bounds(name)
            if not low <= value <= high:
                raise InvalidValueError(f'"{name}" is {value:g} {old.unit}; its bounds are {low:g} to {high:g}.')
            update: dict[str, Any] = {
                "nominalValue": float(value),
                "evidence": Evidence.ASSUMED,
                "source": "",
                "locator": "",
                "derivation": "",
                "verification": "assumed",
                "note": f"{note}; was {old.nominalValue:g}",
            }
            changed[name] = old.model_copy(update=update)
        rows = tuple(changed.get(row.parameterId, row) for row in self.rows)
        chains = {name: (*chain, changed[name]) if name in changed else chain for name, chain in self.chains.items()}
        return ParameterTable(rows, self.contexts, chains, self.library)

    def select(self, names: Iterable[str]) -> ParameterTable:
        """Return the table of some of its parameters; names it does not have are passed over."""
        wanted = frozenset(names)
        rows = tuple(row for row in self.rows if row.parameterId in wanted)
        chains = {name: self.chains[name] for name in wanted & self.chains.keys()}
        return ParameterTable(rows, self.contexts, chains, self.library)

    def sources(self) -> tuple[Source, ...]:
        """Return the bibliography entries of exactly these rows."""
        return self._library.sources({key for row in self.rows for key in row.source_keys})

    def explain(self, name: str) -> str:
        """Return what a parameter is, what it rests on, and which rows it takes the place of."""
        chain = self.chain(name)
        known = self._library.bibliography()
        lines = _describe(chain[-1], known)
        for row in reversed(chain[:-1]):
            lines += ["", "takes the place of", *_describe(row, known)]
        return "\n".join(lines)

    def to_tsv(self) -> str:
        """Return as tab-separated text with the columns `COLUMNS`; valid PEtab once resolved."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
        writer.writerow(COLUMNS)
        for row in self.rows:
            writer.writerow(_cell(getattr(row, column)) for column in COLUMNS)
        return text.getvalue()

    @functools.cached_property
    def sha256(self) -> str:
        """SHA-256 of `to_tsv`."""
        return sha256(self.to_tsv())

    @property
    def _library(self) -> Library:
        return Library.default() if self.library is None else self.library

    @functools.cached_property
    def _by_name(self) -> dict[str, tuple[ParameterRow, ...]]:
        grouped: dict[str, list[ParameterRow]] = {}
        for row in self.rows:
            grouped.setdefault(row.parameterId, []).append(row)
        return {name: tuple(grouped[name]) for name in sorted(grouped)}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ";".join(value)
    return repr(value) if isinstance(value, float) else str(value)


def _describe(row: ParameterRow, known: Mapping[str, Source]) -> list[str]:
    low, high = row.lowerBound, row.upperBound
    bounds = "" if low is None and high is None else f", {_bound(low)} to {_bound(high)}"
    prior = f", prior {row.priorDistribution}" if row.priorDistribution else ""
    lines = [
        f"{row.parameterId} = {row.nominalValue:g} {row.unit}{bounds}{prior}",
        f"  holds for     {', '.join(row.context) or 'everything (base)'}",
        f"  evidence      {row.evidence}",
    ]
    for key in row.source_keys:
        reference = known[key].reference() if key in known else "not in references.bib"
        lines.append(f"  source        [{key}] {reference}")
    for label, text in (
        ("locator", row.locator),
        ("derivation", row.derivation),
        ("verification", row.verification),
        ("note", row.note),
    ):
        if text:
            lines.append(f"  {label:<13} {text}")
    return lines


def _bound(value: float | None) -> str:
    return "unbounded" if value is None else f"{value:g}"
