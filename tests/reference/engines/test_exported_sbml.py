"""What is exported for other programs gives our curves in them: libRoadRunner and COPASI, each on its own.

Traps of COPASI: without `forceCompile` it ignores conversion factors; by default it names what it returns by display
name; and its default tolerances are too loose for this comparison.
"""

from __future__ import annotations

import locale

import libsbml
import numpy as np
import pytest
import roadrunner

from gvlab.errors import ModelError
from gvlab.model.model import Model
from gvlab.protocol import Condition, Dose, Protocol
from gvlab.simulation.export import typical_subject
from gvlab.subject import System
from reference.engines.scenarios import FATES, FLAGS, Scenario, assert_close, scenarios

_LETTERS = locale.setlocale(locale.LC_CTYPE)
basico = pytest.importorskip("basico")
# COPASI sets the whole process to plain ASCII when it is loaded; other tests read text after this one.
locale.setlocale(locale.LC_CTYPE, _LETTERS)

RELATIVE, ABSOLUTE = 1e-10, 1e-14
ALL = scenarios()
EXPORTED = [each for each in ALL if not each.harvested]
FEW = list({each.experiment: each for each in EXPORTED}.values())
"""The last arm of each experiment: the one in which most is different."""


def roadrunner_curves(sbml, times, names):
    runner = roadrunner.RoadRunner(sbml)
    for key, value in (("relative", RELATIVE), ("absolute", ABSOLUTE)):
        runner.integrator.setValue(f"{key}_tolerance", value)
    runner.integrator.setValue("maximum_num_steps", 10**6)
    runner.timeCourseSelections = list(names)
    return np.asarray(runner.simulate(times=times.tolist())).T


def copasi_curves(sbml, times, names):
    model = basico.load_model_from_string(sbml)
    try:
        model.getModel().forceCompile()
        settings = {"r_tol": RELATIVE, "a_tol": ABSOLUTE, "max_steps": 10**7, "use_sbml_id": True}
        table = basico.run_time_course(values=times.tolist(), start_time=0, model=model, **settings)
        return table[list(names)].to_numpy().T
    finally:
        basico.remove_datamodel(model)


def assert_exported_gives_our_curves(scenario: Scenario) -> None:
    experiment = scenario.read()
    arm, typical = experiment.arm(scenario.arm), experiment.system.typical()
    ours = scenario.run(typical, "ensemble")
    sbml = typical_subject(Model.default(), typical, arm.protocol, arm.condition)
    # A document knows no end of follow-up: in other programs the dead go on. We compare up to the first fate.
    fates = [row["time"] for row in ours.events if ours.event_ids[row["event"]] in FATES]
    times = ours.times[ours.times < min(fates, default=np.inf) - FLAGS]
    assert times.size > 2
    # COPASI does not tell what never changes.
    names = [name for name in ours.outputs if name not in Model.default().constants]
    expected = np.array([ours.values(name)[0, : times.size] for name in names])
    for curves in (roadrunner_curves, copasi_curves):
        found = curves(sbml, times, names)
        assert found.shape == expected.shape
        for x, y, name in zip(found, expected, names, strict=True):
            assert_close(x, y, f"{curves.__name__}, {name}")


@pytest.mark.parametrize("scenario", FEW, ids=str)
def test_other_programs_draw_our_curves(scenario):
    assert_exported_gives_our_curves(scenario)


@pytest.mark.parametrize("scenario", FEW, ids=str)
def test_what_is_exported_is_consistent_sbml_with_units(scenario):
    experiment = scenario.read()
    arm = experiment.arm(scenario.arm)
    sbml = typical_subject(Model.default(), experiment.system.typical(), arm.protocol, arm.condition)
    document = libsbml.readSBMLFromString(sbml)
    document.checkConsistency()
    found = [document.getError(i).getMessage() for i in range(document.getNumErrors())]
    assert found == []


def test_a_dose_before_day_0_is_refused_and_not_left_out():
    system = System.read("b6_into_balbc_wehi3b")
    early = Protocol.of(Dose("sorafenib", "10 mg/kg", at="day -2"))
    with pytest.raises(ModelError, match="A document begins at day 0"):
        typical_subject(Model.default(), system.typical(), early, Condition())


@pytest.mark.nightly
@pytest.mark.parametrize("scenario", [each for each in EXPORTED if each not in FEW], ids=str)
def test_other_programs_draw_our_curves_of_every_arm(scenario):
    assert_exported_gives_our_curves(scenario)


@pytest.mark.parametrize("scenario", [each for each in ALL if each.harvested][:1], ids=str)
def test_cells_of_another_subject_are_refused(scenario):
    experiment = scenario.read()
    arm = experiment.arm(scenario.arm)
    with pytest.raises(ModelError, match="Cells of a primary recipient come out of another run"):
        typical_subject(Model.default(), experiment.system.typical(), arm.protocol, arm.condition)
