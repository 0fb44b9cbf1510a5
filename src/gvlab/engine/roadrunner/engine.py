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

from gvlab.engine.contract import EVENT_LOG, FloatArray, Operation, Options, PerSubject, Progress, Solution
from gvlab.engine.request import Request, check, cores
from gvlab.engine.roadrunner.pool import Worker, WorkerDiedError, give_back, take
from gvlab.engine.status import Status
from gvlab.errors import SolveError
from gvlab.sbml.equations import Equations

RELATIVE_TOLERANCE = 1e-8
ABSOLUTE_TOLERANCE = 1e-10
_LARGEST_CHUNK = 16


def solve(
    model: Equations,
    times: FloatArray,
    *,
    subjects: int,
    outputs: Sequence[str],
    parameters: Mapping[str, PerSubject] | None = None,
    schedule: Sequence[Operation] = (),
    stop: Sequence[str] = (),
    options: Options | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Solution:
    """Solve with libRoadRunner. See `contract.Solve` for the arguments.

    Parameters
    ----------
    workers
        Processes at work; None takes one per core. The result does not depend on it.

    Notes
    -----
    libRoadRunner looks at events only after a step, so after operations in a model with events the time goes on by a
    billionth of a day before anything is read. It does not tell its steps: `Solution.steps` is -1.
    """
    request = check(model, times, subjects, outputs, parameters, schedule, stop, options)
    count = min(workers or cores(), subjects)
    chunk = max(1, min(_LARGEST_CHUNK, subjects // (4 * count)))
    waiting = deque(list(range(first, min(first + chunk, subjects))) for first in range(0, subjects, chunk))
    results: queue.Queue[tuple[int, dict[str, Any]] | BaseException] = queue.Queue()
    threads = [
        threading.Thread(target=_work, args=(request, waiting, results, threading.Lock()), daemon=True)
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    solution = _empty(request)
    logs: list[tuple[int, int, float]] = []
    for _ in range(subjects):
        result = results.get()
        if isinstance(result, BaseException):
            waiting.clear()
            raise result
        _store(solution, logs, *result)
        if progress is not None:
            progress(1)
    logs.sort(key=lambda row: row[0])  # stable: the firings of one subject come in order
    return _with_events(solution, np.array(logs, dtype=EVENT_LOG))


def _work(
    request: Request,
    waiting: deque[list[int]],
    results: queue.Queue[tuple[int, dict[str, Any]] | BaseException],
    lock: threading.Lock,
) -> None:
    """Keep one process busy until nothing waits."""
    worker: Worker | None = None
    try:
        worker = take()
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
                # The subject that was being solved brought the process down. The others of the chunk go back.
                results.put((indices[done], {"status": int(Status.ENGINE_FAILED)}))
                if indices[done + 1 :]:
                    waiting.append(indices[done + 1 :])
                worker = take()
                worker.send(("job", _job(request)))
        give_back(worker)
    except BaseException as error:
        if worker is not None:
            worker.close()
        results.put(error)


def _job(request: Request) -> dict[str, Any]:
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


def _chunk(request: Request, indices: list[int]) -> dict[str, Any]:
    return {
        "count": len(indices),
        "values": {name: request.full(value)[indices] for name, value in request.values.items()},
        "time": [request.full(op.time)[indices] for op in request.schedule],
        "value": [request.full(op.value)[indices] for op in request.schedule],
        "added": [request.full(op.added)[indices] for op in request.schedule],
    }


def _empty(request: Request) -> Solution:
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
