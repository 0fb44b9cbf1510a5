"""Model: an immutable SBML document, and the name and unit of each of its symbols."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gvlab.errors import ModelError, UnknownNameError
from gvlab.library import Library
from gvlab.library.listing import Stamp, stamp
from gvlab.provenance import sha256
from gvlab.sbml.equations import Equations
from gvlab.sbml.kept import equations_of
from gvlab.sbml.symbols import Symbol

__all__ = ["Model", "Symbol"]

_DEATH = "death_"


@dataclass(frozen=True)
class Model:
    """What happens: species, reactions, rules, events and units.

    Attributes
    ----------
    sbml
        The SBML document.
    """

    sbml: str

    @classmethod
    def default(cls, library: Library | None = None) -> Model:
        """Return the model of a library; a document is read once as long as its file stays the same.

        Raises
        ------
        LibraryError
            If the library has no model.
        ModelError
            If it cannot be read.
        """
        held = Library.default() if library is None else library
        return _read(stamp(held.model_file()))

    @classmethod
    def read(cls, path: Path | str) -> Model:
        """Return the model in an SBML file.

        Raises
        ------
        ModelError
            If it cannot be read.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f'The model "{path}" cannot be read: {error}.') from error
        model = cls(text)
        model.symbols  # noqa: B018 - a document without a model is refused here, not at the first run
        return model

    def __reduce__(self) -> tuple[type[Model], tuple[str]]:
        # What has been read out of the text is read again on the other side; libSBML's objects cannot travel.
        return (Model, (self.sbml,))

    def __repr__(self) -> str:
        return f"Model({self.id!r}, {len(self.symbols)} symbols, sha256 {self.sha256[:12]})"

    @functools.cached_property
    def sha256(self) -> str:
        """SHA-256 of the document."""
        return sha256(self.sbml)

    @property
    def structure(self) -> str:
        """SHA-256 of the mathematics alone: without names, annotations, and the values of what stays constant.

        Two documents of the same structure give the same results for the same parameters.
        """
        return self.equations.contents.structure

    @functools.cached_property
    def equations(self) -> Equations:
        """The equations, as engines take them."""
        return equations_of(self.sbml)

    @property
    def symbols(self) -> Mapping[str, Symbol]:
        """Every symbol by id, in the order of the document."""
        return self.equations.symbols

    @property
    def id(self) -> str:
        """The id of the model in the document."""
        return self.equations.contents.id

    def symbol(self, name: str) -> Symbol:
        """Return a symbol.

        Raises
        ------
        UnknownNameError
            If the model has none of that name.
        """
        if name not in self.symbols:
            raise UnknownNameError("symbol of the model", name, self.symbols)
        return self.symbols[name]

    def unit(self, name: str) -> str:
        """Return the unit of a symbol."""
        return self.symbol(name).unit

    def title(self, name: str) -> str:
        """Return what a reader calls a symbol."""
        return self.symbol(name).title

    def named(self, kind: str) -> tuple[str, ...]:
        """Return the ids of one kind: "species", "parameter", "compartment", "reaction", "event"."""
        return tuple(symbol.id for symbol in self.symbols.values() if symbol.kind == kind)

    @property
    def constants(self) -> tuple[str, ...]:
        """Parameters that keep their value in a run."""
        return tuple(s.id for s in self.symbols.values() if s.kind == "parameter" and s.constant)

    @property
    def deaths(self) -> tuple[str, ...]:
        """Events that end a subject: those whose id begins with "death_"."""
        return tuple(name for name in self.named("event") if name.startswith(_DEATH))


@functools.lru_cache(maxsize=8)
def _read(of: Stamp) -> Model:
    return Model.read(of[0])
