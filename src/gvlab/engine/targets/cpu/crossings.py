"""Prints how a step is searched for an instant at which a watched truth value changes.

What is another at the end of a step changed in it. What changed twice is the same at both ends: there the two sides of
a comparison came nearest between them. Where the tangents at the ends, from how far they are apart and how fast that
changes, reach it before they reach each other, the step is looked at closely: from its start onwards in parts that are
halved until the tangents stay clear of it, or a truth value is another at the end of a part. A curve that bends one way
in a part lies beyond its tangents, so nothing is missed there; a step in which it bends to and fro more often is too
long for its accuracy as well.
"""

from __future__ import annotations

from gvlab.engine.methods.tableaus import Rosenbrock, RungeKutta
from gvlab.engine.program.program import Program
from gvlab.engine.targets.cpu.lanes import LanesPrinter
from gvlab.engine.targets.cpu.llvm import B, Function, I, V, Value, X
from gvlab.engine.targets.layout import Workspace

SMALLEST_PART = 2.0**-30
"""Part of a step that is not halved any more: what comes and goes in less is not seen."""


class CrossingsPrinter(LanesPrinter):
    """Prints the search for the method of a program."""

    def __init__(self, program: Program, workspace: Workspace, code: Function, method: Rosenbrock | RungeKutta) -> None:
        super().__init__(program, workspace, code)
        self._method = method

    def _look(self, t: Value, y: str, f: Value, place: str, into: str) -> None:
        """Watch; also work out how far comparisons are from changing, and how fast they come nearer: arrays d and s."""
        names = ("q", "w", f"d{place}", f"s{place}", into)
        self._code.call("look", "void", t, self._array(y), f, *(self._array(name) for name in names))

    def _keep_looks(self, mask: Value, source: str, target: str) -> None:
        code = self._code
        for name in ("d", "s"):
            for i in range(len(self._program.heights)):
                new = code.load(self._array(name + source), i, V)
                old = code.load(self._array(name + target), i, V)
                code.store(mask.select(new, old), self._array(name + target), i)

    def _may_cross(self, one: str, other: str, length: Value) -> Value:
        """Return in which lanes some comparison may change twice between two places that are `length` apart.

        From a height d0 that falls by s0 and one d1 that rose by s1, the tangents are at zero after d0/s0 and before
        d1/s1. Where the two times fill the length the tangents meet above zero, and so does a curve that bends one way.
        """
        code = self._code
        total = code.const(B, 0)
        for i in range(len(self._program.heights)):
            before, after = (code.load(self._array(f"d{place}"), i, V) for place in (one, other))
            falls, rises = (code.load(self._array(f"s{place}"), i, V) for place in (one, other))
            above = before > 0.0
            before, after = (above.select(height, -height) for height in (before, after))
            falls, rises = (above.select(slope, -slope) for slope in (falls, rises))
            nearest_between = (falls < 0.0) & (rises > 0.0) & (after > 0.0)
            fills = code.fma(before, rises, -(after * falls))
            total = total | (nearest_between & (fills < -(falls * rises * length)))
        return total

    def _differs(self, accepted: Value, t: Value, h: Value, t1: Value) -> tuple[Value, Value, Value]:
        """Return between which times a watched truth value changes in this step, and in which lanes one does."""
        code = self._code
        if not self._words:
            return t, t1, code.const(B, 0)
        if not self._program.heights:
            self._watch(t1, "y1", "w1")
            return t, t1, accepted & self._changed("w1", "w")
        explicit = isinstance(self._method, RungeKutta)
        end_slopes = (self._method.stages - 1) * self._padded if isinstance(self._method, RungeKutta) else 0
        f = code.at(self._array("k"), end_slopes, V) if explicit else self._array("f")
        self._look(t1, "y1", f, "1", "w1")
        hit = accepted & self._changed("w1", "w")
        near = accepted & self._may_cross("0", "1", h)
        early, late, found = code.variable(V), code.variable(V), code.variable(I)
        code.store(t, early, 0)
        code.store(t1, late, 0)
        code.store(code.const(I, 0), found, 0)
        with code.when(near.any()):
            self._search(near, t, h, t1, (early, late, found))
        return code.load(early, 0, V), code.load(late, 0, V), hit | code.load(found, 0, I).differs(0)

    def _search(self, near: Value, t: Value, h: Value, t1: Value, result: tuple[Value, Value, Value]) -> None:
        """Go through a step in parts; keep the first at whose end a watched truth value is another."""
        code, explicit = self._code, isinstance(self._method, RungeKutta)
        early, late, found = result
        left, low, length = code.variable(I), code.variable(V), code.variable(V)
        code.store(near.select(code.const(I, 1), 0), left, 0)
        code.store(t, low, 0)
        code.store(h * 0.5, length, 0)
        smallest = h * SMALLEST_PART
        code.call("prepare", "void", self._ws, h)
        self._keep_looks(near, "0", "2")
        with code.forever() as search:
            going = code.load(left, 0, I).differs(0)
            search.leave_if(~going.any())
            begin, part = code.load(low, 0, V), code.load(length, 0, V)
            end = begin + part
            end = (end < t1).select(end, t1)
            code.call("interpolate", "void", self._ws, (end - t) / h, h)
            if explicit:
                code.call("rates", "void", end, *(self._array(name) for name in ("yi", "q", "w", "u")))
            self._look(end, "yi", self._array("u"), "3", "w2")
            halve = going & self._may_cross("2", "3", end - begin) & (part > smallest)
            differs = going & ~halve & self._changed("w2", "w")
            code.store(differs.select(begin, code.load(early, 0, V)), early, 0)
            code.store(differs.select(end, code.load(late, 0, V)), late, 0)
            code.store(differs.select(code.const(I, 1), code.load(found, 0, I)), found, 0)
            on = going & ~halve & ~differs
            self._keep_looks(on, "3", "2")
            code.store(on.select(end, begin), low, 0)
            code.store(halve.select(part * 0.5, on.select(part * 2.0, part)), length, 0)
            ended = differs | (on & (end >= t1))
            code.store((going & ~ended).select(code.const(I, 1), 0), left, 0)

    def _locate(self, hit: Value, t: Value, h: Value, t1: Value, first: Value, last: Value) -> tuple[Value, Value]:
        """Return the end of the step, and in which lanes it was brought forward.

        It is brought forward to the first instant between two at which a watched truth value differs, to the last bit
        of time.
        """
        code = self._code
        if not self._words:
            return t1, code.const(B, 0)
        early, late, moved = code.variable(V), code.variable(V), code.variable(I)
        code.store(first, early, 0)
        code.store(hit.select(last, t1), late, 0)
        code.store(code.const(I, 0), moved, 0)
        with code.when(hit.any()):
            code.call("prepare", "void", self._ws, h)
            with code.forever() as search:
                low, high = code.load(early, 0, V), code.load(late, 0, V)
                middle = code.fma(high - low, 0.5, low)
                open_ = hit & (middle > low) & (middle < high)
                search.leave_if(~open_.any())
                code.call("interpolate_watched", "void", self._ws, (middle - t) / h, h)
                self._watch(middle, "yi", "w2")
                differs = self._changed("w2", "w")
                code.store((open_ & differs).select(middle, high), late, 0)
                code.store((open_ & ~differs).select(middle, low), early, 0)
            found = code.load(late, 0, V)
            inside = hit & (found < t1)
            code.call("interpolate", "void", self._ws, (found - t) / h, h)
            y1, yi = self._array("y1"), self._array("yi")
            moved_back = code.spread(inside)
            with code.eights(self._padded) as i:
                code.store(moved_back.select(code.load(yi, i, X), code.load(y1, i, X)), y1, i)
            self._watch(found, "y1", "w1")
            code.store(inside.select(code.const(I, 1), 0), moved, 0)
        return code.load(late, 0, V), code.load(moved, 0, I).differs(0)
