"""Data against prediction: arms are matched, bands hold what they promise, words claim no more than numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gvlab.agreement.readings import ReadingAgreement, find_reading, reading_agreement
from gvlab.agreement.survival import (
    SurvivalAgreement,
    acceptability,
    match_arms,
    predicted_curves,
    simulated_p_value,
    survival_agreement,
)
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment import Experiment
from gvlab.statistics import curves_at, logrank

KNOWN = ("BM", "BM + T cells", "BM + T cells + sorafenib")
MEASURED = "BM + T cells + sorafenib"
"""An arm in which serum IL-15 is well above what the ELISA can read."""


@pytest.fixture(scope="module")
def survival() -> Experiment:
    return Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b")


def test_arms_match_but_for_spelling_or_as_named():
    assert match_arms(["bm+T Cells"], KNOWN, {}) == {"bm+T Cells": "BM + T cells"}
    assert match_arms(["Vehicle", "x"], KNOWN, {"Vehicle": "BM"}) == {"Vehicle": "BM"}


@pytest.mark.parametrize(
    ("asked", "named", "error", "words"),
    [
        (["Vehicle"], {}, InvalidValueError, '--map "Vehicle=BM"'),
        (["Vehicle"], {"Vehicel": "BM"}, UnknownNameError, 'Did you mean "Vehicle"'),
        (["Vehicle"], {"Vehicle": "BMM"}, UnknownNameError, 'Did you mean "BM"'),
        (["BM", "Vehicle"], {"Vehicle": "BM"}, InvalidValueError, 'Two arms of the data are taken for "BM"'),
    ],
)
def test_arms_that_cannot_be_matched_are_refused(asked, named, error, words):
    with pytest.raises(error, match=words.replace("+", r"\+")):
        match_arms(asked, KNOWN, named)


def test_nine_of_ten_true_experiments_lie_in_the_band():
    rng = np.random.default_rng(2)
    virtual = pd.DataFrame({"duration": rng.exponential(30, 4000), "event_observed": 1})
    mice = pd.DataFrame({"duration": np.full(10, 100.0), "event_observed": 1})
    days = np.array([10.0, 25.0, 50.0])
    low, high = np.quantile(predicted_curves(virtual, mice, days, rng, 4000), [0.05, 0.95], axis=0)
    real = curves_at(rng.exponential(30, (4000, 10)), np.ones((4000, 10), bool), days)
    inside = ((real >= low - 1e-9) & (real <= high + 1e-9)).mean(axis=0)
    # Curves of ten mice move in steps of a tenth, so the band holds nine of ten or somewhat more.
    assert np.all((inside >= 0.89) & (inside < 0.985))


def observed(experiment: Experiment, stretch: float = 1.0, n: int = 12) -> pd.DataFrame:
    arm = experiment.arm("BM + T cells")
    results = experiment.replace(arms=(arm.replace(n=n),)).run(991)
    table = results.events("overall_survival").table
    return table.assign(
        arm="ours",
        duration=np.minimum(100, table["duration"] * stretch),
        event_observed=np.where(table["duration"] * stretch < 100, table["event_observed"], 0),
    )


def test_mice_of_the_model_do_not_contradict_it_and_others_do(survival):
    arms = {"ours": "BM + T cells"}
    options = {"endpoint": "overall_survival", "subjects": 120, "seed": 3}
    (same,) = survival_agreement(survival, observed(survival), arms, **options)
    (other,) = survival_agreement(survival, observed(survival, stretch=2.5), arms, **options)
    assert same.p_value > 0.05
    assert other.p_value < 0.001
    assert other.mean_difference[1] > 0
    assert other.coverage < same.coverage
    assert (same.n, same.virtual) == (12, 120)
    assert "not the same as confirmed: with 12 subjects" in same.in_words()
    assert "12 subjects against 120 virtual ones" in other.in_words()
    assert other.in_words().endswith("The prediction is contradicted.")


def table(duration, event) -> pd.DataFrame:
    event = np.broadcast_to(event, np.shape(duration)).astype(int)
    return pd.DataFrame({"arm": "ours", "duration": duration, "event_observed": event, "entry": 0.0})


def contradicted(n: int, live_on: float, experiments: int, *, leave: float = 0.0, pool: int = 1000) -> float:
    """Return how often a right prediction is contradicted by experiments of n; some subjects live on, some leave."""
    rng = np.random.default_rng([5, n, int(100 * live_on)])

    def subjects(number: int) -> tuple[np.ndarray, np.ndarray]:
        times = np.where(rng.random(number) < live_on, np.inf, rng.exponential(20, number))
        return np.minimum(times, 100.0), times < 100.0

    found = []
    for _ in range(experiments):
        virtual = table(*subjects(pool))
        times, events = subjects(n)
        leaves = np.where(rng.random(n) < leave, rng.uniform(5, 60, n), 100.0)
        observed = table(np.minimum(times, leaves), events & (times <= leaves))
        found.append(simulated_p_value(observed, virtual, 100.0, rng, draws=499))
    return float(np.mean(np.array(found) <= 0.05))


# Where half of them live on, all of three do in one of eight experiments: an outcome of a probability of its own.
@pytest.mark.parametrize(("n", "live_on", "leave"), [(3, 0.0, 0.2), (3, 0.5, 0.0), (10, 0.5, 0.2), (40, 0.0, 0.0)])
def test_a_true_prediction_is_contradicted_in_five_of_a_hundred_experiments(n, live_on, leave):
    assert contradicted(n, live_on, 300, leave=leave) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 300))


@pytest.mark.nightly
@pytest.mark.parametrize("live_on", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("n", [3, 4, 5, 7, 10, 20, 40, 80])
def test_a_true_prediction_is_contradicted_in_five_percent_within_one(n, live_on):
    # A Monte-Carlo error of 0.3; where nine of ten live on, 73 % of three all do, and all else is 27 %.
    assert contradicted(n, live_on, 5000) == pytest.approx(0.05, abs=0.01)


def test_how_far_out_a_value_is_is_told_by_its_smaller_tail():
    drawn = np.arange(1.0, 100.0)  # with the value itself a hundred
    assert acceptability(drawn, 100.0) == pytest.approx(0.02)
    assert acceptability(drawn, 50.5) == pytest.approx(1.0)
    # Half of the draws are the largest value: from below, all of the level is left.
    assert acceptability(np.append(np.arange(1.0, 50.0), np.full(50, 99.0)), 5.0 - 0.5) == pytest.approx(0.05)


def test_the_simulated_p_value_is_that_of_the_log_rank_test_where_that_is_right():
    rng = np.random.default_rng(8)
    virtual = table(rng.exponential(30, 4000), True)
    for scale in (20, 30, 50):
        observed = table(rng.exponential(scale, 40), True)
        both = pd.concat([observed.assign(arm="a"), virtual.assign(arm="b")])
        asymptotic = logrank(both["duration"], both["event_observed"], both["arm"]).p_value
        assert simulated_p_value(observed, virtual, 300.0, rng) == pytest.approx(asymptotic, abs=0.06)


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_subjects_get_no_verdict(survival, n):
    data = table(np.full(n, 40.0), True)
    (found,) = survival_agreement(survival, data, {"ours": "BM"}, endpoint="overall_survival", subjects=60, seed=3)
    assert np.isnan(found.p_value)
    assert np.isinf(found.mean_difference[1:]).all()
    assert "No verdict: that takes 3 subjects or more" in found.in_words()
    assert "contradicted" not in found.in_words()


def test_subjects_that_all_did_the_same_are_not_without_spread(survival):
    options = {"endpoint": "overall_survival", "subjects": 60, "seed": 3}
    data = table(np.full(3, 100.0), False)
    (found,) = survival_agreement(survival, data, {"ours": "BM + T cells + sorafenib"}, **options)
    assert found.mean_difference[2] - found.mean_difference[1] > 40


def test_the_sentence_follows_the_interval():
    empty = pd.DataFrame(index=range(8))
    days = np.zeros(1)
    borderline, open_, against, in_shape = (
        SurvivalAgreement("a", "b", empty, empty, days, days, days, days, 0.95, p, interval).in_words()
        for p, interval in (
            (0.2, (4.0, 1.0, 7.0)),
            (0.2, (4.0, -1.0, 9.0)),
            (0.01, (4.0, 1.0, 7.0)),
            (0.01, (4.0, -1.0, 9.0)),
        )
    )
    assert borderline.endswith("Neither confirmed nor contradicted.")
    assert "not the same as confirmed" in open_
    assert against.endswith("The prediction is contradicted.")
    assert "contradicted by the test. The interval of mean survival holds 0" in in_shape


def test_data_that_go_on_longer_are_compared_until_the_prediction_ends(survival):
    data = observed(survival).assign(duration=lambda table: table["duration"] + 90.0)
    (found,) = survival_agreement(
        survival, data, {"ours": "BM + T cells"}, endpoint="overall_survival", subjects=40, seed=3
    )
    assert found.observed["duration"].max() == 100
    assert (found.observed.loc[found.observed["duration"] == 100, "event_observed"] == 0).all()


def test_where_all_mice_died_the_rest_of_the_study_counts_too(survival):
    data = pd.DataFrame({"arm": "ours", "duration": [10.0, 12.0, 14.0, 15.0], "event_observed": 1, "entry": 0.0})
    (found,) = survival_agreement(
        survival, data, {"ours": "BM + T cells + sorafenib"}, endpoint="overall_survival", subjects=60, seed=3
    )
    assert found.days[-1] == 100
    assert found.mean_difference[2] < -20
    assert found.p_value < 0.05


def readings(factor: float = 1.0, unit: str = "pg/mL") -> pd.DataFrame:
    experiment = Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b")
    arm = experiment.arm(MEASURED)
    results = experiment.replace(arms=(arm.replace(n=60),)).run(77)
    values = results.reading("IL15_serum", 9.0, MEASURED)
    alive = np.isfinite(values)
    return pd.DataFrame(
        {
            "subject": np.flatnonzero(alive).astype(str),
            "arm": MEASURED,
            "time": 9.0,
            "analyte": "IL15",
            "value": factor * values[alive],
            "unit": unit,
        }
    )


def test_readings_of_the_model_lie_in_its_band_and_those_of_another_level_do_not(survival):
    (same,) = reading_agreement(survival, readings(), {MEASURED: MEASURED}, subjects=120, seed=3)
    (other,) = reading_agreement(survival, readings(10.0), {MEASURED: MEASURED}, subjects=120, seed=3)
    assert same.predicted_by == "serum_il15, IL15"
    assert same.inside > 0.75 * same.counted
    assert other.inside < 0.3 * other.counted
    assert "most readings lie above its median" in other.in_words()
    assert same.p_value > 0.05 > 0.001 > other.p_value


def test_units_are_converted(survival):
    arms = {MEASURED: MEASURED}
    (one,) = reading_agreement(survival, readings(), arms, subjects=40, seed=3)
    (other,) = reading_agreement(survival, readings(1e-3, "ng/mL"), arms, subjects=40, seed=3)
    np.testing.assert_allclose(one.observed["value"], other.observed["value"])


def test_what_predicts_an_analyte_is_found_by_name_and_unit(survival):
    assert find_reading("IL15", "pg/mL", survival, {}) == ("serum_il15", "IL15")
    assert find_reading("Total Flux", "photon/s", survival, {}) == ("bioluminescence", "total_flux")
    assert find_reading("x", "cell", survival, {"x": "burden"}) == ("", "burden")
    with pytest.raises(UnknownNameError, match="prediction for analyte"):
        find_reading("albumin", "g/L", survival, {})


def test_words_follow_the_share_inside():
    empty = pd.DataFrame()

    def words(inside: int, p_value: float, above: float) -> str:
        return ReadingAgreement("x", "mg", "y", empty, empty, inside, 40, p_value, above).in_words()

    assert "No verdict: that takes readings of 3 subjects or more" in words(36, float("nan"), 0.5)
    assert "As would be expected by chance" in words(36, 0.4, 0.5)
    assert "contradicted: most readings lie above its median" in words(20, 0.001, 0.9)
    assert "contradicted: most readings lie below its median" in words(36, 0.001, 0.1)
    assert "contradicted: the readings spread more" in words(20, 0.001, 0.5)
    assert "contradicted: the readings spread less" in words(40, 0.001, 0.5)


def test_a_curve_outside_the_band_is_not_called_a_contradiction_by_itself():
    empty = pd.DataFrame(index=range(8))
    days = np.zeros(1)
    found = SurvivalAgreement("a", "b", empty, empty, days, days, days, days, 0.5, 0.4, (1.0, -9.0, 11.0))
    assert "by chance; the test tells" in found.in_words()
    assert "contradicted, which is not the same" in found.in_words()
