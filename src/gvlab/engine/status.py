"""How a solve can end; every failure names its remedy."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """The end of one subject's solve."""

    FINISHED = 0
    STOPPED_BY_EVENT = 1
    STEP_LIMIT = 2
    NOT_FINITE = 3
    STEP_TOO_SMALL = 4
    EVENT_LOOP = 5
    ENGINE_FAILED = 6

    @property
    def ok(self) -> bool:
        """Whether the subject was followed as far as was asked, or to its end (death)."""
        return self in (Status.FINISHED, Status.STOPPED_BY_EVENT)

    @property
    def remedy(self) -> str:
        """What happened, and what can be done about it, in words."""
        return _REMEDIES[self]


_REMEDIES = {
    Status.FINISHED: "reached the end",
    Status.STOPPED_BY_EVENT: "ended by a model event (death)",
    Status.STEP_LIMIT: "stopped at the step limit; raise max_steps, or look at the plausibility of its parameters",
    Status.NOT_FINITE: "a value, or the delay of an event, became infinite or undefined; look for a division by "
    "zero, or for a parameter outside its range",
    Status.STEP_TOO_SMALL: "the step became too small to make progress; loosen the tolerance, or look for a "
    "discontinuity that is not written as an event",
    Status.EVENT_LOOP: "model events set each other off without end, at one time or faster and faster; look at "
    "their triggers",
    Status.ENGINE_FAILED: "the engine failed on this subject; run it alone to see the message",
}
