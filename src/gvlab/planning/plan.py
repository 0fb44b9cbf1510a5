"""How many animals an experiment needs: its power under the nominal parameters and under every plausible set."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gvlab.experiment.experiment import Experiment
from gvlab.planning.layout import Layout
from gvlab.planning.planned_comparison import Attrition, PlannedComparison
from gvlab.planning.power import (
    LookLevels,
    PowerCurve,
)
from gvlab.planning.simulated_comparison import SimulatedComparison
from gvlab.statistics import wilson_interval
from gvlab.statistics.group_sequential import SHAPES

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
