"""One call of an engine, all of it as numbers: it can be cut into shards of subjects, and travel to another machine."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gvlab import engine as engines
from gvlab.arrays import Array, Float
from gvlab.engine import EVENT_LOG, Cancel, Operation, Options, PerSubject, Progress, Solution
from gvlab.sbml.equations import Equations


@dataclass(frozen=True, eq=False)
class EngineCall:
    """What an engine is asked for; see `gvlab.engine.Solve`.

    Attributes
    ----------
    equations
        What happens.
    times
        Of the start, and of readings.
    subjects
        How many.
    outputs, parameters, schedule, stop, options
        As engines take them; a quantity is one number, or one for each subject.
    engine
        Name of the engine.
    """

    equations: Equations
    times: Float[Array, "time"]
    subjects: int
    outputs: tuple[str, ...]
    parameters: Mapping[str, PerSubject] = field(default_factory=dict)
    schedule: tuple[Operation, ...] = ()
    stop: tuple[str, ...] = ()
    options: Options | None = None
    engine: str = engines.DEFAULT_ENGINE

    def solve(
        self, *, progress: Progress | None = None, cancel: Cancel | None = None, threads: int | None = None
    ) -> Solution:
        """Return what the engine finds; arguments and errors as `gvlab.engine.solve`."""
        return engines.solve(
            self.equations,
            self.times,
            subjects=self.subjects,
            outputs=self.outputs,
            parameters=self.parameters,
            schedule=self.schedule,
            stop=self.stop,
            options=self.options,
            progress=progress,
            cancel=cancel,
            threads=threads,
            engine=self.engine,
        )

    def shards(self, largest: int) -> Iterator[EngineCall]:
        """Yield calls for some of the subjects each, as even as can be; put together they give the same bits."""
        count = max(1, -(-self.subjects // largest))
        edges = [number * self.subjects // count for number in range(count + 1)]
        if count == 1:
            yield self
            return
        for start, stop in itertools.pairwise(edges):
            yield self._rows(slice(start, stop))

    def _rows(self, rows: slice) -> EngineCall:
        return dataclasses.replace(
            self,
            subjects=rows.stop - rows.start,
            parameters={name: _some(value, rows) for name, value in self.parameters.items()},
            schedule=tuple(
                dataclasses.replace(
                    operation,
                    time=_some(operation.time, rows),
                    value=_some(operation.value, rows),
                    added=_some(operation.added, rows),
                )
                for operation in self.schedule
            ),
        )


def _some(value: PerSubject, rows: slice) -> PerSubject:
    return value[rows] if np.ndim(value) else value  # type: ignore[index]


def joined(parts: Sequence[Solution]) -> Solution:
    """Return the solution of a call from those of its shards, in their order."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(part.status) for part in parts)])
    logs = []
    for start, part in zip(starts, parts, strict=False):
        log = part.events.copy()
        log["subject"] += start
        logs.append(log)
    return dataclasses.replace(
        parts[0],
        values=np.concatenate([part.values for part in parts]),
        end_times=np.concatenate([part.end_times for part in parts]),
        final=np.concatenate([part.final for part in parts]),
        events=np.concatenate(logs).astype(EVENT_LOG, copy=False),
        status=np.concatenate([part.status for part in parts]),
        steps=np.concatenate([part.steps for part in parts]),
    )
