import math

import numpy as np
import pytest
from scipy import stats

from gvlab.errors import InvalidValueError
from gvlab.library.variability import Variability
from gvlab.subject.distributions import LogNormal, LogUniform, Normal, Truncated, Uniform, distribution

PROBABILITIES = np.linspace(0.0005, 0.9995, 1000)
INF = math.inf


def spec(**names):
    return Variability(parameter="k_a", **names)


def test_a_log_normal_by_cv_has_that_cv_and_median():
    values = LogNormal.by_cv(3.0, 0.4).quantile((np.arange(1_000_000) + 0.5) / 1_000_000)
    assert np.median(values) == pytest.approx(3.0, rel=1e-6)
    assert values.std() / values.mean() == pytest.approx(0.4, rel=1e-3)


def test_a_log_normal_may_be_centered_on_its_mean():
    values = LogNormal.by_cv(3.0, 0.4, "mean").quantile((np.arange(1_000_000) + 0.5) / 1_000_000)
    assert values.mean() == pytest.approx(3.0, rel=1e-4)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Normal(2.0, 0.5), stats.norm(2.0, 0.5)),
        (LogNormal(2.0, 0.5), stats.lognorm(0.5, scale=2.0)),
        (Uniform(1.0, 4.0), stats.uniform(1.0, 3.0)),
        (LogUniform(1.0, 400.0), stats.loguniform(1.0, 400.0)),
        (Truncated(Normal(2.0, 0.5), 1.5, 3.5), stats.truncnorm(-1, 3, loc=2.0, scale=0.5)),
    ],
)
def test_quantiles_and_probabilities_agree_with_scipy(ours, theirs):
    assert np.allclose(ours.quantile(PROBABILITIES), theirs.ppf(PROBABILITIES), rtol=1e-9)
    values = np.array([-1.0, 1.2, 2.2, 3.1, 500.0])
    assert ours.cdf(values) == pytest.approx(theirs.cdf(values), rel=1e-9)
    assert ours.log_density(values) == pytest.approx(theirs.logpdf(values), rel=1e-9)


def test_what_is_truncated_stays_inside_and_does_not_pile_up():
    wide = spec(distribution="log-normal", cv=1.0, low=0.5, high=2.0)
    values = distribution(wide, 1.0, 0.9, 1.1).quantile(PROBABILITIES)
    assert values.min() >= 0.5
    assert values.max() <= 2.0
    assert len(np.unique(values)) == len(values)


def test_the_bounds_of_the_table_are_of_the_typical_value_and_cut_off_no_subject():
    values = distribution(spec(distribution="log-normal", cv=0.3), 1.0, 1.0, 1.1).quantile(PROBABILITIES)
    assert np.median(values) == pytest.approx(1.0, rel=1e-3)
    assert values.min() < 0.5


def test_a_normal_may_be_given_by_cv():
    assert distribution(spec(distribution="normal", cv=0.1), 20.0, -INF, INF) == Normal(20.0, 2.0)


def test_a_uniform_takes_the_bounds_of_the_table():
    assert distribution(spec(distribution="uniform"), 1.0, 0.5, 2.0) == Uniform(0.5, 2.0)
    with pytest.raises(InvalidValueError, match="give it a low and a high"):
        distribution(spec(distribution="uniform"), 1.0, 0.5, INF)


@pytest.mark.parametrize(
    ("names", "nominal", "words"),
    [
        ({"distribution": "log-normal", "cv": 0.3}, 0.0, '"k_a": A log-normal has a median above zero'),
        ({"distribution": "normal", "cv": 0.3}, 0.0, "give its standard deviation"),
        ({"distribution": "normal", "sd": 0.1, "high": 1.0}, 100.0, "leave nothing of its distribution"),
    ],
)
def test_a_distribution_that_cannot_be_is_refused(names, nominal, words):
    with pytest.raises(InvalidValueError, match=words):
        distribution(spec(**names), nominal, 0.0, 1.0)


def test_a_bernoulli_is_one_for_its_share():
    values = distribution(spec(distribution="bernoulli", share=0.25), 0.0, -INF, INF).quantile(PROBABILITIES)
    assert set(values) == {0.0, 1.0}
    assert values.mean() == pytest.approx(0.25, abs=1e-3)


def test_a_categorical_takes_its_values_by_their_shares():
    many = spec(distribution="categorical", values=[7, 3, 5], shares=[0.5, 0.2, 0.3])
    values = distribution(many, 0.0, -INF, INF).quantile(PROBABILITIES)
    assert [np.mean(values == v) for v in (7, 3, 5)] == pytest.approx([0.5, 0.2, 0.3], abs=2e-3)


def test_a_mixture_has_the_moments_of_its_kinds():
    mixed = spec(
        distribution="mixture",
        components=[
            {"share": 0.7, "distribution": "point", "value": 0},
            {"share": 0.2, "distribution": "log-normal", "value": 1e5, "cv": 1.0},
            {"share": 0.1, "distribution": "log-uniform", "low": 1e7, "high": 1e9},
        ],
    )
    values = distribution(mixed, 0.0, -INF, INF).quantile((np.arange(200_000) + 0.5) / 200_000)
    assert np.mean(values == 0) == pytest.approx(0.7, abs=1e-4)
    assert np.median(values[(values > 0) & (values < 1e7)]) == pytest.approx(1e5, rel=1e-2)
    high = values[values >= 1e7]
    assert len(high) / len(values) == pytest.approx(0.1, abs=1e-3)
    assert high.mean() == pytest.approx(stats.loguniform(1e7, 1e9).mean(), rel=1e-2)


def test_a_log_uniform_without_limits_takes_those_of_the_table():
    assert distribution(spec(distribution="log-uniform"), 2.0, 1.0, 4.0) == LogUniform(1.0, 4.0)
    with pytest.raises(InvalidValueError, match="a low above zero"):
        distribution(spec(distribution="log-uniform"), 2.0, 0.0, 4.0)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"distribution": "bernoulli"}, 'given by "share"'),
        ({"distribution": "bernoulli", "share": 0.3, "cv": 1}, 'given by "share"'),
        ({"distribution": "categorical", "values": [1, 2], "shares": [0.5, 0.4]}, "add up to 1, not 0.9"),
        ({"distribution": "categorical", "values": [1, 2], "shares": [1.0]}, "2 values and 1 shares"),
        ({"distribution": "mixture"}, 'given by "components"'),
        ({"distribution": "point"}, "does not differ between subjects"),
        ({"distribution": "log-uniform", "low": 0, "high": 1}, "above zero"),
        ({"distribution": "bernoulli", "share": 0.3, "low": 0}, 'no "low" and "high"'),
        (
            {"distribution": "mixture", "components": [{"share": 1.0, "distribution": "log-normal", "cv": 1}]},
            'log-normal component needs "value"',
        ),
        (
            {"distribution": "mixture", "components": [{"share": 1.0, "distribution": "bernoulli"}]},
            "a component of a mixture is not a bernoulli",
        ),
    ],
)
def test_a_distribution_without_what_it_needs_is_refused(fields, said):
    with pytest.raises(ValueError, match=said):
        spec(**fields)


def test_the_density_of_a_mixture_counts_kinds_of_one_value_by_their_share():
    mixed = spec(
        distribution="mixture",
        components=[
            {"distribution": "point", "share": 0.3, "value": 0.0},
            {"distribution": "log-uniform", "share": 0.7, "low": 0.1, "high": 10.0},
        ],
    )
    shape = distribution(mixed, 1.0, 0.0, INF)
    expected = [0.3, 0.7 * stats.loguniform(0.1, 10.0).pdf(2.0), 0.0]
    assert np.exp(shape.log_density([0.0, 2.0, 20.0])) == pytest.approx(expected, rel=1e-9)
    either = distribution(spec(distribution="categorical", values=[1.0, 0.02], shares=[0.8, 0.2]), 1.0, 0.0, 1.0)
    assert np.exp(either.log_density([1.0, 0.02, 0.5])) == pytest.approx([0.8, 0.2, 0.0])
