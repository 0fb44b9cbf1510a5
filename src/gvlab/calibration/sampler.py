"""Finds the parameter sets of the prior that meet every question that decides: sequential Monte Carlo.

The prior is uniform in the unit cube of the space, and a set counts as plausible when its distance - the sum of what is
missing over the questions that decide - is zero. A population of particles is led there through a falling sequence of
limits [1]_: those beyond the next limit are replaced by copies of others, then all of them move within the limit, which
keeps the prior uniform among what lies within it. A move draws a few axes anew from the prior, or changes a subset of
them by differential evolution [2]_, [3]_; it is carried out by emcee [4]_. Only the systems whose axes have changed are
simulated again, and a set beyond the limit is given up as soon as that is certain.

References
----------
.. [1] Del Moral, Doucet, Jasra (2012) Statistics and Computing 22:1009 (adaptive ABC-SMC).
.. [2] ter Braak (2006) Statistics and Computing 16:239.
.. [3] Vrugt et al. (2009) Int J Nonlinear Sci Numer Simul 10:273 (subsets of axes).
.. [4] Foreman-Mackey et al. (2013) PASP 125:306.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import emcee
import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from gvlab.errors import InvalidValueError, LibraryError
from gvlab.findings.many_sets import Answers, Evaluator
from gvlab.provenance import atomic_file, sha256

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

KEPT_SHARE = 0.6
"""Share of the particles that the next limit keeps."""
CHANGES = 0.8
"""How often a particle must have changed, on average, between two limits."""
ENOUGH_PLAUSIBLE = 0.25
"""Share of the particles at distance zero from which zero is the next limit."""
_OWN, _ANEW = 0.3, 0.35
_AXES_ANEW = 6
_WIDTHS = (0.05, 0.15, 0.5)


@dataclass(frozen=True)
class Population:
    """Particles on their way.

    Attributes
    ----------
    shares
        Shape (particle, axis): points of the unit cube.
    by_system
        Shape (particle, system): distance, by system in the order of `systems`.
    systems
        Names of the systems.
    limit
        Largest total distance allowed.
    ancestor
        Shape (particle,): the particle of the first population, or of the first plausible one, each descends from.
    generation
        Limits so far.
    subjects
        Virtual subjects with which distances were computed.
    moved
        Moves made at the present limit and number of subjects.
    changed
        Mean number of accepted moves of a particle among them.
    accepted
        Share of proposals accepted in the last move.
    evaluations
        Parameter sets tried so far.
    """

    shares: FloatArray
    by_system: FloatArray
    systems: tuple[str, ...]
    limit: float
    ancestor: IntArray
    generation: int
    subjects: int
    moved: int = 0
    changed: float = 0.0
    accepted: float = math.nan
    evaluations: int = 0

    @property
    def distance(self) -> FloatArray:
        """Shape (particle,): total distance."""
        return np.asarray(self.by_system.sum(axis=1), dtype=np.float64)

    def write(self, path: Path, recipe: str) -> None:
        """Write a checkpoint, whole or not at all."""
        plain = ("limit", "generation", "subjects", "moved", "changed", "accepted", "evaluations")
        about = {name: getattr(self, name) for name in plain} | {"systems": list(self.systems), "recipe": recipe}
        with atomic_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                shares=self.shares,
                by_system=self.by_system,
                ancestor=self.ancestor,
                about=np.array(json.dumps(about)),
            )

    @classmethod
    def read(cls, path: Path, recipe: str) -> Population:
        """Read a checkpoint.

        Raises
        ------
        LibraryError
            If it cannot be read, or was made with another recipe, other bounds or other findings.
        """
        try:
            with np.load(path) as file:
                about: dict[str, Any] = json.loads(str(file["about"]))
                arrays = {name: file[name] for name in ("shares", "by_system", "ancestor")}
        except (OSError, ValueError, KeyError) as error:
            raise LibraryError(f'The checkpoint "{path}" cannot be read: {error}. Delete it to begin anew.') from error
        if about.pop("recipe") != recipe:
            raise LibraryError(
                f'The checkpoint "{path}" was made with another recipe, other bounds or other findings. '
                "Delete it to begin anew, or name another folder."
            )
        return cls(**arrays, systems=tuple(about.pop("systems")), **about)


class BlockMove(emcee.moves.RedBlueMove):  # type: ignore[misc]
    """Axes of one system, a few axes anew from the prior, or a subset by differential evolution.

    Every proposal is symmetric: as likely the other way round.

    Parameters
    ----------
    own
        For each system, the axes that hold there and nowhere else.
    """

    def __init__(self, own: list[IntArray]) -> None:
        # Without shuffling, the first half asked about is that of the even rows; `move` relies on it.
        super().__init__(live_dangerously=True, randomize_split=False)
        self._own = [axes for axes in own if len(axes)]

    def get_proposal(
        self, sample: FloatArray, complement: list[FloatArray], random: np.random.RandomState
    ) -> tuple[FloatArray, FloatArray]:
        """Propose a point for each particle."""
        others = np.concatenate(complement, axis=0)
        n, axes = sample.shape
        proposal = sample.copy()
        for row in range(n):
            kind = random.rand()
            if kind < _OWN and self._own:
                own = self._own[random.randint(len(self._own))]
                chosen = own[random.rand(len(own)) < 0.8]
                chosen = chosen if len(chosen) else own[random.randint(len(own), size=1)]
                anew = random.rand() < 0.5
            elif kind < _OWN + _ANEW:
                chosen = random.choice(axes, size=min(axes, 1 + random.randint(_AXES_ANEW)), replace=False)
                anew = True
            else:
                chosen = np.flatnonzero(random.rand(axes) < _WIDTHS[random.randint(len(_WIDTHS))])
                chosen = chosen if len(chosen) else random.randint(axes, size=1)
                anew = False
            if anew:
                proposal[row, chosen] = random.rand(len(chosen))
                continue
            one, other = random.randint(len(others), size=2)
            scale = 2.38 / math.sqrt(2 * len(chosen)) * random.uniform(0.3, 1.2)
            jump = scale * (others[one, chosen] - others[other, chosen]) + 0.02 * random.randn(len(chosen))
            proposal[row, chosen] = reflect(sample[row, chosen] + jump)
        return proposal, np.zeros(n)


def reflect(points: FloatArray) -> FloatArray:
    """Fold points back into the unit cube, as a mirror at each wall does."""
    folded = np.mod(points, 2.0)
    return np.asarray(np.where(folded > 1, 2 - folded, folded), dtype=np.float64)


def prior_draws(
    evaluator: Evaluator, draws: int, seed: int, progress: Callable[[int], None] | None = None
) -> tuple[FloatArray, Answers]:
    """Draw from the prior (scrambled Sobol points) and ask every draw all questions.

    Raises
    ------
    InvalidValueError
        If fewer than one draw is asked for.
    """
    if draws < 1:
        raise InvalidValueError(f"{draws} draws of the prior were asked for; at least one is needed.")
    power = max(0, math.ceil(math.log2(draws)))
    points = qmc.Sobol(len(evaluator.space), scramble=True, rng=np.random.default_rng(seed)).random_base2(power)[:draws]
    answers = evaluator.evaluate(evaluator.space.values(points), progress=progress)
    return points, answers


def begin(evaluator: Evaluator, points: FloatArray, distance: FloatArray, particles: int) -> Population:
    """Make the first population: the draws of the prior that are nearest.

    Not the nominal values, which come out of such a search: where particles start is not forgotten entirely in so many
    dimensions, and what led to an earlier nominal set had looked at statements that are held out here.

    Parameters
    ----------
    evaluator
        Asks the questions.
    points, distance
        Draws of the prior and their distances.
    particles
        How many.
    """
    nearest = np.argsort(distance, kind="stable")[:particles]
    return of_points(evaluator, points[nearest], evaluator.recipe.subjects)


def of_points(evaluator: Evaluator, shares: FloatArray, subjects: int) -> Population:
    """Make a population of points, with no limit yet."""
    by_system = evaluator.distances(evaluator.space.values(shares), subjects=subjects)
    limit = float(by_system.sum(axis=1).max())
    return Population(
        shares, by_system, evaluator.systems, limit, np.arange(len(shares)), 0, subjects, evaluations=len(shares)
    )


def lead(
    evaluator: Evaluator, population: Population, seed: int, checkpoint: Path | None = None
) -> Iterator[Population]:
    """Lead particles to distance zero; gives the population after every move.

    Parameters
    ----------
    evaluator
        Asks the questions that decide.
    population
        Where to go on from.
    seed
        Of moves and copies. A run that was interrupted goes on with the same moves as one that was not.
    checkpoint
        File to which the population is written after every move.
    """
    recipe = fingerprint(evaluator)
    while population.limit > 0:
        if population.moved == 0 or population.changed >= CHANGES:
            population = _next_limit(population, seed)
        population = move(evaluator, population, seed)
        if checkpoint is not None:
            population.write(checkpoint, recipe)
        yield population


def _next_limit(population: Population, seed: int) -> Population:
    random = np.random.default_rng([seed, population.generation, population.subjects, 1])
    distance = population.distance
    limit = float(np.quantile(distance, KEPT_SHARE))
    if np.mean(distance <= 0) >= ENOUGH_PLAUSIBLE:
        limit = 0.0
    return replace(select(population, limit, random), generation=population.generation + 1, moved=0, changed=0.0)


def select(population: Population, limit: float, random: np.random.Generator) -> Population:
    """Replace those beyond a limit by copies of those within it, as evenly as can be (systematic resampling).

    Raises
    ------
    InvalidValueError
        If none is within the limit.
    """
    within = np.flatnonzero(population.distance <= limit)
    if not len(within):
        raise InvalidValueError(f"None of {len(population.distance)} parameter sets lies within {limit:g}.")
    beyond = np.flatnonzero(population.distance > limit)
    # Each keeps its place; the empty places are filled in turn from a random order.
    order = np.arange(len(population.distance))
    order[beyond] = np.resize(random.permutation(within), len(beyond))
    return replace(
        population,
        shares=population.shares[order],
        by_system=population.by_system[order],
        ancestor=population.ancestor[order],
        limit=limit,
    )


def move(evaluator: Evaluator, population: Population, seed: int) -> Population:
    """Move every particle once, within the limit."""
    holds = np.array([[system in axis.systems for system in population.systems] for axis in evaluator.space.axes])
    calls = 0

    def log_probability(points: FloatArray) -> FloatArray:
        nonlocal calls
        rows = slice(calls, None, 2)  # even rows first, then odd ones
        calls += 1
        needed = (points != population.shares[rows]) @ holds > 0
        by_system = evaluator.distances(
            evaluator.space.values(points),
            known=population.by_system[rows],
            needed=needed,
            subjects=population.subjects,
            limit=population.limit,
        )
        within = by_system.sum(axis=1) <= population.limit
        # emcee would take a single column for a vector; with one more there are always several.
        return np.column_stack([np.where(within, 0.0, -np.inf), by_system, np.zeros(len(points))])

    n, axes = population.shares.shape
    own = [evaluator.space.of_system(system) for system in population.systems]
    sampler = emcee.EnsembleSampler(n, axes, log_probability, moves=BlockMove(own), vectorize=True)
    state = np.random.SeedSequence([seed, population.generation, population.subjects, population.moved])
    start = emcee.State(
        population.shares,
        log_prob=np.zeros(n),
        blobs=np.column_stack([population.by_system, np.zeros(n)]),
        random_state=np.random.RandomState(state.generate_state(8)).get_state(),
    )
    end = sampler.run_mcmc(start, 1, skip_initial_state_check=True)
    accepted = float(np.mean(sampler.acceptance_fraction))
    return replace(
        population,
        shares=np.asarray(end.coords),
        by_system=np.asarray(end.blobs, dtype=np.float64)[:, :-1],
        moved=population.moved + 1,
        changed=population.changed + accepted,
        accepted=accepted,
        evaluations=population.evaluations + n,
    )


def fingerprint(evaluator: Evaluator) -> str:
    """Give a hash of what decides: model, axes with bounds, questions, recipe."""
    axes = [(axis.name, axis.low, axis.high) for axis in evaluator.space.axes]
    asked = [(question.title, repr(question.comparison)) for question in evaluator.questions if question.decides]
    return sha256(json.dumps([evaluator.model.structure, axes, asked, evaluator.recipe.model_dump_json()]))
