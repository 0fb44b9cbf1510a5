"""What an inference hands back: an estimate with its interval, the outcome of a test, a probability of significance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from gvlab.errors import InvalidValueError
from gvlab.lazy import LazyModule

special: Any = LazyModule("scipy.special")


@dataclass(frozen=True)
class Estimate:
    """A number with its confidence interval.

    Infinity is a statement, not an accident: a median that has *not been reached* by the end of follow-up is infinite,
    and so is the upper limit of an interval that the data leave open. NaN is refused.

    Parameters
    ----------
    value, lower, upper
        The estimate and its limits, in the unit of the data.
    confidence
        Coverage of the interval, between 0 and 1.
    """

    value: float
    lower: float
    upper: float
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if any(math.isnan(number) for number in (self.value, self.lower, self.upper)):
            raise InvalidValueError(
                f"An estimate of {self.value} ({self.lower} to {self.upper}) is not a number. "
                "Look for empty groups or missing readings in what was handed in."
            )

    def __str__(self) -> str:
        return f"{number_in_words(self.value)} ({self.interval_in_words()})"

    def interval_in_words(self) -> str:
        """Return the interval alone: ``95 % CI 1.2 to 3.4``."""
        return f"{100 * self.confidence:g} % CI {number_in_words(self.lower)} to {number_in_words(self.upper)}"

    def excludes(self, number: float) -> bool:
        """Return whether `number` lies outside the interval."""
        return number < self.lower or number > self.upper


@dataclass(frozen=True)
class HypothesisTest:
    """The outcome of a test.

    Parameters
    ----------
    name
        What was tested and how: ``log-rank``, ``Mann-Whitney (exact)``.
    statistic
        Its value; chi-square, U, t as the name says.
    p_value
        Two-sided.
    degrees_of_freedom
        None where the test has none.
    """

    name: str
    statistic: float
    p_value: float
    degrees_of_freedom: float | None = None

    def __str__(self) -> str:
        return f"{self.name} {p_value_in_words(self.p_value)}"


@dataclass(frozen=True)
class Power:
    """Probability that an experiment of a given size ends significant.

    Parameters
    ----------
    probability
        Fraction of replicates with a p-value below `alpha`.
    standard_error
        Monte-Carlo error of `probability`, from the number of replicates alone. It says nothing about the arms that
        were resampled being finite, nor about the model being wrong.
    lower, upper
        Wilson 95 % interval of `probability`; never empty, even at 0 or 1.
    replicates
        Experiments that were repeated.
    n_a, n_b
        Subjects in each arm of one experiment.
    alpha
        Level of the two-sided test.
    test
        Which test.
    """

    probability: float
    standard_error: float
    lower: float
    upper: float
    replicates: int
    n_a: int
    n_b: int
    alpha: float
    test: str

    def __str__(self) -> str:
        return (
            f"significant in {100 * self.probability:.0f} % of experiments with {self.n_a} and {self.n_b} per arm "
            f"(Monte-Carlo interval {100 * self.lower:.0f} to {100 * self.upper:.0f} %, {self.replicates} replicates, "
            f"{self.test}, alpha {self.alpha:g})"
        )


def power_of(significant: int, replicates: int, n_a: int, n_b: int, alpha: float, test: str) -> Power:
    """Turn a count of significant replicates into a `Power` with its Monte-Carlo error."""
    p = significant / replicates
    lower, upper = wilson_interval(significant, replicates)
    return Power(p, math.sqrt(p * (1 - p) / replicates), lower, upper, replicates, n_a, n_b, alpha, test)


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion [1]_.

    References
    ----------
    .. [1] Wilson (1927) J Am Stat Assoc 22:209-212.
    """
    if trials <= 0 or not 0 <= successes <= trials:
        raise InvalidValueError(
            f"A proportion needs 0 <= successes <= trials and trials > 0, not {successes} of {trials}."
        )
    z = normal_quantile(confidence)
    p = successes / trials
    center = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials))
    # At 0 and at 1 the limit is that bound exactly; rounding would leave 1e-17 beside it.
    return (0.0 if successes == 0 else center - half, 1.0 if successes == trials else center + half)


def normal_quantile(confidence: float) -> float:
    """Return z so that a standard normal lies within -z to z with probability `confidence`."""
    return float(special.ndtri(1 - tail_of(confidence)))


def tail_of(confidence: float) -> float:
    """Return the probability left on each side of an interval."""
    if not 0 < confidence < 1:
        raise InvalidValueError(f"The confidence is {confidence:g}; it lies between 0 and 1. Did you mean 0.95?")
    return (1 - confidence) / 2


def number_in_words(number: float) -> str:
    """Write a number to three digits; infinity reads ``not reached``."""
    if math.isinf(number):
        return "not reached" if number > 0 else "unbounded"
    return f"{number:.3g}" if abs(number) < 1000 else f"{number:,.0f}"


def p_value_in_words(p_value: float) -> str:
    """Write a p-value as journals do: ``p = 0.034``, ``p < 0.0001``."""
    if p_value < 1e-4:
        return "p < 0.0001"
    return f"p = {p_value:.2g}" if p_value < 0.995 else "p = 1"
