"""An in-silico laboratory of graft-versus-leukemia."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gvlab import errors, figures, library
    from gvlab.bibliography import Source, cite
    from gvlab.engine import Options
    from gvlab.experiment import Experiment, Results
    from gvlab.library import Library
    from gvlab.model.model import Model
    from gvlab.model.parameters import ParameterTable
    from gvlab.protocol import Agent, Arm, Change, Condition, Dose, Harvest, Protocol
    from gvlab.provenance import Manifest
    from gvlab.simulation.simulate import simulate
    from gvlab.simulation.trajectories import Trajectories
    from gvlab.subject import Cohort, Population, System

# Loaded when first asked for: a solver's worker process imports gvlab a hundred times a day and needs none of it,
# and figures bring matplotlib.
_HOMES = {
    "Agent": "gvlab.protocol",
    "Arm": "gvlab.protocol",
    "Change": "gvlab.protocol",
    "Cohort": "gvlab.subject",
    "Condition": "gvlab.protocol",
    "Dose": "gvlab.protocol",
    "Experiment": "gvlab.experiment",
    "Harvest": "gvlab.protocol",
    "Library": "gvlab.library",
    "Manifest": "gvlab.provenance",
    "Model": "gvlab.model.model",
    "Options": "gvlab.engine",
    "ParameterTable": "gvlab.model.parameters",
    "Population": "gvlab.subject",
    "Protocol": "gvlab.protocol",
    "Results": "gvlab.experiment",
    "Source": "gvlab.bibliography",
    "System": "gvlab.subject",
    "Trajectories": "gvlab.simulation",
    "cite": "gvlab.bibliography",
    "errors": "",
    "figures": "",
    "library": "",
    "simulate": "gvlab.simulation",
}

__all__ = [
    "Agent",
    "Arm",
    "Change",
    "Cohort",
    "Condition",
    "Dose",
    "Experiment",
    "Harvest",
    "Library",
    "Manifest",
    "Model",
    "Options",
    "ParameterTable",
    "Population",
    "Protocol",
    "Results",
    "Source",
    "System",
    "Trajectories",
    "cite",
    "errors",
    "figures",
    "library",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        from gvlab.errors import did_you_mean

        raise AttributeError(f'gvlab has no "{name}".{did_you_mean(name, __all__)}')
    home = _HOMES[name]
    found = getattr(import_module(home), name) if home else import_module(f"gvlab.{name}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
