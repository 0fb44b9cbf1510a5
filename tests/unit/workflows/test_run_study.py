"""A study by request: the same from a notebook, a command and JSON; what is finished is handed on; own experiments."""

from __future__ import annotations

import json

import pytest

from gvlab.errors import CancelledError, InvalidValueError, UnknownNameError
from gvlab.experiment import Experiment
from gvlab.protocol import Arm, Dose, Protocol
from gvlab.report import sections
from gvlab.report.sections import default_sections, study_sections
from gvlab.workflows.progress import CancelToken
from gvlab.workflows.run_study import RunRequest, run_study
from gvlab.workflows.studies import experiments_of, main_experiment

SMALL = "mathew2018_syngeneic"


@pytest.fixture(scope="module")
def kept():
    """What a small run hands on, in the order in which it is finished, and its bundle."""
    handed = []
    request = RunRequest(name=SMALL, subjects=6, ensemble=False)
    told = []
    bundle = run_study(request, keep=lambda path, part: handed.append((path, part)), progress=told.append)
    return handed, bundle, told


def test_what_is_handed_on_is_what_the_bundle_holds(kept):
    handed, bundle, _ = kept
    assert {path for path, _ in handed} == set(bundle.paths())
    paths = [path for path, _ in handed]
    assert paths[0].startswith(f"results/{SMALL}/")
    assert paths.index("findings.json") < paths.index("report.html")


def test_a_bundle_writes_results_findings_and_page(kept, tmp_path):
    _, bundle, _ = kept
    target = bundle.write(tmp_path / "mine")
    found = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert found == set(bundle.paths())
    assert json.loads((target / "findings.json").read_text(encoding="utf-8")) == json.loads(bundle.found.to_json())


def test_a_reader_is_told_where_the_work_stands(kept):
    _, _, told = kept
    assert list(dict.fromkeys(where.stage for where in told)) == [
        "Virtual subjects",
        "Drawing the report",
    ]
    assert max(where.done for where in told) == 12


def test_the_same_request_as_json_gives_the_same_findings(kept):
    _, bundle, _ = kept
    again = run_study(RunRequest.model_validate_json(bundle.request.model_dump_json()))
    assert again.found.to_json() == bundle.found.to_json()


def test_a_request_that_cannot_be_meant_is_refused_in_words():
    with pytest.raises(InvalidValueError, match="subjects"):
        RunRequest(name=SMALL, subjects=0)
    with pytest.raises(UnknownNameError, match='Did you mean "quick"'):
        RunRequest(name=SMALL, quik=True)
    with pytest.raises(UnknownNameError, match=f'Did you mean "{SMALL}"'):
        run_study(RunRequest(name="mathew2018_syngenic"))
    with pytest.raises(UnknownNameError, match='engine named "roadruner"'):
        run_study(RunRequest(name=SMALL, engine="roadruner"))


def test_a_run_stops_when_asked():
    stop, handed = CancelToken(), []

    def told(where):
        if where.done:
            stop.cancel()

    with pytest.raises(CancelledError):
        run_study(RunRequest(name=SMALL, subjects=4, ensemble=False), progress=told, cancel=stop, keep=handed.append)
    assert handed == []


def test_a_study_stands_for_its_experiments_and_an_experiment_knows_its_study():
    names, study = experiments_of("mathew2018")
    assert len(names) == 12
    assert study.paper == "mathew2018"
    assert experiments_of(names[0]) == ((names[0],), study)
    assert main_experiment() in names


@pytest.fixture(scope="module")
def own():
    """An experiment that was made in Python, and has no record."""
    given = Protocol((Dose("wehi3b_flt3itd", "1e5 cell", at="day 0"),))
    experiment = Experiment(
        "Leukemia alone",
        system="b6_into_balbc_wehi3b",
        arms=[Arm("leukemia", given), Arm("leukemia, again", given)],
        assays=["burden", "IL15_serum"],
        endpoints=["overall_survival"],
        until="day 20",
        name="mine",
    )
    return experiment, experiment.run(1, subjects=6)


def test_an_experiment_without_a_record_shows_its_endpoints_and_what_it_reads(own):
    experiment, results = own
    assert [section.kind for section in default_sections(experiment)] == ["survival", "causes", "courses"]
    found, faults = study_sections({("mine", experiment.system.name): results}, [])
    assert faults == ()
    pictures = [picture.id for section in found for picture in section.pictures]
    assert [name.rsplit("-mine", 1)[0] for name in pictures] == [
        "survival", "causes", "course-burden", "course-IL15-serum",
    ]  # fmt: skip


def test_a_section_that_cannot_be_drawn_is_told_of_and_stops_nothing(own, monkeypatch):
    experiment, results = own

    def broken(shown):
        raise ZeroDivisionError("nothing to divide")

    monkeypatch.setattr(sections, "KINDS", {**sections.KINDS, "causes": broken})
    found, faults = study_sections({("mine", experiment.system.name): results}, [])
    assert faults == ('The section "Causes of death" could not be drawn: ZeroDivisionError: nothing to divide',)
    assert len(found) == 2
