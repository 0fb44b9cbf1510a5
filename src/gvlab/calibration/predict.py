"""Asks an ensemble of an experiment that nobody has done: what do plausible parameter sets predict?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gvlab import units
from gvlab.arrays import Array, Float
from gvlab.errors import InvalidValueError
from gvlab.experiment import Experiment
from gvlab.findings.comparisons import ArmInSystem
from gvlab.findings.expected import ExpectedCohort, ExpectedReadouts, ReadoutPlan
from gvlab.library.ensemble_recipe import Recipe
from gvlab.subject.plausible import Ensemble


@dataclass(frozen=True)
class Prediction:
    """What plausible sets predict for the arms of an experiment.

    Attributes
    ----------
    experiment
        What is done.
    ensemble
        The sets.
    expected
        What is expected in each arm.
    """

    experiment: Experiment
    ensemble: Ensemble
    expected: Mapping[str, ExpectedReadouts]

    def share(self, arm: str, endpoint: str, at: str) -> Float[Array, "set"]:
        """Return the expected share of an endpoint on a day."""
        return self._of(arm).probabilities[endpoint, units.day(at)]

    def reading(self, arm: str, readout: str, at: str) -> Float[Array, "set subject"]:
        """Return a readout on a day; NaN for a subject that is more likely dead than alive."""
        return self._of(arm).readings[readout, units.day(at)]

    def curve(self, arm: str) -> Float[Array, "set time"]:
        """Return the expected share alive on each day."""
        found = self._of(arm).curve
        assert found is not None  # `predict` asks for it
        return found

    def _of(self, arm: str) -> ExpectedReadouts:
        self.experiment.arm(arm)  # says which arms there are
        return self.expected[arm]


def predict(
    ensemble: Ensemble,
    experiment: Experiment,
    *,
    readouts: Iterable[tuple[str, str]] = (),
    endpoints: Iterable[tuple[str, str]] | None = None,
    sets: int = 40,
    subjects: int = 8,
) -> Prediction:
    """Return what plausible sets predict for the arms of an experiment.

    Parameters
    ----------
    ensemble
        Of the library: ``Ensemble.read("mathew2018")``.
    experiment
        System and arms; the numbers of subjects in its arms are not used.
    readouts, endpoints
        What is read, with the day; "" is the last day. Survival on the last day where no endpoints are named.
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
    survival = experiment.library.survival_endpoint()
    asked = ((survival, ""),) if endpoints is None else tuple(endpoints)
    plan = ReadoutPlan(
        frozenset((name, _day(at, last)) for name, at in readouts),
        # Survival on the last day is among them, so that everybody is followed to the end.
        frozenset({*((name, _day(at, last)) for name, at in asked), (survival, last)}),
        curve=True,
    )
    arms = {arm.name: ArmInSystem(experiment.system, arm) for arm in experiment.arms}
    cohort = ExpectedCohort(experiment.model, recipe.causes, recipe.relative_tolerance, cures=recipe.cures)
    table = experiment.system.parameters()
    values = {}
    for i, name in enumerate(thin.names):
        parameter, _, context = name.partition("@")
        if parameter in table and ";".join(table.row(parameter).context) == context:
            values[parameter] = thin.values[:, i]
    found = cohort.follow(experiment.system, values, dict.fromkeys(arms.values(), plan), subjects, recipe.seed)
    return Prediction(experiment, thin, {name: found[arm] for name, arm in arms.items()})


def _day(at: str, last: float) -> float:
    day = units.day(at) if at else last
    if day > last:
        raise InvalidValueError(f"Day {day:g} is to be read, but the experiment ends on day {last:g}. End it later.")
    return day
