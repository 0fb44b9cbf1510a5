"""What drives an outcome, within what is plausible: elementary effects and PAWN over the box of the ensemble."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gvlab import units
from gvlab.arrays import Array, Bool, Float
from gvlab.errors import InvalidValueError
from gvlab.experiment import Experiment
from gvlab.findings.comparisons import ArmInSystem
from gvlab.findings.expected import ExpectedCohort, Progress, ReadoutPlan
from gvlab.library.ensemble_recipe import Recipe
from gvlab.statistics.sensitivity import Sensitivity, morris, morris_design, pawn
from gvlab.subject.parameter_space import ParameterSpace
from gvlab.subject.plausible import Ensemble

BOX = (0.05, 0.95)
"""Quantiles of the ensemble between which each parameter is moved."""


@dataclass(frozen=True)
class Driven:
    """What drives one endpoint of one arm in one system.

    Attributes
    ----------
    system, endpoint
        Names.
    elementary
        Morris: change of the share when a parameter crosses its plausible range.
    distribution
        PAWN: how far the distribution of the share moves when a parameter is known.
    mean
        Of the share, over the box.
    unsolved
        Points that could not be solved and are left out, with the rest of their trajectory of the Morris design.
    """

    system: str
    endpoint: str
    elementary: Sensitivity
    distribution: Sensitivity
    mean: float
    unsolved: int = 0


def drivers(
    ensemble: Ensemble,
    experiments: Iterable[Experiment],
    arm: str,
    endpoints: Sequence[tuple[str, str]],
    *,
    trajectories: int = 32,
    draws: int = 1024,
    subjects: int = 6,
    seed: int = 1,
    progress: Progress | None = None,
) -> list[Driven]:
    """Return what drives endpoints of an arm in the systems of some experiments.

    Each parameter is moved between its 5 and 95 % quantiles in the ensemble, independently of the others: what is
    plausible alone need not be so together, so this asks how strongly outcomes react, not how likely they are.

    Parameters
    ----------
    ensemble
        Of plausible sets.
    experiments
        One for each system.
    arm
        Name of the arm.
    endpoints
        Each with its day.
    trajectories, draws
        Of the Morris design; of the sample for PAWN.
    subjects, seed, progress
        As elsewhere.
    """
    from scipy.stats import qmc

    recipe = Recipe.model_validate(ensemble.about["recipe"])
    experiments = list(experiments)
    space = ParameterSpace.of(recipe.varied, ensemble.about["systems"], experiments[0].library)
    low, high = np.quantile(space.unit_points(ensemble.values), BOX, axis=0)
    plan = ReadoutPlan(endpoints=frozenset((name, units.day(at)) for name, at in endpoints))
    found = []
    for experiment in experiments:
        system = experiment.system
        cohort = ExpectedCohort(experiment.model, recipe.causes, recipe.relative_tolerance, cures=recipe.cures)
        here = np.array([i for i, axis in enumerate(space.axes) if system.name in axis.systems])
        names = [space.names[i] for i in here]
        design = morris_design(len(here), trajectories, seed)
        sample = qmc.Sobol(len(here), scramble=True, rng=np.random.default_rng(seed)).random(draws)
        points = np.tile((low + high) / 2, (len(design) + len(sample), 1))
        points[:, here] = low[here] + np.concatenate([design, sample]) * (high - low)[here]
        place = ArmInSystem(system, experiment.arm(arm))
        sets = space.parameters(space.values(points), system.name)
        seen = cohort.follow(system, sets, {place: plan}, subjects, recipe.seed, progress)[place]
        for endpoint, day in sorted(plan.endpoints):
            share = seen.probabilities[endpoint, day]
            one, other = share[: len(design)], share[len(design) :]
            whole, drawn = whole_trajectories(one, len(names)), np.isfinite(other)
            unsolved = int(np.count_nonzero(np.isnan(share)))
            if whole.sum() < 2 * (len(names) + 1) or drawn.sum() < draws / 2:
                raise InvalidValueError(
                    f"{unsolved} of {len(share)} parameter sets could not be solved in {system.name}, and too few "
                    "are left to say what drives an outcome. Take another arm, or a narrower ensemble."
                )
            found.append(
                Driven(
                    system.name,
                    endpoint,
                    morris(names, design[whole], one[whole], seed),
                    pawn(names, sample[drawn], other[drawn], seed=seed),
                    float(other[drawn].mean()),
                    unsolved,
                )
            )
    return found


def whole_trajectories(output: Float[Array, "point"], inputs: int) -> Bool[Array, "point"]:
    """Return the points of a Morris design whose whole trajectory could be solved."""
    return np.isfinite(output).reshape(-1, inputs + 1).all(axis=1).repeat(inputs + 1)
