"""Statistics against R. The session that made the numbers is sessions.R beside this file, its output results.csv."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gvlab import statistics
from gvlab.statistics.comparison import compare_two

HERE = Path(__file__).parent

# Miller (1981) Survival Analysis, Wiley; `aml` in R's survival: remission in weeks, maintained (1) or not (2).
AML = {
    1: ([9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0]),
    2: ([5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1]),
}


@pytest.fixture(scope="module")
def r() -> dict[str, list[float]]:
    values = defaultdict(list)
    with (HERE / "results.csv").open() as file:
        for row in csv.DictReader(file):
            values[row["name"]].append(float(row["value"]))
    return values


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return pd.read_csv(HERE / "competing.csv")


def aml_together() -> tuple[list[int], list[int], list[str]]:
    return AML[1][0] + AML[2][0], AML[1][1] + AML[2][1], ["Maintained"] * 11 + ["Nonmaintained"] * 12


def limits(estimate: statistics.Estimate) -> list[float]:
    return [estimate.value, estimate.lower, estimate.upper]


def test_logrank_equals_r_survdiff(r):
    """``survdiff(Surv(time, status) ~ x, aml)``: Chisq= 3.4 on 1 degrees of freedom, p= 0.07."""
    test = statistics.logrank(*aml_together())
    assert test.statistic == pytest.approx(r["aml logrank chisq"][0], rel=1e-12)
    assert test.p_value == pytest.approx(0.0653, abs=5e-5)
    assert test.degrees_of_freedom == 1


@pytest.mark.parametrize(("column", "name"), [("duration", ""), ("day", " ties")])
def test_logrank_of_three_groups_equals_r(r, data, column, name):
    test = statistics.logrank(data[column], data["cause"] > 0, data["group"])
    assert test.statistic == pytest.approx(r[f"three groups logrank{name}"][0], rel=1e-12)
    assert test.degrees_of_freedom == 2


@pytest.mark.parametrize("arm", [1, 2])
def test_kaplan_meier_equals_r_survfit(r, arm):
    curve = statistics.kaplan_meier(*AML[arm])
    for week in (9, 13, 23):
        expected = [r[f"aml km {arm} {week} {what}"][0] for what in ("survival", "lower", "upper")]
        assert limits(curve.at(week)) == pytest.approx(expected, rel=1e-12)
    median = curve.median()
    assert median.value == r[f"aml km {arm} median"][0]
    assert median.lower == r[f"aml km {arm} median lower"][0]


@pytest.mark.parametrize("arm", [1, 2])
def test_restricted_mean_equals_r(r, arm):
    mean = statistics.restricted_mean(*AML[arm], until=30)
    assert mean.value == pytest.approx(r[f"aml km {arm} rmst 30"][0], rel=1e-12)
    half = 1.959963984540054 * r[f"aml km {arm} rmst 30 se"][0]
    assert mean.lower == pytest.approx(mean.value - half, rel=1e-10)


def test_median_of_a_flat_half_is_its_middle_as_in_r(r):
    curve = statistics.kaplan_meier([18, 20, 21, 21, 24, 29, 30, 33, 40, 41], np.ones(10))
    assert curve.median().value == r["flat half median"][0]


def test_late_entry_equals_r(r, data):
    curve = statistics.kaplan_meier(data["duration"], data["cause"], data["entry"])
    survival = [curve.at(day) for day in (5, 10, 20)]
    assert [s.value for s in survival] == pytest.approx(r["late entry survival"], rel=1e-12)
    assert [s.lower for s in survival] == pytest.approx(r["late entry lower"], rel=1e-12)
    table = curve.table
    assert table["at_risk"][table["events"] > 0].tolist() == r["late entry at risk"]


def test_logrank_with_late_entry_is_the_score_test_of_r_coxph(r, data):
    two = data[data["group"] != "b"]
    test = statistics.logrank(two["duration"], two["cause"], two["group"], two["entry"])
    assert test.statistic == pytest.approx(r["late entry score"][0], rel=1e-9)


def test_hazard_ratio_equals_r_coxph(r, data):
    """To 1e-5: lifelines stops its Newton steps a little earlier than R does."""
    cox = statistics.hazard_ratio(*aml_together(), of="Nonmaintained", versus="Maintained")
    assert limits(cox.estimate) == pytest.approx(r["aml cox"], rel=1e-5)
    assert cox.p_value == pytest.approx(r["aml cox p"][0], rel=1e-5)
    ties = statistics.hazard_ratio(data["day"], data["cause"], data["group"], of="c", versus="a")
    assert limits(ties.estimate) == pytest.approx(r["ties cox"], rel=1e-5)
    late = statistics.hazard_ratio(
        data["duration"], data["cause"], data["group"], of="c", versus="a", entry=data["entry"]
    )
    assert limits(late.estimate) == pytest.approx(r["late entry cox"], rel=1e-5)


@pytest.mark.parametrize("column", ["duration", "day"])
@pytest.mark.parametrize("groups", ["three", "two"])
def test_gray_equals_r_cmprsk(r, data, column, groups):
    chosen = data if groups == "three" else data[data["group"] != "b"]
    for cause in (1, 2):
        test = statistics.gray(chosen[column], chosen["cause"], chosen["group"], of_interest=cause)
        assert test.statistic == pytest.approx(r[f"gray {groups} {column}"][cause - 1], rel=1e-9)
        assert test.degrees_of_freedom == (2 if groups == "three" else 1)


def test_cumulative_incidence_equals_r_cmprsk(r, data):
    estimate = statistics.cumulative_incidence(data["day"], data["cause"], {1: "first", 2: "second"})
    for k, cause in enumerate(("first", "second"), start=1):
        assert [estimate.at(day, cause).value for day in (5, 10, 20)] == pytest.approx(r[f"incidence {k}"], rel=1e-12)
    # cmprsk divides by n - 1 where the delta method divides by n; the limits therefore agree to a percent or two.
    for day, variance in zip((5, 10, 20), r["incidence variance 1"], strict=True):
        e = estimate.at(day, "first")
        ours = np.log(np.log(e.lower) / np.log(e.upper)) / (2 * 1.959963984540054) * abs(e.value * np.log(e.value))
        assert ours**2 == pytest.approx(variance, rel=0.03)


def test_mann_whitney_and_hodges_lehmann_equal_r_wilcox_test(r):
    """The example of ``?wilcox.test``: W = 35, one-sided p-value = 0.1272."""
    x = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
    y = [1.15, 0.88, 0.90, 0.74, 1.21]
    test, shift = statistics.mann_whitney(x, y), statistics.hodges_lehmann(x, y)
    assert [test.statistic, test.p_value, *limits(shift)] == pytest.approx(r["wilcoxon"], rel=1e-12)
    assert "exact" in test.name


def test_welch_equals_r_t_test(r):
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    got = compare_two(first, second, np.random.default_rng(1), test="welch", resamples=50)
    found = [got.test.statistic, got.test.degrees_of_freedom, got.test.p_value, got.shift.lower, got.shift.upper]
    assert found == pytest.approx(r["welch"], rel=1e-9)


def test_kruskal_and_holm_equal_r(r, data):
    groups = {name: rows["duration"].to_numpy() for name, rows in data.groupby("group")}
    assert statistics.compare_many(groups).overall.statistic == pytest.approx(r["kruskal"][0], rel=1e-12)
    assert statistics.holm([0.012, 0.03, 0.001, 0.2, 0.03]) == pytest.approx(r["holm"], rel=1e-12)
