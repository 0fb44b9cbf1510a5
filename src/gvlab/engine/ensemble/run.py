"""One solve, from its request to its solution.

A solve goes in rounds. In a round the compiled loop carries every waiting subject on until it has reached its end or
something happens to it that the loop leaves to us: an event, or an operation with a formula. That is then done for all
such subjects together, and they wait for the next round. Each subject's path is its own: the same bits in any company.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from gvlab.arrays import FloatArray
from gvlab.engine.contract import EVENT_LOG, Cancel, Progress, Solution
from gvlab.engine.ensemble.ready import ReadyModel
from gvlab.engine.ensemble.subjects import Rows, Subjects
from gvlab.engine.ensemble.tolerances import absolute_tolerances
from gvlab.engine.request import SolveRequest
from gvlab.engine.schedule import Schedule
from gvlab.engine.status import Status
from gvlab.engine.targets import layout
from gvlab.engine.targets.cpu.code import WIDTHS, Code, Compiled
from gvlab.engine.targets.gpu.portions import Card, Portions
from gvlab.engine.targets.gpu.sharing import changed_slots, shared_constants
from gvlab.engine.targets.layout import FIELD, TABLE
from gvlab.errors import CancelledError

RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-9
_SUBJECTS_PER_THREAD = 16
_PATIENCE = 0.05
"""Seconds after which the caller is told how far the solve is, and asked whether it is to go on."""

_REASONS = {
    layout.STEP_LIMIT: Status.STEP_LIMIT,
    layout.NOT_FINITE: Status.NOT_FINITE,
    layout.STEP_TOO_SMALL: Status.STEP_TOO_SMALL,
    layout.ABORTED: Status.ENGINE_FAILED,
}

_HANDED_OVER = np.zeros(layout.STIFF + 1, dtype=bool)
_HANDED_OVER[[layout.STIFF, layout.STEP_LIMIT, layout.NOT_FINITE, layout.STEP_TOO_SMALL]] = True
"""For each reason whether another method takes over: what is stiff, and what an explicit method cannot do at all."""


class Run:
    """One solve on its way."""

    def __init__(
        self,
        request: SolveRequest,
        ready: ReadyModel,
        threads: int,
        progress: Progress | None,
        cards: Sequence[Card] = (),
        values: FloatArray | None = None,
        cancel: Cancel | None = None,
        widths: Sequence[int] = WIDTHS,
        print_constants: bool = False,
    ) -> None:
        program = ready.program
        self._request = request
        self._tolerances = request.options.tolerances(RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE)
        self._program = program
        self._codes = ready.codes
        self._readings, self._output_code = ready.outputs(request.outputs)
        self._threads = threads
        self._widths = widths
        self._progress = progress
        self._cancel = cancel
        self._told, self._told_at = 0, time.monotonic()
        self._subjects = Subjects(request, program)
        self._schedule = Schedule(request, program)
        ready.keep_formulas()
        ready.begin(request, self._subjects)
        shape = (request.subjects, request.times.size, len(self._readings))
        self._values = np.empty(shape) if values is None else values
        self._status = np.full(request.subjects, -1, dtype=np.int8)
        self._arrays: dict[str, np.ndarray[Any, Any]] = {}
        self._table = self._fill_table()
        self._workspaces: dict[Compiled, list[FloatArray]] = {}
        self._width_of: dict[tuple[Code, int], int] = {}
        self._is_at_hand: dict[tuple[Code, int], bool] = {}
        self._events = ready.events(self._subjects, self._schedule, self._watch)
        self._portions = self._on_cards(ready, cards, print_constants) if cards else None
        self._stops = {request.model.events.index(name) for name in request.stop}
        self._logged = 0

    # ---------------------------------------------------------------- the table

    def _fill_table(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        s, request, schedule = self._subjects, self._request, self._schedule
        table = np.zeros(len(TABLE), dtype=np.int64)
        options = request.options
        absolute = absolute_tolerances(request, self._program, *self._tolerances.values())
        addresses = {
            "states": s.states,
            "slots": s.slots,
            "time": s.time,
            "step": s.step,
            "dose_step": s.dose_step,
            "operation": s.operation,
            "row": s.row,
            "steps": s.steps,
            "stiff": s.stiff,
            "stiffness": s.stiffness,
            "until": s.until,
            "reason": s.reason,
            "old": s.old,
            "new": s.new,
            "readings": request.times,
            "values": self._values,
            "order": schedule.order,
            "operation_time": schedule.times.addresses,
            "operation_time_stride": schedule.times.strides,
            "operation_value": schedule.values.addresses,
            "operation_value_stride": schedule.values.strides,
            "operation_kind": schedule.kind,
            "operation_state": schedule.state,
            "operation_size": schedule.size,
            "absolute": absolute,
        }
        for name, array in addresses.items():
            self._arrays[name] = array
            table[FIELD[name]] = array.ctypes.data
        numbers = {
            "reading_count": request.times.size,
            "output_count": len(self._readings),
            "operation_count": schedule.order.shape[1],
            "absolute_stride": 0 if len(absolute) == 1 else len(self._program.states),
            "order_stride": 0 if schedule.order.shape[0] == 1 else schedule.order.shape[1],
            "max_steps": options.max_steps,
            "hands_over": len(self._codes) > 1,
        }
        for name, number in numbers.items():
            table[FIELD[name]] = number
        for name, real in (("relative", self._tolerances["relative_tolerance"]), ("end", float(request.times[-1]))):
            table.view(np.float64)[FIELD[name]] = real
        return table

    def _on_cards(self, ready: ReadyModel, cards: Sequence[Card], print_constants: bool) -> Portions:
        request, schedule = self._request, self._schedule
        changed = changed_slots(self._program, request.model, (operation.target for operation in request.schedule))
        sharing = shared_constants(self._program, self._subjects.slots, changed, printed=print_constants)
        kernels = ready.kernels(request.outputs, sharing)
        return Portions(cards, kernels, self._table, self._arrays, schedule.times, schedule.values)

    # ------------------------------------------------------------------- rounds

    def follow(self) -> Solution:
        """Go from round to round until every subject has ended."""
        subjects = self._subjects
        everyone = np.arange(self._request.subjects)
        self._schedule.operate(subjects, everyone)
        self._events.begin(everyone)
        subjects.step[:] = -1.0
        waiting = self._still_going(everyone)
        while waiting.size:
            self._run(waiting)
            waiting = self._after_round(waiting)
            self._heed(int(self._table[FIELD["finished"]]))
        self._tell(int(np.sum(self._status >= 0)))
        return self._solution()

    def _after_round(self, rows: Rows) -> Rows:
        """Do what the loop left to us; give the subjects that go on."""
        subjects, end = self._subjects, float(self._request.times[-1])
        reason = subjects.reason[rows]
        if len(self._codes) > 1:
            over = _HANDED_OVER[reason] & ~subjects.handed_over[rows]
            subjects.handed_over[rows[over]] = True
            reason[over] = layout.STIFF  # which is no end: it goes on
        for code, status in _REASONS.items():
            self._status[rows[reason == code]] = status
        reached = rows[reason == layout.REACHED]
        ended = (subjects.time[reached] >= end) & (subjects.time[reached] < subjects.until[reached])
        self._status[reached[ended]] = Status.FINISHED
        operated = rows[reason == layout.OPERATION]
        if operated.size:
            self._schedule.operate(subjects, operated)
            self._watch(operated)
        going = rows[self._status[rows] < 0]
        subjects.step[going] = 0.0
        subjects.step[operated] = -1.0
        if self._events.waiting or np.any(reason == layout.EVENT) or operated.size:
            self._events.happen(going)
        return self._still_going(going)

    def _still_going(self, rows: Rows) -> Rows:
        """Take out those that a stop event has ended; find where each of the others must stop next."""
        subjects, events = self._subjects, self._events
        for fired, number, _ in events.log[self._logged :]:
            if number in self._stops:
                self._status[fired] = Status.STOPPED_BY_EVENT
                self._read_at_stop(fired)
        self._logged = len(events.log)
        for found, status in ((events.endless, Status.EVENT_LOOP), (events.undefined, Status.NOT_FINITE)):
            self._status[list(found)] = status
            found.clear()
        if events.waiting:
            for row in rows.tolist():
                if self._status[row] >= 0:
                    events.forget(row)
                subjects.until[row] = events.next_time(row)
        else:
            subjects.until[rows] = np.inf
        return rows[self._status[rows] < 0]

    def _read_at_stop(self, rows: Rows) -> None:
        """Take a reading that is due at the very time of a stop: it comes after the events of that time."""
        subjects, times = self._subjects, self._request.times
        row = np.minimum(subjects.row[rows], times.size - 1)
        due = rows[(subjects.row[rows] < times.size) & (times[row] == subjects.time[rows])]
        if due.size:
            # The events of this time are done: nothing is left to wait for, and nothing comes after.
            subjects.until[due] = np.inf
            reals = self._table.view(np.float64)
            end, reals[FIELD["end"]] = reals[FIELD["end"]], -np.inf
            self._run(due)
            reals[FIELD["end"]] = end

    def _watch(self, rows: Rows) -> None:
        """Look at the watched truth values of some subjects."""
        self._call(rows, 0, watch_only=True)

    def _run(self, rows: Rows) -> None:
        handed_over = self._subjects.handed_over[rows]
        for number, some in enumerate((rows[~handed_over], rows[handed_over])):
            if some.size:
                self._call(some, number)

    def _call(self, rows: Rows, number: int, *, watch_only: bool = False) -> None:
        if self._portions is not None:
            self._portions.carry(rows, number, self._heed, watch_only=watch_only)
            return
        code = self._codes[number]
        queue = np.ascontiguousarray(rows, dtype=np.int64)
        table = self._table
        table[FIELD["next"]] = 0
        table[FIELD["count"]] = queue.size
        table[FIELD["queue"]] = queue.ctypes.data
        table[FIELD["watch_only"]] = watch_only
        width = self._width(code, queue.size)
        compiled, table[FIELD["output_function"]] = self._compiled(code, width)
        threads = 1 if watch_only else min(self._threads, -(-queue.size // _SUBJECTS_PER_THREAD))
        workspaces = self._workspaces.setdefault(compiled, [])
        while len(workspaces) < threads:
            workspaces.append(compiled.workspace(len(self._readings)))
        attended = self._progress is not None or self._cancel is not None
        if watch_only or (queue.size <= _SUBJECTS_PER_THREAD and not attended):
            compiled.run(table.ctypes.data, workspaces[0].ctypes.data)
            return
        workers = [
            threading.Thread(target=compiled.run, args=(table.ctypes.data, workspace.ctypes.data))
            for workspace in workspaces[:threads]
        ]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                while worker.is_alive():
                    worker.join(_PATIENCE)
                    self._heed(int(table[FIELD["finished"]]))
        except BaseException:
            # Cancelled, or interrupted from the keyboard: the threads must end before the arrays do.
            table[FIELD["abort"]] = 1
            for worker in workers:
                worker.join()
            raise

    def _compiled(self, code: Code, width: int) -> tuple[Compiled, int]:
        """Return the code for a width, and the address of what reads outputs.

        A compiler cannot be stopped. Who waits for it can: it goes on alone, and the next solve has what it makes.
        """

        def work() -> tuple[Compiled, int]:
            return code.at(width), self._output_code.address(width)

        attended = self._progress is not None or self._cancel is not None
        if not attended or (code.is_at_hand(width) and self._output_code.is_at_hand(width)):
            return work()
        result: list[tuple[Compiled, int] | BaseException] = []

        def keep() -> None:
            try:
                result.append(work())
            except BaseException as failure:
                result.append(failure)

        worker = threading.Thread(target=keep, daemon=True)
        worker.start()
        while worker.is_alive():
            worker.join(_PATIENCE)
            self._heed(self._told)
        if isinstance(result[0], BaseException):
            raise result[0]
        return result[0]

    def _width(self, code: Code, count: int) -> int:
        """Return a width of vectors. It changes no bit, so the last few of many need not wait for a compiler."""
        if (code, count) not in self._width_of:
            own, widest = self._request.subjects, self._widths[-1]
            good = [width for width in self._widths if count <= width or width == widest]
            self._width_of[code, count] = next(w for w in good if own <= w or w == widest or self._at_hand(code, w))
        return self._width_of[code, count]

    def _at_hand(self, code: Code, width: int) -> bool:
        if (code, width) not in self._is_at_hand:  # it looks at the disk
            self._is_at_hand[code, width] = code.is_at_hand(width)
        return self._is_at_hand[code, width]

    def _heed(self, finished: int) -> None:
        """Stop where the caller wants it, and let it know that the solve goes on."""
        if self._cancel is not None and self._cancel():
            raise CancelledError(f"The solve was cancelled; {finished} of {self._request.subjects} subjects were done.")
        if finished > self._told or time.monotonic() - self._told_at >= _PATIENCE:
            self._tell(finished)

    def _tell(self, finished: int) -> None:
        if self._progress is not None:
            self._progress(finished - self._told)
        self._told, self._told_at = finished, time.monotonic()

    # ------------------------------------------------------------------- result

    def _solution(self) -> Solution:
        request, subjects = self._request, self._subjects
        for row, read in enumerate(subjects.row.tolist()):
            if read < request.times.size:
                self._values[row, read:] = np.nan
        everyone = np.arange(request.subjects)
        names = request.model.changeable
        final = np.empty((request.subjects, len(names)))
        for i, value in enumerate(subjects.evaluate([subjects.symbol(name) for name in names], everyone)):
            final[:, i] = value
        self._mark_undefined()
        return Solution(
            times=request.times,
            outputs=request.outputs,
            values=self._values,
            end_times=subjects.time.copy(),
            final_names=names,
            final=final,
            event_ids=request.model.events,
            events=self._log(),
            status=self._status,
            steps=subjects.steps.copy(),
            tolerances=self._tolerances,
        )

    def _mark_undefined(self) -> None:
        """A state that is not finite fails its step; here, what is computed from states is looked at as well."""
        graph, states = self._program.graph, set(self._program.states)
        for i, node in enumerate(self._readings):
            if graph.operation[node] == "symbol" and graph.payload[node] in states:
                continue
            finished = self._status == Status.FINISHED
            undefined = ~np.isfinite(self._values[:, :, i]).all(axis=1)
            self._status[finished & undefined] = Status.NOT_FINITE

    def _log(self) -> np.ndarray[Any, Any]:
        log = self._events.log
        events = np.empty(sum(rows.size for rows, _, _ in log), dtype=EVENT_LOG)
        first = 0
        for rows, number, times in log:
            part = events[first : first + rows.size]
            part["subject"], part["event"], part["time"] = rows, number, times
            first += rows.size
        # Stable: what happened to one subject at one time stays in its order.
        return events[np.lexsort((events["time"], events["subject"]))]
