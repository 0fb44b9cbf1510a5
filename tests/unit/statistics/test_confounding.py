from __future__ import annotations

import math

import numpy as np
import pytest

from gvlab.errors import InvalidValueError
from gvlab.statistics import e_value, risk_ratio


def test_the_e_value_is_that_of_the_paper_that_defined_it():
    """VanderWeele and Ding: a risk ratio of 3.9 (1.8 to 8.7) has the E-values 7.26 and, of its limit, 3.0."""
    assert e_value(3.9) == pytest.approx(7.26, abs=0.005)
    assert e_value(1.8) == pytest.approx(3.0, abs=1e-9)
    assert e_value(1 / 3.9) == pytest.approx(e_value(3.9))
    assert e_value(1.0) == 1.0


def test_a_confounder_as_strong_as_the_e_value_makes_the_whole_ratio():
    """With the bound of Ding and VanderWeele, RR_EU RR_UD / (RR_EU + RR_UD - 1)."""
    for ratio in (1.2, 2.25, 9.0):
        strength = e_value(ratio)
        assert strength**2 / (2 * strength - 1) == pytest.approx(ratio)


def test_the_limits_of_a_risk_ratio_hold_it_as_often_as_they_say():
    rng = np.random.default_rng(3)
    inside = []
    for _ in range(2000):
        a, b = rng.binomial(60, 0.5), rng.binomial(60, 0.3)
        found = risk_ratio(int(a), 60, int(b), 60)
        inside.append(found.lower < 0.5 / 0.3 < found.upper)
    assert 0.93 < np.mean(inside) < 0.975


@pytest.mark.parametrize("counts", [(0, 10, 3, 10), (3, 10, 0, 10), (11, 10, 3, 10)])
def test_a_ratio_that_does_not_exist_is_refused(counts):
    with pytest.raises(InvalidValueError, match="needs one of each group"):
        risk_ratio(*counts)


@pytest.mark.parametrize("ratio", [0.0, -1.0, math.nan, math.inf])
def test_what_is_no_risk_ratio_has_no_e_value(ratio):
    with pytest.raises(InvalidValueError, match="has no E-value"):
        e_value(ratio)
