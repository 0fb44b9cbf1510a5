"""Reads with libSBML what the names of a document mean, and spells its units as a bench does."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import libsbml

from gvlab.errors import ModelError
from gvlab.sbml.symbols import Contents, Symbol


def read_contents(text: str) -> Contents:
    """Return what an SBML document names.

    Raises
    ------
    ModelError
        If it has no model.
    """
    document = libsbml.readSBMLFromString(text)
    model = document.getModel()
    if model is None:
        raise ModelError(f"This is not an SBML document with a model. It begins with {text[:60]!r}.")
    identifier, symbols, day = str(model.getId()), tuple(_symbols(model)), _day(model)
    # The structure comes last: it takes the names away.
    return Contents(identifier, _structure(document), symbols, day)


def _structure(document: Any) -> str:
    """Return the hash of a document after taking out of it all that is not mathematics."""
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
    return hashlib.sha256(libsbml.writeSBMLToString(document).encode()).hexdigest()


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


DAY = 86400.0
"""Seconds."""


def _day(model: Any) -> float:
    """Return how many of the model's units of time a day is; 1 where it has none, or none of time."""
    parts = _parts(model, _of_model(model, "time"))
    if [(kind, exponent) for kind, _, exponent in parts] != [("second", 1.0)]:
        return 1.0
    return float(DAY / parts[0][1])


_DEFAULTS = {"substance": "mole", "volume": "litre", "area": "metre^2", "length": "metre", "time": "second"}
"""What Levels 1 and 2 mean by their own names of units, where a document does not define them anew."""


def _of_model(model: Any, what: str) -> str:
    """Return the unit that a model has for all that does not name its own; "" where it says nothing."""
    if model.getLevel() < 3:
        return what
    return str(getattr(model, f"get{what.capitalize()}Units")())


def _unit_of_size(model: Any, compartment: Any) -> str:
    dimensions = {3: "volume", 2: "area", 1: "length"}.get(compartment.getSpatialDimensions(), "")
    return compartment.getUnits() or (_of_model(model, dimensions) if dimensions else "dimensionless")


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
        extent = model.getExtentUnits() if model.getLevel() > 2 else "substance"
        time = _of_model(model, "time")
        return _text([*_parts(model, extent), *_inverse(_parts(model, time))]) if extent else ""
    if kind == "species":
        name = element.getSubstanceUnits() or _of_model(model, "substance")
    else:
        name = _unit_of_size(model, element) if kind == "compartment" else element.getUnits()
    if not name:
        return ""
    parts = _parts(model, name)
    if kind == "species" and not element.getHasOnlySubstanceUnits():
        size = _unit_of_size(model, model.getCompartment(element.getCompartment()))
        parts = [*parts, *_inverse(_parts(model, size) if size else [])]
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
        word, _, power = _DEFAULTS.get(name, name).partition("^")
        return [(word, 1.0, float(power or 1.0))] if word not in ("", "dimensionless") else []
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
    """Return a unit as a bench spells it: "mg/L", "1/day", "pg/mL/day"."""
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
