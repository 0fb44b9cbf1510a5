"""Prints how a lane takes a subject, reads, and puts the subject back."""

from __future__ import annotations

from gvlab.engine.program.program import Program
from gvlab.engine.targets.cpu.llvm import F64, I64, PTR, Function, I, V, Value
from gvlab.engine.targets.layout import EVENT, FIELD, OPERATION, REACHED, Workspace

INFINITY = float("inf")


class LanesPrinter:
    """What the loop over subjects is made of: access to lanes, taking, reading, putting back.

    Parameters
    ----------
    program
        What is solved.
    workspace
        Where a thread keeps its subjects.
    code
        The function under construction; its arguments are the table and the workspace.
    """

    def __init__(self, program: Program, workspace: Workspace, code: Function) -> None:
        self._program = program
        self._place = workspace.place
        self._n = len(program.states)
        self._padded = workspace.padded
        self._words = program.words if program.watch else 0
        self._code = code
        self._table, self._ws = code.arguments

    # ---------------------------------------------------------------- helpers

    def _field(self, name: str, kind: str) -> Value:
        return self._code.load(self._table, FIELD[name], kind)

    def _array(self, name: str) -> Value:
        return self._code.at(self._ws, self._place[name], V)

    def _get(self, name: str, kind: str = V) -> Value:
        return self._code.load(self._ws, self._place[name], kind)

    def _set(self, name: str, value: Value) -> None:
        self._code.store(value, self._ws, self._place[name])

    def _lane_get(self, name: str, lane: Value, kind: str, index: int | Value = 0) -> Value:
        return self._code.load(self._ws, self._lane_place(name, lane, index), kind)

    def _lane_set(self, name: str, lane: Value, value: Value, index: int | Value = 0) -> None:
        self._code.store(value, self._ws, self._lane_place(name, lane, index))

    def _lane_place(self, name: str, lane: Value, index: int | Value) -> Value:
        first = self._place[name]
        vector = self._code.const(I64, first + index) if isinstance(index, int) else index + first
        return lane + vector * self._code.width()

    def _flags(self, mask: Value) -> Value:
        """Keep a mask in memory, so that lanes can be looked at one by one."""
        slot = self._code.variable(I)
        self._code.store(mask.select(self._code.const(I, 1), 0), slot, 0)
        return slot

    def _watch(self, t: Value, y: str, into: str) -> None:
        self._code.call("watch", "void", t, self._array(y), self._array("q"), self._array(into))

    def _hold(self, t: Value) -> None:
        """Take the floors of what moves for what they are now, in every lane: where nothing has jumped, they stay."""
        if self._program.floors:
            self._code.call("hold", "void", t, self._array("y"), self._array("q"))

    def _changed(self, one: str, other: str) -> Value:
        """Return in which lanes any watched truth value differs."""
        code, total = self._code, self._code.const(I, 0)
        for word in range(self._words):
            a = code.load(self._ws, self._place[one] + word, I)
            b = code.load(self._ws, self._place[other] + word, I)
            total = total | (a ^ b)
        return total.differs(0)

    def _keep_words(self, mask: Value, source: str, target: str) -> None:
        code = self._code
        for word in range(self._words):
            new = code.load(self._ws, self._place[source] + word, I)
            old = code.load(self._ws, self._place[target] + word, I)
            code.store(mask.select(new, old), self._ws, self._place[target] + word)

    # --------------------------------------------------------- taking subjects

    def _refill(self, more: Value, looked_at: Value) -> None:
        """Let empty lanes take subjects, while there are `more`; their equations are not yet `looked_at`."""
        code = self._code
        empty = self._get("subject", I) < 0
        wanted = empty.any() & code.load(more, 0, I64).differs(0)
        with code.when(wanted):
            loaded = code.variable(I64)
            code.store(code.const(I64, 0), loaded, 0)
            fresh = self._flags(empty)
            with code.count(code.width()) as lane, code.when(code.load(fresh, lane, I64).differs(0)):
                counter = code.at(self._table, FIELD["next"], I64)
                number = code.emit(f"atomicrmw add ptr {counter.name}, i64 1 monotonic", I64)
                with code.when(number < self._field("count", I64)):
                    self._take(lane, code.load(self._field("queue", PTR), number, I64))
                    code.store(code.const(I64, 1), loaded, 0)
                with code.when(number >= self._field("count", I64)):
                    code.store(code.const(I64, 0), more, 0)
            code.store(code.const(I64, 0), looked_at, 0)
            with code.when(code.load(loaded, 0, I64).differs(0)):
                code.call("constants", "void", self._array("p"), self._array("q"))
                self._hold(self._get("t"))
                if self._words:
                    self._watch(self._get("t"), "y", "w1")
                    self._keep_words(code.load(fresh, 0, I).differs(0), "w1", "w")
                with code.when(self._field("watch_only", I64).differs(0)):
                    self._report_words()

    def _report_words(self) -> None:
        code = self._code
        with code.count(code.width()) as lane:
            subject = self._lane_get("subject", lane, I64)
            with code.when(subject >= 0):
                self._store_words("w", "new", lane, subject)
                self._lane_set("subject", lane, code.const(I64, -1))

    def _store_words(self, name: str, field: str, lane: Value, subject: Value) -> None:
        for word in range(self._words):
            value = self._lane_get(name, lane, I64, word)
            self._code.store(value, self._field(field, PTR), subject * self._words + word)

    def _take(self, lane: Value, subject: Value) -> None:
        """Fill a lane with a subject."""
        code = self._code
        self._lane_set("subject", lane, subject)
        for field, name, size in (("states", "y", self._n), ("slots", "p", len(self._program.slots))):
            source = self._field(field, PTR)
            with code.count(size) as i:
                self._lane_set(name, lane, code.load(source, subject * size + i, F64), i)
        stride = self._field("absolute_stride", I64)
        with code.count(self._n) as i:
            tolerance = code.load(self._field("absolute", PTR), subject * stride + i, F64)
            self._lane_set("tolerance", lane, tolerance, i)
        for field, name in (("time", "t"), ("until", "until"), ("dose_step", "dose_h"), ("stiffness", "stiffness")):
            self._lane_set(name, lane, code.load(self._field(field, PTR), subject, F64))
        for field, name in (("steps", "steps"), ("row", "row"), ("operation", "place"), ("stiff", "stiff_steps")):
            self._lane_set(name, lane, code.load(self._field(field, PTR), subject, I64))
        self._lane_set("steps_since_reading", lane, code.const(I64, 0))
        step = code.load(self._field("step", PTR), subject, F64)
        after_dose = step < 0.0
        self._lane_set("h", lane, after_dose.select(self._lane_get("dose_h", lane, F64), step))
        self._lane_set("first_step", lane, after_dose.select(code.const(F64, 1.0), 0.0))
        self._next_reading(lane)
        self._next_dose(lane, subject)

    def _next_reading(self, lane: Value) -> None:
        code = self._code
        row, count = self._lane_get("row", lane, I64), self._field("reading_count", I64)
        time = code.variable(F64)
        code.store(code.const(F64, INFINITY), time, 0)
        with code.when(row < count):
            code.store(code.load(self._field("readings", PTR), row, F64), time, 0)
        self._lane_set("reading", lane, code.load(time, 0, F64))

    def _operation_number(self, lane: Value, subject: Value) -> Value:
        code = self._code
        place = self._lane_get("place", lane, I64)
        return code.load(self._field("order", PTR), subject * self._field("order_stride", I64) + place, I64)

    def _of_operation(self, field: str, number: Value, subject: Value) -> Value:
        code = self._code
        address = code.load(self._field(field, PTR), number, PTR)
        stride = code.load(self._field(f"{field}_stride", PTR), number, I64)
        return code.load(address, subject * stride, F64)

    def _next_dose(self, lane: Value, subject: Value) -> None:
        code = self._code
        time = code.variable(F64)
        code.store(code.const(F64, INFINITY), time, 0)
        with code.when(self._lane_get("place", lane, I64) < self._field("operation_count", I64)):
            number = self._operation_number(lane, subject)
            code.store(self._of_operation("operation_time", number, subject), time, 0)
        self._lane_set("dose", lane, code.load(time, 0, F64))

    # ------------------------------------------------------------ putting back

    def _put_back_where(self, mask: Value, reason: int) -> None:
        code = self._code
        with code.when(mask.any()):
            flags = self._flags(mask)
            with code.count(code.width()) as lane, code.when(code.load(flags, lane, I64).differs(0)):
                self._put_back(lane, reason)

    def _put_back(self, lane: Value, reason: int) -> None:
        code = self._code
        subject = self._lane_get("subject", lane, I64)
        target = self._field("states", PTR)
        with code.count(self._n) as i:
            code.store(self._lane_get("y", lane, F64, i), target, subject * self._n + i)
        for name, field in (("t", "time"), ("h", "step"), ("dose_h", "dose_step"), ("stiffness", "stiffness")):
            code.store(self._lane_get(name, lane, F64), self._field(field, PTR), subject)
        for name, field in (("steps", "steps"), ("row", "row"), ("place", "operation"), ("stiff_steps", "stiff")):
            code.store(self._lane_get(name, lane, I64), self._field(field, PTR), subject)
        self._store_words("w0" if reason in (EVENT, OPERATION) else "w", "old", lane, subject)
        self._store_words("w", "new", lane, subject)
        code.store(code.const(I64, reason), self._field("reason", PTR), subject)
        if reason == REACHED:
            t = self._lane_get("t", lane, F64)
            with code.when((t >= self._field("end", F64)) & (t < self._lane_get("until", lane, F64))):
                counter = code.at(self._table, FIELD["finished"], I64)
                code.emit(f"atomicrmw add ptr {counter.name}, i64 1 monotonic", I64)
        self._lane_set("subject", lane, code.const(I64, -1))
        self._lane_set("h", lane, code.const(F64, 1.0))

    def _stop(self) -> Value:
        """Return the time at which the caller is due: a delayed event, or the end."""
        until, end = self._get("until"), self._code.splat(self._field("end", F64))
        return (until < end).select(until, end)

    # ----------------------------------------------------------------- reading

    def _read(self, due: Value, t: Value, y: str) -> None:
        code, count = self._code, self._field("output_count", I64)
        code.call(self._field("output_function", PTR), "void", t, self._array(y), self._array("p"), self._array("o"))
        flags = self._flags(due)
        with code.count(code.width()) as lane, code.when(code.load(flags, lane, I64).differs(0)):
            subject, row = self._lane_get("subject", lane, I64), self._lane_get("row", lane, I64)
            target = self._field("values", PTR)
            start = (subject * self._field("reading_count", I64) + row) * count
            with code.count(count) as i:
                code.store(self._lane_get("o", lane, F64, i), target, start + i)
            self._lane_set("row", lane, row + 1)
            self._lane_set("steps_since_reading", lane, code.const(I64, 0))
            self._next_reading(lane)

    def _read_here(self, active: Value) -> None:
        code, t = self._code, self._get("t")
        # Where the caller has a delayed event to carry out, the reading comes after it.
        due = active & self._get("reading").equals(t) & (t < self._get("until"))
        with code.when(due.any()):
            self._read(due, t, "y")
