"""One ensemble: from draws of the prior of its own to plausible sets, and then among them. Resumable.

Every member is a lineage of its own. A member is brought to zero by whatever move has lately won most for its cost; a
move is accepted where less is missing than before. From the first time that nothing is missing with many subjects, a
member moves among what is plausible: proposals as likely the other way round, accepted where nothing is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.calibration import moves
from gvlab.calibration.guess import Guess
from gvlab.calibration.margins import Margins
from gvlab.calibration.members import Members, fingerprint
from gvlab.calibration.moves import Proposal

REMEMBERED = 20_000
"""Sets that an ensemble remembers."""
GATE = 0.25
"""What may be missing with a few subjects when a member is first asked with many."""
DONE = 0.95
"""Share of the members that are plausible from which all go on among what is plausible."""
_AMONG = 0.3
"""Probability that plausible members move too in a generation while others are still on their way."""
_LEAST = 0.1
"""Least probability of each kind of move on the way."""
_TOWARD = ("kalman", "surrogate", "best", "systems")
_AMONG_SHARES = (0.15, 0.65, 0.2)
"""Probabilities of jumps, of axes drawn anew, and of moves of systems alone, among what is plausible."""
_TOLL = 0.05
"""By what share less must be missing for each unit of squared distance, of normal scores, that a member moves away from
its own draw of the prior: chance leads a whole ensemble one way where going is free."""
_TOLL_ABOVE = 1.0
"""What must be missing of a member for moves to have that toll."""
CANDIDATES = 24
"""Proposals of which the surrogate chooses the one that is tried."""
_FORGET = 0.3
"""Weight of the latest generation in what a kind of move wins for its cost."""


@dataclass(frozen=True)
class Step:
    """Where a calibration stands.

    Attributes
    ----------
    stage
        In words.
    share
        Rough share of the way gone, 0 to 1.
    detail
        In words.
    """

    stage: str
    share: float
    detail: str


class Search:
    """One ensemble in a folder; begun again in the same folder, it goes on where it stopped.

    Ensembles know nothing of each other: each begins with draws of the prior, random numbers and a memory of its own,
    so what they agree on does not hang on where one of them happened to begin.

    Parameters
    ----------
    margins
        What is asked.
    folder
        For its checkpoint.
    number
        From 0.
    """

    def __init__(self, margins: Margins, folder: Path, number: int) -> None:
        self.number, self.margins = number, margins
        self.recipe = margins.evaluator.recipe
        self.seed = self.recipe.seed + number
        self._file = folder / f"ensemble-{number + 1}.npz"
        self._print = fingerprint(margins.evaluator)
        self._own = [margins.space.of_system(system) for system in margins.systems]
        self._guess = Guess(margins)

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint."""
        return self._file.is_file()

    def members(self) -> Members:
        """Return where the members are."""
        return Members.read(self._file, self._print)

    def run(self) -> Iterator[Members]:
        """Go on, from the checkpoint or the prior, for as long as somebody asks; yield the members after every move."""
        members = self.members() if self.begun else self._begin()
        while True:
            members = self.move(members)
            members.write(self._file, self._print)
            yield members

    def _begin(self) -> Members:
        """Return members, each the best of some draws of the prior of its own; all draws are remembered."""
        random = np.random.default_rng(self.seed)
        n, draws = self.recipe.members, self.recipe.draws_each
        pool = moves.cube(random.standard_normal((n * draws, len(self.margins.space))))
        shown, missing = self.margins.follow(pool, self.recipe.subjects)
        best = np.argmin(missing.sum(axis=1).reshape(n, draws), axis=1) + draws * np.arange(n)
        points = pool[best]
        members = Members(
            start=points,
            points=points,
            margins=shown[best],
            missing=missing[best],
            checked=np.zeros(n, dtype=bool),
            changes=np.zeros(n, dtype=np.int64),
            tried_points=pool,
            tried_margins=shown,
            tried_checked=np.zeros(len(pool), dtype=bool),
            sets_tried=len(pool),
            effort=float(len(pool)),
        )
        members.write(self._file, self._print)
        return members

    def move(self, members: Members) -> Members:
        """Return the members after one generation: one kind of move, each member that takes part once."""
        random = np.random.default_rng([self.seed, members.generation + 1])
        members = self._promote(members)
        if self.finishing or members.plausible.mean() >= DONE:
            return replace(self._among(members, random), generation=members.generation + 1)
        moved = self._among(members, random) if random.random() < _AMONG and members.plausible.sum() > 3 else members
        kind = self._kind(moved, random)
        proposal = self._propose(kind, moved, np.flatnonzero(~moved.plausible), random)
        led = self._decide(moved, proposal)
        won = max(float(moved.lacks.sum() - led.lacks.sum()), 0.0) / max(led.effort - moved.effort, 1e-3)
        gains = moved.gains | {kind: (1 - _FORGET) * moved.gains.get(kind, won) + _FORGET * won}
        return replace(led, generation=members.generation + 1, gains=gains)

    def _among(self, members: Members, random: np.random.Generator) -> Members:
        """Return the members after half of the plausible ones moved among what is plausible, the others standing."""
        plausible = random.permutation(np.flatnonzero(members.plausible))
        rows, others = np.sort(plausible[::2]), plausible[1::2]
        if len(others) < 2:
            return members
        kind = random.choice(["jump", "anew", "systems"], p=_AMONG_SHARES)
        if kind == "systems":
            return self._decide(members, moves.of_systems(members, self._own, others, rows, random))
        anew = kind == "anew"
        return self._decide(
            members, moves.anew(members, rows, random) if anew else moves.jump(members, others, rows, random)
        )

    finishing = False
    """Whether members that are not plausible yet are left where they are, and all time is for the others."""

    def _promote(self, members: Members) -> Members:
        """Return the members with those asked with many subjects of whom little is missing with a few."""
        rows = np.flatnonzero(~members.checked & (members.lacks <= GATE))
        if not len(rows):
            return members
        shown, missing = self.margins.follow(members.points[rows], self.recipe.subjects_checked)
        margins, by_system, checked = members.margins.copy(), members.missing.copy(), members.checked.copy()
        margins[rows], by_system[rows], checked[rows] = shown, missing, True
        cost = len(rows) * self.recipe.subjects_checked / self.recipe.subjects
        return replace(
            members,
            margins=margins,
            missing=by_system,
            checked=checked,
            sets_tried=members.sets_tried + len(rows),
            effort=members.effort + cost,
        )

    def _kind(self, members: Members, random: np.random.Generator) -> str:
        untried = [kind for kind in _TOWARD if kind not in members.gains]
        if untried:
            return untried[0]
        gains = np.array([members.gains[kind] for kind in _TOWARD]) + 1e-9
        return str(random.choice(_TOWARD, p=_LEAST + (1 - _LEAST * len(_TOWARD)) * gains / gains.sum()))

    def _propose(
        self, kind: str, members: Members, rows: Int[Array, "row"], random: np.random.Generator
    ) -> Proposal:  # fmt: skip
        if kind == "kalman":
            return moves.of_own(members, self.margins, rows, random)
        if kind == "surrogate":
            return self._guess.lead(members, rows, random, self.seed)
        # Members at the end of the way jump by differences of their like.
        plausible = np.flatnonzero(members.plausible)
        others = plausible if len(plausible) >= len(members) / 4 else np.arange(len(members))
        if kind == "best":
            tries = [self._try(members, others, rows, random) for _ in range(CANDIDATES)]
            return self._guess.best(members, tries, random, self.seed)
        if kind == "systems":
            return moves.of_systems(members, self._own, others, rows, random)
        if kind == "anew":
            return moves.anew(members, rows, random)
        return moves.jump(members, others, rows, random)

    def _try(
        self, members: Members, others: Int[Array, "other"], rows: Int[Array, "row"], random: np.random.Generator
    ) -> Proposal:  # fmt: skip
        """Return one candidate for each member, of a kind that is cheap to make."""
        kind = random.choice(["surrogate", "home", "jump", "anew"], p=[0.4, 0.2, 0.2, 0.2])
        if kind == "home":
            return moves.home(members, rows, random)
        if kind == "surrogate":
            return self._guess.lead(members, rows, random, self.seed)
        return moves.anew(members, rows, random) if kind == "anew" else moves.jump(members, others, rows, random)

    def _decide(self, members: Members, proposal: Proposal) -> Members:
        """Return the members after the model has judged a proposal: those with few subjects, then those with many."""
        order = np.argsort(-(members.missing.mean(axis=0) + 0.05) / self.margins.cost)
        checked = members.checked[proposal.rows]
        for many in (False, True):
            members = self._judge(members, proposal.some(checked == many), many, order)
        return members

    def _judge(self, members: Members, proposal: Proposal, many: bool, order: Int[Array, "system"]) -> Members:
        who, points, parts = proposal.rows, proposal.points, proposal.parts
        if not len(who):
            return members
        # Of systems whose axes are not changed the margins are known; what is worse than before is given up early.
        needed = (points != members.points[who]) @ self.margins.holds > 0 if parts is None else parts
        limit = members.lacks[who] if parts is None else np.full(len(who), np.inf)
        subjects = self.recipe.subjects_checked if many else self.recipe.subjects
        shown, missing = self.margins.follow(
            points, subjects, needed=needed, known=members.missing[who], limit=limit, order=order
        )
        effort = members.effort + self.margins.effort(shown) * subjects / self.recipe.subjects
        shown = np.where(needed[:, self.margins.system_of], shown, members.margins[who])
        seen = replace(members, sets_tried=members.sets_tried + len(who), effort=effort)
        seen = seen.remember(points, shown, many, REMEMBERED)
        if parts is not None:
            return self._take_parts(seen, proposal, shown, missing)
        won = self._better(members, who, points, missing.sum(axis=1))
        return seen.moved(who[won], points[won], shown[won], missing[won])

    def _better(
        self,
        members: Members,
        who: Int[Array, "row"],
        points: Float[Array, "row axis"],
        missing: Float[Array, "row"],
    ) -> Bool[Array, "row"]:
        """Return which whole moves are accepted."""
        far = moves.farther(members.start[who], members.points[who], points)
        # At the end of the way there is no toll: it would keep members at the very edge of what is plausible.
        toll = np.where(members.lacks[who] > _TOLL_ABOVE, _TOLL, 0.0)
        enough = members.lacks[who] * np.exp(-toll * np.maximum(far, 0.0))
        return np.asarray((missing <= 0) | (~members.plausible[who] & (missing < enough)))

    def _take_parts(
        self,
        members: Members,
        proposal: Proposal,
        shown: Float[Array, "row column"],
        missing: Float[Array, "row system"],
    ) -> Members:
        """Return the members with the axes of those systems changed in which that is no worse."""
        assert proposal.parts is not None
        who = proposal.rows
        better = proposal.parts & ((missing < members.missing[who]) | (missing <= 0))
        points, margins, left = members.points[who], members.margins[who], members.missing[who]
        for system, axes in enumerate(self._own):
            rows = np.flatnonzero(better[:, system])
            columns = np.flatnonzero(self.margins.system_of == system)
            points[np.ix_(rows, axes)] = proposal.points[np.ix_(rows, axes)]
            margins[np.ix_(rows, columns)] = shown[np.ix_(rows, columns)]
            left[rows, system] = missing[rows, system]
        some = better.any(axis=1)
        return members.moved(who[some], points[some], margins[some], left[some])
