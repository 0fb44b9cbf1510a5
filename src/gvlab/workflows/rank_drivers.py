"""Rank the parameters that drive an outcome, within what is plausible, in each system of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gvlab.calibration.drivers import Driven, drivers
from gvlab.errors import InvalidValueError
from gvlab.experiment.experiment import Experiment
from gvlab.figures.ensemble import drivers as drivers_figure
from gvlab.library import Library
from gvlab.subject.plausible import Ensemble
from gvlab.workflows.bundle import Bundle, Table
from gvlab.workflows.progress import CancelToken, ProgressSink, Stage
from gvlab.workflows.request import Request
from gvlab.workflows.studies import main_experiment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TOP, _COMPARED = 5, 10
"""Parameters that are named; how far down the other method's ranking one of them is looked for."""

_NOTHING = 0.005
"""A share that moves by less than this, whatever is changed, is driven by nothing."""


class DriversRequest(Request):
    """Which outcome of which arm."""

    ensemble: str = "mathew2018"
    """An ensemble of the library."""
    experiment: str = ""
    """An experiment of the library; the main one of its study where empty."""
    arm: str = ""
    """One of its arms; the last one where empty."""
    endpoints: tuple[str, ...] = ()
    """Endpoints of the library, on the last day; the experiment's own and what cures of them where empty."""


def rank_drivers(
    request: DriversRequest,
    *,
    library: Library | None = None,
    progress: ProgressSink | None = None,
    cancel: CancelToken | None = None,
) -> Bundle[list[Driven]]:
    """Return which parameters drive endpoints within what is plausible: elementary effects (Morris) and PAWN indices.

    Parameters
    ----------
    request
        Which outcome of which arm.
    library
        The default one where None.
    progress, cancel
        Told where it stands; stops it.

    Returns
    -------
    A ranking for each system and endpoint, with a table and a figure for each endpoint.

    Raises
    ------
    UnknownNameError
        If there is no such ensemble, experiment, arm or endpoint.
    """
    held = Library.default() if library is None else library
    name = request.experiment or main_experiment(held)
    systems = held.read("experiments", name).systems
    experiments = [Experiment.read(name, system, held) for system in systems]
    first = experiments[0]
    arm = first.arm(request.arm).name if request.arm else first.arms[-1].name
    endpoints = request.endpoints or _endpoints(first)
    for endpoint in endpoints:
        held.read("endpoints", endpoint)
    ensemble = Ensemble.read(request.ensemble, held)
    stage = Stage("Moving every parameter through its plausible range", sink=progress, cancel=cancel)
    found = drivers(
        ensemble, experiments, arm, [(endpoint, first.until) for endpoint in endpoints], progress=stage.advance
    )
    table = _table(found)
    return Bundle(
        request,
        found,
        heading=(f'What drives "{arm}" of: {first.title}',),
        lines=tuple(_in_words(each) for each in found),
        tables={"drivers.tsv": Table(table)},
        figures={f"drivers_{endpoint}": _figure(table, endpoint, experiments) for endpoint in endpoints},
        contents={
            "drivers.tsv": "Morris and PAWN indices of every parameter",
            ", ".join(f"drivers_{endpoint}.svg" for endpoint in endpoints): "the largest effects in each system",
        },
    )


def _endpoints(experiment: Experiment) -> tuple[str, ...]:
    """Return the endpoints of an experiment, each followed by what cures of it."""
    found: dict[str, None] = {}
    for endpoint in experiment.endpoints:
        found[endpoint] = None
        cured_by = experiment.library.read("endpoints", endpoint).cured_by
        if cured_by:
            found[cured_by] = None
    if not found:
        raise InvalidValueError(f'"{experiment.title}" has no endpoint of its own; name one.')
    return tuple(found)


def _table(found: Sequence[Driven]) -> pd.DataFrame:
    frames = [
        pd.DataFrame(
            {
                "system": each.system,
                "endpoint": each.endpoint,
                "parameter": each.elementary.names,
                "morris_mu_star": each.elementary.effect,
                "morris_sigma": each.elementary.spread,
                "pawn": each.distribution.effect,
                "pawn_noise": each.distribution.noise,
            }
        )
        for each in found
    ]
    return pd.concat(frames, ignore_index=True)


def _figure(table: pd.DataFrame, endpoint: str, experiments: Sequence[Experiment]) -> Figure:
    titles = {each.system.name: _short_title(each) for each in experiments}
    effects = table[table["endpoint"] == endpoint].rename(columns={"system": "outcome", "morris_mu_star": "effect"})
    effects["outcome"] = effects["outcome"].map(titles)
    title = str(experiments[0].library.read("endpoints", endpoint).title)
    return drivers_figure(
        effects, label=f'Change of the share "{title}" when the parameter crosses its range', width="double"
    )


def _short_title(experiment: Experiment) -> str:
    """Return what tells a system from the others of its experiment: its leukemia, where it has one."""
    leukemia = experiment.system.parts.get("leukemia")
    return str(leukemia.title if leukemia else experiment.system.title)


def _in_words(driven: Driven) -> str:
    left_out = f"; {driven.unsolved} points that could not be solved are left out" if driven.unsolved else ""
    about = f"{driven.system}, {driven.endpoint} (mean {driven.mean:.2f}{left_out})"
    if float(np.max(driven.elementary.effect, initial=0.0)) < _NOTHING:
        return f"{about}: nothing drives it; within what is plausible the share does not move."
    top = driven.elementary.top(_TOP)
    agree = {parameter for parameter, _ in driven.distribution.top(_COMPARED)}
    both = [parameter for parameter, _ in top if parameter in agree]
    listed = ", ".join(f"{parameter} ({effect:.2f})" for parameter, effect in top)
    return f"{about}: {listed}. PAWN agrees on {', '.join(both) or 'none of them'}."
