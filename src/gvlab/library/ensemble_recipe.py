"""The recipe of an ensemble: what may vary, what decides, with which numbers it was made. Data, in the library."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

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
    ends_with_cure: bool = False
    """Whether a subject that is cured no longer dies of it."""


class Cure(Record):
    """An event that ends the leukemia, or a clone of it, and by what its probability is followed."""

    event: Identifier
    fate: Identifier
    """The number between 0 and 1 at which the event fires in a subject."""
    probability: Identifier
    """That the clone has died out."""
    founders: Identifier
    """Above zero while there is something to be cured of."""

    @property
    def followed(self) -> tuple[str, str]:
        """What must be read along the way."""
        return self.probability, self.founders


class Spare(Record):
    """What a set must have beyond what is asked while it is searched for, so that it passes with other subjects too."""

    share: float = Field(default=0.06, ge=0, lt=0.5)
    """Of subjects, for a difference or share that is asked."""
    doublings: float = Field(default=0.075, ge=0)
    """For a ratio or reading."""
    of_size: float = Field(default=0.15, gt=0, lt=1)
    """At most this share of a ratio that is asked, in doublings."""
    probability: float = Field(default=0.89, gt=0, lt=1)
    """Of significance, where less is asked."""
    scale_share: float = Field(default=0.08, gt=0)
    """Error of a share that a Kalman step assumes."""
    scale_doublings: float = Field(default=0.15, gt=0)
    scale_score: float = Field(default=0.4, gt=0)
    """Of a probability of significance, as a standard normal score."""


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
    cures: tuple[Cure, ...] = ()
    """Carried as probabilities; cure is a draw, spread evenly over subjects, where there are none."""
    subjects: int = Field(ge=4)
    """Virtual subjects of a set and arm while something is missing."""
    subjects_checked: int = Field(ge=4)
    """Virtual subjects of a set and arm with which nothing may be missing."""
    subjects_seed: int = Field(ge=0)
    """Draws the subjects of searches; a seed whose few subjects say what many do."""
    subjects_judged: int = Field(ge=4)
    """Virtual subjects of a set and arm, drawn with `seed`, with which a set must meet what is asked to be kept, and by
    which an ensemble is judged."""
    searches: int = Field(ge=1)
    """Independent ensembles, each from its own draws of the prior; the sets that are kept come from all alike."""
    members: int = Field(ge=8)
    """Of each ensemble; each is a lineage of its own."""
    draws_each: int = Field(default=10, ge=1)
    """Draws of the prior of which each member begins with the best."""
    changes: int = Field(default=30, ge=1)
    """Moves accepted among plausible sets, in the median of an ensemble's members, after which it is done."""
    effort: float | None = Field(default=None, gt=0)
    """Effort (sets followed in every system with `subjects`) after which an ensemble ends with what is plausible by
    then; the last quarter of it is for moves among plausible sets. None: it goes on until `changes` are met."""
    prior_draws: int = Field(ge=16)
    """Draws of the prior that are asked what each claim removes; they lead nothing."""
    relative_tolerance: float = Field(gt=0)
    spare: Spare = Spare()
    note: Text = ""

    @model_validator(mode="after")
    def _hold_outs_never_decide(self) -> Recipe:
        both = sorted(set(self.decide) & (set(self.never) | {"hold-out"}))
        if both:
            raise ValueError(
                f'"decide" names the role "{both[0]}", whose claims never set a number; take it out of "decide". To '
                "let one of its claims decide, give the claim another role, and say in its note why"
            )
        return self

    @property
    def varied(self) -> tuple[str, ...]:
        """Names of all parameters that vary."""
        return tuple(name for block in self.vary for name in block.parameters)

    def without(self, *claims: str) -> Recipe:
        """Return the recipe that leaves claims out, so that what is found without them can be asked of them."""
        out = tuple(LeftOut(claim=claim, because="left out to be predicted") for claim in claims)
        return self.model_copy(update={"left_out": (*self.left_out, *out)})

    def decides(self, claim: str, role: str, comparison: int) -> bool:
        """Return whether a comparison (counted from 0) of a claim decides."""
        if role not in self.decide:
            return False
        return not any(
            out.claim == claim and (not out.comparisons or comparison + 1 in out.comparisons) for out in self.left_out
        )
