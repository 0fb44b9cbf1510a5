"""Asks an ensemble of an experiment that nobody has done: what do plausible parameter sets predict?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gvlab import units
from gvlab.errors import InvalidValueError
from gvlab.experiment import Experiment
from gvlab.findings.finding import SURVIVAL
from gvlab.findings.follow import Digest, Follower, Needs
from gvlab.findings.questions import Job
from gvlab.library.ensemble_recipe import Recipe
from gvlab.model.model import Model
from gvlab.subject.plausible import Ensemble

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """What plausible sets predict for the arms of an experiment.

    Attributes
    ----------
    experiment
        What is done.
    ensemble
        The sets.
    digests
        By arm.
    """

    experiment: Experiment
    ensemble: Ensemble
    digests: Mapping[str, Digest]

    def share(self, arm: str, endpoint: str, at: str) -> FloatArray:
        """Give the expected share of an endpoint on a day, shape (set,)."""
        found: FloatArray = self._of(arm).shares[endpoint, units.day(at)]
        return found

    def reading(self, arm: str, readout: str, at: str) -> FloatArray:
        """Give a readout on a day, shape (set, subject); NaN for a subject that is more likely dead than alive."""
        found: FloatArray = self._of(arm).readings[readout, units.day(at)]
        return found

    def curve(self, arm: str) -> FloatArray:
        """Give the expected share alive on each day, shape (set, time)."""
        found = self._of(arm).curve
        assert found is not None  # `predict` asks for it
        return found

    def _of(self, arm: str) -> Digest:
        self.experiment.arm(arm)  # says which arms there are
        return self.digests[arm]


def predict(
    ensemble: Ensemble,
    experiment: Experiment,
    *,
    readouts: Iterable[tuple[str, str]] = (),
    endpoints: Iterable[tuple[str, str]] = ((SURVIVAL, ""),),
    sets: int = 40,
    subjects: int = 8,
) -> Prediction:
    """Send plausible sets through the arms of an experiment.

    Parameters
    ----------
    ensemble
        Of the library: ``Ensemble.read("mathew2018")``.
    experiment
        System and arms; the numbers of subjects in its arms are not used.
    readouts, endpoints
        What is read, with the day; "" is the last day.
    sets, subjects
        Evenly chosen sets, and subjects in each; the same subjects go through every arm.

    Raises
    ------
    InvalidValueError
        If a day is after the end of the experiment.
    """
    thin = ensemble.thin(sets)
    recipe = Recipe.model_validate(ensemble.about["recipe"])
    last = experiment.last_day
    wanted = Needs(
        {(name, _day(at, last)) for name, at in readouts},
        {(name, _day(at, last)) for name, at in endpoints},
        curve=True,
    )
    wanted.endpoints.add((SURVIVAL, last))  # so that everybody is followed to the end
    jobs = {arm.name: Job.of(experiment.system, arm) for arm in experiment.arms}
    follower = Follower(Model.default(), recipe.causes, recipe.relative_tolerance)
    table = experiment.system.parameters()
    values = {}
    for i, name in enumerate(thin.names):
        parameter, _, context = name.partition("@")
        if parameter in table and ";".join(table.row(parameter).context) == context:
            values[parameter] = thin.values[:, i]
    found = follower.follow(
        experiment.system, values, [(job, wanted) for job in dict.fromkeys(jobs.values())], subjects, recipe.seed
    )
    return Prediction(experiment, thin, {arm: found[job] for arm, job in jobs.items()})


def _day(at: str, last: float) -> float:
    day = units.day(at) if at else last
    if day > last:
        raise InvalidValueError(f"Day {day:g} is to be read, but the experiment ends on day {last:g}. End it later.")
    return day
