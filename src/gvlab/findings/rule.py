"""The rule by which every comparison is judged, and what its verdicts mean."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Verdict(StrEnum):
    """What the model says of a published statement."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    NOT = "not"
    CANNOT_SAY = "cannot say"

    @property
    def meaning(self) -> str:
        """What it stands for, in a sentence; the text of documentation, help and report."""
        return MEANINGS[self]


MEANINGS: Mapping[Verdict, str] = {
    Verdict.REPRODUCED: (
        "The effect goes the published way, its 95 % interval excludes no effect, it is at least `at_least`, and at "
        "the stated number of animals the test would be significant with at least the stated probability."
    ),
    Verdict.PARTLY: (
        "The effect goes the published way and its interval excludes no effect, but it is smaller than `at_least`, or "
        "an experiment of that size would miss it too often."
    ),
    Verdict.NOT: "Anything else that could be read: the other way, or an interval that includes no effect.",
    Verdict.CANNOT_SAY: (
        "The model lacks a part (the record says which), or too few subjects could be read in an arm."
    ),
}
"""What each verdict means."""

MEANING_OF_SEVERAL = (
    "A claim of several comparisons (arms, systems) is reproduced when every one is, partly when at least half of them "
    "are reproduced or partly so, and otherwise not. Comparisons that could not be read count against it, unless none "
    "could."
)
"""How verdicts on comparisons become one on the claim."""
