"""How many animals an experiment needs: its power under the nominal parameters and under every plausible set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvlab.capacity import refuse_beyond_memory
from gvlab.errors import InvalidValueError
from gvlab.experiment.experiment import Experiment
from gvlab.planning.planned_comparison import Attrition, ParameterSet, PlannedComparison
from gvlab.planning.power import BATCHES, PowerCurve, animals_for, power_curve, sizes_for
from gvlab.planning.simulated_comparison import comparison_tasks, simulated_comparison
from gvlab.simulation import Executor, run_tasks

SUBJECTS_EACH = 1000
"""Virtual animals an arm for each plausible set: fewer would make each set an effect of its own luck."""


@dataclass(frozen=True)
class Plan:
    """How many animals, and what that rests on.

    Attributes
    ----------
    experiment, comparison, attrition
        What is planned.
    power, alpha
        What is asked for.
    nominal
        Power with the parameters of the tables.
    plausible
        Power with each plausible parameter set; empty where there are none.
    subjects, replicates, seed
        Virtual animals per arm of the nominal set; repeated experiments for each number of animals; seed of both.
    warnings
        Which virtual animals could not be followed and are left out.
    """

    experiment: Experiment
    comparison: PlannedComparison
    attrition: Attrition
    power: float
    alpha: float
    nominal: PowerCurve
    plausible: tuple[PowerCurve, ...]
    subjects: int
    replicates: int
    seed: int
    warnings: tuple[str, ...] = ()

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
        lines = [f"Compared: {self.comparison.in_words()}.", first]
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

    def table(self) -> pd.DataFrame:
        """Return every power curve: columns set, n_per_arm, power, standard_error."""
        frames = [
            pd.DataFrame(
                {
                    "set": curve.name,
                    "n_per_arm": curve.n,
                    "power": curve.power,
                    "standard_error": curve.standard_error,
                }
            )
            for curve in (self.nominal, *self.plausible)
        ]
        return pd.concat(frames, ignore_index=True)


def _count(n: int | None, largest: int) -> str:
    return f"more than {largest}" if n is None else str(n)


def check_power(power: float, alpha: float) -> None:
    """Raise if a power or a level cannot be asked for."""
    if not 0 < alpha < 1:
        raise InvalidValueError(f"alpha is {alpha:g}; a level lies between 0 and 1. Did you mean 0.05?")
    if not alpha < power < 1:
        raise InvalidValueError(
            f"A power of {power:g} is asked for; it lies above alpha ({alpha:g}) and below 1. Did you mean 0.8?"
        )


def virtual_animals(subjects: int, subjects_each: int = SUBJECTS_EACH, per_arm: int | None = None) -> tuple[int, int]:
    """Return the virtual animals an arm, for the nominal set and for each plausible one: as asked, or as needed."""
    sizes = sizes_for(per_arm)
    return max(subjects, animals_for(sizes)), max(subjects_each, animals_for(sizes, 1))


def make_plan(
    experiment: Experiment,
    comparison: PlannedComparison,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    attrition: Attrition | None = None,
    sets: Sequence[ParameterSet] = (),
    subjects: int = 1600,
    subjects_each: int = SUBJECTS_EACH,
    per_arm: int | None = None,
    replicates: int = 2000,
    seed: int,
    executor: Executor | str | None = None,
    progress: Callable[[int], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Plan:
    """Find out how many animals per arm a comparison needs.

    Parameters
    ----------
    experiment, comparison
        What is done and asked.
    power, alpha
        Wanted probability of significance; level of the two-sided test.
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
        Experiments for each number of animals; a quarter of it for each plausible set.
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
    attrition = attrition or Attrition()
    every = (ParameterSet(), *sets)
    sizes = sizes_for(per_arm)
    subjects, subjects_each = virtual_animals(subjects, subjects_each, per_arm)
    one = comparison_tasks(experiment, comparison, subjects=1, seed=seed, attrition=attrition)
    followed = (subjects + subjects_each * len(sets)) * sum(task.bytes_needed for task in one)
    if per_arm is not None:
        refuse_beyond_memory(per_arm, followed / per_arm, "animals per arm")
    refuse_beyond_memory(subjects, followed / subjects, "virtual animals")
    tasks = [
        comparison_tasks(
            experiment,
            comparison,
            subjects=subjects_each if number else subjects,
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
    for number, (parameters, some) in enumerate(zip(every, tasks, strict=True)):
        simulated = simulated_comparison(experiment, comparison, [next(results) for _ in some])
        warnings += simulated.warnings
        curves.append(
            power_curve(
                simulated,
                comparison,
                attrition,
                np.random.default_rng([seed, number]),
                follow_up=comparison.follow_up(experiment),
                name=parameters.name,
                sizes=sizes,
                replicates=max(BATCHES, replicates // 4) if number else replicates,
                alpha=alpha,
            )
        )
    return Plan(
        experiment,
        comparison,
        attrition,
        power,
        alpha,
        curves[0],
        tuple(curves[1:]),
        subjects,
        replicates,
        seed,
        tuple(warnings),
    )
