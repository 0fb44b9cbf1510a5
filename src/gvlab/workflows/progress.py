"""How a workflow tells where it stands, and how it is stopped: a command draws a bar of it, a page sends it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gvlab.errors import CancelledError
from gvlab.simulation.cancel import CancelToken

__all__ = ["CancelToken", "Progress", "ProgressSink", "Stage"]


@dataclass(frozen=True)
class Progress:
    """Where a workflow stands.

    Attributes
    ----------
    stage
        What is being done, for a reader: "Rehearsing".
    done, total
        How much of it; `total` is 0 where that is not known.
    unit
        What is counted: "animals".
    detail
        Anything else worth saying.
    """

    stage: str
    done: float = 0
    total: float = 0
    unit: str = ""
    detail: str = ""

    @property
    def share(self) -> float:
        """How much of the stage is done, 0 to 1; 0 where the total is not known."""
        return min(1.0, self.done / self.total) if self.total else 0.0


ProgressSink: TypeAlias = Callable[[Progress], None]
"""Is told where a workflow stands: a bar on a screen, the socket of a page, a list in a test."""


class Stage:
    """One stage of a workflow: counts what is finished, tells the sink, and stops where a token says so.

    Parameters
    ----------
    name, total, unit
        As in `Progress`.
    sink
        Told after every step; nobody where None.
    cancel
        Looked at before every step.
    """

    def __init__(
        self,
        name: str,
        total: float = 0,
        unit: str = "",
        *,
        sink: ProgressSink | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        self._now = Progress(name, 0, total, unit)
        self._sink = sink
        self._cancel = cancel
        self.advance(0)

    def advance(self, done: float, detail: str = "") -> None:
        """Count what has just been finished.

        Raises
        ------
        CancelledError
            If the token says so.
        """
        if self._cancel is not None and self._cancel():
            raise CancelledError(f"Stopped while {self._now.stage.lower()}, as asked. Nothing of it was written.")
        now = self._now
        self._now = Progress(now.stage, now.done + done, now.total, now.unit, detail)
        if self._sink is not None:
            self._sink(self._now)
