"""The recipe of an ensemble: what may vary, what decides, with which numbers it was made. Data, in the library."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from gvlab.library.fields import Identifier, Record, Text
from gvlab.library.finding_record import Role


def _as_roles(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Roles = Annotated[tuple[Role, ...], BeforeValidator(_as_roles)]


class Block(Record):
    """Parameters that vary together in meaning."""

    title: Text
    parameters: tuple[Identifier, ...]


class Fixed(Record):
    """Parameters with a range that do not vary, and why."""

    parameters: tuple[Identifier, ...]
    because: Text


class LeftOut(Record):
    """A comparison that does not decide although its claim's role would let it, and why."""

    claim: Text
    comparisons: tuple[int, ...] = ()
    """Their numbers in the record, from 1; all when empty."""
    because: Text


class Cause(Record):
    """A cause of death: its event, its cumulative hazard, and the threshold of a subject."""

    event: Identifier
    hazard: Identifier
    threshold: Identifier


class Recipe(Record):
    """How an ensemble is made."""

    name: Identifier
    title: Text
    seed: int = Field(ge=0)
    decide: Roles
    """Roles of the findings that decide which parameter sets are kept."""
    never: Roles
    """Roles of the findings that must not."""
    left_out: tuple[LeftOut, ...] = ()
    vary: tuple[Block, ...]
    fixed: tuple[Fixed, ...] = ()
    causes: tuple[Cause, ...]
    subjects: int = Field(ge=4)
    """Virtual subjects of a set and arm while sampling."""
    subjects_checked: int = Field(ge=4)
    """Virtual subjects of a set and arm with which a set must pass again before it is kept."""
    prior_draws: int = Field(ge=100)
    searches: int = Field(ge=1)
    """Independent searches, each from its own draws of the prior; the sets that are kept come from all alike."""
    particles: int = Field(ge=16)
    """Of each search."""
    sets: int = Field(ge=10)
    """Sets that are kept."""
    relative_tolerance: float = Field(gt=0)
    note: Text = ""

    @property
    def varied(self) -> tuple[str, ...]:
        """Names of all parameters that vary."""
        return tuple(name for block in self.vary for name in block.parameters)

    def decides(self, claim: str, role: str, comparison: int) -> bool:
        """Return whether a comparison (counted from 0) of a claim decides."""
        if role not in self.decide:
            return False
        return not any(
            out.claim == claim and (not out.comparisons or comparison + 1 in out.comparisons) for out in self.left_out
        )
