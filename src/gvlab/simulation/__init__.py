"""So what follows? The only place where model, subject, protocol and engine meet."""

from gvlab.simulation.simulate import simulate
from gvlab.simulation.trajectories import Trajectories

__all__ = ["Trajectories", "simulate"]
