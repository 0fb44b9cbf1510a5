"""Whoever names a library is answered from it alone: nothing inside asks for the default one."""

import pytest

from gvlab.experiment import Experiment
from gvlab.library import Library
from gvlab.workflows.compare_data import CompareRequest, compare_data
from gvlab.workflows.map_synergy import SynergyRequest, map_synergy
from gvlab.workflows.plan_experiment import PlanRequest, plan_experiment
from gvlab.workflows.run_study import RunRequest, run_study


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library that is not the default one, where asking for that is an error."""
    (tmp_path / "parameters").mkdir()
    columns, row = "parameterId\tnominalValue\tunit\tevidence\tnote", "k_birth_blast\t0.9\t1/day\tassumed\ttried"
    (tmp_path / "parameters" / "own.tsv").write_text(f"{columns}\n{row}\n")
    library = Library(tmp_path)

    def refuse(cls):
        raise AssertionError("the default library was asked for")

    monkeypatch.setattr(Library, "default", classmethod(refuse))
    return library


def test_an_experiment_runs_and_is_read(library, tmp_path):
    for name in ("mathew2018_survival", "mathew2018_secondary"):
        results = Experiment.read(name, library=library).run(1, subjects=3)
        assert results.experiment.system.parameters().library is library
        results.events("overall_survival").summary()
        results.experiment.under("irf7_knockdown").in_words()
    results = Experiment.read("mathew2018_survival", library=library).run(1)
    assert len(results.measured("serum_il15", at="day 9").table)
    assert len(results.measured("IL15_serum", at="day 9").table)
    assert results.sources()
    results.write(tmp_path / "out")


@pytest.mark.parametrize(
    ("work", "request_"),
    [
        (run_study, RunRequest(name="mathew2018_axis", subjects=4, quick=True)),
        (
            map_synergy,
            SynergyRequest(
                experiment="mathew2018_survival",
                system="b6_into_balbc_wehi3b",
                doses=(0, 1, 10),
                other_doses=(0, 1e6, 5e6),
                subjects=6,
                sets=1,
            ),
        ),
        (
            plan_experiment,
            PlanRequest(
                experiment="mathew2018_survival", system="b6_into_balbc_wehi3b", subjects=64, sets=4, per_arm=7
            ),
        ),
    ],
)
def test_a_workflow_is_answered_from_the_library_it_is_given(library, tmp_path, work, request_):
    work(request_, library=library).write(tmp_path / "out")
    assert any((tmp_path / "out").iterdir())


def test_data_are_laid_over_a_prediction_of_the_library(library, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("arm,days,event\n" + "".join(f"BM,{12 + day},1\n" for day in range(6)))
    request = CompareRequest(experiment="mathew2018_survival", system="b6_into_balbc_wehi3b", data=data, subjects=40)
    compare_data(request, library=library).write(tmp_path / "out")
    assert any((tmp_path / "out").iterdir())
