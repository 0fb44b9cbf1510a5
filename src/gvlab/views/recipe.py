"""What made a picture, read off results; and the look of their arms."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gvlab.views.palette import Look, look, looks
from gvlab.views.view import ViewRecipe

if TYPE_CHECKING:
    from gvlab.experiment.results import Results
    from gvlab.library import Library


def recipe_of(results: Results) -> ViewRecipe:
    """Return what made results.

    The hash of the experiment is that of the hashes of its arms, so it changes with anything that a number hangs on:
    model, protocols, conditions, subjects, days, accuracy.
    """
    keys = "".join(f"{arm}={key};" for arm, key in sorted(results.keys.items()))
    return ViewRecipe(
        hashlib.sha256(keys.encode()).hexdigest()[:16] if keys else "",
        results.experiment.model.sha256[:16],
        results.seed,
        tuple((arm, int(run.ok.sum())) for arm, run in results.runs.items()),
    )


def looks_of(results: Results) -> dict[str, Look]:
    """Return the look of each arm: what the library says of arms of that name, else the next that is free."""
    return library_looks(results.experiment.library, results.arms)


def library_looks(library: Library, arms: Iterable[str]) -> dict[str, Look]:
    """Return the look of each arm: what a library says of arms of that name, else the next that is free."""
    known = {row.arm: look(row.color, row.dash, row.marker) for row in library.rows("looks")}
    return looks(arms, known)
