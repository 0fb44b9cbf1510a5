"""So what follows? The only place where model, subject, protocol and engine meet."""

from gvlab.engine import Options
from gvlab.simulation.cancel import CancelToken
from gvlab.simulation.executors import Executor, Serial, Threads
from gvlab.simulation.extent import tasks_for
from gvlab.simulation.failures import show_warnings
from gvlab.simulation.simulate import simulate
from gvlab.simulation.tasks import SimulationTask, TaskResult, run_tasks
from gvlab.simulation.trajectories import Trajectories

__all__ = [
    "CancelToken",
    "Executor",
    "Options",
    "Serial",
    "SimulationTask",
    "TaskResult",
    "Threads",
    "Trajectories",
    "run_tasks",
    "show_warnings",
    "simulate",
    "tasks_for",
]
