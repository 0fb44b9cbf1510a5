"""Writes LLVM code as text, with arithmetic that reads like arithmetic.

A `Value` is one LLVM register: a vector of doubles, whole numbers or truth values, or one of any of these. Loops and
conditions are context managers. A product is added or subtracted with one rounding, which is written out as such: the
compiler may not choose, so the same formula gives the same bits in vectors of every width.

The text leaves the width of vectors open; `widened` fills it in.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

V = "<W x double>"
I = "<W x i64>"  # noqa: E741
B = "<W x i1>"
X, XB = "<8 x double>", "<8 x i1>"
"""Eight doubles, and eight truth values, of an array whose vectors may be narrower: for what is done to all alike."""

F64, I64, I1, PTR = "double", "i64", "i1", "ptr"

_ALIGN = {V: ", align WBYTES", I: ", align WBYTES", X: ", align 64"}

Number = float | int


def hexadecimal(value: float) -> str:
    """Write a double exactly, as LLVM reads it."""
    return "0x" + struct.pack(">d", float(value)).hex().upper()


def constant(kind: str, value: Number) -> str:
    """Write a constant of a type."""
    if kind == F64:
        return hexadecimal(float(value))
    if kind == X:
        return "<" + ", ".join([f"double {hexadecimal(float(value))}"] * 8) + ">"
    if kind == V:
        return f"<<double {hexadecimal(float(value))}>>"
    if kind == I:
        return f"<<i64 {int(value)}>>"
    if kind == B:
        return f"<<i1 {int(value)}>>"
    return str(int(value))


_CONSTANT = re.compile("<<([^>]*)>>")


def widened(text: str, width: int) -> str:
    """Fill the width of vectors into a text."""
    repeated = f"<8 x i32> <{', '.join(f'i32 {i % width}' for i in range(8))}>"
    for open_, filled in (
        ("<W x ", f"<{width} x "),
        (".vW", f".v{width}"),
        (" iW", f" i{width}"),
        ("WBYTES", str(8 * width)),
        ("WIDTH", str(width)),
        ("REPEAT", repeated),
        ("UNLESS8", ";" if width == 8 else ""),
    ):
        text = text.replace(open_, filled)
    return _CONSTANT.sub(lambda found: f"<{', '.join([found[1]] * width)}>", text)


@dataclass(frozen=True, eq=False)
class Value:
    """A register of a function under construction."""

    code: Function
    name: str
    kind: str
    factors: tuple[Value, Value] | None = None

    def _two(self, operation: str, other: Value | Number, kind: str = "") -> Value:
        right = other.name if isinstance(other, Value) else constant(self.kind, other)
        return self.code.emit(f"{operation} {self.kind} {self.name}, {right}", kind or self.kind)

    def _floating(self) -> bool:
        return self.kind in (V, F64, X)

    def _arithmetic(self, name: str, other: Value | Number) -> Value:
        return self._two(f"f{name}" if self._floating() else name, other)

    def _of(self, other: Value | Number) -> Value:
        return other if isinstance(other, Value) else self.code.const(self.kind, other)

    def _compare(self, floating: str, whole: str, other: Value | Number) -> Value:
        kind = {V: B, I: B, X: XB}.get(self.kind, I1)
        operation = f"fcmp {floating}" if self._floating() else f"icmp {whole}"
        return self._two(operation, other, kind)

    def __add__(self, other: Value | Number) -> Value:
        second = self._of(other)
        for product, rest in ((self, second), (second, self)):
            if product.factors:
                return self.code.fma(*product.factors, rest)
        return self._arithmetic("add", second)

    def __sub__(self, other: Value | Number) -> Value:
        second = self._of(other)
        if second.factors:
            return self.code.fma(-second.factors[0], second.factors[1], self)
        if self.factors:
            return self.code.fma(*self.factors, -second)
        return self._arithmetic("sub", second)

    def __mul__(self, other: Value | Number) -> Value:
        product = self._arithmetic("mul", other)
        return replace(product, factors=(self, self._of(other))) if self._floating() else product

    def __truediv__(self, other: Value | Number) -> Value:
        return self._arithmetic("div", other)

    def __rsub__(self, other: Number) -> Value:
        return self.code.const(self.kind, other) - self

    def __rtruediv__(self, other: Number) -> Value:
        return self.code.const(self.kind, other) / self

    def __neg__(self) -> Value:
        return self.code.emit(f"fneg {self.kind} {self.name}", self.kind)

    def __lt__(self, other: Value | Number) -> Value:
        return self._compare("olt", "slt", other)

    def __le__(self, other: Value | Number) -> Value:
        return self._compare("ole", "sle", other)

    def __gt__(self, other: Value | Number) -> Value:
        return self._compare("ogt", "sgt", other)

    def __ge__(self, other: Value | Number) -> Value:
        return self._compare("oge", "sge", other)

    def rounded(self) -> Value:
        """Return the same value, which a sum takes as it is even where it is a product."""
        return replace(self, factors=None)

    def equals(self, other: Value | Number) -> Value:
        """Compare for equality; NaN equals nothing."""
        return self._compare("oeq", "eq", other)

    def differs(self, other: Value | Number) -> Value:
        """Compare for inequality; NaN differs from everything."""
        return self._compare("une", "ne", other)

    def __and__(self, other: Value | Number) -> Value:
        return self._two("and", other)

    def __or__(self, other: Value | Number) -> Value:
        return self._two("or", other)

    def __xor__(self, other: Value | Number) -> Value:
        return self._two("xor", other)

    def __invert__(self) -> Value:
        return self._two("xor", 1 if self.kind in (B, I1) else -1)

    def __lshift__(self, other: Value | Number) -> Value:
        return self._two("shl", other)

    def __rshift__(self, other: Value | Number) -> Value:
        """Shift to the right, keeping the sign."""
        return self._two("ashr", other)

    def bits(self, kind: str) -> Value:
        """Read the same bits as another type."""
        return self.code.emit(f"bitcast {self.kind} {self.name} to {kind}", kind)

    def floating(self) -> Value:
        """Turn whole numbers into doubles."""
        kind = V if self.kind == I else F64
        return self.code.emit(f"sitofp {self.kind} {self.name} to {kind}", kind)

    def select(self, yes: Value | Number, no: Value | Number) -> Value:
        """Choose by this truth value, lane by lane."""
        some = yes if isinstance(yes, Value) else no
        assert isinstance(some, Value)
        a = yes if isinstance(yes, Value) else self.code.const(some.kind, yes)
        b = no if isinstance(no, Value) else self.code.const(some.kind, no)
        return self.code.emit(f"select {self.kind} {self.name}, {a.kind} {a.name}, {b.kind} {b.name}", a.kind)

    def any(self) -> Value:
        """Return whether it is true in any lane."""
        return self.bits("iW").differs(0)


class Function:
    """A function under construction.

    Parameters
    ----------
    name
        Its name.
    arguments
        Pairs of type and name.
    result
        Its type.
    attributes
        Such as ``alwaysinline``.
    """

    def __init__(
        self, name: str, arguments: Sequence[tuple[str, str]], result: str = "void", attributes: str = "nounwind"
    ) -> None:
        self.name = name
        self._head = (name, tuple(arguments), result, attributes)
        self._lines: list[str] = []
        self._slots: list[str] = []
        self._count = 0
        self._block = "entry"
        self._closed = False
        self.arguments = [Value(self, f"%{text}", kind) for kind, text in arguments]

    # ----------------------------------------------------------------- values

    def emit(self, text: str, kind: str) -> Value:
        """Append an instruction that gives a value."""
        self._count += 1
        name = f"%r{self._count}"
        self._lines.append(f"  {name} = {text}")
        return Value(self, name, kind)

    def do(self, text: str) -> None:
        """Append an instruction that gives none."""
        self._lines.append(f"  {text}")

    def width(self) -> Value:
        """Return the number of lanes."""
        return Value(self, "WIDTH", I64)

    def const(self, kind: str, value: Number) -> Value:
        """Return a constant."""
        return Value(self, constant(kind, value), kind)

    def call(self, name: str | Value, result: str, *arguments: Value) -> Value:
        """Call a function by its name or at an address."""
        name = name.name if isinstance(name, Value) else f"@{name}"
        given = ", ".join(f"{argument.kind} {argument.name}" for argument in arguments)
        if result == "void":
            self.do(f"call void {name}({given})")
            return Value(self, "", "void")
        return self.emit(f"call {result} {name}({given})", result)

    def fma(self, a: Value, b: Value | Number, c: Value | Number) -> Value:
        """Return a b + c with one rounding."""
        kind = a.kind
        right = b if isinstance(b, Value) else self.const(kind, b)
        last = c if isinstance(c, Value) else self.const(kind, c)
        name = {V: "llvm.fma.vWf64", X: "llvm.fma.v8f64"}.get(kind, "llvm.fma.f64")
        return self.call(name, kind, a, right, last)

    def spread(self, value: Value) -> Value:
        """Repeat what the lanes have, for eight elements of an array."""
        kind = {V: X, B: XB}[value.kind]
        return self.emit(f"shufflevector {value.kind} {value.name}, {value.kind} poison, REPEAT", kind)

    def splat(self, value: Value) -> Value:
        """Copy one number into all lanes."""
        kind = {F64: V, I64: I, I1: B}[value.kind]
        first = self.emit(f"insertelement {kind} poison, {value.kind} {value.name}, i32 0", kind)
        zero = "<W x i32> zeroinitializer"
        return self.emit(f"shufflevector {kind} {first.name}, {kind} poison, {zero}", kind)

    def lane(self, value: Value, number: int) -> Value:
        """Take one lane."""
        kind = {V: F64, I: I64, B: I1}[value.kind]
        return self.emit(f"extractelement {value.kind} {value.name}, i32 {number}", kind)

    # ----------------------------------------------------------------- memory

    def at(self, base: Value, index: Value | int, kind: str) -> Value:
        """Return the address of the element of an array."""
        place = index.name if isinstance(index, Value) else str(index)
        return self.emit(f"getelementptr {kind}, ptr {base.name}, i64 {place}", PTR)

    def load(self, base: Value, index: Value | int, kind: str) -> Value:
        """Read an element of an array."""
        align = _ALIGN.get(kind, "")
        return self.emit(f"load {kind}, ptr {self.at(base, index, kind).name}{align}", kind)

    def store(self, value: Value, base: Value, index: Value | int) -> None:
        """Write an element of an array."""
        align = _ALIGN.get(value.kind, "")
        place = self.at(base, index, value.kind)
        self.do(f"store {value.kind} {value.name}, ptr {place.name}{align}")

    def variable(self, kind: str) -> Value:
        """Return the address of a new local variable."""
        name = f"%slot{len(self._slots)}"
        self._slots.append(f"  {name} = alloca {kind}, align 64")
        return Value(self, name, PTR)

    # ---------------------------------------------------------------- control

    def _label(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def _jump(self, label: str) -> None:
        if not self._closed:
            self._lines.append(f"  br label %{label}")
        self._closed = True

    def _branch(self, condition: Value, yes: str, no: str) -> None:
        self._lines.append(f"  br i1 {condition.name}, label %{yes}, label %{no}")
        self._closed = True

    def _open(self, label: str) -> None:
        self._lines.append(f"{label}:")
        self._closed = False

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Do what follows only where a (single) truth value holds."""
        inside, after = self._label("then"), self._label("after")
        self._branch(condition, inside, after)
        self._open(inside)
        yield
        self._jump(after)
        self._open(after)

    @contextmanager
    def count(self, end: Value | int, start: Value | int = 0) -> Iterator[Value]:
        """Count from `start` up to, but without, `end`."""
        counter = self.variable(I64)
        first = start if isinstance(start, Value) else self.const(I64, start)
        last = end if isinstance(end, Value) else self.const(I64, end)
        self.store(first, counter, 0)
        head, inside, after = self._label("head"), self._label("loop"), self._label("after")
        self._jump(head)
        self._open(head)
        now = self.load(counter, 0, I64)
        self._branch(now < last, inside, after)
        self._open(inside)
        yield now
        self.store(now + 1, counter, 0)
        self._jump(head)
        self._open(after)

    @contextmanager
    def eights(self, vectors: int) -> Iterator[Value]:
        """Count the eights of elements of an array of so many vectors, a multiple of eight."""
        with self.count(self.width() * (vectors // 8)) as i:
            yield i

    @contextmanager
    def forever(self) -> Iterator[Loop]:
        """Repeat until left."""
        head, after = self._label("head"), self._label("after")
        self._jump(head)
        self._open(head)
        yield Loop(self, head, after)
        self._jump(head)
        self._open(after)

    def give(self, value: Value | None = None) -> None:
        """Return from the function."""
        self._lines.append("  ret void" if value is None else f"  ret {value.kind} {value.name}")
        self._closed = True

    def text(self) -> str:
        """Write the function."""
        name, arguments, result, attributes = self._head
        if not self._closed:
            self.give()
        given = ", ".join(f"{kind}{' noalias' if kind == PTR else ''} %{text}" for kind, text in arguments)
        body = "\n".join(["entry:", *self._slots, *self._lines])
        linkage = "" if "external" in attributes else "internal "
        attributes = attributes.replace("external", "")
        # No builtins: a loop must not become a call of the C library.
        return f'define {linkage}{result} @{name}({given}) {attributes} "no-builtins" {{\n{body}\n}}\n'


@dataclass(frozen=True)
class Loop:
    """A loop under construction, to be left or begun again."""

    code: Function
    head: str
    after: str

    def leave_if(self, condition: Value) -> None:
        """Leave the loop."""
        on = self.code._label("on")
        self.code._branch(condition, self.after, on)
        self.code._open(on)

    def again_if(self, condition: Value) -> None:
        """Begin the next round."""
        on = self.code._label("on")
        self.code._branch(condition, self.head, on)
        self.code._open(on)
