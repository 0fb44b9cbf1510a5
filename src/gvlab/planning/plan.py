"""How many animals an experiment needs: its power under the nominal parameters and under every plausible set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gvlab.capacity import refuse_beyond_memory
from gvlab.errors import InvalidValueError
from gvlab.experiment.experiment import Experiment
from gvlab.planning.layout import Layout
from gvlab.planning.planned_comparison import Attrition, PlannedComparison
from gvlab.planning.power import (
    BATCHES,
    REPLICATES,
    LookLevels,
    PowerCurve,
    animals_for,
    look_levels,
    power_curve,
    sizes_for,
)
from gvlab.planning.simulated_comparison import SimulatedComparison, arms_of, comparison_tasks, simulated_comparison
from gvlab.simulation import Executor, TaskResult, run_tasks
from gvlab.statistics import wilson_interval
from gvlab.statistics.group_sequential import SHAPES
from gvlab.statistics.power import check_level
from gvlab.subject.parameter_set import ParameterSet

SUBJECTS_EACH = 1000
"""Virtual animals an arm for each plausible set: fewer would make each set an effect of its own luck."""

_MODEL = (0.1, 0.9)
"""Quantiles over plausible sets that a range of the model is of."""


@dataclass(frozen=True)
class PowerAnswer:
    """Power at one number of animals, with what is open of it.

    Attributes
    ----------
    power
        With the nominal parameters.
    monte_carlo
        95 % interval for the finite number of virtual animals and repetitions.
    model
        10th and 90th percentile over plausible parameter sets; None without sets.
    """

    power: float
    monte_carlo: tuple[float, float]
    model: tuple[float, float] | None

    def in_words(self) -> str:
        """Return the three in one phrase."""
        low, high = (f"{100 * each:.0f}" for each in self.monte_carlo)
        text = f"{100 * self.power:.0f} % power ({low} to {high} within the Monte-Carlo error"
        if self.model is None:
            return f"{text}; no range of the model, for want of plausible sets)"
        low, high = (f"{100 * each:.0f}" for each in self.model)
        return f"{text}; {low} to {high} in 80 % of the plausible sets)"


@dataclass(frozen=True)
class Plan:
    """How many animals, and what that rests on.

    Attributes
    ----------
    experiment, comparisons, attrition, layout
        What is planned.
    power, alpha
        What is asked for.
    nominal
        Power with the parameters of the tables.
    plausible
        Power with each plausible parameter set; empty where there are none.
    subjects, replicates, seed
        Virtual animals per arm of the nominal set; repeated experiments for each number of animals; seed of both.
    simulated
        The virtual animals of the nominal set.
    simulated_sets
        Those of each plausible set.
    chosen
        Animals per arm that are planned with: as asked for, or as many as are enough and leave nobody alone.
    levels
        Levels of an interim look and of the last; None without a look.
    warnings
        Which virtual animals could not be followed and are left out.
    """

    experiment: Experiment
    comparisons: tuple[PlannedComparison, ...]
    attrition: Attrition
    power: float
    alpha: float
    nominal: PowerCurve
    plausible: tuple[PowerCurve, ...]
    subjects: int
    replicates: int
    seed: int
    layout: Layout = field(default_factory=Layout)
    simulated: SimulatedComparison | None = None
    simulated_sets: tuple[SimulatedComparison, ...] = ()
    chosen: int | None = None
    levels: LookLevels | None = None
    warnings: tuple[str, ...] = ()

    @property
    def comparison(self) -> PlannedComparison:
        """The first comparison: endpoint, day and test are the same in all."""
        return self.comparisons[0]

    @property
    def per_arm(self) -> int | None:
        """Animals per arm with the nominal parameters, None where no number tried is enough."""
        return self.nominal.needed(self.power)

    @property
    def recommended(self) -> int | None:
        """Animals per arm to plan with: enough with the nominal parameters and in nine of ten plausible sets.

        With the nominal parameters alone where no number tried is enough in so many sets.
        """
        safe = self.plausible_range()[2]
        return self.per_arm if self.per_arm is None or safe is None else max(self.per_arm, safe)

    def sizes(self, per_arm: int) -> dict[str, int]:
        """Return the animals of every arm of the experiment, for so many in an arm of the usual size."""
        return self.layout.sizes([arm.name for arm in self.experiment.arms], per_arm)

    def answer(self, per_arm: int, part: str = "") -> PowerAnswer:
        """Return the power at a number that was tried, of what is required or of a part; errors as `PowerCurve.at`."""
        place = self.nominal.place(per_arm)
        powers = [(curve.parts[part] if part else curve.power)[place] for curve in (self.nominal, *self.plausible)]
        value, half = float(powers[0]), float(self.nominal.half_width[place])
        if part:
            low, high = wilson_interval(round(value * self.replicates), self.replicates)
            half = (high - low) / 2
        model = None
        if self.plausible:
            low, high = np.quantile(powers[1:], _MODEL)
            model = (float(low), float(high))
        return PowerAnswer(value, (max(0.0, value - half), min(1.0, value + half)), model)

    def plausible_range(self) -> tuple[int | None, int | None, int | None]:
        """Return the 10th, 50th and 90th percentile of animals per arm over sets; None is more than any tried."""
        if not self.plausible:
            return (None, None, None)
        needed = sorted(np.inf if (n := curve.needed(self.power)) is None else float(n) for curve in self.plausible)
        picks = [needed[round(q * (len(needed) - 1))] for q in (0.1, 0.5, 0.9)]
        low, middle, high = (None if np.isinf(each) else int(each) for each in picks)
        return (low, middle, high)

    @property
    def never(self) -> int:
        """How many plausible sets do not reach the power with any number tried."""
        return sum(curve.needed(self.power) is None for curve in self.plausible)

    def in_words(self) -> tuple[str, ...]:
        """Return it as sentences."""
        largest = self.nominal.n[-1]
        low, high = self.nominal.needed_range(self.power)
        asked = f"{100 * self.power:g} % power at alpha {self.alpha:g}"
        if self.per_arm is None:
            best = self.nominal.power[-1]
            first = (
                f"With the nominal parameters even {largest} animals per arm do not reach {asked}: "
                f"they give {100 * best:.0f} %. The effect may be too small to be found this way."
            )
        else:
            first = (
                f"{self.per_arm} animals per arm give {asked} with the nominal parameters "
                f"({_count(low, largest)} to {_count(high, largest)} within the Monte-Carlo error)."
            )
        lines = [self._compared(), *self.layout.in_words(), *self._look(), first]
        if self.plausible:
            p10, p50, p90 = (_count(n, largest) for n in self.plausible_range())
            lines.append(
                f"Over {len(self.plausible)} plausible parameter sets: median {p50}, 10th to 90th percentile {p10} to "
                f"{p90}; {self.never} of them do not reach it with {largest}."
            )
            if self.recommended != self.per_arm:
                lines.append(f"{self.recommended} per arm are enough in nine of ten of these sets: planned with those.")
        else:
            lines.append(
                "Only the nominal parameter set was used, no ensemble of plausible ones, so the true uncertainty is "
                "wider than the range given."
            )
        lines.append(
            f"Included: attrition {100 * self.attrition.dropout:g} % until day "
            f"{self.comparison.follow_up(self.experiment):g}, leukemia that does not take "
            f"{100 * self.attrition.engraftment_failure:g} %. Numbers are animals at the start of the study."
        )
        return (*lines, *(f"Left out: {words}" for words in self.warnings))

    def at_in_words(self, per_arm: int) -> list[str]:
        """Return the power at a number that was tried, of every part, with both intervals."""
        sizes = self.sizes(per_arm)
        who = f"{per_arm} per arm"
        if len(set(sizes.values())) > 1:
            who = ", ".join(f"{n} in {arm}" for arm, n in sizes.items())
        lines = [f"With {who}: {self.answer(per_arm).in_words()}."]
        titles = {"all": "all of them in one experiment", "any": "at least one", "interim": "ends at the interim look"}
        lines += [
            f"  {titles.get(part, f'{part} against {self.comparison.versus}')}: "
            f"{self.answer(per_arm, part).in_words()}."
            for part in self.nominal.parts
        ]
        return lines

    def _compared(self) -> str:
        first = self.comparison
        if len(self.comparisons) == 1:
            return f"Compared: {first.in_words()}."
        arms = ", ".join(f'"{each.arm}"' for each in self.comparisons)
        required = {"each": "each of them", "all": "all of them in one experiment", "any": "at least one of them"}
        return (
            f'Compared: {first.what_in_words()}, {arms}, each against "{first.versus}", {first.test_in_words()}, the '
            "level "
            f"shared by Holm's procedure. Required: {required[self.layout.require]}."
        )

    def _look(self) -> list[str]:
        if self.levels is None or self.layout.interim is None:
            return []
        return [
            f"An interim look {self.layout.interim.in_words()}, with {100 * self.levels.information:.0f} % of the "
            f"information: significant at p up to {self.levels.first:.4f} there, and up to {self.levels.last:.4f} at "
            f"the end ({SHAPES[self.layout.interim.shape]} bounds for {self.alpha:g} together)."
        ]

    def table(self) -> pd.DataFrame:
        """Return every power curve: set, n_per_arm, power, standard_error, and the power of each part by its name."""
        frames = [
            pd.DataFrame(
                {
                    "set": curve.name,
                    "n_per_arm": curve.n,
                    "power": curve.power,
                    "standard_error": curve.standard_error,
                    **{f"power {part}": values for part, values in curve.parts.items()},
                }
            )
            for curve in (self.nominal, *self.plausible)
        ]
        return pd.concat(frames, ignore_index=True)


def _count(n: int | None, largest: int) -> str:
    return f"more than {largest}" if n is None else str(n)


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
    """Find out how many animals per arm comparisons need.

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
