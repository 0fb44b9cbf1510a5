"""Virtual assays on results: the same seed, the same readings; limits; who is read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gvlab.assay.measurements import COLUMNS, Measurements
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.experiment import Experiment
from gvlab.experiment import sampling as virtual

TREATED, CONTROL = "BM + T cells + sorafenib", "BM + T cells"


@pytest.fixture(scope="module")
def experiment():
    assays = ("serum_il15", "cd8_flow", "bioluminescence", "clinical_score", "Bcl2_cd8")
    return Experiment.read("mathew2018_survival", "b6_into_balbc_wehi3b").replace(assays=assays, until="day 22")


@pytest.fixture(scope="module")
def results(experiment):
    return experiment.run(7, subjects=24)


def test_same_seed_gives_the_same_readings(experiment, results):
    again = experiment.run(7, subjects=24)
    for assay in ("serum_il15", "cd8_flow", "bioluminescence"):
        first, second = (each.measured(assay, at="day 12").table for each in (results, again))
        pd.testing.assert_frame_equal(first, second)
        assert tuple(first.columns) == COLUMNS


def test_another_seed_gives_other_errors(experiment, results):
    other = experiment.run(8, subjects=24)
    tables = [each.measured("serum_il15", at="day 12").table for each in (results, other)]
    # A reading beyond a limit is the limit, and limits are alike.
    a, b = (table.loc[~table["below_lloq"] & ~table["above_uloq"], "value"] for table in tables)
    assert len(a) > 20
    assert not np.isin(a, b).any()


def test_reading_one_assay_changes_no_other(results):
    alone = results.measured("bioluminescence", at="day 12").table
    results.measured("serum_il15", at="day 12")
    results.measured("bioluminescence", at="day 6")
    pd.testing.assert_frame_equal(results.measured("bioluminescence", at="day 12").table, alone)


def test_readings_scatter_around_the_ideal_ones(results):
    read = results.measured("serum_il15", at="day 12")
    ideal = results.measured("serum_il15", at="day 12", ideal=True)
    truth = results.measured("IL15_serum", at="day 12")
    merged = read.table.merge(ideal.table, on=["arm", "subject"], suffixes=("", "_ideal"))
    kept = merged[~merged["below_lloq"]]
    ratio = kept["value"] / kept["value_ideal"]
    assert 0.03 < ratio.std() < 0.35
    assert ratio.median() == pytest.approx(1.0, abs=0.2)
    # An ELISA is unbiased between its limits, so its expectation is the concentration itself.
    np.testing.assert_allclose(np.sort(ideal.values(TREATED)), np.sort(truth.values(TREATED)))


def test_an_output_of_the_model_is_read_without_error(results):
    np.testing.assert_array_equal(
        results.measured("Bcl2_cd8", at="day 12").values(TREATED),
        results.reading("Bcl2_cd8", 12.0, TREATED)[np.isfinite(results.reading("Bcl2_cd8", 12.0, TREATED))],
    )


def test_below_the_lower_limit_a_reading_is_the_limit_and_flagged(experiment):
    deficient = experiment.under("il15_deficient_recipient").run(7, subjects=24)
    read = deficient.measured("serum_il15", at="day 2")
    below = read.table["below_lloq"]
    assert below.any()
    assert (read.table.loc[below, "value"] == read.limit).all()
    assert (read.table.loc[~below, "value"] >= read.limit).all()
    assert "below the limit" in str(read)


def test_a_destructive_assay_reads_each_animal_once(results):
    table = results.measured("cd8_flow", at=["day 10", "day 12"]).table
    assert not table.duplicated(["arm", "subject"]).any()
    assert set(table["time"]) == {10.0, 12.0}


def test_the_living_are_imaged_again_and_again(results):
    table = results.measured("bioluminescence", at=["day 3", "day 6"]).table
    assert (table.groupby(["arm", "subject"]).size() == 2).mean() > 0.9


def test_an_animal_that_had_to_be_killed_is_not_read(results):
    ended = virtual.humane_endpoints(results)
    gone = ended[ended["time"] < 20]
    assert len(gone)
    kept = results.measured("serum_il15", at="day 20", humane=True).table
    everyone = results.measured("serum_il15", at="day 20").table
    labels = {virtual.label(results.arms.index(arm), n) for arm, n in kept[["arm", "subject"]].to_numpy()}
    assert not labels & set(gone["subject"])
    assert len(kept) < len(everyone)


def test_an_arm_without_donor_cells_has_no_reading_of_them(results):
    assert set(results.measured("cd8_flow", at="day 12").arms) == {TREATED, CONTROL}


def test_drawn_animals_differ_between_arms(results):
    drawn = virtual.draw(results, 6)
    numbers = [number for run in drawn.runs.values() for number in run.numbers]
    assert len(numbers) == len(set(numbers)) == 24
    assert virtual.draw(results, 6, skip=3).run(TREATED).numbers[0] == (3 + 18) % 24
    assert len(virtual.draw(results, 100).run(TREATED)) == 24
    with pytest.raises(InvalidValueError, match="Draw at least one"):
        virtual.draw(results, 0)


def test_what_was_not_recorded_names_the_assay(results):
    with pytest.raises(UnknownNameError, match='add "qpcr" to the assays'):
        results.measured("qpcr", at="day 12")
    with pytest.raises(UnknownNameError, match="analyte"):
        results.measured("cd8_flow", at="day 12", analyte="cd4")


def measurements(a, b, below=()):
    values = [*a, *b]
    table = pd.DataFrame(
        {
            "subject": range(len(values)),
            "arm": ["a"] * len(a) + ["b"] * len(b),
            "time": 1.0,
            "assay": "elisa",
            "analyte": "x",
            "value": values,
            "unit": "pg/mL",
            "below_lloq": [value in below for value in values],
            "above_uloq": False,
        }
    )
    return Measurements("elisa", "X", "pg/mL", table, 1, 8.0)


def test_censored_readings_are_ties_beneath_the_others():
    # Background readings of a camera differ below its floor; the difference means nothing.
    noisy = measurements([20.0, 30.0, 40.0, 50.0], [3.0, 4.0, 7.0, 9.0], below={3.0, 4.0, 7.0})
    flat = measurements([20.0, 30.0, 40.0, 50.0], [7.0, 7.0, 7.0, 9.0], below={7.0})
    first, second = (each.compare("a", versus="b") for each in (noisy, flat))
    assert first.test.p_value == second.test.p_value
    assert (first.beyond_a, first.beyond_b, first.bound) == (0, 3, True)
    assert "3 of 4 readings beyond a limit, so the effect is a bound" in str(first)


def test_a_comparison_of_several_days_is_refused(results):
    read = results.measured("bioluminescence", at=["day 3", "day 6"])
    with pytest.raises(InvalidValueError, match="read on 2 days"):
        read.compare(TREATED, versus=CONTROL)
    assert read.on("day 6").compare(TREATED, versus=CONTROL).n_a > 20
    with pytest.raises(InvalidValueError, match="not read on day 5"):
        read.on("day 5")
