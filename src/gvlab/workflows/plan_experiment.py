"""Plan an experiment: how many animals, which animal into which arm, what is done on which day."""

from __future__ import annotations

import dataclasses
import secrets
from typing import Literal

from pydantic import Field, model_validator

from gvlab.errors import InvalidValueError
from gvlab.experiment.experiment import Experiment
from gvlab.library import Library
from gvlab.planning.animals import Extras
from gvlab.planning.dates import parse_date
from gvlab.planning.design_sheet import calendar
from gvlab.planning.layout import CageRole, InterimLook, Layout, Require
from gvlab.planning.make_plan import check_power, make_plan, virtual_animals
from gvlab.planning.plan import Plan
from gvlab.planning.planned_comparison import Attrition, PlannedComparison, is_animal
from gvlab.planning.power import REPLICATES
from gvlab.planning.protocol_details import ProtocolDetails
from gvlab.planning.randomization import MOST, Allocation, animals_alone, randomize
from gvlab.planning.simulated_comparison import arms_of
from gvlab.statistics.group_sequential import Shape
from gvlab.workflows.bundle import Bundle
from gvlab.workflows.defaults import PLAN_SETS
from gvlab.workflows.plan_files import PlanFiles
from gvlab.workflows.plausible_sets import plausible_sets
from gvlab.workflows.progress import CancelToken, ProgressSink, Stage
from gvlab.workflows.request import Request
from gvlab.workflows.studies import named_system


class PlanRequest(Request):
    """What is to be planned."""

    experiment: str
    """Name of an experiment of the library."""
    system: str = ""
    """In which system; it is named where the experiment is of several."""
    arm: str = ""
    """The arm that is to differ; the last where empty."""
    also: tuple[str, ...] = ()
    """Further arms that are compared with the same control; they share the level by Holm's procedure."""
    versus: str = ""
    """From which arm; the one before it where empty."""
    endpoint: str = ""
    """An endpoint of the library, or a reading (an assay or an output); the experiment's first where empty."""
    day: str = ""
    """When a reading is taken, such as "day 12"."""
    alternative: Literal["two-sided", "higher", "lower"] = "two-sided"
    """Which differences count: both; or only that the arm lives longer (reads higher), or the reverse."""
    require: Require = "each"
    """Of several comparisons: what must reach the power - each on its own, all in one experiment, or any."""
    power: float = 0.8
    """Wanted probability that the test is significant."""
    alpha: float = 0.05
    """Level of the tests together."""
    attrition: float | None = None
    """Share of animals lost for reasons that have nothing to do with treatment; None: 0.1, and 0 in culture."""
    engraftment_failure: float | None = None
    """Share of animals in which the leukemia does not take; None: 0.05, and 0 in culture."""
    per_arm: int | None = Field(default=None, ge=1)
    """Animals per arm to plan with, in place of the number found; their power is computed."""
    allocation: dict[str, float] = Field(default_factory=dict)
    """Animals of an arm for one of an arm that is not named: {"BM": 2} is a control of double size."""
    cage_size: int = Field(default=5, ge=1, le=50)
    """Animals in a cage."""
    cages: CageRole = "ignored"
    """What a cage is to the test: "ignored", a "stratum", or the experimental "unit"."""
    cage_correlation: float = 0.0
    """How alike animals of a cage are, 0 to 1."""
    strata: dict[str, float] = Field(default_factory=dict)
    """What must not share a cage (sex, cohort, batch of irradiation), and its share of the animals in any unit."""
    interim: str = ""
    """A look before the end: "day 50" where animals are followed, "50%" of them where they are read once."""
    bounds: Shape = "obrien_fleming"
    """Of an interim look: "obrien_fleming", "pocock", or "lan_demets" where it may come at other information."""
    spare: float = Field(default=0.05, ge=0, le=1)
    """Animals ordered in addition, as a share of those in the arms."""
    satellites: int = Field(default=5, ge=0)
    """Animals of an arm for each day on which a reading kills."""
    radiation_controls: int = Field(default=3, ge=0)
    """Irradiated animals without marrow."""
    details: ProtocolDetails = Field(default_factory=ProtocolDetails)
    """What a simulation cannot know of the protocol: severity, formulations, volumes, housing."""
    start: str = ""
    """Date of day 0, such as 2026-12-01, for the calendar."""
    subjects: int = Field(default=4000, ge=64)
    """Virtual animals per arm, nominal parameters."""
    sets: int | None = Field(default=None, ge=0)
    """Plausible parameter sets to ask, of the ensemble; None: `PLAN_SETS`, or as many as there are."""
    ensemble: str = "mathew2018"
    """The ensemble that they are of."""
    replicates: int = Field(default=REPLICATES, ge=160)
    """Experiments drawn of each number of animals; fewer take less time and leave a wider Monte-Carlo error."""
    seed: int = Field(default=2018, ge=0)
    """Of the virtual animals."""
    randomization_seed: int | None = Field(default=None, ge=0)
    """Of the randomization; None takes a new one, which stands with the key only."""

    @model_validator(mode="after")
    def _possible(self) -> PlanRequest:
        check_power(self.power, self.alpha)
        parse_date(self.start)
        self.layout()
        return self

    def layout(self, look: InterimLook | None = None) -> Layout:
        """Return how the experiment is laid out, with a look if there is one."""
        return Layout(self.allocation, self.require, self.cages, self.cage_size, self.cage_correlation, look)

    def comparisons(self, experiment: Experiment) -> tuple[PlannedComparison, ...]:
        """Return what is compared; errors as `PlannedComparison.of`."""
        first = PlannedComparison.of(experiment, self.arm, self.versus, self.endpoint, self.day, self.alternative)
        found = [first]
        for arm in self.also:
            one = PlannedComparison.of(experiment, arm, first.versus, self.endpoint, self.day, self.alternative)
            if one in found:
                raise InvalidValueError(f'"{arm}" is named twice; each arm is compared once.')
            found.append(one)
        if len(found) > 1 and self.interim:
            raise InvalidValueError("An interim look is planned for one comparison; leave it out, or name one arm.")
        return tuple(found)


def plan_experiment(
    request: PlanRequest,
    *,
    library: Library | None = None,
    progress: ProgressSink | None = None,
    cancel: CancelToken | None = None,
) -> Bundle[Plan]:
    """Plan an experiment: number of animals, randomization, design sheet, calendar, ARRIVE table, page for the board.

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
    experiment = Experiment.read(
        request.experiment, named_system(request.experiment, request.system, library) or None, library
    )
    comparisons = request.comparisons(experiment)
    # What cannot be meant is refused before the long work.
    follow_up = comparisons[0].follow_up(experiment)
    look = InterimLook.of(request.interim, follow_up, comparisons[0].day is None, request.bounds)
    layout = request.layout(look)
    names = [arm.name for arm in experiment.arms]
    layout.check(names)
    request.details.check(experiment)
    calendar(experiment, parse_date(request.start))
    if request.per_arm:
        _refuse_lonely(layout, names, request, request.per_arm)
    attrition = Attrition.usual(experiment.system, request.attrition, request.engraftment_failure)
    sets, about_sets = plausible_sets(request.ensemble, request.sets, PLAN_SETS, experiment.system)
    compared = arms_of(comparisons)
    virtual = virtual_animals(compared, layout, request.subjects, per_arm=request.per_arm)
    stage = Stage(
        "Rehearsing",
        len(compared) * attrition.runs * (virtual.nominal + virtual.each * len(sets)),
        "animals",
        sink=progress,
        cancel=cancel,
    )
    plan = make_plan(
        experiment,
        comparisons,
        layout=layout,
        power=request.power,
        alpha=request.alpha,
        attrition=attrition,
        sets=sets,
        subjects=request.subjects,
        per_arm=request.per_arm,
        replicates=request.replicates,
        seed=request.seed,
        progress=stage.advance,
        cancel=cancel,
    )
    per_arm = _whole_arms(plan, request)
    plan = dataclasses.replace(plan, chosen=per_arm)
    lines = [*plan.in_words(), *(plan.at_in_words(per_arm) if per_arm in plan.nominal.n else []), *about_sets]
    if per_arm is not None and per_arm != (request.per_arm or plan.recommended):
        lines.append(f"Planned with {per_arm} per arm, one or more above what is needed, so that no animal is alone.")
    if not is_animal(experiment.system):
        lines.append("This system is a culture: read wells where animals are named.")
    extras = Extras(request.spare, request.satellites, request.radiation_controls)
    files = PlanFiles(request, plan, extras, tuple(lines))
    return files.bundle(_allocation(request, plan, per_arm))


def _refuse_lonely(layout: Layout, names: list[str], request: PlanRequest, per_arm: int) -> None:
    sizes = layout.sizes(names, per_arm)
    if sum(sizes.values()) > MOST:
        raise InvalidValueError(f"{sum(sizes.values()):,} animals are asked for; a list holds at most {MOST:,}.")
    if animals_alone(sizes, layout.cage_size, request.strata, layout.cages == "unit"):
        raise InvalidValueError(
            f"With {per_arm} per arm an animal would be alone in a cage for {layout.cage_size}. Take another number, "
            "or another cage size; where single housing is meant, write 1."
        )


def _whole_arms(plan: Plan, request: PlanRequest) -> int | None:
    """Return the animals per arm to plan with: as asked or as found, or the next number that leaves nobody alone."""
    per_arm = request.per_arm or plan.recommended
    names, layout = [arm.name for arm in plan.experiment.arms], plan.layout
    if per_arm is None:
        return None
    if layout.cages == "unit":
        return layout.cage_size * -(-per_arm // layout.cage_size)
    for more in range(20):
        sizes = layout.sizes(names, per_arm + more)
        if not animals_alone(sizes, layout.cage_size, request.strata):
            return per_arm + more
    return per_arm


def _allocation(request: PlanRequest, plan: Plan, per_arm: int | None) -> Allocation | None:
    if per_arm is None:
        return None
    # A seed that is the same in every laboratory would let everybody know the list beforehand.
    seed = secrets.randbelow(2**31) if request.randomization_seed is None else request.randomization_seed
    return randomize(
        plan.sizes(per_arm),
        seed,
        cage_size=request.cage_size,
        strata=request.strata,
        whole_cages=plan.layout.cages == "unit",
    )
