"""Data of a laboratory against the prediction: does what was seen lie where the model says that it should?

Agreement is stated for what it is: few subjects contradict a prediction only when it is far off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from gvlab.arrays import Array, Bool, Float
from gvlab.assay.endpoint import endpoint_times
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment.experiment import Experiment
from gvlab.simulation import Executor, SimulationTask, run_tasks, tasks_for
from gvlab.statistics import curves_at, restricted_mean_difference
from gvlab.statistics.power import batches

BAND = (0.05, 0.95)
"""Quantiles of the predicted band: nine of ten experiments, or subjects, lie inside if the model is right."""

FEWEST = 3
"""Fewer subjects than this get no verdict: whatever they did, some of the virtual ones did too."""

_REPLICATES = 1000
_DRAWS = 9999
_LEVEL = 0.05


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
            f'{", ".join(known)}. Call them so in the file (gvlab compare takes --map "{asked[0]}={known[0]}").'
        )
    twice = [theirs for theirs in matched.values() if list(matched.values()).count(theirs) > 1]
    if twice:
        raise InvalidValueError(
            f'Two arms of the data are taken for "{twice[0]}". Give each its own name in the file (gvlab compare takes '
            "--map)."
        )
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
        One-sample log-rank of the subjects, counted from as many virtual ones; NaN for fewer than `FEWEST`.
    mean_difference
        Restricted mean survival, observed minus predicted, with its 95 % interval, in days; the interval is infinite
        for fewer than `FEWEST`.
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
        band = f"the curve lies in the 90 % band over {100 * self.coverage:.0f} % of the time."
        if self.n < FEWEST:
            return (
                f"{self.arm}: mean survival of {self.n} subject{'s' if self.n > 1 else ''} differs by "
                f"{difference:+.1f} days; {band} No verdict: that takes {FEWEST} subjects or more."
            )
        numbers = (
            f"{self.arm}: log-rank of {self.n} subjects against {self.virtual} virtual ones p = {self.p_value:.2g}; "
            f"mean survival differs by {difference:+.1f} days (95 % interval {low:+.1f} to {high:+.1f}); {band}"
        )
        if self.coverage < 0.9:
            numbers += " A curve can leave such a band for a while by chance; the test tells."
        if self.p_value < _LEVEL and low <= 0 <= high:
            return (
                f"{numbers} The prediction is contradicted by the test. The interval of mean survival holds 0: the "
                "curves differ in shape, or the subjects are too few for their mean to tell."
            )
        if self.p_value < _LEVEL:
            return f"{numbers} The prediction is contradicted."
        if low > 0 or high < 0:
            return (
                f"{numbers} The test does not contradict the prediction, and the interval of mean survival does: the "
                "evidence is borderline, or the curves cross. Neither confirmed nor contradicted."
            )
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
    record = experiment.library.read("endpoints", endpoint)
    planned = [experiment.arm(predicted) for predicted in arms.values()]
    tasks = tasks_for(
        subjects,
        lambda n: experiment.system.cohort(n, seed),
        lambda cohort: [
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
        ],
    )
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
                simulated_p_value(observed, virtual, horizon, rng) if len(observed) >= FEWEST else float("nan"),
                _mean_difference(observed, virtual, horizon),
                result.warnings,
            )
        )
    return found


def simulated_p_value(
    observed: pd.DataFrame, virtual: pd.DataFrame, horizon: float, rng: np.random.Generator, draws: int = _DRAWS
) -> float:
    """Return how often as many virtual subjects, censored as those observed, lie as far out from the prediction.

    The statistic is that of the one-sample log-rank test: observed minus expected events, with the cumulative hazard of
    all subjects. What it would be by chance is counted over draws from all of them, so it holds for any number.

    How far out a value is, is told by the smaller of its two tails (Blaker's function of acceptability [1]_). Where all
    subjects can do the same - all of three live on in 12 % of experiments - a value has a probability of its own.
    A distance from the middle would then reject less than the level, and twice the smaller tail half of it; this takes
    from the other tail what the one cannot give.

    Parameters
    ----------
    observed, virtual
        Rows of subjects: ``duration, event_observed``.
    horizon
        Day until which both are followed.
    rng
        Source of the draws.
    draws
        Experiments that are drawn from the virtual subjects.

    References
    ----------
    .. [1] Blaker (2000) Can J Stat 28:783-798.
    """
    seen = observed["duration"].to_numpy(dtype=np.float64), observed["event_observed"].to_numpy() == 1
    # Those observed are of the pool too: if the prediction is right, they are as good as any of it.
    duration = np.append(virtual["duration"].to_numpy(dtype=np.float64), seen[0])
    event = np.append(virtual["event_observed"].to_numpy() == 1, seen[1])
    order = np.lexsort((~event, duration))
    hazard = np.concatenate([[0.0], np.cumsum(event[order] / (len(event) - np.arange(len(event))))])

    def excess(times: Float[Array, "draw subject"], events: Bool[Array, "draw subject"]) -> Float[Array, "draw"]:
        expected = hazard[np.searchsorted(duration[order], times, side="right")]
        return np.asarray(np.round((events - expected).sum(axis=1), 9), dtype=np.float64)

    leaves = np.where(seen[1], horizon, seen[0])[None, :]
    drawn = []
    for size in batches(draws, len(duration)):
        # Nobody twice in an experiment: then the pool being finite is part of what is counted.
        rows = np.argpartition(rng.random((size, len(duration))), len(observed) - 1, axis=1)[:, : len(observed)]
        drawn.append(excess(np.minimum(duration[rows], leaves), event[rows] & (duration[rows] <= leaves)))
    return acceptability(np.concatenate(drawn), float(excess(seen[0][None, :], seen[1][None, :])[0]))


def acceptability(drawn: Float[Array, "draw"], seen: float) -> float:
    """Return the p-value of a value among drawn ones by the smaller tail: how often a tail is as small as its own.

    The value itself is counted among the drawn ones, so it is never 0.
    """
    every = np.append(drawn, seen)
    ordered = np.sort(every)
    below = np.searchsorted(ordered, every, side="right")
    above = len(every) - np.searchsorted(ordered, every, side="left")
    tail = np.minimum(below, above)
    return float(np.mean(tail <= tail[-1]))


def _mean_difference(observed: pd.DataFrame, virtual: pd.DataFrame, horizon: float) -> tuple[float, float, float]:
    """Return the difference of restricted means with its 95 % interval, for few subjects by Student's distribution.

    The variance of a Kaplan-Meier curve divides by n where the spread of n subjects is known from n - 1 of them. Where
    all of them have the same time, the spread is taken to be that of the virtual ones: three of three alive do not say
    that everybody lives.
    """
    mean = restricted_mean_difference(
        observed["duration"], observed["event_observed"], virtual["duration"], virtual["event_observed"], horizon
    )
    n = len(observed)
    if n < FEWEST:
        return mean.value, -np.inf, np.inf
    error = (mean.upper - mean.value) / stats.norm.ppf(0.975) * np.sqrt(n / (n - 1))
    if observed["duration"].nunique() == 1:
        error = float(virtual["duration"].std(ddof=1)) / np.sqrt(n)
    half = error * stats.t.ppf(0.975, n - 1)
    return mean.value, mean.value - float(half), mean.value + float(half)


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
