"""Who carries out the calls of an engine: this thread, several threads, or a cluster. The results are the same bits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gvlab.engine import Cancel, Progress, Solution
from gvlab.engine.request import cores
from gvlab.errors import InvalidValueError, SolveError, UnknownNameError
from gvlab.simulation.engine_call import EngineCall, joined

PATIENCE = 0.05
"""Seconds after which a caller is told that the work goes on, and asked whether it is to."""

SHARD = 500
"""Most subjects of a shard. It is the same everywhere, so that every executor cuts a cohort in the same way."""

Outcome = Solution | SolveError
"""What came of a call: a solution, or why the engine found none."""


@runtime_checkable
class Executor(Protocol):
    """Carries out calls of an engine."""

    def map(
        self, calls: Sequence[EngineCall], *, progress: Progress | None = None, cancel: Cancel | None = None
    ) -> list[Outcome]:
        """Return what came of each call, in the order of the calls.

        Parameters
        ----------
        calls
            What to solve.
        progress
            Told, at least ten times a second, how many subjects have been finished since it was last told.
        cancel
            Asked as often; where it says True everything stops, and `CancelledError` is raised.
        """
        ...


def solved(
    call: EngineCall, *, progress: Progress | None = None, cancel: Cancel | None = None, threads: int | None = None
) -> Outcome:
    """Return what came of one call in this thread; a failure of the engine is an outcome, not an exception."""
    try:
        return call.solve(progress=progress, cancel=cancel, threads=threads)
    except SolveError as error:
        return error


@dataclass(frozen=True)
class Serial:
    """One call after the other; the engine uses every core for each."""

    def map(
        self, calls: Sequence[EngineCall], *, progress: Progress | None = None, cancel: Cancel | None = None
    ) -> list[Outcome]:
        """Return what came of each call; see `Executor.map`."""
        return [solved(call, progress=progress, cancel=cancel) for call in calls]


@dataclass(frozen=True)
class Threads:
    """Several calls at once, each on one core.

    Attributes
    ----------
    count
        Threads; None takes one per core.
    """

    count: int | None = None

    def __post_init__(self) -> None:
        """Refuse less than one thread."""
        if self.count is not None and self.count < 1:
            raise InvalidValueError(f"{self.count} threads are asked for. Take at least one.")

    def map(
        self, calls: Sequence[EngineCall], *, progress: Progress | None = None, cancel: Cancel | None = None
    ) -> list[Outcome]:
        """Return what came of each call; see `Executor.map`."""
        failed = threading.Event()
        counter = Counter(progress)

        def stop() -> bool:
            return failed.is_set() or (cancel is not None and cancel())

        shards = [list(call.shards(SHARD)) for call in calls]
        with ThreadPoolExecutor(self.count or cores(), thread_name_prefix="gvlab") as pool:
            futures = [
                [pool.submit(solved, shard, progress=counter.add, cancel=stop, threads=1) for shard in some]
                for some in shards
            ]
            waiting: set[Future[Outcome]] = {future for some in futures for future in some}
            try:
                while waiting:
                    done, waiting = wait(waiting, PATIENCE, FIRST_COMPLETED)
                    counter.tell()
                    for future in done:
                        future.result()
            except BaseException:
                failed.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        counter.tell()
        return [together([future.result() for future in some]) for some in futures]


def together(parts: Sequence[Outcome]) -> Outcome:
    """Return the outcome of a call from those of its shards: a shard that failed fails the call."""
    solutions = []
    for part in parts:
        if isinstance(part, SolveError):
            return part
        solutions.append(part)
    return joined(solutions)


class Counter:
    """Adds up what many threads have finished, and tells it from one."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._new = 0
        self._told_at = time.monotonic()

    def add(self, finished: int) -> None:
        """Count subjects that have just been finished."""
        with self._lock:
            self._new += finished

    def tell(self) -> None:
        """Tell how many are new, or that there are none."""
        if self._progress is None:
            return
        with self._lock:
            new, self._new = self._new, 0
        now = time.monotonic()
        if new or now - self._told_at >= PATIENCE:
            self._told_at = now
            self._progress(new)


EXECUTORS: dict[str, Callable[[], Executor]] = {"serial": Serial, "threads": Threads}
"""Executors by name."""


def executor_of(what: Executor | str | None) -> Executor:
    """Return an executor: as given, or of that name; serial where there is none.

    Raises
    ------
    UnknownNameError
        If there is no executor of that name.
    """
    if what is None:
        return Serial()
    if not isinstance(what, str):
        return what
    if what not in EXECUTORS:
        raise UnknownNameError("executor", what, EXECUTORS)
    return EXECUTORS[what]()
