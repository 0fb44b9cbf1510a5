"""A trial whose patients enter one after another, and which is analyzed when enough events have been seen.

Times are in one unit, whichever it is; rates are per that unit. Nobody knows beforehand when the last event that is
wanted will come, nor how an immune effect that is delayed weighs on a hazard ratio: `event_driven_power` draws the
trial from many virtual patients, enters them, loses some, cuts at the event and tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from gvlab.arrays import Array, Bool, Float, Int
from gvlab.errors import InvalidValueError
from gvlab.statistics.estimate import Power, power_of
from gvlab.statistics.group_sequential import Shape, crossing_probability, sequential_bounds
from gvlab.statistics.inputs import SAME_TIME, event_times, numbers, same_length
from gvlab.statistics.power import REPLICATES, batches, check_level, logrank_z


def event_probability(hazard: float, at: float, *, accrual: float = 0.0, dropout: float = 0.0) -> float:
    """Return the probability that the event of a patient has been seen.

    Parameters
    ----------
    hazard
        Of the event, constant over time.
    at
        Time of the analysis, from when the first patient enters.
    accrual
        Time over which patients enter, evenly; 0 where all enter at once. Before its end the probability is that of
        those who have entered.
    dropout
        Hazard of leaving, constant over time.

    Raises
    ------
    InvalidValueError
        If a hazard or a time is not possible.
    """
    for name, value, least in (("hazard", hazard, "above 0"), ("time of the analysis", at, "above 0")):
        if not (math.isfinite(value) and value > 0):
            raise InvalidValueError(f"The {name} is {value:g}; it is a number {least}.")
    _check_conduct(accrual, dropout)
    both, entering = hazard + dropout, min(accrual, at)
    # Averaged over the times of entry: expm1 keeps the digits where accrual is short.
    still = math.exp(-both * at) * (math.expm1(both * entering) / (both * entering) if entering else 1.0)
    return hazard / both * (1 - still)


def events_needed(
    hazard_ratio: float,
    *,
    power: float = 0.8,
    alpha: float = 0.025,
    allocation: float = 1.0,
    information: Sequence[float] = (1.0,),
    shape: Shape = "lan_demets",
) -> float:
    """Return how many events a log-rank test needs, of both arms together [1]_.

    Parameters
    ----------
    hazard_ratio
        That is to be found; the hazards are proportional. Where an effect is delayed they are not, and the number is
        that of another question: see `event_driven_power`.
    power, alpha
        Wanted probability of significance; one-sided level of all looks together.
    allocation
        Patients of the arm for one of the control.
    information, shape
        Share of the events at each look, the last 1, and the bounds of `sequential_bounds`.

    Raises
    ------
    InvalidValueError
        If the ratio is 1, or a number is not possible.

    References
    ----------
    .. [1] Schoenfeld (1983) Biometrics 39:499-503.
    """
    check_level(alpha)
    if not (math.isfinite(hazard_ratio) and hazard_ratio > 0) or hazard_ratio == 1:
        raise InvalidValueError(f"The hazard ratio is {hazard_ratio:g}; it is a number above 0, and not 1.")
    if not alpha < power < 1:
        raise InvalidValueError(f"The power is {power:g}; it lies above alpha ({alpha:g}) and below 1.")
    if not (math.isfinite(allocation) and allocation > 0):
        raise InvalidValueError(f"The allocation is {allocation:g}; write 2 for two patients to one of the control.")
    bounds = sequential_bounds(information, alpha, shape, one_sided=True)
    shares = np.asarray(information, dtype=np.float64)
    fixed = float(stats.norm.isf(alpha) + stats.norm.ppf(power))

    def missing(drift: float) -> float:
        return crossing_probability(bounds - drift * np.sqrt(shares), shares, one_sided=True) - power

    drift = fixed if len(bounds) == 1 else float(optimize.brentq(missing, fixed * 0.99, fixed * 2, xtol=1e-6))
    part = allocation / (1 + allocation)
    return drift**2 / (math.log(hazard_ratio) ** 2 * part * (1 - part))


@dataclass(frozen=True)
class DataCut:
    """What is known of a trial on the day of an event.

    Attributes
    ----------
    at
        That day, from when the first patient could enter.
    enrolled
        Who has entered before it.
    duration, event_observed
        Of those: time since entry, and whether the event was seen by that day.
    """

    at: float
    enrolled: Bool[Array, "patient"]
    duration: Float[Array, "enrolled"]
    event_observed: Int[Array, "enrolled"]


def cut_at_event(
    entry: npt.ArrayLike,
    duration: npt.ArrayLike,
    event_observed: npt.ArrayLike,
    events: int,
    *,
    counted: npt.ArrayLike | None = None,
) -> DataCut:
    """Cut a trial on the day on which so many events have been seen.

    Parameters
    ----------
    entry
        Calendar time at which each patient enters, shape (patient,).
    duration, event_observed
        Time from entry to the event or the end of observation (dropout, end of the study), and which of them.
    events
        How many are to be seen.
    counted
        Whose events count towards that number, such as those of a stratum; everybody's where None.

    Raises
    ------
    InvalidValueError
        If fewer events are ever seen: the message says how many.
    """
    times, causes, _ = event_times(duration, event_observed)
    start = numbers(entry, "entry")
    same_length(duration=times, entry=start)
    counts = np.ones(len(times), dtype=bool) if counted is None else np.asarray(counted, dtype=bool)
    same_length(duration=times, counted=counts)
    if events < 1:
        raise InvalidValueError(f"A cut at {events} events is asked for; it takes 1 or more.")
    calendar, seen = start + times, causes > 0
    when = np.sort(calendar[seen & counts])
    if len(when) < events:
        raise InvalidValueError(
            f"{events} events are asked for, and {len(when)} are seen at most, however long one waits. Ask for "
            f"{len(when)} or fewer, enter more patients, or follow them longer."
        )
    at = float(when[events - 1])
    enrolled = start < at
    followed = np.minimum(times, at - start)
    observed = seen & (calendar <= at * (1 + SAME_TIME))
    return DataCut(at, enrolled, followed[enrolled], observed[enrolled].astype(np.int64))


@dataclass(frozen=True)
class EventDrivenPower:
    """How often a trial that is cut at an event ends significant, and when it is cut on average."""

    power: Power
    mean_duration: float


def event_driven_power(
    duration_arm: npt.ArrayLike,
    event_arm: npt.ArrayLike,
    duration_versus: npt.ArrayLike,
    event_versus: npt.ArrayLike,
    n_arm: int,
    n_versus: int,
    rng: np.random.Generator,
    *,
    events: int,
    accrual: float = 0.0,
    dropout: float = 0.0,
    alpha: float = 0.025,
    replicates: int = REPLICATES,
) -> EventDrivenPower:
    """Return the power of a one-sided log-rank test, that patients of the arm live longer, at the event of a number.

    Parameters
    ----------
    duration_arm, event_arm, duration_versus, event_versus
        What became of many virtual patients of each arm, from their entry; each trial draws its own of them.
    n_arm, n_versus
        Patients that enter.
    rng
        Source of the draws.
    events
        After how many, in both arms together, the trial is analyzed.
    accrual, dropout
        As in `event_probability`.
    alpha, replicates
        One-sided level; trials that are drawn.

    Raises
    ------
    InvalidValueError
        If not every trial sees so many events: the message says how many the least of them sees.
    """
    check_level(alpha)
    _check_conduct(accrual, dropout)
    if min(n_arm, n_versus, replicates) < 1:
        raise InvalidValueError(
            f"{n_arm} and {n_versus} patients in {replicates} trials are asked for; it takes 1 or more of each."
        )
    if not 1 <= events <= n_arm + n_versus:
        raise InvalidValueError(f"{events} events are asked for of {n_arm + n_versus} patients, who have one at most.")
    arms = [event_times(duration_arm, event_arm)[:2], event_times(duration_versus, event_versus)[:2]]
    critical = float(stats.norm.isf(alpha))
    significant, cuts, fewest = 0, 0.0, n_arm + n_versus
    for size in batches(replicates, n_arm + n_versus):
        rows = [rng.integers(0, len(times), (size, n)) for (times, _), n in zip(arms, (n_arm, n_versus), strict=True)]
        times, causes = (
            np.concatenate([arm[part][row] for arm, row in zip(arms, rows, strict=True)], axis=1) for part in (0, 1)
        )
        leaves = rng.exponential(1 / dropout, times.shape) if dropout else np.inf
        seen, times = (causes > 0) & (times <= leaves), np.minimum(times, leaves)
        start = accrual * rng.random(times.shape)
        calendar = start + times
        fewest = min(fewest, int(seen.sum(axis=1).min()))
        if fewest < events:
            continue
        at = np.sort(np.where(seen, calendar, np.inf), axis=1)[:, events - 1 : events]
        # Who enters after the cut is at risk for no time, and tells nothing.
        z = logrank_z(np.clip(at - start, 0.0, times), seen & (calendar <= at), n_arm)
        significant += int(np.count_nonzero(z < -critical))
        cuts += float(at.sum())
    if fewest < events:
        raise InvalidValueError(
            f"{events} events are asked for, and the trial with the fewest sees {fewest}. Ask for {fewest} or fewer, "
            "enter more patients, or follow them longer."
        )
    power = power_of(significant, replicates, n_arm, n_versus, alpha, "one-sided log-rank")
    return EventDrivenPower(power, cuts / replicates)


def _check_conduct(accrual: float, dropout: float) -> None:
    for name, value in (("time of accrual", accrual), ("hazard of dropout", dropout)):
        if not (math.isfinite(value) and value >= 0):
            raise InvalidValueError(f"The {name} is {value:g}; it is a number, 0 or above.")
