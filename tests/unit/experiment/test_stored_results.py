"""Results come back from their folder as they were; their summary says what came of the arms."""

import math

import numpy as np
import pytest

from gvlab.errors import LibraryError, OutputError
from gvlab.experiment import Experiment, Results
from gvlab.protocol import Arm, Dose
from gvlab.statistics import kaplan_meier, logrank

pytestmark = pytest.mark.usefixtures("house_library")


@pytest.fixture
def experiment():
    cells = Dose("house_cells", "1e4 cell", at="day 0")
    drug = Dose("house_drug", "10 mg/kg", at="day 1", every="1 day", until="day 3")
    return Experiment(
        "Drug",
        system="house_system",
        arms=[Arm("vehicle", cells, n=30), Arm("drug", cells + drug, n=20)],
        assays=["cell_a", "C_house"],
        until="day 6",
    )


def mortal(experiment, n=40, hazard=0.2):
    return experiment.system.cohort(n, 3).replace({"k_hazard_house": hazard})


def same(one, other):
    assert one.data.identical(other.data)
    assert one.ends.identical(other.ends)
    np.testing.assert_array_equal(one.events, other.events)
    assert one.manifest == other.manifest


def test_results_come_back_as_they_were_and_can_be_reused(experiment, tmp_path):
    results = experiment.run(3, cohort=mortal(experiment), days=[2.5])
    results.write(tmp_path / "run")
    again = Results.read(tmp_path / "run")
    assert again.experiment == experiment
    assert (again.seed, again.paired, again.arms) == (3, True, results.arms)
    for arm in results.arms:
        same(again.run(arm), results.run(arm))
    assert again.summary() == results.summary()
    reused = experiment.run(3, cohort=mortal(experiment), days=[2.5], reuse=again)
    assert all(reused.run(arm) is again.run(arm) for arm in results.arms)


def test_different_subjects_in_each_arm_come_back_too(experiment, tmp_path):
    results = experiment.run(3)
    results.write(tmp_path)
    again = Results.read(tmp_path)
    assert not again.paired
    for arm in results.arms:
        same(again.run(arm), results.run(arm))


def test_a_folder_that_was_not_written_to_the_end_is_refused(experiment, tmp_path):
    with pytest.raises(LibraryError, match=r'There is no "run.json" .*not written to the end'):
        Results.read(tmp_path)
    experiment.run(3).write(tmp_path)
    (tmp_path / "finals.parquet").write_bytes(b"PAR1")
    with pytest.raises(LibraryError, match=r'finals.parquet" is not a table that gvlab wrote'):
        Results.read(tmp_path)
    (tmp_path / "run.json").write_text('{"schema_version": 9}')
    with pytest.raises(LibraryError, match="has schema_version 9, and this gvlab reads version 1"):
        Results.read(tmp_path)


def test_results_that_cannot_be_written_say_so(experiment, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        experiment.run(3, subjects=2).write(tmp_path / "file" / "run")


def test_the_summary_counts_the_dead_by_cause_and_compares_survival(experiment):
    hazard = experiment.replace(arms=[experiment.arms[0], experiment.arms[1]])
    results = hazard.run(3, cohort=mortal(experiment))
    summary = results.summary()
    vehicle, _ = summary.arms
    run = results.run("vehicle")
    died = np.isfinite(run.first("death_house"))
    assert 0 < died.sum() < 40
    assert (vehicle.n, vehicle.alive, vehicle.failed) == (40, int((~died).sum()), 0)
    assert list(vehicle.dead.values()) == [int(died.sum())]
    assert vehicle.median == kaplan_meier(run.end_times, died).median().value
    (comparison,) = summary.comparisons
    assert (comparison.arm, comparison.versus, comparison.test) == ("drug", "vehicle", "log-rank")
    assert comparison.lower <= comparison.effect <= comparison.upper
    other = results.run("drug")
    test = logrank(
        np.concatenate([other.end_times, run.end_times]),
        np.concatenate([np.isfinite(other.first("death_house")), died]).astype(int),
        ["a"] * 40 + ["b"] * 40,
    )
    assert comparison.p_value == test.p_value
    header, rows = summary.arm_table()
    assert [len(row) for row in rows] == [len(header)] * 2
    header, rows = summary.comparison_table()
    assert [len(row) for row in rows] == [len(header)]


def test_where_nobody_dies_the_outputs_of_the_last_day_are_compared(experiment):
    results = experiment.run(3, subjects=12)
    summary = results.summary()
    assert summary.causes == ()
    assert all(arm.alive == arm.n == 12 for arm in summary.arms)
    assert all(math.isinf(arm.median) for arm in summary.arms)
    cells, drug = summary.comparisons
    assert cells.measure == "cells A on day 6 (cell)"
    assert cells.upper < 0
    assert cells.p_value < 0.05
    assert drug.test == "Mann-Whitney"


def test_one_arm_is_compared_with_none(experiment):
    summary = experiment.replace(arms=experiment.arms[:1]).run(3, subjects=3).summary()
    assert summary.comparisons == ()
    assert "vehicle" in summary._repr_html_()


def test_subjects_that_failed_are_counted_apart(experiment):
    results = experiment.run(3, subjects=12)
    results.run("drug").status[[2, 5]] = 2
    summary = results.summary()
    assert [arm.failed for arm in summary.arms] == [0, 2]
    assert summary.arms[1].n == 10
    assert summary.arm_table()[0][-1] == "not solved"


def test_results_say_what_they_are_in_three_lines(experiment):
    results = experiment.run(3, subjects=12)
    assert repr(results) == (
        "Results('Drug'\n  seed 3, the same subjects in every arm\n  arms: vehicle (n = 12), drug (n = 12))"
    )
    assert ">against<" in results._repr_html_()
