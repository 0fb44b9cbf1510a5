"""How much confounding would explain an association of subjects who were not drawn by lot (E-value)."""

from __future__ import annotations

import math

from gvlab.errors import InvalidValueError
from gvlab.statistics.estimate import Estimate, normal_quantile


def risk_ratio(reached: int, n: int, reached_versus: int, n_versus: int, *, confidence: float = 0.95) -> Estimate:
    """Return the share that reached something over that of another group, with limits on the log scale (Katz [1]_).

    Parameters
    ----------
    reached, n
        How many of the group reached it, and how many there are.
    reached_versus, n_versus
        The same of the group it is held against.

    Raises
    ------
    InvalidValueError
        If nobody of a group reached it, so that there is no ratio, or more did than there are.

    References
    ----------
    .. [1] Katz et al. (1978) Biometrics 34:469-474.
    """
    for some, of in ((reached, n), (reached_versus, n_versus)):
        if not 0 < some <= of:
            raise InvalidValueError(
                f"{some} of {of} reached it; a ratio of shares needs one of each group at least, and no more than "
                "there are. Compare the difference of shares instead."
            )
    ratio = (reached / n) / (reached_versus / n_versus)
    error = math.sqrt(1 / reached - 1 / n + 1 / reached_versus - 1 / n_versus)
    half = normal_quantile(confidence) * error
    return Estimate(ratio, ratio * math.exp(-half), ratio * math.exp(half), confidence)


def e_value(ratio: float) -> float:
    """Return the least risk ratio that a confounder needs with treatment and with outcome to explain a ratio away [1]_.

    1 where there is nothing to explain. Of an interval hand in the limit nearer to 1, or 1 where it holds 1.

    Raises
    ------
    InvalidValueError
        If the ratio is not above 0.

    References
    ----------
    .. [1] VanderWeele & Ding (2017) Ann Intern Med 167:268-274.
    """
    if not (math.isfinite(ratio) and ratio > 0):
        raise InvalidValueError(f"A risk ratio of {ratio:g} has no E-value; it is above 0 and finite.")
    away = max(ratio, 1 / ratio)
    return away + math.sqrt(away * (away - 1))
