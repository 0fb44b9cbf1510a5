"""Prints a program as CUDA C, a thread a subject, from the same mathematics and tableaus as the vector code.

The text is plain C apart from a few words, so that it can also be compiled for the processor and compared there with
the vector code. What a thread reads and writes at every step decides how fast it is: the argument of a stage lies in
shared memory, the constants that all subjects share in constant memory, slots stay where they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gvlab.engine.methods.tableaus import Rosenbrock, RungeKutta
from gvlab.engine.program.program import Program
from gvlab.engine.targets import layout
from gvlab.engine.targets.cpu import crossings, driver, steps
from gvlab.engine.targets.gpu import method_text, model_text
from gvlab.engine.targets.gpu.formulas import HELPERS
from gvlab.engine.targets.gpu.sharing import Sharing
from gvlab.engine.targets.layout import TriggerMasks
from gvlab.sbml.graph import Node

MOST_SHARED_MEMORY = 48 * 1024
"""Bytes of shared memory that a block may have on every card without asking for more."""

_WORDS_FOR_CUDA = """
#define DEVICE static __device__ __noinline__
#define TABLE_OF static __device__ const
#define KERNEL extern "C" __global__ __launch_bounds__(THREADS)
#define RUN_ARGUMENTS
#define BEGIN_RUN
#define TAKE_ONE(place) ((long long)atomicAdd((unsigned long long *)(place), 1ULL))
#define ANY_OF_WARP(holds) __any_sync(0xffffffffu, holds)
#define ABORT (*reinterpret_cast<volatile long long *>(table[FIELD_abort]))
#define INFINITE __longlong_as_double(0x7ff0000000000000LL)
#define UNDEFINED __longlong_as_double(0x7ff8000000000000LL)
extern "C" { __constant__ long long table[FIELDS]; __constant__ double shared[SHARED]; }
#if ARGUMENT_IS_SHARED
static __shared__ double argument[N * THREADS];
#define ARGUMENT(i) argument[(i) * THREADS + threadIdx.x]
#endif
"""

_WORDS_FOR_C = """
#include <math.h>
#define DEVICE static
#define TABLE_OF static const
#define KERNEL extern "C"
#define RUN_ARGUMENTS long long *given
#define BEGIN_RUN table = given;
#define TAKE_ONE(place) ((*(place))++)
#define ANY_OF_WARP(holds) (holds)
#define ABORT (*reinterpret_cast<volatile long long *>(table[FIELD_abort]))
#define INFINITE HUGE_VAL
#define UNDEFINED NAN
static thread_local long long *table;
extern "C" { double shared[SHARED]; }
#if ARGUMENT_IS_SHARED
static thread_local double argument[N];
#define ARGUMENT(i) argument[i]
#endif
"""

LANGUAGES = {"cuda": _WORDS_FOR_CUDA, "c": _WORDS_FOR_C}
"""What the few words stand for, by language."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """The loop over subjects for one program, one method and one choice of outputs and shared constants."""

    program: Program
    method: Rosenbrock | RungeKutta
    masks: TriggerMasks
    readings: Sequence[Node]
    sharing: Sharing

    @property
    def threads(self) -> int:
        """Threads a block: as many as have room for an argument each in shared memory; a warp where none has."""
        return 64 if 64 * 8 * len(self.program.states) <= MOST_SHARED_MEMORY else 32

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the text for CUDA, by which its compiled code is known."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    def text(self, language: str = "cuda") -> str:
        """Print the text, for "cuda" or for "c"."""
        here = Path(__file__).parent
        return "\n".join(
            (
                _defined(self._numbers()),
                LANGUAGES[language],
                HELPERS,
                self._tables(),
                (here / "subject.cu").read_text(encoding="utf-8"),
                _places(isinstance(self.method, Rosenbrock)),
                model_text.functions(
                    self.program, self.readings, self.sharing, implicit=isinstance(self.method, Rosenbrock)
                ),
                method_text.functions(self.program, self.method),
                (here / "driver.cu").read_text(encoding="utf-8"),
            )
        )

    def _numbers(self) -> dict[str, float]:
        program, method = self.program, self.method
        places = method_text.stage_places(method)
        n = len(program.states)
        # C has no arrays of no elements.
        return {
            "IMPLICIT": int(isinstance(method, Rosenbrock)),
            "THREADS": self.threads,
            "ARGUMENT_IS_SHARED": int(self.threads * 8 * n <= MOST_SHARED_MEMORY),
            "N": n,
            "STAGE_ARRAYS": max(places) + 1,
            "LAST_STAGE": places[method.stages - 1],
            "SLOTS": len(program.slots),
            "WORDS": program.words,
            "WATCHED": int(bool(program.watch)),
            "FLOORS": len(program.floors),
            "HEIGHTS": len(program.heights),
            "JACOBIAN": max(1, len(program.jacobian)),
            "FACTORS": max(1, len(program.elimination.entries)),
            "DRIFT": n if program.drift else 1,
            "VARYING": max(1, len(program.constants) - len(self.sharing.numbers)),
            "SHARED": max(1, len(self.sharing.numbers)),
            "ORDER": method.order,
            "SAFETY": driver.SAFETY,
            "SMALLEST_FACTOR": driver.SMALLEST_FACTOR,
            "LARGEST_FACTOR": driver.LARGEST_FACTOR,
            "SMALLEST_STEP": driver.SMALLEST_STEP,
            "SMALLEST_PART": crossings.SMALLEST_PART,
            "LARGEST_GAIN": steps.LARGEST_GAIN,
            "FIRST_STEP_STRICTNESS": driver.FIRST_STEP_STRICTNESS,
            "EVENT_SEARCH_STABILITY_LIMIT": driver.EVENT_SEARCH_STABILITY_LIMIT,
            "STIFF_STEP_LIMIT": driver.STIFF_STEP_LIMIT,
            "MOST_STIFF_STEPS": driver.MOST_STIFF_STEPS,
            "FIELDS": len(layout.TABLE),
            **{f"FIELD_{name}": place for name, place in layout.FIELD.items()},
            **{name: getattr(layout, name) for name in _REASONS},
            "GOES_ON": -1,
        }

    def _tables(self) -> str:
        lines = []
        for name, row in (("RISING", self.masks.rising), ("FALLING", self.masks.falling)):
            # The smallest 64-bit number has no literal of its own in C.
            text = ", ".join(f"(long long){value & (1 << 64) - 1}ULL" for value in row)
            lines.append(f"TABLE_OF long long {name}[] = {{{text}}};")
        return "\n".join(lines)


_REASONS = ("REACHED", "EVENT", "OPERATION", "STEP_LIMIT", "NOT_FINITE", "STEP_TOO_SMALL", "ABORTED", "STIFF")


def _defined(numbers: dict[str, float]) -> str:
    return "\n".join(f"#define {name} {value!r}" for name, value in numbers.items())


def _places(implicit: bool) -> str:
    """Print where a slope is, and the argument where it is not in shared memory."""
    slope = "s.f[i]" if implicit else "s.k[i]"
    lines = (f"#define SLOPE(i) {slope}", "#if !ARGUMENT_IS_SHARED", "#define ARGUMENT(i) s.argument[i]", "#endif")
    return "\n".join(lines)
