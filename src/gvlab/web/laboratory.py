"""Laboratory: runs the arms of an experiment, keeps what was run, and stops what nobody waits for any more."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gvlab.experiment import Results
from gvlab.library import Library
from gvlab.simulation import SimulationTask, Trajectories, run_tasks
from gvlab.simulation.cancel import CancelToken
from gvlab.web.limits import FIRST_SUBJECTS
from gvlab.web.state import BenchState

KEPT_BYTES = 44_000_000
"""How much of earlier runs is kept in memory: the arms of twenty readers, of whom each changes one at a time."""


@dataclass(frozen=True)
class Answer:
    """What came of a state.

    Attributes
    ----------
    state
        What was asked.
    results
        What came of every arm.
    refining
        Arms of which only the first few subjects have been followed so far.
    notes
        What a reader must know: subjects that could not be solved.
    milliseconds
        What each part of the work took.
    """

    state: BenchState
    results: Results
    refining: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    milliseconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Followed:
    run: Trajectories
    notes: tuple[str, ...]

    @property
    def size(self) -> int:
        run = self.run
        return sum(values.nbytes for values in (*run.readings.values(), *run.finals.values(), run.events))


class Laboratory:
    """Runs experiments for pages. Several threads may ask at once.

    What was followed is kept by the hash of everything it depends on, so nobody sees what another asked: who asks the
    same gets the same, and who asks something else gets something else.

    Parameters
    ----------
    library
        Where experiments are read.
    kept_bytes
        How much of earlier runs is kept.
    """

    def __init__(self, library: Library, kept_bytes: int = KEPT_BYTES) -> None:
        self.library = library
        self._most = kept_bytes
        self._kept: OrderedDict[str, _Followed] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._first, self._answered = threading.Lock(), False

    def answer(
        self,
        state: BenchState,
        *,
        cancel: CancelToken | None = None,
        first: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """Return what comes of a state.

        Parameters
        ----------
        state
            What is asked.
        cancel
            Stops it.
        first
            Is handed an answer in which arms that nobody asked for before have few subjects; the others are complete.
            It is not called where every arm is known.

        Raises
        ------
        SolveError, ProtocolError
            If nobody of an arm could be followed.
        CancelledError
            If it was cancelled.
        """
        if self._answered:
            return self._answer(state, cancel, first)
        # Who comes while the first answer loads the code of the model waits for it, and mostly finds it known then: to
        # load the code twice at once takes longer, and ends the process where one of the two is dropped in use.
        with self._first:
            found = self._answer(state, cancel, first)
            self._answered = True
            return found

    def _answer(self, state: BenchState, cancel: CancelToken | None, first: Callable[[Answer], None] | None) -> Answer:
        began = time.perf_counter()
        tasks = state.experiment.tasks(state.seed, subjects=state.subjects, days=state.file.days)
        known = {arm: self._look_up(task.key) for arm, task in tasks.items()}
        missing = {arm: task for arm, task in tasks.items() if known[arm] is None}
        planned = time.perf_counter()
        if missing and first is not None and state.subjects > FIRST_SUBJECTS:
            few = state.experiment.tasks(state.seed, subjects=FIRST_SUBJECTS, days=state.file.days)
            part = self._follow({arm: few[arm] for arm in missing}, cancel)
            both = {arm: part[arm] if arm in part else known[arm] for arm in tasks}
            now = time.perf_counter()
            times = {"plan": 1e3 * (planned - began), "run": 1e3 * (now - planned)}
            first(_answer(state, both, {arm: task.key for arm, task in tasks.items()}, tuple(missing), times))
        started = time.perf_counter()
        new = self._follow(missing, cancel)
        for arm, followed in new.items():
            self._keep(tasks[arm].key, followed)
        both = {arm: new.get(arm, known[arm]) for arm in tasks}
        times = {"plan": 1e3 * (planned - began), "run": 1e3 * (time.perf_counter() - started)}
        return _answer(state, both, {arm: task.key for arm, task in tasks.items()}, (), times)

    def known(self, state: BenchState) -> Answer | None:
        """Return the answer to a state of which every arm was followed already, and None where one was not."""
        tasks = state.experiment.tasks(state.seed, subjects=state.subjects, days=state.file.days)
        found = {arm: self._look_up(task.key) for arm, task in tasks.items()}
        if any(each is None for each in found.values()):
            return None
        return _answer(state, found, {arm: task.key for arm, task in tasks.items()}, (), {})

    def _follow(self, tasks: Mapping[str, SimulationTask], cancel: CancelToken | None) -> dict[str, _Followed]:
        if cancel is not None:
            cancel.check()
        done = run_tasks(tasks.values(), cancel=cancel) if tasks else []
        return {arm: _Followed(result.get(), result.warnings) for arm, result in zip(tasks, done, strict=True)}

    def _look_up(self, key: str) -> _Followed | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _keep(self, key: str, followed: _Followed) -> None:
        with self._lock:
            if key in self._kept or followed.size > self._most:
                return
            self._kept[key] = followed
            self._bytes += followed.size
            while self._bytes > self._most:
                _, gone = self._kept.popitem(last=False)
                self._bytes -= gone.size


def _answer(
    state: BenchState,
    followed: Mapping[str, _Followed | None],
    keys: Mapping[str, str],
    refining: tuple[str, ...],
    milliseconds: Mapping[str, float],
) -> Answer:
    there = {arm: each for arm, each in followed.items() if each is not None}
    runs = {arm: each.run for arm, each in there.items()}
    notes = tuple(f"{arm}: {note}" for arm, each in there.items() for note in each.notes)
    # Hashes stand for complete arms only.
    complete = {arm: key for arm, key in keys.items() if arm not in refining}
    results = Results(state.experiment, runs, state.seed, paired=True, keys=complete)
    return Answer(state, results, refining, notes, milliseconds)
