"""Makes the tasks of a cohort that fits into memory."""

from __future__ import annotations

from collections.abc import Callable

from gvlab.capacity import refuse_beyond_memory
from gvlab.simulation.tasks import SimulationTask
from gvlab.subject import Cohort


def tasks_for(
    subjects: int, draw: Callable[[int], Cohort], tasks: Callable[[Cohort], list[SimulationTask]]
) -> list[SimulationTask]:
    """Return the tasks of a cohort, which is drawn only if what comes of it fits into memory.

    Parameters
    ----------
    subjects
        How many.
    draw
        Returns a cohort of so many.
    tasks
        Returns what is simulated of a cohort.

    Raises
    ------
    InvalidValueError
        If so many do not fit, with how many would.
    """
    refuse_beyond_memory(subjects, sum(task.bytes_needed for task in tasks(draw(1))))
    return tasks(draw(subjects))
