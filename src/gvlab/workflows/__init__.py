"""Workflows: a frozen request in, a bundle of tables, figures and documents out.

The same request serves the command, the notebook, the page and JSON::

    from gvlab.workflows.plan_experiment import PlanRequest, plan_experiment

    request = PlanRequest(experiment="mathew2018_survival", system="b6_into_balbc_wehi3b", sets=0)
    bundle = plan_experiment(request, progress=print)
    bundle.write("plan")

    PlanRequest.model_validate_json(text)      # the same request as text
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gvlab.workflows.bundle import Bundle
    from gvlab.workflows.progress import Progress, ProgressSink
    from gvlab.workflows.request import Request

# Loaded when first asked for: a request to plan an experiment needs no report and no calibration.
_HOMES = {
    "Bundle": "bundle",
    "Progress": "progress",
    "ProgressSink": "progress",
    "Request": "request",
}

__all__ = ["Bundle", "Progress", "ProgressSink", "Request"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        from gvlab.errors import did_you_mean

        raise AttributeError(f'gvlab.workflows has no "{name}".{did_you_mean(name, __all__)}')
    found = getattr(import_module(f"gvlab.workflows.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
