"""A model, a cohort and a protocol give trajectories."""

from __future__ import annotations

from collections.abc import Sequence

from gvlab.arrays import Array, Float
from gvlab.engine import Cancel, Options, Progress
from gvlab.model.model import Model
from gvlab.protocol import Condition, Dose, Protocol
from gvlab.simulation.executors import Executor
from gvlab.simulation.failures import show_warnings
from gvlab.simulation.tasks import SimulationTask, run_tasks
from gvlab.simulation.trajectories import Trajectories
from gvlab.subject import Cohort


def simulate(
    model: Model,
    cohort: Cohort,
    protocol: Protocol | Dose | None = None,
    *,
    until: str | float,
    times: Sequence[float] | Float[Array, "time"] | None = None,
    outputs: Sequence[str] | None = None,
    condition: Condition | str | None = None,
    engine: str | None = None,
    options: Options | None = None,
    executor: Executor | str | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Trajectories:
    """Return what subjects go through under a protocol.

    Parameters
    ----------
    model
        What happens.
    cohort
        In whom.
    protocol
        What is done; nothing where None.
    until
        The last day, "day 100" or 100.0.
    times
        Days on which outputs are read; every whole day and the last one where None.
    outputs
        States, parameters, assigned variables and reactions (their rate) of the model; every state where None.
    condition
        What is different: a condition or its name.
    engine
        Name of an engine, one of `gvlab.engine.ENGINES`; the default one where None.
    options
        Accuracy; the engine's own where None.
    executor
        Who does it: "serial", "threads", or an executor of `gvlab.simulation.executors`.
    progress
        Told, ten times a second or more, how many subjects have just been finished; it may be none.
    cancel
        A `CancelToken`, or anything that can be asked whether to stop.

    Returns
    -------
    Trajectories with statuses, events and a manifest. A subject that could not be solved is there as far as it went.

    Raises
    ------
    ProtocolError
        If a dose is given after the last day, or nobody is left from whom cells could be taken.
    UnknownNameError
        If an output, an engine, or a symbol that a condition or an agent names does not exist.
    SolveError
        If no subject at all could be solved.
    CancelledError
        If it was cancelled.

    Warns
    -----
    SolveWarning
        If some could not be solved: which, what they have in common, and the remedy.
    """
    task = SimulationTask(
        model,
        cohort,
        Protocol.of(protocol),
        Condition.of(condition),
        until=until,
        times=times,
        outputs=outputs,
        engine=engine,
        options=options,
    )
    results = run_tasks([task], executor=executor, progress=progress, cancel=cancel)
    show_warnings(results)
    return results[0].get()
