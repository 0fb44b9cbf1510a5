"""Exports of plate readers as their programs write them."""

from __future__ import annotations

from gvlab.assay.readers.plate import PlateReading, from_table
from gvlab.assay.readers.tables import TextTable


def instrument_of(page: TextTable) -> str:
    """Return the program that wrote a table, "" where none is known."""
    return ""


def read(page: TextTable) -> PlateReading:
    """Return the plate of an export."""
    return from_table(page)
