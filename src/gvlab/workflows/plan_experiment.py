"""Plan an experiment: how many animals, which animal into which arm, what is done on which day."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import Field, model_validator

from gvlab.errors import LibraryError
from gvlab.experiment.experiment import Experiment
from gvlab.library import Library
from gvlab.planning import design_sheet as sheet
from gvlab.planning.arrive import arrive_table
from gvlab.planning.plan import Plan, check_power, make_plan, virtual_animals
from gvlab.planning.planned_comparison import Attrition, ParameterSet, PlannedComparison, is_animal
from gvlab.planning.randomization import Allocation, randomize
from gvlab.subject.plausible import Ensemble
from gvlab.workflows.bundle import Bundle, Document, Table
from gvlab.workflows.progress import CancelToken, ProgressSink, Stage
from gvlab.workflows.request import Request

if TYPE_CHECKING:
    from gvlab.subject import System

_ORDER = (
    "Number the animals by body weight (or by signal before treatment): neighbors then form a block of like animals. "
    "Weigh and ear-mark before the list is looked at."
)
_SHARED = (
    "Cages hold several arms, so treatment must be given to each animal. Where it is given to the cage (in water or "
    "food), the cage is the experimental unit, and this list does not fit."
)


class PlanRequest(Request):
    """What is to be planned."""

    experiment: str
    """Name of an experiment of the library."""
    system: str = ""
    """In which system; the experiment's first where empty."""
    arm: str = ""
    """The arm that is to differ; the last where empty."""
    versus: str = ""
    """From which arm; the one before it where empty."""
    endpoint: str = ""
    """An endpoint of the library, or a reading (an assay or an output); the experiment's first where empty."""
    day: str = ""
    """When a reading is taken, such as "day 12"."""
    power: float = 0.8
    """Wanted probability that the test is significant."""
    alpha: float = 0.05
    """Level of the two-sided test."""
    attrition: float | None = None
    """Share of animals lost for reasons that have nothing to do with treatment; None: 0.1, and 0 in culture."""
    engraftment_failure: float | None = None
    """Share of animals in which the leukemia does not take; None: 0.05, and 0 in culture."""
    per_arm: int | None = Field(default=None, ge=1)
    """Animals per arm to plan with, in place of the number found; their power is computed."""
    cage_size: int = Field(default=5, ge=1)
    """Animals in a cage."""
    start: str = ""
    """Date of day 0, such as 2026-12-01, for the calendar."""
    subjects: int = Field(default=1600, ge=64)
    """Virtual animals per arm, nominal parameters."""
    sets: int = Field(default=24, ge=0)
    """Plausible parameter sets to ask, of the ensemble."""
    ensemble: str = "mathew2018"
    """The ensemble that they are of."""
    seed: int = Field(default=2018, ge=0)
    """Of the virtual animals."""
    randomization_seed: int | None = Field(default=None, ge=0)
    """Of the randomization; None takes a new one, which stands with the key only."""

    @model_validator(mode="after")
    def _possible(self) -> PlanRequest:
        check_power(self.power, self.alpha)
        sheet.parse_date(self.start)
        return self


def plan_experiment(
    request: PlanRequest,
    *,
    library: Library | None = None,
    progress: ProgressSink | None = None,
    cancel: CancelToken | None = None,
) -> Bundle[Plan]:
    """Plan an experiment: number of animals, randomization, design sheet, calendar, ARRIVE table.

    Parameters
    ----------
    request
        What is to be planned.
    library
        The default one where None.
    progress, cancel
        Told where it stands; stops it.

    Returns
    -------
    The plan and its files. Without a number of animals nothing is randomized: then there is only the power.

    Raises
    ------
    UnknownNameError, InvalidValueError
        If the experiment has no such system, arm or endpoint, or a value cannot be meant.
    """
    experiment = Experiment.read(request.experiment, request.system or None, library)
    comparison = PlannedComparison.of(experiment, request.arm, request.versus, request.endpoint, request.day)
    sheet.calendar(experiment, sheet.parse_date(request.start))  # refuses what it cannot date, before the long work
    attrition = Attrition.usual(experiment.system, request.attrition, request.engraftment_failure)
    sets, about_sets = _plausible_sets(request, experiment.system)
    nominal, each = virtual_animals(request.subjects, per_arm=request.per_arm)
    stage = Stage(
        "Rehearsing",
        attrition.runs * (nominal + each * len(sets)),
        "animals",
        sink=progress,
        cancel=cancel,
    )
    plan = make_plan(
        experiment,
        comparison,
        power=request.power,
        alpha=request.alpha,
        attrition=attrition,
        sets=sets,
        subjects=request.subjects,
        per_arm=request.per_arm,
        seed=request.seed,
        progress=stage.advance,
        cancel=cancel,
    )
    lines = [*plan.in_words(), *about_sets]
    if not is_animal(experiment.system):
        lines.append("This system is a culture: read wells where animals are named.")
    if request.per_arm:
        probability, error = plan.nominal.at(request.per_arm)
        lines.append(
            f"Planned with {request.per_arm} per arm, as asked: {100 * probability:.0f} % power "
            f"(standard error {100 * error:.1f})."
        )
    return _bundle(request, plan, lines)


def _plausible_sets(request: PlanRequest, system: System) -> tuple[tuple[ParameterSet, ...], list[str]]:
    """Return plausible sets of the ensemble, and what a reader must know of them."""
    if not request.sets:
        return (), []
    try:
        ensemble = Ensemble.read(request.ensemble, system.library).thin(request.sets)
    except LibraryError:
        return (), ["The library holds no ensemble yet; gvlab calibrate makes one."]
    sets = [
        ParameterSet.of(f"set {number}", dict(zip(ensemble.names, row, strict=True)), system)
        for number, row in enumerate(ensemble.values, 1)
    ]
    stale = ["The model has changed since the plausible sets were found; gvlab calibrate renews them."]
    return tuple(each for each in sets if each.values), stale if ensemble.stale(system.library) else []


def _bundle(request: PlanRequest, plan: Plan, lines: Sequence[str]) -> Bundle[Plan]:
    from gvlab.figures.power import power

    experiment = plan.experiment
    per_arm = request.per_arm or plan.recommended
    table = plan.table()
    tables = {"power.csv": Table(table, (sheet.PLAN_MARK, *lines))}
    figure = power(table, target=plan.power, needed=plan.per_arm, test=plan.comparison.test)
    documents: dict[str, Document] = {}
    contents = {"power.svg, power.csv": "power against the number of animals"}
    if per_arm is None:
        summary = "No number of animals tried is enough, so nothing was randomized. Name one: --per-arm 10."
    else:
        summary = f"{per_arm} animals in each of {len(experiment.arms)} arms, {per_arm * len(experiment.arms)} in all."
        # A seed that is the same in every laboratory would let everybody know the list beforehand.
        seed = secrets.randbelow(2**31) if request.randomization_seed is None else request.randomization_seed
        allocation = randomize({arm.name: per_arm for arm in experiment.arms}, seed, cage_size=request.cage_size)
        sheets, documents["design_sheet.xlsx"] = _sheets(request, plan, allocation, per_arm, lines)
        tables.update(sheets)
        contents = {
            "design_sheet.xlsx": "arms, doses, calendar, sampling, ARRIVE 2.0",
            "randomization.csv": "for the bench: animal, cage, block, code",
            "key/": "code and arm; keep it from whoever is blinded",
            **contents,
        }
    return Bundle(
        request,
        plan,
        heading=(experiment.title, f"System: {experiment.system.title}"),
        lines=tuple(lines),
        summary=summary,
        tables=tables,
        figures={"power": figure},
        documents=documents,
        data={"plan.json": _document(request, plan, lines)},
        contents=contents,
    )


def _document(request: PlanRequest, plan: Plan, lines: Sequence[str]) -> dict[str, Any]:
    return {
        "mark": sheet.PLAN_MARK,
        "experiment": plan.experiment.name,
        "system": plan.experiment.system.name,
        "comparison": plan.comparison.in_words(),
        "power": plan.power,
        "alpha": plan.alpha,
        "attrition": plan.attrition.dropout,
        "engraftment_failure": plan.attrition.engraftment_failure,
        "animals_per_arm": request.per_arm or plan.recommended,
        "animals_per_arm_nominal": plan.per_arm,
        "within_monte_carlo_error": list(plan.nominal.needed_range(plan.power)),
        "plausible_sets": len(plan.plausible),
        "plausible_10_50_90": list(plan.plausible_range()),
        "virtual_animals_per_arm": plan.subjects,
        "experiments_of_each_size": plan.replicates,
        "seed_of_the_simulation": plan.seed,
        "in_words": list(lines),
    }


def _sheets(
    request: PlanRequest, plan: Plan, allocation: Allocation, per_arm: int, lines: Sequence[str]
) -> tuple[dict[str, Table], Document]:
    experiment, date = plan.experiment, sheet.parse_date(request.start)
    version = metadata.version("gvlab")
    head = (sheet.PLAN_MARK, f"{experiment.title}. {experiment.system.title}. GVLab {version}.")
    arrive = arrive_table(plan, per_arm, request.cage_size, version)
    sheets = {
        "Summary": pd.DataFrame({"what the plan says": [*lines, _SHARED, _ORDER]}),
        "Arms": sheet.arms_table(experiment, per_arm),
        "Doses": sheet.doses_table(experiment, plan.seed),
        "Calendar": sheet.calendar(experiment, date),
        "Sampling": sheet.sampling_table(experiment, date),
        "Animals": allocation.blinded,
        "ARRIVE 2.0": arrive,
    }
    about = f"Seed of the randomization: {allocation.seed}; cages of {request.cage_size}; GVLab {version}."
    tables = {
        "randomization.csv": Table(allocation.blinded, (sheet.PLAN_MARK, _ORDER)),
        "arrive.csv": Table(arrive, head),
        "key/randomization_key.csv": Table(allocation.key, (sheet.PLAN_MARK, "KEY: keep from the blinded", about)),
    }
    return tables, partial(sheet.save_workbook, sheets=sheets, head=head)
