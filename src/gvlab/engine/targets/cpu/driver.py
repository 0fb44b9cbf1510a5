"""Prints the loop that carries subjects, some at a time, each with its own time and step.

A lane is the place of one subject in a vector. Lanes share instructions and nothing else: every lane has its own time,
step, readings and doses, and what one lane does is chosen by masks. When a subject must be put back - it is finished,
an event happened to it, or something has to be done that this loop leaves to the caller - its lane takes the next
waiting subject. So a subject's result is the same bits whatever subjects are beside it, before it or in other threads.
"""

from __future__ import annotations

from gvlab.engine.methods.tableaus import Rosenbrock, RungeKutta
from gvlab.engine.program.program import Program
from gvlab.engine.targets.cpu.crossings import CrossingsPrinter
from gvlab.engine.targets.cpu.lanes import INFINITY
from gvlab.engine.targets.cpu.llvm import F64, I64, PTR, Function, I, V, Value, X
from gvlab.engine.targets.layout import (
    ABORTED,
    EVENT,
    FIELD,
    NOT_FINITE,
    OPERATION,
    REACHED,
    STEP_LIMIT,
    STEP_TOO_SMALL,
    STIFF,
    TriggerMasks,
    Workspace,
)

SMALLEST_STEP = 1e-22
"""Step at which a subject is given up, in parts of the interval to the next stop."""

SMALLEST_FACTOR, LARGEST_FACTOR, SAFETY = 0.2, 5.0, 0.9

FIRST_STEP_STRICTNESS = 5.0
"""How many times as strictly an explicit method judges its first step after a dose. The estimate for a smooth step is
many times its error; for one in which something sets in at once it is the error itself."""

EVENT_SEARCH_STABILITY_LIMIT = 2.0
"""Square of a step over the longest stable one, above which no event is looked for inside it."""

STIFF_STEP_LIMIT, MOST_STIFF_STEPS = 0.7, 15
"""Square of a step over the longest stable one, above which stability and not accuracy is taken to limit it; and how
many such steps show that a subject is stiff (Hairer and Wanner 1996, IV.2)."""


class DriverPrinter(CrossingsPrinter):
    """Prints @run for one program and method."""

    def __init__(
        self, program: Program, method: Rosenbrock | RungeKutta, workspace: Workspace, masks: TriggerMasks
    ) -> None:
        code = Function("run", [(PTR, "table"), (PTR, "ws")], attributes="external nounwind")
        super().__init__(program, workspace, code, method)
        self._masks = masks

    # ------------------------------------------------------------------- text

    def text(self) -> str:
        """Print the function."""
        code = self._code
        more, looked_at = code.variable(I64), code.variable(I64)
        code.store(code.const(I64, 1), more, 0)
        code.store(code.const(I64, 0), looked_at, 0)
        self._set("subject", code.const(I, -1))
        self._set("h", code.const(V, 1.0))
        with code.forever() as loop:
            self._refill(more, looked_at)
            # Subjects that are only to be looked at have left their lanes already, and there may be more of them.
            watch_only = self._field("watch_only", I64).differs(0)
            loop.again_if(watch_only & code.load(more, 0, I64).differs(0))
            active = self._get("subject", I) >= 0
            loop.leave_if(~active.any())
            self._read_here(active)
            reached = active & (self._get("t") >= self._stop())
            self._put_back_where(reached, REACHED)
            loop.again_if(reached.any())
            # Another thread writes it: the loop must not keep a copy.
            place = code.at(self._table, FIELD["abort"], I64)
            aborted = code.emit(f"load volatile i64, ptr {place.name}", I64).differs(0)
            with code.when(aborted):
                self._put_back_where(active, ABORTED)
                code.store(code.const(I64, 0), more, 0)
            loop.again_if(aborted)
            self._advance(active, looked_at)
        code.give()
        return code.text()

    # ----------------------------------------------------------------- advance

    def _advance(self, active: Value, looked_at: Value) -> None:
        """Attempt a step. If the equations were `looked_at`, what `begin` gives is known for where the lanes are."""
        code = self._code
        t = self._get("t")
        halt = self._interval_end(t)
        # A reading is the end of a step: what is interpolated inside one is less exact than its end, and may be by far.
        reading = self._get("reading")
        end = (reading < halt).select(reading, halt)
        with code.when(code.load(looked_at, 0, I64).equals(0)):
            self._hold(t)
            if self._program.floors:
                self._watch(t, "y", "w1")
                self._keep_words(active, "w1", "w")
            code.call("begin", "void", self._ws, t)
            if self._program.heights:
                self._look(t, "y", self._array("f"), "0", "w2")
        self._first_step(active, t, end)
        wanted = self._get("h")
        rest = end - t
        last = (wanted * 1.0001) >= rest
        half = (wanted * 2.0) > rest
        h = last.select(rest, half.select(rest * 0.5, wanted))
        h = active.select(h, 1.0)
        error = code.call("step", V, self._ws, self._table, t, h)
        for name in ("steps", "steps_since_reading"):
            self._set(name, self._get(name, I) + 1)
        known = error.equals(error)
        error = known.select(error, 1e10)
        error = (error > 1e-16).select(error, 1e-16)
        first = active & (self._get("first_step") > 0.0)
        judged = (
            first.select(error * FIRST_STEP_STRICTNESS**2, error) if isinstance(self._method, RungeKutta) else error
        )
        accepted = active & (judged <= 1.0)
        t1 = last.select(end, t + h)
        early, late, hit = self._differs(accepted, t, h, t1)
        if isinstance(self._method, RungeKutta):
            # Outside the stability region the dense output does not follow the solution: no event is looked for there.
            estimate = self._get("stiffness_estimate")
            unsafe = hit & (h * h * estimate > EVENT_SEARCH_STABILITY_LIMIT) & (estimate < INFINITY)
            self._set("unstable_step", unsafe.select(1.0, self._get("unstable_step")))
            accepted, hit = accepted & ~unsafe, hit & ~unsafe
        factor = careful = self._factor(judged)
        if isinstance(self._method, RungeKutta):
            factor = self._within_stability(accepted, h, (first & accepted).select(self._factor(error), careful))
            careful = (careful < factor).select(careful, factor)
        # At time 0 any step still moves time; there the interval is the measure.
        stuck = active & ~accepted & ~last & (((t + h) <= t) | (h <= rest * SMALLEST_STEP))
        t1, located = self._locate(hit, t, h, t1, early, late)
        cut = (last | half) & accepted
        next_step = located.select(0.0, self._unhindered(h * factor, wanted, cut))
        first = first & accepted
        self._set("dose_h", first.select(self._unhindered(h * careful, wanted, cut), self._get("dose_h")))
        self._set("first_step", first.select(0.0, self._get("first_step")))
        self._set("h", active.select(next_step, 1.0))
        self._set("t", accepted.select(t1, t))
        y, y1 = self._array("y"), self._array("y1")
        taken = code.spread(accepted)
        with code.eights(self._padded) as i:
            code.store(taken.select(code.load(y1, i, X), code.load(y, i, X)), y, i)
        code.store(accepted.any().select(code.const(I64, 0), 1), looked_at, 0)
        if isinstance(self._method, RungeKutta):
            # Where rounding puts a reading elsewhere than t + h, the slopes are those of another time.
            changed = t1.equals(halt) | hit | t1.differs(t + h)
            self._keep_slopes(self._method, accepted, accepted & changed, looked_at)
        for word in range(self._words):
            code.store(code.load(self._ws, self._place["w"] + word, I), self._ws, self._place["w0"] + word)
        if self._words:
            self._keep_words(accepted, "w1", "w")
        left_alone = self._doses(accepted)
        happened = self._happened(accepted) & ~left_alone
        self._put_back_where(left_alone, OPERATION)
        self._put_back_where(happened, EVENT)
        failed = stuck & ~known
        self._put_back_where(failed, NOT_FINITE)
        self._put_back_where(stuck & known, STEP_TOO_SMALL)
        limit = code.splat(self._field("max_steps", I64))
        over = (
            (self._get("subject", I) >= 0)
            & (self._get("steps_since_reading", I) > limit)
            & (self._get("t") < self._stop())
        )
        self._put_back_where(over, STEP_LIMIT)
        if isinstance(self._method, RungeKutta):
            self._notice_stiff(accepted, h)

    def _factor(self, error: Value) -> Value:
        """Return how many times longer the next step may be, from the square of an error."""
        code, exponent = self._code, -0.5 / self._method.order
        factor = code.call("vexp", V, code.call("vlog", V, error) * exponent) * SAFETY
        factor = (factor < SMALLEST_FACTOR).select(SMALLEST_FACTOR, factor)
        return (factor > LARGEST_FACTOR).select(LARGEST_FACTOR, factor)

    @staticmethod
    def _unhindered(proposed: Value, wanted: Value, cut: Value) -> Value:
        """Return a next step: what cut one short is no reason to take short ones from now on."""
        return cut.select((proposed > wanted).select(proposed, wanted), proposed)

    def _within_stability(self, accepted: Value, h: Value, factor: Value) -> Value:
        """Return the growth of the step, bounded so that the next one is stable: beyond, events may be off by far.

        Stiffness is |lambda|^2 as the difference of the last two slopes shows it (Hairer and Wanner 1996, IV.2), over
        the reach of the method. A rejected attempt shows nothing, unless it failed only because it was unstable; nor
        does a step at rest, where the difference is rounding. So an older estimate decays: the next step may be twice
        as long, or a ninth longer where there is no estimate at all.
        """
        before, estimate = self._get("stiffness"), self._get("stiffness_estimate")
        visible = (estimate >= 0.0) & (estimate < INFINITY)
        decayed = before * visible.select(self._code.const(V, 0.25), 0.81)
        after = (visible & (estimate > decayed)).select(estimate, decayed)
        failed = (self._unstable_step() & visible & (estimate > before)).select(estimate, before)
        self._set("stiffness", accepted.select(after, failed))
        most = 1.0 / self._code.call("llvm.sqrt.vWf64", V, h * h * self._get("stiffness"))
        most = (most < SMALLEST_FACTOR).select(SMALLEST_FACTOR, most)
        return (most < factor).select(most, factor)

    def _unstable_step(self) -> Value:
        """Return in which lanes the last attempt failed only because it was outside the stability region."""
        return self._get("unstable_step") > 0.0

    def _keep_slopes(self, method: RungeKutta, accepted: Value, changed: Value, looked_at: Value) -> None:
        """Begin the next step with the slopes at the end of this one (first same as last), unless a lane has others."""
        code = self._code
        with code.when(~changed.any()):
            slopes, known = self._array("f"), code.at(self._array("k"), (method.stages - 1) * self._padded, V)
            taken = code.spread(accepted)
            with code.eights(self._padded) as i:
                code.store(taken.select(code.load(known, i, X), code.load(slopes, i, X)), slopes, i)
            self._keep_looks(accepted, "1", "0")
            code.store(code.const(I64, 1), looked_at, 0)

    def _notice_stiff(self, accepted: Value, h: Value) -> None:
        """Count the steps that stability and not accuracy limits or lets fail; put back the subjects that have many."""
        code, count = self._code, self._get("stiff_steps", I)
        limited = (h * h * self._get("stiffness")) > STIFF_STEP_LIMIT
        less = (count > 0).select(count - 1, count)
        failed = self._unstable_step().select(count + 1, count)
        count = accepted.select(limited.select(count + 1, less), failed)
        self._set("stiff_steps", count)
        with code.when(self._field("hands_over", I64).differs(0)):
            self._put_back_where((self._get("subject", I) >= 0) & (count >= MOST_STIFF_STEPS), STIFF)

    def _interval_end(self, t: Value) -> Value:
        """Return the time up to which nothing changes from outside."""
        code = self._code
        end, dose = self._stop(), self._get("dose")
        end = (dose < end).select(dose, end)
        for number in self._program.stops:
            stop = code.load(self._array("q"), number, V)
            end = ((stop > t) & (stop < end)).select(stop, end)
        if self._program.jumps:
            end = code.call("next_jump", V, t, end, self._array("y"), self._array("q"))
        return end

    def _first_step(self, active: Value, t: Value, end: Value) -> None:
        """Estimate a step where none is known: the states, or the tolerance, change by a hundredth."""
        code = self._code
        unknown = active & ~(self._get("h") > 0.0)
        with code.when(unknown.any()):
            relative = code.splat(self._field("relative", F64))
            sums = [code.variable(V) for _ in range(2)]
            for total in sums:
                code.store(code.const(V, 0.0), total, 0)
            with code.count(self._n) as i:
                y = code.load(self._array("y"), i, V)
                f = code.load(self._array("f"), i, V)
                absolute = code.load(self._array("tolerance"), i, V)
                scale = code.fma(relative, code.call("llvm.fabs.vWf64", V, y), absolute)
                for value, total in zip((y, f), sums, strict=True):
                    ratio = value / scale
                    code.store(code.fma(ratio, ratio, code.load(total, 0, V)), total, 0)
            size, speed = (code.load(total, 0, V) for total in sums)
            count = float(self._program.counted)
            size = (size > count).select(size, count)
            guess = code.call("llvm.sqrt.vWf64", V, size / speed) * 0.01
            rest = end - t
            guess = (guess < rest).select(guess, rest)
            self._set("h", unknown.select(guess, self._get("h")))

    # ------------------------------------------------------- doses and events

    def _doses(self, accepted: Value) -> Value:
        """Add the doses that are due; return in which lanes the caller has to do something instead."""
        code = self._code
        t = self._get("t")
        due = accepted & self._get("dose").equals(t)
        left = code.variable(I)
        code.store(code.const(I, 0), left, 0)
        with code.when(due.any()):
            flags = self._flags(due)
            with code.count(code.width()) as lane, code.when(code.load(flags, lane, I64).differs(0)):
                self._lane_set("first_step", lane, code.const(F64, 1.0))
                self._lane_set("h", lane, self._lane_get("dose_h", lane, F64))
                self._lane_set("steps_since_reading", lane, code.const(I64, 0))
                subject = self._lane_get("subject", lane, I64)
                with code.forever() as loop:
                    loop.leave_if(~self._lane_get("dose", lane, F64).equals(self._lane_get("t", lane, F64)))
                    number = self._operation_number(lane, subject)
                    kind = code.load(self._field("operation_kind", PTR), number, I64)
                    with code.when(kind >= 2):
                        code.store(code.const(I64, 1), left, lane)
                    loop.leave_if(kind >= 2)
                    self._dose(lane, subject, number, kind)
                    self._lane_set("place", lane, self._lane_get("place", lane, I64) + 1)
                    self._next_dose(lane, subject)
            if self._words:
                self._watch(t, "y", "w1")
                self._keep_words(due, "w1", "w")
        return code.load(left, 0, I).differs(0)

    def _dose(self, lane: Value, subject: Value, number: Value, kind: Value) -> None:
        code = self._code
        value = code.variable(F64)
        code.store(self._of_operation("operation_value", number, subject), value, 0)
        size = code.load(self._field("operation_size", PTR), number, I64)
        with code.when(size >= 0):
            volume = self._lane_get("p", lane, F64, size)
            code.store(code.load(value, 0, F64) * volume, value, 0)
        state = code.load(self._field("operation_state", PTR), number, I64)
        old = self._lane_get("y", lane, F64, state)
        amount = code.load(value, 0, F64)
        self._lane_set("y", lane, kind.equals(0).select(old + amount, amount), state)

    def _happened(self, accepted: Value) -> Value:
        """Return in which lanes something changed that must stop the loop."""
        code, total = self._code, self._code.const(I, 0)
        for word in range(self._words):
            old = code.load(self._ws, self._place["w0"] + word, I)
            new = code.load(self._ws, self._place["w"] + word, I)
            total = total | (new & ~old & self._masks.rising[word]) | (old & ~new & self._masks.falling[word])
        return accepted & total.differs(0)
