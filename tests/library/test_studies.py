"""Systems, conditions, endpoints and experiments of the library fit one another and the model."""

from __future__ import annotations

import pytest

from gvlab import library
from gvlab.experiment import Experiment
from gvlab.model.model import Model
from gvlab.model.parameters import ParameterTable
from gvlab.protocol import Condition
from gvlab.subject import System

STUDIES = [
    (name, system) for name in library.names("experiments") for system in library.read("experiments", name).systems
]


@pytest.mark.parametrize("name", library.names("systems"))
def test_a_system_can_be_drawn_and_leaves_out_only_doses_that_others_have(name):
    system = System.read(name)
    assert len(system.cohort(3, seed=1)) == 3
    assert len(system.typical()) == 1
    others = {dose for other in library.read_all("systems").values() for dose in other.doses}
    assert set(system.record.absent) <= others - set(system.doses)
    for dose in system.doses.values():
        assert dose.agent in library.names("agents")
        assert dose.source or dose.note, f"{dose.agent}: neither a source nor a reason"


@pytest.mark.parametrize("name", library.names("conditions"))
def test_a_condition_changes_something_that_the_model_or_an_agent_has(name):
    known = {*Model.default().equations.nominal, *ParameterTable.default().ids}
    changes = Condition.read(name).changes
    assert changes
    assert {change.target for change in changes} <= known


@pytest.mark.parametrize("name", library.names("endpoints"))
def test_an_endpoint_is_made_of_events_of_the_model(name):
    record, model = library.read("endpoints", name), Model.default()
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
