"""The record of a species in the laboratory: blood that may be taken, volumes, yields of donors."""

from __future__ import annotations

from pydantic import Field

from gvlab.library.fields import Identifier, Sourced, SourcedValue, Text, Titled


class BloodLimit(Sourced):
    """How much of the circulating blood may be taken within how many days."""

    percent: float = Field(gt=0, lt=100)
    days: float = Field(gt=0)


class DonorYield(Sourced):
    """Cells of one donor animal."""

    agent: Identifier
    cells: float = Field(gt=0)
    donor: Text
    """What the animal is, and what is taken: "C57BL/6 donor of marrow, femora and tibiae"."""


class HusbandryRecord(Titled, Sourced):
    """A species in the laboratory."""

    context: str
    """The tag of systems whose host is of this species: "species:mouse"."""
    circulating_blood: SourcedValue
    """Per body mass."""
    blood_limit: BloodLimit
    serum_of_blood: SourcedValue
    """Volume of serum from one volume of blood."""
    most_volume: dict[Identifier, SourcedValue] = Field(default_factory=dict)
    """By route: the largest volume that is good practice, per body mass."""
    donors: tuple[DonorYield, ...] = ()
    not_from_animals: tuple[Identifier, ...] = ()
    """Cells that are thawed or grown: no animal is killed for them here."""
