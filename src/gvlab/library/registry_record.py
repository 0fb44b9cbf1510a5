"""The record of a registry of animal studies: what its form asks, in order, and what of it a plan can answer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gvlab.library.fields import Record, Sourced, Text, Titled

Answer = Literal[
    "",
    "title",
    "short_title",
    "start_date",
    "end_date",
    "status",
    "stage",
    "hypothesis",
    "interventions",
    "primary_outcome",
    "secondary_outcomes",
    "system",
    "animals",
    "health",
    "housing",
    "design",
    "sample_size",
    "sum_of_animals",
    "arms",
    "experimental_unit",
    "randomization",
    "blinding",
    "placebo",
    "exclusion",
    "procedures",
    "humane_endpoints",
    "severity",
    "statistics",
    "prediction",
]
"""What a registered plan can say; "" is for what only a laboratory knows."""


class RegistryField(Record):
    """One question of a form."""

    asks: Text
    """What the form calls it."""
    answer: Answer = ""
    """What of a plan answers it."""


class RegistryRecord(Titled, Sourced):
    """A registry of animal studies."""

    address: Text
    """Where a study is registered."""
    fields: tuple[RegistryField, ...] = Field(min_length=1)
    """In the order of the form."""
