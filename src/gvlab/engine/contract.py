"""What every engine takes and gives. Two engines keep this contract: `roadrunner` and `ensemble`.

An engine knows equations, not biology: names of symbols, numbers, times. Units have been dealt with above it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from gvlab.arrays import Array, Float, FloatArray, Int
from gvlab.engine.status import Status
from gvlab.errors import InvalidValueError
from gvlab.sbml.equations import Equations

PerSubject = float | FloatArray
"""One number for every subject, or an array of shape (subject,)."""

Progress = Callable[[int], None]
"""Called with the number of subjects that have just been finished, ten times a second or more; it may be none."""

Cancel = Callable[[], bool]
"""Asked ten times a second or more whether the solve is to stop."""


@dataclass(frozen=True)
class Operation:
    """One thing done to the subjects at a known time.

    Operations at the same time are carried out in the order given, before SBML events at that time are looked at.
    A reading at that very time is taken after both.

    Parameters
    ----------
    time
        When, per subject; infinity for a subject to whom it is not done.
    kind
        ``add`` adds `value` to `target`; ``set`` gives `target` the value (a state, or a parameter that is thereby
        switched); ``mix`` makes `target` the weighted mean of what it was and of `value`, where the weights are the
        sum of the states in `pool` and `added` - the mean phenotype of cells after a cell product has joined them.
        A mix stands before the `add` operations that enlarge its pool. ``approach`` leaves the share `added` of the
        distance between `target` and `value`: what a dose kills, or what it raises to a limit.
    target
        A state or a parameter of the model.
    value
        Per subject, in the unit of `target`.
    added, pool
        For ``mix``; `added` for ``approach``, too.
    guard
        An SBML L3 infix formula over the model's symbols. Where it is false at that time, nothing is done.
    """

    time: PerSubject
    kind: Literal["add", "set", "mix", "approach"]
    target: str
    value: PerSubject
    added: PerSubject = 0.0
    pool: tuple[str, ...] = ()
    guard: str = ""


@dataclass(frozen=True)
class Options:
    """How accurately to solve.

    Parameters
    ----------
    relative_tolerance, absolute_tolerance
        Error allowed per step, more than 0. None takes the engine's own default. The absolute tolerance of a state is
        `absolute_tolerance` times its entry in `scale`. Where it has none, that is 1 in the unit of the state, or less
        where what the state begins with, or is given, is so little that it would be lost in the tolerance.
    scale
        A typical size of a state, by name.
    max_steps
        Steps allowed per subject between two readings or operations.

    Raises
    ------
    InvalidValueError
        If a tolerance or a scale is not a finite number above 0, or the number of steps is negative.
    """

    relative_tolerance: float | None = None
    absolute_tolerance: float | None = None
    scale: Mapping[str, float] = field(default_factory=dict)
    max_steps: int = 100_000

    def __post_init__(self) -> None:
        """Refuse what no step can be judged by."""
        chosen = {"relative_tolerance": self.relative_tolerance, "absolute_tolerance": self.absolute_tolerance}
        for name, value in chosen.items():
            if value is not None and not 0 < value < math.inf:
                raise InvalidValueError(
                    f"{name} is {value}; a tolerance is a finite number above 0, such as 1e-6. Or leave it out."
                )
        for name, value in self.scale.items():
            if not 0 < value < math.inf:
                raise InvalidValueError(f'The scale of "{name}" is {value}; a typical size is a finite number above 0.')
        if self.max_steps < 0:
            raise InvalidValueError(f"max_steps is {self.max_steps}; it is a number of steps.")

    def tolerances(self, relative: float, absolute: float) -> dict[str, float]:
        """Return both tolerances by name, those of an engine where none was asked for."""
        return {
            "relative_tolerance": relative if self.relative_tolerance is None else self.relative_tolerance,
            "absolute_tolerance": absolute if self.absolute_tolerance is None else self.absolute_tolerance,
        }


EVENT_LOG = np.dtype([("subject", np.int64), ("event", np.int32), ("time", np.float64)])
"""One row for each firing of an SBML event; `event` is an index into `Solution.event_ids`."""


@dataclass(frozen=True)
class Solution:
    """What came of the subjects.

    Attributes
    ----------
    times
        Days.
    outputs
        Names, in the order of the last axis of `values`.
    values
        What was read. NaN only after the end of a subject whose status is not ``FINISHED``.
    end_times
        The last time the subject was followed.
    final_names, final
        Every state and every changeable parameter at `end_times`.
    event_ids, events
        Names of the SBML events, and the log of their firings (dtype `EVENT_LOG`), sorted by subject and time.
    status
        Values of `Status`.
    steps
        Steps taken; -1 where the engine does not say.
    tolerances
        What the engine worked with, its own defaults included: ``relative_tolerance`` and ``absolute_tolerance``.
    """

    times: Float[Array, "time"]
    outputs: tuple[str, ...]
    values: Float[Array, "subject time output"]
    end_times: Float[Array, "subject"]
    final_names: tuple[str, ...]
    final: Float[Array, "subject name"]
    event_ids: tuple[str, ...]
    events: np.ndarray[Any, np.dtype[np.void]]
    status: Int[Array, "subject"]
    steps: Int[Array, "subject"]
    tolerances: Mapping[str, float] = field(default_factory=dict)

    def statuses(self) -> list[Status]:
        """Return the status of each subject as a `Status`."""
        return [Status(code) for code in self.status]


class Solve(Protocol):
    """The signature of an engine.

    Parameters
    ----------
    model
        Equations read from SBML.
    times
        Increasing; the first is the start.
    subjects
        How many.
    outputs
        States, parameters, assignment-rule variables or reactions (their rate) to be read at `times`.
    parameters
        Values that replace those of the SBML document, for parameters and for initial values of states alike. A
        replaced symbol loses its initial assignment; other initial assignments are evaluated with the new values.
    schedule
        What is done, and when.
    stop
        Ids of SBML events that end a subject (death). Its values afterwards are NaN.
    options
        Accuracy.
    progress
        Told about finished subjects.
    cancel
        Where it says True, the solve stops within a fifth of a second and raises `CancelledError`.
    threads
        Threads, or processes, at work; None takes one per core. The result does not depend on it.
    """

    def __call__(
        self,
        model: Equations,
        times: Float[Array, "time"],
        *,
        subjects: int,
        outputs: Sequence[str],
        parameters: Mapping[str, PerSubject] | None = None,
        schedule: Sequence[Operation] = (),
        stop: Sequence[str] = (),
        options: Options | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        threads: int | None = None,
    ) -> Solution:
        """Solve."""
        ...
