"""Lets the runner of the SBML semantic test suite drive an engine of ours.

``python run_sbml_suite.py --adapter tests.reference.sbml_suite.adapter:simulate --scope core``
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gvlab.engine import Options, Status
from gvlab.engine.ensemble import engine as ensemble
from gvlab.errors import ModelError
from gvlab.sbml.equations import Equations


class Unsupported(Exception):  # noqa: N818 - the runner knows it by this name
    """The engine refuses the model, by name of what it does not support."""


def simulate(path, settings, method="auto"):
    """Solve one case; see the runner for the arguments."""
    if settings["testType"] != "TimeCourse":
        raise Unsupported("flux balance")
    try:
        model = Equations.from_sbml(Path(path).read_text(encoding="utf-8"))
        return _simulate(model, settings, method)
    except ModelError as error:
        if "not supported" in str(error):
            raise Unsupported(str(error)) from error
        raise


def _simulate(model, settings, method):
    times = settings["start"] + settings["duration"] * np.arange(settings["steps"] + 1) / max(settings["steps"], 1)
    names = list(settings["variables"])
    species = model.system.species
    sizes = {species[name].compartment for name in names if name in species} - {""}
    outputs = list(dict.fromkeys([*names, *sorted(sizes)]))
    options = Options(relative_tolerance=1e-8, absolute_tolerance=min(1e-11, settings["absolute"] * 1e-5))
    solution = ensemble.solve(model, times, subjects=1, outputs=outputs, options=options, method=method, threads=1)
    status = solution.statuses()[0]
    if not status.ok and status is not Status.NOT_FINITE:
        raise RuntimeError(status.remedy)
    columns = {name: solution.values[0, :, i] for i, name in enumerate(outputs)}
    result = {}
    for name in names:
        value = columns[name]
        if name in species and species[name].compartment:
            size = columns[species[name].compartment]
            if species[name].amount and name in settings["concentration"]:
                value = value / size
            elif not species[name].amount and name in settings["amount"]:
                value = value * size
        result[name] = value
    return times, result
