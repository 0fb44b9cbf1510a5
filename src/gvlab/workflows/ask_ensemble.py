"""Asks the ensemble of plausible parameter sets what it says of the findings of some experiments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gvlab.errors import LibraryError
from gvlab.library import Library
from gvlab.workflows.progress import CancelToken, ProgressSink, Stage

if TYPE_CHECKING:
    from gvlab.calibration import Ensemble
    from gvlab.findings.many_sets import Answers
    from gvlab.findings.robustness import EnsembleVerdict


@dataclass(frozen=True)
class EnsembleAnswer:
    """What plausible parameter sets say.

    Attributes
    ----------
    ensemble
        The sets that were asked.
    found
        What they say of each finding.
    subjects
        Virtual subjects of a set in each arm.
    answers
        What each set says of each comparison.
    stale
        Whether the model, or a range of the tables, has changed since the ensemble was made.
    """

    ensemble: Ensemble
    found: tuple[EnsembleVerdict, ...]
    subjects: int
    answers: Answers
    stale: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "sets": len(self.ensemble),
            "effective_sets": round(self.ensemble.effective, 1),
            "subjects": self.subjects,
            "stale": self.stale,
            "unsolved": self.answers.unsolved_counts(),
            "findings": [verdict.to_dict() for verdict in self.found],
        }


def ask_ensemble(
    name: str,
    experiments: Sequence[str],
    library: Library,
    *,
    sets: int | None = None,
    must_be_there: bool = False,
    progress: ProgressSink | None = None,
    cancel: CancelToken | None = None,
    claims: Sequence[str] = (),
) -> EnsembleAnswer | None:
    """Return what an ensemble says of the findings of experiments.

    Parameters
    ----------
    name
        Of the ensemble's recipe.
    experiments
        Their names.
    library
        Where recipe and findings are read from.
    sets
        How many plausible sets are asked; all where None.
    must_be_there
        Whether an ensemble that was not made yet is an error.
    progress, cancel
        Told where it stands; stops it.
    claims
        Which are asked; all where empty.

    Returns
    -------
    None where no finding is of these experiments, or there is no ensemble.

    Raises
    ------
    LibraryError
        If the ensemble varies other parameters than the tables have now.
    """
    from gvlab.calibration import Ensemble, Evaluator, Recipe
    from gvlab.findings.robustness import judge_ensemble

    records_of = library.read_all("experiments")
    experiments = [each for each in experiments if records_of[each].over_sets]
    findings = [each for each in library.read_all("findings").values() if not claims or each.id in claims]
    if not any(each.experiment in experiments for each in findings):
        return None
    recipe: Recipe = library.read("ensembles", name)
    if not must_be_there and not library.ensemble_file(name).is_file():
        return None
    ensemble = Ensemble.read(name, library)
    if sets is not None:
        ensemble = ensemble.thin(sets)
    everything = Evaluator(recipe, library=library)
    if everything.space.names != ensemble.names:
        raise LibraryError("The ensemble varies other parameters than the tables have now. Run: gvlab calibrate")
    records = [each for each in findings if each.cannot_say or each.experiment in experiments]
    evaluator = Evaluator(recipe, records, space=everything.space, library=library)
    total = len(ensemble) * recipe.subjects_judged * len(evaluator.plans)
    stage = Stage(f"{len(ensemble)} plausible parameter sets", total, sink=progress, cancel=cancel)
    found, answers = judge_ensemble(ensemble, evaluator, records, progress=stage.advance, cancel=cancel)
    stale = ensemble.stale(library, evaluator.model)
    return EnsembleAnswer(ensemble, tuple(found), recipe.subjects_judged, answers, stale)
