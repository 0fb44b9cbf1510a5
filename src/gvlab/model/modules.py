"""Wires Antimony modules into one flat SBML document.

The modules share one namespace. What they do not declare themselves are parameters, whose values and units come from
the parameter table; SBO terms and identifiers come from an annotation table. The result is deterministic, so it can be
committed and compared.
"""

from __future__ import annotations

import csv
import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import antimony
import libsbml

from gvlab.errors import ModelError

_IMPORT = re.compile(r'^\s*import\s+"([^"]+)"\s*$', re.MULTILINE)
_MODEL = re.compile(r"^\s*model\s+(\w+)\s*\(\s*\)\s*$(.*?)^\s*end\s*$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*")
_COMMENT = re.compile(r"//[^\n]*")
_STRING = re.compile(r'"[^"\n]*"')
_WORDS = frozenset(
    _NAME.findall(
        "model end compartment species substanceOnly unit const var at is has in time exp floor ln log max min pi "
        "piecewise abs tanh sqrt item litre gram second day dimensionless after priority t0 persistent true false "
        "import identity"
    )
)
_QUALIFIERS = {
    "identity": libsbml.BQB_IS,
    "isVersionOf": libsbml.BQB_IS_VERSION_OF,
    "isPropertyOf": libsbml.BQB_IS_PROPERTY_OF,
}


@dataclass(frozen=True)
class Assembled:
    """A flat model in both of its text forms, and the table parameters it uses."""

    antimony: str
    sbml: str
    parameters: tuple[str, ...]


def assemble(folder: Path, parameters: Mapping[str, tuple[float, str]], *, name: str = "gvl") -> Assembled:
    """Make one SBML L3V2 document from the wiring file `name`.ant in `folder`.

    Parameters
    ----------
    folder
        Holds `name`.ant, the modules it imports, units.tsv and annotations.tsv.
    parameters
        Value and unit of every parameter the modules read but do not declare; further ones are left out.

    Raises
    ------
    ModelError
        If a module is missing or malformed, a symbol is neither declared nor in the table, a unit is unknown, or
        libAntimony or libSBML finds fault with the result.
    """
    wiring = _read(folder / f"{name}.ant")
    imported = _IMPORT.findall(wiring)
    bodies = [(path, _body(_read(folder / path), folder / path)) for path in imported]
    head = _body(_IMPORT.sub("", wiring), folder / f"{name}.ant")
    units = {row["unit"]: row for row in _table(folder / "units.tsv")}

    own = "\n".join([head, *(body for _, body in bodies)])
    used = _undeclared(own, parameters, units)
    text = "\n".join(
        [
            f"// {name}: flat model, generated from {name}.ant and its modules; do not edit.",
            f"model {name}()",
            *(f"  unit {row['id']} = {row['antimony']};" for row in units.values() if row["antimony"]),
            head,
            *(f"\n  // --- {Path(path).stem}\n{body}" for path, body in bodies),
            "\n  // --- parameters",
            *_declarations(used, parameters, units),
            "end",
            "",
        ]
    )
    sbml = _translate(text, name)
    return Assembled(text, _finish(sbml, _table(folder / "annotations.tsv")), tuple(used))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ModelError(f'There is no module file "{path}". Check the import lines of the wiring file.') from None


def _table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(_read(path).splitlines(), delimiter="\t"))


def _body(text: str, path: Path) -> str:
    found = _MODEL.search(text)
    if found is None:
        raise ModelError(f'"{path}" has no "model name() ... end" block, so it cannot be a module.')
    return found.group(2).strip("\n")


def _undeclared(
    text: str, parameters: Mapping[str, tuple[float, str]], units: Mapping[str, dict[str, str]]
) -> list[str]:
    """List the symbols of the text that only the parameter table can explain, sorted by name."""
    bare = _STRING.sub('""', _COMMENT.sub("", text))
    declared = set(re.findall(r"(\w+)\s+has\s", bare)) | set(re.findall(r"^\s*(\w+)\s*:", bare, re.MULTILINE))
    known = declared | _WORDS | {row["id"] for row in units.values()} | {"substance", "extent", "time_unit"}
    names = {word for word in _NAME.findall(bare) if word not in known and not re.fullmatch(r"e\d*", word)}
    missing = sorted(names - set(parameters))
    if missing:
        raise ModelError(
            f"The modules use {', '.join(missing)}, which no module declares (with `has <unit>`) and for which no "
            "parameter table has a row without context. Add the row, or declare the symbol."
        )
    return sorted(names)


def _declarations(
    used: Sequence[str], parameters: Mapping[str, tuple[float, str]], units: Mapping[str, dict[str, str]]
) -> list[str]:
    lines = []
    for symbol in used:
        value, unit = parameters[symbol]
        if unit not in units:
            raise ModelError(
                f'Parameter "{symbol}" has the unit "{unit}", which units.tsv does not list. Known: {", ".join(units)}.'
            )
        lines.append(f"  const {symbol}; {symbol} = {value!r}; {symbol} has {units[unit]['id']};")
    return lines


def _translate(text: str, name: str) -> str:
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(text) < 0:
        raise ModelError(f"Antimony cannot read the assembled model: {antimony.getLastError().strip()}")
    return str(antimony.getSBMLString(name))


def _finish(sbml: str, annotations: Sequence[Mapping[str, str]]) -> str:
    """Return the document with SBO terms, identifiers and names, without what differs between library versions."""
    document = libsbml.readSBMLFromString(sbml)
    model = document.getModel()
    kinds = {
        "compartment": model.getListOfCompartments(),
        "species": model.getListOfSpecies(),
        "parameter": model.getListOfParameters(),
        "reaction": model.getListOfReactions(),
        "event": model.getListOfEvents(),
    }
    for kind, elements in kinds.items():
        for element in elements:
            _annotate(element, kind, annotations)
    for owner in _owners_of_math(model):
        math = owner.getMath().deepCopy()
        _make_bare_numbers_dimensionless(math)
        owner.setMath(math)
    text = str(libsbml.writeSBMLToString(document))
    return re.sub(r"<!-- Created by libAntimony[^>]*-->\n", "", text)


def _owners_of_math(model: libsbml.Model) -> list[libsbml.SBase]:
    owners = [*model.getListOfRules(), *model.getListOfInitialAssignments()]
    owners += [reaction.getKineticLaw() for reaction in model.getListOfReactions()]
    for event in model.getListOfEvents():
        owners += [event.getTrigger(), *event.getListOfEventAssignments()]
    return owners


def _make_bare_numbers_dimensionless(node: libsbml.ASTNode) -> None:
    """Let libSBML check every unit: a number without one makes it give up on the whole formula."""
    if node.isNumber() and not node.isSetUnits():
        node.setUnits("dimensionless")
    for i in range(node.getNumChildren()):
        _make_bare_numbers_dimensionless(node.getChild(i))


def _annotate(element: libsbml.SBase, kind: str, annotations: Sequence[Mapping[str, str]]) -> None:
    symbol = element.getId()
    for row in annotations:
        pattern = row["symbol"]
        wanted, _, plain = pattern.rpartition(":")
        if (wanted or "parameter") != kind or not fnmatch.fnmatchcase(symbol, plain):
            continue
        element.setSBOTerm(row["sbo"])
        if row["resource"]:
            _identify(element, row)
        if "*" not in plain or row["resource"]:
            break
        if kind == "parameter" and pattern != "*":
            break


def _identify(element: libsbml.SBase, row: Mapping[str, str]) -> None:
    if not element.isSetMetaId():
        element.setMetaId(f"meta_{element.getId()}")
    element.unsetCVTerms()
    term = libsbml.CVTerm(libsbml.BIOLOGICAL_QUALIFIER)
    term.setBiologicalQualifierType(_QUALIFIERS[row["qualifier"]])
    term.addResource(f"https://identifiers.org/{row['resource']}")
    element.addCVTerm(term)
