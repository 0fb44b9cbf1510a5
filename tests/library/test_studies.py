"""Systems, conditions, endpoints and experiments of the library fit one another and the model."""

from __future__ import annotations

import pytest

from gvlab.experiment import Experiment
from gvlab.library import Library
from gvlab.library.report_record import SectionSpec
from gvlab.model.model import Model
from gvlab.model.parameters import ParameterTable
from gvlab.protocol import Condition
from gvlab.subject import System

STUDIES = [
    (name, system) for name in Library().names("experiments") for system in Library().read("experiments", name).systems
]


@pytest.mark.parametrize("name", Library().names("systems"))
def test_a_system_can_be_drawn_and_leaves_out_only_doses_that_others_have(name):
    system = System.read(name)
    assert len(system.cohort(3, seed=1)) == 3
    assert len(system.typical()) == 1
    others = {dose for other in Library().read_all("systems").values() for dose in other.doses}
    assert set(system.record.absent) <= others - set(system.doses)
    for dose in system.doses.values():
        assert dose.agent in Library().names("agents")
        assert dose.source or dose.note, f"{dose.agent}: neither a source nor a reason"


@pytest.mark.parametrize("name", Library().names("conditions"))
def test_a_condition_changes_something_that_the_model_or_an_agent_has(name):
    known = {*Model.default().equations.nominal, *ParameterTable.default().ids}
    changes = Condition.read(name).changes
    assert changes
    assert {change.target for change in changes} <= known


@pytest.mark.parametrize("name", Library().names("endpoints"))
def test_an_endpoint_is_made_of_events_of_the_model(name):
    record, model = Library().read("endpoints", name), Model.default()
    assert {*record.events, *record.competing} <= set(model.equations.events)
    assert set(record.only_if_zero) <= set(model.symbols)
    assert not set(record.events) & set(record.competing)


@pytest.mark.parametrize(("name", "system"), STUDIES)
def test_no_two_arms_of_a_study_are_the_same(name, system):
    experiment = Experiment.read(name, system)
    done = [(arm.protocol, arm.condition.changes) for arm in experiment.arms]
    assert len(set(done)) == len(done)
    for arm in experiment.arms:
        assert all(time <= experiment.last_day for dose in arm.protocol for time in dose.times)
    assert experiment.outputs()
    assert all(arm.name in experiment.in_words() for arm in experiment.arms)


@pytest.mark.parametrize(("name", "system"), STUDIES)
def test_a_study_knows_its_sources(name, system):
    sources = Experiment.read(name, system).sources()
    assert sources
    assert len({source.key for source in sources}) == len(sources)


@pytest.mark.parametrize("name", Library().names("studies"))
def test_a_study_names_experiments_and_an_ensemble_that_are_there(name):
    record = Library().read("studies", name)
    assert set(record.experiments) <= set(Library().names("experiments"))
    assert record.ensemble in ("", *Library().names("ensembles"))
    assert Library().sources(record.source_keys)


@pytest.mark.parametrize("name", Library().names("experiments"))
def test_a_report_shows_what_its_experiment_records(name):
    record = Library().read("experiments", name)
    experiment = Experiment.read(name)
    for section in record.report.sections if record.report else ():
        assert {*section.outputs, *section.nodes.values()} <= set(experiment.outputs())
        assert section.endpoint in (None, *experiment.endpoints)
        assert set(section.compare or ()) <= {arm.name for arm in experiment.arms}


@pytest.mark.parametrize("name", Library().names("endpoints"))
def test_causes_of_an_endpoint_are_its_events(name):
    record = Library().read("endpoints", name)
    assert list(record.causes) in ([], list(record.events))
    assert record.cured_by in (None, *Library().names("endpoints"))
    assert record.cured_by != name


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"kind": "courses", "title": "a"}, 'of kind "courses" needs "outputs"'),
        ({"kind": "survival", "endpoint": "alive", "until": "day 3"}, 'of kind "survival" has no "until"'),
        ({"kind": "courses", "title": "a", "outputs": ["x"], "log": ["y"]}, '"log" names "y"'),
    ],
)
def test_a_section_that_cannot_be_drawn_is_refused_in_words(section, words):
    with pytest.raises(ValueError, match=words):
        SectionSpec.model_validate(section)
