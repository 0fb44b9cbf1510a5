"""Makes a plan: simulates animals under the nominal and every plausible set, and reads power off them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gvlab.capacity import refuse_beyond_memory
from gvlab.errors import InvalidValueError
from gvlab.experiment.experiment import Experiment
from gvlab.planning.layout import Layout
from gvlab.planning.plan import Plan
from gvlab.planning.planned_comparison import Attrition, PlannedComparison
from gvlab.planning.power import (
    BATCHES,
    REPLICATES,
    PowerCurve,
    animals_for,
    look_levels,
    power_curve,
    sizes_for,
)
from gvlab.planning.simulated_comparison import SimulatedComparison, arms_of, comparison_tasks, simulated_comparison
from gvlab.simulation import Executor, TaskResult, run_tasks
from gvlab.statistics.power import check_level
from gvlab.subject.parameter_set import ParameterSet

SUBJECTS_EACH = 1000
"""Virtual animals an arm for each plausible set: fewer would make each set an effect of its own luck."""


def check_power(power: float, alpha: float) -> None:
    """Raise if a power or a level cannot be asked for."""
    check_level(alpha)
    if not alpha < power < 1:
        raise InvalidValueError(
            f"A power of {power:g} is asked for; it lies above alpha ({alpha:g}) and below 1. Did you mean 0.8?"
        )


MOST_PER_ARM = 2000
"""Animals per arm that can be asked for; each takes eight virtual ones."""


@dataclass(frozen=True)
class VirtualAnimals:
    """How many virtual animals an arm are simulated, and for which numbers of real ones."""

    sizes: tuple[int, ...]
    nominal: int
    each: int


def virtual_animals(
    arms: Sequence[str],
    layout: Layout,
    subjects: int,
    subjects_each: int = SUBJECTS_EACH,
    per_arm: int | None = None,
) -> VirtualAnimals:
    """Return the virtual animals an arm, for the nominal set and for each plausible one: as asked, or as needed.

    Raises
    ------
    InvalidValueError
        If more animals are asked for than any laboratory has.
    """
    if per_arm is not None and per_arm > MOST_PER_ARM:
        raise InvalidValueError(f"{per_arm:,} animals per arm are asked for; at most {MOST_PER_ARM:,} are planned.")
    sizes = sizes_for(per_arm, layout.cage_size if layout.cages == "unit" else 1)
    weight = sum(layout.sizes(arms, max(sizes)).values()) / max(sizes)
    return VirtualAnimals(
        sizes,
        max(subjects, animals_for(sizes, arms=weight)),
        max(subjects_each, animals_for(sizes, 1, arms=weight)),
    )


def make_plan(
    experiment: Experiment,
    comparisons: PlannedComparison | Sequence[PlannedComparison],
    *,
    layout: Layout | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    attrition: Attrition | None = None,
    sets: Sequence[ParameterSet] = (),
    subjects: int = 4000,
    subjects_each: int = SUBJECTS_EACH,
    per_arm: int | None = None,
    replicates: int = REPLICATES,
    seed: int,
    executor: Executor | str | None = None,
    progress: Callable[[int], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Plan:
    """Return a plan: how many animals per arm comparisons need, under the nominal and every plausible set.

    Parameters
    ----------
    experiment, comparisons
        What is done and asked; several comparisons are of one endpoint and share the level.
    layout
        Allocation, cages, interim look; all arms alike where None.
    power, alpha
        Wanted probability of significance; level of the tests together.
    attrition
        Attrition and engraftment failure; the usual ones where None.
    sets
        Plausible parameter sets beside the nominal one.
    subjects, subjects_each
        Virtual animals per arm: with the nominal parameters, and with each set. More are taken where experiments of the
        largest size need them.
    per_arm
        A number of animals whose power is to be computed too.
    replicates
        Experiments for each number of animals; a sixteenth of it for each plausible set: its error is small beside
        what sets differ by.
    seed
        Of the animals and of the draws.
    executor, progress, cancel
        As in `run_tasks`.

    Raises
    ------
    InvalidValueError
        If the power is not above alpha and below 1.
    """
    check_power(power, alpha)
    asked = (comparisons,) if isinstance(comparisons, PlannedComparison) else tuple(comparisons)
    attrition, layout = attrition or Attrition(), layout or Layout()
    names = [arm.name for arm in experiment.arms]
    layout.check(names)
    every = (ParameterSet(), *sets)
    virtual = virtual_animals(arms_of(asked), layout, subjects, subjects_each, per_arm)
    one = comparison_tasks(experiment, asked, subjects=1, seed=seed, attrition=attrition)
    followed = (virtual.nominal + virtual.each * len(sets)) * sum(task.bytes_needed for task in one)
    if per_arm is not None:
        refuse_beyond_memory(per_arm, followed / per_arm, "animals per arm")
    refuse_beyond_memory(virtual.nominal, followed / virtual.nominal, "virtual animals")
    tasks = [
        comparison_tasks(
            experiment,
            asked,
            subjects=virtual.each if number else virtual.nominal,
            seed=seed,
            attrition=attrition,
            parameters=parameters,
        )
        for number, parameters in enumerate(every)
    ]
    results = iter(
        run_tasks([task for some in tasks for task in some], executor=executor, progress=progress, cancel=cancel)
    )
    curves: list[PowerCurve] = []
    warnings: list[str] = []
    every_simulated: list[SimulatedComparison] = []
    for number, (parameters, some) in enumerate(zip(every, tasks, strict=True)):
        simulated = simulated_comparison(experiment, asked, _taken(results, len(some)))
        every_simulated.append(simulated)
        warnings += simulated.warnings
        curves.append(
            power_curve(
                simulated,
                asked,
                attrition,
                np.random.default_rng([seed, number]),
                follow_up=asked[0].follow_up(experiment),
                layout=layout,
                arms=names,
                name=parameters.name,
                sizes=virtual.sizes,
                replicates=max(BATCHES, replicates // 16) if number else replicates,
                alpha=alpha,
            )
        )
    nominal = every_simulated[0]
    return Plan(
        experiment,
        asked,
        attrition,
        power,
        alpha,
        curves[0],
        tuple(curves[1:]),
        virtual.nominal,
        replicates,
        seed,
        layout,
        nominal,
        tuple(every_simulated[1:]),
        None,
        look_levels(layout.interim, nominal, asked[0], alpha) if layout.interim else None,
        tuple(warnings),
    )


def _taken(results: Iterator[TaskResult], number: int) -> list[TaskResult]:
    return [next(results) for _ in range(number)]
