"""What is done: agents, doses, protocols, conditions and arms."""

from gvlab.protocol.agent import Agent
from gvlab.protocol.arm import Arm
from gvlab.protocol.condition import Change, Condition
from gvlab.protocol.dose import Dose, Harvest
from gvlab.protocol.protocol import Protocol

__all__ = ["Agent", "Arm", "Change", "Condition", "Dose", "Harvest", "Protocol"]
