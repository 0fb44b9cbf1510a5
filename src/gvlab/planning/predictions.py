"""What a plan predicts of the experiment that was planned: numbers with an interval, written down before the animals.

Experiments of the planned size are drawn from the virtual animals, with those that are lost, and each is read as the
laboratory will read its own. Where nine of ten of them lie is the interval over animals. With the model's numbers being
uncertain too, the interval that a prediction is held to is that of the experiments of all parameter sets together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field

from gvlab.arrays import Array, Float
from gvlab.library.fields import Record
from gvlab.planning.draws import Draw
from gvlab.planning.plan import Plan
from gvlab.planning.power import drawn_experiments, power_curve
from gvlab.planning.simulated_comparison import SimulatedComparison, arms_of
from gvlab.statistics import curves_at, restricted_means

BAND = (0.05, 0.95)
"""Quantiles of the interval of a prediction: nine of ten experiments lie in it if the model is right."""

SETS_RANGE = (0.1, 0.9)
"""Quantiles over plausible sets, as in the power of a plan."""

EXPERIMENTS = 2000
"""Experiments drawn from each parameter set."""

Quantity = Literal[
    "share", "mean time", "counted share", "median", "difference of mean times", "difference of shares", "superiority"
]
"""Of an arm: the share event-free at the end, the restricted mean time, the share counted on a day, the median reading.
Of two arms: the difference of shares or of restricted mean times, or how often a reading of the arm is above one of the
other, half of the equal ones counted."""

OF_AN_ARM: Mapping[str, tuple[Quantity, ...]] = {
    "log-rank": ("share", "mean time"),
    "Fisher": ("counted share",),
    "Mann-Whitney": ("median",),
}
"""By test: what is predicted of each arm."""

OF_TWO_ARMS: Mapping[str, Quantity] = {
    "log-rank": "difference of mean times",
    "Fisher": "difference of shares",
    "Mann-Whitney": "superiority",
}
"""By test: what is predicted of an arm against another."""


class PredictedValue(Record):
    """One number that is predicted."""

    quantity: Quantity
    arm: str
    versus: str = ""
    value: float
    """Median of the experiments with the nominal parameters."""
    over_animals: tuple[float, float]
    """Nine of ten experiments with the nominal parameters."""
    over_sets: tuple[float, float] | None = None
    """10th and 90th percentile over plausible sets of the median of each; None without sets."""
    interval: tuple[float, float]
    """Nine of ten experiments of all sets together: what is observed is held to it."""


class PredictedTest(Record):
    """How a test is predicted to end."""

    arm: str
    versus: str
    chance: float = Field(ge=0, le=1)
    """Probability that it is significant, with the nominal parameters."""
    over_sets: tuple[float, float] | None = None
    """10th and 90th percentile over plausible sets."""

    @property
    def significant(self) -> bool:
        """Whether it is predicted to be significant: rather than not."""
        return self.chance >= 0.5


def measure(
    quantity: Quantity, drawn: Mapping[str, Draw], arm: str, versus: str, until: float
) -> Float[Array, " replicate"]:
    """Return a quantity of every experiment; NaN where nobody is left who could be read.

    Parameters
    ----------
    quantity
        Which.
    drawn
        What each arm shows in each experiment.
    arm, versus
        Of which arm, or of which two.
    until
        Last day on which animals are followed.
    """
    mine = drawn[arm]
    if quantity == "superiority":
        return _superiority(mine.value, drawn[versus].value)
    if quantity == "median":
        return _over_the_read(np.nanmedian, mine.value)
    if quantity == "mean time":
        return restricted_means(mine.duration, mine.event, until)
    if quantity == "counted share":
        return _over_the_read(np.nanmean, mine.value)
    if quantity == "share":
        return np.asarray(curves_at(mine.duration, mine.event, np.array([until]))[:, 0])
    single: Quantity = "counted share" if quantity == "difference of shares" else "mean time"
    return measure(single, drawn, arm, "", until) - measure(single, drawn, versus, "", until)


def predictions_of(plan: Plan, per_arm: int) -> tuple[tuple[PredictedValue, ...], tuple[str, ...]]:
    """Return what a plan predicts with so many animals per arm, and in words what cannot be predicted.

    Parameters
    ----------
    plan
        With its virtual animals.
    per_arm
        Animals in an arm of the usual size.
    """
    comparison, until = plan.comparison, plan.comparison.follow_up(plan.experiment)
    asked: list[tuple[Quantity, str, str]] = [
        (quantity, arm, "") for arm in arms_of(plan.comparisons) for quantity in OF_AN_ARM[comparison.test]
    ]
    asked += [(OF_TWO_ARMS[comparison.test], each.arm, each.versus) for each in plan.comparisons]
    assert plan.simulated is not None
    by_set = [
        _measured(plan, simulated, asked, per_arm, until, np.random.default_rng([plan.seed, number, 1]))
        for number, simulated in enumerate((plan.simulated, *plan.simulated_sets))
    ]
    found, left_out = [], []
    for place, (quantity, arm, versus) in enumerate(asked):
        nominal = by_set[0][place]
        if not len(nominal):
            who = f"{arm} against {versus}" if versus else arm
            left_out.append(f"{quantity} of {who}: in no drawn experiment is anybody left who could be read")
            continue
        medians = [float(np.median(each[place])) for each in by_set[1:] if len(each[place])]
        # Every set counts the same, however many of its experiments could be read.
        pooled = np.concatenate([each[place] for each in by_set])
        weights = np.concatenate([np.full(len(each[place]), 1 / max(len(each[place]), 1)) for each in by_set])
        found.append(
            PredictedValue(
                quantity=quantity,
                arm=arm,
                versus=versus,
                value=float(np.median(nominal)),
                over_animals=_band(nominal, np.ones(len(nominal))),
                over_sets=_quantiles(medians) if medians else None,
                interval=_band(pooled, weights),
            )
        )
    return tuple(found), tuple(left_out)


def predicted_tests(plan: Plan, per_arm: int) -> tuple[PredictedTest, ...]:
    """Return how the tests of a plan are predicted to end with so many animals per arm."""
    several = len(plan.comparisons) > 1
    if per_arm not in plan.nominal.n:
        plan = _with_power_at(plan, per_arm)
    found = []
    for each in plan.comparisons:
        answer = plan.answer(per_arm, each.arm if several else "")
        found.append(PredictedTest(arm=each.arm, versus=each.versus, chance=answer.power, over_sets=answer.model))
    return tuple(found)


def value_in_words(quantity: Quantity, value: float, unit: str) -> str:
    """Return a value with its unit: "45 %", "+12.3 days"."""
    if quantity in ("share", "counted share", "superiority"):
        return f"{100 * value:.0f} %"
    if quantity == "difference of shares":
        return f"{100 * value:+.0f} points"
    if quantity == "mean time":
        return f"{value:.1f} days"
    if quantity == "difference of mean times":
        return f"{value:+.1f} days"
    return f"{value:.4g} {unit}".rstrip()


def _with_power_at(plan: Plan, per_arm: int) -> Plan:
    """Return a plan with the power at one number of animals in place of those that were tried."""
    assert plan.simulated is not None
    curves = [
        power_curve(
            simulated,
            plan.comparisons,
            plan.attrition,
            np.random.default_rng([plan.seed, number]),
            follow_up=plan.comparison.follow_up(plan.experiment),
            layout=plan.layout,
            arms=[arm.name for arm in plan.experiment.arms],
            sizes=(per_arm,),
            replicates=EXPERIMENTS,
            alpha=plan.alpha,
        )
        for number, simulated in enumerate((plan.simulated, *plan.simulated_sets))
    ]
    return dataclasses.replace(plan, nominal=curves[0], plausible=tuple(curves[1:]), replicates=EXPERIMENTS)


def _measured(
    plan: Plan,
    simulated: SimulatedComparison,
    asked: list[tuple[Quantity, str, str]],
    per_arm: int,
    until: float,
    rng: np.random.Generator,
) -> list[Float[Array, " experiment"]]:
    """Return each quantity of the experiments that are drawn from one parameter set, without those not read."""
    experiments = drawn_experiments(
        simulated,
        arms_of(plan.comparisons),
        plan.layout,
        [arm.name for arm in plan.experiment.arms],
        per_arm,
        np.flatnonzero(simulated.followed),
        plan.attrition,
        until,
        EXPERIMENTS,
        rng,
    )
    parts: list[list[Float[Array, " experiment"]]] = [[] for _ in asked]
    for drawn in experiments:
        for place, (quantity, arm, versus) in enumerate(asked):
            values = measure(quantity, drawn, arm, versus, until)
            parts[place].append(values[np.isfinite(values)])
    return [np.concatenate(each) for each in parts]


def _superiority(
    a: Float[Array, "replicate reading_a"], b: Float[Array, "replicate reading_b"]
) -> Float[Array, " replicate"]:
    wins = np.sign(a[:, :, None] - b[:, None, :])
    return _over_the_read(np.nanmean, (wins.reshape(len(a), -1) + 1) / 2)


def _over_the_read(
    function: Callable[..., Any], values: Float[Array, "replicate reading"]
) -> Float[Array, " replicate"]:
    """Return a statistic of those that are read; NaN where nobody is."""
    read = np.isfinite(values).any(axis=1)
    found = np.full(len(values), np.nan)
    if read.any():
        found[read] = function(values[read], axis=1)
    return found


def _band(values: Float[Array, " experiment"], weights: Float[Array, " experiment"]) -> tuple[float, float]:
    """Return the narrowest limits that are values themselves and leave at most a twentieth outside at each end."""
    order = np.argsort(values, kind="stable")
    up_to = np.cumsum(weights[order]) / weights.sum()
    low = int(np.searchsorted(up_to, BAND[0], side="right"))
    high = int(np.searchsorted(up_to, BAND[1] - 1e-12, side="left"))
    return float(values[order[low]]), float(values[order[min(high, len(values) - 1)]])


def _quantiles(values: list[float]) -> tuple[float, float]:
    low, high = np.quantile(values, SETS_RANGE)
    return float(low), float(high)
