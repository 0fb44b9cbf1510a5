"""Where the members of one ensemble are on their way: points, what they have to spare, what was tried. Checkpoints."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.calibration.checkpoint import damaged, other_recipe, read_checkpoint, same_rows
from gvlab.files import atomic_file
from gvlab.findings.many_sets import Evaluator
from gvlab.provenance import sha256

_ARRAYS = {
    "start": 2,
    "points": 2,
    "margins": 2,
    "missing": 2,
    "checked": 1,
    "changes": 1,
    "tried_points": 2,
    "tried_margins": 2,
    "tried_checked": 1,
}
"""Arrays of a checkpoint, and how many axes each has."""


@dataclass(frozen=True, eq=False)
class Members:
    """Members of one ensemble.

    Attributes
    ----------
    start
        The draw of the prior that each member began with, in the unit cube.
    points
        Where it is.
    margins
        What it has to spare of each number that is asked, as `Margins` reads them.
    missing
        What is missing, by system.
    checked
        Whether margins are those of many subjects, and not of a few.
    changes
        Moves accepted since nothing was missing.
    tried_points, tried_margins, tried_checked
        What was tried lately, NaN where it was not asked, and whether with many subjects.
    generation
        Moves so far.
    sets_tried
        Parameter sets asked so far, and in `effort` their cost: one is a set in every system with few subjects.
    gains
        What each kind of move has lately won for its cost.
    """

    start: Float[Array, "member axis"]
    points: Float[Array, "member axis"]
    margins: Float[Array, "member column"]
    missing: Float[Array, "member system"]
    checked: Bool[Array, "member"]
    changes: Int[Array, "member"]
    tried_points: Float[Array, "set axis"]
    tried_margins: Float[Array, "set column"]
    tried_checked: Bool[Array, "set"]
    generation: int = 0
    sets_tried: int = 0
    effort: float = 0.0
    gains: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.points)

    @property
    def lacks(self) -> Float[Array, "member"]:
        """What is missing of each member in all."""
        return np.asarray(self.missing.sum(axis=1), dtype=np.float64)

    @property
    def plausible(self) -> Bool[Array, "member"]:
        """Members of which nothing is missing with many subjects."""
        return np.asarray(self.checked & (self.lacks <= 0))

    def moved(
        self,
        rows: Int[Array, "row"],
        points: Float[Array, "row axis"],
        margins: Float[Array, "row column"],
        missing: Float[Array, "row system"],
    ) -> Members:
        """Return the members with some of them elsewhere; a move from where nothing was missing counts as a change."""
        new = {name: getattr(self, name).copy() for name in ("points", "margins", "missing", "changes")}
        new["points"][rows], new["margins"][rows], new["missing"][rows] = points, margins, missing
        new["changes"][rows] += self.plausible[rows]
        return replace(self, **new)

    def remember(
        self, points: Float[Array, "set axis"], margins: Float[Array, "set column"], checked: bool, most: int
    ) -> Members:  # fmt: skip
        """Return the members with more that was tried; no more than `most` are kept, the latest."""
        many = np.full(len(points), checked)
        return replace(
            self,
            tried_points=np.concatenate([self.tried_points, points])[-most:],
            tried_margins=np.concatenate([self.tried_margins, margins])[-most:],
            tried_checked=np.concatenate([self.tried_checked, many])[-most:],
        )

    def write(self, path: Path, recipe: str) -> None:
        """Write a checkpoint, whole or not at all."""
        plain = {name: getattr(self, name) for name in ("generation", "sets_tried", "effort", "gains")}
        with atomic_file(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                about=np.array(json.dumps(plain | {"recipe": recipe})),
                **{name: getattr(self, name) for name in _ARRAYS},
            )

    @classmethod
    def read(cls, path: Path, recipe: str) -> Members:
        """Return what a checkpoint holds.

        Raises
        ------
        LibraryError
            If it cannot be read, or was made with another recipe, other bounds or other findings.
        """
        arrays = read_checkpoint(path, _ARRAYS | {"about": 0})
        same_rows(path, [arrays[name] for name in _ARRAYS if not name.startswith("tried_")])
        same_rows(path, [arrays[name] for name in _ARRAYS if name.startswith("tried_")])
        try:
            about: dict[str, Any] = json.loads(str(arrays.pop("about"))) | arrays
            made_with = about.pop("recipe")
            found = cls(**about)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(path, str(error)) from error
        if made_with != recipe:
            raise other_recipe(path)
        return found


_NOT_DECIDING = {"title", "note", "searches", "changes", "effort"}
"""What a recipe says of how many searches there are and when they end: a folder may be given more of both."""


def fingerprint(evaluator: Evaluator) -> str:
    """Return a hash of what decides: model, axes with bounds, comparisons, recipe."""
    axes = [(axis.name, axis.low, axis.high) for axis in evaluator.space.axes]
    asked = [(each.title, repr(each.record)) for each in evaluator.comparisons if evaluator.decides(each)]
    return sha256(
        json.dumps([evaluator.model.structure, axes, asked, evaluator.recipe.model_dump_json(exclude=_NOT_DECIDING)])
    )
