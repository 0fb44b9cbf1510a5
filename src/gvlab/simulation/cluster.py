"""A Dask cluster as executor: shards of cohorts on many machines, with the same bits as here.

A worker needs gvlab and nothing else: no library, no files. It gets the equations of a model once, by their hash, and
keeps them; what it gets for a shard are numbers. Dask carries a shard out again where a worker was lost, which gives
the same bits, since a shard is worked out of its own numbers alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import time
import uuid
from collections.abc import Iterator, Sequence
from multiprocessing import resource_tracker
from types import TracebackType
from typing import Any

from gvlab.engine import Cancel, Progress
from gvlab.engine.request import cores
from gvlab.errors import CancelledError, InvalidValueError, SolveError
from gvlab.provenance import sha256
from gvlab.sbml.equations import Equations
from gvlab.simulation.engine_call import EngineCall
from gvlab.simulation.executors import PATIENCE, SHARD, Outcome, solved, together

try:
    import distributed
except ImportError as error:
    raise InvalidValueError('A cluster needs Dask, which is not here. Say: pip install "gvlab[cluster]".') from error

LOCAL = "local"
"""Stands for an address where a cluster is to be started on this machine."""

_STEP = 0.1
"""Seconds between two messages in which a worker says how far it is with a shard."""

_equations: dict[str, Equations] = {}
"""In a worker: the equations it was sent, by hash."""

_cancelled: set[str] = set()
"""In a worker: runs that were cancelled."""


@contextlib.contextmanager
def _interrupts_are_ours() -> Iterator[None]:
    """Let threads and processes that are started meanwhile be deaf to Ctrl-C, which a terminal sends to all of them.

    They are ended by who started them. Ctrl-C that comes meanwhile is heard at the end.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Python's tracker of resources, started later, would undo it for the thread that starts it.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class SendEquations(distributed.WorkerPlugin):
    """Gives a worker the equations of a model, when the worker is there, comes later or comes back."""

    def __init__(self, equations: Equations) -> None:
        self.equations = equations
        self.name = f"gvlab-model-{sha256(equations.sbml)}"

    def setup(self, worker: Any) -> None:
        """Keep the equations in the worker."""
        _equations.setdefault(sha256(self.equations.sbml), self.equations)


class Cluster:
    """Carries out calls on a Dask cluster. In a `with` statement it ends what it has started."""

    def __init__(self, address: str = LOCAL, *, workers: int | None = None, timeout: float = 10.0) -> None:
        """Connect to a cluster, or start one on this machine.

        A script that starts one here keeps its work under ``if __name__ == "__main__":``, for each worker is a new
        Python that reads the script as well.

        Parameters
        ----------
        address
            Of a scheduler, "tcp://node17:8786"; "local" starts workers here, one subject at a time each.
        workers
            How many to start here; one a core where None.
        timeout
            Seconds to wait for an answer.

        Raises
        ------
        InvalidValueError
            If nobody answers at the address, or a number of workers is asked for that cannot be had.
        """
        self._local: Any = None
        self._sent: set[str] = set()
        if address != LOCAL and workers is not None:
            raise InvalidValueError(
                f'{workers} workers cannot be started at "{address}". A cluster that runs has its own; leave the '
                "number out."
            )
        if workers is not None and workers < 1:
            raise InvalidValueError(f"{workers} workers are asked for. Take at least one.")
        if address == LOCAL:
            with _interrupts_are_ours():
                self._local = distributed.LocalCluster(  # type: ignore[no-untyped-call]
                    n_workers=workers or cores(), threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
                )
            address = self._local.scheduler_address
        try:
            self.client: Any = distributed.Client(  # type: ignore[no-untyped-call]
                address, timeout=timeout, set_as_default=False
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise InvalidValueError(
                f'No Dask scheduler answers at "{address}": {error}. Start one with "dask scheduler", and give the '
                'address that it prints, or "local" for this machine.'
            ) from error

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the cluster, and end it if it was started here."""
        self.client.close()
        if self._local is not None:
            self._local.close()

    def map(
        self, calls: Sequence[EngineCall], *, progress: Progress | None = None, cancel: Cancel | None = None
    ) -> list[Outcome]:
        """Return what came of each call; see `Executor.map`."""
        run = f"gvlab-{uuid.uuid4().hex}"
        finished: dict[str, int] = {}

        def report(event: tuple[float, tuple[str, int]]) -> None:
            # A shard that is begun again, since its worker was lost, does not count twice.
            key, count = event[1]
            finished[key] = max(count, finished.get(key, 0))

        futures: list[list[Any]] = []
        sizes: dict[Any, int] = {}
        self.client.subscribe_topic(run, report)
        try:
            for number, call in enumerate(calls):
                model = self._send(call.equations)
                futures.append([])
                for place, shard in enumerate(call.shards(SHARD)):
                    bare = dataclasses.replace(shard, equations=Equations(""))
                    key = f"{run}-{number}-{place}"
                    future = self.client.submit(solve_shard, bare, model, run, key, key=key)
                    futures[-1].append(future)
                    sizes[future] = shard.subjects
            self._attend(sizes, finished, progress, cancel)
            return [together([_outcome(future) for future in some]) for some in futures]
        except BaseException:
            # The workers hear of it at once, also while a shard is being solved.
            self.client.cancel(list(sizes), force=True)
            self.client.run(_stop, run, wait=False)
            raise
        finally:
            self.client.unsubscribe_topic(run)

    def _send(self, equations: Equations) -> str:
        """Send equations to every worker that is there or will come, once; return their hash."""
        model = sha256(equations.sbml)
        if model not in self._sent:
            self.client.register_plugin(SendEquations(equations))
            self._sent.add(model)
        return model

    def _attend(
        self, sizes: dict[Any, int], finished: dict[str, int], progress: Progress | None, cancel: Cancel | None
    ) -> None:
        """Wait until every shard is done."""
        told = 0
        waiting = list(sizes)
        done = 0
        while waiting:
            if cancel is not None and cancel():
                raise CancelledError("The run was cancelled.")
            done += sum(sizes[future] for future in waiting if future.done())
            waiting = [future for future in waiting if not future.done()]
            count = done + sum(min(finished.get(future.key, 0), sizes[future]) for future in waiting)
            if progress is not None:
                progress(max(count - told, 0))
            told = max(count, told)
            if waiting:
                time.sleep(PATIENCE / 2)


def _outcome(future: Any) -> Outcome:
    try:
        outcome: Outcome = future.result()
    except distributed.KilledWorker as error:
        return SolveError(f"Workers were lost again and again over the same subjects; look at their memory. {error}")
    return outcome


def solve_shard(call: EngineCall, model: str, run: str, key: str) -> Outcome:
    """Return what came of a shard, in a worker; `model` is the hash of its equations."""
    worker = distributed.get_worker()
    count, told_at = 0, time.monotonic()

    def progress(finished: int) -> None:
        nonlocal count, told_at
        count += finished
        if time.monotonic() - told_at >= _STEP:
            told_at = time.monotonic()
            worker.log_event(run, (key, count))

    whole = dataclasses.replace(call, equations=_equations[model])
    try:
        return solved(whole, progress=progress, cancel=lambda: run in _cancelled, threads=1)
    except CancelledError as error:
        return SolveError(str(error))


async def _stop(run: str) -> None:
    """Cancel a run, in a worker; Dask does not wait for what is a coroutine."""
    _cancelled.add(run)
