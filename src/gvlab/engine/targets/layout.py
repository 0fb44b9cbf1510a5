"""Where everything is in memory: the workspace of a thread, and the table that describes a solve."""

from __future__ import annotations

from dataclasses import dataclass

from gvlab.engine.methods.tableaus import Rosenbrock, RungeKutta
from gvlab.engine.program.program import Program

TABLE = (
    "next",  # number of the next waiting subject, shared by all threads
    "count",  # how many wait
    "queue",  # their rows
    "states",  # (subject, state)
    "slots",  # (subject, slot)
    "time",
    "step",  # next step; 0: to be estimated; negative: as after the last dose
    "dose_step",  # step that worked after the last dose
    "operation",  # place in the order of operations
    "row",  # next reading
    "steps",
    "stiff",  # how many steps of late were as long as an explicit method may make them
    "stiffness",  # square of one over the longest step that is stable
    "until",  # when a delayed event is due; infinity where none waits
    "reason",  # why it stopped
    "old",  # watched truth values before, (subject, word)
    "new",  # and now
    "readings",  # times of reading
    "reading_count",
    "values",  # (subject, reading, output)
    "output_count",
    "output_function",
    "operation_count",
    "order",  # operations in order of time, (subject or one, operation)
    "order_stride",
    "operation_time",  # one address per operation
    "operation_time_stride",
    "operation_value",
    "operation_value_stride",
    "operation_kind",  # 0 add, 1 set, 2 left to the caller
    "operation_state",
    "operation_size",  # slot that holds the size of the compartment, or -1
    "absolute",  # absolute tolerance of each state, (subject or one, state)
    "absolute_stride",
    "relative",
    "max_steps",
    "hands_over",  # not 0: put back a subject for which an explicit method is not made
    "finished",  # subjects that reached `end`, shared
    "end",
    "abort",  # not 0: give up
    "watch_only",  # not 0: only look at the watched truth values
)
"""Fields of the table, one of eight bytes each."""

FIELD = {name: number for number, name in enumerate(TABLE)}

REACHED, EVENT, OPERATION, STEP_LIMIT, NOT_FINITE, STEP_TOO_SMALL, ABORTED, STIFF = range(8)
"""Why a subject was put back."""

LANE = (
    "t",
    "h",
    "dose_h",
    "first_step",  # 1 before the first step after a dose
    "until",
    "reading",
    "dose",
    "subject",
    "row",
    "place",
    "steps",
    "steps_since_reading",
    "stiff_steps",  # how many steps of late were as long as stability lets them be
    "stiffness",
    "stiffness_estimate",  # stiffness as the last attempt shows it
    "unstable_step",  # 1 where the last attempt failed only because it was longer than is stable
)
"""What is kept of each lane besides its states."""


@dataclass(frozen=True)
class TriggerMasks:
    """Which changes of the watched truth values stop the compiled loop, as bit masks, one a word.

    Attributes
    ----------
    rising, falling
        What becomes true, and what becomes false.
    """

    rising: tuple[int, ...]
    falling: tuple[int, ...]


def bit_mask(bit: int) -> int:
    """Return the signed 64-bit number in which one bit is set."""
    return (1 << bit) - (1 << 64 if bit == 63 else 0)


class Workspace:
    """Places in the workspace of one thread, counted in vectors."""

    def __init__(self, program: Program, method: Rosenbrock | RungeKutta) -> None:
        n = len(program.states)
        implicit = isinstance(method, Rosenbrock)
        # Arrays to whose elements the same is done come first, each in whole eights of vectors; so they can be gone
        # through eight elements at a time whatever the width. What is beyond the states is 0.
        self.padded = padded = -(-n // 8) * 8
        sizes = {
            "y": padded,
            "y1": padded,
            "yi": padded,
            "u": padded,
            "tolerance": padded,
            "k": padded * len(method.a),
            "f": padded,
            "drift": padded if implicit and program.drift else 0,
            "dense": padded * 3 if implicit else 0,
            **dict.fromkeys(LANE, 1),
            "j": len(program.jacobian) if implicit else 0,
            "m": len(program.elimination.entries) if implicit else 0,
            "q": len(program.constants) + len(program.floors),
            "p": len(program.slots),
            "w": program.words,
            "w0": program.words,
            "w1": program.words,
            "w2": program.words,
            # How far comparisons are from changing, and the rate of that: at the start and the end of a step, and at
            # those of a part of it.
            **dict.fromkeys(("d0", "s0", "d1", "s1", "d2", "s2", "d3", "s3"), len(program.heights)),
        }
        self.place: dict[str, int] = {}
        total = 0
        for name, size in sizes.items():
            self.place[name] = total
            total += size
        # Outputs come last: how many there are is decided for each solve.
        self.place["o"] = total
        self.vectors = total
