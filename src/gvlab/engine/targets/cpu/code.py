"""Compiles a program for this processor: LLVM vector code through llvmlite, no compiler needed."""

from __future__ import annotations

import ctypes
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numpy as np

from gvlab import disk_cache
from gvlab.engine.methods.tableaus import Rosenbrock, RungeKutta
from gvlab.engine.program.program import Program, fingerprint
from gvlab.engine.targets.cpu.driver import DriverPrinter
from gvlab.engine.targets.cpu.llvm import widened
from gvlab.engine.targets.cpu.mathematics import in_pairs, prelude
from gvlab.engine.targets.cpu.model_code import functions, outputs
from gvlab.engine.targets.cpu.steps import StepPrinter
from gvlab.engine.targets.layout import TriggerMasks, Workspace
from gvlab.sbml.graph import Node

_TOGETHER, _APART = b"T", b"A"
"""First byte of what is stored: whether code and numbers have to lie close together."""

_lock = threading.Lock()


WIDTHS = (1, 4, 8)
"""Subjects in a vector. A step of four takes a quarter longer than a step of one, and half as long as one of eight."""


class Compiled:
    """Machine code of a program for one width of vectors, in this process.

    Attributes
    ----------
    run
        Takes the addresses of the table and of a workspace. It holds no lock while it runs.
    width
        Subjects in a vector.
    """

    def __init__(self, engine: Any, workspace: Workspace, width: int) -> None:
        self._engine = engine  # keeps the code in memory
        self._vectors = workspace.vectors
        self.width = width
        address = engine.get_function_address("run")
        self.run: Callable[[int, int], None] = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(address)

    def workspace(self, outputs: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return memory for one thread, aligned to 64 bytes."""
        size = (self._vectors + outputs) * self.width
        memory = np.zeros(size + 8)
        first = (-memory.ctypes.data // 8) % 8
        return memory[first : first + size]


class Code:
    """A program for every width; each is compiled, or taken from the cache on disk, when it is first asked for."""

    def __init__(self, program: Program, method: Rosenbrock | RungeKutta, masks: TriggerMasks) -> None:
        self._asked = (program, method, masks)
        self._parts = (program.fingerprint or fingerprint(program), repr(method), repr(masks))
        self._known: dict[int, Compiled] = {}
        self._making = threading.Lock()

    def at(self, width: int) -> Compiled:
        """Return the code for vectors of a width."""
        with self._making:
            if width not in self._known:
                program, method, masks = self._asked
                engine = _load_or_compile(self._key(width), lambda: _text(source(program, method, masks), width))
                self._known[width] = Compiled(engine, Workspace(program, method), width)
            return self._known[width]

    def is_at_hand(self, width: int) -> bool:
        """Return whether nothing needs to be compiled for a width."""
        return width in self._known or disk_cache.has(self._key(width))

    def _key(self, width: int) -> str:
        return _key(*self._parts, str(width))


class OutputCode:
    """The formulas of the outputs of a solve, for every width."""

    def __init__(self, program: Program, readings: Sequence[Node]) -> None:
        self._asked = (program, readings)
        self._fingerprint = fingerprint(program, readings)
        self._known: dict[int, tuple[int, Any]] = {}
        self._making = threading.Lock()

    def address(self, width: int) -> int:
        """Return the address of the function for vectors of a width; it holds for as long as this object is there."""
        # Of threads that ask at once one makes it: code that a second one replaced would be gone from under the first.
        with self._making:
            if width not in self._known:
                engine = _load_or_compile(self._key(width), lambda: _text(self._source(), width))
                self._known[width] = engine.get_function_address("outputs"), engine
            return self._known[width][0]

    def is_at_hand(self, width: int) -> bool:
        """Return whether nothing needs to be compiled for a width."""
        return width in self._known or disk_cache.has(self._key(width))

    def _key(self, width: int) -> str:
        return _key(self._fingerprint, "outputs", str(width))

    def _source(self) -> str:
        program, readings = self._asked
        operations = {program.graph.operation[node] for node in program.graph.order(readings)}
        return prelude(operations) + outputs(program, readings)


def source(program: Program, method: Rosenbrock | RungeKutta, masks: TriggerMasks) -> str:
    """Print a program as LLVM code whose width is open."""
    graph = program.graph
    roots = [*program.rates, *program.jacobian.values(), *program.drift]
    roots += [*program.watch, *program.constants]
    operations = {graph.operation[node] for node in graph.order(roots)}
    workspace = Workspace(program, method)
    return "".join(
        (
            prelude(operations),
            functions(program, isinstance(method, Rosenbrock)),
            StepPrinter(program, method, workspace).text(),
            DriverPrinter(program, method, workspace, masks).text(),
        )
    )


def _text(code: str, width: int) -> str:
    return widened(in_pairs(code) if width == 1 else code, width)


def _load_or_compile(key: str, text: Callable[[], str]) -> Any:
    with _lock:
        _start()
        stored = disk_cache.read(key)
        if stored is None:
            stored = _compile(text())
            disk_cache.write(key, stored)
        return _load(stored)


@cache
def _start() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def _machine(*, together: bool) -> Any:
    features = llvm.get_host_cpu_features().flatten()
    if "+avx512f" in features:
        features += ",-prefer-256-bit"
    target = llvm.Target.from_default_triple()
    places = {"codemodel": "small", "reloc": "pic"} if together else {}
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=1, jit=True, **places)


@cache
def _needs_no_library() -> bool:
    """Return whether every operation that is printed is an instruction here, and not a function of the C library."""
    features = llvm.get_host_cpu_features()
    # Other kinds of processor do not name these, and have them.
    return os.name == "posix" and all(features.get(name, True) for name in ("fma", "sse4.1"))


def _compile(text: str) -> bytes:
    module = llvm.parse_assembly(text)
    module.verify()
    # Code that calls nothing outside is kept together with its numbers, which it then reads where it needs them: 6 %
    # faster. The C library may be too far away for that.
    together = "declare double @" not in text and _needs_no_library()
    machine = _machine(together=together)
    # The code is short of redundancy as it is printed; more passes cost a fifth of a second and make it no faster.
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    options.loop_vectorization = False
    options.slp_vectorization = False
    llvm.create_pass_builder(machine, options).getModulePassManager().run(
        module, llvm.create_pass_builder(machine, options)
    )
    return (_TOGETHER if together else _APART) + bytes(machine.emit_object(module))


def _load(data: bytes) -> Any:
    together = data[:1] == _TOGETHER
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(together=together), use_lmm=together or None)
    engine.add_object_file(llvm.ObjectFileRef.from_data(data[1:]))
    engine.finalize_object()
    return engine


def _key(*parts: str) -> str:
    parts = (
        *parts,
        _printers(),
        llvmlite.__version__,
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest() + ".o"


@cache
def _printers() -> str:
    """Return a hash of what prints the code."""
    return disk_cache.hash_of_files(Path(__file__).parents[1].rglob("*.py")).hex()
