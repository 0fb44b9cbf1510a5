"""Carries subjects on, a portion at a time, on one card or on several.

A card sees no more than its portion: its subjects, packed, and what they are given. So a cohort may be larger than the
memory of a card, and what a later round sends over the bus is only what is still on its way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gvlab.engine.ensemble.subjects import Floats, Rows
from gvlab.engine.schedule import Column
from gvlab.engine.targets.gpu.source import Kernel
from gvlab.engine.targets.layout import FIELD
from gvlab.errors import CancelledError

Memory = npt.NDArray[Any]

GIVEN = ("states", "slots", "time")
FOLLOWED = ("step", "dose_step", "operation", "row", "steps", "stiff", "stiffness", "until")
"""What each subject brings to be looked at; and, more, to be followed."""

RETURNED = ("states", "time", "step", "dose_step", "operation", "row", "steps", "stiff", "stiffness", "old", "new",
            "reason")  # fmt: skip
"""What each subject comes back with, besides its readings."""

COMMON = ("readings", "operation_kind", "operation_state", "operation_size")
"""What is the same for all subjects."""

ALIKE_OR_EACH = ("order", "absolute")
"""What has one row for all subjects, or one for each."""

COUNTERS = ("next", "finished", "abort")
"""What the threads of a card share; the table holds their addresses."""

FEWEST = 4096
"""Subjects for whom a card of its own is worth while."""

CHUNK = 1 << 28
"""Bytes of readings that are fetched at once where they have to be sorted in."""

SHORTEST_WAIT, LONGEST_WAIT = 2e-4, 2e-2
"""Seconds between two looks at a card."""

_ALIGNMENT = 256


class Card(Protocol):
    """A device with memory of its own.

    Attributes
    ----------
    busy
        Held while a portion is on the card: two solves at once take turns.
    """

    busy: threading.Lock

    def room(self) -> int:
        """Return the bytes that a portion may take."""
        ...

    def reserve(self, size: int) -> int:
        """Return the address of so much memory."""
        ...

    def release(self) -> None:
        """Release what was reserved."""
        ...

    def upload(self, array: Memory, address: int) -> None:
        """Copy an array there."""
        ...

    def download(self, address: int, array: Memory) -> None:
        """Copy from there into an array; also while a kernel is running."""
        ...

    def start(self, kernel: Kernel, table: Memory, count: int) -> None:
        """Begin to carry on so many subjects; the table and the shared constants are put in place before."""
        ...

    def running(self) -> bool:
        """Return whether the kernel that was started still runs."""
        ...


class _Column:
    """One quantity of every operation, every array of it once: many doses may have the same.

    Attributes
    ----------
    strides
        Shape (operation,): 0 where one number holds for all subjects, else 1.
    shared
        Shape (operation,): the number, where the stride is 0.
    own, which
        Arrays of shape (subject,), and the operations whose numbers stand in each.
    """

    def __init__(self, column: Column) -> None:
        self.strides, self.shared = column.strides, column.first
        self.own: list[Floats] = []
        self.which: list[list[int]] = []
        known: dict[int, int] = {}
        for k in np.nonzero(self.strides)[0].tolist():
            place = known.setdefault(int(column.addresses[k]), len(self.own))
            if place == len(self.own):
                self.own.append(column[k])
                self.which.append([])
            self.which[place].append(k)


class Portions:
    """The subjects of a solve, for the cards that carry them on.

    Parameters
    ----------
    cards
        At least one.
    kernels
        The loop for each method of the solve.
    table
        As the compiled loop of the processor gets it; numbers in it are looked up at each call.
    arrays
        Arrays of the whole cohort, by the names of their fields.
    times, values
        When operations take place, and how much.
    """

    def __init__(
        self,
        cards: Sequence[Card],
        kernels: Sequence[Kernel],
        table: npt.NDArray[np.int64],
        arrays: Mapping[str, Memory],
        times: Column,
        values: Column,
    ) -> None:
        self.table = table
        self.arrays = arrays
        self.abort = threading.Event()
        self._cards = cards
        self._kernels = kernels
        self.columns = {"operation_time": _Column(times), "operation_value": _Column(values)}
        self._on_their_way = [0] * len(cards)
        self._lock = threading.Lock()

    @property
    def finished(self) -> int:
        """Subjects that have reached the end, those on their way in a card included."""
        return int(self.table[FIELD["finished"]]) + sum(self._on_their_way)

    def carry(self, rows: Rows, number: int, tell: Callable[[int], None], *, watch_only: bool = False) -> None:
        """Carry some subjects on with the method of a number, or only look at their watched truth values.

        `tell` is called every now and then with how many have reached the end. If it raises, or the keyboard
        interrupts, the cards are stopped first.
        """
        left = iter(self._split(rows, watch_only))
        failures: list[BaseException] = []
        self.abort.clear()

        def work(which: int) -> None:
            def note(count: int) -> None:
                self._on_their_way[which] = count

            try:
                while (part := self._next(left)) is not None:
                    with self._alone(self._cards[which]) as card:
                        finished = _Portion(self, card, part, watch_only).carry(self._kernels[number], note)
                    with self._lock:
                        note(0)
                        self.table[FIELD["finished"]] += finished
            except BaseException as failure:
                failures.append(failure)
                self.abort.set()

        workers = [threading.Thread(target=work, args=(which,)) for which in range(len(self._cards))]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                while worker.is_alive():
                    worker.join(0.05)
                    tell(self.finished)
        except BaseException:
            self.abort.set()
            for worker in workers:
                worker.join()
            raise
        if failures:
            raise failures[0]

    @contextmanager
    def _alone(self, card: Card) -> Iterator[Card]:
        """Have a card for a portion, once it is free.

        Raises
        ------
        CancelledError
            If the solve is given up before.
        """
        while not card.busy.acquire(timeout=LONGEST_WAIT):
            if self.abort.is_set():
                raise CancelledError("The solve was given up before a card was free.")
        try:
            yield card
        finally:
            card.release()
            card.busy.release()

    def _next(self, left: Iterator[Rows]) -> Rows | None:
        with self._lock:
            return None if self.abort.is_set() else next(left, None)

    def _split(self, rows: Rows, watch_only: bool) -> list[Rows]:
        """Return portions that fit the smallest card, and as many as there are cards if each is worth while."""
        most = min(card.room() for card in self._cards) // self._bytes_each(watch_only)
        count = max(-(-rows.size // max(1, most)), min(len(self._cards), -(-rows.size // FEWEST)))
        return [part for part in np.array_split(rows, count) if part.size]

    def _bytes_each(self, watch_only: bool) -> int:
        """Return how much memory of a card one subject takes."""
        names = {*GIVEN, "new"} if watch_only else {*GIVEN, *FOLLOWED, *RETURNED, "values"}
        arrays = [self.arrays[name] for name in names]
        if not watch_only:
            arrays += [array for column in self.columns.values() for array in column.own]
            arrays += [self.arrays[name] for name in ALIKE_OR_EACH if len(self.arrays[name]) > 1]
        return sum(array.nbytes // len(array) for array in arrays) + _ALIGNMENT


class _Portion:
    """Some subjects in the memory of a card."""

    def __init__(self, portions: Portions, card: Card, rows: Rows, watch_only: bool) -> None:
        self._of = portions
        self._card = card
        self._rows = rows
        self._watch_only = watch_only
        first, last = int(rows[0]), int(rows[-1]) + 1
        # Subjects one after the other need not be copied together.
        self._where: Any = slice(first, last) if np.all(np.diff(rows) == 1) else rows

    def carry(self, kernel: Kernel, note: Callable[[int], None]) -> int:
        """Carry the subjects on until each is put back, and write what they come back with where it belongs.

        Return how many have reached the end; `note` is told of it while the card is at work.
        """
        places, counter = self._upload(), np.zeros(1, dtype=np.int64)
        self._card.start(kernel, self._table, self._rows.size)
        stopping, wait = False, SHORTEST_WAIT
        while self._card.running():
            time.sleep(wait)
            wait = min(1.5 * wait, LONGEST_WAIT)
            self._card.download(places["finished"], counter)
            note(int(counter[0]))
            if self._of.abort.is_set() and not stopping:
                self._card.upload(np.ones(1, dtype=np.int64), places["abort"])
                stopping = True
        self._card.download(places["finished"], counter)
        if not self._of.abort.is_set():
            self._download(places)
        return int(counter[0])

    # ------------------------------------------------------------------ the way there

    def _upload(self) -> dict[str, int]:
        """Put everything into the memory of the card; return the addresses, which `_table` holds as well."""
        arrays = self._of.arrays
        given = {name: arrays[name][self._where] for name in GIVEN}
        blank = {"new": arrays["new"].shape[1:]}
        addresses: dict[str, Memory] = {}
        if not self._watch_only:
            given |= {name: arrays[name][self._where] for name in FOLLOWED}
            given |= {name: arrays[name] for name in COMMON}
            for name in ALIKE_OR_EACH:
                given[name] = arrays[name] if len(arrays[name]) == 1 else arrays[name][self._where]
            blank |= {name: arrays[name].shape[1:] for name in (*RETURNED, "values") if name not in given}
            for name, column in self._of.columns.items():
                given |= {f"{name}_stride": column.strides, f"{name} shared": column.shared}
                given |= {f"{name} {k}": array[self._where] for k, array in enumerate(column.own)}
                addresses[name] = np.zeros(column.strides.size, dtype=np.int64)
        counters = dict.fromkeys(COUNTERS, np.zeros(1, dtype=np.int64))
        sizes = {name: array.nbytes for name, array in (given | addresses | counters).items()}
        sizes |= {name: 8 * self._rows.size * int(np.prod(shape)) for name, shape in blank.items()}
        offsets = np.cumsum([0, *(-(-size // _ALIGNMENT) * _ALIGNMENT for size in sizes.values())])
        memory = self._card.reserve(int(offsets[-1]))
        places = {name: memory + int(offset) for name, offset in zip(sizes, offsets, strict=False)}
        for name, array in addresses.items():
            array[:] = self._addresses(name, places)
        for name, array in (given | addresses | counters).items():
            if array.nbytes:
                self._card.upload(np.ascontiguousarray(array), places[name])
        self._table = self._of.table.copy()
        for name, place in places.items():
            if name in FIELD:
                self._table[FIELD[name]] = place
        self._table[FIELD["count"]] = self._rows.size
        self._table[FIELD["watch_only"]] = self._watch_only
        return places

    def _addresses(self, name: str, places: Mapping[str, int]) -> npt.NDArray[np.int64]:
        """Return where the number of each operation for the first subject of the portion is."""
        column = self._of.columns[name]
        result = places[f"{name} shared"] + 8 * np.arange(column.strides.size, dtype=np.int64)
        for k, which in enumerate(column.which):
            result[which] = places[f"{name} {k}"]
        return result

    # ------------------------------------------------------------------- the way back

    def _download(self, places: Mapping[str, int]) -> None:
        arrays = self._of.arrays
        before = arrays["row"][self._where].copy()
        for name in ("new",) if self._watch_only else RETURNED:
            array = arrays[name]
            if isinstance(self._where, slice):
                self._card.download(places[name], array[self._where])
            else:
                packed = np.empty((self._rows.size, *array.shape[1:]), dtype=array.dtype)
                self._card.download(places[name], packed)
                array[self._where] = packed
        if not self._watch_only:
            self._download_values(places["values"], before)

    def _download_values(self, place: int, before: Rows) -> None:
        """Fetch the readings of this round; those of earlier rounds stay."""
        values: Floats = self._of.arrays["values"]
        each = values[:1].nbytes
        if not each:
            return
        if isinstance(self._where, slice) and not before.any():
            self._card.download(place, values[self._where])
            return
        after = self._of.arrays["row"][self._where]
        at_once = max(1, CHUNK // each)
        for first in range(0, self._rows.size, at_once):
            packed = np.empty((min(at_once, self._rows.size - first), *values.shape[1:]))
            self._card.download(place + first * each, packed)
            for k, own in enumerate(packed, start=first):
                values[self._rows[k], before[k] : after[k]] = own[before[k] : after[k]]


__all__ = ["Card", "Portions"]
