"""Data of a laboratory against the prediction: does what was seen lie where the model says that it should?

Agreement is stated for what it is: few subjects contradict a prediction only when it is far off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvlab.arrays import Array, Bool, Float
from gvlab.assay.endpoint import endpoint_times
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment.experiment import Experiment
from gvlab.simulation import Executor, SimulationTask, run_tasks
from gvlab.statistics import logrank, restricted_mean_difference

BAND = (0.05, 0.95)
"""Quantiles of the predicted band: nine of ten experiments, or subjects, lie inside if the model is right."""

_REPLICATES = 1000


def match_arms(asked: Sequence[str], known: Sequence[str], named: Mapping[str, str]) -> dict[str, str]:
    """Return the arm of the experiment for each arm of the data: as named, or of the same name but for spelling.

    Raises
    ------
    UnknownNameError
        If an arm that is named is none of the data, or none of the experiment.
    InvalidValueError
        If no arm of the data has its match, or two have the same.
    """
    for mine, theirs in named.items():
        if mine not in asked:
            raise UnknownNameError("arm of the data", mine, asked)
        if theirs not in known:
            raise UnknownNameError("arm of the experiment", theirs, known)
    plain = {plain_name(name): name for name in known}
    found = {arm: named.get(arm, plain.get(plain_name(arm), "")) for arm in asked}
    matched = {arm: theirs for arm, theirs in found.items() if theirs}
    if not matched:
        raise InvalidValueError(
            f"No arm of the data is an arm of the experiment. Data: {', '.join(asked)}. Experiment: "
            f'{", ".join(known)}. Say which is which: --map "{asked[0]}={known[0]}".'
        )
    twice = [theirs for theirs in matched.values() if list(matched.values()).count(theirs) > 1]
    if twice:
        raise InvalidValueError(f'Two arms of the data are taken for "{twice[0]}". Give each its own with --map.')
    return matched


def plain_name(name: str) -> str:
    """Return the letters and figures and plus signs of a name, without capitals."""
    return "".join(letter for letter in name.lower() if letter.isalnum() or letter == "+")


@dataclass(frozen=True)
class SurvivalAgreement:
    """Survival that was seen beside survival that was predicted, for one arm.

    Attributes
    ----------
    arm, predicted_arm
        Of the data; of the experiment.
    observed, simulated
        Rows of subjects: ``arm, duration, event_observed, entry``, followed until the same day.
    days, low, middle, high
        Predicted Kaplan-Meier curves of experiments with as many subjects as the data, and their 90 % band.
    coverage
        Share of the time over which the observed curve lies in the band.
    p_value
        Log-rank of the subjects against the virtual ones.
    mean_difference
        Restricted mean survival, observed minus predicted, with its 95 % interval, in days.
    warnings
        Which virtual subjects could not be followed and are left out.
    """

    arm: str
    predicted_arm: str
    observed: pd.DataFrame
    simulated: pd.DataFrame
    days: Float[Array, "day"]
    low: Float[Array, "day"]
    middle: Float[Array, "day"]
    high: Float[Array, "day"]
    coverage: float
    p_value: float
    mean_difference: tuple[float, float, float]
    warnings: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Subjects."""
        return len(self.observed)

    @property
    def virtual(self) -> int:
        """Virtual subjects."""
        return len(self.simulated)

    def in_words(self) -> str:
        """Return what the data say of the prediction, and what they cannot."""
        difference, low, high = self.mean_difference
        numbers = (
            f"{self.arm}: log-rank of {self.n} subjects against {self.virtual} virtual ones p = {self.p_value:.2g}; "
            f"mean survival differs by {difference:+.1f} days (95 % interval {low:+.1f} to {high:+.1f}); the curve "
            f"lies in the 90 % band over {100 * self.coverage:.0f} % of the time."
        )
        if self.coverage < 0.9:
            numbers += " A curve can leave such a band for a while by chance; the test tells."
        if self.p_value < 0.05:
            return f"{numbers} The prediction is contradicted."
        return (
            f"{numbers} Not contradicted, which is not the same as confirmed: with {self.n} subjects, differences "
            "within that interval would go unseen."
        )


def survival_agreement(
    experiment: Experiment,
    data: pd.DataFrame,
    arms: Mapping[str, str],
    *,
    endpoint: str,
    subjects: int,
    seed: int,
    executor: Executor | str | None = None,
    progress: Callable[[int], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> list[SurvivalAgreement]:
    """Compare survival data with the prediction, arm by arm.

    Parameters
    ----------
    experiment
        What was predicted.
    data
        Rows of subjects: ``arm, duration, event_observed, entry``.
    arms
        Arm of the experiment by arm of the data, as `match_arms` gives it.
    endpoint
        Endpoint of the library that the data's events stand for.
    subjects, seed
        Virtual subjects in each arm.
    executor, progress, cancel
        As in `run_tasks`.
    """
    until = experiment.last_day
    cohort = experiment.system.cohort(subjects, seed)
    record = experiment.library.read("endpoints", endpoint)
    planned = [experiment.arm(predicted) for predicted in arms.values()]
    tasks = [
        SimulationTask(
            experiment.model,
            cohort,
            arm.protocol,
            arm.condition,
            until=until,
            times=(until,),
            outputs=(),
            label=arm.name,
        )
        for arm in planned
    ]
    results = run_tasks(tasks, executor=executor, progress=progress, cancel=cancel)
    found: list[SurvivalAgreement] = []
    for place, ((arm, predicted), result) in enumerate(zip(arms.items(), results, strict=True)):
        virtual = endpoint_times(record, result.get(), predicted)
        virtual["event_observed"] = (virtual["event_observed"] == 1).astype(np.int64)
        observed = _censored_at(data[data["arm"] == arm], until)
        # Where the last subject died, everybody was followed to the end, and the curve stays at 0.
        last = observed.loc[observed["duration"] == observed["duration"].max(), "event_observed"]
        horizon = until if (last == 1).all() else float(observed["duration"].max())
        virtual = _censored_at(virtual, horizon)
        days = np.unique(np.append(np.arange(0.0, np.floor(horizon) + 1), horizon))
        rng = np.random.default_rng([seed, place])
        band = predicted_curves(virtual, observed, days, rng)
        low, middle, high = np.quantile(band, [BAND[0], 0.5, BAND[1]], axis=0)
        seen = curves_at(
            observed["duration"].to_numpy(dtype=np.float64)[None, :],
            observed["event_observed"].to_numpy()[None, :] == 1,
            days,
        )[0]
        inside = (seen >= low - 1e-9) & (seen <= high + 1e-9)
        both = pd.concat([observed.assign(arm="data"), virtual.assign(arm="virtual")], ignore_index=True)
        test = logrank(both["duration"], both["event_observed"], both["arm"])
        mean = restricted_mean_difference(
            observed["duration"], observed["event_observed"], virtual["duration"], virtual["event_observed"], horizon
        )
        found.append(
            SurvivalAgreement(
                arm,
                predicted,
                observed,
                virtual,
                days,
                low,
                middle,
                high,
                float(inside.mean()),
                test.p_value,
                (mean.value, mean.lower, mean.upper),
                result.warnings,
            )
        )
    return found


def _censored_at(table: pd.DataFrame, day: float) -> pd.DataFrame:
    """Return the rows of subjects that are followed until a day and no longer."""
    late = table["duration"] > day
    return table.assign(
        duration=np.where(late, day, table["duration"]),
        event_observed=np.where(late, 0, table["event_observed"]).astype(np.int64),
        entry=0.0,
    ).reset_index(drop=True)


def predicted_curves(
    virtual: pd.DataFrame,
    observed: pd.DataFrame,
    days: Float[Array, "day"],
    rng: np.random.Generator,
    replicates: int = _REPLICATES,
) -> Float[Array, "replicate day"]:
    """Return the curves of experiments of as many subjects as the data, drawn from virtual ones, censored as those.

    Returns
    -------
    Survival from 0 to 1.
    """
    n = len(observed)
    rows = rng.integers(0, len(virtual), (replicates, n))
    duration = virtual["duration"].to_numpy(dtype=np.float64)[rows]
    event = (virtual["event_observed"].to_numpy() == 1)[rows]
    leaves = np.where(observed["event_observed"] == 1, np.inf, observed["duration"])[None, :]
    return curves_at(np.minimum(duration, leaves), event & (duration <= leaves), days)


def curves_at(
    duration: Float[Array, "experiment subject"], event: Bool[Array, "experiment subject"], days: Float[Array, "day"]
) -> Float[Array, "experiment day"]:
    """Return the Kaplan-Meier estimate of many experiments on some days.

    Parameters
    ----------
    duration, event
        Of every subject.
    days
        Increasing.

    Returns
    -------
    Shares, 0 to 1.
    """
    # At a tie events come before censorings, as everywhere.
    order = np.lexsort((~event, duration), axis=1)
    times = np.take_along_axis(duration, order, axis=1)
    events = np.take_along_axis(event, order, axis=1)
    at_risk = duration.shape[1] - np.arange(duration.shape[1])
    alive = np.cumprod(np.where(events, 1 - 1 / at_risk, 1.0), axis=1)
    alive = np.concatenate([np.ones((len(alive), 1)), alive], axis=1)
    passed = np.stack([(times <= day).sum(axis=1) for day in days], axis=1)
    return np.asarray(np.take_along_axis(alive, passed, axis=1))
