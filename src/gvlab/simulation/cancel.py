"""A token that stops a run from another thread: a button, an interrupt, a deadline."""

from __future__ import annotations

import threading

from gvlab.errors import CancelledError


class CancelToken:
    """Stops the runs that were given it, within a fifth of a second; see `run_tasks`.

    A run that was stopped raises `CancelledError` and leaves nothing behind. It can be run again and gives the same.
    """

    def __init__(self) -> None:
        self._event = threading.Event()

    def __repr__(self) -> str:
        return f"CancelToken({'cancelled' if self.cancelled else 'not cancelled'})"

    def __call__(self) -> bool:
        """Return whether it was cancelled, which is how an engine asks."""
        return self.cancelled

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Stop what was given this token, now and in future."""
        self._event.set()

    def check(self) -> None:
        """Raise `CancelledError` if it was cancelled."""
        if self.cancelled:
            raise CancelledError("The run was cancelled.")
