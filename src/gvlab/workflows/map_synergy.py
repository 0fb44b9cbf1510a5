"""Map the synergy of two agents: their effect over dose and dose, or over dose and first day, against additivity."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from gvlab.assay.samples import MARK
from gvlab.experiment.experiment import Experiment
from gvlab.figures.synergy import synergy_map
from gvlab.library import Library
from gvlab.protocol import Arm
from gvlab.statistics import Synergy
from gvlab.statistics.synergy import Reference
from gvlab.subject.parameter_set import ParameterSet
from gvlab.synergy.dose_grid import GridEffect, cells_of, dose_by_dose, dose_by_start
from gvlab.synergy.grid_axes import DoseAxis, dose_axis, endpoint_of, find_pair, start_axis
from gvlab.workflows.bundle import Bundle, Table
from gvlab.workflows.defaults import SYNERGY_SETS
from gvlab.workflows.plausible_sets import plausible_sets
from gvlab.workflows.progress import CancelToken, ProgressSink, Stage
from gvlab.workflows.request import Request
from gvlab.workflows.studies import main_experiment

_COUNTED_UNTREATED = 0.02
"""Share without either agent above which a reader is told of it."""

_NOTHING = 0.005
"""An agent that alone changes the share by less than this does nothing."""


_ONE_MEASURE = "Neither agent does anything alone, so the measures are one: all that both do together."


class SynergyRequest(Request):
    """Which two agents, over which doses."""

    experiment: str = ""
    """Name of an experiment of the library; the main one of its study where empty."""
    system: str = ""
    """In which system; the experiment's first where empty."""
    arm: str = ""
    """The arm that gets both agents; the last where empty."""
    one: str = ""
    """The first agent, by its name or its name in the system; of the two that not every arm gets, the later one."""
    other: str = ""
    """The second agent; of the two that not every arm gets, the earlier one."""
    over: Literal["doses", "start"] = "doses"
    """What is varied: the doses of both agents, or dose and first day of the first."""
    doses: tuple[float, ...] | None = None
    """Of the first agent, in the unit of the arm; None: an eighth to eight times that of the arm."""
    other_doses: tuple[float, ...] | None = None
    """Of the second agent."""
    days: tuple[float, ...] | None = None
    """First days of the first agent; None: 0 to 14."""
    endpoint: str = ""
    """What counts as an effect on the last day, such as being alive or cured; the experiment's first where empty."""
    subjects: Annotated[int, Field(ge=2)] = 40
    """Virtual subjects; the same ones go through every cell."""
    sets: Annotated[int, Field(ge=0)] | None = None
    """Plausible parameter sets of the ensemble, each asked for the same grid; 0 takes the nominal one only, None
    `SYNERGY_SETS`, or as many as there are."""
    ensemble: str = "mathew2018"
    """The ensemble that they are of."""
    seed: Annotated[int, Field(ge=0)] = 2018
    """The same seed gives the same subjects."""


def map_synergy(
    request: SynergyRequest,
    *,
    library: Library | None = None,
    progress: ProgressSink | None = None,
    cancel: CancelToken | None = None,
) -> Bundle[GridEffect]:
    """Ask whether two agents do more together than expected of each alone.

    Parameters
    ----------
    request
        Which agents, over which doses.
    library
        The default one where None.
    progress, cancel
        Told where it stands; stops it.

    Returns
    -------
    The effect over the grid, with a map and a table for each reference: Bliss, highest single agent and, over doses,
    Loewe.

    Raises
    ------
    UnknownNameError
        If the arm gets none of the agents, or a name is unknown.
    InvalidValueError
        If doses cannot be meant, the two agents are one, or nobody could be followed through a cell.
    """
    experiment = Experiment.read(request.experiment or main_experiment(library), request.system or None, library)
    arm = experiment.arm(request.arm) if request.arm else experiment.arms[-1]
    places = find_pair(experiment, arm, request.one, request.other)
    endpoint = endpoint_of(experiment, request.endpoint)
    given = list(arm.protocol)
    first = dose_axis(given[places[0]], request.doses)
    if request.over == "start":
        second, run = start_axis(given[places[0]], request.days), dose_by_start
        references: tuple[Reference, ...] = ("bliss", "hsa")
    else:
        second, run = dose_axis(given[places[1]], request.other_doses), dose_by_dose
        references = ("bliss", "hsa", "loewe")
    axes = (first, second)
    sets, about_sets = plausible_sets(request.ensemble, request.sets, SYNERGY_SETS, experiment.system)
    total = cells_of(axes) * request.subjects * (1 + len(sets))
    stage = Stage("Grid", total, "subjects", sink=progress, cancel=cancel)
    grids = [
        run(
            experiment,
            arm,
            places,
            axes,
            subjects=request.subjects,
            seed=request.seed,
            endpoint=endpoint,
            parameters=parameters,
            progress=stage.advance,
            cancel=cancel,
        )
        for parameters in (ParameterSet(), *sets)
    ]
    bootstrap = Stage("Bootstrap", len(references), sink=progress, cancel=cancel)
    found: dict[Reference, Synergy] = {}
    over: list[tuple[str, str, float]] = []
    for reference in references:
        found[reference] = grids[0].synergy(reference)
        over += [
            (parameters.name, reference, grid.mean_excess(reference))
            for parameters, grid in zip(sets, grids[1:], strict=True)
        ]
        bootstrap.advance(1)
    table = pd.DataFrame(over, columns=["set", "reference", "mean_excess"])
    return _bundle(request, experiment, arm, grids[0], found, table, about_sets)


def _bundle(
    request: SynergyRequest,
    experiment: Experiment,
    arm: Arm,
    grid: GridEffect,
    found: dict[Reference, Synergy],
    sets: pd.DataFrame,
    about_sets: list[str],
) -> Bundle[GridEffect]:
    what = f"{experiment.title}; {experiment.system.title}; arm {arm.name}"
    about = [f"{grid.title}, {MARK}: {what}", f"{grid.subjects} virtual subjects through every cell, seed {grid.seed}"]
    if _alone_nothing(grid):
        about.append(_ONE_MEASURE)
    comments = tuple(about)
    tables = {"effect.csv": Table(_effect_table(grid), comments)}
    tables.update({f"{reference}.csv": Table(each.table, comments) for reference, each in found.items()})
    if len(sets):
        tables["sets.csv"] = Table(sets, comments)
    document: dict[str, Any] = {"about": about, "left_out": list(grid.warnings)}
    document.update(
        {
            reference: {
                "mean_excess": each.mean_excess,
                "lower": each.lower,
                "upper": each.upper,
                "over_plausible_sets": sets.loc[sets["reference"] == reference, "mean_excess"].tolist(),
            }
            for reference, each in found.items()
        }
    )
    contents = {
        "effect.csv": "the share in each field, and how many subjects it is of",
        f"{', '.join(found)}": "excess over each reference: a map (.svg, .png) and a table (.csv)",
    }
    if len(sets):
        contents["sets.csv"] = "mean excess with each plausible parameter set"
    return Bundle(
        request,
        grid,
        heading=(experiment.title, f"System: {experiment.system.title}; arm: {arm.name}"),
        lines=(*_lines(grid, found, sets), *about_sets),
        summary="Simulated.",
        tables=tables,
        figures={reference: _figure(grid, reference, each) for reference, each in found.items()},
        data={"synergy.json": document},
        contents=contents,
    )


def _effect_table(grid: GridEffect) -> pd.DataFrame:
    rows = [
        (a, b, float(grid.observed[i, j]), int(grid.counted[i, j]))
        for i, a in enumerate(grid.first.values)
        for j, b in enumerate(grid.second.values)
    ]
    return pd.DataFrame(rows, columns=[grid.first.label, grid.second.label, "share", "subjects"])


def _is_day(axis: DoseAxis) -> bool:
    return axis.unit == "day"


def _figure(grid: GridEffect, reference: Reference, found: Synergy) -> Any:
    doses = not _is_day(grid.second)
    return synergy_map(
        grid.observed,
        found.table,
        first=grid.first.values,
        second=grid.second.values,
        first_label=grid.first.label,
        second_label=grid.second.label,
        reference=reference,
        outcome=f"{grid.title} (%)",
        doses=doses,
        width="double" if doses else "one-and-half",
    )


def _alone_nothing(grid: GridEffect) -> bool:
    """Return whether neither agent changes the share alone: then every reference expects what is there anyway."""
    if grid.alone is None or grid.base is None:
        alone, base = max(grid.observed[:, 0].max(), grid.observed[0].max()), float(grid.observed[0, 0])
    else:
        shares = np.nanmean(grid.alone, axis=2)
        alone, base = max(float(shares.max()), float(np.nanmean(grid.base))), float(shares[0].min())
    return bool(alone - base < _NOTHING)


def _lines(grid: GridEffect, found: dict[Reference, Synergy], sets: pd.DataFrame) -> tuple[str, ...]:
    first, second = grid.first, grid.second
    row, column = (int(each) for each in np.unravel_index(int(np.argmax(grid.observed)), grid.observed.shape))
    at = second.values[column]
    when = f"a start on day {at:g}" if _is_day(second) else f"{at:g} {second.unit}"
    lines = [
        f"{grid.title}: at most {100 * grid.observed[row, column]:.0f} % of {grid.subjects} virtual subjects, at "
        f"{first.values[row]:g} {first.unit} and {when}."
    ]
    for reference, each in found.items():
        line = (
            f"mean excess over {reference:<6} {100 * each.mean_excess:+.1f} percentage points "
            f"(95 % interval {100 * each.lower:+.1f} to {100 * each.upper:+.1f})"
        )
        over = 100 * sets.loc[sets["reference"] == reference, "mean_excess"].to_numpy(dtype=np.float64)
        if len(over):
            line += (
                f"; over {len(over)} plausible sets {np.median(over):+.1f} ({over.min():+.1f} to {over.max():+.1f}), "
                f"above 0 in {int(np.sum(over > 0))}"
            )
        lines.append(line)
    if not _is_day(second):
        base = float(grid.observed[0, 0])
        if base > _COUNTED_UNTREATED:
            lines.append(
                f"Without either, {100 * base:.0f} % are counted already; Bliss and Loewe are of the others only."
            )
    if _alone_nothing(grid):
        lines.append(_ONE_MEASURE)
    return (*lines, *(f"Left out: {words}" for words in grid.warnings))
