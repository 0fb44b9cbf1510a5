"""What is measured: assays, endpoints, and the tables a laboratory would hand over."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gvlab.assay.analysis import Analysis, analyze
    from gvlab.assay.assay import Assay
    from gvlab.assay.samples import Readings, Samples

# Loaded when first asked for: endpoints need neither the assays' tables nor the readers.
_HOMES = {
    "Analysis": "analysis",
    "Assay": "assay",
    "Readings": "samples",
    "Samples": "samples",
    "analyze": "analysis",
}

__all__ = ["Analysis", "Assay", "Readings", "Samples", "analyze"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gvlab.assay.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gvlab.assay' has no attribute '{name}'")
