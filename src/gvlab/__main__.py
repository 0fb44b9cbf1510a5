"""The command, as `gvlab` and as `python -m gvlab`: settles what Ctrl-C does before anything slow is imported."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

INTERRUPTED = 130
"""What a shell calls a program that was stopped with Ctrl-C: 128 + SIGINT."""


class _Interrupts:
    """Remembers that Ctrl-C was pressed: libraries turn the exception into another one, or drop it in a callback."""

    def __init__(self) -> None:
        self.seen = False

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        self.seen = True
        raise KeyboardInterrupt

    def again(self, dropped: sys.UnraisableHookArgs) -> None:
        """Raise anew what could not be raised where it happened: in a destructor, in a function called from C."""
        if isinstance(dropped.exc_value, KeyboardInterrupt):
            # A moment later: raised in here it would be dropped again.
            later = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT))
            later.daemon = True
            later.start()
        elif not self.seen:
            sys.__unraisablehook__(dropped)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def main() -> None:
    """Run the command and leave the process with its exit status: 130 where Ctrl-C was pressed, at whatever moment."""
    interrupts = _Interrupts()
    try:
        # A program in the background of a shell is started with Ctrl-C ignored, and that stays so.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, interrupts.stop)
            sys.unraisablehook = interrupts.again
        from gvlab.cli import main as command

        command()
    except BaseException as error:
        if not (interrupts.seen or isinstance(error, KeyboardInterrupt)):
            raise
        said = isinstance(error, SystemExit) and error.code == INTERRUPTED
        signal.signal(signal.SIGINT, _leave)
        # Python ends with a signal in place of a status once the interrupt has passed through a string that was being
        # executed, as dataclasses do, and forgets that when the next one is.
        exec("")
        if not said:
            print("Stopped. What had been written is whole and stays.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    finally:
        # What comes now is Python's own end.
        if interrupts.seen or signal.getsignal(signal.SIGINT) == interrupts.stop:
            signal.signal(signal.SIGINT, _leave)


if __name__ == "__main__":
    main()
