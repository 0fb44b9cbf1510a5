"""An engine that fails where it is told to."""

import sys
import types

import numpy as np
import pytest

from gvlab import engine as engines
from gvlab.engine import EVENT_LOG, Solution, Status


@pytest.fixture
def failing(monkeypatch):
    """An engine in which the subjects with a high clearance hit the step limit."""

    def solve(model, times, *, subjects, outputs, parameters, **_):
        bad = np.broadcast_to(parameters.get("CL_house", 2.0), (subjects,)) > 3.0
        return Solution(
            times=times,
            outputs=tuple(outputs),
            values=np.ones((subjects, len(times), len(outputs))),
            end_times=np.where(bad, times[0], times[-1]),
            final_names=(),
            final=np.empty((subjects, 0)),
            event_ids=(),
            events=np.zeros(0, dtype=EVENT_LOG),
            status=np.where(bad, Status.STEP_LIMIT, Status.FINISHED).astype(np.int8),
            steps=np.ones(subjects, dtype=np.int64),
        )

    module = types.ModuleType("failing_engine")
    module.solve = solve
    monkeypatch.setitem(sys.modules, "failing_engine", module)
    monkeypatch.setitem(engines.ENGINES, "failing", "failing_engine")
