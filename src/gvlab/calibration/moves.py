"""How members may move: toward what is asked, and among what is plausible. Each proposes; the model disposes.

Toward: a regularized, localized Kalman step with one-sided targets [1]_, of a random part of the axes, by the
covariance of axes and margins over what the ensemble has tried. Toward and among: jumps by the difference of two others
(differential evolution [2]_, of a subset of axes [3]_), axes of one system only, and some axes drawn anew from the
prior. All but the first are as likely the other way round.

References
----------
.. [1] Iglesias, Law, Stuart (2013) Inverse Problems 29:045001; Chen, Oliver (2012) Math Geosci 44:1.
.. [2] ter Braak (2006) Statistics and Computing 16:239.
.. [3] Vrugt et al. (2009) Int J Nonlinear Sci Numer Simul 10:273.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gvlab.arrays import Array, Bool, Float, FloatArray, Int
from gvlab.calibration.margins import Margins
from gvlab.calibration.members import Members
from gvlab.lazy import LazyModule

special: Any = LazyModule("scipy.special")

EDGE = 1e-4
"""Nearest to 0 and 1 that a point of the cube comes."""
_FARTHEST = 3.0
"""Most standard deviations from the middle of the prior that a Kalman step leads."""
_LONGEST = 1.2
"""Longest Kalman step on any axis, in standard deviations of the prior."""
LONGEST = 3.0
"""Longest led step over all axes."""
_SLACK_SIZE, _SLACK_POWER = 0.2, 0.7
"""Margins beyond what is asked by more than this do not hold a Kalman step back."""
_ANEW = (1, 2, 3, 5, 8)
"""Axes that are drawn anew at once."""
_WIDTHS = (0.05, 0.15, 0.5)
"""Probabilities with which an axis belongs to the subset that a jump changes."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """Where some members might go.

    Attributes
    ----------
    rows
        Which members.
    points
        Of those, in their order.
    parts
        Systems whose own axes are changed, and nothing else: each is accepted or not by itself. None for a whole move.
    """

    rows: Int[Array, "row"]
    points: Float[Array, "row axis"]
    parts: Bool[Array, "row system"] | None = None

    def some(self, chosen: Bool[Array, "row"]) -> Proposal:
        """Return the proposals for some of the rows, without those that propose nothing."""
        if self.parts is not None:
            chosen = chosen & self.parts.any(axis=1)
        parts = None if self.parts is None else self.parts[chosen]
        return Proposal(self.rows[chosen], self.points[chosen], parts)


def normal(points: Float[Array, "*axes"]) -> FloatArray:
    """Return points of the cube as standard normal scores."""
    return np.asarray(special.ndtri(np.clip(points, EDGE, 1 - EDGE)), dtype=np.float64)


def cube(scores: Float[Array, "*axes"]) -> FloatArray:
    """Return standard normal scores as points of the cube."""
    return np.asarray(np.clip(special.ndtr(scores), EDGE, 1 - EDGE), dtype=np.float64)


def reflect(points: Float[Array, "*axes"]) -> FloatArray:
    """Return points folded back into the cube, as a mirror at each wall does."""
    folded = np.mod(points, 2.0)
    return np.clip(np.where(folded > 1, 2 - folded, folded), EDGE, 1 - EDGE)


def kalman(
    members: Members,
    margins: Margins,
    rows: Int[Array, "row"],
    random: np.random.Generator,
    *,
    noise: float,
    length: float = 1.0,
    latest: int = 1500,
) -> FloatArray:
    """Return where a Kalman step leads members, shape (row, axis), in the cube.

    What a member lacks is weighed by how axes and margins went together in what was tried. Covariances that so few
    sets show by chance are tapered [1]_; an axis is never moved for a system that it does not belong to; margins beyond
    what is asked are left alone.

    Parameters
    ----------
    members, margins
        Who, and what is asked.
    rows
        Which members; each is led by what it lacks itself.
    random
        Source of the perturbation of what is asked, one for each member.
    noise
        Variance of what is asked, in squares of the columns' scales.
    length
        Of the step; 1 is that of the linear problem.
    latest
        Number of sets tried last that covariances are computed from, beside the members themselves.

    References
    ----------
    .. [1] Furrer, Bengtsson (2007) J Multivariate Analysis 98:227.
    """
    known = np.isfinite(members.tried_margins).all(axis=1)
    tried = np.flatnonzero(known)[max(0, known.sum() - latest) :]
    scores = normal(np.concatenate([members.points, members.tried_points[tried]]))
    seen = np.concatenate([members.margins, members.tried_margins[tried]])
    n = len(scores)
    x, y = scores - scores.mean(axis=0), seen - seen.mean(axis=0)
    cross, within = x.T @ y / (n - 1), y.T @ y / (n - 1)
    correlation = cross / np.outer(x.std(axis=0) + 1e-9, y.std(axis=0) + 1e-9)
    cross = cross * correlation**2 / (correlation**2 + 2 * (1 + correlation**2) / n)
    cross = np.where(margins.holds[:, margins.system_of], cross, 0.0)
    slack = np.where(margins.of_power, _SLACK_POWER, _SLACK_SIZE)
    led = normal(members.points[rows])
    for place, row in enumerate(rows):
        own = members.margins[row]
        near = np.flatnonzero(own < margins.least + slack)
        if not len(near):
            continue
        spread = np.sqrt(noise) * margins.scale[near]
        wanted = np.maximum(margins.least[near] + spread * random.standard_normal(len(near)) - own[near], 0.0)
        step = length * cross[:, near] @ np.linalg.solve(within[np.ix_(near, near)] + np.diag(spread**2), wanted)
        step *= min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-12))
        led[place] = np.clip(led[place] + step, -_FARTHEST, _FARTHEST)
    return cube(led)


def of_own(members: Members, margins: Margins, rows: Int[Array, "row"], random: np.random.Generator) -> Proposal:
    """Return moves of a random part of the axes toward what each member lacks, by a Kalman step of its own."""
    led = kalman(members, margins, rows, random, noise=random.choice([0.5, 1.0, 3.0]), length=random.uniform(0.4, 1.4))
    part = random.random(led.shape) < random.choice([0.25, 0.6, 1.0], size=(len(rows), 1))
    here = members.points[rows]
    return Proposal(rows, shortened(here, np.where(part, led, here)))


def jump(
    members: Members, others: Int[Array, "other"], rows: Int[Array, "row"], random: np.random.Generator
) -> Proposal:
    """Return jumps of a subset of axes by the difference of two others."""
    points = members.points[rows].copy()
    axes = points.shape[1]
    for place in range(len(rows)):
        one, other = random.choice(others, size=2, replace=False)
        chosen = random.random(axes) < random.choice(_WIDTHS)
        chosen[random.integers(axes)] = True
        way = (members.points[one] - members.points[other])[chosen] * random.uniform(0.2, 0.9)
        points[place, chosen] = reflect(points[place, chosen] + way + random.normal(0, 0.01, len(way)))
    return Proposal(rows, points)


def anew(members: Members, rows: Int[Array, "row"], random: np.random.Generator) -> Proposal:
    """Return moves that draw one axis to eight anew from the prior."""
    points = members.points[rows].copy()
    axes = points.shape[1]
    for place in range(len(rows)):
        chosen = random.choice(axes, size=min(axes, random.choice(_ANEW)), replace=False)
        points[place, chosen] = random.uniform(EDGE, 1 - EDGE, len(chosen))
    return Proposal(rows, points)


def farther(
    start: Float[Array, "row axis"], here: Float[Array, "row axis"], there: Float[Array, "row axis"]
) -> FloatArray:
    """Return by how much a move leads away from where each member began, in squared normal scores."""
    begun = normal(start)
    return np.asarray(((normal(there) - begun) ** 2 - (normal(here) - begun) ** 2).sum(axis=1))


def shortened(here: Float[Array, "row axis"], there: Float[Array, "row axis"]) -> FloatArray:
    """Return where moves lead that are no longer than `LONGEST`."""
    begun = normal(here)
    way = normal(there) - begun
    length = np.sqrt((way**2).sum(axis=1, keepdims=True))
    scaled = way * np.minimum(1.0, LONGEST / np.maximum(length, 1e-12))
    return np.where(there == here, here, cube(begun + scaled))


def home(members: Members, rows: Int[Array, "row"], random: np.random.Generator) -> Proposal:
    """Return moves of some axes back to where each member began."""
    points = members.points[rows]
    back = random.random(points.shape) < random.choice([0.05, 0.15, 0.4], size=(len(rows), 1))
    return Proposal(rows, np.where(back, members.start[rows], points))


def of_systems(
    members: Members,
    own: Sequence[Int[Array, "..."]],
    others: Int[Array, "other"],
    rows: Int[Array, "row"],
    random: np.random.Generator,
) -> Proposal:
    """Return moves of the axes that belong to one system alone, in several systems at once: drawn anew, or jumps."""
    points = members.points[rows].copy()
    parts = np.zeros((len(rows), len(own)), dtype=bool)
    for place, row in enumerate(rows):
        for system, axes in enumerate(own):
            # What is met already is left alone more often: the time is for what is not, but for plausible members.
            idle = members.missing[row, system] <= 0 and members.lacks[row] > 0
            if not len(axes) or (idle and random.random() < 0.7):
                continue
            chosen = axes[random.random(len(axes)) < 0.6]
            chosen = chosen if len(chosen) else random.choice(axes, size=1)
            if random.random() < 0.3:
                points[place, chosen] = random.uniform(EDGE, 1 - EDGE, len(chosen))
            else:
                one, other = random.choice(others, size=2, replace=False)
                way = (members.points[one] - members.points[other])[chosen] * random.uniform(0.3, 1.0)
                points[place, chosen] = reflect(points[place, chosen] + way + random.normal(0, 0.02, len(chosen)))
            parts[place, system] = True
    return Proposal(rows, points, parts)
