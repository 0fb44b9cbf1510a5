"""Power by formula, by hand: deaths and numbers at risk off two curves, ranks and logarithms of readings."""

import numpy as np
import pytest
from scipy import stats

from gvlab import statistics
from gvlab.statistics.approximate_power import logrank_power, mannwhitney_power, welch_power

Z = stats.norm.ppf(0.975)


def curves(*shares):
    return np.array([shares], dtype=float)


@pytest.mark.parametrize(
    ("arm", "versus", "n", "excess", "variance"),
    [
        # At risk 1 and 3/4 of which 1/2 dies, then 3/4 and 1/4 of which 1/2 and 1/2 die.
        ((1, 1, 1 / 2), (1, 1 / 2, 0), 10, 0.5 / 1.75 + 0.25, 0.75 * 0.5 / 1.75**2 + 0.75 * 0.25),
        ((1, 1 / 2, 0), (1, 1, 1 / 2), 10, 0.5 / 1.75 + 0.25, 0.75 * 0.5 / 1.75**2 + 0.75 * 0.25),
        # Few deaths are as good as many, if animals are many: 1 % of one arm.
        ((1, 0.99), (1, 1), 100, 0.01 - 0.995 * 0.01 / 1.995, 0.995 * 0.01 / 1.995**2),
        # Half an animal is at risk in the second interval: of two an arm that is one, who tells nothing.
        ((1, 1 / 2, 1 / 4), (1, 1 / 8, 1 / 8), 2, 0.75 * 1.375 / 1.3125 - 0.5, 0.75 * 0.5625 * 1.375 / 1.3125**2),
        # Of three an arm that is one and a half, and counts.
        (
            (1, 1 / 2, 1 / 4), (1, 1 / 8, 1 / 8), 3, 0.75 * 1.375 / 1.3125 - 0.5 - 0.0625,
            0.75 * 0.5625 * 1.375 / 1.3125**2 + 0.046875,
        ),
    ],
)  # fmt: skip
def test_the_logrank_statistic_of_two_curves(arm, versus, n, excess, variance):
    expected = stats.norm.cdf(np.sqrt(n) * excess / np.sqrt(variance) - Z)
    assert logrank_power(curves(*arm), curves(*versus), n, 0.05)[0] == pytest.approx(expected, rel=1e-9)


def test_where_nobody_dies_or_all_die_alike_half_of_the_level_is_left():
    for arm in ((1, 1, 1), (1, 0.5, 0.25)):
        assert logrank_power(curves(*arm), curves(*arm), 10, 0.05)[0] == pytest.approx(0.025)
        assert logrank_power(curves(*arm), curves(*arm), 10, 0.2)[0] == pytest.approx(0.1)


def test_every_set_is_its_own():
    arm, versus = np.array([[1, 1, 0.5], [1, 0.5, 0.25]]), np.array([[1, 0.5, 0.0], [1, 0.5, 0.25]])
    both = logrank_power(arm, versus, 10, 0.05)
    alone = [logrank_power(arm[i : i + 1], versus[i : i + 1], 10, 0.05)[0] for i in (0, 1)]
    assert both.tolist() == alone


@pytest.mark.parametrize(("ratio", "n"), [(0.25, 10), (0.5, 20), (0.5, 60)])
def test_logrank_power_is_that_of_drawn_experiments(ratio, n):
    rng, days = np.random.default_rng(1), np.arange(0.0, 61.0)
    rates = (0.05 * ratio, 0.05)
    expected = logrank_power(*(np.exp(-rate * days)[None] for rate in rates), n, 0.05)[0]
    drawn = []
    for rate in rates:
        time = np.ceil(rng.exponential(1 / rate, 20_000))
        drawn += [np.minimum(time, 60.0), time <= 60]
    assert expected == pytest.approx(statistics.logrank_power(*drawn, n, n, rng).probability, abs=0.06)


def readings(*logarithms):
    return np.exp(np.array([logarithms], dtype=float))


@pytest.mark.parametrize(
    ("a", "b", "n"), [((0, 1, 2), (-1, 0, 1), 8), ((-1, 0, 1), (0, 1, 2), 8), ((0, 1, 2), (0, 3, 6), 5)]
)
def test_the_probability_that_one_reading_exceeds_another_has_the_variance_of_hanley_and_mcneil(a, b, n):
    """Both sides have a standard deviation of 1, or of 1 and 3; the means are 1 or 2 apart."""
    above = stats.norm.cdf(abs(np.mean(a) - np.mean(b)) / np.hypot(np.std(a, ddof=1), np.std(b, ddof=1)))
    q1, q2 = above / (2 - above), 2 * above**2 / (1 + above)
    variance = (above * (1 - above) + (n - 1) * (q1 - above**2) + (n - 1) * (q2 - above**2)) / n**2
    threshold = 0.5 + Z * np.sqrt((2 * n + 1) / (12 * n * n))  # of the rank sum, if there is no difference
    expected = stats.norm.cdf((above - threshold) / np.sqrt(variance))
    assert mannwhitney_power(readings(*a), readings(*b), n, 0.05)[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("b", "n", "error", "freedom", "difference"),
    [
        ((-1, 0, 1), 4, (1 / 4, 1 / 4), 6, 1),
        ((-4, -2, 0), 5, (1 / 5, 4 / 5), 1 / ((1 / 25 + 16 / 25) / 4), 3),
        ((-1, -1, -1), 4, (1 / 4, 0), 3, 2),  # one side without spread: as many degrees as the other has
    ],
)
def test_welch_has_the_degrees_of_satterthwaite(b, n, error, freedom, difference):
    """Logarithms of 0, 1 and 2 have the mean 1 and the variance 1."""
    expected = stats.norm.cdf(difference / np.sqrt(sum(error)) - stats.t.ppf(0.975, freedom))
    assert welch_power(readings(0, 1, 2), readings(*b), n, 0.05)[0] == pytest.approx(expected, rel=1e-9)
    assert welch_power(readings(*b), readings(0, 1, 2), n, 0.05)[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("formula", "drawing"),
    [(mannwhitney_power, statistics.mannwhitney_power), (welch_power, statistics.welch_power)],
)
@pytest.mark.parametrize(("fold", "n"), [(1.5, 10), (2.5, 6), (1.5, 25)])
def test_power_of_readings_is_that_of_drawn_experiments(formula, drawing, fold, n):
    rng = np.random.default_rng(2)
    a, b = rng.lognormal(np.log(fold), 0.5, 4000), rng.lognormal(0.0, 0.5, 4000)
    assert formula(a[None], b[None], n, 0.05)[0] == pytest.approx(drawing(a, b, n, n, rng).probability, abs=0.07)


@pytest.mark.parametrize("power", [mannwhitney_power, welch_power])
def test_who_could_not_be_read_on_both_sides_is_left_out(power):
    nan = np.nan
    a, b = readings(0, 1, 2, nan, 9, 5), readings(-1, 0, 1, 7, nan, 5)
    a[0, 5] = 0.0  # has no logarithm
    expected = power(readings(0, 1, 2), readings(-1, 0, 1), 8, 0.05)[0]
    assert power(a, b, 8, 0.05)[0] == pytest.approx(expected, rel=1e-12)
    # A set of which nobody, or one alone, could be read says nothing, and leaves the others.
    sets = np.concatenate([a, np.full((1, 6), nan), np.where(np.arange(6) == 1, a, nan)])
    found = power(sets, np.concatenate([b, b, b]), 8, 0.05)
    assert found[0] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize("power", [mannwhitney_power, welch_power])
def test_without_spread_a_difference_is_always_seen(power):
    same, other = readings(1, 1, 1), readings(1.001, 1.001, 1.001)
    assert power(same, other, 5, 0.05)[0] == pytest.approx(1)
    assert power(same, same, 5, 0.05)[0] < 0.05
