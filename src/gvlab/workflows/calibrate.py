"""Calibrate: find the plausible parameter sets of a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from gvlab.calibration.calibrate import PRIOR_SHARE, Calibration, met_by_claim
from gvlab.library import Library
from gvlab.library.ensemble_recipe import Recipe
from gvlab.subject.plausible import Ensemble
from gvlab.workflows.bundle import Bundle, Table
from gvlab.workflows.progress import CancelToken, ProgressSink, Stage
from gvlab.workflows.request import Request


class CalibrateRequest(Request):
    """Which recipe, and how much of it."""

    recipe: str = "mathew2018"
    """A recipe of the library."""
    checkpoints: Path
    """A folder in which a stopped run goes on where it was."""
    search: Annotated[int | None, Field(ge=1)] = None
    """Carry out this search of the recipe only; None: all, and gather them."""
    minutes: Annotated[float | None, Field(gt=0)] = None
    """Time for the searches, shared evenly; None: until members have changed as often as the recipe asks."""
    gather: bool = False
    """Only gather the sets that searches have found so far."""
    prior_only: bool = False
    """Only ask draws of the prior, and say which claim removes how many."""


def calibrate(
    request: CalibrateRequest,
    *,
    library: Library | None = None,
    progress: ProgressSink | None = None,
    cancel: CancelToken | None = None,
) -> Bundle[Ensemble | None]:
    """Find the parameter sets inside the ranges of the tables that meet every claim that may decide.

    Parameters
    ----------
    request
        Which recipe, and how much of it.
    library
        The default one where None.
    progress, cancel
        Told where it stands; stops it after the step in hand, which is kept: the same request goes on from there.

    Returns
    -------
    The ensemble; None where only the prior or one search was asked for. A table says what the prior meets.

    Raises
    ------
    UnknownNameError
        If there is no recipe of that name.
    InvalidValueError
        If it has no search of that number.
    LibraryError
        If the checkpoints are those of another recipe or model.
    """
    held = Library.default() if library is None else library
    recipe: Recipe = held.read("ensembles", request.recipe)
    calibration = Calibration(recipe, request.checkpoints, library)
    evaluator = calibration.evaluator
    claims = len({each.finding.id for each in evaluator.comparisons})
    about = (
        f"{len(evaluator.space)} parameters vary within the ranges of the tables; {len(evaluator.comparisons)} "
        f"comparisons of {claims} claims decide."
    )
    draws = max(1, recipe.prior_draws * recipe.subjects * len(evaluator.plans))
    stage = Stage("prior", 1.0, sink=progress, cancel=cancel)
    gone = 0.0

    def tell(share: float, detail: str = "") -> None:
        nonlocal gone
        stage.advance(max(0.0, share - gone), detail)
        gone = max(gone, share)

    seen = 0

    def of_prior(done: int) -> None:
        nonlocal seen
        seen += done
        alone = seen / draws
        tell(alone if request.prior_only else calibration.gathered(PRIOR_SHARE * alone, request.gather))

    if request.prior_only:
        _, answers = calibration.prior(of_prior)
        return _bundle(request, None, (about,), "", met_by_claim(answers), len(answers.effect))
    for step in calibration.run(of_prior, only=request.search, minutes=request.minutes, gather=request.gather):
        tell(step.share, f"{step.stage}: {step.detail}")
    ensemble = calibration.ensemble
    if ensemble is None:
        summary = f"Search {request.search} is done. Gather all with --gather."
        return _bundle(request, None, (about,), summary)
    made = ensemble.about
    apart, in_quarters = (np.array(list(made[f"between_{each}_by_axis"].values())) for each in ("searches", "quarters"))
    summary = (
        f"{len(ensemble)} plausible sets of {len(made['searches'])} searches, worth "
        f"{made['effective_sample_size']:.0f} independent ones. Scale reduction between searches: "
        f"{np.median(apart):.2f} in the median of the parameters, {apart.max():.2f} at most; between quarters of the "
        f"searches {np.median(in_quarters):.2f}, {in_quarters.max():.2f} at most. "
        f"{100 * made['passed_with_others']:.0f} % of sets pass again with {made['other_subjects']} other subjects. "
        f"{made['sets_tried']:,} sets tried; {made['prior_draws_accepted']} of {made['prior_draws']:,} draws of the "
        "prior meet everything."
    )
    return _bundle(request, ensemble, (about,), summary, made["met_by_prior_draws"], made["prior_draws"])


def _bundle(
    request: CalibrateRequest,
    ensemble: Ensemble | None,
    lines: tuple[str, ...],
    summary: str,
    met: dict[str, float] | None = None,
    draws: int = 0,
) -> Bundle[Ensemble | None]:
    if met is None:
        return Bundle(request, ensemble, lines=lines, summary=summary)
    ordered = sorted(met.items(), key=lambda item: item[1])
    column = f"of {draws:,} draws of the prior meet it, in every system"
    table = pd.DataFrame({"claim": [claim for claim, _ in ordered], column: [f"{100 * s:.1f} %" for _, s in ordered]})
    return Bundle(
        request,
        ensemble,
        lines=lines,
        summary=summary,
        tables={"met_by_prior.csv": Table(table)},
        shown="met_by_prior.csv",
    )
