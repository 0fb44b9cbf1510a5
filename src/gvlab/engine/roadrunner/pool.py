"""Processes in which libRoadRunner works, kept for the next call.

Each is a plain Python child with pipes. `multiprocessing` would import the user's main script again in each child,
which runs a script without a main guard twice; a child that knows nothing of the caller cannot.
"""

from __future__ import annotations

import atexit
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from gvlab.errors import SolveError

_START = "import sys; sys.path[:] = {path!r}; from gvlab.engine.roadrunner.worker import main; main()"

_idle: list[Worker] = []
_lock = threading.Lock()


class WorkerDiedError(Exception):
    """A child process ended in the middle of its work."""


class Worker:
    """One child process."""

    def __init__(self, started: Callable[[Worker], None] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        if started is not None:
            started(self)
        try:
            ready = self.receive()
        except WorkerDiedError:
            ready = "it ended at once"
        if ready != "ready":
            self.close()
            raise SolveError(f"A process for libRoadRunner could not be started: {ready}. Is libroadrunner installed?")

    def send(self, message: object) -> None:
        """Send an object to the child."""
        assert self._process.stdin is not None
        try:
            send(self._process.stdin, message)
        except (BrokenPipeError, OSError) as error:
            raise WorkerDiedError from error

    def receive(self) -> Any:
        """Wait for an object from the child."""
        assert self._process.stdout is not None
        try:
            return receive(self._process.stdout)
        except EOFError as error:
            self.close()
            raise WorkerDiedError from error

    @property
    def alive(self) -> bool:
        """Whether the child still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the child at once, from any thread; who waits for its answer is told that it died."""
        self._process.kill()

    def close(self) -> None:
        """End the child."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    # The child is gone and something was still in the pipe; there is nobody to tell.
                    continue
        self._process.kill()
        self._process.wait()


def send(pipe: Any, message: object) -> None:
    """Write one object, with its length before it."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(struct.pack("<q", len(data)) + data)
    pipe.flush()


def receive(pipe: Any) -> Any:
    """Read one object.

    Raises
    ------
    EOFError
        If the other side is gone.
    """
    head = pipe.read(8)
    if len(head) < 8:
        raise EOFError
    size = struct.unpack("<q", head)[0]
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)


def take(started: Callable[[Worker], None] | None = None) -> Worker:
    """Take an idle process, or start one; `started` gets that one before it is ready for work."""
    with _lock:
        while _idle:
            worker = _idle.pop()
            if worker.alive:
                return worker
    return Worker(started)


def give_back(worker: Worker) -> None:
    """Keep a process for the next call."""
    with _lock:
        _idle.append(worker)


def close_all() -> None:
    """End all idle processes."""
    with _lock:
        while _idle:
            _idle.pop().close()


atexit.register(close_all)
