"""Moves led by a surrogate: the shortest way from a member to where nothing would be missing, as guessed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.calibration import moves
from gvlab.calibration.margins import Margins
from gvlab.calibration.members import Members
from gvlab.calibration.moves import Proposal
from gvlab.calibration.surrogate import Array32, Surrogate

HIDDEN = 160
"""Units of each hidden layer."""
RETRAINED = 12
"""Generations after which a surrogate is trained on."""
_LOOKS = 500_000
"""Sets that are looked at in training, each as often as this allows within the bounds of `_EPOCHS`."""
_EPOCHS = (8, 60)
_ONWARD, _GENTLY = 0.25, 1e-3
"""Share of those looks that are enough for a surrogate that is trained on, and the rate at which that is done."""
_FAR, _UNIT = 6.0, 3.0
"""Margins farther than so many scales from what is asked are all the same; the unit in which they are learned."""
_STEPS = 40
_PULLS = (0.003, 0.01, 0.03, 0.1)
"""Half of what a member lacks more, as it were, for each unit of squared distance from its own draw of the prior."""
_PULL = 0.01
"""The same where the best of some proposals is chosen."""
_FARTHEST = 3.0


class Guess:
    """Leads members by what the ensemble's own surrogate guesses; the surrogate is trained on now and then.

    Parameters
    ----------
    margins
        What is asked.
    """

    def __init__(self, margins: Margins) -> None:
        self._margins = margins
        self._trained = -RETRAINED
        self._surrogate: Surrogate | None = None

    def lead(self, members: Members, rows: Int[Array, "row"], random: Generator, seed: int) -> Proposal:
        """Return points near members at which less would be missing: descent from their own places, pulled back there.

        A guess is shifted by its error at the member itself, so that it need only be right about differences.
        """
        surrogate = self._current(members, seed)
        start = _inputs(members.points[rows], members.checked[rows])
        home = _inputs(members.start[rows], members.checked[rows])
        shift = self._shift(surrogate, members, rows, start)
        spare = random.uniform(0, 0.5, (len(rows), 1)).astype(np.float32)
        pull = random.choice(_PULLS, size=(len(rows), 1)).astype(np.float32)
        part = random.random(start.shape) < random.choice([0.5, 1.0], size=(len(rows), 1))
        part[:, -1] = False  # with how many subjects is no matter of choice
        at, speed = start.copy(), np.zeros_like(start)
        for _ in range(_STEPS):
            guess, passed = surrogate.forward(at)
            short = np.maximum(spare - guess - shift, 0)
            slope = surrogate.gradient(-short, passed) + pull * (at - home)
            speed = 0.8 * speed - 0.15 * slope * part
            at = np.clip(at + speed, -_FARTHEST, _FARTHEST)
        led = moves.cube(at[:, :-1].astype(np.float64))
        here = members.points[rows]
        return Proposal(rows, moves.shortened(here, np.where(part[:, :-1], led, here)))

    def best(
        self,
        members: Members,
        candidates: Sequence[Proposal],
        random: Generator,
        seed: int,
    ) -> Proposal:
        """Return for each member the one of some proposals for the same members at which least would be missing."""
        surrogate = self._current(members, seed)
        rows = candidates[0].rows
        start = _inputs(members.points[rows], members.checked[rows])
        home = _inputs(members.start[rows], members.checked[rows])
        shift = self._shift(surrogate, members, rows, start)
        spare = random.uniform(0, 0.5, (len(rows), 1)).astype(np.float32)
        lacks = np.empty((len(candidates), len(rows)))
        for place, each in enumerate(candidates):
            at = _inputs(each.points, members.checked[rows])
            short = np.maximum(spare - surrogate.guess(at) - shift, 0).sum(axis=1)
            lacks[place] = short + _PULL * np.sum((at - home) ** 2, axis=1)
        chosen = np.argmin(lacks, axis=0)
        return Proposal(rows, np.stack([candidates[place].points[row] for row, place in enumerate(chosen)]))

    def _shift(
        self, surrogate: Surrogate, members: Members, rows: Int[Array, "row"], start: Array32
    ) -> Array32:  # fmt: skip
        """Return the error of the guess at members themselves."""
        return np.asarray(np.nan_to_num(self._scaled(members.margins[rows]) - surrogate.guess(start)), dtype=np.float32)

    def _current(self, members: Members, seed: int) -> Surrogate:
        """Return the surrogate, trained on where it is old. After an interruption it is trained from its beginning."""
        if self._surrogate is None or members.generation - self._trained >= RETRAINED:
            x = _inputs(members.tried_points, members.tried_checked)
            y = self._scaled(members.tried_margins)
            known = np.isfinite(y).astype(np.float32)
            epochs = int(np.clip(_LOOKS // len(x), *_EPOCHS))
            if self._surrogate is None:
                random = np.random.default_rng([seed, members.generation, 1])
                self._surrogate = Surrogate(x.shape[1], y.shape[1], HIDDEN, random)
                self._surrogate.train(x, np.nan_to_num(y), known, epochs)
            else:
                self._surrogate.train(x, np.nan_to_num(y), known, math.ceil(_ONWARD * epochs), _GENTLY)
            self._trained = members.generation
        return self._surrogate

    def _scaled(self, margins: Array) -> Array32:
        beyond = (margins - self._margins.least) / self._margins.scale
        return (np.clip(beyond, -_FAR, _FAR) / _UNIT).astype(np.float32)


def _inputs(points: Float[Array, "set axis"], checked: Bool[Array, "set"]) -> Array32:
    """Return what a surrogate is told: points as normal scores, and whether margins are those of many subjects."""
    return np.column_stack([moves.normal(points), 2.0 * checked - 1.0]).astype(np.float32)
