"""Finds the parameter sets of the prior that meet every comparison that decides: adaptive ABC-SMC.

The prior is uniform in the unit cube of the space, and a set counts as plausible when its discrepancy - the sum of what
is missing over the comparisons that decide - is zero. Particles are led there through a falling sequence of
tolerances [1]_: those beyond the next one are replaced by copies of others, then all of them move within it, which
keeps the prior uniform among what lies within it. A move draws a few axes anew from the prior, or changes a subset of
them by differential evolution [2]_, [3]_; one half of the particles moves first, by jumps between members of the other
half, then the other [4]_. Only the systems whose axes have changed are simulated again, and a set beyond the tolerance
is given up as soon as that is certain.

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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.calibration.checkpoint import damaged, other_recipe, read_checkpoint, same_rows
from gvlab.errors import InvalidValueError
from gvlab.files import atomic_file
from gvlab.findings.many_sets import Answers, Evaluator
from gvlab.provenance import sha256

KEPT_SHARE = 0.6
"""Share of the particles that the next tolerance keeps."""
ENOUGH_MOVES = 0.8
"""Accepted moves of a particle, on average, between two tolerances."""
ENOUGH_PLAUSIBLE = 0.25
"""Share of the particles at discrepancy zero from which zero is the next tolerance."""
_OWN, _ANEW = 0.3, 0.35
"""Probability that a move changes axes of one system only, and that it draws a few axes anew."""
_AXES_ANEW = 6
_WIDTHS = (0.05, 0.15, 0.5)
"""Probabilities with which an axis belongs to the subset that differential evolution changes."""


@dataclass(frozen=True, eq=False)
class Particles:
    """Particles on their way.

    Attributes
    ----------
    unit_points
        Points of the unit cube.
    discrepancy_by_system
        Of each particle, in the order of `systems`.
    systems
        Names of the systems.
    tolerance
        Largest total discrepancy allowed.
    ancestor
        The particle of the first generation, or of the first plausible one, each descends from.
    generation
        Tolerances so far.
    subjects
        Virtual subjects with which discrepancies were computed.
    moves
        Made at the present tolerance and number of subjects.
    mean_accepted_moves
        Mean number of accepted moves of a particle among them.
    acceptance
        Share of proposals accepted in the last move.
    sets_tried
        Parameter sets tried so far.
    """

    unit_points: Float[Array, "particle axis"]
    discrepancy_by_system: Float[Array, "particle system"]
    systems: tuple[str, ...]
    tolerance: float
    ancestor: Int[Array, "particle"]
    generation: int
    subjects: int
    moves: int = 0
    mean_accepted_moves: float = 0.0
    acceptance: float = math.nan
    sets_tried: int = 0

    @property
    def discrepancy(self) -> Float[Array, "particle"]:
        """Total discrepancy of each particle."""
        return np.asarray(self.discrepancy_by_system.sum(axis=1), dtype=np.float64)

    def __len__(self) -> int:
        return len(self.unit_points)

    def write(self, path: Path, recipe: str) -> None:
        """Write a checkpoint, whole or not at all."""
        plain = ("tolerance", "generation", "subjects", "moves", "mean_accepted_moves", "acceptance", "sets_tried")
        about = {name: getattr(self, name) for name in plain} | {"systems": list(self.systems), "recipe": recipe}
        with atomic_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                unit_points=self.unit_points,
                discrepancy_by_system=self.discrepancy_by_system,
                ancestor=self.ancestor,
                about=np.array(json.dumps(about)),
            )

    @classmethod
    def read(cls, path: Path, recipe: str) -> Particles:
        """Read a checkpoint.

        Raises
        ------
        LibraryError
            If it cannot be read, or was made with another recipe, other bounds or other findings.
        """
        arrays = read_checkpoint(path, {"unit_points": 2, "discrepancy_by_system": 2, "ancestor": 1, "about": 0})
        same_rows(path, [arrays["unit_points"], arrays["discrepancy_by_system"], arrays["ancestor"]])
        try:
            about: dict[str, Any] = json.loads(str(arrays.pop("about"))) | arrays
            made_with, systems = about.pop("recipe"), tuple(about.pop("systems"))
            found = cls(systems=systems, **about)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(path, str(error)) from error
        if made_with != recipe:
            raise other_recipe(path)
        return found


def propose(
    points: Float[Array, "particle axis"],
    others: Float[Array, "other axis"],
    own: Sequence[Int[Array, "place"]],
    random: np.random.RandomState,
) -> Float[Array, "particle axis"]:
    """Return a point for each particle: axes of one system, a few axes anew, or a subset by differential evolution.

    Every proposal is symmetric: as likely the other way round.

    Parameters
    ----------
    points, others
        The half of the particles that moves, and the half that stands.
    own
        For each system, the axes that hold there and nowhere else.
    random
        Source of the moves.
    """
    proposal, axes = points.copy(), points.shape[1]
    own = [each for each in own if len(each)]
    for row in range(len(points)):
        kind = random.rand()
        if kind < _OWN and own:
            block = own[random.randint(len(own))]
            chosen = block[random.rand(len(block)) < 0.8]
            chosen = chosen if len(chosen) else block[random.randint(len(block), size=1)]
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
        proposal[row, chosen] = reflect(points[row, chosen] + jump)
    return proposal


def reflect(points: Float[Array, "*axes"]) -> Float[Array, "*axes"]:
    """Return points folded back into the unit cube, as a mirror at each wall does."""
    folded = np.mod(points, 2.0)
    return np.asarray(np.where(folded > 1, 2 - folded, folded), dtype=np.float64)


def prior_draws(
    evaluator: Evaluator, draws: int, seed: int, progress: Callable[[int], None] | None = None
) -> tuple[Float[Array, "draw axis"], Answers]:
    """Return draws of the prior (scrambled Sobol points), and what each says to all comparisons.

    Raises
    ------
    InvalidValueError
        If fewer than one draw is asked for.
    """
    if draws < 1:
        raise InvalidValueError(f"{draws} draws of the prior were asked for; at least one is needed.")
    from scipy.stats import qmc

    power = max(0, math.ceil(math.log2(draws)))
    points = qmc.Sobol(len(evaluator.space), scramble=True, rng=np.random.default_rng(seed)).random_base2(power)[:draws]
    answers = evaluator.evaluate(evaluator.space.values(points), progress=progress)
    return points, answers


def begin(
    evaluator: Evaluator,
    points: Float[Array, "draw axis"],
    discrepancy: Float[Array, "draw"],
    particles: int,
) -> Particles:
    """Return the first generation: the draws of the prior that are nearest.

    Not the nominal values, which come out of such a search: where particles start is not forgotten entirely in so many
    dimensions, and what led to an earlier nominal set had looked at statements that are held out here.

    Parameters
    ----------
    evaluator
        Says what is missing.
    points, discrepancy
        Draws of the prior, and what is missing of each.
    particles
        How many.
    """
    nearest = np.argsort(discrepancy, kind="stable")[:particles]
    return of_points(evaluator, points[nearest], evaluator.recipe.subjects)


def of_points(evaluator: Evaluator, points: Float[Array, "particle axis"], subjects: int) -> Particles:
    """Return particles at points, which all lie within their tolerance."""
    by_system = evaluator.discrepancies(evaluator.space.values(points), subjects=subjects)
    tolerance = float(by_system.sum(axis=1).max())
    n = len(points)
    return Particles(points, by_system, evaluator.systems, tolerance, np.arange(n), 0, subjects, sets_tried=n)


def lead(evaluator: Evaluator, particles: Particles, seed: int, checkpoint: Path | None = None) -> Iterator[Particles]:
    """Lead particles to discrepancy zero; yield them after every move.

    Parameters
    ----------
    evaluator
        Says what is missing.
    particles
        Where to go on from.
    seed
        Of moves and copies. A run that was interrupted goes on with the same moves as one that was not.
    checkpoint
        File to which they are written after every move.
    """
    recipe = fingerprint(evaluator)
    while particles.tolerance > 0:
        if particles.moves == 0 or particles.mean_accepted_moves >= ENOUGH_MOVES:
            particles = _next_tolerance(particles, seed)
        particles = move(evaluator, particles, seed)
        if checkpoint is not None:
            particles.write(checkpoint, recipe)
        yield particles


def _next_tolerance(particles: Particles, seed: int) -> Particles:
    random = np.random.default_rng([seed, particles.generation, particles.subjects, 1])
    discrepancy = particles.discrepancy
    tolerance = float(np.quantile(discrepancy, KEPT_SHARE))
    if np.mean(discrepancy <= 0) >= ENOUGH_PLAUSIBLE:
        tolerance = 0.0
    kept = select(particles, tolerance, random)
    return replace(kept, generation=particles.generation + 1, moves=0, mean_accepted_moves=0.0)


def select(particles: Particles, tolerance: float, random: np.random.Generator) -> Particles:
    """Return particles with those beyond a tolerance replaced by copies of others, as evenly as can be.

    Raises
    ------
    InvalidValueError
        If none is within the tolerance.
    """
    within = np.flatnonzero(particles.discrepancy <= tolerance)
    if not len(within):
        raise InvalidValueError(f"None of {len(particles.discrepancy)} parameter sets lies within {tolerance:g}.")
    beyond = np.flatnonzero(particles.discrepancy > tolerance)
    # Each keeps its place; the empty places are filled in turn from a random order.
    order = np.arange(len(particles.discrepancy))
    order[beyond] = np.resize(random.permutation(within), len(beyond))
    return replace(
        particles,
        unit_points=particles.unit_points[order],
        discrepancy_by_system=particles.discrepancy_by_system[order],
        ancestor=particles.ancestor[order],
        tolerance=tolerance,
    )


def move(evaluator: Evaluator, particles: Particles, seed: int) -> Particles:
    """Move every particle once, within the tolerance."""
    holds = np.array([[system in axis.systems for system in particles.systems] for axis in evaluator.space.axes])
    own = [evaluator.space.of_system(system) for system in particles.systems]
    state = np.random.SeedSequence([seed, particles.generation, particles.subjects, particles.moves])
    random = np.random.RandomState(state.generate_state(8))
    # One number here, and one for each acceptance below, are drawn and not used: it is the stream of emcee, with which
    # the committed ensembles were searched, so a search of the same seed still finds the same sets.
    random.rand()
    points, by_system = particles.unit_points.copy(), particles.discrepancy_by_system.copy()
    accepted = np.zeros(len(points), dtype=bool)
    for half in (0, 1):
        rows = np.arange(half, len(points), 2)
        proposed = propose(points[rows], points[1 - half :: 2], own, random)
        needed: Bool[Array, "particle system"] = (proposed != points[rows]) @ holds > 0
        found = evaluator.discrepancies(
            evaluator.space.values(proposed),
            known=by_system[rows],
            needed=needed,
            subjects=particles.subjects,
            tolerance=particles.tolerance,
        )
        # The prior is uniform and proposals are symmetric: what lies within the tolerance is accepted.
        within = found.sum(axis=1) <= particles.tolerance
        random.rand(len(rows))
        points[rows[within]], by_system[rows[within]] = proposed[within], found[within]
        accepted[rows] = within
    acceptance = float(np.mean(accepted))
    return replace(
        particles,
        unit_points=points,
        discrepancy_by_system=by_system,
        moves=particles.moves + 1,
        mean_accepted_moves=particles.mean_accepted_moves + acceptance,
        acceptance=acceptance,
        sets_tried=particles.sets_tried + len(points),
    )


def fingerprint(evaluator: Evaluator) -> str:
    """Return a hash of what decides: model, axes with bounds, comparisons, recipe."""
    axes = [(axis.name, axis.low, axis.high) for axis in evaluator.space.axes]
    asked = [(each.title, repr(each.record)) for each in evaluator.comparisons if evaluator.decides(each)]
    return sha256(json.dumps([evaluator.model.structure, axes, asked, evaluator.recipe.model_dump_json()]))
