"""Model: an immutable SBML document, and the name and unit of each of its symbols."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import libsbml

from gvlab.errors import ModelError, UnknownNameError
from gvlab.library import Library
from gvlab.library.library import Stamp, stamp
from gvlab.provenance import sha256
from gvlab.sbml.equations import Equations

_DEATH = "death_"


@dataclass(frozen=True)
class Symbol:
    """Something in a model that has a name.

    Attributes
    ----------
    id
        What equations call it.
    title
        What a reader calls it; the id where the document gives no name.
    kind
        "species", "parameter", "compartment", "reaction" or "event".
    unit
        As `gvlab.units` reads it: "mg/L", "cell", "1/day"; "" for an event, and where the document gives none.
    constant
        Whether it keeps its value in a run.
    value
        Its value in the document; None where something computes it.
    sbo
        Its term of the Systems Biology Ontology, "" where it has none.
    """

    id: str
    title: str
    kind: str
    unit: str
    constant: bool
    value: float | None
    sbo: str


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

    @functools.cached_property
    def structure(self) -> str:
        """SHA-256 of the mathematics alone: without names, annotations, and the values of what stays constant.

        Two documents of the same structure give the same results for the same parameters.
        """
        document = libsbml.readSBMLFromString(self.sbml)
        elements = document.getListOfAllElements()
        for number in range(elements.getSize()):
            element = elements.get(number)
            element.unsetAnnotation()
            element.unsetNotes()
            element.unsetSBOTerm()
            element.unsetMetaId()
            element.unsetName()
        for parameter in document.getModel().getListOfParameters():
            if parameter.getConstant():
                parameter.unsetValue()
        return sha256(libsbml.writeSBMLToString(document))

    @functools.cached_property
    def equations(self) -> Equations:
        """The equations, as engines take them."""
        return Equations.from_sbml(self.sbml)

    @functools.cached_property
    def symbols(self) -> Mapping[str, Symbol]:
        """Every symbol by id, in the order of the document."""
        document = libsbml.readSBMLFromString(self.sbml)
        model = document.getModel()
        if model is None:
            raise ModelError(f"This is not an SBML document with a model. It begins with {self.sbml[:60]!r}.")
        return MappingProxyType({symbol.id: symbol for symbol in _symbols(model)})

    @functools.cached_property
    def id(self) -> str:
        """The id of the model in the document."""
        return str(libsbml.readSBMLFromString(self.sbml).getModel().getId())

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


def _symbols(model: Any) -> Iterator[Symbol]:
    # What a rule or an initial assignment computes has no value of its own, whatever the attribute says.
    computed = {rule.getVariable() for rule in model.getListOfRules()}
    computed |= {assignment.getSymbol() for assignment in model.getListOfInitialAssignments()}
    for kind, elements in (
        ("compartment", model.getListOfCompartments()),
        ("species", model.getListOfSpecies()),
        ("parameter", model.getListOfParameters()),
        ("reaction", model.getListOfReactions()),
        ("event", model.getListOfEvents()),
    ):
        for element in elements:
            identifier = element.getId()
            yield Symbol(
                identifier,
                element.getName() or identifier,
                kind,
                _unit(element, kind, model),
                bool(element.getConstant()) if kind in ("compartment", "species", "parameter") else False,
                None if identifier in computed else _value(element, kind),
                element.getSBOTermID(),
            )


def _value(element: Any, kind: str) -> float | None:
    found = math.nan
    if kind == "species":
        found = element.getInitialAmount() if element.isSetInitialAmount() else element.getInitialConcentration()
    elif kind == "parameter":
        found = element.getValue()
    elif kind == "compartment":
        found = element.getSize()
    return None if math.isnan(found) else float(found)


def _unit(element: Any, kind: str, model: Any) -> str:
    if kind == "event":
        return ""
    if kind == "reaction":
        extent, time = model.getExtentUnits(), model.getTimeUnits()
        return _text([*_parts(model, extent), *_inverse(_parts(model, time))]) if extent else ""
    name = element.getSubstanceUnits() if kind == "species" else element.getUnits()
    if not name:
        return ""
    parts = _parts(model, name)
    if kind == "species" and not element.getHasOnlySubstanceUnits():
        size = model.getCompartment(element.getCompartment()).getUnits()
        parts = [*parts, *_inverse(_parts(model, size))]
    return _text(parts)


Part = tuple[str, float, float]
"""SBML kind, how many of it make one, exponent."""

_SPELLED = {
    "second": {86400.0: "day", 3600.0: "hour", 60.0: "min", 1.0: "s"},
    "litre": {1.0: "L", 1e-3: "mL", 1e-6: "uL"},
    "gram": {1e3: "kg", 1.0: "g", 1e-3: "mg", 1e-6: "ug", 1e-9: "ng", 1e-12: "pg"},
    "kilogram": {1.0: "kg", 1e-3: "g", 1e-6: "mg", 1e-9: "ug", 1e-12: "ng", 1e-15: "pg"},
    "mole": {1.0: "mol", 1e-3: "mmol", 1e-6: "umol", 1e-9: "nmol", 1e-12: "pmol"},
    "item": {1.0: "cell"},
    "gray": {1.0: "Gy"},
}


def _parts(model: Any, name: str) -> list[Part]:
    definition = model.getUnitDefinition(name)
    if definition is None:
        return [(name, 1.0, 1.0)] if name != "dimensionless" else []
    return [
        (
            libsbml.UnitKind_toString(unit.getKind()),
            unit.getMultiplier() * 10.0 ** unit.getScale(),
            unit.getExponentAsDouble(),
        )
        for unit in definition.getListOfUnits()
        if libsbml.UnitKind_toString(unit.getKind()) != "dimensionless"
    ]


def _inverse(parts: list[Part]) -> list[Part]:
    return [(kind, size, -exponent) for kind, size, exponent in parts]


def _text(parts: list[Part]) -> str:
    """Spell a unit as a bench does: "mg/L", "1/day", "pg/mL/day"."""
    above: list[str] = []
    below: list[str] = []
    for kind, size, exponent in parts:
        kind = {"liter": "litre", "metre": "meter"}.get(kind, kind)
        word = next((text for known, text in _SPELLED.get(kind, {}).items() if math.isclose(known, size)), None)
        if word is None:
            word = kind if math.isclose(size, 1.0) else f"{size:g}*{kind}"
        power = abs(exponent)
        (above if exponent > 0 else below).append(word if power == 1 else f"{word}^{power:g}")
    if not above and not below:
        return "dimensionless"
    text = "/".join(["*".join(sorted(above)) or "1", *sorted(below, key=lambda word: (word.startswith("day"), word))])
    # Cytokines are read in pg/mL, which SBML writes with the litre.
    return text.replace("ng/L", "pg/mL")
