"""The reference engine: libRoadRunner, one subject at a time, in one process per core.

Slow, independent of our own solver, and written by others: every experiment of the library is checked against it.
A subject that crashes libRoadRunner takes its process with it; the process is replaced and the subject marked.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gvlab.arrays import Array, Float
from gvlab.engine.contract import EVENT_LOG, Cancel, Operation, Options, PerSubject, Progress, Solution
from gvlab.engine.request import SolveRequest, check, cores
from gvlab.engine.roadrunner.pool import Worker, WorkerDiedError, give_back, take
from gvlab.engine.status import Status
from gvlab.errors import CancelledError, SolveError
from gvlab.sbml.equations import Equations

RELATIVE_TOLERANCE = 1e-8
ABSOLUTE_TOLERANCE = 1e-10
_LARGEST_CHUNK = 16
_PATIENCE = 0.05
"""Seconds after which the caller is told that the solve goes on, and asked whether it is to."""


class Crew:
    """The processes at work for one solve, which can all be ended at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: set[Worker] = set()
        self.killed = False

    def take(self) -> Worker:
        """Take a process.

        Raises
        ------
        WorkerDiedError
            If the crew has been ended.
        """
        worker = take(self._join)
        self._join(worker)
        if self.killed:
            worker.close()
            raise WorkerDiedError
        return worker

    def _join(self, worker: Worker) -> None:
        with self._lock:
            self._workers.add(worker)
            if self.killed:
                worker.kill()

    def leave(self, worker: Worker) -> None:
        """Let go of a process."""
        with self._lock:
            self._workers.discard(worker)

    def kill(self) -> None:
        """End every process; who waits for an answer of one of them gets a `WorkerDiedError`."""
        with self._lock:
            self.killed = True
            for worker in self._workers:
                worker.kill()


def solve(
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
    """Solve with libRoadRunner. See `contract.Solve` for the arguments.

    `threads` counts processes.

    Notes
    -----
    libRoadRunner looks at events only after a step, so after operations in a model with events the time goes on by a
    billionth of a day before anything is read. It does not tell its steps: `Solution.steps` is -1.
    """
    request = check(model, times, subjects, outputs, parameters, schedule, stop, options)
    count = min(threads or cores(), subjects)
    chunk = max(1, min(_LARGEST_CHUNK, subjects // (4 * count)))
    waiting = deque(list(range(first, min(first + chunk, subjects))) for first in range(0, subjects, chunk))
    results: queue.Queue[tuple[int, dict[str, Any]] | BaseException] = queue.Queue()
    crew = Crew()
    attendants = [
        threading.Thread(target=_work, args=(request, waiting, results, crew), daemon=True) for _ in range(count)
    ]
    for attendant in attendants:
        attendant.start()
    solution = _empty(request)
    logs: list[tuple[int, int, float]] = []
    try:
        done = 0
        while done < subjects:
            if cancel is not None and cancel():
                raise CancelledError(f"The solve was cancelled; {done} of {subjects} subjects were done.")
            try:
                result = results.get(timeout=_PATIENCE)
            except queue.Empty:
                if progress is not None:
                    progress(0)
                continue
            if isinstance(result, BaseException):
                raise result
            _store(solution, logs, *result)
            done += 1
            if progress is not None:
                progress(1)
    except BaseException:
        waiting.clear()
        crew.kill()
        raise
    finally:
        for attendant in attendants:
            attendant.join()
    logs.sort(key=lambda row: row[0])  # stable: the firings of one subject come in order
    return _with_events(solution, np.array(logs, dtype=EVENT_LOG))


def _work(
    request: SolveRequest,
    waiting: deque[list[int]],
    results: queue.Queue[tuple[int, dict[str, Any]] | BaseException],
    crew: Crew,
) -> None:
    """Keep one process busy until nothing waits."""
    worker: Worker | None = None
    try:
        worker = crew.take()
        worker.send(("job", _job(request)))
        while True:
            try:
                indices = waiting.popleft()
            except IndexError:
                break
            done = 0
            try:
                worker.send(("chunk", _chunk(request, indices)))
                for index in indices:
                    answer = worker.receive()
                    if "refused" in answer:
                        raise SolveError(f"libRoadRunner cannot take this model: {answer['refused']}")
                    results.put((index, answer))
                    done += 1
            except WorkerDiedError:
                if crew.killed:
                    raise
                crew.leave(worker)
                # The subject that was being solved brought the process down. The others of the chunk go back.
                results.put((indices[done], {"status": int(Status.ENGINE_FAILED)}))
                if indices[done + 1 :]:
                    waiting.append(indices[done + 1 :])
                worker = crew.take()
                worker.send(("job", _job(request)))
        crew.leave(worker)
        give_back(worker)
    except BaseException as error:
        if worker is not None:
            crew.leave(worker)
            worker.close()
        results.put(error)


def _job(request: SolveRequest) -> dict[str, Any]:
    options = request.options
    tolerances = options.tolerances(RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE)
    return {
        "sbml": request.model.sbml,
        "times": request.times,
        "outputs": request.outputs,
        "stop": request.stop,
        "relative": tolerances["relative_tolerance"],
        "absolute": tolerances["absolute_tolerance"],
        "scale": dict(options.scale),
        "max_steps": options.max_steps,
        "operations": [(op.kind, op.target, op.pool, op.guard) for op in request.schedule],
    }


def _chunk(request: SolveRequest, indices: list[int]) -> dict[str, Any]:
    return {
        "count": len(indices),
        "values": {name: request.full(value)[indices] for name, value in request.values.items()},
        "time": [request.full(op.time)[indices] for op in request.schedule],
        "value": [request.full(op.value)[indices] for op in request.schedule],
        "added": [request.full(op.added)[indices] for op in request.schedule],
    }


def _empty(request: SolveRequest) -> Solution:
    model = request.model
    names = model.changeable
    return Solution(
        times=request.times,
        outputs=request.outputs,
        values=np.full((request.subjects, request.times.size, len(request.outputs)), np.nan),
        end_times=np.full(request.subjects, request.times[0]),
        final_names=names,
        final=np.full((request.subjects, len(names)), np.nan),
        event_ids=model.events,
        events=np.zeros(0, dtype=EVENT_LOG),
        status=np.full(request.subjects, Status.ENGINE_FAILED, dtype=np.int8),
        steps=np.full(request.subjects, -1, dtype=np.int64),
        tolerances=request.options.tolerances(RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE),
    )


def _store(solution: Solution, logs: list[tuple[int, int, float]], index: int, result: dict[str, Any]) -> None:
    solution.status[index] = result["status"]
    if "values" not in result:
        return
    solution.values[index] = result["values"]
    solution.end_times[index] = result["end"]
    solution.final[index] = result["final"]
    logs.extend((index, event, time) for event, time in result["log"])


def _with_events(solution: Solution, events: np.ndarray[Any, Any]) -> Solution:
    return Solution(**{**solution.__dict__, "events": events})
