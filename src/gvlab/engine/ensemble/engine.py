"""The ensemble engine: many subjects at once, in vector code made for the model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

from gvlab.arrays import Array, Float
from gvlab.engine.contract import Cancel, Operation, Options, PerSubject, Progress, Solution
from gvlab.engine.ensemble.on_disk import mapped
from gvlab.engine.ensemble.ready import ModelCache
from gvlab.engine.ensemble.run import Run
from gvlab.engine.methods.tableaus import CHOICES, METHODS
from gvlab.engine.request import check, cores
from gvlab.engine.targets import TARGETS
from gvlab.engine.targets.cpu.code import WIDTHS
from gvlab.engine.targets.gpu.portions import Card
from gvlab.errors import UnknownNameError
from gvlab.sbml.equations import Equations


class Engine:
    """Solves the equations of a model for many subjects at once.

    Parameters
    ----------
    cache
        Models made ready, which engines may share; one of its own where None.
    widths
        How many subjects a vector may have. Results do not depend on it.
    cards
        What the target "gpu" works on; the NVIDIA cards of this machine where None.
    print_constants
        Whether the code for a card has the constants that all subjects of a solve share as numbers. It then holds for
        these numbers only; otherwise they stand in constant memory.
    """

    def __init__(
        self,
        cache: ModelCache | None = None,
        widths: Sequence[int] = WIDTHS,
        *,
        cards: Sequence[Card] | None = None,
        print_constants: bool = False,
    ) -> None:
        self.cache = ModelCache() if cache is None else cache
        self.widths = tuple(widths)
        self._cards = cards
        self._print_constants = print_constants

    def solve(
        self,
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
        method: str = "auto",
        target: str = "cpu",
        into: Path | str | None = None,
    ) -> Solution:
        """Return what comes of many subjects. See `contract.Solve` for the arguments that are not here.

        Parameters
        ----------
        method
            "auto" begins with the explicit "dop853" and goes on with "rodas5p" where a subject turns out to be stiff.
            Each can also be asked for by its name, and so can "tsit5". Each method has `max_steps` of its own.
        target
            "cpu", or "gpu" for the NVIDIA cards of this machine. Methods and rules are the same; results of the two
            agree to the tolerance, not to the bit.
        into
            A file ``NAME.npy`` that takes the readings as they come, for results beyond memory. `Solution.values` is
            then mapped from it, and ``numpy.load(NAME, mmap_mode="r")`` reads it later. It is there whole or not at
            all.

        Raises
        ------
        SolveError
            If there is no GPU for the target "gpu".
        OutputError
            If the file for the readings cannot be written.
        """
        if method not in (*CHOICES, *METHODS):
            raise UnknownNameError("method", method, (*CHOICES, *METHODS))
        if target not in TARGETS:
            raise UnknownNameError("target", target, TARGETS)
        cards: Sequence[Card] = ()
        if target == "gpu":
            cards = import_module(TARGETS["gpu"]).cards() if self._cards is None else self._cards
        ready = self.cache.ready(model, method)
        # The same text read twice is the same model; the formulas belong to the graph of the first.
        request = check(ready.equations, times, subjects, outputs, parameters, schedule, stop, options)
        leaner = ready if target == "gpu" else ready.without_absent(request)
        # The two give the same bits.
        chosen = leaner if leaner.is_at_hand(request.subjects) else ready
        shape = (request.subjects, request.times.size, len(request.outputs))
        with nullcontext() if into is None else mapped(Path(into), shape) as values:
            run = Run(
                request, chosen, threads or cores(), progress, cards, values, cancel, self.widths, self._print_constants
            )
            began = time.perf_counter()
            solution = run.follow()
            leaner.seconds += time.perf_counter() - began
            return solution


solve = Engine().solve
"""The engine that everybody shares."""
