"""What the names of an SBML document mean: kind, unit, title and value of each of its symbols."""

from __future__ import annotations

from dataclasses import dataclass


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
class Contents:
    """What a document names.

    Attributes
    ----------
    id
        Id of the model in it.
    structure
        SHA-256 of the mathematics alone: without names, annotations, and the values of what stays constant. Two
        documents of the same structure give the same results for the same parameters.
    symbols
        Every symbol, in the order of the document.
    day
        How many of its units of time a day is: 24 in a model in hours; 1 where it has none, or none of time.
    """

    id: str
    structure: str
    symbols: tuple[Symbol, ...]
    day: float = 1.0
